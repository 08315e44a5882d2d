"""Every kind of event that the snippet can tell comes through the collector into the store."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from collector.app import COUNTERS
from core.events import load_schema
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually
from tests.e2e.test_chain import recording

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BODY = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Kinds</title>{script}</head>
<body><main><h1>Order</h1><p id=text>Some words to copy</p>
<form id=form onsubmit="event.preventDefault(); fetch('/api', {{method: 'POST'}})">
<input id=name name=name required><select id=size name=size><option>S<option>M</select>
<button id=send>Send</button></form><button id=fail onclick="block(300); throw new Error('x')">F</button>
<p id=message role=alert></p><div style="height:4000px">long</div></main><script>
function block(ms) {{ const t = performance.now(); while (performance.now() - t < ms); }}
</script></body></html>"""

SILENT = {"session_end", "flag", "frame"}
"""Made by the server and the engine; of frames it takes two origins: fidelity/test_frames.py."""


async def use(page: Page) -> None:
    """Do everything that a visitor can do, and some things that a page can."""
    await page.evaluate("getSelection().selectAllChildren(text)")
    await page.keyboard.press("Control+c")
    await page.focus("#size")
    await page.keyboard.press("ArrowDown")
    await page.focus("#name")
    await page.keyboard.type("abc")
    await page.click("#send")
    await page.focus("#fail")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.click("#fail")
    box = await page.locator("#send").bounding_box()
    assert box
    await page.mouse.click(box["x"] + 10, box["y"] + box["height"] + 5)
    for nth in range(12):
        await page.mouse.move(100 + nth % 2 * 300, 200)
        await page.wait_for_timeout(60)
    await page.mouse.wheel(0, 600)
    await page.evaluate(
        "() => { message.textContent = 'Not possible'; console.error('x');"
        " document.body.append(Object.assign(new Image(), {src: '/missing.png'}));"
        " stolper('track', 'goal', {name: 'x'}) }"
    )
    cdp = await page.context.new_cdp_session(page)
    finger = {"x": 200, "y": 300}
    await cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
    for x in (160, 120, 80):
        move = {"type": "touchMove", "touchPoints": [{"x": x, "y": 300}]}
        await cdp.send("Input.dispatchTouchEvent", move)
    await cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await page.wait_for_timeout(2700)  # until presses, gestures and keys have their outcome
    await page.evaluate("history.pushState({}, '', '/next'); message.textContent = 'Elsewhere'")
    await page.evaluate(
        "() => { for (const state of ['hidden', 'visible']) {"
        " Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) } }"
    )
    await page.wait_for_timeout(600)


async def test_each_kind_of_event_is_stored_whole(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """One visit stores every event type; fields and their values are those that were sent."""
    script = ""

    async def page_(_: web.Request) -> web.Response:
        return web.Response(text=BODY.format(script=script), content_type="text/html")

    async def api(_: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/", page_)
    app.router.add_post("/api", api)
    origin = await serve(app)
    site = await server.site(origin)
    script = server.script(site)
    context = await browser.new_context(has_touch=True)
    page = await context.new_page()
    await page.goto(origin)
    session = await recording(page)
    await use(page)
    await page.evaluate("window.stolper('flush')")
    await page.close(run_before_unload=True)

    async def left() -> list[dict[str, Any]]:
        stored = await server.events(session)
        return stored if any(event.get("kind") == "close" for event in stored) else []

    events = await eventually(left)
    await context.close()
    schema = load_schema()
    kinds = {event["type"] for event in events}
    vitals = {event["kind"] for event in events if event["type"] == "vitals"}
    fields = {f"{event['type']}.{name}" for event in events for name in event}
    ours = set(schema.events) - SILENT
    apps = [runner.app for runner in server.server._runners]
    (counters,) = [app[COUNTERS] for app in apps if COUNTERS in app]

    assert ours <= kinds
    assert {"lcp", "inp", "long_task", "route"} <= vitals
    assert {
        "click.miss_px", "click.miss_key", "field.choices", "key.count", "copy.region",
        "cursor.turns", "scroll.screens", "gesture.px", "vitals.since_input_ms",
    } <= fields  # fmt: skip
    assert [] == [name for name in counters if name.startswith(("dropped", "refused"))]
