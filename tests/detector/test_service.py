"""The detector's task on a real store: delays, checkpoint, restart, ends, faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreFailed
from core.model import Flag, NewBatch, Session, Site, StoredBatch, Verdicts
from core.settings import DetectorSettings
from core.sqlite import SqliteStore
from detector import service
from detector.loader import load_rules, shipped_rules
from detector.rule import RuleSet
from detector.service import Detector
from tests.detector.helpers import START, Event, at, click, rules, text

NOW = int(START)
SHIPPED = load_rules([shipped_rules()])


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        """Return the time it was set to."""
        return self.now


class Bench:
    """A store with one site, a detector on it, and what it told."""

    def __init__(self, store: SqliteStore, clock: HandClock) -> None:
        self.store = store
        self.clock = clock
        self.told: list[Verdicts] = []
        self._seq: dict[tuple[str, str], int] = {}

    def detector(self, set_: RuleSet = SHIPPED, store: Any = None) -> Detector:
        """Return a detector that sweeps only when asked to."""
        settings = DetectorSettings(lateness_ms=10_000, sweep_ms=3_600_000)
        return Detector(
            store or self.store, set_, self.clock, settings=settings, on_verdicts=self.told.append
        )

    async def send(
        self, events: Sequence[Event], *, session: str = "s", load: str = "load", **more: Any
    ) -> StoredBatch:
        """Store a batch as the collector does."""
        seq = self._seq.get((session, load), 0)
        self._seq[session, load] = seq + 1
        stripped = [
            {k: v for k, v in e.items() if k not in ("ts", "page_load", "tab")} for e in events
        ]
        new = NewBatch(
            "site", session, b"secret", load, "tab", seq, f"{session}{load}{seq}".encode(),
            self.clock.now, START, stripped, (), more.get("attributes", {}), None, None,
            {"path": "/"}, (), b"", None,
        )  # fmt: skip
        stored = (await self.store.append(new)).batch
        assert stored is not None
        return stored

    async def flags(self, session: str = "s") -> list[tuple[str, str, bool]]:
        """Return the flags that stand as (rule, group, provisional)."""
        return [(f.rule, f.group, f.provisional) for f in await self.store.flags(session)]

    async def end(self, session: str = "s", kind: str = "ended") -> Session:
        """End the session in the store."""
        ended = await self.store.end_session(session, kind)
        assert ended is not None
        return ended


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Return a bench on a fresh data folder."""
    clock = HandClock()
    store = SqliteStore(tmp_path / "data", clock)
    await store.open()
    await store.add_site(Site("site", "shop", (), "full", "standard", 30 * 60_000, NOW))
    yield Bench(store, clock)
    await store.close()


@pytest.fixture
async def run(bench: Bench) -> AsyncIterator[Callable[..., Any]]:
    """Return what starts a detector; all are stopped at the end."""
    running: list[Detector] = []

    async def start(set_: RuleSet = SHIPPED, store: Any = None) -> Detector:
        found = bench.detector(set_, store)
        await found.start()
        running.append(found)
        return found

    yield start
    for found in running:
        await found.stop()


def presses(count: int, every: int = 150, start: int = 0) -> list[Event]:
    """Return presses on a dead button."""
    return [
        {**click(start + n * every, "pay", target={"interactive": True}), "i": n}
        for n in range(count)
    ]


async def test_flag_is_written_soon_after_its_batch(bench: Bench, run: Any) -> None:
    """A flag is in the store within 200 ms of the batch that completes it, and is told."""
    detector = await run()
    stored = await bench.send(presses(5))

    began = time.perf_counter()
    detector.notify(stored)
    await detector.drain()
    took = time.perf_counter() - began

    assert [("rage_click", "pay", True)] == await bench.flags()
    assert took < 0.2
    assert ["s"] == [v.session for v in bench.told]


async def test_flag_says_all_that_is_shown(bench: Bench, run: Any) -> None:
    """Both titles, the target with its selector, evidence with places, page load and tab."""
    detector = await run()
    path = [{"tag": "button", "classes": ["wide"]}, {"tag": "form", "id": "order"}]
    target = {"key": "pay", "tag": "button", "label": "Pay", "node": 7, "interactive": True}
    event = {**at(0, "click", trusted=True), "target": {**target, "path": path}, "path": "/pay"}
    detector.notify(await bench.send([event]))
    await detector.drain()

    flag = (await bench.store.flags("s"))[0]

    assert {"en": "Click without an answer", "de": "Klick ohne Antwort"} == flag.title
    assert {
        "key": "pay", "label": "Pay", "node": 7, "selector": "form#order > button.wide",
    } == flag.target  # fmt: skip
    assert ("/pay", "load", "tab") == (flag.page, flag.page_load, flag.tab)
    assert [("load:0", START, "click", "/pay")] == [
        (e.event, e.at_ms, e.type, e.path) for e in flag.evidence
    ]


