"""
The recorded page at a moment, without a browser: applies rrweb's events as the player does.

Owns what a page's picture consists of: nodes, values of fields, scroll positions, changed and
adopted style sheets, media, and the notes of ours (docs/wire-format.md "Assets"). Values are never
looked into, so that style texts may stand in events by their hashes. Telling it all again as a full
snapshot is keyframe.py's.

Events come from strangers' browsers. They have passed shape.py; what they name may still not be
there, and is then left out as the player leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from replay.css_changes import CssChanges
from replay.declarations import with_declarations
from replay.nodes import Data, Media, Node, append, detach, insert, media_of, number
from replay.shape import (
    ADOPTED_SHEET,
    DRAG,
    FULL_SNAPSHOT,
    INCREMENTAL,
    INPUT,
    MAX_NODES,
    MEDIA,
    META,
    MOUSE_MOVE,
    MUTATION,
    RESIZE,
    SCROLL,
    SELECTION,
    STYLE_DECLARATION,
    STYLE_RULE,
    TOUCH_MOVE,
)

CUSTOM = 5
DOCUMENT = 0
ELEMENT = 2
FONT = 10
PLAY, PAUSE = 0, 1

ASSET, SIZES, CANVAS = "stolper.asset", "stolper.sizes", "stolper.canvas"

MOST_WAITING = 100
"""Documents that may wait for their frames: a page tells of a frame in the event before."""

SHEETS = frozenset({"style", "link"})


class MirrorFull(ValueError):
    """The recording has more nodes at once than any page."""


@dataclass(slots=True)
class Constructed:
    """
    A sheet that a script made: its *rules* as told first, what *replaced* them, and changes.

    *host* is the document, or the element of the shadow root, that adopted it first.
    """

    host: int
    rules: Any
    replaced: Data | None = None
    css: CssChanges = field(default_factory=CssChanges)


@dataclass(slots=True)
class Notes:
    """What custom events of ours said: addresses of assets, sizes of pictures, canvases' pictures."""

    assets: dict[Any, Data] = field(default_factory=dict)
    sizes: Data = field(default_factory=dict)
    canvases: dict[int, Data] = field(default_factory=dict)


