"""Owns counting stored presses by selector, newest sessions first, within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core.model import SessionQuery
from core.store import RecordStore
from detector.patterns import selectors

MOST_SESSIONS = 2_000
"""A site's last days may hold far more; the newest tell enough to choose a selector."""

MOST_S = 3.0
"""Whoever waits for a dialog waits no longer than this."""

_PAGE = 50


@dataclass(slots=True)
class Matches:
    """What one selector found: presses, the sessions they are in, and different targets."""

    presses: int = 0
    sessions: int = 0
    targets: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """*matches* by selector, out of *sessions*; *all* says whether these were all of the span."""

    matches: dict[str, Matches]
    sessions: int
    all: bool


async def count_presses(
    store: RecordStore,
    chosen: Sequence[str],
    *,
    site: str | None,
    since_ms: int,
    most_s: float = MOST_S,
) -> Counted:
    """
    Count stored clicks that fit each selector of *chosen* in sessions since *since_ms*.

    Raise BadSelector for a selector that rules do not know.
    """
    tests = {one: selectors([one]) for one in chosen}
    matches = {one: Matches() for one in chosen}
    targets: dict[str, set[str]] = {one: set() for one in chosen}
    seen = 0
    deadline = time.monotonic() + most_s
    while seen < MOST_SESSIONS:
        query = SessionQuery(site=site, since_ms=since_ms, limit=_PAGE, offset=seen)
        page = await store.sessions(query)
        for session in page:
            hit: set[str] = set()
            for batch in await store.batches(session.id):
                for event in batch.events:
                    if event.get("type") != "click" or not event.get("target"):
                        continue
                    for one, fits in tests.items():
                        if fits(event["target"]):
                            matches[one].presses += 1
                            targets[one].add(str(event["target"].get("key")))
                            hit.add(one)
            for one in hit:
                matches[one].sessions += 1
            seen += 1
            if time.monotonic() > deadline:
                return _counted(matches, targets, seen, all_=False)
        if len(page) < _PAGE:
            return _counted(matches, targets, seen, all_=True)
        await asyncio.sleep(0)
    return _counted(matches, targets, seen, all_=False)


def _counted(
    matches: dict[str, Matches], targets: dict[str, set[str]], seen: int, *, all_: bool
) -> Counted:
    for one, found in matches.items():
        found.targets = len(targets[one])
    return Counted(matches, seen, all_)
