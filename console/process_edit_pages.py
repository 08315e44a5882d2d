"""Owns the pages on which a process is made, changed, tried on history and removed, without YAML."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web

from console.auth import ROLE, SIGNED_IN, require_editor
from console.context import console, workbench
from console.drafts import DRAFTS, Step
from console.finding import PERIODS
from console.list_pages import period_texts
from console.pages import render
from console.process_files import (
    Declaration,
    declaration,
    new_declaration,
    proposal,
    removal,
    uses,
)
from console.process_form import (
    MOST_STEPS,
    FormStep,
    ProcessForm,
    arranged,
    filled,
    posted,
    read,
)
from console.process_frame import process_link
from console.process_trials import MOST_LOOKED, TRIALS, Trials, begin, completed, rows
from console.process_values import numbers_of
from console.proposals import FormError, Proposal, form_values, one_line, words
from console.workbench import Checked, ProcessTrial, Saved, process_key
from core.errors import UserError

NEW = "-"
"""Stands for a process that is not saved yet: no process can have this name."""

SINCE = "7d"
"""What a change is tried on if nothing else is chosen."""


@dataclass(frozen=True, slots=True)
class Editing:
    """A form as it was sent: of which process, and what is beside its fields."""

    known: Declaration
    form: ProcessForm
    revision: str
    since: str = SINCE
    reason: str = ""
    session: str = ""

    @property
    def id(self) -> str:
        """Return what stands for the process in addresses."""
        return self.known.name or NEW


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app[TRIALS] = Trials()
    app.router.add_get("/processes/{process}/edit", show)
    app.router.add_post("/processes/{process}/edit", answer)
    app.router.add_post("/processes/{process}/trial", run_trial)
    app.router.add_post("/processes/{process}/remove", remove)


async def show(request: web.Request) -> web.Response:
    """Show the form of a process, or of a new one."""
    await require_editor(request)
    known = await _known(request)
    form = read(known.values) if known.name else ProcessForm(steps=(FormStep(), FormStep()))
    return await page(request, Editing(known, form, known.revision or ""))


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer the form as its `do` says: steps moved, a trial, or saving."""
    who = await require_editor(request)
    editing = await _editing(request)
    do = (await form_values(request)).get("do", "")
    moved = arranged(editing.form, do)
    if moved is not None:
        return await page(request, replace(editing, form=moved))
    if do not in ("try", "save"):
        return await page(request, editing)
    try:
        change = await _proposal(request, editing)
    except FormError as error:
        return await page(request, editing, error=str(error), status=422)
    if do == "try":
        return await _tried(request, editing, change)
    saved = await _save(request, change, editing.reason, who)
    if saved.outcome == "saved":
        raise web.HTTPSeeOther(process_link(change.process))
    return await page(
        request, editing, error=_refused(request, saved, change), checked=saved.checked,
        status=409 if saved.outcome == "conflict" else 422,
    )  # fmt: skip


async def run_trial(request: web.Request) -> web.StreamResponse:
    """Answer line by line (JSON each) with how far a trial is, then with its panel."""
    await require_editor(request)
    editing = await _editing(request)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the progress back
    try:
        change = await _proposal(request, editing)
    except FormError as error:
        return web.Response(body=orjson.dumps({"error": str(error)}), status=422)
    await response.prepare(request)
    async with contextlib.aclosing(_trial_lines(request, editing, change)) as lines:
        try:
            async for line in lines:
                await response.write(orjson.dumps(line) + b"\n")
        except ConnectionError:  # nobody listens any more
            pass
    return response


async def _trial_lines(
    request: web.Request, editing: Editing, change: Proposal
) -> AsyncGenerator[dict[str, Any], None]:
    """Give what the page is told of a trial: how far it is, then its panel, or why there is none."""
    language = words(request)
    checked = await workbench(request).check(change.file, change.text)
    if not checked.fits:
        values: dict[str, Any] = {"trial": None, "change": change, "checked": checked}
        yield {"html": language.render("process_trial.html", values)}
        return
    run = begin(request, change, editing.since)
    async with contextlib.aclosing(request.app[DRAFTS].run(request[SIGNED_IN].id, run)) as steps:
        try:
            async for step in steps:
                if isinstance(step, Step):
                    yield {"done": step.done, "total": step.total}
                else:
                    values = _trial_values(request, editing, change, step, checked)
                    yield {"html": language.render("process_trial.html", values)}
        except UserError as error:  # a file changed meanwhile, so that the text does not load
            yield {"error": str(error)}


async def remove(request: web.Request) -> web.StreamResponse:
    """Take a process out of its file; the file goes if nothing else stands in it."""
    who = await require_editor(request)
    known = await _known(request)
    values = await form_values(request)
    editing = Editing(known, read(known.values), values.get("revision", ""))
    if not known.name or not known.own:
        raise web.HTTPNotFound
    try:
        _unchanged(request, editing)
        change = await asyncio.to_thread(removal, known, words(request).gettext)
    except FormError as error:
        return await page(request, editing, error=str(error), status=409)
    saved = await _save(request, change, values.get("reason", ""), who)
    if saved.outcome == "saved":
        raise web.HTTPSeeOther("/processes")
    return await page(
        request, editing, error=_refused(request, saved, change), checked=saved.checked,
        status=409 if saved.outcome == "conflict" else 422,
    )  # fmt: skip


# -- what was sent -----------------------------------------------------------------------


async def _known(request: web.Request) -> Declaration:
    """Return the declaration of the process in the address. Raise HTTPNotFound if there is none."""
    return await known_as(request, request.match_info["process"])


