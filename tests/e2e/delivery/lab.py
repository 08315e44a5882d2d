"""
One situation of delivery: a site of its own, pages that count what they do, what came of it.

The truth is the page's own: it numbers its deeds, tells each to the snippet and draws it. What is
stored is asked of the server's API.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, Playwright
from yarl import URL

from core.health import What
from core.model import Mode, Site
from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.delivery.plain import Plain, Tab, plain_browser
from tests.e2e.delivery.proxy import Faults, Proxy
from tests.e2e.support import Stack, eventually

HOSTS = "--host-resolver-rules=MAP *.example 127.0.0.1"
"""Names that lead to this machine: other sites than localhost, and no secure contexts."""

_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Delivery</title>{head}
<script>
window.stolper = window.stolper || function () {{ (stolper.q = stolper.q || []).push(arguments) }}
if (document.prerendering) fetch('ahead.json?here')
function deed(n, size) {{
  stolper('track', 'deed', {{n}})
  const line = document.createElement('p')
  line.hidden = size > 0
  line.textContent = 'deed ' + n + '. ' + noise(size || 0)
  document.body.append(line)
  return n
}}
function noise(size) {{
  let text = ''
  while (text.length < size) text += Math.random().toString(36).slice(2) + ' '
  return text
}}
{script}
</script>{tags}</head><body><h1>Delivery</h1><a href="/next">Next</a></body></html>"""

WAIT_MS = 60_000
"""A slow machine starts a browser's process in seconds."""

STARTED = "typeof window.stolper?.('session') === 'string'"


@dataclass
class Pages:
    """The pages of all sites: what stands in their head is chosen by the address."""

    tags: dict[str, str] = field(default_factory=dict)  # site key to the line that embeds
    ahead: set[str] = field(default_factory=set)  # keys of sites with a page that was prerendered

    def app(self) -> web.Application:
        """Return the application to serve."""
        app = web.Application()
        app.router.add_get("/{key}/ahead.json", self._ahead)
        app.router.add_get("/{key}/{path:.*}", self._page)
        return app

    async def _ahead(self, request: web.Request) -> web.Response:
        """Say whether a page of the site was prerendered; such a page tells it here."""
        if "here" in request.query:
            self.ahead.add(request.match_info["key"])
        return web.json_response(request.match_info["key"] in self.ahead)

    async def _page(self, request: web.Request) -> web.Response:
        """
        Serve a page of the site in the path.

        In the address: `csp` is its policy, `tags` how often the snippet's line stands in it,
        `script` what it does by itself, `head` what else stands in its head.
        """
        query = request.query
        tag = self.tags[request.match_info["key"]]
        text = _PAGE.format(
            head=query.get("head", ""),
            script=query.get("script", ""),
            tags=tag * int(query.get("tags", "1")),
        )
        headers = {"Content-Security-Policy": query["csp"]} if "csp" in query else {}
        return web.Response(text=text, content_type="text/html", headers=headers)


@dataclass
class World:
    """What all situations share."""

    stack: Stack
    proxy: Proxy
    proxy_url: str
    pages: Pages
    pages_url: str
    browser: Browser
    playwright: Playwright
    chromium: str
    folder: Path

    async def lab(self, name: str, *, mode: Mode = "full", **options: Any) -> Lab:
        """Return a laboratory with a site of its own; one that is run again gets another."""
        if await self.stack.store.site(name) is not None:
            name += " again"
        port = self.pages_url.rsplit(":", 1)[1]
        hosts = ("127.0.0.1", "shop.example")
        origins = [f"http://{host}:{port}" for host in hosts]
        site = await self.stack.site(*origins, name=name, mode=mode, privacy="open", **options)
        self.pages.tags[site.key] = (
            f'<script async src="{self.proxy_url}/s/{site.key}.js"></script>'
        )
        return Lab(self, site)


@dataclass(frozen=True)
class Row:
    """What came of a situation."""

    name: str
    did: list[int]
    sent: int  # batches that left the browser, each counted once
    stored: list[int]  # deeds told, each as often as it was; a page's come in its order
    drawn: list[int]  # deeds that the recording shows
    gaps: list[str]
    sessions: int

    @property
    def lost(self) -> list[int]:
        """Return the deeds that are neither told nor drawn."""
        return [n for n in self.did if n not in self.stored or n not in self.drawn]

    def line(self) -> str:
        """Return the row of the table."""
        gaps = ", ".join(self.gaps) or "-"
        return (
            f"{self.name:<34} {len(self.did):>4} {self.sent:>5} {len(self.stored):>7}"
            f" {len(self.lost):>5}  {gaps}"
        )


HEADING = f"{'situation':<34} {'did':>4} {'sent':>5} {'stored':>7} {'lost':>5}  gaps named"


