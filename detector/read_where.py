"""
Reads matchers and `where` blocks and checks them against the event schema.

Owns every check of fields, operators and values. Returns normal form (detector/where.py);
what cannot be read is noted in the scope's problems and left out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from core.durations import parse_duration_ms
from core.events import EventType, FieldType, UnknownName
from detector import patterns
from detector.errors import did_you_mean
from detector.nodes import Map, Node, Scalar, Seq
from detector.rule import Matcher
from detector.scope import (
    COST_OF_CASE,
    COST_OF_TEST,
    MAX_NAMES,
    Scope,
    as_bool,
    as_items,
    as_map,
    as_text,
    as_texts,
    check_keys,
    flat_items,
)
from detector.spec import MATCHER_KEYS, MAX_PATTERN, OPERATORS, WHERE_WORDS, Key
from detector.where import (
    ALWAYS,
    AnyOf,
    Const,
    Not,
    SameAs,
    Selector,
    Test,
    Where,
    conjunction,
    leaves,
)

EMPTY = Matcher(())
_ORDER = ("gt", "gte", "lt", "lte")


def read_matcher(scope: Scope, node: Node, keys: Mapping[str, Key] = MATCHER_KEYS) -> Matcher:
    """
    Return the matcher in *node*: a name, a list of names, {event, where} or $macro.

    *keys* are what may stand in the map (a step and a match have more than the two).
    """
    if isinstance(node, Map):
        check_keys(scope, node, keys, "this matcher")
        event = node.get("event")
        if event is None:
            return EMPTY
        base = _events(scope, event)
        where = node.get("where")
        return base if where is None else narrowed(scope, base, where)
    return _events(scope, node)


def narrowed(scope: Scope, matcher: Matcher, where: Node) -> Matcher:
    """Return *matcher* with the block *where* added to each of its events."""
    return Matcher(
        tuple(
            (name, conjunction(present, read_where(scope, where, name)))
            for name, present in matcher.cases
        )
    )


def _events(scope: Scope, node: Node) -> Matcher:
    cases: list[tuple[str, Where]] = []
    for item in as_items(node):
        scope.spend(item, COST_OF_CASE)
        if isinstance(item, Map):
            scope.error(item, "an event is a name here. Put 'where' beside 'event'.")
            continue
        text = as_event_name(scope, item)
        if text is None:
            continue
        found = (
            _macro(scope, item, text[1:]) if text.startswith("$") else Matcher(((text, ALWAYS),))
        )
        for name, where in found.cases:
            if any(name == known for known, _ in cases):
                scope.error(item, f"event '{name}' is named twice here. Keep one.")
            else:
                cases.append((name, where))
    return Matcher(tuple(cases))


def as_event_name(scope: Scope, node: Node) -> str | None:
    """Return the event or `$macro` that *node* names, if there is one."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        scope.error(node, "a matcher names an event. Write e.g. 'event: click'.")
        return None
    text = node.value
    if text.startswith("$"):
        if text[1:] not in scope.macros:
            hint = did_you_mean(text[1:], scope.macros, label="Macros here")
            scope.error(node, f"macro '{text}' is not defined. {hint or 'Add it to macros.'}")
            return None
        return text
    if text not in scope.schema.events:
        hint = did_you_mean(text, scope.schema.events)
        scope.error(node, f"unknown event '{text}'. {hint}")
        return None
    return text


def _macro(scope: Scope, at: Node, name: str) -> Matcher:
    """Return the macro *name*, read once for each rule."""
    if name in scope.macro_stack:
        scope.error(at, f"macro '${name}' uses itself. Write one of the two out.")
        return EMPTY
    if len(scope.macro_stack) > MAX_NAMES:
        scope.error(at, f"macro '${name}' stands in too many others. Write it out.")
        return EMPTY
    found = scope.known_macros.get(name)
    if found is None:
        inner = dataclasses.replace(scope, macro_stack=(*scope.macro_stack, name), aliases={})
        found = scope.known_macros[name] = read_matcher(inner, scope.macros[name])
    tests = sum(1 for _, where in found.cases for _ in leaves(where))
    scope.spend(at, COST_OF_CASE * len(found.cases) + COST_OF_TEST * tests)
    return found


