"""
The one writer: a thread that commits what waits in groups.

Owns the queue, the order of the durable steps (chunk bytes written and fsynced, then rows
committed, then answers) and recovery after a failed group. What a job writes is the job's
own affair (ingest.py, verdicts.py ...).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core.clock import Clock
from core.errors import StolperError, StoreBusy, StoreFailed
from core.sqlite.disk import Disk
from core.sqlite.schema import connect
from core.sqlite.segments import FOLDER, Tail

log = logging.getLogger(__name__)

T = TypeVar("T")
Apply = Callable[[sqlite3.Connection, Tail], T]
"""A job: writes its rows in the open transaction, places its bytes, returns its answer."""

GROUP_JOBS = 512
"""Most jobs in one commit: bounds how long the first one waits for the last."""

RETRY_AFTER_S = 2
"""What a refused client is told to wait; a full queue drains in well under a second."""


@dataclass(slots=True)
class _Job:
    apply: Apply[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """Takes jobs from the event loop, commits them in groups in its own thread."""

    def __init__(self, data: Path, clock: Clock, disk: Disk, queue_limit: int) -> None:
        self._path = data / "stolper.db"
        self._clock = clock
        self._disk = disk
        self._queue_limit = queue_limit
        self._tail = Tail(data / FOLDER, disk)
        self._db: sqlite3.Connection | None = None
        self._waiting: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="stolper-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits and end the thread. Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def waiting(self) -> int:
        """Return how many jobs wait for their group."""
        return len(self._waiting)

    async def submit(self, apply: Apply[T], *, bounded: bool = False) -> T:
        """
        Run *apply* in the next group and return its answer once that is durable.

        With *bounded*, raise StoreBusy when the queue is full. Raise StoreFailed if the
        group could not be committed.
        """
        loop = asyncio.get_running_loop()
        job = _Job(apply, loop, loop.create_future())
        with self._wake:
            if self._closing:
                raise StoreFailed("the store is closed")
            if bounded and len(self._waiting) >= self._queue_limit:
                raise StoreBusy(RETRY_AFTER_S)
            self._waiting.append(job)
            self._wake.notify()
        result: T = await job.future
        return result

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    break
                count = min(len(self._waiting), GROUP_JOBS)
                group = [self._waiting.popleft() for _ in range(count)]
            self._commit(group)
            _answer(group)
        self._tail.close()
        if self._db is not None:
            self._db.close()

    def _commit(self, group: list[_Job]) -> None:
        """Make *group* durable, or fail all of it; an error of one job fails that job alone."""
        committing = False
        try:
            db = self._begin()
            self._tail.begin(self._clock.now_ms())
            for job in group:
                self._apply(db, job)
            self._tail.flush()
            committing = True
            self._disk.commit(db)
        except Exception as error:
            log.error("a group of %d writes failed: %s", len(group), error)
            # A commit that failed may still turn out to have happened: its bytes stay.
            self._recover(keep_bytes=committing)
            for job in group:
                failed = StoreFailed(f"the write failed: {error}")
                failed.__cause__ = error
                job.error = failed

    def _begin(self) -> sqlite3.Connection:
        if self._db is None:
            db = connect(self._path)
            try:
                # What an earlier process or a failed commit left in the log counts as stored
                # from now on ("duplicate" is acknowledged), so it must be on the medium.
                self._disk.settle(db)
            except BaseException:
                db.close()
                raise
            self._db = db
        # The lock comes before the segment's size is read, so that no other process appends.
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def _apply(self, db: sqlite3.Connection, job: _Job) -> None:
        mark = self._tail.mark
        db.execute("SAVEPOINT job")
        try:
            job.result = job.apply(db, self._tail)
        except OSError:
            raise
        except Exception as error:
            if not db.in_transaction:  # SQLite gave the whole transaction up (disk full, I/O)
                raise
            db.execute("ROLLBACK TO job")
            self._tail.rewind(mark)
            job.error = error if isinstance(error, StolperError) else _failed(error)
        db.execute("RELEASE job")

    def _recover(self, *, keep_bytes: bool) -> None:
        if keep_bytes:
            self._tail.close()
        else:
            self._tail.abandon()
        db, self._db = self._db, None
        if db is None:
            return
        # A fresh connection for the next group: closing rolls back whatever was open.
        try:
            db.close()
        except sqlite3.Error as error:
            log.error("closing the database after a failed write: %s", error)


def _failed(error: Exception) -> StoreFailed:
    log.error("a write was refused by the database", exc_info=error)
    failed = StoreFailed(f"the write was refused: {error}")
    failed.__cause__ = error
    return failed


def _answer(group: list[_Job]) -> None:
    """Hand the answers to their event loops, one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:
            log.warning("%d writes were committed after their event loop had closed", len(jobs))


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # its caller gave up waiting
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
