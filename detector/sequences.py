"""
Follows sequences: steps in order, absences between and after them.

One run per (rule, partition, position): a newer run overwrites, so it has the latest start.
Runs are kept apart (partitions) only where same_as can tell them apart. A step with
`times: n` is n positions. See docs/rules.md for the semantics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple, Protocol

from core.model import Severity
from detector.book import Mark, mark, weigh
from detector.codegen import Predicate
from detector.machines import CROWD, ENTRY_BYTES, Event, Machine, Shift, State, main_mark
from detector.rule import Rule, Step
from detector.spec import MAX_EVIDENCE, MAX_GROUPS, MAX_PENDING
from detector.where import SameAs, leaves

_NOTHING: dict[Any, Any] = {}


class Run(NamedTuple):
    """A sequence as far as it has come. Times are those that the rule's windows count in."""

    start: float
    last: float
    span: float  # first repeat of the present step
    marks: tuple[Mark, ...]
    kept: dict[Any, Any]


@dataclass(slots=True)
class Pending:
    """All steps came; now something must not come before *deadline*."""

    deadline: float
    since: float
    run: Run
    severity: Severity | None
    newest: Pending | None = None  # of the same group, opened later; it stands by


Partitions = dict[object, list[Run | None]]


class Waiting(Protocol):
    """What the engine's clock needs of a machine that waits for absences."""

    @property
    def pending(self) -> int: ...
    def expire(self, state: State) -> None: ...
    def end(self, state: State, ts: float) -> None: ...


