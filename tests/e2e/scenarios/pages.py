"""
Serves test pages: a folder of files, and the few answers their buttons ask for.

`/sdk.js` leads to the snippet of the site that the pages belong to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from core.model import Mode, Privacy, Site
from tests.e2e.support import Stack

OK_AFTER_S = 0.2
EMPTY_PAGE = "<!doctype html><html lang=en><title>Empty</title><p>An empty page.</p></html>"

Serve = Callable[[web.Application], Awaitable[str]]


@dataclass
class Pages:
    """The pages of one site, served. *embed* is the address of its snippet, known once it runs."""

    folder: Path
    embed: str = ""

    def app(self) -> web.Application:
        """Return the application that serves them."""
        app = web.Application()
        app.router.add_get("/sdk.js", self._sdk)
        app.router.add_get("/empty.html", self._empty)
        app.router.add_get("/favicon.ico", self._favicon)
        app.router.add_route("*", "/ok", self._ok)
        app.router.add_route("*", "/fail", self._fail)
        app.router.add_get("/items", self._items)
        app.router.add_static("/", self.folder)
        return app

    async def _sdk(self, _: web.Request) -> web.Response:
        raise web.HTTPFound(self.embed)

    async def _empty(self, _: web.Request) -> web.Response:
        return web.Response(text=EMPTY_PAGE, content_type="text/html")

    async def _favicon(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _ok(self, _: web.Request) -> web.Response:
        await asyncio.sleep(OK_AFTER_S)
        return web.json_response({"ok": True})

    async def _fail(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": False, "error": "broken on purpose"}, status=500)

    async def _items(self, request: web.Request) -> web.Response:
        """Answer with 20 items after *from*, as an endless list asks for them."""
        await asyncio.sleep(OK_AFTER_S)
        first = int(request.query.get("from", "0"))
        return web.json_response({"items": [f"Item {first + n}" for n in range(20)]})


async def pages_of_a_site(
    stack: Stack,
    serve: Serve,
    folder: Path,
    *,
    mode: Mode = "full",
    privacy: Privacy = "standard",
) -> tuple[str, Site]:
    """Serve *folder* as a new site of *stack*; return its origin and the site."""
    pages = Pages(folder)
    origin = await serve(pages.app())
    site = await stack.site(origin, mode=mode, privacy=privacy)
    pages.embed = stack.script_src(site)
    return origin, site
