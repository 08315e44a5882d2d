"""Rules that change while sessions are open, and history judged again, on a real store."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from typing import Any

import pytest

from core.model import Flag, SessionQuery
from detector.engine import Engine
from detector.history import History, Rejudged
from detector.live import RULES
from detector.loader import read_rules, shipped_rules
from detector.rule import RuleSet
from detector.service import Detector
from tests.detector.helpers import START, Event, at, click, rules, text
from tests.detector.test_live import visit
from tests.detector.test_service import NOW, Bench, bench, run

__all__ = ["bench", "run"]  # fixtures

OLD = text("match: {event: click, times: 2, within: 1s}", name="same")
CHANGED = text("match: {event: click, times: 3, within: 1s}", name="other")
CHANGED_NOW = text("match: {event: click, times: 4, within: 1s}", name="other")

BEFORE = rules(OLD, CHANGED)
AFTER = rules(OLD, CHANGED_NOW)

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def presses(*numbers: int) -> list[Event]:
    """Return presses, 100 ms apart, with their numbers as indices."""
    return [{**click(n * 100, "pay"), "i": n} for n in numbers]


async def feed(bench: Bench, detector: Detector, events: list[Event], **more: Any) -> None:
    """Store *events* as one batch and tell the detector."""
    detector.notify(await bench.send(events, **more))


def content(flags: Iterable[Flag]) -> set[tuple[Any, ...]]:
    """Return what was found, whoever wrote it when."""
    return {(f.id, f.rule, f.version, f.at_ms, f.hits, f.withdrawn) for f in flags}


async def test_open_sessions_are_judged_again_by_changed_rules(bench: Bench, run: Any) -> None:
    """An unchanged rule keeps its flag, the flag of a changed one goes with the reason, and comes."""
    detector = await run(BEFORE)
    await feed(bench, detector, presses(0, 1, 2))
    await detector.drain()
    before = {f.rule: f.id for f in await bench.store.flags("s")}
    await detector.swap(AFTER)
    await detector.renewed()
    between = await bench.store.flags("s", withdrawn=True)
    await feed(bench, detector, presses(3))
    await detector.drain()
    after = {f.rule: f.id for f in await bench.store.flags("s")}

    assert {"same", "other"} == before.keys() == after.keys()
    assert [("other", RULES), ("same", None)] == sorted((f.rule, f.withdrawn) for f in between)
    assert before["same"] == after["same"]
    assert before["other"] != after["other"]


async def test_sessions_that_begin_after_the_change_know_only_the_new_rules(
    bench: Bench, run: Any
) -> None:
    """A new session is judged by the new set from its first event."""
    detector = await run(BEFORE)
    await detector.swap(AFTER)
    await feed(bench, detector, presses(0, 1, 2), session="new")
    await detector.drain()

    assert ["same"] == [f.rule for f in await bench.store.flags("new")]


async def test_a_session_that_ends_before_its_turn_is_judged_by_the_new_rules(
    bench: Bench, run: Any
) -> None:
    """The end of a session that was not judged again yet is judged from what is stored."""
    detector = await run(BEFORE)
    await feed(bench, detector, presses(0, 1, 2))
    await detector.drain()
    ended = await bench.end()
    await detector.swap(AFTER)
    detector.session_ended(ended)  # nothing has run since the rules were replaced
    await detector.renewed()

    assert [("same", "", False)] == await bench.flags()
    assert 0 == detector.errors


@pytest.mark.parametrize("seed", range(6))
async def test_no_event_is_lost_however_often_rules_change(
    seed: int, bench: Bench, run: Any
) -> None:
    """With changes in the midst of visits, each session ends as if the last set had always judged."""
    rng = random.Random(seed)
    sets = [BEFORE, AFTER, rules(OLD), rules(CHANGED, OLD)]
    detector = await run(sets[0])
    visits = {f"s{n}": [e for load in visit(rng)[:1] for e in load] for n in range(8)}
    waiting = [(name, part) for name, events in visits.items() for part in _cut(rng, events)]
    rng.shuffle(waiting)
    waiting.sort(key=lambda item: item[1][0]["i"])
    swaps = []
    for name, part in waiting:
        await feed(bench, detector, part, session=name)
        if rng.random() < 0.3:
            swaps.append(asyncio.create_task(detector.swap(rng.choice(sets))))
        await asyncio.sleep(0)
    await asyncio.gather(*swaps)
    await detector.swap(AFTER)
    await detector.renewed()
    open_ = {name: content(await bench.store.flags(name)) for name in visits}
    for name in visits:
        detector.session_ended(await bench.end(name, kind="left"))
    await detector.drain()

    engine = Engine(AFTER)
    for name, events in visits.items():
        stored = [{**e, "ts": START + e["t"], "page_load": "load", "tab": "tab"} for e in events]
        last = max(e["ts"] for e in stored)
        expected = engine.judge(stored, {}, end=(last, "left"), horizon=last)
        found = content(await bench.store.flags(name))
        assert {(r.rule.id, r.version, r.at, r.hits) for r in expected} == {
            found_one[1:5] for found_one in found
        }
        assert open_[name] == found
    assert 0 == detector.errors


def _cut(rng: random.Random, events: list[Event]) -> list[list[Event]]:
    parts = []
    while events:
        size = rng.randint(1, 6)
        parts.append(events[:size])
        events = events[size:]
    return parts


async def test_a_change_stalls_nobody(bench: Bench, run: Any) -> None:
    """Compiling, and judging a long open session again, leave the event loop to others."""
    detector = await run(BEFORE)
    for n in range(10):
        many = [{**click(n * 60_000 + i * 20, f"k{i}"), "i": n * 2000 + i} for i in range(2000)]
        await feed(bench, detector, many)
    await detector.drain()
    shipped, _ = await asyncio.to_thread(read_rules, [shipped_rules()], {"a.yaml": OLD})
    worst = [0.0]
    watching = asyncio.create_task(_watch(worst))
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await detector.swap(shipped)
    await detector.renewed()
    took = time.monotonic() - begun
    watching.cancel()

    assert took > 0.1  # there was something to wait for
    assert worst[0] < took / 2  # judged on the loop it would be nearly all of it


async def _watch(worst: list[float]) -> None:
    """Note the longest time for which the loop did not come round, in seconds."""
    loop = asyncio.get_running_loop()
    last = loop.time()
    while True:
        await asyncio.sleep(0.001)
        now = loop.time()
        worst[0] = max(worst[0], now - last - 0.001)
        last = now


# History


VOUCHERS = text(
    "match: {event: custom, where: {name: coupon, props.ok: false}, times: 2, within: 3m}",
    name="voucher_trouble",
)
MAPPED = """\
version: 1
mappings:
  - from: {event: request}
    on: {url: "/api/voucher*"}
    to: {name: coupon, props: {ok: false}}
