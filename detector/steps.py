"""
Which steps of the declared processes a session's events are, in the order of the events.

The same compiled matchers as for rules judge here (mappings among them), but no rule does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.model import Event
from detector.compile import compile_rules
from detector.engine import Engine
from detector.rule import Process, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Hit:
    """An *event* that is the *step* of a process, at *ts* (event time, ms)."""

    step: str
    ts: float
    event: Event


class Steps:
    """Finds steps of the processes of a rule set. One can be used for any number of sessions."""

    def __init__(self, rules: RuleSet) -> None:
        self.processes: tuple[Process, ...] = rules.processes
        judged = [replace(one, title={}, labels=()) for one in rules.processes]
        told = repr((judged, rules.mappings if judged else ()))
        self.version = _hash(told)
        """Of what the processes say: others mean other steps. How they are called does not count."""
        self.versions = {one.id: _hash(repr((one, rules.mappings))) for one in judged}
        """The same of each process."""
        self.waiting = frozenset(one.id for one in rules.rules if _waits(one))
        """Rules that the end of a visit may decide: their flags may say in other words that somebody left."""
        alone = replace(rules, rules=(), examples=(), scoring=None)
        self._engine = Engine(alone, program=compile_rules(alone, noting=True))

    def of(self, events: Sequence[Event], attributes: dict[str, object]) -> dict[str, list[Hit]]:
        """Return by process the steps that *events* (canonical order) of one session are."""
        found: dict[str, list[Hit]] = {process.id: [] for process in self.processes}
        if not found:
            return found
        state = self._engine.new(attributes)
        handlers = self._engine.program.handlers
        for event in events:
            if event["type"] in handlers:
                self._engine.feed(state, event)
        slot = self._engine.program.steps
        for process, step, ts, event in (slot is not None and state[slot]) or ():
            found[process].append(Hit(step, ts, event))
        return found


def _hash(told: str) -> str:
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def _waits(rule: Rule) -> bool:
    tail = rule.tail
    return (tail is not None and (tail.or_end or tail.within_ms is None)) or any(
        event == "session_end" for step in rule.steps for event, _ in step.matcher.cases
    )
