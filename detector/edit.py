"""
Changes a rule file as a text: adds or removes one item of a list, keeps all else to the byte.

Owns where an item goes. What the items mean is the readers' affair; a text whose meaning
would change beyond the one item is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from core.errors import UserError
from detector.errors import Problems, did_you_mean
from detector.nodes import parse
from detector.spec import FILE_KEYS, OVERRIDE_KEYS

LISTS = tuple(name for name, key in FILE_KEYS.items() if key.type.startswith("list of"))
"""The sections that hold items."""

_INDENT = "  "


class EditError(UserError):
    """The text cannot be changed this way. The message says why and what to do."""


def append_item(text: str, section: str, item: str) -> str:
    """
    Return the rule file *text* with *item* (YAML, with or without its dash) in list *section*.

    The section, and `version: 1`, are added if they lack. Comments and everything else stay
    as they are. Raise EditError if *text* or *item* is no such thing, or if the section is
    written in brackets.
    """
    _check_section(section)
    wanted = _plain(_item_node(item))
    if not _has_content(text):
        head = _ended(text) + "version: 1\n"
        return _verified(head, head + _block(section, item, "", "\n"), section, wanted)
    root = _root(text, "this file")
    newline = "\r\n" if "\r\n" in text else "\n"
    pad = " " * root.start_mark.column
    before = text
    if _value(root, "version") is None:
        lines = text.splitlines(keepends=True)
        lines.insert(root.start_mark.line, f"{pad}version: 1{newline}")
        text = "".join(lines)
        root = _root(text, "this file")
    key = next((k for k, _ in root.value if k.value == section), None)
    if key is None:
        result = _with_section(text, _block(section, item, pad, newline), newline)
    else:
        result = _with_item(text, key, _value(root, section), item, newline)
    return _verified(before, result, section, wanted)


def set_override(
    text: str, rule: str, for_: Mapping[str, Any] | None, values: Mapping[str, Any]
) -> str:
    """
    Return *text* with an override of *rule* that sets *values* there where *for_* says.

    *values* are the other keys of an override (params, severity, except ...), *for_* its
    places (site, path ...) or None for everywhere.
    """
    for name in values:
        if name not in OVERRIDE_KEYS or name in ("rule", "for"):
            hint = did_you_mean(name, set(OVERRIDE_KEYS) - {"rule", "for"})
            raise EditError(f"an override has no '{name}'. {hint}")
    if not values:
        raise EditError("this override changes nothing. Give it at least one value.")
    places = {"for": dict(for_)} if for_ else {}
    return append_item(text, "overrides", item_text({"rule": rule, **places, **values}))


def remove_item(text: str, section: str, number: int) -> str:
    """
    Return *text* without item *number* (from 0) of list *section*.

    A comment behind it in its line goes with it; the last item takes the section along.
    """
    _check_section(section)
    root = _root(text, "this file")
    value = _value(root, section)
    if not isinstance(value, yaml.SequenceNode) or not 0 <= number < len(value.value):
        raise EditError(f"'{section}' has no item {number + 1}. Load the file again.")
    _refuse_flow(value, section)
    lines = text.splitlines(keepends=True)
    item = value.value[number]
    first, last = _dash_line(lines, item), _last_line(item, text)
    if len(value.value) == 1:
        first = next(k.start_mark.line for k, _ in root.value if k.value == section)
    result = "".join(lines[:first] + lines[last + 1 :])
    expected = _plain(root)
    expected[section] = [v for n, v in enumerate(expected[section]) if n != number]
    if not expected[section]:
        del expected[section]
    if not _has_content(result) or _plain(_root(result, "the result")) != expected:
        raise EditError(f"item {number + 1} of '{section}' cannot be cut out. Edit the file.")
    return result


class _Dumper(yaml.SafeDumper):
    """Writes a value that stands twice in full: rule files have no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say that *data* is never referred to."""
        return True


def item_text(item: Mapping[str, Any]) -> str:
    """Return *item* as one list item of YAML: a key per line, what is inside in braces."""
    lines = [f"{key}: {flow(value)}" for key, value in item.items()]
    return "- " + "\n  ".join(lines) + "\n"


def flow(value: object) -> str:
    """Return *value* as YAML in one line; texts are quoted where they must be."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=1 << 30,
    )
    return text.removesuffix("...\n").strip("\n")


# -- where things stand ------------------------------------------------------------------


def _check_section(section: str) -> None:
    if section not in LISTS:
        raise EditError(f"'{section}' is no list of a rule file. {did_you_mean(section, LISTS)}")


def _has_content(text: str) -> bool:
    return any(
        line.strip() and not line.lstrip().startswith("#") for line in text.lstrip("﻿").splitlines()
    )


def _root(text: str, what: str) -> Any:
    """Return the YAML node of *text*, which must be a map in block form."""
    problems = Problems()
    if parse(what, text, problems) is None or problems.failed:
        first = problems.issues[0]
        raise EditError(f"{what} cannot be changed as it is: line {first.line}: {first.message}")
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise EditError(f"{what} is written in braces. Write one 'key: value' per line.")
    return root


