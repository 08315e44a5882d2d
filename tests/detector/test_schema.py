"""The JSON Schema for editors: true to the readers, and quick to show the commonest mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from core.events import load_schema
from detector import spec
from detector.loader import shipped_rules
from detector.schema import json_schema, types_without_schema
from stolper.cli_rules import rules as command

SCHEMA = json_schema(load_schema())
VALIDATOR = Draft202012Validator(SCHEMA)
DOCS = Path(__file__).parents[2] / "docs"


class Editor(yaml.SafeLoader):
    """Reads YAML 1.2, as editors do: only true and false are bools, `on` is a word."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def wrong(text: str) -> list[str]:
    """Return the places of *text* at which an editor would draw a line."""
    read = yaml.load(text, Loader=Editor)
    return ["/".join(map(str, e.absolute_path)) for e in VALIDATOR.iter_errors(read)]


def rule(body: str, top: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"version: 1\n{top}\nrules:\n  - id: x\n    title: X\n{lines}\n"


def test_schema_is_valid_and_knows_every_type_of_the_tables() -> None:
    """It is a schema of draft 2020-12, and no key is left open for want of a translation."""
    Draft202012Validator.check_schema(SCHEMA)

    assert [] == types_without_schema()


@pytest.mark.parametrize("path", sorted(shipped_rules().glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_rules_fit_the_schema(path: Path) -> None:
    """An editor draws no line in a rule that ships."""
    assert [] == wrong(path.read_text())


def test_examples_of_the_documentation_fit_the_schema() -> None:
    """Nor in any whole file of docs/rules.md."""
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "rules.md").read_text(), re.S)
    files = [block for block in blocks if block.startswith("version: 1")]

    assert files
    assert [] == [(place, block) for block in files for place in wrong(block)]


SEEN = {
    "a span without unit": rule("match: {event: click, times: 2, within: 30}"),
    "an unknown event": rule("match: {event: clik}"),
    "an unknown key": rule("match: click\ntreshold: []"),
    "two bodies": rule("match: click\nsequence: [click, error]"),
    "no body": rule("severity: high"),
    "a number where a text is due": rule("match: {event: page, where: {path: 01234}}"),
    "a bool where a text is due": rule("match: {event: page, where: {path: true}}"),
    "absent first": rule("sequence:\n  - {absent: click, within: 3s}\n  - error"),
    "absent without span": rule("sequence:\n  - click\n  - {absent: error}"),
    "a step later than never": rule("sequence: [click]"),
    "an unknown field": rule("match: {event: click, where: {pth: /a}}"),
    "an unknown part of a target": rule("match: {event: click, where: {target.tga: a}}"),
    "an unknown test": rule("match: {event: click, where: {path: {start: /a}}}"),
    "a value of another type": rule("match: {event: click, where: {trusted: 1}}"),
    "no value of the enumeration": rule("match: {event: click, where: {pointer: mous}}"),
    "too many times": rule("match: {event: click, times: 51}"),
    "near without same": rule("match: {event: click, times: 3, near: 30px}"),
    "a severity that is none": rule("match: click\nseverity: bad"),
    "an unknown field of an example": rule("match: click")
    + "tests:\n  - {rule: x, name: a, events: [{at: 0s, event: click, ponter: pen}], expect: []}\n",
}


@pytest.mark.parametrize("mistake", SEEN)
def test_editor_shows_the_mistake(mistake: str) -> None:
    """These mistakes are seen while typing, the file being otherwise right."""
    assert wrong(SEEN[mistake])


GOOD = (
    "match: {event: [click, $more], where: {path: {glob: [/a, /b]}}, times: $n, within: $w}",
    "match: {event: vitals, where: {lcp_ms: {gt: 4s}, target: '#a'}}",
    "match: {event: custom, where: {props.a: [1, $l], any: [{props.b: {not: {gt: 3}}}]}}",
    "sequence:\n  - [click, key]\n  - {absent: $m, within: 3s}\n  - {event: page, within: 1m}",
    "process: {use: p, reached: a, not: b, or_end: true}",
)


@pytest.mark.parametrize("body", GOOD)
def test_editor_draws_no_line_where_names_stand_for_values(body: str) -> None:
    """`$names` may stand where their values may, and lists where single values do."""
    assert [] == wrong(rule(body))


def test_every_key_and_operator_explains_itself() -> None:
    """What the tables say of a key is what an editor shows beside it."""
    text = json.dumps(SCHEMA)
    tables = [table for name, table in vars(spec).items() if name.endswith("_KEYS")]
    docs = [
        key.doc for table in (*tables, spec.OPERATORS, spec.WHERE_WORDS) for key in table.values()
    ]

    assert [] == [doc for doc in docs if json.dumps(doc)[1:-1] not in text]


def test_command_prints_the_schema() -> None:
    """`stolper rules schema` prints what an editor is given."""
    result = CliRunner().invoke(command, ["schema"])
    found: dict[str, Any] = json.loads(result.output)

    assert 0 == result.exit_code
    assert SCHEMA == found
