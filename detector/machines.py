"""
What rules do with the events that they take: count them, or follow a sequence.

A machine belongs to a rule and is shared by all sessions; what it remembers of a session
lies in that session's flat list S, at the machine's slots. S[0] is the earliest deadline,
S[1] the session's attributes, S[2] its book, S[3] its clock of visible time, S[4] counts
how it grew since it was last measured (see Keeper).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from core.model import Severity
from detector.book import Book, Hit, Mark, mark, weigh
from detector.codegen import Predicate
from detector.rule import FieldOf, Rule
from detector.spec import MAX_CAPTURE_BYTES, MAX_GROUPS, MAX_STATE_BYTES
from detector.visible import visible_time
from detector.where import SameAs, leaves

State = list[Any]
Event = dict[str, Any]
Getter = Callable[[Event], Any]
Reader = Callable[[State], object]


def getter(dotted: str) -> Getter:
    """Return what reads the field *dotted* of an event; None if it is absent."""
    head, *rest = dotted.split(".")
    if not rest:
        return lambda event: event.get(head)
    if len(rest) == 1:
        inner = rest[0]

        def nested(event: Event) -> Any:
            outer = event.get(head)
            return outer.get(inner) if outer.__class__ is dict else None

        return nested

    def deep(event: Event) -> Any:
        value: Any = event
        for part in (head, *rest):
            value = value.get(part) if value.__class__ is dict else None
        return value

    return deep


def as_group(value: object) -> str:
    """Return *value* as the text of a group; nothing at all is the session itself."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def shortened_value(value: object) -> object:
    """Return *value* as a capture keeps it: a scalar, text of at most 256 bytes."""
    if isinstance(value, list | dict):
        value = ", ".join(map(str, value))
    if isinstance(value, str):
        raw = value.encode("utf-8", "replace")[:MAX_CAPTURE_BYTES]
        return raw.decode("utf-8", "ignore")
    return value


@dataclass(frozen=True, slots=True)
class Shift:
    """A threshold ready to run: what holds instead when the test is met."""

    when: dict[str, Predicate]
    times: int | None
    within: float | None
    severity: Severity | None


GROWN = 4
"""The slot that counts growth."""

MEASURE_AFTER = 32
"""Groups and waits beyond the usual few, after which a session's state is measured."""

CROWD = 4
"""From so many groups, waits or entries on growth is accounted for: real visits have fewer."""

RUN_BYTES = 190
"""A list with its place among the groups."""

ENTRY_BYTES = 420
"""One counted event of Count, or one run of Chain, beside its marks: kept fields, numbers."""


class Keeper:
    """Keeps the state of each session within its bound."""

    def __init__(self) -> None:
        self.machines: list[Machine] = []
        self.heard = True  # a rule asks for the flags of others

    def keep_small(self, state: State) -> None:
        """
        Drop what is least recent of the largest machines until the session fits.

        Depends on nothing but the events so far, so that judging again comes to the same.
        """
        while (total := self._total(state)) > MAX_STATE_BYTES:
            sizes = [machine.weigh(state, set()) for machine in self.machines]
            largest = max(sizes)
            if not largest or total <= 8 * len(state):  # nothing is left to drop
                return
            self.machines[sizes.index(largest)].shrink(state)

    def _total(self, state: State) -> int:
        seen: set[int] = set()  # rules share the marks of an event
        return 8 * len(state) + sum(machine.weigh(state, seen) for machine in self.machines)


