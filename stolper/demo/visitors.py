"""Scripted visitors who go through the demo shop, one after another, until cancelled.

Owns the visits and their order. What a visitor does is in journeys.py.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from playwright.async_api import Error

from stolper.chromium import find_chromium

from .browsers import Browsers
from .hands import Hands, NotThere
from .journeys import JOURNEYS, PEOPLE, PEOPLE_REFUSED, Journey, Person

_SIZES = ((1440, 900), (1366, 768), (1280, 800))
_PHONES = ((360, 740), (390, 844), (412, 915))

# One visit takes 1 to 3 s of CPU in 15 to 50 s; with these pauses the visitors stay well
# below a third of a core.
_PAUSE_S = (4.0, 12.0)
_OPENING = 5
_LONGEST_VISIT_S = 150
_FAILURES_IN_A_ROW = 3  # then the browser is to blame and is started anew
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
        self._chromium = chromium or find_chromium()
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
                async with Browsers(self._chromium) as browsers:
                    await self._visit_on(browsers)
            except Error as error:
                self._log(f"  visitors: the browser failed ({_first_line(error)}), trying again")
            await asyncio.sleep(_AFTER_FAILURE_S * self._pace)

    async def visit(self, browsers: Browsers, journey: Journey) -> bool:
        """
        Make one visit, from a new browser profile to leaving.

        Return whether it came to its end. A failure is counted and told.
        """
        try:
            async with asyncio.timeout(_LONGEST_VISIT_S):
                await self._one(browsers, journey)
        except (Error, NotThere, TimeoutError) as error:
            self.failed[journey.name] += 1
            self._log(f"  visitors: {journey.name} broke off: {_first_line(error)}")
            return False
        self.ended[journey.name] += 1
        return True

    async def _visit_on(self, browsers: Browsers) -> None:
        """Let all kinds of visits come, the first struggle at once, until too many fail in a row."""
        opening = self._journeys[:_OPENING]
        await self.visit(browsers, opening[0])
        # Two at a time for the first minute only, so that a new console soon has something.
        await asyncio.gather(
            self._in_turn(browsers, opening[1::2]), self._in_turn(browsers, opening[2::2])
        )
        failures = 0
        while failures < _FAILURES_IN_A_ROW:
            for journey in self._deck():
                await asyncio.sleep(self._rng.uniform(*_PAUSE_S) * self._pace)
                failures = 0 if await self.visit(browsers, journey) else failures + 1
                if failures >= _FAILURES_IN_A_ROW:
                    break

    async def _in_turn(self, browsers: Browsers, journeys: Sequence[Journey]) -> None:
        for journey in journeys:
            await self.visit(browsers, journey)

    def _deck(self) -> list[Journey]:
        """Return the next visits: every journey as often as it says, shuffled."""
        deck = [journey for journey in self._journeys for _ in range(journey.often)]
        self._rng.shuffle(deck)
        return deck

    async def _one(self, browsers: Browsers, journey: Journey) -> None:
        touch = not journey.desktop_only and self._rng.random() < 0.35
        person = self._person(journey)
        width, height = self._rng.choice(_PHONES if touch else _SIZES)
        locale = "de-DE" if person.lang == "de" else "en-GB"
        context = await browsers.context(width=width, height=height, locale=locale, touch=touch)
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


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
