"""
Rule files by the thousand: nothing of them becomes source, nothing but RuleErrors comes out.

And files made to be slow, whose work is counted in calls of functions, not in seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest

from core.events import load_schema
from detector.compile import compile_rules
from detector.errors import Problems, RuleErrors
from detector.loader import Library, load_rules, shipped_rules
from detector.nodes import MAX_BYTES
from tests.detector.fuzz import Files, broken
from tests.detector.helpers import rules
from tests.detector.test_codegen import check

SHIPPED = sorted(shipped_rules().glob("*.yaml"))


def no_text_in_source(seeds: range) -> None:
    """Check the generated source of one random file for each of *seeds*."""
    loaded = 0
    for seed in seeds:
        try:
            set_ = rules(Files(Random(seed)).file())
        except RuleErrors:
            continue  # chance made a span or a share that is refused
        check(set_)
        loaded += 1

    assert loaded > 0.9 * len(seeds)


def test_no_text_of_random_files_reaches_the_source() -> None:
    """Names and literals of the source of 300 random rule files are those of our fragments."""
    no_text_in_source(range(300))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_text_of_ten_thousand_random_files_reaches_the_source() -> None:
    """The same for 10 700 others."""
    no_text_in_source(range(300, 11_000))


def read(text: str) -> list[str]:
    """Return the messages about the file *text*; whatever else is raised is a failure."""
    problems = Problems()
    library = Library(problems, load_schema())
    library.add_text("f.yaml", text)
    set_ = library.rule_set()
    if not problems.failed:
        compile_rules(set_)
    for issue in problems.issues:
        assert issue.line >= 1
        assert issue.column >= 1
        assert str(issue).replace("\n", "").isprintable()
    return [issue.message for issue in problems.issues]


def broken_files(seeds: range) -> None:
    """Read shipped files broken at random, one for each of *seeds*."""
    texts = [path.read_text() for path in SHIPPED]
    errors = 0
    for seed in seeds:
        random = Random(seed)
        errors += bool(read(broken(random.choice(texts), random)))

    assert errors > 0.5 * len(seeds)


def test_broken_files_raise_nothing() -> None:
    """Shipped files with a few random changes are read or refused, with printable messages."""
    broken_files(range(400))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_of_broken_files_raise_nothing() -> None:
    """The same for 10 700 others."""
    broken_files(range(400, 10_400))


def test_any_bytes_are_read_or_refused(tmp_path: Path) -> None:
    """Files of random bytes, and shipped ones with bytes exchanged, raise RuleErrors or nothing."""
    file = tmp_path / "f.yaml"
    refused = 0
    for seed in range(200):
        random = Random(seed)
        raw = bytearray(random.choice(SHIPPED).read_bytes() if seed % 2 else random.randbytes(300))
        for _ in range(3):
            raw[random.randrange(len(raw))] = random.randrange(256)
        file.write_bytes(raw)
        try:
            load_rules([file])
        except RuleErrors:
            refused += 1

    assert refused > 100


HEAD = "version: 1\nrules:\n  - id: x\n    title: X\n"
EVENTS = f"[{', '.join(sorted(load_schema().events))}]"


def many(count: int, line: Callable[[int], str]) -> str:
    return "".join(line(number) for number in range(count))


SLOW = {
    "lists of lists": "version: 1\nlists:\n  a0: [x]\n"
    + many(7, lambda n: f"  a{n + 1}: [{', '.join([f'$a{n}'] * 9)}]\n")
    + HEAD[11:]
    + "    match: {event: page, where: {path: $a7}}\n",
    "macros of macros": "version: 1\nmacros:\n  a0: {event: page, where: {path: /a}}\n"
    + many(
        30, lambda n: f"  a{n + 1}: {{event: [$a{n}, $a{n}], where: {{tab: t, path: /{n}}}}}\n"
    )
    + HEAD[11:]
    + "    match: {event: $a30}\n",
    "wide macros": f"version: 1\nmacros:\n  a: {{event: {EVENTS}, where: {{any: ["
    + "{path: /a}, " * 400
    + "]}}\n"
    + "rules:\n"
    + many(300, lambda n: f"  - {{id: r{n}, title: X, match: {{event: $a}}}}\n"),
    "a where of every event": HEAD
    + f"    match:\n      event: {EVENTS}\n      where:\n        any:\n"
    + "          - {path: /a}\n" * 9000,
    "thresholds of every event": HEAD
    + f"    match: {{event: {EVENTS}, times: 2}}\n    thresholds:\n"
    + "      - {when: {path: /a}, set: {times: 3}}\n" * 5000,
    "overrides": HEAD
    + "    match: click\noverrides:\n"
    + "  - {rule: x, for: {path: /a}, severity: low}\n" * 2000
    + "  - {rule: x, except: {path: /b}}\n" * 2000,
    "rules": "version: 1\nrules:\n"
    + many(6000, lambda n: f"  - {{id: r{n}, title: X, match: click}}\n"),
    "steps": "version: 1\nprocesses:\n  p: {strict: true, steps: {"
    + many(8000, lambda n: f"s{n}: page, ")
    + "}}\nrules: [{id: x, title: X, process: {use: p, reached: s7998, not: s7999, or_end: true}}]",
    "repeated events": HEAD
    + "    match: click\ntests:\n"
    + "  - {rule: x, name: a, events: ["
    + "{at: 0s, event: click, x: 1000}, " * 6000
    + "], expect: []}\n",
    "tests": HEAD
    + "    match: click\ntests:\n"
    + "  - {rule: x, name: a, events: [{at: 0s, event: click, x: 900}], expect: []}\n" * 3000,
    "a long list": HEAD
    + "    match: {event: page, where: {path: ["
    + "a, " * 80_000
    + "]}}\n",
    "unknown keys": "version: 1\n" + many(20_000, lambda n: f"k{n}: 1\n"),
    "unknown events": HEAD + "    match: {event: [" + many(20_000, lambda n: f"e{n}, ") + "]}\n",
    "unknown names": "version: 1\nlists:\n"
    + many(2000, lambda n: f"  l{n}: [$k{n}]\n")
    + HEAD[11:]
    + "    match: {event: page, where: {path: ["
    + many(2000, lambda n: f"$l{n}, ")
    + "]}}\n",
    "tabs": HEAD + "\ta: 1\n" * 40_000,
    "bad indents": HEAD + "    a: 1\n     b: [\n" * 10_000,
    "open quotes": "version: 1\nrules:\n" + "  - a: 'x\n" * 20_001,
    "anchors": "version: 1\nrules:\n" + "  - &a x\n" * 20_000,
    "deep nesting": HEAD + "    match: " + "[" * 200_000,
    "deep blocks": "- " * 100_000,
    "a long number": HEAD + "    weight: " + "9" * 200_000 + "\n",
    "a long sexagesimal": HEAD + "    weight: 1" + ":1" * 100_000 + "\n",
    "a long key": HEAD + "    ? " + "k" * 200_000 + "\n    : 1\n",
    "a long title": HEAD[:-2] + "a" * 200_000 + "\n    match: click\n",
    "a long glob": HEAD + "    match: {event: page, where: {path: {glob: '" + "*?a" * 60_000 + "'}}}\n",
    "long selectors": HEAD
    + "    match: {event: click, where: {target: ["
    + f"'{'a > ' * 240}b', " * 200
    + "]}}\n",
    "long patterns": HEAD
    + "    match: {event: page, where: {path: {any_of: ["
    + f"'{'*?a' * 300}', " * 250
    + "]}}}\n",
    "large regexes": HEAD
    + "    match: {event: page, where: {any: ["
    + "{path: {regex: '" + "(a|b){9}" * 100 + "'}}, " * 1
    + "{path: {regex: '(.{1,30}){1,30}'}}, " * 3000
    + "]}}\n",
    "rules on all rules": "version: 1\nrules:\n"
    + many(
        200,
        lambda n: f"  - {{id: r{n}, title: X, match: {{event: flag, where: {{rule: [a, "
        + "".join(f"r{k}, " for k in range(n))
        + "]}}}\n",
    ),
    "suppressing one another": "version: 1\nrules:\n"
    + many(
        200,
        lambda n: f"  - {{id: r{n}, title: X, match: click, suppresses: [a, "
        + "".join(f"r{k}, " for k in range(n))
        + "]}\n",
    ),
}  # fmt: skip

MOST_CALLS = 1_500_000
"""Calls of Python functions; a loaded two-core machine of 2026 makes so many in a second."""


def calls_of(action: Callable[[], object]) -> int:
    """Return how many Python functions *action* calls."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("case", SLOW)
def test_no_file_costs_much_to_accept_or_refuse(case: str) -> None:
    """Reading, and compiling what is accepted, calls a bounded number of functions."""
    text = SLOW[case]
    messages: list[str] = []

    count = calls_of(lambda: messages.extend(read(text)))

    assert len(text.encode()) <= MAX_BYTES
    assert count < MOST_CALLS, (case, count, messages[:2])
