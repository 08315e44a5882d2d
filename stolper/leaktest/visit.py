"""
One visit to an owner's page with texts to look for, recorded by a server of its own.

The page's own snippet, if it has one, is answered by that server with the same configuration, so
nothing of the visit reaches the owner's data. Leaves words and exit codes to the command.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    BrowserContext,
    ElementHandle,
    Error,
    Page,
    Request,
    Route,
    async_playwright,
)

from core.clock import SystemClock
from core.errors import UserError
from core.model import Privacy, SessionQuery, Site
from core.settings import load_settings
from core.site_options import SiteOptions
from stolper.app import Server
from stolper.chromium import chromium_flags, launched
from stolper.embedded import LOADER, configuration
from stolper.leaktest.places import found_in
from stolper.leaktest.relay import Relay
from stolper.leaktest.search import Found, Search, folder
from stolper.paths import snippet_dir

START_MS = 30_000
"""For the page to load, and again for the recorder to run in it; slow pages take 10 s."""
END_S = 10
FILL_MS = 3_000
# A public page may not reach this machine's collector without asking; here it may.
_FLAGS = chromium_flags("LocalNetworkAccessChecks", "BlockInsecurePrivateNetworkRequests")
_FIELDS = (
    "input:not([type=hidden],[type=submit],[type=button],[type=reset],[type=image],[type=file],"
    "[type=checkbox],[type=radio],[type=range],[type=color]),textarea,"
    "[contenteditable=''],[contenteditable=true],[contenteditable=plaintext-only]"
)


@dataclass(frozen=True)
class Plan:
    """
    What to visit and to look for.

    *site* is the owner's configuration; without one the page's own snippet says, else the defaults.
    *preset* replaces the one of either.
    """

    url: str
    entered: tuple[str, ...]  # into every visible field
    texts: tuple[str, ...]  # to look for
    typed: tuple[tuple[str, str], ...] = ()  # selector and text
    submit: str | None = None
    wait_s: float = 3.0
    site: Site | None = None
    preset: Privacy | None = None
    state: Path | None = None  # cookies and storage, as playwright saves them


@dataclass(frozen=True)
class Outcome:
    """What came of a visit: the finds, and what shows that it was one."""

    found: tuple[Found, ...]
    fields: int  # that took a text
    refused: int  # visible fields that take none of the texts
    events: int
    sent_bytes: int
    preset: Privacy
    embedded: bool


async def leaktest(plan: Plan) -> Outcome:
    """Visit, search, and return what was found. Raise UserError where it could not be tested."""
    if not (snippet_dir() / "manifest.json").is_file():
        raise UserError("the snippet is not built here: run `make build` (or install a wheel)")
    with tempfile.TemporaryDirectory(prefix="stolper-leaktest-") as made:
        data = Path(made) / "data"
        settings = load_settings(
            data,
            env={},
            overrides={"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"},
        )
        server = Server(settings, data)
        await server.start()
        relay = Relay(server.public_url)
        try:
            visit = _Visit(plan, server, await relay.start())
            await _browse(plan, visit)
            session = await visit.session()
            searched = Search([*plan.texts, visit.control])
            found = await found_in(server.store, session, searched)
            events = sum(len(one.events) for one in await server.store.batches(session))
            stored = list(folder(data))
        finally:
            await relay.stop()
            await server.stop()
        stored += folder(data)
        sent = relay.sent()
    raw = [*searched.look("sent by the browser", sent)]
    raw += [one for name, part in stored for one in searched.look(f"data folder, {name}", part)]
    return visit.outcome(found, raw, events, len(sent))


async def _browse(plan: Plan, visit: _Visit) -> None:
    async with async_playwright() as playwright:
        browser = await launched(playwright, _FLAGS)
        context = await browser.new_context(
            bypass_csp=True, storage_state=plan.state, viewport={"width": 1280, "height": 1000}
        )
        try:
            await visit.drive(context)
        except Error as error:
            raise UserError(f"the page could not be driven: {str(error).splitlines()[0]}") from None
        finally:
            await context.close()
            await browser.close()


class _Visit:
    """One visit by *plan* to *server*, whose public listener the browser reaches at *address*."""

    def __init__(self, plan: Plan, server: Server, address: str) -> None:
        self.control = "control" + secrets.token_hex(8)
        self._plan = plan
        self._server = server
        self._address = address
        self._site: Site | None = None
        self._embedded = False
        self._fields = self._refused = 0

    async def drive(self, context: BrowserContext) -> None:
        """Open the page, enter the texts, leave it."""
        plan = self._plan
        await context.route(LOADER, self._loader)
        page = await context.new_page()
        await page.goto(plan.url, timeout=START_MS)
        if not self._embedded:
            site = await self._added(page.url)
            await page.evaluate(
                "src => { document.head.append(Object.assign(document.createElement('script'), {src})) }",
                f"{self._address}/s/{site.key}.js",
            )
        try:
            await page.wait_for_function("window.stolper?.running === true", timeout=START_MS)
        except Error:
            raise UserError(
                "the recorder did not start in the page (Do Not Track or Global Privacy Control"
                " in the page's scripts, or recording switched off for the site)"
            ) from None
        await page.evaluate(
            "word => { stolper('track', 'leaktest', {control: word}) }", self.control
        )
        await self._enter(page)
        if plan.submit is not None:
            await page.click(plan.submit, timeout=FILL_MS)
            with suppress(Error):
                await page.wait_for_load_state("load", timeout=START_MS)
        await page.wait_for_timeout(plan.wait_s * 1000)
        with suppress(Error):  # after a submit the page may be another one, without a snippet
            await page.evaluate("window.stolper && stolper('flush')")
        await page.close()

    async def _loader(self, route: Route, request: Request) -> None:
        """Answer the page's own loader by ours, with the page's configuration."""
        if request.url.startswith(self._address):
            await route.continue_()
            return
        answer = await route.fetch()
        config = configuration(await answer.text())
        if config is None:
            await route.fulfill(response=answer)
            return
        self._embedded = True
        site = await self._added(request.frame.url or self._plan.url, config)
        await route.fulfill(response=await route.fetch(url=f"{self._address}/s/{site.key}.js"))

    async def _added(self, url: str, config: dict[str, Any] | None = None) -> Site:
        """Return the site of this visit, added to the server with what is configured."""
        if self._site is None:
            told = config or {}
            options = SiteOptions.from_json(told.get("options") or {})
            known = self._plan.site
            parts = urlsplit(url)
            site = Site(
                key="leaktest" + secrets.token_hex(4),
                name="leaktest",
                origins=(f"{parts.scheme}://{parts.netloc}".lower(),),
                mode=known.mode if known else told.get("mode", "cookieless"),
                privacy=known.privacy if known else told.get("privacy", "standard"),
                idle_timeout_ms=1_800_000,
                created_ms=SystemClock().now_ms(),
                options=known.options if known else options,
            )
            if self._plan.preset:
                site = replace(site, privacy=self._plan.preset)
            self._site = site
            await self._server.store.add_site(site)
            await self._server.store.set_site_options(site.key, site.options)
        return self._site

    async def _enter(self, page: Page) -> None:
        """Put every text into every visible field, and the given ones where they belong."""
        for frame in page.frames:
            for element in await frame.query_selector_all(_FIELDS):
                taken = [await _fill(element, text) for text in self._plan.entered]
                if any(one is not None for one in taken):
                    self._fields += any(taken)
                    self._refused += not any(taken)
        for selector, text in self._plan.typed:
            try:
                await page.fill(selector, text, timeout=FILL_MS)
            except Error as error:
                reason = str(error).splitlines()[0]
                raise UserError(f"{selector} took no text: {reason}") from None
            self._fields += 1
        await page.keyboard.press("Tab")  # what is checked when a field is left is checked

    async def session(self) -> str:
        """Return the visit's session once its end has arrived, or what has by then."""
        store = self._server.store

        async def last() -> tuple[str | None, bool]:
            sessions = await store.sessions(SessionQuery())
            if not sessions:
                return None, False
            batches = await store.batches(sessions[0].id)
            events = [event["type"] for one in batches for event in one.events]
            return sessions[0].id, "leave" in events

        session = await _until(last, END_S)
        if session is None:
            raise UserError("nothing of the visit arrived at the collector")
        return session

    def outcome(
        self, placed: list[Found], raw: list[Found], events: int, sent_bytes: int
    ) -> Outcome:
        """Return the finds: as places where they can be named, else as the bytes they are in."""
        assert self._site is not None
        heard = {one.where.split(",")[0] for one in raw if one.text == self.control}
        if not {"sent by the browser", "data folder"} <= heard:
            raise UserError("the search did not find its own control word: nothing is proved")
        named = {one.text for one in placed}
        found = [*placed, *(one for one in raw if one.text not in named)]
        return Outcome(
            found=tuple(one for one in found if one.text != self.control),
            fields=self._fields,
            refused=self._refused,
            events=events,
            sent_bytes=sent_bytes,
            preset=self._site.privacy,
            embedded=self._embedded,
        )


async def _fill(element: ElementHandle, text: str) -> bool | None:
    """Enter *text* and say whether the field took it whole; None if nobody could type there."""
    try:
        if not (await element.is_visible() and await element.is_editable()):
            return None
        await element.fill(text, timeout=FILL_MS)
        value = await element.evaluate("e => 'value' in e ? e.value : e.textContent")
    except Error:
        return False  # a number, a date: it takes other texts only
    return text in str(value)


async def _until(
    look: Callable[[], Awaitable[tuple[str | None, bool]]], within_s: float
) -> str | None:
    """Return what *look* finds as soon as it says that it is done, or after *within_s*."""
    found: str | None = None
    for _ in range(int(within_s * 10)):
        found, done = await look()
        if done:
            break
        await asyncio.sleep(0.1)
    return found
