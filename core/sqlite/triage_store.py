"""The part of the store that keeps what people say of struggles; SQL is triage.py's and queue.py's."""

from __future__ import annotations

from collections.abc import Sequence

from core.clock import Clock
from core.sqlite import queue, triage
from core.sqlite.parts import Part
from core.triage import (
    Entry,
    Queue,
    Queued,
    QueueQuery,
    Triage,
    TriageChange,
    TriageStore,
)


class Triaging(Part, TriageStore):
    """Mixed into the store, whose writer and readers it uses."""

    _clock: Clock

    async def queue(self, query: QueueQuery) -> Queue:
        return await self._readers.run(queue.queue, self._clock.now_ms(), query)

    async def queued(self, struggle: str, *, since_ms: int | None = None) -> Queued | None:
        return await self._readers.run(queue.one, self._clock.now_ms(), struggle, since_ms)

    async def triage(self, struggle: str) -> Triage:
        return await self._readers.run(triage.of, struggle)

    async def set_triage(
        self, struggles: Sequence[str], change: TriageChange, *, who: str, at_ms: int
    ) -> int:
        return await self._writer.submit(
            lambda db, _: triage.change(db, struggles, change, who, at_ms), touches=()
        )

    async def triage_history(self, struggle: str) -> list[Entry]:
        return await self._readers.run(triage.history, struggle)

    async def edit_note(self, note: int, text: str, *, who: str, at_ms: int) -> bool:
        return await self._writer.submit(
            lambda db, _: triage.edit_note(db, note, text, who, at_ms), touches=()
        )

    async def due_reviews(self, owner: str | None, today: str) -> tuple[int, int]:
        return await self._readers.run(triage.due_reviews, owner, today)

    async def drop_old_triage(self, before_ms: int) -> int:
        return await self._writer.submit(lambda db, _: triage.drop_old(db, before_ms), touches=())
