"""
Positions of pointer and fingers in columns of differences: the form in which sealed recordings keep them.

`{"source": 1, "positions": [{"x", "y", "id", "timeOffset"}, ...]}` becomes `{"source": 1, "moves":
[xs, ys, ids, offsets]}`, each column its first number and then differences. Of what a visit leaves
behind once its pages are known, positions would be most; so differences are kept, which are small.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any

from replay.shape import DRAG, INCREMENTAL, MOUSE_MOVE, TOUCH_MOVE

NAMES = ("x", "y", "id", "timeOffset")
_SOURCES = (MOUSE_MOVE, TOUCH_MOVE, DRAG)
_WHOLE = frozenset({int})
_ROW = itemgetter(*NAMES)

MOST = 2**53
"""Largest number that is a whole one in a browser; differences of larger ones were none in JSON."""


def packed(events: Iterable[Any]) -> list[Any]:
    """Return *events* with their positions in columns, where all of them are whole numbers."""
    return [_packed(event) for event in events]


def put_positions_back(events: Iterable[Any]) -> None:
    """Give *events* whose positions are in columns the positions themselves."""
    for event in events:
        data = event.get("data") if isinstance(event, dict) else None
        if isinstance(data, dict) and "moves" in data and "positions" not in data:
            positions = _positions(data["moves"])
            if positions is not None:
                del data["moves"]
                data["positions"] = positions


def _packed(event: Any) -> Any:
    if not isinstance(event, dict) or event.get("type") != INCREMENTAL:
        return event
    data = event.get("data")
    if not isinstance(data, dict) or len(data) != 2 or data.get("source") not in _SOURCES:
        return event
    columns = _columns(data.get("positions"))
    if columns is None:
        return event
    moves = [
        [column[0], *(after - before for before, after in pairwise(column))] for column in columns
    ]
    return {**event, "data": {"source": data["source"], "moves": moves}}


def _columns(rows: Any) -> list[tuple[int, ...]] | None:
    """Return the numbers of positions by name; None if they are anything else than whole ones."""
    if not isinstance(rows, list) or not rows:
        return None
    try:
        columns = list(zip(*map(_ROW, rows), strict=True))
    except (KeyError, TypeError):
        return None
    whole = all(_WHOLE.issuperset(map(type, column)) for column in columns)
    if not whole or {len(NAMES)} != set(map(len, rows)):
        return None
    return columns if all(min(one) >= -MOST and max(one) <= MOST for one in columns) else None


def _positions(columns: Any) -> list[dict[str, int]] | None:
    """Return the positions in *columns*; None if they are none: they may come from anybody."""
    if not isinstance(columns, list) or len(columns) != len(NAMES):
        return None
    if not all(
        isinstance(column, list) and _WHOLE.issuperset(map(type, column)) for column in columns
    ):
        return None
    if len({len(column) for column in columns}) != 1:
        return None
    x, y, ids, offsets = whole = [list(accumulate(column)) for column in columns]
    if any(abs(number) > MOST for column in whole for number in column):
        return None
    return [
        {"x": x, "y": y, "id": id_, "timeOffset": offset}
        for x, y, id_, offset in zip(x, y, ids, offsets, strict=True)
    ]
