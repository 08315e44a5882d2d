"""
Reads what a rule waits for: match, sequence and process use come to steps and an absence.

Owns these three forms and their checks; the rule around them is detector/read_rule.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detector.nodes import Map, Node, Scalar, Seq
from detector.read_where import field_type, read_matcher, read_where
from detector.rule import Absence, Counting, FieldOf, Matcher, Process, Share, Step
from detector.scope import (
    Alias,
    Scope,
    as_bool,
    as_duration,
    as_int,
    as_map,
    as_name,
    as_number,
    as_seq,
    as_text,
    check_keys,
)
from detector.spec import (
    ABSENT_KEYS,
    MATCH_KEYS,
    MAX_STEPS,
    MAX_TIMES,
    PROCESS_USE_KEYS,
    SHARE_KEYS,
    STEP_KEYS,
)

_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PX = re.compile(r"([0-9]{1,4})px")


@dataclass(slots=True)
class Body:
    """What the one of match, sequence and process that a rule has came to."""

    steps: tuple[Step, ...] = ()
    counting: Counting | None = None
    tail: Absence | None = None
    process: str | None = None
    within_ms: int | None = None  # span of all steps, beside the rule's own


def events_of(matcher: Matcher) -> tuple[str, ...]:
    """Return the names of the events that *matcher* takes."""
    return tuple(name for name, _ in matcher.cases)


def field_of(scope: Scope, at: Node, name: str, events: Sequence[str]) -> str | None:
    """Return the field *name* (a target means its key) if each of *events* has it."""
    for event in events:
        found = field_type(scope, at, name, event)
        if found is None:
            return None
        if found[0].kind == "target":
            return f"{name}.key"
    return name


def read_match(scope: Scope, node: Node) -> Body:
    """Return the body of `match: ...`."""
    matcher = read_matcher(scope, node, MATCH_KEYS)
    if not isinstance(node, Map):
        return Body((Step(matcher, "#1"),), Counting())
    times_node, within_node = node.get("times"), node.get("within")
    times = as_int(scope, times_node, "times", 1, MAX_TIMES) if times_node else None
    within = as_duration(scope, within_node, "within") if within_node else None
    counting = _counting(scope, node, events_of(matcher))
    if counting.alternates is not None:
        times = _alternating_times(scope, node, times)
    if within_node and (times or 1) == 1 and times_node is None and not counting.alternates:
        scope.problems.warn(within_node, "'within' does nothing without 'times'. Add times.")
    return Body((Step(matcher, "#1", times or 1, within),), counting)


def _alternating_times(scope: Scope, node: Map, times: int | None) -> int:
    if times is not None and times < 4:
        at = node.get("times") or node
        scope.error(at, "'alternates' needs 'times' of 4 or more (A, B, A, B). Write times: 4.")
    return max(times or 4, 4)


def _counting(scope: Scope, node: Map, events: tuple[str, ...]) -> Counting:
    def named(key: str) -> str | None:
        at = node.get(key)
        text = as_text(scope, at, f"'{key}'") if at else None
        return field_of(scope, at, text, events) if at and text else None

    same, near = named("same"), node.get("near")
    near_px = _pixels(scope, near) if near else None
    if near and node.get("same") is None:
        scope.error(near, "'near' stands beside 'same'. Add e.g. same: target.")
    if near:
        for axis in ("x", "y"):
            field_of(scope, near, axis, events)
    share = node.get("share")
    return Counting(
        same, near_px, named("distinct"), named("alternates"),
        _share(scope, share, events) if share else None,
    )  # fmt: skip


def _pixels(scope: Scope, node: Node) -> float | None:
    found = scope.resolve(node)
    match = _PX.fullmatch(found.text) if isinstance(found, Scalar) else None
    if match is None:
        scope.error(found or node, "'near' is a distance on the page. Write e.g. 30px.")
        return None
    return float(match[1])


def _share(scope: Scope, node: Node, events: tuple[str, ...]) -> Share | None:
    block = as_map(scope, node, "'share'")
    if block is None:
        return None
    check_keys(scope, block, SHARE_KEYS, "'share'")
    low, high = block.get("gte"), block.get("lte")
    if low is None and high is None:
        scope.error(node, "'share' needs a limit. Add lte: 0.4 or gte: 0.4.")
        return None
    where = block.get("where")
    if where is None:
        return None
    least = as_number(scope, low, "gte", 0, 1) if low else 0.0
    most = as_number(scope, high, "lte", 0, 1) if high else 1.0
    cases = tuple((event, read_where(scope, where, event)) for event in events)
    return Share(cases, least or 0.0, 1.0 if most is None else most)


def read_sequence(scope: Scope, node: Node) -> Body:
    """Return the body of `sequence: [...]`."""
    items = as_seq(scope, node, "'sequence'")
    if not items:
        if isinstance(node, Seq):
            scope.error(node, "this sequence is empty. Give it 2 to 8 steps: - {event: ...}.")
        return Body()
    if len(items) > MAX_STEPS:
        scope.error(node, f"a sequence has at most {MAX_STEPS} steps. Split the rule.")
        return Body()
    _register_aliases(scope, items)
    body = Body()
    steps: list[Step] = []
    waiting: Absence | None = None
    for number, item in enumerate(items, 1):
        absent = item.key("absent") if isinstance(item, Map) else None
        if absent is not None and isinstance(item, Map):
            if not steps:
                scope.error(
                    absent,
                    "'absent' cannot open a sequence: absent since what? "
                    "Put the event that starts the wait before it.",
                )
            elif waiting is not None:
                scope.error(absent, "two 'absent' follow each other. Join them: absent: [a, b].")
            waiting = _absence(scope, item, last=number == len(items))
            continue
        steps.append(_step(scope, item, number, waiting))
        waiting = None
    body.steps, body.tail = tuple(steps), waiting
    if len(items) == 1 and steps:
        scope.error(node, "a sequence has 2 to 8 steps, this one has 1. Use 'match' instead.")
    return body


def _register_aliases(scope: Scope, items: Sequence[Node]) -> None:
    for item in items:
        name = item.get("as") if isinstance(item, Map) else None
        if not isinstance(name, Scalar) or not isinstance(name.value, str):
            continue
        if name.value in scope.aliases:
            line = scope.aliases[name.value].line
            scope.error(name, f"two steps are called '{name.value}' (line {line}). Rename one.")
        elif name.value == "process":
            scope.error(name, "'process' is a word of captures. Choose another name.")
        elif not _ALIAS.fullmatch(name.value):
            scope.error(name, f"'{name.text}' is no name for a step. Use letters, digits and _.")
        else:
            scope.aliases[name.value] = Alias((), item.line)


def _step(scope: Scope, item: Node, number: int, waiting: Absence | None) -> Step:
    matcher = read_matcher(scope, item, STEP_KEYS)
    alias, times, within = f"#{number}", 1, None
    if isinstance(item, Map):
        named = item.get("as")
        if named is not None:
            alias = as_text(scope, named, "'as'") or alias
        node = item.get("times")
        times = (as_int(scope, node, "times", 1, MAX_TIMES) if node else None) or 1
        node = item.get("within")
        within = as_duration(scope, node, "within") if node else None
        if node and number == 1 and times == 1:
            scope.problems.warn(
                node,
                "'within' does nothing at the first step. Put it at the second, or at the rule.",
            )
    if alias in scope.aliases:
        scope.aliases[alias].events = events_of(matcher)
        scope.aliases[alias].done = True
    return Step(matcher, alias, times, within, waiting)


def _absence(scope: Scope, item: Map, *, last: bool) -> Absence:
    check_keys(scope, item, ABSENT_KEYS, "an 'absent' step")
    node = item.get("absent")
    matcher = read_matcher(scope, node) if node else Matcher(())
    within_node, end_node = item.get("within"), item.get("or_end")
    within = as_duration(scope, within_node, "within") if within_node else None
    or_end = bool(as_bool(scope, end_node, "or_end")) if end_node else False
    if within_node is None and not or_end:
        at = item.key("absent") or item
        scope.error(
            at, "'absent' needs 'within' (or or_end: true), else it never ends. Add within: 30s."
        )
    if or_end and not last and end_node:
        scope.error(end_node, "'or_end' belongs to the last step. Give this one 'within'.")
    return Absence(matcher, within, or_end)


def read_process_use(scope: Scope, node: Node) -> Body:
    """Return the body of `process: {use, reached, not, within, or_end}`."""
    block = as_map(scope, node, "'process'")
    if block is None:
        return Body()
    check_keys(scope, block, PROCESS_USE_KEYS, "'process'")
    use = block.get("use")
    name = as_name(scope, use, "process", scope.processes) if use else None
    if name is None:
        return Body()
    process = scope.processes[name]
    known = dict(process.steps)
    reached = _process_step(scope, block.get("reached"), known)
    missing = _process_step(scope, block.get("not"), known)
    within_node, end_node = block.get("within"), block.get("or_end")
    within = as_duration(scope, within_node, "within") if within_node else None
    or_end = bool(as_bool(scope, end_node, "or_end")) if end_node else False
    if within_node is None and not or_end:
        scope.error(
            node,
            "'process' needs 'within' (or or_end: true), else it never ends. Add within: 30m.",
        )
    if reached is None or missing is None:
        return Body()
    if reached == missing:
        at = block.get("not") or node
        scope.error(at, "'reached' and 'not' are the same step. Name the step that did not follow.")
    steps = tuple(Step(known[step], step) for step in _way_to(process, reached))
    for step in steps:
        scope.aliases[step.alias] = Alias(events_of(step.matcher), block.line, done=True)
    tail = Absence(known[missing], within, or_end)
    # Without `strict` the one step is waited for, wherever the process began: it has no span.
    span = process.time_limit_ms if process.strict else None
    return Body(steps, None, tail, name, span)


def _process_step(scope: Scope, node: Node | None, known: dict[str, Matcher]) -> str | None:
    return as_name(scope, node, "step", known) if node else None


def _way_to(process: Process, reached: str) -> tuple[str, ...]:
    """Return the steps that must come in order: with strict also those before *reached*."""
    if not process.strict:
        return (reached,)
    names = [name for name, _ in process.steps]
    before = names[: names.index(reached)]
    return (*(name for name in before if name not in process.optional), reached)


def group_of(scope: Scope, node: Node, steps: Sequence[Step]) -> FieldOf | None:
    """Return the field that *node* (`field` or `alias.field`) names, checked."""
    text = as_text(scope, node, "'group'")
    if text is None or not steps:
        return None
    head, _, rest = text.partition(".")
    for step in steps:
        if step.alias == head and rest:
            name = field_of(scope, node, rest, events_of(step.matcher))
            return FieldOf(step.alias, name) if name else None
    name = field_of(scope, node, text, events_of(steps[0].matcher))
    return FieldOf(steps[0].alias, name) if name else None
