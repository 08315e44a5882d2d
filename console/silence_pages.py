"""
Owns "this is no struggle": the form that lets a rule stay silent where a struggle is, by an exception in the
own rules, which shows before it is saved what it would silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from aiohttp import web

from console.auth import require_editor
from console.context import console, workbench
from console.making import exception
from console.neighbours import belongs
from console.pages import render
from console.pick_pages import CHANGES, selector_in
from console.press_words import kind_text
from console.proposals import (
    BLANK,
    FormError,
    Proposal,
    answer,
    appended,
    form_values,
    in_thread,
    words,
)
from console.selectors import read_path, suggest
from console.struggle_pages import struggle_link
from console.words import Words
from console.workbench import Workbench
from core.model import Struggle
from core.triage import REASON_LENGTH, TriageChange
from detector.patterns import BadSelector, parse_selector


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/struggles/{struggle}/silence", silence)
    app.router.add_post("/struggles/{struggle}/silence", silence)


async def silence(request: web.Request) -> web.StreamResponse:
    """Show the form, or do what it says; once saved, the struggle is ignored with the same reason."""
    who = await require_editor(request)
    struggle = await console(request).store.struggle(request.match_info["struggle"])
    if struggle is None:
        raise web.HTTPNotFound
    try:
        return await answer(
            request, in_thread(partial(_exception, struggle)), partial(_show, request, struggle)
        )
    except web.HTTPSeeOther:
        await _ignore(request, struggle, who)
        raise


async def _ignore(request: web.Request, struggle: Struggle, who: str) -> None:
    """Say of *struggle* that it is none: its flags of the past stay until they are judged again."""
    values = await form_values(request)
    reason = values.get("reason") or words(request).gettext("no struggle: the rule is silent here")
    change = TriageChange("ignored", reason=" ".join(reason.split())[:REASON_LENGTH])
    now_ms = console(request).clock.now_ms()
    await console(request).store.set_triage([struggle.key], change, who=who, at_ms=now_ms)


def _exception(
    struggle: Struggle, bench: Workbench, values: Mapping[str, str], _: Words
) -> Proposal:
    """Return the proposal to keep the struggle's rule silent on its element, on its page, or on both."""
    if struggle.rule not in {one.id for one in bench.rules()}:
        raise FormError(_("There is no rule of this name any more, so nothing fires here."))
    where = values.get("where", "")
    site = values.get("site") or None
    if where == "page":
        change: dict[str, Any] = {"rule": struggle.rule}
        if site is not None:
            change["for"] = {"site": site}
        change["except"] = {"path": [_path(values, _)]}
    else:
        change = exception(struggle.rule, selector_in(values, _), site=site)
        if where == "both":
            places = {**change.get("for", {}), "path": [_path(values, _)]}
            change = {"rule": struggle.rule, "for": places, "except": change["except"]}
    return appended(bench, CHANGES, "overrides", change, rule=struggle.rule)


def _path(values: Mapping[str, str], _: Words) -> str:
    path = values.get("path", "")
    if not path.startswith("/") or len(path) > 300:
        raise FormError(_("A page begins with /, such as /checkout or /shop/*."))
    return path


async def _show(
    request: web.Request, struggle: Struggle, values: Mapping[str, str], **more: Any
) -> web.Response:
    offered = await _offered(request, struggle)
    sites = await console(request).store.sites()
    defaults = {
        "selector": offered[0][0] if offered else "",
        "path": struggle.page or "/*",
        "where": "element" if struggle.target else "page",
        "site": struggle.site_name if len(sites) > 1 and "do" not in values else "",
        "reason": "",
    }
    rule = next((one for one in workbench(request).rules() if one.id == struggle.rule), None)
    return render(
        request, "silence.html", struggle=struggle, rule=rule, offered=offered, sites=sites,
        values={**defaults, **values}, way_back=struggle_link(struggle.key), **{**BLANK, **more},
    )  # fmt: skip


async def _offered(request: web.Request, struggle: Struggle) -> list[tuple[str, str]]:
    """Return selectors of the struggle's element, most robust first, each with what it holds on to."""
    _ = words(request).gettext
    found = [
        (one.selector, kind_text(one.kind, _)) for one in suggest(await _path_of(request, struggle))
    ]
    told = str((struggle.target or {}).get("selector") or "")
    if told and told not in {selector for selector, _text in found}:
        try:
            parse_selector(told)
        except BadSelector:
            return found
        found.append((told, _("as the flag has it")))
    return found


async def _path_of(request: web.Request, struggle: Struggle) -> list[dict[str, Any]]:
    """Return the element's ancestors as the example's evidence has them; none if that is not there."""
    store = console(request).store
    flags = await store.flags(struggle.example_session)
    flag = next((one for one in flags if one.id == struggle.example_flag), None)
    if flag is None or not struggle.target or not belongs(flag, struggle):
        return []
    wanted = {one.event for one in flag.evidence}
    for batch in await store.batches(struggle.example_session):
        for event in batch.events:
            target = event.get("target") or {}
            if target.get("key") == struggle.target.get("key") and (
                f"{event['page_load']}:{event['i']}" in wanted
            ):
                return read_path(target.get("path")) or []
    return []
