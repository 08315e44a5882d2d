"""
Which sessions are sealed, as which objects, and what may be removed for it. Rows only.

`sessions.sealed` is WAITING, SEALED or LEFT. The row of a session in `sealed` names its object, which
holds all its chunks up to the position `upto`; their rows in `batches` stay as they are.
"""

from __future__ import annotations

import sqlite3

from core.model import ChunkRef, Session
from core.sealed import Sealed, StockRef
from core.sqlite.records import chunks
from core.sqlite.rows import SESSION_COLUMNS, SESSION_FROM, session_from

WAITING, SEALED, LEFT = 0, 1, 2
"""LEFT: it could not be sealed and stays in its segments, which are kept for it."""


def unsealed_sessions(db: sqlite3.Connection, closed_before_ms: int, limit: int) -> list[Session]:
    """Return up to *limit* sessions that wait and were closed before, first ended first."""
    # The index is of what is not sealed; that what waits is part of it, SQLite does not see.
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM {SESSION_FROM} WHERE s.sealed <> 1"
        " AND s.sealed = 0 AND s.ended_ms IS NOT NULL AND coalesce(s.closed_ms, s.ended_ms) < ?"
        " ORDER BY s.ended_ms, s.id LIMIT ?",
        (closed_before_ms, limit),
    )
    return [session_from(row) for row in rows]


def seal(
    db: sqlite3.Connection, sealed: Sealed, name: str | None, size: int, now_ms: int
) -> tuple[bool, str | None]:
    """
    Let the object *name* take the place of the session's chunks; None: it has none.

    Return whether that was done, and the object that no row names from now on. Not done if the
    session's chunks are others by now, if its stock is gone, or if it is open: no open session is
    ever SEALED, so that the batches of one need not look at that.
    """
    ended = db.execute("SELECT ended_ms FROM sessions WHERE id = ?", (sealed.session,)).fetchone()
    if ended is None or ended[0] is None:
        return False, name
    rows = chunks(db, sealed.session)
    if {key_of(ref) for _, ref in rows} != {key_of(ref) for ref in sealed.chunks}:
        return False, name
    if sealed.stock is not None and not has_stock(db, sealed.stock):
        return False, name  # another took its place while the session was being sealed
    upto = max((position for position, _ in rows), default=0)
    stock = None if sealed.stock is None else sealed.stock.name
    old = db.execute(
        "SELECT name, received FROM sealed WHERE session = ?", (sealed.session,)
    ).fetchone()
    if name is None:
        db.execute("DELETE FROM sealed WHERE session = ?", (sealed.session,))
    else:
        received = (old[1] if old else 0) + sum(
            ref.length for ref in sealed.chunks if ref.frame is None
        )
        db.execute(
            "INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sealed.session, name, upto, size, received, now_ms, stock),
        )
    db.executemany(
        "INSERT OR IGNORE INTO asset_uses"
        " SELECT ?, site, hash FROM assets WHERE site = ? AND hash = ?",
        [(sealed.session, sealed.site, asset) for asset in sealed.assets],
    )
    db.execute("UPDATE sessions SET sealed = ? WHERE id = ?", (SEALED, sealed.session))
    return True, old[0] if old else None


def has_stock(db: sqlite3.Connection, stock: StockRef) -> bool:
    """Say whether a row names *stock*."""
    row = db.execute(
        "SELECT 1 FROM stocks WHERE site = ? AND name = ?", (stock.site, stock.name)
    ).fetchone()
    return row is not None


def leave(db: sqlite3.Connection, session: str) -> None:
    """Note that *session* cannot be sealed; a chunk that comes lets it be tried again."""
    db.execute("UPDATE sessions SET sealed = ? WHERE id = ?", (LEFT, session))


def object_of(db: sqlite3.Connection, session: str) -> tuple[str, int] | None:
    """Return the object that holds the chunks of *session*, and the position up to which it does."""
    row = db.execute("SELECT name, upto FROM sealed WHERE session = ?", (session,)).fetchone()
    return (row[0], row[1]) if row else None


def key_of(ref: ChunkRef) -> tuple[str, int]:
    """Return what tells *ref* from the other chunks of its session."""
    return ref.page_load, ref.seq


def put_stock(
    db: sqlite3.Connection, stock: StockRef, size: int, now_ms: int, on: StockRef | None
) -> tuple[bool, bool]:
    """
    Note a stock, whose file is durable, as the newest of its site; not if *on* is gone.

    Return whether that was done, and whether a row names the stock.
    """
    if on is not None and not has_stock(db, on):
        return False, has_stock(db, stock)
    db.execute(
        "INSERT INTO stocks (site, name, bytes, created_ms) VALUES (?, ?, ?, ?)",
        (stock.site, stock.name, size, now_ms),
    )
    return True, True


def newest_stock(db: sqlite3.Connection, site: str) -> StockRef | None:
    """Return the newest stock of *site*."""
    row = db.execute(
        "SELECT site, name FROM stocks WHERE site = ? ORDER BY id DESC LIMIT 1", (site,)
    ).fetchone()
    return StockRef(*row) if row else None


def drop_unused_stocks(db: sqlite3.Connection) -> list[StockRef]:
    """Forget stocks that are not the newest of their site and that nothing rests on; return them."""
    rows = db.execute(
        "DELETE FROM stocks WHERE id NOT IN (SELECT max(id) FROM stocks GROUP BY site)"
        " AND NOT EXISTS (SELECT 1 FROM sealed WHERE sealed.stock = stocks.name)"
        " RETURNING site, name"
    ).fetchall()
    left = {row[0] for row in db.execute("SELECT name FROM stocks")}
    return [StockRef(site, name) for site, name in rows if name not in left]


def objects(db: sqlite3.Connection) -> set[str]:
    """Return the names of all objects that count."""
    return {row[0] for row in db.execute("SELECT name FROM sealed")}


def segments_needed(db: sqlite3.Connection) -> tuple[set[str], int]:
    """Return the segments that hold chunks of sessions that are not sealed, and the newest position."""
    db.execute("BEGIN")  # one view for both
    try:
        newest = db.execute("SELECT coalesce(max(position), 0) FROM batches").fetchone()[0]
        rows = db.execute(
            "SELECT DISTINCT b.segment FROM sessions s CROSS JOIN page_loads p ON p.session = s.id"
            " CROSS JOIN batches b ON b.page_load = p.id"  # in this order: few sessions wait
            " WHERE s.sealed <> 1 AND b.segment IS NOT NULL"
        )
        return {row[0] for row in rows}, newest
    finally:
        db.execute("COMMIT")


def came_since(db: sqlite3.Connection, segment: str, position: int) -> bool:
    """Return whether a batch after *position* put its chunk into *segment*."""
    row = db.execute(
        "SELECT 1 FROM batches WHERE position > ? AND segment = ? LIMIT 1", (position, segment)
    ).fetchone()
    return row is not None
