"""
A walk: how far one session came in one declared process. And the contract of the store's part that keeps walks.

A session has one walk of a process at most, however often it begins anew: it is completed if it ever was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.model import SessionQuery

PLACE = "/"
"""Between a process and a step in a value of the fields `reached` and `left` (core/search.py)."""

WHOLE = ""
"""The name of the span from the first step to the goal."""

ENDS = ("left_page", "left_field", "left_element", "left_to")
"""Fields that tell where a walk ended: a value of `left`, a blank, and the page, field, element or next page."""


@dataclass(frozen=True, slots=True)
class Walk:
    """
    What a session did of *process*. Times are event time, ms since 1970.

    *steps* are those that were reached, each once, with when it first was, in order of time. *furthest* is the
    one that stands last in the declaration. *page*, *field* and *element* are where
    it was at the end: path, key of the field and key and label of the element that were used last since the step that came last;
    *went* is the path that it went to from there, None if the visit ended. *stops* are the steps as they came, again and again.
    """

    session: str
    process: str
    steps: tuple[tuple[str, int], ...]
    furthest: str
    completed_ms: int | None = None
    value: float | None = None
    page: str = ""
    field: str = ""
    element: str = ""
    label: str = ""
    went: str | None = None
    stops: tuple[str, ...] = ()

    def terms(
        self, order: Sequence[str], optional: Collection[str] = (), *, ended: bool = True
    ) -> Iterator[tuple[str, str]]:
        """
        Give what the session is found by (core/search.py): that it entered, as far as it came, and where it left.

        *order* are the steps as declared. One that came far is counted at each step before, also
        where that was not seen; at an *optional* one only if it was. While it runs it left nothing.
        """
        yield "reached", self.process
        seen = {name for name, _ in self.steps}
        for name in order[: order.index(self.furthest) + 1]:
            if name in seen or name not in optional:
                yield "reached", f"{self.process}{PLACE}{name}"
        if self.completed_ms is not None:
            yield "completed", self.process
        if self.completed_ms is not None or not ended:
            return
        at = f"{self.process}{PLACE}{self.furthest}"
        yield "left", at
        for kind, value in zip(ENDS, (self.page, self.field, self.element, self.went), strict=True):
            if value:
                yield kind, f"{at} {value}"


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the slow end of spans in ms, of *sessions* that have one."""

    sessions: int
    median_ms: float
    p90_ms: float


@dataclass(frozen=True, slots=True)
class Spent:
    """
    What walks took and were worth, of the *sessions* of a query that walked a process.

    *spans*: from each step to the next that was reached, in the order of time, and under the empty name the whole
    way to the goal. *worth* is the sum of the values that goals told, None if none did.
    """

    sessions: int = 0
    spans: Mapping[str, Spread] = field(default_factory=dict)
    worth: float | None = None


class WalkStore(Protocol):
    """
    Walks, written with the document of their session (SearchStore.index), in the same transaction, and gone with it.

    How many sessions reached or left a step is counted as all lists are (RecordStore.count_sessions with a Find).
    """

    async def walked(self) -> str:
        """Return what declarations (and what code) the walks in the store are of; empty: none were ever made."""

    async def walk_anew(self, declarations: str) -> None:
        """Let all sessions be looked at again, newest first: *declarations* are others now."""

    async def spent(self, query: SessionQuery, process: str) -> Spent:
        """Return what the walks of *process* took, of the sessions of *query* (no limit, offset, place)."""

    async def ends(
        self, query: SessionQuery, kind: str, at: str, most: int
    ) -> list[tuple[str, int]]:
        """
        Return up to *most* values of the field *kind* (one of ENDS) of sessions of *query* that left *at* a step.

        *at* is a value of `left`. Each comes with its sessions, most first.
        """

    async def labels(self, process: str, elements: Sequence[str]) -> dict[str, str]:
        """Return how sessions call *elements* (their keys) that they used last in *process*."""
