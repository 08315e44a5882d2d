"""
A draft of the rules against those in force, on ended sessions: gained, lost, unchanged.

Pure: sessions and their batches in, counts and examples out. Both sides are judged afresh,
so that nothing but the rules differs. Only the rules that the draft concerns are judged,
with those that these depend on; rules built on them only where something differs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.model import Session, Severity, StoredBatch
from detector.book import Raised
from detector.engine import Engine
from detector.judging import Ended, ended, judge
from detector.reads import matchers, narrowed, needed_by, processes_of, touched_by, without_visible
from detector.rule import Rule, RuleSet
from detector.verdicts import flag_id

Change = Literal["gained", "lost", "unchanged"]
CHANGES: tuple[Change, ...] = ("gained", "lost", "unchanged")

EXAMPLES = 20
"""Examples kept of each change of a rule: enough to look at, few enough to pass around."""


@dataclass(frozen=True, slots=True)
class FlagChange:
    """
    One flag that the draft gains, loses or keeps. *flag* is its id under the rules in force.

    *moved* says that it is kept, but raised at another moment; *at_ms* is then the draft's.
    """

    change: Change
    session: str
    rule: str
    group: str
    nth: int
    at_ms: float
    page: str | None
    severity: Severity
    captures: dict[str, Any]
    flag: str | None
    moved: bool = False


@dataclass(slots=True)
class RuleChange:
    """What becomes of one rule's flags. *moved* of the unchanged are raised at another moment."""

    gained: int = 0
    lost: int = 0
    unchanged: int = 0
    moved: int = 0
    examples: dict[Change, list[FlagChange]] = field(default_factory=dict)

    def add(self, item: FlagChange) -> None:
        """Count *item*, and keep it if it is among the newest."""
        if item.change == "gained":
            self.gained += 1
        elif item.change == "lost":
            self.lost += 1
        else:
            self.unchanged += 1
            self.moved += item.moved
        self._keep(item.change, [item])

    def merge(self, other: RuleChange) -> None:
        """Add what another part of history came to."""
        self.gained += other.gained
        self.lost += other.lost
        self.unchanged += other.unchanged
        self.moved += other.moved
        for change, items in other.examples.items():
            self._keep(change, items)

    def _keep(self, change: Change, items: Sequence[FlagChange]) -> None:
        kept = self.examples.setdefault(change, [])
        kept.extend(items)
        if len(kept) > 4 * EXAMPLES:  # sorted now and then, not at every flag
            kept[:] = newest(kept)


@dataclass(slots=True)
class Backtest:
    """
    What a draft does to history. *flagged* counts sessions that it flags by a rule concerned.

    *rules* has every rule concerned, and others as far as they gain or lose something by it
    (their unchanged flags are not counted). *errors* counts events on which a rule failed.
    """

    sessions: int = 0
    events: int = 0
    flagged: int = 0
    errors: int = 0
    rules: dict[str, RuleChange] = field(default_factory=dict)

    def merge(self, other: Backtest) -> None:
        """Add what another part of history came to."""
        self.sessions += other.sessions
        self.events += other.events
        self.flagged += other.flagged
        self.errors += other.errors
        for name, change in other.rules.items():
            self.rules.setdefault(name, RuleChange()).merge(change)

    def total(self, change: Change) -> int:
        """Return how many flags of all rules *change*."""
        return sum(getattr(rule, change) for rule in self.rules.values())

    def examples(self, change: Change, *, rule: str | None = None) -> list[FlagChange]:
        """Return the newest examples of *change*, of one rule or of all."""
        chosen = self.rules if rule is None else {rule: self.rules.get(rule, RuleChange())}
        return newest([item for r in chosen.values() for item in r.examples.get(change, ())])


def newest(items: Iterable[FlagChange]) -> list[FlagChange]:
    """Return the newest of *items*, as many as are kept."""
    order = sorted(items, key=lambda i: (-i.at_ms, i.session, i.rule, i.group, i.nth))
    return order[:EXAMPLES]


_Key = tuple[str, str, int]  # rule, group, nth: what a flag's id is made of


