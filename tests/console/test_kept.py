"""What the player shows of kept style sheets, fonts and pictures, and of sampled canvases."""

from __future__ import annotations

import base64
import dataclasses
import struct
import zlib
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from console.stage import stage_csp
from core.model import NewAsset
from tests.console.support import START, Running, Visit, element, rrweb_page, shop, text_node
from tests.console.test_player import open_session, picture

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CSS = "h1 { color: rgb(4, 5, 6) }" + " " * 1000
ADOPTED = '[{"rule": "h1 { margin-left: 7px }", "index": 0}]'
PAGE = "https://shop.example"


def png(red: int, width: int = 3, height: int = 2) -> bytes:
    """Return a picture of one colour."""
    rows = b"".join(b"\0" + bytes((red, 0, 0)) * width for _ in range(height))

    def part(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", head)
        + part(b"IDAT", zlib.compress(rows))
        + part(b"IEND", b"")
    )


async def keep(console: Running, kind: Any, media: str, content: bytes) -> dict[str, str]:
    """Keep *content* for the site; return what stands for it in a recording."""
    new = NewAsset("sshop", kind, media, content, START, 10**6)
    name = await console.store.put_asset(new)
    assert name is not None
    return {"sha256": name}


def custom(tag: str, payload: dict[str, Any], at: int = 20) -> dict[str, Any]:
    """Return an event of ours."""
    return {"type": 5, "timestamp": at, "data": {"tag": f"stolper.{tag}", "payload": payload}}


async def test_kept_contents_are_shown(page: Page, shown: Running) -> None:
    """
    Style texts are put back, pictures and fonts come from the stage, canvases are drawn, and a style
    sheet that is gone is a gap beside a page that plays.
    """
    sheet = await keep(shown, "sheet", "text/css", CSS.encode())
    rules = await keep(shown, "sheet", "text/css", ADOPTED.encode())
    image = await keep(shown, "image", "image/png", png(200))
    font = await keep(shown, "font", "font/woff2", b"wOF2 no font at all")
    drawn = "data:image/png;base64," + base64.b64encode(png(90)).decode()
    faces = f'@font-face {{ font-family: F; src: url("{PAGE}/f.woff2") }} p {{ font-family: F }}'
    children = [
        element(6, "h1", [text_node(7, "Tea")]),
        element(8, "link", [], {"_cssText": sheet}),
        element(9, "style", [], {"_cssText": {"sha256": "0" * 32}}),
        element(10, "style", [], {"_cssText": faces}),
        element(11, "img", [], {"id": "kept", "src": f"{PAGE}/tea.png"}),
        element(12, "img", [], {"id": "blob", "src": "blob:"}),
        element(13, "img", [], {"id": "not", "src": f"{PAGE}/other.png"}),
        element(14, "canvas", [], {"width": "30", "height": "20"}),
        element(15, "p", [text_node(16, "Text")]),
    ]
    adopted = {
        "type": 3,
        "timestamp": 15,
        "data": {
            "source": 15,
            "id": 1,
            "styleIds": [1],
            "styles": [{"styleId": 1, "rules": rules}],
        },
    }
    recording = [
        *rrweb_page(children=children),
        adopted,
        custom("asset", {"url": f"{PAGE}/f.woff2", "asset": font}),
        custom("asset", {"url": f"{PAGE}/tea.png", "asset": image}),
        custom("asset", {"node": 12, "asset": image}),
        custom("sizes", {"11": [40, 30], "13": [50, 60]}),
        custom("canvas", {"id": 14, "image": drawn}),
        custom("canvas", {"id": 14, "image": "https://evil.example/x.png"}, 21),
        custom("canvas", {"id": 6, "image": drawn}, 22),
    ]
    visit = Visit(shown.store, "kept")
    await visit.send([{"t": 1, "type": "page"}, {"t": 90, "type": "leave"}], recording=recording)
    await shown.store.end_session("kept", "left")
    fonts: list[int] = []
    page.on("response", lambda got: fonts.append(got.status) if font["sha256"] in got.url else None)
    await open_session(page, shown, "kept")
    await expect(picture(page).locator("h1")).to_have_text("Tea")
    await page.keyboard.press("9")
    await page.keyboard.press("ArrowRight")
    found = (
        await picture(page)
        .locator("h1")
        .evaluate(
            """async (title) => {
          const one = (query) => title.ownerDocument.querySelector(query);
          const until = async (done) => {
            while (!done()) await new Promise((next) => setTimeout(next, 20));
          };
          await until(() => one("#kept").naturalWidth && one("#blob").naturalWidth);
          const canvas = one("canvas");
          return {
            colour: getComputedStyle(title).color,
            margin: getComputedStyle(title).marginLeft,
            kept: [one("#kept").naturalWidth, one("#blob").naturalWidth, one("#kept").width],
            box: [one("#not").offsetWidth, one("#not").offsetHeight],
            canvas: [canvas.offsetWidth, canvas.offsetHeight],
            drawn: getComputedStyle(canvas).backgroundImage,
            src: one("#kept").getAttribute("src"),
          };
        }"""
        )
    )
    async with aiohttp.ClientSession() as http:
        async with http.get(shown.url + found["src"]) as answer:
            policy = answer.headers["Content-Security-Policy"]
            content = await answer.read()
        async with http.get(shown.url + found["src"].rpartition("/")[0] + "/" + "0" * 32) as answer:
            gone = answer.status

    assert ("rgb(4, 5, 6)", "7px") == (found["colour"], found["margin"])
    assert [3, 3, 3] == found["kept"]
    assert [50, 60] == found["box"]
    assert [30, 20] == found["canvas"]
    assert f'url("{drawn}")' == found["drawn"]
    assert [200] == fonts[:1]
    assert (png(200), "default-src 'none'; sandbox") == (content, policy)
    assert 404 == gone
    gaps = await page.locator("#gaps li").all_inner_texts()
    assert 1 == sum("style sheet" in gap for gap in gaps), gaps
    assert 1 == sum("Pictures of this page" in gap for gap in gaps), gaps
    assert any("was not told" in gap for gap in gaps)  # the page never said that it is left


@pytest.mark.parametrize("images", ["capture", "placeholder"])
async def test_pictures_come_from_the_site_only_where_allowed(images: str) -> None:
    """Where an owner keeps pictures or none, the player asks the site for no picture."""
    site = shop()
    options = site.options.changed([f"images={images}"])
    parts = dict(
        part.split(" ", 1)
        for part in stage_csp(dataclasses.replace(site, options=options), None).split("; ")
    )

    assert "'self' data: blob:" == parts["img-src"]
    assert f"'self' data: {PAGE}" == parts["font-src"]
