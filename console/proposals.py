"""
Owns what all forms that write rules share: showing what a change would write, whether it is
right, what it would change over the last days, and saving it.

Each form makes a `Proposal` of its values; the rest is here. Leaves judging to the workbench.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.auth import SIGNED_IN, require_editor
from console.context import console, workbench
from console.drafts import DRAFTS
from console.language import Language
from console.pages import render
from console.press_words import matches_text, seen_text
from console.presses import count_presses
from console.rule_yaml import block
from console.session_pages import moment_of
from console.words import Words
from console.workbench import Checked, DraftFlag, DraftRun, OwnFile, Progress, Workbench
from core.errors import UserError

SPAN_MS = 7 * 86_400_000
"""How much of the past a change is tried on before it is saved."""

_SHOWN = 5
"""Examples of each kind of difference; more is read by nobody."""

_FILE = "version: 1\n"


class FormError(ValueError):
    """A value of a form cannot be used. The text says which and what to do, in the reader's words."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    A change of one own file: *text* is the whole file as it would be, *shown* what is new in it.

    *revision* is that of the file the change was made of, None where there was none.
    *rule* is the rule that people will want to see afterwards, "" for none; *process* likewise.
    *selector* is what was picked, so that its presses can be counted.
    """

    file: str
    revision: str | None
    text: str
    shown: str
    rule: str = ""
    selector: str = ""
    process: str = ""


BLANK: dict[str, Any] = {
    "proposal": None, "checked": None, "problem": "", "error": "",
    "run": None, "examples": [], "failure": "", "matches": ("", ""),
}  # fmt: skip
"""What the templates of the parts need while there is nothing to show."""

Make = Callable[[Workbench, Mapping[str, str], Words], Awaitable[Proposal]]
"""Turns the values of a form into a proposal, or raises FormError in the reader's words."""

Show = Callable[..., Awaitable[web.Response]]


def words(request: web.Request) -> Language:
    """Return the reader's language."""
    return console(request).languages.of(request)


async def form_values(request: web.Request) -> dict[str, str]:
    """Return the texts of the form that was sent, and of the address where there is none."""
    posted = await request.post() if request.method == "POST" else {}
    values = {name: value for name, value in request.query.items() if name != "lang"}
    values.update({name: value for name, value in posted.items() if isinstance(value, str)})
    return {name: value.replace("\r\n", "\n").strip() for name, value in values.items()}


def one_line(reason: str) -> str:
    """Return *reason* as it is kept with every version of a rule: one line, and a short one."""
    return " ".join(reason.split())[:200]


def file_of(bench: Workbench, name: str) -> OwnFile | None:
    """Return the own file *name* as it is now."""
    return next((file for file in bench.files() if file.name == name), None)


def appended(
    bench: Workbench, name: str, section: str, values: Mapping[str, Any], *, rule: str = ""
) -> Proposal:
    """Return the proposal to add *values* to *section* of the own file *name*."""
    return appended_text(bench, name, section, block(values), rule=rule)


def appended_text(
    bench: Workbench, name: str, section: str, item: str, *, rule: str = ""
) -> Proposal:
    """Return the proposal to add *item*, lines of YAML, to *section* of the own file *name*."""
    known = file_of(bench, name)
    text = bench.append(known.text if known else _FILE, section, item)
    shown = f"{section}:\n" + bench.append(_FILE, section, item).partition(f"{section}:\n")[2]
    return Proposal(name, known.revision if known else None, text, shown, rule)


def in_thread(make: Callable[[Workbench, Mapping[str, str], Words], Proposal]) -> Make:
    """Return *make*, which reads and writes YAML and takes its time, as what others need not wait for."""

    async def made(bench: Workbench, values: Mapping[str, str], _: Words) -> Proposal:
        return await asyncio.to_thread(make, bench, values, _)

    return made


