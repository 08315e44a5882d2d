"""Spoken codes, and the sessions of a time, as SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import orjson

from core.codes import GivenCode
from core.errors import StoreError
from core.model import Session
from core.sqlite.lists import site_key
from core.sqlite.rows import SESSION_COLUMNS, session_from

REST_MS = 7 * 86_400_000
"""For so long a code that has run out is not given anew: it may stand on somebody's note."""

MOST_TRIES = 100
"""With a tenth of all codes taken, as many draws all fail once in 10 to the 100 times."""

LONGEST_MS = 12 * 3_600_000
"""A visit that began longer ago is not what a caller talks of; so the index needs to be read no further."""


def own_session(
    db: sqlite3.Connection, site: str, session: str, secret_hash: bytes
) -> Session | None:
    """Return *session* if it is of *site* and that is its secret's hash."""
    row = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM sessions s LEFT JOIN sites w ON w.key = s.site"
        " WHERE s.id = ? AND s.site = ? AND s.secret_hash = ?",
        (session, site, secret_hash),
    ).fetchone()
    return session_from(row) if row else None


def give(
    db: sqlite3.Connection, session: str, now_ms: int, life_ms: int, draw: Callable[[], str]
) -> GivenCode | None:
    """Return the code of *session*, a new one if it has none that is still good."""
    if not db.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone():
        return None
    db.execute("DELETE FROM codes WHERE until_ms < ?", (now_ms - REST_MS,))
    until_ms = now_ms + life_ms
    known = db.execute(
        "UPDATE codes SET until_ms = max(until_ms, ?) WHERE session = ? RETURNING code, until_ms",
        (until_ms, session),
    ).fetchall()
    if known:
        return GivenCode(known[0][0], session, known[0][1])
    for tried in range(2 * MOST_TRIES):
        code = draw()
        # Once hardly any is free, as when somebody forges visits to use them up, one that has run out is taken.
        good_ms = now_ms if tried >= MOST_TRIES else 0
        added = db.execute(
            "INSERT INTO codes VALUES (?1, ?2, ?3) ON CONFLICT (code) DO UPDATE"
            " SET session = excluded.session, until_ms = excluded.until_ms WHERE until_ms < ?4",
            (code, session, until_ms, good_ms),
        )
        if added.rowcount:
            return GivenCode(code, session, until_ms)
    raise StoreError("no spoken code is free")


def find(db: sqlite3.Connection, codes: Sequence[str]) -> list[GivenCode]:
    """Return those of *codes* that there are, in their order."""
    rows = db.execute(
        "SELECT c.code, c.session, c.until_ms FROM json_each(?) g JOIN codes c ON c.code = g.value"
        " ORDER BY g.key",
        (orjson.dumps(list(codes)).decode(),),
    )
    return [GivenCode(*row) for row in rows]


def sessions_around(
    db: sqlite3.Connection, since_ms: int, until_ms: int, limit: int, site: str | None
) -> list[Session]:
    """Return the visits that went on in that span, newest first."""
    index = "sessions_by_site" if site is not None else "sessions_by_start"
    of_site, values = ("s.site = ? AND ", [site_key(db, site)]) if site is not None else ("", [])
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM sessions s INDEXED BY {index}"
        f" LEFT JOIN sites w ON w.key = s.site WHERE {of_site}NOT s.canary"
        " AND s.started_ms BETWEEN ? AND ? AND s.last_ms >= ?"
        " ORDER BY s.started_ms DESC, s.id DESC LIMIT ?",
        (*values, since_ms - LONGEST_MS, until_ms, since_ms, limit),
    )
    return [session_from(row) for row in rows]
