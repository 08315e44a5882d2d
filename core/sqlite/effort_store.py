"""The part of the store that keeps efforts (core/effort.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.effort import Effort, EffortStore
from core.model import SessionQuery
from core.sqlite import efforts, search_index, searching
from core.sqlite.efforts import Made
from core.sqlite.parts import Part

AT_ONCE = 500
"""Sessions that are measured anew in one transaction: some ten milliseconds."""


class Efforts(Part, EffortStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def effort_declared(self, versions: Mapping[str, str]) -> None:
        await self._writer.submit(lambda db, _: efforts.declare(db, versions), touches=())

    async def make_norms(self, today: int) -> bool:
        found = False
        for process, first in (await self._readers.run(efforts.lacking, today)).items():
            made = await self._readers.run(efforts.medians, process, first, today)
            numbers = await self._note(process, first, today, made)
            for at in range(0, len(numbers), AT_ONCE):
                await self._measure_anew(numbers[at : at + AT_ONCE])
            found = True
        return found

    async def _note(self, process: str, first: int, today: int, made: Sequence[Made]) -> list[int]:
        return await self._writer.submit(
            lambda db, _: efforts.note(db, process, first, today, made), touches=()
        )

    async def _measure_anew(self, numbers: Sequence[int]) -> None:
        await self._writer.submit(lambda db, _: search_index.measure_anew(db, numbers), touches=())

    async def efforts(self, session: str) -> list[Effort]:
        return await self._readers.run(efforts.of_session, session)

    async def tally(self, query: SessionQuery, field: str, begin: str) -> dict[str, int]:
        return await self._readers.run(searching.tally, query, field, begin)
