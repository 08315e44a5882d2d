"""Who sends: sessions over pages and tabs in mode full, one document in mode cookieless."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext

from tests.snippet.conftest import KEY, Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def deeds(events: list[dict[str, Any]]) -> list[str]:
    """Return the types of *events* without `vitals`: how many there are is the machine's doing."""
    return [event["type"] for event in events if event["type"] != "vitals"]


async def test_full_shares_the_session_over_pages_and_tabs(
    collector: Collector, open_page: Open
) -> None:
    """Two pages of one tab and a second tab: one session and visitor, two tabs, three page loads."""
    first = await open_page("<h1>One</h1>", path="/one")
    await first.evaluate("stolper('flush')")
    collector.pages["/two"] = collector.pages["/one"]
    await first.goto(collector.url + "/two")
    await first.wait_for_function("window.stolper && window.stolper.running")
    await first.evaluate("stolper('flush')")
    second = await open_page("<h1>Three</h1>", path="/three")
    await second.evaluate("stolper('flush')")
    heads = [batch.head for batch in collector.stored]

    assert len({head["session"] for head in heads}) == 1
    assert len({head["secret"] for head in heads}) == 1
    assert len({head["visitor"] for head in heads}) == 1
    assert len({head["page_load"] for head in heads}) == 3
    assert len({head["tab"] for head in heads}) == 2


async def test_cookieless_stores_nothing_and_is_one_document(
    collector: Collector, open_page: Open
) -> None:
    """Every document is a session of its own; storage and cookies stay empty."""
    collector.configure(mode="cookieless")
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('flush')")
    await page.reload()
    await page.wait_for_function("window.stolper && window.stolper.running")
    await page.evaluate("stolper('flush')")
    kept = await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")

    assert len({batch.head["session"] for batch in collector.stored}) == 2
    assert all("visitor" not in batch.head for batch in collector.stored)
    assert kept == [0, 0, ""]


async def test_the_session_id_is_given_at_once(collector: Collector, open_page: Open) -> None:
    """stolper('session') is the id that the batches carry."""
    page = await open_page("<h1>One</h1>")
    given = await page.evaluate("stolper('session')")
    await page.evaluate("stolper('flush')")

    assert {batch.head["session"] for batch in collector.stored} == {given}


async def test_new_begins_another_session(collector: Collector, open_page: Open) -> None:
    """stolper('new') gives another id, another secret, page load, page view and snapshot."""
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('flush')")
    old = await page.evaluate("stolper('session')")
    new = await page.evaluate("stolper('new')")
    await page.evaluate("stolper('flush')")
    before = [batch for batch in collector.stored if batch.head["session"] == old]
    after = [batch for batch in collector.stored if batch.head["session"] == new]

    assert old != new
    assert before[0].head["secret"] != after[0].head["secret"]
    assert before[0].head["page_load"] != after[0].head["page_load"]
    assert [after[0].head["seq"], after[0].head["events"][0]["type"]] == [0, "page"]
    assert after[0].recording[1]["type"] == 2


async def test_new_in_one_tab_moves_the_other_along(collector: Collector, open_page: Open) -> None:
    """Tabs of one visit stay together when one begins another session."""
    one = await open_page("<h1>One</h1>", path="/one")
    two = await open_page("<h1>Two</h1>", path="/two")
    new = await one.evaluate("stolper('new')")
    await two.wait_for_function(f"stolper('session') === '{new}'")
    await two.evaluate("stolper('flush')")

    told = {
        b.head["session"] for b in collector.stored if b.head.get("page", {}).get("path") == "/two"
    }

    assert new in told


