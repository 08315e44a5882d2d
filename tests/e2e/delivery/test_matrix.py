"""
The delivery table: what befalls a batch on its way, and what is stored in the end.

Every situation runs in a real Chromium against the real server, all in one module-wide run, a few
at a time; each test is one line of the table that is printed (`-s` shows it).
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import async_playwright

from core.health import findings
from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.delivery import prerendering  # noqa: F401 -- adds its lines to the table
from tests.e2e.delivery.lab import HEADING, HOSTS, STARTED, Lab, Pages, Row, World
from tests.e2e.delivery.proxy import Proxy
from tests.e2e.delivery.situations import ALL, TIMEOUT, Situation, end_all, offline_for
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 4
"""Situations that run side by side: most of each is waiting."""


@asynccontextmanager
async def world(folder: Path, chromium: str) -> AsyncIterator[World]:
    """Run server, proxy, pages and browser."""
    async with AsyncExitStack() as running:
        stack = Stack(folder / "data", **{"collector.flush_ms": 1000})
        made: World | None = None

        async def stop() -> None:
            await (made.stack if made else stack).stop()  # a test may have put another in its place

        running.push_async_callback(stop)
        await stack.start()
        proxy, pages = Proxy(stack.public_url), Pages()
        playwright = await running.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=[*CHROMIUM_FLAGS, HOSTS],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        running.push_async_callback(browser.close)
        proxy_url = await serving(running, proxy.app())
        pages_url = await serving(running, pages.app())
        made = World(
            stack, proxy, proxy_url, pages, pages_url, browser, playwright, chromium, folder
        )
        yield made


async def serving(running: AsyncExitStack, app: web.Application) -> str:
    """Serve *app* while *running* is open; return its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    running.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def outcome(world: World, situation: Situation) -> Row | BaseException:
    """Run *situation* and return its row, or what went wrong."""
    lab: Lab | None = None
    try:
        lab = await world.lab(situation.name, mode=situation.mode, **dict(situation.site))
        await situation.run(lab)
        if situation.or_gap:
            if not await lab.all_stored(10) and situation.or_gap == "no_farewell":
                await end_all(lab)
        elif not situation.loses:
            await lab.all_stored()
        row = await lab.row(situation.name)
        await lab.close()
        return row
    except (Exception, asyncio.CancelledError) as error:
        return error


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(
    tmp_path_factory: pytest.TempPathFactory, chromium_path: str
) -> AsyncIterator[World]:
    """Everything that the tests of this file share."""
    async with world(tmp_path_factory.mktemp("delivery"), chromium_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(made: World, request: pytest.FixtureRequest) -> dict[str, Row | BaseException]:
    """Run the situations that were chosen and print their table."""
    chosen = {
        item.callspec.params["situation"].name
        for item in request.session.items
        if item.path == Path(__file__) and "situation" in getattr(item, "fixturenames", ())
    }
    several = asyncio.Semaphore(AT_ONCE)

    async def one(situation: Situation) -> Row | BaseException:
        async with several:
            return await outcome(made, situation)

    run = [situation for situation in ALL if situation.name in chosen]
    found = await asyncio.gather(*map(one, run))
    print(f"\n{HEADING}")
    for situation, row in zip(run, found, strict=True):
        print(row.line() if isinstance(row, Row) else f"{situation.name:<34} {row!r}"[:400])
    return {situation.name: row for situation, row in zip(run, found, strict=True)}


@pytest.mark.parametrize(
    "situation",
    [pytest.param(one, marks=pytest.mark.long if one.long else (), id=one.name) for one in ALL],
)
async def test_situation(
    situation: Situation, made: World, rows: dict[str, Row | BaseException]
) -> None:
    """What the page did is stored once and in order, or the gap is named; nothing else is."""
    row = rows.pop(situation.name, None) or await outcome(made, situation)  # the latter: run again
    if isinstance(row, BaseException):
        raise row
    kept = [n for n in row.did if n in row.stored]
    slow = situation.or_gap in row.gaps
    gaps = [gap for gap in row.gaps if gap != situation.or_gap]

    assert kept == row.stored
    assert list(situation.gaps) == gaps
    assert situation.sessions == row.sessions
    assert slow or situation.loses == bool(row.lost), row.lost


async def visit_of_five_seconds(lab: Lab) -> None:
    """Visit for five seconds: do something at the beginning and at the end, close the tab."""
    page = await lab.open()
    began = await page.evaluate("performance.now()")
    await lab.do(page)
    await asyncio.sleep(max(0.0, 5 - began / 1000))
    await lab.do(page)
    await page.close(run_before_unload=True)


async def lost_of(made: World, visits: int, at_once: int) -> tuple[list[str], list[str]]:
    """
    Make so many visits of five seconds; return what is lost of them unnamed, and named.

    A recording that is not there, its first deed or its picture, is lost whatever is named. A
    browser gives a closing tab half a second: a machine that is too slow for it loses the end.
    """
    several = asyncio.Semaphore(at_once)

    lost: list[str] = []
    ends: list[str] = []

    async def one(number: int) -> None:
        async with several:
            site = dict(TIMEOUT)
            lab = await made.lab(f"visit {number} of {visits}", mode="cookieless", **site)
            await visit_of_five_seconds(lab)
            if not await lab.all_stored(10):
                await end_all(lab)
            row = await lab.row("")
            await lab.close()
            named = row.lost == [1] and row.gaps == ["no_farewell"]
            (ends if named else lost).extend(f"visit {number}: deed {n}" for n in row.lost)

    await asyncio.gather(*map(one, range(visits)))
    print(
        f"\nvisits of 5 s that end by closing the tab: {len(lost)} lost of {visits} {lost},"
        f" {len(ends)} without their end {ends}"
    )
    return lost, ends


async def test_no_short_visit_is_lost(made: World) -> None:
    """Five visits of five seconds, without storage: each is there, to its end or to a named gap."""
    lost, _ = await lost_of(made, 5, at_once=3)

    assert [] == lost


@pytest.mark.long
async def test_none_of_twenty_short_visits_is_lost(made: World) -> None:
    """Of twenty visits nothing is lost, the last deed before the tab is closed neither."""
    assert ([], []) == await lost_of(made, 20, at_once=1)


@pytest.mark.long
async def test_three_minutes_offline_lose_nothing(made: World) -> None:
    """The real length: waits have grown to their longest by then."""
    lab = await made.lab("offline for three minutes")
    await offline_for(lab, 180)

    assert await lab.all_stored(90)
    assert [] == (await lab.row("")).gaps


async def test_the_server_restarts_meanwhile(
    made: World, rows: dict[str, Row | BaseException]
) -> None:
    """What is done while no server runs arrives at the next one; after *rows*, which need this one."""
    lab = await made.lab("restart")
    page = await lab.open()
    await lab.do(page, 2)
    await made.stack.stop()
    await lab.do(page, 2)
    made.stack = Stack(made.folder / "data", **{"collector.flush_ms": 1000})
    await made.stack.start()
    made.proxy.target = made.stack.public_url
    await lab.do(page)

    assert await lab.all_stored(60)
    row = await lab.row("server restarted in between")
    await lab.close()
    print(f"\n{row.line()}")
    assert ([], [], 1) == (row.lost, row.gaps, row.sessions)
    assert row.did == row.stored


async def test_a_policy_that_forbids_sending_is_named(made: World) -> None:
    """Each page tries once, and gets one report; the health of the site says connect-src."""
    lab = await made.lab("csp")
    address = lab.url(
        # Playwright asks pages by eval.
        csp=f"connect-src 'self'; script-src 'unsafe-inline' 'unsafe-eval' {made.proxy_url}",
        script="window.reports = 0;"
        " addEventListener('securitypolicyviolation', () => { reports++ }, true)",
    )
    for _ in range(3):
        context = await made.browser.new_context()
        page = await context.new_page()
        await page.goto(address)
        await page.wait_for_function("window.reports > 0 && !stolper('session')", timeout=60_000)
        await page.evaluate("n => deed(n)", 0)
        await asyncio.sleep(1.5)

        assert 1 == await page.evaluate("reports")
        await context.close()

    async def named() -> list[str]:
        health = await made.stack.store.health(lab.site.key, 0)
        return [one.code for one in findings(health, enabled=True) if one.code == "no_batches"]

    assert ["no_batches"] == await eventually(named, within_s=30)
    assert {} == lab.faults.sent
    assert [] == await lab.sessions()


KEPT = """key => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]
  .filter(name => name.startsWith('stolper.' + key))"""


async def test_a_site_is_switched_off(made: World) -> None:
    """Running recorders stop at the next answer and delete what they kept; new pages load nothing."""
    lab = await made.lab("switch")
    page = await lab.open()
    await lab.do(page)
    await lab.flushed(page)
    assert await page.evaluate(KEPT, lab.site.key)
    off = dataclasses.replace(lab.site.options, enabled=False)
    await made.stack.store.set_site_options(lab.site.key, off)
    await asyncio.sleep(2.1)  # the collector remembers a site for two seconds
    await page.evaluate("deed(1)")
    await page.wait_for_function("stolper('session') === undefined", timeout=60_000)

    assert [] == await page.evaluate(KEPT, lab.site.key)
    assert [0] == await lab.stored()

    left = "key => localStorage.setItem('stolper.' + key + '.visitor', 'of an earlier visit')"
    await page.evaluate(left, lab.site.key)
    kept = await page.context.storage_state()
    context = await made.browser.new_context(storage_state=kept)  # five minutes are over
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(lab.url())
    await page.wait_for_function("!!window.stolper.config")

    assert await page.evaluate("stolper('flush')") is False
    assert [] == await page.evaluate(KEPT, lab.site.key)
    assert [f"{lab.site.key}.js"] == [url.rsplit("/", 1)[1] for url in asked if "/s/" in url]
    assert await page.evaluate(STARTED) is False
    await context.close()
    await lab.close()
