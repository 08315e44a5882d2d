"""What stands around the replay, in a real Chromium: notes, search, console, network, DOM, keys, the list's neighbours."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from core.model import User
from core.readers import Note
from tests.console.conftest import sign_in
from tests.console.support import (
    PLAYER,
    ROOT,
    START,
    Running,
    Visit,
    add_text,
    element,
    mutation,
    rrweb_page,
    text_node,
)
from tests.e2e.support import holds

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BUDGET = 150_000
"""Bytes with gzip that the page of a session may take: its own code and the libraries'."""


def shop_page() -> list[object]:
    """Return a recording that changes at 3 s: a form, then a paragraph more."""
    button = element(11, "button", [text_node(12, "Pay")], {"id": "pay", "class": "big"})
    children = [
        element(6, "h1", [text_node(7, "Tea")]),
        element(8, "main", [element(10, "form", [button], {"id": "checkout"})]),
    ]
    return [*rrweb_page(children=children), add_text(3_000, 20, "Failed", parent=8)]


async def visit_of(shown: Running, name: str = "v1", start: int = START) -> Visit:
    """Store a visit with presses, requests, an error and a console note; a flag at 4 s."""
    visit = Visit(shown.store, name, start=start)
    events = [
        {"t": 5, "type": "page", "path": "/basket"},
        {"t": 1_000, "type": "request", "kind": "fetch", "method": "GET", "url": "/api/prices",
         "status": 200, "duration_ms": 120, "size": 2_400},
        {"t": 2_000, "type": "click", "target": {"label": "Pay", "key": "pay"}, "answered_ms": 80},
        {"t": 2_100, "type": "request", "kind": "xhr", "method": "POST", "url": "/api/pay",
         "status": 502, "duration_ms": 1_400},
        {"t": 2_500, "type": "error", "kind": "error", "message": "TypeError: total is undefined",
         "hash": "e1", "file": "shop.example/app.js", "line": 3, "column": 14, "first_party": True},
        {"t": 2_600, "type": "console", "level": "warn", "hash": "c0ffee"},
        {"t": 2_700, "type": "vitals", "kind": "lcp", "lcp_ms": 2_321, "path": "/basket"},
        {"t": 4_000, "type": "click", "target": {"label": "Help", "key": "help"}},
        {"t": 4_200, "type": "vitals", "kind": "inp", "inp_ms": 210, "path": "/basket",
         "target": {"label": "Help", "key": "help"}},
        {"t": 4_300, "type": "vitals", "kind": "cls", "cls": 0.3, "path": "/basket"},
        {"t": 6_000, "type": "page", "path": "/help", "nav": "route"},
    ]  # fmt: skip
    await visit.send(events, recording=shop_page())
    await visit.flag(at=4_000)
    await shown.store.end_session(name, "left")
    return visit


async def opened(page: Page, shown: Running, query: str = "", session: str = "v1") -> None:
    await page.goto(f"{shown.url}/sessions/{session}{query}")
    await page.wait_for_selector('#stage-box[data-view="shown"]')


async def at(page: Page) -> int:
    """Return where the playhead is, in milliseconds from the start."""
    return int(await page.locator("#seek").input_value())


async def test_search_and_filter_of_events(page: Page, shown: Running) -> None:
    """The list narrows to words and kinds, says how many of how many, steps go over what is left, and a reload keeps it."""
    await visit_of(shown)
    await opened(page, shown)
    await expect(page.locator("#events-count")).to_have_text("7")
    await page.keyboard.press("/")
    await page.keyboard.type("pay")
    await expect(page.locator("#events-count")).to_have_text("2 of 7")
    await page.keyboard.press("Enter")  # to the first match
    await expect(page.locator("#events [aria-current]")).to_contain_text("Click on Pay")
    await page.keyboard.press("Escape")
    await expect(page.locator("#events-count")).to_have_text("7")
    await page.select_option("#event-kind", "pages")
    await page.locator("h1").click()
    await page.keyboard.press("Shift+ArrowRight")
    await page.keyboard.press("Shift+ArrowRight")

    await expect(page.locator("#events [role=listitem]:visible")).to_have_count(2)
    await expect(page.locator("#events [aria-current]")).to_contain_text("/help")
    await page.reload()
    await expect(page.locator("#events-count")).to_have_text("2 of 7")
    await page.fill("#event-search", "nothing like it")
    await expect(page.locator("#events-none")).to_be_visible()


