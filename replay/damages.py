"""
Gathers what of a session cannot be played, while it is sealed: so that a page that is opened can name
it at once, and not when the part with it is read.

Told are the same gaps, with the same times, that reading tells (recording.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.model import ChunkRef
from replay.recording import Damage, LoadRecording, missing_snapshot, take_chunk, take_events
from replay.shape import FULL_SNAPSHOT

_LOOKED_AT = 50
"""Events at a document's beginning of which recording.py asks whether one changed a page that was not there yet."""


@dataclass(slots=True)
class _Load:
    gaps: list[Damage] = field(default_factory=list)
    begin: list[dict[str, Any]] = field(default_factory=list)  # up to its first snapshot
    last: dict[str, Any] | None = None


class Damages:
    """Takes the chunks of a session, document by document. Times are those of the document."""

    def __init__(self) -> None:
        self._loads: dict[str, _Load] = {}

    def follow(self, ref: ChunkRef, events: Sequence[Any], *, sound: bool) -> None:
        """Take the *events* of the chunk *ref*; *sound*: all of them can be played."""
        found = LoadRecording(ref.page_load, "", 0.0)
        load = self._load(ref)
        if not sound:
            take_events(events, ref, found)
            load.gaps += found.gaps
            events = found.events
        self._note(load, events)

    def keep(self, ref: ChunkRef, raw: bytes) -> None:
        """Take a chunk that was not read for sealing."""
        found = LoadRecording(ref.page_load, "", 0.0)
        take_chunk(raw, ref, found)
        load = self._load(ref)
        load.gaps += found.gaps
        self._note(load, found.events)

    def _load(self, ref: ChunkRef) -> _Load:
        return self._loads.setdefault(ref.page_load, _Load())

    def _note(self, load: _Load, events: Sequence[dict[str, Any]]) -> None:
        if not events:
            return
        load.last = events[-1]
        if not any(event["type"] == FULL_SNAPSHOT for event in load.begin):
            first = next(
                (n for n, e in enumerate(events) if e["type"] == FULL_SNAPSHOT), _LOOKED_AT
            )
            load.begin += ({"type": e["type"], "timestamp": e["timestamp"]} for e in events[: first + 1])  # fmt: skip

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """Return the gaps by document, as JSON has them."""
        return {name: found for name, load in self._loads.items() if (found := _told(load))}


def _told(load: _Load) -> list[dict[str, Any]]:
    if load.last is not None:
        events = sorted((*load.begin, load.last), key=lambda event: float(event["timestamp"]))
        if (gap := missing_snapshot(events)) is not None:
            return [one.as_dict() for one in (*load.gaps, gap)]
    return [gap.as_dict() for gap in load.gaps]


def moved(told: dict[str, Any], origin_ms: float) -> Damage:
    """Return the gap that *told* says, in server time."""
    gap = Damage(told["kind"], told["at"], told["until"], told["reason"], told["seq"])
    return replace(gap, at_ms=origin_ms + gap.at_ms, until_ms=origin_ms + gap.until_ms)
