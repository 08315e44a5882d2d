"""
The queue of struggles: what people have said of each, and who is to look at it by when.

Owns the words and the contract; the embedded store's part is core/sqlite/triage_store.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from core.model import Severity, Struggle

State = Literal["new", "ongoing", "returned", "resolved", "ignored"]
STATES: tuple[State, ...] = get_args(State)
OPEN: tuple[State, ...] = ("new", "returned", "ongoing")
"""States of struggles on which there is something to do."""

SETTABLE: tuple[State, ...] = ("new", "ongoing", "resolved", "ignored")
"""What people can make of a struggle: that it has returned only its flags say."""

Order = Literal["sessions", "last", "first", "severity", "rising", "due"]
ORDERS: tuple[Order, ...] = get_args(Order)

Due = Literal["overdue", "today", "week", "any"]
DUES: tuple[Due, ...] = get_args(Due)

What = Literal["note", "state", "owner", "due", "reviewed", "returned"]

NOTE_LENGTH = 4_000
REASON_LENGTH = 300
RELEASE_LENGTH = 100

HOUR_MS = 3_600_000
SHORT_MS = 48 * HOUR_MS
"""Spans up to this are counted flag by flag: a bucket of theirs is no hours. Longer ones begin at a full hour."""


def counted_since(since_ms: int, now_ms: int) -> int:
    """Return from when on struggles of a span that begins at *since_ms* are counted."""
    return since_ms if now_ms - since_ms < SHORT_MS else since_ms - since_ms % HOUR_MS


@dataclass(frozen=True, slots=True)
class Triage:
    """
    What people have said of one struggle.

    *state_ms* is when it came into its state, None while nobody has said anything. *release* is that
    from which on it is to be gone (resolved), *reason* why it is ignored. *due* is the day
    (YYYY-MM-DD, UTC) by whose end it is to be reviewed; a review is outstanding until *reviewed_ms*.
    """

    struggle: str
    state: State = "new"
    state_ms: int | None = None
    state_by: str = ""
    release: str = ""
    reason: str = ""
    owner: str = ""
    due: str = ""
    reviewed_ms: int | None = None
    reviewed_by: str = ""


@dataclass(frozen=True, slots=True)
class TriageChange:
    """
    What is said of struggles; None leaves a thing as it is.

    An *owner* or *due* of "" takes it away. Saying a state is a review, but for new, which takes the
    review back; so does a *due* day: it asks for another.
    """

    state: State | None = None
    release: str = ""
    reason: str = ""
    owner: str | None = None
    due: str | None = None
    reviewed: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One line of a struggle's history: *who* said what, *before* and *after*.

    *detail* is the text of a note, the release or reason of a state. A note that was taken back has none.
    """

    id: int
    struggle: str
    at_ms: int
    who: str
    what: What
    before: str
    after: str
    detail: str
    edited_ms: int | None


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """
    What to list. *today* (YYYY-MM-DD) is what *due* is told by; *owner* "" are those that nobody has.

    *reviewed* False are those whose review is outstanding.
    """

    today: str
    site: str | None = None  # key or name
    since_ms: int | None = None
    states: tuple[State, ...] | None = None
    owner: str | None = None
    rule: str | None = None
    text: str = ""  # words that all stand in its title, rule, page or element
    severity: Severity | None = None
    reviewed: bool | None = None
    due: Due | None = None
    order: Order = "sessions"
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """One struggle of the queue. *share* is of the sessions of its site that began in the span, 0 to 1."""

    struggle: Struggle
    triage: Triage
    share: float


@dataclass(frozen=True, slots=True)
class Queue:
    """
    A page of the queue, and how many there are in all.

    *by_state* counts what the query would list, were it not for its states; *reviewed* of *flagged*
    are all struggles of the site and span, whatever else the query asks for.
    """

    items: tuple[Queued, ...]
    total: int
    by_state: dict[State, int]
    reviewed: int
    flagged: int


class TriageStore(Protocol):
    """States, owners, due reviews and notes of struggles."""

    async def queue(self, query: QueueQuery) -> Queue:
        """Return struggles with a flag in the span, and what people have said of them, all of one moment."""

    async def queued(self, struggle: str, *, since_ms: int | None = None) -> Queued | None:
        """Return one struggle; None if no flag of it in the span stands."""

    async def triage(self, struggle: str) -> Triage:
        """Return what people have said of it; of any key."""

    async def set_triage(
        self, struggles: Sequence[str], change: TriageChange, *, who: str, at_ms: int
    ) -> int:
        """
        Say *change* of all of *struggles* in one transaction; return how many that changed.

        Keys of which there is no flag are left out. Each change is in the history and the audit; what is as
        it was already is not. One that is resolved becomes *returned* when a flag of it comes on a page
        loaded after it was resolved: with a release only one of a release in which it had not been seen
        before. If that flag does not stand, it is resolved again.
        """

    async def triage_history(self, struggle: str) -> list[Entry]:
        """Return its history, newest first."""

    async def edit_note(self, note: int, text: str, *, who: str, at_ms: int) -> bool:
        """Replace the text of a note of *who*, "" takes it back; False if there is none such."""

    async def due_reviews(self, owner: str | None, today: str) -> tuple[int, int]:
        """Return how many reviews of *owner* (None: of all) are due up to *today*, and of these overdue ones."""

    async def drop_old_triage(self, before_ms: int) -> int:
        """Remove what was said of struggles that no flag is of, and nobody has touched since; return how many."""