async def test_console_and_network_are_linked_to_the_time(page: Page, shown: Running) -> None:
    """C, N and P open the panels; rows lead to their moments, the row of the moment is marked, failures can be had alone, errors name their source."""
    await visit_of(shown)
    told = {"version": 3, "sources": ["src/pay.ts"], "sourcesContent": ["one\ntwo\nboom(basket)"],
            "names": ["pay"], "mappings": ";;AAEAA"}  # fmt: skip
    await shown.store.put_source_map("sshop", "", "app.js", json.dumps(told).encode(), START)
    await opened(page, shown)
    await page.keyboard.press("n")
    rows = page.locator("#network-rows tr")
    await expect(rows).to_have_count(2)
    texts = [re.sub(r"\s+", " ", one) for one in await rows.all_inner_texts()]

    assert ["GET /api/prices 200 fetch 2.4 kB 120 ms", "POST /api/pay 502 xhr 1.4 s"] == [
        text.split(" ", 1)[1] for text in texts
    ]
    await rows.nth(1).click()
    await expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    assert abs(await at(page) - 2_095) < 50
    await page.locator("#drawer-only").check()
    await expect(page.locator("#drawer-count")).to_have_text("1 of 2")
    await page.keyboard.press("c")
    await expect(page.locator("#drawer-console .log")).to_have_count(2)
    await page.locator("#drawer-only").uncheck()
    await expect(page.locator("#drawer-console")).to_contain_text("shop.example/app.js:3:14")
    await expect(page.locator(".stack")).to_contain_text("src/pay.ts:3:1 pay")
    await expect(page.locator(".source .is-here")).to_have_text("3boom(basket)")
    await expect(page.locator("#drawer-console")).to_contain_text("Text not recorded (#c0ffee)")
    await page.keyboard.press("p")
    measured = page.locator("#performance-rows tr")
    await expect(measured).to_have_count(3)
    texts = [re.sub(r"\s+", " ", one) for one in await measured.all_inner_texts()]
    assert [
        "Largest content shown /basket 2.3 s",
        "Reaction to a press or key /basket Help 210 ms",
        "Layout shifts /basket 0.3",
    ] == [text.split(" ", 1)[1] for text in texts]
    await page.locator("#drawer-only").check()
    await expect(page.locator("#drawer-count")).to_have_text("1 of 3")
    await page.locator("#drawer-only").uncheck()
    await page.keyboard.press("c")
    assert "panel=console" in page.url
    await page.reload()
    await expect(page.locator("#drawer-console .log")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(page.locator("#drawer")).to_be_hidden()
    assert "panel" not in page.url


async def test_the_drawer_is_as_high_as_one_likes(page: Page, shown: Running) -> None:
    """Its edge is dragged or moved with the arrows, leaves room for the picture, is kept, and taken back by a double click."""
    await visit_of(shown)
    await opened(page, shown, "?panel=network")
    drawer, divider = page.locator("#drawer"), page.locator("#drawer-divider")

    async def height(part: str = "#drawer") -> float:
        return float(await page.locator(part).evaluate("(one) => one.offsetHeight"))

    before = await height()
    await divider.focus()
    await page.keyboard.press("ArrowUp")

    assert before + 40 == await height()
    assert str(int(before + 40)) == await divider.get_attribute("aria-valuenow")
    await expect(page.locator("#speed")).to_have_value("1")  # the arrow went nowhere else
    box = await divider.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 200, box["y"] + 6)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 200, box["y"] + 66)
    await page.mouse.up()
    assert before - 20 == await height()
    await page.keyboard.press("Home")
    assert await height() > before
    assert await height("#stage-box") >= 160
    tallest = await height()
    await page.reload()
    await expect(drawer).to_be_visible()
    assert tallest == await height()
    await divider.dblclick()
    assert before == await height()


async def test_dom_is_that_of_the_moment(page: Page, shown: Running) -> None:
    """D shows the recorded tree as it is at the playhead, opens what one asks for, and outlines it in the picture."""
    await visit_of(shown)
    await opened(page, shown)
    await page.keyboard.press("d")
    tree = page.locator("#drawer-dom")
    await expect(tree.locator('.dom-row:has-text("<h1>")')).to_have_text("<h1>Tea")
    await expect(tree).not_to_contain_text("Failed")
    await tree.get_by_role("button", name="Open form").click()
    button = tree.locator('.dom-row:has-text("<button")')
    await expect(button).to_have_text('<button id="pay" class="big">Pay')
    await button.hover()
    outline = page.frame_locator("#stage").locator(".pick-outline")
    await expect(outline).to_be_visible()
    await page.keyboard.press("9")
    await expect(tree.locator('.dom-row:has-text("Failed")')).to_have_count(1)
    await expect(button).to_have_count(1)  # still open
    await page.keyboard.press("0")
    await expect(tree.locator('.dom-row:has-text("Failed")')).to_have_count(0)


