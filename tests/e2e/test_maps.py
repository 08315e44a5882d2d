"""A map of a page of the demo shop: presses stand on the elements that were pressed, in a picture of another width."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Frame, Page, expect

from collector.sessions import was_left
from core.model import SessionQuery
from tests.console.support import Visit
from tests.e2e.conftest import Serve
from tests.e2e.planted import PlantedShop, planted
from tests.e2e.support import Stack, eventually, holds
from tests.e2e.test_rule_editor import analyst

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PATH = "/de/product/grat-mid"
BUY, MORE, SIZE = "#buy-now", "#amount-more", ".sizes label:nth-of-type(1)"
GUIDE, CLOSE = "#size-guide", "#sizes button"


async def visit(shop: PlantedShop, browser: Browser, width: int, *presses: str) -> None:
    """Press elements of the page in a window of *width*, near their left upper corner, and leave."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, locale="de-DE")
    page = await context.new_page()
    await page.goto(shop.origin + PATH)
    await holds(page, "typeof window.stolper?.('session') === 'string'")
    session = str(await page.evaluate("window.stolper('session')"))
    for selector in presses:
        await page.click(selector, position={"x": 9, "y": 7})
        # Until its outcome is known: what the next press does would be taken for an answer to it.
        await page.wait_for_timeout(2700 if selector == BUY else 300)
    await page.mouse.wheel(0, 500)
    await page.wait_for_timeout(2700)  # the outcome window of the last press
    await page.evaluate("window.stolper('flush')")
    await page.goto("about:blank")
    await context.close()

    async def arrived() -> bool:
        found = await shop.stack.store.session(session)
        return found is not None and was_left(await shop.stack.store.batches(session))

    await eventually(arrived, within_s=20)
    await shop.stack.server.detector.drain()
    await shop.stack.server.closer.end(session, "left")
    await shop.stack.server.detector.drain()


async def drawn(page: Page) -> Frame:
    """Wait for the map's picture; return the stage."""
    await expect(page.locator("#map svg")).to_be_attached(timeout=15_000)
    await page.wait_for_timeout(2000)  # it is drawn again when what came late has its place
    [stage] = [one for one in page.frames if "/stage/" in one.url]
    return stage


async def boxes(stage: Frame, *selectors: str) -> list[list[float]]:
    """Return where elements of the recorded page have their left upper corner, within the border as Playwright presses."""
    return list(
        await stage.evaluate(
            """(selectors) => selectors.map((one) => {
                const page = document.querySelector("iframe").contentDocument;
                const element = page.querySelector(one);
                const box = element.getBoundingClientRect();
                return [box.left + element.clientLeft, box.top + element.clientTop];
            })""",
            selectors,
        )
    )


async def spots(page: Page) -> list[tuple[str, float, float]]:
    """Return the presses that are drawn: key of the element, and where."""
    found = await page.eval_on_selector_all(
        "#map circle",
        "(all) => all.map((one) => [one.dataset.key, +one.getAttribute('cx'), +one.getAttribute('cy')])",
    )
    return [(key, x, y) for key, x, y in found]


async def test_presses_stand_on_their_elements_at_another_width(
    server: Stack, serve: Serve, browser: Browser
) -> None:
    """Recorded at 1366 px, drawn over a page of 1000 px; in vain is what a rule found; numbers open the sessions."""
    shop = await planted(server, serve, "dead_button")
    await visit(shop, browser, 1366, BUY, MORE, MORE, SIZE, GUIDE, CLOSE)
    await visit(shop, browser, 1000)
    page = await analyst(browser, server)

    async def known() -> bool:
        await page.goto(f"{server.console_url}/maps?page={PATH}")
        return "2 sessions" in await page.inner_text("main")

    await eventually(known, within_s=20, every_s=0.5)
    stage = await drawn(page)
    width = await page.eval_on_selector("#map svg", "(svg) => svg.viewBox.baseVal.width")
    placed = await spots(page)
    buy, more, size, guide = await boxes(stage, BUY, MORE, SIZE, GUIDE)

    assert 1000 == round(width)
    assert 5 == len(placed)
    assert {"#buy-now": 1, "#amount-more": 2} == {
        key: sum(one == key for one, _, _ in placed) for key in ("#buy-now", "#amount-more")
    }
    for key, x, y in placed:
        box = {"#buy-now": buy, "#amount-more": more, "#size-guide": guide}.get(key, size)
        assert (9, 7) == (round(x - box[0]), round(y - box[1])), key
    note = await page.inner_text("#map-note")
    assert note.startswith("1 of 6 presses are on elements that are not in this picture"), note
    assert 1 == await page.locator("#map-elements .map-missing").count()
    assert "#buy-now" in await page.inner_text("#map-elements tbody tr:has-text('1 in')")

    await page.goto(f"{server.console_url}/maps?page={PATH}&show=dead")
    await drawn(page)
    assert [("#buy-now", round(buy[0] + 9), round(buy[1] + 7))] == [
        (key, round(x), round(y)) for key, x, y in await spots(page)
    ]
    [link] = await page.locator("#map-elements td[data-name='In vain'] a").all()
    await link.click()
    assert re.match(r"1 session\b", await page.inner_text("#total"))

    await page.goto(f"{server.console_url}/maps?page={PATH}&show=depth")
    await drawn(page)
    assert 10 == await page.locator("#map .map-band").count()
    assert (await page.inner_text(".depths tbody tr:nth-child(2) a")).startswith("2")

    # Anybody can send a key: one that all objects of a script have is an element that is not there.
    target = {"key": "constructor", "tag": "button", "label": "Odd"}
    press = {"t": 9, "type": "click", "path": PATH, "trusted": True, "offset_x": 1, "offset_y": 1}
    odd = Visit(
        server.store, "odd", shop.site.key, server.server.clock.now_ms(), {"device": "desktop"}
    )
    await odd.send([{"t": 0, "type": "page", "path": PATH}, {**press, "target": target}])
    await server.server.closer.end(odd.id, "left")

    async def told() -> bool:
        await page.goto(f"{server.console_url}/maps?page={PATH}")
        return "3 sessions" in await page.inner_text("main")

    await eventually(told, within_s=20, every_s=0.5)
    await drawn(page)
    assert 5 == len(await spots(page))
    assert "2 of 7" in await page.inner_text("#map-note")
    sessions = [one.id for one in await server.store.sessions(SessionQuery())]
    assert not await server.store.watched_by("owner", sessions)  # a picture is no visit watched
    await page.context.close()
