"""Rows of the stocks, and of the objects that rest on them, when one takes another's place."""

from __future__ import annotations

import sqlite3

from core.model import Session
from core.sealed import StockRef
from core.sqlite.rows import SESSION_COLUMNS, SESSION_FROM, session_from

AT_ONCE = 50


def stocks(db: sqlite3.Connection, site: str) -> list[StockRef]:
    """Return the stocks of *site*, oldest first."""
    rows = db.execute("SELECT site, name FROM stocks WHERE site = ? ORDER BY id", (site,))
    return [StockRef(*row) for row in rows]


def sealed_sessions(db: sqlite3.Connection, site: str, limit: int) -> list[Session]:
    """Return up to *limit* sealed sessions of *site*, newest first."""
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM {SESSION_FROM} WHERE s.site = ?"
        " AND EXISTS (SELECT 1 FROM sealed o WHERE o.session = s.id)"
        " ORDER BY s.started_ms DESC LIMIT ?",
        (site, limit),
    )
    return [session_from(row) for row in rows]


def resting(db: sqlite3.Connection, stock: StockRef) -> list[tuple[str, str]]:
    """Return some sessions with their objects that rest on *stock*."""
    return db.execute(
        "SELECT o.session, o.name FROM sealed o JOIN sessions s ON s.id = o.session"
        " WHERE o.stock = ? AND s.site = ? LIMIT ?",
        (stock.name, stock.site, AT_ONCE),
    ).fetchall()


def moved(
    db: sqlite3.Connection, session: str, name: str, made: str, size: int, stock: StockRef
) -> bool:
    """Let the object *made*, of the same content on *stock*, take the place of *name*; False if it is gone."""
    return bool(
        db.execute(
            "UPDATE sealed SET name = ?, bytes = ?, stock = ? WHERE session = ? AND name = ?",
            (made, size, stock.name, session, name),
        ).rowcount
    )


def drop(db: sqlite3.Connection, stock: StockRef) -> None:
    """Forget *stock*: nothing rests on it, and nothing can be sealed on it any more."""
    db.execute("DELETE FROM stocks WHERE site = ? AND name = ?", (stock.site, stock.name))
