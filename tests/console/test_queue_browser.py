"""An analyst works the queue in Chromium, with the keyboard: choose, ignore with a reason, look, go back."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.console.support import Running, Visit, rrweb_page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_an_analyst_works_the_queue(page: Page, shown: Running) -> None:
    """Two are ticked and ignored at once; one is opened at its moment, and the way back is the struggle."""
    for number, label in enumerate(("Pay", "Buy", "Send")):
        for visit in range(3 - number):
            one = Visit(shown.store, f"v{number}{visit}")
            await one.send([{"t": 0, "type": "page"}], recording=rrweb_page())
            await one.flag(label=label, at=9_000)
    await page.goto(shown.url + "/struggles")
    boxes = page.get_by_role("checkbox", name="Choose: ")
    bulk = page.get_by_role("group", name="Change the struggles that are chosen")
    await expect(boxes).to_have_count(3)
    await expect(bulk).to_be_hidden()
    await boxes.nth(1).focus()
    await page.keyboard.press("Space")
    await boxes.nth(2).focus()
    await page.keyboard.press("Space")
    await expect(bulk).to_contain_text("2 chosen")
    await expect(page.get_by_label("Choose all on this page")).not_to_be_checked()
    await bulk.get_by_label("State").select_option("ignored")
    await bulk.get_by_role("button", name="Change").click()  # refused: it asks for a reason
    reason = bulk.get_by_label("Why is it ignored?")
    await expect(reason).to_be_focused()
    findings = [one["id"] for one in (await Axe().run(page)).response["violations"]]
    await reason.fill("toys")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("2 struggles were changed.")
    await expect(boxes).to_have_count(1)
    await page.get_by_role("link", name="Rage click: Pay", exact=True).click()
    await page.get_by_role("link", name="Watch an example").click()
    await page.wait_for_url("**/sessions/v0*?flag=*list=struggle*")
    await page.get_by_role("link", name="Struggle", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Rage click: Pay")

    assert [] == findings
    assert ["toys", "toys"] == [
        (await shown.store.triage(one.key)).reason
        for one in await shown.store.struggles()
        if (one.target or {})["label"] != "Pay"
    ]
