"""The exported file in a real Chromium: opened from the disk with the network off, it plays by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FrameLocator, Page, Request, expect

from console.exporting import Wish, write_export
from core.model import NewAsset, asset_hash
from core.readers import Note
from replay.known import WHOLE, Span
from tests.console.conftest import sign_in
from tests.console.support import (
    START,
    Running,
    Visit,
    add_text,
    element,
    rrweb_page,
    scroll,
    text_node,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PICTURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">'
    b'<script>alert(1)</script><rect width="40" height="30" fill="red"/></svg>'
)
SHEET = f"h1 {{ color: rgb(1, 2, 3) }} {'.x { margin: 0 } ' * 20}"


@dataclass
class Opened:
    """An exported file that is open, what it asked for, and what it complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def picture(self) -> FrameLocator:
        """The recorded page as it is shown."""
        return self.page.frame_locator('.screen:not([style*="hidden"]) iframe')

    def note(self, request: Request) -> None:
        if not request.url.startswith(("data:", "about:")):
            self.asked.append(request.url)


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser) -> AsyncIterator[Opened]:
    """A tab without a network, narrow enough for a phone's owner and wide enough for two columns."""
    context = await browser.new_context(
        viewport={"width": 1200, "height": 800}, locale="de-DE", offline=True
    )
    made = Opened(await context.new_page())
    made.page.on("request", made.note)
    made.page.on("pageerror", lambda error: made.said.append(str(error)))
    made.page.on("console", lambda message: made.said.append(message.text))
    yield made
    await context.close()


async def write(console: Running, player: Path, to: Path, span: Span = WHOLE) -> Path:
    """Export the visit `v`."""
    session = await console.store.session("v")
    assert session
    with to.open("wb") as file:
        await write_export(console.store, session, Wish("html", span, "en"), player, file)
    return to


async def visit(console: Running) -> None:
    """Write a visit of two pages, with a kept picture, a sheet, a struggle and a note."""
    await console.store.put_asset(
        NewAsset("sshop", "image", "image/svg+xml", PICTURE, START, 1_000_000)
    )
    kept = {"url": "https://shop.example/a.svg", "asset": {"sha256": asset_hash(PICTURE)}}
    body = [
        element(6, "style", [text_node(7, SHEET)]),
        element(8, "h1", [text_node(9, "First page")]),
        element(10, "img", [], {"src": "https://shop.example/a.svg", "id": "kept"}),
        element(11, "img", [], {"src": "https://elsewhere.example/b.png", "onerror": "alert(2)"}),
        element(12, "link", [], {"rel": "stylesheet", "href": "https://elsewhere.example/c.css"}),
    ]
    one = Visit(console.store, "v")
    await one.send(
        [{"t": 5, "type": "page", "path": "/first"}, {"t": 900, "type": "click", "answered_ms": 1}],
        recording=[
            *rrweb_page(children=body),
            {"type": 5, "timestamp": 12, "data": {"tag": "stolper.asset", "payload": kept}},
            scroll(800),
            add_text(2_000, 30, "Came later"),
            {"type": 3, "timestamp": 2_200, "data": "broken"},
            scroll(3_000),
        ],
    )
    await one.send(
        [{"t": 5, "type": "page", "path": "/second"}],
        recording=[*rrweb_page("Second page"), scroll(1_500)], load="load-2", origin=8_000,
    )  # fmt: skip
    await one.flag("rage_click", title="Wutklick", at=2_500)
    await console.store.add_note(Note("n1", "v", START + 2_600, "eve", "Call them", START))
    await console.store.end_session("v", "left")


