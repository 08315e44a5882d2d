"""
Sets of numbered sessions, small in the database and quick to count: blocks of bits or, of few, a list.

A hundred thousand sessions are seven blocks of 2 KB: Python's integers and, or and count those in
microseconds. Blocks that are rarely met are lists of two bytes for each session (as Roaring bitmaps do).
"""

from __future__ import annotations

import array
import re
import sys
from collections.abc import Iterable, Iterator, Mapping

BLOCK = 1 << 14
"""Sessions of a block. A new session changes the last block of its values alone: 2 KB each at most."""

BYTES = BLOCK // 8
_FEW = BYTES // 4
"""From so many numbers on bits are kept: half as many would be as short as a list, and take longer to read."""

_SHORT = 60
"""Bytes of a list up to which its numbers are looked up one by one."""

_LAST, _ONE = BLOCK - 1, ord("1")
_NOTHING = bytes(BYTES)

_SET = [tuple(place for place in range(8) if byte >> place & 1) for byte in range(256)]
"""The places of a byte's bits: to look them up is several times as quick as to ask for each."""

_SOME, _RARE = re.compile(rb"[^\0]"), 150
"""Among so few bits those that are set are looked for, in place of a look at each byte."""


def packed(bits: int) -> bytes:
    """Return how the *bits* of a block are kept."""
    if bits.bit_count() >= _FEW:
        return bits.to_bytes(BYTES, "little")
    return _swapped(array.array("H", _places(bits))).tobytes()


def unpacked(content: bytes) -> int:
    """Return the bits of a block that is kept as *content*."""
    if len(content) == BYTES:
        return int.from_bytes(content, "little")
    return of(_swapped(array.array("H", content)))


def of(places: Iterable[int]) -> int:
    """Return bits that stand at *places* in a block."""
    content = bytearray(BYTES)
    _set(content, places)
    return int.from_bytes(content, "little")


def _set(content: bytearray, places: Iterable[int]) -> None:
    for place in places:
        content[place >> 3] |= 1 << (place & 7)


def _places(bits: int) -> list[int]:
    content = bits.to_bytes(BYTES, "little")
    if bits.bit_count() < _RARE:
        found = ((one.start(), one[0][0]) for one in _SOME.finditer(content))
        return [at << 3 | place for at, byte in found for place in _SET[byte]]
    return [at << 3 | place for at, byte in enumerate(content) if byte for place in _SET[byte]]


def _swapped(places: array.array[int]) -> array.array[int]:
    """Return *places* in the order of bytes that is kept: a folder may move to another machine."""
    if sys.byteorder == "big":
        places.byteswap()
    return places


class Numbers:
    """A set of numbers, by block."""

    __slots__ = ("_blocks", "_tables")

    def __init__(self, blocks: dict[int, int] | None = None) -> None:
        self._blocks = blocks or {}
        self._tables: dict[int, bytes] = {}

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Numbers:
        """Return the set of *numbers*."""
        texts: dict[int, bytearray] = {}
        for number in (
            numbers
        ):  # of a hundred thousand numbers each step counts: a digit for each is the quickest
            text = texts.get(number >> 14)
            if text is None:
                text = texts[number >> 14] = bytearray(b"0") * BLOCK
            text[~number & _LAST] = _ONE
        return cls({at: int(text, 2) for at, text in texts.items()})

    @classmethod
    def read(cls, rows: Iterable[tuple[int, bytes]]) -> Numbers:
        """Return the set that is kept as *rows* of a block's number and content; blocks may come twice."""
        found: dict[int, int] = {}
        few: dict[
            int, bytearray
        ] = {}  # gathered: a prefix of paths may have thousands of short lists
        for at, content in rows:
            if len(content) == BYTES:
                found[at] = found.get(at, 0) | int.from_bytes(content, "little")
            else:
                _set(few.setdefault(at, bytearray(BYTES)), _swapped(array.array("H", content)))
        for at, block in few.items():
            found[at] = found.get(at, 0) | int.from_bytes(block, "little")
        return cls(found)

    def __and__(self, other: Numbers) -> Numbers:
        theirs = other._blocks
        both = ((at, bits & theirs[at]) for at, bits in self._blocks.items() if at in theirs)
        return Numbers({at: bits for at, bits in both if bits})

    def __or__(self, other: Numbers) -> Numbers:
        found = dict(self._blocks)
        for at, bits in other._blocks.items():
            found[at] = found.get(at, 0) | bits
        return Numbers(found)

    def __sub__(self, other: Numbers) -> Numbers:
        left = ((at, bits & ~other._blocks.get(at, 0)) for at, bits in self._blocks.items())
        return Numbers({at: bits for at, bits in left if bits})

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self._blocks.values())

    def __iter__(self) -> Iterator[int]:
        for at in sorted(self._blocks):
            yield from (at << 14 | place for place in _places(self._blocks[at]))

    def meet(self, block: int, content: bytes) -> int:
        """Return how many numbers are in this set and in the *block* kept as *content*."""
        bits = self._blocks.get(block)
        if not bits:
            return 0
        if len(content) > _SHORT:
            return (bits & unpacked(content)).bit_count()
        table = self._tables.get(block)
        if table is None:
            table = self._tables[block] = bits.to_bytes(BYTES, "little")
        places = _swapped(array.array("H", content))
        return sum(table[place >> 3] >> (place & 7) & 1 for place in places)

    def shared(self, block: int, content: bytes) -> list[int]:
        """Return the numbers that are in this set and in the *block* kept as *content*."""
        bits, begin = self._blocks.get(block), block << 14
        if not bits:
            return []
        if len(content) == BYTES:
            return [begin | place for place in _places(bits & int.from_bytes(content, "little"))]
        table = self._tables.get(block)
        if table is None:
            table = self._tables[block] = bits.to_bytes(BYTES, "little")
        places = _swapped(array.array("H", content))
        return [begin | place for place in places if table[place >> 3] >> (place & 7) & 1]

    def table(self) -> dict[int, bytes]:
        """Return the bits by block, to look many numbers up in."""
        return {at: bits.to_bytes(BYTES, "little") for at, bits in self._blocks.items()}


def among(table: Mapping[int, bytes], no: int) -> int:
    """Say (1 or 0) whether *no* is in the set that *table* is of (Numbers.table)."""
    return table.get(no >> 14, _NOTHING)[(no & BLOCK - 1) >> 3] >> (no & 7) & 1
