"""From a code read out on the phone to the moment of failure: a page in Chromium, a server, an agent's console."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from core.codes import is_code
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BODY = """<!doctype html><html lang=de><head><meta charset=utf-8><title>Kasse</title>
<script>window.stolper = window.stolper || function () { (stolper.q = stolper.q || []).push(arguments) }</script>
SCRIPT</head><body><main><h1>Kasse</h1><button id=dead>Bezahlen</button></main></body></html>"""


class Site:
    """A page that embeds the snippet of a running server."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.origin = ""
        self.script = ""
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._page)

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=BODY.replace("SCRIPT", self.script), content_type="text/html")

    async def visit(self, browser: Browser, path: str = "/kasse") -> Page:
        """Open *path* and wait until the recorder runs."""
        page = await (await browser.new_context(locale="de-DE")).new_page()
        await page.goto(self.origin + path)
        await page.wait_for_function("typeof window.stolper?.('session') === 'string'")
        return page


@pytest_asyncio.fixture(loop_scope="module")
async def site(server: Stack, serve: Serve) -> AsyncIterator[Site]:
    """The page, of a site that the server knows."""
    made = Site(server)
    made.origin = await serve(made.app)
    made.script = server.script(await server.site(made.origin, name="shop"))
    yield made


async def test_a_page_is_told_the_code_and_link_of_its_visit(browser: Browser, site: Site) -> None:
    """Also by a call before the recorder is there; both lead to that session; asked again it is the same."""
    page = await (await browser.new_context()).new_page()
    await page.goto(site.origin)
    await page.wait_for_function("window.stolper?.config")
    code = await page.evaluate("stolper('code')")
    link = await page.evaluate("stolper('url')")
    session = await page.evaluate("stolper('session')")

    assert is_code(code)
    assert [session] == [one.session for one in await site.stack.store.find_codes([code])]
    assert link.startswith(f"{site.stack.console_url}/sessions/{session}?at=")
    assert code == await page.evaluate("stolper('code')")
    events = await site.stack.events(session)
    assert [] == [one for one in events if one["type"] == "request"]
    await page.evaluate("stolper('stop')")
    assert [False, False] == await page.evaluate("Promise.all([stolper('code'), stolper('url')])")
    await page.context.close()
