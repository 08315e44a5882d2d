"""
What can befall a batch on its way, each as a function of a laboratory.

A situation names the gaps that must be named at its end (none: nothing may be lost), and whether
deeds may be lost at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Page, Route

from core.model import Mode
from tests.e2e.delivery.lab import Lab
from tests.e2e.delivery.plain import Tab
from tests.e2e.support import eventually

Run = Callable[[Lab], Awaitable[None]]


@dataclass(frozen=True)
class Situation:
    """One line of the table."""

    name: str
    run: Run
    mode: Mode = "full"
    gaps: tuple[str, ...] = ()
    loses: bool = False  # deeds are lost; then a gap says so
    sessions: int = 1
    site: tuple[tuple[str, Any], ...] = ()  # options of the site
    long: bool = False
    or_gap: str = ""  # or, where the machine is too slow, deeds are lost and this gap is named


ALL: list[Situation] = []


def situation(name: str, **facts: Any) -> Callable[[Run], Run]:
    """Add the function to the table under *name*."""

    def add(run: Run) -> Run:
        ALL.append(Situation(name, run, **facts))
        return run

    return add


async def devtools(lab: Lab, page: Page) -> CDPSession:
    """Return the browser's own protocol for *page*."""
    return await (await lab.context()).new_cdp_session(page)


async def offline_for(lab: Lab, seconds: float) -> None:
    """Do something, lose the network for *seconds* while more is done, and get it back."""
    page = await lab.open()
    await lab.do(page, 2)
    context = await lab.context()
    await context.set_offline(True)
    for _ in range(5):
        await lab.do(page, 2)
        await asyncio.sleep(seconds / 5)
    await context.set_offline(False)
    await lab.do(page, 2)


@situation("offline and back")
async def offline(lab: Lab) -> None:
    await offline_for(lab, 4)


@situation("offline and back, cookieless", mode="cookieless")
async def offline_cookieless(lab: Lab) -> None:
    await offline_for(lab, 4)


@situation("offline, tab reloaded, and back")
async def offline_reload(lab: Lab) -> None:
    """The network is gone for the server only: an offline page could not be loaded again."""
    page = await lab.open()
    await lab.do(page)
    lab.faults.cut = True
    await lab.do(page, 3)
    await page.reload()
    await lab.started(page)
    await lab.do(page)
    lab.faults.cut = False
    await lab.do(page)


@situation("503 with Retry-After")
async def busy(lab: Lab) -> None:
    lab.faults.answers = [(503, "busy", "1"), (503, "busy", "2")]
    page = await lab.open()
    await lab.do(page, 3)


@situation("429 without Retry-After")
async def rate(lab: Lab) -> None:
    lab.faults.answers = [(429, "rate", "")] * 2
    page = await lab.open()
    await lab.do(page, 3)


@situation("slow network")
async def slow(lab: Lab) -> None:
    page = await lab.open()
    session = await devtools(lab, page)
    conditions = {"offline": False, "latency": 400, "downloadThroughput": 6000}
    await session.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 6000})
    for _ in range(3):
        await lab.do(page, 2, size=4000)


@situation("lost first answer")
async def lost_answer(lab: Lab) -> None:
    lab.faults.answers_lost = 1
    page = await lab.open()
    await lab.do(page, 3)


@situation("reload with a full buffer")
async def reload_full(lab: Lab) -> None:
    page = await lab.open()
    await lab.do(page)
    lab.faults.cut = True
    await lab.do(page, 8, size=60_000)
    await page.reload()
    await lab.started(page)
    lab.faults.cut = False
    await lab.do(page)


@situation("reload with more than a tab can keep", gaps=("end/too_large",), loses=True)
async def reload_too_full(lab: Lab) -> None:
    page = await lab.open()
    await lab.do(page)
    await lab.flushed(page)
    lab.faults.cut = True
    await lab.do(page, 30, size=100_000)
    await page.reload()
    await lab.started(page)
    lab.faults.cut = False
    await lab.do(page)
    await lab.flushed(page)


@situation("offline beyond the buffer", gaps=("buffer/full",), long=True)
async def buffer_full(lab: Lab) -> None:
    """What was done is told all the same, and the new snapshot shows it."""
    page = await lab.open()
    await lab.do(page)
    await lab.flushed(page)
    lab.faults.cut = True
    await lab.do(page, 25, size=200_000)
    lab.faults.cut = False
    await page.evaluate("dispatchEvent(new Event('online'))")
    await lab.flushed(page)
    await lab.do(page)
    await lab.flushed(page)


@situation("page left before the recorder came", gaps=("left early",), loses=True)
async def before_the_recorder(lab: Lab) -> None:
    """Nothing can be told of it; it is counted, and the next page is recorded."""
    context = await lab.context()
    [lost] = lab.promise(1)
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await context.route("**/s/recorder.*", hold)
    page = await lab.open("first", wait=False)
    await page.evaluate(f"deed({lost})")
    await page.evaluate("void setTimeout(() => { location.href = 'next' })")
    await page.wait_for_url("**/next")
    held.set()
    await lab.started(page)
    await lab.do(page)
    await lab.flushed(page)
    await lab.tallied("early")


