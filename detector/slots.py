"""
What one event does to slots of a session's state beside the rules' own machines.

Owns steps of processes, values kept for captures, and events that mappings make. Each call is
`(..., state, event, ts)`, bound to its slot by detector/compile.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NamedTuple

from detector.book import Book
from detector.codegen import Predicate
from detector.machines import State

Call = Callable[..., object]

DERIVED = "derived"
"""Marks an event that a mapping made: one mapping never feeds another, so none can run on."""

_CARRIED = frozenset(("i", "t", "page_load", "tab", "view", "path"))


class Way(NamedTuple):
    """One step of a strict process on one event: what it fits, demands, makes and sets off."""

    fits: Predicate
    demands: int
    makes: int
    calls: Sequence[Call]


def take_way(came: int, ways: Sequence[Way], state: State, event: Any, ts: float) -> None:
    """Let *event* fill the last step of *ways* that it fits and that counts by now."""
    reached = state[came] or 0
    for way in ways:
        if way.demands <= reached and way.fits(event, state, {}):
            state[came] = max(reached, way.makes)
            for call in way.calls:
                call(state, event, ts)
            return


def note(slot: int, process: str, step: str, state: State, event: Any, ts: float) -> None:
    """Add the *step* of *process* that *event* is to what is noted."""
    if state[slot] is None:
        state[slot] = []
    state[slot].append((process, step, ts, event))


def put(slot: int, value: object, state: State, _event: object, _ts: float) -> None:
    """Keep *value*."""
    state[slot] = value


def held(slot: int, state: State) -> object:
    """Return what is kept."""
    return state[slot]


def counted(slot: int, state: State) -> object:
    """Return how many count() has seen."""
    return state[slot] or 0


def held_first(slot: int, state: State) -> object:
    """Return what first() has kept."""
    return None if state[slot] is None else state[slot][0]


def count(slot: int, state: State, _event: object, _ts: float) -> None:
    """Count one more."""
    state[slot] = (state[slot] or 0) + 1


def last(slot: int, read: Callable[[Any], object], state: State, event: object, _ts: float) -> None:
    """Keep what *read* finds in the newest event."""
    state[slot] = read(event)


def first(
    slot: int, read: Callable[[Any], object], state: State, event: object, _ts: float
) -> None:
    """Keep what *read* finds in the first event, also if that is nothing."""
    if state[slot] is None:
        state[slot] = (read(event),)


def derive(
    name: str,
    props: dict[str, object],
    copied: list[tuple[str, Callable[[Any], object], bool | None]],
    state: State,
    event: dict[str, Any],
    ts: float,
) -> None:
    """Queue the custom event that a mapping makes of *event*, unless that is derived itself."""
    if DERIVED in event:
        return
    if state[2] is None:
        state[2] = Book()
    derived = {key: value for key, value in event.items() if key in _CARRIED}
    if copied:
        props = dict(props)
        for prop, read, default in copied:
            value = read(event)
            if value is not None or default is not None:
                props[prop] = default if value is None else value
    derived.update({"type": "custom", "name": name, "props": props, "ts": ts, DERIVED: True})
    state[2].queue.append(derived)
    state[0] = -inf  # before the next event is judged, this one is
