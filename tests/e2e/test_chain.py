"""The whole chain: a press in Chromium becomes a stored event, a flag, an answer of the API, a replay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from collector.identity import key_name, sign
from core.model import Site
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BODY = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Shop</title>
{script}</head><body><main><h1>Basket</h1>
<button id=dead>Order now</button> <button id=works>Show more</button><p id=out></p>
<a href="/two">Next page</a></main>
<script>document.getElementById('works').onclick=()=>{{document.getElementById('out').textContent+='more '}}</script>
</body></html>"""


class TwoPages:
    """The pages, whatever their path; *script* is the line that embeds the snippet."""

    def __init__(self) -> None:
        self.script = ""
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._page)

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=BODY.format(script=self.script), content_type="text/html")


class Shop:
    """A two-page site that embeds the snippet."""

    def __init__(self, stack: Stack, origin: str, site: Site) -> None:
        self.stack = stack
        self.origin = origin
        self.site = site

    async def open(self, browser: Browser, path: str = "/") -> Page:
        """Open *path* in a context of its own and wait until the recorder runs."""
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(self.origin + path)
        await recording(page)
        return page


async def recording(page: Page) -> str:
    """Wait until the recorder runs and what it has was acknowledged; return the session's id."""
    await page.wait_for_function("typeof window.stolper?.('session') === 'string'")
    await page.evaluate("window.stolper('flush')")
    return str(await page.evaluate("window.stolper('session')"))


@pytest_asyncio.fixture(loop_scope="module")
async def shop(server: Stack, serve: Serve) -> AsyncIterator[Shop]:
    """The two-page site, added to a running server."""
    pages = TwoPages()
    origin = await serve(pages.app)
    site = await server.site(origin, name="shop", privacy="standard")
    pages.script = server.script(site)
    yield Shop(server, origin, site)


async def rage(page: Page) -> None:
    """Press the dead button five times in anger."""
    box = await page.locator("#dead").bounding_box()
    assert box
    for _ in range(5):
        await page.mouse.click(box["x"] + 20, box["y"] + box["height"] / 2)
        await page.wait_for_timeout(120)


async def test_a_visit_is_listed_once_its_first_batch_is_in(browser: Browser, shop: Shop) -> None:
    """The API lists a session as soon as the page's first batch was acknowledged."""
    page = await shop.open(browser)
    session = await recording(page)

    async def listed() -> list[dict[str, object]]:
        body = await shop.stack.api("/sessions?site=shop&limit=5")
        return [row for row in body["sessions"] if row["id"] == session]

    (row,) = await eventually(listed, within_s=1)

    assert (row["site"], row["ended"], row["pages"], row["complete"]) == ("shop", False, 1, True)
    assert row["score"] is None
    await page.context.close()


async def test_rage_on_a_dead_button_is_flagged(browser: Browser, shop: Shop) -> None:
    """Five presses on a dead button raise rage_click, with evidence that the events hold."""
    page = await shop.open(browser)
    session = await recording(page)
    await rage(page)
    await page.wait_for_timeout(2600)  # the outcome window of the last press
    await page.evaluate("window.stolper('flush')")

    async def found() -> list[dict[str, object]]:
        flags = await shop.stack.flags(session)
        return [flag for flag in flags if flag["rule"] == "rage_click"]

    (flag,) = await eventually(found, within_s=2)
    events = await shop.stack.events(session)
    clicks = [f"{e['page_load']}:{e['i']}" for e in events if e["type"] == "click"]

    assert {"dead_click"}.isdisjoint(f["rule"] for f in await shop.stack.flags(session))
    assert flag["provisional"] is True
    assert flag["target"]["label"] == "Order now"  # type: ignore[index] -- JSON
    assert {e["event"] for e in flag["evidence"]} <= set(clicks)  # type: ignore[attr-defined] -- JSON
    await shop.stack.end(session)

    async def final() -> bool:
        return all(not f["provisional"] for f in await shop.stack.flags(session))

    assert await eventually(final, within_s=2)
    await page.close()  # the farewell comes after the end: it opens nothing again

    async def farewell() -> bool:
        return any(e["type"] == "leave" for e in await shop.stack.events(session))

    await eventually(farewell, within_s=3)
    await shop.stack.server.detector.drain()

    assert (await shop.stack.api(f"/sessions/{session}"))["session"]["ended"] is True
    assert [("rage_click", False)] == [
        (f["rule"], f["provisional"]) for f in await shop.stack.flags(session)
    ]
    await page.context.close()


async def test_presses_that_are_answered_raise_nothing(browser: Browser, shop: Shop) -> None:
    """Five quick presses on a button that works are no struggle."""
    page = await shop.open(browser)
    session = await recording(page)
    for _ in range(5):
        await page.click("#works", delay=20)
        await page.wait_for_timeout(120)
    await page.wait_for_timeout(2600)
    await page.evaluate("window.stolper('flush')")
    await shop.stack.end(session)
    await shop.stack.server.detector.drain()

    assert [] == await shop.stack.flags(session)
    assert 5 == sum(e["type"] == "click" for e in await shop.stack.events(session))
    await page.context.close()


