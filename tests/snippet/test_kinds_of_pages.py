"""Pages that are no plain HTML of one realm and one site: opaque origins, XHTML, frames' objects."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import BrowserContext, Frame, Page

from tests.snippet.conftest import KEY, Collector, Open, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RUNNING = "window.stolper && window.stolper.running === true"
BODY = "<h1>{}</h1><button id=go onclick='this.textContent = `Gone`'>Go</button>"


@pytest.fixture
def errors(context: BrowserContext) -> list[str]:
    """What was thrown into any page of the context."""
    seen: list[str] = []
    context.on("weberror", lambda error: seen.append(str(error.error)))
    return seen


def own_errors(collector: Collector) -> dict[str, int]:
    """Return the snippet's own errors by their place."""
    found: dict[str, int] = {}
    for batch in collector.stored:
        for place, count in batch.head["snippet"]["failed"].items():
            found[place] = found.get(place, 0) + count
    return found


def presses(collector: Collector) -> list[dict[str, Any]]:
    """Return the visitor's clicks in their order (they are sent in that of their ends)."""
    trusted = [event for event in collector.events("click") if event.get("trusted")]
    return sorted(trusted, key=lambda event: event["i"])


async def test_pages_of_an_opaque_origin_are_recorded_without_storage(
    collector: Collector, context: BrowserContext, errors: list[str], tag: str
) -> None:
    """
    In a sandbox, by frame or by policy, storage throws: the visit is one document's, nothing else.

    What such a page is called by is no address: neither its path nor its content is told.
    """
    tag = tag.replace('"/s/', f'"{collector.url}/s/')
    inner = f"<!doctype html><html><head>{tag}</head><body>{BODY}</body></html>"
    collector.pages["/framed"] = inner.format("Framed")
    collector.pages["/policy"] = inner.format("Policy")
    collector.headers["/policy"] = {"Content-Security-Policy": "sandbox allow-scripts"}
    collector.pages["/around"] = (
        f"<!doctype html><html><head>{tag}</head><body><h1>Around</h1>"
        "<iframe name=framed sandbox=allow-scripts src=/framed></iframe>"
        f'<iframe name=written sandbox=allow-scripts srcdoc="{inner.format("Written").replace(chr(34), "&quot;")}">'
        f'</iframe><iframe name=data src="data:text/html,{quote(inner.format("Data"))}"></iframe>'
        "</body></html>"
    )
    around, policy = await context.new_page(), await context.new_page()
    await asyncio.gather(
        around.goto(collector.url + "/around"), policy.goto(collector.url + "/policy")
    )
    places: list[Page | Frame] = [policy, *around.frames]
    for place in places:
        await place.wait_for_function(RUNNING)
        if place not in (around, around.main_frame):
            await place.click("#go")
        assert await place.evaluate("stolper('flush')") is True
    found = collector.events("page")

    assert [] == errors
    assert ["/around", "/framed", "/policy", "about:", "data:"] == sorted(
        event["path"] for event in found
    )
    assert len(places) == len({batch.head["page_load"] for batch in collector.stored})
    recorded = json.dumps(collector.recording())
    assert all(name in recorded for name in ("Around", "Framed", "Policy", "Written", "Data"))
    # One visitor is known: that of the page which may store.
    assert 1 == len(
        {batch.head["visitor"] for batch in collector.stored if "visitor" in batch.head}
    )
    assert {"storage", "send"} >= set(own_errors(collector))  # each place that found it closed


async def test_an_xhtml_page_is_recorded(
    collector: Collector, context: BrowserContext, errors: list[str]
) -> None:
    """Served as application/xhtml+xml: its tree with CDATA, presses and fields; masks hold."""
    collector.headers["/page.xhtml"] = {"Content-Type": "application/xhtml+xml"}
    collector.pages["/page.xhtml"] = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:s="http://www.w3.org/2000/svg" xml:lang="en">
