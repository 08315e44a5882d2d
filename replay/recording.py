"""
Owns the way from stored chunks to rrweb events with server timestamps.

Chunks are as a stranger's browser sent them: they are inflated and read within bounds, in a
thread, and every event is checked. What is damaged or too much becomes a gap with a name and
a span; the rest plays. Leaves storage to the store and drawing to the player.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from core.errors import StoreError
from core.model import ChunkRef, PageLoad
from core.store import AssetStore, RecordStore
from core.wire import GZIP
from replay import deep
from replay.assets import Address, named_in, put_back, redirect
from replay.ids import put_ids_back
from replay.moves import put_positions_back
from replay.shape import FULL_SNAPSHOT, check_event

MAX_CHUNK_BYTES = 64 * 1024 * 1024
"""Most bytes one chunk may inflate to: the largest honest snapshots are near 20 MB."""

MAX_LOAD_BYTES = 128 * 1024 * 1024
"""Most bytes that the chunks of one document may inflate to before the rest is left out."""

MAX_SESSION_BYTES = 256 * 1024 * 1024
"""The same for a whole session that is read at once."""

MAX_CHUNK_EVENTS = 100_000
"""Most events of one chunk: a browser that sends every few seconds has some hundreds."""

MAX_CHUNK_VALUES = 4_000_000
"""Most JSON values of one chunk: each costs far more memory than the two bytes that write it."""

MAX_CHUNK_DAMAGES = 100
"""Most gaps that the malformed events of one chunk are told as."""


@dataclass(slots=True)
class Budget:
    """Bytes that may still be inflated."""

    left: int


@dataclass(frozen=True, slots=True)
class Damage:
    """
    A span of the recording that cannot be shown. Times are server time, milliseconds.

    *kind* is corrupt_chunk, malformed_event, missing_asset, too_large or no_snapshot.
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


class Recorded(RecordStore, AssetStore, Protocol):
    """Where recordings are, and what they name."""


async def recordings(store: Recorded, session: str) -> AsyncIterator[LoadRecording]:
    """
    Give the whole recording of *session*, one document after the other, in order of time.

    The events are rrweb's with `timestamp` in server milliseconds. What is damaged or beyond
    MAX_LOAD_BYTES and MAX_SESSION_BYTES is in `gaps` and left out of `events`.
    """
    refs = await store.chunks(session)
    budget = Budget(MAX_SESSION_BYTES)
    for load in await store.page_loads(session):
        yield await _read_load(store, load, refs, budget)


async def load_recording(
    store: Recorded,
    session: str,
    page_load: str,
    *,
    from_seq: int = 0,
    address: Address | None = None,
) -> LoadRecording | None:
    """
    Return the recording of one document from chunk *from_seq* on; None if there is no such document.

    Asked again with the `next_seq` of the answer before, it returns only what came since. Fonts and
    pictures that are kept are referred to at their *address*; without one the page's URLs stay.
    """
    loads = await store.page_loads(session)
    load = next((one for one in loads if one.id == page_load), None)
    if load is None:
        return None
    refs = await store.chunks(session)
    return await _read_load(
        store, load, refs, Budget(MAX_SESSION_BYTES), from_seq=from_seq, address=address
    )


async def _read_load(
    store: Recorded,
    load: PageLoad,
    refs: Sequence[ChunkRef],
    session: Budget,
    *,
    from_seq: int = 0,
    address: Address | None = None,
) -> LoadRecording:
    """Read the chunks of *load* one after the other, so that one is in memory twice at most."""
    found = LoadRecording(load.id, load.tab, load.origin_ms, next_seq=from_seq)
    own = Budget(min(MAX_LOAD_BYTES, session.left))
    before = own.left
    wanted = [ref for ref in refs if ref.page_load == load.id and ref.seq >= from_seq]
    await read_chunks(store, wanted, found, own)
    session.left -= before - own.left
    await finished(store, load.session, found, whole=from_seq == 0, address=address)
    return found


async def read_chunks(
    store: RecordStore, refs: Sequence[ChunkRef], found: LoadRecording, budget: Budget
) -> None:
    """Read *refs* into *found*, in order of time; what is damaged or beyond *budget* becomes a gap."""
    for ref in refs:
        await _read_chunk(store, ref, found, budget)
        found.next_seq = max(found.next_seq, ref.seq + 1)
    await asyncio.to_thread(_sort, found)


async def finished(
    store: Recorded,
    session: str,
    found: LoadRecording,
    *,
    whole: bool,
    address: Address | None = None,
) -> None:
    """Put back what *found* names by hash; if it is a *whole* document, name a missing snapshot."""
    if whole and found.events:
        await asyncio.to_thread(_note_missing_snapshot, found)
    await _put_assets_back(store, session, found, address)


async def _put_assets_back(
    store: Recorded, session: str, found: LoadRecording, address: Address | None
) -> None:
    """Put back what the events name by its hash; what is missing is a gap, neighbours as one."""
    named = await asyncio.to_thread(named_in, found.events)
    if named.texts:
        owner = await store.session(session)
        await put_back(store, owner.site if owner else "", named)
    if address is not None:
        await asyncio.to_thread(redirect, found.events, named, address)
    if named.missing:
        times = [at_ms for _, at_ms in named.missing]
        names = ", ".join(sorted({name for name, _ in named.missing})[:5])
        reason = f"{len(times)} style sheets are not kept any more: {names}"
        found.gaps.append(Damage("missing_asset", min(times), max(times), reason))


def _sort(found: LoadRecording) -> None:
    found.events.sort(key=lambda event: float(event["timestamp"]))  # stable: rrweb's order stays


