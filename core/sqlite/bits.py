"""
Sets of numbered sessions, small in the database and quick to count: blocks of bits or, of few, a list.

A hundred thousand sessions are seven blocks of 2 KB: Python's integers and, or and count those in
microseconds. Blocks that are rarely met are lists of two bytes for each session (as Roaring bitmaps do).
"""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable, Iterator

BLOCK = 1 << 14
"""Sessions of a block. A new session changes the last block of its values alone: 2 KB each at most."""

BYTES = BLOCK // 8
_FEW = BYTES // 2
"""From so many numbers on bits are as short as a list."""


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
    for place in places:
        content[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(content, "little")


def _places(bits: int) -> Iterator[int]:
    content = bits.to_bytes(BYTES, "little")
    for at, byte in enumerate(content):
        if byte:
            for place in range(8):
                if byte >> place & 1:
                    yield at << 3 | place


def _swapped(places: array.array[int]) -> array.array[int]:
    """Return *places* in the order of bytes that is kept: a folder may move to another machine."""
    if sys.byteorder == "big":
        places.byteswap()
    return places


class Numbers:
    """A set of numbers, by block."""

    __slots__ = ("_blocks",)

    def __init__(self, blocks: dict[int, int] | None = None) -> None:
        self._blocks = blocks or {}

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Numbers:
        """Return the set of *numbers*."""
        content: dict[int, bytearray] = {}
        for number in numbers:
            block = content.get(number >> 14)
            if block is None:
                block = content[number >> 14] = bytearray(BYTES)
            place = number & BLOCK - 1
            block[place >> 3] |= 1 << (place & 7)
        return cls({at: int.from_bytes(block, "little") for at, block in content.items()})

    @classmethod
    def read(cls, rows: Iterable[tuple[int, bytes]]) -> Numbers:
        """Return the set that is kept as *rows* of a block's number and content; blocks may come twice."""
        found: dict[int, int] = {}
        for at, content in rows:
            found[at] = found.get(at, 0) | unpacked(content)
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
        return (bits & unpacked(content)).bit_count() if bits else 0

    def table(self) -> dict[int, bytes]:
        """Return the bits by block, to look many numbers up in."""
        return {at: bits.to_bytes(BYTES, "little") for at, bits in self._blocks.items()}
