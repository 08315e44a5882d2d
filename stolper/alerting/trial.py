"""
What an alert would have told in the last days: so that its threshold is chosen, not guessed.

Hour by hour as watching.py looks every minute; what lies between two hours may be a little more.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from console.alerting import Tried, TriedOnce
from core.alerts import DAY_MS, HOUR_MS, WEEK_MS, Alert
from stolper.alerting.watching import WEEKS, holds, least_spans

SPAN_MS = WEEK_MS

Moments = Sequence[tuple[float, str]]


def needed_ms(alert: Alert) -> int:
    """Return how far back flags are needed to try *alert* on."""
    return SPAN_MS + alert.window_ms + (WEEKS * WEEK_MS if alert.window_ms > DAY_MS else WEEK_MS)


def trial(alert: Alert, moments: Moments, now_ms: int, oldest_ms: int | None) -> Tried:
    """Return when *alert* would have been told. *moments* are times and sessions of flags, by time."""
    step, many = (WEEK_MS, WEEKS) if alert.window_ms > DAY_MS else (DAY_MS, 7)
    grid = [now_ms - hours * HOUR_MS for hours in range(needed_ms(alert) // HOUR_MS, -1, -1)]
    counts = dict(zip(grid, _counts(moments, grid, alert.window_ms), strict=True))
    told: list[TriedOnce] = []
    most = TriedOnce(now_ms, 0, None)
    firing, told_ms = False, 0
    for at_ms in [one for one in grid if one > now_ms - SPAN_MS]:
        before = [
            counts[at_ms - number * step]
            for number in range(1, many + 1)
            if oldest_ms is not None and at_ms - number * step - alert.window_ms >= oldest_ms
        ]
        known = alert.factor and len(before) >= least_spans(alert.window_ms)
        usual = statistics.median(before) if known else None
        once = TriedOnce(at_ms, counts[at_ms], usual)
        most = max(most, once, key=lambda one: one.sessions)
        is_so = holds(alert, once.sessions, usual)
        if is_so and not firing and at_ms - told_ms >= min(alert.window_ms, DAY_MS):
            told.append(once)
            told_ms, firing = at_ms, True
        elif not is_so:
            firing = False
    return Tried(tuple(told), most)


def _counts(moments: Moments, grid: Sequence[int], window_ms: int) -> list[int]:
    """Return how many sessions have a flag within *window_ms* before each time of *grid*."""
    inside: Counter[str] = Counter()
    counts: list[int] = []
    first = last = 0
    for at_ms in grid:
        while last < len(moments) and moments[last][0] <= at_ms:
            inside[moments[last][1]] += 1
            last += 1
        while first < last and moments[first][0] < at_ms - window_ms:
            inside[moments[first][1]] -= 1
            if not inside[moments[first][1]]:
                del inside[moments[first][1]]
            first += 1
        counts.append(len(inside))
    return counts
