"""
The console's workbench on a running server: what console/workbench.py asks for.

Owns the translation between the detector's values and the console's, and the conditions
under which a file is written. Putting rules in force is stolper/rulebook.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from console.workbench import (
    Checked,
    DraftFlag,
    DraftRun,
    Finding,
    NearMisses,
    OwnFile,
    ProcessState,
    ProcessTrial,
    Progress,
    RuleState,
    RuleUse,
    Saved,
    TestResult,
    Version,
    Workbench,
)
from core.clock import Clock
from core.errors import NotFound
from core.events import load_schema
from core.model import SessionQuery
from core.store import Store
from detector.backtest import CHANGES, Backtest
from detector.drafts import RuleText, load_texts, named_in, read_texts
from detector.edit import append_item
from detector.errors import Issue
from detector.example import example
from detector.history import History
from detector.rule import Declared, Process, RuleSet
from detector.schema import json_schema
from detector.service import Detector
from detector.testing import Outcome
from stolper.history import Draft, backtest
from stolper.nearness import near_misses
from stolper.own_rules import checked, revision
from stolper.process_trials import tried
from stolper.rulebook import Reading, Rulebook, version_of

CHECKS = 2
"""Texts read at once: each takes up to a second of a core and one of the few threads."""


class Changed(Exception):
    """The file is not the one that was edited. *text* is what it says now, None if it is gone."""

    def __init__(self, text: str | None) -> None:
        super().__init__("the file was changed meanwhile")
        self.text = text


class ServerWorkbench(Workbench):
    """The rules of one running server."""

    def __init__(
        self,
        book: Rulebook,
        store: Store,
        clock: Clock,
        detector: Detector,
        history: History,
        *,
        data: Path,
        flush_ms: int,
    ) -> None:
        """*data* is the folder that worker processes open for themselves."""
        self._data = data
        self._flush_ms = flush_ms
        self._book = book
        self._store = store
        self._clock = clock
        self._detector = detector
        self._history = history
        self._checks = asyncio.Semaphore(CHECKS)
        self._rejudging = asyncio.Lock()

    # -- reading -------------------------------------------------------------------------

    def rules(self) -> Sequence[RuleState]:
        rules = self._book.rules
        return [_state(one, rules) for one in sorted(rules.declared, key=lambda d: d.rule.id)]

    def processes(self) -> Sequence[ProcessState]:
        return [
            _process_state(one) for one in sorted(self._book.rules.processes, key=lambda p: p.id)
        ]

    def problems(self) -> str:
        return self._book.problems

    async def uses(self, since_ms: int, *, site: str | None = None) -> dict[str, RuleUse]:
        found, total = await self._store.rule_uses(since_ms, site=site)
        return {
            rule: RuleUse(flags, sessions, sessions / total if total else 0.0)
            for rule, (flags, sessions) in found.items()
        }

    def files(self) -> list[OwnFile]:
        texts, _ = self._book.own.texts()
        return [OwnFile(name, text, revision(text)) for name, text in sorted(texts.items())]

    async def versions(self, rule: str) -> list[Version]:
        return [
            Version(v.rule, v.version, v.at_ms, v.author, v.reason, v.source)
            for v in await self._store.rule_versions(rule)
        ]

    # -- trying --------------------------------------------------------------------------

    async def check(self, name: str, text: str) -> Checked:
        checked(name)
        async with self._checks:
            return await asyncio.to_thread(self._check, name, text)

    def _check(self, name: str, text: str) -> Checked:
        """Read *text* in its place. What was wrong elsewhere before is not its affair."""
        present, _ = self._book.own.texts()
        return self._compare(name, present, {**present, name: text})

    def _compare(self, name: str, before: Mapping[str, str], after: Mapping[str, str]) -> Checked:
        reading = self._book.read(after)
        known: set[tuple[str, str]] = set()
        if any(f.file != name for f in _failures(reading)):
            known = {(f.file, f.message) for f in _failures(self._book.read(before))}
        findings = [_finding(i) for i in reading.issues if i.file == name]
        findings += [
            f for f in _failures(reading) if f.file != name and (f.file, f.message) not in known
        ]
        tests = [_test(o) for o in reading.outcomes if o.example.file == name]
        return Checked(tuple(findings), tuple(tests), _concerned(name, reading.rules))

    async def draft(
        self,
        name: str,
        text: str,
        *,
        since_ms: int,
        site: str | None = None,
        progress: Progress | None = None,
    ) -> DraftRun:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        query = SessionQuery(site=site, since_ms=since_ms, until_ms=self._clock.now_ms() + 1)
        found = await backtest(
            self._store,
            await asyncio.to_thread(self._draft, checked(name), text),
            query,
            data=self._data,
            flush_ms=self._flush_ms,
            jobs=max(1, (os.cpu_count() or 1) - 1),  # one core stays with those who send
            progress=progress,
        )
        return _run(found, since_ms, round((loop.time() - begun) * 1000))

    def _draft(self, name: str, text: str) -> Draft:
        """Return *text* in place of the own file *name*, against what is in force."""
        shipped = read_texts(self._book.shipped)
        last = max((known.group for known in shipped), default=-1) + 1
        own = self._book.texts

        def together(texts: Mapping[str, str]) -> tuple[RuleText, ...]:
            return (*shipped, *(RuleText(n, texts[n], last) for n in sorted(texts)))

        named = named_in(text) | named_in(own.get(name, ""))
        return Draft(together({**own, name: text}), together(own), named)

    async def try_process(
        self,
        name: str,
        text: str,
        process: str,
        query: SessionQuery,
        *,
        most: int,
        progress: Progress | None = None,
    ) -> ProcessTrial:
        draft = await asyncio.to_thread(self._draft, checked(name), text)
        rules = await asyncio.to_thread(load_texts, draft.files)
        return await tried(
            self._store, rules, self._book.rules, process, query, most=most, progress=progress
        )

    async def example(
        self, session: str, rule: str, *, fires: bool, around_ms: float | None = None
    ) -> str:
        found = await self._store.session(session)
        if found is None:
            raise NotFound(f"there is no session '{session}'")
        site = await self._store.site(found.site)
        return await asyncio.to_thread(
            example,
            self._book.rules,
            rule,
            found,
            await self._store.batches(session),
            fires=fires,
            flush_ms=self._flush_ms,
            idle_timeout_ms=site.idle_timeout_ms if site else 0,
            around_ms=around_ms,
        )

    async def near_misses(self, rule: str, *, since_ms: int, limit: int) -> NearMisses:
        rules = self._book.rules
        if not any(one.id == rule for one in rules.rules):  # switched off: nothing is judged by it
            return NearMisses((), 0)
        return await near_misses(
            self._store, rules, rule, since_ms=since_ms, flush_ms=self._flush_ms, limit=limit
        )

    def append(self, text: str, section: str, item: str) -> str:
        return append_item(text, section, item)

    def schema(self) -> dict[str, Any]:
        return json_schema(load_schema())

    # -- changing ------------------------------------------------------------------------

    async def save(
        self, name: str, text: str, *, revision: str | None, author: str, reason: str
    ) -> Saved:
        fits = await self.check(name, text)
        if not fits.fits:
            return Saved("refused", self._file(name), fits)

        def write() -> None:
            self._unchanged(name, revision)
            self._book.own.write(name, text)

        try:
            await self._book.reload(author=author, reason=reason, write=write)
        except Changed as changed:
            return Saved("conflict", _own(name, changed.text), fits)
        await self._store.audit(self._clock.now_ms(), author, "saved", f"rules/{name}")
        return Saved("saved", _own(name, text), fits)

    async def remove(self, name: str, *, revision: str, author: str, reason: str) -> Saved:
        checked(name)
        present, _ = await asyncio.to_thread(self._book.own.texts)
        rest = {other: text for other, text in present.items() if other != name}
        fits = await asyncio.to_thread(self._compare, name, present, rest)
        if not fits.fits:
            return Saved("refused", self._file(name), fits)

        def write() -> None:
            self._unchanged(name, revision)
            self._book.own.remove(name)

        try:
            await self._book.reload(author=author, reason=reason, write=write)
        except Changed as changed:
            return Saved("conflict", _own(name, changed.text), fits)
        await self._store.audit(self._clock.now_ms(), author, "removed", f"rules/{name}")
        return Saved("saved", None, fits)

    def _unchanged(self, name: str, expected: str | None) -> None:
        """Raise Changed unless the file is the one of revision *expected* (None: there is none)."""
        text = self._book.own.read(name)
        if (None if text is None else revision(text)) != expected:
            raise Changed(text)

    def _file(self, name: str) -> OwnFile | None:
        return _own(name, self._book.own.read(name))

    async def rejudge(self, *, since_ms: int, progress: Progress | None = None) -> int:
        query = SessionQuery(since_ms=since_ms, until_ms=self._clock.now_ms() + 1)
        async with self._rejudging:  # twice at once is twice the work for the same flags
            found = await self._history.rejudge(self._detector.engine, query, progress=progress)
        return found.changed


def _own(name: str, text: str | None) -> OwnFile | None:
    return None if text is None else OwnFile(name, text, revision(text))


def _process_state(process: Process) -> ProcessState:
    labels = dict(process.labels)
    return ProcessState(
        process.id,
        process.title,
        tuple((name, labels.get(name, {})) for name, _ in process.steps),
        process.goal,
        process.optional,
        process.strict,
        process.time_limit_ms,
        process.value is not None,
        process.sites,
    )


def _state(one: Declared, rules: RuleSet) -> RuleState:
    rule = one.rule
    return RuleState(
        id=rule.id,
        title=dict(rule.title),
        severity=rule.severity,
        weight=rule.weight,
        tags=rule.tags,
        description=dict(rule.description),
        guidance=dict(rule.guidance),
        blind_spots=dict(rule.blind_spots),
        enabled=rule.enabled,
        shipped=not one.own,
        changed_by=one.changed_by,
        file=Path(rule.file).name,
        line=rule.line,
        version=version_of(one, rules),
        params=dict(one.params),
        source=rules.texts.get(rule.file, ""),
    )


def _run(found: Backtest, since_ms: float, took_ms: int) -> DraftRun:
    examples = [
        DraftFlag(
            one.change, one.session, one.rule, one.group, one.at_ms, one.page, one.severity,
            one.captures, one.flag,
        )
        for change in CHANGES
        for one in found.examples(change)
    ]  # fmt: skip
    return DraftRun(
        since_ms=since_ms,
        sessions=found.sessions,
        gained=found.total("gained"),
        lost=found.total("lost"),
        unchanged=found.total("unchanged"),
        moved=sum(rule.moved for rule in found.rules.values()),
        sessions_flagged=found.flagged,
        examples=tuple(examples),
        took_ms=took_ms,
    )


def _finding(issue: Issue) -> Finding:
    return Finding(issue.file, issue.line, issue.column, issue.message, issue.level)


def _failures(reading: Reading) -> list[Finding]:
    """Return the errors of *reading*, a failed example as one at its place."""
    found = [_finding(issue) for issue in reading.issues if issue.level == "error"]
    for outcome in reading.outcomes:
        example = outcome.example
        if outcome.failure is not None:
            message = f"the example '{example.name}' fails: {outcome.failure}"
            found.append(Finding(example.file, example.line, 1, message, "error"))
    return found


def _test(outcome: Outcome) -> TestResult:
    example = outcome.example
    return TestResult(
        example.rule, example.name, example.file, example.line, outcome.fires, outcome.failure
    )


def _concerned(name: str, rules: RuleSet) -> tuple[str, ...]:
    """Return the ids of the rules that the file *name* declares or changes."""
    return tuple(
        sorted(
            one.rule.id for one in rules.declared if one.rule.file == name or name in one.changed_by
        )
    )
