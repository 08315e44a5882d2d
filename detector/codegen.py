"""
Generates Python from conditions: one function per event type, from fixed fragments.

No text of a rule enters the source: every constant, field and event name, and every
callable, sits in a table under a name such as K17, and the namespace holds nothing else.
Owns the source; what is called on a match is detector/machines.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from detector import patterns
from detector.where import ALWAYS, All, AnyOf, InProcess, Not, SameAs, Selector, Test, Where, leaves

Place = tuple[str | None, str | None]
"""Page load and tab of an event; None for what the engine makes itself."""
Handler = Callable[[dict[str, Any], float, list[Any], int | None, Place], None]
Runner = Callable[..., int]
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
    words: Callable[[Any], object]
    event: str
    fields: frozenset[str]
    lines: list[str] = field(default_factory=list)
    hoisted: dict[tuple[str, bool], str] = field(default_factory=dict)
    shared: dict[Where, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    silenced: str = ""
    marked: bool = False
    _locals: int = 0

    def has(self, name: str) -> bool:
        """Say whether the event can carry the field *name*."""
        return name.split(".")[0] in self.fields

    def mark(self) -> str:
        """
        Return the line that makes the event's mark m, once, as book.unpacked() reads it.

        i is the event's index and L its page load and tab: both are known to who calls.
        """
        self.marked = True
        name = self.table.name
        target = self.load("target") if "target" in self.fields else "None"
        if "target" in self.target_fields:
            target = f"{name(patterns.slim)}({target})"
        inner = f"g({name('_marks')})" if self.event == "flag" else "None"
        return (
            f"if m is None: m = (ts, L, i, {name(self.event)}, {self.load('path')}, "
            f"{target}, {inner})"
        )

    def run(self, values: Sequence[str]) -> tuple[str, list[str]]:
        """
        Return the local that holds a run beginning at this event, and the lines that make it.

        Rules that keep the same *values* share it.
        """
        made = ", ".join(["m", *values]) if values else "m,"
        known = self.runs.get(made)
        if known is None:
            known = self.runs[made] = f"r{len(self.runs) + 1}"
        return known, [f"if {known} is None:", f"    {self.mark()}", f"    {known} = ({made})"]

    def hoist(self, wheres: Iterable[Where]) -> None:
        """Load each field that is tested more than once into a local, once; so with dear tests."""
        wheres = list(wheres)
        self._hoist_fields(wheres)
        tests: dict[Where, int] = {}
        for where in wheres:
            for leaf in leaves(where):
                if isinstance(leaf, Selector) or (isinstance(leaf, Test) and _is_dear(leaf)):
                    tests[leaf] = tests.get(leaf, 0) + 1
        for leaf, count in tests.items():
            if count > 1:
                text = self.test(leaf)
                self.shared[leaf] = local = self.local()
                self.lines.append(f"    {local} = {text}")

    def _hoist_fields(self, wheres: Iterable[Where]) -> None:
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
        known = self.shared.get(where) if self.shared else None
        if known is not None:
            return known
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
        if test.op in ("glob", "regex") and test.kind in ("str", "enum"):
            fits = _value_test(test)
            if isinstance(fits, patterns.Remembered):  # its answers are looked up in place
                known, ask = self.table.name(fits.known.get), self.table.name(fits)
                return f"({ask}(x) if (y := {known}((x := {load}))) is None else y)"
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


def _is_dear(test: Test) -> bool:
    return test.kind == "list" or test.op in ("glob", "starts", "ends", "contains", "regex")


def reacting(source: Source, reactions: Sequence[Reaction]) -> list[str]:
    """Return the lines of what one event sets off: all its *reactions* in order."""
    source.hoist(reaction.where for reaction in reactions)
    if "target" in source.target_fields and sum(r.ignore is not None for r in reactions) > 1:
        source.silenced = source.local()
        target = source.load("target")
        source.lines.append(f"    {source.silenced} = {source.table.name(source.words)}({target})")
    used = {chain for reaction in reactions for chain in reaction.unless}
    for reaction in reactions:
        _emit(source, reaction, _condition(source, reaction), used)
    lines = source.lines
    uses = sum(line.count("g(") for line in lines)
    if uses == 1:
        lines = [line.replace("g(", "e.get(") for line in lines]
    first = ["    g = e.get"] if uses > 1 else []
    first += ["    A = S[1].get"] if any("A(" in line for line in lines) else []
    first += ["    m = None"] if source.marked else []
    first += [f"    {run} = None" for run in source.runs.values()]
    return [*first, *lines]


def handler(lines: Sequence[str]) -> str:
    """Return the text of one event's function, of the *lines* that reacting() made."""
    return "\n".join(["def f(e, ts, S, i, L):", *lines, ""])


