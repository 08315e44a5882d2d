"""
The order of arrival: releases events to be judged, waiting only for known holes.

Within a page load events go by index; a missing index is a hole that is waited for, at
most *lateness_ms*. Indices that the browser gave up (`void`) are none. Owns no judgement.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.model import StoredBatch

MAX_HELD = 5000
"""More events than this are not kept waiting for one hole; a page load rarely has as many."""


FEW = 8
"""Page loads that are looked through one by one."""


class Load:
    """
    One page load: which index comes next, and what waits for it.

    Most never have a hole, so what is kept of holes is made when it is needed.
    """

    __slots__ = ("given_up", "held", "next", "place", "void")

    def __init__(self, place: tuple[str, str]) -> None:
        self.place = place  # its id and its tab's
        self.next = 0
        self.held: dict[int, tuple[dict[str, Any], int]] | None = None  # event and its arrival
        self.void: set[int] | None = None
        self.given_up: set[int] | None = None

    def skip(self, indices: Iterable[int]) -> None:
        """Take note of *indices* that the browser gave up."""
        ahead = {i for i in indices if i >= self.next}
        if ahead:
            self.void = ahead | (self.void or set())

    def add(self, event: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
        """Take *event*; return it at once if it comes after its hole was given up."""
        index: int = event["i"]
        if index < self.next:
            if self.given_up and index in self.given_up:  # later than it should have
                self.given_up.discard(index)
                return [event]
            return []  # a copy of one that was released
        if self.held is None:
            self.held = {}
        self.held.setdefault(index, (event, now_ms))
        return []

    def release(self) -> list[dict[str, Any]]:
        """Return what no hole holds back any more."""
        free: list[dict[str, Any]] = []
        while True:
            if self.held and self.next in self.held:
                free.append(self.held.pop(self.next)[0])
            elif self.void and self.next in self.void:
                self.void.discard(self.next)
            else:
                return free
            self.next += 1

    def overdue(self, now_ms: int, lateness_ms: int) -> list[dict[str, Any]]:
        """Give up holes that something has waited for too long."""
        free: list[dict[str, Any]] = []
        while self.held and (
            now_ms - min(arrived for _, arrived in self.held.values()) >= lateness_ms
            or len(self.held) > MAX_HELD
        ):
            first = min(self.held)
            missing = range(self.next, first)
            void = self.void or set()
            if len(missing) <= MAX_HELD:
                self.given_up = (self.given_up or set()) | {i for i in missing if i not in void}
            self.void = {i for i in void if i >= first}
            self.next = first
            free.extend(self.release())
        return free


class Order:
    """The page loads of one session."""

    __slots__ = ("_lateness_ms", "_loads")

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        # A visit has few documents, and a list of few is smaller than a dict.
        self._loads: list[Load] | dict[str, Load] = []

    def load(self, batch: StoredBatch) -> Load:
        """Return the page load that *batch* belongs to."""
        loads, name = self._loads, batch.page_load
        if isinstance(loads, dict):
            found = loads.get(name)
        else:
            found = next((load for load in loads if load.place[0] == name), None)
        if found is None:
            found = Load((name, batch.tab))
            if isinstance(loads, dict):
                loads[name] = found
            else:
                loads.append(found)
                if len(loads) > FEW:
                    self._loads = {load.place[0]: load for load in loads}
        return found

    def _each(self) -> Iterable[Load]:
        return self._loads.values() if isinstance(self._loads, dict) else self._loads

    def add(self, batch: StoredBatch, now_ms: int, *, skip: int = 0) -> list[dict[str, Any]]:
        """
        Return the events that can be judged now that *batch* has come, in order.

        The first *skip* ones are known already.
        """
        load = self.load(batch)
        if batch.void:
            load.skip(batch.void)
        free: list[dict[str, Any]] = []
        for event in batch.events[skip:]:
            free.extend(load.add(event, now_ms))
        free.extend(load.release())
        if load.held and len(load.held) > MAX_HELD:
            free.extend(load.overdue(now_ms, self._lateness_ms))
        return free

    @property
    def waiting(self) -> bool:
        """Say whether anything is held back."""
        return any(load.held for load in self._each())

    def overdue(self, now_ms: int) -> list[dict[str, Any]]:
        """Return what has waited long enough at *now_ms*, its holes given up."""
        return self._all(load.overdue(now_ms, self._lateness_ms) for load in self._each())

    def flush(self) -> list[dict[str, Any]]:
        """Return all that is held back: nothing more is waited for."""
        return self._all(load.overdue(0, -(1 << 62)) for load in self._each())

    @staticmethod
    def _all(parts: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return sorted((e for part in parts for e in part), key=lambda e: (e["ts"], e["page_load"]))
