"""
Owns the page on which a session's reproduction is chosen, and its file.

What is in the file is replay/reproduction's; running it is the command's.
"""

from __future__ import annotations

from importlib.metadata import version

from aiohttp import web

from console.auth import ENDERS, SIGNED_IN, require_role
from console.context import console
from console.language import Language
from console.named import session_of
from console.pages import render
from core.errors import NotFound
from core.model import Flag, Session
from replay.reproduction.making import Reproduction, order, reproduction


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/reproduction", show)
    app.router.add_get("/sessions/{session}/reproduction.py", download)


async def show(request: web.Request) -> web.Response:
    """Show the reproduction of a session's flag, and how it is run."""
    await require_role(request, ENDERS)
    session = await session_of(request)
    flags = sorted(await console(request).store.flags(session.id), key=order)
    if flags:
        await _note(request, session)  # the page shows all of the test
    return render(
        request,
        "reproduction.html",
        session=session,
        flags=flags,
        made=await _made(request, session, flags) if flags else None,
        stub="stub" in request.query,
        cannot=_cannot(console(request).languages.of(request)),
    )


def _cannot(language: Language) -> dict[str, str]:
    """Return in words what a test cannot do again, by the type of the event."""
    return {
        "visibility": language.gettext("changing to another tab or window and back"),
        "gesture": language.gettext("zooming with two fingers, or turning the device"),
    }


async def download(request: web.Request) -> web.Response:
    """Hand out the reproduction as a file."""
    await require_role(request, ENDERS)
    session = await session_of(request)
    made = await _made(request, session, await console(request).store.flags(session.id))
    await _note(request, session)
    return web.Response(
        text=made.text,
        content_type="text/x-python",
        headers={"Content-Disposition": f'attachment; filename="{made.name}"'},
    )


async def _note(request: web.Request, session: Session) -> None:
    now_ms, who = console(request).clock.now_ms(), request[SIGNED_IN].user
    await console(request).store.audit(now_ms, who, "reproduced", session.id)


async def _made(request: web.Request, session: Session, flags: list[Flag]) -> Reproduction:
    """Return the reproduction that the address asks for; of the most severe flag, if it names none."""
    asked = request.query.get("flag")
    wanted = asked if any(flag.id == asked for flag in flags) else None
    shared = console(request)
    rules = {file.name: file.text for file in shared.workbench.files()}
    try:
        return await reproduction(
            shared.store,
            session,
            wanted,
            rules=rules,
            version=version("stolper"),
            stub="stub" in request.query,
        )
    except NotFound:
        raise web.HTTPNotFound from None
