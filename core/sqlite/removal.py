"""
The part of the store that removes: what is old, what is too much, whom somebody asks to erase.

Owns the order: rows and tombstones first, in one transaction that notes which files are to be
overwritten; then the files; then what SQLite left behind. A kill in between is made up for by
finish_erasing().
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.clock import Clock
from core.erasing import KEY, Erased, Removed, Tombstone, Whom
from core.errors import StoreFailed
from core.model import Session
from core.sealed import SealedFrame, StockRef
from core.sqlite import burying, erasing, packing, restocking, sealing, tombs
from core.sqlite.assets import FOLDER as BLOBS
from core.sqlite.assets import Blobs, facts
from core.sqlite.disk import Disk
from core.sqlite.objects import FOLDER as OBJECTS
from core.sqlite.objects import Objects
from core.sqlite.pages import wipe_free_space
from core.sqlite.parts import Part
from core.sqlite.rows import session_of
from core.sqlite.segments import FOLDER as SEGMENTS
from core.sqlite.segments import Tail, segment_names
from core.sqlite.stocks import FOLDERS as STOCK_FOLDERS
from core.sqlite.stocks import Stocks
from core.sqlite.wipe import unnamed_ranges, wipe, wipe_file
from core.store import EraseStore

log = logging.getLogger(__name__)

REST = 4.0
"""Steps over the database file keep others from writing: a fifth of the time, as sealing does."""

ASIDE = "damaged"
"""Where core/sqlite/repair.py lays what it has mended aside."""

DRAFT_AGE_S = 60
"""An asset is written in far less: an older draft is that of a process that died."""


class Removal(Part, EraseStore):
    """Mixed into the store, whose parts it uses."""

    _data: Path
    _clock: Clock
    _disk: Disk
    _blobs: Blobs
    _objects: Objects
    _stocks: Stocks
    _sealing: asyncio.Lock

    # Whom somebody asks to erase

    async def sessions_of(self, whom: Whom) -> list[Session]:
        return await self._readers.run(_sessions, whom)

    async def visitors_of(self, sessions: Sequence[str]) -> list[str]:
        return await self._readers.run(erasing.visitors_of, sessions)

    async def erase(self, whom: Whom) -> Erased:
        now_ms = self._clock.now_ms()
        subject, ids, assets, spoken = await self._writer.submit(
            lambda db, _: erasing.erase(db, whom, now_ms)
        )
        done, pages = await self.finish_erasing()
        return Erased(subject, len(ids), assets, done, pages, contacts=spoken)

    async def buried_sessions(self) -> list[Session]:
        return await self._readers.run(_buried)

    async def erase_buried(self) -> Erased:
        ids, assets = await self._writer.submit(lambda db, _: burying.erase_buried(db))
        done, pages = await self.finish_erasing()
        return Erased("", len(ids), assets, done, pages)

    async def finish_erasing(self) -> tuple[int, int]:
        work, newest = await self._readers.run(erasing.work_left)
        if newest < 0:
            return 0, 0
        for one in work:
            folder, _, name = one.path.partition("/")
            if folder == OBJECTS:
                self._objects.forget(name)
        try:
            work = await self._unnamed_blobs(work)
            done = await self._readers.in_thread(lambda: wipe(self._data, work, self._disk))
            done += await self._wipe_unnamed()
            await self.settle_words()
            pages = await self._readers.in_thread(self._wipe_database)
            await self._writer.submit(lambda db, _: erasing.work_done(db, newest), touches=())
        except OSError as error:
            raise StoreFailed(f"what was erased could not all be overwritten: {error}") from error
        return done, pages

    async def _unnamed_blobs(self, work: Sequence[erasing.Work]) -> list[erasing.Work]:
        """
        Return *work* with the assets in it under names that nobody else uses.

        Another page may have sent the same one again since its row went: then it is no longer the
        erased visitor's, and stays.
        """
        found: list[erasing.Work] = []
        for one in work:
            folder, _, rest = one.path.partition("/")
            if folder != BLOBS:
                found.append(one)
                continue
            site, _, name = rest.partition("/")
            draft = await self._writer.submit(partial(self._unname, site, name), touches=())
            if draft is not None:
                found.append(erasing.Work(f"{BLOBS}/{site}/{draft}"))
        return found

    def _unname(self, site: str, name: str, db: sqlite3.Connection, _: Tail) -> str | None:
        """Take its name from an asset that has no row, under the lock that lets nobody insert one."""
        return None if facts(db, site, name) else self._blobs.unname(site, name)

    async def _drop_blob(self, site: str, name: str) -> None:
        """Remove an asset's file, unless there is a row of it again."""

        def drop(db: sqlite3.Connection, _: Tail) -> None:
            if facts(db, site, name) is None:
                self._blobs.drop(site, name)

        await self._writer.submit(drop, touches=())

    def _wipe_database(self) -> int:
        return wipe_free_space(self._data / "stolper.db", self._disk, rest=REST)

    async def _wipe_unnamed(self) -> int:
        """Overwrite what no row names: what a failed write, or a process that died, has left."""
        sizes = await self._writer.submit(lambda _db, _tail: self._segment_sizes(), touches=())
        work = await self._readers.run(unnamed_ranges, sizes) if sizes else []
        done = await self._readers.in_thread(lambda: wipe(self._data, work, self._disk))
        async with self._sealing:
            there = await self._readers.in_thread(lambda: self._objects.old(2**62))
            for name in set(there) - await self._readers.run(sealing.objects):
                await self._readers.in_thread(partial(self._objects.drop, name, overwrite=True))
        return done + await self._readers.in_thread(self._wipe_drafts)

    def _segment_sizes(self) -> dict[str, int]:
        """Return the size of each segment at a moment when all that is written has its rows."""
        folder = self._data / SEGMENTS
        return {name: (folder / name).stat().st_size for name in segment_names(folder)}

    def _wipe_drafts(self) -> int:
        before = self._clock.now_ms() / 1000 - DRAFT_AGE_S
        folders = (self._data / name for name in (BLOBS, *STOCK_FOLDERS))
        drafts = [path for folder in folders for path in folder.glob("*/.*")]
        work = [
            erasing.Work(str(path.relative_to(self._data)))
            for path in drafts
            if path.stat().st_mtime < before
        ]
        return wipe(self._data, work, self._disk) + self._wipe_aside()

    def _wipe_aside(self) -> int:
        """Overwrite what repairs have laid aside: whole databases and objects, of whomever."""
        done = 0
        for path in sorted((self._data / ASIDE).rglob("*")):
            if path.is_file() and path.stat().st_nlink == 1:
                done += wipe_file(path, self._disk)
            elif path.is_file():  # a repair that was cut off: the same file is still in use
                self._disk.unlink(path)
        return done

    async def tombstones(self) -> tuple[bytes, list[Tombstone]]:
        stones = await self._readers.run(tombs.tombstones)
        return await self.server_key(KEY), stones

    @abstractmethod
    async def server_key(self, name: str) -> bytes: ...

    @abstractmethod
    async def settle_words(self) -> None: ...

    # Stocks

    async def sealed_contents(self, session: str) -> list[bytes]:
        held = await self._readers.run(sealing.object_of, session)
        return [] if held is None else await self._readers.in_thread(lambda: self._parts(held[0]))

    def _parts(self, name: str) -> list[bytes]:
        return [part.content for frame in self._frames_of(name) for part in frame.parts]

    def _contents(self, name: str) -> list[bytes]:
        head = self._objects.head(name)
        return [self._objects.read(name, number) for number in range(len(head.frames))]

    async def stocks(self, site: str) -> list[tuple[StockRef, bytes]]:
        found = await self._readers.run(restocking.stocks, site)
        return [
            (one, await self._readers.in_thread(partial(self._stocks.read, one))) for one in found
        ]

    async def sealed_sessions(self, site: str, limit: int) -> list[Session]:
        return await self._readers.run(restocking.sealed_sessions, site, limit)

    async def replace_stock(self, old: StockRef, new: StockRef) -> None:
        while await self._repack_some(old, new):
            pass
        async with self._sealing:
            while await self._repack_some(old, new, locked=True):
                pass
            await self._writer.submit(lambda db, _: restocking.drop(db, old), touches=())
        self._stocks.forget(old)
        paths = [f"{folder}/{old.site}/{old.name}" for folder in STOCK_FOLDERS]
        work = [erasing.Work(path) for path in paths]
        await self._readers.in_thread(lambda: wipe(self._data, work, self._disk))

    async def _repack_some(self, old: StockRef, new: StockRef, *, locked: bool = False) -> int:
        """Let some objects that rest on *old* rest on *new*; return how many there were."""
        rows = await self._readers.run(restocking.resting, old)
        for session, name in rows:
            if locked:
                await self._repack(session, name, new)
            else:
                async with self._sealing:
                    await self._repack(session, name, new)
        return len(rows)

    async def _repack(self, session: str, name: str, new: StockRef) -> None:
        frames = await self._readers.in_thread(partial(self._frames_of, name))
        made, size = await self._readers.in_thread(lambda: self._objects.write(frames, new))
        done = await self._writer.submit(
            lambda db, _: restocking.moved(db, session, name, made, size, new), touches=()
        )
        unneeded = name if done else made
        await self._readers.in_thread(partial(self._objects.drop, unneeded, overwrite=True))

    def _frames_of(self, name: str) -> list[SealedFrame]:
        return packing.frames_of(self._objects.head(name), self._contents(name))

    # Retention

    async def expire(self, site: str, before_ms: int, limit: int) -> Removed:
        ids = await self._readers.run(erasing.expired, site, before_ms, limit)
        return await self._remove(ids, before_ms)

    async def shrink(self, site: str | None, limit: int) -> Removed:
        ids = await self._readers.run(erasing.least_wanted, site, limit)
        return await self._remove(ids, 2**62)

    async def _remove(self, ids: Sequence[str], before_ms: int) -> Removed:
        if not ids:
            return Removed()

        def remove(db: sqlite3.Connection) -> tuple[Removed, list[str]]:
            return erasing.remove(db, erasing.still_expired(db, ids, before_ms))

        # A kill before the last file is gone leaves objects that release() finds.
        removed, names = await self._writer.submit(lambda db, _: remove(db))
        for name in names:
            await self._readers.in_thread(partial(self._objects.drop, name))
        return removed

    async def used_bytes(self, site: str | None) -> int:
        return await self._readers.run(erasing.used_bytes, site)

    async def oldest_ms(self, site: str) -> int | None:
        return await self._readers.run(erasing.oldest_ms, site)

    async def drop_unused_assets(self, before_ms: int, limit: int) -> Removed:
        gone = await self._writer.submit(
            lambda db, _: erasing.drop_unused_assets(db, before_ms, limit), touches=()
        )
        for site, name, _size in gone:
            await self._drop_blob(site, name)
        return Removed(len(gone), sum(size for _, _, size in gone))

    async def drop_old_audit(self, before_ms: int) -> int:
        return await self._writer.submit(
            lambda db, _: erasing.drop_old_audit(db, before_ms), touches=()
        )


def _sessions(db: sqlite3.Connection, whom: Whom) -> list[Session]:
    found = (session_of(db, one) for one in erasing.sessions_of(db, whom))
    return [one for one in found if one is not None]


def _buried(db: sqlite3.Connection) -> list[Session]:
    found = (session_of(db, one) for one in burying.buried(db))
    return [one for one in found if one is not None]
