"""
Ends sessions: idle ones by the clock, others on request.

Owns when a session ends and how it is named (left, idle, ended). What follows from an end
(final judgement, live lists) is told through a callable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from core.clock import Clock
from core.errors import StoreError
from core.model import Session, StoredBatch
from core.store import IngestStore, RecordStore

log = logging.getLogger(__name__)

LEAVING = frozenset({"link", "back", "close"})
"""Kinds of `leave` that mean that the page was left; a hidden tab or a route change is not."""


class ClosingStore(IngestStore, RecordStore, Protocol):
    """The parts of a store that ending sessions needs."""


class SessionCloser:
    """Sweeps for idle sessions every *every_ms*; *on_ended* hears of each end once."""

    def __init__(
        self,
        store: ClosingStore,
        clock: Clock,
        *,
        on_ended: Callable[[Session], None],
        every_ms: int = 250,
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_ended = on_ended
        self._every_ms = every_ms

    async def run(self) -> None:
        """Sweep until cancelled. A store that cannot do it now is asked again."""
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                log.error("idle sessions could not be ended: %s", error)
            except Exception:  # whatever it is, other sessions still have to end
                log.exception("idle sessions could not be ended")
            await asyncio.sleep(self._every_ms / 1000)

    async def sweep(self) -> int:
        """End the sessions that are idle now; return how many."""
        now_ms = self._clock.now_ms()
        ended = 0
        for session in await self._store.idle_sessions(now_ms):
            kind = "left" if was_left(await self._store.batches(session.id)) else "idle"
            closed = await self._store.end_session(session.id, kind, idle_at_ms=now_ms)
            if closed is not None and closed.ended_ms is not None:
                self._on_ended(closed)
                ended += 1
        return ended

    async def end(self, session: str, kind: str = "ended") -> Session | None:
        """End *session* at once; return it as it then is, or None if there is none."""
        before = await self._store.session(session)
        if before is None or before.ended_ms is not None:
            return before
        closed = await self._store.end_session(session, kind)
        if closed is not None:
            self._on_ended(closed)
        return closed


def was_left(batches: list[StoredBatch]) -> bool:
    """Say whether the last thing in *batches*, the tab's visibility aside, was leaving the page."""
    last = max(
        (event for batch in batches for event in batch.events if event["type"] != "visibility"),
        # What is told as the page ends (how much it shifted) has the time of its leave.
        key=lambda event: (event["ts"], event["type"] == "leave"),
        default=None,
    )
    return last is not None and last["type"] == "leave" and last.get("kind") in LEAVING
