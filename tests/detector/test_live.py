"""Arrival: waiting for holes, lateness, and the equality of live and final judgement."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from core.model import Session, StoredBatch
from detector.engine import Engine
from detector.judging import judge_ended
from detector.live import LATE, LiveSession
from detector.loader import load_rules, shipped_rules
from detector.order import Order
from detector.rule import RuleSet
from tests.detector.helpers import START, Event, at, click, rules, text

NOW = int(START)
IDLE = 30 * 60_000


def batch(
    position: int,
    events: list[Event],
    *,
    load: str = "load",
    seq: int = 0,
    void: tuple[int, ...] = (),
) -> StoredBatch:
    """Return a stored batch."""
    stored = [{**event, "page_load": load} for event in events]
    return StoredBatch(position, "site", "s", load, "tab", seq, NOW, stored, void)


def session(**more: Any) -> Session:
    """Return an open session."""
    empty = Session(
        "s", "site", "shop", NOW, NOW, None, None, 0, 0, 0, True, None, None, {}, None, None, None, ()
    )  # fmt: skip
    return replace(empty, **more)


def live(set_: RuleSet, *, idle_ms: int = IDLE) -> LiveSession:
    """Return a session of which nothing has come yet."""
    return LiveSession(
        Engine(set_), session(), lateness_ms=10_000, flush_ms=5000, idle_timeout_ms=idle_ms
    )


def ids(released: list[Event]) -> list[int]:
    """Return the indices of *released*."""
    return [event["i"] for event in released]


def test_events_wait_for_a_missing_index() -> None:
    """An open click holds back what came after it, until it comes."""
    order = Order(10_000)

    assert [0] == ids(order.add(batch(1, [at(0, "page", 0), at(9, "error", 2)]), NOW))
    assert order.waiting
    assert [1, 2] == ids(order.add(batch(2, [at(5, "click", 1)]), NOW + 2500))
    assert not order.waiting


def test_void_indices_are_no_holes() -> None:
    """What the browser gave up is not waited for, whether it says so before or after."""
    order = Order(10_000)

    assert [0, 2] == ids(order.add(batch(1, [at(0, "page", 0), at(9, "error", 2)], void=(1,)), NOW))
    assert [] == ids(order.add(batch(2, [at(20, "error", 4)]), NOW))
    assert [4] == ids(order.add(batch(3, [], void=(3,)), NOW))


def test_a_hole_is_waited_for_at_most_the_lateness() -> None:
    """After that the others go on; what comes then is released at once, a copy never."""
    order = Order(10_000)
    order.add(batch(1, [at(9, "error", 1)]), NOW)

    assert [] == order.overdue(NOW + 9999)
    assert [1] == ids(order.overdue(NOW + 10_000))
    assert [0] == ids(order.add(batch(2, [at(1, "click", 0)]), NOW + 10_001))
    assert [] == order.add(batch(3, [at(1, "click", 0), at(9, "error", 1)]), NOW + 10_002)


def test_flood_of_indices_is_bounded() -> None:
    """A giant index neither costs memory nor blocks for ever."""
    order = Order(10_000)
    order.add(batch(1, [at(9, "error", 10**14)]), NOW)

    assert [10**14] == ids(order.overdue(NOW + 10_000))


def test_late_event_makes_the_final_judgement_start_over() -> None:
    """Live it is judged as it comes; that it came too late is noted."""
    subject = live(rules(text("match: {event: click, times: 2, within: 1s}")))
    subject.add(batch(1, [click(5000)]), NOW)
    subject.add(batch(2, [click(4500)], load="other"), NOW)

    assert LATE == subject.dirty


def test_sweep_decides_absences_in_an_idle_session() -> None:
    """Deadline + flush interval + 5 s: then nothing can be on its way any more."""
    subject = live(rules(text("sequence:\n  - click\n  - {absent: page, within: 2s}")))
    subject.add(batch(1, [click(0)]), NOW)

    subject.sweep(NOW + 2000 + 9999)
    assert () == subject.changed()
    subject.sweep(NOW + 2000 + 10_000)
    assert [START + 2000] == [flag.at_ms for flag in subject.changed()]


def test_sweep_leaves_sessions_that_were_left_or_wait_for_a_hole() -> None:
    """Nobody is there to answer, or the answer may be on its way."""
    set_ = rules(text("sequence:\n  - click\n  - {absent: page, within: 2s}"))
    left = live(set_)
    left.add(batch(1, [click(0), at(200, "leave", 1, kind="close")]), NOW)
    left.sweep(NOW + 60_000)

    waiting = live(set_)
    waiting.add(batch(1, [click(0), at(900, "error", 2)]), NOW + 5000)
    waiting.sweep(NOW + 14_000)

    assert () == left.changed()
    assert () == waiting.changed()


def test_idle_end_decides_what_the_sweep_would_have_decided() -> None:
    """A session that stayed open and silent for its idle timeout had time to answer."""
    set_ = rules(text("sequence:\n  - click\n  - {absent: page, within: 2s}"))
    idle, left, short = live(set_), live(set_), live(set_, idle_ms=1000)
    for subject in (idle, left, short):
        subject.add(batch(1, [click(0)]), NOW)
    left.add(batch(2, [at(200, "leave", 1, kind="close")], seq=1), NOW)
    for subject in (idle, left, short):
        subject.end(session(end_kind="idle", ended_ms=NOW))

    assert [START + 2000] == [flag.at_ms for flag in idle.all(provisional=False)]
    assert () == left.all(provisional=False)
    assert () == short.all(provisional=False)


def visit(rng: random.Random) -> list[list[Event]]:
    """Return the events of a random visit with one to three page loads, by page load."""
    loads = []
    for _ in range(rng.randint(1, 3)):
        t, start, events = 0.0, rng.choice([0, 0, 2000, 40_000]), list[Event]()
        for i in range(rng.randint(1, 25)):
            t += rng.choice([0, 40, 200, 700, 2500, 15_000])
            kind = rng.choice(
                ["click"] * 6 + ["error", "field", "form", "page", "custom", "request"]
            )
            events.append({**fact(rng, kind, start + t), "i": i, "t": t})
        loads.append(events)
    return loads


def fact(rng: random.Random, kind: str, ms: float) -> Event:
    """Return a random event that the shipped rules look at."""
    key = rng.choice(["pay", "next"])
    if kind == "click":
        answered = rng.choice([{}, {}, {"answered_ms": 20}, {"answered_ms": 1500}])
        disabled = rng.random() < 0.15
        return click(ms, key, target={"interactive": True, "disabled": disabled}, **answered)
    more: dict[str, dict[str, Any]] = {
        "error": {"message": "m", "first_party": True, "click": rng.randint(0, 9)},
        "field": {"field": key, "form": "f", "invalid": rng.random() < 0.6},
        "form": {"form": "f", "outcome": rng.choice(["refused", "accepted"])},
        "page": {
            "path": rng.choice(["/a", "/b", "/checkout"]),
            "nav": rng.choice(["load", "reload"]),
        },
        "custom": {
            "name": rng.choice(["payment", "coupon", "order_placed"]),
            "props": {"ok": False, "result": "declined"},
        },
        "request": {"status": rng.choice([200, 500]), "click": rng.randint(0, 9), "url": "/u"},
    }
    return at(ms, kind, **more[kind])


def batches_of(rng: random.Random, loads: list[list[Event]]) -> list[StoredBatch]:
    """Cut *loads* into batches: some late, some out of order, some sent twice."""
    found: list[StoredBatch] = []
    for number, events in enumerate(loads):
        rest, seq = list(events), 0
        while rest:
            size = rng.randint(1, 6)
            part, rest = rest[:size], rest[size:]
            if rest and rng.random() < 0.3:  # a click whose outcome is open goes with the next
                rest.insert(rng.randint(0, min(3, len(rest))), part.pop(rng.randrange(len(part))))
            found.append(batch(0, part, load=f"load{number}", seq=seq))
            seq += 1
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 4)):
            a, b = rng.randrange(len(found)), rng.randrange(len(found))
            found[a], found[b] = found[b], found[a]
    if rng.random() < 0.3:
        found.append(rng.choice(found))
    return [replace(b, position=n + 1) for n, b in enumerate(found)]


SHIPPED = load_rules([shipped_rules()])


@pytest.mark.parametrize("seed", range(150))
def test_ended_sessions_are_judged_alike_however_they_came(seed: int) -> None:
    """Live judging, with a final rebuild where something was late, equals judging in order."""
    rng = random.Random(seed)
    loads = visit(rng)
    batches = batches_of(rng, loads)
    engine = Engine(SHIPPED)
    now, subject = NOW, live(SHIPPED)
    for item in batches:
        now += rng.choice([0, 500, 5000, 11_000])
        subject.sweep(now)
        subject.add(item, now)
        subject.changed()
    for _ in range(rng.randint(0, 3)):
        now += rng.choice([1000, 20_000, 10**6])
        subject.sweep(min(now, NOW + IDLE))
    ended = session(end_kind="idle", ended_ms=now)
    subject.end(ended)
    judged, score = subject.all(provisional=False), subject.score()
    if subject.dirty is not None:
        again = judge_ended(engine, ended, batches, flush_ms=5000, idle_timeout_ms=IDLE)
        judged, score = again.flags, again.score

    events = [e for number, load in enumerate(loads) for e in _renamed(load, f"load{number}")]
    last = max(event["ts"] for event in events)
    horizon = last + IDLE - 10_000
    expected = engine.judge(events, {}, end=(last, "idle"), horizon=horizon)

    assert engine.errors == 0
    assert {(r.rule.id, r.group, r.nth, r.at, r.hits, r.severity) for r in expected} == {
        (f.rule, f.group, f.nth, f.at_ms, f.hits, f.severity) for f in judged if f.withdrawn is None
    }
    assert len(expected) == len(score.terms)


@pytest.mark.parametrize("seed", range(60))
def test_inlined_rules_judge_like_the_general_machines(seed: int) -> None:
    """Source with plain rules inlined raises exactly the flags of source without."""
    rng = random.Random(1000 + seed)
    loads = [load for _ in range(4) for load in visit(rng)]
    events = [e for number, load in enumerate(loads) for e in _renamed(load, f"load{number}")]
    last = max(event["ts"] for event in events)
    found = []
    for fast in (True, False):
        engine = Engine(PLAIN, fast=fast)
        flags = engine.judge(events, {}, end=(last, "idle"))
        assert engine.errors == 0
        found.append(
            [(r.rule.id, r.group, r.at, r.hits, r.captures, [m.i for m in r.marks]) for r in flags]
        )

    assert found[1]
    assert found[1] == found[0]


PLAIN = rules(
    *(path.read_text() for path in sorted(shipped_rules().glob("*.yaml"))),
    text("match: {event: click, times: 3, within: 1s, same: target}", name="count_same"),
    text("match: {event: click, times: 4}\nuntil: page", name="count_until"),
    text("match: {event: field, times: 2, within: 20s, same: field}\nuntil: {event: field, "
         "where: {invalid: false}}", name="count_until_group"),
    text("sequence: [click, {event: error, as: e, within: 3s}, page]\nwithin: 20s\n"
         "capture: {m: e.message, p: path}\nflag: every\ncooldown: 1s", name="three"),
    text("sequence:\n  - click\n  - {absent: [page, error], within: 1500ms}\n"
         "group: target.key\nflag: every\ncooldown: 1ms", name="unanswered"),
    text("sequence:\n  - {event: page, as: p}\n  - {event: click}\n"
         "  - {absent: form, within: 9s, or_end: true}\nuntil: request\ngroup: p.path", name="wait"),
    text("sequence: [click, click]\nflag: every\ncooldown: 1ms", name="twice"),
)  # fmt: skip


def _renamed(events: list[Event], load: str) -> list[Event]:
    return [{**event, "page_load": load} for event in events]
