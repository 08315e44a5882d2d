"""
What is wrong with rule files: located issues, collected until all files have been read.

Owns the form in which people see them, and how many they see. Leaves the finding to the
readers.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.errors import UserError

Level = Literal["error", "warning"]

MAX_ISSUES = 200
"""So many findings of one file are told: nobody reads more at once, and each costs time."""

MAX_SHOWN_LINE = 160
"""A longer line is shown in part, around the place."""

MAX_SHOWN_WORD = 80
MAX_COMPARED = 300
"""Names among which the one that was meant is looked for; each comparison takes some 20 µs."""

MAX_MESSAGE = 1000

_QUOTED = re.compile(r"'([^']{%d,})'" % (MAX_SHOWN_WORD + 1))  # noqa: UP031 -- braces of the regex


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
    """
    One finding: where, one sentence, one suggestion, and the line itself.

    *source* leaves out the first *skipped* characters of a very long line.
    """

    file: str
    line: int
    column: int
    message: str
    source: str = ""
    level: Level = "error"
    skipped: int = 0

    def __str__(self) -> str:
        prefix = "warning: " if self.level == "warning" else ""
        head = f"{self.file}:{self.line}:{self.column} {prefix}{self.message}"
        if not self.source.strip():
            return head
        shown = "".join(c if c.isprintable() else "→" if c == "\t" else "·" for c in self.source)
        if self.skipped:
            shown = "…" + shown[1:]
        caret = min(max(self.column - 1 - self.skipped, 0), len(shown))
        return f"{head}\n    {shown}\n    {' ' * caret}^"


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
    """
    Collects issues while rule files are read.

    *unread* are words of passages that could not be read: rules of these names may exist.
    """

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.unread: set[str] = set()
        self._known: set[Issue] = set()
        self._counts: Counter[tuple[str, Level]] = Counter()
        self._failed = False

    def error(self, at: Located, message: str) -> None:
        """Note an error at *at*: the rules cannot be loaded."""
        self._add(at, message, "error")

    def warn(self, at: Located, message: str) -> None:
        """Note what will surprise the author but can run."""
        self._add(at, message, "warning")

    def add(self, issue: Issue) -> None:
        """Note a finished issue; the same one twice counts once, and of too many the rest is left out."""
        self._failed = self._failed or issue.level == "error"
        kind = (issue.file, issue.level)
        if issue in self._known or self._counts[kind] > MAX_ISSUES:
            return
        self._counts[kind] += 1
        if self._counts[kind] > MAX_ISSUES:
            issue = Issue(
                issue.file, issue.line, issue.column,
                f"there are more than {MAX_ISSUES} {issue.level}s in this file. "
                "Correct those above; then the others are shown.",
                level=issue.level,
            )  # fmt: skip
        self._known.add(issue)
        self.issues.append(issue)

    def full(self, file: SourceFile) -> bool:
        """Say whether *file* has so many errors that reading on helps nobody."""
        return self._counts[(file.name, "error")] > MAX_ISSUES

    def _add(self, at: Located, message: str, level: Level) -> None:
        line = at.file.text(at.line)
        skipped = 0
        if len(line) > MAX_SHOWN_LINE:
            skipped = max(0, min(at.column - 1, len(line)) - MAX_SHOWN_LINE // 2)
            line = line[skipped : skipped + MAX_SHOWN_LINE]
        self.add(Issue(at.file.name, at.line, at.column, readable(message), line, level, skipped))

    @property
    def failed(self) -> bool:
        """Say whether there is any error."""
        return self._failed

    def raise_if_failed(self) -> None:
        """Raise RuleErrors with everything noted if there is any error."""
        if self.failed:
            raise RuleErrors(self.issues)


def readable(message: str) -> str:
    """Return *message* as one line: long words of the file shortened, control characters shown."""
    message = _QUOTED.sub(lambda found: f"'{found[1][:MAX_SHOWN_WORD]}…'", message)
    if len(message) > MAX_MESSAGE:
        half = MAX_MESSAGE // 2
        message = f"{message[:half]} … {message[-half:]}"
    if message.isprintable():
        return message
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* may have been meant to be."""
    if len(word) > MAX_SHOWN_WORD:
        return None
    found = difflib.get_close_matches(word, list(known)[:MAX_COMPARED], n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], *, label: str = "Known") -> str:
    """Return the suggestion that ends a message about the unknown *word*."""
    names = sorted(known)
    near = nearest(word, names)
    hint = f"Did you mean '{near}'? " if near else ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"{hint}{label}: {shown}." if names else hint.strip()
