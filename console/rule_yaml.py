"""
Owns rule files as text, as far as forms write them: values as YAML lines, the items of a
section, an entry added to a map.

Leaves adding and removing items to detector/edit.py, and their meaning to the detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from detector.edit import flow
from detector.errors import Problems
from detector.nodes import parse
from detector.scope import plain

_WIDTH = 76
"""Lines longer than this are broken where YAML allows it."""


class NotSimple(ValueError):
    """The text is laid out in a way that only a person should edit."""


def block(values: Mapping[str, Any]) -> str:
    """Return *values* as YAML lines, one key a line, a value on that line if it is short enough."""
    lines: list[str] = []
    for key, value in values.items():
        line = f"{key}: {flow(value)}"
        if len(line) > _WIDTH and isinstance(value, Mapping):
            lines += [f"{key}:", *(f"  {one}" for one in block(value).splitlines())]
        elif len(line) > _WIDTH and isinstance(value, list):
            lines += [f"{key}:", *(f"  - {flow(one)}" for one in value)]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list section: *value* in Python's values, *text* its lines, *line* from 1."""

    index: int
    value: Any
    text: str
    line: int


def items(text: str, section: str) -> list[Item]:
    """Return the items of the list *section* of the rule file *text*, none if it has none."""
    problems = Problems()
    parsed = parse("", text, problems)  # refuses what would be dangerous to build
    if parsed is None or problems.failed:
        return []
    text = _ended(text)
    try:
        node = value_of(composed(text), section)
    except NotSimple:
        return []
    if not isinstance(node, yaml.SequenceNode):
        return []
    values = plain(parsed.get(section) or parsed)
    lines = text.splitlines(keepends=True)
    return [
        Item(
            index,
            values[index],
            "".join(lines[one.start_mark.line : last_line(one, text)]),
            one.start_mark.line + 1,
        )
        for index, one in enumerate(node.value)
    ]


def steps_of(text: str) -> dict[str, list[str]]:
    """Return the processes that the rule file *text* declares, each with its steps' names."""
    problems = Problems()
    parsed = parse("", text, problems)
    declared = (
        plain(parsed.get("processes") or parsed) if parsed and parsed.get("processes") else {}
    )
    return {
        name: list(process.get("steps") or {})
        for name, process in declared.items()
        if isinstance(process, dict) and isinstance(process.get("steps"), dict)
    }


def listed(item: str, indent: str = "  ") -> str:
    """Return *item*, the lines of a map, as an item of a block list."""
    lines = item.rstrip("\n").split("\n")
    first = f"{indent}- {lines[0]}\n"
    return first + "".join(f"{indent}  {line}\n" if line else "\n" for line in lines[1:])


def with_entry(text: str, keys: tuple[str, ...], entry: str, *, before: str | None = None) -> str:
    """
    Return *text* with *entry* (`name: value`, on one or several lines) added to the map at *keys*.

    It is put before the key *before*, else last. Raise NotSimple where that map is missing or
    written on one line.
    """
    text = _ended(text)
    node = composed(text)
    for key in keys:
        node = value_of(node, key)
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise NotSimple
    indent = " " * node.start_mark.column
    line = last_line(node, text)
    for key, _ in node.value:
        if key.value == before:
            line = key.start_mark.line
    lines = text.splitlines(keepends=True)
    added = [f"{indent}{one}\n" for one in entry.splitlines()]
    return "".join([*lines[:line], *added, *lines[line:]])


def sections(text: str, names: tuple[str, ...]) -> str:
    """Return the lines of the top-level sections *names* of *text*, as they are written."""
    text = _ended(text)
    root = composed(text)
    lines = text.splitlines(keepends=True)
    found: list[str] = []
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value in names:
            found += lines[key.start_mark.line : last_line(value, text)]
    return "".join(found)


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"


def composed(text: str) -> Any:
    """
    Return the root node of *text*, with marks that fit its lines. Raise NotSimple if it cannot be read.

    Of PyYAML's two readers this one alone marks where blocks end, but it takes no tab between a value and its
    comment, as the one by which rules are read does. A blank in its place moves no mark.
    """
    try:
        return yaml.compose(text.replace("\t", " "), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        raise NotSimple from None


def value_of(node: Any, key: str) -> Any:
    """Return the YAML node of *key* in the map *node*, None if there is none."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if name.value == key:
            return value
    return None


def last_line(node: Any, text: str, key: Any = None) -> int:
    """
    Return the line behind *node*. The end of a block is where the next token begins.

    *key* is its key, for a value that says nothing and has no place of its own.
    """
    if key is not None and isinstance(node, yaml.ScalarNode) and not node.value:
        return int(key.end_mark.line) + 1
    if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
        return int(node.end_mark.line) + 1
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        return int(node.end_mark.line) + 1
    line = int(node.end_mark.line)
    lines = text.splitlines()
    while line > node.start_mark.line + 1 and _bare(lines[line - 1]):
        line -= 1
    return line


def listed_keys(processes: Mapping[str, Any]) -> list[list[str]]:
    """Return the names of the steps of all processes of a file, in their order."""
    found = processes.get("processes") or {}
    return [
        list(one.get("steps") or ())
        for _, one in sorted(found.items())
        if isinstance(one, dict) and isinstance(one.get("steps"), dict)
    ]


def _bare(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
