"""Fields and forms: how they were filled and sent, under the names of core/events.yaml."""

from __future__ import annotations

import pytest

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_field_tells_how_it_was_filled(collector: Collector, open_page: Open) -> None:
    """Lengths, deletions, refills and returns of a field, never its value."""
    page = await open_page("<form id=f><input id=city name=city><input id=next></form>")
    await page.click("#city")
    await page.keyboard.type("Hamburg")
    for _ in range(7):
        await page.keyboard.press("Backspace")
    await page.keyboard.type("Kiel")
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(200)
    await page.click("#city")
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")
    first, _, again = collector.events("field")[:3]

    assert (first["form"], first["field"], first["cause"]) == ("f", "city", "blur")
    assert first["lengths"] == [0, 7, 0, 4]
    assert (first["keys"], first["deletions"], first["refills"]) == (18, 7, 1)
    assert (first["length"], first["changed"], first["cleared"]) == (4, True, True)
    assert "returns" not in first or first["returns"] == 0
    assert again["returns"] == 1
    assert "Kiel" not in str([batch.head for batch in collector.stored])


async def test_a_password_tells_only_that_it_is_there(
    collector: Collector, open_page: Open
) -> None:
    """A password field stays one when the page shows it."""
    page = await open_page(
        "<form><input id=p name=p type=password><input id=o></form>"
        "<script>function show() { document.getElementById('p').type = 'text' }</script>"
    )
    await page.click("#p")
    await page.evaluate("show()")
    await page.keyboard.type("hunter22")
    await page.click("#o")
    await page.wait_for_timeout(200)
    await page.evaluate("stolper('flush')")
    event = collector.events("field")[0]

    assert event["sensitive"] is True
    assert not {"lengths", "length", "keys", "focus_ms"} & set(event)
    inputs = [e["data"]["text"] for e in collector.recording() if e["data"].get("source") == 5]
    assert set(inputs) <= {""}


async def test_a_submit_refused_by_the_browser(collector: Collector, open_page: Open) -> None:
    """Native validation: no submit happens, but the form and each refused field are told."""
    page = await open_page(
        "<form id=f><input name=a required><input name=b type=email value=x><button id=go>Go</button></form>"
    )
    await page.click("#go")
    await page.wait_for_timeout(300)
    await page.evaluate("stolper('flush')")
    form = collector.events("form")[0]
    fields = collector.events("field")

    assert (form["form"], form["how"], form["outcome"]) == ("f", "click", "refused")
    assert form["invalid_fields"] == ["a", "b"]
    assert [
        (f["field"], f["invalid_flags"], f["cause"]) for f in fields if f["cause"] == "submit"
    ] == [
        ("a", ["valueMissing"], "submit"),
        ("b", ["typeMismatch"], "submit"),
    ]


SCRIPTED = (
    "<form id=f novalidate><input id=a name=a><p id=why class=error hidden>No</p>"
    "<button id=go>Go</button></form>"
    "<script>f.onsubmit = async (event) => { event.preventDefault();"
    " const answer = await fetch('/status/' + STATUS + '?ms=50');"
    " if (!answer.ok) { why.hidden = false; a.setAttribute('aria-invalid', 'true') } }</script>"
)


@pytest.mark.parametrize(("status", "outcome"), [(200, "accepted"), (422, "refused")])
async def test_a_scripted_submit_is_judged_by_its_request(
    collector: Collector, open_page: Open, status: int, outcome: str
) -> None:
    """fetch-based forms: the status and what appears at the fields decide."""
    page = await open_page(SCRIPTED.replace("STATUS", f"'{status}'"))
    await page.fill("#a", "something")
    await page.click("#go")
    await page.wait_for_timeout(2600)
    await page.evaluate("stolper('flush')")
    form = collector.events("form")[0]
    request = collector.events("request")[0]

    assert (form["how"], form["outcome"], form["request_status"]) == ("click", outcome, status)
    assert request["click"] == form["i"]
    assert form.get("invalid_fields", []) == (["a"] if outcome == "refused" else [])


async def test_a_submit_by_enter_that_navigates(collector: Collector, open_page: Open) -> None:
    """Enter submits, the page goes away: outcome navigated, no press."""
    collector.pages["/next"] = "<p>next</p>"
    page = await open_page("<form id=f action=/next><input id=a name=a><button>Go</button></form>")
    await page.click("#a")
    await page.keyboard.type("abc")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/next*")
    await collector.until(lambda: collector.events("form"))
    form = collector.events("form")[0]

    assert (form["how"], form["outcome"]) == ("enter", "navigated")
    assert form["since_input_ms"] >= 0
    assert len(collector.events("click")) == 1
    assert collector.events("leave")[0]["kind"] == "link"