class Chain(Machine):
    """A sequence. Slot: its runs by partition; the slot after it: what is pending."""

    slots = 2

    def __init__(
        self,
        rule: Rule,
        slot: int,
        shifts: Sequence[Shift],
        suppressors: Sequence[str],
        correlated: dict[tuple[int, str], Predicate],
    ) -> None:
        super().__init__(rule, slot, shifts, suppressors)
        self._steps = rule.steps
        self._first = [sum(s.times for s in rule.steps[:n]) for n in range(len(rule.steps))]
        self._positions = sum(step.times for step in rule.steps)
        # How long a run at each position can wait for the next: a step's own span, if it has one.
        self._gaps = [
            inf if step.within_ms is None else float(step.within_ms)
            for step in rule.steps
            for _ in range(step.times)
        ][1:]
        for number, step in enumerate(rule.steps):
            if step.times > 1 and number:  # within is the span of the repeats, not of the gap
                self._gaps[self._first[number] - 1] = inf
        self._within = inf if rule.within_ms is None else float(rule.within_ms)
        self._tail = rule.tail
        self._wait = inf if not rule.tail or rule.tail.within_ms is None else rule.tail.within_ms
        self._correlated = correlated
        self._partition = _partition_fields(rule)

    # -- steps ---------------------------------------------------------------------------

    def step(self, number: int, state: State, event: Event, ts: float) -> bool:
        """Take *event* as step *number* (from 0). Return whether that raised a hit."""
        runs: Partitions | None = state[self.slot]
        now = self.time(state, ts)
        if number == 0:
            return self._open(state, event, ts, now)
        if not runs:
            return False
        for key in reversed(list(runs)):
            advanced, hit = self._extend(number, state, event, ts, now, key)
            if hit:
                return True
            if advanced:
                break
        return False

    def _open(self, state: State, event: Event, ts: float, now: float) -> bool:
        kept = self.kept(self._steps[0].alias, event, _NOTHING)
        key = tuple(kept.get(field) for field in self._partition) if self._partition else None
        runs: Partitions | None = state[self.slot]
        if self._positions == 1:
            return self._complete(
                state, event, ts, Run(now, now, now, (mark(event, ts),), kept), key
            )
        if runs is None:
            runs = state[self.slot] = {}
        if key in runs:
            _, hit = self._extend(0, state, event, ts, now, key)
            if hit:
                return True
        present = runs.pop(key, None) or [None] * (self._positions - 1)
        present[0] = Run(now, now, now, (mark(event, ts),), kept)
        runs[key] = present
        while len(runs) > CROWD and self._over(runs[oldest := next(iter(runs))], now):
            del runs[oldest]
        if len(runs) > MAX_GROUPS:
            del runs[next(iter(runs))]
            self.truncated(state)
        if len(runs) > CROWD:
            self.grown(state)
        return False

    def _over(self, present: Sequence[Run | None], now: float) -> bool:
        """Say whether no run of a partition can go on at *now* or later."""
        return all(
            run is None or now - run.start > self._widest() or now - run.last > self._gaps[position]
            for position, run in enumerate(present)
        )

    def weigh(self, state: State, seen: set[int]) -> int:
        """Return about how many bytes runs and waits take, without marks in *seen*."""
        runs: Partitions = state[self.slot] or {}
        alive = [run for present in runs.values() for run in present if run is not None]
        waiting: dict[object, Pending] = state[self.slot + 1] or {}
        alive += [pending.run for pending in waiting.values()]
        return sum(ENTRY_BYTES + weigh(run.marks, seen) for run in alive)

    def shrink(self, state: State) -> None:
        """Drop half of the runs, the least recent; without any, the newer half of the waits."""
        runs: Partitions = state[self.slot] or {}
        waiting: dict[object, Pending] = state[self.slot + 1] or {}
        for key in list(runs)[: (len(runs) + 1) // 2]:
            del runs[key]
        if not runs:
            for whose in list(waiting)[len(waiting) // 2 :]:
                del waiting[whose]
        self.truncated(state)

    def _extend(
        self, number: int, state: State, event: Event, ts: float, now: float, key: object
    ) -> tuple[bool, bool]:
        """Advance the runs of partition *key* that wait for step *number*: (advanced, hit)."""
        step = self._steps[number]
        present = state[self.slot][key]
        first = self._first[number]
        advanced = False
        for repeat in range(step.times - 1, -1, -1):
            position = first + repeat
            before = present[position - 1] if position else None
            if before is None or not self._fits(step, repeat, before, now, state, event, number):
                continue
            run = self._longer(step, repeat, before, now, event, ts)
            advanced = True
            if position == self._positions - 1:
                if self._complete(state, event, ts, run, key):
                    return True, True
            else:
                present[position] = run
        return advanced, False

    def _fits(
        self,
        step: Step,
        repeat: int,
        before: Run,
        now: float,
        state: State,
        event: Event,
        number: int,
    ) -> bool:
        gap = now - before.last
        if gap < 0 or now - before.start > self._widest():
            return False
        if step.within_ms is not None:
            if repeat:
                if now - before.span > step.within_ms:
                    return False
            elif step.times == 1 and gap > step.within_ms:
                return False
        test = self._correlated.get((number, event["type"]))
        return test is None or test(event, state, before.kept)

    def _widest(self) -> float:
        return max([self._within, *(s.within or 0 for s in self._shifts)])

    def _longer(
        self, step: Step, repeat: int, before: Run, now: float, event: Event, ts: float
    ) -> Run:
        marks = before.marks
        if len(marks) >= 2 * MAX_EVIDENCE:  # the last ones stay, for the flag's evidence
            marks = (*marks[: MAX_EVIDENCE - 1], *marks[1 - MAX_EVIDENCE :])
        return Run(
            before.start, now, before.span if repeat else now, (*marks, mark(event, ts)),
            self.kept(step.alias, event, before.kept),
        )  # fmt: skip

    def _complete(self, state: State, event: Event, ts: float, run: Run, key: object) -> bool:
        """All steps came: a hit, or the wait for what must not come."""
        severity, within = None, self._within
        shift = self.shift(event, state) if self._shifts else None
        if shift is not None:
            severity = shift.severity
            within = within if shift.within is None else shift.within
        if run.last - run.start > within:
            return False
        if self._tail is None:
            self._forget(state, key)
            self.hit(state, ts, run.marks, run.kept, severity, main_mark(run.marks))
            return True
        self._arm(state, ts, run, severity, key)
        return False

    def _forget(self, state: State, key: object) -> None:
        runs: Partitions | None = state[self.slot]
        if runs:
            runs.pop(key, None)

    # -- absences ------------------------------------------------------------------------

    def _arm(
        self, state: State, ts: float, run: Run, severity: Severity | None, key: object
    ) -> None:
        waiting: dict[object, Pending] | None = state[self.slot + 1]
        if waiting is None:
            waiting = state[self.slot + 1] = {}
        whose = (key, self.group_value(run.kept))
        deadline = run.last + self._wait
        if (open_ := waiting.get(whose)) is not None:  # the earliest open deadline decides
            if open_.newest is None or open_.newest.since < ts:  # of one moment the first
                open_.newest = Pending(deadline, ts, run, severity)
            return
        if len(waiting) >= MAX_PENDING:
            self.truncated(state)
            return
        waiting[whose] = Pending(deadline, ts, run, severity)
        if len(waiting) > CROWD:
            self.grown(state)
        state[0] = min(state[0], self._real(state, deadline))

    def _real(self, state: State, deadline: float) -> float:
        if not self._visible or deadline == inf or state[3] is None:
            return deadline
        real: float = state[3].when(deadline)
        return real

    def answer(self, state: State, event: Event, ts: float) -> None:
        """Take *event* as what should not have come: it ends the waits that it answers."""
        waiting: dict[object, Pending] | None = state[self.slot + 1]
        if not waiting:
            return
        test = self._correlated.get((-1, event["type"]))
        for whose, pending in list(waiting.items()):
            if pending.since < ts and (test is None or test(event, state, pending.run.kept)):
                newest = pending.newest
                if newest is not None and newest.since >= ts:  # opened at this very moment
                    waiting[whose] = newest
                    state[0] = min(state[0], self._real(state, newest.deadline))
                else:
                    del waiting[whose]

    def break_(self, number: int, state: State, event: Event, ts: float) -> None:
        """Take *event* as what must not come between step *number* and the step before it."""
        runs: Partitions | None = state[self.slot]
        absence = self._steps[number].absent_before
        if not runs or absence is None:
            return
        now = self.time(state, ts)
        position = self._first[number] - 1
        test = self._correlated.get((~number - 1, event["type"]))
        limit = inf if absence.within_ms is None else absence.within_ms
        for present in runs.values():
            run = present[position]
            if (
                run is not None
                and run.marks[-1].ts < ts  # later, even if the clock of visible time stood still
                and now - run.last <= limit
                and (test is None or test(event, state, run.kept))
            ):
                present[position] = None

    @property
    def pending(self) -> int:
        """Return the slot of what is pending."""
        return self.slot + 1

    def earliest(self, state: State) -> float:
        """Return when the next wait runs out, in event time."""
        waiting: dict[object, Pending] | None = state[self.slot + 1]
        if not waiting:
            return inf
        return self._real(state, min(p.deadline for p in waiting.values()))

    def expire(self, state: State) -> None:
        """Let the wait with the earliest deadline run out: nothing came, so the rule is met."""
        waiting: dict[object, Pending] = state[self.slot + 1]
        whose = min(waiting, key=lambda key: waiting[key].deadline)
        at = self._real(state, waiting[whose].deadline)
        self._decide(state, whose, at)

    def end(self, state: State, ts: float) -> None:
        """The session ended at *ts*: waits with or_end are met, the others are undecided."""
        waiting: dict[object, Pending] | None = state[self.slot + 1]
        for whose in list(waiting or ()):
            if self._tail is not None and self._tail.or_end:
                self._decide(state, whose, ts)
        state[self.slot + 1] = None

    def _decide(self, state: State, whose: Any, at: float) -> None:
        pending: Pending = state[self.slot + 1].pop(whose)
        self._forget(state, whose[0])
        run = pending.run
        self.hit(state, at, run.marks, run.kept, pending.severity, main_mark(run.marks))

    def clear(self, state: State, event: Event, _ts: float) -> None:
        """Forget every run and wait, or only those of the group that *event* carries."""
        runs: Partitions | None = state[self.slot]
        group = self.rule.group
        own = None
        if self._partition and group is not None and group.alias == self._steps[0].alias:
            head, *rest = group.field.split(".")
            own = event.get(head)
            for part in rest:
                own = own.get(part) if isinstance(own, dict) else None
        if own is None:
            state[self.slot] = state[self.slot + 1] = None
            return
        for key in _keys_of_group(runs or {}, own, self):
            self._forget(state, key)
        waiting: dict[Any, Pending] | None = state[self.slot + 1]
        for whose in [w for w in waiting or () if w[1] == own]:
            del state[self.slot + 1][whose]


def _keys_of_group(runs: Partitions, group: object, machine: Machine) -> list[object]:
    return [
        key
        for key, present in runs.items()
        if any(run is not None and machine.group_value(run.kept) == group for run in present)
    ]


def _partition_fields(rule: Rule) -> tuple[tuple[str, str], ...]:
    """Return the fields of step 1 that same_as compares with: what tells runs apart."""
    asked = {
        (leaf.alias, leaf.source)
        for where in _all_wheres(rule)
        for leaf in leaves(where)
        if isinstance(leaf, SameAs) and leaf.alias == rule.steps[0].alias
    }
    if asked and rule.group is not None and rule.group.alias == rule.steps[0].alias:
        asked.add((rule.group.alias, rule.group.field))
    return tuple(sorted(asked))


def _all_wheres(rule: Rule) -> Iterator[Any]:
    for step in rule.steps:
        yield from (where for _, where in step.matcher.cases)
        if step.absent_before is not None:
            yield from (where for _, where in step.absent_before.matcher.cases)
    if rule.tail is not None:
        yield from (where for _, where in rule.tail.matcher.cases)
