"""
What came before a contact, as facts: when somebody began to search, how long they did, which pages they saw again.

**A sign of searching** is a `custom` event named search or help, a page view whose path has a word of SIGNS between its
slashes, dots and dashes, or a page view of a path that the same visit saw before, with another page in between.
**Time spent searching** is the time from the first sign in the window to the contact in which a tab of the site was
visible, tabs beside one another counted once. A tab's time ends with its last event: what came after that
is not known, and not counted. Pure; times are server time in milliseconds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.model import Event

WINDOW_MS = 3_600_000
"""How much before a contact is told: the last hour."""

SIGNS = frozenset(
    {
        "search", "suche", "suchen", "suchergebnisse", "find", "help", "hilfe", "helpcenter", "hilfecenter", "faq",
        "faqs", "support", "contact", "kontakt",
    }
)  # fmt: skip
"""Words of a path of a page on which somebody looks for an answer."""

_WORDS = re.compile(r"[^\w]+|_")

Kind = Literal["search", "help", "page", "again"]
Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sign:
    """By what the first sign of searching was told, and where."""

    at_ms: float
    kind: Kind
    path: str


@dataclass(frozen=True, slots=True)
class Search:
    """*sign* is None if there was none; then nothing was spent. *again* are paths that were seen more than once."""

    sign: Sign | None
    spent_ms: float
    again: tuple[tuple[str, int], ...]


def searched(visits: Iterable[Sequence[Event]], from_ms: float, until_ms: float) -> Search:
    """Return what the events of *visits*, each in order of time, tell of the window from *from_ms* to *until_ms*."""
    signs: list[Sign] = []
    stretches: list[Stretch] = []
    views: Counter[str] = Counter()
    for events in visits:
        inside = [event for event in events if from_ms <= event["ts"] <= until_ms]
        signs += _signs(inside)
        stretches += _visible(
            events
        )  # what comes after the contact tells that a tab was there still
        views.update(
            path for path, before in _views(inside) if path != before
        )  # a reload is no second look
    sign = min(signs, key=lambda one: one.at_ms, default=None)
    again = sorted(((path, n) for path, n in views.items() if n > 1), key=lambda x: (-x[1], x[0]))
    if sign is None:
        return Search(None, 0, tuple(again))
    return Search(sign, _length(stretches, sign.at_ms, until_ms), tuple(again))


def _views(events: Iterable[Event]) -> Iterator[tuple[str, str | None]]:
    """Give the path of each page view, and that of the view before."""
    before: str | None = None
    for event in events:
        if event["type"] == "page":
            path = str(event.get("path") or "/")
            yield path, before
            before = path


def _signs(events: Sequence[Event]) -> Iterator[Sign]:
    """Give the first sign of each kind that a visit shows."""
    seen: set[str] = set()
    before: str | None = None
    for event in events:
        at, path = float(event["ts"]), str(event.get("path") or "/")
        if event["type"] == "custom" and event.get("name") in ("search", "help"):
            yield Sign(at, event["name"], path)
        if event["type"] != "page":
            continue
        if SIGNS & set(_WORDS.split(path.lower())):
            yield Sign(at, "page", path)
        elif path in seen and path != before:
            yield Sign(at, "again", path)
        seen.add(path)
        before = path


def _visible(events: Iterable[Event]) -> Iterator[Stretch]:
    """Give the stretches in which a tab was visible, tab by tab, up to each tab's last event."""
    since: dict[str, float] = {}
    last: dict[str, float] = {}
    for event in events:
        tab, at = str(event.get("tab") or ""), float(event["ts"])
        last[tab] = at
        shown = _shows(event)
        if shown is True:
            since.setdefault(tab, at)
        elif shown is False and tab in since:
            yield since.pop(tab), at
    for tab, begun in since.items():
        yield begun, last[tab]


def _shows(event: Event) -> bool | None:
    """Return whether a tab is visible from *event* on; None if it says nothing of that."""
    if event["type"] == "page":
        return event.get("visible") is not False
    if event["type"] == "visibility":
        return event.get("state") == "visible"
    return False if event["type"] == "leave" else None


def _length(stretches: Iterable[Stretch], from_ms: float, until_ms: float) -> float:
    """Return how long *stretches* are together, within a window; what they share counts once."""
    total, reached = 0.0, from_ms
    for begun, ended in sorted(stretches):
        begun, ended = max(begun, reached), min(ended, until_ms)
        if ended > begun:
            total += ended - begun
            reached = ended
    return total
