"""The console without a mouse and without a picture: where the focus is after something closes, what is read out."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.building import built
from tests.console.focus import walk_to
from tests.console.support import ROOT, Running
from tests.console.test_browser import fill

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def opened(page: Page, console: Running, path: str = "/sessions/v0") -> None:
    """Open a session's page and wait for its picture."""
    await fill(console)
    await page.goto(console.url + path)
    await page.wait_for_selector("#stage-box[data-view=shown]")


async def pressed(page: Page, selector: str, key: str = "Enter") -> None:
    """Walk to *selector* by the Tab key, seeing each stop, and press it."""
    assert [] == await walk_to(page, page.locator(selector))
    await page.keyboard.press(key)


async def test_dialogs_keep_the_focus_and_give_it_back(page: Page, shown: Running) -> None:
    """While one is open the Tab key stays in it; closed by Esc, the focus is on what opened it."""
    await opened(page, shown)
    for opener, dialog in (
        ("#export", "#export-dialog"), ("#help", "#keys"), ("#note-add", "#note-dialog"),
    ):  # fmt: skip
        await pressed(page, opener)
        await expect(page.locator(dialog)).to_be_visible()
        places = set()
        for _ in range(25):
            inside = f"document.querySelector('{dialog}').contains(document.activeElement)"
            places.add(await page.evaluate(f"{inside} || document.activeElement === document.body"))
            await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")

        assert {True} == places
        await expect(page.locator(dialog)).to_be_hidden()
        await expect(page.locator(opener)).to_be_focused()


async def test_a_panel_gives_the_focus_back(page: Page, shown: Running) -> None:
    """Its opener has it again after Esc, also out of its filter, where the first Esc clears what was typed."""
    await opened(page, shown)
    await pressed(page, "#open-network", "Space")
    await expect(page.locator("#drawer-body")).to_be_focused()
    assert [] == await walk_to(page, page.locator("#drawer-search"), "Shift+Tab")
    await page.keyboard.type("pay")
    await page.keyboard.press("Escape")
    await expect(page.locator("#drawer-search")).to_have_value("")
    await expect(page.locator("#drawer")).to_be_visible()
    await page.keyboard.press("Escape")

    await expect(page.locator("#drawer")).to_be_hidden()
    await expect(page.locator("#open-network")).to_be_focused()


async def test_steps_are_read_out(page: Page, shown: Running) -> None:
    """To the next struggle or event by key: a sentence says which; a focus in the list of events goes along."""
    await opened(page, shown, "/sessions/v0?at=0")
    spoken = page.locator("#spoken")
    await page.keyboard.press("Shift+ArrowRight")
    await expect(spoken).to_have_text("Click on Pay at 0:00")
    await page.keyboard.press("Alt+ArrowRight")
    await expect(spoken).to_have_text("Rage click at 0:06")
    await page.keyboard.press("0")
    await page.keyboard.press("e")
    focused = page.locator(".event:focus")
    await expect(focused).to_contain_text("0:00/")
    for words in ("Click on Pay", "Script error", "Request failed with 500"):
        await page.keyboard.press("Shift+ArrowRight")
        await expect(focused).to_contain_text(words)


async def test_a_form_that_writes_a_rule_says_what_it_would_change(
    page: Page, shown: Running
) -> None:
    """In one sentence, when it is filled in: not the whole file with each letter."""
    await fill(shown)
    await page.goto(shown.url + "/rules/make?kind=rule")
    await pressed(page, "[name=selector]")
    await page.keyboard.type("#pay")
    await walk_to(page, page.locator("[name=title]"))
    await page.keyboard.type("Pay does nothing")
    await expect(page.locator("#proposal-preview [data-fits=yes]")).to_be_visible(timeout=15_000)
    await expect(page.locator("#spoken")).to_contain_text("gained", timeout=15_000)

    assert 0 == await page.locator("[aria-live] pre").count()


async def test_a_rule_begins_with_one_press(page: Page, shown: Running) -> None:
    """On the list of rules stand the templates, each saying what it is for; the editor opens on the one pressed."""
    built(
        ROOT / "console" / "editor" / "build.mjs",
        ROOT / "console" / "static" / "dist" / "editor.js",
    )
    await page.goto(shown.url + "/rules")
    begin = page.get_by_role("navigation", name="New rule")
    names = await begin.get_by_role("link").all_inner_texts()
    await walk_to(page, begin.get_by_role("link", name="Process : a way is not finished"))
    await page.keyboard.press("Enter")
    await expect(page.locator(".cm-content")).to_contain_text("processes:")

    assert 5 == len(names)
