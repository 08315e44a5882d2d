"""
What a selector would open up if a site released it: looked for in recordings, page by page.

Pure over mirrors of pages. Whatever it cannot decide it counts as opened: a preview that names too much is safe, one
that names too little is not. Which recordings are read, and when one has to stop, is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

import cssselect2

from replay.mirror import Mirror
from replay.nodes import Node

DOCUMENT, ELEMENT, TEXT = 0, 2, 3

_MASKED = re.compile(r"[x\s]*x[x\s]*\Z")
"""How the snippet writes a masked text; one that was x's before is counted too."""

_TYPED = frozenset({"", "true", "plaintext-only"})
_FIELDS = frozenset({"input", "select", "textarea"})
NOT_FIELDS = ":not(input,select,textarea)"
"""Ends each selector that the tool makes: a field that it matches on a page that nobody has seen stays masked."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The selector lists of a site as they are, beside the attribute `data-stolper`."""

    mask: str = ""
    unmask: str = ""
    block: str = ""


@dataclass(slots=True)
class Opened:
    """What *selector* opens on pages of one path: places of one look, and the most of each at any moment."""

    selector: str
    path: str
    what: str
    places: int = 0
    texts: int = 0
    characters: int = 0
    attributes: int = 0
    fields: int = 0
    sessions: set[str] = field(default_factory=set)
    session: str = ""
    at_ms: float = 0.0

    def take(self, other: Opened) -> None:
        """Take in what another moment showed: the most of both, for pages repeat themselves."""
        for name in ("places", "texts", "characters", "attributes", "fields"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        self.sessions |= other.sessions


class _Test:
    """Tests elements against a selector list; one that cannot be read here matches *unread*."""

    def __init__(self, word: str, chosen: str) -> None:
        texts = [f'[data-stolper~="{word}"]', *([chosen] if chosen else [])]
        self._compiled: list[Any] = []
        for text in texts:
            try:
                self._compiled += cssselect2.compile_selector_list(text)
            except cssselect2.SelectorError:
                continue  # hides nothing and shows nothing here: so more is counted as opened

    def __call__(self, element: Any) -> bool:
        return any(one.test(element) for one in self._compiled)


@dataclass(frozen=True, slots=True)
class _Place:
    """What holds at an element: blocked, masked or open as it is, typed into; and what would open it."""

    blocked: bool = False
    area: str = ""
    typed: bool = False
    by: Opened | None = None


class Release:
    """Looks at mirrors for what *chosen* selectors would open beside *areas*, and adds it up."""

    def __init__(self, chosen: Sequence[str], areas: Areas) -> None:
        self._chosen = [(one, cssselect2.compile_selector_list(one)) for one in chosen]
        self._mask = _Test("mask", areas.mask)
        self._unmask = _Test("unmask", areas.unmask)
        self._block = _Test("block", areas.block)
        self._needles = {name for one in chosen for name in re.findall(r"[\w-]+", one)}
        self.opened: dict[tuple[str, str, str], Opened] = {}

    def may_change(self, told: bytes) -> bool:
        """Say whether a change, as JSON, may make an element match that did not."""
        text = told.decode("utf-8", "replace")
        return any(one in text for one in self._needles)

    def look(self, mirror: Mirror, path: str, session: str, at_ms: float) -> None:
        """Count what would be opened of the page as it is now."""
        if mirror.root is None:
            return
        found: dict[tuple[str, str, str], Opened] = {}
        for node, place in self._walk(mirror.root, found, path):
            if place.by is not None and not place.blocked:
                _count(node, place)
        for key, one in found.items():
            if not one.texts and not one.attributes and not one.fields:
                continue
            one.sessions, one.session, one.at_ms = {session}, session, at_ms
            known = self.opened.setdefault(key, one)
            if known is not one:
                known.take(one)

    def _walk(
        self, root: Node, found: dict[tuple[str, str, str], Opened], path: str
    ) -> Iterator[tuple[Node, _Place]]:
        """Give each node with what holds there; trees within one another are matched one by one."""
        trees: list[tuple[Node, _Place]] = [(root, _Place())]
        while trees:
            top, outer = trees.pop()
            elements = _elements(top)
            open_ = [(top, outer)]
            while open_:
                node, place = open_.pop()
                if node is not top and _begins_tree(node):
                    trees.append((node, place))
                    continue
                element = elements.get(node)
                if element is not None:
                    place = self._within(node, element, place, found, path)
                yield node, place
                open_ += [(child, place) for child in node.children()]

    def _within(
        self,
        node: Node,
        element: Any,
        outer: _Place,
        found: dict[tuple[str, str, str], Opened],
        path: str,
    ) -> _Place:
        area, by = outer.area, outer.by
        if self._mask(element):
            area, by = "mask", None
        elif self._unmask(element):
            area, by = "unmask", None
        elif area != "unmask":
            for text, compiled in self._chosen:
                if any(one.test(element) for one in compiled):
                    area, by = "unmask", _opened(found, text, path, node)
                    break
        typed = outer.typed or _is_typed_into(node)
        return _Place(outer.blocked or self._block(element), area, typed, by)


def _opened(
    found: dict[tuple[str, str, str], Opened], selector: str, path: str, node: Node
) -> Opened:
    what = _described(node)
    one = found.setdefault((selector, path, what), Opened(selector, path, what))
    one.places += 1
    return one


def _count(node: Node, place: _Place) -> None:
    one = place.by
    assert one is not None
    if node.data["type"] == TEXT:
        text = str(node.data.get("textContent", ""))
        if not place.typed and _MASKED.match(text):
            one.texts += 1
            one.characters += sum(not sign.isspace() for sign in text)
    elif node.data["type"] == ELEMENT:
        one.fields += node.data["tagName"] in _FIELDS
        one.attributes += sum(
            isinstance(value, str) and len(value) > 1 and bool(_MASKED.match(value))
            for name, value in node.data["attributes"].items()
            if name != "value"
        )


def _begins_tree(node: Node) -> bool:
    """Say whether *node* is a document in a frame, or stands at the top of a shadow root."""
    return node.data["type"] == DOCUMENT or bool(node.data.get("isShadow"))


def _elements(top: Node) -> dict[Node, Any]:
    """Return the elements of one tree as selectors are matched on, by node."""
    root = Element("stolper-tree")
    made: dict[int, Node] = {}
    open_ = [(top, root)]
    while open_:
        node, parent = open_.pop()
        if node is not top and _begins_tree(node):
            continue
        inner = parent
        if node.data["type"] == ELEMENT:
            attributes = node.data["attributes"]
            texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
            inner = Element(str(node.data["tagName"]).lower(), texts)
            parent.append(inner)
            made[id(inner)] = node
        open_ += [(child, inner) for child in reversed(list(node.children()))]
    whole = root[0] if top.data["type"] == DOCUMENT and len(root) == 1 else root
    wrapped = cssselect2.ElementWrapper.from_html_root(whole)
    return {
        made[id(one.etree_element)]: one
        for one in wrapped.iter_subtree()
        if id(one.etree_element) in made
    }


def _is_typed_into(node: Node) -> bool:
    attributes = node.data["attributes"]
    editable = attributes.get("contenteditable")
    roles = str(attributes.get("role", "")).split()
    return (
        node.data["tagName"] == "textarea"
        or (isinstance(editable, str) and editable.lower() in _TYPED)
        or "textbox" in roles
        or "searchbox" in roles
    )


def _described(node: Node) -> str:
    """Return what an element is, as somebody who knows the page calls it."""
    attributes = node.data["attributes"]
    id_, classes = attributes.get("id"), str(attributes.get("class") or "").split()
    name = f"#{id_}" if isinstance(id_, str) and id_ else ""
    return str(node.data["tagName"]).lower() + (name or "".join(f".{one}" for one in classes[:2]))
