"""
The book of one session: which flags its rules have raised so far.

Owns once, burst and every, cooldown, suppression and the bound on flags. Knows hits, not
how they came about; making model flags of them is detector/verdicts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from core.model import Severity
from detector.patterns import slim
from detector.rule import Rule
from detector.spec import MAX_EVIDENCE, MAX_FLAGS

MAX_COVERED = 1000
"""Events that one flag may stand for: bounds the state of a session that does nothing else."""


_TIME = itemgetter(0)


class Mark(NamedTuple):
    """
    What is kept of an event that a rule took. *inner* is the evidence of a flag event.

    *place* is its page load and tab. Generated source makes tuples of this layout.
    """

    ts: float
    place: tuple[str | None, str | None]
    i: int | None
    type: str
    path: str | None
    target: Any
    inner: tuple[Mark, ...] | None

    @property
    def page_load(self) -> str | None:
        """Return the document that sent it."""
        return self.place[0]

    @property
    def tab(self) -> str | None:
        """Return the tab of that document."""
        return self.place[1]


def mark(event: dict[str, Any], ts: float) -> Mark:
    """Return what is kept of *event*."""
    get = event.get
    fields = (
        ts, (get("page_load"), get("tab")), get("i"), event["type"], get("path"),
        slim(get("target")), get("_marks"),
    )  # fmt: skip
    # Half the time of Mark(...), whose __new__ is Python; this runs once per taken event.
    return tuple.__new__(Mark, fields)


MARK_BYTES, TARGET_BYTES = 150, 310
"""A mark with its time, and what it keeps of a target, as measured on CPython 3.11."""


def weigh(marks: Iterable[tuple[Any, ...]], seen: set[int]) -> int:
    """Return about how many bytes *marks* take that are not in *seen* (by identity), and add those."""
    total = 0
    for item in marks:
        if id(item) not in seen:
            seen.add(id(item))
            total += MARK_BYTES
            if item[5].__class__ is dict and id(item[5]) not in seen:
                seen.add(id(item[5]))
                total += TARGET_BYTES
    return total


def unpacked(item: tuple[Any, ...]) -> Mark:
    """Return the mark that generated source made as a plain tuple."""
    return tuple.__new__(Mark, item)


def events_of(marks: Sequence[Mark]) -> list[Mark]:
    """Return *marks* with flags replaced by what they rest on, each event once, by time."""
    if len(marks) == 1 and marks[0][6] is None:
        return [*marks]
    found: dict[tuple[object, ...], Mark] = {}
    for item in marks:
        for inner in item.inner if item.inner is not None else (item,):
            # A derived event bears the id of its source: that is named once.
            key = (inner[3], inner[0]) if inner[2] is None else (inner[1], inner[2])
            found.setdefault(key, inner)
    return sorted(found.values(), key=_TIME)


def ids_of(events: Sequence[Mark]) -> set[tuple[str | None, int]]:
    """Return the ids of *events*, which events_of() made."""
    return {(m[1][0], m[2]) for m in events if m[2] is not None}


@dataclass(slots=True, eq=False)
class Raised:
    """
    A flag as long as its session is judged.

    *withdrawn* is the reason, *replaced_by* the flag that stands instead. *written* says that
    the store may have it.
    """

    rule: Rule
    version: str
    group: str
    nth: int
    at: float
    first: float
    until: float
    last_hit: float
    severity: Severity
    marks: list[Mark]
    ids: set[tuple[str | None, int]]
    captures: dict[str, object]
    page: str | None
    tab: str | None
    page_load: str | None
    target: Any
    hits: int = 1
    withdrawn: str | None = None
    replaced_by: Raised | None = None
    written: bool = False


@dataclass(slots=True)
class Hit:
    """A rule was met at *at*, on the events *marks*."""

    rule: Rule
    version: str  # the rule's, which is not free to compute
    group: str
    at: float
    marks: Sequence[Mark]
    severity: Severity
    captures: dict[str, object]
    main: Mark | None = None  # the event whose target and page the flag shows


class Book:
    """All flags of a session, by rule and group."""

    __slots__ = ("_by_rule", "_count", "_heard", "changed", "queue", "raised", "truncated")

    def __init__(self, *, heard: bool = True) -> None:
        self._heard = heard  # a rule asks for flags
        self.raised: dict[tuple[str, str, str], list[Raised]] = {}
        self._by_rule: dict[str, list[Raised]] = {}
        self._count = 0
        self.changed: dict[int, Raised] = {}
        self.queue: list[dict[str, Any]] = []  # 56 bytes, a deque has 760
        self.truncated: set[str] = set()

    def all(self) -> list[Raised]:
        """Return all flags, withdrawn ones too, in the order in which they were raised."""
        return [flag for flags in self._by_rule.values() for flag in flags]

    @property
    def full(self) -> bool:
        """Say whether the session has as many flags as it may have."""
        return self._count >= MAX_FLAGS

    def knows(self, rule: str, version: str, group: str) -> bool:
        """Say whether *rule* has raised a flag for *group*."""
        return (rule, version, group) in self.raised

    def hit(self, hit: Hit, suppressors: Sequence[str]) -> None:
        """Note *hit*: a new flag, one more hit of a flag, or nothing if it is suppressed."""
        key = (hit.rule.id, hit.version, hit.group)
        present = self.raised.get(key)
        events = events_of(hit.marks)
        ids = ids_of(events)
        if suppressors and self._by_rule and self._covered(suppressors, ids):
            return
        current = present[-1] if present else None
        if current is not None and current.withdrawn is None and self._again(current, hit, events):
            return
        self._raise(key, hit, events, ids)

    def _covered(self, suppressors: Sequence[str], ids: set[tuple[str | None, int]]) -> bool:
        return any(
            flag.withdrawn is None and not ids.isdisjoint(flag.ids)
            for name in suppressors
            for flag in self._by_rule.get(name, ())
        )

    def _again(self, current: Raised, hit: Hit, events: Sequence[Mark]) -> bool:
        """Count *hit* into *current* unless it deserves a flag of its own."""
        rule = hit.rule
        if rule.flag == "every" and hit.at - current.at >= rule.cooldown_ms:
            return False
        if rule.flag == "burst" and hit.at - current.last_hit >= rule.cooldown_ms:
            return False
        current.hits += 1
        current.last_hit = hit.at
        if rule.flag == "burst":
            current.until = max(current.until, hit.at)
            self._extend(current, events)
        elif rule.suppresses:
            # A flag that is raised once stands for its later hits, too: they are no less
            # its affair than the first was, so what it replaces stays replaced.
            self._cover(current, events)
        self.changed[id(current)] = current
        return True

    def _extend(self, flag: Raised, events: Sequence[Mark]) -> None:
        new = [m for m in events if (m.page_load, m.i) not in flag.ids]
        if not new or len(flag.ids) > MAX_COVERED:
            return
        flag.ids |= ids_of(new)
        flag.marks = shortened([*flag.marks, *new])
        self._suppress(flag)

    def _cover(self, flag: Raised, events: Sequence[Mark]) -> None:
        """Let *flag* replace what shares *events*, without showing them as evidence."""
        if len(flag.ids) <= MAX_COVERED:
            flag.ids |= ids_of(events)
            self._suppress(flag)

    def _raise(
        self,
        key: tuple[str, str, str],
        hit: Hit,
        events: list[Mark],
        ids: set[tuple[str | None, int]],
    ) -> None:
        if self._count >= MAX_FLAGS:
            self.truncated.add(hit.rule.id)
            return
        present = self.raised.setdefault(key, [])
        if present and present[-1].withdrawn is not None:
            gone = present.pop()
            self._by_rule[hit.rule.id].remove(gone)
            self.changed.pop(id(gone), None)
            self._count -= 1
        main = hit.main or (events[-1] if events else None)
        flag = Raised(
            hit.rule, hit.version, hit.group, len(present), hit.at,
            events[0].ts if events else hit.at,
            max(hit.at, events[-1].ts if events else hit.at), hit.at,
            hit.severity, shortened(events), ids, hit.captures,
            main.path if main else None, main.tab if main else None,
            main.page_load if main else None, main.target if main else None,
        )  # fmt: skip
        present.append(flag)
        self._count += 1
        self._by_rule.setdefault(hit.rule.id, []).append(flag)
        self.changed[id(flag)] = flag
        self._suppress(flag)
        if self._heard:
            self.queue.append(_flag_event(flag, tuple(events)))

    def _suppress(self, flag: Raised) -> None:
        for name in flag.rule.suppresses:
            for other in self._by_rule.get(name, ()):
                if other is flag or other.withdrawn is not None:
                    continue
                if not flag.ids.isdisjoint(other.ids):
                    self._replace(other, flag)

    def _replace(self, gone: Raised, by: Raised) -> None:
        """Withdraw *gone* for *by*, which then stands for all that *gone* had replaced."""
        gone.withdrawn = f"replaced by {by.rule.id}"
        gone.replaced_by = by
        self.changed[id(gone)] = gone
        for name in gone.rule.suppresses:
            for other in self._by_rule.get(name, ()):
                if other.replaced_by is gone:
                    self._replace(other, by)


def _flag_event(flag: Raised, marks: tuple[Mark, ...]) -> dict[str, Any]:
    return {
        "type": "flag", "ts": flag.at, "rule": flag.rule.id, "severity": flag.severity,
        "group": flag.group, "path": flag.page, "page_load": flag.page_load, "tab": flag.tab,
        "target": flag.target, "_marks": marks,
    }  # fmt: skip


def shortened(marks: Sequence[Mark]) -> list[Mark]:
    """Return the first marks and the last one, as many as a flag shows."""
    if len(marks) <= MAX_EVIDENCE:
        return list(marks)
    return [*marks[: MAX_EVIDENCE - 1], marks[-1]]
