"""The part of the store that finds sessions; SQL is that of search_index.py and searching.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial

from core.clock import Clock
from core.model import SessionQuery
from core.search import Document, Due, Facets, SearchStore
from core.sqlite import search_index, searching
from core.sqlite.parts import Part
from core.sqlite.segments import Tail


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

    async def settle_words(self) -> None:
        begin = True
        while await self._writer.submit(partial(_merge_some, begin), touches=()):
            begin = False  # others write in between

    async def facets(self, query: SessionQuery, fields: Sequence[str], most: int) -> Facets:
        return await self._readers.run(searching.facets, query, fields, most)


def _merge_some(begin: bool, db: sqlite3.Connection, _: Tail) -> bool:
    return search_index.merge(db, begin=begin)