def _item_node(item: str) -> Any:
    """Return the node of the one item that *item* is."""
    problems = Problems()
    # As a file: the same things are refused in an item as in the file around it.
    wrapped = f"item:\n{_indented(item, '', chr(10))}"
    if parse("item", wrapped, problems) is None or problems.failed:
        raise EditError(f"the item is no YAML that a rule file may hold: {problems.issues[0]}")
    node: Any = yaml.compose(wrapped, Loader=yaml.CSafeLoader)
    items = node.value[0][1]
    if len(node.value) != 1 or not isinstance(items, yaml.SequenceNode) or len(items.value) != 1:
        raise EditError("give one item: a map of keys and values, with or without its dash.")
    if not isinstance(items.value[0], yaml.MappingNode):
        raise EditError("an item is a map of keys and values. Write 'key: value' lines.")
    return items.value[0]


def _value(root: Any, name: str) -> Any:
    return next((value for key, value in root.value if key.value == name), None)


def _plain(node: Any) -> Any:
    """Return *node* as values that can be compared, scalars with their tags."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return (node.tag, node.value)


def _indented(item: str, pad: str, newline: str) -> str:
    """Return *item* as lines of a list whose dashes stand behind *pad*."""
    lines = item.strip("\r\n").splitlines()
    filled = [line for line in lines if line.strip(" ")]
    common = min((len(line) - len(line.lstrip(" ")) for line in filled), default=0)
    lines = [line[common:] for line in lines]
    if not lines or not (lines[0] == "-" or lines[0].startswith("- ")):
        lines = [f"- {line}" if n == 0 else f"  {line}" for n, line in enumerate(lines)]
    return "".join((pad + line if line.strip(" ") else "") + newline for line in lines)


def _block(section: str, item: str, pad: str, newline: str) -> str:
    return f"{pad}{section}:{newline}{_indented(item, pad + _INDENT, newline)}"


def _ended(text: str, newline: str = "\n") -> str:
    return text if not text or text.endswith("\n") else text + newline


def _with_section(text: str, block: str, newline: str) -> str:
    """Return *text* with *block* behind all that is there, a blank line before it if that fits."""
    lines = _ended(text, newline).splitlines(keepends=True)
    end = next((n for n, line in enumerate(lines) if line.rstrip() == "..."), len(lines))
    if end and lines[end - 1].strip() and not _ends_in_block_scalar(text):
        block = newline + block
    return "".join(lines[:end]) + block + "".join(lines[end:])


def _ends_in_block_scalar(text: str) -> bool:
    leaf = _last_leaf(yaml.compose(text, Loader=yaml.CSafeLoader))
    return isinstance(leaf, yaml.ScalarNode) and leaf.style in ("|", ">")


def _with_item(text: str, key: Any, value: Any, item: str, newline: str) -> str:
    text = _ended(text, newline)
    lines = text.splitlines(keepends=True)
    if isinstance(value, yaml.SequenceNode):
        _refuse_flow(value, key.value)
        column, at = value.start_mark.column, _last_line(value, text) + 1
        while at < len(lines) and _is_comment(lines[at], deeper_than=column):
            at += 1
    elif isinstance(value, yaml.ScalarNode) and _is_nothing(value):
        column, at = key.start_mark.column + len(_INDENT), key.start_mark.line + 1
    else:
        raise EditError(f"'{key.value}' in this file is no list. Write '- ' items below it.")
    lines.insert(at, _indented(item, " " * column, newline))
    return "".join(lines)


def _is_nothing(value: Any) -> bool:
    return bool(value.value == "" and value.tag.endswith(":null"))


def _refuse_flow(value: Any, section: str) -> None:
    if value.flow_style:
        line = value.start_mark.line + 1
        raise EditError(
            f"'{section}' (line {line}) is a list in brackets. Write its items as '- ' lines."
        )


def _is_comment(line: str, *, deeper_than: int) -> bool:
    bare = line.lstrip(" ")
    return bare.startswith("#") and len(line) - len(bare) > deeper_than


def _last_leaf(node: Any) -> Any:
    """Return the node that ends *node*: block collections themselves end at what follows."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    return node


def _last_line(node: Any, text: str) -> int:
    """Return the line (from 0) in which the text of *node* ends."""
    leaf = _last_leaf(node)
    end = leaf.end_mark
    if isinstance(leaf, yaml.ScalarNode) and leaf.style in ("|", ">"):
        lines = text.splitlines()
        inside = lines[end.line][: end.column] if end.line < len(lines) else ""
        if not inside.strip():
            return int(end.line) - 1
    return int(end.line)


def _dash_line(lines: Sequence[str], item: Any) -> int:
    """Return the line of the dash before *item*: its own, or one above it."""
    at, reach = int(item.start_mark.line), int(item.start_mark.column)
    while at > 0 and not lines[at][:reach].lstrip().startswith("-"):
        at, reach = at - 1, len(lines[at - 1])
    return at


def _verified(before: str, result: str, section: str, wanted: Any) -> str:
    """Return *result* if it means what *before* meant and one item more, else refuse."""
    expected = _plain(_root(before, "this file")) if _has_content(before) else {}
    expected.setdefault("version", ("tag:yaml.org,2002:int", "1"))
    present = expected.get(section)
    expected[section] = [*(present if isinstance(present, list) else []), wanted]
    if _plain(_root(result, "the result")) != expected:
        raise EditError(f"the item does not fit below '{section}' as it is. Edit the file.")
    return result


__all__ = ["LISTS", "EditError", "append_item", "flow", "item_text", "remove_item", "set_override"]