async def answer(request: web.Request, make: Make, page: Show) -> web.StreamResponse:
    """
    Show the form, or answer it as its `do` says: preview, effect or save; else the whole page.

    *page* shows the form, with what came of it.
    """
    if request.method == "GET":
        return await page(await form_values(request))
    who = await require_editor(request)
    bench = workbench(request)
    values = await form_values(request)
    do = values.get("do", "")
    try:
        proposal = await make(bench, values, words(request).gettext)
    except (FormError, UserError) as error:
        if do in ("preview", "effect"):
            return render(request, "proposal_preview.html", proposal=None, checked=None, problem=str(error))  # fmt: skip
        return await page(values, error=str(error))
    if do == "preview":
        checked = await bench.check(proposal.file, proposal.text)
        return render(
            request, "proposal_preview.html", proposal=proposal, checked=checked, problem=""
        )
    if do == "effect":
        return render(request, "proposal_effect.html", **await effect(request, proposal))
    if do != "save":
        checked = await bench.check(proposal.file, proposal.text)
        tried = await effect(request, proposal)
        return await page(values, proposal=proposal, checked=checked, **tried)
    return await _save(request, proposal, values, page, who)


async def _save(
    request: web.Request, proposal: Proposal, values: dict[str, str], page: Show, who: str
) -> web.StreamResponse:
    _ = words(request).gettext
    saved = await workbench(request).save(
        proposal.file,
        proposal.text,
        revision=proposal.revision,
        author=who,
        reason=one_line(values.get("reason", "")),
    )
    if saved.outcome == "saved":
        query = {
            "file": proposal.file, "rule": proposal.rule, "process": proposal.process,
            "session": values.get("session", ""),
        }  # fmt: skip
        asked = urlencode({name: value for name, value in query.items() if value})
        raise web.HTTPSeeOther(f"/rules/saved?{asked}")
    error = (
        _("The file %(file)s was changed meanwhile. Nothing was written; look at it again.")
        if saved.outcome == "conflict"
        else _("This does not fit yet, so nothing was written. What is wrong stands below.")
    ) % {"file": proposal.file}
    checked: Checked | None = saved.checked
    return await page(values, proposal=proposal, checked=checked, error=error)


async def effect(request: web.Request, proposal: Proposal) -> dict[str, Any]:
    """Return what the template of the effect needs: the run over the last days, and examples."""
    since_ms = console(request).clock.now_ms() - SPAN_MS
    bench = workbench(request)
    matches = await _matches(request, proposal, since_ms)
    told: dict[str, Any] = {"run": None, "examples": [], "failure": "", "matches": matches}

    async def begin(progress: Progress) -> DraftRun:
        return await bench.draft(proposal.file, proposal.text, since_ms=since_ms, progress=progress)

    try:
        # As each letter typed asks again: only the newest of a person is run.
        run = await request.app[DRAFTS].result(request[SIGNED_IN].id, begin)
    except UserError as error:
        return {**told, "failure": str(error)}
    if run is None:
        _ = words(request).gettext
        return {**told, "failure": _("A later try took the place of this one.")}
    return {**told, "run": run, "examples": await _examples(request, run)}


async def _matches(request: web.Request, proposal: Proposal, since_ms: int) -> tuple[str, str]:
    """Return in words what the proposal's selector found, and in how many sessions that was."""
    if not proposal.selector:
        return "", ""
    store, chosen = console(request).store, proposal.selector
    counted = await count_presses(store, [chosen], site=None, since_ms=since_ms)
    return matches_text(counted, chosen, words(request)), seen_text(counted, words(request))


async def _examples(request: web.Request, run: DraftRun) -> list[tuple[DraftFlag, str]]:
    """Return a few flags that came or went, each with the address of its moment."""
    some: list[DraftFlag] = []
    for change in ("gained", "lost"):
        some += [flag for flag in run.examples if flag.change == change][:_SHOWN]
    store = console(request).store
    return [(flag, (await moment_of(store, flag)).link) for flag in some]
