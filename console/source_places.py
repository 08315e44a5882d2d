"""
Owns finding the source map that fits a place in a script, and what it says of it.

Maps are held parsed for a while: whoever looks at one error looks at the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence

from core.errors import UserError
from core.model import Session
from core.source_maps import SourceMapInfo, SourceMapStore
from replay.details import Frame
from replay.source_map import SourceMap, SourcePlace

log = logging.getLogger("stolper.console")

HELD = 4
"""Maps held parsed: one of 20 MB takes some 40 MB of memory."""


class SourcePlaces:
    """Looks places up, one map at a time."""

    def __init__(self, store: SourceMapStore) -> None:
        self._store = store
        self._held: OrderedDict[tuple[str, SourceMapInfo], SourceMap | None] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def find(
        self, session: Session, frames: Sequence[Frame]
    ) -> dict[Frame, SourcePlace | None]:
        """Return what is known of *frames* of *session*; nothing at all where its site has no maps."""
        release = str(session.attributes.get("release") or "")
        known = [
            one
            for one in await self._store.source_maps(session.site)
            if one.release in (release, "")
        ]
        if not known:
            return {}
        known.sort(key=lambda one: one.release != release)  # its own release first
        asked: dict[SourceMapInfo, list[Frame]] = {}
        found: dict[Frame, SourcePlace | None] = {}
        for frame in set(frames):
            info = fitting(known, frame.file)
            found[frame] = None
            if info is not None and frame.line is not None:
                asked.setdefault(info, []).append(frame)
        for info, own in asked.items():
            found |= await self._places(session.site, info, own)
        return found

    async def _places(
        self, site: str, info: SourceMapInfo, frames: Sequence[Frame]
    ) -> dict[Frame, SourcePlace | None]:
        """Look *frames* up in one map: it is gone through once for all of them."""
        places = {frame: (frame.line or 1, frame.column or 1) for frame in frames}
        async with self._one_at_a_time:
            parsed = await self._parsed(site, info)
            if parsed is None:
                return {}
            found = await asyncio.to_thread(parsed.find_all, places.values())
        return {frame: found[place] for frame, place in places.items()}

    async def _parsed(self, site: str, info: SourceMapInfo) -> SourceMap | None:
        key = (site, info)
        if key not in self._held:
            content = await self._store.source_map(site, info.release, info.name)
            self._held[key] = await asyncio.to_thread(_parse, content, info)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


def _parse(content: bytes | None, info: SourceMapInfo) -> SourceMap | None:
    try:
        return SourceMap(content or b"")
    except UserError as error:  # it was looked at when it came: another version of us took it
        log.warning("source map %s of release %s: %s", info.name, info.release, error)
        return None


def fitting(known: Sequence[SourceMapInfo], file: str) -> SourceMapInfo | None:
    """Return the first of *known* whose script's path ends as *file* does, by the most parts; None if none does."""
    best: SourceMapInfo | None = None
    most = 0
    wanted = [part for part in file.split("/") if part]
    for info in known:
        parts = [part for part in info.name.split("/") if part not in ("", ".")]
        same = 0
        for ours, theirs in zip(reversed(parts), reversed(wanted), strict=False):
            if ours != theirs:
                break
            same += 1
        if same > most:
            best, most = info, same
    return best
