"""
From an rrweb mutation to visible changes: what is the same in the end is no change, nor is a node
that took the place of one that looks alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from replay.derived.elements import (
    TEXT,
    attribute,
    classes,
    element_of,
    is_element,
    markup,
    tag_of,
    text_of,
)
from replay.mirror import Mirror
from replay.nodes import Node

Data = dict[str, Any]

UNSEEN = frozenset(["script", "style", "link", "meta", "title", "template", "noscript", "base"])
SILENT = frozenset(["data-rr-is-password", "nonce"])
_COUNTED = re.compile(
    r"\('(?:id|for|name|aria-(?:labelledby|describedby|controls|owns))', '[^']*\d[^']*'\)"
)
_WORDED = re.compile(r"[^\W_]")


@dataclass(slots=True)
class Change:
    """
    *node* is the element that changed, or whose children did; *sort* tells changes of it apart.

    *kind*: text, attribute, children or inserted. *worded*: words came or went.
    """

    kind: str
    node: Node
    sort: str
    added: list[Node] = field(default_factory=list)
    worded: bool = False


@dataclass(slots=True)
class _Removed:
    id: int
    parent: Node
    markup: str
    text: str


class Before:
    """What a mutation is going to change, read before the mirror applies it."""

    def __init__(self, mirror: Mirror, data: Data) -> None:
        self._mirror = mirror
        self._data = data
        self._attributes: list[tuple[Node, str, Any]] = []
        for one in data["attributes"]:
            node = mirror.nodes.get(one["id"])
            if node is not None and is_element(node):
                names = (name for name in one["attributes"] if _is_told(name))
                self._attributes += [(node, name, attribute(node, name)) for name in names]
        texts = ((mirror.nodes.get(one["id"]), one) for one in data["texts"])
        self._texts = [
            (node, str(node.data.get("textContent") or "")) for node, _ in texts if node is not None
        ]
        self._removed = [gone for one in data["removes"] if (gone := self._gone(one))]

    def _gone(self, one: Data) -> _Removed | None:
        node, parent = self._mirror.nodes.get(one["id"]), self._mirror.nodes.get(one["parentId"])
        host = element_of(parent)
        if node is None or host is None or not _is_seen(node):
            return None
        return _Removed(node.id, host, markup(node), text_of(node))

    def changes(self) -> list[Change]:
        """Return what has changed, now that the mirror has applied it."""
        found = [
            Change("attribute", node, f"@{name}")
            for node, name, before in self._attributes
            if self._is_there(node)
            and tag_of(node) not in UNSEEN
            and _differs(name, before, attribute(node, name))
        ]
        for text, before in self._texts:
            host = element_of(text.parent)
            if host is None or tag_of(host) in UNSEEN or text.data["type"] != TEXT:
                continue
            if self._is_there(text) and str(text.data.get("textContent") or "") != before:
                found.append(Change("text", host, "text", worded=True))
        return found + self._children()

    def _is_there(self, node: Node) -> bool:
        return self._mirror.nodes.get(node.id) is node

    def _children(self) -> list[Change]:
        """Return the changes of lists of children, one of each element."""
        fresh = {one["node"]["id"] for one in self._data["adds"]}
        moved = fresh & {one.id for one in self._removed}
        came: dict[int, list[Node]] = {}
        hosts: dict[int, Node] = {}
        for one in self._data["adds"]:
            if one["parentId"] in fresh and one["parentId"] not in moved:
                continue  # in something that came
            node = self._mirror.nodes.get(one["node"]["id"])
            host = element_of(node.parent) if node is not None else None
            if node is None or host is None or not _is_seen(node):
                continue
            hosts[host.id] = host
            came.setdefault(host.id, []).append(node)
        went: dict[int, list[_Removed]] = {}
        for gone in self._removed:
            if self._is_there(gone.parent):
                hosts[gone.parent.id] = gone.parent
                went.setdefault(gone.parent.id, []).append(gone)
        made = (
            _list_change(host, came.get(id_, []), went.get(id_, [])) for id_, host in hosts.items()
        )
        return [one for one in made if one is not None]


def _list_change(host: Node, came: list[Node], went: list[_Removed]) -> Change | None:
    if tag_of(host) in UNSEEN | {"head"}:
        return None
    looks = sorted(_COUNTED.sub("", markup(one)) for one in came)
    if looks == sorted(_COUNTED.sub("", one.markup) for one in went):
        return None
    elements = [one for one in came if is_element(one)]
    said = [*(text_of(one) for one in came), *(one.text for one in went)]
    sort = "text"
    if elements:
        sort = f"+{tag_of(elements[0])}.{next(iter(classes(elements[0])), '')}"
    kind = "inserted" if elements else "children"
    return Change(kind, host, sort, elements, any(_WORDED.search(one) for one in said))


def _differs(name: str, before: str | None, now: str | None) -> bool:
    return now != before and bool(now or before or name not in ("class", "style"))


def _is_seen(node: Node) -> bool:
    if is_element(node):
        return tag_of(node) not in UNSEEN
    return node.data["type"] == TEXT and bool(str(node.data.get("textContent") or "").strip())


def _is_told(name: str) -> bool:
    return name not in SILENT and not (name.startswith("rr_") and name != "rr_open_mode")
