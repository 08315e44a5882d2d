"""
What a rule can refer to while it is read: lists, macros, params, aliases, processes.

Owns the resolving of `$name` and the small readers of scalars that all readers share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from core.durations import parse_duration_ms
from core.events import EventSchema
from detector.errors import Problems, did_you_mean, nearest
from detector.nodes import Map, Node, Scalar, Seq
from detector.rule import Matcher, Process, Text
from detector.spec import MAX_SPAN_MS, Key
from detector.where import Const

LANGUAGES = ("de", "en")

MAX_NAMES = 8
"""So many names may stand for one another: `$a` is `$b`, which is a list."""


MAX_WORK = 60_000
"""
How much work one file may ask for once `$names` are written out and conditions are read for
each of their events. A unit is some 10 µs of reading and compiling, so that a file is
accepted or refused within a second; a rule with its examples comes to some hundreds.
"""

COST_OF_RULE = 20
COST_OF_CASE = 12
"""An event that a matcher takes becomes a branch of the generated function."""

COST_OF_TEST = 3
COST_OF_THRESHOLD = 15
"""A threshold becomes a function of its own for each event that can complete the rule."""


class Exhausted(Exception):
    """A file asked for more work, or has more errors, than anyone needs; that has been noted."""


@dataclass(slots=True)
class Budget:
    """How much reading one file has cost so far (*spent*)."""

    spent: int = 0
    gone: bool = False

    def spend(self, problems: Problems, at: Node, units: int = 1) -> None:
        """Count *units* of work at *at*; note an error and raise Exhausted when it is too much."""
        self.spent += units
        if self.spent > MAX_WORK:
            if not self.gone:
                problems.error(
                    at,
                    "written out, this file comes to too many tests, values and events here. "
                    "Split it, or name fewer of them.",
                )
            self.gone = True
            raise Exhausted


@dataclass(slots=True)
class Alias:
    """A named step: the events it may have taken, and where it stands."""

    events: tuple[str, ...]
    line: int
    done: bool = False


@dataclass(slots=True)
class Scope:
    """Everything in reach of one rule. *what* names the thing being read in messages."""

    problems: Problems
    schema: EventSchema
    lists: Mapping[str, Node] = field(default_factory=dict)
    macros: Mapping[str, Node] = field(default_factory=dict)
    params: Mapping[str, Node] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    macro_stack: tuple[str, ...] = ()
    regex: bool = True  # google-re2 is installed
    budget: Budget = field(default_factory=Budget)
    known_macros: dict[str, Matcher] = field(default_factory=dict)

    def error(self, node: Node, message: str) -> None:
        """Note an error at *node*. Raise Exhausted if its file has so many that it is enough."""
        self.problems.error(node, message)
        if self.problems.full(node.file):
            self.budget.gone = True
            raise Exhausted

    def spend(self, at: Node, units: int = 1) -> None:
        """Count work at *at*."""
        self.budget.spend(self.problems, at, units)

    def resolve(self, node: Node) -> Node | None:
        """
        Return what *node* stands for: itself, or the param or list that `$name` names.

        A param may name a list; whatever names itself in the end is an error.
        """
        found: Node | None = node
        for _ in range(MAX_NAMES):
            if not isinstance(found, Scalar) or not isinstance(found.value, str):
                return found
            if not found.value.startswith("$"):
                return found
            self.spend(node)
            name, place = found.value[1:], found
            found = self.params.get(name) or self.lists.get(name)
            if found is None:
                self.error(place, f"'{place.value}' is not defined. {self._defined(name)}")
                return None
        self.error(node, "this name stands for itself, or for too many others. Put a value there.")
        return None

    def _defined(self, name: str) -> str:
        shown: list[str] = []
        if self.params:
            shown.append(f"Params here: {_some(list(self.params))}.")
        if self.lists:
            lists = [f"{key} (line {node.line})" for key, node in islice(self.lists.items(), 13)]
            shown.append(f"Lists here: {_some(lists)}.")
        near = nearest(name, [*self.params, *self.lists])
        hint = f"Did you mean '${near}'? " if near else ""
        return hint + (" ".join(shown) or "Define it under 'lists' or in the rule's 'params'.")


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")


def check_keys(scope: Scope, node: Map, keys: Mapping[str, Key], what: str) -> None:
    """Refuse keys of *node* that *keys* does not declare, and note required ones that lack."""
    for key, _ in node.entries:
        if key.text not in keys:
            hint = did_you_mean(key.text, keys)
            scope.error(key, f"unknown key '{key.text}' in {what}. {hint}")
    for name, spec in keys.items():
        if spec.required and node.get(name) is None:
            scope.error(node, f"{what} has no '{name}' ({spec.doc}). Add it.")


def as_map(scope: Scope, node: Node, what: str) -> Map | None:
    """Return *node* if it is a map, else note that *what* must be one."""
    if isinstance(node, Map):
        return node
    scope.error(node, f"{what} is a map of keys and values. Write 'key: value' lines.")
    return None


def as_items(node: Node) -> tuple[Node, ...]:
    """Return the items of a list; a single value is a list of one."""
    return node.items if isinstance(node, Seq) else (node,)


def as_seq(scope: Scope, node: Node, what: str) -> tuple[Node, ...]:
    """Return the items of *node*, which must be a list."""
    if isinstance(node, Seq):
        return node.items
    scope.error(node, f"{what} is a list. Begin each item with '- '.")
    return ()


def as_text(scope: Scope, node: Node, what: str) -> str | None:
    """Return *node* as a text."""
    found = scope.resolve(node)
    if found is None:
        return None
    if isinstance(found, Scalar) and isinstance(found.value, str) and found.value:
        return found.value
    shown = found.text if isinstance(found, Scalar) else ""
    advice = f'Put it in quotes: "{shown}".' if shown else "Write one text."
    scope.error(found, f"{what} is a text. {advice}")
    return None


def as_texts(scope: Scope, node: Node, what: str) -> tuple[str, ...]:
    """Return *node*, a text or a list of texts; lists may name others by `$name`."""
    texts: list[str] = []
    for item in flat_items(scope, node):
        text = as_text(scope, item, what)
        if text is not None:
            texts.append(text)
    return tuple(texts)


def flat_items(scope: Scope, node: Node, depth: int = 0) -> Iterator[Node]:
    """Yield the values in *node*, a value or a list; lists in lists are written out."""
    found = scope.resolve(node)
    if depth > MAX_NAMES:
        scope.error(node, "this list stands in itself, or in too many others. Write it out.")
        return
    if isinstance(found, Seq):
        for item in found.items:
            yield from flat_items(scope, item, depth + 1)
    elif found is not None:
        scope.spend(found)
        yield found


def as_name(scope: Scope, node: Node, what: str, known: Iterable[str]) -> str | None:
    """Return *node* if it is one of *known*, else suggest the nearest."""
    names = list(known)
    text = as_text(scope, node, what)
    if text is None or text in names:
        return text
    scope.error(node, f"unknown {what} '{text}'. {did_you_mean(text, names)}")
    return None


def as_bool(scope: Scope, node: Node, what: str) -> bool | None:
    """Return *node* as true or false."""
    found = scope.resolve(node)
    if isinstance(found, Scalar) and isinstance(found.value, bool):
        return found.value
    if found is not None:
        scope.error(found, f"'{what}' is true or false. Write one of the two.")
    return None


def as_number(
    scope: Scope, node: Node, what: str, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """Return *node* as a number between *low* and *high*."""
    found = scope.resolve(node)
    if found is None:
        return None
    raw = found.value if isinstance(found, Scalar) else None
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        scope.error(found, f"'{what}' is a number. Write it without quotes or unit.")
        return None
    value = float(raw)
    if not low <= value <= high:
        scope.error(found, f"'{what}' goes from {low:g} to {high:g}. Choose one of these.")
        return None
    return value


def as_int(scope: Scope, node: Node, what: str, low: int, high: int) -> int | None:
    """Return *node* as a whole number between *low* and *high*."""
    value = as_number(scope, node, what, low, high)
    if value is None:
        return None
    if value != int(value):
        scope.error(node, f"'{what}' is a whole number. Write {int(value)} or {int(value) + 1}.")
        return None
    return int(value)


def as_duration(scope: Scope, node: Node, what: str, *, limit: bool = True) -> int | None:
    """Return *node*, a duration such as 250ms, in milliseconds; at most 24 h with *limit*."""
    found = scope.resolve(node)
    if found is None:
        return None
    if not isinstance(found, Scalar):
        scope.error(found, f"'{what}' is a duration. Write e.g. 250ms, 3s, 10m or 2h.")
        return None
    if isinstance(found.value, int | float) and not isinstance(found.value, bool):
        n = found.text
        if found.value == 0 and not limit:
            return 0
        scope.error(found, f"'{what}: {n}' has no unit. Write {n}s, {n}m or {n}ms.")
        return None
    try:
        value = parse_duration_ms(found.text)
    except ValueError as error:
        scope.error(found, f"'{what}': {error}")
        return None
    if limit and not 0 < value <= MAX_SPAN_MS:
        advice = "shorter" if value else "longer"
        scope.error(found, f"'{what}' goes from 1ms to 24h. Choose a {advice} span.")
        return None
    return value


def as_localized(scope: Scope, node: Node, what: str) -> Text:
    """Return *node*, a text or {de, en}."""
    if not isinstance(node, Map):
        text = as_text(scope, node, what)
        return {} if text is None else dict.fromkeys(LANGUAGES, text)
    texts: Text = {}
    for key, value in node.entries:
        if key.text not in LANGUAGES:
            advice = "Use de and en."
            if scalar_value(value) is None and isinstance(value, Scalar):
                advice = "A comma ends a text in {...}: put the text in quotes."
            scope.error(key, f"'{key.text}' is no language of {what}. {advice}")
            continue
        text = as_text(scope, value, what)
        if text is not None:
            texts[key.text] = text
    for language in LANGUAGES:
        if texts and language not in texts:
            texts[language] = next(iter(texts.values()))
    if not texts and not scope.problems.failed:
        scope.error(node, f"{what} is empty. Give de and en.")
    return texts


def scalar_value(node: Node) -> Const | None:
    """Return the value of a scalar; None for anything else, and for nothing at all."""
    return node.value if isinstance(node, Scalar) else None


def plain(node: Node) -> Any:
    """Return *node* as plain Python values, as an event of a test holds them."""
    if isinstance(node, Map):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, Seq):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None


__all__ = ["Alias", "Matcher", "Scope"]
