"""The part of the store that finds sessions; SQL is that of search_index.py and searching.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.clock import Clock
from core.model import SessionQuery
from core.search import Document, Due, Facets, SearchStore
from core.sqlite import search_index, searching
from core.sqlite.parts import Part


class Search(Part, SearchStore):
    """Mixed into the store, whose writer and readers it uses."""

    _clock: Clock

    async def due(self, limit: int) -> list[Due]:
        return await self._readers.run(search_index.due, self._clock.now_ms(), limit)

    async def index(self, documents: Iterable[Document], done: Iterable[Due] = ()) -> None:
        put = (list(documents), list(done))
        await self._writer.submit(lambda db, _: search_index.put(db, *put), touches=())

    async def unindexed(self) -> int:
        return await self._readers.run(search_index.unindexed)

    async def facets(self, query: SessionQuery, fields: Sequence[str], most: int) -> Facets:
        return await self._readers.run(searching.facets, query, fields, most)
