"""
A process in numbers: how many sessions came how far, where they left, and what that took.

Each number is counted by the query that lists its sessions, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.causes import CauseStore
from core.model import SessionQuery
from core.search import Facets, Find
from core.store import RecordStore
from core.walks import ENDS, PLACE, WHOLE, Spent, Spread, WalkStore
from insight.intervals import Share, share_of

Pair = tuple[str, str]

MOST = 100_000_000
"""More sessions than there are: all are counted."""

FEW = 6
"""Values of a kind of end that are told."""


class FunnelStore(RecordStore, WalkStore, CauseStore, Protocol):
    """The parts of a store that a funnel needs."""

    async def facets(self, query: SessionQuery, fields: Sequence[str], most: int) -> Facets:
        """Return counts by value (SearchStore)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    One step: how many came at least so far, of all that *entered*; how many of them left here; the time to the next step.

    *reached* and *left* are asked for by the pairs of those names in a list of sessions.
    """

    name: str
    optional: bool
    reached: Share
    left: Share
    spent: Spread | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """A process. *completed* is of all that *entered*; *under_way* are in it at this moment. *whole*: the time to the goal."""

    entered: int
    completed: Share
    left: int
    under_way: int
    stages: tuple[Stage, ...]
    whole: Spread | None
    worth: float | None

    @property
    def worst(self) -> str:
        """Return the step at which most left; the first where nobody did."""
        return max(self.stages, key=lambda stage: stage.left.some).name


@dataclass(frozen=True, slots=True)
class End:
    """Where some of those who left a step were: a page, field, element or next page, and how many sessions."""

    value: str
    label: str
    sessions: int
    pair: Pair


@dataclass(frozen=True, slots=True)
class Part:
    """Those that entered with one *value* of a field, and what share of them completed."""

    value: str
    completed: Share


def reached(process: str, step: str) -> Pair:
    """Return what lists the sessions that came at least to *step* of *process*."""
    return ("reached", f"{process}{PLACE}{step}")


def entered(process: str) -> Pair:
    """Return what lists the sessions that entered *process*: any step of it came."""
    return ("reached", process)


def completed(process: str) -> Pair:
    """Return what lists the sessions that completed it."""
    return ("completed", process)


def left(process: str, step: str) -> Pair:
    """Return what lists the sessions that left it at *step*."""
    return ("left", f"{process}{PLACE}{step}")


def under_way(process: str) -> tuple[Pair, ...]:
    """Return what lists the sessions that are in it now."""
    return (entered(process), ("not_completed", process), ("has", "running"))


async def funnel(
    store: FunnelStore,
    query: SessionQuery,
    process: str,
    steps: Sequence[str],
    optional: Sequence[str] = (),
) -> Funnel:
    """Return the numbers of *process*, whose *steps* stand in order, among the sessions of *query*."""
    spent: Spent = await store.spent(query, process)

    async def count(*pairs: Pair) -> int:
        return await store.count_sessions(narrowed(query, *pairs), most=MOST)

    came = await count(entered(process))
    done = await count(completed(process))
    stages = []
    for name in steps:
        so_far = await count(reached(process, name))
        gone = await count(left(process, name))
        stages.append(
            Stage(name, name in optional, share_of(so_far, came), share_of(gone, so_far), spent.spans.get(name))
        )  # fmt: skip
    return Funnel(
        came,
        share_of(done, came),
        sum(stage.left.some for stage in stages),
        await count(*under_way(process)),
        tuple(stages),
        spent.spans.get(WHOLE),
        spent.worth,
    )


async def outcome(store: FunnelStore, query: SessionQuery, process: str) -> Share:
    """Return how many of the sessions of *query* that entered *process* completed it."""
    came = await store.count_sessions(narrowed(query, entered(process)), most=MOST)
    done = await store.count_sessions(narrowed(query, completed(process)), most=MOST)
    return share_of(done, came)


def narrowed(query: SessionQuery, *pairs: Pair) -> SessionQuery:
    """Return *query* with *pairs* asked for, too."""
    wanted = tuple(one for one in pairs if not one[0].startswith("not_"))
    unwanted = tuple((n.removeprefix("not_"), v) for n, v in pairs if n.startswith("not_"))
    find = (query.find or Find()).also(Find(include=wanted, exclude=unwanted))
    return replace(query, find=find)


async def ends(
    store: FunnelStore, query: SessionQuery, process: str, step: str
) -> dict[str, list[End]]:
    """Return by kind (core/walks.py: ENDS) where most of those were who left *process* at *step*."""
    at = left(process, step)
    found: dict[str, list[End]] = {}
    for kind in ENDS:
        counts = await store.ends(narrowed(query, at), kind, at[1], FEW)
        names = [value for value, _ in counts]
        labels = await store.labels(process, names) if kind == "left_element" else {}
        found[kind] = [
            End(value, labels.get(value, ""), sessions, (kind, f"{at[1]} {value}"))
            for value, sessions in counts
        ]
    return found


async def parts(
    store: FunnelStore,
    query: SessionQuery,
    process: str,
    field: str,
    most: int = 8,
) -> list[Part]:
    """Return by the values of *field* what share of those that entered completed, most sessions first."""
    came = narrowed(query, entered(process))
    all_ = dict((await store.facets(came, (field,), most)).values[field])
    done = narrowed(came, completed(process))
    found = dict((await store.facets(done, (field,), 100)).values[field])
    return [Part(value, share_of(found.get(value, 0), count)) for value, count in all_.items()]
