"""Scripted visitors who go through the demo shop, one after another, until cancelled.

Owns the browser, the visits and their order. What a visitor does is in journeys.py.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from .hands import Hands, NotThere
from .journeys import JOURNEYS, PEOPLE, PEOPLE_REFUSED, Journey, Person

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # They stand for people, and what marks robots would leave them out of the console.
    "--disable-blink-features=AutomationControlled",
)
_SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
)
_SIZES = ((1440, 900), (1366, 768), (1280, 800))
_PHONES = ((360, 740), (390, 844), (412, 915))

# One visit takes 1 to 3 s of CPU in 15 to 50 s; with these pauses the visitors stay well
# below a third of a core.
_PAUSE_S = (4.0, 12.0)
_OPENING = 5
_LONGEST_VISIT_S = 150
_AFTER_FAILURE_S = 20


class Visitors:
    """
    The visitors of the shop at *shop_url*.

    *chromium* is the browser's path; without it, it is looked for. *log* gets a line for
    people when visits cannot take place. *seed* makes the choice of visits repeatable,
    *pace* below 1 hurries them (for tests).
    """

    def __init__(
        self,
        shop_url: str,
        *,
        chromium: str | None,
        log: Callable[[str], None],
        seed: int | None = None,
        pace: float = 1.0,
        journeys: Sequence[Journey] = JOURNEYS,
    ) -> None:
        self._url = shop_url.rstrip("/")
        self._chromium = chromium or next(filter(None, map(shutil.which, _NAMES)), None)
        self._log = log
        self._rng = random.Random(seed)
        self._pace = pace
        self._journeys = journeys
        self.ended: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    async def run(self) -> None:
        """Visit until cancelled. Without a browser, say so and return."""
        if self._chromium is None or not os.access(self._chromium, os.X_OK):
            self._log(
                "  no visitors: Chromium is missing (Debian: apt-get install chromium). "
                "The shop works without them."
            )
            return
        while True:
            try:
                async with self._browser() as browser:
                    await self._visit_on(browser)
            except Error as error:
                self._log(f"  visitors: the browser failed ({_first_line(error)}), trying again")
            await asyncio.sleep(_AFTER_FAILURE_S * self._pace)

    async def visit(self, browser: Browser, journey: Journey) -> None:
        """Make one visit, from a new browser profile to leaving. Its failure is counted."""
        try:
            async with asyncio.timeout(_LONGEST_VISIT_S):
                await self._one(browser, journey)
        except (Error, NotThere, TimeoutError) as error:
            self.failed[journey.name] += 1
            if not browser.is_connected():
                raise
            self._log(f"  visitors: {journey.name} broke off: {_first_line(error)}")
        else:
            self.ended[journey.name] += 1

    @asynccontextmanager
    async def _browser(self) -> AsyncIterator[Browser]:
        """Start a browser; whatever ends this ends it, too."""
        async with async_playwright() as playwright:
            browser = await self._launch(playwright)
            try:
                yield browser
            finally:
                with suppress(Error):  # it may be gone already
                    await browser.close()

    async def _launch(self, playwright: Playwright) -> Browser:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        return await playwright.chromium.launch(
            executable_path=self._chromium,
            args=[*_FLAGS, *(["--no-sandbox"] if root else [])],  # refuses to run as root else
            # Ctrl-C is for the server, which then ends us in order.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    async def _visit_on(self, browser: Browser) -> None:
        """Let all kinds of visits come, the first struggle at once, while the browser lives."""
        opening = self._journeys[:_OPENING]
        await self.visit(browser, opening[0])
        # Two at a time for the first minute only, so that a new console soon has something.
        await asyncio.gather(
            self._in_turn(browser, opening[1::2]), self._in_turn(browser, opening[2::2])
        )
        while browser.is_connected():
            for journey in self._deck():
                await asyncio.sleep(self._rng.uniform(*_PAUSE_S) * self._pace)
                await self.visit(browser, journey)

    async def _in_turn(self, browser: Browser, journeys: Sequence[Journey]) -> None:
        for journey in journeys:
            await self.visit(browser, journey)

    def _deck(self) -> list[Journey]:
        """Return the next visits: every journey as often as it says, shuffled."""
        deck = [journey for journey in self._journeys for _ in range(journey.often)]
        self._rng.shuffle(deck)
        return deck

    async def _one(self, browser: Browser, journey: Journey) -> None:
        touch = not journey.desktop_only and self._rng.random() < 0.35
        person = self._person(journey)
        context = await self._context(browser, person, touch)
        try:
            page = await context.new_page()
            hands = Hands(page, self._url, self._rng, pace=self._pace, touch=touch)
            await journey.visit(hands, person)
            # Leaves the shop as people do, so that the page can send what it has left.
            await page.goto("about:blank")
            await hands.wait(0.5)
        finally:
            with suppress(Error):
                await context.close()

    def _person(self, journey: Journey) -> Person:
        people = PEOPLE_REFUSED if journey.refused_postcode else PEOPLE
        return Person(self._rng.choice(("de", "de", "en")), *self._rng.choice(people))

    async def _context(self, browser: Browser, person: Person, touch: bool) -> BrowserContext:
        width, height = self._rng.choice(_PHONES if touch else _SIZES)
        return await browser.new_context(
            viewport={"width": width, "height": height},
            locale="de-DE" if person.lang == "de" else "en-GB",
            timezone_id="Europe/Berlin",
            user_agent=self._user_agent(browser.version, touch),
            is_mobile=touch,
            has_touch=touch,
            device_scale_factor=1,
        )

    def _user_agent(self, version: str, touch: bool) -> str:
        """Return the name an ordinary Chrome of this version gives itself."""
        system = "Linux; Android 10; K" if touch else self._rng.choice(_SYSTEMS)
        mobile = " Mobile" if touch else ""
        major = version.split(".")[0]
        return (
            f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{major}.0.0.0{mobile} Safari/537.36"
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
