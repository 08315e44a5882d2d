"""
Struggles: the flags of a rule on a target or page, over sessions; how many, when, and where to look.

Owns how they are counted. Long spans are summed up by hour (schema.py: struggle_hours, which triggers keep); of
short ones the flags themselves are read.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.model import SEVERITIES, Flag, Struggle
from core.sqlite.counters import HOUR_MS, STANDING
from core.sqlite.judged import flag_of
from core.sqlite.lists import site_key
from core.sqlite.readers import one_view
from core.triage import SHORT_MS, counted_since

BUCKETS = 14

EXAMPLES = 8
"""Of so many of the newest, most severe flags a completely recorded one is looked for."""


@dataclass(frozen=True, slots=True)
class Row:
    """A struggle that is counted; *rising* is how many more sessions the later half of the span has."""

    key: str
    site: str
    sessions: int
    flags: int
    rising: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """From when on struggles are counted, and how: None is from the first flag on."""

    since_ms: int | None
    now_ms: int
    short: bool

    @classmethod
    def of(cls, since_ms: int | None, now_ms: int) -> Span:
        """Return the span that begins at *since_ms* as it is counted."""
        if since_ms is None:
            return cls(None, now_ms, short=False)
        short = now_ms - since_ms < SHORT_MS
        return cls(counted_since(since_ms, now_ms), now_ms, short)


def struggles(
    db: sqlite3.Connection,
    now_ms: int,
    *,
    site: str | None = None,
    since_ms: int | None = None,
    key: str | None = None,
    limit: int = 100,
) -> list[Struggle]:
    """Return struggles by number of sessions, most first; trend from *since_ms* to *now_ms*."""
    with one_view(db):
        span = Span.of(since_ms, now_ms)
        found = described(db, counted(db, span, site=site, key=key, limit=limit), span)
        return sorted(found, key=lambda one: (-one.sessions, -one.last_ms, one.key))


def counted(
    db: sqlite3.Connection,
    span: Span,
    *,
    site: str | None = None,
    key: str | None = None,
    limit: int = -1,
) -> list[Row]:
    """Return up to *limit* (-1: all) struggles of *span* with their numbers, most sessions first."""
    where, values = "", list[Any]()
    if key is not None:
        where, values = " AND {0}struggle = ?", [key]
    if site is not None:
        where, values = where + " AND {0}site = ?", [*values, site_key(db, site)]
    begin_ms = span.since_ms or 0
    if span.since_ms is None and key is None:  # of one alone nobody asks whether it rises
        begin_ms = _first_hour(db) * HOUR_MS
    count = _by_flags if span.short else _by_hours
    return count(db, span.since_ms or 0, (begin_ms + span.now_ms) // 2, where, values, limit)


def described(db: sqlite3.Connection, rows: Sequence[Row], span: Span) -> list[Struggle]:
    """Return the struggles of *rows* with all that is told of them, in the same order."""
    since_ms = span.since_ms or 0
    spans = {row.key: seen(db, row.key, since_ms) for row in rows}
    first = span.since_ms
    if first is None:
        first = int(min((one[0] for one in spans.values()), default=span.now_ms))
    trend = _trends_by_flags if span.short else _trends_by_hours
    trends = trend(db, list(spans), first, span.now_ms)
    return [_struggle(db, row, spans[row.key], trends[row.key], since_ms) for row in rows]


def _by_hours(
    db: sqlite3.Connection,
    since_ms: int,
    middle_ms: int,
    where: str,
    values: Sequence[Any],
    limit: int,
) -> list[Row]:
    rows = db.execute(
        "SELECT struggle, min(site), sum(sessions), sum(flags),"
        " sum(CASE WHEN hour >= ? THEN sessions ELSE -sessions END) FROM struggle_hours"
        f" WHERE hour >= ?{where.format('')} GROUP BY struggle"
        " ORDER BY 3 DESC, max(hour) DESC, struggle LIMIT ?",
        (middle_ms // HOUR_MS, since_ms // HOUR_MS, *values, limit),
    )
    return [Row(*row) for row in rows]


def _first_hour(db: sqlite3.Connection) -> int:
    """Return the first hour that has a flag: where nobody says so, a span begins there."""
    return int(db.execute("SELECT coalesce(min(hour), 0) FROM struggle_hours").fetchone()[0])


def _by_flags(
    db: sqlite3.Connection,
    since_ms: int,
    middle_ms: int,
    where: str,
    values: Sequence[Any],
    limit: int,
) -> list[Row]:
    rows = db.execute(
        "SELECT f.struggle, min(f.site), count(DISTINCT f.session), count(*),"
        " 2 * count(DISTINCT CASE WHEN f.at_ms >= ? THEN f.session END) - count(DISTINCT f.session)"
        f" FROM flags f INDEXED BY flags_by_time WHERE {STANDING} AND f.at_ms >= ?{where.format('f.')}"
        " GROUP BY f.struggle ORDER BY 3 DESC, max(f.at_ms) DESC, f.struggle LIMIT ?",
        (middle_ms, since_ms, *values, limit),
    )
    return [Row(*row) for row in rows]


def visitors(db: sqlite3.Connection, key: str, since_ms: float) -> int:
    """Return how many visitors have a flag of the struggle *key* since; who is nobody's counts by session."""
    row = db.execute(
        f"SELECT count(DISTINCT f.who) FROM flags f INDEXED BY flags_by_who WHERE {STANDING}"
        " AND f.struggle = ? AND f.at_ms >= ?",
        (key, since_ms),
    ).fetchone()
    return int(row[0])


