"""Consent and modes: what lies in the browser and what is sent, in each of them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import KEY, Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LOOK = """async () => ({
  local: Object.keys(localStorage).sort(), tab: Object.keys(sessionStorage).sort(),
  cookies: document.cookie, databases: (await indexedDB.databases()).map(({name}) => name),
  caches: await caches.keys(), workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""
NOTHING: dict[str, Any] = {
    "local": [],
    "tab": [],
    "cookies": "",
    "databases": [],
    "caches": [],
    "workers": 0,
}
FULL = NOTHING | {"local": [f"stolper.{KEY}", f"stolper.{KEY}.visitor"]}
KEPT = f"localStorage['stolper.{KEY}'] = localStorage['stolper.{KEY}.visitor'] = 'x';" + (
    f"sessionStorage['stolper.{KEY}.tab'] = sessionStorage['stolper.{KEY}.rest'] = 'x';"
    f"localStorage['stolper.{KEY}2'] = 'of another site'"
)


async def visitors(collector: Collector, page: Page) -> list[bool]:
    """Flush *page* and return whether its batches, one or more, named a visitor."""
    load = len(collector.stored)
    await page.evaluate("stolper('track', 'x'); stolper('flush')")
    await collector.until(lambda: len(collector.stored) > load)
    return sorted({"visitor" in batch.head for batch in collector.stored[load:]})


async def test_cookieless_keeps_nothing_and_full_keeps_what_the_docs_say(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """No storage, cookie, database, cache or worker; raised and lowered while the page lives."""
    collector.configure(mode="cookieless")
    page = await open_page("<h1>One</h1>")
    before = await page.evaluate(LOOK), await visitors(collector, page)
    await page.evaluate("stolper('consent', 'full')")
    raised = await page.evaluate(LOOK), await visitors(collector, page)
    await page.evaluate("stolper('consent', 'cookieless')")
    lowered = await page.evaluate(LOOK), await visitors(collector, page)
    sessions = {batch.head["session"] for batch in collector.stored}
    await page.goto(collector.url + "/page")
    await page.wait_for_function("window.stolper && stolper.running === true")
    after = await page.evaluate(LOOK)

    assert (NOTHING, [False]) == before
    assert (FULL, [True]) == raised
    assert (NOTHING, [False]) == lowered
    assert NOTHING == after
    assert 1 == len(sessions)
    assert [] == await context.cookies()


async def test_a_site_in_mode_full_keeps_its_keys_and_no_more(
    collector: Collector, open_page: Open
) -> None:
    """The owner's written word: two keys of the site, two of the tab while no document lives."""
    page = await open_page("<h1>One</h1>")
    told = await visitors(collector, page)
    here = await page.evaluate(LOOK)
    collector.pages["/plain"] = "<!doctype html><title>x</title>"
    await page.goto(collector.url + "/plain")
    between = await page.evaluate(LOOK)

    assert [True] == told
    assert FULL == here
    assert (
        {f"stolper.{KEY}.tab"}
        <= set(between["tab"])
        <= {f"stolper.{KEY}.{name}" for name in ("tab", "rest")}
    )
    assert FULL | {"tab": between["tab"]} == between


async def test_consent_that_is_withdrawn_on_a_later_page_deletes_what_an_earlier_one_stored(
    collector: Collector, open_page: Open
) -> None:
    """A site in mode cookieless knows nothing of what an earlier page stored, and deletes it."""
    collector.configure(mode="cookieless")
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('consent', 'full')")
    await page.goto(collector.url + "/page")
    await page.wait_for_function("window.stolper && stolper.running === true")
    left = (await page.evaluate(LOOK))["local"]
    await page.evaluate("stolper('consent', 'none')")
    count = len(collector.batches)
    await page.evaluate("stolper('consent', 'full'); stolper('track', 'no'); stolper('flush')")

    assert FULL["local"] == left
    assert NOTHING == await page.evaluate(LOOK)
    assert None is await page.evaluate("stolper('session')")
    assert count == len(collector.batches)


async def test_consent_that_is_withdrawn_counts_in_all_tabs(
    collector: Collector, open_page: Open
) -> None:
    """Another tab stops too and stores nothing again, whatever happens there."""
    one = await open_page("<h1>One</h1>", path="/one")
    two = await open_page("<h1>Two</h1><button>Go</button>", path="/two")
    await one.evaluate("stolper('consent', 'none')")
    await two.wait_for_function("stolper('session') === undefined")
    count = len(collector.batches)
    await two.click("button")
    await two.evaluate("stolper('track', 'no'); stolper('flush')")

    assert (NOTHING, NOTHING) == (await one.evaluate(LOOK), await two.evaluate(LOOK))
    assert count == len(collector.batches)


@pytest.mark.parametrize("signal", ["globalPrivacyControl: true", "doNotTrack: '1'"])
async def test_a_privacy_signal_deletes_what_earlier_visits_stored(
    collector: Collector, context: BrowserContext, open_page: Open, signal: str
) -> None:
    """Nothing of this site's is left, nothing is sent; another site's keys are not touched."""
    name, value = signal.split(": ")
    await context.add_init_script(
        f"{KEPT}; Object.defineProperty(navigator, '{name}', {{value: {value}}})"
    )
    page = await open_page("<h1>One</h1>", wait=False)
    await page.wait_for_function("window.stolper && stolper.config")

    assert NOTHING | {"local": [f"stolper.{KEY}2"]} == await page.evaluate(LOOK)
    assert False is await page.evaluate("stolper('consent', 'full'); stolper('flush')")
    assert [] == collector.batches
