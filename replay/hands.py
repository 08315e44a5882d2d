"""
Owns when a visitor's hand did something in a session (pointer, scrolling, values of fields), and noting that with the
gaps of its recording (damages.py).

Sealing writes down as much of it as tells spans without activity exactly, so that nobody reads a whole
recording for them; sessions that are not sealed, or were before this was written down, are read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from core.errors import StoreError
from core.model import ChunkRef
from core.sealed import Activity
from core.store import AssetStore, RecordStore, SealStore
from replay.damages import Damages, moved
from replay.recording import Damage, recordings
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
        self._damages = Damages()
        self._known = True

    def follow(self, ref: ChunkRef, events: Sequence[Any]) -> None:
        """Note the *events* of the chunk *ref*."""
        sound = [event for event in events if check_event(event) is None]
        moments = self._moments.setdefault(ref.page_load, [])
        moments += (float(event["timestamp"]) for event in sound if is_interaction(event))
        self._damages.follow(ref, events, sound=len(sound) == len(events))

    def keep(self, ref: ChunkRef, raw: bytes) -> None:
        """Note that a chunk was not read here: what is known of hands is not all."""
        self._known = False
        self._damages.keep(ref, raw)

    def told(self) -> Activity:
        """Return what is to be kept: moments by document, null if they are not all; gaps by document."""
        kept = {load: times for load, found in self._moments.items() if (times := thinned(found))}
        return Activity(orjson.dumps([kept if self._known else None, self._damages.told()]))


@dataclass(frozen=True, slots=True)
class Noted:
    """Server times (ms), ascending, between which the visitor's hand did nothing for long; and what cannot be played."""

    moments: list[float]
    gaps: list[Damage]


async def noted(store: Recorded, session: str) -> Noted:
    """
    Return what is to be known of a recording as a whole before parts of it are read.

    Moments are exact for spans of more than INACTIVE_AFTER_MS.
    """
    moments, gaps = await _kept(store, session)
    if moments is None:
        return await _read(store, session)
    origins = {load.id: load.origin_ms for load in await store.page_loads(session)}
    return Noted(
        sorted(
            origins[load] + t for load, times in moments.items() if load in origins for t in times
        ),
        [one for _load, one in _moved(gaps, origins)],
    )


async def noted_gaps(store: Recorded, session: str) -> list[tuple[str, Damage]]:
    """Return what sealing noted that cannot be played, each with its document. Nothing is read for it."""
    _moments, gaps = await _kept(store, session)
    if not gaps:
        return []
    return list(_moved(gaps, {load.id: load.origin_ms for load in await store.page_loads(session)}))


def _moved(
    gaps: Mapping[str, Sequence[dict[str, Any]]], origins: Mapping[str, float]
) -> Iterator[tuple[str, Damage]]:
    for load, found in gaps.items():
        if load in origins:
            for one in found:
                yield load, moved(one, origins[load])


async def _kept(
    store: Recorded, session: str
) -> tuple[dict[str, Sequence[float]] | None, dict[str, list[dict[str, Any]]]]:
    """Return what was noted of hands and gaps, by document; no hands where not all of it was."""
    try:
        content = await store.activity(session)
    except StoreError:
        return None, {}  # what is damaged is named where the recording is read
    if content is None:
        return None, {}
    told = orjson.loads(content)
    if isinstance(told, dict):  # sealed before gaps were noted
        return told, {}
    moments, gaps = told
    return moments, gaps


async def _read(store: Recorded, session: str) -> Noted:
    moments: list[float] = []
    gaps: list[Damage] = []
    async for read in recordings(store, session):
        moments.extend(event["timestamp"] for event in read.events if is_interaction(event))
        gaps += read.gaps
    return Noted(sorted(moments), gaps)
