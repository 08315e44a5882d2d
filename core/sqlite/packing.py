"""
The form of a finished session's object: compressed frames, and a head that says where what lies.

    8 bytes  magic
    4 bytes  length of the head, big-endian
    4 bytes  its CRC-32
    head     zstd of JSON:
             stock      [site, hash] or null
             frames     each [compressed length, length, base]: the number of a frame, -1 the stock, or null
             loads      names of page loads
             chunks     columns, in the order in which they lie in the frames: [place in loads, seq, frame,
                        offset, length, encoding, first time, last time]; see _column()
             keyframes  each [page load, time, frame, offset, length, CRC-32]
             activity   [frame, offset, length, CRC-32], if it is there
    frames   zstd with its base's content as raw dictionary

All zstd is without its magic. Pure; files are objects.py's.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import orjson
import zstandard as zstd

from core.errors import StoreError
from core.sealed import (
    STOCK,
    Activity,
    Keyframe,
    SealedChunk,
    SealedFrame,
    SealedPart,
    StockRef,
)

LEVEL = 10
"""The highest at which a usual session still takes some tens of milliseconds (bench/storage.py)."""

LEAD = struct.Struct(">8sII")
MAGIC = b"STOLPER2"
MAGIC_1 = b"STOLPER1"
"""An object whose chunks are rows: [page load, seq, frame, offset, length, CRC-32, encoding, first, last]."""

UNCHECKED = -1
"""The CRC-32 of a chunk that has none of its own: its frame's checksum is over it."""

TICKS = 1000
"""Of a millisecond: browsers tell no finer time."""

_FORMAT = zstd.FORMAT_ZSTD1_MAGICLESS

StockOf = Callable[[StockRef], bytes]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame lies in its file, how long its content is, and what its base is."""

    offset: int
    packed: int
    length: int
    base: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part lies; *span* and *encoding* are a chunk's."""

    frame: int
    offset: int
    length: int
    crc32: int
    encoding: int = 0
    span: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Head:
    """What an object holds: chunks by page load and seq, keyframes by page load, in order of time."""

    stock: StockRef | None
    frames: list[Frame]
    chunks: dict[tuple[str, int], Part] = field(default_factory=dict)
    keyframes: dict[str, list[tuple[float, Part]]] = field(default_factory=dict)
    activity: Part | None = None


def pack(
    frames: Sequence[SealedFrame],
    stock: StockRef | None = None,
    prepared: zstd.ZstdCompressionDict | None = None,
) -> bytes:
    """Return *frames* as the bytes of a file. *prepared* is what *stock* is compressed with."""
    contents = [frame.content for frame in frames]
    uses = Counter(frame.base for frame in frames)
    dictionaries: dict[int, zstd.ZstdCompressionDict] = (
        {} if prepared is None else {STOCK: prepared}
    )
    packed: list[bytes] = []
    for frame, content in zip(frames, contents, strict=True):
        base = frame.base
        if base is not None and base not in dictionaries:
            dictionaries[base] = dictionary(contents[base])
            if uses[base] > 1:
                dictionaries[base].precompute_compress(level=LEVEL)
        known = len(contents[base]) if base is not None and base >= 0 else 0
        packed.append(_pack(content, None if base is None else dictionaries[base], known))
    told = {
        "stock": None if stock is None else [stock.site, stock.name],
        "frames": [
            [len(one), len(content), frame.base]
            for frame, content, one in zip(frames, contents, packed, strict=True)
        ],
        **_places(frames),
    }
    head = _pack(orjson.dumps(told), None, 0)
    return b"".join([LEAD.pack(MAGIC, len(head), zlib.crc32(head)), head, *packed])


def _places(frames: Sequence[SealedFrame]) -> dict[str, Any]:
    chunks: list[tuple[SealedChunk, int, int]] = []
    keyframes: list[Any] = []
    noted: dict[str, Any] = {}
    for number, frame in enumerate(frames):
        offset = 0
        for part in frame.parts:
            if isinstance(part, SealedChunk):
                chunks.append((part, number, offset))
            else:
                place = number, offset, len(part.content), zlib.crc32(part.content)
                if isinstance(part, Keyframe):
                    keyframes.append([part.page_load, part.t, *place])
                else:
                    noted["activity"] = place
            offset += len(part.content)
    loads = {part.page_load: None for part, _, _ in chunks}
    places = {load: place for place, load in enumerate(loads)}
    spans = [part.span or (None, None) for part, _, _ in chunks]
    columns: list[Sequence[float | None]] = [
        [places[part.page_load] for part, _, _ in chunks],
        [part.seq for part, _, _ in chunks],
        [number for _, number, _ in chunks],
        [offset for _, _, offset in chunks],
        [len(part.content) for part, _, _ in chunks],
        [part.encoding for part, _, _ in chunks],
        [first for first, _ in spans],
        [last for _, last in spans],
    ]
    return {
        "loads": [*loads],
        "chunks": [_column(values) for values in columns],
        "keyframes": keyframes,
        **noted,
    }


def _column(values: Sequence[float | None]) -> list[Any]:
    """
    Return *values* as what is small when compressed, behind how they are kept.

    1: differences of whole numbers. TICKS: the same of as many parts of each. 0: as they are.
    """
    for unit in (1, TICKS):
        whole = [None if one is None else round(one * unit) for one in values]
        exact = [one for one in whole if one is not None]
        if len(exact) == len(values) and all(
            one / unit == value for one, value in zip(exact, values, strict=True)
        ):
            return [unit, *(after - before for before, after in pairwise([0, *exact]))]
    return [0, *values]


def _values(column: list[Any]) -> list[Any]:
    unit, *values = column
    if not unit:
        return values
    return [one if unit == 1 else one / unit for one in accumulate(values)]


