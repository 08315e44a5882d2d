"""Notes at sessions, and who has seen which. SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from core.errors import NotFound, UserError
from core.readers import MOST_NOTES, Note

_COLUMNS = "id, session, at_ms, author, text, made_ms, changed_ms"
_GIVEN = "(SELECT value FROM json_each(?))"


def add(db: sqlite3.Connection, note: Note) -> None:
    """Keep *note*. Raise NotFound without its session, UserError if that has too many."""
    if not db.execute("SELECT 1 FROM sessions WHERE id = ?", (note.session,)).fetchone():
        raise NotFound(f"there is no session {note.session}")
    count = db.execute("SELECT count(*) FROM notes WHERE session = ?", (note.session,))
    if count.fetchone()[0] >= MOST_NOTES:
        raise UserError(f"session {note.session} has {MOST_NOTES} notes, which is the most")
    db.execute(
        f"INSERT INTO notes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            note.id,
            note.session,
            note.at_ms,
            note.author,
            note.text,
            note.made_ms,
            note.changed_ms,
        ),
    )


def one(db: sqlite3.Connection, id_: str) -> Note | None:
    """Return the note of that id."""
    row = db.execute(f"SELECT {_COLUMNS} FROM notes WHERE id = ?", (id_,)).fetchone()
    return Note(*row) if row else None


def of_session(db: sqlite3.Connection, session: str) -> list[Note]:
    """Return the notes of *session* in order of their moments."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM notes WHERE session = ? ORDER BY at_ms, made_ms, id", (session,)
    )
    return [Note(*row) for row in rows]


def change(db: sqlite3.Connection, id_: str, text: str, at_ms: int) -> bool:
    """Give a note another text; return whether it is there."""
    changed = db.execute(
        "UPDATE notes SET text = ?, changed_ms = ? WHERE id = ?", (text, at_ms, id_)
    )
    return bool(changed.rowcount)


def remove(db: sqlite3.Connection, id_: str) -> bool:
    """Remove a note; return whether it was there."""
    return bool(db.execute("DELETE FROM notes WHERE id = ?", (id_,)).rowcount)


def counts(db: sqlite3.Connection, sessions: Sequence[str]) -> dict[str, int]:
    """Return how many notes each of *sessions* has, where there are some."""
    rows = db.execute(
        f"SELECT session, count(*) FROM notes WHERE session IN {_GIVEN} GROUP BY session",
        (_json(sessions),),
    )
    return dict(rows.fetchall())


def mark_watched(db: sqlite3.Connection, user: str, session: str, at_ms: int) -> None:
    """Keep that *user* saw *session*, the last time at *at_ms*, if there are both."""
    db.execute(
        "INSERT INTO watched SELECT ?1, id, ?3 FROM sessions"
        " WHERE id = ?2 AND EXISTS (SELECT 1 FROM users WHERE name = ?1)"
        " ON CONFLICT (user, session) DO UPDATE SET at_ms = excluded.at_ms",
        (user, session, at_ms),
    )


def watched_by(db: sqlite3.Connection, user: str, sessions: Sequence[str]) -> set[str]:
    """Return those of *sessions* that *user* has seen."""
    rows = db.execute(
        f"SELECT session FROM watched WHERE user = ? AND session IN {_GIVEN}",
        (user, _json(sessions)),
    )
    return {row[0] for row in rows}


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
