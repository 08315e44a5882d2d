"""Rules by people who write no YAML: picked in a replay, changed by a form, held by an example."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BODY = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Shop</title>
{script}</head><body><main><h1>Basket</h1><form id=checkout>
<button type=button id=pay class="btn primary"><b>Pay now</b></button>
<button type=button class="btn" data-testid=later>Save for later</button></form>
<p id=out></p></main>
<script>document.querySelector('[data-testid=later]').onclick=()=>{{out.textContent+='saved '}}</script>
</body></html>"""


class Shop:
    """A one-page site that embeds the snippet, and the console of its server."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self.stack = stack
        self.browser = browser
        self.origin = ""
        self.script = ""
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._page)

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=BODY.format(script=self.script), content_type="text/html")

    async def visit(self, presses: int, on: str = "#pay") -> str:
        """Let a visitor press *on* so often, quickly; return the session once it is stored."""
        context = await self.browser.new_context()
        page = await context.new_page()
        await page.goto(self.origin + "/basket")
        await page.wait_for_function("typeof window.stolper?.('session') === 'string'")
        session = str(await page.evaluate("window.stolper('session')"))
        box = await page.locator(on).bounding_box()
        assert box
        for _ in range(presses):
            await page.mouse.click(box["x"] + 5, box["y"] + 5)
            await page.wait_for_timeout(100)
        await page.wait_for_timeout(2600)  # the outcome window of the last press
        await page.evaluate("window.stolper('flush')")

        async def stored() -> bool:
            events = await self.stack.events(session)
            return sum(event["type"] == "click" for event in events) >= presses

        await eventually(stored, within_s=30)
        await context.close()
        return session

    async def rules(self, session: str) -> set[str]:
        """Return the rules that flagged *session*."""
        return {str(flag["rule"]) for flag in await self.stack.flags(session)}

    async def flagged(self, session: str, rule: str) -> None:
        """Wait until *rule* has flagged *session*."""

        async def found() -> bool:
            return rule in await self.rules(session)

        await eventually(found, within_s=30)

    async def console(self) -> Page:
        """Return a page that is signed in as the owner."""
        context = await self.browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="en-GB"
        )
        page = await context.new_page()
        await page.goto(self.stack.console_url + "/sign-in")
        await page.fill("#password", self.stack.server.owner_password or "")
        await page.click("form.sign-in button")
        await page.wait_for_url("**/overview")
        return page

    def own(self, name: str) -> str:
        """Return the text of the own rule file *name*."""
        return (self.stack.server.data / "rules" / name).read_text(encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="module")
async def shop(server: Stack, serve: Serve, browser: Browser) -> AsyncIterator[Shop]:
    """The site, added to a running server."""
    made = Shop(server, browser)
    made.origin = await serve(made.app)
    made.script = server.script(await server.site(made.origin, name="shop", privacy="standard"))
    yield made


def picture(page: Page) -> FrameLocator:
    """Return the recorded page as it is shown."""
    return page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')


async def open_replay(page: Page, shop: Shop, session: str, query: str = "") -> None:
    await page.goto(f"{shop.stack.console_url}/sessions/{session}{query}")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await expect(picture(page).locator("#pay")).to_be_visible()


async def fits(page: Page) -> None:
    """Wait until the form shows that what it would write is right, and what it would change."""
    await expect(page.locator('#proposal-preview [data-fits="yes"]')).to_be_visible(timeout=30_000)
    await expect(page.locator("#proposal-effect .effect")).to_be_visible(timeout=60_000)


async def put_in_force(page: Page) -> None:
    await page.click('.form-end [value="save"]')
    await page.wait_for_url("**/rules/saved**", timeout=30_000)


async def findings(page: Page) -> list[str]:
    """Return what axe finds wrong on the page, by rule."""
    return [one["id"] for one in (await Axe().run(page)).response["violations"]]


async def test_a_rule_made_only_by_picking_works(shop: Shop) -> None:
    """Picked in a replay, given a title, put in force: the next visitor's presses are flagged."""
    before = await shop.visit(1)
    await shop.stack.end(before)  # the past is what has ended
    page = await shop.console()
    await open_replay(page, shop, before)
    await page.click("#pick")
    await picture(page).locator("#pay").hover(force=True)
    await expect(page.locator("#pick-status")).to_contain_text("Pay now")
    async with page.expect_request("**/pick") as asked:
        await picture(page).locator("#pay b").click(force=True)
    sent = (await (await asked.value).response()) is not None  # the server has answered
    options = page.locator("#pick-options label")
    await expect(options.first).to_contain_text("1 press in 1 session")

    assert sent
    assert "#pay" == await options.first.locator("code").inner_text()
    assert [] == await findings(page)
    await page.click('#pick-kinds a[href*="kind=rule"]')
    await page.fill('[name="title"]', "Pay does nothing")
    await fits(page)

    assert "+1" == await page.locator(".effect .gained dd").inner_text()
    assert [] == await findings(page)
    await put_in_force(page)

    assert [] == await findings(page)
    assert "target: '#pay'" in shop.own("pay_does_nothing.yaml")
    after = await shop.visit(1)
    await shop.flagged(after, "pay_does_nothing")
    elsewhere = await shop.visit(1, on="[data-testid=later]")

    assert "pay_does_nothing" not in await shop.rules(elsewhere)
    await page.context.close()


