"""
Owns what the rules list shows of each rule: its state, what it found, and the filters.

Pure: takes what the workbench knows and returns values. Leaves pages to console/rule_pages.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from console.workbench import OwnFile, RuleState, RuleUse
from core.model import SEVERITIES
from detector.errors import Problems
from detector.nodes import parse
from detector.scope import plain

State = Literal["in_force", "off", "changed", "broken"]
STATES: tuple[State, ...] = ("in_force", "changed", "off", "broken")

PERIOD = "7d"
"""Span of the list's numbers, as the sessions list names it: both must mean the same sessions."""

NOTHING = RuleUse(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of the list."""

    rule: RuleState
    state: State
    use: RuleUse


@dataclass(frozen=True, slots=True)
class FileRow:
    """One own file: which rules it declares and changes, and whether it has errors."""

    file: OwnFile
    declares: tuple[str, ...]
    changes: tuple[str, ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; "" is no filter."""

    text: str = ""
    severity: str = ""
    state: str = ""
    site: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        """Return the filters that *query* asks for; words that are none are left out."""
        severity, state = query.get("severity", ""), query.get("state", "")
        return cls(
            text=query.get("text", "").strip()[:100],
            severity=severity if severity in SEVERITIES else "",
            state=state if state in (*STATES, "own") else "",
            site=query.get("site", ""),
        )

    @property
    def narrowed(self) -> bool:
        """Say whether rules may be missing from the list."""
        return bool(self.text or self.severity or self.state)

    def take(self, row: Row) -> bool:
        """Say whether *row* is shown."""
        rule = row.rule
        if self.severity and rule.severity != self.severity:
            return False
        if self.state == "own" and rule.shipped:
            return False
        if self.state not in ("", "own", row.state):
            return False
        words = " ".join((rule.id, *rule.title.values(), *rule.description.values(), *rule.tags))
        return all(word in words.casefold() for word in self.text.casefold().split())


def broken_files(files: Iterable[OwnFile], problems: str) -> frozenset[str]:
    """Return the names of those *files* that *problems* (lines of `file:line:column`) speak of."""
    return frozenset(
        one.name
        for one in files
        if any(
            line.startswith(f"{one.name}:") or f"/{one.name}:" in line.split(" ")[0]
            for line in problems.splitlines()
        )
    )


def state_of(rule: RuleState, broken: frozenset[str]) -> State:
    """
    Return the state of *rule*.

    Broken: a file that declares or changes it has errors now; what is in force is older.
    """
    touched = {*rule.changed_by, *(() if rule.shipped else (rule.file,))}
    if touched & broken:
        return "broken"
    if not rule.enabled:
        return "off"
    return "changed" if rule.changed_by else "in_force"


def rows(
    rules: Sequence[RuleState], uses: Mapping[str, RuleUse], broken: frozenset[str]
) -> list[Row]:
    """Return the rows: what needs a look first, then by sessions, severity and id."""
    found = [Row(rule, state_of(rule, broken), uses.get(rule.id, NOTHING)) for rule in rules]
    return sorted(
        found,
        key=lambda row: (
            row.state != "broken",
            -row.use.sessions,
            -SEVERITIES.index(row.rule.severity),
            row.rule.id,
        ),
    )


def file_rows(
    files: Sequence[OwnFile], rules: Sequence[RuleState], broken: frozenset[str]
) -> list[FileRow]:
    """Return the own files with what is in force of them."""
    return [
        FileRow(
            file,
            tuple(rule.id for rule in rules if not rule.shipped and rule.file == file.name),
            tuple(rule.id for rule in rules if file.name in rule.changed_by),
            file.name in broken,
        )
        for file in files
    ]


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """An example as the rule's page lists it."""

    name: str
    fires: bool


def examples_of(rule: RuleState) -> list[ExampleLine]:
    """Return the examples of *rule* that stand in its file. A large one takes its time."""
    parsed = parse("", rule.source, Problems())
    document = plain(parsed) if parsed is not None else None
    tests = document.get("tests") if isinstance(document, dict) else None
    return [
        ExampleLine(str(one.get("name", "")), bool(one.get("expect")))
        for one in (tests if isinstance(tests, list) else [])
        if isinstance(one, dict) and one.get("rule") == rule.id
    ]
