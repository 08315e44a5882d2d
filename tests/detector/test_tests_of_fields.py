"""Each operator of a `where`: what holds, what does not, and what an absent field does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.detector.helpers import at, fired, rule

CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("field: zip", {"field": "zip"}, True),
    ("field: zip", {"field": "zi"}, False),
    ("field: zip", {}, False),
    ("field: [zip, city]", {"field": "city"}, True),
    ("field: [zip, city]", {}, False),
    ("invalid: true", {"invalid": True}, True),
    ("invalid: true", {}, False),
    ("invalid: false", {}, True),
    ("invalid: false", {"invalid": True}, False),
    ("field: {not: zip}", {"field": "city"}, True),
    ("field: {not: zip}", {"field": "zip"}, False),
    ("field: {not: zip}", {}, True),
    ("field: {not: [zip, city]}", {"field": "city"}, False),
    ("field: {not: {starts: z}}", {"field": "zip"}, False),
    ("keys: {gt: 3}", {"keys": 4}, True),
    ("keys: {gt: 3}", {"keys": 3}, False),
    ("keys: {gt: 3}", {}, False),
    ("keys: {gte: 3}", {"keys": 3}, True),
    ("keys: {gte: 3}", {"keys": 2}, False),
    ("keys: {lt: 3}", {"keys": 2}, True),
    ("keys: {lt: 3}", {"keys": 3}, False),
    ("keys: {lt: 3}", {}, False),
    ("keys: {lte: 3}", {"keys": 3}, True),
    ("keys: {lte: 3}", {"keys": 4}, False),
    ("keys: {between: [2, 4]}", {"keys": 2}, True),
    ("keys: {between: [2, 4]}", {"keys": 4}, True),
    ("keys: {between: [2, 4]}", {"keys": 5}, False),
    ("keys: {between: [2, 4]}", {}, False),
    ("keys: {gt: 1, lt: 3}", {"keys": 2}, True),
    ("keys: {gt: 1, lt: 3}", {"keys": 3}, False),
    ("focus_ms: {gte: 10s}", {"focus_ms": 10000}, True),
    ("focus_ms: {gte: 10s}", {"focus_ms": 9999.5}, False),
    ("field: {glob: 'z*'}", {"field": "zip"}, True),
    ("field: {glob: 'z*'}", {"field": "azip"}, False),
    ("field: {glob: ['a*', '*ip']}", {"field": "zip"}, True),
    ("field: {glob: 'z?p'}", {"field": "zip"}, True),
    ("field: {glob: 'z?p'}", {"field": "zp"}, False),
    ("field: {glob: '*a*b*'}", {"field": "xaxbx"}, True),
    ("field: {glob: '*a*b*'}", {"field": "xbxax"}, False),
    ("field: {glob: 'ab*ba'}", {"field": "aba"}, False),
    ("field: {glob: 'z*'}", {}, False),
    ("field: {starts: zi}", {"field": "zip"}, True),
    ("field: {starts: ip}", {"field": "zip"}, False),
    ("field: {ends: ip}", {"field": "zip"}, True),
    ("field: {ends: zi}", {"field": "zip"}, False),
    ("field: {contains: i}", {"field": "zip"}, True),
    ("field: {contains: [x, y]}", {"field": "zip"}, False),
    ("field: {any_of: [zip, 'c*']}", {"field": "city"}, True),
    ("field: {any_of: [zip, 'c*']}", {"field": "name"}, False),
    ("field: {none_of: [zip, city]}", {"field": "name"}, True),
    ("field: {none_of: [zip, city]}", {"field": "city"}, False),
    ("field: {none_of: [zip]}", {}, False),
    ("field: {none_of: ['z*']}", {"field": "name"}, True),
    ("field: {none_of: ['z*']}", {"field": "zip"}, False),
    ("field: {none_of: ['z*']}", {}, False),
    ("field: {exists: true}", {"field": "a"}, True),
    ("field: {exists: true}", {}, False),
    ("field: {exists: false}", {}, True),
    ("field: {exists: false}", {"field": "a"}, False),
    ("invalid: {exists: true}", {"invalid": False}, True),
    ("field: {regex: '^z.p$'}", {"field": "zip"}, True),
    ("field: {regex: '^z.p$'}", {"field": "zippy"}, False),
    ("invalid_flags: valueMissing", {"invalid_flags": ["a", "valueMissing"]}, True),
    ("invalid_flags: valueMissing", {"invalid_flags": ["a"]}, False),
    ("invalid_flags: valueMissing", {}, False),
    ("invalid_flags: {contains: aria}", {"invalid_flags": ["aria"]}, True),
    ("invalid_flags: {any_of: [a, b]}", {"invalid_flags": ["b", "c"]}, True),
    ("invalid_flags: {none_of: [a, b]}", {"invalid_flags": ["c"]}, True),
    ("invalid_flags: {none_of: [a, b]}", {"invalid_flags": ["b"]}, False),
    ("invalid_flags: {none_of: [a, b]}", {}, False),
    ("lengths: {gt: 7}", {"lengths": [3, 8]}, True),
    ("lengths: {gt: 7}", {"lengths": [3, 7]}, False),
    ("target.key: k", {"target": {"key": "k"}}, True),
    ("target.key: k", {"target": {}}, False),
    ("target.key: k", {}, False),
    ("target.disabled: false", {}, True),
    ("any: [{field: a}, {keys: 1}]", {"keys": 1}, True),
    ("any: [{field: a}, {keys: 1}]", {"keys": 2}, False),
    ("not: {field: a, keys: 1}", {"field": "a", "keys": 2}, True),
    ("not: {field: a, keys: 1}", {"field": "a", "keys": 1}, False),
    ("path: {glob: '/checkout*'}", {"path": "/checkout/pay"}, True),
]


@pytest.mark.parametrize(("where", "fields", "holds"), CASES)
def test_operator(where: str, fields: dict[str, Any], holds: bool) -> None:
    """A test holds exactly when docs/rules.md says so; an absent field fails nearly all."""
    set_ = rule(f"match:\n  event: field\n  where: {{{where}}}")

    assert holds == bool(fired(set_, [at(0, "field", **fields)]))


SCALARS: list[tuple[str, object, bool]] = [
    ("props.ok: false", False, True),
    ("props.ok: false", 0, False),
    ("props.ok: false", None, False),
    ("props.ok: true", 1, False),
    ("props.ok: 0", 0, True),
    ("props.ok: 0", 0.0, True),
    ("props.ok: 0", False, False),
    ("props.ok: 1", True, False),
    ("props.ok: [1, b]", True, False),
    ("props.ok: [1, b]", "b", True),
    ('props.ok: "1"', 1, False),
    ("props.ok: {gt: 0}", True, False),
    ("props.ok: {gt: 0}", "1", False),
    ("props.ok: {gt: 0}", 0.5, True),
    ("props.ok: {none_of: [1]}", True, True),
    ("props.ok: {none_of: [1]}", 1, False),
    ("props.ok: {glob: 'a*'}", 1, False),
]


@pytest.mark.parametrize(("where", "value", "holds"), SCALARS)
def test_props_are_compared_without_coercion(where: str, value: object, holds: bool) -> None:
    """1 is not true, 0 is not false, "1" is not 1."""
    set_ = rule(f"match: {{event: custom, where: {{{where}}}}}")
    props = {} if value is None else {"ok": value}

    assert holds == bool(fired(set_, [at(0, "custom", name="n", props=props)]))


PATH = [
    {"tag": "span", "classes": ["icon"]},
    {"tag": "button", "id": "pay", "type": "submit", "test": "pay-now"},
    {"tag": "form", "role": "form", "classes": "checkout wide"},
    {"tag": "main", "ignore": "rage_click dead_click"},
]
SELECTORS = [
    ("#pay", True),
    ("span.icon", True),
    ("button", True),
    ("form.checkout button", True),
    ("form.wide > button#pay", True),
    ("main > button", False),
    ("main button[type=submit] .icon", True),
    ("[role=form]", True),
    ("[data-testid='pay-now']", True),
    ("[data-stolper-ignore~=dead_click] #pay", True),
    ("[data-stolper-ignore~=dead]", False),
    ("[data-stolper]", False),
    ("* > #pay", True),
    (".missing", False),
    ("button form", False),
]


@pytest.mark.parametrize(("selector", "holds"), SELECTORS)
def test_selector_is_matched_on_the_recorded_ancestors(selector: str, holds: bool) -> None:
    """Tags, ids, classes, a few attributes, descendants and children; the target or an ancestor."""
    set_ = rule(f'match: {{event: click, where: {{target: "{selector}"}}}}')
    event = at(0, "click", target={"key": "k", "path": PATH})

    assert holds == bool(fired(set_, [event]))


def test_targets_take_lists_not_and_none_of() -> None:
    """Selectors may be listed and negated; without a target, none_of fails and not holds."""
    here, nowhere = at(0, "click", target={"key": "k", "path": PATH}), at(0, "click")

    def holds(where: str) -> list[bool]:
        set_ = rule(f"match: {{event: click, where: {{{where}}}}}")
        return [bool(fired(set_, [here])), bool(fired(set_, [nowhere]))]

    assert [True, False] == holds('target: [".a", "#pay"]')
    assert [False, True] == holds('target: {not: "#pay"}')
    assert [False, False] == holds('target: {none_of: ["#pay"]}')
    assert [True, False] == holds('target: {any_of: ["#pay"]}')
    assert [True, False] == holds("target: {exists: true}")


def test_session_attributes_stand_beside_fields() -> None:
    """device and its like are tested as fields, though events do not carry them."""
    set_ = rule("match: {event: click, where: {device: mobile}}")

    assert fired(set_, [at(0, "click")], attributes={"device": "mobile"})
    assert not fired(set_, [at(0, "click")], attributes={"device": "desktop"})
    assert not fired(set_, [at(0, "click")], attributes={})
