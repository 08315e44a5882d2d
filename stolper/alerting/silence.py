"""
Looks whether the recording of a site has stopped: nothing arrives at hours at which visits usually begin.

How long nothing arrived is told by the server's own clock, since when visits happened says nothing of when their
batches came. What is usual is told by when visits began. A time in which this server did not look (it was
off, or asleep, or its clock was set) is no silence of a site.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.alerts import DAY_MS, WEEK_MS, Alert, AlertStore, Firing, Span
from core.clock import Clock
from core.model import SessionQuery, Site
from core.store import RecordStore, SiteStore

ASLEEP_MS = 30 * 60_000
"""Nobody looks so seldom while the machine is awake."""

LEAST_DAYS = 3
"""So many of the last seven days must be stored to say what is usual."""


class ArrivalStore(AlertStore, SiteStore, RecordStore, Protocol):
    """The parts of a store that silence is judged by."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A site of which nothing arrived since *last_ms*, where *usual* sessions begin in as long a span."""

    site: str  # key
    last_ms: int
    usual: float


def silence_name(site: str, last_ms: int) -> str:
    """Return the name of a silence, as Firing.told has it: each one is told once."""
    return f"{site}#{last_ms}"


class Silence:
    """Knows since when it can be told that nothing arrives. *look()* comes before every *firing()*."""

    def __init__(self, store: ArrivalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._since_ms = clock.now_ms()
        self._looked_ms = self._since_ms
        self._off_ms: dict[str, int] = {}
        self._sites: Sequence[Site] = ()

    async def look(self) -> None:
        """Take note of the time, and of the sites whose recording is switched off."""
        now_ms = self._clock.now_ms()
        if not 0 <= now_ms - self._looked_ms <= ASLEEP_MS:
            self._since_ms = now_ms
        self._looked_ms = now_ms
        self._sites = await self._store.sites()
        self._off_ms |= {one.key: now_ms for one in self._sites if not one.options.enabled}

    async def firing(self, alert: Alert) -> Firing | None:
        """Return what *alert* tells now of silences that it has not told of; None if there is none."""
        silent = await self._silent(alert, await self._store.told(alert.id))
        if not silent:
            return None
        facts: dict[str, Any] = {
            "site": alert.site,
            "threshold": alert.threshold,
            "window": alert.window_ms,
            "silent": [
                {"site": one.site, "last": one.last_ms, "usual": one.usual} for one in silent
            ],
        }
        return Firing(
            self._clock.now_ms(),
            facts,
            told=tuple(silence_name(one.site, one.last_ms) for one in silent),
        )

    async def _silent(self, alert: Alert, told: set[str]) -> list[Silent]:
        """Return the sites, of those that *alert* is about, that are silent for its window now, but for those *told*."""
        arrivals = await self._store.last_arrivals()
        found: list[Silent] = []
        for site in self._sites:
            last_ms = arrivals.get(site.key)
            if last_ms is None or alert.site not in ("", site.key) or not site.options.enabled:
                continue
            due_ms = self._begin_ms(site, last_ms) + alert.window_ms
            # What was so before the alert was made is not told by it.
            if not alert.changed_ms <= due_ms <= self._clock.now_ms():
                continue
            if silence_name(site.key, last_ms) in told:
                continue
            usual = await self._usual(site, alert.window_ms)
            if usual is not None and usual >= alert.threshold:
                found.append(Silent(site.key, last_ms, usual))
        return found

    def _begin_ms(self, site: Site, last_ms: int) -> int:
        """Return since when nothing arrived of *site* although it could have."""
        return max(last_ms, self._since_ms, self._off_ms.get(site.key, 0))

    async def _usual(self, site: Site, window_ms: int) -> float | None:
        """
        Return how many sessions begin at these hours: the median of the seven days before.

        None if too few of these are stored, or if none began a week ago: then the site rests on this weekday.
        """
        now_ms = self._clock.now_ms()
        oldest_ms = await self._store.oldest_visit_ms(site.key)
        spans = [
            Span(now_ms - window_ms - ago_ms, now_ms - ago_ms)
            for ago_ms in range(DAY_MS, WEEK_MS + 1, DAY_MS)
        ]
        stored = [one for one in spans if oldest_ms is not None and one.from_ms >= oldest_ms]
        if len(stored) < LEAST_DAYS:
            return None
        counts = [
            await self._store.count_sessions(
                SessionQuery(site=site.key, since_ms=one.from_ms, until_ms=one.until_ms)
            )
            for one in stored
        ]
        rests = len(stored) == len(spans) and counts[-1] == 0
        return None if rests else statistics.median(counts)