async def test_a_session_goes_on_over_pages_and_ends_when_told(
    browser: Browser, shop: Shop
) -> None:
    """In mode full a second page belongs to the same session; stolper('new') begins another."""
    page = await shop.open(browser)
    first = await recording(page)
    await page.click("text=Next page")
    await page.wait_for_url("**/two")
    second = await recording(page)
    await page.evaluate("window.stolper('new')")
    await page.evaluate("window.stolper('flush')")
    third = str(await page.evaluate("window.stolper('session')"))

    async def both_stored() -> bool:
        rows = (await shop.stack.api("/sessions?limit=10"))["sessions"]
        return {first, third} <= {row["id"] for row in rows}

    assert await eventually(both_stored, within_s=3)
    recorded = await shop.stack.api(f"/sessions/{first}/recording")

    assert first == second != third
    assert 2 == len({load["page_load"] for load in recorded})
    assert all(any(event["type"] == 2 for event in load["events"]) for load in recorded)
    await page.context.close()


async def test_track_and_identify_reach_the_session(browser: Browser, shop: Shop) -> None:
    """What the site reports is an event of type custom; identify names the visitor, unverified."""
    page = await shop.open(browser)
    session = await recording(page)
    await page.evaluate("window.stolper('identify', 'customer-7')")
    await page.evaluate("window.stolper('track', 'coupon', {ok: false})")
    await page.evaluate("window.stolper('flush')")

    async def custom() -> list[dict[str, object]]:
        return [e for e in await shop.stack.events(session) if e["type"] == "custom"]

    (event,) = await eventually(custom, within_s=2)
    stored = await shop.stack.store.session(session)

    assert ("coupon", {"ok": False}) == (event["name"], event["props"])
    assert stored is not None
    assert stored.identity is not None
    assert ("customer-7", False) == (stored.identity["id"], stored.identity["verified"])
    await page.context.close()


async def test_a_signed_name_joins_the_earlier_visits_of_its_browser(
    browser: Browser, shop: Shop
) -> None:
    """Two visits without a name, then one that the site's server signs: all three are the customer's."""
    page = await shop.open(browser)
    visits = [await recording(page)]
    for _ in range(2):
        await page.evaluate("window.stolper('new')")
        await page.mouse.click(20, 20)
        visits.append(await recording(page))
    store = shop.stack.store
    signature = sign(await store.server_key(key_name(shop.site.key)), "customer-8")
    await page.evaluate("window.stolper('flush')")  # so that nothing else is there to be sent
    await page.evaluate("(s) => window.stolper('identify', 'customer-8', {}, s)", signature)

    async def joined() -> list[str]:
        return [one.id for one in await store.customer_sessions("customer-8", limit=9)]

    await eventually(joined, within_s=5)
    customer = await store.customer("customer-8")

    assert customer is not None
    assert customer.verified
    assert 3 == len(set(visits))
    assert set(visits) == set(await joined())
    await page.context.close()


async def test_a_session_ends_after_its_idle_timeout(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """With an idle timeout of one second the session ends by itself, and its flags are final."""
    pages = TwoPages()
    origin = await serve(pages.app)
    site = await server.site(origin, idle_timeout_ms=1_000)
    pages.script = server.script(site)
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(origin)
    session = await recording(page)
    await context.close()

    async def ended() -> bool:
        return bool((await server.api(f"/sessions/{session}"))["session"]["ended"])

    assert await eventually(ended, within_s=5)


async def test_the_same_flags_after_a_restart(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    """A server that comes back judges the open session again and raises the same flags, once."""
    pages = TwoPages()
    origin = await serve(pages.app)
    first = Stack(tmp_path / "kept")
    await first.start()
    site = await first.site(origin)
    pages.script = first.script(site)
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(origin)
    session = await recording(page)
    await rage(page)
    await page.wait_for_timeout(2600)
    await page.evaluate("window.stolper('flush')")
    await first.server.detector.drain()
    before = await first.flags(session)
    await first.stop()
    second = Stack(tmp_path / "kept")
    await second.start()
    await second.server.detector.drain()
    after = await second.flags(session)
    await second.stop()
    await context.close()

    assert ["rage_click"] == [flag["rule"] for flag in before]
    assert before == after


async def test_the_console_plays_the_flagged_moment(browser: Browser, shop: Shop) -> None:
    """Signed in with the printed password, a person opens the session and sees the recorded page."""
    visitor = await shop.open(browser)
    session = await recording(visitor)
    await rage(visitor)
    await visitor.wait_for_timeout(2600)
    await visitor.evaluate("window.stolper('flush')")
    await shop.stack.server.detector.drain()
    await visitor.context.close()
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(shop.stack.console_url)
    await page.fill("input[name=password]", shop.stack.server.owner_password or "")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url("**/overview*")
    await page.goto(f"{shop.stack.console_url}/sessions/{session}")
    await page.wait_for_selector("iframe")

    async def shown() -> bool:
        for frame in page.frames:
            if await frame.locator("h1", has_text="Basket").count():
                return True
        return False

    assert await eventually(shown, within_s=10)
    assert await page.get_by_text("Rage click").count()
    assert [] == errors
    await context.close()
