"""
Judges the events of one session, in the order in which it is given them.

Pure: events in, flags in the session's book. Deadlines are event time. The order of
events is detector/order.py, tasks and the store are detector/service.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any

from core.model import Flag, Score
from detector import facts
from detector.book import Raised
from detector.codegen import Handler, Place
from detector.compile import Program, compile_rules
from detector.rule import RuleSet, Scoring
from detector.score import Scorer

log = logging.getLogger(__name__)


def _nothing(*_: object) -> None:
    """Do nothing: no rule reads events of this type."""


class Engine:
    """A compiled rule set. *errors* counts events on which it failed (each is logged)."""

    def __init__(
        self, rules: RuleSet, *, fast: bool = True, program: Program | None = None
    ) -> None:
        self.rules = rules
        self.program = program or compile_rules(rules, fast=fast)
        self.errors = 0
        nothing: dict[str, Handler] = dict.fromkeys(rules.schema.events, _nothing)
        self._handlers = nothing | self.program.handlers
        self._timers = self.program.timers
        self._scorer = Scorer(rules.scoring or Scoring())
        self._soonest = self.program.soonest
        self._run = self.program.run
        self._pending = [timer.pending for timer in self._timers]

    def new(self, attributes: dict[str, Any]) -> list[Any]:
        """Return the state of a session of which nothing has been judged."""
        return self.program.new_state(attributes)

    def feed(self, state: list[Any], event: dict[str, Any]) -> None:
        """Judge *event*; deadlines before it run out first. Never raises."""
        ts: float = event["ts"]
        if state[0] < ts:
            self._due(state, ts)
        place = (event.get("page_load"), event.get("tab"))
        try:
            self._handlers[event["type"]](event, ts, state, event.get("i"), place)
        except Exception:
            self._failed(event)
        if state[0] == -inf:
            self._due(state, -inf)

    def take(
        self,
        state: list[Any],
        events: Sequence[dict[str, Any]],
        place: Place,
        index: int,
        after: float,
    ) -> int:
        """
        Judge *events*, whose indices rise by one from *index* on, as long as time rises, too.

        They are of one page load; *place* is that and its tab. The first must be later than
        *after*, and each later than the one before. Return the index after the last one that
        was judged. Never raises.
        """
        try:
            reached: int = self._run(events, state, index, place, after, self._due)
        except Exception as error:
            reached = self._past(error, state, events, place, index)
        if state[0] == -inf:
            self._due(state, -inf)
        return reached

    def _past(
        self,
        error: Exception,
        state: list[Any],
        events: Sequence[dict[str, Any]],
        place: Place,
        index: int,
    ) -> int:
        """Skip the event on which a rule failed, and judge those after it."""
        at = _index_of(error)
        failed = events[at - index]
        self._failed(failed)
        return self.take(state, events[at - index + 1 :], place, at + 1, failed["ts"])

    def _due(self, state: list[Any], ts: float) -> None:
        """Judge what was raised meanwhile, then let run out what ends before *ts*."""
        if state[0] == -inf:
            self._drain(state)
        self._soonest(state)  # what was answered meanwhile no longer counts
        if state[0] < ts:
            self.expire(state, ts)

    def expire(self, state: list[Any], until: float, *, inclusive: bool = False) -> None:
        """Let every wait run out whose deadline lies before (or, *inclusive*, at) *until*."""
        while True:
            number = self._soonest(state)
            deadline: float = state[0]
            if number is None or deadline > until or (deadline == until and not inclusive):
                return
            self._timers[number].expire(state)
            self._drain(state)

    def end(self, state: list[Any], ts: float, kind: str, *, horizon: float | None = None) -> None:
        """
        End the session, whose last event was at *ts*.

        Waits that run out by *horizon* (the session was open and silent until then) are
        decided, those with or_end are met, the others are undecided and drop.
        """
        if horizon is not None and horizon > ts:
            self.expire(state, horizon, inclusive=True)
        self.feed(state, {"type": "session_end", "ts": ts, "kind": kind})
        for timer, pending in zip(self._timers, self._pending, strict=True):
            if state[pending] is not None:
                timer.end(state, ts)
                self._drain(state)
        state[0] = inf

    def judge(
        self,
        events: Iterable[dict[str, Any]],
        attributes: dict[str, Any],
        *,
        end: tuple[float, str] | None = None,
        horizon: float | None = None,
    ) -> list[Raised]:
        """Return all flags of a session's *events* in canonical order; *end* is (ts, kind)."""
        state = self.new(attributes)
        for event in sorted(events, key=canonical):
            self.feed(state, event)
        if end is not None:
            self.end(state, end[0], end[1], horizon=horizon)
        return flags(state)

    def score(self, state: list[Any], found: Sequence[Flag]) -> Score:
        """Return the score of a session whose flags are *found*."""
        slot = self.program.facts
        noted: facts.Facts | None = None if slot is None else state[slot]
        return self._scorer.score(found, noted or facts.NONE)

    def _drain(self, state: list[Any]) -> None:
        """Judge what was made meanwhile: flags for rules on rules, derived events."""
        book = state[2]
        if book is None:
            return
        while book.queue:
            event = book.queue.pop(0)
            place = (event.get("page_load"), event.get("tab"))
            try:
                self._handlers[event["type"]](event, event["ts"], state, event.get("i"), place)
            except Exception:
                self._failed(event)

    def _failed(self, event: dict[str, Any]) -> None:
        if event["type"] not in self._handlers:  # of another version's schema: no rule reads it
            self._handlers[event["type"]] = _nothing
            return
        self.errors += 1
        log.exception(
            "a rule failed on a %s event (%s:%s); the event was skipped",
            event.get("type"), event.get("page_load"), event.get("i"),
        )  # fmt: skip


def _index_of(error: Exception) -> int:
    """Return the index at which generated source (codegen.runner) was when it failed."""
    trace = error.__traceback__
    assert trace is not None and trace.tb_next is not None
    index: int = trace.tb_next.tb_frame.f_locals["i"]
    return index


def canonical(event: dict[str, Any]) -> tuple[float, str, float, int]:
    """Return the key of the order in which a finished session is judged."""
    return (event["ts"], event.get("page_load") or "", event.get("t") or 0.0, event.get("i") or 0)


def flags(state: list[Any]) -> list[Raised]:
    """Return the flags of a session that stand, by time."""
    book = state[2]
    found = [flag for flag in book.all() if flag.withdrawn is None] if book is not None else []
    return sorted(found, key=lambda flag: (flag.at, flag.rule.id, flag.group, flag.nth))
