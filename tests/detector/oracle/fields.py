"""
What one event says, and whether it meets a `where`: the tests of fields, read off the text.

Part of the oracle; `evaluate.py` says who wrote it from what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import re2
import yaml

Event = dict[str, Any]
ABSENT = object()
_DURATION = {"ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}


@cache
def schema() -> dict[str, Any]:
    """Return core/events.yaml as it stands."""
    path = Path(__file__).parents[3] / "core" / "events.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def duration(text: Any) -> float:
    """Return *text* such as `250ms` or `3s` in milliseconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(text))
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _DURATION[found[2]]


def type_of(event_type: str, name: str) -> Any:
    """Return the declared type of field *name* on *event_type*, or None."""
    fields = schema()["events"].get(event_type, {}).get("fields", {})
    for table in (fields, schema()["envelope"], schema()["session"]):
        if name in table:
            return table[name]["type"]
    if name.startswith("target.") and "target" in fields:
        return schema()["target"].get(name[7:], {}).get("type")
    return None


@dataclass(frozen=True)
class Situation:
    """What a test may look at beside the event: session attributes, and events of earlier steps."""

    attributes: dict[str, Any]
    aliases: dict[str, Event] = field(default_factory=dict)


def value(event: Event, name: str, attributes: dict[str, Any]) -> Any:
    """Return field *name* of *event*, of its session, the bool default, or ABSENT."""
    if name == "target" or name.split(".")[0] not in (*event, *schema()["session"]):
        found: Any = event.get(name, ABSENT)
    else:
        found = event if name.split(".")[0] in event else attributes
        for part in name.split("."):
            found = found.get(part, ABSENT) if isinstance(found, dict) else ABSENT
    if found is None:
        found = ABSENT
    if found is ABSENT and type_of(event["type"], name) == "bool":
        return False
    return found


def holds(where: dict[str, Any], event: Event, here: Situation) -> bool:
    """Return whether *event* meets every line of *where*."""
    for name, test in where.items():
        if name == "any":
            good = any(holds(inner, event, here) for inner in test)
        elif name == "not":
            good = not holds(test, event, here)
        elif name == "target":
            good = _target(test, event)
        else:
            found = value(event, name, here.attributes)
            good = _test(test, found, type_of(event["type"], name), here)
        if not good:
            return False
    return True


def _target(test: Any, event: Event) -> bool:
    path = (event.get("target") or {}).get("path") or []
    return any(selected(selector, path) for selector in _listed(test))


def _test(test: Any, found: Any, kind: Any, here: Situation) -> bool:
    if isinstance(test, dict):
        return all(_operator(op, arg, found, kind, here) for op, arg in test.items())
    return found is not ABSENT and any(_holds_value(item, found) for item in _listed(test))


def _operator(op: str, arg: Any, found: Any, kind: Any, here: Situation) -> bool:
    if op == "not":
        return not _test(arg, found, kind, here)
    if op == "exists":
        return (found is not ABSENT) == bool(arg)
    if found is ABSENT:
        return False
    if op in ("gt", "gte", "lt", "lte", "between"):
        return _compare(op, arg, found, kind)
    if op == "same_as":
        alias, name = arg.split(".", 1)
        other = value(here.aliases[alias], name, here.attributes)
        return other is not ABSENT and same(other, found)
    if op in ("any_of", "none_of"):
        some = any(_holds_glob(item, found) for item in _listed(arg))
        return some if op == "any_of" else not some
    return isinstance(found, str) and any(_text(op, item, found) for item in _listed(arg))


def _compare(op: str, arg: Any, found: Any, kind: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False

    def number(item: Any) -> float:
        return duration(item) if kind == "ms" and isinstance(item, str) else float(item)

    if op == "between":
        return number(arg[0]) <= found <= number(arg[1])
    limit = number(arg)
    return {
        "gt": found > limit, "gte": found >= limit, "lt": found < limit, "lte": found <= limit,
    }[op]  # fmt: skip


def _text(op: str, item: str, found: str) -> bool:
    if op == "glob":
        return glob(item, found)
    if op == "regex":
        return re2.search(item, found) is not None
    return {
        "starts": found.startswith(item), "ends": found.endswith(item), "contains": item in found,
    }[op]  # fmt: skip


def glob(pattern: str, text: str) -> bool:
    """Return whether all of *text* fits: `*` is anything, `?` one character."""
    parts = [{"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; nothing is converted, so 1 is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _holds_value(item: Any, found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    return any(same(item, one) for one in values)


def _holds_glob(item: Any, found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    if isinstance(item, str) and "*" in item:
        return any(isinstance(one, str) and glob(item, one) for one in values)
    return _holds_value(item, found)


def _listed(value_: Any) -> list[Any]:
    return value_ if isinstance(value_, list) else [value_]


# --- selectors on the recorded ancestors ---------------------------------

_ATTRIBUTES = {
    "id": "id", "role": "role", "type": "type", "data-testid": "test", "data-stolper": "stolper",
    "data-stolper-ignore": "ignore",
}  # fmt: skip
_SIMPLE = re.compile(r"([#.]?[\w-]+)|\[([\w-]+)(?:(~?=)[\"']?([^\]\"']*)[\"']?)?\]")


def selected(selector: str, path: list[dict[str, Any]]) -> bool:
    """Return whether *selector* matches the target or one of its ancestors (*path*, nearest first)."""
    tokens = selector.replace(">", " > ").split()
    return any(_ends_at(tokens, path[n:]) for n in range(len(path)))


def _ends_at(tokens: list[str], path: list[dict[str, Any]]) -> bool:
    """Return whether the last of *tokens* is the nearest of *path*, and the others above it."""
    if not path or not _compound(tokens[-1], path[0]):
        return False
    if len(tokens) == 1:
        return True
    if tokens[-2] == ">":
        return _ends_at(tokens[:-2], path[1:])
    return any(_ends_at(tokens[:-1], path[n:]) for n in range(1, len(path)))


def _compound(token: str, node: dict[str, Any]) -> bool:
    return all(_simple(match, node) for match in _SIMPLE.finditer(token))


def _simple(match: re.Match[str], node: dict[str, Any]) -> bool:
    if match[1]:
        name = match[1]
        if name[0] == "#":
            return bool(node.get("id") == name[1:])
        if name[0] == ".":
            return name[1:] in (node.get("classes") or [])
        return bool(node.get("tag") == name)
    found = node.get(_ATTRIBUTES[match[2]])
    if found is None or match[3] is None:
        return found is not None
    return match[4] in found.split() if match[3] == "~=" else bool(found == match[4])
