"""
Mends the files of a data folder and the rows that name them: from copies, from segments, from objects
that lost their row. What has no other source is told as gaps of its session.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

import orjson

from core.errors import StoreError
from core.sealed import SealedFrame, StockRef
from core.sqlite import packing
from core.sqlite.counters import MARKS
from core.sqlite.disk import Disk
from core.sqlite.inspection import BadFile, Inspection, LostChunk, Readable, readable
from core.sqlite.objects import Objects
from core.sqlite.records import DAMAGED
from core.sqlite.stocks import FOLDERS, Stocks

NO_CHUNK = (
    "segment = NULL, offset = NULL, length = NULL, crc32 = NULL, chunk_count = NULL, first_t = NULL,"
    " last_t = NULL, has_snapshot = NULL, encoding = NULL"
)


class LayAside(Protocol):
    """Puts a file of the data folder beside."""

    def __call__(self, path: str, *, keep: bool = False) -> None: ...


class Mending:
    """One mending. *done* and *lost* say what came of it."""

    def __init__(
        self,
        data: Path,
        db: sqlite3.Connection,
        disk: Disk,
        now_ms: int,
        lay_aside: LayAside,
    ) -> None:
        self.done: list[str] = []
        self.lost: list[str] = []
        self._data = data
        self._db = db
        self._disk = disk
        self._now_ms = now_ms
        self._lay_aside = lay_aside
        self._stocks = Stocks(data, disk)
        self._objects = Objects(data / "sealed", disk, self._stocks.read)

    def run(self, found: Inspection, look_again: Callable[[], Inspection]) -> None:
        """Mend what *found* names, from the sources that lose least first."""
        if found.stocks:
            self._mend_stocks(found.stocks)
        if self._take_back(found):
            found = look_again()
        objects = [one for one in found.objects if not self._from_segments(one)]
        kept = {one.key[0] for one in found.objects} - {one.key[0] for one in objects}
        for one in objects:
            self._rest_of_object(one)
        self._name_gaps([one for one in found.chunks if one.session not in kept])
        if found.assets:
            self._assets(found.assets)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        yield
        self._db.execute("COMMIT")

    def _mend_stocks(self, bad: Sequence[BadFile]) -> None:
        """Write each stock that has one good file anew, in both; forget those that have none."""
        for site, name in sorted({(one.key[0], one.key[1]) for one in bad}):
            paths = [one.path for one in bad if one.key == (site, name)]
            try:
                content = self._stocks.read(StockRef(site, name))
            except StoreError:
                with self._changing():
                    self._db.execute("DELETE FROM stocks WHERE site = ? AND name = ?", (site, name))
                self.lost.append(f"stock {name}, in both copies; what rests on it is told below")
            else:
                self.done += [f"{path} was written anew from its copy" for path in paths]
            for path in paths:
                self._lay_aside(path)
            if len(paths) < len(FOLDERS):
                self._stocks.write(site, content)

    def _take_back(self, found: Inspection) -> int:
        """Give objects that no row names back to sessions whose recording cannot be read without them."""
        wanting = {one.session for one in found.chunks} - {one.key[0] for one in found.objects}
        taken = 0
        for name in found.unnamed if wanting else ():
            path = self._data / "sealed" / name
            try:
                head = self._objects.head(name)
            except StoreError:
                continue
            rows = self._batches_of(head)
            sessions = {session for session, _ in rows}
            if len(sessions) == 1 and sessions <= wanting:
                (session,) = sessions
                upto = max(position for _, position in rows)
                stock = None if head.stock is None else head.stock.name
                with self._changing():
                    self._db.execute(
                        "INSERT OR IGNORE INTO sealed VALUES (?, ?, ?, ?, 0, ?, ?)",
                        (session, name, upto, path.stat().st_size, self._now_ms, stock),
                    )
                taken += 1
        if taken:
            self.done.append(f"{taken} recordings were given back to their sessions")
        return taken

    def _batches_of(self, head: packing.Head) -> list[tuple[str, int]]:
        """Return session and position of the batches whose chunks are in an object; none if one is not there."""
        rows: list[tuple[str, int]] = []
        for load, seq in head.chunks:
            row = self._db.execute(
                "SELECT p.session, b.position FROM page_loads p JOIN batches b ON b.page_load = p.id"
                " WHERE p.name = ? AND b.seq = ? AND b.segment IS NOT NULL",
                (load, seq),
            ).fetchone()
            if row is not None:
                rows.append(row)
        return rows

    def _from_segments(self, bad: BadFile) -> bool:
        """Let a session be sealed again, if its segments still have all that is in its damaged object."""
        (session,) = bad.key
        rows = self._db.execute(
            "SELECT b.segment, b.offset, b.length, b.crc32 FROM page_loads p"
            " JOIN batches b ON b.page_load = p.id WHERE p.session = ? AND b.segment IS NOT NULL",
            (session,),
        ).fetchall()
        if not all(self._in_segment(*row) for row in rows):
            return False
        with self._changing():
            self._db.execute("DELETE FROM sealed WHERE session = ?", (session,))
            self._db.execute("UPDATE sessions SET sealed = 0 WHERE id = ?", (session,))
        self._lay_aside(bad.path)
        self.done.append(f"{bad.path} will be made again: its segments are still there")
        return True

    def _in_segment(self, segment: str, offset: int, length: int, crc32: int) -> bool:
        try:
            with (self._data / "segments" / segment).open("rb") as file:
                return zlib.crc32(os.pread(file.fileno(), length, offset)) == crc32
        except OSError:
            return False

    def _rest_of_object(self, bad: BadFile) -> None:
        """Write what can be read of a damaged object as a new one; forget it if that is nothing."""
        (session,) = bad.key
        name = bad.path.partition("/")[2]
        made: tuple[str, int] | None = None
        stock: StockRef | None = None
        try:
            good = readable(self._data / bad.path, name, self._stocks.read)
            frames, stock = self._readable_frames(good, name)
            if frames:
                made = self._objects.write(frames, stock)
        except (OSError, StoreError):
            made = None
        with self._changing():
            if made is None:
                self._db.execute("DELETE FROM sealed WHERE session = ?", (session,))
            else:
                self._db.execute(
                    "UPDATE sealed SET name = ?, bytes = ?, stock = ? WHERE session = ?",
                    (*made, None if stock is None else stock.name, session),
                )
        self._lay_aside(bad.path)
        self.done.append(
            f"of {bad.path} was kept what can be read" if made else f"{bad.path} was given up"
        )

    def _readable_frames(
        self, good: Readable, name: str
    ) -> tuple[list[SealedFrame], StockRef | None]:
        """Return the frames of an object that are whole, on one another as they were."""
        contents: dict[int, bytes] = {}
        for number in range(len(good.head.frames)):
            try:
                contents[number] = self._objects.read(name, number)
            except StoreError:
                continue
        numbers = {old: new for new, old in enumerate(sorted(contents))}
        whole = packing.frames_of(
            good.head, [contents.get(number, b"") for number in range(len(good.head.frames))]
        )
        frames = [
            replace(whole[old], base=base if base is None else numbers.get(base, base))
            for old in sorted(contents)
            for base in [whole[old].base]
        ]
        rests = any(frame.base is not None and frame.base < 0 for frame in frames)
        return frames, good.head.stock if rests else None

    def _name_gaps(self, lost: Sequence[LostChunk]) -> None:
        """Note that chunks are lost: neighbours as one gap of their session."""
        if not lost:
            return
        order = sorted(lost, key=lambda one: (one.session, one.page_load, one.seq))
        runs = groupby(
            enumerate(order), key=lambda it: (it[1].session, it[1].page_load, it[1].seq - it[0])
        )
        with self._changing():
            for _, run in runs:
                self._name_gap([one for _, one in run])
        for path in sorted({one.path for one in lost}):
            self._lay_aside(path, keep=True)
        sessions = {one.session for one in lost}
        self.lost.append(
            f"{len(lost)} chunks of {len(sessions)} recordings, each a named gap of its session"
        )

    def _name_gap(self, run: Sequence[LostChunk]) -> None:
        first, last = run[0], run[-1]
        detail = {
            "kind": DAMAGED,
            "reason": f"{first.path} was damaged on the disk",
            "from_seq": first.seq,
            "to_seq": last.seq,
            "first_t": min((one.first_t for one in run if one.first_t is not None), default=None),
            "last_t": max((one.last_t for one in run if one.last_t is not None), default=None),
        }
        self._db.execute(
            "INSERT INTO gaps VALUES (?, ?, ?)",
            (first.session, first.page_load, orjson.dumps(detail).decode()),
        )
        self._db.execute(
            "UPDATE sessions SET reported = reported + 1,"
            " sealed = CASE WHEN sealed = 2 THEN 0 ELSE sealed END WHERE id = ?",
            (first.session,),
        )
        self._db.executemany(
            f"UPDATE batches SET {NO_CHUNK} WHERE position = ?", [(one.position,) for one in run]
        )
        self._db.execute(
            f"UPDATE sessions AS s SET marks = {MARKS} WHERE s.id = ?", (first.session,)
        )

    def _assets(self, bad: Sequence[BadFile]) -> None:
        """Forget assets that are damaged, so that pages send them again."""
        for one in bad:
            with self._changing():
                self._db.execute("DELETE FROM assets WHERE site = ? AND hash = ?", one.key)
            self._lay_aside(one.path)
        self.done.append(
            f"{len(bad)} style sheets, fonts or pictures were forgotten: pages send them again"
        )
