"""
What those who watch a session leave at it: notes at a moment, and that they have seen it.

Owns their types and the contract of keeping them (core/sqlite/reader_store.py does). Times are Unix
milliseconds. All of it goes when its session goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_TEXT = 4_000
"""Characters of a note: a page of prose. What is longer belongs into a document of its own."""

MOST_NOTES = 500
"""Notes of one session: more cannot be told apart on its bar."""


@dataclass(frozen=True, slots=True)
class Note:
    """What *author* wrote at the moment *at_ms* of a session. *changed_ms* is None until it is changed."""

    id: str
    session: str
    at_ms: float
    author: str
    text: str
    made_ms: int
    changed_ms: int | None = None


class ReaderStore(Protocol):
    """Notes at sessions, and who has seen which session."""

    async def add_note(self, note: Note) -> None:
        """Keep *note*. Raise NotFound if its session is not there, UserError if it has MOST_NOTES."""

    async def note_of(self, id_: str) -> Note | None:
        """Return the note of that id."""

    async def notes(self, session: str) -> list[Note]:
        """Return the notes of *session* in order of their moments."""

    async def change_note(self, id_: str, text: str, at_ms: int) -> bool:
        """Give a note another text at *at_ms*; return whether it is there."""

    async def remove_note(self, id_: str) -> bool:
        """Remove a note; return whether it was there."""

    async def note_counts(self, sessions: Sequence[str]) -> dict[str, int]:
        """Return how many notes each of *sessions* has; those without are left out."""

    async def mark_watched(self, user: str, session: str, at_ms: int) -> None:
        """Keep that *user* saw *session* at *at_ms*. Of a session that is not there nothing is kept."""

    async def watched_by(self, user: str, sessions: Sequence[str]) -> set[str]:
        """Return those of *sessions* that *user* has seen; nothing once that user is removed."""
