"""
What the score of a session needs to know beside its flags: goals, leaves, critical processes.

Noted by the compiled rules as the session's events are judged (derived ones, too), in one
slot of its state. Bounded; the oldest goes first. What it means is detector/score.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

KEPT = 64
"""Of each kind per session: a visit that has more goals or pages is not told apart by the first."""

_GONE = frozenset(("link", "back", "close", "route"))


class Facts:
    """One session's. Times are event time."""

    __slots__ = ("_goals", "_leaves", "_spans")

    def __init__(self) -> None:
        self._leaves: deque[tuple[float, str | None, str | None]] = deque(maxlen=KEPT)
        self._goals: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self._spans: deque[tuple[str, float, float | None]] = deque(maxlen=KEPT)

    def note_leave(self, ts: float, event: dict[str, Any]) -> None:
        """Note that a page was left."""
        if event.get("kind") in _GONE:
            self._leaves.append((ts, event.get("path"), event.get("tab")))

    def note_goal(self, ts: float, number: int) -> None:
        """Note that the goal *number* of the scoring was reached."""
        self._goals.append((ts, number))

    def note_step(self, ts: float, process: str, goal: bool) -> None:
        """Note a step of a critical *process*: it is under way until its *goal*."""
        for index in range(len(self._spans) - 1, -1, -1):
            name, start, end = self._spans[index]
            if name == process and end is None:
                if goal:
                    self._spans[index] = (name, start, ts)
                return
        if not goal:
            self._spans.append((process, ts, None))

    def under_way(self, at_ms: float) -> bool:
        """Say whether a critical process was under way at *at_ms*."""
        return any(start <= at_ms and (end is None or at_ms < end) for _, start, end in self._spans)

    def left(self, page: str | None, tab: str | None, since: float, until: float) -> bool:
        """Say whether *page* was left in *tab* from *since* to *until*; None is any."""
        return any(
            since <= ts <= until
            and (page is None or path is None or path == page)
            and (tab is None or where is None or where == tab)
            for ts, path, where in self._leaves
        )

    def reached(self, since: float, until: float) -> Iterator[int]:
        """Yield the numbers of the goals that were reached after *since*, up to *until*."""
        return (number for ts, number in self._goals if since < ts <= until)


NONE = Facts()
"""Of a session in which nothing was noted. Read-only."""


def of(state: list[Any], slot: int) -> Facts:
    """Return the facts in *slot* of *state*, to be added to."""
    found: Facts | None = state[slot]
    if found is None:
        found = state[slot] = Facts()
    return found


def leave(slot: int, state: list[Any], event: dict[str, Any], ts: float) -> None:
    """Note the event leave."""
    of(state, slot).note_leave(ts, event)


def goal(slot: int, number: int, state: list[Any], _event: object, ts: float) -> None:
    """Note an event that is a goal."""
    of(state, slot).note_goal(ts, number)


def step(
    slot: int, process: str, is_goal: bool, state: list[Any], _event: object, ts: float
) -> None:
    """Note a step of a critical process."""
    of(state, slot).note_step(ts, process, is_goal)
