"""The loader: small, harmless twice, off when the visitor says so, silent when nobody answers."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext

from tests.snippet.conftest import KEY, SNIPPET, Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_loader_is_small_and_holds_the_placeholder_once(built: dict[str, str]) -> None:
    """The file that every page loads first stays under 2 KB."""
    text = (SNIPPET / "dist" / built["loader"]).read_text()

    assert len(text) <= 2048
    assert text.count('"__STOLPER_CONFIG__"') == 1


async def test_a_tag_that_stands_twice_records_once(
    collector: Collector, open_page: Open, tag: str
) -> None:
    """Two tags, one session, one page view."""
    page = await open_page(f"{tag}<h1>Hello</h1>{tag}")
    await page.wait_for_timeout(400)
    await page.evaluate("stolper('flush')")

    assert len(collector.events("page")) == 1
    assert len({batch.head["page_load"] for batch in collector.stored}) == 1


@pytest.mark.parametrize(
    "signal",
    [
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
        "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
    ],
)
async def test_privacy_signals_switch_it_off(
    collector: Collector, context: BrowserContext, open_page: Open, signal: str
) -> None:
    """With Global Privacy Control or Do-Not-Track nothing is loaded, sent or thrown."""
    await context.add_init_script(signal)
    page = await open_page("<button>Press</button>", wait=False)
    await page.click("button")
    await page.wait_for_timeout(1200)

    assert collector.batches == []
    assert await page.evaluate("stolper('flush')") is False
    assert await page.evaluate("stolper('session')") is None


async def test_calls_and_presses_before_the_recorder_are_kept(
    collector: Collector, open_page: Open
) -> None:
    """Calls through the documented stub and an early press arrive once the recorder runs."""
    stub = (
        "<script>window.stolper = window.stolper ||"
        " function(){(stolper.q = stolper.q || []).push(arguments)};"
        "stolper('track', 'early', {n: 1})</script>"
    )
    late = "<script>requestIdleCallback = (run) => { window.idle = run }</script>"
    page = await open_page("<button id=go>Go</button>", head=stub + late, wait=False)
    await page.wait_for_function("window.stolper && window.stolper.early")
    await page.click("#go")
    flushed = await page.evaluate("(idle(), stolper('flush'))")

    assert flushed is True
    assert [event["name"] for event in collector.events("custom")] == ["early"]
    assert [event["target"]["key"] for event in collector.events("click")] == ["#go"]
    assert collector.events("click")[0]["cut"] is True
    assert collector.events("page")[0]["t"] <= collector.events("click")[0]["t"]


async def test_an_early_error_is_told(collector: Collector, open_page: Open) -> None:
    """An error between loader and recorder is an error event."""
    late = "<script>requestIdleCallback = (run) => { window.begin = run }</script>"
    page = await open_page("", head=late, wait=False)
    await page.wait_for_function("!!window.begin")
    await page.evaluate("setTimeout(() => { setTimeout(begin, 50); throw new Error('too early') })")
    await collector.until(lambda: collector.events("error"))

    assert collector.events("error")[0]["message"].endswith("Error: too early")


async def test_nothing_reaches_the_page_when_the_collector_is_down(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """With every post cut off the page sees no error and no rejection."""
    collector.lost = True
    page = await context.new_page()
    seen: list[str] = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    collector.pages["/down"] = (
        f"<!doctype html><script async src='/s/{KEY}.js'></script><button>Press</button>"
    )
    await page.goto(collector.url + "/down")
    await page.wait_for_function("window.stolper && window.stolper.running")
    await page.click("button")
    await page.evaluate("stolper('track', 'x')")
    await page.wait_for_timeout(1500)

    assert seen == []


async def test_stop_gives_the_page_its_functions_back(
    collector: Collector, open_page: Open
) -> None:
    """After stop every patched function is the browser's own and nothing more is sent."""
    names = (
        "[fetch, window.open, history.pushState, history.replaceState, console.error,"
        " XMLHttpRequest.prototype.open, XMLHttpRequest.prototype.send, HTMLElement.prototype.click,"
        " navigator.sendBeacon, navigator.clipboard?.writeText, print, alert]"
    )
    page = await open_page("<p>x</p>")
    native = f"{names}.every((f) => !f || /native code/.test(Function.prototype.toString.call(f)))"

    assert await page.evaluate(native) is False

    await page.evaluate("stolper('flush')")
    await page.evaluate("stolper('stop')")
    count = len(collector.batches)
    await page.evaluate("document.body.append('more')")
    await page.wait_for_timeout(900)

    assert await page.evaluate(native) is True
    assert len(collector.batches) == count
