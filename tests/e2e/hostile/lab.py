"""An attacker who sends recordings by the public wire, hosts that nobody may reach, and who watches."""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, Page, Playwright

from core import wire
from core.model import Site
from replay import deep
from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.support import Stack

TRAP = "trap.test"
SHOP = "http://shop.test"
"""The site's origin: its pictures may be loaded at replay."""

_SCRIPT = b"try{fired('remote')}catch(e){}"


@dataclass
class Trap:
    """
    A host that listens. *seen* are the first lines of what was asked, *heads* the whole heads;
    *connections* counts also those over which nothing came.
    """

    port: int = 0
    seen: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    def places(self) -> list[str]:
        """Return the paths that were asked for."""
        return sorted({one.split(" ")[1] for one in self.seen if one.count(" ") == 2})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note the request, and answer with a script."""
        self.connections += 1
        try:
            line = (await reader.readline()).decode("latin-1").strip()
            if not line:  # opened in advance, and never used
                return
            self.seen.append(line)
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nConnection: close\r\n"
            head += b"Access-Control-Allow-Origin: *\r\n"
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(_SCRIPT) + _SCRIPT)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def trap() -> AsyncIterator[Trap]:
    """Listen as a host of somebody else's."""
    made = Trap()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


async def launch(playwright: Playwright, path: str, foreign: Trap, shop: Trap) -> Browser:
    """Start a Chromium for which *foreign* is every host of the trap, and *shop* the site."""
    rules = (
        f"MAP {TRAP} 127.0.0.1:{foreign.port},MAP *.{TRAP} 127.0.0.1:{foreign.port},"
        f"MAP shop.test 127.0.0.1:{shop.port}"
    )
    flags = [*CHROMIUM_FLAGS, f"--host-resolver-rules={rules}"]
    return await playwright.chromium.launch(executable_path=path, args=flags)


class Watcher:
    """Somebody who is signed in, and everything bad that happens to them."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.fired: list[str] = []
        self.dialogs: list[str] = []
        self.violations: list[str] = []
        self.errors: list[str] = []

    @classmethod
    async def make(cls, browser: Browser, **how: Any) -> Watcher:
        """Open a browser window that notes scripts that ran, dialogs, and what a policy refused."""
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, **how)
        made = cls(context, await context.new_page())
        context.set_default_timeout(120_000)  # a machine that is busy
        context.on("console", made._said)
        context.on("weberror", lambda error: made.errors.append(str(error.error)))
        await context.add_init_script(
            """fired = (name) => console.info(`fired ${name}`);
               addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
                 if (self === top) console.info(`refused ${location.pathname} ${violatedDirective} ${blockedURI}`);
               });"""
        )
        context.on("dialog", made._dialog)
        return made

    def _said(self, message: Any) -> None:
        what, _, rest = str(message.text).partition(" ")
        if what == "fired":
            self.fired.append(rest)
        elif what == "refused":
            self.violations.append(rest)

    async def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def sign_in(self, stack: Stack) -> None:
        """Sign in as the owner."""
        await self.page.goto(stack.console_url + "/sign-in")
        await self.page.fill("#password", stack.server.owner_password or "")
        await self.page.click("form.sign-in button")
        await self.page.wait_for_url("**/overview")


@dataclass
class Attacker:
    """Sends one session's batches as the snippet would; nothing but the site's key is needed."""

    stack: Stack
    site: Site
    session: str = field(default_factory=lambda: _session_id())
    load: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _seq: int = 0

    async def send(
        self, events: list[dict[str, Any]], recording: list[Any], **head: Any
    ) -> dict[str, Any]:
        """Send one batch, which must be taken; return the collector's answer."""
        made: dict[str, Any] = {
            "session": self.session, "secret": self._secret, "page_load": self.load,
            "tab": "t" * 16, "seq": self._seq, "events": events, "void": [], "gaps": [],
            "snippet": {"version": "0.1.0", "errors": 0}, "last": False, **head,
        }  # fmt: skip
        times = [event["timestamp"] for event in recording]
        if recording:
            made["chunk"] = {
                "count": len(recording), "first_t": min(times), "last_t": max(times),
                "snapshot": any(event["type"] == 2 for event in recording),
            }  # fmt: skip
        chunk = gzip.compress(deep.dumps(recording), mtime=0) if recording else b""
        body = wire.pack(json.dumps(made).encode(), chunk, sent_t=5000, chunk_encoding=wire.GZIP)
        url = f"{self.stack.public_url}/i/{self.site.key}"
        headers = {"Origin": SHOP, "Content-Type": "text/plain"}
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()

            assert 200 == answer.status, text
            self._seq += 1
            return dict(json.loads(text))


def _session_id() -> str:
    """Return a UUIDv7, as the snippet makes them."""
    at = int(time.time() * 1000)
    rest = secrets.token_hex(9)
    return f"{at >> 16:08x}-{at & 0xFFFF:04x}-7{rest[:3]}-8{rest[3:6]}-{rest[6:]}"