"""
EXCEPTED = """\
version: 1
overrides:
  - {rule: dead_click, except: {target: "#demo"}}
"""


def shipped(**own: str) -> RuleSet:
    """Return the shipped rules, one on coupons, and the own files *own*."""
    texts = {"vouchers.yaml": VOUCHERS, **{f"{name}.yaml": own[name] for name in own}}
    found, issues = read_rules([shipped_rules()], texts)
    assert [] == [issue for issue in issues if issue.level == "error"]
    return found


async def yesterday(bench: Bench, run: Any, events: list[Event]) -> None:
    """Record and end a session, judged by the shipped rules, a day before now."""
    detector = await run(shipped())
    await feed(bench, detector, events)
    await detector.drain()
    detector.session_ended(await bench.end(kind="left"))
    await detector.drain()
    bench.clock.now = NOW + DAY


def history(bench: Bench) -> History:
    """Return the history of the bench's store."""
    return History(bench.store, flush_ms=5000, on_verdicts=bench.told.append)


def refused_vouchers() -> list[Event]:
    """Return what a visitor did whose vouchers were refused, twice."""
    return [
        at(0, "page", 0, path="/cart"),
        at(1000, "request", 1, path="/cart", url="/api/voucher/apply", status=200),
        at(20_000, "request", 2, path="/cart", url="/api/voucher/apply", status=200),
    ]


