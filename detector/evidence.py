"""
What a rule saw of a session: its events with each condition, and the flags that rest on them.

Owns the events as a rule sees them (derived ones and flags of others among them) and their
tracing. Why there is no flag is detector/explain.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.model import Event
from detector.book import Mark, Raised
from detector.judging import Ended
from detector.patterns import selector_of
from detector.reads import FLAG
from detector.rule import Mapping, Matcher, Rule
from detector.trace import Check, Context, checks, holds, process_steps, value_of
from detector.verdicts import flag_id
from detector.whatif import Trial
from detector.where import ALWAYS, SameAs, Where, conjunction, leaves
from detector.words import absence_text, lasting, span, threshold_text


@dataclass(frozen=True, slots=True)
class EventSeen:
    """
    An event with the conditions of a step. *step* counts from 1; 0 is none.

    *after_ms* counts from the first event of the session. *note* says what else kept it from
    counting.
    """

    id: str
    type: str
    after_ms: float
    path: str | None
    target: str | None
    step: int
    checks: tuple[Check, ...]
    note: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the conditions that did not hold."""
        return tuple(check for check in self.checks if not check.held)


@dataclass(frozen=True, slots=True)
class FlagSeen:
    """A flag and what it rests on. *withdrawn* says which rule replaced it."""

    id: str
    after_ms: float
    at_ms: float
    group: str
    severity: str
    hits: int
    captures: dict[str, Any]
    withdrawn: str | None
    summary: str
    events: tuple[EventSeen, ...]


