"""Owns the page of the forms of a process: which fields hold people up, and how those who left differ from those who completed."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from console.context import console
from console.process_frame import Frame, frame_of, framed
from core.form_use import FORM, OUTSIDE, Met, place
from insight import forms
from insight import funnel as funnels


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/processes/{process}/forms", show)


async def show(request: web.Request) -> web.Response:
    """Show one form of a process. Raise HTTPNotFound if there is no such process."""
    frame = frame_of(request)
    found = await forms_met(request, frame)
    left = await left_at(request, frame, [one.step for one in found])
    asked = (request.query.get("step", ""), request.query.get("form", ""))
    chosen = chosen_of(found, asked, left)
    shown = await form_of(request, frame, chosen, left) if chosen else None
    return await framed(
        request,
        frame,
        "process_forms.html",
        "forms",
        chosen={"step": chosen.step, "form": chosen.form} if chosen else {},
        met=found,
        at=chosen,
        left=left,
        shown=shown,
        outside=OUTSIDE,
        used=lambda one: (FORM, place(frame.process.id, one.step, one.form)),
        completed=funnels.completed(frame.process.id),
        left_here=funnels.left(frame.process.id, chosen.step) if chosen else None,
        enough=forms.ENOUGH,
    )


async def forms_met(request: web.Request, frame: Frame) -> list[Met]:
    """Return the forms that were used at the steps of the process, in the order of the steps."""
    found = await console(request).store.forms_met(frame.query, frame.process.id)
    known = [one for one in found if one.step in frame.names]
    return sorted(known, key=lambda one: (frame.names.index(one.step), -one.sessions, one.form))


async def left_at(request: web.Request, frame: Frame, steps: Sequence[str]) -> dict[str, int]:
    """Return how many left at each of *steps*."""
    store, id_ = console(request).store, frame.process.id
    return {
        step: await store.count_sessions(
            funnels.narrowed(frame.query, funnels.left(id_, step)), most=funnels.MOST
        )
        for step in dict.fromkeys(steps)
    }


def chosen_of(found: Sequence[Met], asked: tuple[str, str], left: dict[str, int]) -> Met | None:
    """Return the form that is *asked* for; else the first one of the step, else that of the step where most left."""
    of_step = [one for one in found if one.step == asked[0]]
    exact = [one for one in of_step if one.form == asked[1]]
    worst = max(found, key=lambda one: left[one.step], default=None)
    return next(iter([*exact, *of_step]), worst)


async def form_of(request: web.Request, frame: Frame, one: Met, left: dict[str, int]) -> forms.Form:
    """Return the numbers of the form *one*."""
    return await forms.form(
        console(request).store,
        frame.query,
        frame.process.id,
        one.step,
        one.form,
        left_all=left[one.step],
    )
