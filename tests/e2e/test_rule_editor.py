"""An analyst's way: a rule typed in the console, seen on history, activated, fires on a live visitor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.building import built
from tests.console.support import ROOT
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually
from tests.e2e.test_chain import Shop, TwoPages, recording

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

EDITOR = ROOT / "console" / "editor"

TEXT = """version: 1
rules:
  - id: more_and_more
    title: {en: Asks for more and more, de: Will immer mehr}
    severity: medium
    match: {event: click, where: {target: "#works"}, times: 3, within: 20s}
tests:
  - rule: more_and_more
    name: three presses
    events:
      - {at: 0s, event: click, target: {key: works, path: [{tag: button, id: works}]}, x: 3, every: 2s}
    expect: [{at: 4s}]
  - rule: more_and_more
    name: two presses
    events:
      - {at: 0s, event: click, target: {key: works, path: [{tag: button, id: works}]}, x: 2, every: 2s}
    expect: []
"""


@pytest.fixture(scope="module", autouse=True)
def editor() -> None:
    """The built editor; built anew when its sources are newer."""
    built(EDITOR / "build.mjs", ROOT / "console" / "static" / "dist" / "editor.js")


@pytest_asyncio.fixture(loop_scope="module")
async def shop(server: Stack, serve: Serve) -> AsyncIterator[Shop]:
    """The two-page site, added to a running server."""
    pages = TwoPages()
    origin = await serve(pages.app)
    site = await server.site(origin, name="shop", privacy="standard")
    pages.script = server.script(site)
    yield Shop(server, origin, site)


async def press_three_times(visitor: Page) -> str:
    """Press the button that works, and hand it all over; return the session's id."""
    session = await recording(visitor)
    for _ in range(3):
        await visitor.click("#works")
        await visitor.wait_for_timeout(300)
    await visitor.wait_for_timeout(2600)  # the outcome window of the last press
    await visitor.evaluate("window.stolper('flush')")
    return session


async def analyst(browser: Browser, stack: Stack) -> Page:
    """Return a page that is signed in as the owner and has no script error."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    await page.goto(stack.console_url + "/sign-in?next=/rules")
    await page.fill("input[name=password]", stack.server.owner_password or "")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url("**/rules")
    return page


async def typed(page: Page, text: str) -> None:
    """Replace the editor's text as a paste does."""
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(text)


async def flagged(stack: Stack, session: str) -> list[str]:
    return [flag["rule"] for flag in await stack.flags(session) if flag["rule"] == "more_and_more"]


async def test_a_rule_is_in_force_in_four_steps(browser: Browser, shop: Shop) -> None:
    """
    New rule, typed, seen over 7 days of history, activated: four steps.

    The draft finds the visit of before and leads to its moment; while it is only a draft no
    visitor is flagged by it. Then it fires on a visitor who is there.
    """
    stack = shop.stack
    before = await shop.open(browser)
    past = await press_three_times(before)
    await before.context.close()
    await stack.end(past)
    page = await analyst(browser, stack)
    steps = []

    await page.click(".starters >> text=Count")
    steps.append("new rule")
    await typed(page, TEXT)
    steps.append("typed")
    summary = page.locator("#draft .draft-summary")
    await expect(summary).to_have_text("1 gained, 0 lost, 0 unchanged", timeout=60_000)
    await expect(page.locator("#stale")).to_be_hidden()
    moment = await page.locator("#draft .moments a").get_attribute("href")
    drafted = await flagged(stack, past)
    steps.append("seen")
    await page.click("#activate")
    steps.append("activated")
    await page.wait_for_url("**saved=1")
    await expect(page.locator("#notice")).to_contain_text("Asks for more and more")

    assert len(steps) <= 4
    assert drafted == []
    assert moment is not None
    assert moment.startswith(f"/sessions/{past}?")
    visitor = await shop.open(browser)
    live = await press_three_times(visitor)

    async def fired() -> list[str]:
        return await flagged(stack, live)

    assert await eventually(fired, within_s=15) == ["more_and_more"]
    version = next(r.version for r in stack.server.detector.rules.rules if r.id == "more_and_more")
    await expect(page.locator("#notice code")).to_have_text(version)
    await page.goto(stack.console_url + "/rules/more_and_more")
    await expect(page.locator(".versions")).to_contain_text("owner")
    await page.goto(stack.console_url + moment)
    await expect(page.locator("h1").first).to_contain_text("Session")
    await visitor.context.close()
    await page.context.close()


async def test_an_open_editor_overwrites_nothing(browser: Browser, shop: Shop) -> None:
    """A file changed on disk while the editor is open stays; both versions are shown, one reload away."""
    stack = shop.stack
    file = stack.server.data / "rules" / "mine.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(TEXT)
    await stack.server.rulebook.reload()
    page = await analyst(browser, stack)
    await page.goto(stack.console_url + "/rules/edit?file=mine.yaml")
    await expect(page.locator("#activate")).to_be_enabled(timeout=30_000)
    theirs = TEXT.replace("Asks for more and more", "Changed on disk")
    file.write_text(theirs)
    await typed(page, TEXT.replace("severity: medium", "severity: high"))
    await expect(page.locator("#verdict")).to_contain_text("all 2 examples pass", timeout=30_000)
    await expect(page.locator("#activate")).to_be_enabled(timeout=30_000)
    await page.click("#activate")
    await expect(page.locator("#notice")).to_contain_text("nothing was written")
    difference = await page.locator("#notice .difference").first.inner_text()
    mine = await page.locator(".cm-content").inner_text()

    assert file.read_text() == theirs
    assert "Changed on disk" in difference
    assert "severity: high" in difference
    assert "severity: high" in mine
    await page.click("#reload")
    await expect(page.locator(".cm-content")).to_contain_text("Changed on disk")
    await page.context.close()
