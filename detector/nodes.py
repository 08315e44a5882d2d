"""
Rule files as nodes: maps, lists and scalars that know their line and column.

Owns everything that is refused before any value is looked at (anchors, tags, tabs,
duplicate keys, size, depth, scalars that YAML reads as something unexpected).
Leaves the meaning of keys and values to the readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from detector.errors import Issue, Problems, SourceFile

MAX_BYTES = 256 * 1024
"""A rule file of this size holds thousands of rules; more is an accident or an attack."""

MAX_DEPTH = 20
"""The deepest legal rule needs about ten levels."""

_INT = re.compile(r"-?(0|[1-9][0-9]{0,14})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}\Z")
_BOOLS = {"true": True, "false": False, "True": True, "False": False}
_RESOLVER: Any = yaml.SafeLoader("")  # PyYAML's stubs leave resolve() untyped


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Anything in a rule file. Lines and columns count from 1."""

    file: SourceFile
    line: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Node):
    """A single value. *value* is a str, int, float, bool, or None for nothing at all."""

    text: str
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Seq(Node):
    """A list."""

    items: tuple[Node, ...]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(frozen=True, slots=True, eq=False)
class Map(Node):
    """A map; keys are always text."""

    entries: tuple[tuple[Scalar, Node], ...]

    def get(self, name: str) -> Node | None:
        """Return the value of *name*."""
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        """Return the key *name* itself, for its place."""
        return next((key for key, _ in self.entries if key.text == name), None)

    def names(self) -> list[str]:
        """Return the keys' texts in order."""
        return [key.text for key, _ in self.entries]


def shown(node: Node) -> str:
    """Return *node* on one line, as it may be written in a rule file."""
    if isinstance(node, Seq):
        return f"[{', '.join(shown(item) for item in node.items)}]"
    if isinstance(node, Map):
        return f"{{{', '.join(f'{key.text}: {shown(value)}' for key, value in node.entries)}}}"
    return node.text if isinstance(node, Scalar) else ""


def parse(name: str, text: str, problems: Problems) -> Map | None:
    """
    Return the map that *text* is, or None after noting in *problems* why it is none.

    *name* is the file as messages call it.
    """
    file = SourceFile(name, tuple(text.splitlines()))
    top = Node(file, 1, 1)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        problems.error(top, f"the file is larger than {MAX_BYTES // 1024} KiB. Split it.")
        return None
    if _has_tabs(file, problems):
        return None
    try:
        root = _Composer(file, text, problems).document()
    except _Refused:
        return None
    except yaml.MarkedYAMLError as error:
        problems.add(_syntax_issue(file, error))
        return None
    except yaml.YAMLError as error:
        problems.error(top, f"this is no YAML text: {_first_line(error)}. Save it as UTF-8.")
        return None
    if root is None:
        problems.error(top, "the file is empty. Begin with 'version: 1'.")
        return None
    if not isinstance(root, Map):
        problems.error(root, "a rule file is a map. Begin with 'version: 1' and 'rules:'.")
        return None
    return root


def _has_tabs(file: SourceFile, problems: Problems) -> bool:
    found = False
    for number, line in enumerate(file.lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            column = indent.index("\t") + 1
            problems.error(
                Node(file, number, column),
                "a tab starts this line; YAML needs spaces (2 per level).",
            )
            found = True
    return found


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip() if str(error) else "unreadable"


def _syntax_issue(file: SourceFile, error: yaml.MarkedYAMLError) -> Issue:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = (error.problem or "unreadable").rstrip(".")
    advice = "Check the indentation (2 spaces per level) and the quotes here and one line above."
    return Issue(
        file.name, line, column, f"this is not valid YAML: {problem}. {advice}", file.text(line)
    )


class _Refused(Exception):
    """The document is not read any further; the reason has been noted."""


class _Composer:
    """Builds nodes from the C parser's events, so that an alias is never followed."""

    def __init__(self, file: SourceFile, text: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def document(self) -> Node | None:
        """Return the one document of the file."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document starts here. Use one file per document.")
                root = self._node(next(self._events), 1)
        return root

    def _refuse(self, event: Any, message: str) -> None:
        self._problems.error(self._at(event), message)
        raise _Refused

    def _at(self, event: Any) -> Node:
        return Node(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                event, f"aliases (*{event.anchor}) are not read here. Use 'lists' or 'macros'."
            )
        if event.anchor is not None:
            self._refuse(
                event, f"anchors (&{event.anchor}) are not read here. Use 'lists' or 'macros'."
            )
        if event.tag is not None:
            self._refuse(event, f"tags ({event.tag}) are not read here. Leave it out.")
        if depth > MAX_DEPTH:
            self._refuse(event, f"this is nested more than {MAX_DEPTH} levels deep. Flatten it.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._seq(event, depth)
        return self._map(event, depth)

    def _seq(self, start: Any, depth: int) -> Seq:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        at = self._at(start)
        return Seq(at.file, at.line, at.column, tuple(items))

    def _map(self, start: Any, depth: int) -> Map:
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            value = self._node(next(self._events), depth + 1)
            first = seen.setdefault(key.text, key)
            if first is not key:
                self._problems.error(
                    key,
                    f"key '{key.text}' stands here twice (first in line {first.line}). Keep one.",
                )
            else:
                entries.append((key, value))
        at = self._at(start)
        return Map(at.file, at.line, at.column, tuple(entries))

    def _key(self, event: Any) -> Scalar:
        if not isinstance(event, yaml.ScalarEvent) or event.tag or event.anchor:
            self._refuse(event, "a key is plain text. Put it in quotes.")
        at = self._at(event)
        return Scalar(at.file, at.line, at.column, event.value, event.value)

    def _scalar(self, event: Any) -> Scalar:
        at = self._at(event)
        text: str = event.value
        value: str | int | float | bool | None = text
        if event.implicit[0]:
            value = self._plain(at, text)
        return Scalar(at.file, at.line, at.column, text, value)

    def _plain(self, at: Node, text: str) -> str | int | float | bool | None:
        if text in _BOOLS:
            return _BOOLS[text]
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            return float(text)
        tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
        if tag == "tag:yaml.org,2002:str":
            return text
        if tag == "tag:yaml.org,2002:null":
            return None
        self._problems.error(at, _surprise(text, tag))
        return text


def _surprise(text: str, tag: str) -> str:
    """Say what YAML makes of *text*, and how to write what was meant."""
    kind = tag.rsplit(":", 1)[-1]
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        read = text
    if kind == "bool":
        word = "true" if read else "false"
        return f'YAML reads {text} as {word}. Write {word}, or put it in quotes: "{text}".'
    names = {"int": "the number", "float": "the number", "timestamp": "the date"}
    what = names.get(kind, "something else:")
    return f'YAML reads {text} as {what} {read}. Put it in quotes: "{text}".'
