"""Owns the look through a site's recordings for what a release would open, within bounds of time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from core.errors import StoreError
from core.model import SessionQuery, StoredBatch
from core.store import Store
from replay.mirror import Mirror, MirrorFull
from replay.recording import LoadRecording, load_recording
from replay.release import Opened, Release
from replay.shape import FULL_SNAPSHOT, INCREMENTAL, MUTATION

MOST_SESSIONS = 200
MOST_S = 6.0
"""Whoever waits for a preview waits so long; it says how many sessions were looked at."""

ENOUGH = 5
"""Sessions of a page after which another tells nothing new, mostly: time goes to pages less seen."""

LEAST_MS = 1_000
"""Between two looks at a page that changes: what was there for a second is seen."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What was found, most texts first; out of how many *sessions* and pages, and whether these were *all*."""

    opened: tuple[Opened, ...]
    sessions: int
    pages: tuple[str, ...]
    all: bool


async def preview(
    store: Store, release: Release, *, site: str, first: str | None, most_s: float = MOST_S
) -> Preview:
    """Look through the newest sessions of *site* (key), and before all at the session *first*."""
    deadline = time.monotonic() + most_s
    found = await store.sessions(SessionQuery(site=site, limit=MOST_SESSIONS + 1))
    order = [one.id for one in found if one.id != first][:MOST_SESSIONS]
    looked, pages = 0, Counter[str]()
    whole = len(found) <= MOST_SESSIONS
    for session in ([first] if first else []) + order:
        if time.monotonic() > deadline and looked:
            whole = False
            break
        paths = _paths(await store.batches(session))
        seen = {path for times in paths.values() for _, path in times}
        if session != first and seen and all(pages[path] >= ENOUGH for path in seen):
            continue
        for load, times in paths.items():
            try:
                recording = await load_recording(store, session, load)
            except StoreError:
                continue  # damaged: recording health names it
            if recording is not None:
                await asyncio.to_thread(partial(_look, release, recording, times, session))
        pages.update(seen)
        looked += 1
    opened = sorted(release.opened.values(), key=lambda one: (-one.texts, one.path, one.what))
    return Preview(tuple(opened), looked, tuple(sorted(pages)), whole)


def _paths(batches: Sequence[StoredBatch]) -> dict[str, list[tuple[float, str]]]:
    """Return when each document was on which path."""
    found: dict[str, list[tuple[float, str]]] = {}
    for batch in batches:
        times = found.setdefault(batch.page_load, [])
        for event in batch.events:
            path = event.get("path")
            if path and (not times or times[-1][1] != path):
                times.append((event["ts"], path))
    return {load: times for load, times in found.items() if times}


def _look(
    release: Release, recording: LoadRecording, times: list[tuple[float, str]], session: str
) -> None:
    """Look at a document whenever it may show something else: at routes, snapshots, changes, and its end."""
    mirror, following = Mirror(), list(times)
    path, at_ms, last_ms, changed = following.pop(0)[1], 0.0, 0.0, False

    def look() -> None:
        nonlocal last_ms, changed
        release.look(mirror, path, session, at_ms)
        last_ms, changed = at_ms, False

    for event in recording.events:
        now_ms = event["timestamp"]
        if following and following[0][0] <= now_ms:
            look()
            while following and following[0][0] <= now_ms:
                path = following.pop(0)[1]
        if event["type"] == FULL_SNAPSHOT or (changed and now_ms - last_ms >= LEAST_MS):
            look()
        at_ms = now_ms
        try:
            mirror.apply(event)
        except MirrorFull:
            break
        if event["type"] == FULL_SNAPSHOT:
            changed = True
        elif event["type"] == INCREMENTAL and event["data"].get("source") == MUTATION:
            changed = changed or release.may_change(_structure(event["data"]))
    look()


def _structure(data: dict[str, object]) -> bytes:
    """Return what a mutation says of elements, as JSON."""
    return orjson.dumps([data.get("adds"), data.get("attributes")])
