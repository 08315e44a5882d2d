"""
Nodes of a mirrored page, in linked lists, and what media elements do. Changing them is mirror.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from replay.css_changes import CssChanges

Data = dict[str, Any]


@dataclass(slots=True, eq=False)
class Node:
    """
    One node, in a linked list of its parent's children.

    *data* is what the recording says of it, without id and children. *own* holds attributes that
    only the player's element has, because a change brought them (`rr_popover`, those of style
    elements); None: it has that one no more. *marked*: there is more
    to tell of it than its data. *text* is its JSON without id, as keyframe.py keeps it until it changes.
    """

    id: int
    data: Data
    parent: Node | None = None
    first: Node | None = None
    last: Node | None = None
    before: Node | None = None
    after: Node | None = None
    own: Data | None = None
    css: CssChanges | None = None
    field: tuple[int, Data] | None = None
    scroll: tuple[int, Data] | None = None
    media: Media | None = None
    marked: bool = False
    text: bytes | None = None

    def children(self) -> Iterator[Node]:
        """Give the children, those of a shadow root and a frame's document among them."""
        one = self.first
        while one is not None:
            following = one.after
            yield one
            one = following


@dataclass(frozen=True, slots=True)
class Media:
    """What a media element did when it was last told of, at *at* (ms)."""

    playing: bool
    at: float
    told: Data

    def time_at(self, now: float) -> float:
        """Return the place in the medium at *now*, in seconds."""
        since = (now - self.at) / 1000 if self.playing else 0.0
        rate = self.told.get("playbackRate")
        start = self.told.get("currentTime")
        return number(start, 0.0) + since * number(rate, 1.0)


def append(parent: Node, node: Node) -> None:
    insert(parent, node, None)


def insert(parent: Node, node: Node, following: Node | None) -> None:
    """Put *node* into *parent* before *following*; after all children if that is None."""
    before = parent.last if following is None else following.before
    node.parent, node.before, node.after = parent, before, following
    if before is None:
        parent.first = node
    else:
        before.after = node
    if following is None:
        parent.last = node
    else:
        following.before = node


def detach(node: Node) -> None:
    parent = node.parent
    if parent is None:
        return
    if node.before is None:
        parent.first = node.after
    else:
        node.before.after = node.after
    if node.after is None:
        parent.last = node.before
    else:
        node.after.before = node.before
    node.parent = node.before = node.after = None


def media_of(attributes: Data, at: float) -> Media:
    """Return what the *attributes* of a full snapshot say of a media element."""
    names = {
        "currentTime": "rr_mediaCurrentTime",
        "playbackRate": "rr_mediaPlaybackRate",
        "muted": "rr_mediaMuted",
        "loop": "rr_mediaLoop",
        "volume": "rr_mediaVolume",
    }
    told = {name: attributes[key] for name, key in names.items() if key in attributes}
    return Media(attributes["rr_mediaState"] == "played", at, told)


def number(value: Any, otherwise: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number else otherwise
