"""
Looks whether alerts hold: after judgements, and once a minute. Whether a site is silent is silence.py's.

Counted are flags in event time that nobody withdrew. An alert that holds is told once, and again only
after it did not hold any more; what it tells is written down together with that it was told.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from console.digest import week_until
from core.alerts import DAY_MS, WEEK_MS, Alert, AlertState, Firing, Span
from core.clock import Clock
from core.errors import StoreError
from stolper.alerting.silence import ArrivalStore, Silence

log = logging.getLogger(__name__)

EVERY_S = 60

REST_S = 5
"""Between two looks at least, however much is judged."""

SHARE = 0.05
"""Share of the time that is spent on looking, at most."""

WEEKS = 4
LEAST_DAYS = 3
"""So many days must be stored to say what is usual; of weeks, two."""

NEW_PAUSE_MS = 600_000
"""New struggles of ten minutes are told together: after a release there may be many."""

MOST_NEW = 50

KEEP_MS = 90 * DAY_MS
"""What was sent is listed for so long."""


def usual_spans(window_ms: int, now_ms: int, oldest_ms: int | None) -> list[Span]:
    """
    Return the spans that tell what is usual: the same hours of the seven days before, as far as visits
    are stored; for a window of a week the four weeks before.
    """
    step, many = (WEEK_MS, WEEKS) if window_ms > DAY_MS else (DAY_MS, 7)
    spans = [
        Span(now_ms - window_ms - number * step, now_ms - number * step)
        for number in range(1, many + 1)
    ]
    return [span for span in spans if oldest_ms is not None and span.from_ms >= oldest_ms]


def least_spans(window_ms: int) -> int:
    """Return how many of usual_spans() must be stored to say what is usual."""
    return 2 if window_ms > DAY_MS else LEAST_DAYS


def holds(alert: Alert, sessions: int, usual: float | None) -> bool:
    """Say whether so many sessions, where *usual* are usual, are what *alert* is to tell of."""
    return sessions >= alert.threshold and (not usual or sessions >= alert.factor * usual)


def digest_due_ms(alert: Alert, now_ms: int, zone: str) -> int:
    """Return when the digest *alert* was due last, by the clocks of *zone*."""
    now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
    day = now.date() - timedelta(days=(now.weekday() - alert.weekday) % 7)
    due = datetime(day.year, day.month, day.day, alert.hour, tzinfo=ZoneInfo(zone))
    if due > now:
        day -= timedelta(days=7)
        due = datetime(day.year, day.month, day.day, alert.hour, tzinfo=ZoneInfo(zone))
    return round(due.timestamp() * 1000)


class Watcher:
    """Looks at all alerts of *store*; *on_fired* is called when there is something to send."""

    def __init__(
        self, store: ArrivalStore, clock: Clock, zone: str, on_fired: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._on_fired = on_fired
        self._silence = Silence(store, clock)
        self._prompted = asyncio.Event()
        self._dropped_ms: int | None = None

    def prompt(self) -> None:
        """Look soon: something was judged, or changed."""
        self._prompted.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._prompted.clear()
            begun = time.perf_counter()
            try:
                await self.look()
            except StoreError as error:
                log.error("alerts could not be looked at: %s", error)
            except Exception:
                log.exception("looking at alerts failed")
            await asyncio.sleep(max(REST_S, (time.perf_counter() - begun) / SHARE))
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._prompted.wait()
            except TimeoutError:
                continue

    async def look(self) -> int:
        """Look at each alert once; return how many were told."""
        fired = 0
        await self._silence.look()
        for state in await self._store.alert_states():
            if state.alert.enabled and state.alert.to:
                fired += await self._looked_at(state)
        await self._drop_old()
        if fired:
            self._on_fired()
        return fired

    async def _drop_old(self) -> None:
        """Drop what is listed no longer, once a day: it is a write like any other."""
        now_ms = self._clock.now_ms()
        if self._dropped_ms is None or now_ms - self._dropped_ms >= DAY_MS:
            await self._store.drop_deliveries(now_ms - KEEP_MS)
            self._dropped_ms = now_ms

    async def _looked_at(self, state: AlertState) -> bool:
        """Look at an alert. A fault of ours with one keeps no other from being told."""
        try:
            return await self._look_at(state)
        except StoreError:
            raise
        except Exception:
            log.exception("the alert %s could not be looked at", state.alert.id)
            return False

    async def _look_at(self, state: AlertState) -> bool:
        if state.alert.kind == "count":
            return await self._count(state)
        if state.alert.kind == "new":
            return await self._new(state)
        if state.alert.kind == "silent":
            firing = await self._silence.firing(state.alert)
            return firing is not None and await self._store.fire(state.alert.id, firing)
        return await self._digest(state)

    async def _count(self, state: AlertState) -> bool:
        alert, now_ms = state.alert, self._clock.now_ms()
        facts = await self.counted(alert, now_ms)
        if not holds(alert, facts["sessions"], facts.get("usual")):
            if state.firing_ms is not None:
                await self._store.settle(alert.id)
            return False
        if state.firing_ms is not None or _too_soon(state, now_ms, min(alert.window_ms, DAY_MS)):
            return False
        return await self._store.fire(alert.id, Firing(now_ms, facts, ongoing=True))

    async def counted(self, alert: Alert, now_ms: int) -> dict[str, Any]:
        """Return what *alert* counts at *now_ms*; *usual* only where it is asked for, and known."""
        span = Span(now_ms - alert.window_ms, now_ms + 1)
        [sessions] = await self._store.count_flagged(alert.filter, [span])
        facts: dict[str, Any] = {
            "site": alert.site,
            "rule": alert.rule,
            "page": alert.page,
            "severity": alert.severity,
            "threshold": alert.threshold,
            "sessions": sessions,
            "from": span.from_ms,
            "until": span.until_ms,
        }
        if alert.factor and sessions >= alert.threshold:
            oldest = await self._store.oldest_visit_ms(alert.site)
            spans = usual_spans(alert.window_ms, now_ms, oldest)
            if len(spans) >= least_spans(alert.window_ms):
                facts["usual"] = statistics.median(
                    await self._store.count_flagged(alert.filter, spans)
                )
        return facts

    async def _new(self, state: AlertState) -> bool:
        alert, now_ms = state.alert, self._clock.now_ms()
        if _too_soon(state, now_ms, NEW_PAUSE_MS):
            return False
        new = [one.key for one in await self._store.new_struggles(alert, MOST_NEW)]
        back = await self._store.returned_struggles(alert, MOST_NEW)
        returned = [one.key for one in back if one.key not in new]
        if not new and not back:
            return False
        facts = {
            "site": alert.site,
            "rule": alert.rule,
            "page": alert.page,
            "severity": alert.severity,
            "struggles": [*new, *returned],
            "returned": returned,
        }
        told = (*new, *(one.told for one in back))
        return await self._store.fire(alert.id, Firing(now_ms, facts, told=told))

    async def _digest(self, state: AlertState) -> bool:
        alert, now_ms = state.alert, self._clock.now_ms()
        due_ms = digest_due_ms(alert, now_ms, self._zone)
        if due_ms < alert.changed_ms or (state.told_ms or 0) >= due_ms:
            return False
        return await self._store.fire(alert.id, Firing(now_ms, self.week(alert, due_ms)))

    def week(self, alert: Alert, at_ms: int) -> dict[str, Any]:
        """Return what a digest of the last whole days before *at_ms* is made from."""
        span = week_until(at_ms, self._zone)
        report = {"report": alert.report} if alert.report else {}
        return {"site": alert.site, "from": span.from_ms, "until": span.until_ms, **report}


def _too_soon(state: AlertState, now_ms: int, pause_ms: int) -> bool:
    return state.told_ms is not None and now_ms - state.told_ms < pause_ms
