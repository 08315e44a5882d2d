"""What scripts did to a sheet's rules, folded, against a list that each change is carried out on."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replay.css_changes import MOST_INNER, CssChanges

OWN = 5  # rules of the sheet's own text

Rule = list[Any]  # its text, then the changes within it


def apply(rules: list[Rule], data: dict[str, Any]) -> None:
    """Carry *data*, which is valid, out on *rules*, as the player does on a real sheet."""
    for one in data.get("adds", ()):
        if isinstance(one["index"], list):
            rules[one["index"][0]].append(("add", tuple(one["index"][1:]), one["rule"]))
        else:
            assert one["index"] <= len(rules)
            rules.insert(one["index"], [one["rule"]])
    for one in data.get("removes", ()):
        if isinstance(one["index"], list):
            rules[one["index"][0]].append(("remove", tuple(one["index"][1:])))
        else:
            del rules[one["index"]]
    if data["source"] == 13:
        rules[data["index"][0]].append(("set", tuple(data["index"][1:]), str(data["set"])))


def own_rules() -> list[Rule]:
    return [[f"own {nth}"] for nth in range(OWN)]


@st.composite
def changes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw changes that are valid one after the other."""
    count = OWN
    made: list[dict[str, Any]] = []
    for nth in range(draw(st.integers(0, 40))):
        kind = draw(st.sampled_from(["add", "add", "end", "remove", "reread", "inner", "set"]))
        if kind == "end" or count == 0:
            made.append({"source": 8, "adds": [{"rule": f"r{nth}", "index": count}]})
            count += 1
            continue
        at = draw(st.integers(0, count - 1))
        if kind == "add":
            made.append({"source": 8, "adds": [{"rule": f"r{nth}", "index": at}]})
            count += 1
        elif kind == "remove":
            made.append({"source": 8, "removes": [{"index": at}]})
            count -= 1
        elif kind == "reread":
            adds = [{"rule": f"r{nth}", "index": at}]
            made.append({"source": 8, "adds": adds, "removes": [{"index": at + 1}]})
        elif kind == "inner":
            made.append({"source": 8, "adds": [{"rule": f"i{nth}", "index": [at, 0]}]})
        else:
            made.append({"source": 13, "index": [at], "set": {"property": "color", "value": nth}})
    return made


@given(changes())
def test_what_is_told_makes_the_same_rules(made: list[dict[str, Any]]) -> None:
    """The told changes, carried out on the sheet's own text, leave the rules that all changes leave."""
    css = CssChanges()
    expected = own_rules()
    for data in made:
        (css.declaration if data["source"] == 13 else css.rules)(data)
        apply(expected, data)
    actual = own_rules()
    told = list(css.told())
    for data in told:
        apply(actual, data)

    assert expected == actual
    assert bool(told) <= bool(css)


@given(changes())
def test_telling_twice_changes_nothing(made: list[dict[str, Any]]) -> None:
    """Changes that were told, taken in and told again are the same changes."""
    css, again = CssChanges(), CssChanges()
    for data in made:
        (css.declaration if data["source"] == 13 else css.rules)(data)
    told = list(css.told())
    for data in told:
        (again.declaration if data["source"] == 13 else again.rules)(data)

    assert told == list(again.told())


def test_what_turns_round_and_round_stays_small() -> None:
    """A rule put in and taken out, reread or set ten thousand times is told in a few changes."""
    css = CssChanges()
    for nth in range(10_000):
        css.rules({"adds": [{"rule": "a", "index": 3}]})
        css.rules({"removes": [{"index": 3}]})
        css.rules({"adds": [{"rule": f"b{nth}", "index": 1}], "removes": [{"index": 2}]})
        css.declaration({"index": [0], "set": {"property": "left", "value": f"{nth}px"}})
    told = list(css.told())

    assert {"source": 8, "adds": [{"rule": "b9999", "index": 1}]} in told
    assert "9999px" == told[-1]["set"]["value"]
    assert MOST_INNER + 3 > len(told)


def test_nonsense_is_left_out() -> None:
    """Indices that are none change nothing and raise nothing."""
    css = CssChanges()
    for index in (-1, "1", None, 1.5, [], [1], ["a", 0], [{}], {}):
        css.rules({"adds": [{"rule": "a", "index": index}], "removes": [{"index": index}]})
    for index in ([], [-1], [None]):
        css.declaration({"index": index, "set": {"property": "a", "value": "b"}})
    css.declaration({"index": [0]})

    assert [] == list(css.told())
