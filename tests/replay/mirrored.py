"""What a mirror holds as plain values, and a page that is changed in the simplest way there is."""

from __future__ import annotations

import json
from typing import Any

from replay import deep
from replay.ids import put_ids_back
from replay.keyframe import keyframe
from replay.mirror import Mirror
from replay.nodes import Node

Data = dict[str, Any]


def mirrored(events: list[Data]) -> Mirror:
    """Return the mirror of *events*, which stay as they are."""
    mirror = Mirror()
    for event in events:
        mirror.apply(event)
    return mirror


def rebuilt(mirror: Mirror, at: float) -> list[Data]:
    """Return the keyframe of *mirror* as it is when it has been stored and read."""
    content = keyframe(mirror, at)
    assert content is not None
    stored: list[Data] = deep.loads(content)
    put_ids_back(stored)
    return stored


def tree(node: Node) -> Data:
    """Return *node* with all in it as nested values."""
    kids = [tree(child) for child in node.children()]
    media = node.media and (node.media.playing, round(node.media.time_at(100_000), 6))
    return {
        "id": node.id,
        **node.data,
        "own": node.own or {},
        "css": list(node.css.told()) if node.css else [],
        "field": node.field and node.field[1],
        "scroll": node.scroll and node.scroll[1],
        "media": media,
        "kids": kids,
    }


def state(mirror: Mirror) -> Data:
    """Return all that *mirror* holds, without what only orders it."""
    assert mirror.root is not None
    hosts = {
        host: data["styleIds"]
        for host, data in mirror.adopted.items()
        if host in mirror.nodes and data["styleIds"]
    }
    sheets = {
        id_: (sheet.rules, sheet.replaced, list(sheet.css.told()))
        for id_, sheet in mirror.sheets.items()
    }
    return {
        "meta": mirror.meta,
        "tree": tree(mirror.root),
        "adopted": hosts,
        "sheets": sheets,
        "pointer": mirror.pointer and (mirror.pointer[0], {**mirror.pointer[1], "timeOffset": 0}),
        "selection": mirror.selection,
        "assets": mirror.notes.assets,
        "sizes": mirror.notes.sizes,
        "canvases": {k: v for k, v in mirror.notes.canvases.items() if k in mirror.nodes},
        "ids": sorted(mirror.nodes),
    }


class Page:
    """
    A page as nested dictionaries, without any index: every step searches the whole.

    The oracle of the mirror's tree. Its methods return the events that tell of what they did.
    """

    def __init__(self) -> None:
        body = {"id": 4, "type": 2, "tagName": "body", "attributes": {}, "childNodes": []}
        html = {"id": 2, "type": 2, "tagName": "html", "attributes": {}, "childNodes": [body]}
        self.root: Data = {"id": 1, "type": 0, "childNodes": [html]}
        self.next = 5
        self.at = 10.0

    def snapshot(self) -> list[Data]:
        """Return the events of the page as it is."""
        node = json.loads(json.dumps(self.root))
        size = {"href": "https://shop.example/", "width": 800, "height": 600}
        return [
            self._event(4, size),
            self._event(2, {"node": node, "initialOffset": {"left": 0, "top": 0}}),
        ]

    def all(self) -> list[tuple[Data | None, Data]]:
        """Return every node with its parent."""
        found: list[tuple[Data | None, Data]] = [(None, self.root)]
        for _, node in found:
            found.extend((node, kid) for kid in node.get("childNodes", ()))
        return found

    def elements(self) -> list[Data]:
        """Return the elements that may have children."""
        return [node for _, node in self.all() if node["type"] == 2 and node["tagName"] != "html"]

    def removable(self) -> list[tuple[Data, Data]]:
        """Return nodes below the body, with their parents."""
        return [(p, n) for p, n in self.all() if p is not None and n["id"] > 4]

    def add(self, parent: Data, before: int, kind: str) -> Data:
        """Put a new node into *parent* before its child number *before*."""
        node: Data = {"id": self.next, "type": 3, "textContent": f"text {self.next}"}
        if kind != "text":
            attributes = {"class": f"c{self.next}"}
            node = {"id": self.next, "type": 2, "tagName": kind, "attributes": attributes}
            node["childNodes"] = []
        self.next += 1
        return self._change(removes=[], adds=self._put(parent, before, node))

    def remove(self, parent: Data, node: Data) -> Data:
        """Take *node* out of *parent*."""
        parent["childNodes"] = [one for one in parent["childNodes"] if one is not node]
        return self._change(removes=[{"parentId": parent["id"], "id": node["id"]}], adds=[])

    def move(self, parent: Data, node: Data, to: Data, before: int) -> Data:
        """Move *node* with all in it: it goes, and is told anew piece by piece."""
        gone = self.remove(parent, node)
        adds = self._put(to, before, node)
        pending = [node]
        for one in pending:
            for kid in one.get("childNodes", ()):
                adds.append({"parentId": one["id"], "nextId": None, "node": _alone(kid)})
                pending.append(kid)
        return self._change(removes=gone["data"]["removes"], adds=adds)

    def text(self, node: Data, value: str) -> Data:
        """Let the text *node* say *value*."""
        node["textContent"] = value
        return self._change(texts=[{"id": node["id"], "value": value}])

    def attribute(self, node: Data, name: str, value: str | None) -> Data:
        """Set or remove an attribute."""
        node["attributes"].pop(name, None)
        if value is not None:
            node["attributes"][name] = value
        return self._change(attributes=[{"id": node["id"], "attributes": {name: value}}])

    def act(self, source: int, **data: Any) -> Data:
        """Return an event of *source* that changes no node."""
        return self._event(3, {"source": source, **data})

    def _put(self, parent: Data, before: int, node: Data) -> list[Data]:
        kids = parent["childNodes"]
        following = kids[before]["id"] if before < len(kids) else None
        kids.insert(before, node)
        return [{"parentId": parent["id"], "nextId": following, "node": _alone(node)}]

    def _change(self, **changes: list[Data]) -> Data:
        empty: Data = {"texts": [], "attributes": [], "removes": [], "adds": []}
        return self._event(3, {"source": 0, **empty, **changes})

    def _event(self, kind: int, data: Data) -> Data:
        self.at += 1
        return {"type": kind, "data": data, "timestamp": self.at}


def _alone(node: Data) -> Data:
    """Return *node* as additions tell it: without what is in it."""
    told: Data = json.loads(json.dumps(node))
    if "childNodes" in told:
        told["childNodes"] = []
    return told