async def test_it_plays_from_the_disk(
    shown: Running, opened: Opened, player: Path, tmp_path: Path
) -> None:
    """Picture, sheet and kept images are drawn, struggles lead to their moment; not one request leaves."""
    await visit(shown)
    file = await write(shown, player, tmp_path / "v.html")
    page = opened.page
    await page.goto(file.as_uri())

    await expect(opened.picture.locator("h1")).to_have_text("First page")
    await expect(opened.picture.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
    assert 40 == await opened.picture.locator("#kept").evaluate("image => image.naturalWidth")
    await expect(page.locator(".address")).to_have_text("/first")
    await page.locator("#panel-flags .row").click()
    await page.locator(".view", has_text="Ereignisse").click()
    await page.locator("#panel-events .row", has_text="/second").click()
    await expect(opened.picture.locator("h1")).to_have_text("Second page")
    await page.keyboard.press("0")
    await expect(opened.picture.locator("h1")).to_have_text("First page")
    await expect(opened.picture.locator("body")).not_to_contain_text("Came later")
    await page.locator(".view", has_text="Vollständigkeit").click()
    told = page.locator("#panel-gaps .row", has_text="of chunk 0")
    await expect(told).to_have_count(1)  # though it is drawn twice
    await page.keyboard.press("Shift+ArrowRight")
    await page.locator(".view", has_text="Ablauf").click()
    await page.locator("#panel-transcript .row", has_text="Notiz von eve: Call them").click()
    await expect(opened.picture.locator("body")).to_contain_text("Came later")
    await page.locator(".language", has_text="English").click()
    await expect(page.locator(".view", has_text="Transcript")).to_be_visible()
    assert [file.as_uri()] == opened.asked
    assert [] == [one for one in opened.said if "Blocked script execution" not in one]


async def test_it_plays_over_pages_to_the_end(
    shown: Running, opened: Opened, player: Path, tmp_path: Path
) -> None:
    """Play goes over pauses and from page to page, and stands still at the end."""
    await visit(shown)
    file = await write(shown, player, tmp_path / "v.html")
    await opened.page.goto(file.as_uri())
    await expect(opened.picture.locator("h1")).to_have_text("First page")
    await opened.page.keyboard.press("ArrowUp")
    await opened.page.keyboard.press(" ")

    await expect(opened.picture.locator("h1")).to_have_text("Second page", timeout=30_000)
    await expect(opened.page.locator(".now")).to_have_text("0:09", timeout=30_000)
    await expect(opened.page.locator(".play")).not_to_have_class("is-playing")


async def test_a_clip_plays_its_span(
    shown: Running, opened: Opened, player: Path, tmp_path: Path
) -> None:
    """A clip begins with the page as it was, ends where it was cut, and keeps the session's times."""
    await visit(shown)
    file = await write(shown, player, tmp_path / "clip.html", Span(2_500, 6_000))
    await opened.page.goto(file.as_uri())

    await expect(opened.picture.locator("body")).to_contain_text("Came later")
    await expect(opened.page.locator(".now")).to_have_text("0:02")
    await opened.page.keyboard.press("9")
    await expect(opened.page.locator(".now")).to_have_text("0:05")
    await expect(opened.picture.locator("h1")).to_have_text("First page")
    assert [file.as_uri()] == opened.asked


@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [(1280, "de", "dark"), pytest.param(360, "en", "light", marks=pytest.mark.long)],
)
async def test_axe_finds_nothing(
    browser: Browser,
    shown: Running,
    player: Path,
    tmp_path: Path,
    width: int,
    language: str,
    scheme: str,
) -> None:
    """Transcript, export page, its dialog and the file itself: axe finds nothing, and nothing overflows."""
    await visit(shown)
    file = await write(shown, player, tmp_path / "v.html")
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        locale=language,
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = await context.new_page()
    await sign_in(page, shown)
    places = [
        shown.url + path for path in ("/sessions/v/transcript", "/sessions/v/export", "/sessions/v")
    ]
    for place in (*places, file.as_uri()):
        await page.goto(place)
        if place.endswith("/v"):
            await page.wait_for_selector('#stage-box[data-view="shown"]')
            await page.keyboard.press("x")
            await expect(page.locator("#export-dialog")).to_be_visible()
        elif place.startswith("file:"):
            await expect(page.locator(".stage-note")).to_be_hidden()
            await page.locator("#choice-transcript").click()
        results = await Axe().run(page, context={"exclude": [["#stage"]]})

        assert [] == [
            f"{place}: {one['id']} {one['nodes'][0]['html'][:90]}"
            for one in results.response["violations"]
        ]
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
    await context.close()


async def test_the_dialog_exports_from_now(page: Page, shown: Running) -> None:
    """X opens the dialog; it takes the moment that is shown, and the file is saved while the replay stays."""
    await visit(shown)
    await page.goto(shown.url + "/sessions/v?at=3000")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await page.keyboard.press("x")
    await page.locator("#export-dialog").get_by_label("Transcript").check()
    await page.locator("#export-dialog [data-now=from]").click()
    async with page.expect_download() as downloading:
        await page.locator("#export-dialog").get_by_role("button", name="Export").click()
    download = await downloading.value
    saved = await download.path()
    text = await asyncio.to_thread(saved.read_text)

    assert "stolper-v-0.03-end.txt" == download.suggested_filename
    assert "Second page" not in text
    assert "Page /second." in text
    assert "Note by eve" not in text  # that was before
    await expect(page.locator("#export-dialog")).to_be_hidden()
    assert page.url.endswith("?at=3000")


async def test_the_transcript_moves_the_player(page: Page, shown: Running) -> None:
    """Beside the replay the transcript is fetched when it is opened, and a line of it leads the player there."""
    await visit(shown)
    await page.goto(shown.url + "/sessions/v")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await page.click("#transcript-panel summary")
    await page.locator("#transcript-panel .line", has_text="Page /second.").locator("a").click()
    inner = page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')

    await expect(inner.locator("h1")).to_have_text("Second page")
    assert "at=8000" in page.url
