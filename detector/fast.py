"""
The common shapes of rules as generated source: plain counts and plain sequences.

Same semantics as detector/machines.py and detector/sequences.py (a test compares the two
on random streams), without a call per event. Only hits, expiry and bounds are calls. Plain
means: no near, distinct, alternates, share, thresholds or visible clock; no same_as; in a
sequence no repeats and no absence between steps.

Fragments use: e, ts, S, m (the event's mark, made at most once), d, w, r, q, k.
"""

from __future__ import annotations

from math import inf
from typing import Any

from detector.book import Mark
from detector.codegen import Source
from detector.machines import Event, Machine, State, main_mark
from detector.rule import Rule
from detector.spec import MAX_GROUPS, MAX_PENDING
from detector.where import SameAs, leaves

Fragment = list[str]

_MAKE_MARK = "if m is None: m = {mark}(e, ts)"


def is_plain_count(rule: Rule) -> bool:
    """Say whether *rule* is a count that FastCount runs."""
    counting = rule.counting
    if counting is None or rule.thresholds or rule.clock == "visible":
        return False
    if counting.near_px or counting.distinct or counting.alternates or counting.share:
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
    """A plain count. Slots: marks by value of `same` (or under None), time of the last one."""

    slots = 2

    def __init__(self, rule: Rule, slot: int, suppressors: list[str]) -> None:
        super().__init__(rule, slot, (), suppressors)
        assert rule.counting is not None
        self._same = rule.counting.same
        self._times = rule.steps[0].times
        self._within = rule.steps[0].within_ms

    def fragment(self, source: Source) -> Fragment:
        """Return the lines that run when an event is counted."""
        name, a, n = source.table.name, self.slot, self._times
        mark = source.mark()
        within = None if self._within is None else name(float(self._within))
        fresh = f"d is None or ts - S[{a + 1}] > {within}" if within else "d is None"
        closed = f"if {within} >= ts - w[-{n}][0] >= -{within}: " if within else ""
        body = [
            _MAKE_MARK.format(mark=mark),
            f"d = S[{a}]",
            f"if {fresh}: S[{a}] = d = {{}}",
            f"S[{a + 1}] = ts",
            "w = d.get(k)",
            "if w is None:",
            f"    if len(d) >= {MAX_GROUPS}: {name(self.evict)}(S, d)",
            "    d[k] = [m]",
            "else:",
            "    w.append(m)",
            f"    if len(w) >= {n}:",
            f"        {closed}{name(self.met)}(S, ts, w, k)",
            "        del w[0]",
        ]
        if self._same is None:
            return ["k = None", *body]
        value = source.load(self._same)
        return [f"k = {value}", "if k is not None:", *(f"    {line}" for line in body)]

    def met(self, state: State, ts: float, marks: list[Mark], value: object) -> None:
        """Enough came: raise the hit."""
        taken = marks[-self._times :]
        kept = {} if self.rule.group is None else {self._key: value}
        self.hit(state, ts, taken, kept, None, main_mark(taken))

    @property
    def _key(self) -> tuple[str | None, str]:
        group = self.rule.group
        assert group is not None
        return (group.alias, group.field)

    def evict(self, state: State, runs: dict[object, list[Mark]]) -> None:
        """Drop the least recent group."""
        del runs[min(runs, key=lambda key: runs[key][-1].ts)]
        self.truncated(state)

    def clear(self, state: State, event: Event, _ts: float) -> None:
        """Forget every count, or only that of the value that *event* carries."""
        runs = state[self.slot]
        if not runs:
            return
        key: Any = None
        if self._same is not None:
            key = event
            for part in self._same.split("."):
                key = key.get(part) if isinstance(key, dict) else None
        if key is not None:
            runs.pop(key, None)
        else:
            state[self.slot] = None


