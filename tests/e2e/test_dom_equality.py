"""What is replayed is what was seen: the live document against the replayed one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from core.model import Privacy, Site
from replay.export import rrweb_events
from stolper.demo.faults import Faults
from stolper.demo.shop import build_shop
from tests.building import ROOT, built
from tests.e2e.scenarios.dom.compare import Outline, Strictness, differences
from tests.e2e.scenarios.dom.visit import Diary, visit_shop, visit_widgets
from tests.e2e.scenarios.pages import Serve, pages_of_a_site
from tests.e2e.scenarios.visit import recorded, session_of, settle, visitor
from tests.e2e.support import Stack
from tests.e2e.widgets.table import BENIGN

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parent / "scenarios" / "dom"
PLAYER = ROOT / "replay" / "player" / "src"
WIDGETS = Path(__file__).parent / "widgets"
# None of them types a word that the page shows elsewhere: that is masked in every preset.
USES = {
    "editor_type_and_toggle_bold",
    "combobox_open_look_escape",
    "virtual_rows_scroll_and_choose_3",
    "board_drag_2_cards",
    "map_double_click_and_pan",
    "carousel_next_5_quick",
    "slider_tap_and_drag",
    "tabs_back_and_forth",
    "react_search_twice",
    "vue_like_toggle_4",
    "register_with_one_mistake",
}
AFTER_MS = 100  # the document stood still for longer than this after each moment

# Attributes that draw or tell apart what is shown; docs/privacy.md releases them in every preset.
RELEASED = frozenset(
    ["id", "class", "role", "type", "for", "name", "style", "hidden", "href", "src", "lang", "open"]
)
STRICTNESS = {"open": Strictness(), "standard": Strictness(masks=True, released=RELEASED)}


def built_script() -> str:
    """Bundle what goes into the pages; return the script for the live one."""
    live = FOLDER / "dist" / "live.js"
    return built(FOLDER / "build.mjs", live, PLAYER).read_text()


def harness() -> web.Application:
    """Return the application that serves the replay harness."""

    async def page(_: web.Request) -> web.Response:
        text = (
            "<!doctype html><link rel=stylesheet href=/replay.css><body></body>"
            "<script src=/replay.js></script>"
        )
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/", FOLDER / "dist")
    return app


async def shop_of(stack: Stack, serve: Serve, privacy: Privacy) -> tuple[str, Site]:
    """Serve the demo shop without defects as a new site of *stack*."""
    embed = ""
    origin = await serve(build_shop(script_src=lambda: embed, faults=Faults.none()))
    site = await stack.site(origin, privacy=privacy)
    embed = stack.script_src(site)
    return origin, site


def ready_in(stack: Stack) -> Callable[[Page], Any]:
    """Return a wait for a page's recorder: its snapshot has been stored."""

    async def ready(page: Page) -> None:
        await recorded(stack, await session_of(page))
        await page.evaluate("window.stolper('flush')")

    return ready


async def replayed(
    page: Page, loads: list[dict[str, Any]], marks: dict[str, dict[str, Any]], diary: Diary
) -> dict[str, Outline]:
    """Rebuild the document of each moment in *diary* from the recording, in the harness *page*."""
    found: dict[str, Outline] = {}
    for load in loads:
        here = [m for m in diary.moments if marks[m.name]["page_load"] == load["page_load"]]
        if not here:
            continue
        times = [marks[m.name]["ts"] + AFTER_MS for m in here]
        outlines = await page.evaluate(
            "([events, times, base]) => outlinesAt(events, times, base)",
            [load["events"], times, here[0].url],
        )
        found.update({m.name: outline for m, outline in zip(here, outlines, strict=True)})
    return found


def told(wrong: dict[str, list[str]]) -> str:
    """Return *wrong* as lines."""
    return "\n" + "\n".join(f"{name}: {line}" for name, lines in wrong.items() for line in lines)


async def compared(
    browser: Browser, stack: Stack, serve: Serve, diary: Diary, how: Strictness
) -> dict[str, list[str]]:
    """Return what differs at the moments of *diary*, whose page is still open, by moment."""
    session = await session_of(diary.page)
    await settle(stack, diary.page)
    loads = await stack.api(f"/sessions/{session}/recording")
    marks = {
        event["props"]["name"]: event
        for event in await stack.events(session)
        if event["type"] == "custom" and event["name"] == "moment"
    }
    # The same session as `stolper export` writes it, in rrweb's own player: one list for all documents.
    exported = [event async for event in rrweb_events(stack.store, session)]
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(await serve(harness()))
        found = await replayed(page, loads, marks, diary)
        whole = [{**load, "events": exported} for load in loads]
        again = await replayed(page, whole, marks, diary)
    wrong = {
        moment.name: lines
        for moment in diary.moments
        if (lines := list(differences(moment.outline, found[moment.name], how)))
    }
    other = [f"{name} (exported)" for name, outline in found.items() if outline != again[name]]
    return wrong | {name: ["is not the same picture"] for name in other}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("privacy", [pytest.param("open", marks=pytest.mark.long), "standard"])
async def test_replayed_shop_is_the_live_one(
    browser: Browser, server: Stack, serve: Serve, privacy: Privacy
) -> None:
    """At 14 moments of a visit to the demo shop the replayed document equals the live one, exported or not."""
    script = built_script()
    shop, _ = await shop_of(server, serve, privacy)
    async with visitor(browser) as context:
        diary = Diary(await context.new_page(), script)
        await visit_shop(diary, shop, ready_in(server))
        wrong = await compared(browser, server, serve, diary, STRICTNESS[privacy])

    assert 14 == len(diary.moments)
    assert {} == wrong, told(wrong)


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("privacy", ["open", "standard"])
async def test_replayed_widgets_are_the_live_ones(
    browser: Browser, server: Stack, serve: Serve, privacy: Privacy
) -> None:
    """Before and after each of 11 uses of a real widget the replayed document equals the live one."""
    script = built_script()
    built(WIDGETS / "build.mjs", WIDGETS / "dist" / "react.js")
    origin, _ = await pages_of_a_site(server, serve, WIDGETS, privacy=privacy)
    uses = [situation for situation in BENIGN if situation.name in USES]
    async with visitor(browser) as context:
        diary = Diary(await context.new_page(), script)
        await visit_widgets(diary, origin, uses, ready_in(server))
        wrong = await compared(browser, server, serve, diary, STRICTNESS[privacy])

    assert 2 * len(USES) == len(diary.moments)
    assert {} == wrong, told(wrong)


def test_differences_are_seen() -> None:
    """A lost element, another text and another attribute each count as a difference."""
    bold = {"tag": "b", "attributes": {}, "shown": True, "children": []}
    live = {
        "tag": "p",
        "attributes": {"id": "a", "lang": "en"},
        "shown": True,
        "children": ["Hi", bold],
    }
    lost = {**live, "children": ["Hi"]}
    other = {
        **live,
        "attributes": {"id": "a", "lang": "de"},
        "children": ["Ho", bold],
    }
    longer = {**live, "children": ["Hi!", bold]}

    assert [] == list(differences(live, live, STRICTNESS["open"]))
    assert 1 == len(list(differences(live, lost, STRICTNESS["standard"])))
    assert 2 == len(list(differences(live, other, STRICTNESS["open"])))
    assert 1 == len(list(differences(live, longer, STRICTNESS["standard"])))
    masked = {**live, "children": ["xx", bold]}
    assert 1 == len(list(differences(live, masked, STRICTNESS["open"])))
    assert [] == list(differences(live, masked, STRICTNESS["standard"]))
