"""
The common shapes of rules as generated source: plain counts and plain sequences.

Same semantics as detector/machines.py and detector/sequences.py (a test compares the two
on random streams), without a call per event. Only hits, crowds and late arrivals are calls.
Plain means: no near, distinct, share, thresholds or visible clock; no same_as; in a sequence
no repeats and no absence between steps.

Fragments use: e, ts, S, m (the event's mark, made at most once), r and r1, r2 ... (runs that
begin at this event, made at most once), d, w, q, k.
"""

from __future__ import annotations

from math import inf
from typing import Any

from detector.book import unpacked, weigh
from detector.codegen import Source
from detector.machines import CROWD, RUN_BYTES, Machine, State, alternate, main_mark
from detector.rule import Rule
from detector.spec import MAX_GROUPS, MAX_PENDING
from detector.where import SameAs, leaves

Fragment = list[str]


def is_plain_count(rule: Rule) -> bool:
    """Say whether *rule* is a count that FastCount runs."""
    counting = rule.counting
    if counting is None or rule.thresholds or rule.clock == "visible":
        return False
    if counting.near_px or counting.distinct or counting.share:
        return False
    if any(capture.kind == "step" for capture in rule.captures):
        return False
    step = rule.steps[0]
    group = rule.group
    return step.times > 1 and (group is None or group.field == counting.same)


def is_plain_chain(rule: Rule) -> bool:
    """Say whether *rule* is a sequence that FastChain runs."""
    if rule.counting is not None or rule.thresholds or rule.clock == "visible":
        return False
    matchers = [step.matcher for step in rule.steps]
    if rule.tail is not None:
        matchers.append(rule.tail.matcher)
    correlated = any(
        isinstance(leaf, SameAs) for m in matchers for _, w in m.cases for leaf in leaves(w)
    )
    return not correlated and all(s.times == 1 and s.absent_before is None for s in rule.steps)


