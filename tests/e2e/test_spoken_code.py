"""From a code read out on the phone to the moment of failure: a page in Chromium, a server, an agent's console."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from console.accounts import set_user
from core.codes import is_code
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually, holds

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "correct horse battery"

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
        policy = f"default-src 'none'; script-src 'unsafe-inline' {self.stack.public_url}; connect-src {self.stack.public_url}"
        return web.Response(
            text=BODY.replace("SCRIPT", self.script),
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )

    async def visit(self, browser: Browser, path: str = "/kasse") -> Page:
        """Open *path* and wait until the recorder runs."""
        page = await (await browser.new_context(locale="de-DE")).new_page()
        await page.goto(self.origin + path)
        await holds(page, "typeof window.stolper?.('session') === 'string'")
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
    await holds(page, "window.stolper?.config")
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


async def signed_in(browser: Browser, site: Site, **context: Any) -> Page:
    """Return a page of an agent who has signed in."""
    await set_user(site.stack.store, "agent", "support", PASSWORD)
    page = await (await browser.new_context(locale="de-DE", **context)).new_page()
    await page.goto(f"{site.stack.console_url}/sign-in")
    await page.fill("[name=name]", "agent")
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector("header .menu, header nav")
    return page


async def test_an_agent_hears_a_code_and_sees_the_failure(browser: Browser, site: Site) -> None:
    """From wherever one is: `/`, the code, Enter. The session stands still 5 s before its struggle, within 10 s."""
    caller = await site.visit(browser)
    box = await caller.locator("#dead").bounding_box()
    assert box
    for _ in range(5):
        await caller.mouse.click(box["x"] + 20, box["y"] + 10)
        await caller.wait_for_timeout(120)
    session = await caller.evaluate("stolper('session')")
    code = await caller.evaluate("stolper('code')")

    async def flagged() -> list[dict[str, Any]]:
        return await site.stack.flags(session)

    flag = (await eventually(flagged))[-1]
    agent = await signed_in(browser, site)
    views: list[str] = []
    agent.on(
        "framenavigated",
        lambda frame: views.append(frame.url) if frame == agent.main_frame else None,
    )
    await agent.keyboard.press("/")
    await agent.keyboard.type(f"{code[:3].lower()} {code[3:].lower()}")
    begun = time.monotonic()
    await agent.keyboard.press("Enter")
    await agent.wait_for_selector("#stage-box[data-view=shown]", timeout=10_000)
    took_s = time.monotonic() - begun

    assert 1 == len(views)
    assert f"/sessions/{session}?flag={flag['id']}" in views[0]
    assert took_s <= 10
    await expect(agent.locator("#play-text")).to_have_text("Abspielen")  # it stands still
    stage = agent.frame_locator("#stage").frame_locator("iframe")
    await expect(stage.locator("h1")).to_have_text("Kasse")
    print(f"one field, one Enter, {len(views)} view, {took_s:.1f} s")
    for page in (caller, agent):
        await page.context.close()


async def test_an_agent_finds_a_caller_without_a_code(browser: Browser, site: Site) -> None:
    """What the caller remembers, in the same field: the time is that of the agent's own clock, wherever they sit."""
    caller = await site.visit(browser, "/kasse/adresse")
    session = await caller.evaluate("stolper('session')")
    await caller.evaluate("stolper('flush')")
    agent = await signed_in(browser, site, timezone_id="Pacific/Auckland")
    clock = await agent.evaluate("new Date().toTimeString().slice(0, 5)")
    await agent.goto(f"{site.stack.console_url}/find")
    await agent.keyboard.type(f"gegen {clock}, Kasse, PC")
    await agent.keyboard.press("Enter")
    first = agent.locator(".found > li").first
    await first.wait_for()

    assert "tz=Pacific%2FAuckland" in agent.url
    assert session in str(await first.locator("a").get_attribute("href"))
    assert 0 == await first.locator(".against").count()
    for page in (caller, agent):
        await page.context.close()


async def named(page: Page) -> list[tuple[str, str]]:
    """Return role and name of what a screen reader finds on *page*, closed shadow roots too."""
    cdp = await page.context.new_cdp_session(page)
    tree = await cdp.send("Accessibility.getFullAXTree")
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree["nodes"]
        if not node["ignored"] and node["role"]["value"] in ("button", "status", "StaticText")
    ]


async def test_the_button_shows_the_code_and_is_in_no_recording(
    browser: Browser, site: Site
) -> None:
    """By keyboard, under a strict policy, in the page's language; pressed it is told letter by letter, and never recorded."""
    store = site.stack.store
    (shop,) = await store.sites()
    await store.set_site_options(shop.key, shop.options.changed(["code_button=right"]))
    page = await (await browser.new_context(viewport={"width": 360, "height": 640})).new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(site.origin)
    host = page.locator("section.corner")
    await host.wait_for(state="attached")
    box = await host.bounding_box()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")  # behind the page's own button
    await page.keyboard.press("Enter")
    session = await page.evaluate("stolper('session')")
    code = await page.evaluate("stolper('code')")

    async def told() -> bool:
        return ("StaticText", " ".join(code)) in await named(page)

    await eventually(told)
    names = await named(page)
    assert ("button", "Support-Code") in names
    assert ("button", "Kopieren") in names
    await page.keyboard.press("Escape")

    async def closed() -> bool:
        return ("button", "Kopieren") not in await named(page)

    await eventually(closed)
    await page.evaluate("stolper('flush')")
    assert box is not None
    assert box["x"] + box["width"] <= 360
    assert [] == [
        one for one in await site.stack.events(session) if one["type"] in ("click", "key")
    ]
    recorded = json.dumps(await site.stack.recording(session))
    assert not any(text in recorded for text in ("Support-Code", code, f"{code[:3]} {code[3:]}"))
    await page.evaluate("stolper('stop')")
    assert 0 == await host.count()
    assert [] == errors
    await page.context.close()