def read_where(scope: Scope, node: Node, event: str) -> Where:
    """Return the block *node* as it applies to events named *event*."""
    block = as_map(scope, node, "'where'")
    if block is None:
        return ALWAYS
    parts: list[Where] = []
    for key, value in block.entries:
        scope.spend(key, COST_OF_TEST)
        if key.text == "any" and isinstance(value, Seq):
            if not value.items:
                scope.error(key, "'any' of nothing never holds. Give it where-blocks: - {...}.")
            parts.append(AnyOf(tuple(read_where(scope, item, event) for item in value.items)))
        elif key.text == "not" and isinstance(value, Map):
            parts.append(Not(read_where(scope, value, event)))
        elif key.text in WHERE_WORDS:
            scope.error(key, f"'{key.text}' takes {WHERE_WORDS[key.text].type}. Indent it below.")
        else:
            parts.append(_field_test(scope, key, value, event))
    return conjunction(*parts)


def field_type(scope: Scope, at: Node, name: str, event: str) -> tuple[FieldType, bool] | None:
    """Return the type of field *name* of *event*, and whether it is a session attribute."""
    type_ = scope.schema.events[event]
    try:
        found = type_.field(name)
    except UnknownName:
        known = _known_fields(scope, type_, name)
        scope.error(at, f"event '{event}' has no field '{name}'. {did_you_mean(name, known)}")
        return None
    return found, is_session(scope, event, name)


def is_session(scope: Scope, event: str, name: str) -> bool:
    """Say whether *name* is an attribute of the session rather than a field of *event*."""
    head = name.split(".")[0]
    own = scope.schema.events[event].fields
    return head in scope.schema.session and head not in own and head not in scope.schema.envelope


def _known_fields(scope: Scope, type_: EventType, name: str) -> list[str]:
    head, _, rest = name.partition(".")
    if rest and head in type_.fields and type_.fields[head].type.kind == "target":
        return [f"{head}.{part}" for part in scope.schema.target]
    return list(reversed(type_.field_names()))


def _field_test(scope: Scope, key: Scalar, value: Node, event: str) -> Where:
    found = field_type(scope, key, key.text, event)
    if found is None:
        return ALWAYS
    type_, session = found
    reader = _Tests(scope, key.text, type_, session, event)
    return reader.test(value)


