"""The part of the store that counts what was met at steps (core/causes.py)."""

from __future__ import annotations

from collections.abc import Sequence

from core.causes import CauseStore, Encounters
from core.model import SessionQuery
from core.sqlite import causing
from core.sqlite.parts import Part


class Causes(Part, CauseStore):
    """Mixed into the store, whose readers it uses."""

    async def encounters(
        self, query: SessionQuery, process: str, step: str, struggle: str | None = None
    ) -> Encounters:
        return await self._readers.run(causing.encounters, query, process, step, struggle)

    async def met_where(self, struggle: str, processes: Sequence[str]) -> list[tuple[str, str]]:
        return await self._readers.run(causing.met_where, struggle, processes)
