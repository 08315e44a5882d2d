"""
Conditions on events in normal form: what a `where` block comes to.

Owns the shapes; reading them is detector/read_where.py, running them detector/codegen.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Const = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Test:
    """
    One test on one field of the event (dotted) or on a session attribute.

    *op* is eq, in, none, gt, gte, lt, lte, between, glob, starts, ends, contains, exists or
    regex; *kind* the field's type in the schema (`scalar` when only the event knows it);
    *session* says that the field is an attribute of the session.
    """

    field: str
    op: str
    value: tuple[Const, ...]
    kind: str
    session: bool = False


@dataclass(frozen=True, slots=True)
class Selector:
    """The target in *field* or one of its ancestors fits one of *selectors*."""

    field: str
    selectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SameAs:
    """*field* equals *source*, a field of the event that step *alias* took."""

    field: str
    alias: str
    source: str


@dataclass(frozen=True, slots=True)
class InProcess:
    """One of *processes* is under way in the session."""

    processes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """*inner* does not hold."""

    inner: Where


@dataclass(frozen=True, slots=True)
class All:
    """Each of *items* holds; none at all holds always."""

    items: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of *items* holds."""

    items: tuple[Where, ...]


Where = Test | Selector | SameAs | InProcess | Not | All | AnyOf

ALWAYS = All(())


def conjunction(*items: Where) -> Where:
    """Return what holds when all *items* hold, flattened."""
    flat: list[Where] = []
    for item in items:
        flat.extend(item.items if isinstance(item, All) else (item,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def leaves(where: Where) -> Iterator[Where]:
    """Yield the tests inside *where*."""
    if isinstance(where, Not):
        yield from leaves(where.inner)
    elif isinstance(where, All | AnyOf):
        for item in where.items:
            yield from leaves(item)
    else:
        yield where
