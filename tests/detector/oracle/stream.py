"""
What a rule sees of a session, in canonical order: the events themselves, those that mappings make
of them, the session's end, and how much of the time a tab was visible.

Part of the oracle; `evaluate.py` says who wrote it from what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.detector.oracle.fields import Event, Situation, glob, holds, selected
from tests.detector.oracle.reading import Mapping, Matcher, Process


def matches(matcher: Matcher, event: Event, here: Situation) -> bool:
    """Return whether *event* is one of the alternatives of *matcher*."""
    return any(
        event["type"] == name and all(holds(where, event, here) for where in wheres)
        for name, wheres in matcher.alternatives
    )


def canonical(events: Iterable[Event]) -> list[Event]:
    """
    Return *events* without their duplicates, in the order in which they are judged.

    Inside a page load by t, then index; across page loads by ts, then page load id (2.2.2). As ts
    is t moved by one offset per page load, sorting by all four is both.
    """
    first = {(event["page_load"], event["i"]): event for event in reversed(list(events))}
    return sorted(first.values(), key=lambda e: (e["ts"], e["page_load"], e["t"], e["i"]))


def with_derived(
    events: Sequence[Event], mappings: Sequence[Mapping], attributes: dict[str, Any]
) -> list[Event]:
    """Return *events*, each followed by the `custom` events that *mappings* make of it."""
    found: list[Event] = []
    for event in events:
        found.append(event)
        for mapping in mappings:
            here = Situation(attributes)
            if matches(mapping.source, event, here) and _on(mapping, event):
                kept = {k: event[k] for k in ("i", "t", "ts", "page_load", "tab", "view", "path")}
                found.append(
                    {**kept, "type": "custom", "name": mapping.name, "props": mapping.props}
                )
    return found


def _on(mapping: Mapping, event: Event) -> bool:
    for name, patterns in mapping.on.items():
        if name == "target":
            path = (event.get("target") or {}).get("path") or []
            good = any(selected(pattern, path) for pattern in patterns)
        else:
            text = event.get(name)
            good = isinstance(text, str) and any(glob(pattern, text) for pattern in patterns)
        if not good:
            return False
    return True


class VisibleClock:
    """How many milliseconds of the session a tab was visible: the clock of `clock: visible`."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._spans: list[tuple[float, float]] = []
        shown: dict[str, bool] = {}
        since: float | None = None
        for event in events:
            shown.setdefault(event["tab"], True)
            if event["type"] == "visibility":
                shown[event["tab"]] = event.get("state") == "visible"
            if event["type"] == "page":
                shown[event["tab"]] = event.get("visible", False)
            if event["type"] == "leave" and event.get("kind") in ("close", "hidden"):
                shown[event["tab"]] = False
            some = any(shown.values())
            if some and since is None:
                since = event["ts"]
            if not some and since is not None:
                self._spans.append((since, event["ts"]))
                since = None
        if since is not None:
            self._spans.append((since, float("inf")))

    def __call__(self, ts: float) -> float:
        """Return the visible time before *ts*."""
        return sum(max(0.0, min(ts, end) - begin) for begin, end in self._spans)

    def last_moment(self, ms: float) -> float:
        """
        Return the latest time at which no more than *ms* were visible; infinity if there is none.

        While all tabs are hidden the clock stands, and an answer still comes in time.
        """
        left = ms
        for n, (begin, end) in enumerate(self._spans):
            if left < end - begin:
                return begin + left
            left -= end - begin
            if left == 0:
                more = self._spans[n + 1 :]
                return more[0][0] if more else float("inf")
        return float("inf")


class EventClock:
    """Event time itself: the clock of all other rules."""

    def __call__(self, ts: float) -> float:
        """Return *ts*."""
        return ts

    def last_moment(self, ms: float) -> float:
        """Return *ms*."""
        return ms


class Progress:
    """How far a visitor is in one process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.reached: list[str] = []
        self.last = ""
        self.under_way = False

    def see(self, event: Event, here: Situation) -> None:
        """Take *event*: the last of the steps that it reaches."""
        names = list(self.process.steps)
        for n in reversed(range(len(names))):
            if not matches(self.process.steps[names[n]], event, here):
                continue
            needed = [name for name in names[:n] if name not in self.process.optional]
            if self.process.strict and not set(needed) <= set(self.reached):
                continue
            self._reach(names[n])
            return

    def _reach(self, name: str) -> None:
        self.last = name
        self.reached.append(name)
        self.under_way = name != self.process.goal
