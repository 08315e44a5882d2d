"""What is replayed is what was seen: the live document against the replayed one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from core.model import Privacy, Site
from stolper.demo.faults import Faults
from stolper.demo.shop import build_shop
from tests.e2e.scenarios.dom.compare import Outline, Strictness, differences
from tests.e2e.scenarios.dom.visit import Diary, visit_shop
from tests.e2e.scenarios.pages import Serve
from tests.e2e.scenarios.visit import recorded, session_of, settle, visitor
from tests.e2e.support import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FOLDER = Path(__file__).parent / "scenarios" / "dom"
AFTER_MS = 100  # the document stood still for longer than this after each moment

STRICTNESS: dict[str, Strictness] = {
    "open": Strictness(text=str, value=lambda _, value: value),
    "standard": Strictness(text=len, value=lambda _, value: value),
}


async def build() -> str:
    """Bundle what goes into the pages; return the script for the live one."""
    node = shutil.which("node")
    assert node, "no node on PATH; `make setup` names the packages"
    made = await asyncio.create_subprocess_exec(node, str(FOLDER / "build.mjs"))

    assert 0 == await made.wait()
    return (FOLDER / "dist" / "live.js").read_text()


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


@pytest.mark.timeout(240)
@pytest.mark.parametrize("privacy", ["open", "standard"])
async def test_replayed_document_is_the_live_one(
    browser: Browser, server: Stack, serve: Serve, privacy: Privacy
) -> None:
    """At 14 moments of a visit to the demo shop the replayed document equals the live one."""
    script = await build()
    shop, _ = await shop_of(server, serve, privacy)
    async with visitor(browser) as context:
        diary = Diary(await context.new_page(), script)
        await visit_shop(diary, shop, ready_in(server))
        session = await session_of(diary.page)
        await settle(server, diary.page)
    loads = await server.api(f"/sessions/{session}/recording")
    marks = {
        event["props"]["name"]: event
        for event in await server.events(session)
        if event["type"] == "custom" and event["name"] == "moment"
    }
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(await serve(harness()))
        found = await replayed(page, loads, marks, diary)

    assert len(diary.moments) >= 10
    wrong = {
        moment.name: lines
        for moment in diary.moments
        if (lines := list(differences(moment.outline, found[moment.name], STRICTNESS[privacy])))
    }
    assert {} == wrong
