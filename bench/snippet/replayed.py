"""Stolper's side of the bench: a real server, and whether what it replays is the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from playwright.async_api import Browser, Page

from core.model import Site
from tests.building import built
from tests.e2e.scenarios.dom.compare import Strictness, differences
from tests.e2e.scenarios.dom.visit import Diary
from tests.e2e.support import Stack

FOLDER = Path(__file__).parents[2] / "tests" / "e2e" / "scenarios" / "dom"
# Attributes that draw or tell apart what is shown; docs/privacy.md releases them in every preset.
RELEASED = frozenset(
    ["id", "class", "role", "type", "for", "name", "style", "hidden", "href", "src", "lang"]
)
AFTER_MS = 100  # the document stood still for longer than this after the moment


class Stolper:
    """A site on a running *stack* and the page that rebuilds what was recorded."""

    def __init__(self, stack: Stack, site: Site, replay: Page) -> None:
        self.stack = stack
        self.site = site
        self._replay = replay
        self._script = _built().read_text()
        self._sessions: dict[int, str] = {}

    async def new_site(self, origin: str) -> None:
        """Record for a site of which nothing is stored yet."""
        self.site = await self.stack.site(origin, mode="full")

    async def loader(self) -> bytes:
        """Return the loader with the site's configuration in it."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.stack.public_url}/s/{self.site.key}.js") as answer,
        ):
            return await answer.read()

    async def noted(self, page: Page) -> Diary | None:
        """Write the document of *page* down as it is now; its end sends what is recorded of it."""
        session = await page.evaluate("window.stolper?.('session')")
        if not session:
            return None
        diary = Diary(page, self._script)
        await diary.note("end")
        self._sessions[id(diary)] = session
        return diary

    async def differences(self, diary: Diary) -> tuple[str, ...]:
        """Return where the replay at the moment of *diary* is not the page (at most 5 places)."""
        session = self._sessions.pop(id(diary))
        [moment] = diary.moments
        marks = [
            event
            for event in await self.stack.events(session)
            if event["type"] == "custom" and event["props"].get("name") == moment.name
        ]
        if not marks:
            return ("the moment was not recorded",)
        mark = marks[-1]
        loads = await self.stack.api(f"/sessions/{session}/recording")
        [load] = [one for one in loads if one["page_load"] == mark["page_load"]]
        [outline] = await self._replay.evaluate(
            "([events, times, base]) => outlinesAt(events, times, base)",
            [load["events"], [mark["ts"] + AFTER_MS], moment.url],
        )
        how = Strictness(masks=True, released=RELEASED)
        return tuple(differences(moment.outline, outline, how))[:5]

    async def told_last_click(self, session: str) -> bool:
        """Return whether the click that ended *session* has arrived."""
        if not session or await self.stack.store.session(session) is None:
            return False
        return any(event["type"] == "click" for event in await self.stack.events(session))


def _built() -> Path:
    """Return what goes into the live page; beside it lies the harness."""
    return built(FOLDER / "build.mjs", FOLDER / "dist" / "live.js")


@asynccontextmanager
async def replay_page(browser: Browser) -> AsyncIterator[Page]:
    """Serve the replay harness and open it."""

    async def page(_: web.Request) -> web.Response:
        text = "<!doctype html><link rel=stylesheet href=/replay.css><body></body>"
        script = "<script src=/replay.js></script>"
        return web.Response(text=text + script, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/", _built().parent)
    async with serving(app) as url:
        opened = await (await browser.new_context()).new_page()
        await opened.goto(url)
        yield opened


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve *app* on this machine; yields its address."""
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, bound = runner.addresses[0][:2]
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()
