"""
What the rules pages need of whoever keeps, checks and judges rules: the interface, no behaviour.

The roof composes it of the detector's parts (stolper/workbench.py); tests of pages may use a
plain object of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from core.model import Session, SessionQuery, Severity

Progress = Callable[[int, int], None]
"""Called with (sessions done, sessions in all) while history is judged."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule as the list shows it. Texts go from language to text."""

    id: str
    title: dict[str, str]
    severity: Severity
    weight: float
    tags: tuple[str, ...]
    description: dict[str, str]
    guidance: dict[str, str]
    blind_spots: dict[str, str]
    enabled: bool
    shipped: bool
    changed_by: tuple[str, ...]  # own files whose overrides change it
    file: str  # name of its file, without a folder
    line: int
    version: str
    params: dict[str, str]  # name to its value in force, as written in YAML
    source: str  # text of its file


@dataclass(frozen=True, slots=True)
class ProcessState:
    """
    A process as its page shows it. Texts go from language to text; what has none is called by its id.

    *limit_ms* is how long it may take; *sites* those that it holds on (names or globs), none: all.
    """

    id: str
    title: dict[str, str]
    steps: tuple[tuple[str, dict[str, str]], ...]  # name and what people call it, in order
    goal: str
    optional: tuple[str, ...]
    strict: bool
    limit_ms: int | None
    valued: bool  # its goal tells what it is worth
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessSide:
    """
    What one declaration of a process makes of sessions: their ids, newest first.

    *steps* with what people call them, in order. Those in which any came *entered*; by step those that *reached* it and *left* there.
    """

    steps: tuple[tuple[str, dict[str, str]], ...]
    optional: tuple[str, ...]
    goal: str
    entered: tuple[str, ...]
    reached: Mapping[str, tuple[str, ...]]
    left: Mapping[str, tuple[str, ...]]
    completed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessTrial:
    """
    A changed process over history: the newest *looked* sessions of *total*, by the *draft* and by what is in *force*.

    *begun_ms* is when the oldest of them began. *force* is None for a new process. *gained* and *lost*
    are the sessions that complete it by one of the two only.
    """

    looked: int
    total: int
    begun_ms: int | None
    draft: ProcessSide
    force: ProcessSide | None
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleUse:
    """What a rule found lately. *share* is of all sessions of the span, 0 to 1."""

    flags: int
    sessions: int
    share: float


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A rule file of the data folder. *revision* is a hash of its text."""

    name: str  # e.g. "shop.yaml"
    text: str
    revision: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or warning in a text. Line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    level: Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one example beside the rules went. *failure* is None when it passed."""

    rule: str
    name: str
    file: str
    line: int
    expects_flag: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """
    What a text comes to, read in place of the file of that name.

    *rules* are the ids that the text declares or changes; *tests* those in the text itself.
    *fits* says that it may be activated: no error, and all its tests green.
    """

    findings: tuple[Finding, ...]
    tests: tuple[TestResult, ...]
    rules: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Say whether the text may be activated."""
        return not any(f.level == "error" for f in self.findings) and not any(
            t.failure is not None for t in self.tests
        )


Change = Literal["gained", "lost", "unchanged"]


@dataclass(frozen=True, slots=True)
class DraftFlag:
    """One flag of a draft's run over history, as an example to open."""

    change: Change
    session: str
    rule: str
    group: str
    at_ms: float
    page: str | None
    severity: Severity
    captures: dict[str, Any]
    flag: str | None  # id, where the store has this flag


@dataclass(frozen=True, slots=True)
class DraftRun:
    """
    A draft over history, against the rules in force. Counts are flags of the rules concerned;
    *moved* of the unchanged ones are raised at another moment than now.

    *examples* holds up to 20 of each change, newest first. *took_ms* is wall time.
    """

    since_ms: float
    sessions: int
    gained: int
    lost: int
    unchanged: int
    moved: int
    sessions_flagged: int  # by the draft
    examples: tuple[DraftFlag, ...]
    took_ms: float


@dataclass(frozen=True, slots=True)
class Version:
    """One saved state of a file or rule: its hash, who saved it, when and why."""

    rule: str
    version: str
    at_ms: int
    author: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Saved:
    """
    How saving went. *conflict*: the file is not the one that was edited; nothing was written.

    *refused*: it does not fit (see *checked*); nothing was written.
    """

    outcome: Literal["saved", "conflict", "refused"]
    file: OwnFile | None
    checked: Checked | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A session that a rule almost flagged: *kind* (detector/explain.py) and *text* say what was missing."""

    session: Session
    kind: str
    text: str
    after_ms: float  # from the session's start to where it came nearest


@dataclass(frozen=True, slots=True)
class NearMisses:
    """The nearest ones, of the newest *looked* sessions."""

    misses: tuple[NearMiss, ...]
    looked: int


def process_key(process: str) -> str:
    """Return under what the versions of *process* are kept among those of rules, which have no such names."""
    return f"process:{process}"


class Workbench(Protocol):
    """Keeps the rules: reads, checks, tries on history, activates."""

    def rules(self) -> Sequence[RuleState]:
        """Return all rules, those that are switched off too, by id."""

    def processes(self) -> Sequence[ProcessState]:
        """Return the processes in force, by id."""

    def problems(self) -> str:
        """Return why own files are not in force, "" if they are."""

    async def uses(self, since_ms: int, *, site: str | None = None) -> dict[str, RuleUse]:
        """Return per rule what it found in sessions that began since *since_ms*."""

    def files(self) -> list[OwnFile]:
        """Return the own files, by name, as they are on disk now."""

    async def check(self, name: str, text: str) -> Checked:
        """Read *text* as if it were the own file *name*, beside all others, and run its tests."""

    async def draft(
        self,
        name: str,
        text: str,
        *,
        since_ms: int,
        site: str | None = None,
        progress: Progress | None = None,
    ) -> DraftRun:
        """Judge history with *text* in place of the own file *name*. Raise RuleErrors if it is wrong."""

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
        """
        Walk the newest *most* sessions of *query* by *process* as *text*, in place of the own file *name*, declares it.

        Raise RuleErrors if the text is wrong.
        """

    async def save(
        self, name: str, text: str, *, revision: str | None, author: str, reason: str
    ) -> Saved:
        """
        Write the own file *name* atomically and put it in force, if it fits.

        *revision* is that of the file as it was edited, None for a new one; if the file on
        disk is another by now, nothing is written (*conflict*).
        """

    async def remove(self, name: str, *, revision: str, author: str, reason: str) -> Saved:
        """Delete the own file *name*, under the same conditions as save."""

    async def versions(self, rule: str) -> list[Version]:
        """Return the versions of *rule* (or of what process_key names) that were in force, newest first."""

    async def rejudge(self, *, since_ms: int, progress: Progress | None = None) -> int:
        """
        Judge the ended sessions since then with the rules in force, and store what comes of it.

        Flags are added or withdrawn with a reason. Return how many sessions changed.
        """

    async def example(
        self, session: str, rule: str, *, fires: bool, around_ms: float | None = None
    ) -> str:
        """
        Return a test (one item of `tests:`, YAML) made of the events of *session*.

        It expects the flags that the rule raises there (*fires*) or silence; *around_ms* is the
        moment that it is about, for a session that is long.
        """

    async def near_misses(self, rule: str, *, since_ms: int, limit: int) -> NearMisses:
        """Return which of the newest sessions since then *rule* almost flagged, the nearest first."""

    def append(self, text: str, section: str, item: str) -> str:
        """Return the rule file *text* with *item* (YAML) added to its list *section*, comments kept."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of rule files, for the editor."""
