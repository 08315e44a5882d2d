"""
A rule judged on one session as it is and as it could be: with one of its demands left out.

The engine itself answers, so that an explanation cannot differ from the judgement. Owns the
variants and the running of them; what they are asked for is detector/explain.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from detector.book import Raised
from detector.engine import Engine
from detector.judging import Ended, judge
from detector.reads import narrowed, needed_by
from detector.rule import Rule, RuleSet

Edit = Callable[[Rule], Rule]


class Trial:
    """One rule (all its variants) on one session, beside the rules that it depends on."""

    def __init__(self, rules: RuleSet, rule: str, session: Ended) -> None:
        self.rule = rule
        self.rules = narrowed(rules, needed_by(rules, {rule}))
        self.session = session
        self.variants = tuple(r for r in self.rules.rules if r.id == rule)

    def raised(self) -> list[Raised]:
        """Return all flags of the session by the rules concerned, withdrawn ones too."""
        return _flags(self.rules, self.session)

    def own(self, edit: Edit | None = None, *, session: Ended | None = None) -> list[Raised]:
        """Return the flags of the rule, withdrawn ones too, after *edit* of it."""
        rules = self.rules
        if edit is not None:
            changed = tuple(edit(r) if r.id == self.rule else r for r in rules.rules)
            rules = dataclasses.replace(rules, rules=changed)
        return [r for r in _flags(rules, session or self.session) if r.rule.id == self.rule]

    def unsuppressed(self) -> list[Raised]:
        """Return the flags of the rule if no other one replaced them."""
        changed = tuple(
            dataclasses.replace(r, suppresses=tuple(s for s in r.suppresses if s != self.rule))
            for r in self.rules.rules
        )
        rules = dataclasses.replace(self.rules, rules=changed)
        return [r for r in _flags(rules, self.session) if r.rule.id == self.rule]

    def unignored(self) -> list[Raised]:
        """Return the flags of the rule if no element of the page asked for silence."""
        events = [_unmarked(event) for event in self.session.events]
        return self.own(session=dataclasses.replace(self.session, events=events))


def _flags(rules: RuleSet, session: Ended) -> list[Raised]:
    state = judge(Engine(rules), session)
    found: list[Raised] = state[2].all() if state[2] is not None else []
    return sorted(found, key=lambda r: (r.at, r.group, r.nth))


def _unmarked(event: dict[str, Any]) -> dict[str, Any]:
    target = event.get("target")
    path = target.get("path") if isinstance(target, dict) else None
    if not isinstance(target, dict) or not any("ignore" in element for element in path or ()):
        return event
    bare = [{k: v for k, v in element.items() if k != "ignore"} for element in path or ()]
    return {**event, "target": {**target, "path": bare}}


# -- edits -------------------------------------------------------------------------------


def without(**changes: Any) -> Edit:
    """Return the edit that sets fields of the rule."""
    return lambda rule: dataclasses.replace(rule, **changes)


def counting(**changes: Any) -> Edit:
    """Return the edit that sets fields of how a match counts."""

    def edit(rule: Rule) -> Rule:
        if rule.counting is None:
            return rule
        return dataclasses.replace(rule, counting=dataclasses.replace(rule.counting, **changes))

    return edit


def times(number: int) -> Edit:
    """Return the edit that asks for *number* events of a match, whatever its thresholds say."""

    def edit(rule: Rule) -> Rule:
        step = dataclasses.replace(rule.steps[0], times=number)
        shifts = tuple(
            dataclasses.replace(t, times=None if t.times is None else min(t.times, number))
            for t in rule.thresholds
        )
        return dataclasses.replace(rule, steps=(step,), thresholds=shifts)

    return edit


def untimed(rule: Rule) -> Rule:
    """Return *rule* without any window."""
    steps = tuple(dataclasses.replace(step, within_ms=None) for step in rule.steps)
    shifts = tuple(dataclasses.replace(t, within_ms=_DAY) for t in rule.thresholds)
    return dataclasses.replace(rule, steps=steps, within_ms=None, thresholds=shifts)


_DAY = 24 * 3_600_000


def unbroken(rule: Rule) -> Rule:
    """Return *rule* without what must not come between its steps."""
    steps = tuple(dataclasses.replace(step, absent_before=None) for step in rule.steps)
    return dataclasses.replace(rule, steps=steps)


def first_steps(number: int) -> Edit:
    """Return the edit that keeps the first *number* steps and no absence behind them."""

    def edit(rule: Rule) -> Rule:
        return dataclasses.replace(
            rule,
            steps=rule.steps[:number],
            tail=None,
            thresholds=(),
            group=None,
            captures=(),
        )

    return edit


def prefixes(rule: Rule) -> Iterator[int]:
    """Yield how many steps of *rule* to try, most first."""
    yield from range(len(rule.steps) - 1, 0, -1)
