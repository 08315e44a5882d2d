"""Selectors cost what a path is long, whoever wrote the path and the selector."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import pytest

from detector.patterns import MAX_SELECTOR, BadSelector, parse_selector, selectors


def test_a_path_of_equal_elements_costs_no_combinations() -> None:
    """Sixty-four equal ancestors, as anyone can send, are judged at once by a long selector."""
    path = [{"tag": "div"}] * 64
    begun = time.perf_counter()
    assert not selectors(["#app div div div div div"])({"path": path})
    assert time.perf_counter() - begun < 0.5


def test_a_long_selector_is_refused_before_it_is_read() -> None:
    """A selector of a megabyte says so at once."""
    begun = time.perf_counter()
    with pytest.raises(BadSelector, match=str(MAX_SELECTOR)):
        parse_selector("a " * 250_000 + "b")
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("selector", ["a b", "a > b", "a b > a", "a > b a", "a b a", "b > a > b"])
def test_chains_fit_as_tried_one_by_one(selector: str) -> None:
    """Every path of five tags fits exactly if some choice of its places does."""
    words = selector.replace(" > ", ">").replace(" ", ",")
    tags = words.replace(">", ",").split(",")[::-1]
    child = [sign == ">" for sign in words if sign in ">,"][::-1]

    def tried(path: list[dict[str, Any]], number: int, at: int) -> bool:
        if at >= len(path) or path[at]["tag"] != tags[number]:
            return False
        if number == len(tags) - 1:
            return True
        reach = [at + 1] if child[number] else range(at + 1, len(path))
        return any(tried(path, number + 1, place) for place in reach)

    for chosen in product("abc", repeat=5):
        path = [{"tag": tag} for tag in chosen]
        expected = any(tried(path, 0, at) for at in range(len(path)))
        assert expected == selectors([selector])({"path": path})
