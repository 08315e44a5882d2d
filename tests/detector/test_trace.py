"""The slow reading of conditions says the same as the generated code."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.edit import flow
from detector.engine import Engine, flags
from detector.trace import Context, checks, holds
from detector.where import conjunction
from tests.detector.helpers import at, rule

TEXTS = st.sampled_from(["", "a", "ab", "b*", "/x/y", "1"])
NUMBERS = st.integers(-2, 3) | st.sampled_from([0.5, 2.5])


def operators_on(kind: str) -> st.SearchStrategy[Any]:
    """Return tests, as YAML values, for a field of that kind."""
    simple: dict[str, st.SearchStrategy[Any]] = {
        "str": TEXTS.filter(bool)
        | st.lists(TEXTS.filter(bool), min_size=1, max_size=3)
        | st.sampled_from(["glob", "starts", "ends", "contains", "any_of", "none_of"]).flatmap(
            lambda op: st.fixed_dictionaries(
                {op: st.lists(TEXTS.filter(bool), min_size=1, max_size=2)}
            )
        ),
        "number": NUMBERS
        | st.sampled_from(["gt", "gte", "lt", "lte"]).flatmap(
            lambda op: st.fixed_dictionaries({op: NUMBERS})
        )
        | st.tuples(NUMBERS, NUMBERS).map(lambda p: {"between": sorted(p)})
        | st.fixed_dictionaries({"none_of": st.lists(NUMBERS, min_size=1, max_size=2)}),
        "bool": st.booleans()
        | st.fixed_dictionaries({"none_of": st.lists(st.booleans(), min_size=1)}),
        "list": TEXTS.filter(bool)
        | st.fixed_dictionaries({"none_of": st.lists(TEXTS.filter(bool), min_size=1, max_size=2)})
        | st.fixed_dictionaries({"contains": TEXTS.filter(bool)}),
        "scalar": st.booleans()
        | NUMBERS
        | TEXTS.filter(bool)
        | st.fixed_dictionaries({"gte": NUMBERS}),
        "target": st.sampled_from(["button", "#pay", "form .wide", "a > b", "[role=tab]"]),
    }
    base = simple[kind] | st.fixed_dictionaries({"exists": st.booleans()})
    return base | base.map(lambda test: {"not": test})


FIELDS = {
    "path": "str", "field": "str", "pauses": "number", "invalid": "bool", "partial": "bool",
    "invalid_flags": "list", "target": "target", "target.tag": "str", "target.disabled": "bool",
    "bot": "bool",
}  # fmt: skip
TESTS: dict[str, st.SearchStrategy[Any]] = {
    **{name: operators_on(kind) for name, kind in FIELDS.items()},
    "device": st.sampled_from(["mobile", "desktop", ["mobile", "tablet"], {"not": "mobile"}]),
}
WHERES = st.dictionaries(st.sampled_from(sorted(TESTS)), st.none(), min_size=1, max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: TESTS[name] for name in names})
)
BLOCKS = (
    WHERES
    | st.tuples(WHERES, WHERES).map(lambda two: {"any": list(two)})
    | WHERES.map(lambda where: {"not": where})
)
ELEMENT = st.sampled_from(
    [{"tag": "button", "id": "pay"}, {"tag": "form"}, {"tag": "a", "classes": ["wide"]},
     {"tag": "b", "role": "tab"}]
)  # fmt: skip
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "path": TEXTS, "field": TEXTS, "pauses": NUMBERS, "invalid": st.booleans(),
        "partial": st.booleans(), "invalid_flags": st.lists(TEXTS, max_size=2),
        "target": st.fixed_dictionaries(
            {}, optional={"tag": TEXTS, "disabled": st.booleans(), "path": st.lists(ELEMENT, max_size=3)}
        ),
    },
)  # fmt: skip
ATTRIBUTES = st.fixed_dictionaries(
    {}, optional={"device": st.sampled_from(["mobile", "desktop"]), "bot": st.booleans()}
)


@given(BLOCKS, st.lists(EVENTS, min_size=1, max_size=6), ATTRIBUTES)
@settings(deadline=None, max_examples=400)
def test_trace_agrees_with_the_generated_predicates(
    block: dict[str, Any], events: list[dict[str, Any]], attributes: dict[str, Any]
) -> None:
    """What the engine flags is what holds, and each check says so by itself."""
    set_ = rule(f"match: {flow({'event': 'field', 'where': block})}")
    where = set_.rules[0].steps[0].matcher.cases[0][1]
    context = Context(attributes)
    engine = Engine(set_)
    for fields in events:
        event = {k: v for k, v in at(0, "field").items() if k != "path"} | fields
        state = engine.new(dict(attributes))
        engine.feed(state, event)

        assert bool(flags(state)) == holds(where, event, context)
        assert holds(conjunction(where), event, context) == all(
            check.held for check in checks(where, event, context)
        )
    assert 0 == engine.errors
