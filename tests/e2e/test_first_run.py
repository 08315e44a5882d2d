"""The site owner's golden journey: from nothing to one's own click, watched live; and why nothing arrives."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import Serve

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LONG_MS = 60_000
"""How long a slow machine may take for what takes a second."""


@dataclass
class Up:
    """What `stolper up` has printed."""

    console: str
    password: str


@asynccontextmanager
async def stolper_up(data: Path) -> AsyncIterator[Up]:
    """Run the command on an empty folder, as its owner would, on free ports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", "up", "--data", str(data),
        "--public", "127.0.0.1:0", "--console", "127.0.0.1:0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    printed = ""
    async with asyncio.timeout(120):
        while "collector" not in printed:
            printed += (await process.stdout.readline()).decode()
    console = re.search(r"console +(http\S+)", printed)
    password = re.search(r"owner / (\S+)", printed)

    assert console
    assert password
    try:
        yield Up(console[1], password[1])
    finally:
        process.terminate()
        await process.communicate()

    assert 0 == process.returncode


class Own:
    """The owner's page, a file that they edit."""

    def __init__(self) -> None:
        self.head = ""
        self.policy = ""
        self.app = web.Application()
        self.app.router.add_get("/", self.page)

    async def page(self, _: web.Request) -> web.Response:
        body = f"<title>Mine</title>{self.head}<h1>My page</h1><button id=buy>Buy it</button>"
        headers = {"Content-Security-Policy": self.policy} if self.policy else {}
        return web.Response(
            text=f"<!doctype html><html>{body}</html>", content_type="text/html", headers=headers
        )


async def owner(browser: Browser, up: Up) -> Page:
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(up.console)
    await page.fill("#password", up.password)
    await page.press("#password", "Enter")
    return page


async def test_from_nothing_to_the_own_click_in_five_steps(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    """
    Install, up, add the site, paste the line, open the page: the own click is watched live.

    Installed it is here already; the other four are done and counted. No account elsewhere, no command
    besides `up`, and the console says by itself that the visit is there.
    """
    own = Own()
    origin = await serve(own.app)
    steps, begun = ["install"], time.monotonic()
    async with stolper_up(tmp_path / "data") as up:
        steps.append("up")
        page = await owner(browser, up)
        await page.fill("input[name=origins]", origin)
        await page.press("input[name=origins]", "Enter")
        steps.append("site add")
        says = page.locator(".way-says")
        await expect(says).to_have_attribute("data-state", "waiting")
        own.head = await page.locator(".code-line code").inner_text()
        steps.append("paste line")
        visitor = await (await browser.new_context()).new_page()
        await visitor.goto(origin)
        steps.append("reload")
        await expect(says).to_have_attribute("data-state", "received", timeout=LONG_MS)
        await page.click("text=Watch the newest visit")
        stage = page.frame_locator("#stage")
        picture = stage.frame_locator('.screen:not([style*="hidden"]) iframe')
        await expect(picture.locator("h1")).to_have_text("My page", timeout=LONG_MS)
        await visitor.click("#buy")
        await expect(page.locator("body")).to_contain_text("Buy it", timeout=LONG_MS)
        took_s = time.monotonic() - begun
        await visitor.context.close()
        await page.context.close()
    print(
        f"\nsite owner: {len(steps)} steps ({', '.join(steps)}), {took_s:.1f} s of program's time"
    )

    assert len(steps) <= 5
    assert took_s <= 300


@pytest.mark.long
async def test_a_policy_that_keeps_it_from_sending_is_named(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    """Where the page's own policy forbids sending, the check says that the script came and names connect-src."""
    own = Own()
    origin = await serve(own.app)
    async with stolper_up(tmp_path / "data") as up:
        page = await owner(browser, up)
        await page.fill("input[name=origins]", origin)
        await page.press("input[name=origins]", "Enter")
        own.head = await page.locator(".code-line code").inner_text()
        public = re.search(r"http://[^/]+", own.head)
        assert public
        own.policy = f"default-src 'self'; script-src {public[0]}; connect-src 'self'"
        visitor = await (await browser.new_context()).new_page()
        await visitor.goto(origin)
        says = page.locator(".way-says")
        await expect(says).to_have_attribute("data-state", "nothing_sent", timeout=LONG_MS)
        await expect(says).to_contain_text(f"{origin} has asked for the script")
        await expect(says).to_contain_text(f"connect-src {public[0]}")
        own.policy = f"default-src 'self'; script-src {public[0]}; connect-src {public[0]}"
        await visitor.reload()
        await expect(says).to_have_attribute("data-state", "received", timeout=LONG_MS)
        await visitor.context.close()
        await page.context.close()
