"""The player in a real Chromium: what it draws, what it survives, and its keys."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.console.support import (
    ROOT,
    Running,
    Visit,
    add_text,
    element,
    mutation,
    nest,
    rrweb_page,
    scroll,
    text_node,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SHOP = """<!doctype html><title>Shop</title><style>#total { color: rgb(1, 2, 3) }</style>
<h1>Tea</h1><ul id="list"></ul><p id="total">0</p><input id="name"><button id="add">Add</button>
<script>add.onclick = () => {
  const item = document.createElement("li");
  item.textContent = "Item " + (list.children.length + 1);
  list.append(item);
  total.textContent = list.children.length * 5;
};</script>"""


def picture(page: Page) -> FrameLocator:
    """Return the recorded page as it is shown; the next one is drawn hidden beside it."""
    return page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')


async def open_session(page: Page, console: Running, session: str, query: str = "") -> None:
    await page.goto(f"{console.url}/sessions/{session}{query}")


def _recorder() -> str:
    """Return the real recorder as a script that defines `rr`."""
    built = subprocess.run(
        [ROOT / "node_modules/.bin/esbuild", "--bundle", "--format=iife", "--global-name=rr"],
        input=b'export { record } from "@rrweb/record"', cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return built.stdout.decode()


async def record(browser: Browser) -> tuple[list[Any], str]:
    """Record a visit with the real recorder; return its events and the markup at its end."""
    bundle = await asyncio.to_thread(_recorder)
    recorded = await browser.new_page(viewport={"width": 800, "height": 600})
    await recorded.set_content(SHOP)
    await recorded.add_script_tag(content=bundle)
    await recorded.evaluate(
        """() => {
          window.events = [];
          const origin = performance.timeOrigin;
          rr.record({ emit: (e) => events.push({ ...e, timestamp: Math.round(e.timestamp - origin) }) });
        }"""
    )
    for _ in range(3):
        await recorded.click("#add")
        await recorded.wait_for_timeout(150)
    await recorded.fill("#name", "Ada")
    await recorded.wait_for_timeout(100)
    events = await recorded.evaluate("events")
    markup = await recorded.evaluate("document.querySelector('#list').outerHTML")
    await recorded.close()
    return list(events), str(markup)


async def test_real_recording_replays(browser: Browser, page: Page, shown: Running) -> None:
    """What @rrweb/record saw of a page is what the player's frame holds at the end of it."""
    events, markup = await record(browser)
    visit = Visit(shown.store, "real")
    await visit.send([{"t": events[0]["timestamp"], "type": "page"}], recording=events)
    await shown.store.end_session("real", "left")
    await open_session(page, shown, "real")
    await expect(picture(page).locator("h1")).to_have_text("Tea")
    await expect(picture(page).locator("li")).to_have_count(0)
    await page.keyboard.press("9")
    await page.keyboard.press("ArrowRight")
    await expect(picture(page).locator("li")).to_have_count(3)

    replayed = await picture(page).locator("#list").evaluate("list => list.outerHTML")
    assert replayed == markup
    assert await picture(page).locator("#name").input_value() == "Ada"
    colour = await picture(page).locator("#total").evaluate("e => getComputedStyle(e).color")
    assert colour == "rgb(1, 2, 3)"


async def test_deep_page_is_drawn(page: Page, shown: Running) -> None:
    """A page whose elements nest 1 000 deep is drawn to its innermost text."""
    visit = Visit(shown.store, "deep")
    await visit.send([{"t": 1, "type": "page"}], recording=rrweb_page(children=nest(1_000)))
    await shown.store.end_session("deep", "left")
    await open_session(page, shown, "deep")

    await expect(picture(page).locator("body")).to_have_text("innermost")
    assert await picture(page).locator("div").count() == 1_000


async def test_plays_to_its_end(page: Page, shown: Running) -> None:
    """Play runs the recording in its own time, applies changes on the way, and stops at the end."""
    visit = Visit(shown.store, "play")
    await visit.send(
        [{"t": 1, "type": "page"}], recording=[*rrweb_page(), add_text(700, 20, "Later")]
    )
    await shown.store.end_session("play", "left")
    await open_session(page, shown, "play")
    await expect(picture(page).locator("h1")).to_have_text("Hello")
    await page.keyboard.press("Space")
    await expect(page.locator("#play-text")).to_have_text("Pause")
    await expect(picture(page).locator("p")).to_have_text("Later")
    await expect(page.locator("#play-text")).to_have_text("Play")


