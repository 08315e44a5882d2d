"""
Overwrites what SQLite left behind in a database file: free pages, and unused bytes inside of pages.

A row that is deleted, or moved when a page is split, stays readable in the file until something else
happens to be written there; `secure_delete` covers deleting, not moving. Only bytes that no row lies
in are changed, by the file format that sqlite.org promises to keep (fileformat2.html). Done while the
write lock is held and the log is empty, so that the file is all there is; a commit ends each step, which
lets other connections drop the pages that they remember. Done in steps, so that whoever writes waits
for none of them long.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.errors import StoreBusy
from core.sqlite.disk import Disk
from core.sqlite.schema import connect

STEP_LEAVES = 1000
"""Leaf pages in one step, some 50 ms; an index, which is smaller than its table, is not divided."""

PATIENCE_S = 60.0
"""How long readers may keep the log from being emptied, a backup for example."""

_INDEX, _TABLE, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13


def wipe_free_space(path: Path, disk: Disk, *, rest: float = 0.0) -> int:
    """
    Overwrite what no row lies in, in the database at *path*; return how many pages that changed.

    Blocks for a while: for a thread of its own. After each step others have *rest* times as long for
    themselves. Raise StoreBusy if readers keep the log from being emptied.
    """
    with closing(connect(path, read_only=True)) as db:
        rows = db.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    places = [_Place(0), _Place(1), *(_Place(row[0]) for row in rows)]
    changed = 0
    while places:
        begun = time.monotonic()
        with closing(connect(path)) as db:
            changed += _step(db, path, disk, places)
        if places:
            time.sleep(rest * (time.monotonic() - begun))
    with closing(connect(path)) as db:
        _lock_with_empty_log(db, path)
        db.execute("ROLLBACK")
    return changed


@dataclass(slots=True)
class _Place:
    """Where to go on: a tree by its first page (0: the free pages), behind the row *after*."""

    root: int
    after: int | None = None


def _step(db: sqlite3.Connection, path: Path, disk: Disk, places: list[_Place]) -> int:
    """Wipe some of *places* and leave those that remain; return how many pages that changed."""
    _lock_with_empty_log(db, path)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        file = _File(fd)
        while places and file.leaves < STEP_LEAVES:
            place = places[0]
            if place.root == 0:
                file.wipe_free_pages()
            else:
                place.after = file.wipe_tree(place.root, place.after)
            if place.after is None:
                places.pop(0)
        if file.changed:
            disk.fsync(fd)
            # Others trust the pages that they remember until there is a commit.
            now_ms = time.time_ns() // 1_000_000
            db.execute("INSERT OR REPLACE INTO meta VALUES ('wiped_ms', ?)", (now_ms,))
        db.execute("COMMIT")
        return file.changed
    finally:
        os.close(fd)


def _lock_with_empty_log(db: sqlite3.Connection, path: Path) -> None:
    """Begin a transaction that keeps others from writing, at a moment when all is in the file itself."""
    log = path.with_name(f"{path.name}-wal")
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            db.execute("BEGIN IMMEDIATE")
            if not log.exists() or log.stat().st_size == 0:
                return
            db.execute("ROLLBACK")  # somebody wrote in between
        time.sleep(0.01)
    raise StoreBusy(
        int(PATIENCE_S),
        "something (a backup?) reads for long, so the database's remains of what was erased cannot be"
        " overwritten yet; its rows are gone, and the rest is done later",
    )


class _File:
    """A database file whose pages lie still."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        header = os.pread(fd, 100, 0)
        size = int.from_bytes(header[16:18], "big")
        self._size = 65_536 if size == 1 else size
        self._usable = self._size - header[20]
        self._first_free = int.from_bytes(header[32:36], "big")
        self.changed = 0
        self.leaves = 0

    def wipe_free_pages(self) -> None:
        """Wipe the pages of the freelist, but for the list itself."""
        trunk = self._first_free
        while trunk:
            page = self._page(trunk)
            count = _u32(page, 4)
            for nth in range(count):
                self._wipe(_u32(page, 8 + 4 * nth), 0, self._size)
            self._wipe(trunk, 8 + 4 * count, self._size)
            trunk = _u32(page, 0)

    def wipe_tree(self, root: int, after: int | None) -> int | None:
        """
        Wipe the unused bytes of a tree's pages; *after*, which only tables have, is where to go on.

        Return the row to go on behind; None at the end.
        """
        for number, page, start in self._walk(root, after):
            kind = page[start]
            cells = self._cells(page, start)
            self._wipe_unused(number, page, start, len(cells))
            if kind == _TABLE:
                continue
            for cell in cells:
                self._wipe_tail(page, cell, kind)
            self.leaves += 1
            if kind == _TABLE_LEAF and self.leaves >= STEP_LEAVES and cells:
                _, at = _varint(page, cells[-1])
                return _signed(_varint(page, at)[0])
        return None

    def _walk(self, number: int, after: int | None) -> Iterator[tuple[int, bytes, int]]:
        """Give the pages of a tree in the order of their keys, with where their header stands."""
        page = self._page(number)
        start = 100 if number == 1 else 0
        yield number, page, start
        if page[start] in (_INDEX, _TABLE):
            for cell in self._cells(page, start):
                if after is None or _signed(_varint(page, cell + 4)[0]) > after:
                    yield from self._walk(_u32(page, cell), after)
            yield from self._walk(_u32(page, start + 8), after)

    def _cells(self, page: bytes, start: int) -> list[int]:
        first = start + (12 if page[start] in (_INDEX, _TABLE) else 8)
        count = _u16(page, start + 3)
        return [_u16(page, first + 2 * nth) for nth in range(count)]

    def _wipe_unused(self, number: int, page: bytes, start: int, cells: int) -> None:
        """Wipe what lies between the list of cells and the first one, and the freed blocks between cells."""
        first = start + (12 if page[start] in (_INDEX, _TABLE) else 8) + 2 * cells
        begin = _u16(page, start + 5) or len(page)
        spans = [(first, begin)]
        block = _u16(page, start + 1)
        while block:
            spans.append((block + 4, block + _u16(page, block + 2)))
            block = _u16(page, block)
        wiped = bytearray(page)
        for one, end in spans:
            wiped[one:end] = bytes(max(0, end - one))
        if wiped != page:
            self._write(number, 0, bytes(wiped))

    def _wipe_tail(self, page: bytes, cell: int, kind: int) -> None:
        """Wipe what follows the content of a long row in the last of its further pages."""
        at = cell + (4 if kind == _INDEX else 0)
        length, at = _varint(page, at)
        if kind == _TABLE_LEAF:
            _, at = _varint(page, at)
            most = self._usable - 35
        else:
            most = (self._usable - 12) * 64 // 255 - 23
        if length <= most:
            return
        least = (self._usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (self._usable - 4)
        here = here if here <= most else least
        left, number = length - here, _u32(page, at + here)
        while left > self._usable - 4:
            left -= self._usable - 4
            number = int.from_bytes(os.pread(self._fd, 4, (number - 1) * self._size), "big")
        self._wipe(number, 4 + left, self._size)

    def _page(self, number: int) -> bytes:
        page = os.pread(self._fd, self._size, (number - 1) * self._size)
        if len(page) != self._size:
            raise sqlite3.DatabaseError(f"page {number} is cut off")
        return page

    def _wipe(self, number: int, begin: int, end: int) -> None:
        there = os.pread(self._fd, end - begin, (number - 1) * self._size + begin)
        if there.strip(b"\0"):
            self._write(number, begin, bytes(end - begin))

    def _write(self, number: int, begin: int, content: bytes) -> None:
        os.pwrite(self._fd, content, (number - 1) * self._size + begin)
        self.changed += 1


def _u16(page: bytes, at: int) -> int:
    return page[at] << 8 | page[at + 1]


def _u32(page: bytes, at: int) -> int:
    return int.from_bytes(page[at : at + 4], "big")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return the number that is written at *at*, in 1 to 9 bytes, and what follows it."""
    value = 0
    for nth in range(8):
        byte = page[at + nth]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + nth + 1
    return value << 8 | page[at + 8], at + 9
