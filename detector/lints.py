"""
Warnings: rules that can be run but will surprise who wrote them, mostly by never firing.

Owns the judgement of finished rules. What the readers notice in passing they say themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.events import EventSchema
from detector.errors import Problems
from detector.nodes import Map, Node, Seq
from detector.rule import Matcher, Rule
from detector.where import ALWAYS, All, Test, Where

_CHANGES = ("enabled", "params", "lists", "thresholds", "severity", "weight", "except")


def check_rule(problems: Problems, rule: Rule, node: Map, schema: EventSchema) -> None:
    """Note what is odd about *rule*, which stands in *node*."""
    if not rule.steps or not all(step.matcher.cases for step in rule.steps):
        return  # it could not be read; that has been told
    _until(problems, rule, node)
    _distinct(problems, rule, node, schema)
    _share(problems, rule, node)
    _order(problems, rule, node)
    _thresholds(problems, rule, node)
    _except(problems, rule, node, schema)
    suppresses = node.get("suppresses")
    if suppresses is not None and rule.id in rule.suppresses:
        problems.warn(suppresses, "a rule does not suppress its own flags. Remove its id.")


def _until(problems: Problems, rule: Rule, node: Map) -> None:
    key = node.key("until")
    if rule.until is None or key is None or rule.counting is None or rule.steps[0].times < 2:
        return
    if _covers(rule.until, rule.steps[0].matcher):
        problems.warn(
            key,
            "this rule can never fire: 'until' takes every event that is counted, and clears the "
            "count before it. Make 'until' narrower.",
        )


def _distinct(problems: Problems, rule: Rule, node: Map, schema: EventSchema) -> None:
    counting, block = rule.counting, node.get("match")
    name = counting.distinct if counting else None
    if name is None or not isinstance(block, Map):
        return
    possible = 0
    for event, _ in rule.steps[0].matcher.cases:
        type_ = schema.events[event].field(name)
        values = {"bool": 2, "enum": len(type_.values)}.get(type_.kind)
        if values is None:
            return
        possible = max(possible, values)
    times = rule.steps[0].times
    if possible < times:
        problems.warn(
            block.key("distinct") or block,
            f"this rule can never fire: '{name}' has only {possible} values, but {times} different "
            f"ones are asked for. Write times: {possible} or less.",
        )


def _share(problems: Problems, rule: Rule, node: Map) -> None:
    share, block = rule.counting.share if rule.counting else None, node.get("match")
    if share is not None and share.low > share.high and isinstance(block, Map):
        problems.warn(
            block.key("share") or block,
            "this rule can never fire: no share is above gte and below lte at once. Swap the two.",
        )


def _order(problems: Problems, rule: Rule, node: Map) -> None:
    """Note steps that cannot come: after the session's end, or forbidden by the absence before."""
    items = list(getattr(node.get("sequence"), "items", ()))
    for number, step in enumerate(rule.steps[:-1]):
        if {event for event, _ in step.matcher.cases} == {"session_end"} and number < len(items):
            problems.warn(
                items[number],
                "this rule can never fire: nothing comes after session_end. Make it the last step.",
            )
    steps = [i for i in items if not (isinstance(i, Map) and i.get("absent") is not None)]
    for number, step in enumerate(rule.steps):
        absence = step.absent_before
        if absence is None or absence.within_ms is None or number >= len(steps):
            continue
        late = step.within_ms is None or step.within_ms > absence.within_ms
        if not late and _covers(absence.matcher, step.matcher):
            problems.warn(
                steps[number],
                "this step can never come: the 'absent' before it forbids it for as long as it may "
                "take. Make 'absent' narrower or its 'within' shorter.",
            )


def _thresholds(problems: Problems, rule: Rule, node: Map) -> None:
    own = node.get("thresholds")
    places = own.items if isinstance(own, Seq) else ()
    thresholds = rule.thresholds[len(rule.thresholds) - len(places) :] if places else ()
    seen: list[object] = []
    for place, threshold in zip(places, thresholds, strict=False):
        if (threshold.times, threshold.within_ms, threshold.severity) == (None, None, None):
            problems.warn(
                place, "this threshold sets nothing. Give 'set' times, within or severity."
            )
        if threshold.when in seen or any(_always(cases) for cases in seen):
            problems.warn(
                place,
                "this threshold is never reached: one above it fits the same events. "
                "Put the narrower one first.",
            )
        seen.append(threshold.when)


def _always(cases: object) -> bool:
    return isinstance(cases, tuple) and bool(cases) and all(where == ALWAYS for _, where in cases)


def _except(problems: Problems, rule: Rule, node: Map, schema: EventSchema) -> None:
    block = node.get("except")
    key = block.key("target") if isinstance(block, Map) else None
    if key is None:
        return
    events = {event for step in rule.steps for event, _ in step.matcher.cases}
    if not any("target" in schema.events[event].fields for event in events):
        problems.warn(
            key,
            f"'target' does nothing here: no event of the rule ({', '.join(sorted(events))}) "
            "has a target. Use path or process.",
        )


def without_place(problems: Problems, at: Node, rule: Rule) -> None:
    """Note an override whose `for` fits no event that *rule* begins with."""
    events = sorted({event for event, _ in rule.steps[0].matcher.cases})
    problems.warn(
        at,
        f"this override changes nothing: rule '{rule.id}' begins with {' or '.join(events)}, "
        "which cannot tell that place. Use path or site.",
    )


def check_override(problems: Problems, node: Map, rule: Map) -> None:
    """Note an override of *rule* (its node) that leaves everything as it is."""
    changes = [name for name in _CHANGES if node.get(name) is not None]
    if not changes:
        problems.warn(node, f"this override changes nothing. Add one of {', '.join(_CHANGES)}.")
        return
    for name in ("severity", "weight"):
        new, old = node.get(name), rule.get(name)
        if changes == [name] and new is not None and _same(new, old):
            problems.warn(
                new, f"this override changes nothing: the rule has {name} {_text(new)} already. "
                "Choose another.",
            )  # fmt: skip


def _same(new: Node, old: Node | None) -> bool:
    return old is not None and _text(new) == _text(old) != ""


def _text(node: Node) -> str:
    return str(getattr(node, "text", ""))


def asked_rules(rule: Rule) -> Iterator[str]:
    """Yield the ids of the rules whose flags *rule* waits for."""
    matchers = [step.matcher for step in rule.steps]
    matchers += [step.absent_before.matcher for step in rule.steps if step.absent_before]
    matchers += [rule.tail.matcher] if rule.tail else []
    for matcher in matchers:
        for event, where in matcher.cases:
            for item in where.items if isinstance(where, All) else (where,):
                named = isinstance(item, Test) and item.field == "rule" and item.op in ("eq", "in")
                if event == "flag" and named and isinstance(item, Test):
                    yield from (str(value) for value in item.value)


def _covers(outer: Matcher, inner: Matcher) -> bool:
    """Say whether each event of *inner* surely fits *outer*."""
    wheres = dict(outer.cases)
    return bool(inner.cases) and all(
        event in wheres and _implied(wheres[event], where) for event, where in inner.cases
    )


def _implied(wanted: Where, given: Where) -> bool:
    wanted_items = wanted.items if isinstance(wanted, All) else (wanted,)
    given_items = given.items if isinstance(given, All) else (given,)
    return all(item in given_items for item in wanted_items)