def runner(table: Table, bodies: Mapping[str, Sequence[str]]) -> str:
    """
    Return the text of a function that judges a list of events in one go.

    *bodies* holds per event type the lines that reacting() made, the most frequent first. The
    events E are of the page load L, their indices rise by one from i on, and each must be
    later than a, the time of the one before. D(S, ts) is called when something is due. Returns
    the index after the last one that was judged.
    """
    lines = ["def f(E, S, i, L, a, D):", "    for e in E:"]
    lines += [f"        ts = e[{table.name('ts')}]", "        if ts <= a: break", "        a = ts"]
    lines += ["        if S[0] < ts: D(S, ts)", f"        t = e[{table.name('type')}]"]
    word = "if"
    for event, body in bodies.items():
        lines.append(f"        {word} t == {table.name(event)}:")
        lines += [f"        {line}" for line in body]
        word = "elif"
    return "\n".join([*lines, "        i += 1", "    return i", ""])


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
        parts.append(_allowed(source, reaction.ignore))
    return " and ".join(parts) or "True"


def _allowed(source: Source, rule: str) -> str:
    """Return the test that the page does not silence *rule* on the target."""
    name = source.table.name
    words = source.silenced or f"(x := {name(source.words)}({source.load('target')}))"
    known = source.silenced or "x"
    return f"(not {words} or ({name(rule)} not in {known} and {name('all')} not in {known}))"


def _emit(source: Source, reaction: Reaction, condition: str, used: set[int]) -> None:
    chain = reaction.chain if reaction.chain in used else None
    if reaction.fragment is None:
        call = f"{source.table.name(reaction.call)}(S, e, ts)"
        if chain is not None:
            source.lines.append(f"    h{chain} = {condition} and {call}")
            return
        source.lines += [f"    if {condition}:", f"        {call}"]
        return
    lines = [line for line in reaction.fragment(source) if chain is not None or line != "q = True"]
    if chain is not None:
        source.lines.append("    q = False")
    if condition == "True":
        source.lines.extend(f"    {line}" for line in lines)
    else:
        source.lines.append(f"    if {condition}:")
        source.lines.extend(f"        {line}" for line in lines)
    if chain is not None:
        source.lines.append(f"    h{chain} = q")


def expiry(table: Table, waits: Sequence[tuple[int | None, Callable[[list[Any]], float]]]) -> str:
    """
    Return the text of a function that finds the wait that runs out first.

    *waits* holds per machine the slot of its earliest deadline, or None and what to call for
    that. The function sets S[0] and returns the machine's number, or None.
    """
    lines = ["def f(S):", f"    d = {table.name(inf)}", "    k = None"]
    for number, (slot, earliest) in enumerate(waits):
        if slot is None:
            lines += [f"    w = {table.name(earliest)}(S)", "    if w < d:", "        d = w"]
        else:
            lines += [f"    if S[{slot}] < d:", f"        d = S[{slot}]"]
        lines.append(f"        k = {number}")
    return "\n".join([*lines, "    S[0] = d", "    return k", ""])


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
