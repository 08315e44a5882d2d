"""Nodes whose ids the snippet left out have them again."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replay.ids import put_ids_back

Node = dict[str, Any]


def nodes(depth: int = 3) -> st.SearchStrategy[Node]:
    """Return trees of nodes with any ids."""
    inner = st.lists(nodes(depth - 1), max_size=4) if depth else st.just([])
    return st.builds(lambda i, kids: {"id": i, "childNodes": kids}, st.integers(1, 12), inner)


def left_out(event: dict[str, Any], roots: list[Node]) -> dict[str, Any]:
    """Leave out what the snippet leaves out, by other means: recursion over the ids as they stand."""
    last: int | None = None

    def walk(node: Node) -> None:
        nonlocal last
        given = node["id"]
        if last is not None and given == last + 1:
            del node["id"]
        last = given
        for kid in node["childNodes"]:
            walk(kid)

    for root in roots:
        walk(root)
    return event


@given(nodes())
def test_a_snapshot_has_its_ids_again(tree: Node) -> None:
    """Whatever ids the nodes have, and wherever the row breaks."""
    whole = {"type": 2, "data": {"node": tree}}
    event = copy.deepcopy(whole)
    left_out(event, [event["data"]["node"]])  # type: ignore[index]
    put_ids_back([event])

    assert whole == event


@given(st.lists(nodes(1), max_size=5))
def test_additions_have_their_ids_again(trees: list[Node]) -> None:
    """The nodes that one mutation adds are one row; the next event begins another."""
    adds = [{"parentId": 1, "nextId": None, "node": tree} for tree in trees]
    whole = {"type": 3, "data": {"source": 0, "adds": adds}}
    events = [copy.deepcopy(whole), copy.deepcopy(whole)]
    for event in events:
        left_out(event, [add["node"] for add in event["data"]["adds"]])  # type: ignore[index]
    put_ids_back(events)

    assert [whole, whole] == events


def test_what_fits_nothing_stays_as_it_is() -> None:
    """A first node without an id and ids that are no numbers are for the shape check to refuse."""
    odd = [
        None,
        {"type": 2, "data": None},
        {"type": 2, "data": {"node": {"childNodes": [{"id": 4}, {"childNodes": {}}]}}},
        {"type": 2, "data": {"node": {"id": "7", "childNodes": [{}, {"id": True}, {}]}}},
        {"type": 3, "data": {"source": 0, "adds": [7, {"node": [1]}, {}]}},
        {"type": 3, "data": {"source": 5, "adds": [{"node": {"id": 1, "childNodes": [{}]}}]}},
    ]
    before = copy.deepcopy(odd)
    put_ids_back(odd)
    before[2]["data"]["node"]["childNodes"][1]["id"] = 5  # type: ignore[index]

    assert before == odd
