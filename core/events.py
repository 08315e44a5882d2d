"""
The event schema: what core/events.yaml declares, as frozen Python values.

Owns the parsing of that file and of its type strings, and the test whether a value is of
a type. Leaves to others what happens to values that are not (collector/head.py) and the
code generated from the schema (core/generate.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

import yaml

from core.errors import NotFound, UserError

T = TypeVar("T")

Kind = Literal[
    "bool", "int", "ms", "px", "number", "str", "ref", "target", "list", "map", "enum", "scalar"
]
"""`scalar` is what a map holds under a name that no schema knows: bool, number or str."""

NUMERIC: frozenset[Kind] = frozenset({"int", "ms", "px", "number", "ref"})

NUMBER_LIMIT = 1e15
"""Larger numbers are no measurement; below it a double holds every whole number exactly."""

_SIMPLE = frozenset(get_args(Kind)) - {"list", "enum"}
_SCHEMA_FILE = Path(__file__).with_name("events.yaml")


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of a field. *values* are an enumeration's, *item* is that of a list."""

    kind: Kind
    values: tuple[str, ...] = ()
    item: FieldType | None = None

    @property
    def numeric(self) -> bool:
        """Say whether gt, gte, lt, lte and between make sense (not known for a scalar)."""
        return self.kind in NUMERIC

    @property
    def default(self) -> bool | None:
        """Return the value of an absent field: False for a bool, else None, meaning there is none."""
        return False if self.kind == "bool" else None

    def accepts(self, value: object) -> bool:
        """Say whether *value*, as decoded from JSON, is of this type."""
        return checker(self)(value)

    def __str__(self) -> str:
        if self.kind == "enum":
            return " | ".join(self.values)
        return f"list of {self.item}" if self.kind == "list" else self.kind


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field. *by* says who adds it: browser, collector, server or engine."""

    name: str
    type: FieldType
    doc: str = ""
    by: str = "browser"


@dataclass(frozen=True, slots=True)
class EventType:
    """
    One event: its own *fields*, and access to everything that a rule may test on it.

    *by* says who makes it: browser, server or engine.
    """

    name: str
    fields: Mapping[str, Field]
    doc: str = ""
    by: str = "browser"
    _schema: EventSchema | None = field(default=None, repr=False, compare=False)

    def field(self, dotted: str) -> FieldType:
        """
        Return the type of the field *dotted*: `keys`, `target.disabled`, `props.ok`.

        Looks at the event's own fields, then the envelope, then the session's attributes.
        What a map holds is `scalar`. Raise UnknownName if there is no such field.
        """
        head, *rest = dotted.split(".")
        near = self.fields.get(head)
        if near is None and self._schema is not None:
            near = self._schema.envelope.get(head) or self._schema.session.get(head)
        if near is None:
            near = _lookup(f"field of '{self.name}'", head, dict(self._fields_in_reach()))
        found = near.type
        for name in rest:
            if found.kind == "map":
                found = FieldType("scalar")
            elif found.kind == "target" and self._schema is not None:
                found = _lookup("field of a target", name, self._schema.target).type
            else:
                raise UnknownName(f"part (it is {found}) of '{head}'", name, {})
        return found

    def field_names(self) -> list[str]:
        """Return the names that `field` knows, without what lies inside targets and maps."""
        return list(dict(self._fields_in_reach()))

    def _fields_in_reach(self) -> Iterator[tuple[str, Field]]:
        if self._schema is not None:
            yield from self._schema.session.items()
            yield from self._schema.envelope.items()
        yield from self.fields.items()


@dataclass(frozen=True, slots=True)
class EventSchema:
    """All that is known of events. Made by load_schema() or parse_schema()."""

    version: int
    envelope: Mapping[str, Field]
    session: Mapping[str, Field]
    target: Mapping[str, Field]
    events: Mapping[str, EventType]

    def event(self, name: str) -> EventType:
        """Return the event type *name*. Raise UnknownName, with the nearest one, if there is none."""
        return _lookup("event", name, self.events)


class UnknownName(NotFound):
    """There is no event or field of that name; *nearest* is one that may have been meant."""

    def __init__(self, what: str, name: str, known: Mapping[str, object]) -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        self.name = name
        self.nearest: str | None = near[0] if near else None
        hint = f"; did you mean '{self.nearest}'?" if self.nearest else ""
        super().__init__(f"there is no {what} '{name}'{hint}")


@lru_cache(maxsize=1)
def load_schema() -> EventSchema:
    """Return the schema of core/events.yaml."""
    return parse_schema(yaml.safe_load(_SCHEMA_FILE.read_text(encoding="utf-8")))


def parse_schema(raw: Mapping[str, Any]) -> EventSchema:
    """
    Return the schema that *raw* describes, in the shape of core/events.yaml.

    All sections but `events` may be missing; a field may be given by its type alone
    (`{"events": {"click": {"fields": {"target": "str"}}}}`). Raise UserError if a type
    is not known.
    """
    events: dict[str, EventType] = {}
    schema = EventSchema(
        version=int(raw.get("version", 1)),
        envelope=_fields(raw.get("envelope", {})),
        session=_fields(raw.get("session", {})),
        target=_fields(raw.get("target", {})),
        events=MappingProxyType(events),
    )
    for name, spec in raw["events"].items():
        events[name] = EventType(
            name,
            _fields(spec.get("fields", {})),
            spec.get("doc", ""),
            spec.get("by", "browser"),
            schema,
        )
    return schema


def parse_type(spec: object) -> FieldType:
    """Return the type that *spec* writes: `ms`, `list of str`, `[a, b]`."""
    if isinstance(spec, list | tuple):
        return FieldType("enum", values=tuple(str(value) for value in spec))
    if isinstance(spec, str):
        if spec.startswith("list of "):
            return FieldType("list", item=parse_type(spec.removeprefix("list of ")))
        for kind in get_args(Kind):
            if kind == spec and kind in _SIMPLE:
                return FieldType(kind)
    raise UserError(f"event schema: '{spec}' is no type")


def _fields(raw: Mapping[str, Any]) -> Mapping[str, Field]:
    fields: dict[str, Field] = {}
    for name, spec in raw.items():
        if isinstance(spec, Mapping):
            fields[name] = Field(
                name, parse_type(spec["type"]), spec.get("doc", ""), spec.get("by", "browser")
            )
        else:
            fields[name] = Field(name, parse_type(spec))
    return MappingProxyType(fields)


def _lookup(what: str, name: str, known: Mapping[str, T]) -> T:
    found = known.get(name)
    if found is None:
        raise UnknownName(what, name, known)
    return found


Check = Callable[[Any], bool]


@lru_cache(maxsize=512)
def checker(type_: FieldType) -> Check:
    """Return a fast test whether a value decoded from JSON is of *type_*."""
    kind = type_.kind
    if kind == "enum":
        values = frozenset(type_.values)
        return lambda v: type(v) is str and v in values
    if kind == "list":
        assert type_.item is not None
        item = checker(type_.item)
        return lambda v: type(v) is list and all(map(item, v))
    return _CHECKS[kind]


def _is_int(value: Any) -> bool:
    return type(value) is int and -NUMBER_LIMIT < value < NUMBER_LIMIT


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -NUMBER_LIMIT < value < NUMBER_LIMIT


def _is_scalar(value: Any) -> bool:
    return type(value) in (str, bool) or _is_number(value)


def _is_map(value: Any) -> bool:
    """Accept names to scalars, and to lists of scalars (the classes of a target's path)."""
    return type(value) is dict and all(
        _is_scalar(v) or (type(v) is list and all(map(_is_scalar, v))) for v in value.values()
    )


_CHECKS: dict[str, Check] = {
    "bool": lambda v: type(v) is bool,
    "int": _is_int,
    "ref": lambda v: type(v) is int and 0 <= v < NUMBER_LIMIT,
    "ms": _is_number,
    "px": _is_number,
    "number": _is_number,
    "str": lambda v: type(v) is str,
    "target": lambda v: type(v) is dict,
    "map": _is_map,
    "scalar": _is_scalar,
}
