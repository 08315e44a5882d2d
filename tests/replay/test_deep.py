"""JSON deeper than orjson goes, read and written without recursion."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.deep import MAX_LEVELS, _Reader, dumps, loads

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=25,
)


def nested(levels: int) -> str:
    """Return JSON *levels* deep, arrays and objects by turns, with something beside each."""
    pairs = levels // 2
    return '[1,{"a":"x,]}","b":' * pairs + "null" + "}, 2 ]" * pairs


@given(values, st.sampled_from([None, 2]))
def test_slow_reader_agrees(value: Any, indent: int | None) -> None:
    """The reader without recursion reads any JSON as it was written."""
    text = json.dumps(value, indent=indent)

    assert value == _Reader().read(text)


@given(st.text(alphabet='[]{}:,"a1\\ ', max_size=12))
def test_slow_reader_takes_nothing_that_is_none(text: str) -> None:
    """What orjson refuses, the reader without recursion refuses too."""
    try:
        expected = orjson.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            _Reader().read(text)
    else:
        assert expected == _Reader().read(text)


@pytest.mark.parametrize("levels", [10, 250, 260, 1_030, 5_000, MAX_LEVELS])
def test_deep_values_come_back(levels: int) -> None:
    """Read and written, a deep value is the same text, up to the bound."""
    text = nested(levels)

    assert text.replace(" ", "").encode() == dumps(loads(text.encode()))


@settings(deadline=None)  # each example is 600 levels deep
@given(values)
def test_written_values_come_back(value: Any) -> None:
    """Below and beside what is deep, any value is written as orjson writes it."""
    deep: Any = {"beside": value, "below": value}
    for _ in range(300):
        deep = [value, {"more": deep}]

    assert deep == _Reader().read(dumps(deep).decode())


def test_absurd_depth_is_refused() -> None:
    """One level more than the bound is an error that says so."""
    with pytest.raises(ValueError, match="nested deeper"):
        loads(nested(MAX_LEVELS + 2).encode())