TIMEOUT = (("idle_timeout_ms", 15_000),)


@situation("tab closed after 2 s", mode="cookieless", or_gap="no_farewell", site=TIMEOUT)
async def closed(lab: Lab) -> None:
    """A browser gives a closing tab half a second to say its last; on a slow machine that is named."""
    page = await lab.open()
    await asyncio.sleep(2)
    await lab.do(page, 2)
    await page.close(run_before_unload=True)


@situation("page left 300 ms after its load", or_gap="left early")
async def left_early(lab: Lab) -> None:
    """The recorder is there in time, or the health page counts a page that was left too early."""
    first, second = lab.promise(2)
    script = (
        f"addEventListener('load', () => {{ deed({first}); setTimeout(() => {{ deed({second});"
        " location.href = 'next' }, 300) })"
    )
    page = await lab.open("first", wait=False, script=script)
    await page.wait_for_url("**/next")
    await lab.started(page)
    await lab.do(page)


SHORT = (("idle_timeout_ms", 6000),)


@situation("tab killed", gaps=("no_farewell",), loses=True, site=SHORT)
async def killed(lab: Lab) -> None:
    """The tab's process dies: what it had not sent is gone, and the session says that."""
    page = await lab.open()
    await lab.do(page, 2)
    await lab.flushed(page)
    lab.faults.cut = True
    await lab.do(page)
    session = await devtools(lab, page)
    crashed = asyncio.ensure_future(page.wait_for_event("crash"))
    dying = asyncio.ensure_future(session.send("Page.crash"))
    await crashed
    dying.cancel()
    lab.faults.cut = False
    await end_all(lab)


@situation("whole browser killed", gaps=("no_farewell",), loses=True, site=SHORT)
async def browser_killed(lab: Lab) -> None:
    async with lab.plain() as browser:
        tab = await browser.open(lab.url())
        await lab.started(tab)
        await lab.do(tab, 2)
        await lab.flushed(tab)
        lab.faults.cut = True
        await lab.do(tab)
    lab.faults.cut = False
    await end_all(lab)


async def end_all(lab: Lab) -> None:
    """Let the site's sessions end as their idle timeout ends them."""

    async def check() -> bool:
        sessions = await lab.sessions()
        return bool(sessions) and all(session["ended"] for session in sessions)

    idle_ms = lab.site.idle_timeout_ms
    assert idle_ms <= 15_000, "set the site's idle timeout, or this takes too long"
    await eventually(check, within_s=idle_ms / 1000 + 20, every_s=0.5)


@situation("back from the back/forward cache")
async def bfcache(lab: Lab) -> None:
    async with lab.plain() as browser:
        tab = await browser.open(lab.url("first"))
        await lab.started(tab)
        await lab.do(tab, 2)
        await tab.ask("window.alive = true")
        await tab.send("Page.navigate", url=lab.url("second"))
        await tab.until("location.pathname.endsWith('second')")
        await lab.started(tab)
        await lab.do(tab)
        await tab.ask("history.back()")
        await tab.until("location.pathname.endsWith('first')")
        assert await tab.ask("window.alive") is True, "the browser kept no page to come back to"
        await lab.do(tab, 2)
        await lab.all_stored()


@situation("tab frozen, discarded, opened again")
async def discarded(lab: Lab) -> None:
    """
    A frozen tab hears nothing any more; what it had is in its storage when it is opened again.

    A discarded tab loses its process without a word, as a crash does; the browser keeps its storage.
    """
    async with lab.plain() as browser:
        tab = await browser.open(lab.url())
        await lab.started(tab)
        await lab.do(tab)
        await lab.flushed(tab)
        lab.faults.cut = True
        await lab.do(tab, 3)
        await tab.send("Page.setWebLifecycleState", state="frozen")
        kept = f"sessionStorage.getItem('stolper.{lab.site.key}.rest')"
        await tab.until(kept)
        await asyncio.sleep(1)  # the browser's own process takes the storage over now and then
        await crash(tab)
        lab.faults.cut = False
        tab = await browser.tab(tab.id)
        await tab.send("Page.navigate", url=lab.url())
        await lab.started(tab)
        await lab.do(tab)
        await lab.all_stored()


async def crash(tab: Tab) -> None:
    """Let the tab's process die: it does not answer any more."""
    try:
        async with asyncio.timeout(2):
            await tab.send("Page.crash")
    except (TimeoutError, AssertionError):
        return


@situation("clock set forward by an hour", sessions=2)
async def clock_forward(lab: Lab) -> None:
    """Not to be told from a night's sleep: the visit goes on as another session, nothing is lost."""
    await clock_moved(lab, 3_600_000)


