"""
Reads a part of a document's recording: from the keyframe before a moment to the one after it.

What is read is what recording.py reads, with the same bounds and the same named damage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import StoreError
from core.model import ChunkRef, PageLoad
from core.sealed import Keyframe, KeyframeRef
from core.store import AssetStore, RecordStore, SealStore
from core.wire import IDENTITY
from replay.assets import Address
from replay.recording import (
    Budget,
    ChunkError,
    Damage,
    LoadRecording,
    decode_chunk,
    finished,
    read_chunks,
)
from replay.unsealed import Unsealed

MAX_RANGE_BYTES = 128 * 1024 * 1024
"""Most bytes that one range may inflate to."""


class Sealed(RecordStore, AssetStore, SealStore, Protocol):
    """Where recordings and their keyframes are."""


@dataclass(frozen=True, slots=True)
class Range:
    """
    A part of a recording. It shows moments from *from_ms* on and up to *until_ms*; None: to its end.

    The events at *from_ms* are those of its keyframe; all others are later.
    """

    recording: LoadRecording
    from_ms: float | None
    until_ms: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            **self.recording.as_dict(),
            "origin": self.recording.origin_ms,
            "from": self.from_ms,
            "until": self.until_ms,
            "next_seq": self.recording.next_seq,
        }


async def load_range(
    store: Sealed,
    session: str,
    page_load: str,
    at_ms: float,
    *,
    address: Address | None = None,
    unsealed: Unsealed | None = None,
) -> Range | None:
    """
    Return the part of a document's recording that shows it at *at_ms* (server time).

    It begins with a keyframe, or with the document, and ends before the next keyframe: asked again
    with the `until_ms` of the answer, it returns the range that follows. Of a document that is not sealed
    *unsealed* knows keyframes; without, it is one range. None if there is no such document.
    """
    loads = await store.page_loads(session)
    load = next((one for one in loads if one.id == page_load), None)
    if load is None:
        return None
    own = [ref for ref in await store.chunks(session) if ref.page_load == page_load]
    first: Keyframe | KeyframeRef | None = None
    last: Keyframe | KeyframeRef | None = None
    known: Sequence[Keyframe | KeyframeRef] = await _keyframes(store, session, page_load)
    if not known and unsealed is not None:
        known = await unsealed.keyframes(store, session, page_load, own)
    for keyframe in known:
        # In server time, as the answer tells them: who asks for what follows gives it back.
        if load.origin_ms + keyframe.t > at_ms:
            last = keyframe
            break
        first = keyframe
    found = LoadRecording(load.id, load.tab, load.origin_ms)
    if first is not None and not await _begin(store, first, load, found):
        first = None  # without its keyframe the range begins with the document
    begun = found.events
    found.events = []
    wanted = [ref for ref in own if _touches(ref, first, last)]
    await read_chunks(store, wanted, found, Budget(MAX_RANGE_BYTES))
    found.next_seq = max((ref.seq + 1 for ref in own), default=0)
    since = -1.0 if first is None else load.origin_ms + first.t
    until = None if last is None else load.origin_ms + last.t
    found.events = begun + [
        event
        for event in found.events
        if event["timestamp"] > since and (until is None or event["timestamp"] <= until)
    ]
    await finished(store, session, found, whole=first is None, address=address)
    return Range(found, None if first is None else since, until)


async def _keyframes(store: Sealed, session: str, page_load: str) -> list[KeyframeRef]:
    """Return the keyframes of a document; none if they cannot be read, as its chunks then say."""
    try:
        return await store.keyframes(session, page_load)
    except StoreError:
        return []


def _touches(
    ref: ChunkRef, first: Keyframe | KeyframeRef | None, last: Keyframe | KeyframeRef | None
) -> bool:
    return (first is None or ref.info.last_t > first.t) and (
        last is None or ref.info.first_t <= last.t
    )


async def _begin(
    store: Sealed, ref: Keyframe | KeyframeRef, load: PageLoad, found: LoadRecording
) -> bool:
    """Put the events of a keyframe into *found*; False, and a gap is named, if they are damaged."""
    try:
        raw = ref.content if isinstance(ref, Keyframe) else await store.read_keyframe(ref)
        events = await asyncio.to_thread(decode_chunk, raw, IDENTITY)
    except (StoreError, ChunkError) as error:
        at = load.origin_ms + ref.t
        found.gaps.append(Damage("corrupt_keyframe", at, at, str(error)))
        return False
    for event in events:
        event["timestamp"] += load.origin_ms
    found.events = events
    return True
