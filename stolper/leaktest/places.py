"""Names where a text stands: the field of an event, or the element of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay.recording import Recorded, recordings
from stolper.leaktest.search import Found, Search

_TEXT = 3
_STEPS = 4


async def found_in(store: Recorded, session: str, search: Search) -> list[Found]:
    """Return what *search* finds in the events and recordings of *session*, each place once."""
    found: dict[tuple[str, str], Found] = {}
    for batch in await store.batches(session):
        for event in batch.events:
            for path, text in _strings(event):
                _note(found, search, f"event {event['type']}, field {path}", text)
    for load in await store.page_loads(session):
        for path, text in _strings(load.page):
            _note(found, search, f"page, field {path}", text)
    async for read in recordings(store, session):
        tree = _Tree()
        for event in read.events:
            for place, text in tree.look(event):
                _note(found, search, f"recording, {place}", text)
    return list(found.values())


def _note(found: dict[tuple[str, str], Found], search: Search, where: str, text: str) -> None:
    for one in search.look(where, text.encode()) if text else ():
        found.setdefault((one.text, where), Found(one.text, where, one.form))


def _strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Return every text in *value*, names of maps too, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            yield here, str(name)
            yield from _strings(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, path)


class _Tree:
    """The recorded document, as far as names for its elements need it."""

    def __init__(self) -> None:
        self._nodes: dict[int, tuple[str, int | None]] = {}  # by id: how it is called, its parent

    def look(self, event: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Return the texts of *event*, an rrweb event, with where they stand."""
        data = event.get("data")
        if not isinstance(data, dict):
            return
        if isinstance(data.get("node"), dict):
            yield from self._node(data["node"], None, "")
        elif data.get("source") == 0:
            yield from self._mutation(data)
        else:
            for path, text in _strings(data):
                yield f"{path}{self._at(data.get('id'))}", text

    def _mutation(self, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for one in data.get("adds", []):
            yield from self._node(one["node"], one["parentId"], "added ")
        for one in data.get("texts", []):
            yield f"changed text{self._at(one['id'])}", str(one.get("value") or "")
        for one in data.get("attributes", []):
            for name, value in one.get("attributes", {}).items():
                for _, text in _strings(value):
                    yield f"changed attribute {name}{self._at(one['id'])}", text

    def _node(
        self, node: dict[str, Any], parent: int | None, how: str
    ) -> Iterator[tuple[str, str]]:
        pending = [(node, parent)]  # no recursion: pages nest as deep as they like
        while pending:
            node, parent = pending.pop()
            attributes = node.get("attributes") or {}
            self._nodes[node["id"]] = (_name(node, attributes), parent)
            if node.get("type") == _TEXT:
                yield f"{how}text{self._at(parent)}", str(node.get("textContent") or "")
            for name, value in attributes.items():
                yield f"{how}attribute {name}{self._at(node['id'])}", str(value)
            pending += [(child, node["id"]) for child in reversed(node.get("childNodes", []))]

    def _at(self, id_: object) -> str:
        """Return the selector of a node as ` of main > p.total`."""
        steps: list[str] = []
        at = id_ if isinstance(id_, int) else None
        while at is not None and at in self._nodes and len(steps) < _STEPS:
            name, at = self._nodes[at]
            if name:
                steps.insert(0, name)
            if name.startswith("#") or "#" in name:
                break
        return f" of {' > '.join(steps)}" if steps else ""


def _name(node: dict[str, Any], attributes: dict[str, Any]) -> str:
    tag = node.get("tagName")
    if not tag:
        return ""
    id_, classes = str(attributes.get("id") or ""), str(attributes.get("class") or "").split()
    return f"{tag}#{id_}" if id_ else ".".join([tag, *classes[:2]])