class Comparison:
    """
    A draft and the rules in force, compiled for what the draft concerns.

    *named* are the rules that the draft's text declares or overrides, or that the text which
    it replaces did: they count as concerned even where nothing changes.
    """

    def __init__(self, draft: RuleSet, force: RuleSet, named: Collection[str]) -> None:
        self.concerned = concerned(draft, force, named)
        self._draft, self._force = draft, force
        self._others = (
            touched_by(draft, self.concerned) | touched_by(force, self.concerned)
        ) - self.concerned
        own = self._needed(self.concerned)
        # Where the rules built on them are judged anyway, one judgement does for both.
        self._at_once = self._needed(self._others | self.concerned) <= own
        new, old = narrowed(draft, own), narrowed(force, own)
        self._new = Engine(new)
        # Equal rule sets raise equal flags: judged once, all unchanged.
        self._old = self._new if _same(new, old) else Engine(old)
        self._wide: tuple[Engine, Engine] | None = None

    def _needed(self, ids: Collection[str]) -> set[str]:
        return needed_by(self._draft, ids) | needed_by(self._force, ids)

    def judge(
        self,
        history: Iterable[tuple[Session, Sequence[StoredBatch]]],
        *,
        flush_ms: int,
        idle_ms: dict[str, int],
    ) -> Backtest:
        """
        Return what becomes of *history*: ended sessions with all their batches.

        *idle_ms* is the idle timeout per site key; a site that is gone has none.
        """
        result = Backtest(rules={name: RuleChange() for name in self.concerned})
        before = self.errors
        for session, batches in history:
            ready = ended(
                session,
                batches,
                flush_ms=flush_ms,
                idle_timeout_ms=idle_ms.get(session.site, 0),
            )
            result.sessions += 1
            result.events += len(ready.events)
            self._session(result, session, ready)
        result.errors = self.errors - before
        return result

    @property
    def errors(self) -> int:
        """Return on how many events a rule failed."""
        engines = {id(e): e for e in (self._new, self._old, *(self._wide or ()))}
        return sum(engine.errors for engine in engines.values())

    def _session(self, result: Backtest, session: Session, ready: Ended) -> None:
        new = _all(judge(self._new, ready))
        old = new if self._old is self._new else _all(judge(self._old, ready))
        own = self.concerned
        standing = _standing(new, own)
        if standing:
            result.flagged += 1
        if new is old:
            self._count(result, session, standing, standing)
            return
        self._count(result, session, standing, _standing(old, own))
        if self._others and _traces(new, own) != _traces(old, own):
            if not self._at_once:
                new, old = (_all(judge(engine, ready)) for engine in self._wider())
            self._rest(result, session, new, old)

    def _wider(self) -> tuple[Engine, Engine]:
        """Return engines that also judge the rules built on those concerned."""
        if self._wide is None:
            ids = self._needed(self._others | self.concerned)
            self._wide = Engine(narrowed(self._draft, ids)), Engine(narrowed(self._force, ids))
        return self._wide

    def _rest(
        self, result: Backtest, session: Session, new: Sequence[Raised], old: Sequence[Raised]
    ) -> None:
        """Count what rules gain or lose that are built on what differs here."""
        gained, lost = _standing(new, self._others), _standing(old, self._others)
        for key in gained.keys() & lost.keys():
            if gained[key].at == lost[key].at:
                del gained[key], lost[key]
        self._count(result, session, gained, lost)

    def _count(
        self,
        result: Backtest,
        session: Session,
        new: dict[_Key, Raised],
        old: dict[_Key, Raised],
    ) -> None:
        for key, raised in {**old, **new}.items():
            before = old.get(key)
            change: Change = "unchanged"
            if before is None:
                change = "gained"
            elif key not in new:
                change = "lost"
            item = FlagChange(
                change, session.id, raised.rule.id, raised.group, raised.nth, raised.at,
                raised.page, raised.severity, raised.captures,
                flag_id(session.id, before) if before is not None else None,
                before is not None and before.at != raised.at,
            )  # fmt: skip
            result.rules.setdefault(raised.rule.id, RuleChange()).add(item)


def concerned(draft: RuleSet, force: RuleSet, named: Collection[str]) -> set[str]:
    """Return the rules that are *named*, differ between the two, or read what differs."""
    new, old = _by_id(draft), _by_id(force)
    found = {name for name in named if name in new or name in old}
    found |= {name for name in {**new, **old} if new.get(name) != old.get(name)}
    changed = {p.id for p in {*draft.processes} ^ {*force.processes}}
    mapped = draft.mappings != force.mappings
    for rule in (*draft.rules, *force.rules):
        if processes_of(rule) & changed or (mapped and _reads_custom(rule)):
            found.add(rule.id)
    return found


def _by_id(rules: RuleSet) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        found.setdefault(rule.id, []).append(without_visible(rule))
    return found


def _reads_custom(rule: Rule) -> bool:
    read = (*matchers(rule), *(c.matcher for c in rule.captures if c.matcher is not None))
    return any(event == "custom" for matcher in read for event, _ in matcher.cases)


def _same(new: RuleSet, old: RuleSet) -> bool:
    return (new.rules, new.processes, new.mappings) == (old.rules, old.processes, old.mappings)


def _all(state: list[Any]) -> list[Raised]:
    book = state[2]
    return [] if book is None else book.all()


def _standing(found: Sequence[Raised], ids: Collection[str]) -> dict[_Key, Raised]:
    return {
        (r.rule.id, r.group, r.nth): r for r in found if r.withdrawn is None and r.rule.id in ids
    }


def _traces(found: Sequence[Raised], ids: Collection[str]) -> set[tuple[object, ...]]:
    """Return all that other rules can see of the flags of *ids*, and what these replace."""
    return {
        (
            r.rule.id,
            r.group,
            r.nth,
            r.at,
            r.severity,
            r.page,
            r.withdrawn,
            frozenset(r.ids),
            r.rule.suppresses,
        )
        for r in found
        if r.rule.id in ids
    }
