"""Fixtures of the console's tests: a console, clients for it, and a browser that is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.building import built
from tests.conftest import CHROMIUM_FLAGS
from tests.console.support import PLAYER, ROOT, Running, running_console, shop


@pytest_asyncio.fixture
async def console(tmp_path: Path) -> AsyncIterator[Running]:
    """A console with one site and no session."""
    async with running_console(tmp_path / "data") as running:
        await running.store.add_site(shop())
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies, also of 127.0.0.1."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept": "text/html"}
    ) as session:
        yield session


@pytest.fixture(scope="session")
def player() -> Path:
    """The built player; built anew when its sources are newer."""
    return built(ROOT / "replay" / "player" / "build.mjs", PLAYER / "stage.js").parent


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
async def shown(tmp_path: Path, player: Path) -> AsyncIterator[Running]:
    """A console for browser tests, with one site."""
    async with running_console(tmp_path / "data", player=player) as running:
        await running.store.add_site(shop())
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, shown: Running) -> AsyncIterator[Page]:
    """A page that is signed in. A script error in it fails the test."""
    async with signed_in(browser, shown) as opened:
        yield opened


@asynccontextmanager
async def signed_in(browser: Browser, console: Running) -> AsyncIterator[Page]:
    """Give a page that is signed in at *console*; no script error may happen in it."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    opened = await context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await sign_in(opened, console)
    yield opened
    await context.close()

    assert errors == []


async def sign_in(page: Page, console: Running) -> None:
    """Sign *page* in as the owner."""
    await page.goto(console.url + "/sign-in")
    await page.fill("#password", console.password)
    await page.click("form.sign-in button")
    await page.wait_for_url("**/overview")