async def test_damage_is_a_gap_and_the_rest_plays(page: Page, shown: Running) -> None:
    """Events of a wrong shape, events that throw in the player and broken chunks are named; the rest plays."""
    visit = Visit(shown.store, "broken")
    wrong = {"type": 3, "timestamp": 300, "data": {"source": 0}}
    throws = mutation(
        400, attributes=[{"id": 7, "attributes": {"style": {"color": "red"}}}]
    )  # of a text
    start = [*rrweb_page(), add_text(200, 20, "Before"), wrong, throws]
    await visit.send([{"t": 1, "type": "page"}], recording=start)
    await visit.send([], recording=b"\x1f\x8b no gzip")
    await visit.send([], recording=[add_text(900, 30, "After"), scroll(1000)])
    await shown.store.end_session("broken", "left")
    await open_session(page, shown, "broken")
    await page.keyboard.press("9")
    await page.keyboard.press("ArrowRight")
    await expect(picture(page).locator("p")).to_have_text(["Before", "After"])

    gaps = await page.locator("#gaps li").all_inner_texts()
    assert any("has no list of texts" in gap for gap in gaps)
    assert any("not valid gzip" in gap for gap in gaps)
    assert sum("was not told" in gap for gap in gaps) == 1  # the page never said that it is left
    assert len(gaps) == 4, gaps
    await expect(page.locator("#complete")).to_be_hidden()


async def test_recorded_scripts_never_run(page: Page, shown: Running) -> None:
    """Scripts, handlers, javascript: links, srcdoc and meta refresh of a recording do nothing."""
    evil = "top.ran = 1; parent.parent.ran = 1; window.ran = 1"
    children = [
        element(6, "h1", [text_node(7, "Evil")]),
        element(8, "script", [text_node(9, evil)]),
        element(10, "img", [], {"src": "x:", "onerror": evil}),
        element(11, "a", [text_node(12, "go")], {"href": f"javascript:{evil}", "onclick": evil}),
        element(13, "iframe", [], {"srcdoc": f"<script>{evil}</script>"}),
        element(14, "meta", [], {"http-equiv": "refresh", "content": "0;url=javascript:" + evil}),
        element(15, "form", [element(16, "button", [])], {"action": f"javascript:{evil}"}),
    ]
    late = mutation(
        300, adds=[{"parentId": 5, "nextId": None, "node": element(30, "script", [text_node(31, evil)])}]
    )  # fmt: skip
    visit = Visit(shown.store, "evil")
    await visit.send([{"t": 1, "type": "page"}], recording=[*rrweb_page(children=children), late])
    await shown.store.end_session("evil", "left")
    await open_session(page, shown, "evil")
    await expect(picture(page).locator("h1")).to_have_text("Evil")
    await page.keyboard.press("9")
    await picture(page).locator("a").evaluate("link => link.click()")
    await page.wait_for_timeout(300)

    for frame in page.frames:
        if "srcdoc" not in frame.url and frame.url != "about:blank":
            assert await frame.evaluate("window.ran") is None
    drawn = page.frame_locator("#stage").locator(".screen iframe")
    assert await drawn.get_attribute("sandbox") == "allow-same-origin"


DRAWN = """() => {
  const words = { shown: [], blanks: 0 };
  const look = (page) => {
    for (const one of page.querySelectorAll("h1")) words.shown.push(one.textContent);
    words.blanks += page.querySelectorAll(".blank").length;
    for (const one of page.querySelectorAll("iframe"))
      if (one.contentDocument) look(one.contentDocument);
  };
  look(document);
  return words;
}"""


async def test_recordings_in_one_another_end(page: Page, shown: Running) -> None:
    """A recording that links itself, or one in another without end, is a blank from some depth on."""
    names = [f"nested-session-{nth:04}" for nth in range(6)]
    loads = [f"nested-load-{nth:08}" for nth in range(6)]

    def link(node: int, nth: int) -> dict[str, Any]:
        return {
            "t": 2, "type": "frame", "node": node, "frame_session": names[nth],
            "frame_load": loads[nth], "origin": "https://pay.example",
        }  # fmt: skip

    for nth, name in enumerate(names):
        children = [
            element(6, "h1", [text_node(7, f"Depth {nth}")]),
            element(8, "iframe", []),
            element(9, "iframe", []),
        ]
        inner = [link(8, nth + 1)] if nth + 1 < len(names) else []
        # Only what the outermost document links is handed out.
        around = [link(90 + one, one) for one in range(2, 6)] if nth == 0 else []
        await Visit(shown.store, name).send(
            [{"t": 1, "type": "page"}, *inner, link(9, nth), *around],
            recording=rrweb_page(children=children),
            load=loads[nth],
        )
        await shown.store.end_session(name, "left")
    await open_session(page, shown, names[0])
    await expect(picture(page).locator("h1")).to_have_text("Depth 0")
    stage = await page.locator("#stage").element_handle()
    inside = await stage.content_frame() if stage else None
    assert inside is not None
    expected = {"shown": [f"Depth {nth}" for nth in range(4)], "blanks": 5}
    async with asyncio.timeout(30):
        while expected != (drawn := await inside.evaluate(DRAWN)):
            assert len(drawn["shown"]) <= 4, drawn
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # nothing more is drawn

    assert expected == await inside.evaluate(DRAWN)


