"""
Rule files as plain objects: lists, macros, params, processes, thresholds and overrides put in.

Part of the oracle; `evaluate.py` says who wrote it from what. It trusts that the files are right.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.detector.oracle.fields import duration

Where = dict[str, Any]
INFINITE = float("inf")


@dataclass(frozen=True)
class Matcher:
    """Alternatives: an event name, and the blocks that must all hold."""

    alternatives: tuple[tuple[str, tuple[Where, ...]], ...]


@dataclass
class Step:
    """One step: what comes (*matcher*), or must not (*absent*), how often, and how soon (ms)."""

    matcher: Matcher
    absent: bool = False
    alias: str = ""
    times: int = 1
    within: float = INFINITE
    or_end: bool = False


@dataclass
class Process:
    """A declared process: its steps in order."""

    steps: dict[str, Matcher]
    goal: str
    strict: bool = False
    optional: tuple[str, ...] = ()
    time_limit: float = INFINITE


@dataclass
class Threshold:
    """What holds instead when the completing event meets *when*."""

    when: Where
    change: dict[str, Any]


@dataclass
class Rule:
    """A rule, lowered. *kind* is `match` or `sequence`; a process is a sequence."""

    id: str
    kind: str
    steps: list[Step]
    severity: str
    within: float = INFINITE
    same: str = ""
    near: float = -1.0
    distinct: str = ""
    alternates: str = ""
    share: dict[str, Any] = field(default_factory=dict)
    scope: Where = field(default_factory=dict)
    silent: list[dict[str, list[str]]] = field(default_factory=list)
    until: Matcher | None = None
    group: str = ""
    flag: str = "once"
    cooldown: float = 30_000.0
    capture: dict[str, str] = field(default_factory=dict)
    macros: dict[str, Matcher] = field(default_factory=dict)
    thresholds: list[Threshold] = field(default_factory=list)
    suppresses: tuple[str, ...] = ()
    visible: bool = False
    process: str = ""
    reached: str = ""
    excluded: str = ""


@dataclass
class Mapping:
    """A `custom` event made of another."""

    name: str
    props: dict[str, Any]
    source: Matcher
    on: dict[str, list[str]]


@dataclass
class Book:
    """All that was read."""

    rules: list[Rule]
    processes: dict[str, Process]
    mappings: list[Mapping]


def read(texts: Sequence[str]) -> Book:
    """Return the rules of the files *texts*, in order; an override changes files before it."""
    drafts: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    raw_processes: dict[str, tuple[Any, dict[str, Any]]] = {}
    book = Book([], {}, [])
    for text in texts:
        file = yaml.load(text, Loader=yaml.CSafeLoader)
        for name, process in (file.get("processes") or {}).items():
            raw_processes[name] = (process, file)
        for mapping in file.get("mappings") or []:
            book.mappings.append(_mapping(mapping, file))
        for draft in file.get("rules") or []:
            drafts[draft["id"]] = (copy.deepcopy(draft), copy.deepcopy(file))
        for change in file.get("overrides") or []:
            _override(change, *drafts[change["rule"]])
    book.processes = {name: _process(*raw) for name, raw in raw_processes.items()}
    for draft, file in drafts.values():
        if draft.get("enabled", True):
            book.rules.append(_rule(draft, file, book.processes))
    return book


def _override(change: dict[str, Any], draft: dict[str, Any], file: dict[str, Any]) -> None:
    place = {k: _list(v) for k, v in (change.get("for") or {}).items()}
    when: Where = {}
    if "path" in place:
        when["path"] = {"glob": place["path"]}
    if "target" in place:
        when["target"] = place["target"]
    if change.get("enabled") is False and place:
        draft.setdefault("silent", []).append(place)
    elif "enabled" in change:
        draft["enabled"] = change["enabled"]
    draft.setdefault("params", {}).update(change.get("params") or {})
    for name, items in (change.get("lists") or {}).items():
        file["lists"][name] = _changed_list(file["lists"][name], items)
    more = [
        {"when": {**when, **item["when"]}, "set": item["set"]}
        for item in change.get("thresholds") or []
    ]
    draft["thresholds"] = more + (draft.get("thresholds") or [])
    if "severity" in change and when:
        draft.setdefault("severities", []).insert(0, (when, change["severity"]))
    elif "severity" in change:
        draft["severity"] = change["severity"]
    if "except" in change:
        draft.setdefault("silent", []).append(change["except"])


def _changed_list(old: list[Any], change: Any) -> list[Any]:
    if isinstance(change, list):
        return change
    kept = [item for item in old if item not in _list(change.get("remove") or [])]
    return kept + _list(change.get("append") or [])


def _process(raw: dict[str, Any], file: dict[str, Any]) -> Process:
    steps = {name: _matcher(node, file, {}) for name, node in raw["steps"].items()}
    if "site" in raw:
        there = {"site": {"glob": _list(raw["site"])}}
        steps = {
            name: Matcher(tuple((event, (*wheres, there)) for event, wheres in step.alternatives))
            for name, step in steps.items()
        }
    names = list(steps)
    return Process(
        steps, raw.get("goal", names[-1]), raw.get("strict", False),
        tuple(raw.get("optional") or ()),
        duration(raw["time_limit"]) if "time_limit" in raw else INFINITE,
    )  # fmt: skip


def _mapping(raw: dict[str, Any], file: dict[str, Any]) -> Mapping:
    # YAML 1.1 reads the bare key `on` as true; the language means the word.
    on = raw.get("on") or raw.get(True) or {}
    return Mapping(
        raw["to"]["name"], raw["to"].get("props") or {}, _matcher(raw["from"], file, {}),
        {k: _list(_put(v, file, {})) for k, v in on.items()},
    )  # fmt: skip


def _rule(draft: dict[str, Any], file: dict[str, Any], processes: dict[str, Process]) -> Rule:
    params = draft.get("params") or {}
    body = {key: _put(node, file, params) for key, node in draft.items()}
    rule = Rule(body["id"], "sequence", [], body.get("severity", "medium"))
    if "match" in body:
        _match(rule, body["match"], file, params)
    elif "sequence" in body:
        rule.steps = [_step(node, file, params) for node in body["sequence"]]
    else:
        _use(rule, body["process"], processes)
    if "within" in body:
        rule.within = min(rule.within, duration(body["within"]))
    rule.scope = body.get("scope") or {}
    rule.silent = [
        {k: _list(v) for k, v in item.items()}
        for item in [body.get("except") or {}, *_put(draft.get("silent") or [], file, params)]
    ]
    if "until" in body:
        rule.until = _matcher(body["until"], file, params)
    rule.group = body.get("group") or rule.same
    rule.group = "target.key" if rule.group == "target" else rule.group
    rule.flag = body.get("flag", "once")
    rule.cooldown = duration(body.get("cooldown", "30s"))
    rule.capture = body.get("capture") or {}
    rule.macros = {
        name: _matcher(node, file, params) for name, node in (file.get("macros") or {}).items()
    }
    rule.thresholds = [Threshold(t["when"], t["set"]) for t in body.get("thresholds") or []]
    for when, severity in draft.get("severities") or []:
        rule.thresholds.append(Threshold(when, {"severity_only": severity}))
    rule.suppresses = tuple(body.get("suppresses") or ())
    rule.visible = body.get("clock") == "visible"
    return rule


def _match(rule: Rule, node: Any, file: dict[str, Any], params: dict[str, Any]) -> None:
    step = _step(node, file, params)
    rule.kind = "match"
    rule.within, step.within = step.within, INFINITE
    rule.steps = [step]
    if isinstance(node, dict):
        rule.same = {"target": "target.key"}.get(node.get("same", ""), node.get("same", ""))
        rule.near = float(str(node["near"]).removesuffix("px")) if "near" in node else -1.0
        rule.distinct = node.get("distinct", "")
        rule.alternates = node.get("alternates", "")
        rule.share = node.get("share") or {}


def _use(rule: Rule, use: dict[str, Any], processes: dict[str, Process]) -> None:
    process = processes[use["use"]]
    rule.process, rule.reached, rule.excluded = use["use"], use["reached"], use["not"]
    rule.within = process.time_limit if process.strict else INFINITE
    names = list(process.steps)
    before = names[: names.index(use["reached"])] if process.strict else []
    rule.steps = [
        *(Step(process.steps[name]) for name in before if name not in process.optional),
        Step(process.steps[use["reached"]]),
        Step(
            process.steps[use["not"]], absent=True, or_end=use.get("or_end", False),
            within=duration(use["within"]) if "within" in use else INFINITE,
        ),
    ]  # fmt: skip


def _step(node: Any, file: dict[str, Any], params: dict[str, Any]) -> Step:
    if not isinstance(node, dict):
        return Step(_matcher(node, file, params))
    absent = "absent" in node
    matcher = _matcher(node["absent"] if absent else node, file, params)
    within = duration(node["within"]) if "within" in node else INFINITE
    return Step(
        matcher, absent, node.get("as", ""), node.get("times", 1), within, node.get("or_end", False)
    )


def _matcher(node: Any, file: dict[str, Any], params: dict[str, Any]) -> Matcher:
    """Return *node* (name, list, $macro or {event, where}) as alternatives."""
    if isinstance(node, list):
        found = [a for item in node for a in _matcher(item, file, params).alternatives]
        return Matcher(tuple(found))
    if isinstance(node, dict):
        where = _put(node.get("where") or {}, file, params)
        inner = _matcher(node["event"], file, params)
        return Matcher(tuple((name, (*wheres, where)) for name, wheres in inner.alternatives))
    if node.startswith("$"):
        return _matcher(file["macros"][node[1:]], file, params)
    return Matcher(((node, ()),))


def _put(node: Any, file: dict[str, Any], params: dict[str, Any]) -> Any:
    """Return *node* with `$name` of params and lists replaced; macros stay."""
    if isinstance(node, dict):
        return {key: _put(item, file, params) for key, item in node.items()}
    if isinstance(node, list):
        return [_put(item, file, params) for item in node]
    if isinstance(node, str) and re.fullmatch(r"\$\w+", node):
        for table in (params, file.get("lists") or {}):
            if node[1:] in table:
                return table[node[1:]]
    return node


def capture_matcher(rule: Rule, text: str) -> Matcher:
    """Return the matcher inside `last(...)`: an event name or `$macro`."""
    return rule.macros[text[1:]] if text.startswith("$") else Matcher(((text, ()),))


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]
