"""What a struggle means for a process: how many met it on their way, and how many of them got to the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.model import SessionQuery
from insight.causes import Cost, cost
from insight.funnel import MOST, FunnelStore, Pair, completed, entered, narrowed
from insight.intervals import Share, share_of


@dataclass(frozen=True, slots=True)
class Impact:
    """
    Of the sessions that entered *process*: *met* are those with the struggle.

    *with_it* and *without_it* are how many of either completed. The two differ in more than the struggle
    (who goes on for long meets more of everything): it is what was seen, not what it caused. *came* and
    *done* list the sessions that entered and that completed. *cost* compares with like sessions (insight/causes.py);
    None where too few met it to tell.
    """

    process: str
    met: Share
    with_it: Share
    without_it: Share
    came: Pair
    done: Pair
    cost: Cost | None = None


async def impact(
    store: FunnelStore, query: SessionQuery, struggle: str, process: str, steps: Sequence[str]
) -> Impact:
    """Return what *struggle* (its key) means for *process* among the sessions of *query*."""

    async def count(of: SessionQuery, *pairs: Pair) -> int:
        return await store.count_sessions(narrowed(of, *pairs), most=MOST)

    having = replace(query, struggle=struggle)
    came, done = entered(process, steps), completed(process)
    all_, all_done = await count(query, came), await count(query, done)
    met, met_done = await count(having, came), await count(having, done)
    return Impact(
        process,
        share_of(met, all_),
        share_of(met_done, met),
        share_of(all_done - met_done, all_ - met),
        came,
        done,
        await cost(store, query, struggle, process) if met else None,
    )
