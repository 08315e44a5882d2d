"""
Which steps of the declared processes a session's events are, in the order of the events.

The same compiled matchers as for rules judge here (mappings among them), but no rule does. Owns also which rules only say
in other words that somebody left, or has not completed: what somebody met on the way is told without them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.model import Event
from detector.compile import compile_rules
from detector.engine import Engine
from detector.rule import Matcher, Process, Rule, RuleSet
from detector.where import All, AnyOf, Not, Test, Where


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
        self.waiting = _with_those_made_of(
            rules.rules, {one.id for one in rules.rules if _waits(one)}
        )
        """Rules that the end of a visit may decide: their flags may say in other words that somebody left."""
        self.endings = {
            process.id: _with_those_made_of(
                rules.rules, {one.id for one in rules.rules if _lacks_goal(one, process)}
            )
            for process in rules.processes
        }
        """By process the rules that flag that its goal did not come: in other words, that somebody has not completed."""
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


def _lacks_goal(rule: Rule, process: Process) -> bool:
    """Say whether *rule* flags that what is the goal of *process* did not come, in time or at all."""
    return rule.tail is not None and not _cases(rule.tail.matcher).isdisjoint(
        _cases(dict(process.steps)[process.goal])
    )


def _cases(matcher: Matcher) -> set[tuple[str, Where]]:
    """Return what *matcher* matches, each alternative for itself."""
    return {
        (event, one)
        for event, where in matcher.cases
        for one in (where.items if isinstance(where, AnyOf) else (where,))
    }


def _with_those_made_of(rules: Sequence[Rule], ids: set[str]) -> frozenset[str]:
    """Return *ids*, and those of rules that are completed by a flag of one of them, and so on."""
    found = {*ids}
    while more := {one.id for one in rules if one.id not in found and _completed_by(one) & found}:
        found |= more
    return frozenset(found)


def _completed_by(rule: Rule) -> set[str]:
    """Return the rules whose flags the last step of *rule* waits for."""
    cases = rule.steps[-1].matcher.cases
    return {id_ for event, where in cases if event == "flag" for id_ in _rules_in(where) or ()}


def _rules_in(where: Where) -> set[str] | None:
    """Return the rules that *where* asks a flag to be of, None: it does not say."""
    if isinstance(where, Test):
        asks = where.field == "rule" and where.op in ("eq", "in")
        return {str(one) for one in where.value} if asks else None
    if isinstance(where, AnyOf):
        all_ = [_rules_in(one) for one in where.items]
        return None if None in all_ else set().union(*(one for one in all_ if one is not None))
    if not isinstance(where, All):
        return None
    found: set[str] | None = None
    for one in where.items:
        some = _rules_in(one)
        if some is not None:
            found = some if found is None else found & some
    for one in where.items:
        if found is not None and isinstance(one, Not):
            found = found - (_rules_in(one.inner) or set())
    return found
