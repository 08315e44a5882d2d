"""
Visits an owner's page in Chromium and follows one marked session to its replay.

The page is the owner's own, with its own line, policy and network; the server is the one that runs.
The browser's User-Agent bears a signed mark (collector/canary.py): the session is counted
nowhere and is in no list or struggle. Nothing is pressed or entered; one event is tracked, which
the rule payment_decline answers with a flag that names it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import orjson
from playwright.async_api import (
    APIResponse,
    Browser,
    Error,
    Page,
    Request,
    Response,
    async_playwright,
)

from collector import canary
from core.clock import Clock
from core.model import Session, SessionQuery
from core.sqlite import SqliteStore
from core.sqlite.judged import OFF
from replay.recording import recordings
from replay.shape import FULL_SNAPSHOT
from stolper.chromium import chromium_flags, launched
from stolper.doctor.causes import Answer, Seen, batch_cause, page_cause, script_cause
from stolper.doctor.told import Told
from stolper.doctor.way import read_script
from stolper.embedded import LOADER

Stage = Literal["page", "script", "batch", "store", "rule", "replay"]
STAGES: tuple[Stage, ...] = ("page", "script", "batch", "store", "rule", "replay")

OPEN_MS = 30_000
"""For the page to load; slow ones take 10 s."""
START_S = 15.0
"""For the line, the loader and the recorder behind it: tag managers and consent tools take seconds."""
SEND_S = 12.0
"""For the batch to be answered: longer than one wait that a refusal asks for."""
LATE_S = 15.0
"""For the detector: it waits up to `lateness_ms` for what is missing."""
RULE = "payment_decline"

# A public page may not reach this machine's server without asking; here it may.
FLAGS = chromium_flags("LocalNetworkAccessChecks", "BlockInsecurePrivateNetworkRequests")

# Kept where no script of the page looks by chance; nothing of the page is touched.
_WATCH = """(() => {
  const kept = document[Symbol.for('stolper.doctor')] = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    if (event.disposition === 'enforce') kept.push([event.effectiveDirective, event.blockedURI]);
  });
})()"""
_LOOK = """() => ({
  forbidden: document[Symbol.for('stolper.doctor')] ?? [],
  tags: [...document.querySelectorAll('script[src], script[data-src]')]
    .map((one) => one.src || one.dataset.src).filter((src) => /\\/s\\/[\\w-]{1,64}\\.js(\\?|$)/.test(src)),
  config: window.stolper?.config ?? null,
  running: window.stolper?.running === true,
  wants_none: navigator.globalPrivacyControl === true || navigator.doNotTrack === '1',
  storage: (() => { try { localStorage.length; return true } catch { return false } })(),
})"""
_TRACK = """(code) => {
  window.stolper('track', 'payment', {result: 'declined', code});
  void window.stolper('flush');
}"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far the data came: the *stages* passed, and what stopped them, None if nothing did."""

    passed: tuple[Stage, ...]
    stopped: Told | None
    warnings: tuple[Told, ...]  # what is wrong on the way without stopping it
    session: str  # "" if none was begun
    site: str  # name of its site

    @property
    def stage(self) -> Stage | None:
        """Return the stage where the data stop."""
        return STAGES[len(self.passed)] if len(self.passed) < len(STAGES) else None


async def examine(store: SqliteStore, clock: Clock, url: str, base: str) -> Outcome:
    """Visit *url* with Chromium, whose server is reached at *base*, and follow the session."""
    async with async_playwright() as playwright:
        browser = await launched(playwright, FLAGS)
        try:
            return await follow(browser, store, clock, url, base)
        finally:
            await browser.close()


async def follow(
    browser: Browser, store: SqliteStore, clock: Clock, url: str, base: str
) -> Outcome:
    """Do the same in a *browser* that runs."""
    visit = _Visit(store, clock, url, base)
    looks: dict[Stage, Callable[[], Awaitable[Told | None]]] = {
        "page": visit.page_opens,
        "script": visit.script_runs,
        "batch": visit.batch_is_taken,
        "store": visit.session_is_stored,
        "rule": visit.rule_fires,
        "replay": visit.replay_is_there,
    }
    passed: list[Stage] = []
    stopped: Told | None = None
    try:
        await visit.open(browser)
        for stage in STAGES:
            stopped = await looks[stage]()
            if stopped is not None:
                break
            passed.append(stage)
    finally:
        await visit.close()
    session, site = (visit.session.id, visit.session.site_name) if visit.session else ("", "")
    return Outcome(tuple(passed), stopped, tuple(visit.warnings), session, site)


