"""
Reads one rule file as far as that is possible without the others.

Owns the sections of a file: lists, macros, processes, mappings, overrides. Rules are read
by detector/loader.py once all files are known, since overrides may change them.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field

from detector.errors import Problems
from detector.nodes import Map, Node, Scalar, Seq, parse
from detector.read_steps import events_of, field_of
from detector.read_where import narrowed, read_matcher
from detector.rule import Mapping, Matcher, Process
from detector.scope import (
    Scope,
    as_bool,
    as_duration,
    as_map,
    as_name,
    as_seq,
    as_text,
    as_texts,
    check_keys,
)
from detector.spec import FILE_KEYS, MAPPING_KEYS, OVERRIDE_KEYS, PROCESS_KEYS

_ON_FIELDS = ("target", "path", "url", "message")


@dataclass(slots=True)
class RuleFile:
    """One file, taken apart into sections. *group* is the path of the call that named it."""

    name: str
    text: str
    group: int
    reference: bool = False  # only there to be referred to; its rules give way
    lists: dict[str, Node] = field(default_factory=dict)
    macros: dict[str, Node] = field(default_factory=dict)
    processes: dict[str, Node] = field(default_factory=dict)
    mappings: tuple[Node, ...] = ()
    rules: tuple[Map, ...] = ()
    overrides: tuple[Map, ...] = ()
    tests: tuple[Node, ...] = ()
    score: Node | None = None


def read_file(
    name: str, text: str, group: int, problems: Problems, scope: Scope
) -> RuleFile | None:
    """Return the sections of the file *text*, or None if it is no rule file at all."""
    root = parse(name, text, problems)
    if root is None:
        return None
    check_keys(scope, root, FILE_KEYS, "this file")
    version = root.get("version")
    if version is not None and (not isinstance(version, Scalar) or version.value != 1):
        scope.error(version, "only version 1 of the language is known here. Write version: 1.")
    file = RuleFile(name, text, group)
    file.lists = _named(scope, root, "lists")
    for key, value in file.lists.items():
        if not isinstance(value, Seq):
            scope.error(value, f"list '{key}' is a list. Write [a, b].")
    file.macros = _named(scope, root, "macros")
    file.processes = _named(scope, root, "processes")
    file.mappings = _items(scope, root, "mappings")
    file.rules = _maps(scope, root, "rules", "a rule")
    file.overrides = _maps(scope, root, "overrides", "an override")
    file.tests = _items(scope, root, "tests")
    file.score = root.get("score")
    for override in file.overrides:
        check_keys(scope, override, OVERRIDE_KEYS, "this override")
    return file


def _named(scope: Scope, root: Map, section: str) -> dict[str, Node]:
    node = root.get(section)
    block = as_map(scope, node, f"'{section}'") if node else None
    return {key.text: value for key, value in block.entries} if block else {}


def _items(scope: Scope, root: Map, section: str) -> tuple[Node, ...]:
    node = root.get(section)
    return as_seq(scope, node, f"'{section}'") if node else ()


def _maps(scope: Scope, root: Map, section: str, what: str) -> tuple[Map, ...]:
    found = [as_map(scope, item, what) for item in _items(scope, root, section)]
    return tuple(item for item in found if item is not None)


def read_process(scope: Scope, name: str, node: Node) -> Process | None:
    """Return the process *name* declared by *node*."""
    block = as_map(scope, node, f"process '{name}'")
    if block is None:
        return None
    check_keys(scope, block, PROCESS_KEYS, f"process '{name}'")
    steps_node = block.get("steps")
    steps_map = as_map(scope, steps_node, "'steps'") if steps_node else None
    if steps_map is None or not steps_map.entries:
        if steps_map is not None:
            scope.error(steps_map, f"process '{name}' has no steps. Add some.")
        return None
    steps = tuple((key.text, read_matcher(scope, value)) for key, value in steps_map.entries)
    known = dict(steps)
    start, goal, value = block.get("start"), block.get("goal"), block.get("value")
    optional, strict, limit = block.get("optional"), block.get("strict"), block.get("time_limit")
    start_name = as_name(scope, start, "step", known) if start else None
    goal_name = as_name(scope, goal, "step", known) if goal else None
    if start_name is not None and start_name != steps[0][0] and start is not None:
        scope.error(start, f"'start' is the first step, '{steps[0][0]}'. Put '{start_name}' first.")
    skipped = as_texts(scope, optional, "a step") if optional else ()
    for step in skipped:
        if step not in known and optional is not None:
            scope.error(optional, f"process '{name}' has no step '{step}'. Remove it.")
    goal_name = goal_name or steps[-1][0]
    if value is not None:
        text = as_text(scope, value, "'value'")
        if text is not None:
            field_of(scope, value, text, events_of(known[goal_name]))
    return Process(
        name,
        steps,
        goal_name,
        bool(as_bool(scope, strict, "strict")) if strict else False,
        skipped,
        as_duration(scope, limit, "time_limit") if limit else None,
    )


def read_mapping(scope: Scope, node: Node) -> Mapping | None:
    """Return the mapping in *node*."""
    block = as_map(scope, node, "a mapping")
    if block is None:
        return None
    check_keys(scope, block, MAPPING_KEYS, "a mapping")
    source, to, on = block.get("from"), block.get("to"), block.get("on")
    target = as_map(scope, to, "'to'") if to else None
    if source is None or target is None:
        return None
    matcher = read_matcher(scope, source)
    if on is not None:
        matcher = _patterned(scope, matcher, on)
    name_node, props_node = target.get("name"), target.get("props")
    name = as_text(scope, name_node, "'name'") if name_node else None
    if name is None:
        scope.error(target, "'to' needs the 'name' of the custom event. Add it.")
        return None
    props: list[tuple[str, str | int | float | bool]] = []
    props_map = as_map(scope, props_node, "'props'") if props_node else None
    for key, value in props_map.entries if props_map else ():
        if isinstance(value, Scalar) and value.value is not None:
            props.append((key.text, value.value))
        else:
            scope.error(value, f"prop '{key.text}' is one value. Write a text, number or bool.")
    return Mapping(matcher, name, tuple(props))


def _patterned(scope: Scope, matcher: Matcher, on: Node) -> Matcher:
    """Add `on`: globs on path, url and message, selectors on the target."""
    block = as_map(scope, on, "'on'")
    if block is None:
        return matcher
    for key, value in block.entries:
        if key.text not in _ON_FIELDS:
            scope.error(key, f"'{key.text}' has no patterns. Use one of: {', '.join(_ON_FIELDS)}.")
            continue
        test: Node = value
        if key.text != "target":
            word = Scalar(key.file, key.line, key.column, "glob", "glob")
            test = Map(value.file, value.line, value.column, ((word, value),))
        where = Map(key.file, key.line, key.column, ((key, test),))
        matcher = narrowed(scope, matcher, where)
    return matcher


def changed_lists(scope: Scope, lists: AbstractMapping[str, Node], change: Node) -> dict[str, Node]:
    """Return *lists* with what an override's `lists` says: other values, append or remove."""
    found = dict(lists)
    block = as_map(scope, change, "'lists'")
    for key, value in block.entries if block else ():
        present = found.get(key.text)
        if not isinstance(present, Seq):
            known = ", ".join(found) or "none"
            scope.error(key, f"the rule's file has no list '{key.text}'. It has: {known}.")
            continue
        found[key.text] = _changed_list(scope, present, value)
    return found


def _changed_list(scope: Scope, present: Seq, value: Node) -> Node:
    if not isinstance(value, Map):
        return value
    items = list(present.items)
    for key, part in value.entries:
        given = as_seq(scope, part, f"'{key.text}'")
        if key.text == "append":
            items.extend(given)
        elif key.text == "remove":
            gone = {item.text for item in given if isinstance(item, Scalar)}
            items = [i for i in items if not (isinstance(i, Scalar) and i.text in gone)]
        else:
            scope.error(key, f"a list is changed by append or remove, not '{key.text}'. Use these.")
    return Seq(value.file, value.line, value.column, tuple(items))
