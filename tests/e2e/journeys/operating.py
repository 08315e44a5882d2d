"""How somebody operates the console: with a pointer, or by the keyboard alone. Each act counts itself."""

from __future__ import annotations

from typing import Protocol

from playwright.async_api import Locator, Page, expect

from tests.console.focus import walk_to
from tests.e2e.journeys.counting import Journey

LONG_MS = 60_000
"""How long a slow machine may take for what takes a second."""


class Operator(Protocol):
    """Somebody at a page. *wrong* is what they could not see or reach."""

    page: Page
    wrong: list[str]

    async def press(self, target: Locator, what: str, journey: Journey | None = None) -> None:
        """Press the link or button *target*."""

    async def write(self, target: Locator, text: str) -> None:
        """Put *text* in place of what the field *target* holds."""

    async def edit(self, target: Locator, text: str) -> None:
        """Put *text* in place of what the editor *target* holds, as pasted."""


class Pointer:
    """Somebody with a mouse: they press what they see."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    async def press(self, target: Locator, what: str, journey: Journey | None = None) -> None:
        if journey:
            journey.step(what)
        await target.click(timeout=LONG_MS)

    async def write(self, target: Locator, text: str) -> None:
        await target.click(timeout=LONG_MS)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def edit(self, target: Locator, text: str) -> None:
        await self.write(target, text)


class Keys:
    """Somebody without a mouse: they walk by Tab, and must see at each stop where they are."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    async def press(self, target: Locator, what: str, journey: Journey | None = None) -> None:
        if journey:
            journey.step(what)
        await self.walk_to(target)
        is_button = await target.evaluate("one => one.matches('button, summary')")
        await self.page.keyboard.press("Space" if is_button else "Enter")

    async def write(self, target: Locator, text: str) -> None:
        await self.walk_to(target)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def edit(self, target: Locator, text: str) -> None:
        await self.walk_to(target)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def walk_to(self, target: Locator) -> None:
        """Walk until *target* has the focus, noting what is wrong on the way."""
        await expect(target).to_be_visible(timeout=LONG_MS)
        await expect(target).to_be_enabled(timeout=LONG_MS)
        self.wrong += [f"{self.page.url}: {text}" for text in await walk_to(self.page, target)]
