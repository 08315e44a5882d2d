"""
A reference evaluator of the rule language: slow, plain, and independent of the engine.

Written by one engineer from the semantics text alone (section 2 of the design note on the rule
language, docs/rules.md, docs/events.md and core/events.yaml), without reading any file of
`detector/`. Where the text left a question open, the reading taken, and what the engine was found
to do, stand in `known_disagreements.md` beside this file.

Input: rule files, session attributes, the events of one ended session in any order and how it
ended. Output: its flags. `reading.py` lowers the files, `fields.py` tests fields, `stream.py`
makes the canonical stream, `machines.py` counts and orders; here hits become flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.detector.oracle import machines, reading
from tests.detector.oracle.fields import ABSENT, Event, Situation, holds, selected, value
from tests.detector.oracle.fields import glob as fits_glob
from tests.detector.oracle.reading import INFINITE, Matcher, Rule
from tests.detector.oracle.stream import (
    EventClock,
    Progress,
    VisibleClock,
    canonical,
    matches,
    with_derived,
)

EventId = tuple[str, int]
_CAPTURE_BYTES = 256
_EVIDENCE = 10  # event ids of a flag, the first and the last among them


@dataclass
class OracleFlag:
    """A flag. *covered* are the events that it rests on, with those of its later hits."""

    rule: str
    group: str
    nth: int
    at: float
    severity: str
    captures: dict[str, Any]
    evidence: list[EventId]
    hits: int = 1
    withdrawn: bool = False
    covered: set[EventId] = field(default_factory=set)
    last_hit: float = 0.0


def judge(
    texts: Sequence[str],
    attributes: dict[str, Any],
    events: Sequence[Event],
    end: tuple[float, str],
    horizon: float | None,
) -> list[OracleFlag]:
    """
    Return all flags of an ended session, the withdrawn ones too.

    *end* is (ts of the last event or leave, kind). *horizon*: until then (ts) the session is known
    to have been silent, so that waits up to it are decided; None: what is open is undecided.
    """
    return Session(reading.read(texts), attributes, events, end, horizon).run()


class Session:
    """One session under all rules."""

    def __init__(
        self,
        book: reading.Book,
        attributes: dict[str, Any],
        events: Sequence[Event],
        end: tuple[float, str],
        horizon: float | None,
    ) -> None:
        self.book, self.attributes = book, attributes
        self.end_at, self.end_kind = end
        self.horizon = horizon
        self.stream = with_derived(canonical(events), book.mappings, attributes)
        self.order = list(dict.fromkeys((e["page_load"], e["i"]) for e in self.stream))
        self.visible = VisibleClock(self.stream)
        self.seen: list[Event] = []
        self.flags: list[OracleFlag] = []
        self.progress = {name: Progress(process) for name, process in book.processes.items()}
        self.built_on = _built_on(book.rules)
        self.machines = {rule.id: self._machine(rule) for rule in _layered(book.rules)}
        self.rules = {rule.id: rule for rule in book.rules}

    def _machine(self, rule: Rule) -> machines.Count | machines.Order:
        common = machines.Common(
            rule,
            self.visible if rule.visible else EventClock(),
            self.attributes,
            lambda event: self._takes(rule, event),
        )
        return machines.Count(common) if rule.kind == "match" else machines.Order(common)

    def run(self) -> list[OracleFlag]:
        """Judge the session."""
        for event in self.stream:
            self._expire(lambda due, now=event["ts"]: due < now)
            self._feed(event)
        limit = self.end_at if self.horizon is None else self.horizon
        self._expire(lambda due: due < self.end_at or (self.horizon is not None and due <= limit))
        self._feed({"type": "session_end", "ts": self.end_at, "kind": self.end_kind, "tab": None})
        for name, machine in self.machines.items():
            for hit in machine.end(self.end_at):
                self._raise(self.rules[name], hit)
        return self.flags

    def _expire(self, is_due: Any) -> None:
        """Let the waits that are due run out, the earliest first."""
        while True:
            due, name = min(
                ((m.due(), n) for n, m in self.machines.items()), default=(INFINITE, "")
            )
            if due == INFINITE or not is_due(due):
                return
            for hit in self.machines[name].expire(due):
                self._raise(self.rules[name], hit)

    def _feed(self, event: Event) -> None:
        """Show *event* to every rule, then the flags that it raised."""
        self.seen.append(event)
        here = Situation(self.attributes)
        for progress in self.progress.values():
            progress.see(event, here)
        raised = []
        for name, machine in self.machines.items():
            for hit in machine.feed(event):
                raised.append((self.rules[name], hit))
        # Of one event, what replaces is raised before what it replaces.
        for rule, hit in sorted(raised, key=lambda item: self._depth(item[0].id)):
            self._raise(rule, hit)

    def _depth(self, name: str) -> int:
        """Return how many rules stand one above the other over *name*, each replacing the next."""
        above = [r.id for r in self.rules.values() if name in r.suppresses]
        return 1 + max(map(self._depth, above)) if above else 0

    # --- which events a rule takes ---------------------------------------

    def _takes(self, rule: Rule, event: Event) -> bool:
        """Return whether *event* is in the rule's scope, and not where it is silent."""
        if not holds(rule.scope, event, Situation(self.attributes)):
            return False
        if event["type"] == "flag" and not self._may_see(rule, event):
            return False
        path = (event.get("target") or {}).get("path") or []
        words = [word for node in path for word in (node.get("ignore") or "").split()]
        if rule.id in words or "all" in words:
            return False
        return not any(self._silent(place, event, path) for place in rule.silent)

    def _silent(self, place: dict[str, list[str]], event: Event, path: list[Any]) -> bool:
        if any(selected(selector, path) for selector in place.get("target", ())):
            return True
        globs = [*place.get("path", ()), *place.get("page", ())]
        if any(fits_glob(pattern, event.get("path") or "") for pattern in globs):
            return True
        return any(self.progress[name].under_way for name in place.get("process", ()))

    def _may_see(self, rule: Rule, event: Event) -> bool:
        """Return whether a matcher of *rule* without `rule` may see the flag *event*."""
        return event["rule"] != rule.id and rule.id not in self.built_on[event["rule"]]

    # --- hits and flags ----------------------------------------------------

    def _raise(self, rule: Rule, hit: machines.Hit) -> None:
        evidence = self._evidence(hit)
        group = self.machines[rule.id].common.group_of(hit.steps, hit.aliases)
        if self._replaced(rule, evidence):
            return
        standing = [
            f for f in self.flags if (f.rule, f.group, f.withdrawn) == (rule.id, group, False)
        ]
        if standing and not self._again(rule, standing[-1], hit):
            last = standing[-1]
            last.hits += 1
            last.last_hit = hit.at
            if rule.flag == "burst":
                ids = self._in_order({*last.evidence, *evidence})
                last.evidence = ids[: _EVIDENCE - 1] + ids[_EVIDENCE - 1 :][-1:]
            last.covered |= set(evidence)
            self._replace(rule, last.covered)
            return
        flag = OracleFlag(
            rule.id, group, self._number(rule, group), hit.at, hit.severity, self._captures(rule, hit), evidence,
            covered=set(evidence), last_hit=hit.at,
        )  # fmt: skip
        self.flags.append(flag)
        self._replace(rule, flag.covered)
        self._feed(
            {
                "type": "flag", "ts": hit.at, "tab": None, "path": hit.events[-1].get("path"), "rule": rule.id, "group": group,
                "severity": flag.severity, "evidence": evidence,
            }
        )  # fmt: skip

    def _number(self, rule: Rule, group: str) -> int:
        """Return the number of the next flag of a group; one that was replaced last gives up its own."""
        mine = [f for f in self.flags if (f.rule, f.group) == (rule.id, group)]
        if mine and mine[-1].withdrawn:
            self.flags.remove(mine[-1])
            return len(mine) - 1
        return len(mine)

    def _evidence(self, hit: machines.Hit) -> list[EventId]:
        return self._in_order({one for event in hit.events for one in _ids(event)})

    def _in_order(self, ids: set[EventId]) -> list[EventId]:
        return [one for one in self.order if one in ids]

    def _again(self, rule: Rule, last: OracleFlag, hit: machines.Hit) -> bool:
        """Return whether *hit* raises another flag rather than being counted in *last*."""
        if rule.flag == "every":
            return hit.at - last.at >= rule.cooldown
        return rule.flag == "burst" and hit.at - last.last_hit >= rule.cooldown

    def _replace(self, rule: Rule, events: set[EventId]) -> None:
        """Withdraw the flags that *rule* suppresses and that share one of *events*."""
        for flag in self.flags:
            if flag.rule in rule.suppresses and events & set(flag.evidence):
                flag.withdrawn = True

    def _replaced(self, rule: Rule, evidence: list[EventId]) -> bool:
        """Return whether a standing flag already replaces a hit on *evidence*."""
        return any(
            rule.id in self.rules[flag.rule].suppresses and flag.covered & set(evidence)
            for flag in self.flags
            if not flag.withdrawn
        )

    def _captures(self, rule: Rule, hit: machines.Hit) -> dict[str, Any]:
        found = {}
        for name, form in rule.capture.items():
            one = self._captured(rule, form, hit)
            if isinstance(one, str):
                one = one.encode()[:_CAPTURE_BYTES].decode("utf-8", "ignore")
            if one is not ABSENT:
                found[name] = one
        return found

    def _captured(self, rule: Rule, form: str, hit: machines.Hit) -> Any:
        if form == "process.last_step":
            return self.progress[rule.process].last or ABSENT
        for way in ("last", "first", "count"):
            if form.startswith(f"{way}("):
                inside, _, name = form.removeprefix(f"{way}(").partition(")")
                matcher = reading.capture_matcher(rule, inside)
                return self._of_session(matcher, way, name.removeprefix("."))
        alias, _, name = form.partition(".")
        if alias in hit.aliases:
            return value(hit.aliases[alias], name, self.attributes)
        return value(hit.events[-1], form, self.attributes)

    def _of_session(self, matcher: Matcher, way: str, name: str) -> Any:
        """Return the newest or first such event's field, or how many there were until now."""
        here = Situation(self.attributes)
        found = [event for event in self.seen if matches(matcher, event, here)]
        if way == "count":
            return len(found)
        if not found:
            return ABSENT
        return value(found[-1 if way == "last" else 0], name, self.attributes)