class _Tests:
    """Reads the tests of one field of one event."""

    def __init__(
        self, scope: Scope, field: str, type_: FieldType, session: bool, event: str
    ) -> None:
        self._scope = scope
        self._field = field
        self._type = type_
        self._session = session
        self._event = event
        # A list is tested by what it holds.
        self._item = type_.item if type_.kind == "list" and type_.item else type_

    def test(self, node: Node) -> Where:
        """Return the test in *node*: a value, a list of values, or operators."""
        if not isinstance(node, Map):
            return self._one_of(node)
        if not node.entries:
            self._scope.error(node, f"'{self._field}' is given no test. Write e.g. exists: true.")
        tests = [self._operator(key, value) for key, value in node.entries]
        self._warn_never(node, tests)
        return conjunction(*tests)

    def _warn_never(self, node: Map, tests: list[Where]) -> None:
        """Note bounds that no number lies between."""
        low, high = -math.inf, math.inf
        strict = False
        for test in tests:
            if isinstance(test, Test) and test.op in (*_ORDER, "between"):
                numbers = [value for value in test.value if isinstance(value, int | float)]
                low = max(low, numbers[0]) if test.op in ("gt", "gte", "between") else low
                high = min(high, numbers[-1]) if test.op in ("lt", "lte", "between") else high
                strict = strict or test.op in ("gt", "lt")
        if low > high or (strict and low == high):
            self._scope.problems.warn(
                node, f"no value of '{self._field}' meets all of this. Swap the limits."
            )

    def _make(self, op: str, *values: Const) -> Test:
        return Test(self._field, op, values, self._type.kind, self._session)

    def _one_of(self, node: Node) -> Where:
        found = self._scope.resolve(node)
        if found is None:
            return ALWAYS
        if self._type.kind == "target":
            return self._selector(found)
        values = self._values(found, node)
        if not values:
            return ALWAYS
        several = isinstance(found, Seq)
        if self._type.kind == "list":
            return self._make("has", *values)
        return self._make("in", *values) if several else self._make("eq", values[0])

    def _operator(self, key: Scalar, value: Node) -> Where:
        name = key.text
        if name not in OPERATORS:
            hint = did_you_mean(name, OPERATORS)
            self._scope.error(key, f"unknown test '{name}' on '{self._field}'. {hint}")
            return ALWAYS
        if name == "not":
            return Not(self.test(value))
        if name == "exists":
            return self._exists(value)
        if name == "same_as":
            return self._same_as(value)
        if name in ("any_of", "none_of"):
            return self._listed(name, value)
        if self._type.kind == "target":
            self._scope.error(key, f"'{name}' does not fit a target. Write selectors, e.g. '#pay'.")
            return ALWAYS
        if name == "between" or name in _ORDER:
            return self._ordered(name, key, value)
        if name == "regex":
            return self._regex(key, value)
        return self._textual(name, key, value)

    def _exists(self, value: Node) -> Where:
        wanted = as_bool(self._scope, value, "exists")
        present = self._make("exists")
        return Not(present) if wanted is False else present

    def _listed(self, name: str, value: Node) -> Where:
        found = self._scope.resolve(value)
        if found is None:
            return ALWAYS
        if self._type.kind == "target":
            inside = self._selector(found)
            return conjunction(self._make("exists"), Not(inside)) if name == "none_of" else inside
        values = self._values(found, value)
        if not values:
            return ALWAYS
        if self._type.kind == "list":
            has = self._make("has", *values)
            return conjunction(self._make("exists"), Not(has)) if name == "none_of" else has
        globs = tuple(v for v in values if isinstance(v, str) and "*" in v)
        exact = tuple(v for v in values if v not in globs)
        parts: list[Where] = []
        if exact:
            parts.append(self._make("in", *exact))
        if globs:
            parts.append(self._make("glob", *globs))
        inside = parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
        if name == "any_of":
            return inside
        if not globs:
            return self._make("none", *exact)
        return conjunction(self._make("exists"), Not(inside))

    def _selector(self, node: Node) -> Where:
        good = read_selector_texts(self._scope, node)
        return Selector(self._field, good) if good else ALWAYS

    def _ordered(self, name: str, key: Scalar, value: Node) -> Where:
        if not (self._item.numeric or self._item.kind == "scalar"):
            self._scope.error(
                key, f"'{name}' compares numbers, but '{self._field}' is {self._type}. Use a value."
            )
            return ALWAYS
        found = self._scope.resolve(value)
        if found is None:
            return ALWAYS
        wanted = 2 if name == "between" else 1
        items = as_items(found)
        numbers = [n for n in map(self._number, items) if n is not None]
        if len(numbers) != wanted or len(items) != wanted:
            form = "two numbers: [1, 10]" if wanted == 2 else "one number"
            self._scope.error(value, f"'{name}' takes {form}.")
            return ALWAYS
        if wanted == 2 and numbers[0] > numbers[1]:
            self._scope.error(value, "'between' takes the lower number first. Swap the two.")
            return ALWAYS
        return self._make(name, *numbers)

    def _number(self, node: Node) -> int | float | None:
        found = self._scope.resolve(node)
        value = found.value if isinstance(found, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and self._item.kind == "ms":
            try:
                return parse_duration_ms(value)
            except ValueError:
                return None
        return None

    def _regex(self, key: Scalar, value: Node) -> Where:
        text = as_text(self._scope, value, "'regex'")
        if text is None or not self._is_text(key, "regex"):
            return ALWAYS
        if not self._scope.regex:
            self._scope.error(
                key, "'regex' needs google-re2 (pip install 'stolper[regex]'). Or use glob."
            )
            return ALWAYS
        if len(text) > MAX_PATTERN:
            self._scope.error(value, f"a pattern has at most {MAX_PATTERN} characters. Shorten it.")
            return ALWAYS
        try:
            patterns.regex(text)
        except ImportError:
            self._scope.error(
                key, "'regex' needs google-re2 (pip install 'stolper[regex]'). Or use glob."
            )
            return ALWAYS
        except ValueError as error:
            self._scope.error(value, patterns.regex_reason(text, str(error)))
            return ALWAYS
        return self._make("regex", text)

    def _textual(self, name: str, key: Scalar, value: Node) -> Where:
        if name == "contains" and self._type.kind == "list":
            return self._one_of(value)
        if not self._is_text(key, name):
            return ALWAYS
        texts = as_texts(self._scope, value, f"'{name}'")
        if any(len(text) > MAX_PATTERN for text in texts):
            self._scope.error(
                value, f"'{name}' takes at most {MAX_PATTERN} characters. Shorten the text."
            )
            return ALWAYS
        return self._make(name, *texts) if texts else ALWAYS

    def _is_text(self, key: Scalar, name: str) -> bool:
        if self._item.kind in ("str", "enum", "scalar"):
            return True
        self._scope.error(
            key, f"'{name}' looks at text, but '{self._field}' is {self._type}. Use a value."
        )
        return False

    def _values(self, found: Node, at: Node) -> tuple[Const, ...]:
        values: list[Const] = []
        for item in flat_items(self._scope, found):
            value = self._value(item) if isinstance(item, Scalar) else None
            if value is None:
                self._scope.error(item, self._wrong(item))
            else:
                values.append(value)
        if not values and isinstance(found, Seq) and not found.items:
            self._scope.error(at, f"the list for '{self._field}' is empty. Put a value in it.")
        return tuple(values)

    def _value(self, node: Scalar) -> Const | None:
        value, kind = node.value, self._item.kind
        if self._item.numeric:
            return self._number(node)
        fits = {
            "bool": isinstance(value, bool),
            "str": isinstance(value, str),
            "enum": value in self._item.values,
            "scalar": value is not None,
        }
        return value if fits.get(kind, False) else None

    def _wrong(self, node: Node) -> str:
        shown = node.text if isinstance(node, Scalar) else "this"
        kind = self._item.kind
        if isinstance(node, Scalar) and node.value is None:
            return f"'{self._field}' is given no value. Write one, or {{exists: true}}."
        if kind == "enum":
            hint = did_you_mean(shown, self._item.values)
            return f"'{shown}' is no value of '{self._field}'. {hint}"
        if kind == "str" and isinstance(node, Scalar):
            return f"'{self._field}' is a text. Put it in quotes: \"{shown}\"."
        if kind == "bool":
            return f"'{self._field}' is true or false, not '{shown}'. Write one of the two."
        if self._item.numeric:
            return f"'{self._field}' is a number, not '{shown}'. Write it without quotes."
        return f"'{self._field}' is {self._type} and cannot be compared. Test a part of it."

    def _comparable(self, at: Node, text: str, other: FieldType) -> bool:
        """Note a same_as between types that are never equal (a map's values may be any)."""
        pair = {_family(self._type), _family(other)}
        if "target" in pair or "list" in pair or "map" in pair:
            self._scope.error(
                at, f"'{self._field}' and '{text}' are no single values. Compare target.key or so."
            )
            return False
        if len(pair) == 2 and "scalar" not in pair:
            self._scope.error(
                at,
                f"'{self._field}' is {self._type} and '{text}' is {other}: they are never equal. "
                "Compare fields of one kind.",
            )
            return False
        return True

    def _same_as(self, value: Node) -> Where:
        text = as_text(self._scope, value, "'same_as'")
        if text is None:
            return ALWAYS
        alias, _, source = text.partition(".")
        if not source:
            self._scope.error(value, f"'same_as: {text}' names no field. Write alias.field.")
            return ALWAYS
        known = self._scope.aliases.get(alias)
        if known is None:
            names = did_you_mean(alias, self._scope.aliases, label="Steps here")
            self._scope.error(value, f"no step is called '{alias}'. {names or 'Add as: to it.'}")
            return ALWAYS
        if not known.done:
            self._scope.error(
                value,
                f"'{text}' is used before step '{alias}' (line {known.line}). Put that step first.",
            )
            return ALWAYS
        for event in known.events:
            other = field_type(self._scope, value, source, event)
            if other is None or not self._comparable(value, text, other[0]):
                return ALWAYS
        return SameAs(self._field, alias, source)


def _family(type_: FieldType) -> str:
    if type_.numeric:
        return "number"
    return "text" if type_.kind in ("str", "enum") else type_.kind


def read_selector_texts(scope: Scope, value: Node) -> tuple[str, ...]:
    """Return the selectors in *value*, refusing those that need more than a target's path."""
    good: list[str] = []
    for item in flat_items(scope, value):
        text = as_text(scope, item, "a selector")
        if text is None:
            continue
        if len(text) > MAX_PATTERN:
            scope.error(item, f"a selector has at most {MAX_PATTERN} characters. Shorten it.")
            continue
        try:
            patterns.parse_selector(text)
        except patterns.BadSelector as error:
            scope.error(item, f"selector '{text}': {error}.")
        else:
            good.append(text)
    return tuple(good)
