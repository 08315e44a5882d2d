"""
A changed process over history: the walks of the newest sessions by the draft, beside those by what is in force.

Owns pages and progress. What a walk is, is insight/walks.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from console.workbench import ProcessSide, ProcessTrial
from core.model import Place, Session, SessionQuery, StoredBatch
from detector.judging import in_order
from detector.rule import Process, RuleSet
from detector.steps import Steps
from insight.walks import found_by, walks_of
from stolper.history import HistoryStore

PAGE = 50
"""Sessions read at a time: a fraction of a second, so that progress moves and a newer trial can take over."""

Terms = frozenset[tuple[str, str]]


class Side:
    """One declaration, and what it makes of sessions."""

    def __init__(self, rules: RuleSet, process: Process) -> None:
        self._process = process
        self._order = [name for name, _ in process.steps]
        self._steps = Steps(replace(rules, processes=(process,)))
        self.version = self._steps.version
        self._found: list[tuple[str, Terms]] = []

    def look(self, session: Session, batches: Sequence[StoredBatch]) -> None:
        """Note what *session*, of *batches*, is found by."""
        for walk in walks_of(self._steps, session.id, in_order(batches), session.attributes):
            terms = found_by(self._process, walk, ended=session.ended_ms is not None)
            self._found.append((session.id, frozenset(terms)))

    def told(self) -> ProcessSide:
        """Return what came of all that were looked at."""
        labels = dict(self._process.labels)

        def having(field: str, step: str = "") -> tuple[str, ...]:
            term = (field, f"{self._process.id}/{step}" if step else self._process.id)
            return tuple(id_ for id_, terms in self._found if term in terms)

        return ProcessSide(
            steps=tuple((name, labels.get(name, {})) for name in self._order),
            optional=self._process.optional,
            goal=self._process.goal,
            entered=having("reached"),
            reached={name: having("reached", name) for name in self._order},
            left={name: having("left", name) for name in self._order},
            completed=having("completed"),
        )


async def tried(
    store: HistoryStore,
    draft: RuleSet,
    force: RuleSet,
    id_: str,
    query: SessionQuery,
    *,
    most: int,
    progress: Callable[[int, int], None] | None = None,
) -> ProcessTrial:
    """
    Return what the process *id_* of *draft* makes of the newest *most* sessions of *query*, beside that in *force*.

    A session that cannot be read is not among those looked at.
    """
    new = await asyncio.to_thread(_side, draft, id_)
    old = await asyncio.to_thread(_side, force, id_)
    assert new is not None
    total = await store.count_sessions(query)
    looked, begun_ms = 0, None
    for_page = replace(query, limit=PAGE, offset=0, order="newest")
    while looked < most:
        page = (await store.sessions(for_page))[: most - looked]
        batches = await store.batches_of([one.id for one in page])
        for side in (new, old):
            if side is not None:
                await asyncio.to_thread(_look, side, page, batches)
        looked += len(page)
        begun_ms = page[-1].started_ms if page else begun_ms
        if progress is not None:
            progress(looked, min(total, most))
        if len(page) < PAGE:
            break
        for_page = replace(for_page, after=Place.of(page[-1]))
    return _trial(new, old, looked, max(total, looked), begun_ms)


def _trial(
    new: Side, old: Side | None, looked: int, total: int, begun_ms: int | None
) -> ProcessTrial:
    draft, force = new.told(), old.told() if old is not None else None
    before, after = set(force.completed if force else ()), set(draft.completed)
    return ProcessTrial(
        looked=looked,
        total=total,
        begun_ms=begun_ms,
        draft=draft,
        force=force,
        gained=tuple(one for one in draft.completed if one not in before),
        lost=tuple(one for one in (force.completed if force else ()) if one not in after),
    )


def _side(rules: RuleSet, id_: str) -> Side | None:
    process = next((one for one in rules.processes if one.id == id_), None)
    return Side(rules, process) if process is not None else None


def _look(side: Side, page: Sequence[Session], batches: dict[str, list[StoredBatch]]) -> None:
    for session in page:
        if not session.canary:
            side.look(session, batches.get(session.id, []))
