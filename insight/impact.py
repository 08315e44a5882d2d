"""What a struggle means for a process: how many met it on their way, and how many of them got to the goal."""

from __future__ import annotations

from dataclasses import dataclass

from core.causes import BEEN_AT, MET_AT, met_value
from core.model import SessionQuery
from insight.causes import Cost, cost
from insight.funnel import MOST, FunnelStore, Pair, completed, narrowed
from insight.intervals import Share, share_of


@dataclass(frozen=True, slots=True)
class Impact:
    """
    Of the ended sessions that were at a step of *process* before its goal: *met* are those that met the struggle there.

    *with_it* and *without_it* are how many of either completed. The two differ in more than the struggle
    (who goes on for long meets more of everything): it is what was seen, not what it caused. *came* and
    *done* list those that met it, and those of them that completed. *cost* compares with like sessions
    (insight/causes.py); None where too few met it to tell.
    """

    process: str
    met: Share
    with_it: Share
    without_it: Share
    came: tuple[Pair, ...]
    done: tuple[Pair, ...]
    cost: Cost | None = None


async def impact(store: FunnelStore, query: SessionQuery, struggle: str, process: str) -> Impact:
    """
    Return what *struggle* (its key) means for *process* among the sessions of *query*.

    What only says in other words that somebody left or did not complete was not met (insight/met.py).
    """

    async def count(*pairs: Pair) -> int:
        return await store.count_sessions(narrowed(query, *pairs), most=MOST)

    came, done = ((BEEN_AT, process), ("not_has", "running")), completed(process)
    having = (*came, (MET_AT, met_value(process, struggle)))
    all_, all_done = await count(*came), await count(*came, done)
    met, met_done = await count(*having), await count(*having, done)
    return Impact(
        process,
        share_of(met, all_),
        share_of(met_done, met),
        share_of(all_done - met_done, all_ - met),
        having,
        (*having, done),
        await cost(store, query, struggle, process) if met else None,
    )
