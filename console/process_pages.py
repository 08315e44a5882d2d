"""Owns the pages of processes: which there are, and one with its funnel, its ends and who completes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from console.auth import EDITORS, has_role
from console.context import console
from console.facets import field_text, filters_of, value_text
from console.finding import Asked, Pair, asked_of
from console.list_pages import period_texts, struggle_titles
from console.pages import render
from console.process_words import ProcessTexts, process_texts
from console.session_pages import known_rules
from console.workbench import ProcessState
from core.model import SessionQuery
from core.walks import ENDS
from insight import funnel as funnels
from insight.funnel import Funnel

BY = ("device", "browser", "os", "language", "entry", "campaign", "release", "segment")
"""Fields that completion is told by."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/processes", show_list)
    app.router.add_get("/processes/{process}", show_one)


async def show_list(request: web.Request) -> web.Response:
    """Show all processes in force, each with how many entered and completed it."""
    store = console(request).store
    asked = asked_of(request, request.query)
    query = plain(asked)
    rows = []
    for process in console(request).workbench.processes():
        names = [name for name, _ in process.steps]
        rows.append((process, await funnels.outcome(store, query, process.id, names)))
    return render(
        request,
        "processes.html",
        rows=rows,
        texts=process_texts(request),
        sites=await store.sites(),
        unindexed=await store.unindexed(),
        may_edit=await has_role(request, EDITORS),
        link=lambda process: process_link(process.id, asked.pairs),
        **_chosen(request, asked),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show one process. Raise HTTPNotFound if there is none of that name."""
    id_ = request.match_info["process"]
    process = next((one for one in console(request).workbench.processes() if one.id == id_), None)
    if process is None:
        raise web.HTTPNotFound
    store = console(request).store
    asked = asked_of(request, request.query)
    query = plain(asked)
    names = [name for name, _ in process.steps]
    found = await funnels.funnel(store, query, id_, names, process.optional)
    step = request.query.get("step", "")
    step = step if step in names else found.worst
    by = request.query.get("by", "")
    by = by if by in BY else BY[0]
    return render(
        request,
        "process.html",
        process=process,
        funnel=found,
        step=step,
        ends=await funnels.ends(store, query, id_, step),
        kinds=_kinds(request),
        by=by,
        fields=[(name, _field(request, name)) for name in BY],
        parts=await funnels.parts(store, query, id_, names, by),
        sites=await store.sites(),
        unindexed=await store.unindexed(),
        **_chosen(request, asked),
        **await _words(request, asked),
        **_links(asked, process, found, {"step": step, "by": by}),
    )  # fmt: skip


def plain(asked: Asked) -> SessionQuery:
    """Return what *asked* asks for, all of it of the index: its counts agree with one another."""
    query = replace(asked.query, rule=None, score_min=None, flagged=None, order="newest")
    return replace(query, find=asked.find or None)


def process_link(process: str, pairs: Sequence[Pair] = (), **more: str) -> str:
    """Return the address of a process's page that asks for *pairs*."""
    told = urlencode([*pairs, *more.items()])
    return f"/processes/{quote(process)}" + (f"?{told}" if told else "")


def _field(request: web.Request, name: str) -> str:
    return field_text(name, console(request).languages.of(request).gettext)


def _kinds(request: web.Request) -> list[tuple[str, str]]:
    """Return the kinds of ends, and what each is called."""
    _ = console(request).languages.of(request).gettext
    titles = (_("Page"), _("Field used last"), _("Element used last"), _("Went on to"))
    return list(zip(ENDS, titles, strict=True))


def _chosen(request: web.Request, asked: Asked) -> dict[str, Any]:
    return {
        "asked": asked,
        "periods": period_texts(console(request).languages.of(request).gettext),
    }


async def _words(request: web.Request, asked: Asked) -> dict[str, Any]:
    """Return what the page says of its filters, and of values."""
    language = console(request).languages.of(request)
    _ = language.gettext
    texts: ProcessTexts = process_texts(request)
    chosen = (*asked.find.included("rule"), *asked.find.excluded("rule"))
    rules: Mapping[str, tuple[str, str]] = await known_rules(request, [], chosen)
    struggles = await struggle_titles(request, asked)
    text = value_text(rules, texts, language.code, _, struggles=struggles)
    shown = replace(
        asked, pairs=tuple(one for one in asked.pairs if one[0] not in ("site", "since"))
    )
    return {"texts": texts, "text": text, "filters": filters_of(shown, text, period_texts(_), _)}


def _links(
    asked: Asked, process: ProcessState, found: Funnel, view: Mapping[str, str]
) -> dict[str, Any]:
    """Return what makes the addresses of the page: of lists of sessions, and of itself a little changed."""
    names = [stage.name for stage in found.stages]

    def listed(*pairs: Pair) -> str:
        return asked.link(also=pairs)

    def here(but: Pair | None = None, **changed: str) -> str:
        pairs = [one for one in asked.pairs if one != but]
        return process_link(process.id, pairs, **{**view, **changed})

    def only(field: str, value: str, *pairs: Pair) -> str:
        others = [one for one in asked.pairs if one[0] == field]
        return asked.link(also=[(field, value), *pairs], but=others)

    return {
        "listed": listed,
        "here": here,
        "only": only,
        "entered": funnels.entered(process.id, names),
        "completed": funnels.completed(process.id),
        "left": lambda name: funnels.left(process.id, name),
        "reached": lambda name: funnels.reached(process.id, name),
        "under_way": funnels.under_way(process.id, names),
    }
