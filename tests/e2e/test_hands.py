"""What hands do is judged: from real keys, fingers and a real mouse to the shipped rules' flags."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually
from tests.e2e.test_chain import recording

pytestmark = [pytest.mark.browser, pytest.mark.alone, pytest.mark.asyncio(loop_scope="module")]

BODY = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Hands</title>{script}</head>
<body style="margin:0"><main><div id=area style="height:600px">
<div style="position:relative;height:90px"><button id=close onclick="out.textContent += 'closed '"
 style="position:absolute;left:40px;top:30px;width:24px;height:24px">x</button></div>
<button id=menu onkeydown="out.textContent += 'o'">Menu</button><button id=dead>Dead</button>
<select id=sort name=sort><option>Price<option>Name<option>Date</select>
<p id=error role=alert>Error: the order could not be sent</p><p id=text>Some words</p>
<button id=freeze onclick="block(700); out.textContent += 'done '">Freeze</button><p id=out></p></div>
<div style="height:6000px;background:linear-gradient(#fff,#999)">long</div></main><script>
function block(ms) {{ const t = performance.now(); while (performance.now() - t < ms); }}
</script></body></html>"""

Deed = Callable[[Page], Awaitable[None]]


async def mash(page: Page) -> None:
    await page.focus("#dead")
    for _ in range(12):
        await page.keyboard.press("Escape")


async def walk_a_menu(page: Page) -> None:
    await page.focus("#menu")
    for _ in range(12):
        await page.keyboard.press("ArrowDown")


async def hunt(page: Page) -> None:
    await page.mouse.move(600, 300)
    for px in (700, -700, 700, -700, 700, -700):
        for _ in range(2):
            await page.mouse.wheel(0, px)
            await page.wait_for_timeout(110)
    await page.wait_for_timeout(1200)


async def read(page: Page) -> None:
    await page.mouse.move(600, 300)
    for px in (700, 700, 700, 700, -300):
        await page.mouse.wheel(0, px)
        await page.wait_for_timeout(110)
    await page.wait_for_timeout(1200)


async def thrash(page: Page) -> None:
    for _ in range(2):
        for nth in range(60):
            await page.mouse.move(200 + nth % 4 // 2 * 400, 300 + nth % 2 * 40)
            await page.wait_for_timeout(55)
        await page.wait_for_timeout(2200)


async def draw(page: Page) -> None:
    await page.mouse.down()
    await thrash(page)
    await page.mouse.up()


async def miss_then_hit(page: Page) -> None:
    await page.mouse.click(72, 42)
    await page.wait_for_timeout(500)
    await page.mouse.click(52, 42)


async def hit(page: Page) -> None:
    await page.mouse.click(52, 42)
    await page.wait_for_timeout(500)
    await page.mouse.click(52, 42)


async def toggle(page: Page) -> None:
    await page.focus("#sort")
    for key in ("ArrowDown", "ArrowUp") * 3:
        await page.keyboard.press(key)


async def choose(page: Page) -> None:
    await page.focus("#sort")
    for key in ("ArrowDown", "ArrowUp", "ArrowDown"):
        await page.keyboard.press(key)


async def swipe(page: Page, x: int, y: int, dx: int, dy: int) -> None:
    cdp = await page.context.new_cdp_session(page)
    for step in range(6):
        kind = "touchMove" if step else "touchStart"
        point = {"x": x + dx * step / 5, "y": y + dy * step / 5}
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    await cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await cdp.detach()


async def swipe_in_vain(page: Page) -> None:
    for _ in range(4):
        await swipe(page, 400, 200, -250, 0)


async def scroll_by_finger(page: Page) -> None:
    for _ in range(4):
        await swipe(page, 300, 500, 0, -250)


async def copy_error(page: Page) -> None:
    await page.evaluate("getSelection().selectAllChildren(error)")
    await page.keyboard.press("Control+c")


async def copy_text(page: Page) -> None:
    await page.evaluate("getSelection().selectAllChildren(text)")
    await page.keyboard.press("Control+c")


async def freeze(page: Page) -> None:
    await page.wait_for_load_state("load")
    await page.click("#out", position={"x": 1, "y": 1}, force=True)  # the first input is excused
    await page.wait_for_timeout(300)
    await page.click("#freeze")
    await page.wait_for_timeout(1500)


async def slow_route(page: Page) -> None:
    await page.evaluate(
        "async () => { history.pushState({}, '', '/report'); await fetch('/slow');"
        " out.textContent = 'there' }"
    )
    await page.wait_for_timeout(600)


async def quick_route(page: Page) -> None:
    await page.evaluate("history.pushState({}, '', '/report'); out.textContent = 'there'")
    await page.wait_for_timeout(600)


@pytest.mark.parametrize(
    ("rule", "struggle", "benign"),
    [
        ("key_mash", mash, walk_a_menu),
        ("scroll_hunt", hunt, read),
        ("thrashed_cursor", thrash, draw),
        ("near_miss", miss_then_hit, hit),
        ("toggle_thrash", toggle, choose),
        ("dead_swipe", swipe_in_vain, scroll_by_finger),
        ("error_text_copy", copy_error, copy_text),
        ("freeze", freeze, miss_then_hit),
        ("slow_page_left", slow_route, quick_route),
    ],
)
async def test_hands_in_trouble_are_flagged_and_others_not(
    browser: Browser, server: Stack, serve: Serve, rule: str, struggle: Deed, benign: Deed
) -> None:
    """The rule flags the visitor who struggles, and not the one who does something like it."""
    script = ""

    async def page_(_: web.Request) -> web.Response:
        return web.Response(text=BODY.format(script=script), content_type="text/html")

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(4.5)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", page_)
    app.router.add_get("/slow", slow)
    origin = await serve(app)
    script = server.script(await server.site(origin))

    async def flagged(deed: Deed) -> set[str]:
        context = await browser.new_context(has_touch=True)
        page = await context.new_page()
        await page.goto(origin)
        session = await recording(page)
        await deed(page)
        await page.wait_for_timeout(2700)
        await page.evaluate("window.stolper('flush')")
        await context.close()
        await server.end(session)

        async def ended() -> bool:
            return bool((await server.api(f"/sessions/{session}"))["session"]["ended"])

        assert await eventually(ended)
        await server.server.detector.drain()
        return {flag["rule"] for flag in await server.flags(session)}

    in_trouble, others = await asyncio.gather(flagged(struggle), flagged(benign))

    assert rule in in_trouble
    assert rule not in others
