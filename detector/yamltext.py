"""
A rule file as text: what is refused before YAML is read, and YAML's complaints in plain words.

Owns the repairs that let reading go on behind a mistake of layout, so that one wrong tab
does not hide the other mistakes of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

MAX_BYTES = 256 * 1024
"""A rule file of this size holds thousands of rules; more is an accident or an attack."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML takes for the end of a line (str.splitlines knows more)."""

_CONTROL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ITEM = re.compile(r"( *)- ")
_TOP_KEY = re.compile(r"[\w\"']+\s*:")
_ID = re.compile(r"\b(?:id|rule|name):\s*[\"']?(\w+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake of layout. *line* and *column* count from 1."""

    line: int
    column: int
    message: str


def lines_of(text: str) -> list[str]:
    """Return the lines of *text* as YAML counts them."""
    return _BREAK.split(text)


def control_characters(lines: Sequence[str]) -> Iterator[Finding]:
    """Yield the characters that no text holds: NUL, escape, halves of a pair ..."""
    for number, line in enumerate(lines, 1):
        for found in _CONTROL.finditer(line):
            code = f"U+{ord(found.group()):04X}"
            yield Finding(
                number,
                found.start() + 1,
                f"an invisible control character ({code}) stands here. Delete it and type the "
                "word again.",
            )


def without_tabs(lines: Sequence[str]) -> tuple[list[Finding], list[str], dict[int, int]]:
    """
    Return the tabs that indent lines, and the lines with the likeliest spaces instead.

    Third comes by how many characters that has moved each such line to the right.
    """
    moved: dict[int, int] = {}
    findings: list[Finding] = []
    repaired: list[str] = []
    before = 0
    for number, line in enumerate(lines, 1):
        body = line.lstrip(" \t")
        indent = line[: len(line) - len(body)]
        if "\t" in indent and body.strip():
            findings.append(
                Finding(
                    number,
                    indent.index("\t") + 1,
                    "a tab starts this line; YAML needs spaces (2 per level).",
                )
            )
            spaces = before if not before % 2 else len(indent.expandtabs(2))
            line = " " * spaces + body
            moved[number] = spaces - len(indent)
        repaired.append(line)
        if body.strip() and not body.startswith("#"):
            before = len(line) - len(line.lstrip(" "))
            # What stands in a list item is indented as the text behind its dash.
            before += 2 * body.startswith("- ") if ":" in body and "{" not in body else 0
    return findings, repaired, moved


def without_item(lines: Sequence[str], line: int) -> tuple[list[str], set[str]] | None:
    """
    Return the lines without the list item around *line*, and the names that stood in it.

    None if there is no such item. Line numbers stay as they are.
    """
    start, depth = 0, 1 << 30
    for number in range(min(line, len(lines)), 0, -1):
        text = lines[number - 1]
        found = _ITEM.match(text)
        if found and len(found[1]) < depth and (number < line or depth == 1 << 30):
            start, depth = number, len(found[1])
        elif number < line and _TOP_KEY.match(text):
            break
    if not start:
        return None
    end = start + 1
    while end <= len(lines) and (end <= line or not _ends_item(lines[end - 1], depth)):
        end += 1
    gone = lines[start - 1 : end - 1]
    names = {name for text in gone for name in _ID.findall(text)}
    kept = [*lines[: start - 1], *([""] * len(gone)), *lines[end - 1 :]]
    return kept, names


def _ends_item(text: str, depth: int) -> bool:
    found = _ITEM.match(text)
    return bool((found and len(found[1]) <= depth) or _TOP_KEY.match(text))


_SAID = (
    (
        "mapping values are not allowed",
        "a ':' with a space behind it stands inside a value, or this line is indented too far. "
        "Put the value in quotes, or begin in the column of the line above.",
    ),
    (
        "block sequence entries are not allowed",
        "a list begins here beside something else. Put '- ' on a line of its own.",
    ),
    (
        "could not find expected ':'",
        "this line is neither 'key: value' nor '- item'. Add the ':' and a space behind it.",
    ),
    (
        "cannot start any token",
        "a value cannot begin with this character. Put the value in quotes.",
    ),
    (
        "unknown escape character",
        "in double quotes, \\ begins a special character. Use single quotes: '...'.",
    ),
    (
        "expected alphabetic or numeric character",
        'a value cannot begin with * or & here. Put it in quotes, e.g. "*/cart".',
    ),
    (
        "tab character",
        "a tab stands here; YAML needs spaces (2 per level).",
    ),
)
_UNLIKE = (
    "this line is indented unlike those around it. "
    "Keys of one map begin in the same column, 2 spaces per level."
)


def explained(error: yaml.MarkedYAMLError) -> Finding:
    """Return YAML's complaint *error* with its place, in the words of someone who helps."""
    problem, context = error.problem or "", error.context or ""
    here = error.problem_mark or error.context_mark
    opened = error.context_mark
    if "quoted scalar" in context and "escape" not in problem and opened:
        message = "the quote that opens here is never closed. Close it."
        return Finding(opened.line + 1, opened.column + 1, message)
    if "flow" in context and opened and here:
        bracket = "{" if "mapping" in context else "["
        closing = "}" if bracket == "{" else "]"
        if opened.line == here.line:
            message = f"a comma or '{closing}' is missing before this. Add it."
            return Finding(here.line + 1, here.column + 1, message)
        message = f"the '{bracket}' that opens here is not closed with '{closing}'. Close it."
        return Finding(opened.line + 1, opened.column + 1, message)
    line, column = (here.line + 1, here.column + 1) if here else (1, 1)
    for part, message in _SAID:
        if part in problem:
            return Finding(line, column, message)
    if "did not find expected" in problem or "block end" in problem:
        return Finding(line, column, _UNLIKE)
    reason = problem.rstrip(".") or "unreadable"
    advice = "Check the indentation (2 spaces per level) and the quotes here and one line above."
    return Finding(line, column, f"this is not valid YAML: {reason}. {advice}")
