"""
Tells what a mirror holds as rrweb events: a page size, a full snapshot, and what follows from it.

They rebuild in the player what all events before would have. Written as JSON at once, from texts that
nodes keep: most of a page is as it was at the keyframe before.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from replay import deep
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


def keyframe(mirror: Mirror, at: float) -> bytes | None:
    """
    Return events at the time *at* (ms), as JSON, that rebuild what *mirror* holds.

    None if it holds no page yet, or one that is nested deeper than the player takes.
    """
    root = mirror.root
    if root is None:
        return None
    writer = _Writer(at)
    trees: list[tuple[Node | None, bytes | None]] = [(None, writer.tree(root))]
    for holder, document in writer.frames:  # grows while documents in documents are written
        trees.append((holder, writer.tree(document)))
    made = [(META, deep.dumps(mirror.meta))]
    for frame, tree in trees:
        if tree is None:
            return None
        made.append((FULL_SNAPSHOT, _page(root, tree)) if frame is None else _attached(frame, tree))
    made += ((CUSTOM, deep.dumps(note)) for note in _notes(mirror))
    made += ((INCREMENTAL, deep.dumps(data)) for data in _state(mirror, writer.met, at))
    time = orjson.dumps(int(at) if float(at).is_integer() else at)
    events = (b'{"type":%d,"data":%b,"timestamp":%b}' % (kind, data, time) for kind, data in made)
    return b"[" + b",".join(events) + b"]"


def _page(root: Node, tree: bytes) -> bytes:
    """Return the data of a full snapshot."""
    _, place = root.scroll or (0, {"x": 0, "y": 0})
    offset = orjson.dumps({"left": place["x"], "top": place["y"]})
    return b'{"node":%b,"initialOffset":%b}' % (tree, offset)


def _attached(frame: Node, tree: bytes) -> tuple[int, bytes]:
    """Return type and data of the event that puts a document into *frame*."""
    return INCREMENTAL, (
        b'{"source":0,"texts":[],"attributes":[],"removes":[],"adds":[{"parentId":%d,'
        b'"nextId":null,"node":%b}],"isAttachIframe":true}' % (frame.id, tree)
    )


class _Writer:
    """Writes trees, and remembers what it met on the way."""

    def __init__(self, at: float) -> None:
        self._at = at
        self.frames: list[tuple[Node, Node]] = []
        self.met: list[Node] = []

    def tree(self, top: Node) -> bytes | None:
        """Return *top* with all in it; None if that is too deep. Documents in frames are put aside."""
        out: list[bytes] = []
        open_: list[Node] = []
        node: Node | None = top
        last = -1
        comma = b""
        while True:
            if node is None:  # the last child was told
                done = open_.pop()
                out.append(b"]}")
                if not open_:
                    return b"".join(out)
                node, comma = done.after, b","
            elif node.data["type"] == DOCUMENT and open_:
                self.frames.append((open_[-1], node))
                node = node.after
            else:
                # An id that follows the one before is left out, as on the wire.
                out.append(
                    comma + b"{" if node.id == last + 1 else b'%b{"id":%d,' % (comma, node.id)
                )
                out.append(node.text or self._text(node))
                last = node.id
                if node.marked:
                    self.met.append(node)
                if node.data["type"] not in (DOCUMENT, ELEMENT):
                    node, comma = node.after, b","
                    continue
                open_.append(node)
                if len(open_) > MAX_DEPTH:
                    return None
                node, comma = node.first, b""

    def _text(self, node: Node) -> bytes:
        """Return the JSON of *node* after its id, open before its children; it is kept for the next time."""
        data = node.data
        if data["type"] not in (DOCUMENT, ELEMENT):
            node.text = deep.dumps(data)[1:]
            return node.text
        playing = node.media is not None and "rr_mediaState" in data["attributes"]
        if playing:
            data = {**data, "attributes": self._playing(node)}
        text = deep.dumps(data)[1:-1] + b',"childNodes":['
        if not playing:
            node.text = text
        return text

    def _playing(self, node: Node) -> Data:
        """Return the attributes of a medium as they are now that it has played on."""
        assert node.media is not None
        state = "played" if node.media.playing else "paused"
        now = {"rr_mediaState": state, "rr_mediaCurrentTime": node.media.time_at(self._at)}
        return {**node.data["attributes"], **now}


def _notes(mirror: Mirror) -> Iterator[Data]:
    """Give the custom events that hold of the page as it is."""
    notes = mirror.notes
    yield from ({"tag": ASSET, "payload": payload} for payload in notes.assets.values())
    if notes.sizes:
        yield {"tag": SIZES, "payload": notes.sizes}
    for id_, payload in notes.canvases.items():
        if id_ in mirror.nodes:
            yield {"tag": CANVAS, "payload": payload}


def _state(mirror: Mirror, met: list[Node], at: float) -> Iterator[Data]:
    """Give what is true of the *met* nodes of *mirror* beside their attributes."""
    own = [{"id": node.id, "attributes": node.own} for node in met if node.own]
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
