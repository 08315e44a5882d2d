"""What the rules list makes of rules, files and numbers, without pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from console import (
    change_pages,
    editor_pages,
    example_pages,
    pick_pages,
    rule_api,
    rule_pages,
)
from console.drafts import AT_ONCE, Drafts, Step
from console.format import percent, times
from console.language import LANGUAGES
from console.rule_list import Filters, broken_files, examples_of, rows, state_of
from console.starters import KINDS, starter
from console.workbench import DraftRun, OwnFile, Progress, RuleState, RuleUse
from core.model import Severity
from detector.loader import load_rules, shipped_rules
from detector.spec import RESERVED_IDS
from detector.testing import run_files


def rule(
    id_: str = "slow_list",
    *,
    severity: Severity = "medium",
    enabled: bool = True,
    shipped: bool = True,
    changed_by: tuple[str, ...] = (),
    file: str = "slow_list.yaml",
    source: str = "",
) -> RuleState:
    return RuleState(
        id=id_, title={"en": "Slow list", "de": "Langsame Liste"}, severity=severity, weight=2,
        tags=("speed",), description={"en": "It takes long."}, guidance={}, blind_spots={},
        enabled=enabled, shipped=shipped, changed_by=changed_by, file=file, line=1,
        version="v1", params={}, source=source,
    )  # fmt: skip


def test_no_rule_has_the_address_of_a_page() -> None:
    """What stands beside the pages of rules, in the console and the API, is no id of a rule."""
    app = web.Application()
    for pages in (rule_pages, editor_pages, change_pages, pick_pages, example_pages, rule_api):
        pages.add_routes(app)
    beside = {
        found[1]
        for resource in app.router.resources()
        if (found := re.fullmatch(r"(?:/api/v1)?/rules/(\w+)(?:/\w+)?", resource.canonical))
    }

    assert beside == set(RESERVED_IDS) - {"all"}


def test_states() -> None:
    """A rule is in force, off, changed, or broken when a file that touches it has errors now."""
    broken = frozenset({"bad.yaml"})

    assert state_of(rule(), broken) == "in_force"
    assert state_of(rule(enabled=False), broken) == "off"
    assert state_of(rule(changed_by=("good.yaml",)), broken) == "changed"
    assert state_of(rule(enabled=False, changed_by=("good.yaml",)), broken) == "off"
    assert state_of(rule(changed_by=("good.yaml", "bad.yaml")), broken) == "broken"
    assert state_of(rule(shipped=False, file="bad.yaml"), broken) == "broken"
    assert state_of(rule(shipped=True, file="bad.yaml"), broken) == "in_force"


def test_broken_files_are_those_that_problems_begin_with() -> None:
    """A file counts as broken by its place in a line, not because a message mentions its name."""
    files = [OwnFile(name, "", "r") for name in ("a.yaml", "shop.yaml", "other-shop.yaml")]
    problems = (
        "data/rules/shop.yaml:14:13 'within: 30' has no unit, see a.yaml:2:1\n"
        "    within: 30\n            ^\n"
    )

    assert broken_files(files, problems) == {"shop.yaml"}
    assert broken_files(files, "") == frozenset()


def test_order() -> None:
    """What is broken stands first, then what hurts most sessions, then the more severe."""
    found = rows(
        [
            rule("quiet_low", severity="low"),
            rule("quiet_high", severity="high"),
            rule("busy", severity="info"),
            rule("mine", shipped=False, file="bad.yaml"),
        ],
        {"busy": RuleUse(9, 7, 0.5)},
        frozenset({"bad.yaml"}),
    )

    assert [row.rule.id for row in found] == ["mine", "busy", "quiet_high", "quiet_low"]


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ({}, True),
        ({"text": "LANGSAME"}, True),
        ({"text": "slow_list speed"}, True),
        ({"text": "slow fast"}, False),
        ({"severity": "medium"}, True),
        ({"severity": "high"}, False),
        ({"severity": "nonsense"}, True),
        ({"state": "in_force"}, True),
        ({"state": "off"}, False),
        ({"state": "own"}, False),
    ],
)
def test_filters(query: dict[str, str], taken: bool) -> None:
    """Words are sought in id, texts of all languages and tags; filters that are none are ignored."""
    [row] = rows([rule()], {}, frozenset())

    assert Filters.of(query).take(row) is taken


def test_examples_are_those_of_the_rule() -> None:
    """A file may hold examples of several rules; a text that is no YAML has none."""
    source = (
        "tests:\n"
        "  - {rule: slow_list, name: fires, expect: [{at: 0s}]}\n"
        "  - {rule: other, name: another, expect: []}\n"
        "  - {rule: slow_list, name: silent, expect: []}\n"
    )
    found = examples_of(rule(source=source))

    assert [(one.name, one.fires) for one in found] == [("fires", True), ("silent", False)]
    assert examples_of(rule(source="tests: [")) == []


def test_percent() -> None:
    """Shares near either end keep a digit; what is there is never written as nothing, what lacks something never as all."""
    assert percent(0.0841, "en") == "8.4%"
    assert percent(0.5, "en") == "50%"
    assert percent(0.00001, "en") == "< 0.1%"
    assert percent(0.0, "en") == "0%"
    assert percent(1.0, "en") == "100%"  # only all are all
    assert percent(0.9951, "en") == "99.5%"
    assert percent(0.99999, "en") == "> 99.9%"
    assert percent(0.99, "en") == "99%"
    assert percent(0.0841, "de") == "8,4\xa0%"


def test_times() -> None:
    """What is not 1 is not written as 1: whether an interval has it in it is what a verdict hangs on."""
    told = [
        times(one, "en") for one in (0.0532, 0.82, 0.9968, 1.0, 1.0042, 3.456, 12.6, float("inf"))
    ]

    assert ["0.05", "0.82", "0.9968", "1", "1.0042", "3.46", "13", "∞"] == told


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_starters_fit(kind: str, language: str, tmp_path: Path) -> None:
    """Each text that a new rule begins with loads without a warning; its examples pass, both ways."""
    id_, text = starter(kind, language, {"my_rule"})
    file = tmp_path / f"{id_}.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load_rules([shipped_rules(), file])
    outcomes = [one for one in run_files([shipped_rules(), file]) if one.example.file == str(file)]

    assert id_ == "my_rule_2"
    assert loaded.rule("my_rule_2") is not None
    assert not [warning for warning in loaded.warnings if file.name in str(warning)]
    assert [one.failure for one in outcomes] == [None, None]
    assert {one.fires for one in outcomes} == {True, False}


def test_unknown_starter_is_the_first() -> None:
    """A kind that there is none of begins with a count."""
    assert starter("nonsense", "en", set()) == starter("count", "en", set())


RESULT = DraftRun(0, 3, 1, 0, 0, 0, 1, (), 1.0)


async def test_draft_tells_its_progress_and_result() -> None:
    """Steps come while it runs, its result last."""
    go = asyncio.Event()

    async def begin(progress: Progress) -> DraftRun:
        progress(2, 3)
        await go.wait()
        return RESULT

    steps = Drafts().run("ada", begin)
    first = await anext(steps)
    go.set()
    rest = [step async for step in steps]

    assert first == Step(2, 3)
    assert rest[-1] == RESULT


async def test_another_draft_of_the_same_person_ends_the_first() -> None:
    """The first run is cancelled and ends without a result; that of somebody else goes on."""
    drafts, cancelled = Drafts(), []

    def beginning(name: str) -> Any:
        async def begin(_: Progress) -> DraftRun:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(name)
                raise
            return RESULT

        return begin

    async def at_once(_: Progress) -> DraftRun:
        return RESULT

    first, other = drafts.run("ada", beginning("first")), drafts.run("bob", beginning("other"))
    await anext(first)
    await anext(other)
    second = [step async for step in drafts.run("ada", at_once)]
    rest = [step async for step in first if not isinstance(step, Step)]

    assert second == [RESULT]
    assert rest == []
    assert cancelled == ["first"]
    await drafts.close()

    assert cancelled == ["first", "other"]
    await other.aclose()


async def test_nobody_listening_ends_the_draft() -> None:
    """Closing the iterator cancels what it runs."""
    drafts, ended = Drafts(), asyncio.Event()

    def begin(_: Progress) -> Coroutine[Any, Any, DraftRun]:
        async def forever() -> DraftRun:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return RESULT

        return forever()

    steps = drafts.run("ada", begin)
    await anext(steps)
    await steps.aclose()
    await asyncio.wait_for(ended.wait(), 5)

    assert ended.is_set()


async def test_only_a_few_drafts_run_at_once() -> None:
    """However many people ask, the others wait their turn, and get it."""
    drafts, running, most = Drafts(), 0, 0

    async def begin(_: Progress) -> DraftRun:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return RESULT

    found = await asyncio.gather(*(drafts.result(str(who), begin) for who in range(9)))

    assert found == [RESULT] * 9
    assert most == AT_ONCE


def test_examples_of_a_large_file_are_read_without_following_it() -> None:
    """A text that was changed into an attack since it was loaded has no examples."""
    bomb = "version: 1\ntests: [&a [x, x], &b [*a, *a]]\n"

    assert examples_of(replace(rule(), source=bomb)) == []
