"""
Owns the check that an rrweb event has the shape the player relies on.

Recordings come from strangers' browsers. What passes here may still be wrong (a node
that does not exist), but it has every list and number that the player reads without
looking; what does not pass becomes a named gap instead of a player that stops.
"""

from __future__ import annotations

from typing import Any, TypeGuard

FULL_SNAPSHOT = 2
INCREMENTAL = 3
META = 4
_LAST_TYPE = 6

MUTATION = 0
MOUSE_MOVE = 1
MOUSE_INTERACTION = 2
SCROLL = 3
RESIZE = 4
INPUT = 5
TOUCH_MOVE = 6
MEDIA = 7
STYLE_RULE = 8
DRAG = 12
STYLE_DECLARATION = 13
SELECTION = 14
ADOPTED_SHEET = 15

INTERACTIONS = frozenset({MOUSE_MOVE, MOUSE_INTERACTION, SCROLL, INPUT, TOUCH_MOVE, DRAG})
"""Sources that only a person's hand makes: they count as activity."""

MAX_T_MS = 10_000_000_000  # 115 days after the page's time origin: no page lives longer
MAX_NODES = 500_000  # of one snapshot; real pages stay under 50 000
MAX_DEPTH = 2_000  # elements within one another; browsers' parsers stop at 512, scripts need not


def check_event(event: Any) -> str | None:
    """Return why *event* cannot be played, or None if it can."""
    if not isinstance(event, dict):
        return "is no object"
    kind = event.get("type")
    if not _is_int(kind) or not 0 <= kind <= _LAST_TYPE:
        return "has no known type"
    at = event.get("timestamp")
    if not _is_number(at) or not 0 <= at <= MAX_T_MS:
        return "has no usable timestamp"
    if kind < FULL_SNAPSHOT:  # DomContentLoaded, Load: nothing in them is read
        return None
    data = event.get("data")
    if not isinstance(data, dict):
        return "has no data"
    if kind == FULL_SNAPSHOT:
        return _check_snapshot(data)
    if kind == META:
        ok = _is_number(data.get("width")) and _is_number(data.get("height"))
        return None if ok else "has no viewport size"
    if kind == INCREMENTAL:
        return _check_incremental(data)
    return None


def is_interaction(event: dict[str, Any]) -> bool:
    """Return whether a checked *event* was made by the visitor's hand."""
    return event["type"] == INCREMENTAL and event["data"]["source"] in INTERACTIONS


def _check_snapshot(data: dict[str, Any]) -> str | None:
    node = data.get("node")
    if not isinstance(node, dict) or node.get("type") != 0:
        return "has no document"
    offset = data.get("initialOffset")
    if offset is not None and not isinstance(offset, dict):
        return "has no scroll offset"
    return _check_tree(node)


def _check_tree(root: Any) -> str | None:
    """Check all nodes below and including *root*, without recursion: depth is the page's choice."""
    pending = [(root, 1)]
    seen = 0
    while pending:
        node, depth = pending.pop()
        seen += 1
        if seen > MAX_NODES:
            return "has too many nodes"
        if depth > MAX_DEPTH:
            return f"has elements nested deeper than {MAX_DEPTH}"
        if not isinstance(node, dict) or not _is_int(node.get("id")):
            return "has a node without an id"
        kind = node.get("type")
        if not _is_int(kind) or not 0 <= kind <= 5:
            return "has a node of no known type"
        if kind == 2 and not (
            isinstance(node.get("tagName"), str) and isinstance(node.get("attributes"), dict)
        ):
            return "has an element without a tag"
        if kind in (0, 2):
            children = node.get("childNodes")
            if not isinstance(children, list):
                return "has an element without a list of children"
            pending.extend((child, depth + 1) for child in children)
    return None


def _check_incremental(data: dict[str, Any]) -> str | None:
    source = data.get("source")
    if not _is_int(source) or source < 0:
        return "has no source"
    check = _CHECKS.get(source)
    return check(data) if check else None


def _check_mutation(data: dict[str, Any]) -> str | None:
    for name in ("texts", "attributes", "removes", "adds"):
        if not _dicts(data.get(name)):
            return f"has no list of {name}"
    if any(not _is_int(item.get("id")) for item in (*data["texts"], *data["attributes"])):
        return "changes a node without an id"
    if any(not isinstance(item.get("attributes"), dict) for item in data["attributes"]):
        return "changes no attributes"
    if any(not (_is_int(i.get("id")) and _is_int(i.get("parentId"))) for i in data["removes"]):
        return "removes a node without an id"
    for item in data["adds"]:
        if not _is_int(item.get("parentId")):
            return "adds a node without a parent"
        reason = _check_tree(item.get("node"))
        if reason:
            return reason
    return None


_NUMBERS = frozenset({int, float})


def _check_moves(data: dict[str, Any]) -> str | None:
    positions = data.get("positions")
    if not _dicts(positions) or not positions:
        return "has no positions"
    for at in positions:
        numbers = (
            type(at.get("x")),
            type(at.get("y")),
            type(at.get("id")),
            type(at.get("timeOffset")),
        )
        if not _NUMBERS.issuperset(numbers):  # the most frequent event: a loop would cost twice
            return "has a position without coordinates"
    return None


def _check_node(data: dict[str, Any]) -> str | None:
    return None if _is_int(data.get("id")) else "names no node"


def _check_interaction(data: dict[str, Any]) -> str | None:
    return _check_node(data) or (None if _is_int(data.get("type")) else "has no kind")


def _check_scroll(data: dict[str, Any]) -> str | None:
    ok = _is_number(data.get("x")) and _is_number(data.get("y"))
    return _check_node(data) or (None if ok else "has no position")


def _check_resize(data: dict[str, Any]) -> str | None:
    ok = _is_number(data.get("width")) and _is_number(data.get("height"))
    return None if ok else "has no size"


def _check_input(data: dict[str, Any]) -> str | None:
    return _check_node(data) or (None if isinstance(data.get("text"), str) else "has no text")


def _check_rules(data: dict[str, Any]) -> str | None:
    if not (_is_int(data.get("id")) or _is_int(data.get("styleId"))):
        return "names no style sheet"
    for name in ("adds", "removes"):
        if data.get(name) is not None and not _dicts(data[name]):
            return f"has no list of {name}"
    return None


def _check_declaration(data: dict[str, Any]) -> str | None:
    return None if isinstance(data.get("index"), list) else "names no rule"


def _check_selection(data: dict[str, Any]) -> str | None:
    return None if _dicts(data.get("ranges")) else "has no ranges"


def _check_adopted(data: dict[str, Any]) -> str | None:
    ok = isinstance(data.get("styleIds"), list) and _dicts(data.get("styles", []))
    return _check_node(data) or (None if ok else "has no style sheets")


_CHECKS = {
    MUTATION: _check_mutation,
    MOUSE_MOVE: _check_moves,
    MOUSE_INTERACTION: _check_interaction,
    SCROLL: _check_scroll,
    RESIZE: _check_resize,
    INPUT: _check_input,
    TOUCH_MOVE: _check_moves,
    MEDIA: _check_node,
    STYLE_RULE: _check_rules,
    DRAG: _check_moves,
    STYLE_DECLARATION: _check_declaration,
    SELECTION: _check_selection,
    ADOPTED_SHEET: _check_adopted,
}


def _dicts(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
