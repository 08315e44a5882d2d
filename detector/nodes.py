"""
Rule files as nodes: maps, lists and scalars that know their line and column.

Owns everything that is refused before any value is looked at (anchors, tags, tabs,
duplicate keys, size, depth, scalars that YAML reads as something unexpected).
Leaves the meaning of keys and values to the readers.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, cast

import yaml

from detector import yamltext
from detector.errors import MAX_ISSUES, Problems, SourceFile

MAX_BYTES = yamltext.MAX_BYTES

MAX_DEPTH = 20
"""The deepest legal rule needs about ten levels."""

MAX_REPAIRS = 5
"""So many mistakes of layout are told at once; each costs another reading of the file."""

MANY_LINES = 5000
"""Of a file this long only the first two are told."""

_INT = re.compile(r"-?(0|[1-9][0-9]{0,14})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}\Z")
MAX_NUMBER = 40
"""Longer numbers are not even shown as what YAML would make of them."""

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
    _index: dict[str, tuple[Scalar, Node]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {key.text: (key, value) for key, value in self.entries})

    def get(self, name: str) -> Node | None:
        """Return the value of *name*."""
        found = self._index.get(name)
        return found[1] if found else None

    def key(self, name: str) -> Scalar | None:
        """Return the key *name* itself, for its place."""
        found = self._index.get(name)
        return found[0] if found else None

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


_REMEMBERED = 1 << 20
"""
Characters of text whose nodes are kept: the shipped files and a site's own are some 400,000.
Nodes never change, but take fifty times the room of their text, and whoever types sends a new
text twice a second.
"""


class _Known:
    """Nodes by name and text, forgotten together once they are too many. For several threads."""

    def __init__(self) -> None:
        self._maps: dict[tuple[str, str], Map] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, name: str, text: str) -> Map | None:
        return self._maps.get((name, text))

    def keep(self, name: str, text: str, found: Map) -> None:
        with self._lock:
            if self._size + len(text) > _REMEMBERED:
                self._maps, self._size = {}, 0
            self._size += len(text)
            self._maps[name, text] = found

    @property
    def size(self) -> int:
        """Return how many characters are kept."""
        return self._size


_known = _Known()


def parse(name: str, text: str, problems: Problems) -> Map | None:
    """
    Return the map that *text* is, or None after noting in *problems* why it is none.

    *name* is the file as messages call it. A mistake of layout leaves out the list item
    around it; the rest is read, so that its mistakes are told, too. What was read without a
    finding is remembered: a change of one file reads all of them again.
    """
    known = _known.get(name, text)
    if known is not None:
        return known
    own = Problems()
    found = _parsed(name, text, own)
    for issue in own.issues:
        problems.add(issue)
    problems.unread |= own.unread
    if found is not None and not own.issues and len(text) <= MAX_BYTES // 8:
        _known.keep(name, text, found)
    return found


def _parsed(name: str, text: str, problems: Problems) -> Map | None:
    lines = yamltext.lines_of(text.removeprefix("\ufeff"))
    file = SourceFile(name, tuple(lines))
    top = Node(file, 1, 1)
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        problems.error(top, f"the file is larger than {MAX_BYTES // 1024} KiB. Split it.")
        return None
    if _note(file, yamltext.control_characters(lines), problems):
        return None
    tabs, lines, moved = yamltext.without_tabs(lines)
    _note(file, tabs, problems)
    composed, root = _composed(file, lines, moved, problems)
    if not composed:
        return None
    if root is None:
        problems.error(top, "the file is empty. Begin with 'version: 1'.")
        return None
    if not isinstance(root, Map):
        problems.error(root, "a rule file is a map. Begin with 'version: 1' and 'rules:'.")
        return None
    return root


def _note(file: SourceFile, findings: Iterable[yamltext.Finding], problems: Problems) -> bool:
    """Note *findings* as errors. Return whether there were any."""
    found = False
    for finding in islice(findings, MAX_ISSUES + 1):
        problems.error(Node(file, finding.line, finding.column), finding.message)
        found = True
    return found


def _composed(
    file: SourceFile, lines: list[str], moved: dict[int, int], problems: Problems
) -> tuple[bool, Node | None]:
    """
    Return whether *lines* could be read, and their root.

    Behind a mistake of layout reading starts again without the item that holds it. A
    mistake in or right after a line that a tab starts (those in *moved*) has been told already.
    """
    for _ in range(MAX_REPAIRS if len(lines) < MANY_LINES else 2):
        try:
            return True, _Composer(file, "\n".join(lines), problems, moved).document()
        except _Refused:
            return False, None
        except yaml.MarkedYAMLError as error:
            finding = yamltext.explained(error)
        except yaml.YAMLError as error:
            reason = str(error).splitlines()[0].strip() if str(error) else "unreadable"
            problems.error(Node(file, 1, 1), f"this is no YAML text: {reason}. Save it as UTF-8.")
            return False, None
        if not moved.keys() & {finding.line - 1, finding.line}:
            _note(file, [finding], problems)
        rest = yamltext.without_item(lines, finding.line)
        if rest is None:
            return False, None
        lines = rest[0]
        problems.unread |= rest[1]
    return False, None


class _Refused(Exception):
    """The document is not read any further; the reason has been noted."""


class _Composer:
    """Builds nodes from the C parser's events, so that an alias is never followed."""

    def __init__(
        self, file: SourceFile, text: str, problems: Problems, moved: dict[int, int]
    ) -> None:
        self._file = file
        self._moved = moved
        self._problems = problems
        self._aliased = False
        # yaml.parse() asks twice for each event; most of the time of loading is spent here.
        self._events: Iterator[Any] = iter(yaml.CSafeLoader(text).get_event, None)

    def document(self) -> Node | None:
        """Return the one document of the file."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document starts here. Use one file per document.")
                root = self._node(next(self._events), 1)
        if self._aliased:
            raise _Refused
        return root

    def _refuse(self, event: Any, message: str) -> None:
        self._problems.error(self._at(event), message)
        raise _Refused

    def _at(self, event: Any) -> Node:
        return Node(self._file, *self._place(event))

    def _place(self, event: Any) -> tuple[int, int]:
        """Return line and column of *event* in the file as it was given."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        return line, column - self._moved.get(line, 0)

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor is not None or event.tag is not None:
            self._extra(event)
        if depth > MAX_DEPTH:
            self._refuse(event, f"this is nested more than {MAX_DEPTH} levels deep. Flatten it.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._seq(event, depth)
        return self._map(event, depth)

    def _alias(self, event: Any) -> Node:
        """Note an alias; it is never followed, and the file is not read any further than YAML."""
        at = self._at(event)
        self._problems.error(
            at,
            f"aliases (*{event.anchor}) are not read here. Use 'lists' or 'macros'; "
            f'a pattern goes in quotes: "*{event.anchor}".',
        )
        self._aliased = True
        return Scalar(at.file, at.line, at.column, "", None)

    def _extra(self, event: Any) -> None:
        """Note an anchor or a tag."""
        at = self._at(event)
        if event.anchor is not None:
            self._problems.error(
                at, f"anchors (&{event.anchor}) are not read here. Use 'lists' or 'macros'."
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            advice = "Put the value in quotes instead." if tag == "!!str" else "Leave it out."
            self._problems.error(at, f"tags ({tag}) are not read here. {advice}")

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
        return Scalar(self._file, *self._place(event), event.value, event.value)

    def _scalar(self, event: Any) -> Scalar:
        text = event.value
        line, column = self._place(event)
        value: str | int | float | bool | None = text
        if event.implicit[0]:
            value, tag = (_plain if len(text) < 100 else _plain.__wrapped__)(text)
            if tag:
                self._problems.error(Node(self._file, line, column), _surprise(text, tag))
        return Scalar(self._file, line, column, text, value)


@lru_cache(maxsize=4096)
def _plain(text: str) -> tuple[str | int | float | bool | None, str]:
    """Return what *text* without quotes is, and the tag of what YAML would surprise with."""
    if text in _BOOLS:
        return _BOOLS[text], ""
    if _INT.match(text):
        return int(text), ""
    if _FLOAT.match(text):
        return float(text), ""
    tag = cast(str, _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))
    if tag == "tag:yaml.org,2002:str":
        return text, ""
    if tag == "tag:yaml.org,2002:null":
        return None, ""
    return text, tag


def _surprise(text: str, tag: str) -> str:
    """Say what YAML makes of *text*, and how to write what was meant."""
    kind = tag.rsplit(":", 1)[-1]
    if len(text) > MAX_NUMBER:
        return "this long number would lose digits. Put it in quotes, or leave it out."
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        read = text
    if kind == "bool":
        word = "true" if read else "false"
        return f'YAML reads {text} as {word}. Write {word}, or put it in quotes: "{text}".'
    if str(read) == text and kind in ("int", "float"):
        return f'{text} is too long for a number. Put it in quotes: "{text}".'
    names = {"int": "the number", "float": "the number", "timestamp": "the date"}
    what = names.get(kind, "something else:")
    return f'YAML reads {text} as {what} {read}. Put it in quotes: "{text}".'
