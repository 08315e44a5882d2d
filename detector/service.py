"""
The detector's task: judges sessions as their batches come, and writes what it finds.

Owns the queue between the collector and the engine, timers, the checkpoint, and judging
again at the end of a session, after a restart and after an overflow. Leaves what a rule
means to the engine, and order to detector/live.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from core.clock import Clock
from core.errors import StoreBusy, StoreDamaged, StoreError
from core.model import Flag, Session, Site, StoredBatch, Verdicts
from core.settings import DetectorSettings
from detector.engine import Engine
from detector.judging import Judgement, judge_ended
from detector.live import LATE, RESTARTED, RULES, LiveSession
from detector.rule import RuleSet

log = logging.getLogger(__name__)

QUEUE_LIMIT = 4096
"""Batches that may wait to be judged in memory; beyond, they are read from the store again."""

GROUP_LIMIT = 256
"""Batches judged before their flags are written: keeps the delay of a flag small."""

CHECKPOINT_EVERY = 500
"""Batches without any flag after which the checkpoint is written all the same."""

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a failed write is tried again; the last one repeats."""

STOP_S = 10.0
"""How long stop() waits for a store that cannot write."""

_READ = 256


class DetectorStore(Protocol):
    """What the detector needs of the store."""

    async def site(self, key_or_name: str) -> Site | None: ...
    async def session(self, session: str) -> Session | None: ...
    async def open_sessions(self) -> list[Session]: ...
    async def unjudged_sessions(self) -> list[Session]: ...
    async def batches(self, session: str) -> list[StoredBatch]: ...
    async def batches_after(self, position: int, limit: int) -> list[StoredBatch]: ...
    async def checkpoint(self) -> int: ...
    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None: ...
    async def flags(self, session: str, *, withdrawn: bool = False) -> list[Flag]: ...


