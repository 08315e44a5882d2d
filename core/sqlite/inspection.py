"""
Looks through all that a data folder holds, and says what is damaged. Reads only.

Owns what counts as damage: pages of the database that SQLite cannot read, indexes that disagree with
their tables, rows that belong to nothing, and files whose bytes are not what their row says. Mending is
core/sqlite/repair.py's.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import StoreError
from core.model import asset_hash
from core.sealed import STOCK
from core.sqlite import packing
from core.sqlite.disk import Disk
from core.sqlite.packing import LEAD, Head
from core.sqlite.restore import is_mistaken
from core.sqlite.schema import connect
from core.sqlite.stocks import FOLDERS, Stocks, content_of

DATABASE = "stolper.db"
PROBLEMS = 100
"""Most sentences of SQLite that are read: what is told of them is whether there are any."""

Progress = Callable[[int, int], None]
"""Hears of files looked at, and of all."""


@dataclass(frozen=True, slots=True)
class LostChunk:
    """A chunk that is named and cannot be read any more: the row of its batch, and where it lay."""

    position: int
    session: str
    page_load: str
    seq: int
    first_t: float | None
    last_t: float | None
    path: str  # in the data folder


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that is not what its row says, or not there; *key* tells the row."""

    path: str
    reason: str
    key: tuple[str, ...]  # of an object its session, of a stock or an asset its site and hash


@dataclass(slots=True)
class Inspection:
    """What was found."""

    database: list[str] = field(default_factory=list)  # what SQLite says is wrong
    indexes_only: bool = False  # and no row is lost by that
    strays: dict[str, int] = field(default_factory=dict)  # rows that belong to nothing, by table
    chunks: list[LostChunk] = field(default_factory=list)
    objects: list[BadFile] = field(default_factory=list)
    stocks: list[BadFile] = field(default_factory=list)
    assets: list[BadFile] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)  # objects that no row names

    @property
    def damaged(self) -> bool:
        """Say whether there is anything to mend. Objects without a row alone are none."""
        return bool(
            self.database
            or self.strays
            or self.chunks
            or self.objects
            or self.stocks
            or self.assets
        )

    def paths(self) -> list[str]:
        """Return the files that are damaged, each once."""
        found = [DATABASE] if self.database or self.strays else []
        found += [one.path for one in self.chunks]
        found += [one.path for one in (*self.objects, *self.stocks, *self.assets)]
        return list(dict.fromkeys(found))


STRAYS = {
    "page_loads": "session NOT IN (SELECT id FROM sessions)",
    "batches": "page_load NOT IN (SELECT id FROM page_loads)",
    "gaps": "session NOT IN (SELECT id FROM sessions)",
    "flags": "session NOT IN (SELECT id FROM sessions)",
    "asset_uses": "session NOT IN (SELECT id FROM sessions)",
    "sealed": "session NOT IN (SELECT id FROM sessions)",
    "notes": "session NOT IN (SELECT id FROM sessions)",
    "watched": "session NOT IN (SELECT id FROM sessions)",
    "codes": "session NOT IN (SELECT id FROM sessions)",
}
"""Which rows of a table belong to nothing. No part of Stolper ever leaves such behind."""


def inspect(data: Path, progress: Progress | None = None) -> Inspection:
    """
    Look through the data folder *data*. A server may run on it meanwhile.

    Raise sqlite3.Error only if the database cannot even be opened.
    """
    with closing(connect(data / DATABASE, read_only=True)) as db:
        found = look_at_database(db)
        if not found.database or found.indexes_only:
            _Files(data, db, found, progress or (lambda _done, _all: None)).look()
    return found


def look_at_database(db: sqlite3.Connection) -> Inspection:
    """Return what is wrong with the database itself."""
    found = Inspection()
    try:
        told = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({PROBLEMS})")]
        found.database = [one for one in told if one != "ok" and not is_mistaken(db, one)]
        found.indexes_only = bool(found.database) and _concerns_indexes(db, found.database)
        if not found.database:
            for table, stray in STRAYS.items():
                count = db.execute(f"SELECT count(*) FROM {table} WHERE {stray}").fetchone()[0]
                if count:
                    found.strays[table] = count
    except sqlite3.DatabaseError as error:
        found.database = [*found.database, str(error)]
        found.indexes_only = False
    return found


_OF_AN_INDEX = re.compile(
    r"row \d* ?missing from index|wrong # of entries in index|non-unique entry"
)
_OF_A_TREE = re.compile(r"^(?:Tree |On tree page )(\d+)")


def _concerns_indexes(db: sqlite3.Connection, told: list[str]) -> bool:
    """Say whether all that SQLite says is of indexes that can be made anew from their tables."""
    indexes = {
        row[0] for row in db.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index'")
    }
    for sentence in "\n".join(told).splitlines():
        tree = _OF_A_TREE.match(sentence)
        of_index = tree is not None and int(tree[1]) in indexes
        if not (of_index or _OF_AN_INDEX.search(sentence) or sentence.startswith("***")):
            return False
    return True


