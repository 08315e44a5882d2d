"""The effort index: its terms equal what the visits are known to have done, and stay as they are."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.effort import BANDS, WHOLE, Bands, band_of, index_of, value
from core.model import Score, ScoreTerm, SessionQuery, Verdicts
from core.search import Find
from core.sqlite import SqliteStore
from core.sqlite.efforts import declare
from core.walks import Walk
from insight.effort import by_step, by_week, is_action, visible, works_of
from insight.intervals import difference_of
from stolper.indexer import Indexer
from tests.console.support import START, Clock, Visit, shop
from tests.insight.generator import STEPS, Truth, visits
from tests.insight.test_any_visit import STARTED, batches, session
from tests.insight.test_walks import everything, rules

module = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400_000


@dataclass
class Known:
    """A visit, the points that it was given and when, and when its tab was hidden and shown again."""

    truth: Truth
    points: list[tuple[int, float]]
    hidden: tuple[int, int] | None
    events: list[dict[str, Any]]


def known(seed: int, count: int) -> list[Known]:
    """Return visits over six weeks, one in nine of them slow, each with some points and perhaps hidden for a while."""
    rnd = random.Random(seed)
    found = []
    for nth, truth in enumerate(visits(seed, count)):
        slow = 5 if nth % 9 == 0 else 1
        events = [{**event, "t": slow * event["t"]} for event in truth.events]
        truth.reached = {step: slow * at for step, at in truth.reached.items()}
        truth.start = START - rnd.randrange(42) * DAY
        end = events[-1]["t"]
        points = [
            (rnd.randrange(end + 2_000), rnd.choice([2.0, 4.5, 6.0]))
            for _ in range(rnd.choice([0, 0, 0, 1, 2, 4]))
        ]
        hidden = None
        if end > 20_000 and rnd.random() < 0.3:
            times = [event["t"] for event in events]
            quiet = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
            hidden = (quiet[0] + 100, quiet[1] - 100)
            events += [
                {"t": at, "type": "visibility", "state": state, "path": "/"}
                for at, state in zip(hidden, ("hidden", "visible"), strict=True)
            ]
            events.sort(key=lambda event: float(event["t"]))
        found.append(Known(truth, points, hidden, events))
    return found


def spans(one: Known) -> dict[str, tuple[int, float]]:
    """Return by step, and of the whole way, from when to when the visit was there."""
    truth = one.truth
    end = truth.reached["done"] if truth.completed else float("inf")
    steps = sorted((at, name) for name, at in truth.reached.items() if name != "done")
    bounds = [at for at, _ in steps] + [end]
    found = {name: (at, bounds[nth + 1]) for nth, (at, name) in enumerate(steps)}
    return found | {WHOLE: (steps[0][0], end)}


def terms(one: Known, begin: float, end: float) -> tuple[float, int, int]:
    """Return points, actions and visible ms of the visit in a span, counted one by one."""
    points = sum(points for at, points in one.points if begin <= at < end)
    acts = sum(
        begin <= event["t"] < end
        and (event["type"] in ("click", "field") or event.get("nav") == "reload")
        for event in one.events
    )
    until = min(end, one.events[-1]["t"])
    away = 0.0
    if one.hidden:
        away = max(0, min(one.hidden[1], until) - max(one.hidden[0], begin))
    return round(points, 6), acts, round(max(0.0, until - begin) - away)


class Expected:
    """What each visit's efforts are, by brute force over all visits."""

    def __init__(self, visits: list[Known]) -> None:
        self.visits = visits
        self.works = {
            (one.truth.id, step): terms(one, *span)
            for one in visits
            if one.truth.reached
            for step, span in spans(one).items()
        }

    def norm(self, one: Known, step: str) -> tuple[int, int] | None:
        day = one.truth.start // DAY
        done = [
            self.works[other.truth.id, step]
            for other in self.visits
            if other.truth.completed
            and day - 28 <= other.truth.start // DAY < day
            and (other.truth.id, step) in self.works
        ]
        if len(done) < 20:
            return None
        return tuple(sorted(work[part] for work in done)[(len(done) - 1) // 2] for part in (1, 2))  # type: ignore[return-value] -- two parts

    def excess(self, one: Known, step: str) -> int:
        norm, work = self.norm(one, step), self.works[one.truth.id, step]
        if norm is None:
            return 0
        ratios = (work[1] / max(2, norm[0]), work[2] / max(10_000, norm[1]))
        return min(6, sum(4 if ratio >= 3 else 2 if ratio >= 2 else 0 for ratio in ratios))

    def index(self, one: Known, step: str) -> float:
        return _index(self.works[one.truth.id, step][0] + self.excess(one, step))

    def whole(self, one: Known) -> float:
        """Return the index of the visit as a whole."""
        extra = self.excess(one, WHOLE) if one.truth.reached else 0
        return _index(sum(points for _, points in one.points) + extra)


def _index(points: float) -> float:
    return round(max(1.0, 7 - 0.06 * round(100 * (1 - exp(-points / 12)))), 2)


@dataclass
class Measured:
    """A store in which visits are measured."""

    store: SqliteStore
    clock: Clock
    indexer: Indexer
    visits: list[Known]
    expected: Expected

    async def efforts(self) -> dict[str, list[tuple[str, str, float]]]:
        return {
            one.truth.id: [
                (effort.work.process, effort.work.step, effort.index)
                for effort in await self.store.efforts(one.truth.id)
            ]
            for one in self.visits
        }


async def write(store: SqliteStore, one: Known) -> None:
    visit = Visit(
        store, one.truth.id, start=one.truth.start, attributes={"device": one.truth.device}
    )
    await visit.send([{"tab": "tab-1", **event} for event in one.events])
    told = [
        ScoreTerm(f"f{nth}", "rage", "v", "t", one.truth.start + at, points, nth, 1, {}, 1, points)
        for nth, (at, points) in enumerate(one.points)
    ]
    total = sum(points for _, points in one.points)
    score = Score(round(100 * (1 - exp(-total / 12))), total, tuple(told))
    await store.end_session(one.truth.id, "left")
    await store.commit_verdicts([Verdicts(one.truth.id, 0, (), final=True, score=score)])


@asynccontextmanager
async def measuring(folder: Path, visits: list[Known]) -> AsyncIterator[Measured]:
    clock = Clock()
    store = SqliteStore(folder / "data", clock)
    await store.open()
    await store.add_site(shop())
    for one in visits:
        await write(store, one)
    declared = rules()
    indexer = Indexer(store, clock, rules=lambda: declared)
    await everything(indexer)
    await indexer.norms()
    yield Measured(store, clock, indexer, visits, Expected(visits))
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measured]:
    async with measuring(tmp_path_factory.mktemp("effort"), known(23, 400)) as made:
        yield made


@module
async def test_each_term_of_each_visit_is_that_of_the_truth(made: Measured) -> None:
    """Points, actions and visible time by step and on the whole way; medians; what is added; the index."""
    seen = set()
    for one in made.visits:
        whole, *others = await made.store.efforts(one.truth.id)
        assert made.expected.whole(one) == whole.index, one
        assert len(others) == (len(spans(one)) if one.truth.reached else 0)
        for effort in others:
            step = effort.work.step
            work = effort.work.points, effort.work.actions, effort.work.visible_ms
            norm = made.expected.norm(one, step)
            assert made.expected.works[one.truth.id, step] == work, (one, step)
            assert norm == (effort.norm and (effort.norm.actions, effort.norm.visible_ms))
            assert made.expected.excess(one, step) == effort.extra
            assert made.expected.index(one, step) == effort.index
            seen.add(effort.extra)
    assert {0, 2, 4, 6} <= seen


@module
async def test_bands_count_and_list_the_visits_of_the_truth(made: Measured) -> None:
    """By step and on the whole way, narrowed by device, and as a whole session: the list is that of the truth."""
    for device in (None, "mobile"):
        pairs = (("device", device),) if device else ()
        some = [one for one in made.visits if device in (None, one.truth.device)]
        way, steps = await by_step(
            made.store, SessionQuery(find=Find(include=pairs)), "order", STEPS
        )
        for found in (way, *steps[:-1]):
            for band in BANDS:
                truth = {
                    one.truth.id
                    for one in some
                    if (one.truth.id, found.step) in made.expected.works
                    and band == band_of(made.expected.index(one, found.step))
                }
                listed = (*pairs, ("effort", value("order", found.step, band)))
                assert len(truth) == getattr(found.bands, band)
                assert truth == await ids(made.store, *listed)
        assert Bands(0, 0, 0) == steps[-1].bands  # at the goal nothing is left to be done
        assert way.net == difference_of(way.bands.easy, way.bands.hard, way.bands.all)
    hard = {one.truth.id for one in made.visits if made.expected.whole(one) <= 3}
    assert len(hard) > 5
    assert hard == await ids(made.store, ("effort", "hard"))


@module
async def test_weeks_begin_on_mondays_and_count_what_their_lists_show(made: Measured) -> None:
    """Each week's numbers are those of the sessions that began in it."""
    weeks = await by_week(made.store, SessionQuery(), "order", made.clock.now_ms())

    assert 6 <= len(weeks) <= 7
    assert sum(bool(one.truth.reached) for one in made.visits) == sum(
        one.measured.bands.all for one in weeks
    )
    for week in weeks:
        assert 4 == week.from_ms // DAY % 7  # day 4 of 1970 was the first Monday
        truth = {
            one.truth.id
            for one in made.visits
            if one.truth.reached and week.from_ms <= one.truth.start < week.until_ms
        }
        span = ("began", f"{week.from_ms}-{week.until_ms}")
        assert truth == await ids(made.store, span, ("reached", "order/basket"))
        assert len(truth) == week.measured.bands.all


async def test_a_measured_visit_keeps_its_value(tmp_path: Path) -> None:
    """Later visits, another day and indexing anew change nothing; another declaration does."""
    async with measuring(tmp_path, known(5, 160)) as made:
        before = await made.efforts()
        for nth, one in enumerate(known(6, 60)):
            other = replace(one, truth=replace(one.truth, id=f"later{nth}", start=START))
            await write(made.store, other)
        made.clock.now += DAY
        for one in made.visits:
            await made.store.commit_verdicts([Verdicts(one.truth.id, 0, (), final=True)])
        await everything(made.indexer)
        await made.indexer.norms()

        assert before == await made.efforts()
        await made.store._writer.submit(lambda db, _: declare(db, {"order": "other"}))
        assert before != await made.efforts()


def test_time_is_visible_while_any_tab_is_shown() -> None:
    """A tab in the background adds nothing, one in front of it hides nothing."""

    def event(ts: int, kind: str, tab: str, **more: Any) -> dict[str, Any]:
        return {"ts": float(ts), "type": kind, "tab": tab, **more}

    events = [
        event(0, "page", "a"),
        event(10, "visibility", "a", state="hidden"),
        event(15, "request", "a"),
        event(30, "page", "b"),
        event(40, "visibility", "a", state="visible"),
        event(50, "leave", "b"),
        event(60, "click", "a"),
    ]
    assert [(0, 10), (30, 60)] == visible(events)


@pytest.mark.parametrize("points, index", [(0, 7.0), (2, 6.1), (6, 4.66), (13.2, 2.98), (999, 1.0)])
def test_the_index_is_that_of_the_formula(points: float, index: float) -> None:
    """7 without any trouble, never below 1."""
    assert index == index_of(points)


@pytest.mark.parametrize("easy, hard", [(0.7, 0.1), (0.3, 0.3), (0.95, 0.02)])
def test_the_interval_of_the_net_holds_the_true_one(easy: float, hard: float) -> None:
    """Of 600 samples of 50 visits each about 95 of 100 intervals hold the true difference."""
    rnd = random.Random(1)
    held = 0
    for _ in range(600):
        drawn = [rnd.random() for _ in range(50)]
        some = difference_of(
            sum(x < easy for x in drawn), sum(easy <= x < easy + hard for x in drawn), 50
        )
        held += some.low <= easy - hard <= some.high

    assert 0.925 <= held / 600 <= 0.995


async def ids(store: SqliteStore, *pairs: tuple[str, str]) -> set[str]:
    """Return the visits that the list shows."""
    query = SessionQuery(find=Find(include=pairs), limit=10_000)
    found = {one.id for one in await store.sessions(query)}

    assert len(found) == await store.count_sessions(query)
    return found


def test_who_came_in_at_the_goal_made_no_effort_on_the_way() -> None:
    """Of the visit as a whole there is an index; the process has none of it, nor its median."""
    order: dict[str, Any] = {"type": "custom", "name": "order_placed", "props": {}}
    stored = batches(
        [(order, "/thanks", 0, "a"), ({"type": "page", "nav": "route"}, "/", 900, "a")]
    )
    at = Walk("visit", "order", (("done", STARTED),), furthest="done", completed_ms=STARTED)
    before = replace(
        at, steps=(("pay", STARTED), ("done", STARTED + 900)), completed_ms=STARTED + 900
    )
    works = [
        [
            (one.process, one.step)
            for one in works_of(session(stored, ended=True), [walk], stored[0].events, None)
        ]
        for walk in (at, before)
    ]

    assert [[(WHOLE, WHOLE)], [(WHOLE, WHOLE), ("order", WHOLE), ("order", "pay")]] == works


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        ({"type": "click", "trusted": True}, True),
        ({"type": "click"}, True),
        ({"type": "click", "trusted": False}, False),
        ({"type": "page", "nav": "reload"}, True),
        ({"type": "page", "nav": "link"}, False),
        ({"type": "field", "changed": True, "cause": "submit"}, False),
        ({"type": "form", "how": "enter"}, True),
    ],
)
def test_an_action_is_what_was_done_on_purpose(event: dict[str, Any], *, counts: bool) -> None:
    """Not what a script did, nor the same thing told twice."""
    assert counts == is_action(event)