<head><title>Strict</title><style><![CDATA[ h1 > b {{ color: red }} ]]></style>
<script async="async" src="/s/{KEY}.js"></script></head>
<body><h1>Heading <b>bold</b></h1><h2><![CDATA[Spoken & <literal>]]></h2><p><![CDATA[zqsecretqz]]></p>
<s:svg width="20" height="20"><s:rect width="9" height="9"/></s:svg><br/>
<form action="/nowhere" onsubmit="return false"><input id="name" TYPE="text"/><input id="pass" type="PASSWORD"/>
<button id="go" type="button" onclick="this.innerHTML = '&lt;b>Gone&lt;/b>'">Go</button></form>
</body></html>"""
    page = await context.new_page()
    await page.goto(collector.url + "/page.xhtml")
    await page.wait_for_function(RUNNING)
    await page.click("#go")
    for field in ("#name", "#pass"):
        await page.click(field)
        await page.keyboard.type("zqtypedqz")
    await page.evaluate("document.querySelector('h2').firstChild.data = 'Changed'")
    assert await page.evaluate("stolper('flush')") is True
    await page.goto("about:blank")
    await collector.until(lambda: len(presses(collector)) == 3)
    recorded = json.dumps(collector.recording())

    assert [] == errors
    assert {} == own_errors(collector)
    assert ["#go", "#name", "#pass"] == [event["target"]["key"] for event in presses(collector)]
    assert all(
        text in recorded for text in ("Heading", "Spoken & <literal>", "Changed", "Gone", "h1 > b")
    )
    assert "isSVG" in recorded
    assert "zq" not in recorded + json.dumps(collector.events())
    assert "•" in recorded.encode().decode("unicode_escape", "replace") or "\\u2022" in recorded


async def test_a_page_with_the_lines_of_two_sites_is_recorded_for_one(
    collector: Collector, context: BrowserContext, errors: list[str]
) -> None:
    """The loader that runs first has the page; the other site's does nothing, whichever that is."""
    other = Collector(config={**collector.config, "key": "othersite"})
    async with serving(other.app()) as url:
        other.config["base"] = other.url = url
        lines = [
            f"<script src={url}/s/othersite.js></script>",
            f"<script src=/s/{KEY}.js></script>",
        ]
        for path, order in (("/other", lines), ("/own", lines[::-1])):
            collector.pages[path] = (
                f"<!doctype html><html><head>{''.join(order)}</head><body>{BODY}</body></html>"
            )
        pages = [await context.new_page(), await context.new_page()]
        for page, path in zip(pages, ("/other", "/own"), strict=True):
            await page.goto(collector.url + path)
            await page.wait_for_function(RUNNING)
            await page.click("#go")
            assert await page.evaluate("stolper('flush')") is True

    assert [] == errors
    assert ["/own"] == [event["path"] for event in collector.events("page")]
    assert ["/other"] == [event["path"] for event in other.events("page")]
    assert {} == {**own_errors(collector), **own_errors(other)}


FOREIGN = """async () => {
  const frame = document.querySelector('iframe');
  const inner = frame.contentWindow;
  const root = inner.document.createElement('div');
  root.attachShadow({ mode: 'open' }).innerHTML = '<h3>Shadowed</h3>';
  inner.document.body.append(root);
  document.body.append(...inner.document.querySelectorAll('style, h2, input, button, div'));
  inner.document.body.append(document.querySelector('h4'));
  await fetch(new inner.Request('/status/201'));
  await fetch(new inner.URL('/status/202', location));
  await fetch('/status/203', new inner.Object({ method: 'put', signal: new inner.AbortController().signal }));
  const own = new XMLHttpRequest();
  own.open('GET', new inner.URL('/status/204', location));
  await new Promise((done) => { own.onload = own.onerror = done; own.send(); });
  document.body.dispatchEvent(new inner.MouseEvent('click', { bubbles: true }));
  stolper('error', new inner.TypeError('of a frame'));
  stolper('track', new inner.String('told'), new inner.Object({ n: 1 }));
  Promise.reject(new inner.RangeError('left alone'));
  await new Promise((done) => setTimeout(done, 100));
  frame.remove();
  document.querySelector('style').sheet.insertRule('h2 { color: rgb(4, 5, 6) }');
  document.querySelector('#moved').onclick = ({ target }) => { target.textContent = 'Answered' };
  document.querySelector('input').value = 'zqsetqz';
  root.shadowRoot.querySelector('h3').textContent = 'Inside';
  await new Promise((done) => setTimeout(done, 100));
}"""


async def test_objects_of_another_realm_are_taken_as_they_are(
    collector: Collector, open_page: Open, errors: list[str]
) -> None:
    """
    Elements that come from a frame's document, and its Request, URL, errors and events.

    Also after the frame is gone: what was moved is recorded, pressed, typed into and masked.
    """
    frame = (
        "<style>h2 { color: red }</style><h2>Moved</h2><input id=field><button id=moved>Go</button>"
    )
    page = await open_page(f'<h4>Lent</h4><iframe srcdoc="{frame}"></iframe>')
    await page.frames[1].wait_for_selector("#moved")
    await page.evaluate(FOREIGN)
    await page.click("#moved")
    await page.click("#field")
    await page.keyboard.type("zqtypedqz")
    assert await page.evaluate("stolper('flush')") is True
    await page.goto("about:blank")
    await collector.until(lambda: len(presses(collector)) == 2)
    recorded = json.dumps(collector.recording())

    assert ["left alone"] == errors
    assert {} == own_errors(collector)
    assert ["#moved", "#field"] == [event["target"]["key"] for event in presses(collector)]
    assert [201, 202, 203, 204] == [event["status"] for event in collector.events("request")]
    assert ["GET", "GET", "PUT", "GET"] == [e["method"] for e in collector.events("request")]
    assert [("told", {"n": 1})] == [(e["name"], e["props"]) for e in collector.events("custom")]
    assert [True, False] == [event.get("handled", False) for event in collector.events("error")]
    assert all(
        text in recorded
        for text in ("Moved", "Lent", "Shadowed", "Inside", "Answered", "rgb(4, 5, 6)")
    )
    assert "zq" not in recorded + json.dumps(collector.events())
