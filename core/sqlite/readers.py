"""Reading: threads with a read-only connection each, beside the writer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from core.errors import StoreDamaged, StoreFailed
from core.sqlite.schema import connect

P = ParamSpec("P")
T = TypeVar("T")

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite calls a page that is not what it should be."""

THREADS = 4
"""Reads at the same time; SQLite lets them run beside one another and the writer."""


@contextmanager
def one_view(db: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read meanwhile be of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:  # after some errors SQLite has ended it itself
            db.execute("COMMIT")


class Readers:
    """A small pool. Each read sees everything committed before it began."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self.damaged = False  # whether SQLite has said so of a page since the start
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="stolper-reader")

    async def run(
        self, read: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kw: P.kwargs
    ) -> T:
        """Run *read* with a connection, in a thread. Raise StoreFailed if the database can't."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._pool, lambda: read(self._connection(), *args, **kw)
            )
        except sqlite3.DatabaseError as error:
            damage = self.met_damage(error)
            if not isinstance(error, sqlite3.OperationalError) and not damage:
                raise  # a fault of ours
            kind = StoreDamaged if damage else StoreFailed
            raise kind(f"the database cannot be read: {error}") from error

    def met_damage(self, error: BaseException | None) -> bool:
        """Say whether SQLite met a damaged page, and remember that it did."""
        damage = getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE
        self.damaged |= damage
        return damage

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run *work*, which needs no connection, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Finish running reads and close. Blocks."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, read_only=True)
            self._local.connection = connection
            self._connections.append(connection)
        return connection
