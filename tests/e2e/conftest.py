"""Fixtures of the end-to-end ring: one event loop per file, real servers, real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.support import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """A headless Chromium for the whole file; each test opens its own context."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium_path, args=CHROMIUM_FLAGS
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def server(tmp_path: Path) -> AsyncIterator[Stack]:
    """A whole server on free ports and an empty data folder."""
    stack = Stack(tmp_path / "data")
    await stack.start()
    yield stack
    await stack.stop()


Serve = Callable[[web.Application], Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="module")
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves an aiohttp application and returns its origin."""
    async with AsyncExitStack() as running:

        async def start(app: web.Application) -> str:
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            running.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start