class FastChain(Machine):
    """
    A plain sequence. Slots: the run at each step but the last, then what is pending.

    A run is (start, last, marks, values); values are the fields that group and captures
    ask for, in the order of the steps.
    """

    def __init__(self, rule: Rule, slot: int, suppressors: list[str]) -> None:
        super().__init__(rule, slot, (), suppressors)
        self._steps = rule.steps
        self._pending = slot + len(rule.steps) - 1
        self.slots = len(rule.steps)
        tail = rule.tail
        self._wait = inf if tail is None or tail.within_ms is None else float(tail.within_ms)
        self._keys = [key for step in rule.steps for key, _ in self._wanted.get(step.alias, [])]
        group = rule.group
        self._group_at = (
            self._keys.index((group.alias, group.field)) if group and group.alias else None
        )

    def fragment(self, source: Source, number: int) -> Fragment:
        """Return the lines that run when an event fits step *number* (from 0)."""
        values = "".join(
            f"{source.load(field)}, "
            for (_, field), _ in self._wanted.get(self._steps[number].alias, [])
        )
        lines = [_MAKE_MARK.format(mark=source.mark())]
        last = number == len(self._steps) - 1
        if number == 0:
            run = f"(ts, ts, (m,), ({values}))"
        else:
            more = f" + ({values})" if values else ""
            run = f"(r[0], ts, r[2] + (m,), r[3]{more})"
        if not last:
            return [*lines, f"S[{self.slot + number}] = {run}"]
        if self.rule.tail is None:
            call = f"{source.table.name(self.met)}(S, ts, {run})"
            return [*lines, call, "q = True"]
        return [*lines, *self._arming(source, run)]

    def _arming(self, source: Source, run: str) -> Fragment:
        p, name = self._pending, source.table.name
        lines = [f"r = {run}", f"w = S[{p}]", f"if w is None: S[{p}] = w = {{}}"]
        lines.append("k = None" if self._group_at is None else f"k = r[3][{self._group_at}]")
        lines += [
            "if k not in w:",
            f"    if len(w) >= {MAX_PENDING}: {name(self.truncated)}(S)",
            "    else:",
        ]
        if self._wait == inf:
            return [*lines, f"        w[k] = ({name(inf)}, r)"]
        return [
            *lines,
            f"        d = ts + {name(self._wait)}",
            "        w[k] = (d, r)",
            "        if d < S[0]: S[0] = d",
        ]

    def condition(self, source: Source, number: int) -> str:
        """Return the test that a later step's run is there and its windows hold."""
        step, name = self._steps[number], source.table.name
        parts = [f"(r := S[{self.slot + number - 1}]) is not None"]
        if step.within_ms is None:
            parts.append("ts >= r[1]")
        else:
            parts.append(f"0 <= ts - r[1] <= {name(float(step.within_ms))}")
        if self.rule.within_ms is not None:
            parts.append(f"ts - r[0] <= {name(float(self.rule.within_ms))}")
        return " and ".join(parts)

    def met(self, state: State, ts: float, run: tuple[Any, ...]) -> None:
        """All steps came: raise the hit and start over."""
        self._start_over(state)
        kept = dict(zip(self._keys, run[3], strict=True))
        self.hit(state, ts, run[2], kept, None, main_mark(run[2]))

    def _start_over(self, state: State) -> None:
        for slot in range(self.slot, self._pending):
            state[slot] = None

    def clear(self, state: State, _event: Event, _ts: float) -> None:
        """Forget the run and all waits."""
        for slot in range(self.slot, self._pending + 1):
            state[slot] = None

    def answer(self, state: State, _event: Event, ts: float) -> None:
        """Something came that should not: waits opened before it end."""
        waiting = state[self._pending]
        for key, (_, run) in list(waiting.items()):
            if run[1] < ts:
                del waiting[key]

    @property
    def pending(self) -> int:
        """Return the slot of what is pending."""
        return self._pending

    def earliest(self, state: State) -> float:
        """Return when the next wait runs out, in event time."""
        waiting = state[self._pending]
        if not waiting:
            return inf
        soonest: float = min(deadline for deadline, _ in waiting.values())
        return soonest

    def expire(self, state: State) -> None:
        """Let the wait with the earliest deadline run out: the rule is met."""
        waiting = state[self._pending]
        key = min(waiting, key=lambda k: waiting[k][0])
        deadline, run = waiting.pop(key)
        self.met(state, deadline, run)

    def end(self, state: State, ts: float) -> None:
        """The session ended at *ts*: waits with or_end are met, the others are undecided."""
        waiting = state[self._pending]
        state[self._pending] = None
        if self.rule.tail is not None and self.rule.tail.or_end:
            for _, run in (waiting or {}).values():
                self.met(state, ts, run)
