"""Sessions end by the clock or on request, once, and say how."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from collector.sessions import SessionCloser
from core.model import NewBatch, Session
from core.sqlite import SqliteStore
from core.store import Store
from tests.collector.support import SITE
from tests.core.support import NOON, ManualClock, batch, event

TIMEOUT = SITE.idle_timeout_ms


class Closing:
    """A closer and what it told."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.told: list[Session] = []
        self.closer = SessionCloser(store, clock, on_ended=self.told.append, every_ms=10)


@pytest.fixture
def closing(store: Store, clock: ManualClock) -> Closing:
    """Return a closer on the store."""
    return Closing(store, clock)


def at(t: float, i: int = 0, type_: str = "click", **fields: Any) -> NewBatch:
    """Return a batch with one event at noon + *t*."""
    return batch(seq=i, origin_ms=float(NOON), events=[event(i, t, type_, **fields)])


async def test_an_idle_session_ends_once(
    store: Store, clock: ManualClock, closing: Closing
) -> None:
    """Not before its timeout; then at the time of its last event; told once."""
    await store.append(at(0))
    clock.now = NOON + TIMEOUT
    assert 0 == await closing.closer.sweep()
    clock.advance(1)

    assert [1, 0] == [await closing.closer.sweep() for _ in range(2)]
    (told,) = closing.told
    assert (NOON, "idle") == (told.ended_ms, told.end_kind)
    assert told == await store.session("session-a")


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([("click", {})], "idle"),
        ([("leave", {"kind": "close"})], "left"),
        ([("leave", {"kind": "link"}), ("visibility", {"state": "hidden"})], "left"),
        ([("leave", {"kind": "close"}), ("page", {"nav": "load"})], "idle"),
        ([("leave", {"kind": "hidden"})], "idle"),
        ([("leave", {"kind": "route"})], "idle"),
        ([], "idle"),
    ],
)
async def test_the_kind_tells_whether_the_page_was_left(
    store: Store,
    clock: ManualClock,
    closing: Closing,
    events: list[tuple[str, dict[str, Any]]],
    kind: str,
) -> None:
    """`left` if the last thing was a leave; a hidden tab or a route change is none."""
    await store.append(batch(events=[event(i, i, t, **f) for i, (t, f) in enumerate(events)]))
    clock.advance(TIMEOUT + 1)
    await closing.closer.sweep()

    assert [kind] == [session.end_kind for session in closing.told]


async def test_what_is_told_with_the_leave_hides_it_not(
    store: Store, clock: ManualClock, closing: Closing
) -> None:
    """How much a page shifted is told at the very time of its leave: the visit was left all the same."""
    told = [event(0, 1000, "page"), event(1, 5000, "vitals", kind="cls", cls=0.01)]
    await store.append(batch(events=[*told, event(2, 5000, "leave", kind="close")]))
    clock.advance(TIMEOUT + 5001)
    await closing.closer.sweep()

    assert ["left"] == [session.end_kind for session in closing.told]


async def test_order_of_arrival_does_not_matter(
    store: Store, clock: ManualClock, closing: Closing
) -> None:
    """A leave that arrived before earlier events is still the last thing that happened."""
    await store.append(at(5000, 1, "leave", kind="close"))
    await store.append(at(1000, 0))
    clock.advance(TIMEOUT + 5001)
    await closing.closer.sweep()

    assert ["left"] == [session.end_kind for session in closing.told]


async def test_a_session_that_goes_on_meanwhile_stays_open(
    store: Store, clock: ManualClock
) -> None:
    """An event that is stored between looking and closing keeps the session."""
    told: list[Session] = []
    await store.append(at(0))
    clock.now = NOON + TIMEOUT + 1

    class Slow(SqliteStore):
        """A store where a batch comes in right after the idle ones were looked up."""

        async def batches(self, session: str) -> Any:
            await self.append(at(TIMEOUT, 1))
            return await super().batches(session)

    slow = Slow(store._data, clock)  # type: ignore[attr-defined] -- the same folder
    await slow.open()
    closer = SessionCloser(slow, clock, on_ended=told.append)
    assert 0 == await closer.sweep()
    await slow.close()

    assert [] == told


async def test_ending_on_request(store: Store, closing: Closing) -> None:
    """end() closes at once and tells once; again it only returns the session; unknown is None."""
    await store.append(at(700))
    ended = await closing.closer.end("session-a")

    assert ended is not None
    assert (NOON + 700, "ended") == (ended.ended_ms, ended.end_kind)
    assert ended == await closing.closer.end("session-a")
    assert [ended] == closing.told
    assert None is await closing.closer.end("nobody")


async def test_a_session_ends_again_after_it_was_opened_again(
    store: Store, clock: ManualClock, closing: Closing
) -> None:
    """A late batch opens it; the next end is told as well."""
    await store.append(at(0))
    await closing.closer.end("session-a")
    await store.append(at(2000, 1))
    clock.advance(TIMEOUT + 2001)

    assert 1 == await closing.closer.sweep()
    assert [NOON, NOON + 2000] == [session.ended_ms for session in closing.told]


async def test_run_sweeps_until_cancelled(store: Store, clock: ManualClock) -> None:
    """The task ends what becomes idle while it runs."""
    ended = asyncio.Event()
    told: list[Session] = []

    def tell(session: Session) -> None:
        told.append(session)
        ended.set()

    await store.append(at(0))
    task = asyncio.create_task(SessionCloser(store, clock, on_ended=tell, every_ms=10).run())
    clock.advance(TIMEOUT + 1)
    await asyncio.wait_for(ended.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert ["session-a"] == [session.id for session in told]


async def test_an_unforeseen_error_costs_one_round(
    store: Store, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong after the end of one session is logged; those that become idle later end all the same."""
    broken, ended = asyncio.Event(), asyncio.Event()

    def tell(session: Session) -> None:
        if session.id == "session-a":
            broken.set()
            raise ValueError("broken")
        ended.set()

    await store.append(at(0))
    task = asyncio.create_task(SessionCloser(store, clock, on_ended=tell, every_ms=10).run())
    clock.advance(TIMEOUT + 1)
    await asyncio.wait_for(broken.wait(), 5)
    await store.append(replace(at(0), session="session-b"))
    clock.advance(2 * TIMEOUT)
    await asyncio.wait_for(ended.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert "ValueError: broken" in caplog.text
