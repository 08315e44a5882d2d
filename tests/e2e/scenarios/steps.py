"""
What a visitor does in a page: presses, drags, keys, wheel, waits.

Steps are data; `do` carries one out with the trusted input of a real browser. What it
ought to lead to is the matter of situations.py.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from playwright.async_api import Locator, Page

# How far from its left edge an element is pressed at most: a wide block is pressed on its text.
PRESS_INSET_PX = 40
SHOWN_WITHIN_MS = 20_000  # for machines that run other tests beside this one


# The browser takes an input of ours within milliseconds, unless the machine starves it.
PROMPT_MS = 400
_limit_ms: ContextVar[float] = ContextVar("limit_ms", default=PROMPT_MS)


class Starved(Exception):
    """The machine was too busy for the page: what it did says nothing about the site."""


class Step(Protocol):
    """One thing a visitor does."""

    async def do(self, page: Page) -> None:
        """Carry it out in *page*."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Within this, an input may take its time: what is compared does not depend on it."""
    token = _limit_ms.set(math.inf)
    try:
        yield
    finally:
        _limit_ms.reset(token)


async def prompt(given: Awaitable[None]) -> None:
    """Wait until the page has taken the input *given*. Raise Starved if that took too long."""
    start = asyncio.get_running_loop().time()
    await given
    took_ms = (asyncio.get_running_loop().time() - start) * 1000
    if took_ms > _limit_ms.get():
        raise Starved(f"an input took {took_ms:.0f} ms to arrive")


async def paced(times: int, every_ms: int) -> AsyncIterator[int]:
    """Yield 0 to *times* - 1, each at its own time, so that slow steps do not stretch the gaps."""
    start = asyncio.get_running_loop().time()
    for nth in range(times):
        late = start + nth * every_ms / 1000 - asyncio.get_running_loop().time()
        if late > 0:
            await asyncio.sleep(late)
        yield nth


async def box_of(target: Locator) -> tuple[float, float, float, float]:
    """Return x, y, width and height of *target* in the viewport; scroll to it if it is outside."""
    await target.wait_for(state="visible", timeout=SHOWN_WITHIN_MS)
    await target.scroll_into_view_if_needed(timeout=SHOWN_WITHIN_MS)
    box = await target.bounding_box()
    if box is None:
        raise AssertionError(f"{target} has no box")
    return box["x"], box["y"], box["width"], box["height"]


async def point_in(page: Page, on: str, at: tuple[float, float] | None) -> tuple[float, float]:
    """Return the point where *on* is pressed: its centre, or the shares *at* of its size."""
    x, y, width, height = await box_of(page.locator(on).first)
    if at is not None:
        return x + width * at[0], y + height * at[1]
    return x + min(width / 2, PRESS_INSET_PX), y + height / 2


@dataclass(frozen=True, slots=True)
class Press:
    """
    Press *on* with the primary mouse button, *times* times.

    The place is looked up once, as a hand rests on the mouse; *follow* looks it up each time.
    *counts* gives the presses the click counts 1, 2, 3 ... that a browser gives to quick ones.
    Every other press is *jitter_px* further to the right.
    """

    on: str
    times: int = 1
    every_ms: int = 0
    counts: bool = False
    jitter_px: float = 0
    hold_ms: int = 25
    at: tuple[float, float] | None = None
    follow: bool = False

    async def do(self, page: Page) -> None:
        """Press."""
        x, y = await point_in(page, self.on, self.at)
        async for nth in paced(self.times, self.every_ms):
            if self.follow and nth:
                x, y = await point_in(page, self.on, self.at)
            count = nth + 1 if self.counts else 1
            await page.mouse.move(x + self.jitter_px * (nth % 2), y)
            await prompt(page.mouse.down(click_count=count))
            await asyncio.sleep(self.hold_ms / 1000)
            await prompt(page.mouse.up(click_count=count))


@dataclass(frozen=True, slots=True)
class Tap:
    """Tap *on* with a finger, *times* times. The page's context must have touch."""

    on: str
    times: int = 1
    every_ms: int = 0

    async def do(self, page: Page) -> None:
        """Tap."""
        x, y = await point_in(page, self.on, None)
        async for _ in paced(self.times, self.every_ms):
            await prompt(page.touchscreen.tap(x, y))


@dataclass(frozen=True, slots=True)
class Drag:
    """
    Drag *on* by (*dx*, *dy*) pixels, or onto the element *to*, in *moves* moves.

    The press is held for *hold_ms* before the first move.
    """

    on: str
    dx: float = 0
    dy: float = 0
    to: str | None = None
    moves: int = 12
    every_ms: int = 20
    hold_ms: int = 20
    at: tuple[float, float] | None = None

    async def do(self, page: Page) -> None:
        """Drag."""
        x, y = await point_in(page, self.on, self.at)
        dx, dy = self.dx, self.dy
        if self.to is not None:
            to_x, to_y = await point_in(page, self.to, None)
            dx, dy = to_x - x, to_y - y
        await page.mouse.move(x, y)
        await prompt(page.mouse.down())
        await asyncio.sleep(self.hold_ms / 1000)
        async for nth in paced(self.moves, self.every_ms):
            share = (nth + 1) / self.moves
            await page.mouse.move(x + dx * share, y + dy * share)
        await asyncio.sleep(self.every_ms / 1000)
        await prompt(page.mouse.up())


@dataclass(frozen=True, slots=True)
class Keys:
    """Press *key* (Playwright's name, e.g. ArrowRight or Control+a), *times* times."""

    key: str
    times: int = 1
    every_ms: int = 80

    async def do(self, page: Page) -> None:
        """Press the key."""
        async for _ in paced(self.times, self.every_ms):
            await prompt(page.keyboard.press(self.key))


@dataclass(frozen=True, slots=True)
class Type:
    """Type *text* into what has the focus, one key every *every_ms*."""

    text: str
    every_ms: int = 45

    async def do(self, page: Page) -> None:
        """Type."""
        await page.keyboard.type(self.text, delay=self.every_ms)


@dataclass(frozen=True, slots=True)
class Wheel:
    """Turn the wheel over *on* by *dy* pixels, *times* times."""

    on: str
    dy: float
    times: int = 1
    every_ms: int = 60

    async def do(self, page: Page) -> None:
        """Turn the wheel."""
        x, y = await point_in(page, self.on, None)
        await page.mouse.move(x, y)
        async for _ in paced(self.times, self.every_ms):
            await page.mouse.wheel(0, self.dy)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for *ms*."""

    ms: int

    async def do(self, page: Page) -> None:
        """Wait."""
        await asyncio.sleep(self.ms / 1000)


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until *shown* is visible, as a visitor would before going on. Fails after SHOWN_WITHIN_MS."""

    shown: str

    async def do(self, page: Page) -> None:
        """Wait for the element."""
        await page.locator(self.shown).first.wait_for(state="visible", timeout=SHOWN_WITHIN_MS)


@dataclass(frozen=True, slots=True)
class Script:
    """Evaluate *code* in the page: what the page does by itself at this moment."""

    code: str

    async def do(self, page: Page) -> None:
        """Evaluate."""
        await page.evaluate(self.code)


@dataclass(frozen=True, slots=True)
class Reload:
    """Reload the page."""

    async def do(self, page: Page) -> None:
        """Reload."""
        await page.reload()


@dataclass(frozen=True, slots=True)
class Back:
    """Go back, as with the browser's button."""

    async def do(self, page: Page) -> None:
        """Go back."""
        await page.go_back()
