"""
Carries a case out and compares: the live document is written down and photographed, then the same
moments of the stored recording in the stage of the console, driven as the console's page drives it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page, ViewportSize

from tests.e2e.fidelity.pages import FOLDER
from tests.e2e.fidelity.table import Case
from tests.e2e.scenarios.dom.compare import Strictness, differences
from tests.e2e.scenarios.visit import recorded
from tests.e2e.support import Stack

VIEWPORT = ViewportSize(width=800, height=600)
AFTER_MS = 100  # at each moment the document stood still for a while before, and for this after
TRIES = 25

# Writes the document down and marks the moment on the recording's own clock, in one task.
CAPTURE = """name => {
  window.stolper('track', 'moment', {name});
  return [window.portray(document), location.href];
}"""

# The console's page and the stage are one window here: what the stage tells its parent is kept.
HEARD = "window.heard = []; window.addEventListener('message', (event) => heard.push(event.data));"
SHOWN = """turn => heard.some(({type, view}) => type === 'view' && view === 'shown')
  && heard.some((one) => one.type === 'time' && one.turn === turn)"""
PICTURE = ".screen:not([style*=hidden]) iframe"


@dataclass(frozen=True, slots=True)
class Moment:
    """What one document looked like: *portrait* as src/probe.js tells it, *photo* as PNG."""

    name: str
    portrait: dict[str, Any] = field(repr=False)
    photo: bytes = field(repr=False)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs at one moment: *lines* of the DOM, and the part of the *pixels*."""

    name: str
    lines: list[str]
    pixels: float


