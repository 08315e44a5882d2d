"""
What the pages of a site have in common: lines of recordings that several visitors' browsers sent.

A site's recordings are compressed on top of its stock, so that a page that everybody sees costs next
to nothing. Only what at least KNOWN_BY visitors sent alike gets into it: it says nothing of any one
of them, and stays when one is erased. Counts are in memory alone.
"""

from __future__ import annotations

from collections.abc import Iterable

KNOWN_BY = 3
"""Visitors (sessions, where there are no visitors) that must have sent a line."""

LEAST_BYTES = 16 * 1024
"""A new stock is made for no less than this, and for no less than a quarter of the old one."""

MOST_BYTES = 1024 * 1024
"""Size of a stock; beyond it the oldest lines go."""

MOST_LINES = 200_000
"""Lines that are counted; beyond them counting begins anew."""

LARGEST = 2 * 1024 * 1024
"""Bytes of a page whose lines are counted: a larger one would fill the stock alone."""

SHORTEST = 24
"""A shorter line costs as much as the reference to it."""

_BEGINS = b",{"  # a further node or event, in JSON without blanks


class Stock:
    """The stock of one site, and what is on its way into it."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self._known = {hash(line) for line in _lines(content)}
        self._seen: dict[int, tuple[int, ...]] = {}
        self._new: list[bytes] = []
        self._new_bytes = 0

    def learn(self, contents: Iterable[bytes], visitor: str) -> None:
        """Count the lines of *contents*, which came from *visitor*."""
        who = hash(visitor)
        if len(self._seen) > MOST_LINES:
            self._seen.clear()
        for content in contents:
            if len(content) <= LARGEST:
                for line in _lines(content):
                    self._count(line, who)

    def renewed(self) -> bytes | None:
        """Take over what came in, and return the new stock; None if that is not worth it yet."""
        if self._new_bytes < max(LEAST_BYTES, len(self.content) // 4):
            return None
        self.content = (self.content + b"".join(self._new))[-MOST_BYTES:]
        self._new, self._new_bytes = [], 0
        return self.content

    def _count(self, line: bytes, who: int) -> None:
        key = hash(line)
        if len(line) < SHORTEST or key in self._known:
            return
        seen = self._seen.get(key, ())
        if who in seen:
            return
        if len(seen) + 1 < KNOWN_BY:
            self._seen[key] = (*seen, who)
            return
        # What a page has in common comes in together and in its order: one long match later.
        self._known.add(key)
        self._seen.pop(key, None)
        self._new.append(line)
        self._new_bytes += len(line)


def _lines(content: bytes) -> list[bytes]:
    first, *others = content.split(_BEGINS)
    return [first, *(_BEGINS + other for other in others)]