async def test_a_mapping_added_today_yields_flags_on_yesterdays_sessions(
    bench: Bench, run: Any
) -> None:
    """Requests that nobody looked at become coupons, and two refused ones a flag, with its score."""
    await yesterday(bench, run, refused_vouchers())
    assert [] == await bench.flags()
    seen: list[tuple[int, int]] = []
    engine = Engine(shipped(mapped=MAPPED))
    changed = await history(bench).rejudge(
        engine, SessionQuery(since_ms=NOW - DAY), progress=lambda *two: seen.append(two)
    )
    again = await history(bench).rejudge(engine, SessionQuery(since_ms=NOW - DAY))

    assert (1, 0) == (changed.changed, again.changed)
    assert [("voucher_trouble", "", False)] == await bench.flags()
    assert (1, 1) == seen[-1]
    session = await bench.store.session("s")
    assert session is not None
    assert (("voucher_trouble",), 1) == (session.rules, session.flags)
    assert session.score is not None and session.score > 0
    assert "s" == bench.told[-1].session


async def test_an_except_added_today_withdraws_flags_of_yesterday(bench: Bench, run: Any) -> None:
    """The flag goes with the reason, the score with it."""
    target = {"interactive": True, "path": [{"tag": "button", "id": "demo"}]}
    await yesterday(bench, run, [{**click(0, "demo", target=target), "i": 0}])
    before = await bench.store.score("s")
    assert ["dead_click"] == [f.rule for f in await bench.store.flags("s")]
    changed = await history(bench).rejudge(
        Engine(shipped(demo=EXCEPTED)), SessionQuery(since_ms=NOW - DAY)
    )

    assert Rejudged(1, 1) == changed
    assert [RULES] == [f.withdrawn for f in await bench.store.flags("s", withdrawn=True)]
    after = await bench.store.score("s")
    assert before is not None and after is not None
    assert (15, 0) == (before.value, after.value)


async def test_history_leaves_alone_what_is_older_open_or_the_same(bench: Bench, run: Any) -> None:
    """Sessions before the span, and those that are open, are not touched; no change is no write."""
    await yesterday(bench, run, refused_vouchers())
    detector = await run(shipped())
    await feed(bench, detector, refused_vouchers(), session="open")
    await detector.drain()
    told = len(bench.told)
    engine = Engine(shipped(mapped=MAPPED))

    assert Rejudged(0, 0) == await history(bench).rejudge(engine, SessionQuery(since_ms=NOW + 1))
    assert Rejudged(1, 0) == await history(bench).rejudge(Engine(shipped()), SessionQuery())
    assert told == len(bench.told)
    assert Rejudged(1, 1) == await history(bench).rejudge(engine, SessionQuery())
    assert [] == await bench.flags("open")


async def test_history_is_judged_as_the_service_judges_an_end(bench: Bench, run: Any) -> None:
    """Judging again by the same rules changes nothing, for whatever visit."""
    rng = random.Random(5)
    detector = await run(shipped())
    for n in range(12):
        for number, events in enumerate(visit(rng)):
            await feed(bench, detector, events, session=f"s{n}", load=f"load{number}")
        bench.clock.now = NOW + n * MINUTE
        detector.session_ended(await bench.end(f"s{n}", kind=rng.choice(["left", "idle", "ended"])))
    await detector.drain()

    assert Rejudged(12, 0) == await history(bench).rejudge(Engine(shipped()), SessionQuery())
