"""
Carries situations out in Chromium against a running server and collects what was flagged.

Two ways: each situation in a browser context and a session of its own, several at once;
or one after the other in a single page, told apart by time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from core.clock import Clock, SystemClock
from tests.e2e.scenarios.situations import Seen, Situation
from tests.e2e.scenarios.steps import Starved
from tests.e2e.support import Stack, eventually

VIEWPORT = ViewportSize(width=900, height=1150)
PHONE = ViewportSize(width=412, height=1150)
AT_ONCE = 4  # situations in parallel: more would starve the pages of two cores
POPUP_CLOSES_AFTER_MS = 800
TRIES = 5  # of a situation during which the machine was too busy for the page
OUTCOME_MS = 3000  # a click's outcome is final 2.5 s after it; and what the page takes on top
GAP_MS = 10_000  # between situations in one page
# The pages do no work to speak of: where these flag, the machine kept the page from drawing.
OF_THE_MACHINE = frozenset({"freeze", "freeze_long", "slow_page", "slow_page_left"})


@asynccontextmanager
async def visitor(browser: Browser, *, touch: bool = False) -> AsyncIterator[BrowserContext]:
    """Give a browser context of a new visitor, with the clipboard at hand."""
    context = await browser.new_context(
        viewport=PHONE if touch else VIEWPORT,
        has_touch=touch,
        is_mobile=touch,
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
    )
    try:
        yield context
    finally:
        await context.close()


async def open_page(context: BrowserContext, url: str) -> Page:
    """Open *url*; popups of the page close after a while, file choosers stay open."""
    page = await context.new_page()
    closing: set[asyncio.Task[None]] = set()

    async def close(popup: Page) -> None:
        await asyncio.sleep(POPUP_CLOSES_AFTER_MS / 1000)
        await popup.close()

    def on_popup(popup: Page) -> None:
        task = asyncio.create_task(close(popup))
        closing.add(task)
        task.add_done_callback(closing.discard)

    page.on("popup", on_popup)
    page.on("filechooser", lambda _: None)
    await page.goto(url)
    return page


async def session_of(page: Page) -> str:
    """Return the id of the page's session, as the page itself can ask for it."""

    async def asked() -> Any:
        return await page.evaluate("window.stolper ? window.stolper('session') : null")

    return str(await eventually(asked, within_s=30))


async def recorded(stack: Stack, session: str) -> None:
    """Wait until the first batch of *session* is stored: from then on the recorder runs."""

    async def listed() -> bool:
        body = await stack.api("/sessions?limit=200")
        return any(one["id"] == session for one in body["sessions"])

    await eventually(listed, within_s=30)


async def settle(stack: Stack, page: Page) -> None:
    """Wait until what *page* knows has been sent, stored and judged."""
    await page.evaluate("window.stolper('flush')")
    await stack.server.detector.drain()


async def visit(
    browser: Browser, stack: Stack, origin: str, situation: Situation, *, spare: bool = False
) -> Seen:
    """
    Carry *situation* out in a session of its own; what counts is the final judgement.

    Raise Starved if the page was flagged for what the machine did; *spare* leaves such flags out.
    """
    async with visitor(browser, touch=situation.touch) as context:
        page = await open_page(context, origin + situation.page)
        session = await session_of(page)
        await recorded(stack, session)
        for step in situation.do:
            await step.do(page)
        await asyncio.sleep(OUTCOME_MS / 1000)
        await settle(stack, page)
        provisional = {flag["rule"] for flag in await stack.flags(session)}
        await stack.end(session)
        await stack.server.detector.drain()
        final = {flag["rule"] for flag in await stack.flags(session)}
        if (slow := OF_THE_MACHINE & final) and not spare:
            raise Starved(f"the page was flagged by {', '.join(sorted(slow))}")
        events = await stack.events(session)
        rules = tuple(sorted(final - OF_THE_MACHINE))
        return Seen(situation, rules, session, events, tuple(sorted(provisional - OF_THE_MACHINE)))


async def visit_all(
    browser: Browser, stack: Stack, origin: str, situations: Sequence[Situation]
) -> list[Seen]:
    """
    Carry *situations* out and return what was seen of each, in their order.

    A few at once; those for which the machine was too busy again afterwards, each alone.
    """
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(situation: Situation, *, spare: bool = False) -> Seen:
        try:
            return await visit(browser, stack, origin, situation, spare=spare)
        except Starved:
            raise
        except Exception as error:
            error.add_note(f"in situation {situation.name}")
            raise

    async def together(situation: Situation) -> Seen | None:
        async with turn:
            try:
                return await one(situation)
            except Starved:
                return None

    async def alone(situation: Situation) -> Seen:
        for nth in range(1, TRIES + 1):
            try:
                return await one(situation, spare=nth == TRIES)
            except Starved as error:
                starved = error
        raise AssertionError(f"{situation.name}: the machine is too busy") from starved

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(together(situation)) for situation in situations]
    first = [task.result() for task in tasks]
    return [
        seen or await alone(situation) for seen, situation in zip(first, situations, strict=True)
    ]


def at_ms(when: str) -> float:
    """Return an API time in Unix milliseconds."""
    return datetime.fromisoformat(when).timestamp() * 1000


async def undisturbed(page: Page, situation: Situation, clock: Clock) -> float:
    """Carry *situation* out and clear up after it; return when the try that counts began."""
    for _ in range(TRIES):
        start = clock.now_ms()
        starved = False
        try:
            for step in situation.do:
                await step.do(page)
        except Starved:
            starved = True
        await asyncio.sleep(GAP_MS / 1000)
        await page.evaluate(
            "getSelection().removeAllRanges(); document.activeElement?.blur(); scrollTo(0, 0)"
        )
        if not starved:
            return start
    raise AssertionError(f"{situation.name}: the machine is too busy")


async def visit_serially(
    browser: Browser, stack: Stack, origin: str, situations: Sequence[Situation]
) -> list[Seen]:
    """
    Carry *situations* out in one page, 10 s apart, and tell their flags apart by time.

    A flag belongs to the situation in whose time its first evidence lies.
    """
    clock = SystemClock()
    starts: list[float] = []
    async with visitor(browser) as context:
        page = await open_page(context, origin + situations[0].page)
        session = await session_of(page)
        await recorded(stack, session)
        for situation in situations:
            starts.append(await undisturbed(page, situation, clock))
        await settle(stack, page)
        await stack.end(session)
        await stack.server.detector.drain()
    flags = await stack.flags(session)
    events = await stack.events(session)
    ends = [*starts[1:], clock.now_ms()]
    return [
        Seen(
            situation,
            tuple(
                sorted(
                    {f["rule"] for f in flags if since <= at_ms(first_at(f)) < until}
                    - OF_THE_MACHINE
                )
            ),
            session,
            [e for e in events if since <= e["ts"] < until],
        )
        for situation, since, until in zip(situations, starts, ends, strict=True)
    ]


def first_at(flag: dict[str, Any]) -> str:
    """Return when the first event that *flag* rests on happened."""
    return min(str(e["at"]) for e in [*flag["evidence"], flag])
