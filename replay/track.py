"""
Owns when a document gets a keyframe: follows its events on a mirror, and makes those that are due.

Pure. Keyframes bound what a seek has to read and draw; where they are put is sealing.py's, parts.py's and
unsealed.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.model import ChunkRef
from core.sealed import Keyframe
from replay import deep
from replay.keyframe import keyframe
from replay.mirror import Mirror, MirrorFull
from replay.shape import FULL_SNAPSHOT, check_event

KEYFRAME_EVENTS = 500
KEYFRAME_MS = 120_000
"""A keyframe after so many events or so long, whichever comes first: that bounds a seek."""

FEW_EVENTS = 50
"""Below them a keyframe saves no seek anything, however long it was quiet."""

KEYFRAME_SHARE = 4
"""A keyframe is made once what came since the last page is a quarter of it: to read less is no gain."""


class Track:
    """Follows a document's events, and makes keyframes."""

    def __init__(self, page_load: str) -> None:
        self._page_load = page_load
        self._mirror = Mirror()
        self._last_t = 0.0
        self._since = 0  # events since the last full snapshot or keyframe
        self._since_t = 0.0
        self._since_bytes = 0
        self._page_bytes = 0

    def lose(self) -> None:
        """Forget the page: events are missing."""
        self._mirror = Mirror()

    def follow(self, events: list[Any], size: int) -> Iterable[Keyframe]:
        """Apply *events*, all of one chunk of *size* bytes; give the keyframes that are due on the way."""
        for event in events:
            if check_event(event) is not None:
                continue  # left out when it is read, too
            made = self.take(event, size // len(events))
            if made is not None:
                yield made

    def take(self, event: dict[str, Any], size: int) -> Keyframe | None:
        """Apply a checked *event* of *size* bytes; return the keyframe that is due before it."""
        made = None
        t = float(event["timestamp"])
        if t < self._last_t:
            self.lose()  # the reader sorts by time: what is mirrored here is another order
        elif t > self._last_t and self._due():
            made = self._make()
        self._last_t = max(t, self._last_t)
        self._apply(event, size)
        return made

    def _apply(self, event: dict[str, Any], size: int) -> None:
        try:
            self._mirror.apply(event)
        except MirrorFull:
            self.lose()
        if is_snapshot(event):
            self._restart(len(deep.dumps(event)))
        else:
            self._since += 1
            self._since_bytes += size

    def _due(self) -> bool:
        many = self._since >= KEYFRAME_EVENTS
        long = self._last_t - self._since_t >= KEYFRAME_MS and self._since >= FEW_EVENTS
        return (many or long) and self._since_bytes * KEYFRAME_SHARE >= self._page_bytes

    def _make(self) -> Keyframe | None:
        content = keyframe(self._mirror, self._last_t)
        if content is None:
            self._restart(self._page_bytes)  # to try at each event would take long
            return None
        self._restart(len(content))
        return Keyframe(self._page_load, self._last_t, content)

    def _restart(self, size: int) -> None:
        self._since, self._since_bytes = 0, 0
        self._since_t = self._last_t
        self._page_bytes = size


def is_long(refs: Sequence[ChunkRef]) -> bool:
    """Say whether a document with *refs* may want a keyframe."""
    events = sum(ref.info.count for ref in refs)
    times = [t for ref in refs for t in (ref.info.first_t, ref.info.last_t)]
    span = max(times, default=0) - min(times, default=0)
    return is_worth(events, span)


def is_worth(events: int, span_ms: float) -> bool:
    """Say whether a document of so many *events* in *span_ms* may want a keyframe."""
    return events >= KEYFRAME_EVENTS or (events >= FEW_EVENTS and span_ms >= KEYFRAME_MS)


def is_snapshot(event: Any) -> bool:
    return isinstance(event, dict) and event.get("type") == FULL_SNAPSHOT
