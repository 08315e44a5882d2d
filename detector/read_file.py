"""
Reads one rule file as far as that is possible without the others.

Owns the sections of a file: lists, macros, processes, mappings, overrides. Rules are read
by detector/loader.py once all files are known, since overrides may change them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from dataclasses import dataclass, field

from detector.errors import Problems
from detector.nodes import Map, Node, Scalar, Seq, parse
from detector.read_steps import events_of, field_of
from detector.read_where import field_type, read_matcher, read_where
from detector.rule import Mapping, Matcher, Process, Text
from detector.scope import (
    Budget,
    Scope,
    as_bool,
    as_duration,
    as_localized,
    as_map,
    as_name,
    as_seq,
    as_text,
    as_texts,
    check_keys,
    flat_items,
)
from detector.spec import (
    COPY_KEYS,
    FILE_KEYS,
    MAPPING_KEYS,
    ON_KEYS,
    OVERRIDE_KEYS,
    PROCESS_KEYS,
    TO_KEYS,
)
from detector.where import Const, Test, Where, conjunction

_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}")

_ON_MESSAGE = {"message": "words", "console": "text"}
"""Where `on: {message: ...}` looks in events that call their text otherwise."""

_CONST_PROPS = 32
"""As many properties as the snippet sends."""


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
    budget: Budget = field(default_factory=Budget)


def read_file(
    name: str, text: str, group: int, problems: Problems, scope: Scope
) -> RuleFile | None:
    """Return the sections of the file *text*, or None if it is no rule file at all."""
    root = parse(name, text, problems)
    if root is None:
        return None
    check_keys(scope, root, FILE_KEYS, "this file")
    version = root.get("version")
    if version is not None and (not isinstance(version, Scalar) or version.text != "1"):
        scope.error(version, "only version 1 of the language is known here. Write version: 1.")
    file = RuleFile(name, text, group, budget=scope.budget)
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
    if node is None or _nothing(node):
        return {}
    block = as_map(scope, node, f"'{section}'")
    for key, _ in block.entries if block else ():
        if not _NAME.fullmatch(key.text):
            scope.error(
                key, f"'{key.text}' is no name for '{section}'. Use letters, digits, _ and -."
            )
    return {key.text: value for key, value in block.entries} if block else {}


def _nothing(node: Node) -> bool:
    """Say whether a section was begun and left empty."""
    return isinstance(node, Scalar) and node.value is None


def _items(scope: Scope, root: Map, section: str) -> tuple[Node, ...]:
    node = root.get(section)
    if node is None or _nothing(node):
        return ()
    return as_seq(scope, node, f"'{section}'")


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
    sites = _sites(scope, block.get("site"))
    steps = tuple(
        (key.text, _on_sites(scope, read_matcher(scope, value), sites))
        for key, value in steps_map.entries
    )
    known = dict(steps)
    start, goal, value = block.get("start"), block.get("goal"), block.get("value")
    optional, strict, limit = block.get("optional"), block.get("strict"), block.get("time_limit")
    start_name = as_name(scope, start, "step", known) if start else None
    goal_name = as_name(scope, goal, "step", known) if goal else None
    if start_name is not None and start_name != steps[0][0] and start is not None:
        scope.error(start, f"'start' is the first step, '{steps[0][0]}'. Put '{start_name}' first.")
    in_order = bool(as_bool(scope, strict, "strict")) if strict else False
    skipped: list[str] = []
    for item in flat_items(scope, optional) if optional else ():
        step = as_name(scope, item, "step", known)
        if step is not None:
            skipped.append(step)
    goal_name = goal_name or steps[-1][0]
    worth = as_text(scope, value, "'value'") if value is not None else None
    if value is not None and worth is not None:
        field_of(scope, value, worth, events_of(known[goal_name]))
    title = block.get("title")
    return Process(
        name,
        steps,
        goal_name,
        in_order,
        tuple(skipped),
        as_duration(scope, limit, "time_limit") if limit else None,
        as_localized(scope, title, "'title'") if title else {},
        _labels(scope, block.get("labels"), known),
        worth,
        sites,
    )


def _sites(scope: Scope, node: Node | None) -> tuple[str, ...]:
    """Return the sites that *node*, a name or a list of names, says."""
    return as_texts(scope, node, "'site'") if node is not None else ()


def _on_sites(scope: Scope, matcher: Matcher, sites: tuple[str, ...]) -> Matcher:
    """Return *matcher* for events of *sites* alone; none: of all."""
    if not sites:
        return matcher
    there = Test("site", "glob", sites, scope.schema.session["site"].type.kind, session=True)
    return Matcher(tuple((event, conjunction(where, there)) for event, where in matcher.cases))


def _labels(
    scope: Scope, node: Node | None, known: AbstractMapping[str, object]
) -> tuple[tuple[str, Text], ...]:
    """Return what people call the steps that *node* names."""
    block = as_map(scope, node, "'labels'") if node is not None else None
    found: list[tuple[str, Text]] = []
    for key, value in block.entries if block else ():
        step = as_name(scope, key, "step", known)
        if step is not None:
            found.append((step, as_localized(scope, value, f"the label of '{step}'")))
    return tuple(found)


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
    check_keys(scope, target, TO_KEYS, "'to'")
    name_node, props_node = target.get("name"), target.get("props")
    name = as_text(scope, name_node, "'name'") if name_node else None
    if name is None:
        return None
    props: list[tuple[str, Const]] = []
    copied: list[tuple[str, str, bool | None]] = []
    props_map = as_map(scope, props_node, "'props'") if props_node else None
    if props_map is not None and len(props_map.entries) > _CONST_PROPS:
        scope.error(props_map, f"an event has at most {_CONST_PROPS} props. Remove some.")
    for key, value in props_map.entries if props_map else ():
        if isinstance(value, Map):
            source_field = _copied(scope, value, events_of(matcher))
            if source_field is not None:
                copied.append((key.text, *source_field))
        elif isinstance(value, Scalar) and value.value is not None:
            props.append((key.text, value.value))
        else:
            scope.error(
                value,
                f"prop '{key.text}' is one value. Write a text, number or bool, or "
                "{from: field} to copy one.",
            )
    return Mapping(matcher, name, tuple(props), tuple(copied))


def _copied(scope: Scope, node: Map, events: Sequence[str]) -> tuple[str, bool | None] | None:
    """
    Return the field that `{from: field}` copies, and what stands for an absent one.

    Each of *events* must have it, as one value.
    """
    check_keys(scope, node, COPY_KEYS, "this prop")
    at = node.get("from")
    name = as_text(scope, at, "'from'") if at else None
    if at is None or name is None:
        return None
    default: bool | None = None
    for event in events:
        found = field_type(scope, at, name, event)
        if found is None:
            return None
        type_, session = found
        default = type_.default
        if session or type_.kind in ("list", "map", "target"):
            what = "an attribute of the session" if session else str(type_)
            scope.error(
                at, f"'{name}' is {what}; a prop is one value of the event. Name e.g. target.key."
            )
            return None
    return name, default


def _patterned(scope: Scope, matcher: Matcher, on: Node) -> Matcher:
    """Add `on`: globs on path, url and message, selectors on the target."""
    block = as_map(scope, on, "'on'")
    if block is None:
        return matcher
    check_keys(scope, block, ON_KEYS, "'on'")
    for key, value in block.entries:
        if key.text not in ON_KEYS:
            continue
        test: Node = value
        if key.text != "target":
            word = Scalar(key.file, key.line, key.column, "glob", "glob")
            test = Map(value.file, value.line, value.column, ((word, value),))
        matcher = Matcher(
            tuple(_with_pattern(scope, event, where, key, test) for event, where in matcher.cases)
        )
    return matcher


def _with_pattern(
    scope: Scope, event: str, where: Where, key: Scalar, test: Node
) -> tuple[str, Where]:
    name = _ON_MESSAGE.get(event, "message") if key.text == "message" else key.text
    field_key = Scalar(key.file, key.line, key.column, name, name)
    block = Map(key.file, key.line, key.column, ((field_key, test),))
    return event, conjunction(where, read_where(scope, block, event))


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
            scope.spend(part, len(items) + len(given))
            items.extend(given)
        elif key.text == "remove":
            gone = {item.text for item in given if isinstance(item, Scalar)}
            items = [i for i in items if not (isinstance(i, Scalar) and i.text in gone)]
        else:
            scope.error(key, f"a list is changed by append or remove, not '{key.text}'. Use these.")
    return Seq(value.file, value.line, value.column, tuple(items))
