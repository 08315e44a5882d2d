"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from tests.console.support import Running, running_console, shop


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
