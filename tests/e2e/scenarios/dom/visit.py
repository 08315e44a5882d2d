"""Scripted visits to the demo shop and to real widgets, with moments at which the live document is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

from tests.e2e.scenarios.dom.compare import Outline
from tests.e2e.scenarios.situations import Situation
from tests.e2e.scenarios.steps import unhurried

# Writes the document down and marks the moment on the recording's own clock, in one task.
CAPTURE = """name => {
  window.stolper('track', 'moment', {name});
  return [window.outlineNow(), location.href];
}"""
STILL_MS = 250
TRIES = 12


@dataclass
class Moment:
    """The live document at one moment; *url* is the address of its page."""

    name: str
    outline: Outline = field(repr=False)
    url: str


@dataclass
class Diary:
    """Writes moments of *page* down; *script* is dom/dist/live.js."""

    page: Page
    script: str
    moments: list[Moment] = field(default_factory=list)

    async def note(self, what: str) -> None:
        """Write the document down once it has been the same for a while."""
        await self.page.evaluate(self.script)
        await asyncio.sleep(STILL_MS / 1000)
        for nth in range(TRIES):
            name = f"{what} {nth}"
            outline, url = await self.page.evaluate(CAPTURE, name)
            await asyncio.sleep(STILL_MS / 1000)
            if outline == await self.page.evaluate("outlineNow()"):
                self.moments.append(Moment(name, outline, url))
                return
        raise AssertionError(f"the page never stood still: {what}")


Ready = Callable[[Page], Awaitable[Any]]


async def visit_widgets(
    diary: Diary, origin: str, situations: Sequence[Situation], ready: Ready
) -> None:
    """Do what *situations* say, one after the other; write each page down before and after."""
    for situation in situations:
        await diary.page.goto(origin + situation.page)
        await ready(diary.page)
        await diary.note(f"{situation.name}, before")
        with unhurried():
            for step in situation.do:
                await step.do(diary.page)
        await diary.note(f"{situation.name}, after")


async def visit_shop(diary: Diary, shop: str, ready: Ready) -> None:
    """Go through *shop*; *ready* waits until a page is recorded."""
    page = diary.page

    async def go(path: str) -> None:
        await page.goto(f"{shop}{path}")
        await ready(page)

    await go("/en/")
    await diary.note("home")
    await go("/en/category/jackets")
    await diary.note("category")
    await go("/en/product/grat-mid")
    await diary.note("product")
    await page.click("#picture-next")
    await page.click("#picture-next")
    await diary.note("second picture")
    await page.click("#amount-more")
    await diary.note("amount of two")
    await page.click("#size-guide")
    await diary.note("size guide open")
    await page.click("#sizes-close")
    await page.click("#more-reviews")
    await diary.note("more reviews")
    await page.click("#add")
    await diary.note("added to the basket")
    await go("/en/basket")
    await diary.note("basket")
    await page.click("[data-step='1']")
    await diary.note("one more of it")
    await page.fill("#code", "WRONG")
    await page.click("#coupon-go")
    await page.wait_for_selector("#coupon-answer.bad")
    await diary.note("coupon refused")
    await go("/en/search?q=tent")
    await diary.note("search")
    await go("/en/checkout/address")
    await page.click("#address-next")
    await diary.note("address refused")
    await go("/de/")
    await diary.note("home in German")
