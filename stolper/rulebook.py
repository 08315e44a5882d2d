"""
The rules in force of a running server: read, checked with their tests, put in force, watched.

Owns when a set comes in force and what happens to one that cannot. Files are
stolper/own_rules.py, judging is the detector's; what people do with rules is
stolper/workbench.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.process_yaml import declared, shown
from console.workbench import process_key
from core.clock import Clock
from core.model import RuleVersion
from core.store import VerdictStore
from detector.engine import Engine
from detector.errors import Issue
from detector.loader import read_rules
from detector.rule import Declared, RuleSet
from detector.testing import Outcome, run_example
from stolper.own_rules import Mark, OwnRules
from stolper.quiet import no_collection

log = logging.getLogger("stolper")

SERVER = "server"
"""Stands in the history as the author of what nobody did in the console."""

STARTED, ON_DISK = "server started", "file changed on disk"


@dataclass(frozen=True, slots=True)
class Reading:
    """What shipped rules and *texts* come to. *failed* are examples of the texts that fail."""

    texts: dict[str, str]
    rules: RuleSet
    issues: tuple[Issue, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Return why this cannot be put in force, in sentences with file and line."""
        wrong = [str(issue) for issue in self.issues if issue.level == "error"]
        wrong += [
            f"{o.example.file}:{o.example.line} the example '{o.example.name}' of rule "
            f"'{o.example.rule}' fails: {o.failure}"
            for o in self.outcomes
            if o.failure is not None
        ]
        return tuple(wrong)


class Rulebook:
    """
    The rules of one data folder, for as long as a server runs.

    *problems* says why own files are not in force, "" if they are. *swap* is set once there
    is a detector: it makes a set the one that judges.
    """

    def __init__(
        self, own: OwnRules, store: VerdictStore, clock: Clock, *, shipped: Sequence[Path]
    ) -> None:
        self.own = own
        self.problems = ""
        self.swap: Callable[[RuleSet], Awaitable[None]] | None = None
        self._store = store
        self._clock = clock
        self.shipped = tuple(shipped)
        self._reading: Reading | None = None
        self._seen: tuple[dict[str, str], dict[str, str]] | None = None
        self._lock = asyncio.Lock()

    @property
    def rules(self) -> RuleSet:
        """Return the rules in force."""
        assert self._reading is not None, "load() comes first"
        return self._reading.rules

    @property
    def texts(self) -> dict[str, str]:
        """Return the own files in force, name to text."""
        assert self._reading is not None, "load() comes first"
        return self._reading.texts

    def read(self, texts: Mapping[str, str]) -> Reading:
        """Read *texts* after the shipped rules and run their examples. Blocks; pure."""
        with no_collection():
            return self._read(texts)

    def _read(self, texts: Mapping[str, str]) -> Reading:
        rules, issues = read_rules(self.shipped, texts)
        if any(issue.level == "error" for issue in issues):
            return Reading(dict(texts), rules, issues, ())
        engine = Engine(rules)
        own = [example for example in rules.examples if example.file in texts]
        outcomes = tuple(run_example(engine, example) for example in own)
        return Reading(dict(texts), rules, issues, outcomes)

    async def load(self) -> RuleSet:
        """
        Put the files' rules in force, at start.

        If they cannot be, the files that were last in force judge, as the store has kept
        them; if there are none (or they fit no more), the shipped rules alone.
        """
        async with self._lock:
            self._seen = texts, wrong = await asyncio.to_thread(self.own.texts)
            reading = await asyncio.to_thread(self.read, texts)
            self._tell(reading, wrong)
            if self.problems:
                last = await asyncio.to_thread(self.read, await self._store.rule_files())
                reading = last if not last.problems else await asyncio.to_thread(self.read, {})
                log.error("own rules are not in force until this is mended:\n%s", self.problems)
            await self._put_in_force(reading, SERVER, STARTED)
        return self.rules

    async def reload(
        self,
        *,
        author: str = SERVER,
        reason: str = ON_DISK,
        write: Callable[[], None] | None = None,
    ) -> bool:
        """
        Put in force what the files say now; return whether that was possible.

        If it was not, what is in force stays, and `problems` says why. *write* changes the
        files first, in a thread, with nobody else reading them meanwhile.
        """
        async with self._lock:
            if write is not None:
                await asyncio.to_thread(write)
            seen = await asyncio.to_thread(self.own.texts)
            if seen == self._seen:
                return not self.problems
            texts, wrong = self._seen = seen
            reading = await asyncio.to_thread(self.read, texts)
            self._tell(reading, wrong)
            if self.problems:
                log.error("the rules in force stay until this is mended:\n%s", self.problems)
                return False
            if self.swap is not None:
                await self.swap(reading.rules)
            await self._put_in_force(reading, author, reason)
            log.info("rules in force: %d, of %d own files", len(self.rules.rules), len(texts))
            return True

    async def watch(self, every_ms: int) -> None:
        """Reload whenever a file changes, until cancelled."""
        before: Mark | None = None
        while True:
            try:
                mark = await asyncio.to_thread(self.own.mark)
                if mark != before:
                    await self.reload()
                    before = mark
            except Exception:  # a full disk, say: the rules in force stay, and we go on looking
                log.exception("the rule files could not be looked at")
            await asyncio.sleep(every_ms / 1000)

    def _tell(self, reading: Reading, wrong: Mapping[str, str]) -> None:
        self.problems = "\n".join([*wrong.values(), *reading.problems])

    async def _put_in_force(self, reading: Reading, author: str, reason: str) -> None:
        now = self._clock.now_ms()
        rules = reading.rules
        self._reading = reading
        versions = [
            RuleVersion(
                one.rule.id, version_of(one, rules), source_of(one, rules), now, author, reason
            )
            for one in rules.declared
            if one.rule.enabled
        ]
        versions += process_versions(reading.texts, now, author, reason)
        await self._store.put_in_force(versions, reading.texts)


def process_versions(
    texts: Mapping[str, str], now_ms: int, author: str, reason: str
) -> list[RuleVersion]:
    """Return the processes that own files declare, in the history of rules under names that no rule can have."""
    found: dict[str, str] = {}
    for _, text in sorted(texts.items()):
        found |= {name: shown(text, name) for name in declared(text)}
    return [
        RuleVersion(
            process_key(name),
            hashlib.blake2b(source.encode(), digest_size=8).hexdigest(),
            source,
            now_ms,
            author,
            reason,
        )
        for name, source in found.items()
    ]


def version_of(one: Declared, rules: RuleSet) -> str:
    """Return the version under which *one* raises flags; variants for some places, joined."""
    return "+".join(sorted({r.version for r in rules.rules if r.id == one.rule.id}))


def source_of(one: Declared, rules: RuleSet) -> str:
    """Return the text of the file of *one*, followed by those that change it."""
    text = rules.texts.get(one.rule.file, "")
    changes = [
        f"\n# --- {name}\n{rules.texts[name]}" for name in one.changed_by if name in rules.texts
    ]
    return text + "".join(changes)
