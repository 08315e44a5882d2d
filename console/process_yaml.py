"""
Owns the declaration of a process as text: changed, added or taken out, with all else of its file kept to the byte.

Lines of what stays as it is are never written anew, comments above and behind what changes stay
with it. A text that would not say in the end what was wanted is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from console.rule_yaml import NotSimple, composed, last_line, listed_keys, value_of
from detector.edit import flow
from detector.errors import Problems
from detector.nodes import parse
from detector.scope import plain

_ORDER = ("title", "site", "steps", "labels", "strict", "optional", "goal", "value", "time_limit")
_BLOCKS = ("steps", "labels")
_INDENT = "  "


def declared(text: str) -> dict[str, dict[str, Any]]:
    """Return the processes that the rule file *text* declares, in Python's values."""
    found = _values(text).get("processes")
    return {
        name: one
        for name, one in (found.items() if isinstance(found, dict) else ())
        if isinstance(one, dict)
    }


def with_process(text: str, name: str, wanted: Mapping[str, Any]) -> str:
    """Return the rule file *text* in which the process *name* says what is *wanted*. Raise NotSimple if it cannot."""
    if "\r\n" in text and text.count("\r\n") == text.count("\n"):  # new lines end as all others do
        return with_process(text.replace("\r\n", "\n"), name, wanted).replace("\n", "\r\n")
    before = _values(text)
    text = text if text.endswith("\n") or not text else text + "\n"
    root = _root(text)
    section = value_of(root, "processes")
    present = value_of(section, name)
    if present is not None:
        values = before["processes"][name]
        result = _changed(text, name, section, present, (values, wanted))
    elif section is not None and section.value:
        result = _added(text, name, section, wanted)
    else:
        result = _begun(text, root, name, wanted)
    processes = {**(before.get("processes") or {}), name: dict(wanted)}
    return _verified(result, {"version": 1, **before, "processes": processes})


def without_process(text: str, name: str) -> str:
    """Return the rule file *text* without the process *name*; "" if it says nothing then."""
    before = _values(text)
    text = text if text.endswith("\n") else text + "\n"
    root = _root(text)
    section = value_of(root, "processes")
    if value_of(section, name) is None or section.flow_style:
        raise NotSimple
    alone = len(section.value) == 1
    first, last = _span(text, root, "processes") if alone else _span(text, section, name)
    lines = text.splitlines(keepends=True)
    result = "".join(lines[:first] + lines[last:])
    rest = {one: value for one, value in (before.get("processes") or {}).items() if one != name}
    after = {**before, "processes": rest} if rest else _but(before, "processes")
    if not set(after) - {"version", "lists", "macros"}:
        return ""
    return _verified(result, after)


def shown(text: str, name: str) -> str:
    """Return the declaration of the process *name* as the rule file *text* has it; of one in braces the whole text."""
    try:
        section = value_of(_root(text), "processes")
    except NotSimple:
        return text
    if value_of(section, name) is None:
        return ""
    first, last = _span(text, section, name)
    return "".join(text.splitlines(keepends=True)[first:last])


# -- the ways to write it ----------------------------------------------------------------


