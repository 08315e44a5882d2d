"""
Make the files that follow from core/events.yaml: the snippet's types and docs/events.md.

`python -m core.generate` writes them, `--check` only says whether one is stale.
Owns the generated text; leaves the schema itself to core/events.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.events import EventSchema, EventType, Field, FieldType, load_schema

ROOT = Path(__file__).parent.parent
_NUMBERS = ("int", "ms", "px", "number", "ref")
_SCALARS = {"bool": "boolean", "str": "string", "target": "number", "scalar": "Scalar"}


def typescript(schema: EventSchema) -> str:
    """
    Return snippet/src/events.gen.ts.

    An event's `target` is a number there: its place in the batch's list of targets.
    """
    lines = [
        "// Generated from core/events.yaml by `make generate`. Do not edit.",
        "",
        "export type Scalar = string | number | boolean;",
        "",
        *_interface("Target", schema.target.values(), "What an event happened to."),
    ]
    for event in _from_browser(schema):
        fields = list(event.fields.values())
        lines += _interface(f"{_camel(event.name)}Event", fields, event.doc, event.name)
    lines += ["/** The fields of each event, by its name. */", "export interface EventFields {"]
    lines += [f"  {event.name}: {_camel(event.name)}Event;" for event in _from_browser(schema)]
    lines += ["}", "", "export type EventName = keyof EventFields;", ""]
    return "\n".join(lines)


def markdown(schema: EventSchema) -> str:
    """Return docs/events.md."""
    lines = [
        "# Events",
        "",
        "What a page reports and what rules read. Generated from `core/events.yaml` by",
        "`make generate`; that file is the authority.",
        "",
        "A `bool` that is absent has the value false. Any other field that is absent fails every",
        "test of a rule but `exists: false` and `not`. `ms` are milliseconds, `px` CSS pixels; `ref`",
        "is the index of another event of the same page load.",
        "",
        "## On every event",
        "",
        *_table(schema.envelope.values(), by=True),
        "## Of the session",
        "",
        "Rules may test these beside an event's own fields.",
        "",
        *_table(schema.session.values()),
        "## Target",
        "",
        *_table(schema.target.values()),
    ]
    for event in schema.events.values():
        lines += [f"## {event.name}", "", event.doc, "", *_table(event.fields.values())]
    return "\n".join(lines)


def outputs(schema: EventSchema) -> dict[Path, str]:
    """Return what each generated file should hold."""
    return {
        ROOT / "snippet" / "src" / "events.gen.ts": typescript(schema),
        ROOT / "docs" / "events.md": markdown(schema),
    }


def stale(files: Mapping[Path, str]) -> list[Path]:
    """Return the files that do not hold what they should."""
    return [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write what is stale, or with --check name it and return 1."""
    files = outputs(load_schema())
    old = stale(files)
    if "--check" in arguments:
        for path in old:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale; run `make generate`\n")
        return 1 if old else 0
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


def _from_browser(schema: EventSchema) -> list[EventType]:
    return [event for event in schema.events.values() if event.by == "browser"]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _interface(name: str, fields: Iterable[Field], doc: str, event: str = "") -> list[str]:
    lines = [f"/** {doc} */", f"export interface {name} {{"]
    if event:
        lines.append(f'  type: "{event}";')
    for field in fields:
        optional = "" if (name == "Target" and field.name in ("key", "tag", "path")) else "?"
        lines += [f"  /** {field.doc} */", f"  {field.name}{optional}: {_ts(field.type)};"]
    return [*lines, "}", ""]


def _ts(type_: FieldType) -> str:
    if type_.kind == "enum":
        return " | ".join(f'"{value}"' for value in type_.values)
    if type_.kind == "list":
        assert type_.item is not None
        inner = _ts(type_.item)
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if type_.kind == "map":
        return "Record<string, Scalar | Scalar[]>"
    return "number" if type_.kind in _NUMBERS else _SCALARS[type_.kind]


def _table(fields: Iterable[Field], *, by: bool = False) -> list[str]:
    rows = ["| field | type | |", "|---|---|---|"]
    for field in fields:
        kind = str(field.type).replace(" | ", ", ")
        made = f" (added by the {field.by})" if by and field.by != "browser" else ""
        rows.append(f"| `{field.name}` | {kind} | {field.doc}{made} |")
    return [*rows, ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
