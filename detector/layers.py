"""
Rules on rules: which flags a rule sees, and in what order rules are judged.

A rule that asks for flags sees those of the rules it names; one that names none sees all
but its own and those of rules built on it. Cycles are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from detector.errors import Problems, SourceFile
from detector.nodes import Node
from detector.rule import Absence, Matcher, Rule
from detector.where import All, Test, Where, conjunction

FLAG = "flag"


def _matchers(rule: Rule) -> Iterator[Matcher]:
    for step in rule.steps:
        yield step.matcher
        if step.absent_before is not None:
            yield step.absent_before.matcher
    if rule.tail is not None:
        yield rule.tail.matcher
    if rule.until is not None:
        yield rule.until


def _named(where: Where) -> frozenset[str] | None:
    """Return the rules that *where* asks for, None if it names none."""
    for item in where.items if isinstance(where, All) else (where,):
        if isinstance(item, Test) and item.field == "rule" and item.op in ("eq", "in"):
            return frozenset(str(value) for value in item.value)
    return None


def _asks(rule: Rule) -> tuple[frozenset[str], bool]:
    """Return the rules whose flags *rule* names, and whether it also asks for any at all."""
    names: frozenset[str] = frozenset()
    open_ended = False
    for matcher in _matchers(rule):
        for event, where in matcher.cases:
            if event == FLAG:
                found = _named(where)
                names |= found or frozenset()
                open_ended = open_ended or found is None
    return names, open_ended


def layered(rules: Sequence[Rule], problems: Problems) -> tuple[Rule, ...]:
    """Return *rules* in the order of judging, each seeing only flags that it may see."""
    asks = {rule.id: _asks(rule) for rule in rules}
    named = {id_: names for id_, (names, _) in asks.items()}
    for rule in rules:
        if rule.id in _reach(rule.id, named):
            at = Node(SourceFile(rule.file, ()), rule.line, 1)
            problems.error(
                at,
                f"rule '{rule.id}' is built on its own flags. Break the circle of 'event: flag'.",
            )
    open_ended = {id_ for id_, (_, is_open) in asks.items() if is_open}
    visible: dict[str, tuple[str, ...]] = {}
    for id_ in open_ended:
        hidden = {id_} | open_ended | {other for other in asks if id_ in _reach(other, named)}
        visible[id_] = tuple(sorted(set(asks) - hidden))
    narrowed = [_narrow(rule, visible[rule.id]) if rule.id in visible else rule for rule in rules]
    return _suppressors_first(narrowed, problems)


def _reach(start: str, edges: dict[str, frozenset[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(edges.get(start, ()))
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges.get(name, ()))
    return seen


def _narrow(rule: Rule, visible: tuple[str, ...]) -> Rule:
    def matcher(found: Matcher) -> Matcher:
        return Matcher(
            tuple(
                (event, conjunction(where, Test("rule", "in", visible, "str")))
                if event == FLAG and _named(where) is None
                else (event, where)
                for event, where in found.cases
            )
        )

    def absence(found: Absence | None) -> Absence | None:
        return found and dataclasses.replace(found, matcher=matcher(found.matcher))

    steps = tuple(
        dataclasses.replace(
            step, matcher=matcher(step.matcher), absent_before=absence(step.absent_before)
        )
        for step in rule.steps
    )
    until = matcher(rule.until) if rule.until else None
    return dataclasses.replace(rule, steps=steps, tail=absence(rule.tail), until=until)


def _suppressors_first(rules: Sequence[Rule], problems: Problems) -> tuple[Rule, ...]:
    """Order *rules* so that a rule is judged before those whose flags it replaces."""
    before: dict[str, set[str]] = {rule.id: set() for rule in rules}
    for rule in rules:
        for other in rule.suppresses:
            if other in before:
                before[other].add(rule.id)
    ordered: list[Rule] = []
    done: set[str] = set()
    todo = list(rules)
    while todo:
        ready = [rule for rule in todo if before[rule.id] <= done | {rule.id}]
        if not ready:
            at = Node(SourceFile(todo[0].file, ()), todo[0].line, 1)
            names = ", ".join(sorted({rule.id for rule in todo}))
            problems.error(at, f"these rules suppress one another: {names}. Remove one.")
            return tuple(rules)
        ordered.extend(ready)
        done.update(rule.id for rule in ready)
        todo = [rule for rule in todo if rule.id not in done]
    return tuple(ordered)
