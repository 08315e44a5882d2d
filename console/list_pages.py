"""Owns the list of sessions: its rows, the facets beside it, and what an empty one says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict

from console.auth import EDITORS, ENDERS, SIGNED_IN, by_itself, has_role
from console.codes import code_link
from console.connection_pages import checks
from console.context import console
from console.facets import counted, drops_of, fields_of, filters_of, value_text
from console.finding import MET, Asked, Pair, asked_of
from console.neighbours import session_link
from console.pages import render
from console.process_words import process_texts
from console.segment_pages import names_somebody, segments_of
from console.session_pages import MOST_COUNTED, known_rules, page_of, place, total_text
from console.words import Words
from core.causes import MET_AT
from core.model import SessionQuery
from core.search import Facets


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions", show_list)
    app.router.add_get("/sessions/rows", show_rows)


async def show_list(request: web.Request) -> web.Response:
    """List sessions, newest first."""
    asked = asked_of(request, request.query)
    store = console(request).store
    # Typed into this page's own field, a spoken code leads to its session as it does everywhere.
    if asked.get("q") and (
        link := await code_link(store, asked.get("q"), console(request).clock.now_ms())
    ):
        raise web.HTTPSeeOther(link)
    sites = await store.sites()
    facets = await counted(store, asked)
    values = await _rows(request, asked, facets.total if asked.query.find else None)
    return render(
        request,
        "sessions.html",
        sites=sites,
        checks=[] if values["sessions"] else await checks(request, sites),
        periods=period_texts(console(request).languages.of(request).gettext),
        unindexed=await store.unindexed(),
        segments=await segments_of(request, asked),
        may_save=bool(asked.filters)
        and not names_somebody(asked)
        and await has_role(request, ENDERS),
        may_share=await has_role(request, EDITORS),
        **values,
        **await _beside(request, asked, facets, values),
    )


@by_itself
async def show_rows(request: web.Request) -> web.Response:
    """Answer with the list's rows alone, for a page that is open."""
    values = await _rows(request, asked_of(request, request.query))
    return render(request, "session_rows.html", **values)


def period_texts(_: Words) -> dict[str, str]:
    """Return the spans of time that a list can begin with, in words."""
    return {
        "1h": _("last hour"),
        "24h": _("last 24 hours"),
        "7d": _("last 7 days"),
        "30d": _("last 30 days"),
        "": _("any time"),
    }


async def struggle_titles(request: web.Request, asked: Asked) -> dict[str, str]:
    """Return the titles of the struggles that *asked* names, by key, of those that there are."""
    met = (*asked.find.included(MET_AT), *asked.find.excluded(MET_AT))
    keys = dict.fromkeys(
        [asked.get(MET), *(one.partition(" ")[2].partition(" ")[0] for one in met)]
    )
    found = {key: await console(request).store.struggle(key) for key in keys if key}
    language = console(request).languages.of(request)
    return {key: language.text(one.title) for key, one in found.items() if one is not None}


async def _rows(request: web.Request, asked: Asked, total: int | None = None) -> dict[str, Any]:
    """Return what the rows of the list need; *total* is how many sessions there are, where that is known."""
    query = replace(asked.query, after=place(request, "after"), before=place(request, "before"))
    store = console(request).store
    page = await page_of(store, query)
    ids = [one.id for one in page.sessions]

    def link(path: str, beside: dict[str, str] | None) -> str | None:
        return None if beside is None else f"{path}?{urlencode([*asked.pairs, *beside.items()])}"

    if total is None:
        total = await store.count_sessions(query, most=MOST_COUNTED)
    chosen = (*asked.find.included("rule"), *asked.find.excluded("rule"))
    return {
        "sessions": page.sessions,
        "rules": await known_rules(request, page.sessions, chosen),
        "watched": await store.watched_by(request[SIGNED_IN].user, ids),
        "notes": await store.note_counts(ids),
        "open": lambda session: session_link(session, asked.pairs),
        "total": total_text(request, total),
        "asked": asked,
        "rows_url": link("/sessions/rows", page.here),
        "previous": link("/sessions", page.previous),
        "next": link("/sessions", page.next),
    }


async def _beside(
    request: web.Request, asked: Asked, facets: Facets, rows: dict[str, Any]
) -> dict[str, Any]:
    """Return what the page shows beside its *rows*: facets, the filters in force, and which of them hides most."""
    language = console(request).languages.of(request)
    _ = language.gettext
    store = console(request).store
    text = value_text(
        rows["rules"],
        process_texts(request),
        language,
        struggles=await struggle_titles(request, asked),
    )
    filters = filters_of(asked, text, period_texts(_), _)

    def without(pair: Pair) -> SessionQuery:
        left = MultiDict(one for one in asked.pairs if one != pair)
        return asked_of(request, left).query

    return {
        "filters": filters,
        "fields": fields_of(asked, facets, text, _),
        "drops": await drops_of(store, filters, without) if not rows["sessions"] else [],
    }