async def test_a_frame_that_came_later_is_blanked_after_a_seek(page: Page, shown: Running) -> None:
    """Sought past its coming, a frame of another origin says whose it is; what follows is shown, too."""
    late = {"node": element(30, "iframe", [], {"rr_src": "https://pay.example/card"})}
    visit = Visit(shown.store, "late frame")
    recording = [
        *rrweb_page(),
        mutation(20_000, adds=[{"parentId": 5, "nextId": None, **late}]),
        add_text(30_000, 40, "Paid"),
        scroll(60_000),
    ]
    await visit.send([{"t": 1, "type": "page"}], recording=recording)
    await shown.store.end_session("late frame", "left")
    await open_session(page, shown, "late frame")
    await expect(picture(page).locator("h1")).to_be_visible()
    await page.keyboard.press("5")  # half way

    blank = picture(page).frame_locator("iframe").locator(".blank")
    await expect(blank).to_contain_text("pay.example")
    await page.keyboard.press("9")
    await expect(picture(page).locator("p")).to_have_text("Paid")
    await expect(blank).to_contain_text("pay.example")


async def test_keys_work_whatever_was_clicked(page: Page, shown: Running) -> None:
    """Keys seek, step, and change speed from anywhere on the page, also from inside the picture."""
    visit = Visit(shown.store, "keys")
    events: list[dict[str, Any]] = [{"t": 10, "type": "page"}]
    events += [
        {"t": t, "type": "click", "target": {"key": "a", "label": "A"}} for t in (20_000, 40_000)
    ]
    await visit.send(events, recording=[*rrweb_page(), scroll(60_000)])
    await visit.flag(at=40_000)
    await shown.store.end_session("keys", "left")
    await open_session(page, shown, "keys")
    await expect(picture(page).locator("h1")).to_be_visible()
    now = page.locator("#now")

    await page.keyboard.press("ArrowRight")
    await expect(now).to_have_text("0:05")
    await page.keyboard.press("ArrowLeft")
    await expect(now).to_have_text("0:00")
    await page.keyboard.press("Shift+ArrowRight")
    await expect(now).to_have_text("0:19")  # the click at 20 s; the session's start is at 10 ms
    await page.keyboard.press("Alt+ArrowRight")
    await expect(now).to_have_text("0:34")  # 5 s before the flag
    await page.keyboard.press("5")
    await expect(now).to_have_text("0:29")
    await page.locator("#skip").click()
    await page.keyboard.press("ArrowRight")
    await expect(now).to_have_text("0:34")
    await page.locator("#stage-box").click()  # the focus is in the picture's frame now
    await page.keyboard.press("0")
    await expect(now).to_have_text("0:00")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#speed")).to_have_value("2")
    await page.keyboard.press("?")
    await expect(page.locator("dialog#keys")).to_be_visible()


async def test_seek_bar_is_a_slider(page: Page, shown: Running) -> None:
    """The seek bar is a native slider with a spoken value, and answers the keyboard."""
    visit = Visit(shown.store, "slider")
    await visit.send([{"t": 10, "type": "page"}], recording=[*rrweb_page(), scroll(60_010)])
    await shown.store.end_session("slider", "left")
    await open_session(page, shown, "slider")
    slider = page.get_by_role("slider", name="Position")
    await slider.focus()
    await page.keyboard.press("End")
    await expect(slider).to_have_attribute("aria-valuetext", "1:00 of 1:00")
    await page.keyboard.press("Home")
    await expect(slider).to_have_attribute("aria-valuetext", "0:00 of 1:00")


async def test_flag_link_opens_before_it(page: Page, shown: Running) -> None:
    """A link to a flag opens 5 s before it and waits; a click on a flag plays from there."""
    visit = Visit(shown.store, "flagged")
    recording = [*rrweb_page(), scroll(9_000), add_text(15_500, 20, "Too late"), scroll(30_000)]
    await visit.send([{"t": 0, "type": "page"}], recording=recording)
    flag = await visit.flag(at=20_000)
    await shown.store.end_session("flagged", "left")
    await open_session(page, shown, "flagged", f"?flag={flag.id}")
    await expect(page.locator("#now")).to_have_text("0:15")
    await expect(picture(page).locator("h1")).to_be_visible()
    await expect(picture(page).locator("p")).to_have_count(0)
    await expect(page.locator("#play-text")).to_have_text("Play")
    await page.locator("#flags a.flag").click()
    await expect(page.locator("#play-text")).to_have_text("Pause")
    await expect(picture(page).locator("p")).to_have_text("Too late")

    assert page.url.endswith(f"?flag={flag.id}")


