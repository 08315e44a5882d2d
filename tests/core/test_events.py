"""The event schema: types, lookups, other schemas."""

from __future__ import annotations

import pytest

from core.errors import UserError
from core.events import FieldType, UnknownName, load_schema, parse_schema, parse_type


@pytest.mark.parametrize(
    ("event", "field", "kind"),
    [
        ("click", "answered_ms", "ms"),
        ("click", "target.disabled", "bool"),
        ("click", "target.path", "list"),
        ("click", "path", "str"),
        ("click", "device", "enum"),
        ("custom", "props", "map"),
        ("custom", "props.total", "scalar"),
        ("error", "click", "ref"),
        ("session_end", "kind", "enum"),
    ],
)
def test_a_rule_reaches_every_field(event: str, field: str, kind: str) -> None:
    """field() knows the event's own fields, the envelope, the session, targets and maps."""
    assert kind == load_schema().event(event).field(field).kind


def test_an_unknown_event_names_the_nearest() -> None:
    """UnknownName carries the name that may have been meant."""
    with pytest.raises(UnknownName, match="did you mean 'click'") as caught:
        load_schema().event("clik")

    assert "click" == caught.value.nearest


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("answerd_ms", "answered_ms"),
        ("target.disabeld", "disabled"),
        ("qqqqqq", None),
        ("x.y", None),
    ],
)
def test_an_unknown_field_names_the_nearest(field: str, nearest: str | None) -> None:
    """Also inside a target; a plain value has no parts."""
    with pytest.raises(UnknownName) as caught:
        load_schema().event("click").field(field)

    assert nearest == caught.value.nearest


def test_another_schema_needs_events_only() -> None:
    """A dict with types alone makes a schema in which a target may be a plain text."""
    schema = parse_schema({"events": {"buy": {"fields": {"target": "str", "n": {"type": "int"}}}}})
    buy = schema.event("buy")

    assert ["str", "int"] == [buy.field(name).kind for name in ("target", "n")]
    with pytest.raises(UnknownName):
        buy.field("target.key")


@pytest.mark.parametrize("spec", ["strin", "list of things", 3, None])
def test_an_unknown_type_is_an_error(spec: object) -> None:
    """A schema with a typing error does not load."""
    with pytest.raises(UserError, match="is no type"):
        parse_type(spec)


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("bool", [True, False], [0, 1, "true", None]),
        ("int", [0, -3], [True, 1.0, "1", 10**16, None]),
        ("ms", [0, 1.5, -2], [True, "1", 1e300, float("inf"), float("nan")]),
        ("ref", [0, 7], [-1, 1.0, True]),
        ("str", ["", "x"], [1, None, ["x"]]),
        ("list of str", [[], ["a"]], ["a", [1], [["a"]], {}]),
        ("map", [{}, {"a": 1, "b": True, "c": ["x"]}], [[], {"a": None}, {"a": {"b": 1}}]),
        (["a", "b"], ["a"], ["c", 1, None, ["a"]]),
    ],
)
def test_types_accept_their_values_alone(
    type_: object, good: list[object], bad: list[object]
) -> None:
    """accepts() takes JSON values of the type, without any coercion."""
    parsed = parse_type(type_)

    assert [] == [value for value in good if not parsed.accepts(value)]
    assert [] == [value for value in bad if parsed.accepts(value)]


def test_only_a_bool_has_a_default() -> None:
    """An absent bool is false; any other absent field has no value."""
    assert (False, None) == (FieldType("bool").default, FieldType("int").default)
