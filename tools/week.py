"""
Fills a server with a week of visits to the demo shop, and with what the people behind the console make of them.

Owns what the pictures of the docs show; how they are taken is in screenshots.py. The visits are real ones, in a
browser; only the server's clock is set back for the earlier ones.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiohttp import web
from playwright.async_api import Page

from core.clock import SystemClock
from core.model import SessionQuery, Site
from stolper.app import Server
from stolper.demo.browsers import Browsers
from stolper.demo.faults import Faults
from stolper.demo.hands import Hands
from stolper.demo.journeys import JOURNEYS, Journey
from stolper.demo.shop import build_shop
from stolper.demo.visitors import Visitors

HOUR_MS = 3_600_000

WEEK: tuple[tuple[float, tuple[str, ...]], ...] = (
    (147, ("rage_clicker", "error_meeter", "browser")),
    (123, ("card_declined", "buyer")),
    (98, ("rage_clicker", "address_refused", "customer")),
    (75, ("coupon_hunter", "rage_clicker")),
    (50, ("error_meeter", "terms_overlooked", "browser")),
    (26, ("rage_clicker", "card_declined", "vain_searcher")),
    (4, ("error_meeter", "reloader", "locked_out")),
    (0, ("rage_clicker", "error_meeter", "card_declined", "buyer", "address_refused", "browser")),
)
"""Hours ago, and the journeys made then. Some come again and again, so that trends have a shape."""

MASKED = ("browser", "customer")
"""The journeys through the outlet, a second shop that masks as sites do unless they say otherwise."""


class PastClock:
    """The machine's clock, set back by *behind_ms*."""

    def __init__(self) -> None:
        self.behind_ms = 0

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return SystemClock().now_ms() - self.behind_ms


async def fill(server: Server, clock: PastClock, chromium: str, shop: str, outlet: str) -> None:
    """Make the visits of the week."""
    known = {one.name: one for one in JOURNEYS}
    here = Visitors(shop, chromium=chromium, log=print, seed=7, pace=0.35)
    there = Visitors(outlet, chromium=chromium, log=print, seed=3, pace=0.35)
    async with Browsers(chromium) as browsers:
        for hours, names in WEEK:
            clock.behind_ms = round(hours * HOUR_MS)
            await _two_at_a_time(browsers, here, [known[name] for name in names])
        await _two_at_a_time(browsers, there, [known[name] for name in MASKED])
    clock.behind_ms = 0
    for _ in range(1_200):
        found = await server.store.sessions(SessionQuery(limit=100))
        if all(one.ended_ms is not None and one.score is not None for one in found):
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the visits do not end")


async def _two_at_a_time(
    browsers: Browsers, visitors: Visitors, journeys: Sequence[Journey]
) -> None:
    waiting = list(journeys)
    while waiting:
        pair, waiting = waiting[:2], waiting[2:]
        await asyncio.gather(*(visitors.visit(browsers, one) for one in pair))


@asynccontextmanager
async def outlet_shop(server: Server) -> AsyncIterator[str]:
    """Serve the second shop, whose site masks texts, and yield its URL."""
    made = Site(
        key="soutlet",
        name="outlet",
        origins=(),
        mode="full",
        privacy="standard",
        idle_timeout_ms=60_000,
        created_ms=server.clock.now_ms(),
    )
    async with _shop(server, made) as url:
        await server.store.add_site(replace(made, origins=(url,)))
        yield url


@asynccontextmanager
async def _shop(server: Server, site: Site) -> AsyncIterator[str]:
    """Serve a shop with the script of *site*, and yield its URL."""
    script = f"{server.public_url}/s/{site.key}.js"
    runner = web.AppRunner(
        build_shop(script_src=lambda: script, faults=Faults.all()),
        access_log=None,
        shutdown_timeout=2,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def walking(chromium: str, shop: str) -> AsyncIterator[None]:
    """Let somebody be in the shop all the while: a session that runs."""
    async with Browsers(chromium) as browsers:
        context = await browsers.context(width=1280, height=800, locale="de-DE", touch=False)
        hands = Hands(await context.new_page(), shop, random.Random(5), pace=1, touch=False)
        await hands.go("/de/product/joch-48")
        going = asyncio.create_task(_wander(hands), name="somebody in the shop")
        try:
            yield
        finally:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            await context.close()


async def _wander(hands: Hands) -> None:
    while True:
        for slug in ("kar-28", "wetterstein", "joch-48"):
            await hands.read(5)
            await hands.press("#picture-next", times=2, gap_ms=900)
            await hands.go(f"/de/product/{slug}")


async def stranger(server: Server, chromium: str) -> Site:
    """Open pages that are none of the site's, and return the site: nothing of it arrives."""
    made = Site(
        key="swaiting",
        name="www.example.org",
        origins=("https://www.example.org",),
        mode="cookieless",
        privacy="standard",
        idle_timeout_ms=60_000,
        created_ms=server.clock.now_ms(),
    )
    await server.store.add_site(made)
    async with _shop(server, made) as url, Browsers(chromium) as browsers:
        context = await browsers.context(width=1280, height=800, locale="en-GB", touch=False)
        page = await context.new_page()
        await page.goto(f"{url}/en/")
        await page.mouse.click(200, 200)
        await page.wait_for_timeout(1_500)
        await page.goto("about:blank")
        await page.wait_for_timeout(500)
        await context.close()
    return made


async def work(page: Page, base: str, session: str, flag: str, keys: Sequence[str]) -> None:
    """
    Do as the owner, on the pages themselves, what people do with a week of visits.

    *keys* are those of struggles, the one that hurts most first.
    """
    first, second, third, *_ = keys
    await page.goto(f"{base}/struggles/{first}")
    await page.select_option(".triage-form [name=state]", "ongoing")
    await page.select_option(".triage-form [name=owner]", "owner")
    await page.fill(".triage-form [name=due]", _yesterday())
    await page.fill(
        ".triage-form [name=note]",
        "The handler is missing since the spring release. Handed over to the checkout team, who want"
        " to know whether phones are hit as well.",
    )
    await page.click(".triage-form button[name=reviewed]")
    await page.goto(f"{base}/struggles/{second}")
    await page.select_option(".triage-form [name=state]", "resolved")
    await page.click(".triage-form .button.primary")
    await page.goto(f"{base}/struggles/{third}")
    await page.select_option(".triage-form [name=state]", "ignored")
    await page.fill(".triage-form [name=reason]", "Known, and gone with the new payment page.")
    await page.click(".triage-form .button.primary")
    await page.goto(f"{base}/sessions?rule=rage_click&device=phone")
    await page.click(".segments summary")
    await page.fill(".segment-save [name=name]", "Phones that hammer")
    await page.click(".segment-save .button")
    await page.goto(f"{base}/alerts/new?kind=count")
    await page.select_option("[name=rule]", "rage_click")
    await page.fill("[name=page]", "/de/product/*")
    await page.check("[name=to] >> nth=0")
    await page.click(".form-row .button.primary")
    await page.goto(f"{base}/sessions/{session}?flag={flag}")
    await page.wait_for_selector('#stage-box[data-view="shown"]', timeout=20_000)
    await page.click("#note-add")
    await page.fill("#note-text", "Nothing happens here: the button has no handler.")
    await page.click("#note-save")
    await page.wait_for_selector(".a-note")


def _yesterday() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