class _Files:
    """Looks at the files that the rows of *db* name."""

    def __init__(
        self, data: Path, db: sqlite3.Connection, found: Inspection, progress: Progress
    ) -> None:
        self._data = data
        self._db = db
        self._found = found
        self._progress = progress
        self._stocks = Stocks(data, Disk())

    def look(self) -> None:
        sealed = self._db.execute(
            "SELECT session, name, upto FROM sealed ORDER BY stock"
        ).fetchall()
        assets = self._db.execute("SELECT site, hash FROM assets").fetchall()
        stocks = self._db.execute("SELECT DISTINCT site, name FROM stocks").fetchall()
        whole = len(sealed) + len(assets) + len(stocks)
        self._segments()
        for site, name in stocks:
            for folder in FOLDERS:
                self._stock(f"{folder}/{site}/{name}", site, name)
        for site, name in assets:
            self._asset(f"blobs/{site}/{name}", site, name)
        for number, (session, name, upto) in enumerate(sealed):
            self._object(session, name, upto)
            self._progress(len(stocks) + len(assets) + number + 1, whole)
        named = {name for _, name, _ in sealed}
        there = (self._data / "sealed").glob("*/*.sealed")
        names = sorted(f"{path.parent.name}/{path.name}" for path in there)
        self._found.unnamed = [name for name in names if name not in named and not _is_draft(name)]

    def _segments(self) -> None:
        """Compare the chunks in segments with the checksums of their rows."""
        rows = self._db.execute(
            "SELECT b.segment, b.offset, b.length, b.crc32, b.position, p.session, p.name, b.seq,"
            " b.first_t, b.last_t FROM batches b JOIN page_loads p ON p.id = b.page_load"
            " LEFT JOIN sealed s ON s.session = p.session AND b.position <= s.upto"
            " WHERE b.segment IS NOT NULL AND s.session IS NULL ORDER BY b.segment, b.offset"
        )
        for segment, offset, length, crc32, *chunk in rows:
            if zlib.crc32(self._bytes(segment, offset, length)) != crc32:
                self._found.chunks.append(LostChunk(*(*chunk, f"segments/{segment}")))

    def _bytes(self, segment: str, offset: int, length: int) -> bytes:
        try:
            with (self._data / "segments" / segment).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError:
            return b""

    def _stock(self, path: str, site: str, name: str) -> None:
        try:
            content_of(self._data / path)
        except StoreError as error:
            self._found.stocks.append(BadFile(path, str(error), (site, name)))

    def _asset(self, path: str, site: str, name: str) -> None:
        try:
            reason = "" if asset_hash((self._data / path).read_bytes()) == name else "it is damaged"
        except OSError as error:
            reason = error.strerror or str(error)
        if reason:
            self._found.assets.append(BadFile(path, reason, (site, name)))

    def _object(self, session: str, name: str, upto: int) -> None:
        """Read all of an object, and compare it with the batches that should be in it."""
        path = f"sealed/{name}"
        wanted = chunks_upto(self._db, session, upto, path)
        try:
            good = readable(self._data / path, name, self._stocks.read)
        except (OSError, StoreError) as error:
            self._found.objects.append(BadFile(path, str(error), (session,)))
            self._found.chunks += wanted
            return
        lost = [one for one in wanted if (one.page_load, one.seq) not in good.chunks]
        if lost or not good.whole:
            self._found.objects.append(BadFile(path, "parts of it cannot be read", (session,)))
            self._found.chunks += lost


def _is_draft(name: str) -> bool:
    return name.partition("/")[2].startswith(".")


def chunks_upto(db: sqlite3.Connection, session: str, upto: int, path: str) -> list[LostChunk]:
    """Return the chunks of *session* that should be in its object, as if they were lost in *path*."""
    rows = db.execute(
        "SELECT b.position, p.session, p.name, b.seq, b.first_t, b.last_t FROM page_loads p"
        " JOIN batches b ON b.page_load = p.id"
        " WHERE p.session = ? AND b.segment IS NOT NULL AND b.position <= ?",
        (session, upto),
    )
    return [LostChunk(*(*row, path)) for row in rows]


@dataclass(frozen=True, slots=True)
class Readable:
    """What can be read of an object: its chunks, and whether that is all of it."""

    head: Head
    chunks: set[tuple[str, int]]
    whole: bool


def readable(path: Path, name: str, stock_of: packing.StockOf) -> Readable:
    """Return what can be read of the object at *path*. Raise StoreError or OSError if nothing can."""
    with path.open("rb") as file:
        head = packing.read_head(file.read(LEAD.size), file.read, name)
        contents: list[bytes | None] = []
        for frame in head.frames:
            file.seek(frame.offset)
            contents.append(_frame(file.read(frame.packed), frame, contents, head, name, stock_of))
    good = {key for key, part in head.chunks.items() if _is_whole(part, contents[part.frame])}
    frames = [part for _, part in _keyframes(head)]
    whole = len(good) == len(head.chunks) and all(
        _is_whole(part, contents[part.frame]) for part in frames
    )
    return Readable(head, good, whole)


def _keyframes(head: Head) -> Iterator[tuple[str, packing.Part]]:
    for load, keyframes in head.keyframes.items():
        for _, part in keyframes:
            yield load, part


def _frame(
    packed: bytes,
    frame: packing.Frame,
    before: list[bytes | None],
    head: Head,
    name: str,
    stock_of: packing.StockOf,
) -> bytes | None:
    """Return the content of a frame, None if it or what it rests on is damaged."""
    try:
        if frame.base == STOCK:
            base: bytes | None = stock_of(packing.rests_on(head, name))
        elif frame.base is None:
            base = None
        elif (base := before[frame.base]) is None:
            return None
        return packing.unpack(packed, frame.length, base, name)
    except StoreError:
        return None


def _is_whole(part: packing.Part, content: bytes | None) -> bool:
    if content is None:
        return False
    cut = content[part.offset : part.offset + part.length]
    return packing.is_whole(cut, part.length, part.crc32)