class Lab:
    """One situation while it runs."""

    def __init__(self, world: World, site: Site) -> None:
        self.world = world
        self.site = site
        self.did: list[int] = []
        self._open = AsyncExitStack()
        self._context: BrowserContext | None = None

    @property
    def faults(self) -> Faults:
        """Return what goes wrong on the way to the server."""
        return self.world.proxy.faults[self.site.key]

    async def context(self, **options: Any) -> BrowserContext:
        """Return the visitor's browser, made by the first call."""
        if self._context is None:
            self._context = await self.world.browser.new_context(**options)
            self._context.set_default_timeout(WAIT_MS)
            self._open.push_async_callback(self._context.close)
        return self._context

    @asynccontextmanager
    async def own_browser(
        self, preferences: dict[str, Any] | None = None, *flags: str
    ) -> AsyncIterator[BrowserContext]:
        """Start a browser of its own, with *preferences* as its settings pages would write them."""
        profile = self.world.folder / self.site.key
        (profile / "Default").mkdir(parents=True)
        (profile / "Default" / "Preferences").write_text(json.dumps(preferences or {}))
        context = await self.world.playwright.chromium.launch_persistent_context(
            profile,
            executable_path=self.world.chromium,
            args=[*CHROMIUM_FLAGS, HOSTS, *flags],
        )
        self._context = context
        context.set_default_timeout(WAIT_MS)
        try:
            yield context
        finally:
            await context.close()

    @asynccontextmanager
    async def plain(self, address: str = "about:blank") -> AsyncIterator[Plain]:
        """Start a browser of its own that is not driven by Playwright."""
        profile = self.world.folder / self.site.key
        async with plain_browser(self.world.chromium, profile, HOSTS, address=address) as browser:
            yield browser

    def url(self, path: str = "", *, host: str = "", **query: str) -> str:
        """Return the address of a page of the site."""
        base = self.world.pages_url
        if host:
            base = base.replace("127.0.0.1", host)
        return str(URL(f"{base}/{self.site.key}/{path}").with_query(query))

    async def open(self, path: str = "", *, wait: bool = True, **query: str) -> Page:
        """Open a page in a new tab; *wait* until it is recorded."""
        page = await (await self.context()).new_page()
        await self.go(page, path, wait=wait, **query)
        return page

    async def go(self, page: Page, path: str = "", *, wait: bool = True, **query: str) -> None:
        """Lead *page* to another page of the site."""
        await page.goto(self.url(path, **query))
        if wait:
            await self.started(page)

    async def started(self, page: Page | Tab) -> None:
        """Wait until *page* is recorded."""
        if isinstance(page, Tab):
            await page.until(STARTED)
        else:
            await page.wait_for_function(STARTED)

    async def do(self, page: Page | Tab, times: int = 1, *, size: int = 0) -> None:
        """Let *page* do so many deeds, each with *size* characters beside its number."""
        for _ in range(times):
            n = len(self.did)
            self.did.append(await page.evaluate("([n, size]) => deed(n, size)", [n, size]))

    def promise(self, times: int) -> list[int]:
        """Return the numbers of deeds that a page will do by itself."""
        numbers = list(range(len(self.did), len(self.did) + times))
        self.did += numbers
        return numbers

    async def flushed(self, page: Page | Tab) -> None:
        """Wait until what *page* has is acknowledged."""
        await page.evaluate("stolper('flush')")

    async def sessions(self) -> list[dict[str, Any]]:
        """Return the site's sessions, oldest first."""
        body = await self.world.stack.api(f"/sessions?site={self.site.key}&limit=100")
        return list(reversed(body["sessions"]))

    async def stored(self) -> list[int]:
        """Return the numbers of the deeds that were told; of each page in the order of their events."""
        found: list[tuple[str, int, int]] = []
        for session in await self.sessions():
            for event in await self.world.stack.events(session["id"]):
                if event["type"] == "custom" and event["name"] == "deed":
                    found.append((event["page_load"], event["i"], event["props"]["n"]))
        pages = [
            [n for _, _, n in rows] for _, rows in groupby(sorted(found), key=lambda row: row[0])
        ]
        # Pages' own clocks meet at their first batch only: what is held equal is each page's order.
        assert all(page == sorted(page) for page in pages), pages
        return sorted(n for page in pages for n in page)

    async def recordings(self) -> str:
        """Return all recordings of the site as one text."""
        texts = []
        for session in await self.sessions():
            recording = await self.world.stack.recording(session["id"])
            texts.append(json.dumps(recording))
        return "\n".join(texts)

    async def all_stored(self, within_s: float = 30.0) -> bool:
        """Wait until every deed is told and drawn; say whether that came."""

        async def check() -> bool:
            if len(await self.stored()) < len(self.did):
                return False
            text = await self.recordings()
            return all(f"deed {n}. " in text for n in self.did)

        try:
            await eventually(check, within_s=within_s, every_s=0.3)
        except AssertionError:
            return False
        return True

    async def row(self, name: str) -> Row:
        """Return what came of it."""
        sessions = await self.sessions()
        gaps: list[str] = []
        health = await self.world.stack.store.health(self.site.key, 0)
        if health.total("early"):
            gaps.append("left early")
        for session in sessions:
            body = await self.world.stack.api(f"/sessions/{session['id']}")
            gaps += [_name(gap) for gap in body["session"]["gaps"]]
        text = await self.recordings()
        return Row(
            name=name,
            did=self.did,
            sent=len(self.faults.sent),
            stored=await self.stored(),
            drawn=[n for n in self.did if f"deed {n}. " in text],
            gaps=sorted(gaps),
            sessions=len(sessions),
        )

    async def tallied(self, what: What) -> bool:
        """Wait until the server has written down that *what* happened on the site."""

        async def check() -> int:
            return (await self.world.stack.store.health(self.site.key, 0)).total(what)

        return bool(await eventually(check, within_s=40))

    async def close(self) -> None:
        """Close what the situation opened."""
        await self._open.aclose()


def _name(gap: dict[str, Any]) -> str:
    detail = gap["detail"]
    return f"{detail['kind']}/{detail['reason']}" if gap["kind"] == "reported" else gap["kind"]
