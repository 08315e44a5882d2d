"""
Cuts a document's whole recording into parts that begin with keyframes, as ranges.py reads them of what is sealed.

Pure: the same recording gives the same parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.wire import IDENTITY
from replay import deep
from replay.recording import LoadRecording, decode_chunk
from replay.track import Track, is_worth


@dataclass(slots=True)
class Part:
    """
    What shows moments from *from_ms* until *until_ms* (server time); None: to the document's end.

    The events at *from_ms* are those of its keyframe; all others are later.
    """

    from_ms: float | None
    until_ms: float | None = None
    events: list[dict[str, Any]] = field(default_factory=list)


def parts(read: LoadRecording) -> Iterator[Part]:
    """Give the parts of *read*, in order; one if it is short."""
    part = Part(None)
    events = read.events
    if not events or not is_worth(len(events), events[-1]["timestamp"] - events[0]["timestamp"]):
        part.events = events
        yield part
        return
    track = Track(read.page_load)
    size = sum(len(deep.dumps(event)) for event in events) // len(events)
    for event in events:
        made = track.take(event, size)
        if made is not None:
            part.until_ms = made.t
            yield part
            part = Part(made.t, None, decode_chunk(made.content, IDENTITY))
        part.events.append(event)
    yield part