async def test_documents_and_tabs_do_not_mix(page: Page, shown: Running) -> None:
    """Each moment shows the document that the tab in use had then, though node ids repeat."""
    visit = Visit(shown.store, "docs")
    await visit.send([{"t": 0, "type": "page", "path": "/one"}], recording=rrweb_page("One"))
    second = [*rrweb_page("Two"), add_text(500, 20, "More of two")]
    await visit.send(
        [{"t": 0, "type": "page", "path": "/two"}], recording=second, load="load-2", origin=10_000
    )
    await visit.send(
        [{"t": 0, "type": "page", "path": "/three"}, {"t": 9_000, "type": "click"}],
        recording=rrweb_page("Three"), load="load-3", tab="tab-2", origin=20_000,
    )  # fmt: skip
    await shown.store.end_session("docs", "left")
    await open_session(page, shown, "docs", "?at=3000")
    heading = picture(page).locator("h1")
    await expect(heading).to_have_text("One")
    await expect(page.locator("#address")).to_have_text("https://shop.example/one")
    await page.locator("#events button", has_text="/two").click()
    await expect(heading).to_have_text("Two")
    await page.keyboard.press("9")
    await expect(heading).to_have_text("Three")
    await expect(page.get_by_role("button", name="Tab 2")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Tab 1").click()
    await expect(heading).to_have_text("Two")
    await expect(picture(page).locator("p")).to_have_text("More of two")
    await expect(page.locator("#address")).to_have_text("https://shop.example/two")


async def test_inactivity_is_grey_and_skipped(page: Page, shown: Running) -> None:
    """A long pause is drawn as inactive, and play jumps over it."""
    visit = Visit(shown.store, "pause")
    recording = [*rrweb_page(), scroll(500), scroll(600_000), scroll(605_000)]
    await visit.send([{"t": 0, "type": "page"}], recording=recording)
    await shown.store.end_session("pause", "left")
    await open_session(page, shown, "pause", "?at=1000")
    await expect(page.locator(".inactive")).to_have_count(1)
    await expect(picture(page).locator("h1")).to_be_visible()
    await page.locator("#play").click()
    await expect(page.locator("#toast")).to_contain_text("without activity")
    await expect(page.locator("#now")).to_have_text("9:59")


async def test_markers_of_one_second_can_all_be_clicked(page: Page, shown: Running) -> None:
    """Flags of the same moment, also at the very end, stand beside each other on the bar."""
    visit = Visit(shown.store, "crowd")
    await visit.send([{"t": 1, "type": "page"}], recording=[*rrweb_page(), scroll(60_000)])
    for number, at in enumerate((30_000, 30_000, 30_200, 59_900, 60_000)):
        await visit.flag(f"rule_{number}", at=at, title=f"Rule {number}")
    await shown.store.end_session("crowd", "left")
    await open_session(page, shown, "crowd")
    markers = page.locator(".marker")
    await expect(markers).to_have_count(5)

    for number in range(5):
        await markers.nth(number).click(timeout=3_000)
        assert f"flag=rule_{number}-crowd" in page.url


async def test_facts_follow(page: Page, shown: Running) -> None:
    """The number of pages and events among the facts grows with a running session; a list keeps the reader's focus."""
    visit = Visit(shown.store, "facts")
    await visit.send([{"t": 1, "type": "page"}], recording=rrweb_page())
    await visit.flag(at=1)
    await open_session(page, shown, "facts")
    await expect(page.locator("#fact-pages")).to_have_text("1")
    await page.locator("#flags a").first.focus()
    more = [{"t": 500, "type": "page", "path": "/b"}, {"t": 900, "type": "click"}]
    shown.live.batch_stored(await visit.send(more))

    await expect(page.locator("#fact-pages")).to_have_text("2")
    await expect(page.locator("#fact-events")).to_have_text("3")
    assert await page.evaluate("document.activeElement.matches('#flags a')")


async def test_the_players_files_go_packed(shown: Running, player: Path) -> None:
    """Whoever takes gzip gets a script packed, a third as large, and it is the same script."""
    url = f"{shown.url}/player/stage.js"
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            packed, encoding = await answer.read(), answer.headers.get("Content-Encoding")
        async with http.get(url, headers={"Accept-Encoding": "identity"}) as answer:
            plain = await answer.read()

    assert "gzip" == encoding
    assert gzip.decompress(packed) == plain == (player / "stage.js").read_bytes()
    assert 2.5 * len(packed) < len(plain)