def is_whole(content: bytes, length: int, crc32: int) -> bool:
    """Say whether *content* is all of a part that has *length* bytes and *crc32*."""
    return len(content) == length and (crc32 == UNCHECKED or zlib.crc32(content) == crc32)


def read_head(lead: bytes, read: Callable[[int], bytes], name: str) -> Head:
    """
    Return the head of the object *name*, which begins with *lead* and goes on with what *read* gives.

    Raise StoreError if it is damaged.
    """
    try:
        magic, length, checksum = LEAD.unpack(lead)
    except struct.error:
        raise StoreError(f"object {name} is cut off") from None
    packed = read(length) if magic in (MAGIC, MAGIC_1) else b""
    if magic not in (MAGIC, MAGIC_1) or zlib.crc32(packed) != checksum:
        raise StoreError(f"object {name} has a damaged head")
    told = orjson.loads(zstd.ZstdDecompressor(format=_FORMAT).decompress(packed))
    head = Head(
        StockRef(*told["stock"]) if told["stock"] else None,
        [],
        activity=Part(*told["activity"]) if "activity" in told else None,
    )
    offset = LEAD.size + length
    for size, content, base in told["frames"]:
        head.frames.append(Frame(offset, size, content, base))
        offset += size
    rows = told["chunks"] if magic == MAGIC_1 else _rows(told)
    for page_load, seq, frame, offset, length, crc32, encoding, *span in rows:
        part = Part(frame, offset, length, crc32, encoding, (span[0], span[1]))
        head.chunks[page_load, seq] = part
    for page_load, t, frame, offset, length, crc32 in sorted(told["keyframes"], key=_time):
        part = Part(frame, offset, length, crc32)
        head.keyframes.setdefault(page_load, []).append((t, part))
    return head


def _rows(told: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Give the chunks of a head as its first form had them."""
    for place, *chunk, encoding, first, last in zip(*map(_values, told["chunks"]), strict=True):
        span = (None if t is None else float(t) for t in (first, last))
        yield told["loads"][place], *chunk, UNCHECKED, encoding, *span


def _time(keyframe: list[Any]) -> float:
    return float(keyframe[1])


def chain(head: Head, number: int, name: str) -> list[int]:
    """Return the frames that are needed for frame *number*, the first base first."""
    if not 0 <= number < len(head.frames):
        raise StoreError(f"object {name} has no frame {number}")
    found = [number]
    while (base := head.frames[found[-1]].base) is not None and base >= 0:
        found.append(base)
    return found[::-1]


def contents(data: bytes, name: str, stock_of: StockOf) -> Iterator[bytes]:
    """Give the content of every frame of an object's file. Raise StoreError if it is damaged."""
    at = LEAD.size

    def read(count: int) -> bytes:
        return data[at : at + count]

    head = read_head(data[: LEAD.size], read, name)
    made: list[bytes] = []
    for frame in head.frames:
        packed = data[frame.offset : frame.offset + frame.packed]
        base = None if frame.base is None or frame.base < 0 else made[frame.base]
        if frame.base == STOCK:
            base = stock_of(rests_on(head, name))
        made.append(unpack(packed, frame.length, base, name))
        yield made[-1]


def frames_of(head: Head, contents: Sequence[bytes]) -> list[SealedFrame]:
    """Return what an object was packed of, given the content of its frames: to be packed anew."""
    parts: list[list[tuple[int, SealedPart]]] = [[] for _ in head.frames]

    def cut(one: Part) -> bytes:
        return contents[one.frame][one.offset : one.offset + one.length]

    for (load, seq), one in head.chunks.items():
        first_t, last_t = one.span
        span = None if first_t is None or last_t is None else (first_t, last_t)
        parts[one.frame].append((one.offset, SealedChunk(load, seq, cut(one), one.encoding, span)))
    for load, keyframes in head.keyframes.items():
        for t, one in keyframes:
            parts[one.frame].append((one.offset, Keyframe(load, t, cut(one))))
    if head.activity is not None:
        parts[head.activity.frame].append((head.activity.offset, Activity(cut(head.activity))))
    return [
        SealedFrame(tuple(part for _, part in sorted(held, key=lambda one: one[0])), frame.base)
        for held, frame in zip(parts, head.frames, strict=True)
    ]


def rests_on(head: Head, name: str) -> StockRef:
    """Return the stock of an object that has frames on one."""
    if head.stock is None:
        raise StoreError(f"object {name} names no stock")
    return head.stock


def dictionary(content: bytes) -> zstd.ZstdCompressionDict:
    """Return *content* as something to compress on."""
    return zstd.ZstdCompressionDict(content, dict_type=zstd.DICT_TYPE_RAWCONTENT)


def _pack(content: bytes, base: zstd.ZstdCompressionDict | None, known: int) -> bytes:
    parameters = zstd.ZstdCompressionParameters.from_level(
        LEVEL,
        source_size=len(content),
        dict_size=known,
        format=_FORMAT,
        write_checksum=True,
        write_content_size=True,
    )
    packer = zstd.ZstdCompressor(compression_params=parameters, dict_data=base)
    packed: bytes = packer.compress(content)
    return packed


def unpack(packed: bytes, length: int, base: bytes | None, name: str) -> bytes:
    """Return the *length* bytes of a frame that rests on *base*. Raise StoreError if it is damaged."""
    known = dictionary(base) if base else None
    unpacker = zstd.ZstdDecompressor(dict_data=known, format=_FORMAT)
    try:
        content: bytes = unpacker.decompress(packed, max_output_size=length)
    except zstd.ZstdError as error:
        raise StoreError(f"object {name} is damaged: {error}") from None
    if len(content) != length:
        raise StoreError(f"object {name} is damaged")
    return content
