"""
Makes an example, as it stands beside a rule, of a session that was stored.

Owns what of the session goes into it: the events that the rule reads, of these only the
fields that it reads, around the moment in question. Whether it holds is told by running it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import NotFound
from core.events import EventSchema
from core.model import Event, Session, StoredBatch
from detector.book import Raised
from detector.edit import flow
from detector.engine import Engine, flags
from detector.errors import Problems
from detector.judging import Ended, ended, judge
from detector.loader import Library
from detector.reads import Read, narrowed, needed_by, reads
from detector.rule import Example, RuleSet
from detector.spec import TEST_EVENT_KEYS
from detector.testing import START_MS, events_of
from detector.words import span

MOST_LINES = 36
"""Events, runs of equal ones taken as one: what is longer, nobody reads."""

AROUND_MS = 120_000
"""Before and after the moment in question that is looked at, where nothing says otherwise."""

_PATH = ("tag", "id", "classes", "role", "type", "test", "stolper", "ignore")


@dataclass(frozen=True, slots=True)
class _Line:
    """One event of the example, or time that passes (*event* None)."""

    at_ms: int
    event: str | None
    fields: dict[str, Any]


def example(
    rules: RuleSet,
    rule: str,
    session: Session,
    batches: Sequence[StoredBatch],
    *,
    fires: bool,
    flush_ms: int,
    idle_timeout_ms: int,
    around_ms: float | None = None,
    name: str | None = None,
) -> str:
    """
    Return an item of `tests:` (YAML) made of *session*.

    With *fires* it expects what *rule* raises there, or one flag where it raises none (such a
    test fails until the rule does); without, it expects silence. *around_ms* is the moment
    that it is about. Raise NotFound if the rule is not in force.
    """
    if rules.rule(rule) is None:
        raise NotFound(f"there is no rule '{rule}' in force")
    ready = ended(session, batches, flush_ms=flush_ms, idle_timeout_ms=idle_timeout_ms)
    return _Maker(rules, rule, ready, around_ms).item(fires, name)


class _Maker:
    """Makes the example of one rule and one session."""

    def __init__(self, rules: RuleSet, rule: str, session: Ended, around_ms: float | None) -> None:
        self._rule = rule
        self._places = False
        needed = narrowed(rules, needed_by(rules, {rule}))
        # Captures decide nothing, and what they keep may be text of the site.
        bare = tuple(dataclasses.replace(r, captures=()) for r in needed.rules)
        self._rules = narrowed(dataclasses.replace(needed, rules=bare), {r.id for r in bare})
        self._session = session
        self._reads = reads(self._rules)
        self._engine = Engine(self._rules)
        found = [r for r in flags(judge(self._engine, session)) if r.rule.id == rule]
        moment = session.last if around_ms is None else around_ms
        if around_ms is not None:
            found.sort(key=lambda raised: abs(raised.at - moment))
        self._flag = found[0] if found else None
        self._around = self._flag.at if around_ms is None and self._flag is not None else moment
        self._events = [event for event in session.events if event["type"] in self._reads]

    def item(self, fires: bool, name: str | None) -> str:
        """Return the example as YAML."""
        self._places = not fires
        lines = self._lines(fires)
        expect = self._expected(lines) if fires else []
        severity = next(r.severity for r in self._rules.rules if r.id == self._rule)
        if fires and not expect:
            expect = [{"severity": severity}]
        words = name or ("a visit that is flagged" if fires else "a visit that is fine")
        return _text(self._rule, words, self._attributes(), lines, expect)

    # -- choosing ------------------------------------------------------------------------

    def _lines(self, fires: bool) -> list[_Line]:
        """Return the events to show: those around the moment, fewer if they are too many."""
        flag = self._flag if fires else None
        since, until = self._around - AROUND_MS, self._around + AROUND_MS
        if flag is not None:
            since, until = flag.first - AROUND_MS, max(flag.at, flag.until)
        near = [event for event in self._events if since <= event["ts"] <= until]
        if flag is None:
            near.sort(key=lambda event: abs(event["ts"] - self._around))
            chosen = self._while_short(near)
        else:
            chosen = self._needed(near if self._holds(near, flag) else self._events, flag)
        return self._ending(chosen, flag)

    def _while_short(self, near: Sequence[Event]) -> list[Event]:
        """Return as many of *near*, nearest first, as there are lines for."""
        low, high = 0, len(near)
        while low < high:
            middle = (low + high + 1) // 2
            short = len(_runs(self._shown(_ordered(near[:middle])))) <= MOST_LINES
            low, high = (middle, high) if short else (low, middle - 1)
        return _ordered(near[:low])

    def _needed(self, events: list[Event], flag: Raised) -> list[Event]:
        """Return *events*, without those that the flag can do without if they are too many."""
        part = max(1, len(events) // 2)
        while len(_runs(self._shown(events))) > MOST_LINES and part:
            start = 0
            while start < len(events):
                fewer = events[:start] + events[start + part :]
                if self._holds(fewer, flag):
                    events = fewer
                else:
                    start += part
            part //= 2
        return events

    def _holds(self, events: Sequence[Event], flag: Raised) -> bool:
        """Say whether *flag* is raised on *events* alone."""
        session = dataclasses.replace(self._session, events=events)
        found = flags(judge(self._engine, session))
        return any(
            (r.rule.id, r.group, r.at, r.severity)
            == (self._rule, flag.group, flag.at, flag.severity)
            for r in found
        )

    def _ending(self, events: list[Event], flag: Raised | None) -> list[_Line]:
        """Return *events* as lines, followed by the end of the session as far as it matters."""
        lines = self._shown(events)
        start = self._start(events)
        last = round(self._session.last - start)
        end = _Line(last, "session_end", {"kind": self._session.kind})
        waited = _Line(round(self._session.horizon - start) + 1, None, {})
        late = dataclasses.replace(end, at_ms=waited.at_ms)
        endings: list[list[_Line]] = [[], [waited], [end], [waited, late]]
        if flag is None:
            waits = "session_end" in self._reads or any(r.tail for r in self._rules.rules)
            if not waits or not events or events[-1] is not self._events[-1]:
                return lines
            if self._flag is not None:  # the test is to fail on what the rule does
                return [*lines, *endings[1]]
            silent = (e for e in (endings[1], endings[2], *endings) if not self._run([*lines, *e]))
            return [*lines, *next(silent, endings[1])]
        if flag.at > max((event["ts"] for event in events), default=start):
            endings.insert(0, [_Line(round(flag.at - start) + 1, None, {})])
        for ending in endings:
            found = self._run([*lines, *ending])
            if any(
                r.group == flag.group and abs(r.at - START_MS - (flag.at - start)) <= 1
                for r in found
            ):
                return [*lines, *ending]
        return lines

    @staticmethod
    def _start(events: Sequence[Event]) -> float:
        return float(events[0]["ts"]) if events else 0.0

    # -- showing -------------------------------------------------------------------------

    def _shown(self, events: Sequence[Event]) -> list[_Line]:
        start = self._start(events)
        return [
            _Line(
                round(e["ts"] - start),
                e["type"],
                _fields(e, self._reads[e["type"]], number, self._places),
            )
            for number, e in enumerate(events)
        ]

    def _attributes(self) -> dict[str, Any]:
        asked = {read.field for fields in self._reads.values() for read in fields if read.session}
        return {n: v for n, v in self._session.attributes.items() if n in asked}

    def _run(self, lines: Sequence[_Line]) -> list[Raised]:
        """Return the flags of the rule on the example, as it will be run."""
        read = _read(_text(self._rule, "x", self._attributes(), lines, []), self._rules.schema)
        state = self._engine.new(dict(read.session))
        for event in events_of(read):
            if isinstance(event, float):
                self._engine.expire(state, event)
            elif event["type"] == "session_end":
                self._engine.end(state, event["ts"], event.get("kind", "idle"))
            else:
                self._engine.feed(state, event)
        return [r for r in flags(state) if r.rule.id == self._rule]

    def _expected(self, lines: Sequence[_Line]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for raised in self._run(lines):
            item: dict[str, Any] = {"at": span(round(raised.at - START_MS))}
            if raised.group:
                item["group"] = raised.group
            found.append({**item, "severity": raised.severity})
        return found


def _ordered(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e["ts"], e["page_load"], e["t"], e["i"]))


def _fields(event: Event, asked: set[Read], number: int, places: bool) -> dict[str, Any]:
    """
    Return what of *event* is read, targets and maps in parts.

    With *places* also its page and the way to its target: an exception may be made of them.
    """
    found: dict[str, Any] = {}
    for read in sorted(asked):
        head, *rest = read.field.split(".")
        value = event.get(head)
        if read.session or value is None or head in ("ts", "t", "type"):
            continue
        if not rest:
            if head == "path" and value == "/":
                continue
            found[head] = value if not isinstance(value, dict) else {"key": value.get("key")}
            continue
        if isinstance(value, dict) and value.get(rest[0]) is not None:
            inner = value[rest[0]]
            if (head, rest[0]) == ("target", "path"):
                inner = [{k: e[k] for k in _PATH if k in e} for e in inner]
            found.setdefault(head, {})[rest[0]] = inner
    if places and event.get("path", "/") != "/":
        found["path"] = event["path"]
    return _with_path(event, found, always=places)


def _with_path(event: Event, found: dict[str, Any], *, always: bool) -> dict[str, Any]:
    """Add the elements that ask for silence (data-stolper-ignore): every rule obeys them."""
    target = event.get("target")
    path = target.get("path") if isinstance(target, dict) else None
    if path and (always or any("ignore" in element for element in path)):
        bare = [{k: e[k] for k in _PATH if k in e} for e in path]
        found.setdefault("target", {})["path"] = bare
    return found


# -- writing -----------------------------------------------------------------------------


def _runs(lines: Sequence[_Line]) -> list[tuple[_Line, int, int]]:
    """Return *lines* with equal ones at equal distances taken together: (first, how many, distance)."""
    found: list[tuple[_Line, int, int]] = []
    for line in lines:
        if found and line.event is not None:
            first, count, every = found[-1]
            gap = line.at_ms - (first.at_ms + (count - 1) * every)
            same = (first.event, first.fields) == (line.event, line.fields)
            if same and gap > 0 and (count == 1 or gap == every):
                found[-1] = (first, count + 1, gap)
                continue
        found.append((line, 1, 0))
    return found


def _text(
    rule: str,
    name: str,
    attributes: Mapping[str, Any],
    lines: Sequence[_Line],
    expect: Sequence[Mapping[str, Any]],
) -> str:
    head = [f"- rule: {rule}", f"  name: {flow(name)}"]
    if attributes:
        head.append(f"  session: {flow(dict(attributes))}")
    events = [f"    - {flow(_event(*run))}" for run in _runs(lines)]
    head.append("  events:" if events else "  events: []")
    return "\n".join([*head, *events, f"  expect: {flow([dict(e) for e in expect])}"]) + "\n"


def _event(line: _Line, count: int, every: int) -> dict[str, Any]:
    at = {"at": span(line.at_ms) if line.at_ms else "0s"}
    if line.event is None:
        return {**at, "tick": True}
    taken = {n: v for n, v in line.fields.items() if n in TEST_EVENT_KEYS}
    plain = {n: v for n, v in line.fields.items() if n not in TEST_EVENT_KEYS}
    repeat = {"x": count, "every": span(every)} if count > 1 else {}
    return {**at, "event": line.event, **plain, **({"fields": taken} if taken else {}), **repeat}


def _read(item: str, schema: EventSchema) -> Example:
    """Return the example that *item* writes."""
    problems = Problems()
    library = Library(problems, schema)
    rule = item.split("\n", 1)[0].removeprefix("- rule: ")
    stub = f"version: 1\nrules:\n  - {{id: {rule}, title: x, match: page}}\ntests:\n"
    library.add_text("example", stub + "".join(f"  {line}\n" for line in item.splitlines()))
    found = library.rule_set().examples
    problems.raise_if_failed()
    return found[0]