async def test_dom_of_another_recording_of_the_same_session(page: Page, shown: Running) -> None:
    """What a later mutation removed is gone from the tree, and attributes are as they are then."""
    visit = Visit(shown.store, "m")
    changes = [
        mutation(1_000, attributes=[{"id": 6, "attributes": {"data-state": "sold out"}}]),
        mutation(2_000, removes=[{"parentId": 5, "id": 6}]),
    ]
    await visit.send(
        [{"t": 5, "type": "page"}, {"t": 3_000, "type": "click"}],
        recording=[*rrweb_page(), *changes],
    )
    await shown.store.end_session("m", "left")
    await opened(page, shown, "?at=1500&panel=dom", "m")
    tree = page.locator("#drawer-dom")
    await expect(tree).to_contain_text('<h1 data-state="sold out">Hello')
    await page.keyboard.press("9")
    await expect(tree).not_to_contain_text("<h1")


async def test_notes_are_written_changed_and_removed(page: Page, shown: Running) -> None:
    """M writes a note at the moment; it stands in the list and on the bar, is kept, changed and removed; the audit says so."""
    await visit_of(shown)
    await opened(page, shown, "?at=2000")
    await page.keyboard.press("m")
    await page.keyboard.type("Paid twice, says <b>the caller</b>. Press k c n.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#notes .note-text")).to_have_text(
        "Paid twice, says <b>the caller</b>. Press k c n."
    )
    [kept] = await shown.store.notes("v1")

    assert ("owner", True) == (kept.author, abs(kept.at_ms - START - 2_005) < 60)
    await page.keyboard.press("9")
    await page.locator("#pins .pin").click()
    await holds(page, "document.getElementById('seek').value < 2100")
    await page.get_by_role("button", name="Change", exact=True).click()
    await page.fill("#note-text", "Paid once")
    await page.click("#note-save")
    await expect(page.locator("#notes .note-text")).to_have_text("Paid once")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.locator("#pins")).to_be_hidden()

    assert [] == await shown.store.notes("v1")
    actions = [one.action for one in await shown.store.audited(9) if one.subject == "v1"]
    assert ["note_removed", "note_changed", "noted", "watched"] == actions


async def test_a_viewer_reads_notes_and_writes_none(browser: Browser, shown: Running) -> None:
    """Who only looks sees notes of others, and neither a button nor a key writes one."""
    await visit_of(shown)
    owner = await shown.store.user("owner")
    assert owner
    await shown.store.add_user(User("vera", "viewer", owner.password_hash))
    await shown.store.add_note(Note("n1", "v1", START + 900, "owner", "Look here", START))
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(shown.url + "/sign-in")
    await page.fill("#name", "vera")
    await page.fill("#password", shown.password)
    await page.click("form.sign-in button")
    await opened(page, shown)
    await expect(page.locator("#notes .note-text")).to_have_text("Look here")
    await page.keyboard.press("m")

    assert 0 == await page.locator("#note-dialog, #note-add, .quiet-button").count()
    await context.close()


async def test_neighbours_of_the_list(page: Page, shown: Running) -> None:
    """A session opened from a filtered list leads to those beside it in that list, paused, and back; watched ones have no dot."""
    for number in range(3):
        await visit_of(shown, f"v{number}", START + number * 100_000)
    other = Visit(shown.store, "calm", start=START + 150_000)
    await other.send([{"t": 5, "type": "page"}], recording=shop_page())
    await page.goto(shown.url + "/sessions?has=struggle")
    await page.click("#s-v1 a")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await page.keyboard.press("]")
    await page.wait_for_url("**/sessions/v0?list=has%3Dstruggle")
    await page.wait_for_selector('#stage-box[data-view="shown"]')

    assert "Play" == await page.locator("#play-text").inner_text()
    assert await at(page) < 100
    await page.keyboard.press("]")
    await expect(page.locator("#toast")).to_have_text("This is the last session of its list.")
    await page.keyboard.press("[")
    await page.wait_for_url("**/sessions/v1?list=has%3Dstruggle")
    await page.keyboard.press("[")
    await page.wait_for_url("**/sessions/v2?list=has%3Dstruggle")  # not "calm", which has no flag
    await page.click(".crumbs a >> nth=0")
    await page.wait_for_url("**/sessions?has=struggle")

    assert 3 == await page.locator("#rows tr").count()
    await page.goto(shown.url + "/sessions")
    assert [True, False, True, True] == [
        "is-watched" in (await one.get_attribute("class") or "")
        for one in await page.locator("#rows .seen").all()
    ]


