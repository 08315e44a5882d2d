"""
The store on one data folder: joins the writer, the readers and the segment files.

Contracts: core/store.py. Several processes may open the same folder at the same time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.clock import Clock
from core.errors import StoreError, StoreFailed
from core.health import HealthCount, SiteHealth
from core.model import (
    Appended,
    Asset,
    AssetUsage,
    ChunkRef,
    Flag,
    Gap,
    NewAsset,
    NewBatch,
    PageLoad,
    RuleVersion,
    Score,
    Session,
    SessionQuery,
    Site,
    StoredBatch,
    Struggle,
    Token,
    User,
    Verdicts,
    asset_hash,
)
from core.site_options import SiteOptions
from core.sqlite import accounts, assets, health, ingest, judged, records
from core.sqlite.disk import Disk
from core.sqlite.readers import Readers
from core.sqlite.rows import session_of
from core.sqlite.schema import migrate
from core.sqlite.segments import FOLDER, read_chunk
from core.sqlite.writer import Writer
from core.store import Store

QUEUE_LIMIT = 1024
DATABASE = "stolper.db"


class SqliteStore(Store):
    """One data folder: stolper.db, segments/ and blobs/."""

    def __init__(
        self,
        data: Path,
        clock: Clock,
        *,
        queue_limit: int = QUEUE_LIMIT,
        disk: Disk | None = None,
        read_only: bool = False,
    ) -> None:
        """
        *queue_limit* bounds the batches that may wait for the disk; *disk* is for tests.

        *read_only* opens what another process has made and migrated: no writer is started.
        """
        self._data = data
        self._clock = clock
        self._disk = disk or Disk()
        self._blobs = assets.Blobs(data / assets.FOLDER, self._disk)
        self._queue_limit = queue_limit
        self._read_only = read_only
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
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (FOLDER, assets.FOLDER):
            (self._data / name).mkdir(mode=0o700, exist_ok=True)
        database = self._data / DATABASE
        database.touch(mode=0o600)  # its log and index files take over its mode
        database.chmod(0o600)
        migrate(database)
        self._disk.fsync_folder(self._data)

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

    # Sites and keys

    async def add_site(self, site: Site) -> None:
        await self._writer.submit(lambda db, _: accounts.add_site(db, site))

    async def site(self, key_or_name: str) -> Site | None:
        return await self._readers.run(accounts.site, key_or_name)

    async def set_site_options(self, key: str, options: SiteOptions) -> None:
        await self._writer.submit(lambda db, _: accounts.set_options(db, key, options))

    async def sites(self) -> list[Site]:
        return await self._readers.run(accounts.sites)

    async def server_key(self, name: str) -> bytes:
        known = await self._readers.run(accounts.server_key, name)
        if known is not None:
            return known
        return await self._writer.submit(lambda db, _: accounts.make_server_key(db, name))

    # Ingest

    async def append(self, batch: NewBatch) -> Appended:
        return await self._writer.submit(
            lambda db, tail: ingest.append(db, tail, batch), bounded=True
        )

    async def prove_writable(self) -> None:
        mark = ("written_ms", self._clock.now_ms())
        await self._writer.submit(
            lambda db, _: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", mark),
            bounded=True,
        )

    async def idle_sessions(self, now_ms: int) -> list[Session]:
        return await self._readers.run(records.idle_sessions, now_ms)

    async def end_session(
        self, session: str, kind: str, *, idle_at_ms: int | None = None
    ) -> Session | None:
        now_ms = self._clock.now_ms()
        return await self._writer.submit(
            lambda db, _: ingest.end_session(db, session, kind, now_ms, idle_at_ms)
        )

    # Records

    async def session(self, session: str) -> Session | None:
        return await self._readers.run(session_of, session)

    async def sessions(self, query: SessionQuery) -> list[Session]:
        return await self._readers.run(records.sessions, query)

    async def count_sessions(self, query: SessionQuery) -> int:
        return await self._readers.run(records.count_sessions, query)

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
        return await self._readers.run(records.chunks, session)

    async def read_chunk(self, ref: ChunkRef) -> bytes:
        return await self._readers.in_thread(lambda: read_chunk(self._data / FOLDER, ref))

    async def gaps(self, session: str) -> list[Gap]:
        return await self._readers.run(records.gaps, session)

    # Assets

    async def put_asset(self, new: NewAsset) -> str | None:
        name = asset_hash(new.content)
        size = await self._readers.run(assets.size_of, new.site, name)
        if size is not None and self._blobs.has(new.site, name, size):
            return name
        if size is None and not await self._readers.run(assets.fits, new):
            await self._writer.submit(lambda db, _: assets.refuse(db, new), bounded=True)
            return None
        try:
            await self._readers.in_thread(lambda: self._blobs.write(new.site, name, new.content))
        except OSError as error:
            raise StoreFailed(f"an asset could not be written: {error}") from error
        kept = await self._writer.submit(lambda db, _: assets.insert(db, new, name), bounded=True)
        if not kept:
            await self._readers.in_thread(lambda: self._blobs.drop(new.site, name))
        return name if kept else None

    async def asset(self, site: str, hash_: str) -> Asset | None:
        return await self._readers.run(assets.read, self._blobs, site, hash_)

    async def stored_assets(self, site: str, hashes: Sequence[str]) -> set[str]:
        return await self._readers.run(assets.stored, site, hashes)

    async def most_used_assets(self, site: str, limit: int) -> list[str]:
        return await self._readers.run(assets.most_used, site, limit)

    async def asset_usage(self, site: str) -> AssetUsage:
        return await self._readers.run(assets.usage, site)

    # Verdicts

    async def unjudged_sessions(self) -> list[Session]:
        return await self._readers.run(records.unjudged_sessions)

    async def checkpoint(self) -> int:
        return await self._readers.run(judged.checkpoint)

    async def commit_verdicts(self, verdicts: Sequence[Verdicts]) -> None:
        await self._writer.submit(lambda db, _: judged.commit(db, verdicts))

    async def flags(self, session: str, *, withdrawn: bool = False) -> list[Flag]:
        return await self._readers.run(judged.flags, session, withdrawn)

    async def struggles(
        self, *, site: str | None = None, since_ms: int | None = None, limit: int = 100
    ) -> list[Struggle]:
        now_ms = self._clock.now_ms()
        return await self._readers.run(
            judged.struggles, now_ms, site=site, since_ms=since_ms, limit=limit
        )

    async def struggle(self, key: str) -> Struggle | None:
        found = await self._readers.run(judged.struggles, self._clock.now_ms(), key=key)
        return found[0] if found else None

    async def score(self, session: str) -> Score | None:
        return await self._readers.run(judged.score, session)

    async def put_in_force(self, versions: Sequence[RuleVersion], files: Mapping[str, str]) -> None:
        await self._writer.submit(lambda db, _: judged.put_in_force(db, versions, files))

    async def rule_versions(self, rule: str) -> list[RuleVersion]:
        return await self._readers.run(judged.rule_versions, rule)

    async def rule_files(self) -> dict[str, str]:
        return await self._readers.run(judged.rule_files)

    async def rule_uses(
        self, since_ms: int, *, site: str | None = None
    ) -> tuple[dict[str, tuple[int, int]], int]:
        return await self._readers.run(judged.rule_uses, since_ms, site)

    # Health

    async def note(self, counts: Sequence[HealthCount]) -> None:
        await self._writer.submit(lambda db, _: health.note(db, counts))

    async def health(self, site: str, since_ms: int) -> SiteHealth:
        return await self._readers.run(health.health, site, since_ms)

    # Accounts

    async def add_user(self, user: User) -> None:
        await self._writer.submit(lambda db, _: accounts.add_user(db, user))

    async def user(self, name: str) -> User | None:
        return await self._readers.run(accounts.user, name)

    async def add_token(self, token: Token) -> None:
        await self._writer.submit(lambda db, _: accounts.add_token(db, token))

    async def token(self, hash_: bytes) -> Token | None:
        return await self._readers.run(accounts.token, hash_)

    async def audit(self, at_ms: int, who: str, action: str, subject: str) -> None:
        await self._writer.submit(lambda db, _: accounts.audit(db, at_ms, who, action, subject))
