"""Recordings as rrweb alone makes them: small pages, hands, and what a page does."""

from __future__ import annotations

from typing import Any

import orjson

from core.model import Event, Privacy
from replay.derived.policy import Policy
from replay.derived.walk import derive
from replay.rrwebfile import Recorded, read
from tests.console.support import element, text_node

Data = dict[str, Any]

BEGIN = 1_760_000_000_000
HREF = "https://shop.example/product/7?ref=mail"
DOWN, UP, CLICK, FOCUS, BLUR = 1, 0, 2, 5, 6


class Page:
    """
    Writes down what happens on a page. Elements are nested lists: [tag, attributes, *children].

    Nodes are numbered as rrweb does; `id` names them by their id attribute.
    """

    def __init__(self, *body: Any, at: int = 0, href: str = HREF, css: str = "") -> None:
        self.events: list[Data] = []
        self._ids: dict[str, int] = {}
        self._next = 1
        self.begin(*body, at=at, href=href, css=css)

    def begin(self, *body: Any, at: int, href: str = HREF, css: str = "") -> None:
        """A document with *body* is there; its numbers begin anew."""
        self._ids, self._next = {}, 1
        self.snapshot(*body, at=at, href=href, css=css)

    def snapshot(self, *body: Any, at: int, href: str = HREF, css: str = "") -> None:
        """Write a page size and a full snapshot."""
        document: Data = {"type": 0, "id": self._take(), "childNodes": []}
        head = ["head", {}, ["title", {}, "Tent 7"], ["style", {"_cssText": css}]]
        document["childNodes"].append(self._node(["html", {}, head, ["body", {}, *body]]))
        self._write(4, {"href": href, "width": 1000, "height": 800}, at)
        self._write(2, {"node": document, "initialOffset": {"left": 0, "top": 0}}, at)

    def hand(self, kind: int, name: str, at: int, x: int = 50, y: int = 60) -> None:
        """One of rrweb's mouse interactions at the element *name*."""
        place = {} if kind in (FOCUS, BLUR) else {"x": x, "y": y}
        self.change(2, at, type=kind, id=self._ids[name], **place)

    def press(self, name: str, at: int, *, click: bool = True) -> None:
        """Press the element *name* for 60 ms."""
        self.hand(DOWN, name, at)
        self.hand(UP, name, at + 60)
        if click:
            self.hand(CLICK, name, at + 61)

    def input(self, name: str, text: str, at: int, *, checked: bool = False) -> None:
        self.change(5, at, id=self._ids[name], text=text, isChecked=checked)

    def type(self, name: str, texts: list[str], at: int) -> None:
        """Type: each of *texts* stands there 100 ms after the one before."""
        for number, text in enumerate(texts):
            self.input(name, text, at + 100 * number)

    def attribute(self, name: str, at: int, **values: Any) -> None:
        told = {
            "id": self._ids[name],
            "attributes": {k[0] + k[1:].replace("_", "-"): v for k, v in values.items()},
        }
        self._mutate(at, attributes=[told])

    def add(self, parent: str, at: int, node: Any) -> None:
        """Add *node* at the end of *parent*, piece by piece as rrweb does."""
        adds: list[Data] = []
        pending = [(self._ids[parent], self._node(node))]
        for above, one in pending:
            kids = one.pop("childNodes", None)
            adds.append({"parentId": above, "nextId": None, "node": one})
            if kids is not None:
                one["childNodes"] = []
                pending += [(one["id"], kid) for kid in kids]
        self._mutate(at, adds=adds)

    def text(self, name: str, value: str, at: int) -> None:
        """The text that is the first child of *name* is *value* now."""
        self._mutate(at, texts=[{"id": self._ids[name] + 1, "value": value}])

    def change(self, source: int, at: int, **data: Any) -> None:
        self._write(3, {"source": source, **data}, at)

    def custom(self, tag: str, payload: Any, at: int) -> None:
        self._write(5, {"tag": tag, "payload": payload}, at)

    def plugin(self, name: str, payload: Any, at: int) -> None:
        self._write(6, {"plugin": name, "payload": payload}, at)

    def id_of(self, name: str) -> int:
        return self._ids[name]

    def _mutate(self, at: int, **changes: Any) -> None:
        empty: Data = {"texts": [], "attributes": [], "removes": [], "adds": []}
        self.change(0, at, **{**empty, **changes})

    def _write(self, type_: int, data: Data, at: int) -> None:
        self.events.append({"type": type_, "data": data, "timestamp": BEGIN + at})

    def _take(self) -> int:
        self._next += 1
        return self._next - 1

    def _node(self, told: Any) -> Data:
        id_ = self._take()
        if isinstance(told, str):
            return text_node(id_, told)
        tag, attributes, *kids = told
        self._ids[str(attributes.get("id", tag))] = id_
        made = element(id_, tag, [], attributes)
        made["childNodes"] = [self._node(kid) for kid in kids]
        return made


def derived(
    page: Page, privacy: Privacy = "standard", *, trusted: bool = False
) -> list[list[Event]]:
    """Return the events of each document that *page* wrote."""
    return [one.events for one in derive(parsed(page).documents, Policy(privacy, trusted=trusted))]


def parsed(page: Page) -> Recorded:
    return read(orjson.dumps(page.events))


def of(kind: str, events: list[Event]) -> list[Event]:
    """Return those of *events* that are of *kind*."""
    return [one for one in events if one["type"] == kind]
