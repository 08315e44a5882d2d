"""Generated source holds fixed fragments only; whatever a rule says sits in the table."""

from __future__ import annotations

import ast
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.compile import compile_rules
from detector.errors import RuleErrors
from detector.loader import shipped_rules
from detector.rule import RuleSet
from tests.detector.helpers import at, fired, rule, rules, text

OURS = re.compile(r"[feSRAgimLdwrqkxyEatD]|ts|get|len|append|pop|__class__|None|[Kvhr]\d+")

hostile = st.sampled_from(
    ["__import__('os')", '"); import os #', "K1", "\n    raise", "a'b\"c", "{x}", "%s", "ä\u2028"]
) | st.text(min_size=1, max_size=20)
fields = st.sampled_from(["path", "target.key", "target.label", "href_path", "pointer"])
operators = st.sampled_from(["glob", "starts", "ends", "contains", "any_of", "none_of", "not"])


def names_and_literals(source: str) -> tuple[set[str], set[str]]:
    """Return every identifier and every text literal of *source*."""
    names: set[str] = set()
    literals: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            names |= {node.name, *(arg.arg for arg in node.args.args)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            literals.add(str(node.value))
    return names, literals


def check(set_: RuleSet) -> None:
    """Assert that the source of *set_* is made of our fragments alone."""
    program = compile_rules(set_)

    assert program.sources
    for source in program.sources:
        names, literals = names_and_literals(source)
        assert set() == {name for name in names if not OURS.fullmatch(name)}
        assert set() == literals


def test_shipped_rules_leave_no_text_in_the_source() -> None:
    """No id, field, event or value of a shipped rule appears in what is generated."""
    check(rules(*(path.read_text() for path in sorted(shipped_rules().glob("*.yaml")))))


@settings(max_examples=150, deadline=None)
@given(hostile, hostile, hostile, fields, operators)
def test_no_user_text_reaches_the_source(
    value: str, other: str, name: str, field: str, operator: str
) -> None:
    """For any texts in a rule, names and literals of the source are a subset of ours."""
    where = {field: {operator: [value, other]}, "props": None}
    del where["props"]
    body = (
        "sequence:\n"
        f"  - {{event: click, as: c, where: {json.dumps(where)}}}\n"
        f"  - {{event: custom, where: {{name: {json.dumps(name)}, "
        f"props.k: {{same_as: c.path}}}}}}\n"
        f"  - {{absent: {{event: custom, where: {{props.{'q'}: {json.dumps(other)}}}}}, within: 3s}}\n"
        f"thresholds:\n  - {{when: {{name: {json.dumps(value)}}}, set: {{severity: high}}}}"
    )
    try:
        set_ = rules(text(body))
    except RuleErrors:
        return  # YAML has no way to write some of these texts, and enumerations refuse them
    check(set_)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_any_text_is_compared_as_it_is(value: str) -> None:
    """A hostile value matches itself and nothing else."""
    try:
        set_ = rule(f"match: {{event: custom, where: {{name: {json.dumps(value)}}}}}")
    except RuleErrors:
        return

    assert fired(set_, [at(0, "custom", name=value)]) or value.startswith("$")
    assert not fired(set_, [at(0, "custom", name=value + "x")])


def test_source_reaches_nothing_but_the_table() -> None:
    """The namespace of generated functions holds len and the constants."""
    program = compile_rules(rule("match: {event: click, where: {path: /a}}"))
    reach = program.handlers["click"].__globals__

    assert {"len": len} == reach["__builtins__"]
    assert set() == {k for k in reach if not re.fullmatch(r"K\d+|f|__builtins__", k)}
