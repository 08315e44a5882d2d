"""
What sessions can be found by: the fields they are filtered by, words, and who somebody is.

Owns the words of a search (`device:mobile -page:/thanks "out of stock"`), the document that stands
for a session in the index, and the contract of the store's part that keeps and asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # a query of sessions holds a Find
    from core.effort import Work
    from core.form_use import FormUse
    from core.model import Session, SessionQuery
    from core.sights import Sight
    from core.walks import Walk

Many = Literal["one", "many"]

FIELDS: Mapping[str, Many] = MappingProxyType(
    {
        "did": "many",  # what was done or happened in it, track's names among that
        "page": "many",  # paths that were seen
        "rule": "many",  # that flagged it
        "score": "many",  # bands that it reaches: a severe one is high and medium, too
        "device": "one",
        "browser": "one",
        "os": "one",
        "language": "one",
        "entry": "one",  # path of the first page
        "exit": "one",  # path of the last
        "duration": "one",
        "pages": "one",
        "release": "one",
        "campaign": "one",
        "segment": "one",
        "has": "many",  # struggle, gaps, an identity ...
        "completed": "many",  # process, and of those below process and step (core/walks.py)
        "reached": "many",
        "left": "many",
        "left_page": "many",
        "left_field": "many",
        "left_element": "many",
        "left_to": "many",
        "effort": "many",  # how hard it was: as a whole, in a process, at a step (core/effort.py)
        "began": "one",  # a span: from and until, ms since 1970, either may be left out
        "release_since": "many",  # a release: that of its site or a later one (core/fixes.py)
        "pressed": "many",  # page and element, of those below too (core/sights.py)
        "dead": "many",
        "saw": "many",
        "went": "many",  # where it was at a place of its way (core/ways.py)
        "form_used": "many",  # and those below: forms and fields at steps (core/form_use.py)
        "field_used": "many",
        "field_refilled": "many",
        "field_returned": "many",
        "field_refused": "many",
        "field_deleted": "many",
        "field_pasted": "many",
        "field_filled_in": "many",
        "field_left": "many",
        "been_at": "many",  # step, and what was met there (core/causes.py)
        "met_at": "many",
        "saw_at": "many",
    }
)
"""
The fields that sessions are filtered by. Of a field with *one* value for each session several
that are asked for mean any of them; of one with *many* they mean all of them.
"""

BANDS = {"low": 1, "medium": 25, "high": 50, "severe": 75}
"""Values of `score`, each with the score from which on a session has it (model.py: band_of)."""

DURATIONS_S = (10, 60, 300, 1800)
"""Bounds of the values of `duration`: `-10`, `10-60`, ..., `1800-`, in seconds."""

PAGES = (2, 5, 10)
"""Bounds of the values of `pages`: `-2` is less than two."""

WILD = "*"
"""At the end of a path: whatever it begins with."""

MOST_ASKED = 50
"""Values and words of one search that count: a search of people has a handful."""

_PART = re.compile(r'(-?)(?:(\w+):)?(?:"([^"]*)"?|(\S+))')
_SESSION = re.compile(r"[0-9a-f]{8}(?:[0-9a-f-]{0,28})")


def bucket(value: float, bounds: Sequence[int]) -> str:
    """Return the name of the bucket that *value* lies in: `-2`, `2-5`, `5-10` or `10-`."""
    below = [bound for bound in bounds if bound <= value]
    above = [bound for bound in bounds if bound > value]
    return f"{below[-1] if below else ''}-{above[0] if above else ''}"


def read_span(text: str) -> tuple[int | None, int | None]:
    """Return from and until of a value of `began`: `1790000000000-1790086400000`. What cannot be one holds nothing."""
    begin, dash, end = text.partition("-")
    if not dash or not all(
        part == "" or (part.isdecimal() and len(part) < 16) for part in (begin, end)
    ):
        return 0, 0
    return int(begin) if begin else None, int(end) if end else None


@dataclass(frozen=True, slots=True)
class Find:
    """
    What sessions are asked for beside site, time and order. All parts have to hold.

    Of *words* each must begin a word of the session's texts (several in one stand in that order), of
    *without* none may. A session of one of the people or ids in *who* needs no *words*.
    """

    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    who: tuple[str, ...] = ()  # id of a customer or visitor as stored, or how a session's begins
    customer: str | None = None  # id as stored
    include: tuple[tuple[str, str], ...] = ()  # field and value
    exclude: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return self != Find()

    def included(self, name: str) -> tuple[str, ...]:
        """Return the values asked for of the field *name*."""
        return tuple(value for one, value in self.include if one == name)

    def excluded(self, name: str) -> tuple[str, ...]:
        """Return the values of the field *name* that no session may have."""
        return tuple(value for one, value in self.exclude if one == name)

    def asks(self, name: str) -> bool:
        """Say whether anything is asked of the field *name*."""
        return any(one == name for one, _ in (*self.include, *self.exclude))

    def but(self, name: str) -> Find:
        """Return the same without what it asks of the field *name* to have."""
        return replace(self, include=tuple(one for one in self.include if one[0] != name))

    def also(self, other: Find) -> Find:
        """Return what asks for both."""
        return Find(
            (*self.words, *other.words),
            (*self.without, *other.without),
            (*self.who, *other.who),
            other.customer or self.customer,
            tuple(dict.fromkeys((*self.include, *other.include))),
            tuple(dict.fromkeys((*self.exclude, *other.exclude))),
        )


def read(text: str) -> Find:
    """
    Return what the words of a search ask for.

    `page:/checkout` asks for a value of a field, `customer:42` for a customer; `-` in front of either or of a word
    is "did not"; quotes hold several words together. A field that there is none of is a word.
    """
    text = text.replace("\0", " ")  # in which SQLite's language of words ends
    words: list[str] = []
    without: list[str] = []
    include: list[tuple[str, str]] = []
    exclude: list[tuple[str, str]] = []
    customer: str | None = None
    for minus, name, quoted, plain in _PART.findall(text)[:MOST_ASKED]:
        value = quoted or plain
        if name == "customer" and not minus and value:
            customer = value
        elif name in FIELDS and value:
            (exclude if minus else include).append((name, value))
        else:
            told = f"{name}:{value}" if name else value
            if any(letter.isalnum() for letter in told):
                (without if minus else words).append(told)
    who = () if include or exclude or without else _who(text)
    return Find(
        tuple(words), tuple(without), who if words else (), customer, tuple(include), tuple(exclude)
    )


def _who(text: str) -> tuple[str, ...]:
    """Return whose id *text* as a whole may be."""
    plain = text.strip().strip('"')
    return (plain,) if plain else ()


def folded(text: str) -> str:
    """Return *text* as its words are compared: SQLite folds case and accents, but not this letter."""
    return text.replace("ß", "ss").replace("ẞ", "SS")


def looks_like_session(text: str) -> bool:
    """Say whether *text* may be the id of a session, or how one begins."""
    return _SESSION.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Document:
    """
    What stands for a session in the index: *terms* are field and value, *text* is what words are looked for in.

    *again_ms*: a running one is looked at again then; None once it has ended. *score* as in Place.
    """

    session: str
    site: str  # key
    started_ms: int
    score: int
    terms: tuple[tuple[str, str], ...]
    text: str
    again_ms: int | None = None
    walks: tuple[Walk, ...] = ()
    works: tuple[Work, ...] = ()
    forms: tuple[FormUse, ...] = ()
    sights: tuple[Sight, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A session that is to be indexed; *mark* changes whenever something of it does."""

    session: Session
    mark: int


