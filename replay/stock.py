"""
What the pages of a site have in common: runs of lines that several visitors' browsers sent alike.

A site's recordings are compressed on top of its stock, so that a page that everybody sees costs next
to nothing. Only what at least KNOWN_BY visitors sent alike gets into it: it says nothing of any one
of them, and stays when one is erased. Counts are in memory alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

KNOWN_BY = 3
"""Visitors (sessions, where there are no visitors) that must have sent a run, or a line."""

LEAST_BYTES = 16 * 1024
"""A new stock is made for no less than this, and for no less than a quarter of the old one."""

MOST_BYTES = 4 * 1024 * 1024
"""Size of a stock; beyond it the oldest goes. At 1 MB a site of some large pages took twice as much."""

MOST_COUNTED = 200_000
"""Runs and lines that are counted; beyond them counting begins anew."""

MOST_KNOWN = 500_000
"""
Runs and lines that are remembered, some 40 MB; beyond them only those are that the stock still holds. No
sooner: what fell out would come in again at once where pages have more in common than a stock holds.
"""

LARGEST = 2 * 1024 * 1024
"""Bytes of a page whose lines are counted: a larger one would fill half of the stock alone."""

SHORTEST = 24
"""A shorter line costs as much as the reference to it."""

RUN_MASK = 15
"""A run ends behind a line whose checksum has none of these bits (every 16 or so), and with a part of the page."""

_BEGINS = b",{"  # a further node or event, in JSON without blanks
_PART_END = b"]}]}"  # some kilobytes of a page lie between two
_BREAK = b"\n"  # in a stock, between what did not follow one another; JSON without blanks has none


class Stock:
    """
    The stock of one site, and what is on its way into it.

    It holds runs as they follow one another in pages, also if their lines are in it already: only so
    is a whole page one long match. Single lines get in where the runs around them are nobody else's.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self._known: set[int] = set()
        self._settled: set[int] = set()  # parts of pages with no run that is not known
        self._seen: dict[int, tuple[int, ...]] = {}
        self._new: list[bytes] = []
        self._new_bytes = 0
        self._look_through()

    def learn(self, contents: Iterable[bytes], visitor: str) -> None:
        """Count what is in *contents*, which came from *visitor*."""
        who = hash(visitor)
        if len(self._seen) + len(self._settled) > MOST_COUNTED:
            self._seen.clear()
            self._settled.clear()
        for content in contents:
            if len(content) <= LARGEST:
                for part in _parts(content):
                    if hash(part) not in self._settled:
                        self._part(part, who)
                self._break()

    def renewed(self) -> bytes | None:
        """Take over what came in, and return the new stock; None if that is not worth it yet."""
        if self._new_bytes < max(LEAST_BYTES, len(self.content) // 4):
            return None
        self.content = _last(self.content + b"".join(self._new))
        self._new, self._new_bytes = [], 0
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
            self._settled.clear()
            self._look_through()
        return self.content

    def _look_through(self) -> None:
        """Note what the content holds."""
        for kept in self.content.split(_BREAK):
            for run in _runs(kept):
                self._know(run)

    def _part(self, part: bytes, who: int) -> None:
        """Count the runs of *part* of a page, and the lines of those that are not known."""
        settled = True
        for run in _runs(part):
            key = hash(tuple(run))
            if key in self._known:
                continue
            if self._counted(key, who):
                self._know(run)
                self._add(b"".join(run))
                continue
            settled = False
            self._break()
            for line in run:
                known = len(line) < SHORTEST or hash(line) in self._known
                if not known and self._counted(hash(line), who):
                    self._known.add(hash(line))
                    self._add(line)
                    self._break()
        if settled:
            self._settled.add(hash(part))

    def _counted(self, key: int, who: int) -> bool:
        """Count that *who* sent what *key* stands for; True if that makes enough."""
        seen = self._seen.get(key, ())
        if who in seen:
            return False
        if len(seen) + 1 < KNOWN_BY:
            self._seen[key] = (*seen, who)
            return False
        self._seen.pop(key, None)
        return True

    def _know(self, run: list[bytes]) -> None:
        self._known.add(hash(tuple(run)))
        self._known.update(map(hash, run))

    def _add(self, content: bytes) -> None:
        self._new.append(content)
        self._new_bytes += len(content)

    def _break(self) -> None:
        """Note that what comes next into the stock did not stand behind what came last."""
        if self._new and self._new[-1] != _BREAK:
            self._add(_BREAK)


def lines_of(content: bytes) -> set[bytes]:
    """Return the lines of a page, or of a stock, that a stock may hold."""
    return {line for kept in content.split(_BREAK) for run in _runs(kept) for line in run}


def held_of(lines: set[bytes], content: bytes) -> set[bytes]:
    """
    Return those of *lines* that the stock *content* holds.

    Told by whole lines: to search a stock of megabytes for each of thousands takes seconds. Only how a page
    begins may stand behind something else (a stock that was emptied) and is searched for.
    """
    rest = lines - {b""}
    found = rest & lines_of(content)
    return found | {one for one in rest - found if _is_first(one) and one in content}


def without(content: bytes, lines: set[bytes]) -> bytes:
    """Return the stock *content* without *lines*; those that only contain one of them stay whole."""
    kept = [
        b"".join(line for run in _runs(part) for line in run if line not in lines)
        for part in content.split(_BREAK)
    ]
    cleaned = _BREAK.join(kept)
    for line in filter(_is_first, lines):
        cleaned = cleaned.replace(line, b"")
    return cleaned


def _is_first(line: bytes) -> bool:
    """Return whether a page begins with *line*, and that says something."""
    return len(line) >= SHORTEST and not line.startswith(_BEGINS)


def _last(content: bytes) -> bytes:
    """Return as much of the end of *content* as a stock may be, in whole lines."""
    if len(content) <= MOST_BYTES:
        return content
    return content[content.index(_BEGINS, len(content) - MOST_BYTES) :]


def _parts(content: bytes) -> list[bytes]:
    """Return *content* in parts of some kilobytes, each of whole runs."""
    *others, last = content.split(_PART_END + _BEGINS)
    parts = [other + _PART_END for other in others]
    return [part if nth == 0 else _BEGINS + part for nth, part in enumerate([*parts, last])]


def _runs(content: bytes) -> Iterator[list[bytes]]:
    """Give the lines of *content* in runs, whose ends depend on their lines alone."""
    first, *others = content.split(_BEGINS)
    run = [first]
    for other in others:
        if run[-1].endswith(_PART_END) or zlib.crc32(run[-1]) & RUN_MASK == 0:
            yield run
            run = []
        run.append(_BEGINS + other)
    yield run
