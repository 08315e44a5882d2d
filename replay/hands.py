"""
Owns when a visitor's hand did something in a session: pointer, scrolling, values of fields.

Sealing writes down as much of it as tells spans without activity exactly, so that nobody reads a whole
recording for them; sessions that are not sealed, or were before this was written down, are read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import orjson

from core.errors import StoreError
from core.sealed import Activity
from core.store import AssetStore, RecordStore, SealStore
from replay.recording import recordings
from replay.shape import check_event, is_interaction
from replay.timeline import INACTIVE_AFTER_MS


class Recorded(RecordStore, AssetStore, SealStore, Protocol):
    """Where recordings are, and what was noted of them."""


def thinned(moments: Iterable[float], threshold_ms: float = INACTIVE_AFTER_MS) -> list[float]:
    """
    Return as few of *moments* as have the same spans between them that are longer than *threshold_ms*.

    Also together with other moments.
    """
    times = sorted(moments)
    kept: list[float] = []
    at = 0
    while at < len(times):
        kept.append(times[at])
        # The last one that is near enough, or the next one behind a longer pause.
        at = max(at + 1, bisect_right(times, times[at] + threshold_ms) - 1)
    return kept


class Hands:
    """Gathers the moments of a session that is being sealed, document by document."""

    def __init__(self) -> None:
        self._moments: dict[str, list[float]] = {}
        self._known = True

    def follow(self, page_load: str, events: Iterable[Any]) -> None:
        """Note the *events* of a chunk."""
        moments = self._moments.setdefault(page_load, [])
        moments += (
            float(event["timestamp"])
            for event in events
            if check_event(event) is None and is_interaction(event)
        )

    def lose(self) -> None:
        """Note that a chunk could not be read here: what is known is not all."""
        self._known = False

    def told(self) -> Activity | None:
        """Return what is to be kept; None if it is not all."""
        if not self._known:
            return None
        kept = {load: times for load, found in self._moments.items() if (times := thinned(found))}
        return Activity(orjson.dumps(kept))


async def activity(store: Recorded, session: str) -> list[float]:
    """
    Return server times (ms), ascending, between which the visitor's hand did nothing for long.

    That is exact for spans of more than INACTIVE_AFTER_MS.
    """
    noted = await _noted(store, session)
    if noted is None:
        return await _read(store, session)
    origins = {load.id: load.origin_ms for load in await store.page_loads(session)}
    return sorted(
        origins[load] + t for load, times in noted.items() if load in origins for t in times
    )


async def _noted(store: Recorded, session: str) -> dict[str, Sequence[float]] | None:
    try:
        content = await store.activity(session)
    except StoreError:
        return None  # what is damaged is named where the recording is read
    if content is None:
        return None
    noted: dict[str, Sequence[float]] = orjson.loads(content)
    return noted


async def _read(store: Recorded, session: str) -> list[float]:
    moments: list[float] = []
    async for read in recordings(store, session):
        moments.extend(event["timestamp"] for event in read.events if is_interaction(event))
    return sorted(moments)