@dataclass(frozen=True, slots=True)
class Facets:
    """
    How many sessions there are, and how many more narrowly: per field its values, most sessions first.

    Of a field with one value for each session a value's count leaves out what is asked of that field;
    of the others it counts the sessions that have the value too. *distinct*: how many values a
    field has in all, where not all are looked at.
    """

    total: int
    values: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    distinct: Mapping[str, int] = field(default_factory=dict)


class SearchStore(Protocol):
    """
    The index by which sessions are found. It is behind by seconds: what is asked for is what it knows.

    Lists and counts of a query with a Find come from it (RecordStore.sessions), as those of facets()
    do, so that a count and the list behind it agree. What verdicts are written of is due to be
    indexed in the same transaction; what is removed or erased is gone from it in the same, too.
    """

    async def due(self, limit: int) -> list[Due]:
        """Return up to *limit* sessions to index: those judged of late first, then older ones, newest first."""

    async def index(self, documents: Iterable[Document], done: Iterable[Due] = ()) -> None:
        """
        Let *documents* stand for their sessions, in one transaction.

        Sessions that are gone meanwhile are left out. Those *done* are due no longer, unless they were judged again since.
        """

    async def unindexed(self) -> int:
        """Return how many older sessions still wait to be indexed for the first time."""

    async def settle_words(self) -> None:
        """Have nothing left in the index of the words of sessions that were taken out: rows go at once, words in time."""

    async def facets(self, query: SessionQuery, fields: Sequence[str], most: int) -> Facets:
        """Return the counts of *query* without limit, offset and place: up to *most* values of each of *fields*."""
