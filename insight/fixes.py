"""
Whether a fix has helped: how many met the struggle before it and since, of those who came to its page.

Each number is counted by the query that lists its sessions. A fix is called good only where the interval of the
ratio leaves no room for "nothing has changed".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from core.fixes import Fix, FixStore
from core.model import SessionQuery
from core.store import RecordStore
from insight.funnel import MOST, Pair, narrowed
from insight.intervals import Ratio, Share, ratio_of, share_of

BEFORE_DAYS = 28
"""Days before a fix that count: four whole weeks."""

DAY_MS = 86_400_000

Outcome = Literal["improved", "worse", "open", "waiting"]
"""`open`: no difference is seen yet. `waiting`: nobody has come on that release yet."""


class VerdictStore(RecordStore, FixStore, Protocol):
    """The parts of a store that a verdict needs."""


@dataclass(frozen=True, slots=True)
class Side:
    """Ended visits that came before or since, and the share of them that *met* the struggle. *pairs* list them."""

    met: Share
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What came of *fix*: since *at_ms*, told apart by releases or else by time alone.

    *ratio* is the share since over the share before, None where nobody met it before.
    """

    fix: Fix
    outcome: Outcome
    at_ms: int
    by_release: bool
    page: str
    before: Side
    since: Side
    ratio: Ratio | None


async def verdict(store: VerdictStore, fix: Fix) -> Verdict:
    """Return what came of *fix* by now."""
    releases = await store.releases(fix.site)
    named = next((one for one in releases if one.name == fix.release), None)
    at_ms = fix.resolved_ms if named is None else named.at_ms
    by_release = named is not None and named.seen_ms is not None
    page = fix.pages[0] if len(fix.pages) == 1 else ""
    place: tuple[Pair, ...] = (("not_has", "running"), *((("page", page),) if page else ()))
    release = fix.release if by_release else ""
    before = await _side(store, fix, (*place, *_before(at_ms, release)))
    since = await _side(store, fix, (*place, *_since(at_ms, release)))
    ratio = ratio_of(since.met.some, since.met.all, before.met.some, before.met.all)
    waiting = bool(fix.release) and named is None
    return Verdict(
        fix, _outcome(ratio, since, waiting=waiting), at_ms, by_release, page, before, since, ratio
    )  # fmt: skip


def _before(at_ms: int, release: str) -> tuple[Pair, ...]:
    begun = ("began", f"{at_ms - BEFORE_DAYS * DAY_MS}-{at_ms}")
    return (begun, ("not_release_since", release)) if release else (begun,)


def _since(at_ms: int, release: str) -> tuple[Pair, ...]:
    begun = ("began", f"{at_ms}-")
    return (begun, ("release_since", release)) if release else (begun,)


async def _side(store: RecordStore, fix: Fix, pairs: tuple[Pair, ...]) -> Side:
    query = narrowed(SessionQuery(site=fix.site), *pairs)
    came = await store.count_sessions(query, most=MOST)
    met = await store.count_sessions(replace(query, struggle=fix.struggle), most=MOST)
    return Side(share_of(met, came), pairs)


def _outcome(ratio: Ratio | None, since: Side, *, waiting: bool) -> Outcome:
    if waiting or not since.met.all:
        return "waiting"
    if ratio is None:
        return "open"
    return "improved" if ratio.high < 1 else "worse" if ratio.low > 1 else "open"
