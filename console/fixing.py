"""Owns looking up what came of fixes for pages, each no more often than once in a while."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web

from console.context import console
from console.finding import MET, Pair
from core.triage import Queued
from insight.fixes import Verdict, verdict

KEPT_MS = 60_000
MOST = 1_000

Kept = dict[str, tuple[int, Verdict | None]]

KEPT = web.AppKey("verdicts of fixes", Kept)
"""By struggle: when it was looked up, and what came of its fix."""


async def verdict_of(request: web.Request, struggle: str) -> Verdict | None:
    """Return what came of the fix of *struggle* by now; None if it has none."""
    store = console(request).store
    fix = await store.fix(struggle)
    found = None if fix is None else await verdict(store, fix)
    kept = request.app[KEPT]
    if len(kept) >= MOST:
        kept.clear()
    kept[struggle] = (console(request).clock.now_ms(), found)
    return found


async def verdicts_of(request: web.Request, queued: Sequence[Queued]) -> dict[str, Verdict]:
    """Return what came of the fixes of a page of the queue, by struggle; each at most a minute old."""
    found = {}
    for one in queued:
        if one.triage.state not in ("resolved", "returned"):
            continue
        key, now_ms = one.struggle.key, console(request).clock.now_ms()
        at_ms, told = request.app[KEPT].get(key, (None, None))
        if (
            at_ms is None
            or now_ms - at_ms >= KEPT_MS
            or (told and told.fix.state != one.triage.state)
        ):
            told = await verdict_of(request, key)
        if told is not None:
            found[key] = told
    return found


def side_link(one: Verdict, pairs: Sequence[Pair], *, met: bool = False) -> str:
    """Return the address of the sessions of one side of *one*; those who *met* the struggle, or all that came."""
    struggle = [(MET, one.fix.struggle)] if met else []
    return f"/sessions?{urlencode([('site', one.fix.site), *struggle, *pairs])}"
