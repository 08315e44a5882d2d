"""
What rules read: which events and fields, and which other rules their flags depend on.

Owns the walk over a rule in normal form, and the cutting of a rule set down to some rules
without a change of what these raise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import NamedTuple

from detector.rule import Absence, Capture, Matcher, Process, Rule, RuleSet
from detector.where import InProcess, SameAs, Selector, Test, Where, conjunction, leaves

FLAG = "flag"
_VISIBILITY = ("visibility", "page", "leave")


class Read(NamedTuple):
    """One field that is read. *session* says that it is an attribute of the session."""

    field: str
    session: bool = False


Reads = dict[str, set[Read]]
"""Event name to what is read of such events."""


def absences(rule: Rule) -> Iterator[Absence]:
    """Yield what must not come, between the steps and after them."""
    yield from (step.absent_before for step in rule.steps if step.absent_before is not None)
    if rule.tail is not None:
        yield rule.tail


def matchers(rule: Rule) -> Iterator[Matcher]:
    """Yield every matcher of *rule* that decides whether it is met."""
    yield from (step.matcher for step in rule.steps)
    yield from (absence.matcher for absence in absences(rule))
    if rule.until is not None:
        yield rule.until


def conditions(rule: Rule) -> Iterator[tuple[str, Where]]:
    """Yield every condition of *rule* with the event that it is tested on."""
    for matcher in matchers(rule):
        yield from matcher.cases
    events = {name for step in rule.steps for name, _ in step.matcher.cases}
    yield from (guard for guard in rule.guards if guard[0] in events)
    for threshold in rule.thresholds:
        yield from threshold.when
    if rule.counting is not None and rule.counting.share is not None:
        yield from rule.counting.share.where


def processes_of(rule: Rule) -> set[str]:
    """Return the processes whose state *rule* asks for."""
    asked = {
        name
        for _, where in conditions(rule)
        for leaf in leaves(where)
        if isinstance(leaf, InProcess)
        for name in leaf.processes
    }
    return asked | {c.process for c in rule.captures if c.process is not None}


def flags_asked(rule: Rule) -> set[str] | None:
    """Return the rules whose flags *rule* asks for; None when that may be any."""
    found: set[str] = set()
    for matcher in matchers(rule):
        for event, where in matcher.cases:
            if event != FLAG:
                continue
            named = _names(where)
            if named is None:
                return None
            found |= named
    return found


def _names(where: Where) -> set[str] | None:
    """Return the rule ids that *where* demands of a flag, None if it names none."""
    for item in getattr(where, "items", (where,)):
        if isinstance(item, Test) and item.field == "rule" and item.op in ("eq", "in"):
            return {str(value) for value in item.value}
    return None


def needed_by(rules: RuleSet, ids: Collection[str]) -> set[str]:
    """Return *ids* and every rule that decides what these raise: asked for, or replacing."""
    everything = {rule.id for rule in rules.rules}
    needs: dict[str, set[str]] = {}
    for rule in rules.rules:
        asked = flags_asked(rule)
        needs.setdefault(rule.id, set()).update(everything if asked is None else asked)
        for other in rule.suppresses:
            needs.setdefault(other, set()).add(rule.id)
    return _reach(ids, needs) & (everything | set(ids))


def touched_by(rules: RuleSet, ids: Collection[str]) -> set[str]:
    """Return *ids* and every rule that may raise something else when these do."""
    moves: dict[str, set[str]] = {}
    for rule in rules.rules:
        asked = flags_asked(rule)
        for other in {r.id for r in rules.rules} if asked is None else asked:
            moves.setdefault(other, set()).add(rule.id)
        moves.setdefault(rule.id, set()).update(rule.suppresses)
    return _reach(ids, moves)


def _reach(start: Collection[str], edges: dict[str, set[str]]) -> set[str]:
    seen = set(start)
    todo = list(start)
    while todo:
        for name in edges.get(todo.pop(), set()) - seen:
            seen.add(name)
            todo.append(name)
    return seen


def narrowed(rules: RuleSet, ids: Collection[str]) -> RuleSet:
    """
    Return *rules* with the rules *ids* alone, and the processes and mappings that they need.

    They raise what they raise among all, if *ids* is closed under needed_by(); only the
    bound on flags of a session counts fewer.
    """
    kept = tuple(rule for rule in rules.rules if rule.id in ids)
    asked = {name for rule in kept for name in processes_of(rule)}
    processes = tuple(process for process in rules.processes if process.id in asked)
    events = set(_events(kept, processes))
    return dataclasses.replace(
        rules,
        rules=kept,
        processes=processes,
        mappings=rules.mappings if "custom" in events else (),
        examples=tuple(e for e in rules.examples if e.rule in ids),
        warnings=(),
        sources={name: text for name, text in rules.sources.items() if name in ids},
    )


def _events(rules: Collection[Rule], processes: Collection[Process]) -> Iterator[str]:
    for rule in rules:
        for matcher in (*matchers(rule), *(c.matcher for c in rule.captures if c.matcher)):
            yield from (name for name, _ in matcher.cases)
        if rule.clock == "visible":
            yield from _VISIBILITY
    for process in processes:
        for _, matcher in process.steps:
            yield from (name for name, _ in matcher.cases)


def reads(rules: RuleSet) -> Reads:
    """Return per event what *rules* read of it. An event that no rule reads changes nothing."""
    found: Reads = {name: set() for name in _events(rules.rules, rules.processes)}
    for rule in rules.rules:
        _add_rule(found, rule)
    for process in rules.processes:
        for _, matcher in process.steps:
            _add_matcher(found, matcher)
    for mapping in rules.mappings:
        _add_matcher(found, mapping.source)
        for event, _ in mapping.source.cases:
            found[event].update(Read(name) for _, name, _ in mapping.copied)
    return found


def _add_rule(found: Reads, rule: Rule) -> None:
    for event, where in conditions(rule):
        _add(found, event, where)
    by_alias = {step.alias: [n for n, _ in step.matcher.cases] for step in rule.steps}
    for _, where in conditions(rule):
        for leaf in leaves(where):
            if isinstance(leaf, SameAs):
                for source in by_alias.get(leaf.alias, ()):
                    found[source].add(Read(leaf.source))
    for event in (name for step in rule.steps for name, _ in step.matcher.cases):
        if rule.counting is not None:
            found[event].update(_counted(rule))
    # What clears a rule clears only the value that it carries itself, if it carries one.
    for event in (name for name, _ in (rule.until.cases if rule.until else ())):
        if rule.counting is not None and rule.counting.same is not None:
            found[event].add(Read(rule.counting.same))
        elif rule.group is not None:
            found[event].add(Read(rule.group.field))
    if rule.clock == "visible":
        found["visibility"].add(Read("state"))
    fields = [capture.field for capture in rule.captures if capture.kind == "step"]
    for field in (*fields, rule.group):
        for event in by_alias.get(field.alias or "", ()) if field is not None else ():
            assert field is not None
            found[event].add(Read(field.field))
    for capture in rule.captures:
        _add_capture(found, capture)


def _counted(rule: Rule) -> Iterator[Read]:
    counting = rule.counting
    assert counting is not None
    for name in (counting.same, counting.distinct, counting.alternates):
        if name is not None:
            yield Read(name)
    if counting.near_px is not None:
        yield from (Read("x"), Read("y"))


def _add_capture(found: Reads, capture: Capture) -> None:
    if capture.matcher is None:
        return
    _add_matcher(found, capture.matcher)
    for event, _ in capture.matcher.cases:
        if capture.field is not None:
            found[event].add(Read(capture.field.field))


def _add_matcher(found: Reads, matcher: Matcher) -> None:
    for event, where in matcher.cases:
        _add(found, event, where)


def _add(found: Reads, event: str, where: Where) -> None:
    into = found.setdefault(event, set())
    for leaf in leaves(where):
        if isinstance(leaf, Test):
            into.add(Read(leaf.field, leaf.session))
        elif isinstance(leaf, Selector):
            into.add(Read(f"{leaf.field}.path"))
        elif isinstance(leaf, SameAs):
            into.add(Read(leaf.field))


def without_visible(rule: Rule) -> Rule:
    """
    Return *rule* without the names of the rules whose flags it may see.

    A rule that asks for any flag names all others once it is loaded; a new rule elsewhere
    must not make it look changed.
    """

    def bare(matcher: Matcher) -> Matcher:
        return Matcher(
            tuple(
                (event, _unnamed(where) if event == FLAG else where)
                for event, where in matcher.cases
            )
        )

    steps = tuple(
        dataclasses.replace(
            step,
            matcher=bare(step.matcher),
            absent_before=step.absent_before
            and dataclasses.replace(step.absent_before, matcher=bare(step.absent_before.matcher)),
        )
        for step in rule.steps
    )
    tail = rule.tail and dataclasses.replace(rule.tail, matcher=bare(rule.tail.matcher))
    return dataclasses.replace(rule, steps=steps, tail=tail, until=rule.until and bare(rule.until))


def _unnamed(where: Where) -> Where:
    items = getattr(where, "items", (where,))
    return conjunction(*(i for i in items if not (isinstance(i, Test) and i.field == "rule")))
