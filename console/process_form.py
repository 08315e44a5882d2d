"""
A process as its form shows it: read from a declaration's values, and the values that it comes to.

Pure. Leaves the text of the file to console/process_yaml.py, and the meaning to the detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from console.making import slug
from detector.edit import flow

Kind = Literal["page", "click", "custom", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_STEPS = 30
"""More steps than anyone reads in a funnel; a form of more is a mistake or an attack."""

_FIELDS = ("kind", "what", "en", "de", "origin")
_WILD = "*?"


@dataclass(frozen=True, slots=True)
class FormStep:
    """
    A step: *what* is meant by its *kind*: paths (with a blank between), a selector, an event's name, or a matcher in YAML.

    *origin* is its id in the file, "" for a new one. *en* and *de* are what people call it.
    """

    kind: Kind = "page"
    what: str = ""
    en: str = ""
    de: str = ""
    optional: bool = False
    origin: str = ""

    @property
    def blank(self) -> bool:
        """Say whether nothing was filled in."""
        return not (self.what or self.en or self.de or self.origin)

    @property
    def matcher(self) -> Any:
        """Return the matcher of the step, in Python's values; of one of an *other* kind it is not known here."""
        if self.kind == "page":
            return {"event": "page", "where": {"path": _paths(self.what)}}
        if self.kind == "click":
            return {"event": "click", "where": {"target": self.what}}
        return {"event": "custom", "where": {"name": self.what}}


@dataclass(frozen=True, slots=True)
class ProcessForm:
    """
    All that the form holds. *goal* is the number of its step, None: the last.

    *limit* is a span such as 30m, or nothing; *value* a field of the goal's event; *sites* none: all.
    """

    en: str = ""
    de: str = ""
    steps: tuple[FormStep, ...] = ()
    goal: int | None = None
    value: str = ""
    strict: bool = False
    limit: str = ""
    sites: tuple[str, ...] = ()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the steps: those they have, else made of what people call them."""
        found = [one.origin for one in self.steps]
        for number, one in enumerate(self.steps):
            if not one.origin:
                found[number] = slug(one.en or one.de or one.what, {*found, "process"})
        return tuple(found)


def read(declared: Mapping[str, Any]) -> ProcessForm:
    """Return the form of a process *declared* with these values, in which there may be mistakes."""
    labels = _map(declared.get("labels"))
    optional = _list(declared.get("optional"))
    steps = tuple(
        replace(_step(matcher), en=en, de=de, optional=name in optional, origin=name)
        for name, matcher in _map(declared.get("steps")).items()
        for en, de in (_texts(labels.get(name)),)
    )
    names = [one.origin for one in steps]
    goal = declared.get("goal")
    en, de = _texts(declared.get("title"))
    return ProcessForm(
        en, de, steps,
        names.index(goal) if goal in names and goal != names[-1] else None,
        str(declared.get("value") or ""), bool(declared.get("strict")),
        str(declared.get("time_limit") or ""), tuple(_list(declared.get("site"))),
    )  # fmt: skip


def knows(declared: Mapping[str, Any]) -> bool:
    """
    Say whether the form can show all of *declared*.

    It cannot show names of lists that stand for something else, more than MOST_STEPS, nor labels that are none.
    """
    told = {name: value for name, value in declared.items() if name != "steps"}
    steps = declared.get("steps")
    return (
        isinstance(steps, dict)
        and len(steps) <= MOST_STEPS
        and isinstance(declared.get("labels"), dict | None)
        and all(isinstance(one, str) for one in _list(declared.get("optional")))
        and not any(
            isinstance(one, str) and one.startswith("$")
            for value in told.values()
            for one in _flat(value)
        )
    )


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for inner in value.values() for one in _flat(inner)]
    return [one for inner in value for one in _flat(inner)] if isinstance(value, list) else [value]


def posted(form: Mapping[str, str], sites: Sequence[str]) -> ProcessForm:
    """Return what was posted as *form*; *sites* are those that were ticked."""
    steps = []
    for number in range(MOST_STEPS):
        values = {name: form.get(f"step-{number}-{name}", "").strip() for name in _FIELDS}
        if f"step-{number}-kind" not in form:
            break
        kind: Kind = next((one for one in KINDS if one == values["kind"]), "page")
        steps.append(
            FormStep(
                kind, values["what"], _line(values["en"]), _line(values["de"]),
                bool(form.get(f"step-{number}-optional")), values["origin"],
            )
        )  # fmt: skip
    chosen = form.get("goal", "")
    goal = int(chosen) if chosen.isdecimal() and len(chosen) < 3 else None
    return ProcessForm(
        _line(form.get("en", "")), _line(form.get("de", "")), tuple(steps),
        goal if goal is not None and goal < len(steps) - 1 else None,
        form.get("value", "").strip(), form.get("order") == "strict",
        form.get("limit", "").strip(), tuple(sites),
    )  # fmt: skip


def _line(text: str) -> str:
    """Return *text*, which a page may have shown in several lines, as one."""
    return " ".join(text.strip().splitlines())


def arranged(form: ProcessForm, do: str) -> ProcessForm | None:
    """Return *form* with its steps changed as the button *do* says (`up-3`, `add`); None if it is no such button."""
    action, _, at = do.partition("-")
    steps = list(form.steps)
    if action == "add" and len(steps) < MOST_STEPS:
        return with_steps(form, [*steps, FormStep()])
    number = int(at) if at.isdecimal() and len(at) < 3 else -1
    if not 0 <= number < len(steps):
        return None
    if action == "remove":
        del steps[number]
    elif action == "up" and number:
        steps[number - 1 : number + 1] = reversed(steps[number - 1 : number + 1])
    elif action == "down" and number + 1 < len(steps):
        steps[number : number + 2] = reversed(steps[number : number + 2])
    elif action not in ("up", "down"):
        return None
    return with_steps(form, steps)


def filled(form: ProcessForm) -> ProcessForm:
    """Return *form* without steps in which nothing was filled in."""
    return with_steps(form, [one for one in form.steps if not one.blank])


def with_steps(form: ProcessForm, steps: Sequence[FormStep]) -> ProcessForm:
    """Return *form* with other *steps*: its goal goes where its step went; the last stays the last."""
    goal = None if form.goal is None else form.steps[form.goal]
    place = next((n for n, one in enumerate(steps) if one is goal), None)
    return replace(form, steps=tuple(steps), goal=None if place == len(steps) - 1 else place)


def values(form: ProcessForm, before: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the declaration that *form* comes to, of one that was declared as *before*.

    What the form says no other than *before* is as it was, to the letter; what the form does not know stays.
    """
    was = read(before)
    found = dict(before)
    ids = form.ids()
    known = {one.origin: one for one in was.steps}
    declared = before.get("steps") or {}
    found["steps"] = {
        name: declared[name] if _same(step, known.get(name)) else step.matcher
        for name, step in zip(ids, form.steps, strict=True)
    }
    if (form.en, form.de) != (was.en, was.de):
        found["title"] = _text(form.en, form.de)
    found["labels"] = _labels(form, ids, before)
    if "goal" in before or form.goal is not None:
        found["goal"] = ids[-1 if form.goal is None else form.goal]
    optional = [name for name, step in zip(ids, form.steps, strict=True) if step.optional]
    if set(optional) != set(_list(before.get("optional"))):
        found["optional"] = optional
    if form.strict != was.strict:
        found["strict"] = form.strict
    if form.sites != was.sites:
        found["site"] = list(form.sites)
    if form.limit != was.limit:
        found["time_limit"] = form.limit
    if form.value != was.value:
        found["value"] = form.value
    if before.get("start") is not None:
        found["start"] = ids[0]
    return {name: value for name, value in found.items() if value not in (None, "", [], {}, False)}