class Machine(ABC):
    """What both kinds share: raising hits with group and captures, and their share of memory."""

    keeper: Keeper

    def __init__(
        self, rule: Rule, slot: int, shifts: Sequence[Shift], suppressors: Sequence[str]
    ) -> None:
        self.rule = rule
        self.slot = slot
        self._version = rule.version
        self.suppressors = tuple(suppressors)
        self.readers: list[tuple[str, Reader]] = []  # captures that look at slots of the session
        self._shifts = tuple(shifts)
        self._visible = rule.clock == "visible"
        self._wanted = _wanted(rule)
        self._captured = [(c.name, c.field) for c in rule.captures if c.kind == "step" and c.field]

    def kept(self, alias: str, event: Event, before: dict[Any, Any]) -> dict[Any, Any]:
        """Return *before* with the fields of *event* that are needed later."""
        wanted = self._wanted.get(alias)
        if not wanted:
            return before
        return {**before, **{key: read(event) for key, read in wanted}}

    def shift(self, event: Event, state: State) -> Shift | None:
        """Return the first threshold that *event* meets."""
        for shift in self._shifts:
            test = shift.when.get(event["type"])
            if test is not None and test(event, state, _NOTHING):
                return shift
        return None

    def group_value(self, kept: dict[Any, Any]) -> object:
        """Return the value of the rule's group among the fields *kept*."""
        group = self.rule.group
        return None if group is None else kept.get((group.alias, group.field))

    def hit(
        self,
        state: State,
        at: float,
        marks: Sequence[Mark],
        kept: dict[Any, Any],
        severity: Severity | None,
        main: Mark | None,
        first: dict[Any, Any] | None = None,
    ) -> None:
        """
        Tell the session's book that the rule was met.

        Captures are taken from *kept*, the group from *first* where that is another event's.
        """
        book = state[2]
        if book is None:
            book = state[2] = Book(heard=self.keeper.heard)
        group = as_group(self.group_value(kept if first is None else first))
        if book.full and not book.knows(self.rule.id, self._version, group):
            book.truncated.add(self.rule.id)
            return
        captures: dict[str, object] = {}
        for name, source in self._captured:
            value = kept.get((source.alias, source.field))
            if value is not None:
                captures[name] = shortened_value(value)
        for name, read in self.readers:
            value = read(state)
            if value is not None:
                captures[name] = shortened_value(value)
        severity = severity or self.rule.severity
        hit = Hit(self.rule, self._version, group, at, marks, severity, captures, main)
        book.hit(hit, self.suppressors)
        if book.queue:
            state[0] = -inf  # before the next event is judged, what was raised is

    def grown(self, state: State) -> None:
        """Account for one more group or wait of many; at times the whole session is measured."""
        state[GROWN] += 1
        if state[GROWN] >= MEASURE_AFTER:
            state[GROWN] = 0
            self.keeper.keep_small(state)

    def prepare(self, state: State) -> None:  # noqa: B027 -- most need nothing
        """Make the slots of a new session as this machine expects them."""

    @abstractmethod
    def weigh(self, state: State, seen: set[int]) -> int:
        """
        Return about how many bytes this machine's slots of a session take.

        Marks in *seen* (by identity) are counted already; the others are added to it.
        """

    @abstractmethod
    def shrink(self, state: State) -> None:
        """Drop about half of what the slots hold, the least recent, and note that."""

    def truncated(self, state: State) -> None:
        """Note that a bound was hit in this session."""
        if state[2] is None:
            state[2] = Book(heard=self.keeper.heard)
        state[2].truncated.add(self.rule.id)

    def time(self, state: State, ts: float) -> float:
        """Return the time that the rule's windows count in."""
        return visible_time(state, ts) if self._visible else ts


_NOTHING: dict[Any, Any] = {}


def _wanted(rule: Rule) -> dict[str, list[tuple[tuple[str, str], Getter]]]:
    """Return per step the fields of its event that group, captures and same_as ask for."""
    asked: set[tuple[str, str]] = set()
    sources: list[FieldOf] = [c.field for c in rule.captures if c.kind == "step" and c.field]
    if rule.group is not None:
        sources.append(rule.group)
    asked.update((s.alias, s.field) for s in sources if s.alias is not None)
    absences = [s.absent_before for s in rule.steps if s.absent_before] + (
        [rule.tail] if rule.tail else []
    )
    for matcher in (*(s.matcher for s in rule.steps), *(a.matcher for a in absences)):
        for _, where in matcher.cases:
            asked.update((x.alias, x.source) for x in leaves(where) if isinstance(x, SameAs))
    found: dict[str, list[tuple[tuple[str, str], Getter]]] = {}
    for alias, name in sorted(asked):
        found.setdefault(alias, []).append(((alias, name), getter(name)))
    return found


def main_mark(marks: Sequence[Mark]) -> Mark | None:
    """Return the newest mark that has a target, else the newest that has a page."""
    found = next((item for item in reversed(marks) if isinstance(item.target, dict)), None)
    return found or next((item for item in reversed(marks) if item.path is not None), None)


@dataclass(slots=True)
class _Entry:
    """One counted event."""

    time: float
    mark: Mark
    kept: dict[Any, Any]
    value: object  # of distinct or alternates
    shared: bool
    x: float | None
    y: float | None


