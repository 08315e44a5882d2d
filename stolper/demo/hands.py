"""A scripted visitor's hands and eyes: presses, typing, reading, at the pace of a person.

Knows the browser, not the shop. Presses are real ones: mouse moves and buttons, or taps.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.async_api import ElementHandle, Error, Locator, Page
from playwright.async_api import TimeoutError as TooLate

_PATIENCE_MS = 8000
_NEXT_PAGE_MS = 15000
_HURRY = 0.2  # below this pace nobody watches: fields are typed at one go
_LEAST_STAY_S = 0.8  # an answer of the server takes its time at any pace


class NotThere(Exception):
    """The visitor looked for something that the page does not show."""


class Hands:
    """
    One visitor at one page.

    *pace* stretches waiting (1 is a person, 0.05 a test). Gaps within a burst of presses
    keep their proportion, but never fall below 25 ms.
    """

    def __init__(self, page: Page, base: str, rng: random.Random, *, pace: float, touch: bool):
        self.page = page
        self.rng = rng
        self._base = base
        self._pace = pace
        self._touch = touch
        self._at = (rng.uniform(200, 340), rng.uniform(200, 400))

    async def go(self, path: str) -> None:
        """Open *path* of the shop, as if from an address or a link elsewhere."""
        await self.page.goto(f"{self._base}{path}", wait_until="load", timeout=_NEXT_PAGE_MS)
        await self.wait(0.6, 1.2)

    async def wait(self, least_s: float, most_s: float | None = None) -> None:
        span = self.rng.uniform(least_s, most_s if most_s is not None else least_s)
        await asyncio.sleep(span * self._pace)

    async def stays(self, part: str, seconds: float) -> bool:
        """Wait *seconds* and tell whether the page, whose path holds *part*, is still there."""
        patience_s = max(seconds * self._pace, _LEAST_STAY_S)
        try:
            await self.page.wait_for_url(lambda url: part not in url, timeout=patience_s * 1000)
        except TooLate:
            return True
        return False

    async def read(self, seconds: float = 2.5) -> None:
        """Look at the page for about *seconds*, moving a little and scrolling once."""
        await self.wait(seconds * 0.4, seconds * 0.6)
        if self.rng.random() < 0.6:
            await self.scroll(self.rng.randint(120, 420))
        await self.wait(seconds * 0.4, seconds * 0.6)

    async def scroll(self, down: int) -> None:
        """Scroll by *down* pixels in a few turns of the wheel."""
        for _ in range(3):
            await self.page.mouse.wheel(0, down / 3)
            await self.wait(0.08, 0.18)

    async def press(self, selector: str, times: int = 1, gap_ms: float = 160) -> None:
        """Press the first match of *selector*; several times with about *gap_ms* in between."""
        x, y = await self._point(self.page.locator(selector).first)
        await self._move(x, y)
        for number in range(times):
            if number:
                gap = gap_ms * self.rng.uniform(0.85, 1.15) * max(self._pace, 0.1)
                await asyncio.sleep(max(gap, 25) / 1000)
            await self._press_at(x + self.rng.uniform(-2, 2), y + self.rng.uniform(-2, 2))

    async def follow(self, selector: str) -> None:
        """Press something that leads to another page, and wait for that page."""
        async with self.page.expect_navigation(wait_until="load", timeout=_NEXT_PAGE_MS):
            await self.press(selector)
        await self.wait(0.7, 1.4)

    async def type(self, selector: str, text: str, *, wondering_s: float = 0) -> None:
        """Put the cursor in a field, empty it and, after *wondering_s*, type *text*."""
        field = self.page.locator(selector).first
        await self.press(selector)
        await self.wait(wondering_s)
        await field.press("ControlOrMeta+a")
        for letter in text if self._pace > _HURRY else (text,):
            await self.page.keyboard.type(letter)
            await self.wait(0.05, 0.14)
        await self.wait(0.2, 0.5)

    async def choose_date(self, selector: str, day: str) -> None:
        """Choose *day* (YYYY-MM-DD) in a date field, as its calendar does."""
        field = self.page.locator(selector).first
        await self.press(selector)
        await field.fill(day)
        await self.page.keyboard.press("Escape")  # the calendar, where it came up
        await self.wait(0.2, 0.5)

    async def enter(self) -> None:
        """Press Enter and wait for the page it leads to."""
        async with self.page.expect_navigation(wait_until="load", timeout=_NEXT_PAGE_MS):
            await self.page.keyboard.press("Enter")
        await self.wait(0.7, 1.4)

    async def back(self) -> None:
        await self.page.go_back(wait_until="load", timeout=_NEXT_PAGE_MS)
        await self.wait(0.5, 1.0)

    async def reload(self) -> None:
        await self.page.reload(wait_until="load", timeout=_NEXT_PAGE_MS)
        await self.wait(0.5, 1.0)

    async def select_text(self, selector: str) -> None:
        """Mark the text of an element, by dragging or with a triple click."""
        box = await self._box(self.page.locator(selector).first)
        left, top, width, height = box
        if self.rng.random() < 0.5 or self._touch:
            await self.page.mouse.click(left + 40, top + height / 2, click_count=3, delay=60)
            return
        await self._move(left + 4, top + 8)
        await self.page.mouse.down()
        await self.page.mouse.move(left + width * 0.8, top + 8, steps=8)
        await self.page.mouse.up()

    async def _point(self, locator: Locator) -> tuple[float, float]:
        """Return where a person would press: not quite the middle."""
        left, top, width, height = await self._box(locator)
        across = min(width * self.rng.uniform(0.35, 0.65), width - 2)
        return left + across, top + height * self.rng.uniform(0.35, 0.65)

    async def _box(self, locator: Locator) -> tuple[float, float, float, float]:
        with _looking_for(locator):
            handle = await locator.element_handle(timeout=_PATIENCE_MS * max(self._pace, 0.3))
            await handle.scroll_into_view_if_needed(timeout=_PATIENCE_MS)
            return await _place(handle)

    async def _move(self, x: float, y: float) -> None:
        if self._touch:
            return
        from_x, from_y = self._at
        steps = max(2, round(9 * min(self._pace, 1)))
        for step in range(1, steps + 1):
            # Slow at both ends, with the small sideways error of a hand.
            part = step / steps
            part = part * part * (3 - 2 * part)
            drift = (1 - part) * self.rng.uniform(-4, 4)
            await self.page.mouse.move(
                from_x + (x - from_x) * part + drift, from_y + (y - from_y) * part + drift
            )
            await self.wait(0.015, 0.035)
        self._at = (x, y)
        await self.wait(0.08, 0.2)

    async def _press_at(self, x: float, y: float) -> None:
        if self._touch:
            await self.page.touchscreen.tap(x, y)
            return
        await self.page.mouse.move(x, y)
        await self.page.mouse.down()
        await self.wait(0.03, 0.07)
        await self.page.mouse.up()


async def _place(handle: ElementHandle) -> tuple[float, float, float, float]:
    box = await handle.bounding_box()
    if box is None:
        raise Error("it is not visible")
    return box["x"], box["y"], box["width"], box["height"]


@contextmanager
def _looking_for(locator: Locator) -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise NotThere(f"{locator}: {error.message.splitlines()[0]}") from error
