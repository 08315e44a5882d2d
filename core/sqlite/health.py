"""Counts of what arrived and what did not, by site and day, and what the sessions lack."""

from __future__ import annotations

import re
import sqlite3
import statistics
from collections.abc import Sequence
from typing import cast

import orjson

from core.health import (
    CLOCKS,
    DAY_MS,
    SERVER,
    GapCount,
    HealthCount,
    SiteHealth,
    Tallied,
    What,
)
from core.sqlite import assets

KEEP_DAYS = 400
"""Counts are small (some ten rows a day), and a year ago is worth comparing with."""


def note(db: sqlite3.Connection, counts: Sequence[HealthCount]) -> None:
    """Add *counts* to those kept."""
    db.executemany(
        "INSERT INTO health VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site, day, what, detail)"
        " DO UPDATE SET count = count + excluded.count, last_ms = max(last_ms, excluded.last_ms)",
        [(one.site, one.day, one.what, one.detail, one.count, one.last_ms) for one in counts],
    )
    if counts:
        newest = max(one.day for one in counts)
        db.execute("DELETE FROM health WHERE day < ?", (newest - KEEP_DAYS,))


def health(db: sqlite3.Connection, site: str, since_ms: int) -> SiteHealth:
    """Return the health of the site with that key: counts of whole days, sessions from *since_ms*."""
    (sessions,) = db.execute(f"SELECT count(*) {_OF_SITE}", (site, since_ms)).fetchone()
    incomplete, bots, no_snapshot, no_farewell = db.execute(
        f"SELECT {', '.join(_SUMS)} {_MARKED}", (site, since_ms)
    ).fetchone()
    return SiteHealth(
        site=site,
        since_ms=since_ms,
        counts=_counts(db, site, since_ms),
        sessions=sessions,
        incomplete=incomplete,
        no_snapshot=no_snapshot,
        no_farewell=no_farewell,
        gaps=_gaps(db, site, since_ms),
        assets_full=(assets.usage(db, site).full_ms or 0) >= max(1, since_ms),
        bots=bots,
        ahead_ms=_ahead_ms(db, site, since_ms),
        unknown_keys=_counts(db, SERVER, since_ms).get("unknown_key", ()),
    )


def _counts(db: sqlite3.Connection, site: str, since_ms: int) -> dict[What, tuple[Tallied, ...]]:
    """Return what was counted since the day of *since_ms*, most first."""
    counts: dict[What, list[Tallied]] = {}
    for what, detail, count, last_ms in db.execute(
        "SELECT what, detail, sum(count), max(last_ms) FROM health WHERE site = ? AND day >= ?"
        " GROUP BY what, detail ORDER BY sum(count) DESC, detail",
        (site, since_ms // DAY_MS),
    ):
        counts.setdefault(cast(What, what), []).append(Tallied(detail, count, last_ms))
    return {what: tuple(found) for what, found in counts.items()}


def _ahead_ms(db: sqlite3.Connection, site: str, since_ms: int) -> int | None:
    """
    Return by how much the server's clock is ahead of most browsers'.

    A session's number (UUIDv7) begins with the time of the browser that made it, moments after
    the first event of its session; that event's time is the server's.
    """
    found = [
        started_ms - int(made[:12], 16)
        for made, started_ms in db.execute(_NEWEST, (site, since_ms, CLOCK_SESSIONS))
        if _UUID7.fullmatch(made)
    ]
    return round(statistics.median(found)) if len(found) >= CLOCKS else None


def _gaps(db: sqlite3.Connection, site: str, since_ms: int) -> tuple[GapCount, ...]:
    """Return what browsers reported, and the holes in what came, most first."""
    incomplete = db.execute(f"SELECT s.id, s.marks {_MARKED} AND s.marks & 1", (site, since_ms))
    marks = dict(incomplete.fetchall())
    holed = [session for session, mark in marks.items() if mark & HOLES]
    found = [
        GapCount(kind or "", reason or "", gaps, sessions)
        for kind, reason, gaps, sessions in db.execute(
            _REPORTED, (orjson.dumps([*marks]).decode(),)
        )
    ]
    holes, sessions = db.execute(_HOLES, (orjson.dumps(holed).decode(),)).fetchone()
    if holes:
        found.append(GapCount("missing_batch", "", holes, sessions))
    return tuple(sorted(found, key=lambda one: (-one.sessions, one.kind, one.reason)))


HOLES = 16
"""The bit of the mark (schema.py: MARKS) of sessions of which batches are missing."""

_OF_SITE = (
    "FROM sessions s INDEXED BY sessions_by_site"
    " WHERE s.site = ? AND s.started_ms >= ? AND NOT s.canary"
)
"""Of an index that holds all that is asked for, so that no session is read."""

_MARKED = (
    "FROM sessions s INDEXED BY sessions_marked"
    " WHERE s.site = ? AND s.started_ms >= ? AND NOT s.canary AND s.marks <> 0"
)
"""Of those that lack something or are a program's: one in ten."""

_SUMS = [f"coalesce(sum((s.marks >> {bit}) & 1), 0)" for bit in range(4)]
"""How many sessions are incomplete, bots', without a snapshot, without a farewell."""

_UUID7 = re.compile(r"[0-9a-f]{12}7[0-9a-f]{19}")
CLOCK_SESSIONS = 200
"""The newest: a clock that has been set right is right from then on."""

_NEWEST = (
    f"SELECT replace(s.id, '-', ''), s.started_ms {_OF_SITE} ORDER BY s.started_ms DESC LIMIT ?"
)

_REPORTED = """
SELECT json_extract(g.detail, '$.kind'), json_extract(g.detail, '$.reason'), count(*),
  count(DISTINCT g.session)
FROM json_each(?) i CROSS JOIN gaps g ON g.session = i.value GROUP BY 1, 2
"""

_HOLES = """
SELECT coalesce(sum(p.last_seq + 1 - p.batches), 0), count(DISTINCT i.value)
FROM json_each(?) i CROSS JOIN page_loads p ON p.session = i.value
WHERE p.batches < p.last_seq + 1
"""
