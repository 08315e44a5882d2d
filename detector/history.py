"""
Judges ended sessions again, by the rules in force now: what a changed rule says of the past.

Owns which sessions, one after the other, beside whatever else runs. The judgement itself
is detector/judging.py; open sessions are the service's (detector/service.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.model import Flag, Place, Score, Session, SessionQuery, Site, StoredBatch, Verdicts
from detector.engine import Engine
from detector.judging import Judgement, judge_ended
from detector.live import RULES

PAGE = 200
"""Sessions that are listed at once."""


class HistoryStore(Protocol):
    """What judging history needs of the store."""

    async def site(self, key_or_name: str) -> Site | None: ...
    async def session(self, session: str) -> Session | None: ...
    async def sessions(self, query: SessionQuery) -> list[Session]: ...
    async def count_sessions(self, query: SessionQuery) -> int: ...
    async def batches(self, session: str) -> list[StoredBatch]: ...
    async def flags(self, session: str, *, withdrawn: bool = False) -> list[Flag]: ...
    async def score(self, session: str) -> Score | None: ...
    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None: ...


@dataclass(frozen=True, slots=True)
class Rejudged:
    """How many ended sessions were judged again, and how many of them differ from before."""

    judged: int
    changed: int


class History:
    """The ended sessions of a store. *first* returns once nothing more urgent is to be done."""

    def __init__(
        self,
        store: HistoryStore,
        *,
        flush_ms: int,
        on_verdicts: Callable[[Verdicts], None] | None = None,
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._flush_ms = flush_ms
        self._on_verdicts = on_verdicts
        self._first = first
        self._sites: dict[str, Site | None] = {}

    async def rejudge(
        self,
        engine: Engine,
        query: SessionQuery,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Rejudged:
        """
        Judge the ended sessions of *query* by *engine*, and store what comes of it.

        Flags are added, or withdrawn with a reason. *progress* is called with sessions done
        and all. A session to which something comes meanwhile is left: it is judged at its end.
        """
        total = await self._store.count_sessions(query)
        query = replace(query, limit=PAGE, offset=0, order="newest")
        done = judged = changed = 0
        while True:
            page = await self._store.sessions(query)
            for session in page:
                if session.ended_ms is not None:
                    judged += 1
                    changed += await self._again(engine, session)
                done += 1
                if progress is not None:
                    progress(min(done, total), total)
            if len(page) < PAGE:
                return Rejudged(judged, changed)
            query = replace(query, after=Place.of(page[-1]))

    async def _again(self, engine: Engine, session: Session) -> bool:
        """Judge one session again; return whether anything differs from what is stored."""
        if self._first is not None:
            await self._first()
        store = self._store
        stored = await store.flags(session.id)
        judged = await self._judged(engine, session, stored)
        standing = [flag for flag in judged.flags if flag.withdrawn is None]
        if _by_id(standing) == _by_id(stored) and judged.score == await store.score(session.id):
            return False
        if session != await store.session(session.id):
            return False
        verdicts = Verdicts(
            session.id, 0, judged.flags, replace=True, reason=RULES, truncated=judged.truncated,
            final=True, score=judged.score,
        )  # fmt: skip
        await store.commit_verdicts([verdicts])
        if self._on_verdicts is not None:
            self._on_verdicts(verdicts)
        return True

    async def _judged(self, engine: Engine, session: Session, stored: Sequence[Flag]) -> Judgement:
        if session.site not in self._sites:
            self._sites[session.site] = await self._store.site(session.site)
        site = self._sites[session.site]
        batches = await self._store.batches(session.id)
        # In a thread: a long session takes long, and the loop must answer browsers meanwhile.
        return await asyncio.to_thread(
            judge_ended,
            engine,
            session,
            batches,
            flush_ms=self._flush_ms,
            idle_timeout_ms=site.idle_timeout_ms if site else 0,
            known=[flag.id for flag in stored],
        )


def _by_id(flags: Sequence[Flag]) -> dict[str, Flag]:
    return {flag.id: replace(flag, provisional=False) for flag in flags}
