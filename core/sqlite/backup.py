"""
A copy of a data folder that holds together, taken while others write to the folder.

Owns which files a database names, in which order they and it are copied, and the list of checksums.
Reading a copy back is core/sqlite/restore.py's.

Most files are copied while nothing is held. Then, under one read transaction, what came since, and last
the database as that transaction sees it: so every chunk and asset that the copy names is in the copy.
Files only ever grow or go; one that goes meanwhile (a segment whose sessions were sealed) is named no
more by the next transaction, so it is begun anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from core.errors import StoreFailed, UserError
from core.sqlite.schema import connect

DATABASE = "stolper.db"
SUMS = "SHA256SUMS"
"""`sha256sum -c SHA256SUMS` checks a copy without Stolper."""

FACTS = "backup.json"
"""Written last: a folder without it is no backup."""

FORMAT = 1

ATTEMPTS = 20
"""Each begins only because a file went; the next has little to copy."""

PIECE = 1 << 20
PAGES = 4096
"""Pages of the database copied at a time, between two signs of progress."""

Progress = Callable[[int, int], None]
"""Hears of bytes done and bytes in all; the latter may grow."""


@dataclass(slots=True)
class Taken:
    """What a backup holds. *lost* are files that the database names and the data folder lacks, too."""

    files: int
    bytes: int
    lost: list[str]


@dataclass(slots=True)
class _Copied:
    length: int = 0
    sum: hashlib._Hash = field(default_factory=hashlib.sha256)


def take_backup(
    data: Path,
    target: Path,
    *,
    texts: Iterable[str],
    facts: dict[str, object],
    progress: Progress | None = None,
) -> Taken:
    """
    Copy the data folder *data* to *target*, which must be empty or not there, and return what it holds.

    *texts* are further files of *data* (settings, rules), by their path in it. *facts* are noted in the
    copy. Raise UserError if there is no room, or if *target* holds something; StoreFailed if
    the database cannot be read.
    """
    if not (data / DATABASE).is_file():
        raise UserError(f"{data} holds no Stolper data. Name the data folder of the server.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} holds something already; name a folder that is not there yet")
    private_folder(target)
    try:
        return _Backup(data, target, progress or (lambda _done, _all: None)).take(texts, facts)
    except sqlite3.Error as error:
        raise StoreFailed(f"the database in {data} cannot be copied: {error}") from error


def files_named(db: sqlite3.Connection) -> dict[str, int]:
    """Return the files that the rows of *db* name, by their path, with the bytes of each that count."""
    there = _tables(db)
    named: dict[str, int] = {}
    if "batches" in there:
        rows = f"SELECT 'segments/' || b.segment, max(b.offset + b.length) FROM {in_segments(db)}"
        named.update(db.execute(f"{rows} GROUP BY b.segment").fetchall())
    for table, path in _NAMED:
        if table in there:
            named.update(db.execute(f"SELECT {path}, bytes FROM {table}").fetchall())
    return named


def in_segments(db: sqlite3.Connection) -> str:
    """Return the tables and the condition of the batches `b` whose chunk lies in a segment."""
    if "sealed" not in _tables(db):
        return "batches b WHERE b.segment IS NOT NULL"
    # What was sealed still says where it lay when it came; that segment may be gone.
    return (
        "batches b JOIN page_loads p ON p.id = b.page_load"
        " LEFT JOIN sealed s ON s.session = p.session AND b.position <= s.upto"
        " WHERE b.segment IS NOT NULL AND s.session IS NULL"
    )


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


# Of databases that are older or newer than this code only some of the tables may be there.
_NAMED = (
    ("assets", "'blobs/' || site || '/' || hash"),
    ("stocks", "'stocks/' || site || '/' || name"),
    ("stocks", "'stocks.copy/' || site || '/' || name"),
    ("sealed", "'sealed/' || name"),
)


class _Backup:
    """One copy being made."""

    def __init__(self, data: Path, target: Path, progress: Progress) -> None:
        self._data = data
        self._target = target
        self._progress = progress
        self._copied: dict[str, _Copied] = {}
        self._done = 0
        self._all = 0

    def take(self, texts: Iterable[str], facts: dict[str, object]) -> Taken:
        with closing(connect(self._data / DATABASE, read_only=True)) as db:
            named = files_named(db)
            self._make_sure_of_room(named)
            self._copy(named)
            lost = self._rest_and_database(db)
        self._copy({path: (self._data / path).stat().st_size for path in texts})
        self._sum_database()
        sums = "".join(
            f"{copied.sum.hexdigest()}  {path}\n" for path, copied in sorted(self._copied.items())
        )
        (self._target / SUMS).write_text(sums)
        os.sync()  # some hundred thousand files: one by one would take minutes
        taken = Taken(len(self._copied), sum(c.length for c in self._copied.values()), sorted(lost))
        self._note(taken, facts)
        return taken

    def _rest_and_database(self, db: sqlite3.Connection) -> set[str]:
        """Copy what came meanwhile, and the database as of the same moment; return what is lost."""
        before: set[str] = set()
        for _ in range(ATTEMPTS):
            db.execute("BEGIN")
            try:
                named = files_named(db)  # from here on all that *db* reads is of this moment
                gone = self._copy(named)
                if gone <= before:  # named by two moments and there in neither: lost, not removed
                    self._copy_database(db)
                    self._drop_all_but(named)
                    return gone
            finally:
                db.execute("ROLLBACK")
            before = gone
        raise UserError(f"files went faster than they could be copied: {', '.join(sorted(before))}")

    def _copy(self, named: dict[str, int]) -> set[str]:
        """Copy what is not copied yet of the files *named*; return those that are not there."""
        self._all = self._done + sum(
            max(0, length - self._length(path)) for path, length in named.items()
        )
        return {path for path, length in named.items() if not self._copy_file(path, length)}

    def _length(self, path: str) -> int:
        return self._copied[path].length if path in self._copied else 0

    def _copy_file(self, path: str, length: int) -> bool:
        """
        Copy the bytes of a file up to *length* that are not copied yet; False if some are not there.

        What is there of a damaged file is copied all the same.
        """
        copied = self._copied.get(path) or _Copied()
        if copied.length < length or path not in self._copied:
            target = self._target / path
            private_folder(target.parent)
            try:
                with (self._data / path).open("rb") as source, private(target, "ab") as out:
                    self._append(source, out, copied, length)
            except FileNotFoundError:
                return False
            self._copied[path] = copied
        return copied.length >= length

    def _append(self, source: BinaryIO, out: BinaryIO, copied: _Copied, length: int) -> None:
        source.seek(copied.length)
        while piece := source.read(min(PIECE, length - copied.length)):
            out.write(piece)
            copied.sum.update(piece)
            copied.length += len(piece)
            self._done += len(piece)
            self._progress(self._done, self._all)

    def _copy_database(self, db: sqlite3.Connection) -> None:
        page = db.execute("PRAGMA page_size").fetchone()[0]
        begin = self._done

        def advance(_status: int, remaining: int, total: int) -> None:
            self._all = begin + total * page
            self._done = begin + (total - remaining) * page
            self._progress(self._done, self._all)

        path = self._target / DATABASE
        path.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as copy:
            db.backup(copy, pages=PAGES, progress=advance)
            copy.execute(
                "PRAGMA journal_mode = DELETE"
            )  # one file, readable where nothing is written

    def _sum_database(self) -> None:
        copied = _Copied()
        with (self._target / DATABASE).open("rb") as file:
            while piece := file.read(PIECE):
                copied.sum.update(piece)
                copied.length += len(piece)
        self._copied[DATABASE] = copied

    def _drop_all_but(self, named: dict[str, int]) -> None:
        """Remove what was copied and is named no more."""
        for path in self._copied.keys() - named.keys():
            (self._target / path).unlink()
            del self._copied[path]

    def _make_sure_of_room(self, named: dict[str, int]) -> None:
        room = os.statvfs(self._target)
        free = room.f_bavail * room.f_frsize
        need = sum(named.values()) + (self._data / DATABASE).stat().st_size
        if free < need:
            raise UserError(f"{self._target} has room for {free} bytes, {need} are needed")

    def _note(self, taken: Taken, facts: dict[str, object]) -> None:
        told = {
            "format": FORMAT,
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **facts,
            "files": taken.files,
            "bytes": taken.bytes,
            "lost": taken.lost,
        }
        draft = self._target / f".{FACTS}"
        with draft.open("w") as file:
            json.dump(told, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._target / FACTS)
        os.sync()


def private_folder(path: Path) -> None:
    """Make the folder *path*, and those it lies in, for their owner alone."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def private(path: Path, mode: Literal["ab", "wb"]) -> BinaryIO:
    """Open the file at *path* for writing; what is made is for its owner alone."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "ab" else os.O_TRUNC)
    return os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o600), mode)
