"""
Makes keyframes of long documents that are not sealed yet, when somebody looks at a moment of one.

They are kept in memory for a while: whoever seeks in a running session asks again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import StoreError
from core.model import ChunkRef
from core.sealed import Keyframe
from core.store import RecordStore
from core.wire import IDENTITY
from replay.recording import MAX_LOAD_BYTES, Budget, ChunkError, decode_chunk
from replay.shape import check_event
from replay.track import KEYFRAME_EVENTS, Track, is_long

MOST_BYTES = 16 * 1024 * 1024
"""Of keyframes of one document; of one that has more, each second is forgotten."""

MOST_DOCUMENTS = 4
"""Documents that are remembered."""

KEPT_S = 600.0
"""A document that nobody asked for so long is forgotten: its session may have been erased."""


@dataclass(slots=True)
class _Known:
    """What is known of a document: *count* chunks before *next_seq* were read."""

    made: list[Keyframe] = field(default_factory=list)
    count: int = 0
    next_seq: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    forget: asyncio.TimerHandle | None = None


class Unsealed:
    """Remembers the keyframes that it made. To be used on one event loop."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Known] = {}

    async def keyframes(
        self, store: RecordStore, session: str, page_load: str, refs: Sequence[ChunkRef]
    ) -> list[Keyframe]:
        """Return keyframes of the document whose chunks are *refs*, in order; none of a short one."""
        if not is_long(refs):
            return []
        known = self._remember((session, page_load))
        async with known.lock:
            if _is_late(refs, known):  # what was made without it is another page
                known.made, known.count, known.next_seq = [], 0, 0
            fresh = [ref for ref in refs if ref.seq >= known.next_seq]
            if sum(ref.info.count for ref in fresh) >= KEYFRAME_EVENTS:
                await self._make(store, page_load, refs, known)
            return list(known.made)

    def _remember(self, key: tuple[str, str]) -> _Known:
        known = self._known.pop(key, None) or _Known()
        self._known[key] = known  # the last one was used last
        while len(self._known) > MOST_DOCUMENTS:
            self._forget(next(iter(self._known)))
        if known.forget is not None:
            known.forget.cancel()
        known.forget = asyncio.get_running_loop().call_later(KEPT_S, self._forget, key)
        return known

    def _forget(self, key: tuple[str, str]) -> None:
        known = self._known.pop(key, None)
        if known is not None and known.forget is not None:
            known.forget.cancel()

    async def _make(
        self, store: RecordStore, page_load: str, refs: Sequence[ChunkRef], known: _Known
    ) -> None:
        """Go on from the last keyframe, chunk by chunk: others have their turn between."""
        track = Track(page_load)
        since = -1.0
        if known.made:
            since = known.made[-1].t
            await asyncio.to_thread(_begin, track, known.made[-1])
        budget = Budget(MAX_LOAD_BYTES)
        for ref in refs:
            if ref.info.last_t > since and budget.left > 0:
                try:
                    raw = await store.read_chunk(ref)
                    made = await asyncio.to_thread(_follow, track, raw, ref, since, budget)
                except (StoreError, ChunkError):
                    track.lose()  # what is damaged is named where the recording is read
                    continue
                known.made += made
        while sum(len(one.content) for one in known.made) > MOST_BYTES and len(known.made) > 1:
            known.made = known.made[1::2]
        known.count, known.next_seq = len(refs), max(ref.seq for ref in refs) + 1


def _is_late(refs: Sequence[ChunkRef], known: _Known) -> bool:
    """Say whether a chunk has come since that belongs before the last keyframe."""
    fresh = [ref for ref in refs if ref.seq >= known.next_seq]
    since = known.made[-1].t if known.made else -1.0
    return len(refs) - len(fresh) != known.count or any(ref.info.first_t < since for ref in fresh)


def _begin(track: Track, keyframe: Keyframe) -> None:
    for event in decode_chunk(keyframe.content, IDENTITY):
        track.take(event, 0)


def _follow(
    track: Track, raw: bytes, ref: ChunkRef, since: float, budget: Budget
) -> list[Keyframe]:
    before = budget.left
    events = decode_chunk(raw, ref.info.encoding, budget=budget)
    later = [event for event in events if check_event(event) is None and event["timestamp"] > since]
    size = (before - budget.left) // max(1, len(events))
    return [made for event in later if (made := track.take(event, size)) is not None]
