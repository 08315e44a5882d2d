"""Keeps walks through processes (core/walks.py), by the number that their session has in the index. SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import orjson

from core.walks import Walk


def put(db: sqlite3.Connection, no: int, walks: Iterable[Walk]) -> None:
    """Let *walks* be those of the session *no*, in place of those it had."""
    db.execute("DELETE FROM walks WHERE no = ?", (no,))
    db.executemany(
        "INSERT INTO walks (process, no, steps, completed_ms, value, element, label) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (one.process, no, orjson.dumps(one.steps).decode(), one.completed_ms, one.value, one.element, one.label)
            for one in walks
        ],
    )  # fmt: skip


def walked(db: sqlite3.Connection) -> str:
    """Return what declarations the walks are of."""
    row = db.execute("SELECT declarations FROM walked").fetchone()
    return str(row[0]) if row else ""


def note(db: sqlite3.Connection, declarations: str) -> None:
    """Note that the walks are to be of *declarations*."""
    db.execute("DELETE FROM walked")
    db.execute("INSERT INTO walked VALUES (?)", (declarations,))