@situation("clock set back by an hour")
async def clock_back(lab: Lab) -> None:
    await clock_moved(lab, -3_600_000)


@situation("clock set forward by ten minutes")
async def clock_a_little(lab: Lab) -> None:
    await clock_moved(lab, 600_000)


async def clock_moved(lab: Lab, by_ms: int) -> None:
    page = await lab.open()
    await lab.do(page, 2)
    lab.faults.cut = True
    await lab.do(page)
    await page.evaluate(f"(real => {{ Date.now = () => real() + {by_ms} }})(Date.now)")
    await lab.do(page, 2)
    lab.faults.cut = False
    await lab.do(page)


@situation("storage blocked", sessions=2)
async def storage_blocked(lab: Lab) -> None:
    """Every document is a session of its own."""
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    async with lab.own_browser(settings):
        page = await lab.open()
        blocked = "(() => { try { localStorage; return false } catch { return true } })()"
        assert await page.evaluate(blocked) is True
        await lab.do(page, 2)
        await lab.go(page, "next")
        await lab.do(page)
        await lab.all_stored()


@situation("third-party cookies blocked")
async def third_party(lab: Lab) -> None:
    """The collector stands on another site than the page."""
    settings = {"profile": {"block_third_party_cookies": True, "cookie_controls_mode": 1}}
    async with lab.own_browser(settings):
        page = await (await lab.context()).new_page()
        await page.goto(lab.url(host="shop.example"))
        await lab.started(page)
        await lab.do(page, 2)
        await page.goto(lab.url("next", host="shop.example"))
        await lab.started(page)
        await lab.do(page)
        await lab.all_stored()


@situation("http: no crypto.subtle")
async def insecure(lab: Lab) -> None:
    page = await (await lab.context()).new_page()
    await page.goto(lab.url(host="shop.example"))
    await lab.started(page)
    assert await page.evaluate("[isSecureContext, typeof crypto.subtle]") == [False, "undefined"]
    await lab.do(page, 3)


async def without(lab: Lab, script: str) -> Page:
    """Open a page in a browser that lacks something, do something, leave for another page."""
    await (await lab.context()).add_init_script(script)
    page = await lab.open()
    await lab.do(page, 2, size=2000)
    await lab.go(page, "next")
    await lab.do(page)
    await lab.flushed(page)
    return page


@situation("navigator.sendBeacon absent")
async def no_beacon(lab: Lab) -> None:
    await without(lab, "delete Navigator.prototype.sendBeacon")


@situation("no sendBeacon, cookieless", mode="cookieless", sessions=2)
async def no_beacon_cookieless(lab: Lab) -> None:
    await without(lab, "delete Navigator.prototype.sendBeacon")


@situation("another script used up the beacons", mode="cookieless", sessions=2)
async def beacons_used_up(lab: Lab) -> None:
    """sendBeacon says no. The rest goes by a request that outlives the page, if it is granted."""
    await without(lab, "Navigator.prototype.sendBeacon = () => false")


@situation("CompressionStream absent")
async def no_compression(lab: Lab) -> None:
    await without(lab, "delete window.CompressionStream")


@situation("two tabs at once")
async def two_tabs(lab: Lab) -> None:
    one, two = await lab.open("one"), await lab.open("two")
    for _ in range(3):
        await lab.do(one)
        await lab.do(two)


@situation("duplicated tab")
async def duplicated(lab: Lab) -> None:
    """The copy begins with a copy of the tab's storage, as a tab's duplicate does."""
    await opened(lab, "location.href")


@situation("window.open with an opener")
async def with_opener(lab: Lab) -> None:
    await opened(lab, "'next'")


async def opened(lab: Lab, address: str) -> None:
    first = await lab.open()
    await lab.go(first)  # so that the tab's storage has been used
    await lab.do(first)
    await first.evaluate("sessionStorage.setItem('copied', 'yes')")
    async with (await lab.context()).expect_page() as popup:
        await first.evaluate(f"void window.open({address})")
    second = await popup.value
    await lab.started(second)
    assert await second.evaluate("[sessionStorage.getItem('copied'), !!opener]") == ["yes", True]
    for _ in range(2):
        await lab.do(first)
        await lab.do(second)
    assert await first.evaluate("stolper('session')") == await second.evaluate("stolper('session')")


@situation("the script's line stands there twice")
async def twice(lab: Lab) -> None:
    page = await lab.open(tags="2")
    await lab.do(page, 3)


@situation("script loaded late")
async def late(lab: Lab) -> None:
    """What the page called before is told, what it drew before is in the snapshot."""
    page = await lab.open(wait=False, tags="0")
    await lab.do(page, 3)
    src = f"{lab.world.proxy_url}/s/{lab.site.key}.js"
    await page.add_script_tag(url=src)
    await lab.started(page)
    await lab.do(page)
