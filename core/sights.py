"""
A sight: what one session did on one page: what it pressed, where, without an answer, and how far it scrolled.

Owns how a list asks for sessions by it, and the contract of the store's part that keeps sights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.model import SessionQuery

PRESSED, DEAD, SAW = "pressed", "dead", "saw"
"""
The fields that a list is asked by (core/search.py): a page and behind a blank the key of an element that was
pressed, or pressed in vain; or the hundredths of the page that were seen at least (0: the page at all).
"""

MOST_PAGES, MOST_ELEMENTS, MOST_PLACES = 100, 100, 20
"""Pages of a session, elements of a page, and places of an element that are kept; presses are counted on."""

Place = tuple[int, int, bool]
"""Where in the element (px from its left and top edge), and whether it was in vain."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The element *key* was pressed *times*, *dead* of them without an answer; *places* are some of these."""

    key: str
    label: str
    times: int
    dead: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What of *page* (general: core/ways.py) was seen at most, in hundredths (0: it was not scrolled), and pressed."""

    page: str
    depth: int
    pressed: tuple[Pressed, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """An element that was pressed: *times* in *sessions*, *dead* of those in *dead_sessions*; places of the newest."""

    key: str
    label: str
    sessions: int
    times: int
    dead_sessions: int
    dead: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class SightCounts:
    """
    What the sessions of a query did on a page: *elements*, most pressed first.

    *depths* are by the tenth (1 to 10) how many sessions saw at least so much of it.
    """

    sessions: int
    scrolled: int
    depths: tuple[int, ...]
    elements: tuple[Element, ...]


class SightStore(Protocol):
    """Sights, written with the document of their session (SearchStore.index), in the same transaction, and gone with it."""

    async def sights(self, query: SessionQuery, page: str, most_places: int) -> SightCounts:
        """
        Return what the sessions of *query* did on *page*; limit, offset and place do not count.

        Up to *most_places* places come with it, of the newest sessions; all else is counted in full.
        """
