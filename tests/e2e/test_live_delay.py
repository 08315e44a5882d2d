"""A running session is followed: what its page shows is in the replay soon after."""

from __future__ import annotations

import asyncio
import statistics

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from console.accounts import set_owner_password
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack

pytestmark = [
    pytest.mark.browser, pytest.mark.alone, pytest.mark.long, pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

CHANGES = 12
EVERY_MS = 1_300  # in no step with what is sent each second
MOST_MS = 3_000

SHOWN = """count => new Promise((resolve) => {
  const found = [];
  const look = () => {
    const stage = document.getElementById("stage").contentDocument;
    const page = stage?.querySelector('.screen:not([style*="hidden"]) iframe')?.contentDocument;
    const number = Number(page?.querySelector("p")?.textContent);
    while (number && found.length < number) found.push(Date.now());
    if (found.length >= count) resolve(found);
    else setTimeout(look, 20);
  };
  look();
})"""
"""Resolve with the times at which the replay showed the numbers 1 to *count*."""


async def signed_in(browser: Browser, server: Stack) -> Page:
    """Return a page that is signed in at the console of *server*."""
    password = await set_owner_password(server.store)
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(f"{server.console_url}/sign-in")
    await page.fill("#password", password)
    await page.click("form.sign-in button")
    await expect(page.locator("form.sign-in")).to_have_count(0)
    return page


async def test_a_visit_is_followed_within_three_seconds(
    server: Stack, serve: Serve, browser: Browser
) -> None:
    """Of twelve changes of a page the median is in the replay within 3 s of its being on the visitor's screen."""
    script = ""

    async def shop(_: web.Request) -> web.Response:
        html = f"<!doctype html><title>Shop</title>{script}<h1>Shop</h1><p>0</p>"
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", shop)
    origin = await serve(app)
    script = server.script(await server.site(origin, privacy="open"))
    visitor = await (await browser.new_context()).new_page()
    await visitor.goto(origin)
    await visitor.wait_for_function("typeof window.stolper?.('session') === 'string'")
    await visitor.evaluate("stolper('flush')")
    session = await visitor.evaluate("stolper('session')")
    watcher = await signed_in(browser, server)
    await watcher.goto(f"{server.console_url}/sessions/{session}")
    await expect(watcher.locator("#live")).to_have_attribute("aria-pressed", "true")
    picture = watcher.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')
    await expect(picture.locator("h1")).to_have_text("Shop", timeout=30_000)
    shown = asyncio.create_task(watcher.evaluate(SHOWN, CHANGES))
    made = await visitor.evaluate(
        """async ([count, every]) => {
          const times = [];
          for (let number = 1; number <= count; number++) {
            document.querySelector("p").textContent = String(number);
            times.push(Date.now());
            await new Promise((resolve) => setTimeout(resolve, every));
          }
          return times;
        }""",
        [CHANGES, EVERY_MS],
    )
    delays = [there - here for here, there in zip(made, await shown, strict=True)]

    print(f"followed after {statistics.median(delays):.0f} ms (median), {max(delays)} ms (longest)")
    assert statistics.median(delays) <= MOST_MS, delays
