"""
One recorded document while it is walked through: its mirror, its clock, and the events that are told.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from replay.derived.looks import Looks
from replay.derived.policy import Policy
from replay.derived.targets import Describer
from replay.mirror import Mirror

Data = dict[str, Any]


@dataclass(slots=True)
class Fact:
    """
    An event in the making. *at* is in the recording's milliseconds.

    *facts* may be completed until the document ends; *click* is the press that it followed. A *dropped*
    one was none in the end.
    """

    kind: str
    at: float
    path: str
    view: int
    facts: Data
    click: Fact | None = None
    dropped: bool = False


class Page:
    """
    A document: what it holds at the moment, and where its events go.

    *href* is its address, *begun* and *now* are in the recording's milliseconds.
    """

    def __init__(self, policy: Policy, href: str, begun: float) -> None:
        self.policy = policy
        self.href = href
        self.begun = self.now = begun
        self.view = 0
        self.mirror = Mirror()
        self.facts: list[Fact] = []
        self.looks = Looks(self.mirror)
        self.describer = Describer(self.looks, policy)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def path(self) -> str:
        return self.policy.place(self.href, self.href)

    def emit(self, kind: str, at: float, facts: Data, *, path: str | None = None) -> Fact:
        """Tell an event of *kind* at *at*; its *facts* may still be completed."""
        fact = Fact(kind, at, self.path if path is None else path, self.view, facts)
        self.facts.append(fact)
        return fact

    def later(self, at: float, act: Callable[[], None]) -> None:
        """Call *act* once the recording is at *at*, if the document is there then."""
        heapq.heappush(self._timers, (at, next(self._order), act))

    def advance(self, at: float) -> None:
        """Go on to *at*: what was to be done before is done."""
        while self._timers and self._timers[0][0] <= at:
            due, _, act = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            act()
        self.now = max(self.now, at)


def shown(facts: Data) -> Data:
    """Return *facts* without what is not known."""
    return {name: value for name, value in facts.items() if value is not None}
