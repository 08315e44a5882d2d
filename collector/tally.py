"""
Counts what comes and what does not, by site and day, for the page that says why nothing arrives.

Owns counting in memory and writing it down now and then; a kill costs the last few seconds of
counts and nothing else. What is counted says nothing of any visitor.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

from aiohttp import web

from core.clock import Clock
from core.errors import StoreError
from core.health import DAY_MS, HealthCount, What
from core.store import HealthStore

log = logging.getLogger(__name__)

EVERY_S = 5
"""A person who waits for the first batch reloads the page about so often."""

MOST_DETAILS = 100
"""Origins, versions and places of one site and day that are told apart; anybody can make them up."""

OTHERS = "(others)"
DETAIL_MAX = 200


class Tally:
    """Adds up in memory; `running` writes it down."""

    def __init__(self, store: HealthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: Counter[tuple[str, int, What, str]] = Counter()
        self._last: dict[tuple[str, int, What, str], int] = {}
        self._details: defaultdict[tuple[str, int, What], set[str]] = defaultdict(set)

    def add(self, site: str, what: What, detail: str = "", count: int = 1) -> None:
        """Count *what* for the site with the key *site*."""
        now = self._clock.now_ms()
        day = now // DAY_MS
        detail = detail[:DETAIL_MAX]
        key = (site, day, what, detail)
        if key in self._last:  # counted a moment ago, as most are
            self._counts[key] += count
            self._last[key] = now
            return
        known = self._details[site, day, what]
        if detail not in known:
            detail = detail if len(known) < MOST_DETAILS else OTHERS
            known.add(detail)
        key = (site, day, what, detail)
        self._counts[key] += count
        self._last[key] = now

    async def flush(self) -> None:
        """Write down what was counted since; what cannot be written is kept for the next time."""
        counts, self._counts = self._counts, Counter()
        last, self._last = self._last, {}
        if not counts:
            return
        try:
            await self._store.note(
                [HealthCount(*key, count, last[key]) for key, count in counts.items()]
            )
        except StoreError as error:
            log.error("the counts of recording health could not be written: %s", error)
            self._counts.update(counts)
            self._last = {**last, **self._last}
        today = self._clock.now_ms() // DAY_MS
        for key in [key for key in self._details if key[1] < today]:
            del self._details[key]

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Write down every few seconds while the application runs, and at its end."""
        task = asyncio.create_task(self._run(), name="health counts")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()
