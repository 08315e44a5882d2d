"""The player and what the server says: nothing, news, an address that ran out, a sign-in that ended."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.support import (
    Running,
    Visit,
    add_text,
    rrweb_page,
    scroll,
)
from tests.console.test_player import open_session, picture
from tests.e2e.support import eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("recording", "sentence"),
    [
        (None, "No picture of this page has arrived"),
        ([add_text(100, 20, "Lost"), scroll(200)], "No picture of this page has arrived"),
    ],
)
async def test_never_blank_without_a_word(
    page: Page, shown: Running, recording: Any, sentence: str
) -> None:
    """A session without a picture says so instead of showing an empty stage."""
    visit = Visit(shown.store, "blank")
    await visit.send([{"t": 0, "type": "page"}], recording=recording)
    await shown.store.end_session("blank", "left")
    await open_session(page, shown, "blank")
    await expect(page.locator("#stage-note")).to_contain_text(sentence)


async def test_a_stage_that_does_not_start(page: Page, shown: Running) -> None:
    """Where the stage's document does not come the page asks once more, and then says so."""
    visit = Visit(shown.store, "staged")
    await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page())
    await shown.store.end_session("staged", "left")
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=403, body="expired")

    await page.route(re.compile("/stage/[^/]+/$"), refuse)
    await open_session(page, shown, "staged")
    await expect(page.locator("#stage-note")).to_contain_text("did not start", timeout=15_000)

    assert len(asked) == 2


async def slowly(route: Route) -> None:
    """Let an answer come late."""
    await asyncio.sleep(0.8)
    await route.continue_()


async def test_running_session_grows(page: Page, shown: Running) -> None:
    """A running session is followed at its newest moment; its browser is asked to send often."""
    visit = Visit(shown.store, "live")
    await visit.send([{"t": 0, "type": "page"}])
    await open_session(page, shown, "live")
    await expect(page.locator("#stage-note")).to_contain_text("as soon as the browser has sent it")
    await expect(page.locator("#live")).to_have_attribute("aria-pressed", "true")
    for _ in range(50):
        if shown.live.watched("live"):
            break
        await page.wait_for_timeout(50)

    assert shown.live.watched("live")
    shown.live.batch_stored(await visit.send([], recording=[*rrweb_page("Now"), scroll(1000)]))
    await expect(picture(page).locator("h1")).to_have_text("Now")
    click = {"t": 3000, "type": "click", "target": {"key": "x", "label": "X"}}
    shown.live.batch_stored(await visit.send([click], recording=[add_text(3000, 20, "New")]))
    await expect(picture(page).locator("p")).to_have_text("New")
    await expect(page.locator("#events button")).to_have_count(2)
    await page.route("**/loads/*from_seq*", slowly)  # news comes faster than it can be fetched
    for number in (4, 5):
        shown.live.batch_stored(
            await visit.send([], recording=[add_text(number * 1_000, number * 10, f"{number}")])
        )
        await page.wait_for_timeout(400)
    await expect(picture(page).locator("p")).to_have_text(["New", "4", "5"])
    await page.wait_for_timeout(900)
    await expect(picture(page).locator("p")).to_have_text(["New", "4", "5"])
    await expect(page.locator("#complete")).to_be_visible()
    await page.keyboard.press("Space")
    await expect(page.locator("#live")).to_have_attribute("aria-pressed", "false")
    for _ in range(50):
        if not shown.live.watched("live"):
            break
        await page.wait_for_timeout(50)

    assert not shown.live.watched("live")
    ended = await shown.store.end_session("live", "left")
    assert ended
    shown.live.session_ended(ended)
    await expect(page.locator("#running")).to_be_hidden()


async def test_a_lost_stream_is_found_again(page: Page, shown: Running) -> None:
    """After an answer that is no stream, as of a proxy whose server restarts, the session is followed again."""
    visit = Visit(shown.store, "lost")
    await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page("Now"))

    async def broken(route: Route) -> None:
        await route.fulfill(status=502, body="bad gateway")

    await page.route("**/live?*", broken, times=1)
    await open_session(page, shown, "lost")
    await expect(picture(page).locator("h1")).to_have_text("Now")
    await visit.send([], recording=[add_text(3_000, 20, "Missed")])

    await expect(picture(page).locator("p")).to_have_text("Missed", timeout=12_000)
    await eventually(lambda: asyncio.sleep(0, shown.live.watched("lost")), within_s=12)


async def test_token_runs_out(page: Page, shown: Running) -> None:
    """When the stage's token has expired, the page gets a new one and the picture comes."""
    visit = Visit(shown.store, "long")
    await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page("One"))
    await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page("Two"), load="load-2", origin=60_000)  # fmt: skip
    await shown.store.end_session("long", "left")
    await open_session(page, shown, "long")
    await expect(picture(page).locator("h1")).to_have_text("One")
    shown.clock.now += 3_600_000
    await page.keyboard.press("9")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(picture(page).locator("h1")).to_have_text("Two")


async def test_signed_out_while_it_plays(page: Page, shown: Running) -> None:
    """
    Where the sign-in ends during a replay it stands still, says so once, and goes on after a new one.

    Without a word a player would ask again at each frame, as OneUptime's did (its issue 3615).
    """
    visit = Visit(shown.store, "out")
    await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page("One"))
    await visit.send([{"t": 0, "type": "page"}], recording=[*rrweb_page("Two"), scroll(900)], load="load-2", origin=7_000)  # fmt: skip
    await shown.store.end_session("out", "left")
    await open_session(page, shown, "out")
    await expect(picture(page).locator("h1")).to_have_text("One")
    cookies = await page.context.cookies()
    await page.context.clear_cookies()
    shown.clock.now += 3_600_000
    refused: list[str] = []
    page.on("response", lambda one: refused.append(one.url) if one.status in (401, 403) else None)
    await page.keyboard.press("i")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Space")
    await expect(page.locator("#stage-note")).to_contain_text("You are signed out")
    await expect(page.locator("#play-text")).to_have_text("Play")
    count = len(refused)
    await page.wait_for_timeout(1_000)

    assert count == len(refused) <= 6
    shown.clock.now -= 3_600_000
    await page.context.add_cookies(cookies)  # type: ignore[arg-type] -- as they were told
    await page.keyboard.press("9")
    await expect(picture(page).locator("h1")).to_have_text("Two")
    await expect(page.locator("#stage-note")).to_be_hidden()
