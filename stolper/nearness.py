"""Looks for the sessions that a rule almost flagged: all but one of its conditions were met."""

from __future__ import annotations

import asyncio
import time

from console.workbench import NearMiss, NearMisses
from core.model import SessionQuery
from core.store import Store
from detector.explain import Miss, explain
from detector.rule import RuleSet

LOOKED_AT = 60
"""Newest sessions that are tried: each is judged some ten times over."""

BUDGET_S = 3.0
"""For so long somebody waits for a page."""

FAR = frozenset({"no_event", "unknown"})
"""Nothing of what the rule asks for came: that is no near miss."""

PARTLY = ("times", "steps", "conditions")
"""Further away than a single demand that was not met."""


async def near_misses(
    store: Store, rules: RuleSet, rule: str, *, since_ms: int, flush_ms: int, limit: int
) -> NearMisses:
    """Return up to *limit* of the newest sessions that *rule* almost flagged, the nearest first."""
    sessions = await store.sessions(SessionQuery(since_ms=since_ms, limit=LOOKED_AT))
    idle_ms = {site.key: site.idle_timeout_ms for site in await store.sites()}
    begun, looked, found = time.perf_counter(), 0, list[NearMiss]()
    for session in sessions:
        if time.perf_counter() - begun > BUDGET_S:
            break
        looked += 1
        made = await asyncio.to_thread(
            explain,
            rules,
            rule,
            session,
            await store.batches(session.id),
            flush_ms=flush_ms,
            idle_timeout_ms=idle_ms.get(session.site, 0),
        )
        if made.miss is not None and made.miss.kind not in FAR:
            found.append(NearMiss(session, made.miss.kind, made.miss.text, _after_ms(made.miss)))
    found.sort(key=lambda one: (one.kind in PARTLY, -one.session.started_ms))
    return NearMisses(tuple(found[:limit]), looked)


def _after_ms(miss: Miss) -> float:
    """Return when, from the session's start on, the rule came nearest."""
    return miss.events[0].after_ms if miss.events else 0.0
