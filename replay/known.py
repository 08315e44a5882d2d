"""
Owns what is known of a session beside its picture, read at once, and the span of it that is meant.

Leaves reading recordings to recording.py. A span is given by offsets from the session's start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.errors import UserError
from core.model import Event, Flag, Session, StoredBatch
from core.readers import Note, ReaderStore
from core.store import AssetStore, RecordStore, SealStore, VerdictStore
from replay.hands import noted_gaps
from replay.timeline import GapSpan, Timeline, build_timeline

_OFFSET = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,9})(?:[.,](\d{1,3}))?")


class KnownStore(RecordStore, VerdictStore, AssetStore, SealStore, ReaderStore, Protocol):
    """The parts of a store that hold something of a session."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a session, from and until so many milliseconds after its start; None: its end."""

    from_ms: float | None = None
    until_ms: float | None = None

    @property
    def whole(self) -> bool:
        """Say whether nothing is cut off."""
        return self.from_ms is None and self.until_ms is None


WHOLE = Span()


@dataclass(frozen=True, slots=True)
class Known:
    """
    A session with its events in order of time, flags and notes, as far as they are in the span.

    *damages* is what of the recording cannot be played, as sealing noted it: of all the session.
    """

    session: Session
    timeline: Timeline
    events: tuple[Event, ...]
    flags: tuple[Flag, ...]
    notes: tuple[Note, ...]
    damages: tuple[GapSpan, ...]
    from_ms: float  # server time
    until_ms: float
    whole: bool

    @property
    def gaps(self) -> tuple[GapSpan, ...]:
        """All that is missing of the session, in what was sent and in what can be played of it."""
        return (*self.timeline.gaps, *self.damages)


def parse_span(from_: str | None, until: str | None) -> Span:
    """
    Return the span that two offsets name, each empty or like 0:45, 1:02:03, 12.5 (seconds).

    Raise UserError if one is none, or nothing is between them.
    """
    span = Span(_offset(from_), _offset(until))
    if span.until_ms is not None and span.until_ms <= (span.from_ms or 0):
        raise UserError(f"until {until} is not after from {from_ or '0:00'}")
    return span


def _offset(text: str | None) -> float | None:
    if text is None or not text.strip():
        return None
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        raise UserError(f"'{text[:40]}' is no time in a session; write 0:45, 1:02:03 or 12.5")
    hours, minutes, seconds, part = found.groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return whole * 1000 + float(f"0.{part or 0}") * 1000


async def known_of(store: KnownStore, session: Session, span: Span = WHOLE) -> Known:
    """Return what is known of *session* within *span*."""
    batches, timeline = await _read(store, session)
    start, end = timeline.start_ms, timeline.end_ms
    first = start if span.from_ms is None else min(start + span.from_ms, end)
    last = end if span.until_ms is None else min(start + span.until_ms, end)
    return await _known(store, session, batches, timeline, first, last)


async def known_between(
    store: KnownStore, session: Session, from_ms: float, until_ms: float
) -> Known | None:
    """Return what is known of *session* between two moments of server time; None if it was not there then."""
    batches, timeline = await _read(store, session)
    first, last = max(timeline.start_ms, from_ms), min(timeline.end_ms, until_ms)
    if first > last:
        return None
    return await _known(store, session, batches, timeline, first, last)


async def _read(store: KnownStore, session: Session) -> tuple[list[StoredBatch], Timeline]:
    batches = await store.batches(session.id)
    timeline = build_timeline(
        session,
        batches,
        await store.page_loads(session.id),
        await store.chunks(session.id),
        await store.gaps(session.id),
    )
    return batches, timeline


async def _known(
    store: KnownStore,
    session: Session,
    batches: Sequence[StoredBatch],
    timeline: Timeline,
    first: float,
    last: float,
) -> Known:
    events = sorted(
        (e for batch in batches for e in batch.events if first <= e["ts"] <= last),
        key=lambda event: float(event["ts"]),
    )
    whole = first <= timeline.start_ms and last >= timeline.end_ms
    flags = [
        flag if whole else _within(flag, first, last)
        for flag in await store.flags(session.id)
        if flag.first_ms <= last and flag.until_ms >= first
    ]
    notes = await store.notes(session.id)
    return Known(
        session=session,
        timeline=timeline,
        events=tuple(events),
        flags=tuple(sorted(flags, key=lambda flag: (flag.until_ms, flag.first_ms, flag.id))),
        notes=tuple(note for note in notes if first <= note.at_ms <= last),
        damages=tuple(
            GapSpan(one.kind, one.at_ms, one.until_ms, load, one.reason)
            for load, one in await noted_gaps(store, session.id)
        ),
        from_ms=first,
        until_ms=last,
        whole=whole,
    )


def _within(flag: Flag, first: float, last: float) -> Flag:
    """Return *flag* as far as it is in the span."""
    return replace(
        flag,
        at_ms=min(max(flag.at_ms, first), last),
        first_ms=max(flag.first_ms, first),
        until_ms=min(flag.until_ms, last),
        evidence=tuple(one for one in flag.evidence if first <= one.at_ms <= last),
    )
