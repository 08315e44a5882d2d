"""
Keeps the index by which sessions are found up to date, in the background.

Owns when that is done: a session that was judged of late within seconds, one that runs ever less often the
longer it does, older ones of before an upgrade when there is nothing else to do. Nobody who sends waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from core.clock import Clock
from core.effort import EffortStore
from core.errors import StoreError
from core.model import Flag, PageLoad, Score, Session, StoredBatch
from core.search import Document, SearchStore
from core.store import RecordStore, VerdictStore
from core.walks import WalkStore
from detector.rule import RuleSet
from detector.steps import Steps
from insight.effort import with_effort
from insight.maps import with_sights
from insight.paths import with_ways
from insight.walks import made_by, with_walks
from replay.document import document_of

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Sessions of one transaction, which takes some ten milliseconds in all: those who send wait meanwhile."""

FIRST_MS, LAST_MS = 5_000, 50_000
"""
How long a running session is left alone: at first, and at most. Each time is twice the one before.

No count is behind by more than a minute then; a thousand running sessions take a twentieth of a core.
"""

MOST_RUNNING = 10_000
"""Running sessions of which something came and that wait for their turn; others are read at their end."""

AGAIN_MS = 60_000
"""After a failure: what is damaged stays so until somebody mends it."""

DAY_MS = 86_400_000

SHARE = 0.2
"""Share of the time that is worked while batches arrive."""


class IndexedStore(RecordStore, VerdictStore, SearchStore, WalkStore, EffortStore, Protocol):
    """The parts of a store that indexing needs."""


class Indexer:
    """
    Looks every *every_ms* for what is to be indexed. *busy* says whether batches arrive just now.

    *rules* tells those in force: sessions are found by how far they came in their processes. Where these
    say other things than those that sessions were indexed by, all are indexed anew.
    """

    def __init__(
        self,
        store: IndexedStore,
        clock: Clock,
        *,
        rules: Callable[[], RuleSet | None] = lambda: None,
        busy: Callable[[], bool] = lambda: False,
        every_ms: int = 2_000,
    ) -> None:
        self._store = store
        self._rules = rules
        self._steps: tuple[RuleSet, Steps] | None = None  # those of the rules that are in force
        self._clock = clock
        self._busy = busy
        self._every_ms = every_ms
        self._settled_ms: int | None = None
        self._normed: int | None = None  # the day up to which there are medians of efforts
        self._running: dict[
            str, int
        ] = {}  # when something came of it that is not indexed: its turn
        self._waits_ms: dict[
            str, tuple[int, int]
        ] = {}  # of a running one: its turn, and the wait before

    def changed(self, session: str) -> None:
        """Hear that something came of *session*."""
        if session not in self._running and len(self._running) < MOST_RUNNING:
            self._running[session] = self._waits_ms.get(session, (0, 0))[0]

    async def run(self) -> None:
        """Index until cancelled. A store that cannot do it now is asked again."""
        for session in await self._open():
            self.changed(session.id)
        while True:
            wait_ms = self._every_ms
            try:
                while await self.sweep():
                    pass
                await self.norms()
                await self._settle()
            except StoreError as error:
                log.error("sessions could not be indexed: %s", error)
                wait_ms = AGAIN_MS
            except Exception:
                log.exception("indexing sessions failed")
                wait_ms = AGAIN_MS
            await asyncio.sleep(wait_ms / 1000)

    async def sweep(self) -> int:
        """Index some of the sessions that wait; return how many that were."""
        begun = time.perf_counter()
        await self._declared()
        done = await self._store.due(AT_ONCE)
        sessions = {one.session.id: one.session for one in done}
        for id_ in self._turn(AT_ONCE - len(done)):
            if id_ in sessions:
                continue
            if (found := await self._store.session(id_)) is not None:
                sessions[id_] = found
            else:  # it was removed
                self._running.pop(id_, None)
                self._waits_ms.pop(id_, None)
        if sessions:
            documents = [await self._document(one) for one in sessions.values() if not one.canary]
            await self._store.index(documents, done)
            await self._rest(time.perf_counter() - begun)
        return len(sessions)

    async def _declared(self) -> None:
        """Take note of the processes in force."""
        rules = self._rules()
        if rules is None or (self._steps is not None and self._steps[0] is rules):
            return
        steps = await asyncio.to_thread(Steps, rules)
        if made_by(steps) != await self._store.walked():
            await self._store.walk_anew(made_by(steps))
        await self._store.effort_declared(steps.versions)
        self._normed = None
        self._steps = (rules, steps)

    async def norms(self) -> None:
        """Have the medians of efforts made once a day, when all older sessions are indexed."""
        today = self._clock.now_ms() // DAY_MS
        if self._steps is None or self._normed == today or await self._store.unindexed():
            return
        await self._store.make_norms(today)
        self._normed = today

    async def _settle(self) -> None:
        """Have the words of what was removed by age go, once a day."""
        now_ms = self._clock.now_ms()
        if self._settled_ms is None:
            self._settled_ms = now_ms
        elif now_ms - self._settled_ms >= DAY_MS:
            self._settled_ms = now_ms
            await self._store.settle_words()

    async def _document(self, session: Session) -> Document:
        """Return what stands for *session*. What of it cannot be read is not in it."""
        self._running.pop(session.id, None)
        again_ms = self._again(session)
        try:
            batches = await self._store.batches(session.id)
            loads = await self._store.page_loads(session.id)
            flags = await self._store.flags(session.id)
            score = await self._store.score(session.id)
        except StoreError as error:
            log.error("session %s is indexed without its events: %s", session.id, error)
            return document_of(session, [], [], [], again_ms=again_ms)
        try:
            return await asyncio.to_thread(
                self._made, session, batches, loads, flags, score, again_ms
            )
        except Exception:  # a fault of ours: all others must not wait for this one
            log.exception("session %s is indexed without its events", session.id)
            return document_of(session, [], [], [], again_ms=again_ms)

    def _made(
        self,
        session: Session,
        batches: list[StoredBatch],
        loads: list[PageLoad],
        flags: list[Flag],
        score: Score | None,
        again_ms: int | None,
    ) -> Document:
        document = document_of(session, batches, loads, flags, again_ms=again_ms)
        if self._steps is not None:
            document = with_walks(document, self._steps[1], session, batches, flags)
            document = with_effort(document, session, batches, score)
        return with_sights(with_ways(document, session, batches), batches, flags)

    def _again(self, session: Session) -> int | None:
        """Return when a running session is looked at again, having noted it."""
        _, wait_ms = self._waits_ms.pop(session.id, (0, 0))
        if session.ended_ms is not None:
            return None
        wait_ms = min(LAST_MS, 2 * wait_ms or FIRST_MS)
        turn = self._clock.now_ms() + wait_ms
        self._waits_ms[session.id] = (turn, wait_ms)
        return turn

    def _turn(self, most: int) -> list[str]:
        """Return running sessions whose turn it is."""
        now_ms = self._clock.now_ms()
        return [id_ for id_, turn in self._running.items() if turn <= now_ms][: max(0, most)]

    async def _open(self) -> list[Session]:
        try:
            return await self._store.open_sessions()
        except StoreError as error:
            log.error("running sessions are indexed as they go on: %s", error)
            return []

    async def _rest(self, worked_s: float) -> None:
        """Leave the machine to others for a while after *worked_s*, if there are any."""
        if self._busy():
            await asyncio.sleep(worked_s * (1 - SHARE) / SHARE)
