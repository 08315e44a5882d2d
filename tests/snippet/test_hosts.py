"""Beside pages that patch, freeze and replace: they behave as without us, and are recorded."""

from __future__ import annotations

import asyncio
import difflib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import SNIPPET, Collector
from tests.snippet.hosts import AFTER, HOSTS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROOT = SNIPPET.parent
MODULES = ROOT / "node_modules"
HOST = Path(__file__).parent / "host"
BODY = (
    "<div id=area></div><form id=form onsubmit='return false'>"
    "<input id=name><button id=go type=button onclick='this.textContent = \"Done\"'>Go</button></form>"
)


@pytest.fixture(scope="module")
def libraries() -> dict[str, str]:
    """The real libraries, as scripts by their path."""
    bundled = subprocess.run(
        [
            MODULES / ".bin" / "esbuild",
            MODULES / "@sinonjs/fake-timers/src/fake-timers-src.js",
            "--bundle",
            "--format=iife",
            "--global-name=FakeTimers",
            "--external:util",
            "--external:timers",
            "--external:timers/promises",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "/lib/zone.js": (MODULES / "zone.js/bundles/zone.umd.min.js").read_text(),
        "/lib/ses.js": (MODULES / "ses/dist/lockdown.umd.min.js").read_text(),
        "/lib/fake-timers.js": bundled.stdout,
        "/behave.js": (HOST / "behave.js").read_text(),
    }


def served(collector: Collector, libraries: dict[str, str], head: str, tag: str) -> None:
    """Serve the same page with the snippet (/with) and without (/plain)."""
    collector.pages.update(libraries)
    for path, own in (("/with", tag), ("/plain", "")):
        collector.pages[path] = (
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>Host</title>"
            f"<style>b {{ color: red }}</style>{head}<script src=/behave.js></script>{own}"
            f"</head><body>{BODY}</body></html>"
        )


async def visit(
    context: BrowserContext, url: str, *, recorded: bool, after: str = ""
) -> tuple[Page, list[str]]:
    """Do on the page what a visitor does; return it with the log of all that it saw."""
    page = await context.new_page()
    await page.goto(url)
    if recorded:
        await page.wait_for_function("window.stolper && window.stolper.running === true")
    if after:
        await page.evaluate(re.sub(r"</?script>", "", after))
    await page.evaluate("behave()")
    await page.click("#go")
    await page.click("#name")
    await page.keyboard.type("ab")
    await page.keyboard.press("Enter")
    log: list[str] = await page.evaluate("log")
    return page, [text.replace(url, "URL") for text in log]


async def compared(
    collector: Collector, context: BrowserContext, after: str = ""
) -> list[dict[str, Any]]:
    """Visit both pages; they must not differ. Returns the events of the recorded one."""
    (page, found), (_, expected) = await asyncio.gather(
        visit(context, collector.url + "/with", recorded=True, after=after),
        visit(context, collector.url + "/plain", recorded=False, after=after),
    )

    assert "" == "\n".join(
        difflib.unified_diff(expected, found, "without", "with", n=0, lineterm="")
    )
    assert await page.evaluate("stolper('flush')") is True
    await page.goto("about:blank")  # what is open is told, cut
    await collector.until(lambda: told(collector.events(), "click")[1:])
    return collector.events()


def told(events: list[dict[str, Any]], type_: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == type_]


def complete(collector: Collector, events: list[dict[str, Any]]) -> None:
    """The visit is there: snapshot, page views, the press with its answer, the field, requests."""
    assert ["load"] == [event["nav"] for event in told(events, "page")][:1]
    assert any(batch.head.get("chunk", {}).get("snapshot") for batch in collector.stored)
    assert ["#go", "#name"] == [
        event["target"]["key"] for event in told(events, "click") if event["trusted"]
    ]
    assert "Done" in str(collector.recording())


@pytest.mark.parametrize("host", HOSTS)
async def test_a_page_that_came_first(
    collector: Collector,
    context: BrowserContext,
    libraries: dict[str, str],
    tag: str,
    host: str,
) -> None:
    """What the page patched before the snippet came works as without it, and the visit arrives."""
    served(collector, libraries, HOSTS[host], tag)
    events = await compared(collector, context)

    complete(collector, events)
    # What cannot be patched is not seen, and each refusal is counted; SES freezes the console only.
    refused = host in ("frozen", "ses_lockdown")
    if host != "clobbered":  # fields that hide their form's properties may cost an error of ours
        assert refused is (max(batch.head["snippet"]["errors"] for batch in collector.stored) > 0)
    assert (host == "frozen") is (told(events, "request") == [])


@pytest.mark.parametrize("host", AFTER)
async def test_a_page_that_patches_over_us(
    collector: Collector,
    context: BrowserContext,
    libraries: dict[str, str],
    tag: str,
    host: str,
) -> None:
    """What comes after the recorder works as without it, and the visit arrives."""
    served(collector, libraries, "", tag)
    events = await compared(collector, context, after=AFTER[host])

    complete(collector, events)
    assert len(told(events, "request")) >= 4
    assert {0} == {batch.head["snippet"]["errors"] for batch in collector.stored}
