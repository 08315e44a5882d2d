"""
The effort index: how hard a visit was, from what was done in it. And the contract of the store's part that keeps it.

7 is no effort, 1 a lot. It is made of behaviour; it is not a Customer Effort Score, which is what people answer when
they are asked. Owns the formula; what of a session counts for which process and step is insight/effort.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from core.model import SessionQuery

EffortBand = Literal["easy", "medium", "hard"]
BANDS: tuple[EffortBand, ...] = ("easy", "medium", "hard")

SCALE = 12.0
"""Points at which a score reaches 63 of 100, as in detector/score.py: the same points mean the same."""

EASY, HARD = 6.0, 3.0
"""From the one upwards, and from the other downwards, as the ends of a scale of seven are read."""

TWICE, THRICE, MOST = 2, 4, 6
"""Points for twice and three times as much work as completers usually need, and for all of it at most."""

LEAST_ACTIONS, LEAST_MS = 2, 10_000
"""What a median counts at least: twice one press, or twice three seconds, is no work that anybody notices."""

LEAST_SESSIONS = 20
"""Completers that a median needs: of fewer it says little, and would tell of single visits."""

WINDOW_DAYS = 28
"""Days before its own that a median is of: four whole weeks, so that each day of the week counts alike."""

WHOLE = ""
"""The name of the whole way through a process; and of the process, where a session as a whole is meant."""

DAY_MS = 86_400_000
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Work:
    """
    What a session did from *from_ms* to *until_ms* (event time; None: to its end) at a *step* of *process*.

    *points* are those of its flags in that span (ScoreTerm), *actions* what was done on purpose, *visible_ms* how
    long its pages were to be seen. *completed*: the session reached the goal of the process. *day* (UTC, from
    1970) and *site* (key) are those by whose median it is measured.
    """

    process: str
    step: str
    site: str
    day: int
    from_ms: int
    until_ms: int | None
    points: float
    actions: int
    visible_ms: int
    completed: bool


@dataclass(frozen=True, slots=True)
class Norm:
    """What *sessions* that completed in the days before needed in the middle. It is never changed once it is made."""

    sessions: int
    actions: int
    visible_ms: int


@dataclass(frozen=True, slots=True)
class Effort:
    """
    The effort of *work*, measured by *norm*, None where there was none for its day.

    *excess* are the points for actions and for time. Of a session as a whole they are those of the process in
    which they are most, whose work is *most*.
    """

    work: Work
    norm: Norm | None
    excess: tuple[int, int]
    most: Work | None = None

    @property
    def extra(self) -> int:
        """Return the points for more work than is usual."""
        return min(MOST, sum(self.excess))

    @property
    def points(self) -> float:
        """Return all points."""
        return self.work.points + self.extra

    @property
    def score(self) -> int:
        """Return what the points come to, 0 to 100."""
        return score_of(self.points)

    @property
    def index(self) -> float:
        """Return the index, 1 to 7."""
        return index_of(self.points)

    @property
    def band(self) -> EffortBand:
        """Return what the index is called."""
        return band_of(self.index)


def score_of(points: float) -> int:
    """Return the score of *points*, 0 to 100, as that of a session is made."""
    return round(100 * (1 - exp(-points / SCALE)))


def index_of(points: float) -> float:
    """Return the effort index of *points*: 7 without any, never below 1."""
    return min(7.0, max(1.0, round(7 - 0.06 * score_of(points), 2)))


def band_of(index: float) -> EffortBand:
    """Return what an *index* is called."""
    return "easy" if index >= EASY else "hard" if index <= HARD else "medium"


def excess_of(work: Work, norm: Norm | None) -> tuple[int, int]:
    """Return the points of *work* for more actions and for more time than *norm*."""
    if norm is None:
        return 0, 0
    return (
        _times(work.actions / max(LEAST_ACTIONS, norm.actions)),
        _times(work.visible_ms / max(LEAST_MS, norm.visible_ms)),
    )


def _times(ratio: float) -> int:
    return THRICE if ratio >= 3 else TWICE if ratio >= 2 else 0


def points_from(index: float) -> float:
    """Return the points from which on a session has at most *index* (a bound of a chart)."""
    return -SCALE * log(1 - (7 - index) / 6)


def value(process: str, step: str, band: str) -> str:
    """Return the value of the list's field `effort`: `hard`, `checkout hard` or `checkout/payment hard`."""
    place = f"{process}/{step}" if step else process
    return f"{place} {band}" if place else band


class EffortStore(Protocol):
    """
    Efforts, written with the document of their session (SearchStore.index), in the same transaction, and gone with it.

    Medians are made once for each day, and stay: what a session was measured by yesterday it is measured by for
    ever, unless the process is declared otherwise.
    """

    async def effort_declared(self, versions: Mapping[str, str]) -> None:
        """Let processes be those of *versions* (id to what it declares): medians of others are dropped."""

    async def make_norms(self, today: int) -> bool:
        """
        Make the medians of all days up to *today* (UTC, from 1970) that have none yet; say whether there were any.

        Nothing is made while older sessions still wait to be indexed. Sessions of those days are measured by them
        from then on, also in the lists.
        """

    async def efforts(self, session: str) -> list[Effort]:
        """Return the efforts of *session*: of it as a whole, then by process the whole way, then its steps in order of time."""

    async def tally(self, query: SessionQuery, field: str, begin: str) -> dict[str, int]:
        """Return the values of *field* that begin with *begin*, with how many sessions of *query* have each."""


@dataclass(frozen=True, slots=True)
class Bands:
    """How many sessions were easy, medium and hard."""

    easy: int
    medium: int
    hard: int

    @property
    def all(self) -> int:
        """Return how many there are."""
        return self.easy + self.medium + self.hard

    @classmethod
    def of(cls, counts: Mapping[str, int], process: str, step: str = WHOLE) -> Bands:
        """Return those of a process or step among the *counts* of tally()."""
        return cls(*(counts.get(value(process, step, band), 0) for band in BANDS))


def sequence(works: Sequence[Work]) -> list[Work]:
    """Return *works* in the order in which they are told: the whole session, then by process, the whole way first."""
    return sorted(works, key=lambda one: (one.process, one.step != WHOLE, one.from_ms))
