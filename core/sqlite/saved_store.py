"""The part of the store that keeps saved segments (core/saved.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from urllib.parse import parse_qsl

from core.errors import UserError
from core.saved import MOST_OF_ONE, SavedSegment, SavedStore
from core.search import read
from core.sqlite.parts import Part

_COLUMNS = "id, name, maker, shared, query, saved_ms"


class Saved(Part, SavedStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def save_segment(self, segment: SavedSegment) -> int:
        return await self._writer.submit(lambda db, _: _save(db, segment), touches=())

    async def segments_for(self, user: str) -> list[SavedSegment]:
        return await self._readers.run(_segments_for, user)

    async def remove_segment(self, id_: int) -> bool:
        return await self._writer.submit(lambda db, _: _remove(db, id_), touches=())


def forget_who(db: sqlite3.Connection, erased: Callable[[str], bool]) -> None:
    """Remove the segments that look for somebody, or for a session, that was *erased*."""
    rows = db.execute("SELECT id, query FROM saved_segments").fetchall()
    gone = [row for row, query in rows if any(map(erased, _told(query)))]
    db.executemany("DELETE FROM saved_segments WHERE id = ?", [(row,) for row in gone])


def _told(query: str) -> set[str]:
    """Return all that a list's parameters name: values, and each part of what is typed into the field."""
    found: set[str] = set()
    for name, value in parse_qsl(query):
        found.add(value.strip().strip('"'))
        if name == "q":
            find = read(value)
            found |= {*find.words, *find.without, *find.who, find.customer or ""}
            found |= {value for _, value in (*find.include, *find.exclude)}
    return found


def _save(db: sqlite3.Connection, segment: SavedSegment) -> int:
    facts = (segment.name, segment.maker, segment.shared, segment.query, segment.saved_ms)
    (others,) = db.execute(
        "SELECT count(*) FROM saved_segments WHERE maker = ? AND name <> ?",
        (segment.maker, segment.name),
    ).fetchone()
    if others >= MOST_OF_ONE:
        raise UserError(f"{segment.maker} has {others} saved segments; remove some first")
    (kept,) = db.execute(
        "INSERT INTO saved_segments (name, maker, shared, query, saved_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (maker, name) DO UPDATE SET shared = excluded.shared, query = excluded.query,"
        " saved_ms = excluded.saved_ms RETURNING id",
        facts,
    ).fetchone()
    return int(kept)


def _segments_for(db: sqlite3.Connection, user: str) -> list[SavedSegment]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM saved_segments WHERE maker = ? OR shared"
        " ORDER BY name COLLATE NOCASE, id",
        (user,),
    )
    return [
        SavedSegment(id_, name, maker, bool(shared), query, at)
        for id_, name, maker, shared, query, at in rows
    ]


def _remove(db: sqlite3.Connection, id_: int) -> bool:
    return bool(db.execute("DELETE FROM saved_segments WHERE id = ?", (id_,)).rowcount)
