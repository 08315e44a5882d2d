"""Assets from a page to its replay: what a second visit sends, and what the replay gets back."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, Request

from core.model import asset_hash
from tests.console.test_kept import png
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


def site_app(pages: dict[str, str | bytes]) -> web.Application:
    """Return a site; *pages* by path are read at each request."""

    async def page(request: web.Request) -> web.Response:
        content = pages.get(request.path)
        if content is None:
            raise web.HTTPNotFound
        if isinstance(content, bytes):
            return web.Response(body=content, headers={"Cache-Control": "max-age=60"})
        media = "text/css" if request.path.endswith(".css") else "text/html"
        return web.Response(text=content, content_type=media, charset="utf-8")

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
    pages: dict[str, str | bytes] = {"/site.css": SHEETS[0], "/adopted.css": SHEETS[2]}
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


FONT = b"wOF2 it need not be a font to be kept as one"

PICTURES = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Pictures</title>
<style>@font-face {{ font-family: F; src: url(/f.woff2?v=4) }} p {{ font-family: F }}</style>
{script}</head><body data-state=ready><p>Text in a web font</p>
<img src=/shown.png width=10 height=20><div data-stolper=mask><img src=/masked.png></div>
<img data-stolper=block src=/blocked.png><img id=made>
<canvas id=drawn width=40 height=30 data-stolper=unmask></canvas>
<canvas id=hidden width=40 height=30></canvas>
<canvas id=mixed width=40 height=30 data-stolper=unmask></canvas>
<script>
const draw = (id, colour) => {{
  const context = document.getElementById(id).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 40, 30);
}};
draw("drawn", "red");
draw("hidden", "blue");
const foreign = new Image();
foreign.onload = () => mixed.getContext("2d").drawImage(foreign, 0, 0);
foreign.src = "{foreign}/shown.png";
fetch("/made.png").then((answer) => answer.blob()).then((blob) => {{
  made.src = URL.createObjectURL(blob);
}});
</script></body></html>"""


async def custom_events(stack: Stack, session: str, tag: str) -> list[dict[str, Any]]:
    """Return the payloads of our own events with *tag* as they lie in the stored chunks."""
    found = []
    for ref in await stack.store.chunks(session):
        raw = await stack.store.read_chunk(ref)
        for event in json.loads(gzip.decompress(raw) if ref.info.encoding else raw):
            if event["type"] == 5 and event["data"]["tag"] == tag:
                found.append(event["data"]["payload"])
    return found


async def test_fonts_pictures_and_canvases_are_kept_where_allowed(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """
    With `images=capture` and `canvas=true` the site keeps the font, the shown picture and the one
    made from a blob, and nothing masked or blocked; sizes are told of the others. The released
    canvas is sampled once per change; a masked one never; one that cannot be read is a named gap.
    """
    pictures = {
        name: png(red, 10, 20) for red, name in enumerate(("shown", "masked", "blocked"), 1)
    }
    made = png(9, 5, 5)
    pages: dict[str, str | bytes] = {f"/{name}.png": one for name, one in pictures.items()}
    pages |= {"/made.png": made, "/f.woff2": FONT}
    origin = await serve(site_app(pages))
    foreign = await serve(site_app(pages))
    site = await server.site(origin)
    options = site.options.changed(["images=capture", "canvas=true"])
    await server.store.set_site_options(site.key, options)
    pages["/"] = PICTURES.format(script=server.script(site), foreign=foreign)
    async with visiting(browser, f"{origin}/") as visit:
        page, store = visit.page, server.store
        expected = {asset_hash(content) for content in (FONT, pictures["shown"], made)}

        async def told(tag: str, count: int) -> list[dict[str, Any]]:
            await page.evaluate("window.stolper('flush')")
            found = await custom_events(server, visit.session, tag)
            return found if len(found) >= count else []

        assets = await eventually(lambda: told("stolper.asset", 3), within_s=30, every_s=0.3)
        samples = await eventually(lambda: told("stolper.canvas", 1), within_s=30, every_s=0.3)
        await page.evaluate("draw('drawn', 'lime'), draw('hidden', 'lime')")
        samples = await eventually(lambda: told("stolper.canvas", 2), within_s=30, every_s=0.3)
        sizes = await told("stolper.sizes", 1)
        held = await store.stored_assets(
            site.key, [asset_hash(one) for one in (*pictures.values(), made, FONT)]
        )
        drawn = await page.evaluate(
            """async ([first, second]) => {
              const colour = async (url) => {
                const picture = new Image();
                picture.src = url;
                await picture.decode();
                const canvas = new OffscreenCanvas(40, 30).getContext("2d");
                canvas.drawImage(picture, 0, 0);
                return [...canvas.getImageData(20, 15, 1, 1).data].map((one) => one > 127);
              };
              return [await colour(first), await colour(second)];
            }""",
            [sample["image"] for sample in samples],
        )
    gaps = (await server.api(f"/sessions/{visit.session}"))["session"]["gaps"]

    assert expected == held == {one["asset"]["sha256"] for one in assets}
    assert {f"{origin}/f.woff2?v=", f"{origin}/shown.png", None} == {
        one.get("url") for one in assets
    }
    assert {(10, 20), (5, 5)} == {tuple(size) for one in sizes for size in one.values()}
    assert 1 == len({sample["id"] for sample in samples})
    assert [[True, False, False, True], [False, True, False, True]] == drawn
    assert 2 == len(samples)
    assert [("canvas", "tainted")] == [
        (gap["detail"]["kind"], gap["detail"]["reason"]) for gap in gaps
    ], gaps