Pair = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The values of a map as they are, and as they are wanted."""


def _changed(text: str, name: str, section: Any, present: Any, values: Pair) -> str:
    lines = text.splitlines(keepends=True)
    if not isinstance(present, yaml.MappingNode) or section.flow_style:
        raise NotSimple
    _first, last = _span(text, section, name)
    if present.flow_style:
        key = _key(section, name)
        _refuse_comments(lines[key.start_mark.line : last])
        new = [f"{' ' * key.start_mark.column}{name}:\n"]
        new += _written(values[1], key.start_mark.column + len(_INDENT))
        return "".join([*lines[: key.start_mark.line], *new, *lines[last:]])
    head = _key(section, name).start_mark.line + 1
    return "".join(
        [*lines[:head], *_map(text, present, values, head, ordered=False), *lines[last:]]
    )


def _added(text: str, name: str, section: Any, wanted: Mapping[str, Any]) -> str:
    if not isinstance(section, yaml.MappingNode) or section.flow_style:
        raise NotSimple
    column = section.start_mark.column
    at = last_line(section, text)
    lines = text.splitlines(keepends=True)
    new = [f"{' ' * column}{name}:\n", *_written(wanted, column + len(_INDENT))]
    return "".join([*lines[:at], *new, *lines[at:]])


def _begun(text: str, root: Any, name: str, wanted: Mapping[str, Any]) -> str:
    """Return *text* with a section of processes behind all that is there, an empty one replaced."""
    lines = text.splitlines(keepends=True)
    if root is not None and any(key.value == "processes" for key, _ in root.value):
        first, last = _span(text, root, "processes")
        lines = lines[:first] + lines[last:]
    head = [] if value_of(root, "version") is not None else ["version: 1\n"]
    body = [*lines, *head] if root is None else [*head, *lines]
    return "".join([*body, "processes:\n", f"{_INDENT}{name}:\n", *_written(wanted, 4)])


def _map(text: str, node: Any, values: Pair, head: int, *, ordered: bool) -> list[str]:
    """
    Return the lines of the block map *node*; its own begin at the line *head*.

    *ordered*: its keys stand in the order that is wanted; else those that are there keep their places.
    """
    present, wanted = values
    lines = text.splitlines(keepends=True)
    column = node.start_mark.column
    segments: dict[str, list[str]] = {}
    begin = head
    for key, value in node.value:
        end = last_line(value, text, key)
        name = key.value
        if name not in wanted:
            pass
        elif _alike(present[name], wanted[name]):
            segments[name] = lines[begin:end]
        else:
            pair = (present[name], wanted[name])
            segments[name] = _entry(text, key, value, pair, begin, end)
        begin = end
    added = [name for name in wanted if name not in segments]
    for name in added:
        segments[name] = _new(name, wanted[name], column)
    order = list(wanted) if ordered else [*segments]
    return [line for name in order for line in segments[name]]


def _alike(present: Any, wanted: Any) -> bool:
    both_maps = isinstance(present, dict) and isinstance(wanted, dict)
    return bool(present == wanted and (not both_maps or list(present) == list(wanted)))


def _entry(
    text: str, key: Any, value: Any, values: tuple[Any, Any], begin: int, end: int
) -> list[str]:
    """Return the lines of a *key* that has another value now, with the comments above it and behind it."""
    lines = text.splitlines(keepends=True)
    at = key.start_mark.line
    above = lines[begin:at]
    nested = isinstance(value, yaml.MappingNode) and not value.flow_style
    if nested and key.value in _BLOCKS:
        return [*above, lines[at], *_map(text, value, values, at + 1, ordered=True)]
    new = _new(key.value, values[1], key.start_mark.column)
    if at == value.end_mark.line:
        behind = lines[at][value.end_mark.column :].strip()
        if behind.startswith("#"):
            new[-1] = f"{new[-1].rstrip()}  {behind}\n"
    else:
        _refuse_comments(lines[at:end])
    return [*above, *new]


def _written(wanted: Mapping[str, Any], column: int) -> list[str]:
    return [
        line for name in sorted(wanted, key=_place) for line in _new(name, wanted[name], column)
    ]


def _new(name: str, value: Any, column: int) -> list[str]:
    """Return the lines of an entry: steps and labels one a line, else all on one."""
    pad = " " * column
    if name in _BLOCKS and isinstance(value, Mapping):
        inner = [f"{pad}{_INDENT}{flow_key(key)}: {flow(one)}\n" for key, one in value.items()]
        return [f"{pad}{name}:\n", *inner]
    return [f"{pad}{flow_key(name)}: {flow(value)}\n"]


def flow_key(name: str) -> str:
    """Return *name* as a key of YAML."""
    return flow({name: 0})[1:].partition(":")[0]


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


# -- what stands where -------------------------------------------------------------------


def _values(text: str) -> dict[str, Any]:
    """Return the rule file *text* in Python's values. Raise NotSimple if it is none."""
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return {}
    problems = Problems()
    parsed = parse("", text, problems)  # refuses what would be dangerous to build
    if parsed is None or problems.failed:
        raise NotSimple
    found = plain(parsed)
    return found if isinstance(found, dict) else {}


def _root(text: str) -> Any:
    root = composed(text)
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise NotSimple
    return root


def _key(node: Any, name: str) -> Any:
    return next(key for key, _ in node.value if key.value == name)


def _span(text: str, node: Any, name: str) -> tuple[int, int]:
    """Return the lines of the entry *name* of the map *node*, with the comments right above it, and the line behind."""
    lines = text.splitlines()
    key = _key(node, name)
    value = value_of(node, name)
    first = key.start_mark.line
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return first, last_line(value, text, key)


def _refuse_comments(lines: Sequence[str]) -> None:
    if any("#" in line for line in lines):
        raise NotSimple


def _but(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {one: value for one, value in values.items() if one != name}


def _verified(result: str, wanted: Mapping[str, Any]) -> str:
    """Return *result* if it says what is *wanted*, steps in that order, and nothing else."""
    found = _values(result)
    if found != wanted or listed_keys(found) != listed_keys(wanted):
        raise NotSimple
    return result
