"""The part of the store that keeps walks (core/walks.py), ways (core/ways.py) and sights (core/sights.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.model import SessionQuery
from core.sights import SightCounts, SightStore
from core.sqlite import search_index, walking, walks
from core.sqlite.parts import Part
from core.walks import Spent, WalkStore
from core.ways import WayStore


class Walks(Part, WalkStore, WayStore, SightStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def walked(self) -> str:
        return await self._readers.run(walks.walked)

    async def walk_anew(self, declarations: str) -> None:
        await self._writer.submit(lambda db, _: _walk_anew(db, declarations), touches=())

    async def spent(self, query: SessionQuery, process: str) -> Spent:
        return await self._readers.run(walking.spent, query, process)

    async def ends(
        self, query: SessionQuery, kind: str, at: str, most: int
    ) -> list[tuple[str, int]]:
        return await self._readers.run(walking.ends, query, kind, at, most)

    async def ways(self, query: SessionQuery, process: str) -> list[tuple[str, int]]:
        return await self._readers.run(walking.all_ways, query, process)

    async def sights(self, query: SessionQuery, page: str, most_places: int) -> SightCounts:
        return await self._readers.run(walking.sights_of, query, page, most_places)

    async def labels(self, process: str, elements: Sequence[str]) -> dict[str, str]:
        return await self._readers.run(walking.labels, process, elements)


def _walk_anew(db: sqlite3.Connection, declarations: str) -> None:
    walks.note(db, declarations)
    search_index.mark_all_due(db)
