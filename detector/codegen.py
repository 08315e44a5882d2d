"""
Generates Python from conditions: one function per event type, from fixed fragments.

No text of a rule enters the source: every constant, field and event name, and every
callable, sits in a table under a name such as K17, and the namespace holds nothing else.
Owns the source; what is called on a match is detector/machines.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector import patterns
from detector.where import ALWAYS, All, AnyOf, InProcess, Not, SameAs, Selector, Test, Where, leaves

Handler = Callable[[dict[str, Any], float, list[Any]], None]
Predicate = Callable[[dict[str, Any], list[Any], dict[Any, Any]], bool]

_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NUMBERS = frozenset((int, float))


class Table:
    """The constants of generated source, each under a name of ours."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[type, object], str] = {}

    def name(self, value: Any) -> str:
        """Return the name under which *value* stands in the table."""
        try:
            key = (value.__class__, value)
            known = self._names.get(key)
        except TypeError:  # unhashable, so it cannot be shared
            return self._new(value)
        if known is None:
            known = self._names[key] = self._new(value)
        return known

    def _new(self, value: Any) -> str:
        name = f"K{len(self.values)}"
        self.values[name] = value
        return name


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    What happens when *where* holds: a *call*, or a slot that is set.

    *ignore* is the rule that data-stolper-ignore may silence. *chain* numbers the local that
    keeps what the call returned; with *unless* the reaction is left out after a true one.
    *slots* are those of which one must hold something, else nothing can come of it.
    *fragment* makes lines to run in place of the call, *extra* one more condition for them.
    """

    where: Where
    call: Callable[..., object]
    ignore: str | None = None
    chain: int | None = None
    unless: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()
    fragment: Callable[[Source], list[str]] | None = None
    extra: Callable[[Source], str] | None = None


@dataclass(slots=True)
class Source:
    """The generated text of one function and its locals."""

    table: Table
    target_fields: frozenset[str]
    process_slots: dict[str, tuple[int, str]]
    ignored: Callable[[Any, str], bool]
    make_mark: Callable[[dict[str, Any], float], object]
    lines: list[str] = field(default_factory=list)
    hoisted: dict[tuple[str, bool], str] = field(default_factory=dict)
    marked: bool = False
    _locals: int = 0

    def mark(self) -> str:
        """Return the name of what makes an event's mark; the function gets a local m for it."""
        self.marked = True
        return self.table.name(self.make_mark)

    def hoist(self, wheres: Iterable[Where]) -> None:
        """Load each field that is tested more than once into a local, once."""
        uses: dict[tuple[str, bool], int] = {}
        for where in wheres:
            for leaf in leaves(where):
                if isinstance(leaf, Test | SameAs | Selector):
                    key = (leaf.field, isinstance(leaf, Test) and leaf.session)
                    uses[key] = uses.get(key, 0) + 1
                    if "." in leaf.field:  # its outer part is loaded, too
                        outer = (leaf.field.split(".")[0], key[1])
                        uses[outer] = uses.get(outer, 0) + 1
        ordered = sorted(uses, key=lambda key: key[0].count("."))
        for key in ordered:
            if uses[key] > 1:
                load = self.load(*key)
                local = self.local()
                self.lines.append(f"    {local} = {load}")
                self.hoisted[key] = local

    def local(self) -> str:
        """Return a new local's name."""
        self._locals += 1
        return f"v{self._locals}"

    def load(self, name: str, session: bool = False) -> str:
        """Return the expression that reads a field, or the local that already holds it."""
        known = self.hoisted.get((name, session))
        if known is not None:
            return known
        head, *rest = name.split(".")
        outer = self.hoisted.get((head, session)) if rest else None
        base = outer or f"{'A' if session else 'g'}({self.table.name(head)})"
        for part in rest:
            local = base if base == outer else f"(y := {base})"
            inner = "y" if base != outer else base
            # The walrus is evaluated first, as the condition of the expression.
            base = f"({inner}.get({self.table.name(part)}) if {local} else None)"
        return base

    def test(self, where: Where) -> str:
        """Return the expression for *where*."""
        if isinstance(where, Test):
            return self._field_test(where)
        if isinstance(where, Not):
            return f"not {self.test(where.inner)}"
        if isinstance(where, All):
            return f"({' and '.join(map(self.test, where.items))})" if where.items else "True"
        if isinstance(where, AnyOf):
            return f"({' or '.join(map(self.test, where.items))})" if where.items else "False"
        if isinstance(where, Selector):
            fits = self.table.name(_selector_test(where.selectors))
            return f"{fits}({self.load(where.field, False)})"
        if isinstance(where, SameAs):
            key = self.table.name((where.alias, where.source))
            return f"((x := {self.load(where.field, False)}) is not None and x == R.get({key}))"
        return self._in_process(where)

    def _in_process(self, where: InProcess) -> str:
        parts: list[str] = []
        for name in where.processes:
            found = self.process_slots.get(name)
            if found is not None:
                slot, goal = found
                parts.append(f"(S[{slot}] is not None and S[{slot}] != {self.table.name(goal)})")
        return f"({' or '.join(parts)})" if parts else "False"

    def _field_test(self, test: Test) -> str:
        load = self.load(test.field, test.session)
        if test.op == "exists":
            return f"({load} is not None)"
        if test.kind == "list" or test.op in ("glob", "starts", "ends", "contains", "regex"):
            return f"{self.table.name(_value_test(test))}({load})"
        if test.kind == "bool":
            return self._bool_test(test, load)
        if test.kind == "scalar" and test.op in ("eq", "in", "none"):
            return self._scalar_test(test, load)
        names = [self.table.name(value) for value in test.value]
        if test.op == "eq":
            return f"({load} == {names[0]})"
        if test.op in ("in", "none"):
            members = self.table.name(frozenset(test.value))
            if test.op == "in":
                return f"({load} in {members})"
            return f"((x := {load}) is not None and x not in {members})"
        if test.kind == "scalar":
            known = f"(x := {load}).__class__ in {self.table.name(_NUMBERS)}"
        else:
            known = f"(x := {load}) is not None"
        if test.op == "between":
            return f"({known} and {names[0]} <= x <= {names[1]})"
        return f"({known} and x {_COMPARE[test.op]} {names[0]})"

    def _bool_test(self, test: Test, load: str) -> str:
        wanted = {bool(value) for value in test.value}
        if test.op == "none":
            wanted = {True, False} - wanted
        if len(wanted) != 1:
            return "True" if wanted else "False"
        return f"({load} is True)" if True in wanted else f"({load} is not True)"

    def _scalar_test(self, test: Test, load: str) -> str:
        """Compare without coercion: 1 is not true, 0 is not false."""
        if test.op == "eq":
            value = test.value[0]
            if value is True or value is False:
                return f"({load} is {value})"
            if isinstance(value, str):
                return f"({load} == {self.table.name(value)})"
        return f"{self.table.name(_value_test(test))}({load})"


