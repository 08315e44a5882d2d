"""
The store on one data folder: joins the writer, the readers and the segment files.

Contracts: core/store.py. Several processes may open the same folder at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.clock import Clock
from core.errors import StoreError, StoreFailed
from core.health import HealthCount, Room, SiteHealth
from core.model import (
    Appended,
    Asset,
    AssetUsage,
    ChunkRef,
    Gap,
    NewAsset,
    NewBatch,
    PageLoad,
    Session,
    SessionQuery,
    StoredBatch,
    asset_hash,
)
from core.sealed import KeyframeRef, Sealed, StockRef
from core.sqlite import (
    assets,
    health,
    ingest,
    lists,
    objects,
    records,
    sealing,
)
from core.sqlite.account_store import Accounts
from core.sqlite.alert_store import Alerts
from core.sqlite.cause_store import Causes
from core.sqlite.code_store import Codes
from core.sqlite.desk_store import Desk
from core.sqlite.disk import Disk
from core.sqlite.effort_store import Efforts
from core.sqlite.fix_store import Fixes
from core.sqlite.form_store import Forms
from core.sqlite.log import aside, keep_damaged_log
from core.sqlite.noted import Noted
from core.sqlite.objects import Objects, recoded
from core.sqlite.reader_store import Readership
from core.sqlite.readers import Readers
from core.sqlite.removal import Removal
from core.sqlite.report_store import ReportFiles
from core.sqlite.reserve import Reserve, free_bytes
from core.sqlite.rows import session_of
from core.sqlite.saved_store import Saved
from core.sqlite.schema import migrate
from core.sqlite.search_store import Search
from core.sqlite.segments import FOLDER, Tail, hour_name, read_chunk, segment_names
from core.sqlite.source_map_store import SourceMaps
from core.sqlite.stocks import FOLDERS as STOCK_FOLDERS
from core.sqlite.stocks import Stocks
from core.sqlite.triage_store import Triaging
from core.sqlite.verdict_store import Judgements
from core.sqlite.walk_store import Walks
from core.sqlite.writer import Writer
from core.store import Store

log = logging.getLogger(__name__)

QUEUE_LIMIT = 1024
DATABASE = "stolper.db"
HOUR_MS = 3_600_000

DAY_MS = 24 * HOUR_MS

MOST_DAMAGED = 20
"""Damaged files that are named: whoever has more looks by `stolper doctor --deep`."""

OBJECT_GRACE_MS = HOUR_MS
"""How long an object without a row is left alone: another process may be about to write it."""


class SqliteStore(
    Accounts,
    Alerts,
    Judgements,
    Readership,
    Triaging,
    Codes,
    Desk,
    Efforts,
    Fixes,
    ReportFiles,
    Noted,
    Search,
    Removal,
    Saved,
    SourceMaps,
    Walks,
    Forms,
    Causes,
    Store,
):
    """One data folder: stolper.db, segments/, sealed/ and blobs/."""

    def __init__(
        self,
        data: Path,
        clock: Clock,
        *,
        queue_limit: int = QUEUE_LIMIT,
        disk: Disk | None = None,
        read_only: bool = False,
        reserve_bytes: int = 0,
    ) -> None:
        """
        *queue_limit* bounds the batches that may wait for the disk; *disk* is for tests.

        *read_only* opens what another process has made and migrated: no writer is started.
        *reserve_bytes* of the disk are kept free of batches and assets.
        """
        self._data = data
        self._clock = clock
        self._disk = disk or Disk()
        self._blobs = assets.Blobs(data / assets.FOLDER, self._disk)
        self._stocks = Stocks(data, self._disk)
        self._objects = Objects(data / objects.FOLDER, self._disk, self._stocks.read)
        self._queue_limit = queue_limit
        self._read_only = read_only
        self._reserve = Reserve(data, reserve_bytes, clock)
        self._sealing = asyncio.Lock()  # held from an object's first byte to its row
        self._met_damaged: dict[str, None] = {}  # files, by path in the folder
        self._look_ms = 0  # when files below sealed/ are looked at for some that no row names
        self._opened: tuple[Writer | None, Readers] | None = None

    async def open(self) -> None:
        if self._read_only:
            if not (self._data / DATABASE).is_file():
                raise StoreFailed(f"there is no Stolper data in {self._data}")
            self._opened = None, Readers(self._data / DATABASE)
            return
        try:
            await asyncio.to_thread(self._prepare)
        except (OSError, sqlite3.Error) as error:
            raise StoreFailed(f"the data folder {self._data} cannot be opened: {error}") from error
        writer = Writer(self._data, self._clock, self._disk, self._queue_limit)
        self._opened = writer, Readers(self._data / DATABASE)
        writer.start()

    async def close(self) -> None:
        if self._opened is not None:
            writer, readers = self._opened
            if writer is not None:
                await asyncio.to_thread(writer.stop)
            await asyncio.to_thread(readers.close)
            self._opened = None

    def _prepare(self) -> None:
        """Make the folder (for its owner alone: it holds what visitors did) and the tables."""
        self._disk.make_folder(self._data)
        for name in (FOLDER, assets.FOLDER, objects.FOLDER, *STOCK_FOLDERS):
            (self._data / name).mkdir(mode=0o700, exist_ok=True)
        database = self._data / DATABASE
        self._keep_damaged_log()
        database.touch(mode=0o600)  # its log and index files take over its mode
        database.chmod(0o600)
        migrate(database)
        self._disk.fsync_folder(self._data)

    def _keep_damaged_log(self) -> None:
        """Tell of commits that SQLite is about to forget, and keep a copy of its log."""
        name, folder = f"{DATABASE}-wal", aside(self._data, self._clock.now_ms())
        damage = keep_damaged_log(self._data / name, folder, self._disk)
        if damage is not None:
            log.error("%s: %s; they are lost. A copy is kept in %s", name, damage, folder)
            self._meet_damage(name)

    @property
    def waiting(self) -> int:
        """Return how many writes wait for the disk."""
        return self._writer.waiting

    @property
    def _writer(self) -> Writer:
        if self._opened is None:
            raise StoreError("the store is not open")
        if self._opened[0] is None:
            raise StoreError("the store was opened for reading")
        return self._opened[0]

    @property
    def _readers(self) -> Readers:
        if self._opened is None:
            raise StoreError("the store is not open")
        return self._opened[1]

    # Ingest

    async def append(self, batch: NewBatch) -> Appended:
        self._reserve.check()
        return await self._writer.append(batch)

    async def prove_writable(self) -> None:
        mark = ("written_ms", self._clock.now_ms())
        await self._writer.submit(
            lambda db, _: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", mark),
            bounded=True,
            touches=(),
        )

    async def idle_sessions(self, now_ms: int) -> list[Session]:
        return await self._readers.run(records.idle_sessions, now_ms)

    async def end_session(
        self, session: str, kind: str, *, idle_at_ms: int | None = None
    ) -> Session | None:
        now_ms = self._clock.now_ms()
        return await self._writer.submit(
            lambda db, _: ingest.end_session(db, session, kind, now_ms, idle_at_ms),
            touches=(session,),
        )

    # Records

    async def session(self, session: str) -> Session | None:
        return await self._readers.run(session_of, session)

    async def sessions(self, query: SessionQuery) -> list[Session]:
        return await self._readers.run(lists.sessions, query)

    async def count_sessions(self, query: SessionQuery, *, most: int | None = None) -> int:
        return await self._readers.run(lists.count_sessions, query, most)

    async def open_sessions(self) -> list[Session]:
        return await self._readers.run(records.open_sessions)

    async def batches(self, session: str) -> list[StoredBatch]:
        return await self._readers.run(records.batches, session)

    async def batches_of(self, sessions: Sequence[str]) -> dict[str, list[StoredBatch]]:
        return await self._readers.run(records.batches_of, sessions)

    async def batches_after(self, position: int, limit: int) -> list[StoredBatch]:
        return await self._readers.run(records.batches_after, position, limit)

    async def page_loads(self, session: str) -> list[PageLoad]:
        return await self._readers.run(records.page_loads, session)

    async def chunks(self, session: str) -> list[ChunkRef]:
        return await self._readers.run(self._chunks, session)

    def _chunks(self, db: sqlite3.Connection, session: str) -> list[ChunkRef]:
        """Return the chunks of *session* where they lie now: sealed, or in segments."""
        for last in (False, True):
            held = sealing.object_of(db, session)
            found = [
                self._objects.chunk(held[0], ref) if held and position <= held[1] else ref
                for position, ref in records.chunks(db, session)
            ]
            if last or all(ref.frame != objects.NOWHERE for ref in found):
                break  # else it may have been sealed again in between
        return found

    async def read_chunk(self, ref: ChunkRef) -> bytes:
        try:
            return await self._readers.in_thread(lambda: self._chunk(ref))
        except StoreError:
            # It may have been sealed after *ref* was given out.
            refs = await self._readers.run(self._chunks, ref.session)
            now = next((one for one in refs if sealing.key_of(one) == sealing.key_of(ref)), None)
            if (
                now is None
                or now.frame is None
                or (now.segment, now.frame) == (ref.segment, ref.frame)
            ):
                folder = FOLDER if ref.frame is None else objects.FOLDER
                self._meet_damage(f"{folder}/{ref.segment}")
                raise
            content = await self._readers.in_thread(lambda: self._chunk(now))
            return recoded(content, now.info.encoding, ref.info.encoding)

    def _chunk(self, ref: ChunkRef) -> bytes:
        if ref.frame is None:
            return read_chunk(self._data / FOLDER, ref)
        return self._objects.part(ref.segment, ref.frame, ref.offset, ref.length, ref.crc32)

    def _meet_damage(self, path: str) -> None:
        """Remember, for recording health, that the file at *path* is damaged."""
        if len(self._met_damaged) < MOST_DAMAGED:
            self._met_damaged[path] = None

    async def gaps(self, session: str) -> list[Gap]:
        return await self._readers.run(records.gaps, session)

    # Assets

    async def put_asset(self, new: NewAsset) -> str | None:
        name = asset_hash(new.content)
        size = await self._readers.run(assets.size_of, new.site, name)
        if size is not None and self._blobs.has(new.site, name, size):
            return name
        self._reserve.check()
        if size is None and not await self._readers.run(assets.fits, new):
            await self._writer.submit(
                lambda db, _: assets.refuse(db, new), bounded=True, touches=()
            )
            return None
        try:
            await self._readers.in_thread(lambda: self._blobs.write(new.site, name, new.content))
        except OSError as error:
            raise StoreFailed(f"an asset could not be written: {error}") from error
        kept = await self._writer.submit(
            lambda db, _: assets.insert(db, new, name), bounded=True, touches=()
        )
        if not kept:
            await self._drop_blob(new.site, name)
            return None
        if not self._blobs.has(new.site, name, len(new.content)):
            # Somebody removed an older one in between; nobody does now that there is a row.
            await self._readers.in_thread(lambda: self._blobs.write(new.site, name, new.content))
        return name

    async def asset(self, site: str, hash_: str) -> Asset | None:
        try:
            return await self._readers.run(assets.read, self._blobs, site, hash_)
        except StoreFailed:
            raise
        except StoreError:
            self._meet_damage(f"{assets.FOLDER}/{site}/{hash_}")
            raise

    async def stored_assets(self, site: str, hashes: Sequence[str]) -> set[str]:
        return await self._readers.run(assets.stored, site, hashes)

    async def most_used_assets(self, site: str, limit: int) -> list[str]:
        return await self._readers.run(assets.most_used, site, limit)

    async def assets_of(self, session: str) -> list[str]:
        return await self._readers.run(assets.used_by, session)

    async def asset_usage(self, site: str) -> AssetUsage:
        return await self._readers.run(assets.usage, site)

    # Health

    async def note(self, counts: Sequence[HealthCount]) -> None:
        await self._writer.submit(lambda db, _: health.note(db, counts), touches=())

    async def health(self, site: str, since_ms: int) -> SiteHealth:
        return await self._readers.run(health.health, site, since_ms)

    async def room(self) -> Room:
        free = await self._readers.in_thread(lambda: free_bytes(self._data))
        database = (DATABASE,) if self._readers.damaged else ()
        return Room(free, self._reserve.least_bytes, (*database, *self._met_damaged))

    # Sealing

    async def unsealed_sessions(self, closed_before_ms: int, limit: int) -> list[Session]:
        return await self._readers.run(sealing.unsealed_sessions, closed_before_ms, limit)

    async def seal(self, sealed: Sealed) -> bool:
        async with self._sealing:
            return await self._seal(sealed)

    async def _seal(self, sealed: Sealed) -> bool:
        name, size = None, 0
        if sealed.stock is not None and not await self._readers.run(
            sealing.has_stock, sealed.stock
        ):
            return False
        if sealed.frames:
            try:
                name, size = await self._readers.in_thread(
                    lambda: self._objects.write(sealed.frames, sealed.stock)
                )
            except OSError as error:
                raise StoreFailed(f"a session could not be sealed: {error}") from error
        now_ms = self._clock.now_ms()
        look_ms, self._look_ms = self._look_ms, min(self._look_ms, now_ms + OBJECT_GRACE_MS)
        # A commit that failed may still turn out to have happened: release() looks at the object.
        done, unneeded = await self._writer.submit(
            lambda db, _: sealing.seal(db, sealed, name, size, now_ms),
            touches=(sealed.session,),
        )
        try:
            if unneeded is not None:
                # If it is the new one, its session may have been erased meanwhile.
                await self._readers.in_thread(
                    partial(self._objects.drop, unneeded, overwrite=not done)
                )
            self._look_ms = look_ms
        except OSError as error:
            log.error("an object that nothing needs any more stays for now: %s", error)
        return done

    async def leave_unsealed(self, session: str) -> None:
        await self._writer.submit(lambda db, _: sealing.leave(db, session), touches=(session,))

    async def keyframes(self, session: str, page_load: str) -> list[KeyframeRef]:
        held = await self._readers.run(sealing.object_of, session)
        if held is None:
            return []
        return await self._readers.in_thread(
            lambda: self._objects.keyframes(held[0], session, page_load)
        )

    async def read_keyframe(self, ref: KeyframeRef) -> bytes:
        return await self._readers.in_thread(
            lambda: self._objects.part(ref.name, ref.frame, ref.offset, ref.length, ref.crc32)
        )

    async def put_stock(self, site: str, content: bytes) -> StockRef:
        stock = await self._put_stock(site, content, None)
        assert stock is not None  # it is made from no other
        return stock

    async def renew_stock(self, on: StockRef, content: bytes) -> StockRef | None:
        return await self._put_stock(on.site, content, on)

    async def _put_stock(self, site: str, content: bytes, on: StockRef | None) -> StockRef | None:
        try:
            stock = await self._readers.in_thread(lambda: self._stocks.write(site, content))
        except OSError as error:
            raise StoreFailed(f"a stock could not be written: {error}") from error
        now_ms = self._clock.now_ms()
        kept, named = await self._writer.submit(
            lambda db, _: sealing.put_stock(db, stock, len(content), now_ms, on),
            touches=(),
        )
        if not named:
            await self._readers.in_thread(partial(self._stocks.drop, stock))
        return stock if kept else None

    async def stock(self, site: str) -> tuple[StockRef, bytes] | None:
        found = await self._readers.run(sealing.newest_stock, site)
        if found is None:
            return None
        return found, await self._readers.in_thread(lambda: self._stocks.read(found))

    async def release(self) -> int:
        now_ms = self._clock.now_ms()
        segments = await self._readers.in_thread(lambda: segment_names(self._data / FOLDER))
        needed, newest = await self._readers.run(sealing.segments_needed)
        released = 0
        for name in segments:
            if name < hour_name(now_ms - HOUR_MS) and name not in needed:
                release = partial(self._release, name, newest)
                released += await self._writer.submit(release, touches=())
        if now_ms >= self._look_ms:
            released += await self._drop_strange_objects(now_ms)
            unused = await self._writer.submit(
                lambda db, _: sealing.drop_unused_stocks(db), touches=()
            )
            for one in unused:
                await self._readers.in_thread(partial(self._stocks.drop, one))
            released += len(unused)
            self._look_ms = now_ms + DAY_MS
        return released

    async def _drop_strange_objects(self, now_ms: int) -> int:
        """Remove what a seal that failed, here or in a process that died, has left."""
        before_ms = now_ms - OBJECT_GRACE_MS
        old = set(await self._readers.in_thread(lambda: self._objects.old(before_ms)))
        strange = old - await self._readers.run(sealing.objects)
        for name in strange:
            await self._readers.in_thread(partial(self._objects.drop, name))
        return len(strange)

    def _release(self, name: str, newest: int, db: sqlite3.Connection, tail: Tail) -> bool:
        """Remove a segment that is still not needed, under the lock that lets nobody append meanwhile."""
        if tail.segment == name or sealing.came_since(db, name, newest):
            return False
        self._disk.unlink(self._data / FOLDER / name)
        return True
