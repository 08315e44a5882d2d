"""
Erases whom somebody names, while the server runs or on a folder that no server runs on.

Owns what has to be asked before the store erases: whether the site's stock holds lines of the erased
that too few others sent. The rest is core/sqlite/removal.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from collector.identity import HASHES, kept_id
from core.clock import Clock
from core.erasing import Erased, Kind, Whom
from core.errors import NotFound
from core.health import DAY_MS, HealthCount
from core.model import Session
from core.sealed import StockRef
from core.store import EraseStore, HealthStore, SealStore, SiteStore
from replay.stock import KNOWN_BY, held_of, lines_of, without

MOST_READ = 2000
"""Sessions that are read to see who else sent a line: what everybody's page says, the first few prove."""

EMPTY = b" " * 64 + b"\n"
"""A stock that nothing is left of: an empty one is no dictionary."""


class ErasingStore(EraseStore, SealStore, SiteStore, HealthStore, Protocol):
    """The parts of a store that erasing needs."""


def _nobody(_: str) -> None:
    """Nothing is remembered outside of the store."""


class Eraser:
    """
    Erases, one request at a time.

    *forget* drops what is held in memory of a session, *forget_stock* of a site's stock. While
    *paused()* is entered nothing is sealed.
    """

    def __init__(
        self,
        store: ErasingStore,
        clock: Clock,
        *,
        forget: Callable[[str], None] = _nobody,
        forget_stock: Callable[[str], None] = _nobody,
        paused: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> None:
        self._store = store
        self._clock = clock
        self._forget = forget
        self._forget_stock = forget_stock
        self._paused = paused
        self._one_at_a_time = asyncio.Lock()

    async def whom(self, kind: Kind, id_: str, site: str | None = None) -> Whom:
        """
        Return who is meant, as the store has them: *site* is a key or name.

        An e-mail address is looked for by its keyed hash, as it was kept. Raise NotFound if there is no
        such site.
        """
        key = None
        if site:
            found = await self._store.site(site)
            if found is None:
                raise NotFound(f"there is no site '{site}'; `stolper site list` names them")
            key = found.key
        id_ = id_.strip()
        if kind == "customer":
            id_ = kept_id(id_, await self._store.server_key(HASHES))[0]
        return Whom(kind, id_, key)

    async def sessions(self, whom: Whom) -> list[Session]:
        """Return the sessions of *whom*, oldest first."""
        return await self._store.sessions_of(whom)

    async def others(self, whom: Whom) -> list[str]:
        """Return the visitors as whom a customer came: they may have further sessions, not identified."""
        if whom.kind != "customer":
            return []
        sessions = [one.id for one in await self._store.sessions_of(whom)]
        return await self._store.visitors_of(sessions)

    async def erase(self, whom: Whom) -> Erased:
        """Erase *whom*; see EraseStore.erase."""
        async with self._one_at_a_time, self._paused():
            sessions = await self._store.sessions_of(whom)
            renewed = await self._clean(sessions)
            for one in sessions:
                self._forget(one.id)
            erased = await self._store.erase(whom)
            for one in sessions:  # what was judged meanwhile
                self._forget(one.id)
            await self._tell(sessions)
            return replace(erased, stocks=renewed)

    async def bury(self) -> int:
        """Erase what of a restored backup was erased since it was taken; return how many sessions."""
        sessions = await self._store.buried_sessions()
        if sessions:
            await self._clean(sessions)
        return (await self._store.erase_buried()).sessions

    async def _clean(self, sessions: list[Session]) -> int:
        """Clean the stocks of the sites of *sessions*; return how many were replaced."""
        renewed = 0
        for site in sorted({one.site for one in sessions}):
            renewed += await self._clean_stocks(site, [s for s in sessions if s.site == site])
        return renewed

    async def _tell(self, sessions: Iterable[Session]) -> None:
        """Count the sessions for the page of recording health."""
        now_ms = self._clock.now_ms()
        counts: dict[str, int] = {}
        for one in sessions:
            counts[one.site] = counts.get(one.site, 0) + 1
        await self._store.note(
            [
                HealthCount(site, now_ms // DAY_MS, "removed", "erased", count, now_ms)
                for site, count in counts.items()
            ]
        )

    async def _clean_stocks(self, site: str, sessions: list[Session]) -> int:
        """
        Take out of a site's stocks what *sessions* sent and fewer than KNOWN_BY others did.

        Return how many stocks were replaced. What their recordings rest on is packed anew.
        """
        stocks = await self._store.stocks(site)
        own = await self._lines(sessions)
        held: set[bytes] = set().union(*(held_of(own, content) for _, content in stocks))
        alone = await self._unproven(site, held, sessions)
        tainted = [ref for ref, content in stocks if held_of(alone, content)]
        if not tainted:
            return 0
        newest, content = stocks[-1]
        clean = newest
        if newest in tainted:
            content = without(content, alone)
            clean = await self._store.put_stock(site, content if content.strip() else EMPTY)
        self._forget_stock(site)
        for ref in dict.fromkeys(tainted):
            await self._replace(ref, clean)
        return len(tainted)

    async def _replace(self, old: StockRef, new: StockRef) -> None:
        if old != new:
            await self._store.replace_stock(old, new)

    async def _unproven(self, site: str, held: set[bytes], sessions: list[Session]) -> set[bytes]:
        """Return those of *held* that fewer than KNOWN_BY visitors sent, but for those of *sessions*."""
        left: dict[bytes, set[str]] = {line: set() for line in held}
        erased = {one.id for one in sessions}
        visitors = {one.visitor for one in sessions if one.visitor is not None}
        others = await self._store.sealed_sessions(site, MOST_READ) if left else []
        for other in others:
            if other.id in erased or other.visitor in visitors:
                continue
            sent = await self._lines([other])
            for line in sent & left.keys():
                left[line].add(other.visitor or other.id)
                if len(left[line]) >= KNOWN_BY:
                    del left[line]
            if not left:
                break
        return set(left)

    async def _lines(self, sessions: Iterable[Session]) -> set[bytes]:
        found: set[bytes] = set()
        for one in sessions:
            for content in await self._store.sealed_contents(one.id):
                found.update(lines_of(content))
        return found
