"""
Reads embedded tests: events at offsets, and the flags that they must raise.

Owns the check of events and fields against the schema. Running them is detector/testing.py.
"""

from __future__ import annotations

from typing import Any

from core.events import UnknownName, checker
from core.model import SEVERITIES
from detector.errors import did_you_mean
from detector.nodes import Map, Node, Scalar
from detector.rule import Example, Expected, TestEvent
from detector.scope import (
    Scope,
    as_bool,
    as_duration,
    as_int,
    as_map,
    as_name,
    as_seq,
    as_text,
    check_keys,
    plain,
)
from detector.spec import EXPECT_KEYS, TEST_EVENT_KEYS, TEST_KEYS

MAX_TEST_EVENTS = 10_000


def read_example(scope: Scope, node: Node) -> Example | None:
    """Return the test in *node*, or None after noting what is wrong."""
    block = as_map(scope, node, "a test")
    if block is None:
        return None
    check_keys(scope, block, TEST_KEYS, "this test")
    rule, name = block.get("rule"), block.get("name")
    rule_id = as_text(scope, rule, "'rule'") if rule else None
    title = as_text(scope, name, "'name'") if name else None
    events: list[TestEvent] = []
    events_node = block.get("events")
    for item in as_seq(scope, events_node, "'events'") if events_node else ():
        events.extend(_events(scope, item))
        if len(events) > MAX_TEST_EVENTS:
            scope.error(item, f"this test has more than {MAX_TEST_EVENTS} events. Use fewer.")
            return None
    expect_node = block.get("expect")
    if events_node is None or expect_node is None:
        lacks = "events" if events_node is None else "expect"
        scope.error(node, f"this test has no '{lacks}'. Add it; 'expect: []' asserts silence.")
        return None
    expected = [_expected(scope, item) for item in as_seq(scope, expect_node, "'expect'")]
    if rule_id is None or title is None:
        return None
    events.sort(key=lambda event: event.at_ms)
    return Example(
        rule_id, title, _session(scope, block), tuple(events),
        tuple(e for e in expected if e is not None), block.file.name, block.line,
    )  # fmt: skip


def _session(scope: Scope, block: Map) -> dict[str, object]:
    node = block.get("session")
    attributes = as_map(scope, node, "'session'") if node else None
    found: dict[str, object] = {}
    for key, value in attributes.entries if attributes else ():
        declared = scope.schema.session.get(key.text)
        if declared is None:
            hint = did_you_mean(key.text, scope.schema.session)
            scope.error(key, f"unknown session attribute '{key.text}'. {hint}")
        elif not checker(declared.type)(plain(value)):
            scope.error(value, f"'{key.text}' is {declared.type}. Write such a value.")
        else:
            found[key.text] = plain(value)
    return found


def _events(scope: Scope, node: Node) -> list[TestEvent]:
    block = as_map(scope, node, "an event")
    if block is None:
        return []
    at_node, event_node, tick = block.get("at"), block.get("event"), block.get("tick")
    if at_node is None:
        scope.error(node, "this event has no 'at' (its offset). Add e.g. at: 0s.")
        return []
    at = as_duration(scope, at_node, "at", limit=False) or 0
    if tick is not None:
        if as_bool(scope, tick, "tick") is False:
            scope.error(tick, "'tick' is true or left out. Write tick: true.")
        return [TestEvent(at, None)]
    if event_node is None:
        scope.error(node, "this event has no 'event' (its name). Add e.g. event: click.")
        return []
    name = as_name(scope, event_node, "event", scope.schema.events)
    if name is None:
        return []
    times_node, every_node = block.get("x"), block.get("every")
    times = (as_int(scope, times_node, "x", 1, 1000) if times_node else None) or 1
    every = (as_duration(scope, every_node, "every") if every_node else None) or 1000
    scope.spend(block, times)
    fields = _fields(scope, block, name)
    return [TestEvent(at + n * every, {"type": name, **fields}) for n in range(times)]


def _fields(scope: Scope, block: Map, event: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    scope.spend(block, len(block.entries))
    for key, value in block.entries:
        if key.text == "fields":
            inner = as_map(scope, value, "'fields'")
            for name, item in inner.entries if inner else ():
                _put(scope, fields, name, item, event)
        elif key.text not in TEST_EVENT_KEYS:
            _put(scope, fields, key, value, event)
    return fields


def _put(scope: Scope, fields: dict[str, Any], key: Scalar, value: Node, event: str) -> None:
    """Set a field given by a dotted key or by a map of its parts."""
    type_ = scope.schema.events[event]
    head = key.text.split(".")[0]
    if head in scope.schema.session and head not in type_.fields:
        scope.error(key, f"'{head}' is an attribute of the session. Put it under 'session:'.")
        return
    try:
        kind = type_.field(key.text)
    except UnknownName:
        hint = did_you_mean(key.text, [*type_.fields, *scope.schema.envelope])
        scope.error(key, f"event '{event}' has no field '{key.text}'. {hint}")
        return
    if isinstance(value, Map) and kind.kind in ("target", "map"):
        for name, item in value.entries:
            dotted = f"{key.text}.{name.text}"
            _put(
                scope,
                fields,
                Scalar(name.file, name.line, name.column, dotted, dotted),
                item,
                event,
            )
        return
    given = plain(value)
    if not checker(kind)(given):
        scope.error(value, f"'{key.text}' is {kind}. Write such a value.")
        return
    *outer, last = key.text.split(".")
    into = fields
    for part in outer:
        into = into.setdefault(part, {})
    into[last] = given


def _expected(scope: Scope, node: Node) -> Expected | None:
    block = as_map(scope, node, "an expected flag")
    if block is None:
        return None
    check_keys(scope, block, EXPECT_KEYS, "an expected flag")
    at, group, severity = block.get("at"), block.get("group"), block.get("severity")
    hits, capture = block.get("hits"), block.get("capture")
    captures = as_map(scope, capture, "'capture'") if capture else None
    return Expected(
        as_duration(scope, at, "at", limit=False) if at else None,
        group.text if isinstance(group, Scalar) else None,
        as_name(scope, severity, "severity", SEVERITIES) if severity else None,
        as_int(scope, hits, "hits", 1, 1_000_000) if hits else None,
        tuple((key.text, plain(value)) for key, value in captures.entries) if captures else (),
    )
