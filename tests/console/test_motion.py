"""Readers who asked for less motion: the player's pointer jumps, a picture that stands still does, the editor does not blink."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.building import built
from tests.console.conftest import sign_in
from tests.console.motion import moving, stages
from tests.console.support import ROOT, Running, Visit, element, rrweb_page, text_node

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SPIN = "@keyframes spin { to { rotate: 1turn } } h1 { animation: spin 2s linear infinite }"


def pointer(at: float, x: int) -> dict[str, Any]:
    """Return the rrweb event of a pointer that moves."""
    positions = [{"x": x, "y": 40, "id": 5, "timeOffset": 0}]
    return {"type": 3, "timestamp": at, "data": {"source": 1, "positions": positions}}


def press(at: float) -> dict[str, Any]:
    """Return the rrweb event of a press."""
    return {"type": 3, "timestamp": at, "data": {"source": 2, "type": 2, "id": 8, "x": 60, "y": 40}}


async def still(browser: Browser, console: Running) -> Page:
    """Return a page of an owner whose system asks for less motion."""
    page = await (await browser.new_context(reduced_motion="reduce")).new_page()
    await sign_in(page, console)
    return page


async def test_the_player_moves_nothing_of_its_own(browser: Browser, shown: Running) -> None:
    """While it plays the pointer jumps and draws no tail; when it pauses the recorded page's own animations stand."""
    style = element(6, "style", [text_node(7, SPIN)])
    body = [style, element(8, "h1", [text_node(9, "Hello")])]
    events = [*rrweb_page(children=body), *(pointer(500 + 50 * n, 10 * n) for n in range(60))]
    await Visit(shown.store, "v1").send(
        [{"t": 0, "type": "page"}, {"t": 9000, "type": "visibility", "state": "hidden"}],
        recording=[*events, press(3600), *(pointer(3700 + 50 * n, 10 * n) for n in range(90))],
    )
    page = await still(browser, shown)
    await page.goto(shown.url + "/sessions/v1?at=0")
    await page.wait_for_selector("#stage-box[data-view=shown]")
    await page.keyboard.press("k")
    mouse = page.frame_locator("#stage").locator(".replayer-mouse")
    await expect(mouse).to_be_visible(timeout=15_000)
    seen: list[str] = []
    for _ in range(8):
        seen += await moving(page)
        await asyncio.sleep(0.1)
    tail = page.frame_locator("#stage").locator(".replayer-mouse-tail")

    assert [] == seen
    assert 0 == await tail.count()
    await page.keyboard.press("k")
    await expect(page.locator("#play-text")).to_have_text("Play")
    [stage] = stages(page)
    recorded = [frame for frame in page.frames if frame.parent_frame == stage]
    states = [
        await one.evaluate("document.getAnimations().map((a) => a.playState)") for one in recorded
    ]

    assert [["paused"]] == [one for one in states if one]
    await page.context.close()


async def test_the_editor_does_not_blink(browser: Browser, shown: Running) -> None:
    """Not its cursor, and not the bar while it looks at the last days."""
    editor = ROOT / "console" / "editor" / "build.mjs"
    built(editor, ROOT / "console" / "static" / "dist" / "editor.js")
    page = await still(browser, shown)
    await page.goto(shown.url + "/rules/edit?start=count")
    await page.locator(".cm-content").click()
    await expect(page.locator(".cm-focused .cm-cursor").first).to_be_visible()

    assert [] == await moving(page)
    await page.context.close()