async def test_a_pick_describes_the_element_as_the_snippet_did(shop: Shop) -> None:
    """The path that is sent for a picked element is the path of the press that was recorded on it."""
    session = await shop.visit(1)
    [click] = [e for e in await shop.stack.events(session) if e["type"] == "click"]
    page = await shop.console()
    await open_replay(page, shop, session, "?pick")
    await expect(page.locator("#pick")).to_have_attribute("aria-pressed", "true")
    async with page.expect_request("**/pick") as asked:
        await picture(page).locator("#pay").click(force=True)
    body = (await asked.value).post_data or ""
    path = json.loads(body.split('name="path"')[1].split("\r\n\r\n")[1].split("\r\n------")[0])

    assert click["target"]["path"] == path
    await page.context.close()


async def test_picking_by_keys(shop: Shop) -> None:
    """Arrows walk from element to element, Enter takes one, Esc ends; the playhead stays."""
    session = await shop.visit(1)
    page = await shop.console()
    await open_replay(page, shop, session, "?at=300")
    await page.focus("#pick")
    await page.keyboard.press("Enter")
    status = page.locator("#pick-status")
    for key, what in (
        ("ArrowDown", "Pay now"),
        ("ArrowRight", "Save for later"),
        ("ArrowLeft", "Pay now"),
        ("ArrowUp", "form"),
    ):
        await page.keyboard.press(key)
        await expect(status).to_contain_text(what)
    at = await page.locator("#seek").input_value()
    await page.keyboard.press("Enter")
    await expect(page.locator("#pick-options code").first).to_have_text("#checkout")
    await page.keyboard.press("Escape")
    await expect(page.locator("#pick-dialog")).to_be_hidden()
    await expect(page.locator("#pick")).to_have_attribute("aria-pressed", "false")
    await page.click("#pick")
    await page.keyboard.press("Escape")
    await expect(status).to_be_hidden()

    assert at == await page.locator("#seek").input_value()
    await page.context.close()


async def test_an_override_made_by_the_form_is_in_force(shop: Shop) -> None:
    """A rule that is switched off on one page by the form no longer flags the next visitor there."""
    before = await shop.visit(1)
    await shop.flagged(before, "dead_click")
    page = await shop.console()
    await page.goto(f"{shop.stack.console_url}/rules/dead_click/change")
    await page.fill('[name="for_path"]', "/basket*")
    await page.select_option('[name="enabled"]', "false")
    await page.fill('[name="reason"]', "known there")
    await fits(page)

    assert [] == await findings(page)
    await put_in_force(page)

    assert "enabled: false" in shop.own("changes.yaml")
    [newest, *_] = await shop.stack.server.workbench.versions("dead_click")

    assert ("owner", "known there") == (newest.author, newest.reason)
    silent = await shop.visit(1)

    assert "dead_click" not in await shop.rules(silent)
    await page.goto(f"{shop.stack.console_url}/rules/dead_click/change")

    assert [] == await findings(page)
    await page.click("text=Edit")
    await expect(page.locator('[name="for_path"]')).to_have_value("/basket*")
    await page.select_option('[name="enabled"]', "")
    await page.select_option('[name="severity"]', "critical")
    await put_in_force(page)

    assert "enabled" not in shop.own("changes.yaml")
    await page.goto(f"{shop.stack.console_url}/rules/dead_click/change")
    await page.click("text=Remove")
    await page.wait_for_url("**/rules/saved**")

    assert "overrides" not in shop.own("changes.yaml")
    again = await shop.visit(1)
    await shop.flagged(again, "dead_click")
    await page.context.close()


