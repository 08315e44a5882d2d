"""The site owner's first run: from nothing to one's own click, watched live; and why nothing arrives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import Serve
from tests.e2e.journeys.counting import Journey
from tests.e2e.journeys.operating import LONG_MS
from tests.e2e.journeys.world import OWNER, Own, Up, first_replay, picture, stolper_up

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def owner(browser: Browser, up: Up) -> Page:
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(up.console)
    await page.fill("#password", up.password)
    await page.press("#password", "Enter")
    return page


async def test_from_nothing_to_the_own_click_in_five_steps(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    """
    Install, up, paste the line, open the page, open the printed link: the own click is watched live.

    Installed it is here already; the other four are done and counted. No account elsewhere, no other command.
    """
    own = Own()
    origin = await serve(own.app)
    journey = Journey("site owner", OWNER)
    journey.step("install")
    async with stolper_up(tmp_path / "data", "--origin", origin) as up:
        journey.step("stolper up --origin")
        page = await (await browser.new_context(locale="en-GB")).new_page()
        await first_replay(journey, browser, page, own, up, origin)
        await page.context.close()

    assert [] == journey.over
    assert journey.took_s <= OWNER.seconds


@pytest.mark.long
async def test_a_policy_that_keeps_it_from_sending_is_named(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    """Where the page's own policy forbids sending, the check says that the script came and names connect-src."""
    own = Own()
    origin = await serve(own.app)
    async with stolper_up(tmp_path / "data") as up:
        page = await owner(browser, up)
        await page.fill("input[name=origins]", origin)
        await page.press("input[name=origins]", "Enter")
        own.head = await page.locator(".code-line code").inner_text()
        public = re.search(r"http://[^/]+", own.head)
        assert public
        own.policy = f"default-src 'self'; script-src {public[0]}; connect-src 'self'"
        visitor = await (await browser.new_context()).new_page()
        await visitor.goto(origin)
        says = page.locator(".way-says")
        await expect(says).to_have_attribute("data-state", "nothing_sent", timeout=LONG_MS)
        await expect(says).to_contain_text(f"{origin} has asked for the script")
        await expect(says).to_contain_text(f"connect-src {public[0]}")
        own.policy = f"default-src 'self'; script-src {public[0]}; connect-src {public[0]}"
        await visitor.reload()
        await expect(says).to_have_attribute("data-state", "received", timeout=LONG_MS)
        await page.click("text=Watch the newest visit")
        await expect(picture(page).locator("h1")).to_have_text("My page", timeout=LONG_MS)
        await visitor.context.close()
        await page.context.close()
