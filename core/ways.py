"""
A way: the pages that a session saw, or the steps it took in one process, in the order in which they came.

Owns how a way is written in the index of sessions, how a list asks for the sessions that were at one place of
their way, and the contract of the store's part that counts ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.model import SessionQuery

WENT = "went"
"""The field that a list is asked by (core/search.py): a Spot, as text."""

KIND = "way"
"""The field of the index that holds the way over pages; that through a process is `way/PROCESS`."""

MOST = 30
"""Stops of a way that are kept: few visits are longer, and what begins them tells most."""

STOP_MAX = 100
"""Characters of a stop: a path that is longer is cut."""

END = "."
"""How the stop after the last begins. It is there once the visit has ended and if all stops were kept."""

COMPLETED, LEFT = ".completed", ".left"
"""Ends of a way through a process."""

FIRST, LAST = "^", "$"
"""Instead of a stop, the place to count from: the first stop of a way, the last one that it has."""

ANY = "*"
"""Instead of a stop, in a Spot: whatever is there."""

_NUMBER = re.compile(r"\d+")
_LONG = re.compile(r"[0-9a-f-]{16,}", re.IGNORECASE)
_SPOT = re.compile(
    r"(?:(?P<process>[\w.-]+): )?(?P<since>\S+) (?P<offset>[+-]\d{1,3}) (?P<stop>\S+)"
)


def general(path: str) -> str:
    """
    Return the page that *path* is: ids in it become `*`.

    What is an id is decided as in addresses of requests: a number, 16 hexadecimal digits, a word of letters and
    digits of 8 or more, or a text of 20 with a digit in it.
    """
    parts = (ANY if _is_id(part) else part for part in path.split("/"))
    return "%20".join("/".join(parts).split())[:STOP_MAX] or "/"


def _is_id(part: str) -> bool:
    digits = any(letter.isdigit() for letter in part)
    return bool(
        _NUMBER.fullmatch(part)
        or _LONG.fullmatch(part)
        or (
            len(part) >= 8
            and digits
            and any(letter.isalpha() for letter in part)
            and not any(letter in "-_.%" for letter in part)
        )
        or (len(part) >= 20 and digits)
    )


def way_of(stops: Iterable[str], end: str | None) -> str:
    """Return the way over *stops* as it is kept; one that comes twice in a row is one. *end*: None while it runs."""
    kept: list[str] = []
    for stop in stops:
        if kept and kept[-1] == stop:
            continue
        if len(kept) == MOST:
            return " ".join(kept)
        kept.append(stop)
    return " ".join([*kept, end] if end is not None and kept else kept)


def kind_of(process: str) -> str:
    """Return the field of the index that holds ways through *process*; over pages if it is empty."""
    return f"{KIND}/{process}" if process else KIND


@dataclass(frozen=True, slots=True)
class Spot:
    """
    A place of a way: *offset* stops behind (or, negative, before) *since*, at which *stop* is.

    Behind counts from the first time that *since* came, before from the last. *process* is empty for ways over pages.
    """

    since: str
    offset: int
    stop: str
    process: str = ""

    @property
    def text(self) -> str:
        """Return it as a value of the field `went`."""
        front = f"{self.process}: " if self.process else ""
        return f"{front}{self.since} {self.offset:+d} {self.stop}"

    @classmethod
    def read(cls, text: str) -> Spot | None:
        """Return the place that *text* names; None if it names none."""
        found = _SPOT.fullmatch(text)
        if found is None:
            return None
        return cls(found["since"], int(found["offset"]), found["stop"], found["process"] or "")

    def at(self, stops: Sequence[str], base: int | None) -> bool:
        """Say whether a way of *stops* was there; *base* is where in it *since* stands (base_of)."""
        at = -1 if base is None else base + self.offset
        return 0 <= at < len(stops) and self.stop in (ANY, stops[at])


def base_of(stops: Sequence[str], since: str, *, back: bool) -> int | None:
    """Return where in *stops* it is counted from: the first *since*, or the last if it goes *back*; None: nowhere."""
    if not stops:
        return None
    if since == FIRST:
        return 0
    if since == LAST:
        return len(stops) - 1
    if since not in stops:
        return None
    return len(stops) - 1 - stops[::-1].index(since) if back else stops.index(since)


class WayStore(Protocol):
    """Ways, which stand in the index of sessions as one value of each session (SearchStore) and are gone with it."""

    async def ways(self, query: SessionQuery, process: str) -> list[tuple[str, int]]:
        """
        Return the ways through *process* (empty: over pages) of the sessions of *query*, each with its sessions.

        In no order; limit, offset and place of *query* do not count.
        """
