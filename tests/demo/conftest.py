"""The shop on a real port, and a page in Chromium whose recorder is a list of calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from stolper.demo.faults import Faults
from stolper.demo.shop import build_shop
from tests.conftest import CHROMIUM_FLAGS

# Takes over the queue of the page's stub and posts every call, as the real snippet would.
STUB_SCRIPT = """
(() => {
  const send = (call) => navigator.sendBeacon("/calls", JSON.stringify(Array.from(call)));
  (window.stolper?.q ?? []).forEach(send);
  window.stolper = (...call) => send(call);
})();
"""

Calls = list[list[Any]]
Client = TestClient[web.Request, web.Application]


@dataclass
class RunningShop:
    """A shop that keeps the calls its pages made to the recorder."""

    client: Client
    calls: Calls = field(default_factory=list)
    agents: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    def tracked(self, name: str) -> list[dict[str, Any]]:
        """Return the properties of every `track` call of that name."""
        return [call[2] for call in self.calls if call[:2] == ["track", name]]


async def until(found: Callable[[], object], seconds: float = 3) -> None:
    """Wait until *found* is true: for what comes from the browser, whose clock is its own."""
    for _ in range(int(seconds / 0.02)):
        if found():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"not within {seconds} s")


OpenShop = Callable[[Faults], Awaitable[RunningShop]]


@pytest_asyncio.fixture(loop_scope="module")
async def open_shop() -> AsyncIterator[OpenShop]:
    """Return a function that starts a shop with the given defects."""
    clients: list[Client] = []

    async def start(faults: Faults) -> RunningShop:
        app = build_shop(script_src="/recorder.js", faults=faults)
        calls: Calls = []
        agents: list[str] = []

        async def script(request: web.Request) -> web.Response:
            return web.Response(text=STUB_SCRIPT, content_type="text/javascript")

        async def called(request: web.Request) -> web.Response:
            agents.append(request.headers["User-Agent"])
            calls.append(json.loads(await request.text()))
            return web.Response(status=204)

        app.add_routes([web.get("/recorder.js", script), web.post("/calls", called)])
        client: Client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return RunningShop(client, calls, agents)

    yield start
    for client in clients:
        await client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(open_shop: OpenShop) -> RunningShop:
    """Return a shop without defects."""
    return await open_shop(Faults.none())


@pytest_asyncio.fixture(loop_scope="module")
async def broken_shop(open_shop: OpenShop) -> RunningShop:
    """Return a shop with all defects."""
    return await open_shop(Faults.all())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=CHROMIUM_FLAGS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(locale="en-GB")
    context.set_default_timeout(8000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()
