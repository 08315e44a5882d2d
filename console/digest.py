"""
The week in numbers, as the mail and the console's page tell it.

Owns what is counted; words are alert_words.py's. Days are those of a time zone, so that a week of the
change to summer time has its 167 hours.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from core.alerts import DAY_MS, AlertStore, Counted, FlagFilter, Span
from core.fixes import FixStore
from core.model import SessionQuery, Struggle
from core.store import RecordStore, VerdictStore
from core.triage import Queue, QueueQuery, TriageStore
from insight.fixes import Verdict, verdict

DAYS = 7
TOP = 5

FIXED_DAYS = 28
"""Days back from the end of a week in which fixes are told of: what came of one shows in weeks."""


class DigestStore(AlertStore, RecordStore, VerdictStore, TriageStore, FixStore, Protocol):
    """The parts of a store that a digest is read from."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day: when it began, its sessions, and those of them with a struggle."""

    at_ms: int
    sessions: int
    flagged: int


@dataclass(frozen=True, slots=True)
class Row:
    """A struggle, with how often it was met in the week and in the one before."""

    struggle: Struggle
    counted: Counted
    new: bool


@dataclass(frozen=True, slots=True)
class Fixed:
    """A struggle that was said to be mended in the last weeks, and what came of that."""

    struggle: Struggle
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Digest:
    """A week, the sums of the one before it, and the struggles that most sessions met."""

    site: str  # key; empty: all
    span: Span
    days: tuple[Day, ...]
    before: Day  # of the whole week before
    rows: tuple[Row, ...]
    reviews: (
        Queue  # those that were overdue at its end and still are, longest first; of how many in all
    )
    fixed: tuple[Fixed, ...]  # as it is now: what was mended of late

    @property
    def sessions(self) -> int:
        """Return how many sessions began in the week."""
        return sum(day.sessions for day in self.days)

    @property
    def flagged(self) -> int:
        """Return how many of them met a struggle."""
        return sum(day.flagged for day in self.days)


def week_until(now_ms: int, zone: str) -> Span:
    """Return the seven whole days before *now_ms*, by the calendar of *zone*."""
    return days_until(now_ms, zone, DAYS)


def days_until(now_ms: int, zone: str, number: int) -> Span:
    """Return *number* whole days before *now_ms*, by the calendar of *zone*."""
    last = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone)).date()
    return Span(*(_midnight(last - timedelta(days=days), zone) for days in (number, 0)))


def days_from(from_ms: int, zone: str, number: int) -> Span:
    """Return *number* whole days from the one on in which *from_ms* is, by the calendar of *zone*."""
    first = datetime.fromtimestamp(from_ms / 1000, ZoneInfo(zone)).date()
    return Span(*(_midnight(first + timedelta(days=days), zone) for days in (0, number)))


def days_of(span: Span, zone: str) -> list[Span]:
    """Return the days of *span* by the calendar of *zone*."""
    first = datetime.fromtimestamp(span.from_ms / 1000, ZoneInfo(zone)).date()
    starts = [_midnight(first + timedelta(days=number), zone) for number in range(DAYS + 1)]
    return [Span(start, end) for start, end in itertools.pairwise(starts)]


def _midnight(day: date, zone: str) -> int:
    at = datetime.combine(day, time(), ZoneInfo(zone))
    return round(at.timestamp() * 1000)


async def digest(store: DigestStore, site: str, span: Span, zone: str) -> Digest:
    """Return the numbers of the week *span* of a site (key), or of all."""
    days = [
        Day(day.from_ms, *await _counts(store, site, day.from_ms, day.until_ms))
        for day in days_of(span, zone)
    ]
    earlier = week_until(span.from_ms, zone)
    before = Day(earlier.from_ms, *await _counts(store, site, earlier.from_ms, span.from_ms))
    rows: list[Row] = []
    for counted in await store.counted_struggles(FlagFilter(site), span, TOP, earlier):
        struggle = await store.struggle(counted.key)
        if struggle is not None:
            rows.append(Row(struggle, counted, counted.first_ms >= span.from_ms))
    today = datetime.fromtimestamp(span.until_ms / 1000, ZoneInfo(zone)).date().isoformat()
    overdue = QueueQuery(today, site=site or None, due="overdue", order="due", limit=TOP)
    reviews = await store.queue(overdue)
    fixed = await _fixed(store, site, span.until_ms)
    return Digest(site, span, tuple(days), before, tuple(rows), reviews, fixed)


async def _fixed(store: DigestStore, site: str, until_ms: int) -> tuple[Fixed, ...]:
    """Return what was mended, or came back, in the weeks up to *until_ms*, the last first."""
    found: list[Fixed] = []
    since_ms = until_ms - FIXED_DAYS * DAY_MS
    for fix in await store.fixes(since_ms, until_ms, TOP, site=site or None):
        struggle = await store.struggle(fix.struggle)
        if struggle is not None:
            found.append(Fixed(struggle, await verdict(store, fix)))
    return tuple(found)


async def _counts(store: DigestStore, site: str, from_ms: int, until_ms: int) -> tuple[int, int]:
    query = SessionQuery(site=site or None, since_ms=from_ms, until_ms=until_ms)
    return await store.count_sessions(query), await store.count_sessions(
        replace(query, flagged=True)
    )