async def test_idle_begins_another_session_with_the_next_event(
    collector: Collector, open_page: Open
) -> None:
    """After the idle timeout the next event has a new session, page load and snapshot."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('flush')")
    old = await page.evaluate("stolper('session')")
    await page.wait_for_timeout(1300)
    await page.evaluate("document.body.append('ticks')")
    await page.wait_for_timeout(500)
    asleep = len(collector.batches)
    await page.evaluate("stolper('track', 'back')")
    await page.evaluate("stolper('flush')")
    after = [batch for batch in collector.stored if batch.head["session"] != old]

    assert len([b for b in collector.stored if b.head["session"] == old]) == asleep
    assert deeds([e for b in after for e in b.head["events"]]) == ["page", "custom"]
    assert any(event["type"] == 2 for b in after for event in b.recording)


async def test_the_outcome_of_a_press_begins_no_session(
    collector: Collector, open_page: Open
) -> None:
    """A press whose outcome is known after the idle timeout is told whole, in its own session."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<button id=b onclick=\"this.append('!')\">Press</button>")
    session = await page.evaluate("stolper('session')")
    await page.click("#b")
    await page.wait_for_timeout(3500)
    await page.evaluate("stolper('flush')")
    [click] = collector.events("click")

    assert {batch.head["session"] for batch in collector.stored} == {session}
    assert "cut" not in click
    assert click["answer"] == "mutation"
    assert len(collector.events("page")) == 1


NOBODY = """
  Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
  console.error('tick');
  fetch('/status/204');
  setTimeout(() => { throw new Error('tick') });
  document.getElementById('b').click();
"""


async def test_nobody_begins_no_session(collector: Collector, open_page: Open) -> None:
    """After the idle timeout neither leaving, nor hiding, nor what a page does of itself is a visit."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<button id=b>Press</button>")
    await page.evaluate("stolper('flush')")
    await page.wait_for_timeout(1300)
    told = collector.events()
    await page.evaluate(NOBODY)
    await page.wait_for_timeout(600)
    await page.close(run_before_unload=True)
    second = await open_page("<h1>Two</h1>", path="/two")
    await second.evaluate("stolper('flush')")
    begun = collector.stored[0].head["session"]
    first = [e for b in collector.stored if b.head["session"] == begun for e in b.head["events"]]

    assert len({batch.head["session"] for batch in collector.stored}) == 2
    assert deeds(first) == ["page"]
    assert len(first) == len(told)


async def test_a_press_that_begins_a_session_comes_after_its_page(
    collector: Collector, open_page: Open
) -> None:
    """The page view is the first event, no later than the press, whose target is in the snapshot."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<i>a</i><button id=b>Press</button>")
    await page.evaluate("stolper('flush')")
    old = await page.evaluate("stolper('session')")
    await page.evaluate("for (let n = 0; n < 9; n++) document.body.prepend(n + ' ', new Image())")
    await page.wait_for_timeout(1600)
    await page.click("#b")
    await page.close(run_before_unload=True)
    await collector.until(lambda: collector.events("leave"))
    after = [batch for batch in collector.stored if batch.head["session"] != old]
    events = [event for batch in after for event in batch.head["events"]]
    events.sort(key=lambda event: event["i"])
    [click] = collector.events("click")
    [snapshot] = [e for b in after for e in b.recording if e["type"] == 2]

    assert [event["i"] for event in events] == list(range(len(events)))
    assert deeds(events) == ["page", "click", "leave"]
    assert events[0]["type"] == "page"
    assert events[0]["t"] <= events[1]["t"]
    assert _node(snapshot["data"]["node"], click["target"]["node"])["tagName"] == "button"


def _node(tree: dict[str, Any], wanted: int) -> dict[str, Any]:
    """Return the node with the id *wanted* in a full snapshot."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node["id"] == wanted:
            return node
        waiting += node.get("childNodes", [])
    raise LookupError(wanted)


@pytest.mark.parametrize(
    ("done", "types"),
    [
        ("history.pushState({}, '', '/route')", ["page"]),
        ("stolper('identify', 'c-17')", ["page"]),
        ("document.dispatchEvent(new Event('visibilitychange'))", ["page", "visibility"]),
    ],
)
async def test_a_visitor_who_is_back_begins_one(
    collector: Collector, open_page: Open, done: str, types: list[str]
) -> None:
    """A route, an identity and a tab that is shown again are activity; the page view is told once."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('flush')")
    old = await page.evaluate("stolper('session')")
    await page.wait_for_timeout(1300)
    await page.evaluate(done)
    await page.evaluate("stolper('flush')")
    after = [batch for batch in collector.stored if batch.head["session"] != old]

    assert deeds([e for batch in after for e in batch.head["events"]]) == types
    assert {e["view"] for batch in after for e in batch.head["events"]} == {0}
    assert [("identity" in batch.head) for batch in after] == ["identify" in done]


