"""What the journeys need around them: a server as its command starts it, pages of one's own, visitors."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.e2e.journeys.counting import Goal, Journey
from tests.e2e.journeys.operating import LONG_MS
from tests.e2e.support import eventually, holds

OWNER = Goal(steps=5, seconds=300)
PRODUCT = "/en/product/grat-mid"


@dataclass(frozen=True, slots=True)
class Up:
    """What `stolper up` has printed."""

    console: str
    password: str
    link: str
    line: str


@asynccontextmanager
async def stolper_up(data: Path, *words: str) -> AsyncIterator[Up]:
    """Run the command on an empty folder, as its owner would, on free ports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", "up", "--data", str(data),
        "--public", "127.0.0.1:0", "--console", "127.0.0.1:0", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    printed, last = "", "then open one" if words else "collector"
    async with asyncio.timeout(120):
        while last not in printed:
            printed += (await process.stdout.readline()).decode()
    try:
        yield Up(*(found(pattern, printed) for pattern in PRINTED))
    finally:
        process.terminate()
        await process.communicate()

    assert 0 == process.returncode


PRINTED = (
    r"console +(http\S+)", r"owner / (\S+)", r"or open +(http\S+/enter/\S+)", r"paste +(<script.*?</script>)|$",
)  # fmt: skip
"""What is read of the greeting; the line to paste is there only if a site was asked for."""


def found(pattern: str, printed: str) -> str:
    hit = re.search(pattern, printed)
    assert hit, printed
    return hit[1] or ""


async def command(*words: str, cwd: Path | None = None, **environment: str) -> tuple[int, str]:
    """Run a program as from a terminal; return its exit code and what it printed."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    process = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, env={**outer, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


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


def picture(page: Page) -> FrameLocator:
    """Return the recorded page as it is shown."""
    return page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')


async def first_replay(
    journey: Journey, browser: Browser, page: Page, own: Own, up: Up, origin: str
) -> None:
    """The line is pasted, a page opened, the printed link opened in *page*: the own click is watched live."""
    journey.watch(page)
    own.head = up.line
    journey.step("paste the line")
    visitor = await (await browser.new_context()).new_page()
    await visitor.goto(origin)
    journey.step("open the page")
    await visitor.wait_for_function("typeof window.stolper?.('session') === 'string'")
    await visitor.evaluate("stolper('flush')")
    await page.goto(up.link)
    journey.step("open the printed link")
    await expect(picture(page).locator("h1")).to_have_text("My page", timeout=LONG_MS)
    await visitor.click("#buy")
    await expect(page.locator("#events")).to_contain_text("Buy it", timeout=LONG_MS)
    journey.end()

    await expect(page.locator("#live")).to_have_attribute("aria-pressed", "true")
    await visitor.context.close()


async def caller(browser: Browser, origin: str) -> Page:
    """Return the page of a visitor of the shop who has run into the defect of its size guide."""
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(origin + PRODUCT)
    await holds(page, "typeof window.stolper?.('session') === 'string'")
    await page.wait_for_timeout(
        6000
    )  # they look first: a replay begins five seconds before it went wrong
    await page.click("#size-guide")
    await page.wait_for_timeout(2700)  # a press is judged for 2.5 s
    await page.evaluate("stolper('flush')")
    return page


class Api:
    """The JSON API of a server that was started by its command."""

    def __init__(self, base: str, token: str) -> None:
        self._base = f"{base}/api/v1"
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})

    async def close(self) -> None:
        await self._http.close()

    async def session(self, id_: str) -> dict[str, Any]:
        """Return the session *id_* with its flags."""
        async with self._http.get(f"{self._base}/sessions/{id_}") as answer:
            assert 200 == answer.status, await answer.text()
            found: dict[str, Any] = (await answer.json())["session"]
            return found

    async def flagged(self, id_: str, rule: str) -> dict[str, Any]:
        """Wait until *rule* has flagged the session; return the flag."""

        async def found() -> dict[str, Any] | None:
            flags = (await self.session(id_))["flags"]
            return next((one for one in flags if one["rule"] == rule), None)

        return dict(await eventually(found, within_s=60))

    async def ended(self, id_: str) -> None:
        """Wait until the session has ended."""

        async def found() -> bool:
            return bool((await self.session(id_))["ended"])

        await eventually(found, within_s=60)