async def test_replaced_flag_is_withdrawn_with_the_reason(bench: Bench, run: Any) -> None:
    """A dead click that was shown gives way to the second one, and both to the rage click."""
    detector = await run()
    events = presses(3)
    detector.notify(await bench.send(events[:1]))
    await detector.drain()
    assert [("dead_click", "pay", True)] == await bench.flags()

    detector.notify(await bench.send(events[1:]))
    await detector.drain()

    assert [("rage_click", "pay", True)] == await bench.flags()
    gone = [f for f in await bench.store.flags("s", withdrawn=True) if f.withdrawn]
    assert [("dead_click", "replaced by rage_click")] == [(f.rule, f.withdrawn) for f in gone]


async def test_end_makes_flags_final(bench: Bench, run: Any) -> None:
    """Once the session has ended its flags are no longer provisional, and or_end has fired."""
    detector = await run()
    detector.notify(await bench.send([at(0, "page", path="/checkout"), *_from(1, presses(5))]))
    await detector.drain()
    assert [("rage_click", "pay", True)] == await bench.flags()

    detector.session_ended(await bench.end())
    await detector.drain()

    found = await bench.flags()
    assert {
        ("rage_click", "pay", False),
        ("checkout_abandon_after_struggle", "", False),
    } == set(found)
    assert [] == await bench.store.unjudged_sessions()


def _from(first: int, events: list[Event]) -> list[Event]:
    return [{**event, "i": event["i"] + first} for event in events]


async def test_session_judged_again_when_something_came_late(bench: Bench, run: Any) -> None:
    """What live judging missed is added at the end; what does not stand is withdrawn."""
    detector = await run(
        rules(text("sequence:\n  - click\n  - {absent: page, within: 1s}\ngroup: target.key"))
    )
    detector.notify(await bench.send([{**click(0, "a"), "i": 0}, {**at(5000, "error"), "i": 1}]))
    await detector.drain()
    assert [("x", "a", True)] == await bench.flags()

    detector.notify(await bench.send([at(500, "page")], load="other"))
    detector.session_ended(await bench.end())
    await detector.drain()

    assert [] == await bench.flags()
    gone = await bench.store.flags("s", withdrawn=True)
    assert ["events came later than they should have"] == [f.withdrawn for f in gone]


async def test_late_batch_opens_the_session_again(bench: Bench, run: Any) -> None:
    """A batch after the end is judged with all that came before, and ends anew."""
    detector = await run()
    events = presses(4, every=600)
    detector.notify(await bench.send(events[:2]))
    await detector.drain()
    detector.session_ended(await bench.end())
    await detector.drain()
    assert [("dead_click_repeat", "pay", False)] == await bench.flags()

    late = await bench.send(events[2:])
    assert late.late
    detector.notify(late)
    await detector.drain()
    assert [("rage_click", "pay", True)] == await bench.flags()
    detector.session_ended(await bench.end())
    await detector.drain()

    assert [("rage_click", "pay", False)] == await bench.flags()


async def test_sweep_raises_flags_in_idle_sessions(bench: Bench, run: Any) -> None:
    """Half an hour (and a little) after the checkout was entered, without any event."""
    site = Site("long", "long", (), "full", "standard", 3 * 3_600_000, NOW)
    await bench.store.add_site(site)
    detector = await run()
    new = await bench.send([at(0, "page", path="/checkout")])
    detector.notify(new)
    await detector.drain()

    bench.clock.now = NOW + 30 * 60_000 + 9_999
    await detector.sweep()
    assert [] == await bench.flags()
    bench.clock.now = NOW + 40 * 60_000
    await detector.sweep()

    # The site's idle timeout is half an hour: the session's end decides, not the sweep.
    assert [] == await bench.flags()
    detector.session_ended(await bench.end(kind="idle"))
    await detector.drain()
    assert [("checkout_abandon", "", False)] == await bench.flags()


