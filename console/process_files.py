"""
Owns where processes are declared, who uses them, and the file that a changed form comes to.

Reads and writes texts. Leaves the form to console/process_form.py, lines to console/process_yaml.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from console.making import slug
from console.process_form import FormStep, ProcessForm, knows, values
from console.process_yaml import declared, shown, with_process, without_process
from console.proposals import FormError, Proposal, file_of
from console.rule_yaml import NotSimple, sections
from console.words import Words
from console.workbench import Workbench
from core.durations import parse_duration_ms
from detector.errors import Problems
from detector.nodes import parse
from detector.patterns import BadSelector, parse_selector
from detector.scope import plain
from detector.spec import MAX_SPAN_MS
from insight.report_files import Report

PROCESSES = "processes.yaml"
_FILE = "version: 1\n"


@dataclass(frozen=True, slots=True)
class Declaration:
    """
    A process that there is: its *values*, and the file that it is changed in, with its *text* and *revision*.

    One that is not *own* came with Stolper: *text* is a copy for a file of the site's own, which takes its
    place. *hides* says that an own one takes the place of such.
    """

    name: str
    file: str
    text: str
    revision: str | None
    own: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    hides: bool = False

    @property
    def editable(self) -> bool:
        """Say whether the form can show all of it."""
        return not self.values or knows(self.values)


def declarations(bench: Workbench) -> list[Declaration]:
    """Return all processes by name; an own one hides one that came with Stolper."""
    found: dict[str, Declaration] = {}
    for rule in bench.rules():
        if not rule.shipped or "processes:" not in rule.source:
            continue
        for name, one in _declared(rule.source).items():
            text = _FILE + sections(rule.source, ("lists", "macros", "processes"))
            found[name] = Declaration(name, f"process_{slug(name)}.yaml", text, None, False, one)
    for file in bench.files():
        for name, one in _declared(file.text).items():
            hides = name in found and (found[name].hides or not found[name].own)
            found[name] = Declaration(
                name, file.name, file.text, file.revision, own=True, values=one, hides=hides
            )
    return sorted(found.values(), key=lambda one: one.name)


def declaration(bench: Workbench, name: str) -> Declaration | None:
    """Return the process *name*, None if there is none."""
    return next((one for one in declarations(bench) if one.name == name), None)


def new_declaration(bench: Workbench) -> Declaration:
    """Return a process that has no name yet, and the file that it will stand in."""
    file = file_of(bench, PROCESSES)
    if file is None:
        return Declaration("", PROCESSES, _FILE, None, own=True)
    return Declaration("", PROCESSES, file.text, file.revision, own=True)


def _declared(text: str) -> dict[str, dict[str, Any]]:
    try:
        return declared(text)
    except NotSimple:
        return {}


# -- saving ------------------------------------------------------------------------------


def proposal(bench: Workbench, known: Declaration, form: ProcessForm, _: Words) -> Proposal:
    """Return the change of a file that *form* asks for. Raise FormError if it cannot be."""
    if not known.editable:
        raise _by_hand(known, _)
    _check(known, form, _)
    name = known.name or slug(form.en or form.de, {one.name for one in declarations(bench)})
    try:
        text = with_process(known.text, name, values(form, known.values))
        return Proposal(known.file, known.revision, text, shown(text, name), process=name)
    except NotSimple:
        raise _by_hand(known, _) from None


def removal(known: Declaration, _: Words) -> Proposal:
    """Return the change of a file that takes the process out; its text is empty if nothing is left in it."""
    try:
        text = without_process(known.text, known.name)
    except NotSimple:
        raise _by_hand(known, _) from None
    return Proposal(known.file, known.revision, text, "", process=known.name)


def _by_hand(known: Declaration, _: Words) -> FormError:
    sentence = _("The file %(file)s is laid out so that only the editor can change it.")
    return FormError(sentence % {"file": known.file})


def _check(known: Declaration, form: ProcessForm, _: Words) -> None:
    """Raise FormError for what the form's fields do not hold as they should."""
    if not known.name and not (form.en or form.de):
        raise FormError(_("Give the process a name: it is what people read in lists."))
    if not form.steps:
        raise FormError(_("A process has one step at least."))
    for number, step in enumerate(form.steps, 1):
        if problem := _problem(step, known, _):
            raise FormError(_("Step %(num)s: %(why)s") % {"num": number, "why": problem})
    origins = [one.origin for one in form.steps if one.origin]
    if len(origins) != len(set(origins)):
        raise FormError(_("The process was changed meanwhile. Load the page again."))
    try:
        limit_ms = parse_duration_ms(form.limit) if form.limit else 1
    except ValueError:
        limit_ms = 0
    if not 0 < limit_ms <= MAX_SPAN_MS:
        raise FormError(_("The time limit is a time with its unit, such as 90s, 30m or 2h, of up to a day."))  # fmt: skip


