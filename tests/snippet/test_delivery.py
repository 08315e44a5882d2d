"""What was recorded arrives: once, unchanged, in order, also when it is refused at first."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import BrowserContext

from tests.snippet.conftest import KEY, Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BUSY = (503, {"ok": False, "code": "busy", "error": ""}, {"Retry-After": "1"})


@pytest.mark.parametrize(("status", "after_s"), [(503, 1), (429, 2)])
async def test_a_refused_batch_comes_again_to_the_byte(
    collector: Collector, open_page: Open, status: int, after_s: int
) -> None:
    """After 503 and 429 the same batch comes after Retry-After, equal but for the clock at sending."""
    told = {"ok": False, "code": "busy", "error": ""}
    collector.answers.append((status, told, {"Retry-After": str(after_s)}))
    await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    first, second = collector.batches[:2]

    assert first.status == status
    assert second.digest == first.digest
    assert second.body[8:] == first.body[8:]
    assert second.sent_t - first.sent_t >= after_s * 1000


async def test_sequence_numbers_have_no_holes(collector: Collector, open_page: Open) -> None:
    """Batches of a page load count 0, 1, 2 ... and so do the events in them."""
    page = await open_page("<h1>Hello</h1>")
    for n in range(4):
        await page.evaluate(f"stolper('track', 'step', {{n: {n}}})")
        await page.evaluate("stolper('flush')")

    assert [batch.head["seq"] for batch in collector.stored] == list(range(len(collector.stored)))
    assert sorted(event["i"] for event in collector.events()) == list(
        range(len(collector.events()))
    )


async def test_flush_waits_for_the_acknowledgement(collector: Collector, open_page: Open) -> None:
    """The promise of flush is true once the collector has answered 200, not before."""
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    collector.answers.append(BUSY)
    await page.evaluate("stolper('track', 'goal')")
    done = await page.evaluate("stolper('flush')")

    assert done is True
    assert [event["name"] for event in collector.events("custom")] == ["goal"]


async def test_a_tab_that_is_closed_sends_its_last_events(
    collector: Collector, open_page: Open
) -> None:
    """The beacon at pagehide brings the press that was still open, cut, and the leave."""
    page = await open_page("<button id=b>Press</button>")
    await collector.until(lambda: collector.stored)
    await page.click("#b")
    await page.close(run_before_unload=True)
    await collector.until(lambda: collector.events("leave"))
    last = collector.stored[-1]
    click = collector.events("click")[0]

    assert last.head["last"] is True
    assert len(last.body) <= 60_000
    assert click["cut"] is True
    assert collector.events("leave")[0]["kind"] in ("close", "link")


async def test_snapshot_arrives_though_the_tab_closes_after_two_seconds(
    collector: Collector, open_page: Open
) -> None:
    """A large page seen for two seconds can be replayed."""
    page = await open_page(
        "".join(f"<p class=c{n}>Row {n} of a large page</p>" for n in range(4000))
    )
    await page.wait_for_timeout(1500)
    await page.close(run_before_unload=True)
    await collector.until(lambda: any(e["type"] == 2 for e in collector.recording()))

    assert any(event["type"] == 2 for event in collector.recording())


async def test_what_the_beacon_could_not_take_comes_with_the_next_page(
    collector: Collector, open_page: Open
) -> None:
    """In mode full unsent batches survive a reload and are sent by the next document."""
    collector.lost = True
    page = await open_page("<h1>First</h1>", path="/first")
    await page.evaluate("stolper('track', 'before', {n: 1})")
    collector.pages["/second"] = collector.pages["/first"].replace("First", "Second")
    await page.wait_for_timeout(300)
    await page.goto(collector.url + "/second")
    collector.lost = False
    await collector.until(lambda: collector.events("custom"), timeout_s=12)

    assert [event["name"] for event in collector.events("custom")] == ["before"]
    assert [event["path"] for event in collector.events("page")].count("/first") == 1


REST = f"sessionStorage.getItem('stolper.{KEY}.rest')"


async def test_a_beacon_that_was_lost_unnoticed_comes_with_the_next_page(
    collector: Collector, open_page: Open
) -> None:
    """A server that dies after the last answer costs nothing: the next page brings the farewell."""
    page = await open_page("<h1>First</h1>", path="/first")
    await page.evaluate("stolper('flush')")
    collector.pages["/second"] = collector.pages["/first"].replace("First", "Second")
    collector.lost = True
    await page.evaluate("stolper('track', 'last words'); location.href = '/second'")
    await page.wait_for_url("**/second")
    await page.wait_for_function("window.stolper && window.stolper.running === true")
    await collector.until(lambda: collector.cut)
    kept = await page.evaluate(REST)
    collector.lost = False
    await collector.until(lambda: collector.events("custom"), timeout_s=12)

    assert kept is not None
    assert [event["name"] for event in collector.events("custom")] == ["last words"]
    assert [(e["kind"], e["path"]) for e in collector.events("leave")] == [("close", "/first")]
    assert await page.evaluate("stolper('flush')") is True
    assert await page.evaluate(REST) is None


async def test_a_beacon_that_arrived_comes_again_and_is_a_duplicate(
    collector: Collector, open_page: Open
) -> None:
    """The farewell is sent again, the same to the byte, and is kept no longer than it takes."""
    page = await open_page("<h1>First</h1>", path="/first")
    await page.evaluate("stolper('flush')")
    collector.pages["/second"] = collector.pages["/first"].replace("First", "Second")
    await page.goto(collector.url + "/second")
    await page.wait_for_function("window.stolper && window.stolper.running === true")
    await collector.until(lambda: collector.duplicates)
    await page.evaluate("stolper('flush')")
    [farewell] = [batch for batch in collector.stored if batch.head["last"]]

    assert collector.duplicates == [farewell.digest]
    assert await page.evaluate(REST) is None


async def test_a_conflict_begins_a_new_page_load(collector: Collector, open_page: Open) -> None:
    """After 409 what waits comes under a new page load id with a new snapshot, nothing twice."""
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    before = collector.stored[0].head["page_load"]
    collector.answers.append((409, {"ok": False, "code": "conflict", "error": ""}, {}))
    await page.evaluate("stolper('track', 'kept')")
    await page.evaluate("stolper('flush')")
    await collector.until(
        lambda: any(e["type"] == 2 for b in collector.stored[1:] for e in b.recording)
    )
    after = [batch for batch in collector.stored if batch.head["page_load"] != before]
    indices = [e["i"] for b in after for e in b.head["events"]] + [
        i for b in after for i in b.head["void"]
    ]

    assert after[0].head["seq"] == 0
    assert {batch.head["session"] for batch in collector.stored} == {after[0].head["session"]}
    assert [event["name"] for event in collector.events("custom")] == ["kept"]
    assert sorted(indices) == list(range(len(indices)))


async def test_a_forbidden_session_is_replaced(collector: Collector, open_page: Open) -> None:
    """After 403 forbidden the page goes on in a new session with a page view and a snapshot."""
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    old = await page.evaluate("stolper('session')")
    collector.answers.append((403, {"ok": False, "code": "forbidden", "error": ""}, {}))
    await page.evaluate("stolper('track', 'lost')")
    await page.evaluate("stolper('flush')")
    await collector.until(lambda: any(b.head["session"] != old for b in collector.stored))
    new = [batch for batch in collector.stored if batch.head["session"] != old]

    assert new[0].head["events"][0]["type"] == "page"
    assert new[0].recording[1]["type"] == 2
    assert await page.evaluate("stolper('session')") == new[0].head["session"]


@pytest.mark.parametrize("answer", [(404, "unknown_site"), (403, "origin")])
async def test_an_unknown_site_stops_sending(
    collector: Collector, open_page: Open, answer: tuple[int, str]
) -> None:
    """Where nobody wants it nothing more is sent."""
    collector.answers.append((answer[0], {"ok": False, "code": answer[1], "error": ""}, {}))
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.batches)
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('track', 'x')")

    assert await page.evaluate("stolper('flush')") is False
    assert len(collector.batches) == 1


async def test_a_dropped_batch_is_a_named_gap(collector: Collector, open_page: Open) -> None:
    """After 413 the batch is gone; the next one names the gap, the void indices and a snapshot."""
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    collector.answers.append((413, {"ok": False, "code": "too_large", "error": ""}, {}))
    await page.evaluate("document.body.append('x'); stolper('track', 'large')")
    await page.evaluate("stolper('flush')")
    await collector.until(
        lambda: any(event["type"] == 2 for b in collector.stored[1:] for event in b.recording)
    )
    after = collector.stored[1].head

    assert [gap["reason"] for gap in after["gaps"]] == ["too_large"]
    assert after["void"] == [event["i"] for event in collector.batches[1].head["events"]]


async def test_a_large_recording_is_sent_before_the_interval(
    collector: Collector, open_page: Open
) -> None:
    """At 48 KB unsent a batch goes, however long the interval is."""
    collector.configure(flush_ms=60_000)
    collector.answers = [(200, {"ok": True, "status": "stored", "flush_ms": 60_000}, {})]
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    await page.evaluate(
        "for (let n = 0; n < 1500; n++) {"
        " const p = document.createElement('p'); p.textContent = 'row ' + n;"
        " document.body.append(p) }"
    )
    await collector.until(lambda: len(collector.stored) > 1, timeout_s=3)

    assert len(json.dumps(collector.stored[1].recording)) >= 48_000


async def test_an_error_is_sent_at_once(collector: Collector, open_page: Open) -> None:
    """A script error does not wait for the interval."""
    collector.configure(flush_ms=60_000)
    collector.answers = [(200, {"ok": True, "status": "stored", "flush_ms": 60_000}, {})]
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    await page.evaluate("setTimeout(() => { throw new Error('now') })")
    await collector.until(lambda: collector.events("error"), timeout_s=2)

    assert len(collector.events("error")) == 1


async def test_offline_loses_nothing(
    collector: Collector, context: BrowserContext, open_page: Open
) -> None:
    """What happens without a network arrives when it is back."""
    page = await open_page("<h1>Hello</h1>")
    await collector.until(lambda: collector.stored)
    await context.set_offline(True)
    for n in range(3):
        await page.evaluate(f"stolper('track', 'offline', {{n: {n}}})")
        await page.wait_for_timeout(500)
    await context.set_offline(False)
    await collector.until(lambda: len(collector.events("custom")) == 3, timeout_s=10)

    assert [event["props"]["n"] for event in collector.events("custom")] == [0, 1, 2]
