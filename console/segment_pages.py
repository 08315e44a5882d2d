"""Owns saved segments: who may save, share and remove one, and the address under which one opens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from collector.identity import has_email
from console.auth import EDITORS, ENDERS, OWNERS, SIGNED_IN, has_role, require_role
from console.context import console
from console.finding import Asked, asked_of
from core.errors import UserError
from core.saved import MOST_NAME, MOST_QUERY, SavedSegment


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_post("/segments", save)
    app.router.add_get("/segments/{segment}", show)
    app.router.add_post("/segments/{segment}/remove", remove)


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment as the list offers it: whether it is what the page shows now, and may be removed."""

    segment: SavedSegment
    here: bool
    removable: bool


async def segments_of(request: web.Request, asked: Asked) -> list[Listed]:
    """Return the segments that whoever is signed in may open."""
    user = request[SIGNED_IN].user
    found = await console(request).store.segments_for(user)
    owner = bool(found) and await has_role(request, OWNERS)
    return [Listed(one, one.query == asked.parameters, one.maker == user or owner) for one in found]


def names_somebody(asked: Asked) -> bool:
    """
    Say whether a list looks for one person, by number or e-mail address.

    Such a one is not kept under a name: addresses are kept nowhere but as their hash, and who is erased is to be in none.
    """
    return asked.find.customer is not None or any(has_email(value) for _, value in asked.pairs)


async def save(request: web.Request) -> web.Response:
    """Keep what a list asks for under a name; shared, if an analyst or owner says so."""
    form = await request.post()
    shared = form.get("shared") == "1"
    who = await require_role(request, EDITORS if shared else ENDERS)
    name = " ".join(str(form.get("name", "")).split())
    asked = asked_of(request, MultiDict(parse_qsl(str(form.get("query", "")))))
    if not name or len(name) > MOST_NAME:
        raise web.HTTPBadRequest(text=f"a segment's name has 1 to {MOST_NAME} characters")
    if not asked.filters or len(asked.parameters) > MOST_QUERY:
        raise web.HTTPBadRequest(
            text="a segment asks for something, and for no more than an address holds"
        )
    if names_somebody(asked):
        raise web.HTTPBadRequest(text="a segment looks for many, not for one customer")
    now_ms = console(request).clock.now_ms()
    segment = SavedSegment(0, name, who, shared, asked.parameters, now_ms)
    try:
        await console(request).store.save_segment(segment)
    except UserError as error:
        raise web.HTTPConflict(text=str(error)) from None
    await console(request).store.audit(now_ms, who, "segment_saved", name)
    raise web.HTTPSeeOther(asked.link())


async def show(request: web.Request) -> web.Response:
    """Lead to the list that a segment asks for."""
    raise web.HTTPSeeOther(f"/sessions?{(await _segment(request)).query}")


async def remove(request: web.Request) -> web.Response:
    """Remove a segment: one's own, or, for an owner, one that is shared."""
    who = await require_role(request, ENDERS)
    try:
        segment = await _segment(request)
    except web.HTTPNotFound:  # somebody was faster, or it was pressed twice: it is gone as wished
        raise web.HTTPSeeOther("/sessions") from None
    if segment.maker != who and not await has_role(request, OWNERS):
        raise web.HTTPForbidden(text="a segment is removed by whoever saved it, or by an owner")
    await console(request).store.remove_segment(segment.id)
    await console(request).store.audit(
        console(request).clock.now_ms(), who, "segment_removed", segment.name
    )
    raise web.HTTPSeeOther(f"/sessions?{segment.query}")


async def _segment(request: web.Request) -> SavedSegment:
    user = request[SIGNED_IN].user
    for one in await console(request).store.segments_for(user):
        if str(one.id) == request.match_info["segment"]:
            return one
    raise web.HTTPNotFound