def _ids(event: Event) -> list[EventId]:
    """Return what *event* is in a flag's evidence; a flag stands for the events it rests on."""
    if event["type"] == "flag":
        return list(event["evidence"])
    if event["type"] == "session_end":
        return []
    return [(event["page_load"], event["i"])]


def _flag_rules(rule: Rule) -> tuple[bool, set[str]]:
    """Return whether *rule* asks for flags, and which rules it names (empty: any)."""
    asked, named = False, set()
    matchers = [step.matcher for step in rule.steps] + ([rule.until] if rule.until else [])
    for matcher in matchers:
        for name, wheres in matcher.alternatives:
            if name == "flag":
                asked = True
                for where in wheres:
                    test = where.get("rule")
                    named |= {test} if isinstance(test, str) else set()
                    named |= set(test) if isinstance(test, list) else set()
    return asked, named


def _built_on(rules: Sequence[Rule]) -> dict[str, set[str]]:
    """
    Return for each rule those that it is built on, through others too.

    A rule that asks for flags without naming rules is built on all that are not built on it.
    """
    on = {rule.id: _flag_rules(rule)[1] for rule in rules}
    for _ in rules:
        for rule in rules:
            for other in list(on[rule.id]):
                on[rule.id] |= on.get(other, set())
    return on


def _layered(rules: Sequence[Rule]) -> list[Rule]:
    """Return *rules* with those first on which others are built."""
    on = _built_on(rules)
    asks = {rule.id: _flag_rules(rule)[0] for rule in rules}
    return sorted(rules, key=lambda rule: (asks[rule.id], len(on[rule.id])))


__all__ = ["OracleFlag", "judge"]
