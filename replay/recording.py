"""
Owns the way from stored chunks to rrweb events with server timestamps.

Chunks are as a stranger's browser sent them: they are inflated within a bound and every
event is checked. What is damaged becomes a gap with a name and a span; the rest plays.
Leaves storage to the store and drawing to the player.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import StoreError
from core.model import ChunkRef, PageLoad
from core.store import RecordStore
from core.wire import GZIP
from replay.shape import FULL_SNAPSHOT, check_event, is_interaction

MAX_CHUNK_BYTES = 64 * 1024 * 1024
"""Most bytes one chunk may inflate to: the largest honest snapshots are near 20 MB."""


@dataclass(frozen=True, slots=True)
class Damage:
    """
    A span of the recording that cannot be shown. Times are server time, milliseconds.

    *kind* is corrupt_chunk, malformed_event or no_snapshot.
    """

    kind: str
    at_ms: float
    until_ms: float
    reason: str
    seq: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "kind": self.kind,
            "at": self.at_ms,
            "until": self.until_ms,
            "reason": self.reason,
            "seq": self.seq,
        }


@dataclass(slots=True)
class LoadRecording:
    """The recording of one document. *next_seq* is the first seq that was not looked at."""

    page_load: str
    tab: str
    origin_ms: float
    events: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[Damage] = field(default_factory=list)
    next_seq: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "page_load": self.page_load,
            "tab": self.tab,
            "events": self.events,
            "gaps": [gap.as_dict() for gap in self.gaps],
        }


class ChunkError(ValueError):
    """A chunk is no gzip or JSON array, or too large. The text says which."""


async def recording(store: RecordStore, session: str) -> list[dict[str, Any]]:
    """
    Return the whole recording of *session*, one entry per document, in order of time.

    Each is {"page_load", "tab", "events", "gaps"}; the events are rrweb's with `timestamp`
    in server milliseconds. A damaged chunk or event is in "gaps" and left out of "events".
    """
    loads = await store.page_loads(session)
    refs = await store.chunks(session)
    return [(await _read_load(store, load, refs)).as_dict() for load in loads]


async def load_recording(
    store: RecordStore, session: str, page_load: str, *, from_seq: int = 0
) -> LoadRecording | None:
    """
    Return the recording of one document from chunk *from_seq* on; None if there is no such document.

    Asked again with the `next_seq` of the answer before, it returns only what came since.
    """
    loads = await store.page_loads(session)
    load = next((one for one in loads if one.id == page_load), None)
    if load is None:
        return None
    return await _read_load(store, load, await store.chunks(session), from_seq=from_seq)


async def activity(store: RecordStore, session: str) -> list[float]:
    """Return the server times (ms) of what the visitor's hand did, ascending."""
    moments: list[float] = []
    refs = await store.chunks(session)
    for load in await store.page_loads(session):
        read = await _read_load(store, load, refs)
        moments.extend(event["timestamp"] for event in read.events if is_interaction(event))
    return sorted(moments)


async def _read_load(
    store: RecordStore, load: PageLoad, refs: Sequence[ChunkRef], *, from_seq: int = 0
) -> LoadRecording:
    """Read the chunks of *load* one after the other, so that one is in memory twice at most."""
    found = LoadRecording(load.id, load.tab, load.origin_ms, next_seq=from_seq)
    for ref in refs:
        if ref.page_load != load.id or ref.seq < from_seq:
            continue
        await _read_chunk(store, ref, found)
        found.next_seq = max(found.next_seq, ref.seq + 1)
    found.events.sort(key=lambda event: float(event["timestamp"]))  # stable: rrweb's order stays
    if from_seq == 0 and found.events:
        _note_missing_snapshot(found)
    return found


async def _read_chunk(store: RecordStore, ref: ChunkRef, found: LoadRecording) -> None:
    try:
        raw = await store.read_chunk(ref)
        events = await asyncio.to_thread(decode_chunk, raw, ref.info.encoding)
    except (StoreError, ChunkError) as error:
        at, until = found.origin_ms + ref.info.first_t, found.origin_ms + ref.info.last_t
        found.gaps.append(Damage("corrupt_chunk", at, max(at, until), str(error), ref.seq))
        return
    await asyncio.to_thread(_take_events, events, ref, found)


def _take_events(events: Iterable[Any], ref: ChunkRef, found: LoadRecording) -> None:
    """Move the playable ones of *events* to server time; name the others as gaps."""
    last_t = ref.info.first_t
    for number, event in enumerate(events):
        reason = check_event(event)
        if reason is None:
            last_t = event["timestamp"]
            found.events.append({**event, "timestamp": found.origin_ms + last_t})
            continue
        at = found.origin_ms + last_t  # a broken event's own time is not to be trusted
        reason = f"event {number} of chunk {ref.seq} {reason}"
        found.gaps.append(Damage("malformed_event", at, at, reason, ref.seq))


def _note_missing_snapshot(found: LoadRecording) -> None:
    """Changes before the first full snapshot have nothing to be applied to: name that span."""
    first = found.events[0]["timestamp"]
    snapshot = next((e for e in found.events if e["type"] == FULL_SNAPSHOT), None)
    until = found.events[-1]["timestamp"] if snapshot is None else snapshot["timestamp"]
    changes = any(
        event["type"] == 3 and event["timestamp"] < until for event in found.events[:50]
    )  # Meta, Load and DomContentLoaded come first in honest recordings too
    if snapshot is None or changes:
        found.gaps.append(Damage("no_snapshot", first, until, "no full snapshot arrived"))


def decode_chunk(raw: bytes, encoding: int, *, max_bytes: int = MAX_CHUNK_BYTES) -> list[Any]:
    """
    Return the JSON array in *raw*, inflating at most *max_bytes*.

    Raise ChunkError if it is larger, cut off, or no array.
    """
    if encoding == GZIP:
        inflater = zlib.decompressobj(wbits=31)
        try:
            raw = inflater.decompress(raw, max_bytes + 1)
        except zlib.error as error:
            raise ChunkError(f"the chunk is not valid gzip: {error}") from None
        if len(raw) <= max_bytes and not inflater.eof:
            raise ChunkError("the chunk's gzip is cut off")
    if len(raw) > max_bytes:
        raise ChunkError(f"the chunk has more than {max_bytes} bytes")
    try:
        events = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ChunkError(f"the chunk is no JSON: {error}") from None
    if not isinstance(events, list):
        raise ChunkError("the chunk is no array of events")
    return events
