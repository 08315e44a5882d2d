"""
What is wrong with rule files: located issues, collected until all files have been read.

Owns the form in which people see them. Leaves the finding to the readers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.errors import UserError

Level = Literal["error", "warning"]


class Located(Protocol):
    """Something that stands at a place of a rule file."""

    @property
    def file(self) -> SourceFile:
        """Return the file it stands in."""

    @property
    def line(self) -> int:
        """Return its line, from 1."""

    @property
    def column(self) -> int:
        """Return its column, from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """A rule file as read. *name* is what messages call it."""

    name: str
    lines: tuple[str, ...]

    def text(self, line: int) -> str:
        """Return line number *line* (from 1), or nothing behind the end."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding: where, one sentence, one suggestion, and the line itself."""

    file: str
    line: int
    column: int
    message: str
    source: str = ""
    level: Level = "error"

    def __str__(self) -> str:
        prefix = "warning: " if self.level == "warning" else ""
        head = f"{self.file}:{self.line}:{self.column} {prefix}{self.message}"
        if not self.source.strip():
            return head
        shown = self.source.replace("\t", "→")
        return f"{head}\n    {shown}\n    {' ' * (self.column - 1)}^"


class RuleErrors(UserError):
    """Every error of a set of rule files. *issues* also holds the warnings."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(sorted(issues, key=lambda i: (i.file, i.line, i.column)))
        super().__init__("\n".join(str(issue) for issue in self.errors))

    @property
    def errors(self) -> tuple[Issue, ...]:
        """Return what keeps the rules from being loaded."""
        return tuple(issue for issue in self.issues if issue.level == "error")


class Problems:
    """Collects issues while rule files are read."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def error(self, at: Located, message: str) -> None:
        """Note an error at *at*: the rules cannot be loaded."""
        self._add(at, message, "error")

    def warn(self, at: Located, message: str) -> None:
        """Note what will surprise the author but can run."""
        self._add(at, message, "warning")

    def add(self, issue: Issue) -> None:
        """Note a finished issue; the same one twice counts once."""
        if issue not in self.issues:
            self.issues.append(issue)

    def _add(self, at: Located, message: str, level: Level) -> None:
        source = at.file.text(at.line)
        self.add(Issue(at.file.name, at.line, at.column, message, source, level))

    @property
    def failed(self) -> bool:
        """Say whether there is any error."""
        return any(issue.level == "error" for issue in self.issues)

    def raise_if_failed(self) -> None:
        """Raise RuleErrors with everything noted if there is any error."""
        if self.failed:
            raise RuleErrors(self.issues)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* may have been meant to be."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], *, label: str = "Known") -> str:
    """Return the suggestion that ends a message about the unknown *word*."""
    names = sorted(known)
    near = nearest(word, names)
    hint = f"Did you mean '{near}'? " if near else ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"{hint}{label}: {shown}." if names else hint.strip()
