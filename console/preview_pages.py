"""Owns the preview of a session that a list shows beside its row: which pages, and which struggles."""

from __future__ import annotations

from aiohttp import web

from console.auth import by_itself
from console.context import console
from console.named import session_of
from console.pages import render
from console.transcript_pages import transcript_of

MOST_STRUGGLES = 4
MOST_PAGES = 8


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/preview", show)


@by_itself
async def show(request: web.Request) -> web.Response:
    """
    Answer with what a glance at a session tells: facts that its row counts, with their times.

    It shows no picture and not what was done, so it is no watching and is not audited as such.
    """
    session = await session_of(request)
    told = await transcript_of(request, session, console(request).languages.of(request))
    pages = [line for line in told.lines if line.part == "page"]
    return render(
        request,
        "session_preview.html",
        facts=told.facts,
        struggles=told.struggles[:MOST_STRUGGLES],
        more_struggles=max(0, len(told.struggles) - MOST_STRUGGLES),
        pages=pages[:MOST_PAGES],
        more_pages=max(0, len(pages) - MOST_PAGES),
    )
