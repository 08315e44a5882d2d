"""Owns the pages of processes: which there are, and one with its funnel, its ends and who completes it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from console.auth import EDITORS, has_role
from console.context import console
from console.facets import field_text
from console.finding import asked_of
from console.pages import render
from console.process_frame import Frame, frame_of, framed, periods_of, plain, process_link
from console.process_words import process_texts
from core.walks import ENDS
from detector.patterns import glob
from insight import funnel as funnels

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
    sites = await store.sites()
    site = next((one.name for one in sites if asked.get("site") in (one.name, one.key)), "")
    rows = []
    for process in console(request).workbench.processes():
        if site and process.sites and not glob(process.sites)(site):
            continue  # it holds elsewhere
        rows.append((process, await funnels.outcome(store, query, process.id)))
    return render(
        request,
        "processes.html",
        rows=rows,
        texts=process_texts(request),
        sites=sites,
        unindexed=await store.unindexed(),
        may_edit=await has_role(request, EDITORS),
        link=lambda process: process_link(process.id, asked.pairs),
        **periods_of(request, asked),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show one process. Raise HTTPNotFound if there is none of that name."""
    frame = frame_of(request)
    store, id_ = console(request).store, frame.process.id
    found = await funnels.funnel(store, frame.query, id_, frame.names, frame.process.optional)
    step = request.query.get("step", "")
    step = step if step in frame.names else found.worst
    by = request.query.get("by", "")
    by = by if by in BY else BY[0]
    return await framed(
        request,
        frame,
        "process.html",
        chosen={"step": step, "by": by},
        funnel=found,
        step=step,
        ends=await funnels.ends(store, frame.query, id_, step),
        kinds=_kinds(request),
        by=by,
        fields=[(name, _field(request, name)) for name in BY],
        parts=await funnels.parts(store, frame.query, id_, by),
        **_pairs(frame),
    )  # fmt: skip


def _field(request: web.Request, name: str) -> str:
    return field_text(name, console(request).languages.of(request).gettext)


def _kinds(request: web.Request) -> list[tuple[str, str]]:
    """Return the kinds of ends, and what each is called."""
    _ = console(request).languages.of(request).gettext
    titles = (_("Page"), _("Field used last"), _("Element used last"), _("Went on to"))
    return list(zip(ENDS, titles, strict=True))


def _pairs(frame: Frame) -> dict[str, Any]:
    """Return what lists the sessions that the page counts."""
    id_ = frame.process.id
    return {
        "entered": funnels.entered(id_),
        "completed": funnels.completed(id_),
        "left": lambda name: funnels.left(id_, name),
        "reached": lambda name: funnels.reached(id_, name),
        "under_way": funnels.under_way(id_),
    }
