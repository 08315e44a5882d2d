"""What was noted of whole sessions when they were sealed."""

from __future__ import annotations

import sqlite3

from core.sqlite.objects import Objects
from core.sqlite.parts import Part
from core.sqlite.sealing import SEALED


class Noted(Part):
    """Mixed into the store, whose objects it reads."""

    _objects: Objects

    async def activity(self, session: str) -> bytes | None:
        name = await self._readers.run(_whole_object, session)
        if name is None:
            return None
        return await self._readers.in_thread(lambda: self._objects.activity(name))


def _whole_object(db: sqlite3.Connection, session: str) -> str | None:
    """Return the object that holds all of *session*; None if it has none, or chunks came since."""
    row = db.execute(
        "SELECT d.name FROM sealed d JOIN sessions s ON s.id = d.session"
        " WHERE d.session = ? AND s.sealed = ?",
        (session, SEALED),
    ).fetchone()
    return row and str(row[0])
