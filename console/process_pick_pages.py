"""Owns the page on which steps of a process are picked from what somebody did in a recorded session."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from console.auth import require_editor
from console.context import console, workbench
from console.named import session_of
from console.pages import render
from console.process_edit_pages import NEW, Editing, known_as, page
from console.process_files import declarations
from console.process_form import MOST_STEPS, read
from console.process_steps import Offer, offers
from console.process_words import process_texts
from console.proposals import words
from core.model import Session
from detector.judging import in_order


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/steps", show)
    app.router.add_post("/sessions/{session}/steps", take)


async def show(request: web.Request) -> web.Response:
    """List what of a session can be steps, in the order in which it came."""
    await require_editor(request)
    session = await session_of(request)
    bench = workbench(request)
    known = await asyncio.to_thread(declarations, bench)
    return render(
        request,
        "process_pick.html",
        session=session,
        offers=await _offers(request, session),
        processes=[one for one in known if one.editable],
        into=request.query.get("into", NEW),
        new=NEW,
        texts=process_texts(request),
    )


async def take(request: web.Request) -> web.Response:
    """Show the form of a process with the ticked steps behind those that it has."""
    await require_editor(request)
    session = await session_of(request)
    sent = await request.post()
    found = await _offers(request, session)
    ticked = {str(one) for one in sent.getall("take", [])}
    known = await known_as(request, str(sent.get("into", NEW)))
    form = read(known.values)
    there = {(one.kind, one.what) for one in form.steps}
    steps = [
        one.step
        for number, one in enumerate(found)
        if str(number) in ticked and (one.step.kind, one.step.what) not in there
    ]
    form = replace(form, steps=(*form.steps, *steps)[:MOST_STEPS])
    return await page(request, Editing(known, form, known.revision or "", session=session.id))


async def _offers(request: web.Request, session: Session) -> list[Offer]:
    batches = await console(request).store.batches(session.id)
    code = words(request).code
    return await asyncio.to_thread(
        lambda: offers(in_order(batches), float(session.started_ms), code)
    )
