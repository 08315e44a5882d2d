"""docs/rules.md can be run: each whole file on it loads without a word and passes its examples."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.events import load_schema
from detector import spec
from detector.errors import Problems
from detector.loader import Library
from tests.detector.helpers import run_examples

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"
FILES = [
    (PAGE.read_text()[: found.start()].count("\n") + 2, found[1])
    for found in re.finditer(r"```yaml\n(version: 1\n.*?)```", PAGE.read_text(), re.S)
]
"""Line on the page, and text, of every example that is a whole file."""


def failures(text: str) -> list[str]:
    """Return what is wrong with the file *text*: issues of reading it, and failing examples."""
    problems = Problems()
    library = Library(problems, load_schema())
    library.add_text("example.yaml", text)
    rules = library.rule_set()
    if problems.issues:
        return [str(issue) for issue in problems.issues]
    return [f"{o.example.name}: {o.failure}" for o in run_examples(rules) if o.failure]


@pytest.mark.parametrize(("line", "text"), FILES, ids=[f"line {line}" for line, _ in FILES])
def test_file_on_the_page_loads_and_passes(line: int, text: str) -> None:
    """No error, no warning, and every example as it says; each rule has one of either kind."""
    assert [] == failures(text)


def maps(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every map in *value*."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from maps(item)
    elif isinstance(value, list):
        for item in value:
            yield from maps(item)


def rule_parts(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each map of *rule* that a table declares, with that table's name."""
    yield "RULE_KEYS", rule
    match = rule.get("match")
    if isinstance(match, dict):
        yield "MATCH_KEYS", match
        if "share" in match:
            yield "SHARE_KEYS", match["share"]
    for step in rule.get("sequence", ()):
        if isinstance(step, dict):
            yield ("ABSENT_KEYS" if "absent" in step else "STEP_KEYS"), step
            yield "MATCHER_KEYS", step
    if "process" in rule:
        yield "PROCESS_USE_KEYS", rule["process"]
    if "except" in rule:
        yield "EXCEPT_KEYS", rule["except"]
    for threshold in rule.get("thresholds", ()):
        yield "THRESHOLD_KEYS", threshold
        yield "SET_KEYS", threshold["set"]


def parts(file: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each map of *file* that a table declares, with that table's name."""
    yield "FILE_KEYS", file
    for rule in file.get("rules", ()):
        yield from rule_parts(rule)
    for process in file.get("processes", {}).values():
        yield "PROCESS_KEYS", process
    for mapping in file.get("mappings", ()):
        # PyYAML reads the key `on` as true; our reader does not.
        named = {"on" if key is True else key: value for key, value in mapping.items()}
        yield "MAPPING_KEYS", named
        yield "TO_KEYS", mapping["to"]
        yield "ON_KEYS", named.get("on", {})
        for prop in mapping["to"].get("props", {}).values():
            if isinstance(prop, dict):
                yield "COPY_KEYS", prop
    for override in file.get("overrides", ()):
        yield "OVERRIDE_KEYS", override
        yield "FOR_KEYS", override.get("for", {})
    for test in file.get("tests", ()):
        yield "TEST_KEYS", test
        for event in test["events"]:
            yield "TEST_EVENT_KEYS", event
        for flag in test["expect"]:
            yield "EXPECT_KEYS", flag


SCORE = {"SCORE_KEYS", "CRITICAL_KEYS", "GOAL_KEYS", "COUNT_KEYS"}
"""Of the score no example can fire a flag; the keys of COUNT_KEYS are those of match and step."""


def test_every_key_stands_in_a_file_that_runs() -> None:
    """Each key of every table is used, by a file whose rules fire and stay silent."""
    used: defaultdict[str, set[str]] = defaultdict(set)
    for _, text in FILES:
        for table, part in parts(yaml.safe_load(text)):
            used[table] |= set(part)
    tables = {n: t for n, t in vars(spec).items() if n.endswith("_KEYS") and n not in SCORE}

    assert {} == {n: set(t) - used[n] for n, t in tables.items() if set(t) - used[n]}


def negated(file: dict[str, Any], number: int, operator: str) -> bool:
    """Turn use *number* of *operator* in the rules of *file* into its opposite, if there is one."""
    tests = [
        m for m in maps(file.get("rules", [])) if operator in m and m.keys() <= set(spec.OPERATORS)
    ]
    if number >= len(tests):
        return False
    inner = tests[number].pop(operator)
    if operator == "not":
        tests[number].update(inner if isinstance(inner, dict) else {"any_of": inner})
    elif "not" not in tests[number]:
        tests[number]["not"] = {operator: inner}
    return True


@pytest.mark.parametrize("operator", spec.OPERATORS)
def test_every_operator_matters_to_an_example(operator: str) -> None:
    """Each operator is used, and no example passes when it is turned into its opposite."""
    uses = 0
    for line, text in FILES:
        if f"{operator}:" not in text:
            continue
        for number in range(100):
            file = copy.deepcopy(yaml.safe_load(text))
            if not negated(file, number, operator):
                break
            uses += 1
            assert failures(yaml.safe_dump(file, sort_keys=False)), (line, operator, number)

    assert uses


@pytest.mark.parametrize("word", spec.WHERE_WORDS)
def test_any_and_not_are_shown(word: str) -> None:
    """`any` and `not` stand among the lines of a where on the page."""
    assert any(
        word in where and not where.keys() <= set(spec.OPERATORS)
        for _, text in FILES
        for rule in yaml.safe_load(text).get("rules", [])
        for where in maps(rule)
    )
