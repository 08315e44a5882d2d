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
from core.sqlite.judged import flag_of
from core.sqlite.lists import site_key
from core.sqlite.migrations import HOUR_MS

BUCKETS = 14

SHORT_MS = 48 * HOUR_MS
"""Spans up to this are counted flag by flag: a bucket of theirs is no hours. Longer ones begin at a full hour."""

EXAMPLES = 8
"""Of so many of the newest, most severe flags a completely recorded one is looked for."""

_COUNTED = "f.withdrawn IS NULL AND f.struggle <> ''"


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    sessions: int
    flags: int


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
    db.execute("BEGIN")  # one view for all that is read
    try:
        short = since_ms is not None and now_ms - since_ms < SHORT_MS
        if since_ms is not None and not short:
            since_ms -= since_ms % HOUR_MS
        where, values = "", list[Any]()
        if key is not None:
            where, values = " AND {0}struggle = ?", [key]
        if site is not None:
            where, values = where + " AND {0}site = ?", [*values, site_key(db, site)]
        count = _by_flags if short else _by_hours
        rows = count(db, since_ms or 0, where, values, limit)
        spans = {row.key: _span(db, row.key, since_ms or 0) for row in rows}
        first = since_ms
        if first is None:
            first = int(min((span[0] for span in spans.values()), default=now_ms))
        trend = _trends_by_flags if short else _trends_by_hours
        trends = trend(db, list(spans), first, now_ms)
        found = [_struggle(db, row, spans[row.key], trends[row.key]) for row in rows]
        return sorted(found, key=lambda one: (-one.sessions, -one.last_ms, one.key))
    finally:
        db.execute("COMMIT")


def _by_hours(
    db: sqlite3.Connection, since_ms: int, where: str, values: Sequence[Any], limit: int
) -> list[_Row]:
    rows = db.execute(
        "SELECT struggle, sum(sessions), sum(flags) FROM struggle_hours"
        f" WHERE hour >= ?{where.format('')} GROUP BY struggle"
        " ORDER BY 2 DESC, max(hour) DESC, struggle LIMIT ?",
        (since_ms // HOUR_MS, *values, limit),
    )
    return [_Row(*row) for row in rows]


def _by_flags(
    db: sqlite3.Connection, since_ms: int, where: str, values: Sequence[Any], limit: int
) -> list[_Row]:
    rows = db.execute(
        "SELECT f.struggle, count(DISTINCT f.session), count(*)"
        f" FROM flags f INDEXED BY flags_by_time WHERE {_COUNTED} AND f.at_ms >= ?{where.format('f.')}"
        " GROUP BY f.struggle ORDER BY 2 DESC, max(f.at_ms) DESC, f.struggle LIMIT ?",
        (since_ms, *values, limit),
    )
    return [_Row(*row) for row in rows]


def _span(db: sqlite3.Connection, key: str, since_ms: int) -> tuple[float, float]:
    """Return the times of the first and last flag since *since_ms*, of which there is one."""
    source = f"FROM flags f INDEXED BY flags_by_last WHERE {_COUNTED} AND f.struggle = ?"
    first, last = db.execute(
        f"SELECT (SELECT min(at_ms) {source} AND at_ms >= ?), (SELECT max(at_ms) {source})",
        (key, since_ms, key),
    ).fetchone()
    return first, last


def _struggle(
    db: sqlite3.Connection, row: _Row, span: tuple[float, float], trend: tuple[int, ...]
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
    )


def _example(db: sqlite3.Connection, key: str, since_ms: float) -> tuple[Flag, str | None]:
    """Return the most telling flag: most severe, completely recorded if a recent one is, newest."""
    for severity, newest in itertools.product(reversed(range(len(SEVERITIES))), (1, EXAMPLES)):
        row = db.execute(
            "SELECT f.data, w.name, s.marks & 1 FROM (SELECT f.rowid AS flag, f.session, f.at_ms FROM flags f"
            f" INDEXED BY flags_by_severity WHERE {_COUNTED} AND f.struggle = ? AND f.severity = ?"
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
        f"SELECT f.struggle, max(f.at_ms) FROM flags f INDEXED BY flags_by_time WHERE {_COUNTED}"
        " AND f.at_ms >= ? GROUP BY f.struggle, f.session",
        (first_ms,),
    ):
        if key in trends:
            trends[key][min(int((last_ms - first_ms) / width), BUCKETS - 1)] += 1
    return {key: tuple(trend) for key, trend in trends.items()}
