"""
A rule in normal form: steps, an absence at the end, a reset. What all sugar comes to.

Made by the readers, run by detector/machines.py. Spans are milliseconds of event time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from core.events import EventSchema
from core.model import Severity
from detector.where import Where

Text = dict[str, str]
"""Language to text; a rule with one text only has it under every language asked for."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which events: per event name what must hold of it."""

    cases: tuple[tuple[str, Where], ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """Something that must not come within *within_ms* (None: before the session's end)."""

    matcher: Matcher
    within_ms: int | None
    or_end: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """Of the matched events a share between *low* and *high* must meet *where*."""

    where: tuple[tuple[str, Where], ...]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence, or the only one of a match."""

    matcher: Matcher
    alias: str
    times: int = 1
    within_ms: int | None = None
    absent_before: Absence | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """What holds instead when *when* is met at the event that would complete."""

    when: tuple[tuple[str, Where], ...]
    times: int | None = None
    within_ms: int | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of the event that a step took; *alias* None is the first event."""

    alias: str | None
    field: str


@dataclass(frozen=True, slots=True)
class Capture:
    """A value kept with the flag. *kind*: step, last, first, count, process_step."""

    name: str
    kind: Literal["step", "last", "first", "count", "process_step"]
    field: FieldOf | None = None
    matcher: Matcher | None = None
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """
    A declared way to a goal. *time_limit_ms* bounds the span from its first step to the goal.

    *sites*: names (or globs) of those that it holds on, none: all. The matchers of *steps* ask for them.
    """

    id: str
    steps: tuple[tuple[str, Matcher], ...]
    goal: str
    strict: bool = False
    optional: tuple[str, ...] = ()
    time_limit_ms: int | None = None
    title: Text = field(default_factory=dict, hash=False)
    labels: tuple[tuple[str, Text], ...] = field(default=(), hash=False)  # of steps
    value: str | None = None  # field of the goal's event
    sites: tuple[str, ...] = ()

    def demands(self) -> tuple[tuple[str, int, int], ...]:
        """
        Return per step its name, how many steps it demands before it, and how many it makes.

        A strict process demands all steps before but the optional ones. As none counts before
        its time, those that came are always the first so many.
        """
        found: list[tuple[str, int, int]] = []
        came = 0
        for name, _ in self.steps:
            makes = came + (self.strict and name not in self.optional)
            found.append((name, came, makes))
            came = makes
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    A custom event derived from others that were sent (never from derived ones).

    *props* are the same each time; *copied* are taken from fields of the source, the third
    item standing for an absent field.
    """

    source: Matcher
    name: str
    props: tuple[tuple[str, str | int | float | bool], ...]
    copied: tuple[tuple[str, str, bool | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that succeeded: what a flag of *rules* (none: of any) shortly before it was about."""

    matcher: Matcher
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scoring:
    """What changes how much a flag counts in its session's score."""

    critical_paths: tuple[str, ...] = ()
    critical_processes: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Counting:
    """How a match counts beyond times and within."""

    same: str | None = None
    near_px: float | None = None
    distinct: str | None = None
    alternates: str | None = None
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it is judged. *counting* is set for a match, None for a sequence."""

    id: str
    title: Text
    severity: Severity
    weight: float
    steps: tuple[Step, ...]
    counting: Counting | None = None
    tail: Absence | None = None
    within_ms: int | None = None
    until: Matcher | None = None
    group: FieldOf | None = None
    flag: Literal["once", "burst", "every"] = "once"
    cooldown_ms: int = 30_000
    captures: tuple[Capture, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    suppresses: tuple[str, ...] = ()
    clock: Literal["event", "visible"] = "event"
    guards: tuple[tuple[str, Where], ...] = ()
    """Per event name what every event of a step must meet: scope, and not except."""
    description: Text = field(default_factory=dict, compare=False)
    guidance: Text = field(default_factory=dict, compare=False)
    blind_spots: Text = field(default_factory=dict, compare=False)
    tags: tuple[str, ...] = field(default=(), compare=False)
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    enabled: bool = field(default=True, compare=False)

    @property
    def version(self) -> str:
        """Return the hash of all in the rule that changes what is judged (texts do not)."""
        judged = (
            self.id, self.severity, self.weight, self.steps, self.counting, self.tail,
            self.within_ms, self.until, self.group, self.flag, self.cooldown_ms, self.captures,
            self.thresholds, self.suppresses, self.clock, self.guards,
        )  # fmt: skip
        return hashlib.blake2b(repr(judged).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class TestEvent:
    """One event of an embedded test; None as *event* lets only time pass."""

    at_ms: int
    event: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an embedded test expects of one flag; None is not compared."""

    at_ms: int | None = None
    group: str | None = None
    severity: str | None = None
    hits: int | None = None
    captures: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An embedded test. *file* and *line* say where it stands."""

    rule: str
    name: str
    session: dict[str, object]
    events: tuple[TestEvent, ...]
    expect: tuple[Expected, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Declared:
    """
    A rule as its file and the overrides declare it, also one that is switched off.

    *rule* is how it is judged where no override for some places holds. *own* says that its
    file was not in the first path named. *changed_by* and *params* are as people write them.
    """

    rule: Rule
    own: bool
    changed_by: tuple[str, ...]
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules in force, with what they need. *rules* are in the order of judging."""

    rules: tuple[Rule, ...]
    processes: tuple[Process, ...]
    mappings: tuple[Mapping, ...]
    examples: tuple[Example, ...]
    schema: EventSchema
    warnings: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    """Rule id to the text of the file it stands in."""
    scoring: Scoring | None = None
    declared: tuple[Declared, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    """File, as messages call it, to its text."""

    def rule(self, id_: str) -> Rule | None:
        """Return the rule of that id."""
        return next((rule for rule in self.rules if rule.id == id_), None)
