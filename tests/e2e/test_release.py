"""An owner releases a masked region in a replay: only what the preview named is readable in the next visit."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FrameLocator, Page, expect

from core.model import Site
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LATE = "<script>setTimeout(() => { const p = document.createElement('p'); p.className = 'price'; p.textContent = 'Nachzügler';"
PAGES = {
    "/konto": "<p class=price>Guthaben zwölf <b>Euro</b></p><p class=name>Erika Muster</p>",
    "/kasse": "<p class=price>Summe neun Euro</p><p class=name>Erika Muster</p><input class=price aria-label=Menge>",
    "/blog": f"<p class=text>Langer Text</p>{LATE} document.body.append(p) }}, 300)</script>",
    "/hilfe": "<p class=text>Frag uns</p>",
}
RELEASED = {"Guthaben zwölf", "Euro", "Summe neun Euro", "Nachzügler"}


class Shop:
    """The pages, and an owner who looks at visits to them."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self.stack = stack
        self.browser = browser
        self.origin = self.script = ""
        self.site: Site
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._page)

    async def _page(self, request: web.Request) -> web.Response:
        body = PAGES.get(request.path, "")
        text = f"<!doctype html><html lang=de><head><meta charset=utf-8><title>x</title>{self.script}</head><body>{body}</body></html>"
        return web.Response(text=text, content_type="text/html")

    async def visit(self) -> str:
        """Visit all pages in one session, type on one; return the session, ended."""
        context = await self.browser.new_context()
        page = await context.new_page()
        for path in PAGES:
            await page.goto(self.origin + path)
            await page.wait_for_function("typeof window.stolper?.('session') === 'string'")
            if path == "/kasse":
                await page.fill("input", "Geheimnis")
            if path == "/blog":
                await page.wait_for_selector("p.price")
                await page.evaluate(
                    "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"
                )
            await page.evaluate("stolper('flush')")
        session = str(await page.evaluate("stolper('session')"))
        await context.close()
        await self.stack.end(session)
        return session

    async def heeded(self, unmask: str) -> None:
        """Wait until pages are told to show *unmask*: the collector remembers a site for a moment."""

        async def told() -> bool:
            config = await self.stack.get(f"/s/{self.site.key}.json")
            return bool(unmask == config.get("options", {}).get("unmask", ""))

        await eventually(told, within_s=30)

    async def readable(self, session: str) -> set[str]:
        """Return the texts that the recording of *session* shows in clear."""
        texts = set(_texts(await self.stack.recording(session)))
        return {one for one in texts if one and not re.fullmatch(r"[x\s•]*", one)}

    async def owner(self) -> Page:
        page = await (await self.browser.new_context(locale="en-GB")).new_page()
        await page.goto(self.stack.console_url + "/sign-in")
        await page.fill("#password", self.stack.server.owner_password or "")
        await page.press("#password", "Enter")
        await page.wait_for_url("**/overview")
        return page


def _texts(told: Any) -> Iterator[str]:
    """Yield every text of a page in *told*, and every value of a field."""
    if isinstance(told, list):
        for one in told:
            yield from _texts(one)
    elif isinstance(told, dict):
        for name, value in told.items():
            if name in ("textContent", "value", "text") and isinstance(value, str):
                yield value.strip()
            elif name != "tagName":
                yield from _texts(value)


@pytest_asyncio.fixture(loop_scope="module")
async def shop(server: Stack, serve: Serve, browser: Browser) -> AsyncIterator[Shop]:
    """The site, added to a running server."""
    made = Shop(server, browser)
    made.origin = await serve(made.app)
    made.site = await server.site(made.origin, name="shop")
    made.script = server.script(made.site)
    yield made


def picture(page: Page) -> FrameLocator:
    return page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')


async def pick(page: Page, selector: str) -> None:
    """Pick the first element that fits, say that it is found by that selector, and go to its release."""
    await picture(page).locator(selector).first.click(force=True)
    option = page.locator(f'#pick-options label:has(code:text-is("{selector}"))')
    await option.locator("input").check(timeout=10_000)
    await page.click('#pick-kinds a[href*="/release"]')
    await page.wait_for_selector(".release-part")


async def test_what_the_preview_names_becomes_readable_and_nothing_else(shop: Shop) -> None:
    """The pick's page first, then all others it opens, a text that came later among them; fields stay masked."""
    before = await shop.visit()
    masked = await shop.readable(before)
    page = await shop.owner()
    await page.goto(f"{shop.stack.console_url}/sessions/{before}?pick&at=0")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await pick(page, ".price")

    assert set() == masked & RELEASED
    rows = page.locator("table.release tbody tr")
    named = {
        await row.locator("th .path").inner_text(): [
            int(await row.locator("td.number").nth(at).inner_text()) for at in (0, 1)
        ]
        for row in await rows.all()
    }
    assert {"/konto": [1, 2], "/kasse": [1, 1], "/blog": [1, 1]} == named
    await expect(rows.first).to_contain_text("picked here")
    assert [] == [one["id"] for one in (await Axe().run(page)).response["violations"]]
    await page.click("text=Release on 3 pages")
    await expect(page.locator(".note")).to_contain_text("Saved")
    await shop.heeded(".price:not(input,select,textarea)")
    after = await shop.visit()

    assert masked | RELEASED == await shop.readable(after)
    await page.click("text=Mask again")
    await expect(page.locator(".release-part").last).to_contain_text("Nothing")
    await shop.heeded("")
    assert masked == await shop.readable(await shop.visit())
    actions = [one.action for one in await shop.stack.store.audited(10)]
    assert ["masked_again", "released"] == [
        one for one in actions if one in ("released", "masked_again")
    ]
    await page.context.close()


@pytest.mark.long
async def test_regions_are_gathered_pick_by_pick(shop: Shop) -> None:
    """A second pick keeps the first, and one can be left out."""
    session = await shop.visit()
    page = await shop.owner()
    await page.goto(f"{shop.stack.console_url}/release?session={session}&chosen=.price")
    await page.click("text=Pick another one")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await pick(page, ".name")
    codes = page.locator(".release-part").first.locator("code")

    assert 2 == await codes.count()
    await page.locator("text=Leave out").first.click()
    await page.wait_for_url(lambda url: ".price" not in url)
    assert 1 == await codes.count()
    await page.context.close()
