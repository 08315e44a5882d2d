"""
Why a rule flagged a session, or how near it came: the events, conditions and values.

Pure: rules, a session and its events in, findings out. Printing is the command line's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.model import Event, Session, StoredBatch
from detector import whatif
from detector.book import Raised
from detector.demands import demands
from detector.evidence import EventSeen, FlagSeen, Witness
from detector.judging import ended
from detector.patterns import ignored_rules
from detector.rule import Rule, RuleSet
from detector.trace import checks, holds, value_of
from detector.whatif import Trial
from detector.where import ALWAYS
from detector.words import condition, lasting, matcher_text, seen, share_text, span, step_text

NEAREST = 3
"""Events that did not count and are shown: the nearest ones; more explain no better."""


@dataclass(frozen=True, slots=True)
class Miss:
    """
    Why a rule did not flag. *kind* is a word for programs, *text* the sentence for people.

    Kinds: replaced, ignored, silenced, cleared, answered, undecided, interrupted, threshold,
    share, alternates, distinct, same, within, times, steps, conditions, no_event, unknown.
    *events* are those that came nearest.
    """

    kind: str
    text: str
    events: tuple[EventSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """What a rule made of a session: its flags, or why there is none."""

    rule: str
    session: str
    flags: tuple[FlagSeen, ...]
    miss: Miss | None


def explain(
    rules: RuleSet,
    rule: str,
    session: Session,
    batches: Sequence[StoredBatch],
    *,
    flush_ms: int,
    idle_timeout_ms: int,
) -> Explained:
    """Return what *rule* made of *session*, judged as if it had ended with what is stored."""
    ready = ended(session, batches, flush_ms=flush_ms, idle_timeout_ms=idle_timeout_ms)
    found = _Explainer(Trial(rules, rule, ready), session.id)
    flags = found.flags()
    standing = any(flag.withdrawn is None for flag in flags)
    return Explained(rule, session.id, flags, None if standing else found.miss(flags))


class _Explainer(Witness):
    """Says what kept one rule from flagging one session."""

    def miss(self, withdrawn: Sequence[FlagSeen]) -> Miss:
        """Return the one thing that kept the rule from flagging, or how far it came."""
        if withdrawn:
            first = withdrawn[0]
            return Miss("replaced", f"it was met {_at(first.after_ms)}, but {first.withdrawn}")
        for find in (self._replaced, self._ignored, self._guarded, self._cleared, self._tail):
            found = find()
            if found is not None:
                return found
        for rule in self._trial.variants:
            for kind, edit, text in demands(rule):
                hits = self._trial.own(edit)
                if hits:
                    return self._demand(kind, text, rule, hits[0])
        return self._distance()

    def _replaced(self) -> Miss | None:
        hits = self._trial.unsuppressed()
        if not hits:
            return None
        by = [
            r
            for r in self._all
            if r.withdrawn is None
            and self._trial.rule in r.rule.suppresses
            and not r.ids.isdisjoint(hits[0].ids)
        ]
        names = " and ".join(dict.fromkeys(r.rule.id for r in by)) or "another rule"
        where = _at(hits[0].at - self._start)
        return Miss(
            "replaced",
            f"it was met {where}, but a flag of {names} on the same events stands for it",
            self._near(hits[0]),
        )

    def _ignored(self) -> Miss | None:
        hits = self._trial.unignored()
        if not hits:
            return None
        words = {
            word
            for mark in hits[0].marks
            for word in ignored_rules(mark.target)
            if word in (self._trial.rule, "all")
        } or self._ignoring()
        return Miss(
            "ignored",
            f"it would be met {_at(hits[0].at - self._start)}, but the page says "
            f'data-stolper-ignore="{" ".join(sorted(words))}" there',
            self._near(hits[0]),
        )

    def _ignoring(self) -> set[str]:
        targets = [event.get("target") for event in self._ready.events]
        words = {word for target in targets for word in ignored_rules(target)}
        return words & {self._trial.rule, "all"}

    def _guarded(self) -> Miss | None:
        hits = self._trial.own(whatif.without(guards=()))
        if not hits:
            return None
        failing: dict[str, str] = {}
        for rule in self._trial.variants:
            guards = dict(rule.guards)
            for mark in hits[0].marks:
                event = self._event(mark)
                where = guards.get(mark.type)
                if event is None or where is None:
                    continue
                for check in checks(where, event, self._context(event, {})):
                    if not check.held:
                        failing[check.text] = check.actual
        reasons = "; ".join(f"{text}, but it is {actual}" for text, actual in failing.items())
        return Miss(
            "silenced",
            f"it would be met {_at(hits[0].at - self._start)}, but its scope, except or "
            f"override keeps it silent there: {reasons or 'see its limits'}",
            self._near(hits[0]),
        )

    def _cleared(self) -> Miss | None:
        for rule in self._trial.variants:
            hits = self._trial.own(whatif.without(until=None)) if rule.until else []
            if rule.until is None or not hits:
                continue
            event = self._first(rule.until, hits[0].first, hits[0].at, {})
            what = f"{event['type']} came {self._when(event)}" if event else "it came"
            return Miss(
                "cleared",
                f"enough came by {_when(hits[0].at - self._start)}, but until "
                f"({matcher_text(rule.until)}) started it over: {what}",
                self._near(hits[0]),
            )
        return None

    def _tail(self) -> Miss | None:
        for rule in self._trial.variants:
            hits = self._trial.own(whatif.without(tail=None)) if rule.tail else []
            if rule.tail is None or not hits:
                continue
            hit, wait = hits[-1], rule.tail.within_ms
            kept = self._kept_of(hit)
            until = float("inf") if wait is None else hit.at + wait
            event = self._first(rule.tail.matcher, hit.at, until, kept)
            came = f"all steps came by {_when(hit.at - self._start)}, but"
            if event is not None:
                gap = lasting(event["ts"] - hit.at)
                text = f"{came} what must not come did, {gap} later: {self._name(event)}"
                return Miss("answered", text, self._near(hit))
            asked = "" if wait is None else f" before {span(wait)} were over"
            end = "" if rule.tail.or_end else "; without or_end the end decides nothing"
            rest = lasting(max(0.0, self._ready.last - hit.at))
            return Miss(
                "undecided",
                f"{came} the session ended ({self._ready.kind}) {rest} later{asked}{end}",
                self._near(hit),
            )
        return None

    def _demand(self, kind: str, text: Callable[[Raised], str], rule: Rule, hit: Raised) -> Miss:
        events = self._near(hit)
        if kind == "share" and rule.counting is not None and rule.counting.share is not None:
            share = rule.counting.share
            tests = dict(share.where)
            found = [e for e in map(self._event, hit.marks) if e is not None]
            met = sum(holds(tests.get(e["type"], ALWAYS), e, self._context(e, {})) for e in found)
            limit = share_text(share.low, share.high)
            words = " or ".join(dict.fromkeys(condition(w) for w in tests.values()))
            return Miss(
                kind,
                f"enough came by {_when(hit.at - self._start)}, but {met} of {len(found)} have "
                f"{words} ({limit} may)" if share.low <= 0 else
                f"enough came by {_when(hit.at - self._start)}, but only {met} of {len(found)} "
                f"have {words} ({limit} must)",
                events,
            )  # fmt: skip
        return Miss(kind, text(hit), events)

    def _distance(self) -> Miss:
        """Return how far the rule came: so many of so many, or the step it stopped before."""
        best: tuple[float, Miss] | None = None
        for rule in self._trial.variants:
            found = self._count(rule) if rule.counting is not None else self._sequence(rule)
            if best is None or found[0] > best[0]:
                best = found
        if best is None:
            return Miss("unknown", "the rule is not in force")
        return best[1]

    def _count(self, rule: Rule) -> tuple[float, Miss]:
        asked = rule.steps[0].times
        low, high, hit = 0, asked, None
        while high - low > 1:  # met with low, not with high
            middle = (low + high) // 2
            hits = self._trial.own(whatif.times(middle))
            low, high, hit = (middle, high, hits[0]) if hits else (low, middle, hit)
        if hit is None:
            return 0.0, self._no_event(rule, 0, -float("inf"), {})
        within = rule.steps[0].within_ms
        limit = "" if within is None else f" within {span(within)}"
        text = (
            f"at most {low} of {asked} came{limit}, the first time by {_when(hit.at - self._start)}"
        )
        counted = {(m.page_load, m.i) for m in hit.marks}
        others = self._candidates(rule, 0, -float("inf"), {}, skip=counted)
        return low / asked, Miss("times", text, (*self._near(hit), *others))

    def _sequence(self, rule: Rule) -> tuple[float, Miss]:
        for number in whatif.prefixes(rule):
            hits = self._trial.own(whatif.first_steps(number))
            if not hits:
                continue
            hit = hits[-1]
            kept = self._kept_of(hit)
            after = f"step {number} of {len(rule.steps)} came by {_when(hit.at - self._start)}"
            miss = self._no_event(rule, number, hit.at, kept)
            near = (*self._near(hit)[-1:], *miss.events)
            text = f"{after}, but then {miss.text}"
            return number / len(rule.steps), Miss("steps", text, near)
        return 0.0, self._no_event(rule, 0, -float("inf"), {})

    def _no_event(
        self, rule: Rule, step: int, since: float, kept: dict[tuple[str, str], Any]
    ) -> Miss:
        """Return why no event fits *step*: there is none, or the nearest ones fail a condition."""
        matcher = rule.steps[step].matcher
        near = self._candidates(rule, step, since, kept)
        names = " or ".join(event for event, _ in matcher.cases)
        if not near:
            return Miss("no_event", f"no event {names} came: {step_text(rule, step)}")
        first = near[0]
        if first.failed:
            reasons = "; ".join(f"{c.text}, but it is {c.actual}" for c in first.failed)
            text = (
                f"no {names} met its conditions; the nearest ({_when(first.after_ms)}): {reasons}"
            )
        else:
            text = f"the next {names} ({_when(first.after_ms)}) did not count: {first.note}"
        return Miss("conditions", text, tuple(near))

    def _candidates(
        self,
        rule: Rule,
        step: int,
        since: float,
        kept: dict[tuple[str, str], Any],
        *,
        skip: set[tuple[Any, Any]] | None = None,
    ) -> list[EventSeen]:
        """Return the events that come nearest to *step*, fewest failed conditions first."""
        matcher, found = rule.steps[step].matcher, []
        for event in self._events:
            if event["ts"] < since or event["type"] not in dict(matcher.cases):
                continue
            if skip is not None and (event.get("page_load"), event.get("i")) in skip:
                continue
            note = self._note(rule, step, since, event)
            found.append(self._shown(event, rule, step, kept, note=note))
        if skip is not None:
            found = [event for event in found if event.failed]
        return sorted(found, key=lambda e: (len(e.failed), e.after_ms))[:NEAREST]

    def _note(self, rule: Rule, step: int, since: float, event: Event) -> str:
        """Return what else than a condition keeps *event* from being *step*."""
        words = ignored_rules(event.get("target")) & {rule.id, "all"}
        if words:
            return "data-stolper-ignore silences it"
        limit = rule.steps[step].within_ms if step else None
        gap = event["ts"] - since
        if limit is not None and gap > limit and rule.steps[step].times == 1:
            return f"it came {lasting(gap)} after the step before; within {span(limit)} is asked"
        if rule.within_ms is not None and step:
            return f"the whole must come within {span(rule.within_ms)}"
        if rule.counting is not None and rule.counting.same is not None:
            name = rule.counting.same
            return f"its {name} is {seen(value_of(event, name))}"
        return "another event came in between, or it filled another step"

    def _near(self, hit: Raised) -> tuple[EventSeen, ...]:
        """Return the events of a flag that would be, as the rule in force sees them."""
        original = next((r for r in self._trial.variants), hit.rule)
        steps = original.steps if len(hit.rule.steps) <= len(original.steps) else hit.rule.steps
        shown = dataclasses.replace(
            hit, rule=dataclasses.replace(original, steps=steps[: len(hit.rule.steps)])
        )
        return tuple(self._evidence(shown))

    def _when(self, event: Event) -> str:
        return _at(event["ts"] - self._start)

    def _name(self, event: Event) -> str:
        word = event.get("name") or event.get("outcome") or event.get("kind") or event.get("path")
        return f"{event['type']} {word or ''}".strip() + f" {self._when(event)}"


def _when(after_ms: float) -> str:
    return "+" + lasting(after_ms)


def _at(after_ms: float) -> str:
    return f"at {_when(after_ms)}"
