"""Frames of other origins: joined by the handshake of two snippets, or a blank that says whose they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, Frame, Page

from core.model import Site
from core.site_options import SiteOptions
from tests.building import built
from tests.e2e.fidelity.pages import FOLDER, Corpus
from tests.e2e.fidelity.table import PIXELS
from tests.e2e.fidelity.visit import AFTER_MS, PICTURE, VIEWPORT, Watcher, portrait_differences
from tests.e2e.scenarios.pages import Serve
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FILLED = "() => frameOf('own')?.querySelector('iframe')?.contentDocument?.querySelector('#word')"
FRAME_OF = f"""window.frameOf = (id) => document.querySelector('{PICTURE}')?.contentDocument
  ?.getElementById(id)?.contentDocument"""


@dataclass(frozen=True, slots=True)
class World:
    """A *shop* and its *pay* page on another origin, both of *site*; a *stranger* embeds and is embedded."""

    site: Site
    shop: str
    pay: str
    stranger: str

    def page(self, at: str, **frames: str) -> str:
        """Return the address of the page at the origin *at* with *frames* (own, other)."""
        return f"{at}/pages/joined.html?" + "&".join(f"{k}={v}" for k, v in frames.items())


async def world(stack: Stack, serve: Serve) -> World:
    """Serve the three origins; the snippet is in all pages, the stranger's too."""
    built(FOLDER / "build.mjs", FOLDER / "dist" / "probe.js")
    served = [Corpus(FOLDER) for _ in range(3)]
    shop, pay, stranger = [await serve(pages.app()) for pages in served]
    site = await stack.site(shop, pay, privacy="open")
    await stack.store.set_site_options(site.key, SiteOptions(frame_origins=(shop, pay)))
    for pages in served:
        pages.embed = stack.script_src(site)
    return World(site, shop, pay, stranger)


@asynccontextmanager
async def opened(browser: Browser, url: str) -> AsyncIterator[Page]:
    """Open *url* in a context of its own and wait until the page and its frames record."""
    context = await browser.new_context(viewport=VIEWPORT, locale="en-GB")
    try:
        page = await context.new_page()
        await page.goto(url)
        for frame in page.frames:
            await frame.wait_for_function("window.stolper?.running === true", timeout=60_000)
        yield page
    finally:
        await context.close()


def frame_at(page: Page, origin: str) -> Frame:
    """Return the frame of *page* from *origin*."""
    return next(frame for frame in page.frames[1:] if frame.url.startswith(origin))


async def told(stack: Stack, page: Page) -> list[dict[str, Any]]:
    """Return the links that have been stored of the session of *page*."""
    await page.evaluate("stolper('flush')")
    session = await page.evaluate("stolper('session')")
    return [event for event in await stack.events(session) if event["type"] == "frame"]


def linked(stack: Stack, page: Page) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    """Return a check that gives the links of *page* once there are any."""

    async def check() -> list[dict[str, Any]]:
        return await told(stack, page)

    return check


@pytest.mark.timeout(240)
async def test_a_frame_of_the_site_is_shown_in_its_page(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """
    The frame's own recording appears in the page's frame, at its time; a stranger's is a named blank.

    What passed between the windows is a hello and its answer, of ids alone; the stranger got nothing.
    """
    here = await world(server, serve)
    url = here.page(here.shop, own=here.pay, other=here.stranger)
    async with Watcher(browser, server) as watcher, opened(browser, url) as page:
        inner = frame_at(page, here.pay)
        links = await eventually(linked(server, page), within_s=40)
        await inner.evaluate(
            "word.className = 'on'; word.textContent = 'Changed'; scroller.scrollTop = 40"
        )
        await inner.evaluate(watcher.probe)
        await page.evaluate("document.getElementById('p').textContent = 'Changed outside'")
        for frame in (inner, page.main_frame):
            await frame.evaluate("stolper('flush')")  # the change is told, on a slow machine too
        await asyncio.sleep(0.5)
        portrait = json.loads(await inner.evaluate("portray(document)"))
        photo = await page.locator("#own").screenshot()
        await page.evaluate("stolper('track', 'moment', {name: 'end'})")
        said = [await frame.evaluate("said") for frame in (page.main_frame, inner)]
        strange = await frame_at(page, here.stranger).evaluate("said")
        ids = {
            name: await frame.evaluate("stolper('session')")
            for name, frame in (("page", page), ("frame", inner))
        }
        await inner.evaluate("stolper('flush')")
        await page.evaluate("stolper('flush')")

        assert [ids["frame"]] == [link["frame_session"] for link in links]
        assert here.pay == links[0]["origin"]
        hello = {
            "stolper": here.site.key,
            "session": ids["frame"],
            "page_load": links[0]["frame_load"],
        }
        answer = {"stolper": here.site.key, "page_load": links[0]["frame_load"]}
        assert hello in [one["data"] for one in said[0] if one["origin"] == here.pay]
        assert [answer] == [one["data"] for one in said[1]][:1]
        assert [] == strange

        replayed, copy, blank = await shown(watcher, ids["page"])

        assert [] == portrait_differences(portrait, replayed)
        assert PIXELS >= await watcher.difference(photo, copy)
        assert f"Frame of {here.stranger.removeprefix('http://')}, not recorded" == blank


async def shown(watcher: Watcher, session: str) -> tuple[dict[str, Any], bytes, str]:
    """Return the portrait and the photo of the joined frame at the end of *session*, and the blank's text."""
    events = await watcher.stack.events(session)
    end = next(event for event in events if event["type"] == "custom")
    async with watcher.stage_of(session, end) as page:
        await page.evaluate(
            "postMessage({type: 'words', blank: 'Frame of %(host)s, not recorded'}, location.origin)"
        )
        await page.evaluate(FRAME_OF)
        await watcher.seek(page, 1, end["ts"] + AFTER_MS, end["tab"])
        await page.wait_for_function(FILLED, timeout=30_000)
        portrait = await page.evaluate(
            "portray(frameOf('own').querySelector('iframe').contentDocument, location.href)"
        )
        await page.wait_for_function("() => frameOf('other')?.body?.textContent", timeout=30_000)
        blank = await page.evaluate("frameOf('other').body.textContent")
        photo = await page.frame_locator(PICTURE).locator("#own").screenshot()
        return json.loads(portrait), photo, str(blank)


@pytest.mark.timeout(120)
async def test_strangers_are_not_joined(browser: Browser, server: Stack, serve: Serve) -> None:
    """A page of an origin that is not listed hears nothing from a frame; a forged hello is not answered."""
    here = await world(server, serve)
    async with (
        opened(browser, here.page(here.stranger, own=here.pay)) as stranger,
        opened(browser, here.page(here.shop, own=here.stranger)) as shop,
    ):
        hello = {"stolper": here.site.key, "session": "a" * 36, "page_load": "b" * 22}
        await shop.frames[1].evaluate("hello => parent.postMessage(hello, '*')", hello)
        await shop.wait_for_function("said.length > 0")

        assert [] == await stranger.evaluate("said")
        assert [] == await shop.frames[1].evaluate("said")
        assert [] == await told(server, shop)