async def flag_of(shop: Shop, session: str, rule: str) -> dict[str, Any]:
    await shop.flagged(session, rule)
    return next(flag for flag in await shop.stack.flags(session) if flag["rule"] == rule)


async def test_a_negative_example_with_its_exception_silences_the_past(shop: Shop) -> None:
    """It fails alone and is not written; with the exception it is, and the past is judged by it."""
    session = await shop.visit(5)
    flag = await flag_of(shop, session, "rage_click")
    await shop.stack.end(session)
    page = await shop.console()
    await open_replay(page, shop, session)
    await page.click("#flags li:first-child >> text=No struggle")
    await expect(page.locator(".example-results .failed")).to_be_visible(timeout=30_000)
    await page.click('.form-end [value="save"]')
    await expect(page.locator(".proposal-form .alert")).to_be_visible()

    assert not (shop.stack.server.data / "rules" / "examples.yaml").exists()
    await page.check('[value="target:#pay"]')
    await fits(page)

    assert [] == await findings(page)
    await put_in_force(page)
    written = shop.own("changes.yaml")

    assert "except:" in written
    assert "expect: []" in written
    assert "rage_click" in await shop.rules(session)
    await page.click("text=Judge the last 7 days again")
    await expect(page.locator("#rejudged")).to_be_visible(timeout=60_000)

    assert "rage_click" not in await shop.rules(session)
    assert "rage_click" == flag["rule"]
    later = await shop.visit(5)

    assert "rage_click" not in await shop.rules(later)
    await page.context.close()


async def test_a_positive_example_is_kept(shop: Shop) -> None:
    """A flag that is right becomes an example that passes, in a file of its own."""
    session = await shop.visit(5)
    flag = await flag_of(shop, session, "rage_click")
    page = await shop.console()
    query = urlencode({"session": session, "flag": flag["id"], "fires": "1"})
    await page.goto(f"{shop.stack.console_url}/rules/example?{query}")
    await fits(page)
    await put_in_force(page)
    written = shop.own("examples.yaml")

    assert "rule: rage_click" in written
    checked = await shop.stack.server.workbench.check("examples.yaml", written)

    assert [True] == [test.expects_flag for test in checked.tests]
    assert checked.fits
    await page.context.close()


async def test_a_process_made_of_a_visit_has_its_funnel(shop: Shop) -> None:
    """From the replay: steps ticked, moved by keyboard, tried and put in force; then the funnel counts the visit."""
    session = await shop.visit(1)
    await shop.stack.end(session)
    page = await shop.console()
    await open_replay(page, shop, session)
    await page.click("#steps-link")
    offered = page.locator(".offer")
    await offered.filter(has_text="/basket").click()
    await offered.filter(has_text="#pay").click()

    assert [] == await findings(page)
    await page.click(".process-pick .button.primary")
    await expect(page.locator(".form-step")).to_have_count(2)
    await page.fill("[name=en]", "Purchase")
    await page.focus('[value="up-1"]')
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=step-0-what]")).to_have_value("#pay")
    await expect(page.locator('[value="down-0"]')).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=step-0-what]")).to_have_value("/basket")
    assert "Purchase" == await page.input_value("[name=en]")  # what was typed is there still
    await page.click('[value="try"]')
    gained = page.locator("#process-trial .gained a")
    await expect(gained).to_contain_text("1", timeout=30_000)

    assert [] == await findings(page)
    async with page.context.expect_page() as opened:
        await gained.click()
    listed = await opened.value
    await expect(listed.locator(f"#s-{session}")).to_be_visible()
    await expect(listed.locator("tbody tr")).to_have_count(1)
    await listed.close()
    await page.click('[value="save"]')
    await page.wait_for_url("**/processes/purchase")

    async def counted() -> bool:
        await page.reload()
        return await page.locator(".funnel tbody tr").count() == 2

    await eventually(counted, within_s=30)
    assert ["1", "1"] == await page.locator(".funnel .came a").all_inner_texts()
    assert "purchase:" in shop.own("processes.yaml")
    await page.context.close()