class Detector:
    """Judges all sessions of a store. One per store."""

    def __init__(
        self,
        store: DetectorStore,
        rules: RuleSet,
        clock: Clock,
        *,
        settings: DetectorSettings,
        on_verdicts: Callable[[Verdicts], None] | None = None,
        flush_ms: int = 5000,
    ) -> None:
        self.rules = rules
        self.failures = 0
        self.unwritten = 0  # judgements that damage of the database kept from being written
        self._store = store
        self._clock = clock
        self._settings = settings
        self._on_verdicts = on_verdicts
        self._flush_ms = flush_ms
        self._engine = Engine(rules)
        self._sessions: dict[str, LiveSession] = {}
        self._sites: dict[str, Site] = {}
        self._batches: deque[StoredBatch] = deque()
        self._ended: deque[Session] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._overflow = False
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._meanwhile: tuple[str, list[StoredBatch]] | None = None
        self._position = 0  # every batch up to here has been judged
        self._written = 0  # the checkpoint as the store has it
        self._outbox: list[Verdicts] = []

    @property
    def errors(self) -> int:
        """Return how often judging failed: on an event (it was skipped) or on a whole session."""
        return self.failures + self._engine.errors

    # -- what others call ----------------------------------------------------------------

    async def start(self) -> None:
        """Judge the open sessions again from what is stored, then run until stop()."""
        self._position = self._written = await self._store.checkpoint()
        for session in await self._store.open_sessions():
            await self._guarded(session.id, partial(self._open, session.id, again=True))
        await self._catch_up()
        for session in await self._store.unjudged_sessions():
            await self._guarded(session.id, partial(self._end, session))
        await self._write(force=True)
        self._task = asyncio.create_task(self._run(), name="detector")

    async def stop(self) -> None:
        """Judge and write what has come, then stop."""
        if self._task is None:
            return
        if self._renewing is not None:  # what it has not come to is judged again at start
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        with contextlib.suppress(TimeoutError):  # what is not written is judged again at start
            async with asyncio.timeout(STOP_S):
                await self.drain()
                await self._write(force=True)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def swap(self, rules: RuleSet) -> None:
        """
        Judge by *rules* from now on, without losing an event.

        Sessions that are open are judged again from what is stored, one after the other in
        the background; until its turn has come a session goes on under the rules before.
        """
        engine = await asyncio.to_thread(Engine, rules)
        self.failures += self._engine.errors
        self._engine, self.rules = engine, rules
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew(), name="judging open sessions again")

    async def renewed(self) -> None:
        """Return once all open sessions are judged by the rules in force."""
        if self._renewing is not None:
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self.drain()

    @property
    def engine(self) -> Engine:
        """Return what judges now. It is replaced as a whole by swap()."""
        return self._engine

    @property
    def waiting(self) -> int:
        """Return how many batches wait to be judged, as far as they are held in memory."""
        return len(self._batches)

    @property
    def open_sessions(self) -> int:
        """Return how many sessions are being judged."""
        return len(self._sessions)

    def notify(self, batch: StoredBatch) -> None:
        """Take a batch that has been stored. Never blocks, never raises."""
        if len(self._batches) >= QUEUE_LIMIT:
            self._overflow = True
        else:
            self._batches.append(batch)
        self._wake.set()

    def session_ended(self, session: Session) -> None:
        """Take a session that has been closed. Never blocks, never raises."""
        self._ended.append(session)
        self._wake.set()

    def forget(self, session: str) -> None:
        """Drop all that is held of *session*, which was erased. Never blocks, never raises."""
        self._sessions.pop(session, None)
        self._batches = deque(one for one in self._batches if one.session != session)
        self._ended = deque(one for one in self._ended if one.id != session)
        self._outbox = [one for one in self._outbox if one.session != session]

    async def drain(self) -> None:
        """Return once everything taken so far has been judged and written."""
        while self._batches or self._ended or self._overflow or self._busy or self._outbox:
            if self._task is None or self._task.done():
                return
            self._idle.clear()
            self._wake.set()
            await self._idle.wait()

    async def sweep(self) -> None:
        """Let deadlines run out and give up old holes, in all open sessions; write the flags."""
        now = self._clock.now_ms()
        for live in list(self._sessions.values()):
            try:
                live.sweep(now)
            except Exception:
                self._failed(live.id)
            self._collect(live)
        await self._write()

    # -- the task ------------------------------------------------------------------------

    async def _run(self) -> None:
        every = self._settings.sweep_ms / 1000
        loop = asyncio.get_running_loop()
        due = loop.time() + every
        while True:
            # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the wake-up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - loop.time())):
                    await self._wake.wait()
            self._wake.clear()
            self._busy = True
            try:
                await self._work()
                if loop.time() >= due:
                    await self.sweep()
                    due = loop.time() + every
            except Exception:
                self._failed("the detector's task")
            finally:
                self._busy = False
            if not (self._batches or self._ended or self._overflow):
                self._idle.set()

    async def _work(self) -> None:
        while self._batches or self._ended or self._overflow:
            taken = 0
            while self._batches and taken < GROUP_LIMIT:
                batch = self._batches.popleft()
                taken += 1
                await self._guarded(batch.session, partial(self._batch, batch))
            if self._overflow and not self._batches:
                self._overflow = False
                await self._catch_up()
            # A session's end waits for its batches: those were queued before it.
            while self._ended and not self._batches:
                session = self._ended.popleft()
                await self._guarded(session.id, partial(self._end, session))
            await self._write()
        await self._write()  # what was judged again in the background

    async def _guarded(self, session: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* on a session; one that fails must not end the task."""
        for attempt in itertools.count():
            try:
                await work()
            except StoreDamaged:  # waiting would only keep the others from their turn
                self._failed(session)
                return
            except StoreError as error:
                await self._pause(attempt, error, "a session could not be read")
            except Exception:
                self._failed(session)
                return
            else:
                return

    async def _pause(self, attempt: int, error: StoreError, what: str) -> None:
        pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
        if isinstance(error, StoreBusy):
            pause = min(pause, error.retry_after_s)
        log.warning("%s (%s); next try in %.1f s", what, error, pause)
        await asyncio.sleep(pause)

    def _failed(self, what: str) -> None:
        self.failures += 1
        log.exception("judging failed (%s); going on", what)

    # -- sessions ------------------------------------------------------------------------

    async def _batch(self, batch: StoredBatch) -> None:
        live = self._sessions.get(batch.session)
        if self._meanwhile is not None and self._meanwhile[0] == batch.session:
            self._meanwhile[1].append(batch)
        if live is None:
            await self._open(batch.session, again=batch.late)
        else:
            live.add(batch, self._clock.now_ms())
            self._collect(live)
        self._position = max(self._position, batch.position)

    async def _open(self, name: str, *, again: bool) -> None:
        """Begin to follow a session: judge what is stored of it."""
        session = await self._store.session(name)
        if session is None:
            return
        live = await self._fresh(session)
        live.rebuild(await self._store.batches(name), self._clock.now_ms())
        live.sweep(self._clock.now_ms())
        if session.ended_ms is not None:
            return  # its end is judged from the store when session_ended() says so
        if not live.by(self._engine):  # the rules changed while it was read
            await self._open(name, again=True)
            return
        self._sessions[name] = live
        if again:
            self._outbox.append(_whole(live, provisional=True, reason=RESTARTED))
        else:
            self._collect(live)

    async def _fresh(self, session: Session) -> LiveSession:
        """Return *session* with nothing judged yet."""
        site = await self._site(session.site)
        live = LiveSession(
            self._engine,
            session,
            lateness_ms=self._settings.lateness_ms,
            flush_ms=self._flush_ms,
            idle_timeout_ms=site.idle_timeout_ms if site else 0,
        )
        live.know({flag.id for flag in await self._store.flags(session.id)})
        return live

    async def _renew(self) -> None:
        """Judge the open sessions again that were judged by an engine before this one."""
        while True:
            stale = [name for name, live in self._sessions.items() if not live.by(self._engine)]
            if not stale:
                return
            for name in stale:
                await self._guarded(name, partial(self._renew_one, name))

    async def _renew_one(self, name: str) -> None:
        session = await self._store.session(name)
        before = self._sessions.get(name)
        if session is None or before is None:
            self._sessions.pop(name, None)
            return
        known = before.known
        batches: list[StoredBatch] = []
        self._meanwhile = name, batches
        try:
            live = await self._fresh(session)
            stored = await self._store.batches(name)
            # Long sessions take a while, and whoever sends must not wait for that.
            await asyncio.to_thread(live.rebuild, stored, self._clock.now_ms())
        finally:
            self._meanwhile = None
        if self._sessions.get(name) is not before:
            return  # it has ended meanwhile, and was judged by the rules in force
        live.know(known | before.known)
        for batch in batches:
            live.add(batch, self._clock.now_ms())
        live.sweep(self._clock.now_ms())
        self._sessions[name] = live
        self._outbox.append(_whole(live, provisional=True, reason=RULES))
        self._wake.set()

    async def _site(self, key: str) -> Site | None:
        if key not in self._sites:
            site = await self._store.site(key)
            if site is None:
                return None
            self._sites[key] = site
        return self._sites[key]

    async def _end(self, session: Session) -> None:
        """Give the final judgement of *session*, unless a late batch has opened it again."""
        stored = await self._store.session(session.id)
        if stored is None or stored.ended_ms is None:
            return
        session = stored
        live = self._sessions.pop(session.id, None)
        known: set[str] = set()
        reason = RESTARTED
        if live is not None and not live.by(self._engine):
            reason, known = RULES, live.known
        elif live is not None:
            live.end(session)
            if live.dirty is None:
                self._outbox.append(_whole(live, provisional=False, reason=LATE))
                return
            reason, known = live.dirty, live.known
        judged = await self._judged(session, known)
        self._outbox.append(_final(session, judged, reason))

    async def _judged(self, session: Session, known: set[str]) -> Judgement:
        """Return the final judgement of an ended *session* from what is stored of it."""
        site = await self._site(session.site)
        stored = {flag.id for flag in await self._store.flags(session.id)}
        return judge_ended(
            self._engine,
            session,
            await self._store.batches(session.id),
            flush_ms=self._flush_ms,
            idle_timeout_ms=site.idle_timeout_ms if site else 0,
            known=known | stored,
        )

    async def _catch_up(self) -> None:
        """Judge the batches after the checkpoint that were never taken, or were dropped."""
        while True:
            try:
                batches = await self._store.batches_after(self._position, _READ)
            except StoreDamaged:  # what lies there is judged after a repair, by its sessions
                self._failed("batches since the checkpoint")
                return
            if not batches:
                return
            for batch in batches:
                await self._guarded(batch.session, partial(self._batch, batch))
                self._position = max(self._position, batch.position)
            await self._write()

    # -- writing -------------------------------------------------------------------------

    def _collect(self, live: LiveSession) -> None:
        changed = live.changed()
        if changed:
            score = live.score()
            self._outbox.append(
                Verdicts(live.id, 0, changed, truncated=live.truncated, score=score)
            )

    async def _write(self, *, force: bool = False) -> None:
        """Write the outbox and the checkpoint in one transaction; try until that works or can't."""
        behind = self._position - self._written
        if not self._outbox and (not behind or (behind < CHECKPOINT_EVERY and not force)):
            return
        out, self._outbox = self._outbox or [Verdicts("", 0, ())], []
        position = self._position
        out = [*out[:-1], replace(out[-1], position=position)]
        for verdicts in await self._commit(out):
            self._written = max(self._written, verdicts.position)
            if verdicts.session and self._on_verdicts is not None:
                try:
                    self._on_verdicts(verdicts)
                except Exception:
                    self._failed("on_verdicts")

    async def _commit(self, out: Sequence[Verdicts]) -> Sequence[Verdicts]:
        """
        Write *out*; return what was written.

        Of what lies in damaged pages no try would change anything, and all others would wait: it
        is left out. A session is judged again at its end, one that has ended at the next start.
        """
        for attempt in itertools.count():
            try:
                await self._store.commit_verdicts(out)
            except StoreDamaged as error:
                if len(out) > 1:
                    return [one for each in out for one in await self._commit([each])]
                self.unwritten += 1
                log.error("flags of %s are not written (%s)", out[0].session or "no session", error)
                return []
            except StoreError as error:
                await self._pause(attempt, error, "flags could not be written")
            else:
                return out
        raise AssertionError("the count has no end")


def _whole(live: LiveSession, *, provisional: bool, reason: str) -> Verdicts:
    """Return all flags of *live*: what else the store has of the session is withdrawn."""
    flags = live.all(provisional=provisional)
    return Verdicts(
        live.id,
        0,
        flags,
        replace=True,
        reason=reason,
        truncated=live.truncated,
        final=not provisional,
        score=live.score(),
    )


def _final(session: Session, judged: Judgement, reason: str) -> Verdicts:
    """Return *judged* to be stored: what else the store has of *session* is withdrawn."""
    return Verdicts(
        session.id,
        0,
        judged.flags,
        replace=True,
        reason=reason,
        truncated=judged.truncated,
        final=True,
        score=judged.score,
    )
