"""Rows of the database as values of core/model.py, for what several parts read."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from core.model import SEVERITIES, Session

SESSION_COLUMNS = (
    "s.id, s.site, w.name, s.started_ms, s.last_ms, s.ended_ms, s.end_kind, s.pages, s.events,"
    " s.flags, s.holes = 0 AND s.reported = 0, s.visitor, s.identity, s.attributes, s.entry_path,"
    " s.last_path, s.top_severity, s.rules, s.score,"
    " CASE WHEN s.ended_ms IS NOT NULL THEN s.closed_ms END, s.canary"
)
SESSION_FROM = "sessions s LEFT JOIN sites w ON w.key = s.site"

IDLE = "min(s.last_ms, s.seen_ms) < {now} - (SELECT idle_timeout_ms FROM sites WHERE key = s.site)"
"""
When a session `s` is idle at {now}. An event that claims to lie in the future counts from
when it arrived, so that a forged time keeps no session open.
"""


def session_from(row: tuple[Any, ...]) -> Session:
    """Return the session of a row of SESSION_COLUMNS."""
    severity = row[16]
    return Session(
        id=row[0],
        site=row[1],
        site_name=row[2] or row[1],
        started_ms=row[3],
        last_ms=row[4],
        ended_ms=row[5],
        end_kind=row[6],
        pages=row[7],
        events=row[8],
        flags=row[9],
        complete=bool(row[10]),
        visitor=row[11],
        identity=orjson.loads(row[12]) if row[12] else None,
        attributes=orjson.loads(row[13]),
        entry_path=row[14],
        last_path=row[15],
        top_severity=None if severity is None else SEVERITIES[severity],
        rules=tuple(orjson.loads(row[17])),
        score=row[18],
        closed_ms=row[19],
        canary=bool(row[20]),
    )


def session_of(db: sqlite3.Connection, session: str) -> Session | None:
    """Return the session with the id *session*."""
    row = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM {SESSION_FROM} WHERE s.id = ?", (session,)
    ).fetchone()
    return session_from(row) if row else None