def fact_differences(live: dict[str, Any], replayed: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each state and rule that is not the same in both."""
    for name in [*live, *(name for name in replayed if name not in live)]:
        before, after = live.get(name), replayed.get(name)
        if before == after:
            continue
        if isinstance(before, list) and isinstance(after, list):
            lost = [rule for rule in before if rule not in after]
            new = [rule for rule in after if rule not in before]
            yield f"{name}: lost {lost[:3]}, new {new[:3]}" if lost or new else f"{name}: order"
        else:
            yield f"{name}: {before} became {after}"


def portrait_differences(live: dict[str, Any], replayed: dict[str, Any]) -> list[str]:
    """Return a line for each difference of two portraits."""
    outlines = differences(live["outline"], replayed["outline"], Strictness())
    return [*outlines, *fact_differences(live["facts"], replayed["facts"])]


class Watcher:
    """
    Somebody signed in to the console of *stack*, who looks at recordings in *browser*.

    *photos*: a folder in which the photos of moments that differ are kept.
    """

    def __init__(self, browser: Browser, stack: Stack, photos: Path | None = None) -> None:
        self.photos = photos
        self.browser = browser
        self.stack = stack
        self.probe = (FOLDER / "dist" / "probe.js").read_text()
        self.pixels = (FOLDER / "dist" / "pixels.js").read_text()
        self._http: aiohttp.ClientSession | None = None
        self._comparing: Page | None = None

    async def __aenter__(self) -> Watcher:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        url = f"{self.stack.console_url}/sign-in"
        async with self._http.get(url) as page:
            token = re.search(r'name="form_token" value="([^"]+)"', await page.text())
        assert token
        form = {"name": "owner", "form_token": token[1], "next": "/sites"}
        form["password"] = self.stack.server.owner_password or ""
        async with self._http.post(url, data=form, allow_redirects=False) as answer:
            assert 303 == answer.status
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._http is not None
        await self._http.close()
        if self._comparing is not None:
            await self._comparing.close()

    async def stage(self, session: str) -> str:
        """Return the address of the stage of *session*."""
        assert self._http is not None
        async with self._http.get(f"{self.stack.console_url}/sessions/{session}") as answer:
            found = re.search(r"/stage/[^\"'&<>]+/", await answer.text())
        assert found
        return self.stack.console_url + found[0]

    async def live(self, page: Page, name: str, still_ms: int) -> Moment:
        """Write *page* down once it has been the same for *still_ms*."""
        for nth in range(TRIES):
            await asyncio.sleep(still_ms / 1000)
            told = f"{name} {nth}"
            portrait, url = await page.evaluate(CAPTURE, told)
            await asyncio.sleep((AFTER_MS + 50) / 1000)
            if portrait == await page.evaluate("portray(document)"):
                await page.evaluate("maskEditable()")
                photo = await page.screenshot(animations="disabled")
                return Moment(told, json.loads(portrait), photo, url)
        raise AssertionError(f"the page never stood still: {name}")

    async def visit(self, origin: str, case: Case) -> tuple[str, list[Moment]]:
        """Do what *case* says on its page; return the session and the moments."""
        context = await self.browser.new_context(viewport=VIEWPORT, locale="en-GB")
        try:
            page = await context.new_page()
            await page.goto(origin + case.page)
            await page.wait_for_function("window.stolper?.running === true", timeout=120_000)
            # A large page is read in slices: before the last of them its moments cannot be shown.
            await recorded(self.stack, str(await page.evaluate("stolper('session')")))
            await page.evaluate(self.probe)
            moments = [await self.live(page, "loaded", case.still_ms)]
            for nth in range(await page.evaluate("window.acts.length")):
                await page.evaluate("nth => acts[nth]()", nth)
                moments.append(await self.live(page, f"act {nth + 1}", case.still_ms))
            for nth, do in enumerate(case.then):
                await do(page)
                moments.append(await self.live(page, f"hand {nth + 1}", case.still_ms))
            session = await page.evaluate("window.stolper('session')")
            await page.evaluate("window.stolper('flush')")
            return str(session), moments
        finally:
            await context.close()

    async def replay(self, session: str, moments: list[Moment]) -> list[Moment]:
        """Return the same *moments* as the stage shows them."""
        marks = {
            event["props"]["name"]: event
            for event in await self.stack.events(session)
            if event["type"] == "custom" and event["name"] == "moment"
        }
        first = marks[moments[0].name]
        async with self.stage_of(session, first) as page:
            found = [
                await self._moment(page, nth, moment, marks[moment.name])
                for nth, moment in enumerate(moments)
            ]
            gaps = await page.evaluate("heard.filter(({type}) => type === 'gaps')")

            assert [] == gaps
            return found

    @asynccontextmanager
    async def stage_of(self, session: str, event: dict[str, Any]) -> AsyncIterator[Page]:
        """Open the stage of *session* with the document of *event*."""
        context = await self.browser.new_context(viewport=VIEWPORT)
        try:
            page = await context.new_page()
            await page.add_init_script(HEARD)
            await page.goto(await self.stage(session))
            await page.wait_for_function("heard.some(({type}) => type === 'ready')")
            await page.add_style_tag(content=".replayer-mouse, .replayer-mouse-tail { opacity: 0 }")
            await page.evaluate(self.probe)
            load = {"id": event["page_load"], "tab": event["tab"], "at": 0, "until": 9e15}
            program = {"loads": [load], "start": 0, "end": 9e15, "running": False}
            await page.evaluate(
                "program => postMessage({type: 'program', program, changed: true}, location.origin)",
                program,
            )
            yield page
        finally:
            await context.close()

    async def seek(self, page: Page, turn: int, at: float, tab: str) -> None:
        """Let the stage in *page* show the moment *at*; return when it does."""
        seek = {"turn": turn, "at": at, "tab": tab, "play": False}
        await page.evaluate("seek => postMessage({type: 'seek', seek}, location.origin)", seek)
        await page.wait_for_function(SHOWN, arg=turn, timeout=60_000)
        await page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        await page.evaluate(
            "picture => settled(document.querySelector(picture).contentDocument)", PICTURE
        )

    async def _moment(self, page: Page, nth: int, live: Moment, mark: dict[str, Any]) -> Moment:
        await self.seek(page, nth + 1, mark["ts"] + AFTER_MS, mark["tab"])
        portrait = await page.evaluate(
            "([picture, base]) => portray(document.querySelector(picture).contentDocument, base)",
            [PICTURE, live.url],
        )
        return Moment(live.name, json.loads(portrait), await page.screenshot(animations="disabled"))

    async def difference(self, one: bytes, other: bytes) -> float:
        """Return the part of the pixels in which two photos differ."""
        if self._comparing is None:
            self._comparing = await self.browser.new_page()
            await self._comparing.evaluate(self.pixels)
        photos = [base64.b64encode(photo).decode() for photo in (one, other)]
        asked = "([one, other]) => pixelDifference(one, other)"
        return float(await self._comparing.evaluate(asked, photos))

    async def compare(self, live: Moment, replayed: Moment) -> Compared:
        """Compare two moments."""
        pixels = await self.difference(live.photo, replayed.photo)
        return Compared(live.name, portrait_differences(live.portrait, replayed.portrait), pixels)

    async def run(self, origin: str, case: Case) -> list[Compared]:
        """Carry *case* out and compare every moment of it."""
        session, lived = await self.visit(origin, case)
        pairs = list(zip(lived, await self.replay(session, lived), strict=True))
        found = [await self.compare(*pair) for pair in pairs]
        for one, pair in zip(found, pairs, strict=True):
            if one.pixels and self.photos is not None:
                self._keep(case, *pair)
        return found

    def _keep(self, case: Case, live: Moment, replayed: Moment) -> None:
        assert self.photos is not None
        self.photos.mkdir(parents=True, exist_ok=True)
        for kind, moment in (("live", live), ("replayed", replayed)):
            name = f"{case.name} {live.name} {kind}.png".replace(" ", "-")
            (self.photos / name).write_bytes(moment.photo)
