"""
The JSON Schema of rule files, for editors: completion, explanations, the commonest mistakes.

Made from the tables of detector/spec.py and the event schema, so it says what the readers
say. It cannot know what `$names`, aliases and other files hold; `stolper rules lint` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.events import EventSchema, EventType, Field, FieldType
from core.model import SEVERITIES
from detector import spec
from detector.spec import Key

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME: Schema = {"type": "string", "pattern": r"^\$[A-Za-z_][\w-]*$"}
_TEXT: Schema = {"type": "string", "minLength": 1}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^([0-9]{1,12}(\.[0-9]{1,6})?(ms|s|m|h|d)|\$[A-Za-z_][\w-]*)$",
    "errorMessage": "A span needs its unit: 250ms, 3s, 10m or 2h.",
}
_VALUE: Schema = {"type": ["string", "number", "boolean"]}
_SEVERITY: Schema = {"anyOf": [{"enum": list(SEVERITIES)}, _NAME]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _named(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _or_name(value: Schema) -> Schema:
    return {"anyOf": [value, _NAME]}


_LOCALIZED: Schema = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {"de": _TEXT, "en": _TEXT},
            "additionalProperties": False,
            "minProperties": 1,
        },
    ]
}
_TYPES: dict[str, Schema] = {
    "0 to 1": _or_name({"type": "number", "minimum": 0, "maximum": 1}),
    "1": {"const": 1},
    "1 to 50": _or_name({"type": "integer", "minimum": 1, "maximum": spec.MAX_TIMES}),
    "30px": _or_name({"type": "string", "pattern": "^[0-9]{1,4}px$"}),
    "MATCHER": _ref("matcher"),
    "alias": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"},
    "attributes": _ref("attributes"),
    "duration": _DURATION,
    "event|visible": {"enum": ["event", "visible"]},
    "globs": _TEXTS,
    "selectors": _TEXTS,
    "info|low|medium|high|critical": _SEVERITY,
    "severity": _SEVERITY,
    "list of events": _list(_ref("test_event")),
    "list of flags": _list(_ref("expect")),
    "list of goal": _list(_ref("goal")),
    "list of mapping": _list(_ref("mapping")),
    "list of override": _list(_ref("override")),
    "list of rule": _list(_ref("rule")),
    "list of rule ids": _TEXTS,
    "list of test": _list(_ref("test")),
    "list of text": _TEXTS,
    "list of {when, set}": _list(_ref("threshold")),
    "match": _ref("match"),
    "name": _ref("event"),
    "name or list of names": _ref("events"),
    "name: MATCHER": _named(_ref("matcher")),
    "name: [values]": _named(_list(_VALUE)),
    "name: [values] or {append, remove}": _named(
        {
            "anyOf": [
                _list(_VALUE),
                {
                    "type": "object",
                    "properties": {"append": _list(_VALUE), "remove": _list(_VALUE)},
                    "additionalProperties": False,
                },
            ]
        }
    ),
    "name: process": _named(_ref("process")),
    "name: value": _named({}),
    "name: value, or name: {from: field}": _named({"anyOf": [_VALUE, _ref("copy")]}),
    "name: what": {
        "type": "object",
        "additionalProperties": _TEXT,
        "maxProperties": spec.MAX_CAPTURES,
    },
    "number": _or_name({"type": "number"}),
    "once|burst|every": {"enum": ["once", "burst", "every"]},
    "process use": _ref("process_use"),
    "process ids": _TEXTS,
    "site name or list": _TEXTS,
    "snake_case": {
        "type": "string",
        "pattern": "^[A-Za-z][A-Za-z0-9_]{0,63}$",
        "not": {"enum": list(spec.RESERVED_IDS)},
    },
    "step: text or {de, en}": _named(_LOCALIZED),
    "text or {de, en}": _LOCALIZED,
    "true": {"const": True},
    "true|false": _or_name({"type": "boolean"}),
    "where": _ref("where"),
    "{critical, goals}": _ref("score"),
    "{name, props}": _ref("to"),
    "{path, process}": _ref("critical"),
    "{site, process, path, target}": _ref("for"),
    "{target, path, process}": _ref("except"),
    "{target, path, url, message: pattern}": _ref("on"),
    "{times, within, severity}": _ref("set"),
    "{where, lte or gte}": _ref("share"),
    **dict.fromkeys(
        ("alias.field", "field", "field or alias.field", "process", "rule id", "step", "text"),
        _TEXT,
    ),
    "list of steps": _TEXTS,
}
"""Each type that the tables of detector/spec.py name."""


def types_without_schema() -> list[str]:
    """Return the types of the tables that `_TYPES` does not know; a test wants none."""
    tables = [t for name, t in vars(spec).items() if name.endswith("_KEYS")]
    return sorted({key.type for table in tables for key in table.values()} - set(_TYPES))


def json_schema(events: EventSchema) -> Schema:
    """Return the JSON Schema of a rule file, for the events of *events*."""
    return {
        "$schema": DIALECT,
        "title": "Stolper rules",
        "description": "Rules, examples, overrides and what they use. See docs/rules.md.",
        **_object(spec.FILE_KEYS),
        "$defs": {**_definitions(), **_event_definitions(events)},
    }


def _object(table: Mapping[str, Key], **changed: Schema) -> Schema:
    """Return the map whose keys *table* declares; *changed* replaces the schema of some."""
    properties: Schema = {}
    for name, key in table.items():
        about = f"{key.doc}. Default: {key.default}." if key.default else f"{key.doc}."
        properties[name] = {"description": about, **changed.get(name, _TYPES.get(key.type, {}))}
    required = [name for name, key in table.items() if key.required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _definitions() -> Schema:
    ends = [
        {"required": ["within"]},
        {"properties": {"or_end": {"const": True}}, "required": ["or_end"]},
    ]
    absent = {**_object(spec.ABSENT_KEYS), "anyOf": ends}
    step = {"anyOf": [_ref("event"), _list(_ref("event"), minItems=1), _ref("step_map")]}
    sequence: Schema = {
        "type": "array",
        "minItems": 2,
        "maxItems": spec.MAX_STEPS,
        "prefixItems": [step],
        "items": {
            "if": {"type": "object", "required": ["absent"]},
            "then": _ref("absent"),
            "else": step,
        },
    }
    bodies = [{"required": [name]} for name in ("match", "sequence", "process")]
    return {
        "rule": {**_object(spec.RULE_KEYS, sequence=sequence), "oneOf": bodies},
        "match": {
            "anyOf": [_ref("event"), _list(_ref("event"), minItems=1), _ref("match_map")],
        },
        "match_map": {**_matcher_map(spec.MATCH_KEYS), "dependentRequired": {"near": ["same"]}},
        "matcher": {
            "anyOf": [_ref("event"), _list(_ref("event"), minItems=1), _ref("matcher_map")],
        },
        "matcher_map": _matcher_map(spec.MATCHER_KEYS),
        "step_map": _matcher_map(spec.STEP_KEYS),
        "goal": _matcher_map(spec.GOAL_KEYS),
        "absent": absent,
        "process": _object(spec.PROCESS_KEYS),
        "process_use": {**_object(spec.PROCESS_USE_KEYS), "anyOf": ends},
        "mapping": _object(spec.MAPPING_KEYS),
        "to": _object(spec.TO_KEYS),
        "copy": _object(spec.COPY_KEYS),
        "on": _object(spec.ON_KEYS),
        "score": _object(spec.SCORE_KEYS),
        "critical": _object(spec.CRITICAL_KEYS),
        "share": {
            **_object(spec.SHARE_KEYS),
            "anyOf": [{"required": ["lte"]}, {"required": ["gte"]}],
        },
        "threshold": _object(spec.THRESHOLD_KEYS),
        "set": _object(spec.SET_KEYS),
        "except": _object(spec.EXCEPT_KEYS),
        "override": _object(spec.OVERRIDE_KEYS),
        "for": _object(spec.FOR_KEYS),
        "test": _object(spec.TEST_KEYS),
        "expect": _object(spec.EXPECT_KEYS, group=_VALUE),
    }


def _matcher_map(table: Mapping[str, Key]) -> Schema:
    """Return a map with `event` and `where`; the fields are those of the one event it names."""
    plain = _object(table)
    return {**plain, "allOf": [_ref("fields_of_the_event")]}


def _event_definitions(events: EventSchema) -> Schema:
    names = sorted(events.events)
    about = [events.events[name].doc for name in names]
    event = {"anyOf": [{"enum": names, "enumDescriptions": about}, _NAME]}
    found: Schema = {
        "event": event,
        "events": {"anyOf": [*event["anyOf"], _list(_ref("event"), minItems=1)]},
        "attributes": {
            "type": "object",
            "properties": {f.name: _described(_plain(f.type), f) for f in events.session.values()},
            "additionalProperties": False,
        },
        "where": _where("where", {}, others=_ref("test_of_anything")),
        "test_of_anything": _test(None),
        "test_event": _test_event(events),
        "fields_of_the_event": {
            "allOf": [
                {
                    "if": {"properties": {"event": {"const": name}}, "required": ["event"]},
                    "then": {"properties": {"where": _ref(f"where_{name}")}},
                }
                for name in names
            ]
        },
    }
    kinds: dict[str, FieldType] = {}
    for name in names:
        found[f"where_{name}"] = _where_of(events, events.events[name], kinds)
    for key, type_ in kinds.items():
        found[key] = _test(type_)
    return found


def _kind(type_: FieldType, kinds: dict[str, FieldType]) -> str:
    name = type_.kind if type_.kind != "enum" else "one_of_" + "_".join(type_.values)
    if type_.kind == "list" and type_.item is not None:
        name = f"list_of_{type_.item.kind}"
    kinds[f"test_{name}"] = type_
    return f"test_{name}"


def _where_of(events: EventSchema, event: EventType, kinds: dict[str, FieldType]) -> Schema:
    properties: Schema = {}
    patterns: Schema = {}
    for fields in (events.session, events.envelope, event.fields):
        for name, field in fields.items():
            properties[name] = _described(_ref(_kind(field.type, kinds)), field)
            if field.type.kind == "target":
                for part, inner in events.target.items():
                    dotted = _described(_ref(_kind(inner.type, kinds)), inner)
                    properties[f"{name}.{part}"] = dotted
            elif field.type.kind == "map":
                patterns[rf"^{name}\."] = _ref(_kind(FieldType("scalar"), kinds))
    return _where(f"where_{event.name}", properties, patterns=patterns)


def _where(
    name: str, properties: Schema, *, patterns: Schema | None = None, others: Schema | bool = False
) -> Schema:
    words = {
        "any": {"description": spec.WHERE_WORDS["any"].doc, **_list(_ref(name), minItems=1)},
        "not": {"description": spec.WHERE_WORDS["not"].doc, **_ref(name)},
    }
    return {
        "type": "object",
        "properties": {**properties, **words},
        **({"patternProperties": patterns} if patterns else {}),
        "additionalProperties": others,
    }


def _described(schema: Schema, field: Field) -> Schema:
    return {"description": field.doc, **schema}


def _plain(type_: FieldType | None) -> Schema:
    """Return the values of a field of *type_* (None: of any)."""
    if type_ is None or type_.kind in ("scalar", "map"):
        return _VALUE
    if type_.kind == "enum":
        return {"enum": list(type_.values)}
    if type_.kind == "bool":
        return {"type": "boolean"}
    return {"type": "number"} if type_.numeric else _TEXT


def _test(type_: FieldType | None) -> Schema:
    """Return what may stand behind a field of *type_*: a value, values, or tests."""
    item = type_.item if type_ is not None and type_.kind == "list" else type_
    value = {"anyOf": [_plain(item), _NAME]}
    if item is not None and item.kind == "ms":
        value = {"anyOf": [_plain(item), _DURATION]}
    values = {"anyOf": [*value["anyOf"], _list({"anyOf": [*value["anyOf"], {"type": "array"}]})]}
    own: Schema = {
        **dict.fromkeys(("gt", "gte", "lt", "lte"), value),
        "between": _or_name(_list(value, minItems=2, maxItems=2)),
        **dict.fromkeys(("any_of", "none_of"), values),
        **dict.fromkeys(("glob", "starts", "ends", "contains"), _TEXTS),
        "exists": _or_name({"type": "boolean"}),
        "regex": _TEXT,
        "same_as": {"type": "string", "pattern": r"^[A-Za-z_][\w-]*\.[\w.-]+$"},
    }
    # `not` takes what the field takes; to say so once more for each type would double the schema.
    tests = {
        "type": "object",
        "minProperties": 1,
        "properties": {
            name: {"description": key.doc, **own.get(name, {})}
            for name, key in spec.OPERATORS.items()
        },
        "additionalProperties": False,
    }
    return {"anyOf": [*values["anyOf"], tests]}


def _test_event(events: EventSchema) -> Schema:
    """Return an event of an example: a tick, or an event with fields beside it."""
    names = {*events.envelope, *(n for e in events.events.values() for n in e.fields)}
    heads = "|".join(sorted(names))
    return {
        **_object(
            spec.TEST_EVENT_KEYS, x={"type": "integer", "minimum": 1, "maximum": 1000}, at=_AT
        ),
        "patternProperties": {rf"^({heads})(\..+)?$": {}},
        "anyOf": [{"required": ["event"]}, {"required": ["tick"]}],
    }


_AT: Schema = {"anyOf": [_DURATION, {"const": 0}]}