async def known_as(request: web.Request, name: str) -> Declaration:
    """Return the declaration of the process *name*, or of a new one. Raise HTTPNotFound if there is none."""
    bench = workbench(request)
    if name == NEW:
        return await asyncio.to_thread(new_declaration, bench)
    found = await asyncio.to_thread(declaration, bench, name)
    if found is None:
        raise web.HTTPNotFound
    return found


async def _editing(request: web.Request) -> Editing:
    known = await _known(request)
    values = await form_values(request)
    sent = await request.post()
    sites = [str(one)[:200] for one in sent.getall("site", [])][:100]
    since = values.get("since", SINCE)
    return Editing(
        known,
        _named(posted(values, sites), known),
        values.get("revision", ""),
        since if since in PERIODS else SINCE,
        one_line(values.get("reason", "")),
        values.get("session", ""),
    )


def _named(form: ProcessForm, known: Declaration) -> ProcessForm:
    """Return *form* with what steps of another shape say: they are shown, never sent."""
    declared = {one.origin: one for one in read(known.values).steps}
    steps = [
        replace(one, what=declared[one.origin].what)
        if one.kind == "other" and one.origin in declared
        else one
        for one in form.steps
    ]
    return replace(form, steps=tuple(steps))


async def _proposal(request: web.Request, editing: Editing) -> Proposal:
    """Return the change that the form asks for. Raise FormError if it cannot be."""
    _unchanged(request, editing)
    made, _ = filled(editing.form), words(request).gettext
    return await asyncio.to_thread(proposal, workbench(request), editing.known, made, _)


def _unchanged(request: web.Request, editing: Editing) -> None:
    if editing.revision != (editing.known.revision or ""):
        _ = words(request).gettext
        raise FormError(_("The process was changed meanwhile. Load the page again."))


# -- what comes of it --------------------------------------------------------------------


async def _save(request: web.Request, change: Proposal, reason: str, who: str) -> Saved:
    bench = workbench(request)
    if not change.text:
        return await bench.remove(
            change.file, revision=change.revision or "", author=who, reason=one_line(reason)
        )
    return await bench.save(
        change.file, change.text, revision=change.revision, author=who, reason=one_line(reason)
    )


def _refused(request: web.Request, saved: Saved, change: Proposal) -> str:
    _ = words(request).gettext
    sentence = (
        _("The file %(file)s was changed meanwhile. Nothing was written; look at it again.")
        if saved.outcome == "conflict"
        else _("This does not fit yet, so nothing was written. What is wrong stands below.")
    )
    return sentence % {"file": change.file}


async def _tried(request: web.Request, editing: Editing, change: Proposal) -> web.Response:
    """Return the page with what a trial came to, for browsers that run no scripts."""
    checked = await workbench(request).check(change.file, change.text)
    if not checked.fits:
        return await page(request, editing, checked=checked, change=change, status=422)
    run = begin(request, change, editing.since)
    trial = await request.app[DRAFTS].result(request[SIGNED_IN].id, run)
    if trial is None:
        error = words(request).gettext("A later try took the place of this one.")
        return await page(request, editing, error=error, status=409)
    values = _trial_values(request, editing, change, trial, checked)
    return await page(request, editing, trial=values)


def _trial_values(
    request: web.Request, editing: Editing, change: Proposal, trial: ProcessTrial, checked: Checked
) -> dict[str, Any]:
    """Return what the panel of *trial* shows; its numbers lead to the sessions that they count."""
    word = request.app[TRIALS].keep(request[SIGNED_IN].user, change.process, trial)

    def listed(what: str, side: str = "draft", step: str = "") -> str:
        asked = urlencode({"what": what, "side": side, **({"step": step} if step else {})})
        return f"/processes/{quote(editing.id)}/trials/{word}?{asked}"

    return {
        "trial": trial,
        "rows": rows(trial, words(request)),
        "completed": {"draft": completed(trial.draft), "force": completed(trial.force)},
        "listed": listed,
        "change": change,
        "checked": checked,
    }


async def page(
    request: web.Request,
    editing: Editing,
    *,
    error: str = "",
    checked: Checked | None = None,
    change: Proposal | None = None,
    trial: Mapping[str, Any] | None = None,
    status: int = 200,
) -> web.Response:
    """Return the page of the form as it is in *editing*."""
    bench, known, form = workbench(request), editing.known, editing.form
    sites = [one.name for one in await console(request).store.sites()]
    goal = form.steps[-1 if form.goal is None else form.goal] if form.steps else FormStep()
    language = words(request)
    seen = [one for one in console(request).reports.reports() if one.is_for(request[ROLE])]
    named = await asyncio.to_thread(uses, bench, seen, known.name) if known.name else []
    en, de = read(known.values).en, read(known.values).de
    return render(
        request,
        "process_edit.html",
        status=status,
        editing=editing,
        form=form,
        known=known,
        title=((de, en) if language.code == "de" else (en, de))[0] or en or de or known.name,
        sites=[*sites, *(one for one in form.sites if one not in sites)],
        numbers=await numbers_of(console(request).store, goal, editing.session),
        goal=goal,
        periods=period_texts(language.gettext),
        most=MOST_LOOKED,
        most_steps=MOST_STEPS,
        uses=named,
        versions=await bench.versions(process_key(known.name)) if known.name else [],
        error=error,
        **{"trial": None, "change": change, "checked": checked, **(trial or {})},
    )