async def test_typing_keeps_a_session(collector: Collector, open_page: Open) -> None:
    """Who types is there, though the field is told only when it is left."""
    collector.configure(idle_timeout_ms=1000)
    page = await open_page("<input id=a>")
    await page.click("#a")
    await page.keyboard.type("a long answer", delay=150)
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(100)
    await page.evaluate("stolper('flush')")

    assert len({batch.head["session"] for batch in collector.stored}) == 1


async def test_a_running_session_outlives_the_idle_timeout(
    collector: Collector, open_page: Open
) -> None:
    """Events closer together than the timeout keep the session, over a page change too."""
    collector.configure(idle_timeout_ms=4000)
    page = await open_page("<h1>One</h1>")
    for _ in range(3):
        await page.wait_for_timeout(1500)
        await page.evaluate("stolper('track', 'on')")
    await page.reload()
    await page.wait_for_function("window.stolper && window.stolper.running")
    await page.evaluate("stolper('flush')")

    assert len({batch.head["session"] for batch in collector.stored}) == 1


async def test_consent_raises_and_withdraws(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """Raised to full the session is stored; withdrawn nothing is left and nothing more is sent."""
    collector.configure(mode="cookieless")
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('consent', 'full')")
    stored = await page.evaluate("Object.keys(localStorage)")
    await page.evaluate("stolper('flush')")
    await page.evaluate("stolper('track', 'unsent'); stolper('consent', 'none')")
    kept = await page.evaluate("[localStorage.length, sessionStorage.length]")
    count = len(collector.batches)
    await page.wait_for_timeout(600)

    assert f"stolper.{KEY}" in stored
    assert kept == [0, 0]
    assert len(collector.batches) == count
    assert collector.events("custom") == []
    assert await page.evaluate("stolper('session')") is None


async def test_blocked_storage_is_one_document(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """Where storage throws the recorder works, and the page sees nothing of it."""
    await context.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('no') }})"
    )
    page = await open_page("<h1>One</h1>")

    assert await page.evaluate("stolper('flush')") is True
    assert len(collector.events("page")) == 1


async def test_identify_is_told_with_its_signature(collector: Collector, open_page: Open) -> None:
    """The identity goes with the next batch and does not split the session."""
    page = await open_page("<h1>One</h1>")
    await page.evaluate("stolper('flush')")
    await page.evaluate("stolper('identify', 'c-17', {segment: 'business'}, 'abc')")
    await page.evaluate("stolper('track', 'x')")
    await page.evaluate("stolper('flush')")
    told = [batch.head for batch in collector.stored if "identity" in batch.head]

    assert len(told) == 1
    assert told[0]["identity"] == {"id": "c-17", "signature": "abc"}
    assert told[0]["attributes"]["segment"] == "business"
    assert len({batch.head["session"] for batch in collector.stored}) == 1


async def test_bfcache_goes_on_in_the_same_page_load(collector: Collector, open_page: Open) -> None:
    """A page that comes back from the back/forward cache is a page view of the same page load."""
    page = await open_page("<h1>One</h1>", path="/one")
    await page.evaluate("stolper('flush')")
    await page.evaluate(
        "() => { dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}));"
        " dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})) }"
    )
    await page.evaluate("stolper('track', 'back')")
    await page.evaluate("stolper('flush')")

    assert [event["nav"] for event in collector.events("page")] == ["load", "bfcache"]
    assert len({batch.head["page_load"] for batch in collector.stored}) == 1
    assert [e["view"] for e in collector.events("custom")] == [1]
