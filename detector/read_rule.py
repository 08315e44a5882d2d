"""
Reads one rule, with the overrides for it, into normal form.

Owns the keys of a rule other than match, sequence and process (detector/read_steps.py).
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from core.model import SEVERITIES, Severity
from detector.errors import did_you_mean
from detector.nodes import Map, Node, Seq
from detector.read_steps import (
    Body,
    events_of,
    field_of,
    group_of,
    read_match,
    read_process_use,
    read_sequence,
)
from detector.read_where import field_type, read_matcher, read_selector_texts, read_where
from detector.rule import Capture, FieldOf, Matcher, Rule, Step, Threshold
from detector.scope import (
    COST_OF_THRESHOLD,
    Scope,
    as_bool,
    as_duration,
    as_int,
    as_localized,
    as_map,
    as_name,
    as_number,
    as_seq,
    as_text,
    as_texts,
    check_keys,
    flat_items,
)
from detector.spec import (
    EXCEPT_KEYS,
    FOR_KEYS,
    MAX_CAPTURES,
    MAX_TIMES,
    RESERVED_IDS,
    RULE_KEYS,
    SET_KEYS,
    THRESHOLD_KEYS,
    WEIGHTS,
    Key,
)
from detector.where import ALWAYS, InProcess, Not, Selector, Test, Where, conjunction

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FUNCTION = re.compile(r"(last|first|count)\((\$?[\w-]+)\)(?:\.([\w.-]+))?")
_BODIES = {"match": read_match, "sequence": read_sequence, "process": read_process_use}

Flagging = Literal["once", "burst", "every"]
Cases = tuple[tuple[str, Where], ...]


@dataclass(slots=True)
class Change:
    """What an override changes; its params and lists are already in the scope."""

    enabled: Node | None = None
    severity: Node | None = None
    weight: Node | None = None
    thresholds: list[Node] = field(default_factory=list)
    excepts: list[Node] = field(default_factory=list)


def rule_id(scope: Scope, node: Map) -> str | None:
    """Return the id of the rule in *node*, checked."""
    at = node.get("id")
    text = as_text(scope, at, "'id'") if at else None
    if at and text and not _ID.fullmatch(text):
        scope.error(at, f"'{text}' is no rule id. Use letters, digits and _, e.g. rage_click.")
        return None
    if at and text in RESERVED_IDS:
        scope.error(at, f"'{text}' means something else already. Write e.g. my_{text}.")
        return None
    return text


def read_rule(scope: Scope, node: Map, change: Change) -> Rule:
    """Return the rule in *node* with *change*; `enabled` says whether it is on."""
    name = rule_id(scope, node)
    what = f"rule '{name}'" if name else "this rule"
    check_keys(scope, node, RULE_KEYS, what)
    body = _body(scope, node, what)
    switch = change.enabled or node.get("enabled")
    enabled = as_bool(scope, switch, "enabled") if switch else True
    rule = _Reader(scope, node, change, body, name or "").rule()
    return rule if enabled is not False else replace(rule, enabled=False)


def _body(scope: Scope, node: Map, what: str) -> Body:
    present = [key for key in (node.key(name) for name in _BODIES) if key is not None]
    if len(present) > 1:
        first, second = sorted(present, key=lambda key: (key.line, key.column))[:2]
        scope.error(
            node,
            f"{what} has both '{first.text}' (line {first.line}) and "
            f"'{second.text}' (line {second.line}); keep one.",
        )
    if not present:
        scope.error(node, f"{what} waits for nothing. Add one of match, sequence or process.")
        return Body()
    value = node.get(present[0].text)
    return _BODIES[present[0].text](scope, value) if value is not None else Body()


class _Reader:
    """Reads the other keys of one rule, given its body."""

    def __init__(self, scope: Scope, node: Map, change: Change, body: Body, name: str) -> None:
        self._scope = scope
        self._node = node
        self._change = change
        self._body = body
        self._name = name
        steps = body.steps
        self._events = tuple(dict.fromkeys(e for s in steps for e in events_of(s.matcher)))

    def rule(self) -> Rule:
        """Return the rule in normal form."""
        body, scope, node = self._body, self._scope, self._node
        severity = self._severity()
        weight_node = self._change.weight or node.get("weight")
        weight = as_number(scope, weight_node, "weight", 0, 100) if weight_node else None
        flag_node, clock_node = node.get("flag"), node.get("clock")
        flag = as_name(scope, flag_node, "value of 'flag'", get_args(Flagging)) if flag_node else ""
        clock = as_name(scope, clock_node, "clock", ("event", "visible")) if clock_node else ""
        return Rule(
            id=self._name,
            title=self._localized("title"),
            severity=severity,
            weight=WEIGHTS[severity] if weight is None else weight,
            steps=self._steps(),
            counting=body.counting,
            tail=body.tail,
            within_ms=self._within(),
            until=self._until(),
            group=self._group(),
            flag=cast(Flagging, flag or "once"),
            cooldown_ms=self._cooldown(flag or "once"),
            captures=self._captures(),
            thresholds=self._thresholds(),
            suppresses=self._suppresses(),
            clock="visible" if clock == "visible" else "event",
            guards=self._guards(),
            description=self._localized("description"),
            guidance=self._localized("guidance"),
            blind_spots=self._localized("blind_spots"),
            tags=self._tags(),
            file=node.file.name,
            line=node.line,
        )

    def _localized(self, key: str) -> dict[str, str]:
        at = self._node.get(key)
        return as_localized(self._scope, at, f"'{key}'") if at else {}

    def _tags(self) -> tuple[str, ...]:
        at = self._node.get("tags")
        return as_texts(self._scope, at, "a tag") if at else ()

    def _severity(self) -> Severity:
        at = self._change.severity or self._node.get("severity")
        name = as_name(self._scope, at, "severity", SEVERITIES) if at else None
        return cast(Severity, name or "medium")

    def _cooldown(self, flag: str) -> int:
        at = self._node.get("cooldown")
        if at is None:
            return 30_000
        if flag == "once":
            self._scope.problems.warn(
                at, "'cooldown' does nothing with flag: once. Add flag: burst or flag: every."
            )
        return as_duration(self._scope, at, "cooldown") or 30_000

    def _within(self) -> int | None:
        at = self._node.get("within")
        value = as_duration(self._scope, at, "within") if at else None
        if value is not None:
            for number, step in enumerate(self._body.steps, 1):
                if step.within_ms is not None and step.within_ms > value:
                    self._warn_shorter(number, step.within_ms, value)
        spans = [span for span in (value, self._body.within_ms) if span is not None]
        return min(spans, default=None)

    def _warn_shorter(self, number: int, step: int, rule: int) -> None:
        at: Node = self._node
        for name in ("sequence", "match"):
            found = self._node.get(name)
            if isinstance(found, Map):
                at = found.key("within") or found
            elif isinstance(found, Seq):
                steps = [i for i in found if not isinstance(i, Map) or i.get("absent") is None]
                step_node = steps[number - 1]
                timed = step_node.key("within") if isinstance(step_node, Map) else None
                at = timed or step_node
        self._scope.problems.warn(
            at,
            f"step {number} must come within {_span(step)} but the whole rule "
            f"within {_span(rule)}; the shorter wins.",
        )

    def _until(self) -> Matcher | None:
        at = self._node.get("until")
        return read_matcher(self._scope, at) if at else None

    def _steps(self) -> tuple[Step, ...]:
        """A match's own within and the rule's are one and the same: the shorter."""
        steps = self._body.steps
        at = self._node.get("within")
        if self._body.counting is None or at is None or not steps:
            return steps
        outer = as_duration(self._scope, at, "within")
        spans = [span for span in (outer, steps[0].within_ms) if span is not None]
        return (dataclasses.replace(steps[0], within_ms=min(spans, default=None)),)

    def _group(self) -> FieldOf | None:
        at = self._node.get("group")
        if at is not None:
            return group_of(self._scope, at, self._body.steps)
        counting = self._body.counting
        if counting is not None and counting.same and self._body.steps:
            return FieldOf(self._body.steps[0].alias, counting.same)
        return None

    def _suppresses(self) -> tuple[str, ...]:
        at = self._node.get("suppresses")
        return as_texts(self._scope, at, "a rule id") if at else ()

    def _thresholds(self) -> tuple[Threshold, ...]:
        own = self._node.get("thresholds")
        nodes = [*self._change.thresholds, *([own] if own else [])]
        found: list[Threshold] = []
        for node in nodes:
            for item in as_seq(self._scope, node, "'thresholds'"):
                threshold = self._threshold(item)
                if threshold is not None:
                    found.append(threshold)
        return tuple(found)

    def _threshold(self, item: Node) -> Threshold | None:
        scope = self._scope
        block = as_map(scope, item, "a threshold")
        if block is None or not self._body.steps:
            return None
        check_keys(scope, block, THRESHOLD_KEYS, "a threshold")
        when, set_node = block.get("when"), block.get("set")
        values = as_map(scope, set_node, "'set'") if set_node else None
        if when is None or values is None:
            return None
        check_keys(scope, values, SET_KEYS, "'set'")
        times, within, severity = values.get("times"), values.get("within"), values.get("severity")
        if times is not None and self._body.counting is None:
            scope.error(times, "'times' can only be set for a match. Set within or severity.")
        last = events_of(self._body.steps[-1].matcher)
        scope.spend(block, COST_OF_THRESHOLD * len(last))
        return Threshold(
            tuple((event, read_where(scope, when, event)) for event in last),
            as_int(scope, times, "times", 1, MAX_TIMES) if times else None,
            as_duration(scope, within, "within") if within else None,
            cast(
                "Severity | None",
                as_name(scope, severity, "severity", SEVERITIES) if severity else None,
            ),
        )

    def _captures(self) -> tuple[Capture, ...]:
        at = self._node.get("capture")
        block = as_map(self._scope, at, "'capture'") if at else None
        if block is None or at is None:
            return ()
        if len(block.entries) > MAX_CAPTURES:
            self._scope.error(at, f"a rule captures at most {MAX_CAPTURES} values. Remove some.")
        found = [self._capture(key.text, value) for key, value in block.entries]
        return tuple(capture for capture in found if capture is not None)

    def _capture(self, name: str, node: Node) -> Capture | None:
        scope = self._scope
        text = as_text(scope, node, "a capture")
        if text is None:
            return None
        if text == "process.last_step":
            if self._body.process is None:
                scope.error(
                    node, "'process.last_step' needs a rule with 'process'. Capture a field."
                )
                return None
            return Capture(name, "process_step", process=self._body.process)
        called = _FUNCTION.fullmatch(text)
        if called:
            return self._function(name, node, called)
        head, _, rest = text.partition(".")
        for step in self._body.steps:
            if rest and step.alias == head:
                field_name = field_of(scope, node, rest, events_of(step.matcher))
                return Capture(name, "step", FieldOf(head, field_name)) if field_name else None
        if not self._body.steps:
            return None
        last = self._body.steps[-1]
        if "(" in text or any(head not in self._reach(e) for e in events_of(last.matcher)):
            known = [f"{s.alias}.field" for s in self._body.steps if not s.alias.startswith("#")]
            forms = ", ".join([*known, "last(event).field", "first(event).field", "count(event)"])
            scope.error(node, f"'{text}' cannot be captured. Write one of: {forms}.")
            return None
        field_name = field_of(scope, node, text, events_of(last.matcher))
        return Capture(name, "step", FieldOf(last.alias, field_name)) if field_name else None

    def _reach(self, event: str) -> list[str]:
        return self._scope.schema.events[event].field_names()

    def _function(self, name: str, node: Node, called: re.Match[str]) -> Capture | None:
        kind, source, field_name = called[1], called[2], called[3]
        scope = self._scope
        word = source.lstrip("$")
        if not source.startswith("$") and source not in scope.schema.events:
            scope.error(node, f"unknown event '{word}'. {did_you_mean(word, scope.schema.events)}")
            return None
        if source.startswith("$") and word not in scope.macros:
            scope.error(node, f"macro '{source}' is not defined. Add it to 'macros'.")
            return None
        matcher = (
            read_matcher(scope, scope.macros[word])
            if source.startswith("$")
            else Matcher(((source, ALWAYS),))
        )
        if kind == "count":
            return Capture(name, "count", matcher=matcher)
        if not field_name:
            scope.error(node, f"'{kind}({source})' needs a field. Write {kind}({source}).field.")
            return None
        checked = field_of(scope, node, field_name, events_of(matcher))
        if checked is None:
            return None
        how: Literal["last", "first"] = "last" if kind == "last" else "first"
        return Capture(name, how, FieldOf(None, checked), matcher)

    def _guards(self) -> Cases:
        scope_node, except_node = self._node.get("scope"), self._node.get("except")
        excepts = [*self._change.excepts, *([except_node] if except_node else [])]
        guards: list[tuple[str, Where]] = []
        for event in self._events:
            parts: list[Where] = []
            if scope_node is not None:
                parts.append(read_where(self._scope, scope_node, event))
            for node in excepts:
                places = read_places(self._scope, node, event, EXCEPT_KEYS, "'except'")
                parts.extend(Not(place) for place in places)
            where = conjunction(*parts)
            if where != ALWAYS:
                guards.append((event, where))
        return tuple(guards)


def read_places(
    scope: Scope, node: Node, event: str, keys: dict[str, Key], what: str
) -> list[Where]:
    """
    Return the places (target, path, process, site) in *node* as tests on *event*.

    Places that the event cannot tell, such as the target of an error, are left out.
    """
    block = as_map(scope, node, what)
    if block is None:
        return []
    check_keys(scope, block, keys, what)
    places: list[Where] = []
    for key, value in block.entries:
        if key.text not in keys:
            continue
        if key.text == "process":
            names = [
                as_name(scope, i, "process", scope.processes) for i in flat_items(scope, value)
            ]
            places.append(InProcess(tuple(name for name in names if name is not None)))
            continue
        field_name = "path" if key.text == "page" else key.text
        place = _place(scope, value, event, field_name)
        if place is not None:
            places.append(place)
    return places


def _place(scope: Scope, value: Node, event: str, name: str) -> Where | None:
    if name not in scope.schema.events[event].field_names():
        return None
    found = field_type(scope, value, name, event)
    if found is None:
        return None
    type_, session = found
    if type_.kind == "target":
        texts = read_selector_texts(scope, value)
        return Selector(name, texts) if texts else None
    texts = as_texts(scope, value, f"'{name}'")
    return Test(name, "glob", texts, type_.kind, session) if texts else None


def only_there(scope: Scope, rule: Rule, node: Node, *, inside: bool) -> Rule | None:
    """
    Return *rule* restricted to (or, not *inside*, kept out of) the places of an override.

    The place of a hit is that of its first event, so each hit falls to the rule or to the
    override, never to both. An event that cannot tell the place is left to the rule; None
    if nothing is left.
    """
    first = rule.steps[0]
    cases: list[tuple[str, Where]] = []
    for event, where in first.matcher.cases:
        places = read_places(scope, node, event, FOR_KEYS, "'for'")
        known = bool(places) and len(places) == len(getattr(node, "entries", ()))
        if known:
            there = conjunction(*places)
            cases.append((event, conjunction(where, there if inside else Not(there))))
        elif not inside:
            cases.append((event, where))
    if not cases:
        return None
    first = dataclasses.replace(first, matcher=Matcher(tuple(cases)))
    return dataclasses.replace(rule, steps=(first, *rule.steps[1:]))


def _span(ms: int) -> str:
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"
