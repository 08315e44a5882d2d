"""Owns what the editor completes: the rule files' JSON Schema, events and fields, ids of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.language import Language
from console.workbench import Workbench
from core.events import EventSchema, Field


def words(bench: Workbench, schema: EventSchema, language: Language) -> dict[str, Any]:
    """Return it all as one JSON value; texts are in *language* where there are several."""
    return {
        "schema": bench.schema(),
        "events": {
            name: {"doc": event.doc, "fields": _fields(event.fields)}
            for name, event in schema.events.items()
        },
        "everywhere": {**_fields(schema.session), **_fields(schema.envelope)},
        "target": _fields(schema.target),
        "rules": {rule.id: language.text(rule.title) for rule in bench.rules()},
    }


def _fields(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        name: {"type": str(one.type), "doc": one.doc, "values": _values(one)}
        for name, one in fields.items()
    }


def _values(field: Field) -> list[str]:
    if field.type.kind == "bool":
        return ["true", "false"]
    return list(field.type.values)
