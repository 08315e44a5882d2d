"""
Drafts over history: reads ended sessions, hands them to detector/backtest.py, adds up.

Owns pages, processes and progress. Worker processes read for themselves and give way to a
running server, whose event loop goes on whatever is judged.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from core.clock import SystemClock
from core.errors import StolperError
from core.model import Place, Session, SessionQuery, Site, StoredBatch
from core.sqlite import SqliteStore
from detector.backtest import Backtest, Comparison
from detector.drafts import RuleText, load_texts, named_in, replaced_by, with_draft

Progress = Callable[[int, int], None]
"""Called with (sessions done, sessions in all)."""

PAGE = 200
"""Sessions read and judged at a time: some 10,000 events, a moment's work."""

LITTLE_EVENTS = 50_000
"""Up to so many events, starting another process costs more than it saves."""

NICENESS = 5
"""Of worker processes, so that a running server comes first."""


class HistoryStore(Protocol):
    """What is needed of the store."""

    async def sites(self) -> list[Site]: ...
    async def sessions(self, query: SessionQuery) -> list[Session]: ...
    async def count_sessions(self, query: SessionQuery) -> int: ...
    async def batches_of(self, sessions: Sequence[str]) -> dict[str, list[StoredBatch]]: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as texts: all files with it, all files in force, and the rules that it names."""

    files: tuple[RuleText, ...]
    force: tuple[RuleText, ...]
    named: frozenset[str]

    def comparison(self) -> Comparison:
        """Return both sides compiled. Raise RuleErrors if one of them is wrong."""
        return Comparison(load_texts(self.files), load_texts(self.force), self.named)


def draft_of(force: Sequence[RuleText], name: str, text: str) -> Draft:
    """Return the draft *text* of the file called *name*, against the files in *force*."""
    before = replaced_by(force, name)
    named = named_in(text) | (named_in(before.text) if before is not None else frozenset())
    return Draft(with_draft(force, name, text), tuple(force), named)


@dataclass(frozen=True, slots=True)
class _Work:
    """What everyone who judges needs to know: once per worker, not per page."""

    data: Path
    draft: Draft
    flush_ms: int
    idle_ms: dict[str, int]


async def backtest(
    store: HistoryStore,
    draft: Draft,
    query: SessionQuery,
    *,
    data: Path,
    flush_ms: int,
    jobs: int = 1,
    little_events: int = LITTLE_EVENTS,
    progress: Progress | None = None,
) -> Backtest:
    """
    Return what *draft* does to the ended sessions of *query* (its limit and offset do not count).

    With *jobs* 0, or up to *little_events*, they are judged here in a thread, page by page;
    else by so many processes, which read the folder *data* themselves. The event loop goes on
    either way. Raise RuleErrors if the draft is wrong.
    """
    comparison = await asyncio.to_thread(draft.comparison)
    idle_ms = {site.key: site.idle_timeout_ms for site in await store.sites()}
    work = _Work(data, draft, flush_ms, idle_ms)
    counter = _Counter(await store.count_sessions(query), progress)
    result = comparison.judge((), flush_ms=flush_ms, idle_ms=idle_ms)
    waiting: list[list[Session]] = []
    events = 0
    pages = _pages(store, query)
    async for page in pages:
        waiting.append(page)
        events += sum(session.events for session in page)
        if events > little_events:
            break
    if jobs and events > little_events:
        await _by_processes(work, jobs, _chained(waiting, pages), result, counter)
        return result
    async for page in _chained(waiting, pages):
        result.merge(await _judge(store, comparison, page, work))
        counter.add(len(page))
    return result


async def _pages(store: HistoryStore, query: SessionQuery) -> AsyncIterator[list[Session]]:
    """Yield all sessions of *query*, newest first; those that are still open, too."""
    query = replace(query, limit=PAGE, offset=0, order="newest")
    while True:
        page = await store.sessions(query)
        if page:
            yield page
        if len(page) < PAGE:
            return
        query = replace(query, after=Place.of(page[-1]))


async def _chained(
    first: Sequence[list[Session]], rest: AsyncIterator[list[Session]]
) -> AsyncIterator[list[Session]]:
    for page in first:
        yield page
    async for page in rest:
        yield page


class _Counter:
    """Tells *progress* how far it has come."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def add(self, sessions: int) -> None:
        """Count *sessions* as done."""
        self._done += sessions
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)


async def _judge(
    store: HistoryStore, comparison: Comparison, page: Sequence[Session], work: _Work
) -> Backtest:
    """Return what becomes of the ended sessions of *page*."""
    ended = [session for session in page if session.ended_ms is not None]
    batches = await store.batches_of([session.id for session in ended])
    history = [(session, batches[session.id]) for session in ended]
    return await asyncio.to_thread(
        comparison.judge, history, flush_ms=work.flush_ms, idle_ms=work.idle_ms
    )


async def _by_processes(
    work: _Work,
    jobs: int,
    pages: AsyncIterator[list[Session]],
    result: Backtest,
    counter: _Counter,
) -> None:
    """Add to *result* what *jobs* worker processes make of *pages*."""
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(work,),
    )
    running: dict[asyncio.Future[Backtest], int] = {}

    async def collect() -> None:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for future in done:
            result.merge(future.result())
            counter.add(running.pop(future))

    try:
        async for page in pages:
            # In a thread: starting a worker waits for it to read its orders.
            future = await asyncio.to_thread(pool.submit, _judge_page, page)
            running[asyncio.wrap_future(future)] = len(page)
            if len(running) >= 2 * jobs:
                await collect()
        while running:
            await collect()
    except BrokenProcessPool as error:
        raise StolperError(f"a worker process ended before its work was done: {error}") from error
    finally:
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)
        await asyncio.gather(*running, return_exceptions=True)  # heard, if only to be dropped


class _Worker:
    """A worker process: its own store, loop and compiled rules."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._comparison = work.draft.comparison()
        self._loop = asyncio.new_event_loop()
        self._store = SqliteStore(work.data, SystemClock(), read_only=True)
        self._loop.run_until_complete(self._store.open())

    def judge(self, page: Sequence[Session]) -> Backtest:
        """Return what becomes of *page*."""
        return self._loop.run_until_complete(
            _judge(self._store, self._comparison, page, self._work)
        )


_worker: _Worker | None = None


def _start_worker(work: _Work) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, name="parent's end", daemon=True).start()
    _worker = _Worker(work)


def _end_with_parent() -> None:
    """End this process when the one that started it does, even by a kill: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _judge_page(page: Sequence[Session]) -> Backtest:
    assert _worker is not None
    return _worker.judge(page)