class Witness:
    """One rule in one session: its flags, and the events as its conditions see them."""

    def __init__(self, trial: Trial, session: str) -> None:
        self._trial = trial
        self._session = session
        self._ready: Ended = trial.session
        self._all = trial.raised()
        self._events = self._seen_events()
        self._start = float(self._events[0]["ts"]) if self._events else self._ready.last
        goals = {p.id: p.goal for p in trial.rules.processes}
        self._plain = Context(self._ready.attributes, goals=goals)
        steps = process_steps(trial.rules.processes, self._events, self._plain)
        self._steps = {id(event): now for event, now in zip(self._events, steps, strict=True)}
        self._by_id = {(e.get("page_load"), e.get("i"), e["type"]): e for e in self._events}

    # -- events --------------------------------------------------------------------------

    def _seen_events(self) -> list[Event]:
        """Return the session's events, with those made of them, and its end, in order."""
        found: list[Event] = list(self._ready.events)
        context = Context(self._ready.attributes)
        for mapping in self._trial.rules.mappings:
            for type_, where in mapping.source.cases:
                found += [
                    {
                        **event,
                        "type": "custom",
                        "name": mapping.name,
                        "props": _props(mapping, event),
                    }
                    for event in self._ready.events
                    if event["type"] == type_ and holds(where, event, context)
                ]
        own = self._trial.rule
        found += [
            {
                "type": FLAG, "ts": r.at, "rule": r.rule.id, "severity": r.severity,
                "group": r.group, "path": r.page, "page_load": r.page_load, "tab": r.tab,
                "target": r.target, "i": None,
            }
            for r in self._all
            if r.rule.id != own
        ]  # fmt: skip
        end = {"type": "session_end", "ts": self._ready.last, "kind": self._ready.kind}
        return [*sorted(found, key=lambda e: e["ts"]), end]

    def _context(self, event: Event, kept: dict[tuple[str, str], Any]) -> Context:
        return dataclasses.replace(self._plain, kept=kept, steps=self._steps.get(id(event), {}))

    def _shown(
        self,
        event: Event,
        rule: Rule,
        step: int,
        kept: dict[tuple[str, str], Any],
        *,
        note: str = "",
    ) -> EventSeen:
        where = _condition(rule, rule.steps[step].matcher, event["type"])
        found = () if where == ALWAYS else checks(where, event, self._context(event, kept))
        target = event.get("target")
        shown = (target.get("key") or selector_of(target)) if isinstance(target, dict) else None
        return EventSeen(
            f"{event.get('page_load')}:{event.get('i')}" if event.get("i") is not None else "",
            event["type"], event["ts"] - self._start, event.get("path"), shown, step + 1, found,
            note,
        )  # fmt: skip

    # -- flags ---------------------------------------------------------------------------

    def flags(self) -> tuple[FlagSeen, ...]:
        """Return the rule's flags with their evidence."""
        return tuple(self._flag(r) for r in self._all if r.rule.id == self._trial.rule)

    def _flag(self, raised: Raised) -> FlagSeen:
        return FlagSeen(
            flag_id(self._session, raised), raised.at - self._start, raised.at, raised.group,
            raised.severity, raised.hits, dict(raised.captures), raised.withdrawn,
            self._summary(raised), tuple(self._evidence(raised)),
        )  # fmt: skip

    def _summary(self, raised: Raised) -> str:
        rule = raised.rule
        took = lasting(raised.until - raised.first)
        if rule.counting is None:
            steps = f"all {len(rule.steps)} steps came" if len(rule.steps) > 1 else "the step came"
            if rule.tail is not None:
                return f"{steps}, and then not {absence_text(rule.tail)}"
            return f"{steps}, within {took}"
        step = rule.steps[0]
        asked = (
            ""
            if step.within_ms is None
            else f" (asked: {step.times} within {span(step.within_ms)})"
        )
        shifts = "".join(f"; {threshold_text(t)}" for t in self._applied(raised))
        events = "event" if len(raised.ids) == 1 else "events"
        return f"{len(raised.ids)} {events} within {took}{asked}{shifts}"

    def _applied(self, raised: Raised) -> Iterator[Any]:
        """Yield the threshold that held for the last event of *raised*, if any."""
        last = self._event(raised.marks[-1]) if raised.marks else None
        if last is None:
            return
        for threshold in raised.rule.thresholds:
            for type_, where in threshold.when:
                if type_ == last["type"] and holds(where, last, self._context(last, {})):
                    yield threshold
                    return

    def _event(self, mark: Mark) -> Event | None:
        return self._by_id.get((mark.page_load, mark.i, mark.type))

    def _evidence(self, raised: Raised) -> Iterator[EventSeen]:
        """Yield the events of *raised*, each as the step that it fits, in order."""
        rule, step = raised.rule, 0
        kept: dict[tuple[str, str], Any] = {}
        for mark in raised.marks:
            event = self._event(mark)
            if event is None:
                continue
            fits = [n for n in range(step, len(rule.steps)) if self._fits(event, rule, n, kept)]
            step = fits[0] if fits else step
            yield self._shown(event, rule, step, kept)
            kept = {**kept, **_kept(rule, step, event)}
            if rule.counting is None and rule.steps[step].times == 1:
                step = min(step + 1, len(rule.steps) - 1)

    def _fits(self, event: Event, rule: Rule, step: int, kept: dict[tuple[str, str], Any]) -> bool:
        matcher = rule.steps[step].matcher
        if event["type"] not in dict(matcher.cases):
            return False
        where = _condition(rule, matcher, event["type"])
        return holds(where, event, self._context(event, kept))

    def _kept_of(self, hit: Raised) -> dict[tuple[str, str], Any]:
        kept: dict[tuple[str, str], Any] = {}
        number = 0
        rule = next((r for r in self._trial.variants), hit.rule)
        for mark in hit.marks:
            event = self._event(mark)
            if event is None:
                continue
            while number < len(rule.steps) and not self._fits(event, rule, number, kept):
                number += 1
            if number == len(rule.steps):
                break
            kept.update(_kept(rule, number, event))
            number += rule.steps[number].times == 1
        return kept

    def _first(
        self, matcher: Matcher, after: float, until: float, kept: dict[tuple[str, str], Any]
    ) -> Event | None:
        """Return the first event after *after*, up to *until*, that *matcher* takes."""
        cases = dict(matcher.cases)
        for event in self._events:
            where = cases.get(event["type"])
            if where is None or not after < event["ts"] <= until:
                continue
            if holds(where, event, self._context(event, kept)):
                return event
        return None


def _condition(rule: Rule, matcher: Matcher, event: str) -> Where:
    guard = dict(rule.guards).get(event, ALWAYS)
    return conjunction(dict(matcher.cases).get(event, ALWAYS), guard)


def _kept(rule: Rule, step: int, event: Event) -> dict[tuple[str, str], Any]:
    """Return the fields of *event*, as that step, that same_as asks for later."""
    alias = rule.steps[step].alias
    matchers = [s.matcher for s in rule.steps]
    matchers += [s.absent_before.matcher for s in rule.steps if s.absent_before is not None]
    if rule.tail is not None:
        matchers.append(rule.tail.matcher)
    return {
        (alias, leaf.source): value_of(event, leaf.source)
        for matcher in matchers
        for _, where in matcher.cases
        for leaf in leaves(where)
        if isinstance(leaf, SameAs) and leaf.alias == alias
    }


def _props(mapping: Mapping, event: Event) -> dict[str, Any]:
    """Return the props of the event that *mapping* derives of *event*."""
    props: dict[str, Any] = dict(mapping.props)
    for name, source, default in mapping.copied:
        value = value_of(event, source)
        if value is not None or default is not None:
            props[name] = default if value is None else value
    return props
