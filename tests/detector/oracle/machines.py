"""
The two ways to hit: so many events of one kind, and events in order.

Nothing is dropped to save room: every list holds whole events. Part of the oracle; `evaluate.py`
says who wrote it from what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.detector.oracle.fields import ABSENT, Event, Situation, duration, holds, same, value
from tests.detector.oracle.reading import INFINITE, Rule, Step
from tests.detector.oracle.stream import EventClock, VisibleClock, matches

Clock = EventClock | VisibleClock


@dataclass
class Hit:
    """The rule is met *at* this time by *steps*: for each step the events that it took."""

    at: float
    steps: list[list[Event]]
    aliases: dict[str, Event]
    severity: str

    @property
    def events(self) -> list[Event]:
        """Return all events taken, in order."""
        return [event for taken in self.steps for event in taken]


@dataclass
class Common:
    """What both machines need: the rule, its clock, the attributes, and what it may take."""

    rule: Rule
    clock: Clock
    attributes: dict[str, Any]
    takes: Callable[[Event], bool]

    def situation(self, aliases: dict[str, Event] | None = None) -> Situation:
        """Return the session's attributes and *aliases*."""
        return Situation(self.attributes, aliases or {})

    def group_of(self, steps: list[list[Event]], aliases: dict[str, Event]) -> str:
        """Return the group of a run: an alias's field, else a field of the first step's event."""
        if not self.rule.group:
            return ""
        alias, _, name = self.rule.group.partition(".")
        event = aliases.get(alias)
        found = (
            value(steps[0][0], self.rule.group, self.attributes)
            if event is None
            else value(event, name, self.attributes)
        )
        return "" if found is ABSENT else str(found)

    def fits(self, step: Step, event: Event, aliases: dict[str, Event] | None = None) -> bool:
        """Return whether *event* may fill *step*."""
        here = self.situation(aliases)
        return matches(step.matcher, event, here) and self.takes(event)

    def cleared_by(self, event: Event) -> bool:
        """Return whether *event* is the rule's `until`."""
        until = self.rule.until
        return until is not None and matches(until, event, self.situation())

    def changed(self, event: Event) -> dict[str, Any]:
        """Return what the first fitting threshold sets when *event* completes."""
        for threshold in self.rule.thresholds:
            if holds(threshold.when, event, self.situation()):
                return threshold.change
        return {}


class Count:
    """`match`: the newest `times` events of one kind, counted per value of `same`."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.runs: dict[Any, list[Event]] = {}

    def feed(self, event: Event) -> list[Hit]:
        """Take *event*; return what it completes."""
        rule, attributes = self.common.rule, self.common.attributes
        key = value(event, rule.same, attributes) if rule.same else None
        if self.common.cleared_by(event):
            if rule.same and key is not ABSENT:
                self.runs.pop(key, None)
            else:
                self.runs.clear()
        if key is ABSENT or not self.common.fits(rule.steps[0], event):
            return []
        if rule.distinct and value(event, rule.distinct, attributes) is ABSENT:
            return []
        if rule.near >= 0:
            key = self._key_near(key, event)
        run = self.runs.setdefault(key, [])
        run.append(event)
        return self._judge(key, run, event)

    def _judge(self, key: Any, run: list[Event], event: Event) -> list[Hit]:
        rule, clock = self.common.rule, self.common.clock
        change = self.common.changed(event)
        times = change.get("times", rule.steps[0].times)
        within = duration(change["within"]) if "within" in change else rule.within
        newest = self._newest_of_each(run) if rule.distinct else run
        taken = newest[-times:]
        if len(taken) < times or clock(event["ts"]) - clock(taken[0]["ts"]) > within:
            return []
        if not self._alternate(taken) or not self._shared(taken):
            return []
        # After a hit the newest times - 1 go on; with thresholds, of the largest `times` there is.
        most = max(
            [times, rule.steps[0].times, *(t.change.get("times", 0) for t in rule.thresholds)]
        )
        kept = taken if rule.distinct else run
        self.runs[key] = kept[1 - most :] if most > 1 else []
        severity = change.get("severity") or rule.severity
        alias = rule.steps[0].alias
        return [Hit(event["ts"], [taken], {alias: event} if alias else {}, severity)]

    def _key_near(self, key: Any, event: Event) -> Any:
        """Return the run that *event* joins: its own if it goes on, else one whose centre is near."""
        live = {name: kept for name, run in self.runs.items() if (kept := self._live(run, event))}
        if key in live or "x" not in event or "y" not in event:
            return key
        for name, run in sorted(live.items(), key=lambda item: -item[1][-1]["ts"]):
            placed = [e for e in run if "x" in e and "y" in e]
            if placed:
                x = sum(e["x"] for e in placed) / len(placed)
                y = sum(e["y"] for e in placed) / len(placed)
                if (x - event["x"]) ** 2 + (y - event["y"]) ** 2 <= self.common.rule.near**2:
                    return name
        return key

    def _live(self, run: list[Event], event: Event) -> list[Event]:
        """Return what still counts of *run* beside *event*: the newest, inside the window."""
        rule, clock = self.common.rule, self.common.clock
        since = clock(event["ts"]) - rule.within
        newest = run[1 - rule.steps[0].times :] if rule.steps[0].times > 1 else []
        return [e for e in newest if clock(e["ts"]) >= since]

    def _newest_of_each(self, run: list[Event]) -> list[Event]:
        """Return of each distinct value its newest event, in order."""
        name, attributes = self.common.rule.distinct, self.common.attributes
        kept: list[Event] = []
        for event in reversed(run):
            own = value(event, name, attributes)
            if not any(same(own, value(other, name, attributes)) for other in kept):
                kept.append(event)
        return kept[::-1]

    def _alternate(self, taken: list[Event]) -> bool:
        name = self.common.rule.alternates
        if not name:
            return True
        values = [value(event, name, self.common.attributes) for event in taken]
        first, second = values[0], values[1]
        wanted = [first, second] * len(values)
        return first != second and values == wanted[: len(values)]

    def _shared(self, taken: list[Event]) -> bool:
        share = self.common.rule.share
        if not share:
            return True
        here = self.common.situation()
        part = sum(holds(share["where"], event, here) for event in taken) / len(taken)
        return part <= share.get("lte", 1) and part >= share.get("gte", 0)

    def due(self) -> float:
        """Return when the next wait runs out: never."""
        return INFINITE

    def expire(self, at: float) -> list[Hit]:
        """Return what runs out at *at*: nothing."""
        return []

    def end(self, at: float) -> list[Hit]:
        """Return what the session's end decides: nothing."""
        return []


