"""
Conditions evaluated one by one, with what was seen: why an event counted or did not.

A second reading of the normal form, beside the generated code (a test compares the two); slow,
but it can say which part of a condition failed on which value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from detector import patterns
from detector.rule import Matcher, Process
from detector.where import All, AnyOf, InProcess, Not, SameAs, Selector, Test, Where, leaves
from detector.words import condition, conjuncts, seen

Event = Mapping[str, Any]
_NUMBERS = (int, float)


@dataclass(slots=True)
class Context:
    """
    What a condition can see beside the event.

    *attributes* are the session's; *kept* has fields of earlier steps by (alias, field);
    *steps* the last step of each process that is or was under way.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on one event: in the words of YAML, what was seen, whether it held."""

    text: str
    actual: str
    held: bool


def checks(where: Where, event: Event, context: Context) -> tuple[Check, ...]:
    """Return each condition that *where* demands, with what was seen in *event*."""
    return tuple(
        Check(condition(part), _actual(part, event, context), holds(part, event, context))
        for part in conjuncts(where)
    )


def holds(where: Where, event: Event, context: Context) -> bool:
    """Say whether *where* holds for *event*."""
    if isinstance(where, All):
        return all(holds(item, event, context) for item in where.items)
    if isinstance(where, AnyOf):
        return any(holds(item, event, context) for item in where.items)
    if isinstance(where, Not):
        return not holds(where.inner, event, context)
    if isinstance(where, Selector):
        return bool(_selectors(where.selectors)(value_of(event, where.field)))
    if isinstance(where, SameAs):
        value = value_of(event, where.field)
        return value is not None and value == context.kept.get((where.alias, where.source))
    if isinstance(where, InProcess):
        return any(
            name in context.steps and context.steps[name] != context.goals.get(name)
            for name in where.processes
        )
    source = context.attributes if where.session else event
    return _test(where, value_of(source, where.field))


def value_of(event: Event, dotted: str) -> Any:
    """Return the field *dotted* of *event*, None if it is absent."""
    value: Any = event
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _test(test: Test, value: Any) -> bool:
    if test.op == "exists":
        return value is not None
    if test.kind == "list":
        return isinstance(value, list) and any(_item(test, item) for item in value)
    if test.kind == "bool":
        inside = (value is True) in {bool(wanted) for wanted in test.value}
        return not inside if test.op == "none" else inside
    return _item(test, value)


def _item(test: Test, value: Any) -> bool:
    """Test a single value: nothing is converted, 1 is not true."""
    op, wanted = test.op, test.value
    if value is None:
        return False
    if op in ("eq", "in", "has"):
        return any(_equal(value, item) for item in wanted)
    if op == "none":
        return not any(_equal(value, item) for item in wanted)
    if op in ("glob", "regex"):
        return bool(_pattern(op, tuple(map(str, wanted)))(value))
    if op in _TEXT:
        return isinstance(value, str) and any(_TEXT[op](value, str(item)) for item in wanted)
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return False
    return _ORDER[op](value, wanted)


_TEXT: dict[str, Callable[[str, str], bool]] = {
    "starts": str.startswith,
    "ends": str.endswith,
    "contains": lambda text, part: part in text,
}
_ORDER: dict[str, Callable[[Any, Sequence[Any]], bool]] = {
    "gt": lambda value, limits: value > limits[0],
    "gte": lambda value, limits: value >= limits[0],
    "lt": lambda value, limits: value < limits[0],
    "lte": lambda value, limits: value <= limits[0],
    "between": lambda value, limits: limits[0] <= value <= limits[1],
}


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


@lru_cache(maxsize=256)
def _pattern(op: str, texts: tuple[str, ...]) -> Callable[[Any], bool]:
    return patterns.glob(texts) if op == "glob" else patterns.regex(texts[0])


@lru_cache(maxsize=256)
def _selectors(texts: tuple[str, ...]) -> Callable[[Any], bool]:
    return patterns.selectors(texts)


def _actual(where: Where, event: Event, context: Context) -> str:
    """Return what *where* looked at, as it was seen."""
    found: dict[str, str] = {}
    for leaf in leaves(where):
        if isinstance(leaf, InProcess):
            for name in leaf.processes:
                step = context.steps.get(name)
                found[name] = f"{name} at step {step}" if step else f"{name} not begun"
        elif isinstance(leaf, Test):
            source = context.attributes if leaf.session else event
            value = value_of(source, leaf.field)
            missing = value is None and leaf.kind == "bool"
            found[leaf.field] = "false (absent)" if missing else seen(value)
        elif isinstance(leaf, Selector):
            target = value_of(event, leaf.field)
            shown = patterns.selector_of(target) if isinstance(target, dict) else None
            found[leaf.field] = shown or seen(target)
        elif isinstance(leaf, SameAs):
            value = value_of(event, leaf.field)
            other = context.kept.get((leaf.alias, leaf.source))
            found[leaf.field] = f"{seen(value)} ({leaf.alias}.{leaf.source}: {seen(other)})"
    if len(found) == 1 or all(isinstance(leaf, InProcess) for leaf in leaves(where)):
        return ", ".join(found.values())
    return ", ".join(f"{name} {value}" for name, value in found.items())


def process_steps(
    processes: Iterable[Process], events: Sequence[Event], context: Context
) -> list[dict[str, str]]:
    """Return per event the last step that each of *processes* has reached, with that event."""
    known = [
        (process.id, list(zip(process.steps, process.demands(), strict=True))[::-1])
        for process in processes
    ]
    now: dict[str, str] = {}
    came = {id_: 0 for id_, _ in known}
    found: list[dict[str, str]] = []
    for event in events:
        for id_, steps in known:
            for (name, matcher), (_, demands, makes) in steps:
                if demands <= came[id_] and _fits(matcher, event, context):
                    came[id_] = max(came[id_], makes)
                    now = {**now, id_: name}
                    break
        found.append(now)
    return found


def _fits(matcher: Matcher, event: Event, context: Context) -> bool:
    return any(
        type_ == event["type"] and holds(where, event, context) for type_, where in matcher.cases
    )
