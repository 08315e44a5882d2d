"""Walks through processes: counts, ends and spans equal what the visits are known to have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import pytest_asyncio

from core.erasing import Whom
from core.model import SessionQuery
from core.search import Find
from core.sqlite import SqliteStore
from core.walks import ENDS, WHOLE
from detector.loader import read_rules
from detector.rule import RuleSet
from insight.funnel import funnel
from stolper.indexer import FIRST_MS, Indexer
from tests.console.support import Clock, Visit, shop
from tests.insight.generator import PROCESS, STEPS, Truth, stored, visits


def rules(text: str = PROCESS) -> RuleSet:
    """Return the rules of *text* alone."""
    found, issues = read_rules([], {"process.yaml": text})
    assert [] == [one for one in issues if one.level == "error"]
    return found


async def everything(indexer: Indexer) -> None:
    """Have all that is due indexed."""
    while await indexer.sweep():
        pass


def where(truth: Truth, kind: str) -> str | None:
    """Return the visit's end of that *kind* (core/walks.py: ENDS)."""
    page, field, element, to = truth.page, truth.box, truth.element, truth.went
    return dict(zip(ENDS, (page, field, element, to), strict=True))[kind]


class Shop:
    """A store with visits of known truth, indexed by the processes in force."""

    def __init__(self, store: SqliteStore, truths: list[Truth]) -> None:
        self.store = store
        self.truths = truths
        self.rules = rules()
        self.clock = Clock()
        self.indexer = Indexer(store, self.clock, rules=lambda: self.rules)

    async def ids(
        self, *pairs: tuple[str, str], without: tuple[tuple[str, str], ...] = ()
    ) -> set[str]:
        """Return the visits that the list shows for *pairs* of field and value."""
        query = SessionQuery(find=Find(include=pairs, exclude=without), limit=10_000)
        found = {one.id for one in await self.store.sessions(query)}

        assert len(found) == await self.store.count_sessions(query)
        return found


@asynccontextmanager
async def shop_of(folder: Path, truths: list[Truth]) -> AsyncIterator[Shop]:
    """Give a store with the visits *truths*, indexed."""
    store = SqliteStore(folder / "data", Clock())
    await store.open()
    await store.add_site(shop())
    await stored(store, truths)
    made = Shop(store, truths)
    await everything(made.indexer)
    yield made
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop_of(tmp_path_factory.mktemp("walks"), visits(7, 1_000)) as made:
        yield made


module = pytest.mark.asyncio(loop_scope="module")


@module
async def test_the_list_behind_each_number_of_a_funnel_is_that_of_the_truth(made: Shop) -> None:
    """Who reached, left and completed, step by step, and narrowed by device."""
    for step in STEPS:
        came = {one.id for one in made.truths if one.came_to(step)}
        left = {
            one.id
            for one in made.truths
            if one.reached and not one.completed and one.furthest == step
        }
        phones = {one.id for one in made.truths if one.device == "mobile"}

        assert came == await made.ids(("reached", f"order/{step}")), step
        assert left == await made.ids(("left", f"order/{step}")), step
        assert left & phones == await made.ids(("left", f"order/{step}"), ("device", "mobile")), (
            step
        )
    done = {one.id for one in made.truths if one.completed}
    assert len(done) > 50
    assert done == await made.ids(("completed", "order"))


@module
async def test_where_each_visit_was_when_it_left_is_that_of_the_truth(made: Shop) -> None:
    """Page, field, element and the page it went to: of every visit that left, and counted."""
    leavers = [one for one in made.truths if one.reached and not one.completed]

    assert len(leavers) >= 500
    for step in STEPS[:-1]:
        here = [one for one in leavers if one.furthest == step]
        at, query = f"order/{step}", SessionQuery(find=Find(include=(("left", f"order/{step}"),)))
        for kind in ENDS:
            truth = Counter(value for one in here if (value := where(one, kind)))
            assert dict(truth) == dict(await made.store.ends(query, kind, at, 100)), (step, kind)
            for value in truth:
                there = {one.id for one in here if where(one, kind) == value}
                assert there == await made.ids((kind, f"{at} {value}"))
    assert {"#buy": "Button buy"} == await made.store.labels("order", ["#buy", "#nowhere"])


