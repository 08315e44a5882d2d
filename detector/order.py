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


class _Load:
    """One page load: which index comes next, and what waits for it."""

    __slots__ = ("given_up", "held", "next", "void")

    def __init__(self) -> None:
        self.next = 0
        self.held: dict[int, tuple[dict[str, Any], int]] = {}  # index to event and its arrival
        self.void: set[int] = set()
        self.given_up: set[int] = set()

    def add(self, event: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
        index: int = event["i"]
        if index < self.next:
            if index in self.given_up:  # it comes after all, later than it should have
                self.given_up.discard(index)
                return [event]
            return []  # a copy of one that was released
        self.held.setdefault(index, (event, now_ms))
        return []

    def release(self) -> list[dict[str, Any]]:
        """Return what no hole holds back any more."""
        free: list[dict[str, Any]] = []
        while True:
            if self.next in self.held:
                free.append(self.held.pop(self.next)[0])
            elif self.next in self.void:
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
            if len(missing) <= MAX_HELD:
                self.given_up.update(i for i in missing if i not in self.void)
            self.void = {i for i in self.void if i >= first}
            self.next = first
            free.extend(self.release())
        return free


class Order:
    """The page loads of one session."""

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._loads: dict[str, _Load] = {}

    def add(self, batch: StoredBatch, now_ms: int) -> list[dict[str, Any]]:
        """Return the events that can be judged now that *batch* has come, in order."""
        load = self._loads.get(batch.page_load)
        if load is None:
            load = self._loads[batch.page_load] = _Load()
        load.void.update(i for i in batch.void if i >= load.next)
        free: list[dict[str, Any]] = []
        for event in batch.events:
            free.extend(load.add(event, now_ms))
        free.extend(load.release())
        if len(load.held) > MAX_HELD:
            free.extend(load.overdue(now_ms, self._lateness_ms))
        return free

    @property
    def waiting(self) -> bool:
        """Say whether anything is held back."""
        return any(load.held for load in self._loads.values())

    def overdue(self, now_ms: int) -> list[dict[str, Any]]:
        """Return what has waited long enough at *now_ms*, its holes given up."""
        return self._all(load.overdue(now_ms, self._lateness_ms) for load in self._loads.values())

    def flush(self) -> list[dict[str, Any]]:
        """Return all that is held back: nothing more is waited for."""
        return self._all(load.overdue(0, -(1 << 62)) for load in self._loads.values())

    @staticmethod
    def _all(parts: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return sorted((e for part in parts for e in part), key=lambda e: (e["ts"], e["page_load"]))
