"""
Owns what can be made of an element picked in a replay: the choice of a selector with its
counts, and the form for a rule, an exception, a process step or a derived event.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from console.auth import require_editor
from console.context import console, workbench
from console.making import WHATS, NewRule, TooWide, exception, mapping, pressed, slug
from console.named import session_of
from console.pages import render
from console.press_words import kind_text, matches_text, seen_text
from console.presses import count_presses
from console.proposals import (
    BLANK,
    SPAN_MS,
    FormError,
    Proposal,
    answer,
    appended,
    file_of,
    form_values,
    in_thread,
    words,
)
from console.rule_yaml import NotSimple, sections, steps_of, with_entry
from console.selectors import read_path, suggest
from console.words import Words
from console.workbench import Workbench
from core.model import SEVERITIES, Session
from detector.edit import flow
from detector.patterns import BadSelector, parse_selector
from detector.spec import RESERVED_IDS

KINDS = ("rule", "except", "step", "event")
CHANGES = "changes.yaml"
MAPPINGS = "mappings.yaml"
PROCESSES = "processes.yaml"
NEW = "+"
"""Stands for a new process in the form: no process can have this name."""

_LONGEST_PATH_TEXT = 20_000


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_post("/sessions/{session}/pick", offer_selectors)
    app.router.add_get("/rules/make", make_page)
    app.router.add_post("/rules/make", make_page)
    app.router.add_get("/rules/saved", saved_page)
    app.router.add_post("/rules/rejudge", rejudge)


async def offer_selectors(request: web.Request) -> web.Response:
    """Answer with ways to find the picked element again, each with what it found lately."""
    await require_editor(request)
    session = await session_of(request)
    path = read_path(_json((await form_values(request)).get("path", "")))
    if path is None:
        raise web.HTTPBadRequest(text="'path' is no path of an element")
    language = words(request)
    offered = suggest(path)
    counted = await count_presses(
        console(request).store,
        [one.selector for one in offered],
        site=session.site,
        since_ms=console(request).clock.now_ms() - SPAN_MS,
    )
    options = [
        {
            "selector": one.selector,
            "text": kind_text(one.kind, language.gettext),
            "matches": matches_text(counted, one.selector, language),
        }
        for one in offered
    ]
    body = orjson.dumps({"options": options, "seen": seen_text(counted, language)})
    return web.Response(body=body, content_type="application/json")


def _json(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= _LONGEST_PATH_TEXT else None
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class _Known:
    """A process that there is: its steps, and where it is declared."""

    name: str
    steps: tuple[str, ...]
    file: str
    own: bool


async def make_page(request: web.Request) -> web.StreamResponse:
    """Show the form for what to make of a selector, or do what the form says."""
    await require_editor(request)
    values = await form_values(request)
    kind = values.get("kind", "")
    if kind not in KINDS:
        raise web.HTTPNotFound
    session = await console(request).store.session(values.get("session", ""))
    make = {"rule": _rule, "except": _except, "step": _step, "event": _event}[kind]

    def proposal(bench: Workbench, given: Mapping[str, str], _: Words) -> Proposal:
        return replace(make(bench, given, _), selector=given["selector"])

    return await answer(request, in_thread(proposal), partial(_show, request, kind, session))


async def _show(
    request: web.Request, kind: str, session: Session | None, values: Mapping[str, str], **more: Any
) -> web.Response:
    bench = workbench(request)
    sites = await console(request).store.sites()
    flagged = session.rules if session else ()
    rules = sorted(bench.rules(), key=lambda rule: (rule.id not in flagged, rule.id))
    defaults = {
        "selector": "", "session": "", "at": "", "what": "unanswered", "times": "3",
        "within": "2", "severity": "medium", "title": "", "rule": "", "name": "",
        "process": "", "before": "", "step": "", "reason": "", "path": "/*",
        "site": session.site_name if session and len(sites) > 1 and not values.get("do") else "",
    }  # fmt: skip
    return render(
        request, "make.html", kind=kind, session=session, sites=sites, values={**defaults, **values},
        rules=[rule for rule in rules if rule.enabled], flagged=flagged, severities=SEVERITIES,
        whats=WHATS, processes=await asyncio.to_thread(_processes, bench), new=NEW, **{**BLANK, **more},
    )  # fmt: skip


# -- what the form means -----------------------------------------------------------------


def selector_in(values: Mapping[str, str], _: Words) -> str:
    """Return the selector in *values*, or say why it is none."""
    selector = values.get("selector", "")
    try:
        parse_selector(selector)
    except BadSelector as error:
        raise FormError(_("The selector cannot be used: %(why)s") % {"why": error}) from None
    return selector


def number_in(
    values: Mapping[str, str], name: str, low: float, high: float, label: str, _: Words
) -> float:
    """Return the number *name* in *values*, with a point or a comma."""
    try:
        number = float(values.get(name, "").replace(",", "."))
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        sentence = _("“%(label)s” is a number from %(low)s to %(high)s.")
        raise FormError(sentence % {"label": label, "low": f"{low:g}", "high": f"{high:g}"})
    return number


def _word(values: Mapping[str, str], name: str, sentence: str) -> str:
    """Return the name in *values* as rules write names."""
    text = values.get(name, "")
    if not text:
        raise FormError(sentence)
    return slug(text)


def _rule(bench: Workbench, values: Mapping[str, str], _: Words) -> Proposal:
    title = values.get("title", "")
    if not title:
        raise FormError(_("Give the rule a title: it is what people read in lists."))
    what = next((one for one in WHATS if one == values.get("what")), WHATS[0])
    often = what == "often"
    taken = {rule.id for rule in bench.rules()}
    taken |= {file.name.removesuffix(".yaml") for file in bench.files()}
    rule = NewRule(
        id=slug(title, taken | set(RESERVED_IDS)),
        title=title,
        severity=values.get("severity", "medium"),
        what=what,
        selector=selector_in(values, _),
        times=int(number_in(values, "times", 2, 50, _("How many"), _)) if often else 3,
        within_ms=number_in(values, "within", 0.1, 86_400, _("Within seconds"), _) * 1000 if often else 2_000,
        page=values.get("path") or "/*",
        site=values.get("site") or None,
    )  # fmt: skip
    try:
        text = rule.text(_)
    except TooWide:
        raise FormError(_("This selector fits everything. Choose one that fits less.")) from None
    return Proposal(f"{rule.id}.yaml", None, text, text, rule.id)


def _except(bench: Workbench, values: Mapping[str, str], _: Words) -> Proposal:
    rule = values.get("rule", "")
    if rule not in {one.id for one in bench.rules()}:
        raise FormError(_("Choose the rule that is to stay silent here."))
    change = exception(rule, selector_in(values, _), site=values.get("site") or None)
    return appended(bench, CHANGES, "overrides", change, rule=rule)


def _event(bench: Workbench, values: Mapping[str, str], _: Words) -> Proposal:
    name = _word(values, "name", _("Give the event a name, such as newsletter_opened."))
    made = mapping(name, selector_in(values, _), site=values.get("site") or None)
    return appended(bench, MAPPINGS, "mappings", made)


def _processes(bench: Workbench) -> list[_Known]:
    """Return all processes by name; an own one hides a shipped one."""
    found: dict[str, _Known] = {}
    for rule in bench.rules():
        if rule.shipped:
            for name, steps in steps_of(rule.source).items():
                found[name] = _Known(name, tuple(steps), rule.file, own=False)
    for file in bench.files():
        for name, steps in steps_of(file.text).items():
            found[name] = _Known(name, tuple(steps), file.name, own=True)
    return sorted(found.values(), key=lambda one: one.name)


def _step(bench: Workbench, values: Mapping[str, str], _: Words) -> Proposal:
    step = _word(values, "step", _("Give the step a name, such as shipping."))
    matcher = flow(pressed(selector_in(values, _), site=values.get("site") or None))
    line = f"{step}: {matcher}"
    known = next((one for one in _processes(bench) if one.name == values.get("process")), None)
    if known is None:
        name = _word(values, "name", _("Give the process a name, such as signup."))
        return _new_process(bench, name, line, _)
    if step in known.steps:
        raise FormError(_("The process has a step of this name already. Choose another."))
    of, slash, before = values.get("before", "").partition("/")
    if slash and (of != known.name or before not in known.steps):
        raise FormError(_("Choose a step of that process."))
    return _longer_process(bench, known, line, before or None, _)


def _new_process(bench: Workbench, name: str, step: str, _: Words) -> Proposal:
    if any(one.name == name for one in _processes(bench)):
        raise FormError(_("There is a process of this name already. Choose it, or another name."))
    own = f"{name}:\n  steps:\n    {step}\n"
    shown = "processes:\n" + "".join(f"  {line}\n" for line in own.splitlines())
    file = file_of(bench, PROCESSES)
    if file is None:
        return Proposal(PROCESSES, None, "version: 1\n" + shown, shown, process=name)
    try:
        text = with_entry(file.text, ("processes",), own)
    except NotSimple:
        raise _by_hand(PROCESSES, _) from None
    return Proposal(PROCESSES, file.revision, text, shown, process=name)


def _longer_process(
    bench: Workbench, known: _Known, step: str, before: str | None, _: Words
) -> Proposal:
    """Add *step* to a process; a shipped one is first copied into a file of its own."""
    name = known.file
    if known.own:
        file = file_of(bench, known.file)
        text, revision = (file.text, file.revision) if file else ("", None)
    else:
        source = next(rule.source for rule in bench.rules() if rule.file == known.file)
        text = "version: 1\n" + sections(source, ("lists", "macros", "processes"))
        name, revision = f"process_{slug(known.name)}.yaml", None
    try:
        longer = with_entry(text, ("processes", known.name, "steps"), step, before=before)
    except NotSimple:
        raise _by_hand(name, _) from None
    added = f"processes:\n  {known.name}:\n    steps:\n      {step}\n"
    shown = added if known.own else longer  # a copy is new as a whole
    return Proposal(name, revision, longer, shown, process=known.name)


def _by_hand(name: str, _: Words) -> FormError:
    sentence = _("The file %(file)s is laid out so that only the editor can change it.")
    return FormError(sentence % {"file": name})


# -- afterwards --------------------------------------------------------------------------


async def saved_page(request: web.Request) -> web.Response:
    """Say that a change is in force, and what can be done next."""
    await require_editor(request)
    values = await form_values(request)
    rule = next((one for one in workbench(request).rules() if one.id == values.get("rule")), None)
    session = await console(request).store.session(values.get("session", ""))
    processes = {one.id for one in workbench(request).processes()}
    process = values.get("process", "")
    return render(
        request, "saved.html", file=values.get("file", ""), rule=rule, session=session,
        process=process if process in processes else "", changed=_number(values.get("changed")),
    )  # fmt: skip


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


async def rejudge(request: web.Request) -> web.Response:
    """Judge the last days again with the rules in force."""
    who = await require_editor(request)
    values = await form_values(request)
    now_ms = console(request).clock.now_ms()
    changed = await workbench(request).rejudge(since_ms=now_ms - SPAN_MS)
    await console(request).store.audit(now_ms, who, "rejudged", "7d")
    query = {
        name: values[name] for name in ("file", "rule", "process", "session") if values.get(name)
    }
    url = request.url.with_path("/rules/saved").with_query({**query, "changed": str(changed)})
    raise web.HTTPSeeOther(url.relative())
