"""The comparison behind the tests of old data and old clients sees what changed."""

from __future__ import annotations

from tests.held import held


def test_what_a_version_leaves_can_be_told_from_what_it_should() -> None:
    """The comparison sees a value that changed, one that went and a list that got shorter."""
    old = {"a": [{"x": 1, "y": 2}], "b": 3}

    assert [] == held(old, {"a": [{"x": 1, "y": 2, "z": 0}], "b": 3, "c": 1})
    assert [".a[0].x: 1 became 9"] == held(old, {"a": [{"x": 9, "y": 2}], "b": 3})
    assert [".a[0].y is gone"] == held(old, {"a": [{"x": 1}], "b": 3})
    assert [".b is gone"] == held(old, {"a": old["a"]})
    assert 1 == len(held(old, {"a": [], "b": 3}))
