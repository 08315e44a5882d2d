"""
Tells what a mirror holds as rrweb events: a page size, a full snapshot, and what follows from it.

They rebuild in the player what all events before would have. Ids that follow the one before are left
out, as on the wire (replay/ids.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.mirror import (
    ASSET,
    CANVAS,
    CUSTOM,
    DOCUMENT,
    ELEMENT,
    PAUSE,
    PLAY,
    SIZES,
    Constructed,
    Mirror,
)
from replay.nodes import Data, Node
from replay.shape import (
    ADOPTED_SHEET,
    FULL_SNAPSHOT,
    INCREMENTAL,
    MAX_DEPTH,
    META,
    MUTATION,
    STYLE_RULE,
)


def keyframe(mirror: Mirror, at: float) -> list[Data] | None:
    """
    Return events at the time *at* (ms) that rebuild what *mirror* holds.

    None if it holds no page yet, or one that is nested deeper than the player takes.
    """
    root = mirror.root
    if root is None:
        return None
    writer = _Writer(at)
    tree = writer.tree(root)
    if tree is None:
        return None
    _, place = root.scroll or (0, {"x": 0, "y": 0})
    offset = {"left": place["x"], "top": place["y"]}
    made = [(META, dict(mirror.meta)), (FULL_SNAPSHOT, {"node": tree, "initialOffset": offset})]
    for frame, document in writer.frames:  # grows while documents in documents are written
        told = writer.tree(document)
        if told is None:
            return None
        add = {"parentId": frame.id, "nextId": None, "node": told}
        made.append((INCREMENTAL, {**_mutation(adds=[add]), "isAttachIframe": True}))
    made += ((CUSTOM, note) for note in _notes(mirror))
    made += ((INCREMENTAL, data) for data in _state(mirror, writer.met, at))
    return [{"type": kind, "data": data, "timestamp": at} for kind, data in made]


class _Writer:
    """Writes trees, and remembers what it met on the way."""

    def __init__(self, at: float) -> None:
        self._at = at
        self.frames: list[tuple[Node, Node]] = []
        self.met: list[Node] = []

    def tree(self, top: Node) -> Data | None:
        """Return *top* with all in it; None if that is too deep. Documents in frames are put aside."""
        last = -1
        told = self._told(top, None)
        open_: list[tuple[Iterator[Node], list[Data]]] = []
        if "childNodes" in told:
            open_.append((top.children(), told["childNodes"]))
        last = top.id
        while open_:
            children, into = open_[-1]
            for node in children:
                if node.data["type"] == DOCUMENT and node.parent is not None:
                    self.frames.append((node.parent, node))
                    continue
                one = self._told(node, last)
                last = node.id
                into.append(one)
                if node.first is not None and "childNodes" in one:
                    open_.append((node.children(), one["childNodes"]))
                    break
            else:
                open_.pop()
            if len(open_) > MAX_DEPTH:
                return None
        return told

    def _told(self, node: Node, last: int | None) -> Data:
        """Return *node* without its children; without its id too if that is the one after *last*."""
        told: Data = {} if last is not None and node.id == last + 1 else {"id": node.id}
        told |= node.data
        kind = told["type"]
        if kind == ELEMENT:
            told["attributes"] = self._attributes(node)
        if kind in (DOCUMENT, ELEMENT):
            told["childNodes"] = []
        if node.own or node.css or node.field or node.scroll or node.media:
            self.met.append(node)
        return told

    def _attributes(self, node: Node) -> Data:
        """Return the attributes, as they are now where media have played on."""
        found = dict(node.data["attributes"])
        if node.media is not None and "rr_mediaState" in found:
            found["rr_mediaState"] = "played" if node.media.playing else "paused"
            found["rr_mediaCurrentTime"] = node.media.time_at(self._at)
        return found


def _notes(mirror: Mirror) -> Iterator[Data]:
    """Give the custom events that hold of the page as it is."""
    notes = mirror.notes
    yield from ({"tag": ASSET, "payload": payload} for payload in notes.assets.values())
    if notes.sizes:
        yield {"tag": SIZES, "payload": dict(notes.sizes)}
    for id_, payload in notes.canvases.items():
        if id_ in mirror.nodes:
            yield {"tag": CANVAS, "payload": payload}


def _state(mirror: Mirror, met: list[Node], at: float) -> Iterator[Data]:
    """Give what is true of the *met* nodes of *mirror* beside their attributes."""
    own = [{"id": node.id, "attributes": dict(node.own)} for node in met if node.own]
    if own:
        yield _mutation(attributes=own)
    for node in met:
        if node.css:
            yield from ({**data, "id": node.id} for data in node.css.told())
    yield from _adopted(mirror)
    later = [one for node in met for one in (node.field, node.scroll) if one is not None]
    yield from (data for _, data in sorted(later, key=lambda one: one[0]))
    yield from mirror.fonts
    for node in met:
        if node.media is not None and "source" in node.media.told:
            kind = PLAY if node.media.playing else PAUSE
            yield {**node.media.told, "type": kind, "currentTime": node.media.time_at(at)}
    if mirror.pointer is not None:
        source, position = mirror.pointer
        yield {"source": source, "positions": [{**position, "timeOffset": 0}]}
    if mirror.selection is not None:
        yield mirror.selection


def _adopted(mirror: Mirror) -> Iterator[Data]:
    """Give which sheets documents and roots have adopted, each sheet with the first that has."""
    left = dict(mirror.sheets)
    hosts = {host: data for host, data in mirror.adopted.items() if host in mirror.nodes}
    for data in hosts.values():
        ids = dict.fromkeys(one for one in data["styleIds"] if type(one) is int)
        yield from _constructed(data, {one: left.pop(one) for one in ids if one in left})
    # Sheets that nothing has adopted now: a page may do so again, and will not tell them anew.
    assert mirror.root is not None
    for id_, sheet in left.items():
        host = sheet.host if sheet.host in mirror.nodes else mirror.root.id
        yield from _constructed(hosts.get(host, {"id": host, "styleIds": []}), {id_: sheet})


def _constructed(adopted: Data, fresh: dict[int, Constructed]) -> Iterator[Data]:
    """Give the event of what is *adopted*, with the *fresh* sheets, and what became of these."""
    event = {"source": ADOPTED_SHEET, **adopted}
    styles = [{"styleId": id_, "rules": sheet.rules} for id_, sheet in fresh.items()]
    yield {**event, "styles": styles} if styles else event
    for id_, sheet in fresh.items():
        if sheet.replaced is not None:
            yield {"source": STYLE_RULE, **sheet.replaced, "styleId": id_}
        yield from ({**change, "styleId": id_} for change in sheet.css.told())


def _mutation(**changes: list[Data]) -> Data:
    empty: Data = {"source": MUTATION, "texts": [], "attributes": [], "removes": [], "adds": []}
    return {**empty, **changes}