class FastCount(Machine):
    """
    A plain count. Its slot holds the marks so far: a list, or with `same` a dict of lists.

    With `alternates` an item is (mark, value) instead of the mark. The dict is in order of
    the groups' last events from CROWD groups on. With `same` and `within` a single mark stands
    for itself (its group in the slot after next): most are never followed by a second.
    """

    def __init__(self, rule: Rule, slot: int, suppressors: list[str]) -> None:
        super().__init__(rule, slot, (), suppressors)
        assert rule.counting is not None
        self._same = rule.counting.same
        self._alternates = rule.counting.alternates
        self._times = rule.steps[0].times
        self._within = rule.steps[0].within_ms

    @staticmethod
    def slots_of(rule: Rule) -> int:
        """Return how many slots *rule* needs: with groups and a window also last time and group."""
        assert rule.counting is not None
        return 3 if rule.counting.same and rule.steps[0].within_ms is not None else 1

    def fragment(self, source: Source) -> Fragment:
        """Return the lines that run when an event is counted."""
        item = "m"
        lines = [source.mark()]
        if self._alternates is not None:
            lines = [f"q = {source.load(self._alternates)}", "if q is not None:"]
            lines += [f"    {source.mark()}"]
            item = "(m, q)"
        body = self._grouped(source, item) if self._same else self._single(source, item)
        if self._alternates is not None:
            return [*lines, *(f"    {line}" for line in body)]
        if self._same is None:
            return [*lines, *body]
        key = f"k = {source.load(self._same)}"
        return [key, "if k is not None:", *(f"    {line}" for line in (*lines, *body))]

    def _single(self, source: Source, item: str) -> Fragment:
        a = self.slot
        last = "w[-1][0][0]" if self._alternates else "w[-1][0]"
        stale = "w is None"
        if self._within is not None:
            stale += f" or ts - {last} > {source.table.name(float(self._within))}"
        return [
            f"w = S[{a}]",
            f"if {stale}: S[{a}] = [{item}]",
            "else:",
            f"    w.append({item})",
            *(f"    {line}" for line in self._closing(source, "None")),
        ]

    def _grouped(self, source: Source, item: str) -> Fragment:
        name, a = source.table.name, self.slot
        lines = [] if self._alternates is None else [f"k = {source.load(self._same or '')}"]
        if self._within is None:
            lines += [f"d = S[{a}]", f"if d is None: S[{a}] = {{k: [{item}]}}", "else:"]
        else:
            lines += [
                f"if ts - S[{a + 1}] > {name(float(self._within))}:",
                f"    S[{a}] = {item}",
                f"    S[{a + 2}] = k",
                "else:",
                f"    d = S[{a}]",
                f"    if d.__class__ is {name(tuple)}: S[{a}] = d = {{S[{a + 2}]: [d]}}",
            ]
        lines += [
            "    w = d.get(k)",
            "    if w is None:",
            f"        if len(d) >= {CROWD}: {name(self.crowd)}(S, d)",
            f"        d[k] = [{item}]",
            "    else:",
            f"        if len(d) > {CROWD}: d[k] = d.pop(k)",
            f"        w.append({item})",
            *(f"        {line}" for line in self._closing(source, "k")),
        ]
        if self._within is not None:
            lines.append(f"S[{a + 1}] = ts")
        if self._alternates is not None:
            return [lines[0], "if k is not None:", *(f"    {line}" for line in lines[1:])]
        return lines

    def _closing(self, source: Source, key: str) -> Fragment:
        n, name = self._times, source.table.name
        first = f"w[-{n}][0][0]" if self._alternates else f"w[-{n}][0]"
        parts = []
        if self._within is not None:
            within = name(float(self._within))
            parts.append(f"{within} >= ts - {first} >= -{within}")
        if self._alternates is not None:
            # The newest ones tell most often that it is no alternation; the rest is a call.
            newest = ["q != w[-2][1]", "q == w[-3][1]"][: n - 1]  # of fewer there are none
            parts += [*newest, f"{name(_alternating)}(w, {n})"]
        hit = f"{name(self.met)}(S, ts, w, {key})"
        return [
            f"if len(w) >= {n}:",
            f"    if {' and '.join(parts)}: {hit}" if parts else f"    {hit}",
            "    del w[0]",
        ]

    def met(self, state: State, ts: float, items: list[Any], value: object) -> None:
        """Enough came: raise the hit."""
        taken = [item[0] for item in items] if self._alternates else items
        marks = [unpacked(item) for item in taken[-self._times :]]
        kept = {} if self.rule.group is None else {self._key: value}
        self.hit(state, ts, marks, kept, None, main_mark(marks))

    @property
    def _key(self) -> tuple[str | None, str]:
        group = self.rule.group
        assert group is not None
        return (group.alias, group.field)

    def crowd(self, state: State, runs: dict[object, list[Any]]) -> None:
        """Make room for one more group: keep the order of last events, drop the least recent."""
        if len(runs) == CROWD:  # from here on the order is kept by the fragment
            ordered = sorted(runs.items(), key=lambda item: self._time(item[1]))
            runs.clear()
            runs.update(ordered)
        if len(runs) >= MAX_GROUPS:
            del runs[next(iter(runs))]
            self.truncated(state)
        self.grown(state)

    def _time(self, items: list[Any]) -> float:
        time: float = items[-1][0][0] if self._alternates else items[-1][0]
        return time

    def clearing(self, source: Source, event: str) -> Fragment:
        """Return the lines that forget every count, or only that of the value the event carries."""
        if self._same is None or not source.has(self._same):
            return self._emptying(source)
        forget = f"{source.table.name(self.forget)}(S, k)"
        key = f"k = {source.load(self._same)}"
        empty = [f"    {line}" for line in self._emptying(source)]
        return [key, "if k is None:", *empty, "else:", f"    {forget}"]

    def _emptying(self, source: Source) -> Fragment:
        lines = [f"S[{self.slot}] = None"]
        if self._same and self._within is not None:
            lines.append(f"S[{self.slot + 1}] = {source.table.name(-inf)}")
        return lines

    def prepare(self, state: State) -> None:
        """Make the slots of a new session as the fragments expect them."""
        if self._same and self._within is not None:
            state[self.slot + 1] = -inf

    def forget(self, state: State, key: object) -> None:
        """Forget the count of one group."""
        runs = state[self.slot]
        if runs.__class__ is not tuple:
            runs.pop(key, None)
        if not runs or (runs.__class__ is tuple and state[self.slot + 2] == key):
            state[self.slot] = None
            self.prepare(state)

    def weigh(self, state: State, seen: set[int]) -> int:
        """Return about how many bytes the counts of a session take, without marks in *seen*."""
        found = state[self.slot]
        if not found:
            return 0
        if found.__class__ is dict:
            runs: list[Any] = list(found.values())
        else:
            runs = [[found] if found.__class__ is tuple else found]
        if self._alternates is not None:
            runs = [[item[0] for item in run] for run in runs]
        return sum(RUN_BYTES + weigh(run, seen) for run in runs)

    def shrink(self, state: State) -> None:
        """Drop half of the groups, the least recent ones."""
        runs = state[self.slot]
        if not runs or runs.__class__ is not dict:
            state[self.slot] = None
            self.prepare(state)
        else:
            for key in list(runs)[: (len(runs) + 1) // 2]:
                del runs[key]
        self.truncated(state)


def _alternating(items: list[Any], times: int) -> bool:
    """Say whether the last *times* of *items* go A, B, A, B ..."""
    return alternate([item[1] for item in items[-times:]])


Waits = dict[object, list[Any]]
"""By group: deadline, group, the run that decides, and the newest run of the group."""


def _by_deadline(waiting: Waits) -> Waits:
    return dict(sorted(waiting.items(), key=lambda item: item[1][0]))


class FastChain(Machine):
    """
    A plain sequence. Slots: the run at each step but the last; with an absence at the end then
    what is pending, when the newest of that was armed, and the earliest deadline.

    A run is flat: the marks of the steps so far, then the fields that group and captures ask
    for. Pending is a run, or by group [deadline, group, run, newest run of the group], the earliest
    deadline first.
    """

    def __init__(self, rule: Rule, slot: int, suppressors: list[str]) -> None:
        super().__init__(rule, slot, (), suppressors)
        self._steps = rule.steps
        self._pending = slot + len(rule.steps) - 1
        tail = rule.tail
        self._wait = inf if tail is None or tail.within_ms is None else float(tail.within_ms)
        wanted = [[key for key, _ in self._wanted.get(step.alias, [])] for step in rule.steps]
        self._keys = [key for keys in wanted for key in keys]
        self._values = [sum(map(len, wanted[:n])) for n in range(len(wanted))]  # before step n
        group = rule.group
        self._group_at = (
            len(rule.steps) + self._keys.index((group.alias, group.field))
            if group and group.alias
            else None
        )

    @staticmethod
    def slots_of(rule: Rule) -> int:
        """Return how many slots *rule* needs."""
        return len(rule.steps) - 1 + (3 if rule.tail is not None else 0)

    def prepare(self, state: State) -> None:
        """Make the slots of a new session as the fragments expect them."""
        if self.rule.tail is not None:
            state[self._pending + 2] = inf

    def fragment(self, source: Source, number: int) -> Fragment:
        """Return the lines that run when an event fits step *number* (from 0)."""
        fields = [field for (_, field), _ in self._wanted.get(self._steps[number].alias, [])]
        values = [source.load(field) for field in fields]
        if number == 0:
            run, lines = source.run(values)
        else:
            marks = [f"r[{n}]" for n in range(number)]
            before = [f"r[{number + n}]" for n in range(self._values[number])]
            run, lines = ", ".join([*marks, "m", *before, *values]), [source.mark()]
            run = f"({run})"
        if number < len(self._steps) - 1:
            return [*lines, f"S[{self.slot + number}] = {run}"]
        if self.rule.tail is None:
            call = f"{source.table.name(self.met)}(S, ts, {run})"
            return [*lines, call, *(["q = True"] if number else [])]
        return [*lines, *self._arming(source, run)]

    def _arming(self, source: Source, run: str) -> Fragment:
        p, name = self._pending, source.table.name
        lines = [f"w = {run}"]
        if self._wait == inf:
            first, more = [], name(inf)
        else:
            more = f"ts + {name(self._wait)}"
            first = [
                f"    S[{p + 2}] = d = {more}",
                "    if d < S[0]: S[0] = d",
            ]
        return [
            *lines,
            f"if S[{p}] is None:",
            f"    S[{p}] = w",
            *first,
            f"else: {name(self.more)}(S, w, {more})",
            f"S[{p + 1}] = ts",
        ]

    def _group_of(self, run: tuple[Any, ...]) -> object:
        return None if self._group_at is None else run[self._group_at]

    def more(self, state: State, run: Any, due: float) -> None:
        """Wait for one more; of one group the earliest open deadline decides."""
        key = self._group_of(run)
        waiting = state[self._pending] = self._waits(state)
        present = waiting.get(key)
        if present is not None:
            last = len(self._steps) - 1
            if present[3][last][0] < run[last][0]:  # of those of one moment the first
                present[3] = run
            return
        if len(waiting) >= MAX_PENDING:
            self.truncated(state)
            return
        late = next(reversed(waiting.values()))[0] > due
        waiting[key] = [due, key, run, run]
        self._keep(state, _by_deadline(waiting) if late else waiting)
        state[0] = min(state[0], due)
        if len(waiting) > CROWD:
            self.grown(state)

    def condition(self, source: Source, number: int) -> str:
        """Return the test that a later step's run is there and its windows hold."""
        step, name = self._steps[number], source.table.name
        parts = [f"(r := S[{self.slot + number - 1}]) is not None"]
        last = f"r[{number - 1}][0]"
        if step.within_ms is None:
            parts.append(f"ts >= {last}")
        else:
            parts.append(f"0 <= ts - {last} <= {name(float(step.within_ms))}")
        if self.rule.within_ms is not None:
            parts.append(f"ts - r[0][0] <= {name(float(self.rule.within_ms))}")
        return " and ".join(parts)

    def met(self, state: State, ts: float, run: tuple[Any, ...]) -> None:
        """All steps came: raise the hit and start over."""
        for slot in range(self.slot, self._pending):
            state[slot] = None
        steps = len(self._steps)
        kept = dict(zip(self._keys, run[steps:], strict=True))
        marks = [unpacked(item) for item in run[:steps]]
        self.hit(state, ts, marks, kept, None, main_mark(marks))

    @property
    def live_slots(self) -> tuple[int, ...]:
        """Return the slots that hold anything to forget."""
        last = self._pending + (1 if self.rule.tail is not None else 0)
        return tuple(range(self.slot, last))

    def clearing(self, source: Source, event: str) -> Fragment:
        """Return the lines that forget the run and all waits."""
        lines = [f"S[{slot}] = None" for slot in self.live_slots]
        if self.rule.tail is not None:
            lines.append(f"S[{self._pending + 2}] = {source.table.name(inf)}")
        return lines

    def answering(self, source: Source) -> Fragment:
        """Return the lines that end the waits opened before this event."""
        p, name = self._pending, source.table.name
        return [
            f"if S[{p + 1}] < ts:",
            f"    S[{p}] = None",
            f"    S[{p + 2}] = {name(inf)}",
            f"else: {name(self.answer)}(S, ts)",
        ]

    def answer(self, state: State, ts: float) -> None:
        """Something came that should not: waits opened before it end."""
        last = len(self._steps) - 1
        kept = {key: item for key, item in self._waits(state).items() if item[3][last][0] >= ts}
        for item in kept.values():
            if item[2][last][0] < ts:  # only the newest of its group was opened at this moment
                item[0], item[2] = item[3][last][0] + self._wait, item[3]
        self._keep(state, _by_deadline(kept))
        state[0] = min(state[0], state[self._pending + 2])

    def _waits(self, state: State) -> Waits:
        """Return what is pending, by deadline."""
        waiting = state[self._pending]
        if waiting.__class__ is tuple:
            group = self._group_of(waiting)
            return {group: [state[self._pending + 2], group, waiting, waiting]}
        return waiting or {}

    def _keep(self, state: State, waiting: Waits) -> None:
        """Let *waiting* be what is pending."""
        state[self._pending] = waiting or None
        state[self._pending + 2] = next(iter(waiting.values()))[0] if waiting else inf

    @property
    def pending(self) -> int:
        """Return the slot of what is pending."""
        return self._pending

    @property
    def due(self) -> int:
        """Return the slot of the earliest deadline."""
        return self._pending + 2

    def expire(self, state: State) -> None:
        """Let the wait with the earliest deadline run out: the rule is met."""
        waiting = self._waits(state)
        deadline, _, run, _ = waiting.pop(next(iter(waiting)))
        self._keep(state, waiting)
        self.met(state, deadline, run)

    def end(self, state: State, ts: float) -> None:
        """The session ended at *ts*: waits with or_end are met, the others are undecided."""
        waiting = self._waits(state)
        self._keep(state, {})
        if self.rule.tail is not None and self.rule.tail.or_end:
            for _, _, run, _ in waiting.values():
                self.met(state, ts, run)

    def weigh(self, state: State, seen: set[int]) -> int:
        """Return about how many bytes runs and waits take, without marks in *seen*."""
        kept = [
            state[slot][: slot - self.slot + 1]
            for slot in range(self.slot, self._pending)
            if state[slot] is not None
        ]
        if self.rule.tail is not None:
            kept += [item[2][: len(self._steps)] for item in self._waits(state).values()]
        return sum(RUN_BYTES + weigh(marks, seen) for marks in kept)

    def shrink(self, state: State) -> None:
        """Drop the newer half of the waits: the earliest deadlines decide."""
        waiting = self._waits(state) if self.rule.tail is not None else {}
        if waiting:
            self._keep(state, dict(list(waiting.items())[: len(waiting) // 2]))
        else:
            for slot in range(self.slot, self._pending):
                state[slot] = None
        self.truncated(state)
