"""The part of the store that keeps what readers leave at sessions; SQL is notes.py's."""

from __future__ import annotations

from collections.abc import Sequence

from core.readers import Note, ReaderStore
from core.sqlite import notes
from core.sqlite.parts import Part


class Readership(Part, ReaderStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def add_note(self, note: Note) -> None:
        await self._writer.submit(lambda db, _: notes.add(db, note))

    async def note_of(self, id_: str) -> Note | None:
        return await self._readers.run(notes.one, id_)

    async def notes(self, session: str) -> list[Note]:
        return await self._readers.run(notes.of_session, session)

    async def change_note(self, id_: str, text: str, at_ms: int) -> bool:
        return await self._writer.submit(lambda db, _: notes.change(db, id_, text, at_ms))

    async def remove_note(self, id_: str) -> bool:
        return await self._writer.submit(lambda db, _: notes.remove(db, id_))

    async def note_counts(self, sessions: Sequence[str]) -> dict[str, int]:
        return await self._readers.run(notes.counts, sessions)

    async def mark_watched(self, user: str, session: str, at_ms: int) -> None:
        await self._writer.submit(
            lambda db, _: notes.mark_watched(db, user, session, at_ms), touches=()
        )

    async def watched_by(self, user: str, sessions: Sequence[str]) -> set[str]:
        return await self._readers.run(notes.watched_by, user, sessions)
