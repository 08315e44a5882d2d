"""The part of the store that keeps source maps, compressed: they are text, and a tenth of its size remains."""

from __future__ import annotations

import asyncio
import sqlite3

import zstandard as zstd

from core.errors import NotFound, UserError
from core.source_maps import (
    MOST_BYTES,
    MOST_KEPT_BYTES,
    MOST_RELEASES,
    SourceMapInfo,
    SourceMapStore,
)
from core.sqlite.parts import Part

LEVEL = 9


class SourceMaps(Part, SourceMapStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def put_source_map(
        self, site: str, release: str, name: str, content: bytes, at_ms: int
    ) -> None:
        if len(content) > MOST_BYTES:
            raise UserError(
                f"{name} is larger than {MOST_BYTES >> 20} MB, the most for a source map"
            )
        packed = await asyncio.to_thread(zstd.ZstdCompressor(level=LEVEL).compress, content)
        info = SourceMapInfo(release, name, len(content), at_ms)
        await self._writer.submit(lambda db, _: _put(db, site, info, packed), touches=())

    async def source_maps(self, site: str) -> list[SourceMapInfo]:
        return await self._readers.run(_listed, site)

    async def source_map(self, site: str, release: str, name: str) -> bytes | None:
        packed = await self._readers.run(_content, site, release, name)
        if packed is None:
            return None
        unpack = zstd.ZstdDecompressor().decompress
        return await asyncio.to_thread(unpack, packed, max_output_size=MOST_BYTES)

    async def drop_source_maps(self, site: str, release: str) -> int:
        return await self._writer.submit(lambda db, _: _drop(db, site, release), touches=())


def _put(db: sqlite3.Connection, site: str, info: SourceMapInfo, packed: bytes) -> None:
    if not db.execute("SELECT 1 FROM sites WHERE key = ?", (site,)).fetchone():
        raise NotFound(f"there is no site with the key {site}")
    (kept,) = db.execute(
        "SELECT coalesce(sum(length(content)), 0) FROM source_maps"
        " WHERE site = ?1 AND (release, name) <> (?2, ?3)",
        (site, info.release, info.name),
    ).fetchone()
    if kept + len(packed) > MOST_KEPT_BYTES:
        raise UserError(f"the site's source maps fill {MOST_KEPT_BYTES >> 20} MB; remove a release")
    db.execute(
        "INSERT INTO source_maps VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (site, release, name) DO UPDATE SET made_ms = excluded.made_ms,"
        " bytes = excluded.bytes, content = excluded.content",
        (site, info.release, info.name, info.made_ms, info.bytes, packed),
    )
    db.execute(
        "DELETE FROM source_maps WHERE site = ?1 AND release <> ?2 AND release NOT IN"
        " (SELECT release FROM source_maps WHERE site = ?1 GROUP BY release"
        " ORDER BY release = ?2 DESC, max(made_ms) DESC LIMIT ?3)",
        (site, info.release, MOST_RELEASES),
    )


def _listed(db: sqlite3.Connection, site: str) -> list[SourceMapInfo]:
    rows = db.execute(
        "SELECT release, name, bytes, made_ms FROM source_maps m WHERE site = ?1 ORDER BY"
        " (SELECT max(made_ms) FROM source_maps WHERE site = ?1 AND release = m.release) DESC,"
        " release, name",
        (site,),
    )
    return [SourceMapInfo(*row) for row in rows]


def _content(db: sqlite3.Connection, site: str, release: str, name: str) -> bytes | None:
    row = db.execute(
        "SELECT content FROM source_maps WHERE site = ? AND release = ? AND name = ?",
        (site, release, name),
    ).fetchone()
    return bytes(row[0]) if row else None


def _drop(db: sqlite3.Connection, site: str, release: str) -> int:
    return db.execute(
        "DELETE FROM source_maps WHERE site = ? AND release = ?", (site, release)
    ).rowcount