class Mirror:
    """The page as the events that were applied leave it."""

    def __init__(self) -> None:
        self.meta: Data = {}
        self.root: Node | None = None
        self.nodes: dict[int, Node] = {}
        self.adopted: dict[int, Data] = {}
        self.sheets: dict[int, Constructed] = {}
        self.pointer: tuple[int, Data] | None = None
        self.selection: Data | None = None
        self.fonts: list[Data] = []
        self.notes = Notes()
        self._waiting: dict[int, Data] = {}  # documents whose frame is not there yet, by its id
        self._count = 0
        self._sources: dict[int, Callable[[Data, float], None]] = {
            MUTATION: lambda data, _: self._mutate(data),
            MOUSE_MOVE: self._point,
            TOUCH_MOVE: self._point,
            DRAG: self._point,
            SCROLL: lambda data, _: self._scroll(data),
            RESIZE: lambda data, _: self._resize(data),
            INPUT: lambda data, _: self._input(data),
            MEDIA: self._media,
            STYLE_RULE: lambda data, _: self._rules(data),
            STYLE_DECLARATION: lambda data, _: self._rules(data),
            ADOPTED_SHEET: lambda data, _: self._adopt(data),
            SELECTION: lambda data, _: self._select(data),
            FONT: lambda data, _: self.fonts.append(data),
        }

    def apply(self, event: Data) -> None:
        """Apply a checked *event*. Raise MirrorFull if there are too many nodes now."""
        kind, data = event["type"], event.get("data")
        if kind == INCREMENTAL and self.root is not None:
            act = self._sources.get(event["data"]["source"])
            if act is not None:
                act(event["data"], event["timestamp"])
        elif kind == META:
            self.meta = dict(event["data"])
        elif kind == FULL_SNAPSHOT:
            self._begin(event["data"], event["timestamp"])
        elif kind == CUSTOM and isinstance(data, dict):
            self._note(data)

    # The tree

    def _begin(self, data: Data, at: float) -> None:
        self.nodes = {}
        self.adopted, self.sheets = {}, {}
        self.fonts = []
        self.notes = Notes()
        self.selection = self.pointer = None
        self.root = self._build(data["node"], at)
        offset = data.get("initialOffset") or {}
        x, y = number(offset.get("left"), 0), number(offset.get("top"), 0)
        self.root.marked = True
        self.root.scroll = self._next(), {"source": SCROLL, "id": self.root.id, "x": x, "y": y}
        self._attach_waiting()

    def _build(self, told: Data, at: float | None) -> Node:
        """
        Make the node *told* with all in it.

        *at*: it is of a full snapshot at that time, whose media the player keeps going.
        """
        top = self._make(told, at)
        open_ = [(top, told)]
        while open_:
            parent, text = open_.pop()
            for child in text.get("childNodes") or ():
                node = self._make(child, at)
                append(parent, node)
                open_.append((node, child))
        return top

    def _make(self, told: Data, at: float | None = None) -> Node:
        data = {name: value for name, value in told.items() if name not in ("id", "childNodes")}
        node = Node(told["id"], data)
        if data["type"] == ELEMENT:
            attributes = data["attributes"] = dict(data["attributes"])
            if at is not None and "rr_mediaState" in attributes:
                node.media = media_of(attributes, at)
                node.marked = True
        if len(self.nodes) >= MAX_NODES:
            raise MirrorFull(f"more than {MAX_NODES} nodes at once")
        self.nodes[node.id] = node
        return node

    def _mutate(self, data: Data) -> None:
        for one in data["removes"]:
            self._remove(one)
        waiting = [one for one in data["adds"] if not self._add(one)]
        while waiting:
            still = [one for one in waiting if not self._add(one)]
            if len(still) == len(waiting):
                break  # what they stand under or before never comes
            waiting = still
        for one in data["texts"]:
            self._text(one)
        for one in data["attributes"]:
            node = self.nodes.get(one["id"])
            if node is not None and node.data["type"] == ELEMENT:
                self._attributes(node, one["attributes"])

    def _remove(self, one: Data) -> None:
        node, parent = self.nodes.get(one["id"]), self.nodes.get(one["parentId"])
        if node is None or parent is None:
            return
        if node.parent is parent:
            _restyled(parent, node)
            detach(node)
        self._forget(node)

    def _forget(self, top: Node) -> None:
        """Forget the ids of *top* and of all in it."""
        pending = [top]
        while pending:
            node = pending.pop()
            if self.nodes.get(node.id) is node:
                del self.nodes[node.id]
            pending.extend(node.children())

    def _add(self, one: Data) -> bool:
        """Carry out an addition; False if it must wait for another."""
        told, parent = one["node"], self.nodes.get(one["parentId"])
        if parent is None:
            if told["type"] != DOCUMENT:
                return False
            if len(self._waiting) < MOST_WAITING:
                self._waiting[one["parentId"]] = told
            return True
        after = _id(one.get("nextId"))
        if after not in (None, -1) and after not in self.nodes:
            return False
        root = _id(told.get("rootId"))
        if parent.data["type"] not in (DOCUMENT, ELEMENT) or (root and root not in self.nodes):
            return True
        if parent.data.get("tagName") == "iframe":
            if told["type"] == DOCUMENT:
                self._attach(parent, told)
                self._attach_waiting()
            return True
        if (old := self.nodes.get(told["id"])) is not None:
            detach(old)
            self._forget(old)
            parent = self.nodes.get(one["parentId"])
            if parent is None:
                return True
        node = self._make(told)
        if told.get("isShadow"):
            parent.data["isShadowHost"] = True
            parent.text = None
        insert(parent, node, self._place(one, parent))
        _restyled(parent, node)
        if self._waiting:
            self._attach_waiting()
        return True

    def _place(self, one: Data, parent: Node) -> Node | None:
        """Return the child of *parent* before which the addition *one* goes; None: after all."""
        previous = self.nodes.get(_id(one.get("previousId")) or 0)
        if previous is not None and previous.after is not None and previous.parent is parent:
            return previous.after
        following = self.nodes.get(_id(one.get("nextId")) or 0)
        return following if following is not None and following.parent is parent else None

    def _attach(self, frame: Node, told: Data) -> None:
        """Put the document *told* in the place of what *frame* shows."""
        for old in frame.children():
            detach(old)
            self._forget(old)
        append(frame, self._build(told, None))

    def _attach_waiting(self) -> None:
        """Attach the documents whose frames have come, with the documents that they bring."""
        while ready := [one for one in self._waiting if self._is_frame(one)]:
            for frame in ready:
                self._attach(self.nodes[frame], self._waiting.pop(frame))

    def _is_frame(self, id_: int) -> bool:
        node = self.nodes.get(id_)
        return node is not None and node.data.get("tagName") == "iframe"

    def _text(self, one: Data) -> None:
        node = self.nodes.get(one["id"])
        if node is None or "textContent" not in node.data:
            return
        node.data["textContent"] = one.get("value")
        node.text = None
        if node.parent is not None:
            _restyled(node.parent, node)

    def _attributes(self, node: Node, changes: Data) -> None:
        attributes: Data = node.data["attributes"]
        node.text = None
        if node.data["tagName"] in SHEETS:
            self._style_attributes(node, attributes, changes)
            return
        for name, value in changes.items():
            if name.startswith("rr_") and name != "rr_open_mode":
                own = node.own = node.own or {}
                node.marked = True
                _set(own, name, value)
            elif name == "style" and isinstance(value, dict):
                attributes["style"] = with_declarations(attributes.get("style"), value)
            elif value is None or isinstance(value, str):
                _set(attributes, name, value)

    def _style_attributes(self, node: Node, attributes: Data, changes: Data) -> None:
        """
        Change the attributes of an element that holds a sheet.

        With a new text the player makes it anew, of what it was told first and with texts since;
        what was changed otherwise is forgotten. So the two are kept apart here.
        """
        if changes.get("_cssText") is None:
            node.own = {**(node.own or {}), **changes}
            node.marked = True
            return
        for name, value in changes.items():
            _set(attributes, name, value)
        node.own = node.css = None

    # What does not stand in the tree

    def _next(self) -> int:
        """Return a number that later ones are above: of what comes twice, the last counts."""
        self._count += 1
        return self._count

    def _point(self, data: Data, _: float) -> None:
        self.pointer = data["source"], data["positions"][-1]

    def _scroll(self, data: Data) -> None:
        node = self.nodes.get(data["id"])
        if node is not None:
            node.scroll, node.marked = (self._next(), data), True

    def _resize(self, data: Data) -> None:
        self.meta |= {"width": data["width"], "height": data["height"]}

    def _input(self, data: Data) -> None:
        node = self.nodes.get(data["id"])
        if node is not None:
            node.field, node.marked = (self._next(), data), True

    def _media(self, data: Data, at: float) -> None:
        node = self.nodes.get(data["id"])
        if node is None or node.data["type"] != ELEMENT:
            return
        before = node.media
        kind = data.get("type")
        autoplay = "autoplay" in node.data["attributes"]
        playing = kind == PLAY or (kind != PAUSE and (before.playing if before else autoplay))
        told = {**(before.told if before else {}), **_given(data)}
        node.media, node.marked = Media(playing, at, {**told, "source": MEDIA, "id": node.id}), True
        node.text = None

    def _rules(self, data: Data) -> None:
        sheet = None
        if (style := _id(data.get("styleId"))) is not None:
            sheet = self.sheets.get(style)
            if sheet is None:
                return
            css = sheet.css
        else:
            node = self.nodes.get(_id(data.get("id")) or 0)
            if node is None or node.data.get("tagName") not in SHEETS:
                return
            if node.css is None:
                node.css, node.marked = CssChanges(), True
            css = node.css
        if data["source"] == STYLE_DECLARATION:
            css.declaration(data)
            return
        css.rules(data)
        replaced = {n: data[n] for n in ("replace", "replaceSync") if data.get(n) is not None}
        if sheet is not None and replaced:
            sheet.replaced, sheet.css = replaced, CssChanges()

    def _adopt(self, data: Data) -> None:
        self.adopted.pop(data["id"], None)  # so that the order is that of the last ones
        self.adopted[data["id"]] = {"id": data["id"], "styleIds": data["styleIds"]}
        for style in data.get("styles") or ():
            if (id_ := _id(style.get("styleId"))) is not None:
                self.sheets[id_] = Constructed(data["id"], style.get("rules"))

    def _select(self, data: Data) -> None:
        self.selection = data

    def _note(self, data: Data) -> None:
        tag, payload = data.get("tag"), data.get("payload")
        if not isinstance(payload, dict):
            return
        if tag == ASSET:
            key = payload.get("url"), payload.get("node")
            if all(isinstance(one, str | int | None) for one in key):
                self.notes.assets[key] = payload
        elif tag == SIZES:
            self.notes.sizes |= payload
        elif tag == CANVAS and isinstance(payload.get("id"), int):
            self.notes.canvases[payload["id"]] = payload


def _restyled(parent: Node, child: Node) -> None:
    """A text came to *parent*, changed or went: a style element's rules are its text's again."""
    if "textContent" in child.data and parent.data.get("tagName") == "style":
        parent.css = None


def _set(attributes: Data, name: str, value: Any) -> None:
    if value is None:
        attributes.pop(name, None)
    else:
        attributes[name] = value


def _given(data: Data) -> Data:
    return {name: value for name, value in data.items() if value is not None and name != "type"}


def _id(value: Any) -> int | None:
    """Return *value* if it can be an id; others' shape was not checked everywhere."""
    return value if type(value) is int else None