async def test_links_to_share_hold_the_moment_alone(page: Page, shown: Running) -> None:
    """S copies a link that opens paused at the moment, without the reader's own list; the page's address can be copied, too."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit_of(shown)
    await opened(page, shown, "?at=2000&q=pay&list=has%3Dstruggle")
    await page.keyboard.press("s")
    await expect(page.locator("#toast")).to_have_text("Link to this moment copied")
    copied = await page.evaluate("navigator.clipboard.readText()")

    assert f"{shown.url}/sessions/v1?at=2000" == copied
    await page.click("#copy-address")
    await expect(page.locator("#toast")).to_have_text("Page address copied")
    assert "https://shop.example/basket" == await page.evaluate("navigator.clipboard.readText()")
    await page.goto(copied)
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    assert 2_000 == await at(page)


async def test_keys_work_after_a_click_anywhere(page: Page, shown: Running) -> None:
    """Wherever one clicked last, in the picture too, keys act; in text fields they are text; ? lists them; G and X lead on."""
    await visit_of(shown)
    await opened(page, shown)
    for place in ("h1", "#flags-title", "#skip", "#address"):
        await page.click(place)
        await page.keyboard.press("n")
        await expect(page.locator("#drawer-network")).to_be_visible()
        await page.keyboard.press("n")
        await expect(page.locator("#drawer")).to_be_hidden()
    await page.frame_locator("#stage").locator("body").click(position={"x": 40, "y": 40})
    await page.keyboard.press("d")
    await expect(page.locator("#drawer-dom")).to_be_visible()
    await page.keyboard.press("e")
    assert await page.evaluate("document.activeElement.matches('#events button')")
    await page.keyboard.press("/")
    await page.keyboard.type("nd")
    assert "nd" == await page.locator("#event-search").input_value()
    await page.keyboard.press("Escape")
    await page.keyboard.press("f")
    await holds(page, "document.fullscreenElement?.id === 'replay'")
    await page.keyboard.press("f")
    await holds(page, "!document.fullscreenElement")
    await page.keyboard.press("?")
    shown_keys = await page.locator("#keys kbd").all_inner_texts()
    assert set("KIECNPDMSXF?/[]") <= set(shown_keys)
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await page.wait_for_url("**/rules")
    await opened(page, shown)
    await page.keyboard.press("x")
    await expect(page.locator("#export-dialog")).to_be_visible()


@pytest.mark.parametrize("width", [1280, pytest.param(360, marks=pytest.mark.long)])
async def test_axe_finds_nothing_in_any_panel(browser: Browser, shown: Running, width: int) -> None:
    """With each panel open, with notes, and with the dialogs open axe finds nothing, and nothing overflows."""
    await visit_of(shown)
    await shown.store.add_note(Note("n1", "v1", START + 900, "owner", "Look here", START))
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if width < 400 else "light"
    )
    page = await context.new_page()
    await sign_in(page, shown)
    found: list[str] = []
    for panel in ("console", "network", "performance", "dom"):
        await opened(page, shown, f"?panel={panel}&lang=de&at=2500")
        await expect(page.locator(f"#drawer-{panel} >> css=button").first).to_be_visible()
        if panel == "dom":
            await page.keyboard.press("m")
        found += [f"{panel}: {one['id']} {one['nodes'][0]['html'][:90]}" for one in (
            await Axe().run(page, context={"exclude": [["#stage"]]})
        ).response["violations"]]  # fmt: skip
        overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")

        assert overflow <= 0, panel
    await context.close()

    assert [] == found


async def test_the_page_is_light(page: Page, shown: Running) -> None:
    """All scripts and styles that a session's page fetches, the stage's among them, stay within their budget."""
    fetched: dict[str, int] = {}

    def note(url: str) -> None:
        path = url.removeprefix(shown.url).split("?")[0]
        folder = {"static": ROOT / "console/static", "player": PLAYER}.get(path.split("/")[1])
        if folder and path.endswith((".js", ".css")):
            fetched[path] = len(gzip.compress((folder / path.split("/")[-1]).read_bytes()))

    page.on("request", lambda request: note(request.url))
    await visit_of(shown)
    await opened(page, shown)

    assert {"/player/player.js", "/player/stage.js", "/static/console.css"} <= fetched.keys()
    assert sum(fetched.values()) <= BUDGET, fetched
