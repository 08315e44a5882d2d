"""Owns the page on which an owner releases masked regions, after seeing what that opens up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.auth import OWNERS, require_role
from console.context import console
from console.pages import render
from console.release import Preview, preview
from console.session_pages import Moment
from console.words import Words
from core.errors import UserError
from core.model import Session, Site
from core.site_options import SiteOptions
from detector.patterns import BadSelector, parse_selector
from replay.release import NOT_FIELDS, Areas, Opened, Release

MOST_CHOSEN = 20

_CHANGING = re.compile(r"\d{5}")
"""The snippet masks names with five digits in a row: a selector that holds one is not found in recordings."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/release", show)
    app.router.add_post("/release", save)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What an address or form asks to release, of the site of a session."""

    session: Session
    site: Site
    selectors: tuple[str, ...]
    problems: tuple[str, ...]
    query: dict[str, str]


def split(text: str) -> list[str]:
    """Return the selectors of a selector list, whatever they hold in brackets and quotes."""
    parts, part, open_, quote, escaped = [], "", 0, "", False
    for sign in text:
        if escaped or sign == "\\":
            escaped = not escaped
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "([":
            open_ += 1
        elif sign in ")]":
            open_ -= 1
        elif sign == "," and not open_:
            parts.append(part)
            part = ""
            continue
        part += sign
    return [one.strip() for one in [*parts, part] if one.strip()]


def released_as(selector: str) -> str:
    """Return what is written into the site's options for a chosen *selector*."""
    return selector + NOT_FIELDS


def _problem(selector: str, _: Words) -> str | None:
    """Return why *selector* cannot be released here, if it cannot."""
    try:
        chain = parse_selector(selector)
    except BadSelector as error:
        why = str(error)
    else:
        if _CHANGING.search(selector):
            why = _("it holds a number of five digits or more, which recordings do not show")
        elif not (chain.compounds[0].tag or chain.compounds[0].tests):
            why = _("it would release everything")
        elif chain.compounds[0].tag in ("input", "select", "textarea"):
            why = _("it is a field: what visitors type stays masked")
        else:
            return None
    return _("“%(selector)s” cannot be released: %(why)s") % {"selector": selector, "why": why}


async def _chosen(request: web.Request, given: Any) -> _Chosen:
    store = console(request).store
    session = await store.session(given.get("session", ""))
    site = await store.site(session.site) if session else None
    if session is None or site is None:
        raise web.HTTPNotFound
    _ = console(request).languages.of(request).gettext
    asked = [*given.getall("chosen", []), given.get("selector", "")]
    wanted = list(dict.fromkeys(one.strip() for one in asked if one.strip()))[:MOST_CHOSEN]
    problems = {one: _problem(one, _) for one in wanted}
    query = {name: str(given[name]) for name in ("session", "at", "path") if given.get(name)}
    return _Chosen(
        session,
        site,
        tuple(one for one in wanted if problems[one] is None),
        tuple(problem for problem in problems.values() if problem),
        query,
    )


async def show(request: web.Request) -> web.Response:
    """Show what the chosen selectors would open up, and what is released already."""
    await require_role(request, OWNERS)
    return await _page(request, await _chosen(request, request.query))


async def _page(
    request: web.Request, chosen: _Chosen, problems: Sequence[str] = ()
) -> web.Response:
    found = await _preview(request, chosen) if chosen.selectors else None
    session, link = chosen.session, _linker(chosen)
    at = chosen.query.get("at", "")
    pick = [("pick", "1"), *([("at", at)] if at.isdecimal() else [])]
    return render(
        request,
        "release.html",
        session=session,
        site=chosen.site,
        chosen=[(one, released_as(one), link(one)) for one in chosen.selectors],
        problems=[*chosen.problems, *problems],
        preview=found,
        rows=_rows(found.opened if found else (), chosen.query.get("path", ""), session),
        released=split(chosen.site.options.unmask),
        query=chosen.query,
        pick_url=f"/sessions/{session.id}?{urlencode([*pick, *(('chosen', one) for one in chosen.selectors)])}",
        saved=request.query.get("saved") == "1",
    )


def _linker(chosen: _Chosen) -> Callable[[str], str]:
    """Return what makes the address of this page without one of the selectors."""

    def link(without: str) -> str:
        rest = [("chosen", one) for one in chosen.selectors if one != without]
        return f"/release?{urlencode([*chosen.query.items(), *rest])}"

    return link


async def _preview(request: web.Request, chosen: _Chosen) -> Preview:
    options = chosen.site.options
    release = Release(
        [released_as(one) for one in chosen.selectors],
        Areas(options.mask, options.unmask, options.block),
    )
    return await preview(
        console(request).store, release, site=chosen.site.key, first=chosen.session.id
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """What is opened on a page, whether it is the page of the pick, and where to look at it."""

    opened: Opened
    here: bool
    link: str


def _rows(opened: Sequence[Opened], here: str, session: Session) -> list[_Row]:
    """Return *opened* with the page of the pick first."""
    return [
        _Row(one, one.path == here, _look(one, session))
        for one in sorted(opened, key=lambda one: (one.path != here, one.path, -one.texts))
    ]


def _look(one: Opened, session: Session) -> str:
    if one.session != session.id:
        return Moment(one.session).link
    return Moment(one.session, at_ms=max(0.0, one.at_ms - session.started_ms)).link


async def save(request: web.Request) -> web.StreamResponse:
    """Write the chosen selectors into the site's options, or take one that is there out of them."""
    who = await require_role(request, OWNERS)
    form = await request.post()
    chosen = await _chosen(request, form)
    again = str(form.get("mask_again", ""))
    added = [] if again else [released_as(one) for one in chosen.selectors]
    action, subject = ("masked_again", again) if again else ("released", ", ".join(added))

    def changed(options: SiteOptions) -> SiteOptions:
        kept = [one for one in split(options.unmask) if one != again]
        return options.changed([f"unmask={', '.join(dict.fromkeys([*kept, *added]))}"])

    store = console(request).store
    try:
        if chosen.problems or changed(chosen.site.options) == chosen.site.options:
            return await _page(request, chosen)
        await store.change_site_options(chosen.site.key, changed)
    except UserError as error:
        return await _page(request, chosen, [str(error)])
    await store.audit(
        console(request).clock.now_ms(), who, action, f"site {chosen.site.key}: {subject}"[:500]
    )
    raise web.HTTPSeeOther(f"/release?{urlencode({**chosen.query, 'saved': '1'})}")