async def test_restart_judges_open_sessions_again(bench: Bench) -> None:
    """A detector that dies between two batches of a burst loses nothing and doubles nothing."""
    events = presses(5)
    first = bench.detector()
    await first.start()
    first.notify(await bench.send(events[:2]))
    await first.drain()
    await first.stop()
    stored = await bench.send(events[2:])  # nobody heard of it
    second = bench.detector()
    await second.start()

    assert [("rage_click", "pay", True)] == await bench.flags()
    assert stored.position == await bench.store.checkpoint()
    before = await bench.store.flags("s", withdrawn=True)
    await second.stop()
    third = bench.detector()
    await third.start()
    await third.stop()
    assert before == await bench.store.flags("s", withdrawn=True)


async def test_end_that_nobody_judged_is_judged_at_start(bench: Bench) -> None:
    """A session that ended just before the detector died gets its final judgement."""
    first = bench.detector()
    await first.start()
    first.notify(await bench.send([at(0, "page", path="/checkout")]))
    await first.drain()
    await first.stop()
    await bench.end(kind="left")
    assert ["s"] == [s.id for s in await bench.store.unjudged_sessions()]

    second = bench.detector()
    await second.start()
    await second.stop()

    assert [("checkout_abandon", "", False)] == await bench.flags()
    assert [] == await bench.store.unjudged_sessions()


async def test_killed_anywhere_the_flags_come_out_alike(bench: Bench) -> None:
    """Killed after any batch, or before its write, the final flags are those of a calm run."""
    events = [
        at(0, "page", path="/checkout"),
        *_from(1, presses(6, every=400, start=1000)),
        *[{**at(9000 + n, "form", form="f", outcome="refused"), "i": 7 + n} for n in range(2)],
    ]
    parts = [events[n : n + 2] for n in range(0, len(events), 2)]

    async def visit(name: str, kill_at: int | None) -> list[Flag]:
        detector = bench.detector()
        await detector.start()
        for number, part in enumerate(parts):
            detector.notify(await bench.send(part, session=name))
            if number == kill_at:
                task = detector._task
                assert task is not None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                detector = bench.detector()
                await detector.start()
            else:
                await detector.drain()
        detector.session_ended(await bench.end(name))
        await detector.stop()
        found = [replace(f, id="", session="") for f in await bench.store.flags(name)]
        return sorted(found, key=lambda flag: (flag.at_ms, flag.rule))

    calm = await visit("calm", None)
    assert {"rage_click", "validation_loop_form"} < {flag.rule for flag in calm}
    for kill_at in range(len(parts)):
        assert calm == await visit(f"killed{kill_at}", kill_at)


class FailingStore:
    """A store whose writes of verdicts fail a few times."""

    def __init__(self, store: SqliteStore, failures: int) -> None:
        self._store = store
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None:
        """Fail, or write."""
        if self.failures:
            self.failures -= 1
            raise StoreFailed("disk full")
        await self._store.commit_verdicts(verdicts)


async def test_failing_write_is_tried_again(
    bench: Bench, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk delays flags; it loses none."""
    monkeypatch.setattr(service, "RETRY_S", (0.001,))
    failing = FailingStore(bench.store, 0)
    detector = await run(store=failing)
    failing.failures = 3
    detector.notify(await bench.send(presses(5)))
    await detector.drain()

    assert 0 == failing.failures
    assert [("rage_click", "pay", True)] == await bench.flags()


async def test_overflow_is_caught_up_from_the_store(
    bench: Bench, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches that found no place in memory are read from the store."""
    monkeypatch.setattr(service, "QUEUE_LIMIT", 1)
    detector = await run()
    for event in presses(5):
        detector.notify(await bench.send([event]))
    await detector.drain()

    assert [("rage_click", "pay", True)] == await bench.flags()


async def test_event_that_breaks_a_rule_ends_nothing(
    bench: Bench, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A malformed event is counted and logged; the next ones are judged."""
    detector = await run()
    bad = {**presses(1)[0], "answered_ms": "soon"}
    detector.notify(await bench.send([bad]))
    detector.notify(await bench.send(_from(1, presses(5, start=5000))))
    await detector.drain()

    assert 1 == detector.errors
    assert "a rule failed on a click event" in caplog.text
    assert [("rage_click", "pay", True)] == await bench.flags()


async def test_session_attributes_that_change_are_judged_again(bench: Bench, run: Any) -> None:
    """A segment that becomes known later counts for the whole session."""
    detector = await run(rules(text("match: {event: click}\nscope: {segment: business}")))
    detector.notify(await bench.send([{**click(0), "i": 0}]))
    detector.notify(
        await bench.send([{**at(10, "page"), "i": 1}], attributes={"segment": "business"})
    )
    await detector.drain()
    detector.session_ended(await bench.end())
    await detector.drain()

    assert [("x", "", False)] == await bench.flags()