async def _read_chunk(
    store: RecordStore, ref: ChunkRef, found: LoadRecording, budget: Budget
) -> None:
    if budget.left <= 0:
        _leave_out(ref, found)
        return
    try:
        raw = await store.read_chunk(ref)
    except StoreError as error:
        _corrupt(ref, found, error)
        return
    await asyncio.to_thread(take_chunk, raw, ref, found, budget)


def _corrupt(ref: ChunkRef, found: LoadRecording, error: Exception) -> None:
    at, until = _span(ref, found)
    found.gaps.append(Damage("corrupt_chunk", at, until, str(error), ref.seq))


def take_chunk(
    raw: bytes, ref: ChunkRef, found: LoadRecording, budget: Budget | None = None
) -> None:
    """Read the chunk *ref* into *found*; what is damaged or beyond *budget* becomes a gap."""
    try:
        _take_chunk(raw, ref, found, budget or Budget(MAX_CHUNK_BYTES))
    except ChunkError as error:
        _corrupt(ref, found, error)


def _take_chunk(raw: bytes, ref: ChunkRef, found: LoadRecording, budget: Budget) -> None:
    events = decode_chunk(raw, ref.info.encoding, budget=budget)
    if budget.left < 0:
        _leave_out(ref, found)
        return
    if len(events) != ref.info.count:
        raise ChunkError(f"the chunk has {len(events)} events, {ref.info.count} were announced")
    take_events(events, ref, found)


def _leave_out(ref: ChunkRef, found: LoadRecording) -> None:
    """Name the chunk *ref* as part of the one gap that stands for all that is too much."""
    at, until = _span(ref, found)
    last = found.gaps[-1] if found.gaps else None
    if last is not None and last.kind == "too_large":
        found.gaps[-1] = replace(
            last, at_ms=min(last.at_ms, at), until_ms=max(last.until_ms, until)
        )
        return
    reason = f"more than {MAX_LOAD_BYTES} bytes of this document, or {MAX_SESSION_BYTES} of all"
    found.gaps.append(Damage("too_large", at, until, reason, ref.seq))


def _span(ref: ChunkRef, found: LoadRecording) -> tuple[float, float]:
    at, until = found.origin_ms + ref.info.first_t, found.origin_ms + ref.info.last_t
    return at, max(at, until)


def take_events(events: Sequence[Any], ref: ChunkRef, found: LoadRecording) -> None:
    """Move the playable ones of *events* to server time; name the others, neighbours as one gap."""
    last_t = ref.info.first_t
    damages: list[Damage] = []
    first = last = -2  # of the run of malformed events that the last damage tells of
    for number, event in enumerate(events):
        reason = check_event(event)
        if reason is None:
            last_t = event["timestamp"]
            found.events.append({**event, "timestamp": found.origin_ms + last_t})
            continue
        at = found.origin_ms + last_t  # a broken event's own time is not to be trusted
        if damages and (number == last + 1 or len(damages) == MAX_CHUNK_DAMAGES):
            told = f"events {first} to {number} of chunk {ref.seq} cannot be played"
            damages[-1] = replace(damages[-1], until_ms=max(damages[-1].at_ms, at), reason=told)
        else:
            first = number
            told = f"event {number} of chunk {ref.seq} {reason}"
            damages.append(Damage("malformed_event", at, at, told, ref.seq))
        last = number
    found.gaps.extend(damages)


def _note_missing_snapshot(found: LoadRecording) -> None:
    if (gap := missing_snapshot(found.events)) is not None:
        found.gaps.append(gap)


def missing_snapshot(events: Sequence[dict[str, Any]]) -> Damage | None:
    """Return the span of a document's *events* in which changes have nothing to be applied to, if there is one."""
    first = events[0]["timestamp"]
    snapshot = next((e for e in events if e["type"] == FULL_SNAPSHOT), None)
    until = events[-1]["timestamp"] if snapshot is None else snapshot["timestamp"]
    changes = any(
        event["type"] == 3 and event["timestamp"] < until for event in events[:50]
    )  # Meta, Load and DomContentLoaded come first in honest recordings too
    if snapshot is None or changes:
        return Damage("no_snapshot", first, until, "no full snapshot arrived")
    return None


def decode_chunk(
    raw: bytes, encoding: int, *, max_bytes: int = MAX_CHUNK_BYTES, budget: Budget | None = None
) -> list[Any]:
    """
    Return the rrweb events in *raw*, inflating at most *max_bytes*, which *budget* pays for.

    Raise ChunkError if it is larger, cut off, no array, or has too much in it. If the budget
    does not reach, it is below zero afterwards, and the array empty.
    """
    raw, whole = _inflate(raw, max_bytes) if encoding == GZIP else (raw, True)
    if budget is not None:
        budget.left -= len(raw)
        if budget.left < 0:
            return []
    if len(raw) > max_bytes:
        raise ChunkError(f"the chunk has more than {max_bytes} bytes")
    if not whole:
        raise ChunkError("the chunk's gzip is cut off")
    if deep.values_in(raw) > MAX_CHUNK_VALUES:
        raise ChunkError(f"the chunk has more than {MAX_CHUNK_VALUES} values")
    try:
        events = deep.loads(raw)
    except ValueError as error:
        raise ChunkError(f"the chunk is no JSON: {error}") from None
    if not isinstance(events, list):
        raise ChunkError("the chunk is no array of events")
    if len(events) > MAX_CHUNK_EVENTS:
        raise ChunkError(f"the chunk has more than {MAX_CHUNK_EVENTS} events")
    put_ids_back(events)
    put_positions_back(events)
    return events


def _inflate(raw: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Return at most one byte more than *max_bytes* of what gzip *raw* holds, and if it is whole."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(raw, max_bytes + 1)
    except zlib.error as error:
        raise ChunkError(f"the chunk is not valid gzip: {error}") from None
    return inflated, inflater.eof
