"""
A Chromium that nobody drives but by a few words of its own protocol.

Playwright forbids what three situations need: the back/forward cache, prerendering and a tab that
dies and comes back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.support import eventually


class Tab:
    """One tab, by its protocol. What it says unasked is not listened to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, id_: str) -> None:
        self.id = id_
        self._socket = socket
        self._numbers = count(1)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call *method* and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(60):
            async for message in self._socket:
                told = json.loads(message.data)
                if told.get("id") == number:
                    assert "error" not in told, told
                    return dict(told["result"])
        raise AssertionError(f"{method}: the tab is gone")

    async def ask(self, expression: str) -> Any:
        """Return the value of *expression* in the page, a promise's once it is settled."""
        told = await self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Call the function *expression*, or return its value, as Playwright's pages do."""
        if argument is None:
            return await self.ask(expression)
        return await self.ask(f"({expression})({json.dumps(argument)})")

    async def until(self, expression: str) -> None:
        """Wait until *expression* is true, also over a change of pages."""

        async def check() -> bool:
            try:
                return bool(await self.ask(expression))
            except AssertionError:
                return False  # the page is just changing

        await eventually(check, within_s=40)


class Plain:
    """The browser: its tabs by the address that its own list of targets has for them."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def open(self, address: str) -> Tab:
        """Open *address* in a new tab."""
        async with self._http.put(f"{self._url}/json/new?{address}") as answer:
            return await self._attach(await answer.json())

    async def tab(self, id_: str) -> Tab:
        """Return a tab by its id, for one whose process has died."""
        async with self._http.get(f"{self._url}/json/list") as answer:
            found = [one for one in await answer.json() if one["id"] == id_]
            return await self._attach(found[0])

    async def _attach(self, target: dict[str, Any]) -> Tab:
        return Tab(await self._http.ws_connect(target["webSocketDebuggerUrl"]), target["id"])


@asynccontextmanager
async def plain_browser(
    chromium: str, profile: Path, *flags: str, address: str = "about:blank"
) -> AsyncIterator[Plain]:
    """Start a browser at *address*, to which no tool is attached; it is killed at the end."""
    await asyncio.to_thread(profile.mkdir, parents=True)
    process = await asyncio.create_subprocess_exec(
        chromium,
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        *(flag for flag in CHROMIUM_FLAGS if "background-networking" not in flag),
        *flags,
        address,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def port() -> str:
            told = profile / "DevToolsActivePort"
            return told.read_text().split()[0] if told.is_file() and told.read_text() else ""

        url = f"http://127.0.0.1:{await eventually(port, within_s=40)}"
        async with aiohttp.ClientSession() as http:
            yield Plain(url, http)
    finally:
        process.kill()
        await process.wait()