def seen(db: sqlite3.Connection, key: str, since_ms: int) -> tuple[float, float]:
    """Return the times of the first and last flag since *since_ms*, of which there is one."""
    source = f"FROM flags f INDEXED BY flags_by_last WHERE {STANDING} AND f.struggle = ?"
    first, last = db.execute(
        f"SELECT (SELECT min(at_ms) {source} AND at_ms >= ?), (SELECT max(at_ms) {source})",
        (key, since_ms, key),
    ).fetchone()
    return first, last


def _struggle(
    db: sqlite3.Connection,
    row: Row,
    span: tuple[float, float],
    trend: tuple[int, ...],
    since_ms: int,
) -> Struggle:
    flag, site_name = _example(db, row.key, span[0])
    return Struggle(
        key=row.key,
        site=flag.site,
        site_name=site_name or flag.site,
        rule=flag.rule,
        title=flag.title,
        severity=flag.severity,
        page=flag.page,
        target=flag.target,
        sessions=row.sessions,
        flags=row.flags,
        first_ms=int(span[0]),
        last_ms=int(span[1]),
        trend=trend,
        example_session=flag.session,
        example_flag=flag.id,
        example_ms=flag.at_ms,
        visitors=visitors(db, row.key, since_ms),
    )


def _example(db: sqlite3.Connection, key: str, since_ms: float) -> tuple[Flag, str | None]:
    """Return the most telling flag: most severe, completely recorded if a recent one is, newest."""
    for severity, newest in itertools.product(reversed(range(len(SEVERITIES))), (1, EXAMPLES)):
        row = db.execute(
            "SELECT f.data, w.name, s.marks & 1 FROM (SELECT f.rowid AS flag, f.session, f.at_ms FROM flags f"
            f" INDEXED BY flags_by_severity WHERE {STANDING} AND f.struggle = ? AND f.severity = ?"
            " AND f.at_ms >= ? ORDER BY f.at_ms DESC LIMIT ?) i"
            " CROSS JOIN sessions s ON s.id = i.session CROSS JOIN flags f ON f.rowid = i.flag"
            " LEFT JOIN sites w ON w.key = f.site ORDER BY s.marks & 1, i.at_ms DESC LIMIT 1",
            (key, severity, since_ms, newest),
        ).fetchone()
        if row is not None and (newest == EXAMPLES or not row[2]):  # mostly the newest will do
            return flag_of(row[0], None), row[1]
    raise AssertionError(f"struggle {key} is counted and has no flag")


# Trends


def _trends_by_hours(
    db: sqlite3.Connection, keys: Sequence[str], first_ms: int, now_ms: int
) -> dict[str, tuple[int, ...]]:
    """Return the sessions in each of the buckets from *first_ms* to *now_ms*, by their last flag's hour."""
    trends = {key: [0] * BUCKETS for key in keys}
    width = max(1.0, (now_ms - first_ms) / BUCKETS)
    for key in keys:
        for at, sessions in db.execute(
            "SELECT min(CAST(max(0, hour * ?1 - ?2) / ?3 AS INTEGER), ?4), sum(sessions)"
            " FROM struggle_hours WHERE struggle = ?5 AND hour >= ?6 GROUP BY 1",
            (HOUR_MS, first_ms, width, BUCKETS - 1, key, first_ms // HOUR_MS),
        ):
            trends[key][at] = sessions
    return {key: tuple(trend) for key, trend in trends.items()}


def _trends_by_flags(
    db: sqlite3.Connection, keys: Sequence[str], first_ms: int, now_ms: int
) -> dict[str, tuple[int, ...]]:
    """Return the sessions in each of the buckets from *first_ms* to *now_ms*, by their last flag."""
    trends = {key: [0] * BUCKETS for key in keys}
    width = max(1.0, (now_ms - first_ms) / BUCKETS)
    for key, last_ms in db.execute(
        f"SELECT f.struggle, max(f.at_ms) FROM flags f INDEXED BY flags_by_time WHERE {STANDING}"
        " AND f.at_ms >= ? GROUP BY f.struggle, f.session",
        (first_ms,),
    ):
        if key in trends:
            trends[key][min(int((last_ms - first_ms) / width), BUCKETS - 1)] += 1
    return {key: tuple(trend) for key, trend in trends.items()}