@dataclass
class Place:
    """Where a run can stand: a step taken, or one repeat of it."""

    step: Step
    number: int
    repeat: int
    broken_by: Step | None = None


@dataclass
class Run:
    """The events taken so far, per step; *started* numbers the runs of a rule."""

    steps: list[list[Event]]
    started: int
    aliases: dict[str, Event] = field(default_factory=dict)

    @property
    def first(self) -> Event:
        """Return the first event taken."""
        return self.steps[0][0]

    @property
    def last(self) -> Event:
        """Return the last event taken."""
        return self.steps[-1][-1]


class Order:
    """
    `sequence`: one run per place and value of what `same_as` asks for; a newer one overwrites.

    `times: 3` is three places in a row. A run that goes on leaves its place as it was, so that a
    later event can fill the same step anew.
    """

    def __init__(self, common: Common) -> None:
        self.common = common
        steps = common.rule.steps
        self.trailing = steps[-1] if steps[-1].absent else None
        self.places: list[Place] = []
        broken_by: Step | None = None
        number = 0
        for step in steps[: -1 if self.trailing else None]:
            if step.absent:
                broken_by = step
                continue
            for repeat in range(step.times):
                self.places.append(Place(step, number, repeat, broken_by))
                broken_by = None
            number += 1
        self.keys = sorted(set(_references(common.rule)))
        self.runs: list[dict[Any, Run]] = [{} for _ in self.places]
        self.waits: list[tuple[float, Run]] = []
        self.started = 0

    def feed(self, event: Event) -> list[Hit]:
        """Take *event*: the waits it answers, then steps last to first; return what it completes."""
        self._answer(event)
        for n in reversed(range(1, len(self.places))):
            newest_first = sorted(self.runs[n - 1].values(), key=lambda run: -run.started)
            further = (self._advanced(run, n, event) for run in newest_first)
            taken = next((run for run in further if run is not None), None)
            if taken is not None and self._put(n, taken):
                return [self._hit(taken, event["ts"], event)]
        self._break(event)
        if self.common.cleared_by(event):
            self._clear_until(event)
        step = self.places[0].step
        if self.common.fits(step, event):
            self.started += 1
            aliases = {step.alias: event} if step.alias else {}
            started = Run([[event]], self.started, aliases)
            if self._put(0, started):
                return [self._hit(started, event["ts"], event)]
        return []

    def _advanced(self, run: Run, n: int, event: Event) -> Run | None:
        place, clock = self.places[n], self.common.clock
        now = clock(event["ts"])
        if not self.common.fits(place.step, event, run.aliases):
            return None
        if now - clock(run.first["ts"]) > self.common.rule.within:
            return None
        since = run.steps[-1][0] if place.repeat else run.last
        if (place.repeat or place.step.times == 1) and now - clock(since["ts"]) > place.step.within:
            return None
        aliases = {**run.aliases, place.step.alias: event} if place.step.alias else run.aliases
        if place.repeat:
            # Each value that same_as compares has a run of its own, while its repeats are counted too.
            repeated = Run(run.steps, run.started, {**run.aliases, place.step.alias: event})
            if place.step.alias and self._key(repeated) != self._key(run):
                return None
            return Run([*run.steps[:-1], [*run.steps[-1], event]], run.started, aliases)
        return Run([*run.steps, [event]], run.started, aliases)

    def _put(self, n: int, run: Run) -> bool:
        """Let *run* stand at place *n*; return whether that completes the rule."""
        if n < len(self.places) - 1:
            self.runs[n][self._key(run)] = run
            return False
        if self.trailing is None:
            return True
        clock = self.common.clock
        deadline = clock.last_moment(clock(run.last["ts"]) + self.trailing.within)
        self.waits.append((deadline, run))
        return False

    def _hit(self, run: Run, at: float, event: Event) -> Hit:
        """Return the hit of *run*; what has the same values (and waits for its group) starts over."""
        key, group = self._key(run), self.common.group_of(run.steps, run.aliases)
        for runs in self.runs:
            for other in [k for k in runs if _agree(k, key)]:
                del runs[other]
        self.waits = [
            (deadline, other)
            for deadline, other in self.waits
            if not _agree(self._key(other), key)
            or self.common.group_of(other.steps, other.aliases) != group
        ]
        severity = self.common.changed(event).get("severity") or self.common.rule.severity
        return Hit(at, run.steps, run.aliases, severity)

    def _key(self, run: Run) -> tuple[Any, ...]:
        """
        Return the values that `same_as` compares, None for those not known yet, and the group.

        Without any same_as there is one run for all groups: the latest start is blamed.
        """
        if not self.keys:
            return ()
        known = [
            value(run.aliases[alias], name, self.common.attributes)
            if alias in run.aliases
            else None
            for alias, name in self.keys
        ]
        return (*known, self.common.group_of(run.steps, run.aliases))

    def _answer(self, event: Event) -> None:
        """Drop the waits that *event* answers: it lies in (t, t + W]."""
        if self.trailing is None:
            return
        self.waits = [
            (deadline, run)
            for deadline, run in self.waits
            if not (event["ts"] > run.last["ts"] and self._is_absent(self.trailing, event, run))
        ]

    def _break(self, event: Event) -> None:
        clock = self.common.clock
        for n in range(1, len(self.places)):
            absent = self.places[n].broken_by
            if absent is None:
                continue
            for key, run in list(self.runs[n - 1].items()):
                later = event["ts"] > run.last["ts"]
                soon = clock(event["ts"]) - clock(run.last["ts"]) <= absent.within
                if later and soon and self._is_absent(absent, event, run):
                    del self.runs[n - 1][key]

    def _is_absent(self, step: Step, event: Event, run: Run) -> bool:
        here = self.common.situation(run.aliases)
        return matches(step.matcher, event, here)

    def _clear_until(self, event: Event) -> None:
        """
        Clear all runs and waits; or only those of the event's group.

        The latter where runs are kept per value, and the event carries the group's field.
        """
        alias, _, name = self.common.rule.group.partition(".")
        if alias not in {step.alias for step in self.common.rule.steps if step.alias}:
            name = self.common.rule.group
        own = value(event, name, self.common.attributes) if name and self.keys else ABSENT

        def stays(run: Run) -> bool:
            return own is not ABSENT and self.common.group_of(run.steps, run.aliases) != str(own)

        self.runs = [{k: run for k, run in runs.items() if stays(run)} for runs in self.runs]
        self.waits = [(deadline, run) for deadline, run in self.waits if stays(run)]

    def due(self) -> float:
        """Return the earliest open deadline."""
        return min((deadline for deadline, _ in self.waits), default=INFINITE)

    def expire(self, at: float) -> list[Hit]:
        """Return the hit of the earliest wait whose deadline is *at*."""
        run = next(run for deadline, run in self.waits if deadline == at)
        return [self._hit(run, at, run.last)]

    def end(self, at: float) -> list[Hit]:
        """Decide the open waits at the session's end: with `or_end` they hit, else they drop."""
        hits = []
        while self.waits and self.trailing is not None and self.trailing.or_end:
            _, run = min(self.waits, key=lambda wait: wait[0])
            hits.append(self._hit(run, at, run.last))
        return hits


def _references(rule: Rule) -> list[tuple[str, str]]:
    """Return the (alias, field) that `same_as` names anywhere in the rule's steps."""
    found: list[tuple[str, str]] = []

    def look(node: Any) -> None:
        if isinstance(node, dict):
            for key, item in node.items():
                if key == "same_as":
                    alias, name = item.split(".", 1)
                    found.append((alias, name))
                else:
                    look(item)
        elif isinstance(node, list):
            for item in node:
                look(item)

    for step in rule.steps:
        for _, wheres in step.matcher.alternatives:
            for where in wheres:
                look(where)
    return found


def _agree(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Return whether two keys differ in no value that both know."""
    return all(a is None or b is None or same(a, b) for a, b in zip(one, other, strict=True))