def _problem(step: FormStep, known: Declaration, _: Words) -> str:
    if step.origin and step.origin not in (known.values.get("steps") or {}):
        return _("it is gone from the file meanwhile. Load the page again.")
    if step.kind == "other":
        return "" if step.origin else _("say what counts as it.")
    if not step.what:
        return _("say what counts as it.")
    if step.kind == "page" and not all(one.startswith(("/", "*")) for one in step.what.split()):
        return _("the address of a page begins with /, such as /checkout or /order/*.")
    if step.what.startswith("$"):
        return _("it begins with a sign that means something else in rule files.")
    if step.kind == "click":
        try:
            parse_selector(step.what)
        except BadSelector as error:
            return _("The selector cannot be used: %(why)s") % {"why": error}
    return ""


# -- who uses it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """Something that names a process: a *rule* or *report*, or something else of *file*, with its page."""

    file: str
    rule: str
    link: str
    report: Mapping[str, str] = field(default_factory=dict)  # its title by language


def uses(bench: Workbench, reports: Sequence[Report], name: str) -> list[Use]:
    """Return the rules, changes of rules, scores and *reports* that name the process *name*, each once."""
    found: dict[tuple[str, str], Use] = {}
    for rule in bench.rules():
        if rule.shipped and name in _asked(rule.source, rule.id):
            found[rule.file, rule.id] = Use(rule.file, rule.id, f"/rules/{rule.id}")
    for file in bench.files():
        for rule_id, names in _asking(file.text):
            if name in names:
                link = f"/rules/edit?{urlencode({'file': file.name})}"
                found[file.name, rule_id] = Use(file.name, rule_id, link)
    of_reports = [
        Use(one.file, "", f"/reports/{one.id}", one.title)
        for one in reports
        if any(block.process == name for block in one.blocks)
    ]
    return [*found.values(), *of_reports]


def _asked(text: str, rule: str) -> set[str]:
    return {name for one, names in _asking(text) if one == rule for name in names}


def _asking(text: str) -> Iterator[tuple[str, set[str]]]:
    """Give what names processes in the rule file *text*: rule (or nothing), and the names."""
    parsed = parse("", text, Problems())
    file = plain(parsed) if parsed is not None else None
    if not isinstance(file, dict):
        return
    for section, key in (("rules", "id"), ("overrides", "rule")):
        for one in _maps(file.get(section)):
            yield str(one.get(key) or ""), set(_named(one))
    score = file.get("score")
    for one in _maps([score.get("critical")] if isinstance(score, dict) else None):
        yield "", set(_named(one))


def _maps(value: Any) -> Sequence[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _named(value: Any) -> Iterator[str]:
    """Give the names that stand at `process` anywhere in *value*."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key == "process":
            names = inner.get("use") if isinstance(inner, dict) else inner
            yield from (str(one) for one in (names if isinstance(names, list) else [names]))
        else:
            yield from _named(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _named(inner)
