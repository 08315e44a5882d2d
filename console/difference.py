"""
How two texts differ, line by line, in bounded time.

Pure. difflib.ndiff() also compares lines letter by letter, which takes minutes on files of
similar lines; whoever may edit could stop the server by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

MOST_LINES = 1_000
"""Of what lies between the first and the last difference; more is shown as replaced in whole."""

Lines = tuple[tuple[str, str], ...]
"""Sign and line: "-" only in the first text, "+" only in the second, " " in both."""


def difference(theirs: Sequence[str], mine: Sequence[str]) -> Lines:
    """Return the lines of both texts in order, each with its sign."""
    head = _common(theirs, mine)
    tail = _common(theirs[head:][::-1], mine[head:][::-1])
    old, new = theirs[head : len(theirs) - tail], mine[head : len(mine) - tail]
    between = _between(old, new)
    ending = theirs[len(theirs) - tail :]
    return (*_signed(" ", theirs[:head]), *between, *_signed(" ", ending))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _between(old: Sequence[str], new: Sequence[str]) -> Lines:
    if max(len(old), len(new)) > MOST_LINES:
        return (*_signed("-", old), *_signed("+", new))
    found: list[tuple[str, str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            found += _signed(" ", old[a:b])
        else:
            found += [*_signed("-", old[a:b]), *_signed("+", new[c:d])]
    return tuple(found)


def _signed(sign: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(sign, line) for line in lines]
