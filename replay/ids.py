"""
Puts the ids of nodes back that the snippet leaves out (docs/wire-format.md "Head").

Of a snapshot's compressed bytes ids would be most: they are counted up from node to node, and no two
are alike. What a stranger's browser sent is not trusted to fit: shape.py looks at it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from replay.shape import FULL_SNAPSHOT, INCREMENTAL, MUTATION


def put_ids_back(events: Iterable[Any]) -> None:
    """Give each node of *events* (rrweb's, as JSON has them) without `id` the id after that of the node before."""
    for event in events:
        last: int | None = None
        for node in _in_order(_roots(event)):
            given = node.get("id")
            if given is None and last is not None:
                last += 1
                node["id"] = last
            else:
                last = given if type(given) is int else None


def _roots(event: Any) -> list[Any]:
    """Return the nodes that *event* brings, without those in them."""
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict):
        return []
    if event.get("type") == FULL_SNAPSHOT:
        return [data.get("node")]
    if event.get("type") == INCREMENTAL and data.get("source") == MUTATION:
        adds = data.get("adds")
        return [add.get("node") for add in _list(adds) if isinstance(add, dict)]
    return []


def _in_order(roots: list[Any]) -> Iterator[dict[str, Any]]:
    """Give *roots* and the nodes in them as their texts begin; without recursion, pages nest deep."""
    open_ = [iter(roots)]
    while open_:
        for node in open_[-1]:
            if isinstance(node, dict):
                yield node
                kids = _list(node.get("childNodes"))
                if kids:
                    open_.append(iter(kids))
                    break
        else:
            open_.pop()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