def _selector_test(texts: tuple[str, ...]) -> Callable[[Any], bool]:
    return patterns.selectors(texts)


def _value_test(test: Test) -> Callable[[Any], bool]:
    """Return a callable for the tests that are not worth a fragment of their own."""
    single = _item_test(test)
    if test.kind != "list":
        return single
    return lambda value: value.__class__ is list and any(map(single, value))


def _item_test(test: Test) -> Callable[[Any], bool]:
    op, value = test.op, test.value
    texts = tuple(str(item) for item in value)
    if op == "glob":
        return patterns.glob(texts)
    if op == "regex":
        return patterns.regex(texts[0])
    if op == "starts":
        return lambda given: given.__class__ is str and given.startswith(texts)
    if op == "ends":
        return lambda given: given.__class__ is str and given.endswith(texts)
    if op == "contains":
        return lambda given: given.__class__ is str and any(text in given for text in texts)
    if op in ("eq", "in", "has"):
        return lambda given: any(_equal(given, item) for item in value)
    if op == "none":
        return lambda given: given is not None and not any(_equal(given, item) for item in value)
    return _number_test(op, value)


def _number_test(op: str, value: tuple[Any, ...]) -> Callable[[Any], bool]:
    tests: dict[str, Callable[[Any], bool]] = {
        "gt": lambda given: given > value[0],
        "gte": lambda given: given >= value[0],
        "lt": lambda given: given < value[0],
        "lte": lambda given: given <= value[0],
        "between": lambda given: value[0] <= given <= value[1],
    }
    holds = tests[op]
    return lambda given: given.__class__ in _NUMBERS and holds(given)


def _equal(given: Any, wanted: object) -> bool:
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    return bool(given == wanted)


def handler(source: Source, reactions: Sequence[Reaction]) -> str:
    """Return the text of one event's function: all its *reactions* in order."""
    source.hoist(reaction.where for reaction in reactions)
    for reaction in reactions:
        _emit(source, reaction, _condition(source, reaction))
    body = "\n".join(source.lines)
    mark = "    m = None\n" if source.marked else ""
    return f"def f(e, ts, S):\n    g = e.get\n    A = S[1].get\n{mark}{body}\n"


def _condition(source: Source, reaction: Reaction) -> str:
    """Return the test before a reaction, what costs least first."""
    parts = [f"not h{chain}" for chain in reaction.unless]
    if reaction.slots:
        parts.append(f"({' or '.join(f'S[{slot}]' for slot in reaction.slots)})")
    if reaction.extra is not None:
        parts.append(reaction.extra(source))
    if reaction.where != ALWAYS:
        parts.append(source.test(reaction.where))
    if reaction.ignore is not None and "target" in source.target_fields:
        target = source.load("target")
        allows, rule = source.table.name(source.ignored), source.table.name(reaction.ignore)
        parts.append(f"{allows}({target}, {rule})")
    return " and ".join(parts) or "True"


def _emit(source: Source, reaction: Reaction, condition: str) -> None:
    call = f"{source.table.name(reaction.call)}(S, e, ts)"
    if reaction.fragment is not None:
        lines = reaction.fragment(source)
        if reaction.chain is not None:
            source.lines.append("    q = False")
        source.lines.append(f"    if {condition}:")
        source.lines.extend(f"        {line}" for line in lines)
        if reaction.chain is not None:
            source.lines.append(f"    h{reaction.chain} = q")
    elif reaction.chain is not None:
        source.lines.append(f"    h{reaction.chain} = {condition} and {call}")
    else:
        source.lines.append(f"    if {condition}:")
        source.lines.append(f"        {call}")


def predicate(source: Source, where: Where) -> str:
    """Return the text of a function that says whether *where* holds; R holds earlier fields."""
    return (
        "def f(e, S, R):\n    g = e.get\n    A = S[1].get\n"
        f"    return {source.test(where)} and True or False\n"
    )


def build(text: str, table: Table) -> Any:
    """Return the function in *text*. Nothing but the table is in its reach."""
    namespace: dict[str, Any] = {"__builtins__": {"len": len}, **table.values}
    exec(compile(text, "<rules>", "exec"), namespace)
    return namespace["f"]
