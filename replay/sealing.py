"""
Makes one object of a finished session's chunks: style texts by their hashes, strangers' secrets
masked again, keyframes where a page runs long, frames that rest on one another.

Pure; what is stored, and where, is the store's. Chunks that cannot be read are kept as they came:
reading names what is wrong with them.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from core.model import ChunkRef, PageLoad, asset_hash
from core.places import Place, style_places
from core.sealed import STOCK, Activity, Keyframe, SealedChunk, SealedFrame, SealedPart
from core.wire import GZIP, IDENTITY
from replay import deep
from replay.hands import Hands
from replay.ids import put_ids_back
from replay.moves import packed, put_positions_back
from replay.recording import MAX_CHUNK_EVENTS, MAX_CHUNK_VALUES
from replay.shape import INCREMENTAL, INTERACTIONS, MAX_T_MS
from replay.track import Track, is_long, is_snapshot

FRAME_BYTES = 1024 * 1024
"""Content of a frame of chunks: what a seek inflates beside its keyframe, in some milliseconds."""

MOST_CHAINED = 8
"""Keyframes that rest on one another: a seek inflates all of them up to its own."""

MAX_CHUNK_BYTES = 16 * 1024 * 1024
"""Largest chunk that is read here; a larger one is kept as it came."""

MAX_BYTES = 64 * 1024 * 1024
"""Most bytes of a session that are read, and most of keyframes: the rest is kept as it came."""

SHORTEST, LONGEST = 1_000, 1_000_000
"""Characters of a style text that is kept apart, as collector/sheets.py has them."""

_SHEET = re.compile(
    rb'"(?:_cssText|rule|rules|replace|replaceSync)":"(?:[^"\\]|\\.){%d}' % SHORTEST
)
"""A long style text in JSON; in the place of most stands a hash. No character has fewer bytes than one."""

MOST_SHEETS = 500
"""Style texts of one chunk that are looked for; the store looks at no more hashes at once."""

Scrub = Callable[[list[Any], bytes], Counter[str]]
"""Masks what is left of secrets in events, whose JSON it is given too; returns how many there were, by place."""


@dataclass(slots=True)
class Opened:
    """A chunk that was read. *sheets* are its long style texts, by hash."""

    ref: ChunkRef
    events: list[Any]
    sheets: dict[str, list[Place]] = field(default_factory=dict)


class Sealer:
    """
    Takes the chunks of one session in order, document by document.

    *stocked*: its site has a stock for pages to rest on. *pages* are the chunks that hold one.
    """

    def __init__(self, scrub: Scrub | None = None, *, stocked: bool = False) -> None:
        self.pages: list[bytes] = []
        self.assets: set[str] = set()
        self.hits: Counter[str] = Counter()
        self._scrub = scrub
        self._left = MAX_BYTES
        self._layout = _Layout(STOCK if stocked else None)
        self._track: Track | None = None
        self._hands = Hands()

    def begin(self, load: PageLoad, refs: Iterable[ChunkRef]) -> None:
        """Begin with the document *load*, whose chunks are *refs*."""
        self._layout.close_load()
        self._track = Track(load.id) if is_long(list(refs)) else None

    def work(self, waiting: deque[tuple[ChunkRef, bytes]]) -> Opened | None:
        """
        Take chunks off *waiting*, the first one first, until none is left: None.

        Or until one has style texts of which somebody must say whether they are held; it is returned.
        """
        while waiting:
            ref, raw = waiting.popleft()
            opened = self.open(ref, raw)
            if opened is None:
                self.keep(ref, raw)
            elif opened.sheets:
                return opened
            else:
                self.take(opened, ())
        return None

    def open(self, ref: ChunkRef, raw: bytes) -> Opened | None:
        """Read a chunk; None if it is to be kept as it came."""
        plain = _plain(raw, ref.info.encoding, min(MAX_CHUNK_BYTES, self._left))
        if plain is None or deep.values_in(plain) > MAX_CHUNK_VALUES:
            return None
        self._left -= len(plain)
        try:
            events = deep.loads(plain)
        except ValueError:
            return None
        if not isinstance(events, list) or not ref.info.count == len(events) <= MAX_CHUNK_EVENTS:
            return None
        put_positions_back(events)  # it was sealed before
        return Opened(ref, events, _sheets(events) if _SHEET.search(plain) else {})

    def keep(self, ref: ChunkRef, raw: bytes) -> None:
        """Take a chunk as it came. What follows cannot be mirrored before the next full snapshot."""
        self._hands.keep(ref, raw)
        if self._track is not None:
            self._track.lose()
        self._layout.chunk(SealedChunk(ref.page_load, ref.seq, raw, ref.info.encoding), False)

    def take(self, opened: Opened, held: Iterable[str]) -> None:
        """Take a chunk that was read; of its style texts those that are *held* go by their hashes."""
        for name in held:
            for holder, key in opened.sheets.get(name, ()):
                holder[key] = {"sha256": name}
                self.assets.add(name)
        events = packed(opened.events)
        content = deep.dumps(events)
        if self._scrub is not None and (hits := self._scrub(events, content)):
            self.hits += hits
            content = deep.dumps(events)
        ref = opened.ref
        part = SealedChunk(ref.page_load, ref.seq, content, IDENTITY, _span(opened.events))
        put_ids_back(opened.events)
        self._hands.follow(ref, opened.events)
        snapshot = any(is_snapshot(event) for event in opened.events)
        self._layout.chunk(part, snapshot)
        if snapshot:
            self.pages.append(content)
        if self._track is not None:
            for made in self._track.follow(opened.events, len(content)):
                if len(made.content) <= self._left:
                    self._left -= len(made.content)
                    self._layout.keyframe(made)

    def frames(self) -> tuple[SealedFrame, ...]:
        """Return all that was taken, and when the visitor was active; nothing if nothing was."""
        self._layout.note(self._hands.told())
        self._layout.close()
        return tuple(self._layout.frames)


class _Layout:
    """
    Which parts go into one frame, and what it rests on.

    Most sessions are one frame: what their pages have in common is in it once, and to inflate all of it
    takes some milliseconds.
    """

    def __init__(self, stock: int | None) -> None:
        self.frames: list[SealedFrame] = []
        self._open: list[SealedPart] = []
        self._bytes = 0
        self._base: int | None = stock  # the frame that holds the last page, or the stock
        self._paged = False  # the open frame holds a page
        self._before: int | None = None  # the frame that holds the keyframe before
        self._chained = 0  # keyframes of the document

    def chunk(self, part: SealedChunk, snapshot: bool) -> None:
        """Take a chunk; *snapshot*: it holds a whole page."""
        self._open.append(part)
        self._bytes += len(part.content)
        self._paged = self._paged or snapshot
        if self._bytes >= FRAME_BYTES:
            self.close()

    def keyframe(self, part: Keyframe) -> None:
        """Put a keyframe into a frame of its own, on the one before: little changes between them."""
        if self._chained % MOST_CHAINED == 0:
            self.close()  # the page that it is a later state of may be in there
        base = self._before if self._chained % MOST_CHAINED else self._base
        self.frames.append(SealedFrame((part,), base))
        self._before = len(self.frames) - 1
        self._chained += 1

    def note(self, part: Activity) -> None:
        """Take what was noted of all that was taken."""
        if self.frames or self._open:
            self._open.append(part)

    def close_load(self) -> None:
        """The document ends."""
        self._chained = 0

    def close(self) -> None:
        """Make a frame of what was taken."""
        if not self._open:
            return
        self.frames.append(SealedFrame(tuple(self._open), self._base))
        if self._paged or self._base is None:
            self._base = len(self.frames) - 1
        self._open, self._bytes, self._paged = [], 0, False


def _span(events: list[Any]) -> tuple[float, float] | None:
    """Return the times of the first and the last of *events*: a head may say anything."""
    known = []
    for event in events:
        t = event.get("timestamp") if isinstance(event, dict) else None
        if isinstance(t, int | float) and 0 <= t <= MAX_T_MS:
            known.append(float(t))
    return (min(known), max(known)) if known else None


def _plain(raw: bytes, encoding: int, most: int) -> bytes | None:
    """Return the JSON in *raw*; None if it is broken or longer than *most*."""
    if encoding == GZIP:
        inflater = zlib.decompressobj(wbits=31)
        try:
            raw = inflater.decompress(raw, max(1, most) + 1)
        except zlib.error:
            return None
        if not inflater.eof:
            return None
    return raw if len(raw) <= most else None


def _is_of_hands(event: dict[str, Any]) -> bool:
    """Say whether *event* is one of the many that hold no style: moves, presses, scrolling, values."""
    data = event.get("data")
    source = data.get("source") if isinstance(data, dict) else None
    return event.get("type") == INCREMENTAL and type(source) is int and source in INTERACTIONS


def _sheets(events: list[Any]) -> dict[str, list[Place]]:
    """Return the long style texts in *events*, by hash, with where they stand."""
    found: dict[str, list[Place]] = {}
    for event in events:
        if not isinstance(event, dict) or _is_of_hands(event):
            continue
        for holder, key in style_places(event):
            text = holder.get(key)
            if not isinstance(text, str) or not SHORTEST <= len(text) <= LONGEST:
                continue
            try:
                name = asset_hash(text.encode())
            except UnicodeEncodeError:
                continue  # half a character: it would come back as another
            if name in found or len(found) < MOST_SHEETS:
                found.setdefault(name, []).append((holder, key))
    return found
