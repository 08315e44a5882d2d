"""
Compiles a rule set into one generated function per event type.

Owns which machine gets which slots of a session's state, and the order in which the
reactions to one event run. The text is made by detector/codegen.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from core.events import EventSchema
from detector import facts, patterns, slots
from detector.codegen import (
    Handler,
    Predicate,
    Reaction,
    Runner,
    Source,
    Table,
    build,
    expiry,
    handler,
    predicate,
    reacting,
    runner,
)
from detector.fast import FastChain, FastCount, is_plain_chain, is_plain_count
from detector.machines import Count, Keeper, Machine, Shift, State, getter
from detector.rule import Absence, Capture, Mapping, Matcher, Process, Rule, RuleSet, Threshold
from detector.sequences import Chain, Waiting
from detector.slots import Call
from detector.visible import on_visibility
from detector.where import ALWAYS, All, SameAs, Where, conjunction, leaves

FIRST_SLOT = 5
_REMEMBERED = 4096

_FREQUENT = ("click", "effect", "request", "scroll", "field", "page", "nav", "visibility")
"""What visits (and the bench's stream: effect, nav) have most of is looked for first."""


@dataclass(frozen=True, slots=True)
class Program:
    """Compiled rules. *blank* is the state of a session without attributes; *sources* is for tests."""

    handlers: dict[str, Handler]
    run: Runner
    """Judges a list of events in one go: the same as the handlers, one after the other."""
    timers: tuple[Waiting, ...]
    soonest: Callable[[State], int | None]
    """Finds the timer that runs out first: sets S[0], returns its number."""
    machines: tuple[Machine, ...]
    blank: State
    sources: tuple[str, ...]
    constants: dict[str, Any]
    facts: int | None = None  # slot of what the score needs (detector/facts.py)
    steps: int | None = None  # slot of the steps of processes that came, if they are noted

    def new_state(self, attributes: dict[str, Any]) -> State:
        """Return the state of a session of which nothing has been judged."""
        state = self.blank.copy()
        state[1] = attributes
        return state


class Ignored:
    """What data-stolper-ignore says on a target."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, frozenset[str]]] = {}

    def words(self, target: Any) -> frozenset[str] | None:
        """Return the rules that the page silences on *target* (or `all`), None if it names none."""
        path = target.get("path") if target.__class__ is dict else None
        if not path:
            return None
        entry = self._known.get(id(path))
        if entry is None or entry[0] is not path:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            entry = self._known[id(path)] = (path, patterns.ignored_rules(target))
        return entry[1]


def compile_rules(rules: RuleSet, *, fast: bool = True, noting: bool = False) -> Program:
    """
    Return *rules* as a program; not *fast* leaves out detector/fast.py, for comparison.

    *noting* is for detector/steps.py: each step of each process is noted as it comes.
    """
    return _Compiler(rules, fast=fast, noting=noting).program()


class _Compiler:
    def __init__(self, rules: RuleSet, *, fast: bool, noting: bool) -> None:
        self._rules = rules
        self._noting = noting
        self._steps: int | None = None
        self._fast = fast
        self._schema: EventSchema = rules.schema
        self._table = Table()
        self._ignored = Ignored()
        self._slot = FIRST_SLOT
        self._early: dict[str, list[Reaction]] = {}
        self._reactions: dict[str, list[Reaction]] = {}
        self._late: dict[str, list[Reaction]] = {}
        self._memos: dict[tuple[object, ...], int] = {}
        self._keeper = Keeper()
        self._machines = self._keeper.machines
        self._texts: list[str] = []
        self._processes: dict[str, tuple[int, str]] = {}
        self._suppressors: dict[str, list[str]] = {}
        self._facts: int | None = None
        self._critical: tuple[str, ...] = ()
        for rule in rules.rules:
            for other in rule.suppresses:
                self._suppressors.setdefault(other, []).append(rule.id)

    def program(self) -> Program:
        """Build everything."""
        if any(rule.clock == "visible" for rule in self._rules.rules):
            for event in ("visibility", "page", "leave"):
                if event in self._schema.events:
                    self._early.setdefault(event, []).append(Reaction(ALWAYS, on_visibility))
        self._track_facts()
        self._track_processes()
        for number, rule in enumerate(self._rules.rules):
            self._add_rule(rule, number)
        for mapping in self._rules.mappings:
            self._add_mapping(mapping)
        handlers: dict[str, Handler] = {}
        bodies: dict[str, list[str]] = {}
        for event in self._by_frequency():
            reactions = [
                *self._early.get(event, ()),
                *self._reactions.get(event, ()),
                *self._late.get(event, ()),
            ]
            bodies[event] = reacting(self._source(event), reactions)
            handlers[event] = self._built(handler(bodies[event]))
        self._keeper.heard = "flag" in handlers
        for machine in self._machines:
            machine.keeper = self._keeper
        timers = tuple(
            m for m in self._machines if isinstance(m, Chain | FastChain) and m.rule.tail
        )
        waits = [(None, m.earliest) if isinstance(m, Chain) else (m.due, _never) for m in timers]
        return Program(
            handlers=handlers,
            run=self._built(runner(self._table, bodies)),
            timers=timers,
            soonest=self._built(expiry(self._table, waits)),
            machines=tuple(self._machines),
            blank=self._blank(),
            sources=tuple(self._texts),
            constants=self._table.values,
            facts=self._facts,
            steps=self._steps,
        )

    def _by_frequency(self) -> list[str]:
        """Return the events that any rule reads, those first that visits have most of."""
        found = {**self._early, **self._reactions, **self._late}
        return [e for e in _FREQUENT if e in found] + [e for e in found if e not in _FREQUENT]

    def _built(self, text: str) -> Any:
        self._texts.append(text)
        return build(text, self._table)

    def _blank(self) -> State:
        state: State = [inf, {}, None, None, 0, *([None] * (self._slot - FIRST_SLOT))]
        for machine in self._machines:
            machine.prepare(state)
        return state

    def _source(self, event: str) -> Source:
        type_ = self._schema.events[event]
        targets = frozenset(n for n, f in type_.fields.items() if f.type.kind == "target")
        reach = frozenset((*type_.fields, *self._schema.envelope))
        return Source(self._table, targets, self._processes, self._ignored.words, event, reach)

    def _new_slots(self, count: int) -> int:
        slot = self._slot
        self._slot += count
        return slot

    def _track_processes(self) -> None:
        if self._noting:
            self._steps = self._new_slots(1)
        for process in self._rules.processes:
            slot = self._new_slots(2 if process.strict else 1)
            self._processes[process.id] = (slot, process.goal)
            on_step: dict[str, list[Call]] = {
                name: [partial(slots.put, slot, name)] for name, _ in process.steps
            }
            if self._steps is not None:
                for name, calls in on_step.items():
                    calls.append(partial(slots.note, self._steps, process.id, name))
            if self._facts is not None and process.id in self._critical:
                for name, calls in on_step.items():
                    is_goal = name == process.goal
                    calls.append(partial(facts.step, self._facts, process.id, is_goal))
            if process.strict:
                self._track_strict(process, slot + 1, on_step)
                continue
            for name, matcher in process.steps:
                for event, where in matcher.cases:
                    self._early.setdefault(event, []).extend(
                        Reaction(where, call) for call in on_step[name]
                    )

    def _track_strict(self, process: Process, came: int, on_step: dict[str, list[Call]]) -> None:
        """Let a step count only after those before it; *came* is the slot of how many did."""
        ways: dict[str, list[slots.Way]] = {}
        steps = zip(process.steps, process.demands(), strict=True)
        for (name, matcher), (_, demands, makes) in reversed(list(steps)):
            for event, where in matcher.cases:
                way = slots.Way(self._predicate(event, where), demands, makes, on_step[name])
                ways.setdefault(event, []).append(way)
        for event, found in ways.items():
            reaction = Reaction(ALWAYS, partial(slots.take_way, came, found))
            self._early.setdefault(event, []).append(reaction)

    def _track_facts(self) -> None:
        """Note what the session's score needs to know beside its flags."""
        scoring = self._rules.scoring
        if scoring is None:
            return
        slot = self._facts = self._new_slots(1)
        early = self._early
        if "leave" in self._schema.events:
            early.setdefault("leave", []).append(Reaction(ALWAYS, partial(facts.leave, slot)))
        for number, goal in enumerate(scoring.goals):
            for event, where in goal.matcher.cases:
                reaction = Reaction(where, partial(facts.goal, slot, number))
                early.setdefault(event, []).append(reaction)
        self._critical = scoring.critical_processes

    def _predicate(self, event: str, where: Where) -> Predicate:
        text = predicate(self._source(event), where)
        self._texts.append(text)
        built: Predicate = build(text, self._table)
        return built

    def _predicates(self, cases: Sequence[tuple[str, Where]]) -> dict[str, Predicate]:
        return {event: self._predicate(event, where) for event, where in cases}

    def _add_rule(self, rule: Rule, number: int) -> None:
        suppressors = self._suppressors.get(rule.id, [])
        if self._fast and is_plain_count(rule):
            self._add_fast_count(rule, suppressors)
            return
        if self._fast and is_plain_chain(rule):
            self._add_fast_chain(rule, number, suppressors)
            return
        shifts = [self._shift(threshold) for threshold in rule.thresholds]
        machine: Machine
        if rule.counting is not None:
            share = rule.counting.share
            machine = Count(
                rule, self._new_slots(Count.slots), shifts, suppressors,
                self._predicates(share.where) if share else {},
            )  # fmt: skip
            self._add_captures(rule, machine)
            self._add_count(rule, machine)
        else:
            correlated: dict[tuple[int, str], Predicate] = {}
            machine = Chain(rule, self._new_slots(Chain.slots), shifts, suppressors, correlated)
            self._add_captures(rule, machine)
            self._add_sequence(rule, machine, number, correlated)
        self._machines.append(machine)

    def _add_fast_count(self, rule: Rule, suppressors: list[str]) -> None:
        machine = FastCount(rule, self._new_slots(FastCount.slots_of(rule)), suppressors)
        self._machines.append(machine)
        self._add_captures(rule, machine)
        self._clear_by(rule, machine, machine.slot)
        guards = dict(rule.guards)
        for event, where in rule.steps[0].matcher.cases:
            condition = conjunction(where, guards.get(event, ALWAYS))
            self._react(
                event,
                Reaction(condition, machine.met, ignore=rule.id, fragment=machine.fragment),
            )

    def _add_fast_chain(self, rule: Rule, number: int, suppressors: list[str]) -> None:
        machine = FastChain(rule, self._new_slots(FastChain.slots_of(rule)), suppressors)
        self._machines.append(machine)
        self._add_captures(rule, machine)
        guards = dict(rule.guards)
        if rule.tail is not None:
            for event, where in rule.tail.matcher.cases:
                self._react(
                    event,
                    Reaction(
                        where, machine.answer, slots=(machine.pending,), fragment=machine.answering
                    ),
                )
        chains: dict[str, list[int]] = {}
        for step in range(len(rule.steps) - 1, 0, -1):
            for event, where in rule.steps[step].matcher.cases:
                chain = number * 100 + step
                chains.setdefault(event, []).append(chain)
                self._react(
                    event,
                    Reaction(
                        conjunction(where, guards.get(event, ALWAYS)),
                        machine.met,
                        ignore=rule.id,
                        chain=chain,
                        fragment=partial(_step_fragment, machine, step),
                        extra=partial(_step_condition, machine, step),
                    ),
                )
        self._clear_by(rule, machine, *machine.live_slots)
        for event, where in rule.steps[0].matcher.cases:
            self._react(
                event,
                Reaction(
                    conjunction(where, guards.get(event, ALWAYS)),
                    machine.met,
                    ignore=rule.id,
                    unless=tuple(chains.get(event, ())),
                    fragment=partial(_step_fragment, machine, 0),
                ),
            )

    def _clear_by(self, rule: Rule, machine: FastCount | FastChain, *slots: int) -> None:
        """Let `until` forget what lies in *slots*; one slot at the least must hold something."""
        for event, where in rule.until.cases if rule.until and slots else ():
            fragment = partial(_clear_fragment, machine, event)
            self._react(event, Reaction(where, machine.met, slots=slots, fragment=fragment))

    def _shift(self, threshold: Threshold) -> Shift:
        within = None if threshold.within_ms is None else float(threshold.within_ms)
        return Shift(self._predicates(threshold.when), threshold.times, within, threshold.severity)

    def _react(self, event: str, reaction: Reaction) -> None:
        self._reactions.setdefault(event, []).append(reaction)

    def _add_until(self, rule: Rule, clear: Callable[..., object], *slots: int) -> None:
        for event, where in rule.until.cases if rule.until else ():
            self._react(event, Reaction(where, clear, slots=slots))

    def _add_count(self, rule: Rule, machine: Count) -> None:
        guards = dict(rule.guards)
        self._add_until(rule, machine.clear, machine.slot)
        call = machine.single if machine.simple else machine.feed
        for event, where in rule.steps[0].matcher.cases:
            condition = conjunction(where, guards.get(event, ALWAYS))
            self._react(event, Reaction(condition, call, ignore=rule.id))

    def _add_sequence(
        self,
        rule: Rule,
        machine: Chain,
        number: int,
        correlated: dict[tuple[int, str], Predicate],
    ) -> None:
        """Later steps first, so that one event never fills two; until before the first step."""
        guards = dict(rule.guards)
        if rule.tail is not None:
            self._add_absence(rule.tail, -1, machine.answer, correlated, machine.slot + 1)
        last_first = range(len(rule.steps) - 1, 0, -1)
        for step in last_first:
            for event, where in rule.steps[step].matcher.cases:
                free = self._split(where, (step, event), correlated)
                self._react(
                    event,
                    Reaction(
                        conjunction(free, guards.get(event, ALWAYS)),
                        partial(machine.step, step),
                        ignore=rule.id,
                        chain=number * 100 + step,
                        slots=(machine.slot,),
                    ),
                )
        for step in last_first:
            absence = rule.steps[step].absent_before
            if absence is not None:
                self._add_absence(
                    absence, ~step - 1, partial(machine.break_, step), correlated, machine.slot
                )
        self._add_until(rule, machine.clear, machine.slot, machine.slot + 1)
        for event, where in rule.steps[0].matcher.cases:
            chains = [
                number * 100 + step
                for step in last_first
                if any(event == name for name, _ in rule.steps[step].matcher.cases)
            ]
            self._react(
                event,
                Reaction(
                    conjunction(where, guards.get(event, ALWAYS)),
                    partial(machine.step, 0),
                    ignore=rule.id,
                    unless=tuple(chains),
                ),
            )

    def _split(
        self, where: Where, key: tuple[int, str], correlated: dict[tuple[int, str], Predicate]
    ) -> Where:
        """Return what of *where* needs no earlier step; the rest goes to *correlated*."""
        items = where.items if isinstance(where, All) else (where,)
        bound = [w for w in items if any(isinstance(leaf, SameAs) for leaf in leaves(w))]
        if bound:
            correlated[key] = self._predicate(key[1], conjunction(*bound))
        return conjunction(*(w for w in items if w not in bound))

    def _add_absence(
        self,
        absence: Absence,
        number: int,
        call: Callable[..., object],
        correlated: dict[tuple[int, str], Predicate],
        slot: int,
    ) -> None:
        for event, where in absence.matcher.cases:
            free = self._split(where, (number, event), correlated)
            self._react(event, Reaction(free, call, slots=(slot,)))

    def _add_captures(self, rule: Rule, machine: Machine) -> None:
        for capture in rule.captures:
            slot = self._capture_slot(capture)
            if slot is not None:
                read = {"count": slots.counted, "first": slots.held_first}.get(
                    capture.kind, slots.held
                )
                machine.readers.append((capture.name, partial(read, slot)))

    def _capture_slot(self, capture: Capture) -> int | None:
        """Return where the value of *capture* lies; equal captures of all rules share it."""
        if capture.kind == "process_step" and capture.process is not None:
            return self._processes[capture.process][0]
        if capture.matcher is None:
            return None
        key = (capture.kind, capture.matcher, capture.field)
        if key not in self._memos:
            self._memos[key] = slot = self._new_slots(1)
            self._remember(capture, capture.matcher, slot)
        return self._memos[key]

    def _remember(self, capture: Capture, matcher: Matcher, slot: int) -> None:
        call: Call
        if capture.field is None:
            call = partial(slots.count, slot)
        else:
            keep = slots.first if capture.kind == "first" else slots.last
            call = partial(keep, slot, getter(capture.field.field))
        for event, where in matcher.cases:
            self._early.setdefault(event, []).append(Reaction(where, call))

    def _add_mapping(self, mapping: Mapping) -> None:
        copied = [(name, getter(field), default) for name, field, default in mapping.copied]
        call = partial(slots.derive, mapping.name, dict(mapping.props), copied)
        for event, where in mapping.source.cases:
            self._late.setdefault(event, []).append(Reaction(where, call))


def _step_fragment(machine: FastChain, step: int, source: Source) -> list[str]:
    return machine.fragment(source, step)


def _step_condition(machine: FastChain, step: int, source: Source) -> str:
    return machine.condition(source, step)


def _clear_fragment(machine: FastCount | FastChain, event: str, source: Source) -> list[str]:
    return machine.clearing(source, event)


def _never(_state: State) -> float:
    return inf
