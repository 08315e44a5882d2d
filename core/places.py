"""
Where style texts and elements stand in rrweb's events.

Pure, without recursion, and trusting nothing: events come from strangers' browsers. Leaves what
stands there to those that ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FULL_SNAPSHOT = 2
INCREMENTAL = 3

Place = tuple[dict[str, Any], str]
"""A dictionary and the key under which something stands in it."""


def style_places(event: dict[str, Any]) -> Iterator[Place]:
    """Give the places of *event* at which a whole style text stands, or may stand."""
    data = event.get("data")
    if not isinstance(data, dict):
        return
    if event.get("type") == INCREMENTAL:
        yield from _changes(data)
    for node in elements(event):
        attributes = node.get("attributes")
        if isinstance(attributes, dict) and "_cssText" in attributes:
            yield attributes, "_cssText"
        if node.get("tagName") == "style":
            for child in _dicts(node.get("childNodes")):
                if "textContent" in child:
                    yield child, "textContent"


def elements(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every node that *event* brings: of a full snapshot, or added."""
    data = event.get("data")
    if not isinstance(data, dict):
        return
    pending: list[Any] = []
    if event.get("type") == FULL_SNAPSHOT:
        pending.append(data.get("node"))
    elif event.get("type") == INCREMENTAL:
        pending.extend(one.get("node") for one in _dicts(data.get("adds")))
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            children = node.get("childNodes")
            if isinstance(children, list):
                pending.extend(children)


SAID = frozenset(
    ["value", "placeholder", "title", "alt", "label", "content", "summary", "download", "name"]
)
"""Attributes in which pages say something to people; besides these all of `aria-` and `data-`."""

LINKS = frozenset(["href", "src", "action", "formaction", "rr_src"])


def said_places(event: dict[str, Any]) -> Iterator[Place]:
    """Give the places of *event* at which a text for people stands, or an address with parameters."""
    data = event.get("data")
    if not isinstance(data, dict):
        return
    for node in elements(event):
        if "textContent" in node:
            yield node, "textContent"
        yield from _said(node.get("attributes"))
    if event.get("type") != INCREMENTAL:
        return
    if "text" in data:
        yield data, "text"  # of a field
    for one in _dicts(data.get("texts")):
        yield one, "value"
    for one in _dicts(data.get("attributes")):
        yield from _said(one.get("attributes"))


def _said(attributes: Any) -> Iterator[Place]:
    if isinstance(attributes, dict):
        for name in attributes:
            if name in SAID or name in LINKS or name.startswith(("aria-", "data-")):
                yield attributes, name


def _changes(data: dict[str, Any]) -> Iterator[Place]:
    """Give the places of an incremental event's data, but those in added nodes."""
    for name in ("replace", "replaceSync"):
        if name in data:
            yield data, name
    for one in _dicts(data.get("adds")):
        if "rule" in one:
            yield one, "rule"
    for one in _dicts(data.get("texts")):
        yield one, "value"  # whose text it is is not told
    for one in _dicts(data.get("attributes")):
        attributes = one.get("attributes")
        if isinstance(attributes, dict) and "_cssText" in attributes:
            yield attributes, "_cssText"
    for style in _dicts(data.get("styles")):
        if "rules" in style:
            yield style, "rules"  # all of them as one JSON text
        for rule in _dicts(style.get("rules")):
            yield rule, "rule"


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item
