"""
Lists of sessions, filtered and in order, and how many there are, however many are stored.

Owns which index a list is read by: SQLite does not know how often a rule fires. What lists filter by is in the
indexes (schema.py: m012_scale), so that a session's row is read only if it is shown.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from core.model import Place, Session, SessionQuery
from core.sqlite import searching
from core.sqlite.counters import HOUR_MS
from core.sqlite.rows import SESSION_COLUMNS, session_from

FEW_FLAGS = 1_000
"""
Up to so many flags of a rule or struggle, its sessions are looked up and sorted: a few milliseconds. Of
more, a walk through all sessions in order soon meets enough.
"""

_INDEXES = {
    ("newest", False): "sessions_by_start",
    ("newest", True): "sessions_by_site",
    ("score", False): "sessions_by_score",
    ("score", True): "sessions_by_site_score",
}
_KEYS = {"newest": ("s.started_ms", "s.id"), "score": ("s.rank", "s.started_ms", "s.id")}


def sessions(db: sqlite3.Connection, query: SessionQuery) -> list[Session]:
    """Return the sessions of *query* in its order."""
    if query.find:
        return searching.sessions(db, query)
    plan = _plan(db, query)
    backwards = query.before is not None and query.after is None
    order = ", ".join(f"{key} {'ASC' if backwards else 'DESC'}" for key in _KEYS[query.order])
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM {plan.source} LEFT JOIN sites w ON w.key = s.site"
        f" WHERE {plan.where} ORDER BY {order} LIMIT ? OFFSET ?",
        (*plan.values, query.limit, query.offset),
    ).fetchall()
    return [session_from(row) for row in (reversed(rows) if backwards else rows)]


def count_sessions(db: sqlite3.Connection, query: SessionQuery, most: int | None) -> int:
    """Return how many there are without limit, offset and place; counting ends above *most*."""
    if query.find:
        return searching.count_sessions(db, query)
    query = replace(query, order="newest", after=None, before=None, limit=50, offset=0)
    if query == SessionQuery(struggle=query.struggle) != SessionQuery():
        return _sessions_of(db, query.struggle or "")
    if (
        query == SessionQuery(struggle=query.struggle, struck_since_ms=query.struck_since_ms)
        and query.struggle
    ):
        return _struck_since(db, query.struggle, query.struck_since_ms or 0)
    at_most = -1 if most is None else most + 1
    if query == SessionQuery(rule=query.rule) != SessionQuery():
        return _sessions_flagged_by(db, query.rule or "", at_most)
    plan = _plan(db, query)
    row = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {plan.source} WHERE {plan.where} LIMIT ?)",
        (*plan.values, at_most),
    ).fetchone()
    return int(row[0])


def _sessions_flagged_by(db: sqlite3.Connection, rule: str, at_most: int) -> int:
    row = db.execute(
        "SELECT count(*) FROM (SELECT DISTINCT f.session FROM flags f INDEXED BY flags_by_rule"
        " WHERE f.rule = ? AND f.withdrawn IS NULL AND f.session NOT IN"
        " (SELECT s.id FROM sessions s INDEXED BY sessions_canary WHERE s.canary) LIMIT ?)",
        (rule, at_most),
    ).fetchone()
    return int(row[0])


def _sessions_of(db: sqlite3.Connection, struggle: str) -> int:
    row = db.execute(
        "SELECT coalesce(sum(sessions), 0) FROM struggle_hours WHERE struggle = ?", (struggle,)
    ).fetchone()
    return int(row[0])


def _struck_since(db: sqlite3.Connection, struggle: str, since_ms: int) -> int:
    row = db.execute(
        "SELECT count(DISTINCT f.session) FROM flags f INDEXED BY flags_by_struggle"
        " WHERE f.struggle = ? AND f.withdrawn IS NULL AND f.struggle <> '' AND f.at_ms >= ?",
        (struggle, since_ms),
    ).fetchone()
    return int(row[0])


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where a list is read from, on what condition, and the values of both."""

    source: str
    where: str
    values: tuple[Any, ...]


def _plan(db: sqlite3.Connection, query: SessionQuery) -> _Plan:
    where, values = _where(db, query)
    source = f"sessions s INDEXED BY {_INDEXES[query.order, query.site is not None]}"
    given: tuple[str, ...] = ()
    for name, value in (("rule", query.rule), ("struggle", query.struggle)):
        if value is None:
            continue
        of = f"FROM flags f INDEXED BY flags_by_{name} WHERE f.{name} = ? AND f.withdrawn IS NULL"
        if name == "struggle":
            of += " AND f.struggle <> ''"  # said of the index, too
            if query.struck_since_ms is not None:
                of += f" AND f.at_ms >= {int(query.struck_since_ms)}"
        if not given and _few(db, of, value):
            source = f"(SELECT DISTINCT f.session {of}) i CROSS JOIN sessions s ON s.id = i.session"
            given = (value,)
            continue
        where += f" AND EXISTS (SELECT 1 {of} AND f.session = s.id)"
        values.append(value)
        if name == "struggle":  # it may have been gone for weeks
            where += " AND s.started_ms < ?"
            values.append(_ends_ms(db, value))
    return _Plan(source, where, (*given, *values))


def _few(db: sqlite3.Connection, of: str, value: str) -> bool:
    row = db.execute(f"SELECT 1 {of} LIMIT 1 OFFSET ?", (value, FEW_FLAGS)).fetchone()
    return row is None


def _ends_ms(db: sqlite3.Connection, struggle: str) -> int:
    """Return a time by which all sessions of *struggle* had begun."""
    row = db.execute(
        "SELECT max(hour) FROM struggle_hours WHERE struggle = ?", (struggle,)
    ).fetchone()
    return ((row[0] or 0) + 1) * HOUR_MS


def _where(db: sqlite3.Connection, query: SessionQuery) -> tuple[str, list[Any]]:
    """Return the condition of *query* and its values, but for rule and struggle."""
    parts, values = ["s.canary" if query.canary else "NOT s.canary"], list[Any]()

    def add(condition: str, *given: object) -> None:
        parts.append(condition)
        values.extend(given)

    if query.site is not None:
        add("s.site = ?", site_key(db, query.site))
    if query.since_ms is not None:
        add("s.started_ms >= ?", query.since_ms)
    if query.until_ms is not None:
        add("s.started_ms < ?", query.until_ms)
    if query.flagged is not None:
        add("s.flags > 0" if query.flagged else "s.flags = 0")
    # By its rank, which the indexes by score have; those by time have the score.
    score = "s.rank" if query.order == "score" else "s.score"
    if query.score_min is not None:
        add(f"{score} >= ?", query.score_min)
    if query.score_max is not None:
        add(f"{score} BETWEEN 0 AND ?", query.score_max)
    for place, sign in ((query.after, "<"), (query.before, ">")):
        if place is not None:
            add(*_beside(query.order, place, sign))
    return " AND ".join(parts), values


def _beside(order: str, place: Place, sign: str) -> tuple[Any, ...]:
    keys = _KEYS[order]
    values = (place.score, place.started_ms, place.id)[-len(keys) :]
    return f"({', '.join(keys)}) {sign} ({', '.join('?' * len(keys))})", *values


def site_key(db: sqlite3.Connection, key_or_name: str) -> str:
    """Return the key of the site with that key or, failing that, name; what was asked for if there is none."""
    row = db.execute(
        "SELECT key FROM sites WHERE key = ?1 OR name = ?1 ORDER BY key = ?1 DESC LIMIT 1",
        (key_or_name,),
    ).fetchone()
    return row[0] if row else key_or_name