def _same(step: FormStep, was: FormStep | None) -> bool:
    return was is not None and (
        step.kind == "other" or (step.kind, step.what) == (was.kind, was.what)
    )


def _labels(form: ProcessForm, ids: Sequence[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people call steps; a label that says what it said stays as it is written."""
    was = before.get("labels") or {}
    found = {}
    for name, step in zip(ids, form.steps, strict=True):
        if name in was and _texts(was[name]) == (step.en, step.de):
            found[name] = was[name]
        elif text := _text(step.en, step.de):
            found[name] = text
    return found


def _step(matcher: Any) -> FormStep:
    """Return the step that *matcher* is, of kind other if the form has no fields for it."""
    if isinstance(matcher, dict) and set(matcher) == {"event", "where"}:
        event, where = matcher["event"], matcher["where"]
        if isinstance(where, dict) and len(where) == 1:
            ((name, value),) = where.items()
            if (event, name) == ("page", "path") and (paths := _path_text(value)):
                return FormStep("page", paths)
            if (event, name) == ("click", "target") and _plain(value):
                return FormStep("click", value)
            if (event, name) == ("custom", "name") and _plain(value):
                return FormStep("custom", value)
    return FormStep("other", matcher if isinstance(matcher, str) else flow(matcher))


def _plain(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not value.startswith("$")


def _path_text(value: Any) -> str:
    """Return the paths of *value* as the form has them, "" if it cannot."""
    globs = isinstance(value, dict) and list(value) == ["glob"]
    found = _list(value["glob"] if globs else value)
    fits = all(
        _plain(one) and not any(letter.isspace() for letter in one)
        and (globs or not any(letter in one for letter in _WILD))
        for one in found
    )  # fmt: skip
    return " ".join(found) if fits else ""


def _paths(text: str) -> Any:
    """Return the test of a path that *text* asks for: that path, one of several, or one that fits a pattern."""
    found: Any = text.split()
    found = found[0] if len(found) == 1 else found
    return {"glob": found} if any(letter in text for letter in _WILD) else found


def _texts(value: Any) -> tuple[str, str]:
    """Return an English and a German text of *value*, a text or one for each language."""
    if isinstance(value, dict):
        return str(value.get("en") or ""), str(value.get("de") or "")
    return (str(value), "") if value is not None else ("", "")


def _text(en: str, de: str) -> Any:
    """Return the two texts as a declaration has them."""
    if en and de:
        return {"en": en, "de": de}
    return en or ({"de": de} if de else None)


def _map(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
