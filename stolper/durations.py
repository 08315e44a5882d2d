"""How long durable steps take, counted where they are made: the disk of a running server."""

from __future__ import annotations

import bisect
import sqlite3
import threading
import time
from collections.abc import Callable

from core.sqlite.disk import Disk

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""From a disk that lies to one that has to be replaced."""


class Durations:
    """Counts by size; may be told by several threads."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._failures = 0
        self._lock = threading.Lock()

    def measure(self, step: Callable[[], None]) -> None:
        """Do *step* and count how long it took, or that it failed."""
        begin = time.perf_counter()
        try:
            step()
        except BaseException:
            with self._lock:
                self._failures += 1
            raise
        took_s = time.perf_counter() - begin
        with self._lock:
            self._counts[bisect.bisect_left(BOUNDS_S, took_s)] += 1
            self._sum_s += took_s

    @property
    def failures(self) -> int:
        """Return how many steps failed."""
        return self._failures

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return the counts up to each bound, adding up, and the sum of all seconds."""
        with self._lock:
            counts, sum_s = list(self._counts), self._sum_s
        upper = [str(bound) for bound in BOUNDS_S] + ["+Inf"]
        total, summed = 0, []
        for bound, count in zip(upper, counts, strict=True):
            total += count
            summed.append((bound, float(total)))
        return summed, sum_s


class TimedDisk(Disk):
    """The real disk, which tells how long it took."""

    def __init__(self) -> None:
        self.fsyncs = Durations()
        self.commits = Durations()

    def fsync(self, fd: int) -> None:
        """Return once what was written to *fd* is on the medium."""
        self.fsyncs.measure(lambda: super(TimedDisk, self).fsync(fd))

    def commit(self, db: sqlite3.Connection) -> None:
        """Commit; counted with the flush of the log that it waits for."""
        self.commits.measure(lambda: super(TimedDisk, self).commit(db))
