"""Assets from a page to its replay: what a second visit sends, and what the replay gets back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, Request

from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CONSOLE = Path(__file__).parents[2] / "console/static"
SHEETS = [(CONSOLE / f"{name}.css").read_text() for name in ("console", "rules", "pick")]
"""Real style sheets, as a site has them: one linked, one in the page, one adopted by a script."""

PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Shop</title>
<link rel=stylesheet href=/site.css><style>{style}</style>{script}</head>
<body><h1>Shop</h1><p>Twelve things to buy</p><button id=b>Buy</button>
<script>
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];
fetch("/adopted.css").then((answer) => answer.text()).then((text) => {{
  sheet.replaceSync(text);
  document.body.dataset.state = "ready";
}});
</script></body></html>"""


def site_app(pages: dict[str, str]) -> web.Application:
    """Return a site; *pages* by path are read at each request."""

    async def page(request: web.Request) -> web.Response:
        if request.path not in pages:
            raise web.HTTPNotFound
        media = "text/css" if request.path.endswith(".css") else "text/html"
        return web.Response(text=pages[request.path], content_type=media, charset="utf-8")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    return app


class Visit:
    """A visit to a page, and what it uploaded."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = ""
        self.bodies: list[int] = []
        page.on("request", self._sent)

    def _sent(self, request: Request) -> None:
        if request.method == "POST" and "/i/" in request.url:
            self.bodies.append(len(request.post_data_buffer or b""))

    @property
    def uploaded(self) -> int:
        """Return the bytes of all bodies sent to the collector."""
        return sum(self.bodies)


@asynccontextmanager
async def visiting(browser: Browser, url: str) -> AsyncIterator[Visit]:
    """Visit *url* as somebody who was never there before; leave once all is stored."""
    context = await browser.new_context()
    visit = Visit(await context.new_page())
    await visit.page.goto(url)
    await visit.page.wait_for_selector("body[data-state=ready]", state="attached")
    await visit.page.wait_for_function("window.stolper && window.stolper('session')")
    visit.session = await visit.page.evaluate("window.stolper('session')")
    assert await visit.page.evaluate("window.stolper('flush')")
    yield visit
    await context.close()


def style_texts(value: Any) -> Iterator[str]:
    """Give all texts in *value* that are style sheets of PAGE."""
    if isinstance(value, str):
        if len(value) >= 1000:
            yield value
    elif isinstance(value, dict):
        if "rules" in value:  # an adopted sheet
            yield json.dumps(value["rules"])
        for item in value.values():
            yield from style_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from style_texts(item)


async def recorded(stack: Stack, session: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the style texts in the recording of *session*, and its gaps."""
    loads = await stack.api(f"/sessions/{session}/recording")
    return sorted(set(style_texts(loads))), [gap for load in loads for gap in load["gaps"]]


async def named(stack: Stack, key: str, count: int) -> list[str]:
    """Return the hashes in the configuration of site *key*, once there are *count*."""

    async def enough() -> list[str] | None:
        answer = await stack.get(f"/s/{key}.json")
        found: list[str] = answer.get("assets", [])
        return found if len(found) >= count else None

    return list(await eventually(enough, within_s=30))


async def test_a_second_visit_sends_no_style_sheets(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """It uploads at most 0.35 of the first, and its recording holds the same style texts."""
    pages = {"/site.css": SHEETS[0], "/adopted.css": SHEETS[2]}
    origin = await serve(site_app(pages))
    site = await server.site(origin)
    pages["/"] = PAGE.format(style=SHEETS[1], script=server.script(site))
    async with visiting(browser, f"{origin}/") as first:
        assert 3 == len(await named(server, site.key, 3))
    async with visiting(browser, f"{origin}/") as second:
        pass
    texts, gaps = await recorded(server, first.session)
    again, gaps_again = await recorded(server, second.session)
    print(f"first visit {first.uploaded} bytes, second {second.uploaded}")

    assert [] == gaps == gaps_again
    assert 3 == len(texts)
    assert texts == again
    assert second.uploaded <= 0.35 * first.uploaded
