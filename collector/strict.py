"""
Says of a whole head in one call whether all of it is as the schema has it, to the letter.

Owns the types that msgspec checks heads by, made of core/events.yaml and of the limits that
head.py has. Strict only: what a head that fails is still good for is head.py's to find out, and
so is what no schema describes (ids, gaps, facts of the page).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from core.events import NUMBER_LIMIT, EventSchema, Field, FieldType

_LIMIT = int(NUMBER_LIMIT)
_Int: Any = Annotated[int, Meta(gt=-_LIMIT, lt=_LIMIT)]
_Number: Any = _Int | Annotated[float, Meta(gt=-NUMBER_LIMIT, lt=NUMBER_LIMIT)]
_READ_APART = ("i", "t", "type")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many, how long, how large what a head holds may be."""

    events: int
    text: int  # characters
    items: int  # of a list or map in an event
    gaps: int
    index: int
    t: float


class Strict:
    """
    The types of a head by *schema*, within *limits*.

    *targets* are the fields of each event type that hold the place of a target.
    """

    def __init__(self, schema: EventSchema, limits: Limits) -> None:
        self.targets: dict[str, tuple[str, ...]] = {}
        self._text: Any = Annotated[str, Meta(max_length=limits.text)]
        self._items = limits.items
        self._decoder = msgspec.json.Decoder(self._head(schema, limits))

    def holds(self, raw: bytes) -> bool:
        """
        Say whether the head that JSON *raw* holds is in order, but for its ids.

        Then every value of its targets, events, void indices and attributes may be kept as it
        is, but for targets that are not in the list.
        """
        try:
            self._decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        return True

    def _head(self, schema: EventSchema, limits: Limits) -> Any:
        index: Any = Annotated[int, Meta(ge=0, le=limits.index)]
        whole: Any = Annotated[int, Meta(ge=0, le=int(limits.t))]
        first = [("i", index), ("t", whole | Annotated[float, Meta(ge=0, le=limits.t)])]
        envelope = _by_browser(schema.envelope.values())
        events = []
        for event in schema.events.values():
            if event.by == "browser":
                fields = [*envelope, *event.fields.values()]
                events.append(self._struct(event.name, fields, first, tag=event.name))
                self.targets[event.name] = tuple(f.name for f in fields if f.type.kind == "target")
        target = self._struct("target", schema.target.values())
        some = msgspec.defstruct("some", [])  # an object, whatever it holds
        members: list[tuple[str, Any, Any]] = [
            ("targets", _at_most(limits.events, target), ()),
            ("events", _at_most(limits.events, reduce(operator.or_, events)), ()),
            ("void", _at_most(limits.index, index), ()),
            ("attributes", self._struct("attributes", _by_browser(schema.session.values())), None),
            ("gaps", _at_most(limits.gaps, some), ()),
            *((name, some, None) for name in ("chunk", "page", "assets", "snippet")),
        ]
        return msgspec.defstruct("head", [("seq", index), *members])

    def _struct(
        self,
        name: str,
        fields: Iterable[Field],
        first: Iterable[tuple[str, Any]] = (),
        tag: str | None = None,
    ) -> Any:
        return msgspec.defstruct(
            name,
            [*first, *((f.name, self._type(f.type), None) for f in fields)],
            tag_field=None if tag is None else "type",
            tag=tag,
            forbid_unknown_fields=True,
            gc=False,
        )

    def _type(self, type_: FieldType) -> Any:
        """Return the type of those values that head.py keeps as they are."""
        match type_.kind:
            case "bool":
                return bool
            case "int":
                return _Int
            case "ms" | "px" | "number":
                return _Number
            case "ref":
                return Annotated[int, Meta(ge=0, lt=_LIMIT)]
            case "str":
                return self._text
            case "enum":
                return Literal[type_.values]
            case "target":
                return Annotated[int, Meta(ge=0)]
            case "map":
                texts = _at_most(self._items, self._text)
                return _map(
                    self._text,
                    reduce(operator.or_, [self._text, bool, _Number, texts]),
                    self._items,
                )
            case "list" if type_.item is not None and type_.item.kind in ("str", "int", "map"):
                return _at_most(self._items, self._type(type_.item))
        raise AssertionError(f"how is a {type_} checked?")


def _by_browser(fields: Iterable[Field]) -> list[Field]:
    return [f for f in fields if f.by == "browser" and f.name not in _READ_APART]


def _at_most(most: int, item: Any) -> Any:
    return Annotated[list[item], Meta(max_length=most)]


def _map(name: Any, value: Any, most: int) -> Any:
    return Annotated[dict[name, value], Meta(max_length=most)]
