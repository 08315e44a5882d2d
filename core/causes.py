"""
What was met at which step of a process: the fields by which such sessions are found, and what a store counts of them.

Somebody is *at* a step from when it first came until one that stands behind it does, or the end: at each moment at
the furthest step so far. So everybody leaves a process at the last step that they were at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.walks import PLACE

if TYPE_CHECKING:
    from core.model import SessionQuery

BEEN_AT, MET_AT, SAW_AT = BY_STEP = ("been_at", "met_at", "saw_at")
"""
Fields (core/search.py). `been_at` a step, as `left` names it, or any of a process: what came of that is known. `met_at`: the process or the
step at which any struggle was met, or either, a blank and the key of the one. `saw_at`: the step, a blank and a page
that is none of the process. A struggle on such a page has it behind the key.
"""

MATCHED_BY = ("site", "device", "entry")
"""Sessions are compared with those that are alike in these fields."""

FREQUENT = 30
"""First pages of fewer sessions are alike if the first part of their path is: `/item/17` and `/item/99`."""

LEAST = 20
"""Where fewer than so many met something, or did not, nothing is compared."""

SCARCE = 50
"""Of struggles that fewer met so many are told, those that most met; the others are only counted."""


def met_value(at: str, struggle: str, page: str = "") -> str:
    """Return the value of `met_at` for a *struggle* (its key) *at* a step on a *page*, empty: one of the process; or in a process."""
    return f"{at} {struggle} {page}" if page else f"{at} {struggle}"


@dataclass(frozen=True, slots=True)
class Stratum:
    """Sessions that are alike: how many *met* it and how many of those *left*, and the same of the *others*."""

    left: int
    met: int
    others_left: int
    others: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """
    Sessions that met a *struggle* on a *page* (empty: one of the process) while at a step.

    *all* are those and the others that saw that page while there. *strata* are the groups in which there are both
    (none if fewer than LEAST are of either kind), *completed* how many of those who met it completed the process.
    """

    struggle: str
    page: str
    all: Stratum
    completed: int
    strata: tuple[Stratum, ...]


@dataclass(frozen=True, slots=True)
class Encounters:
    """
    What sessions met while *at* a step (a value of `been_at`).

    Of those that have *been* there some *left*; of those that went on *over* are, of which *completed* did that.
    *met* are those that met any struggle there, and how many of them and of the others left. *worth* is the
    median of the values that goals of the process told, None if none did. *further* struggles were met by few (SCARCE).
    """

    at: str
    been: int
    left: int
    over: int
    completed: int
    met: Stratum
    exposures: tuple[Exposure, ...]
    worth: float | None
    further: int = 0


def place(process: str, step: str) -> str:
    """Return how a *step* is named in the fields of this module."""
    return f"{process}{PLACE}{step}"


class CauseStore(Protocol):
    """What was met at steps, of what the index knows (core/search.py)."""

    async def encounters(
        self, query: SessionQuery, process: str, step: str, struggle: str | None = None
    ) -> Encounters:
        """
        Return what the sessions of *query* (no limit, offset, place) met at *step*, or of that *struggle* alone.

        Exposures stand in the order of their sessions, most first.
        """

    async def met_where(self, struggle: str, processes: Sequence[str]) -> list[tuple[str, str]]:
        """Return each of *processes* with each of its steps at which any session met *struggle*."""
