"""Owns the stream of news to open pages (server-sent events)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import orjson
from aiohttp import web

from console.auth import SIGNED_IN, by_itself, still_in
from console.context import console
from console.live import Listener

HEARTBEAT_S = 15.0
"""Proxies close streams that say nothing; most wait 30 s or more."""

LOOK_S = 1.0
"""How often a silent stream looks whether its page is still there."""

QUIET_S = 0.2
"""Least time between two messages, so that a busy server does not flood a page."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/live", stream, allow_head=False)  # a stream has a body, HEAD has none


@by_itself
async def stream(request: web.Request) -> web.StreamResponse:
    """
    Tell which sessions change, until the page goes away.

    `session` narrows to one; with `follow` its browser is asked to send every second.
    """
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the news back
    live = console(request).live
    session = request.query.get("session")
    with (
        live.listen(session, follow=request.query.get("follow") == "1") as listener,
        suppress(ConnectionResetError),  # the page was closed while we wrote
    ):
        await response.prepare(request)
        await response.write(b"retry: 2000\n\nevent: hello\ndata: {}\n\n")
        await _tell(request, response, listener)
    return response


async def _tell(request: web.Request, response: web.StreamResponse, listener: Listener) -> None:
    """Write what *listener* hears until the server stops or the page is gone."""
    silent_s = 0.0
    while (news := await listener.take(LOOK_S)) is not None and not _gone(request):
        silent_s += LOOK_S
        told = news.sessions or news.everything
        if not await _still_in(request, look=bool(told) or silent_s >= HEARTBEAT_S):
            return
        if told:
            kinds = {name: sorted(kinds) for name, kinds in news.sessions.items()}
            body = orjson.dumps({"sessions": kinds, "everything": news.everything})
            await response.write(b"event: news\ndata: " + body + b"\n\n")
            await asyncio.sleep(QUIET_S)
            silent_s = 0.0
        elif silent_s >= HEARTBEAT_S:
            await response.write(b": still here\n\n")
            silent_s = 0.0


async def _still_in(request: web.Request, *, look: bool) -> bool:
    """Return whether who asked is still signed in; the store is asked only with *look*."""
    who = request[SIGNED_IN]
    return await still_in(request, who) if look else not console(request).sign_ins.ended(who.id)


def _gone(request: web.Request) -> bool:
    """Return whether the page was closed: then nobody watches, and its session may send seldom."""
    return request.transport is None or request.transport.is_closing()
