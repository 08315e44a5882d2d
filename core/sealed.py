"""
A finished session's recording as one object: what is written, and where its parts lie.

An object is a row of frames. A frame holds chunks, keyframes or what was noted of all and is compressed as one; the frame
that is its *base* is known to the decompressor, so that what repeats costs little, and a reader that
wants one part reads its frame and the bases alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.model import ChunkRef


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """
    The recording of one batch. *encoding* is that of *content* (core/wire.py).

    *span*: times (ms) of its first and last event, where they were read; what the batch's head said of
    them counts no longer then.
    """

    page_load: str
    seq: int
    content: bytes
    encoding: int
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Keyframe:
    """
    Events, as JSON, that rebuild the page as all events up to and at *t* left it.

    *t* is on the page load's monotonic clock, milliseconds; no later event has the same time.
    """

    page_load: str
    t: float
    content: bytes


@dataclass(frozen=True, slots=True)
class Activity:
    """When the visitor's hand did something in the session, as whoever seals it writes that down."""

    content: bytes


SealedPart = SealedChunk | Keyframe | Activity
"""What an object is made of; at most one of its parts is an Activity."""

STOCK = -1
"""As a frame's base: the site's stock, which many sessions rest on (replay/stock.py)."""


@dataclass(frozen=True, slots=True)
class StockRef:
    """The stock of *site* with the hash *name*."""

    site: str
    name: str


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """Parts that are compressed together; *base* is the number of an earlier frame, or STOCK."""

    parts: tuple[SealedPart, ...]
    base: int | None = None

    @property
    def content(self) -> bytes:
        """Return what is compressed."""
        return b"".join(part.content for part in self.parts)


@dataclass(frozen=True, slots=True)
class Sealed:
    """
    What a session is sealed as. *chunks* are those it was made of, all of the session.

    *assets* are hashes that stand for style texts in the frames, *stock* is what frames with the base
    STOCK rest on.
    """

    session: str
    site: str
    chunks: tuple[ChunkRef, ...]
    frames: tuple[SealedFrame, ...]
    assets: tuple[str, ...] = ()
    stock: StockRef | None = None


@dataclass(frozen=True, slots=True)
class KeyframeRef:
    """Where a keyframe lies."""

    session: str
    page_load: str
    t: float
    name: str
    frame: int
    offset: int
    length: int
    crc32: int
