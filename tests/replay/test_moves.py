"""Positions in columns: every number comes back, and what is no position stays what it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.moves import packed, put_positions_back

WHOLE = st.integers(-(2**53), 2**53)
POSITION = st.fixed_dictionaries(dict.fromkeys(("x", "y", "id", "timeOffset"), WHOLE))
MOVES = st.builds(
    lambda source, positions, at: {
        "type": 3, "timestamp": at, "data": {"source": source, "positions": positions},
    },
    st.sampled_from([1, 6, 12]), st.lists(POSITION, min_size=1, max_size=9), st.integers(0, 9),
)  # fmt: skip


@given(st.lists(MOVES, max_size=5))
def test_positions_come_back(events: list[dict[str, Any]]) -> None:
    """Whatever whole numbers they are; the events that were packed stay as they were."""
    before = copy.deepcopy(events)
    told = packed(events)

    assert before == events
    assert all("positions" not in event["data"] for event in told)
    put_positions_back(told)

    assert before == told


def test_a_path_takes_less() -> None:
    """A path drawn by hand is kept as small differences."""
    positions = [{"x": 300 + n, "y": 500 - 2 * n, "id": 7, "timeOffset": 50 * n - 400} for n in range(4)]  # fmt: skip
    event = {"type": 3, "timestamp": 1, "data": {"source": 1, "positions": positions}}
    [told] = packed([event])

    assert [[300, 1, 1, 1], [500, -2, -2, -2], [7, 0, 0, 0], [-400, 50, 50, 50]] == told["data"]["moves"]  # fmt: skip


ROW = {"x": 1, "y": 2, "id": 3, "timeOffset": 4}


@pytest.mark.parametrize(
    "data",
    [
        {"source": 1, "positions": []},
        {"source": 1, "positions": [{**ROW, "x": 1.5}]},
        {"source": 1, "positions": [{**ROW, "x": True}]},
        {"source": 1, "positions": [{**ROW, "more": 1}]},
        {"source": 1, "positions": [{**ROW, "x": 2**63}]},
        {"source": 1, "positions": [{"x": 1, "y": 2, "id": 3}]},
        {"source": 1, "positions": [ROW, None]},
        {"source": 1, "positions": [ROW], "more": 1},
        {"source": 2, "positions": [ROW]},
        {"source": [], "positions": [ROW]},
        {"source": 1, "positions": {}},
        None,
    ],
)
def test_what_is_no_position_stays(data: Any) -> None:
    """Fractions, further facts and nonsense are kept as they came."""
    event = {"type": 3, "timestamp": 1, "data": data}

    assert [event, None, 7] == packed([event, None, 7])


@pytest.mark.parametrize(
    "moves", [None, [], [[1]] * 3, [[1], [1], [1], [1, 2]], [[1], [1], [1], [None]], [1, 1, 1, 1], [[1], [1], [True], [1]], [[1.5]] * 4, [[2**53, 1]] * 4]
)  # fmt: skip
def test_columns_that_are_none_stay(moves: Any) -> None:
    """They may come from anybody: what has no sense is left for the check of shapes."""
    event = {"type": 3, "timestamp": 1, "data": {"source": 1, "moves": moves}}
    before = copy.deepcopy(event)
    put_positions_back([event, None, {"data": []}, {"data": {"moves": 1, "positions": 2}}])

    assert before == event
