"""
The one writer: a thread that commits what waits in groups.

Owns the queue, the order of the durable steps (chunk bytes written and fsynced, then rows
committed, then answers) and recovery after a failed group. What a job writes is the job's
own affair (judged.py, assets.py ...); batches are steady.py's and ingest.py's.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from core.clock import Clock
from core.errors import StolperError, StoreBusy, StoreFailed
from core.model import Appended, NewBatch
from core.sqlite import ingest
from core.sqlite.disk import Disk
from core.sqlite.schema import connect
from core.sqlite.segments import FOLDER, Tail
from core.sqlite.steady import Steady

log = logging.getLogger(__name__)

T = TypeVar("T")
Apply = Callable[[sqlite3.Connection, Tail], T]
"""A job: writes its rows in the open transaction, places its bytes, returns its answer."""

GROUP_JOBS = 512
"""Most jobs in one commit: bounds how long the first one waits for the last."""

LINGER_S = 0.008
"""
Longest wait of a write for others, while many come: a commit of thirty takes hardly more than one
of five. PostgreSQL's commit_delay and commit_siblings are the model.
"""

LINGER_FOR = 4
"""How many must have come together of late for a write to wait for others."""

RETRY_AFTER_S = 2
"""What a refused client is told to wait; a full queue drains in well under a second."""


@dataclass(slots=True)
class _Job:
    future: asyncio.Future[Any]
    batch: NewBatch | None  # to append, or else *apply* is to be done
    apply: Apply[Any] | None = None
    touches: Sequence[str] | None = None
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
        self._steady = Steady()
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        self._gathering = 0
        self._together = 1  # the most writes handed over at once of late, an eighth less each time
        self._closing = False
        self._closes = threading.Lock()  # nothing is put behind the end of the queue
        self._thread = threading.Thread(target=self._run, name="stolper-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits and end the thread. Blocks."""
        with self._closes:
            if not self._closing:
                self._closing = True
                for loop in list(self._gathered):
                    self._pass_on(loop)
                self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def waiting(self) -> int:
        """Return how many jobs wait for their group."""
        return self._gathering + self._waiting.qsize()

    async def append(self, batch: NewBatch) -> Appended:
        """
        Append *batch* in the next group; return what came of it once that is durable.

        Raise StoreBusy when the queue is full, StoreFailed if the group could not be committed.
        """
        if self.waiting >= self._queue_limit:
            raise StoreBusy(RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        job = _Job(loop.create_future(), batch)
        self._gather(loop, job)
        appended: Appended = await job.future
        return appended

    async def submit(
        self, apply: Apply[T], *, bounded: bool = False, touches: Sequence[str] | None = None
    ) -> T:
        """
        Run *apply* in the next group and return its answer once that is durable.

        *touches* are the sessions whose rows it may change as a batch would; not given, it may
        be any. With *bounded*, raise StoreBusy when the queue is full. Raise StoreFailed if the
        group could not be committed.
        """
        if bounded and self.waiting >= self._queue_limit:
            raise StoreBusy(RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        job = _Job(loop.create_future(), None, apply, touches)
        self._gather(loop, job)
        result: T = await job.future
        return result

    def _gather(self, loop: asyncio.AbstractEventLoop, job: _Job) -> None:
        """
        Have *job* done with all that come in the same turn of *loop*, or in the next few.

        Waking the thread for the first of them would have it fight for the interpreter with
        the loop that is still reading the others. When many came together of late, as many are
        waited for, but not for long: in a burst that is everyone who waits for an answer.
        """
        with self._closes:
            if self._closing:
                raise StoreFailed("the store is closed")
            gathered = self._gathered.get(loop)
            if gathered is None:
                gathered = self._gathered[loop] = []
                if self._together < LINGER_FOR:
                    loop.call_soon(self._hand_over, loop, gathered)
                else:
                    loop.call_later(LINGER_S, self._hand_over, loop, gathered)
            gathered.append(job)
            self._gathering += 1
            if len(gathered) == self._together >= LINGER_FOR:
                loop.call_soon(self._hand_over, loop, gathered)

    def _hand_over(self, loop: asyncio.AbstractEventLoop, gathered: list[_Job]) -> None:
        with self._closes:
            if self._gathered.get(loop) is gathered:  # else they went before, or the end came
                self._pass_on(loop)

    def _pass_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the thread what was gathered in *loop*. The lock is held."""
        jobs = self._gathered.pop(loop)
        for job in jobs:
            self._waiting.put(job)
        self._gathering -= len(jobs)
        self._together = max(len(jobs), self._together * 7 // 8)

    def _run(self) -> None:
        ended = False
        while not ended:
            group: list[_Job] = []
            job = self._waiting.get()
            while job is not None:
                group.append(job)
                if len(group) == GROUP_JOBS:
                    break
                try:
                    job = self._waiting.get_nowait()
                except Empty:
                    break
            ended = job is None
            if group:
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
            self._write(db, group)
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

    def _write(self, db: sqlite3.Connection, group: list[_Job]) -> None:
        """
        Write the rows of *group*; if one job cannot, begin again and do each by itself.

        A savepoint for each job costs more than the job: SQLite keeps a copy of every page.
        """
        try:
            self._steady.begin(db)
            for job in group:
                job.result = self._done(db, job)
            self._steady.flush(db)
        except OSError:
            raise
        except Exception:
            self._steady.forget()
            if not db.in_transaction:  # SQLite gave the whole transaction up (disk full, I/O)
                raise
            db.execute("ROLLBACK")
            self._tail.rewind(0)
            db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._apply(db, job)

    def _done(self, db: sqlite3.Connection, job: _Job) -> Any:
        if job.batch is not None:
            return self._steady.append(db, self._tail, job.batch)
        assert job.apply is not None
        self._steady.flush(db)
        result = job.apply(db, self._tail)
        if job.touches is None:
            self._steady.forget()
        else:
            for session in job.touches:
                self._steady.forget(session)
        return result

    def _apply(self, db: sqlite3.Connection, job: _Job) -> None:
        """Do *job* alone: an error of it is its own."""
        mark = self._tail.mark
        db.execute("SAVEPOINT job")
        try:
            if job.batch is not None:
                job.result = ingest.append(db, self._tail, job.batch)
            else:
                assert job.apply is not None
                job.result = job.apply(db, self._tail)
        except OSError:
            raise
        except Exception as error:
            if not db.in_transaction:
                raise
            db.execute("ROLLBACK TO job")
            self._tail.rewind(mark)
            job.error = error if isinstance(error, StolperError) else _failed(error)
        db.execute("RELEASE job")

    def _recover(self, *, keep_bytes: bool) -> None:
        self._steady.forget()
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
        by_loop.setdefault(job.future.get_loop(), []).append(job)
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
