"""A whole server on free ports, its API, and pages that embed its snippet."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Page

from console.accounts import create_token
from core.clock import SystemClock
from core.model import Mode, Privacy, Site
from core.settings import load_settings
from stolper.app import Server

ROUTE = {name: value for name, value in os.environ.items() if name.endswith("_OWN_PROTOCOL")}
"""Who reads plain batches: the whole suite can be run either way."""


class Stack:
    """A running server with an API client. Made by the `server` fixture."""

    def __init__(self, data: Path, **overrides: object) -> None:
        given: dict[str, object] = {
            "server.public": "127.0.0.1:0",
            "server.console": "127.0.0.1:0",
        }
        settings = load_settings(data, env=ROUTE, overrides=given | overrides)
        self.server = Server(settings, data)
        self.store = self.server.store
        self.data = data
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        await self.server.start()
        token = await create_token(self.store, SystemClock(), "admin")
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()
        await self.server.stop()

    @property
    def public_url(self) -> str:
        return self.server.public_url

    @property
    def console_url(self) -> str:
        return self.server.console_url

    async def site(
        self,
        *origins: str,
        name: str = "",
        mode: Mode = "full",
        privacy: Privacy = "standard",
        idle_timeout_ms: int = 1_800_000,
    ) -> Site:
        """Add a site that may send from *origins*."""
        key = "s" + secrets.token_hex(8)
        site = Site(
            key, name or key, origins, mode, privacy, idle_timeout_ms, int(time.time() * 1e3)
        )
        await self.store.add_site(site)
        return site

    def script(self, site: Site) -> str:
        """Return the line that embeds the snippet for *site*."""
        return f'<script async src="{self.script_src(site)}"></script>'

    def script_src(self, site: Site) -> str:
        return f"{self.public_url}/s/{site.key}.js"

    async def api(self, path: str, *, method: str = "GET") -> Any:
        """Call the JSON API (path without /api/v1) and return its answer, which must be ok."""
        assert self._http is not None
        async with self._http.request(method, f"{self.console_url}/api/v1{path}") as answer:
            body = await answer.json()

            assert answer.status == 200, body
            return body

    async def file(self, path: str) -> bytes:
        """Return the file that the API (path without /api/v1) answers with."""
        assert self._http is not None
        async with self._http.get(f"{self.console_url}/api/v1{path}") as answer:
            body = await answer.read()

            assert answer.status == 200, body[:500]
            return body

    async def get(self, path: str) -> Any:
        """Return the JSON at *path* of the public listener."""
        assert self._http is not None
        async with self._http.get(f"{self.public_url}{path}") as answer:
            return await answer.json()

    async def end(self, session: str) -> None:
        """Close *session* as its idle timeout would."""
        await self.api(f"/sessions/{session}/end", method="POST")

    async def flags(self, session: str) -> list[dict[str, Any]]:
        """Return the flags of *session* as the API tells them."""
        body = await self.api(f"/sessions/{session}")
        return list(body["session"]["flags"])

    async def events(self, session: str) -> list[dict[str, Any]]:
        """Return the events of *session* as the API tells them."""
        body = await self.api(f"/sessions/{session}/events")
        return list(body["events"])

    async def recording(self, session: str) -> list[dict[str, Any]]:
        """Return the documents of *session* with their rrweb events, as the API tells them."""
        assert self._http is not None
        url = f"{self.console_url}/api/v1/sessions/{session}/recording"
        async with self._http.get(url) as answer:
            assert answer.status == 200

            return list(await answer.json())


async def eventually(
    check: Callable[[], Awaitable[Any]], *, within_s: float = 10.0, every_s: float = 0.1
) -> Any:
    """Return the first true answer of *check*; fail with the last one after *within_s*."""
    deadline = time.monotonic() + within_s
    while True:
        found = await check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last answer: {found!r}")
        await asyncio.sleep(every_s)


async def holds(page: Page, expression: str) -> None:
    """Wait until *expression* is true on *page*, also where its policy forbids eval.

    Playwright's own `wait_for_function` polls with eval inside the page.
    """
    await eventually(lambda: page.evaluate(expression))