@module
async def test_spans_and_worth_are_those_of_the_truth(made: Shop) -> None:
    """From each step to the next that was reached, the whole way, and the sum of the values."""
    phones = [one for one in made.truths if one.device == "mobile" and one.reached]
    query = SessionQuery(find=Find(include=(("device", "mobile"),)))
    spent = await made.store.spent(query, "order")
    spans: dict[str, list[int]] = {}
    for one in phones:
        for (name, at), (_, then) in pairwise(
            sorted(one.reached.items(), key=lambda step: step[1])
        ):
            spans.setdefault(name, []).append(then - at)
        if one.completed:
            spans.setdefault(WHOLE, []).append(one.reached["done"] - min(one.reached.values()))

    assert len(phones) == spent.sessions
    assert {name: len(some) for name, some in spans.items()} == {
        n: s.sessions for n, s in spent.spans.items()
    }
    for name, some in spans.items():
        ordered = sorted(some)
        nearest = ordered[-(-len(ordered) // 2) - 1]
        assert nearest == spent.spans[name].median_ms, name
        assert abs(median(some) - spent.spans[name].median_ms) <= max(
            b - a for a, b in pairwise([*ordered, ordered[-1]])
        )
        assert ordered[-(-len(ordered) * 9 // 10) - 1] == spent.spans[name].p90_ms, name
    assert sum(one.value or 0 for one in phones) == pytest.approx(spent.worth)


async def test_another_declaration_is_counted_for_all_that_is_stored(tmp_path: Path) -> None:
    """Renaming changes nothing; a step more, strictness or a time limit lets all visits be looked at again."""
    async with shop_of(tmp_path, visits(5, 150)) as made:
        before = await made.ids(("reached", "order/pay"))
        made.rules = rules(PROCESS.replace("Zahlung", "Bezahlen"))
        await made.indexer.sweep()
        assert 0 == await made.store.unindexed()
        strict = PROCESS.replace(
            "    goal: done", "    goal: done\n    strict: true\n    time_limit: 90s"
        )
        made.rules = rules(strict)
        await everything(made.indexer)
        whole = [one for one in made.truths if "basket" in one.reached]
        in_time = {
            one.id
            for one in whole
            if one.completed and one.reached["done"] - one.reached["basket"] <= 90_000
        }

        assert (
            {one.id for one in whole if one.came_to("pay")}
            == await made.ids(("reached", "order/pay"))
            < before
        )
        assert in_time == await made.ids(("completed", "order"))
        assert 0 < len(in_time) < sum(one.completed for one in whole)
        made.rules = rules(PROCESS.replace("    goal: done", "    goal: done\n    time_limit: 90s"))
        await everything(made.indexer)
        in_time = {
            one.id
            for one in made.truths
            if one.completed and one.reached["done"] - min(one.reached.values()) <= 90_000
        }

        assert in_time == await made.ids(("completed", "order"))
        assert 0 < len(in_time) < sum(one.completed for one in made.truths)
        made.rules = rules(PROCESS.replace("    goal: done", "    goal: done\n    site: elsewhere"))
        await everything(made.indexer)
        assert set() == await made.ids(("reached", "order/basket"))
        made.rules = rules("version: 1\n")
        await everything(made.indexer)
        assert set() == await made.ids(("reached", "order/pay"))
        assert {} == (await made.store.spent(SessionQuery(), "order")).spans


async def test_a_walk_goes_with_its_session(tmp_path: Path) -> None:
    """What is erased is gone from the walks as well."""
    async with shop_of(tmp_path, visits(3, 12)) as made:
        walked = (await made.store.spent(SessionQuery(), "order")).sessions
        gone = next(one for one in made.truths if one.reached)
        await made.store.erase(Whom("session", gone.id))

        assert walked == sum(bool(one.reached) for one in made.truths)
        assert walked - 1 == (await made.store.spent(SessionQuery(), "order")).sessions
        assert gone.id not in await made.ids(("reached", f"order/{gone.furthest}"))


async def test_nobody_has_left_who_is_still_there(tmp_path: Path) -> None:
    """While a session runs it is under way; at its end it left, unless it completed, which it may more than once."""
    async with shop_of(tmp_path, []) as made:
        visit = Visit(made.store, "v")
        await visit.send([page(0, "/basket"), page(5_000, "/pay")])
        made.indexer.changed("v")
        await everything(made.indexer)

        assert {"v"} == await made.ids(("reached", "order/pay"))
        assert set() == await made.ids(("left", "order/pay"))
        await made.store.end_session("v", "left")
        made.indexer.changed("v")
        made.clock.now += FIRST_MS
        await everything(made.indexer)
        assert {"v"} == await made.ids(("left", "order/pay"))
        twice = Visit(made.store, "twice")
        order = {"type": "custom", "name": "order_placed", "path": "/pay", "props": {"total": 5}}
        await twice.send(
            [page(0, "/pay"), {"t": 1, **order}, page(2, "/basket"), {"t": 3, **order}]
        )
        await made.store.end_session("twice", "left")
        made.indexer.changed("twice")
        await everything(made.indexer)
        assert {"twice"} == await made.ids(("completed", "order"))
        assert 5 == (await made.store.spent(SessionQuery(), "order")).worth


ODD = """
version: 1
processes:
  order:
    title: Order
    steps:
      offer:  {event: page, where: {path: /offer}}
      basket: {event: page, where: {path: /basket}}
      done:   {event: custom, where: {name: order_placed}}
      thanks: {event: page, where: {path: /thanks}}
    optional: [offer]
    goal: done
"""


async def test_nobody_came_to_an_optional_first_step_or_a_goal_because_they_came_further(
    tmp_path: Path,
) -> None:
    """Who begins behind the one entered all the same; who went past the other has not completed."""
    ways = {"all": ("/offer", "/basket", "", "/thanks"), "no-offer": ("/basket", ""), "no-goal": ("/basket", "/thanks"), "thanks": ("/thanks",)}  # fmt: skip
    async with shop_of(tmp_path, []) as made:
        made.rules = rules(ODD)
        for name, places in ways.items():
            visit = Visit(made.store, name)
            await visit.send(
                [
                    page(nth, at) if at else {"t": nth, "type": "custom", "path": "/basket", "name": "order_placed"}
                    for nth, at in enumerate(places)
                ]
            )  # fmt: skip
            await made.store.end_session(name, "left")
        await everything(made.indexer)
        found = await funnel(
            made.store, SessionQuery(), "order", ["offer", "basket", "done", "thanks"], ["offer"]
        )

        assert (4, 2, 2) == (found.entered, found.completed.some, found.left)
        assert {"offer": 1, "basket": 4, "done": 2, "thanks": 3} == {
            one.name: one.reached.some for one in found.stages
        }
        assert {"all"} == await made.ids(("reached", "order/offer"))
        assert {*ways} == await made.ids(("reached", "order"))
        assert {"no-goal", "thanks"} == await made.ids(("left", "order/thanks"))


async def test_a_look_into_another_tab_is_no_leaving(tmp_path: Path) -> None:
    """Where somebody was at the end is told of the tab that the process was in."""
    async with shop_of(tmp_path, []) as made:
        visit = Visit(made.store, "tabs")
        await visit.send([{**page(0, "/pay"), "tab": "tab-1"}])
        await visit.send(
            [{**page(1_000, "/terms"), "tab": "tab-2"}], load="load-2", tab="tab-2", origin=0
        )
        await visit.send(
            [{"t": 2_000, "type": "field", "field": "iban", "path": "/pay", "tab": "tab-1"}]
        )
        await made.store.end_session("tabs", "left")
        made.indexer.changed("tabs")
        await everything(made.indexer)
        at, query = "order/pay", SessionQuery()

        assert [("iban", 1)] == await made.store.ends(query, "left_field", at, 5)
        assert [] == await made.store.ends(query, "left_to", at, 5)


def page(t: int, path: str) -> dict[str, Any]:
    """Return the view of a page."""
    return {"t": t, "type": "page", "path": path, "nav": "load"}