class Count(Machine):
    """
    Counts events: times, within, same, near, distinct, alternates, share, thresholds.

    Slots: the entries by group, and the time of the last one.
    """

    slots = 2

    def __init__(
        self,
        rule: Rule,
        slot: int,
        shifts: Sequence[Shift],
        suppressors: Sequence[str],
        share: dict[str, Predicate],
    ) -> None:
        super().__init__(rule, slot, shifts, suppressors)
        counting, step = rule.counting, rule.steps[0]
        assert counting is not None
        self._same = getter(counting.same) if counting.same else None
        self._value_of = counting.distinct or counting.alternates
        self._value = getter(self._value_of) if self._value_of else None
        self._distinct = counting.distinct is not None
        self._alternates = counting.alternates is not None
        self._near = counting.near_px
        self._share, self._share_tests = counting.share, share
        self._alias, self._times = step.alias, step.times
        self._within = inf if step.within_ms is None else float(step.within_ms)
        self._most = max([self._times, *(s.times or 0 for s in self._shifts)])
        self._least = min([self._times, *(s.times or self._times for s in self._shifts)])
        self._widest = max([self._within, *(s.within or 0 for s in self._shifts)])
        self.simple = self._most == 1 and not self._value and not self._share and not self._shifts

    def single(self, state: State, event: Event, ts: float) -> None:
        """Take *event*, where one is enough."""
        item = mark(event, ts)
        self.hit(state, ts, (item,), self.kept(self._alias, event, _NOTHING), None, item)

    def feed(self, state: State, event: Event, ts: float) -> None:
        """Take *event*."""
        key: object = None
        if self._same is not None:
            key = self._same(event)
            if key is None:
                return
        value = self._value(event) if self._value is not None else None
        if self._value is not None and value is None:
            return
        entry = self._entry(state, event, ts, value)
        last = state[self.slot + 1]
        if last is not None and entry.time - last > self._widest:
            state[self.slot] = None  # nothing of what there is can count any more
        state[self.slot + 1] = entry.time
        run = self._run(state, key, entry)
        if self._distinct:
            run[:] = [e for e in run if e.value != value]
        run.append(entry)
        if len(run) > self._most:
            del run[: len(run) - self._most]
        if len(run) >= self._least:
            self._judge(state, event, ts, run)

    def _entry(self, state: State, event: Event, ts: float, value: object) -> _Entry:
        test = self._share_tests.get(event["type"])
        return _Entry(
            self.time(state, ts), mark(event, ts), self.kept(self._alias, event, _NOTHING), value,
            test is not None and test(event, state, _NOTHING), event.get("x"), event.get("y"),
        )  # fmt: skip

    def _run(self, state: State, key: object, entry: _Entry) -> list[_Entry]:
        """Return the run that *entry* belongs to, the most recent last among all."""
        runs: dict[object, list[_Entry]] | None = state[self.slot]
        if runs is None:
            runs = state[self.slot] = {}
        found = runs.get(key)
        if self._near is not None and (found is None or not self._alive(found, entry)):
            near = self._nearest(runs, entry)
            key, found = near if near is not None else (key, found)
        if found is None:
            found = []
        else:
            del runs[key]
        runs[key] = found
        if len(runs) > MAX_GROUPS:
            del runs[next(iter(runs))]
            self.truncated(state)
        if len(runs) > CROWD or len(found) > CROWD:
            self.grown(state)
        return found

    def weigh(self, state: State, seen: set[int]) -> int:
        """Return about how many bytes the counts of a session take, without marks in *seen*."""
        runs: dict[object, list[_Entry]] = state[self.slot] or {}
        return sum(
            RUN_BYTES + ENTRY_BYTES * len(run) + weigh((e.mark for e in run), seen)
            for run in runs.values()
        )

    def shrink(self, state: State) -> None:
        """Drop half of the groups, the least recent ones."""
        runs: dict[object, list[_Entry]] = state[self.slot]
        for key in list(runs)[: (len(runs) + 1) // 2]:
            del runs[key]
        self.truncated(state)

    def _alive(self, run: Sequence[_Entry], entry: _Entry) -> bool:
        return bool(run) and abs(entry.time - run[-1].time) <= self._widest

    def _nearest(
        self, runs: dict[object, list[_Entry]], entry: _Entry
    ) -> tuple[object, list[_Entry]] | None:
        if entry.x is None or entry.y is None:
            return None
        best: tuple[float, object, list[_Entry]] | None = None
        for key, run in runs.items():
            if not self._alive(run, entry):
                continue
            points = [
                (e.x, e.y)
                for e in run
                if e.x is not None and e.y is not None and entry.time - e.time <= self._widest
            ]
            if not points:
                continue
            dx = entry.x - sum(x for x, _ in points) / len(points)
            dy = entry.y - sum(y for _, y in points) / len(points)
            distance = (dx * dx + dy * dy) ** 0.5
            if distance <= (self._near or 0) and (best is None or distance < best[0]):
                best = (distance, key, run)
        return None if best is None else (best[1], best[2])

    def _judge(self, state: State, event: Event, ts: float, run: list[_Entry]) -> None:
        times, within, severity = self._times, self._within, None
        if self._shifts:
            shift = self.shift(event, state)
            if shift is not None:
                times = shift.times or times
                within = within if shift.within is None else shift.within
                severity = shift.severity
        if len(run) < times:
            return
        taken = run[-times:]
        if not -within <= taken[-1].time - taken[0].time <= within:
            return
        if self._alternates and not alternate([e.value for e in taken]):
            return
        if self._share is not None:
            share = sum(e.shared for e in taken) / times
            if not self._share.low <= share <= self._share.high:
                return
        marks = [e.mark for e in taken]
        main = main_mark(marks[:1]) if self._near is not None else None
        # The group is that of the first event, captures are those of the last.
        first, last = taken[0].kept, taken[-1].kept
        self.hit(state, ts, marks, last, severity, main or main_mark(marks), first)
        del run[: max(0, len(run) - self._most + 1)]

    def clear(self, state: State, event: Event, _ts: float) -> None:
        """Forget every count, or only that of the group whose field *event* carries."""
        runs = state[self.slot]
        if not runs:
            return
        key = self._same(event) if self._same is not None else None
        if key is not None:
            runs.pop(key, None)
        else:
            state[self.slot] = None


def alternate(values: Sequence[object]) -> bool:
    """Say whether *values* go A, B, A, B ..."""
    if len(values) < 2:  # a rule that asks for one event alone, as a trial of its number may
        return False
    return values[0] != values[1] and all(values[n] == values[n - 2] for n in range(2, len(values)))
