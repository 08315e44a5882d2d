"""
What is kept once per site: style sheets found in chunks, fonts and pictures that pages hand in.

Owns which hashes pages are told, and what may be handed in. The collector hashes for itself
and never fetches a page's URL. Leaves bytes and rows to the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection

from collector.limits import Buckets, Limits
from collector.sheets import wanted_sheets
from core.clock import Clock
from core.errors import StoreError
from core.model import AssetKind, NewAsset, Site, asset_hash
from core.store import AssetStore

log = logging.getLogger(__name__)

MAX_ASSET_BYTES = 500_000
"""Largest font or picture that is taken."""

MOST_NAMED = 16
"""Hashes in the loader's configuration: 40 bytes each, which every page waits for."""

REMEMBER_MS = 2000
"""How long the list of a site is remembered."""

MOST_WAITING = 16
"""Chunks that wait to be looked through; a later visitor's will do as well."""

LOOKS_PER_S = 2
"""Chunks of one site that are looked through; each may take some 50 ms of CPU."""

_FONTS = {
    b"wOF2": "font/woff2",
    b"wOFF": "font/woff",
    b"OTTO": "font/otf",
    b"\0\1\0\0": "font/ttf",
    b"true": "font/ttf",
    b"ttcf": "font/collection",
}
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"\0\0\1\0": "image/x-icon",
    b"BM": "image/bmp",
}
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif"}


class Assets:
    """Assets of all sites. *counters* says what was found, kept and refused."""

    def __init__(
        self, store: AssetStore, clock: Clock, counters: Counter[str], limits: Limits
    ) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._limits = limits
        self._looks = Buckets(clock, rate=LOOKS_PER_S, burst=10 * LOOKS_PER_S)
        self._waiting: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._named: dict[str, tuple[list[str], int]] = {}
        self._full: set[str] = set()

    async def named(self, site: Site) -> list[str]:
        """Return the hashes that pages of *site* are told with their configuration."""
        now = self._clock.now_ms()
        known = self._named.get(site.key)
        if known is None or not 0 <= now - known[1] < REMEMBER_MS:
            try:
                names = await self._store.most_used_assets(site.key, MOST_NAMED)
            except StoreError as error:
                log.error("assets of the site '%s' cannot be named: %s", site.name, error)
                return []  # the recorder then sends its style sheets in full
            known = self._named[site.key] = names, now
        return known[0]

    async def held(self, site: Site, names: Collection[str]) -> list[str]:
        """Return those of *names* that *site* has; none if the store cannot say."""
        if not names:
            return []
        try:
            return sorted(await self._store.stored_assets(site.key, list(names)))
        except StoreError as error:
            log.error("assets of the site '%s' cannot be looked up: %s", site.name, error)
            return []

    def look_through(
        self,
        site: Site,
        address: bytes,
        session: str,
        chunk: bytes,
        encoding: int,
        wanted: set[str],
    ) -> None:
        """
        Keep the style sheets *wanted* that are in *chunk*, by and by: its batch is stored already.

        Done later by another visitor's if there is too much to do now.
        """
        if not wanted or len(self._waiting) >= MOST_WAITING or self._looks.take(site.key):
            return
        task = asyncio.create_task(
            self._keep_sheets(site, address, session, chunk, encoding, wanted)
        )
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def put(
        self,
        site: Site,
        address: bytes,
        kind: AssetKind,
        media: str,
        content: bytes,
        session: str | None = None,
    ) -> str | None:
        """
        Keep *content*, which came with *session*; return its hash once it is durable.

        None if the quota is full, or *address* has filled its share of it for today: what one
        stranger makes up must not take the room of all.
        """
        quota = site.options.assets_mb * 1_000_000
        known = await self._store.stored_assets(site.key, [asset_hash(content)])
        if not known and not self._limits.share(site.key, address, len(content), quota):
            self._counters["assets_beyond_share"] += 1
            return None
        new = NewAsset(site.key, kind, media, content, self._clock.now_ms(), quota, session)
        name = await self._store.put_asset(new)
        self._counters[f"assets_{'kept' if name else 'full'}"] += 1
        if name is None and site.key not in self._full:
            self._full.add(site.key)
            log.warning(
                "the assets of the site '%s' fill its %d MB: others are sent in full with each"
                " page, or are missing in replays; see its option assets_mb",
                *(site.name, site.options.assets_mb),
            )
        return name

    async def close(self) -> None:
        """Finish what waits."""
        await asyncio.gather(*self._waiting)

    async def _keep_sheets(
        self,
        site: Site,
        address: bytes,
        session: str,
        chunk: bytes,
        encoding: int,
        wanted: set[str],
    ) -> None:
        try:
            async with self._one_at_a_time:
                sheets = await asyncio.to_thread(wanted_sheets, chunk, encoding, wanted)
                for content in sheets.values():
                    kept = await self.put(site, address, "sheet", "text/css", content, session)
                    if kept is None:
                        return
        except StoreError as error:
            log.error("a style sheet of the site '%s' could not be kept: %s", site.name, error)
        except Exception:
            log.exception("looking for style sheets failed")


def media_of(kind: str, content: bytes) -> str | None:
    """Return the media type that *content* shows to be; None if it is none of that *kind*."""
    known = {"font": _FONTS, "image": _PICTURES}.get(kind, {})
    for beginning, media in known.items():
        if content.startswith(beginning):
            return media
    if kind != "image":
        return None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:12] in _BRANDS:
        return _BRANDS[content[8:12]]
    head = content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "image/svg+xml" if head[:1] == b"<" and b"<svg" in head else None
