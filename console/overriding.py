"""
Overrides of a rule as a form shows them: which there are, and what the form's values say.

Pure: own files and a form's values in, an override out. Leaves the meaning to the detector.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from console.rule_yaml import items
from console.workbench import OwnFile
from detector.edit import flow
from detector.errors import Problems
from detector.nodes import Seq, parse
from detector.scope import plain

ParamKind = Literal["number", "duration", "bool", "text"]

_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
_DURATION = re.compile(r"\d+(\.\d+)?(ms|s|m|h)\Z")
_SIMPLE_KEYS = {"rule", "for", "enabled", "params", "severity", "weight", "except"}
_SINGLE = ("site", "process")
_SEVERAL = ("path", "target")
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Override:
    """One override in an own file. *simple* says that the form can show all of it."""

    file: str
    revision: str
    index: int
    line: int
    text: str
    value: dict[str, Any]
    simple: bool


def overrides_of(rule: str, files: Sequence[OwnFile], editable: str) -> list[Override]:
    """Return the overrides of *rule* in *files*; only those of the file *editable* can be simple."""
    return [
        Override(
            file.name, file.revision, item.index, item.line, item.text, item.value,
            file.name == editable and _is_simple(item.value),
        )
        for file in files
        for item in items(file.text, "overrides")
        if isinstance(item.value, dict) and item.value.get("rule") == rule
    ]  # fmt: skip


def _is_simple(value: Mapping[str, Any]) -> bool:
    places, excepts = value.get("for") or {}, value.get("except") or {}
    if set(value) - _SIMPLE_KEYS or not isinstance(places, dict) or not isinstance(excepts, dict):
        return False
    if set(places) - {*_SINGLE, *_SEVERAL} or set(excepts) - {"target", "path", "process"}:
        return False
    singles = [places.get("site"), places.get("process"), excepts.get("process")]
    if any(isinstance(one, list) and len(one) > 1 for one in singles):
        return False
    return not any(str(one).startswith("$") for one in _flat(value))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for inner in value.values() for one in _flat(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in _flat(inner)]
    return [value]


def form_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Return what the form's fields hold for the override *value*."""
    places, excepts = value.get("for") or {}, value.get("except") or {}
    form = {f"for_{name}": _lines(places.get(name)) for name in (*_SINGLE, *_SEVERAL)}
    form |= {f"except_{name}": _lines(excepts.get(name)) for name in ("target", "path", "process")}
    form |= {f"param_{name}": _shown(given) for name, given in (value.get("params") or {}).items()}
    form["severity"] = str(value.get("severity") or "")
    form["weight"] = "" if value.get("weight") is None else f"{value['weight']:g}"
    form["enabled"] = {True: "true", False: "false"}.get(value.get("enabled", ""), "")
    return form


def _lines(value: Any) -> str:
    return "\n".join(str(one) for one in (value if isinstance(value, list) else [value] if value else []))  # fmt: skip


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else flow(value)


def kind_of(written: str) -> ParamKind:
    """Return what kind of value *written*, a param in YAML, is."""
    if _NUMBER.match(written):
        return "number"
    if _DURATION.match(written):
        return "duration"
    return "bool" if written in ("true", "false") else "text"


class WrongParam(ValueError):
    """A param's value is none of its kind. *name* and *kind* say which."""

    def __init__(self, name: str, kind: ParamKind) -> None:
        super().__init__(name)
        self.name = name
        self.kind = kind


def override_of(
    rule: str,
    params: Mapping[str, str],
    form: Mapping[str, str],
    kept: Collection[str] = (),
) -> dict[str, Any]:
    """
    Return the override that *form* asks for; `rule` (and `for`) alone when it asks for nothing.

    *params* are the rule's with their values in force; what is left as it is is not written,
    but for those of *kept*, which the edited override itself put in force.
    Raise WrongParam for a value of the wrong kind.
    """
    made: dict[str, Any] = {"rule": rule}
    places = {name: form[f"for_{name}"] for name in _SINGLE if form.get(f"for_{name}")}
    several = {name: _list(form.get(f"for_{name}", "")) for name in _SEVERAL}
    if where := places | {name: given for name, given in several.items() if given}:
        made["for"] = where
    changed = {
        name: _param(name, kind_of(present), form[f"param_{name}"])
        for name, present in params.items()
        if form.get(f"param_{name}") and (name in kept or form[f"param_{name}"] != present)
    }
    if changed:
        made["params"] = changed
    if form.get("enabled") in ("true", "false"):
        made["enabled"] = form["enabled"] == "true"
    if form.get("severity"):
        made["severity"] = form["severity"]
    if form.get("weight"):
        made["weight"] = _param("weight", "number", form["weight"])
    excepts = {
        name: _list(form.get(f"except_{name}", "")) for name in ("target", "path", "process")
    }
    if silent := {name: given for name, given in excepts.items() if given}:
        made["except"] = silent
    return made


def changes_something(override: Mapping[str, Any]) -> bool:
    """Return whether *override* says anything but where."""
    return bool(set(override) - {"rule", "for"})


def _list(text: str) -> list[str]:
    return [line.strip() for line in text[:_LONGEST].splitlines() if line.strip()]


def _param(name: str, kind: ParamKind, given: str) -> Any:
    if kind == "number":
        text = given.replace(",", ".")
        if not _NUMBER.match(text):
            raise WrongParam(name, kind)
        return float(text) if "." in text else int(text)
    if kind == "duration":
        if not _DURATION.match(given):
            raise WrongParam(name, kind)
        return given
    if kind == "bool":
        if given not in ("true", "false"):
            raise WrongParam(name, kind)
        return given == "true"
    return _list_or_text(name, given)


def _list_or_text(name: str, given: str) -> Any:
    """Return *given*, a list as rule files write it (no aliases, no tags), or else a text."""
    if not given.startswith("["):
        return given
    problems = Problems()
    parsed = parse("", f"value: {given}\n", problems) if len(given) <= _LONGEST else None
    node = parsed.get("value") if parsed and not problems.failed else None
    if not isinstance(node, Seq) or parsed is None or parsed.names() != ["value"]:
        raise WrongParam(name, "text")
    return plain(node)
