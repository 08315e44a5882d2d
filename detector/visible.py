"""The clock of visible time: it runs while at least one tab of the session is visible."""

from __future__ import annotations

from math import inf
from typing import Any


class VisibleClock:
    """Visible milliseconds so far. Until something is known, a session is visible."""

    __slots__ = ("_since", "_tabs", "_total")

    def __init__(self, ts: float) -> None:
        self._total = 0.0
        self._since: float | None = ts
        self._tabs: set[object] = set()

    def at(self, ts: float) -> float:
        """Return the visible time at *ts*."""
        return self._total if self._since is None else self._total + (ts - self._since)

    def when(self, visible_ms: float) -> float:
        """Return when *visible_ms* will be reached, infinity while nothing is visible."""
        return inf if self._since is None else self._since + (visible_ms - self._total)

    def note(self, tab: object, ts: float, *, shown: bool) -> None:
        """Note that *tab* was shown or hidden."""
        if shown:
            self._tabs.add(tab)
            if self._since is None:
                self._since = ts
            return
        self._tabs.discard(tab)
        if not self._tabs and self._since is not None:
            self._total += max(0.0, ts - self._since)
            self._since = None


def visible_time(state: list[Any], ts: float) -> float:
    """Return the visible time of the session *state* at *ts*."""
    clock = state[3]
    if clock is None:
        clock = state[3] = VisibleClock(ts)
    time: float = clock.at(ts)
    return time


def on_visibility(state: list[Any], event: dict[str, Any], ts: float) -> None:
    """Follow a `visibility`, `page` or `leave` event."""
    visible_time(state, ts)
    kind = event["type"]
    if kind == "visibility":
        state[3].note(event.get("tab"), ts, shown=event.get("state") == "visible")
    elif kind == "page":
        state[3].note(event.get("tab"), ts, shown=event.get("visible") is True)
    elif event.get("kind") in ("close", "hidden"):
        state[3].note(event.get("tab"), ts, shown=False)
    # A clock that stands or runs again moves every deadline that counts in it.
    state[0] = -inf
