"""
Owns trials of changed processes: running one, keeping what came of it for a while, and its numbers in rows.

What sessions a number counts is kept, so that each number opens the list of exactly those.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from console.context import console, workbench
from console.finding import PERIODS
from console.language import Language
from console.proposals import Proposal
from console.workbench import ProcessSide, ProcessTrial, Progress
from core.model import SessionQuery
from insight.intervals import Share, share_of

MOST_LOOKED = 2_000
"""The newest sessions that a change is tried on: some seconds; more would change shares by little."""

KEPT = 8
"""Trials that are kept, each with the ids of its sessions: some 100 KB."""

SIDES = ("draft", "force")


@dataclass(frozen=True, slots=True)
class Kept:
    """A trial of *process* that *user* ran."""

    user: str
    process: str
    trial: ProcessTrial


class Trials:
    """The newest trials, by a word that nobody guesses."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, user: str, process: str, trial: ProcessTrial) -> str:
        """Keep *trial*; return the word that it is asked for by."""
        word = secrets.token_urlsafe(12)
        self._kept[word] = Kept(user, process, trial)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return word

    def get(self, word: str, user: str) -> Kept | None:
        """Return the trial *word* of *user*, if it is kept still."""
        found = self._kept.get(word)
        return found if found is not None and found.user == user else None


TRIALS = web.AppKey("trials", Trials)


def begin(
    request: web.Request, proposal: Proposal, since: str
) -> Callable[[Progress], Coroutine[Any, Any, ProcessTrial]]:
    """Return what starts a trial of *proposal* on the sessions of the period *since*."""
    bench = workbench(request)
    span, now_ms = PERIODS.get(since), console(request).clock.now_ms()
    query = SessionQuery(since_ms=now_ms - span if span else None)

    async def run(progress: Progress) -> ProcessTrial:
        return await bench.try_process(
            proposal.file, proposal.text, proposal.process, query, most=MOST_LOOKED, progress=progress
        )  # fmt: skip

    return run


@dataclass(frozen=True, slots=True)
class Row:
    """A step as it stands beside itself: of the draft (None: removed) and of what is in force (None: new)."""

    name: str
    text: str
    goal: bool
    optional: bool
    reached: dict[str, Share | None]
    left: dict[str, Share | None]


def rows(trial: ProcessTrial, language: Language) -> list[Row]:
    """Return the steps of *trial*: those of the draft in order, then those that it has no more."""
    draft, force = trial.draft, trial.force
    titles = {**dict(force.steps if force else ()), **dict(draft.steps)}
    names = [name for name, _ in draft.steps]
    names += [name for name, _ in (force.steps if force else ()) if name not in names]
    return [
        Row(
            name,
            language.text(titles[name]) or name,
            name == draft.goal,
            name in draft.optional,
            {"draft": _reached(draft, name), "force": _reached(force, name)},
            {"draft": _left(draft, name), "force": _left(force, name)},
        )
        for name in names
    ]


def _reached(side: ProcessSide | None, name: str) -> Share | None:
    if side is None or name not in side.reached:
        return None
    return share_of(len(side.reached[name]), len(side.entered))


def _left(side: ProcessSide | None, name: str) -> Share | None:
    if side is None or name not in side.left:
        return None
    return share_of(len(side.left[name]), len(side.reached[name]))


def completed(side: ProcessSide | None) -> Share | None:
    """Return how many of those that entered completed."""
    return share_of(len(side.completed), len(side.entered)) if side is not None else None


def sessions_of(trial: ProcessTrial, what: str, side: str, step: str) -> tuple[str, ...] | None:
    """Return the ids of the sessions that a number of *trial* counts, None if there is no such number."""
    if what in ("gained", "lost"):
        return trial.gained if what == "gained" else trial.lost
    told = {"draft": trial.draft, "force": trial.force}.get(side)
    if told is None:
        return None
    if what == "completed":
        return told.completed
    by_step = {"reached": told.reached, "left": told.left}.get(what)
    return by_step.get(step) if by_step is not None else None