class _Visit:
    """One visit of *url*; each method is a stage and says why it was not passed."""

    def __init__(self, store: SqliteStore, clock: Clock, url: str, base: str) -> None:
        self.seen = Seen(url, base)
        self.session: Session | None = None
        self.warnings: list[Told] = []
        self._store = store
        self._clock = clock
        # Letters alone: nothing of it may look like a number that has to be masked.
        self._nonce = "canary" + "".join(secrets.choice("bcdfghjkmnpqrstvwxz") for _ in range(12))
        self._began_ms = clock.now_ms()
        self._page: Page | None = None
        self._close: Callable[[], Awaitable[None]] | None = None
        self._posts: list[Answer] = []  # to batches of any site

    async def open(self, browser: Browser) -> None:
        """Make a window whose User-Agent bears the mark."""
        key = await self._store.server_key(canary.KEY)
        major = browser.version.split(".")[0]
        agent = (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
            f" Chrome/{major}.0.0.0 Safari/537.36 {canary.mark(key, self._began_ms)}"
        )
        context = await browser.new_context(
            user_agent=agent, viewport={"width": 1280, "height": 900}
        )
        self._close = context.close
        await context.add_init_script(_WATCH)
        self._page = await context.new_page()
        self._page.on("response", self._answered)
        self._page.on("requestfailed", self._failed)

    async def close(self) -> None:
        """Leave the page."""
        if self._close is not None:
            with suppress(Error):
                await self._close()

    async def page_opens(self) -> Told | None:
        """Open the page."""
        assert self._page is not None
        try:
            answer = await self._page.goto(self.seen.url, timeout=OPEN_MS)
        except Error as error:
            self.seen.failure = str(error).splitlines()[0].removeprefix("Page.goto: ")
            return page_cause(self.seen)
        self.seen.status = answer.status if answer else 200
        self.seen.url = self._page.url
        return page_cause(self.seen) if self.seen.status >= 400 else None

    async def script_runs(self) -> Told | None:
        """Wait until the recorder runs, or until it is sure that it will not."""

        async def look() -> bool:
            await self._look()
            return self.seen.running or self.seen.hopeless()

        await _until(look, START_S)
        if not self.seen.running:
            await self._ask_again()
            return script_cause(self.seen)
        if not self.seen.storage and (self.seen.config or {}).get("mode") == "full":
            self.warnings.append(_blocked_storage())
        return None

    async def batch_is_taken(self) -> Told | None:
        """Track the event, and wait for an answer that says that it is stored."""
        assert self._page is not None
        with suppress(Error):
            await self._page.evaluate(_TRACK, self._nonce)

        async def look() -> bool:
            await self._look()
            final = {"origin", "off", "unknown_site", "bad_frame", "bad_version", "reserve"}
            codes = {one.code for one in self.seen.batches}
            sent = any(one.status == 200 for one in self.seen.batches)
            forbidden = self.seen.blocked("connect-src", self.seen.base)
            return bool(sent or codes & final or forbidden)

        await _until(look, SEND_S)
        if any(one.status == 200 for one in self.seen.batches):
            return None
        return batch_cause(self.seen)

    async def session_is_stored(self) -> Told | None:
        """Look for the tracked event in the store, and for the mark."""
        self.session = await _until(lambda: self._found(marked=True), SEND_S)
        if self.session is not None:
            return None
        self.session = await self._found(marked=False)
        if self.session is None:
            return Told(
                "not_stored",
                True,
                "The batch was acknowledged, and the data folder does not hold it.",
                "Is --data the folder of the server that the page sends to? `stolper doctor` without"
                " --canary compares them.",
            )
        self.warnings.append(
            Told(
                "mark_lost",
                False,
                "The session is stored without the mark of a test, among the visits.",
                "A proxy changes the User-Agent of browsers; bots and devices are not told apart then.",
            )
        )
        return None

    async def rule_fires(self) -> Told | None:
        """Wait for the flag that names the tracked event."""
        assert self.session is not None
        session = self.session.id

        async def look() -> bool:
            flags = await self._store.flags(session)
            return any(one.captures.get("code") == self._nonce for one in flags)

        if await _until(look, LATE_S):
            return None
        newest = (await self._store.rule_versions(RULE))[:1]
        if newest and newest[0].version == OFF:
            self.warnings.append(
                Told(
                    "rule_off",
                    False,
                    f"The rule {RULE}, by which this is tested, is switched off.",
                    "Nothing, if that is meant: judging itself was not tested.",
                )
            )
            return None
        return Told(
            "not_judged",
            True,
            f"The session is stored, and the rule {RULE} has not judged it.",
            "The server's log says what keeps the detector; restarting the server lets it catch up."
            " Has an own file changed the rule?",
        )

    async def replay_is_there(self) -> Told | None:
        """Read the recording as the player does: it begins with a picture, and nothing is damaged."""
        assert self.session is not None
        session = self.session.id

        async def look() -> bool:
            async for one in recordings(self._store, session):
                if any(event.get("type") == FULL_SNAPSHOT for event in one.events):
                    return True
            return False

        if not await _until(look, SEND_S):
            return Told(
                "no_snapshot",
                True,
                "The session is judged, and has no picture of the page.",
                "Is the page larger than collector.max_body_bytes or the proxy's limit?"
                " `stolper doctor` without --canary sends such a body.",
            )
        damages = [gap async for one in recordings(self._store, session) for gap in one.gaps]
        if damages:
            self.warnings.append(
                Told(
                    "gaps",
                    False,
                    f"Of the recording something is damaged: {damages[0].reason}.",
                    "The session's page lists what; the rest plays.",
                )
            )
        return None

    async def _look(self) -> None:
        """Read what the page shows, while it is there."""
        assert self._page is not None
        with suppress(Error):
            found: dict[str, Any] = await self._page.evaluate(_LOOK)
            self.seen.forbidden = [(str(name), str(url)) for name, url in found.pop("forbidden")]
            for name, value in found.items():
                setattr(self.seen, name, value)
            if self.seen.config:
                self.seen.base = str(self.seen.config.get("base") or self.seen.base)
        # Of which site a batch is, the page says only now, and an answer may have come before.
        key = (self.seen.config or {}).get("key")
        self.seen.batches = [one for one in self._posts if key and one.url.endswith(f"/i/{key}")]

    async def _ask_again(self) -> None:
        """
        Fetch loader and recorder without the page, to see what the browser does not show.

        It hides the answers that it keeps from pages (a 404 that is no script), and bytes that are none.
        """
        assert self._page is not None
        for name in ("loader", "recorder"):
            seen: Answer | None = getattr(self.seen, name)
            if seen is None:
                continue
            with suppress(Error):  # then what the browser said is all there is
                answer = await self._page.context.request.get(seen.url)
                kind = answer.headers.get("content-type", "")
                problem = read_script(await answer.body(), kind, "")[1]
                if answer.status != 200:
                    code = await _refusal(answer)
                    setattr(self.seen, name, Answer(seen.url, answer.status, code))
                elif problem:
                    setattr(self.seen, name, Answer(seen.url, 200, problem=problem))

    async def _found(self, *, marked: bool) -> Session | None:
        """Return the session that holds the tracked event, among the newest."""
        query = SessionQuery(since_ms=self._began_ms - 60_000, canary=marked, limit=20)
        for session in await self._store.sessions(query):
            for batch in await self._store.batches(session.id):
                for event in batch.events:
                    if (event.get("props") or {}).get("code") == self._nonce:
                        return session
        return None

    async def _answered(self, response: Response) -> None:
        url, status = response.url, response.status
        if LOADER.search(url):
            self.seen.loader = Answer(url, status, await _refusal(response))
        elif "/s/recorder." in url:
            self.seen.recorder = Answer(url, status, await _refusal(response))
        elif _is_batch(response.request):
            self._posts.append(Answer(url, status, await _refusal(response)))

    def _failed(self, request: Request) -> None:
        answer = Answer(request.url, 0, failure=request.failure or "no answer")
        if LOADER.search(request.url):
            self.seen.loader = answer
        elif "/s/recorder." in request.url:
            self.seen.recorder = answer
        elif _is_batch(request):
            self._posts.append(answer)


def _is_batch(request: Request) -> bool:
    return request.method == "POST" and "/i/" in request.url


async def _refusal(response: Response | APIResponse) -> str:
    """Return the code by which Stolper refuses; "" if it does not, or another answers."""
    if response.status == 200:
        return ""
    try:
        return str(orjson.loads(await response.body())["code"])
    except (Error, ValueError, KeyError, TypeError):
        return ""


def _blocked_storage() -> Told:
    return Told(
        "storage",
        False,
        "The browser lets the page keep nothing: sessions are one page long.",
        "Does the page stand in a sandbox or in a frame of another site, or does a policy block"
        " cookies?",
    )


async def _until(look: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Return what *look* finds as soon as it is true, or after *within_s*."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        found = await look()
        if found or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.1)
