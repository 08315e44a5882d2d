"""Tombstones: what stands for the erased, and whether something is of theirs. SQL only."""

from __future__ import annotations

import sqlite3

from core.erasing import KEY, Kind, Tombstone, tombstone
from core.sqlite.accounts import server_key


def entomb(db: sqlite3.Connection, stone: Tombstone) -> None:
    """Keep *stone*; of the same one the latest."""
    db.execute(
        "INSERT INTO tombstones VALUES (?, ?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)",
        (stone.hash, stone.kind, stone.at_ms),
    )


def tombstones(db: sqlite3.Connection) -> list[Tombstone]:
    """Return all tombstones, oldest first."""
    rows = db.execute("SELECT hash, kind, at_ms FROM tombstones ORDER BY at_ms, hash")
    return [Tombstone(*row) for row in rows]


def are_there(db: sqlite3.Connection) -> bool:
    """Say whether anything was ever erased."""
    return db.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None


def is_buried(
    db: sqlite3.Connection, kind: Kind, id_: str, site: str | None, first_ms: float
) -> bool:
    """Say whether what began at *first_ms* is of somebody who was erased since, on all sites or on *site*."""
    if not are_there(db):
        return False
    key = server_key(db, KEY)
    assert key is not None
    for where in dict.fromkeys((None, site)):
        row = db.execute(
            "SELECT at_ms FROM tombstones WHERE hash = ?", (tombstone(key, kind, id_, where),)
        ).fetchone()
        if row is not None and (kind in ("session", "contact") or first_ms < row[0]):
            return True
    return False
