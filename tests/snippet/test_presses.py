"""
Presses, forms and fields where browsers tell little: keys, web components, fingers, drags, the end
of a page, pages that write themselves anew.
"""

from __future__ import annotations

import asyncio
import base64
import struct

import pytest
from playwright.async_api import Browser, Page

from tests.snippet.conftest import Collector, Open
from tests.snippet.test_clicks import outcomes, press

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def silence(seconds: int) -> str:
    """Return *seconds* of silence as a data URL of a WAV file."""
    rate = 8000
    data = b"\x80" * rate * seconds
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                       rate, rate, 1, 8, b"data", len(data))  # fmt: skip
    return "data:audio/wav;base64," + base64.b64encode(head + data).decode()


APART = "<script>window.PointerEvent = function () {}</script>"  # a polyfill of another realm
APART_BODY = f"""
<style>.away {{ display: none }} .on {{ display: block; position: fixed; right: 0; top: 0 }}</style>
<main>
  <button id=lone onclick="open('/empty', '_blank', 'noopener')">Open</button>
  <a id=beside href=/empty>Beside</a>
  <button id=shows onclick="setTimeout(() => box.classList.add('on'), 100)">Cart</button>
  <button id=unhides onclick="setTimeout(() => {{ note.hidden = false }}, 100)">Note</button>
  <button id=marks onclick="setTimeout(() => {{ far.className = 'on' }}, 100)">Far</button>
  <button id=skips onclick="sound.currentTime += 1">Skip</button>
  <button id=picks onclick="chosen.showPicker()">Pick</button>
  <div class=maplibregl-map><canvas width=40 height=20></canvas><button id=zoom>+</button></div>
  <div class=leaflet-container><img alt=""><button id=locate>Here</button></div>
  <audio id=sound preload=auto src="{silence(5)}"></audio>
  <input id=chosen type=file>
</main>
<div id=box class=away role=dialog>Your cart</div>
<p id=note hidden>A note</p>
<p id=far>Elsewhere</p>
"""


async def test_answers_that_stand_elsewhere(collector: Collector, open_page: Open) -> None:
    """
    A window without an opener, a link with Ctrl, a dialog outside of the landmark, seeking, pickers.

    A mark elsewhere is none; a button on a map that is drawn cannot be judged, one on a map of elements can; and a page that has replaced
    PointerEvent is told of as any other.
    """
    collector.pages["/empty"] = "<p>empty</p>"
    page = await open_page(APART_BODY, head=APART)
    await page.wait_for_function("sound.readyState > 0")
    for key in ("shows", "unhides", "skips", "picks"):
        await press(page, f"#{key}")
        await page.wait_for_timeout(300)
    async with page.context.expect_page():
        await press(page, "#lone")
    await page.bring_to_front()
    await page.keyboard.down("Control")
    async with page.context.expect_page():
        await press(page, "#beside")
    await page.keyboard.up("Control")
    await page.bring_to_front()
    await page.wait_for_timeout(300)
    await press(page, "#marks")
    await press(page, "#zoom")
    await press(page, "#locate")
    found = {key: clicks[0] for key, clicks in (await outcomes(page, collector)).items()}

    assert {
        "#shows": "mutation",
        "#unhides": "mutation",
        "#marks": None,
        "#skips": "media",
        "#picks": "file",
        "#zoom": None,
        "#locate": None,
        "#lone": "open",
        "#beside": "open",
    } == {key: click.get("answer") for key, click in found.items()}
    assert "pending" not in found["#beside"]
    assert ["#zoom"] == [key for key, click in found.items() if click.get("media")]
    assert {"mouse"} == {click["pointer"] for click in found.values()}
    assert all(click["x"] > 0 for click in found.values())


KEYS = """
<div id=div role=button tabindex=0 onkeydown="if (event.key === 'Enter' && !event.repeat) out.textContent += 'x'">D</div>
<div id=dead role=button tabindex=0 onclick="out.textContent += 'x'">Only for mice</div>
<div id=box role=checkbox aria-checked=false tabindex=0
  onkeydown="if (event.key === ' ') this.setAttribute('aria-checked', 'true')">B</div>
<button id=own onkeydown="event.preventDefault(); out.textContent += 'y'">O</button>
<button id=both onkeydown="this.dataset.key = 1" onclick="out.textContent += 'z'">Both</button>
<button id=space onclick="out.textContent += 's'">S</button>
<div id=link role=link tabindex=0>L</div>
<div id=area tabindex=0>Scrolls by keys</div>
<input id=field><b id=out></b>
"""


async def test_keys_press_what_their_role_promises(collector: Collector, open_page: Open) -> None:
    """
    Enter and Space on what is built as a control are presses, with or without an answer.

    Where a browser makes a click of them it is one press; Space on a link, keys on a place that
    only scrolls and in fields, and repeats of a held key are none.
    """
    page = await open_page(KEYS)
    for key, pressed in (
        ("div", "Enter"), ("dead", "Enter"), ("dead", "Space"), ("box", "Space"), ("own", "Enter"),
        ("both", "Enter"), ("space", "Space"), ("link", "Space"), ("area", "Enter"), ("field", "Enter"),
    ):  # fmt: skip
        await page.focus(f"#{key}")
        await page.wait_for_timeout(60)
        await page.keyboard.press(pressed)
        await page.wait_for_timeout(60)
    await page.focus("#div")
    for _ in range(3):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    found = await outcomes(page, collector)
    clicks = [click for group in found.values() for click in group]

    assert {
        "#div": ["mutation", "mutation"],
        "#dead": [None, None],
        "#box": ["mutation"],
        "#own": ["mutation"],
        "#both": ["mutation"],
        "#space": ["mutation"],
    } == {key: [click.get("answer") for click in group] for key, group in found.items()}
    assert {("keyboard", True)} == {(click["pointer"], click["trusted"]) for click in clicks}
    assert all("x" not in click and "drag_px" not in click for click in clicks)


COMPONENTS = """() => {
  const form = document.querySelector('x-form').attachShadow({ mode: 'open' });
  form.innerHTML = '<style>div { height: 60px; overflow: auto }</style>' +
    '<form id=inner onsubmit="return false"><select id=size name=size><option>S<option>M</select>' +
    '<input id=word><button id=go>Go</button></form>' +
    '<div id=list tabindex=0><p style="height: 900px">Long</p></div><img src=/gone.png>';
  const count = document.querySelector('x-count').attachShadow({ mode: 'open' });
  count.innerHTML = '<b>0</b>';
  add.onclick = () => setTimeout(() => { count.querySelector('b').textContent++ }, 50);
  document.querySelector('x-button').attachShadow({ mode: 'open' }).innerHTML =
    '<button id=off>Off</button>';
}"""


async def test_web_components_are_heard(collector: Collector, open_page: Open) -> None:
    """
    Submits, choices, scrolling and missing pictures in shadow roots are told, though they do not
    leave them; another component's change answers; typing inside answers nothing.
    """
    page = await open_page(
        "<x-form></x-form><button id=add>Add</button><button id=dead>Dead</button>"
        "<x-count></x-count><x-button aria-disabled=true></x-button>"
        "<img id=set width=120 height=120>"
    )
    await page.evaluate(COMPONENTS)
    await page.evaluate("document.getElementById('set').srcset = '/gone-2x.png 1x'")
    await page.focus("#size")
    await page.keyboard.press("ArrowDown")
    await press(page, "#add")
    await press(page, "#off")
    box = await page.locator("#list").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 20, box["y"] + 20)
    await page.mouse.wheel(0, 400)
    await page.wait_for_timeout(1300)
    await press(page, "#dead")
    await page.wait_for_timeout(100)
    await page.locator("#word").evaluate("(field) => field.focus()")
    await page.keyboard.type("abc")
    await page.keyboard.press("Enter")
    found = await outcomes(page, collector)
    await collector.until(lambda: collector.events("form"))
    (form,) = collector.events("form")
    (leg,) = collector.events("scroll")
    (choice,) = [one for one in collector.events("field") if one["cause"] == "choice"]

    assert ("inner", "enter", "#go") == (form["form"], form["how"], form["target"]["key"])
    assert {"#add", "#off", "#dead"} == set(found)
    assert ("inner", "size", 1) == (choice["form"], choice["field"], choice["choices"])
    assert ("#list", "down") == (leg["target"]["key"], leg["direction"])
    assert ("mutation", None) == (found["#add"][0]["answer"], found["#dead"][0].get("answer"))
    assert (True, "aria") == tuple(
        found["#off"][0]["target"][name] for name in ("disabled", "disabled_why")
    )
    assert {"/gone.png", "/gone-2x.png"} == {one["url"] for one in collector.events("asset")}


async def test_a_page_that_writes_itself_anew_goes_on(
    collector: Collector, open_page: Open
) -> None:
    """document.open takes every listener of the window away; presses and leaving are told still."""
    page = await open_page("<p>before</p>")
    await page.evaluate(
        "() => { document.open(); document.write('<!doctype html><title>New</title>"
        '<button id=new onclick="this.textContent += 1">New</button>\'); document.close() }'
    )
    await press(page, "#new")
    found = await outcomes(page, collector)
    await page.goto("about:blank")
    await collector.until(lambda: collector.events("leave"))

    assert ["mutation"] == [click["answer"] for click in found["#new"]]
    assert 1 == len(collector.events("leave"))


async def hold(page: Page, selector: str) -> None:
    """Press *selector* and move 120 px to the right without letting go."""
    box = await page.locator(selector).bounding_box()
    assert box
    x, y = box["x"] + 10, box["y"] + 10
    await page.mouse.move(x, y)
    await page.mouse.down()
    for px in range(10, 130, 10):
        await page.mouse.move(x + px, y)


async def test_long_drags_tell_how_far_they_had_come(collector: Collector, open_page: Open) -> None:
    """Held beyond the window of their outcome, a slider and a dragged card are drags, no dead clicks."""
    slider = await open_page("<div id=knob style='width:300px;height:30px'>o</div>")
    card = await open_page(
        "<div id=card draggable=true style='width:300px;height:30px'>c</div>", path="/card"
    )
    for page, selector in ((slider, "#knob"), (card, "#card")):
        await page.bring_to_front()
        await hold(page, selector)
    await asyncio.gather(*(outcomes(page, collector) for page in (slider, card)))
    found = await outcomes(slider, collector, wait_ms=0)
    for page in (slider, card):
        await page.mouse.up()
    told = {key: clicks[0]["drag_px"] for key, clicks in found.items()}

    assert {"#knob", "#card"} == set(told)
    assert (True, True) == (told["#knob"] == 120, told["#card"] >= 90)


async def test_the_field_that_a_page_goes_away_with(collector: Collector, open_page: Open) -> None:
    """
    A field that had the focus before the recorder came, typed in until the page's own script
    submits: field and form are told, before the page view ends.
    """
    collector.pages["/next"] = "<p>next</p>"
    page = await open_page("<form id=f action=/next><input name=word autofocus></form>")
    await page.keyboard.type("Kiel")
    await page.evaluate("document.forms[0].submit()")
    await page.wait_for_url("**/next*")
    await collector.until(lambda: collector.events("form") and collector.events("leave"))
    (field,) = collector.events("field")
    (form,) = collector.events("form")
    (leave,) = collector.events("leave")

    assert ("blur", 4, [0, 4], True) == tuple(
        field[name] for name in ("cause", "keys", "lengths", "changed")
    )
    assert ("f", "script", "navigated") == (form["form"], form["how"], form["outcome"])
    assert field["i"] < leave["i"]


async def test_a_submit_held_back_and_let_go_is_one(collector: Collector, open_page: Open) -> None:
    """A page that checks first and then submits by script made one submit, not two."""
    collector.pages["/next"] = "<p>next</p>"
    page = await open_page(
        "<form id=f action=/next onsubmit='event.preventDefault();"
        " setTimeout(() => this.submit(), 100)'><button id=go>Go</button></form>"
    )
    await page.click("#go")
    await page.wait_for_url("**/next*")
    await collector.until(lambda: collector.events("form"))

    assert [("click", "navigated")] == [
        (one["how"], one["outcome"]) for one in collector.events("form")
    ]


async def test_a_tap_opens_lists_and_fields(
    collector: Collector, chromium: Browser, tag: str
) -> None:
    """The mouse events that follow a finger are its press's: a list opens, a field gets the focus."""
    context = await chromium.new_context(has_touch=True, viewport={"width": 400, "height": 700})
    collector.pages["/page"] = (
        f"<!doctype html><title>Tap</title><meta name=viewport content='width=device-width'>{tag}"
        "<p><input id=word></p><p><select id=list><option>a<option>b</select></p>"
    )
    page = await context.new_page()
    await page.goto(f"{collector.url}/page")
    await page.wait_for_function("window.stolper && window.stolper.running === true")
    await page.tap("#word")
    await page.wait_for_timeout(100)
    await page.tap("#list")
    found = await outcomes(page, collector)
    await context.close()

    assert {"#word": [("touch", "focus")], "#list": [("touch", "visual")]} == {
        key: [(click["pointer"], click.get("answer")) for click in clicks]
        for key, clicks in found.items()
    }


LEADS = """<a id=link href=/export>Export</a> <button id=button onclick="location = '/export'">Export</button>
<form id=form action=/export><button id=sends>Export</button></form>
<a id=named href=/export download>Export</a> <a id=slow href="/status/200?ms=3500">Slow</a>"""


async def test_downloads_are_told_from_pages_that_are_slow_to_come(
    collector: Collector, open_page: Open
) -> None:
    """
    A press that downloads an attachment is answered by a navigation that began and left the page.

    Such a file looks like a slow page until it has not come for 10 s; a slow page is answered when
    it comes, uncut, with its time. The download attribute says at once what it is.
    """
    collector.pages["/export"] = "a,b"
    collector.headers["/export"] = {"Content-Disposition": "attachment; filename=export.csv"}
    saving, leaving = await open_page(LEADS, path="/saves"), await open_page(LEADS, path="/leaves")
    await leaving.bring_to_front()
    await leaving.click("#slow", no_wait_after=True)
    for key in ("link", "button", "sends", "named"):
        async with saving.expect_download():
            await saving.click(f"#{key}", no_wait_after=True)
    await leaving.wait_for_url("**/status/*")
    await collector.until(lambda: len(collector.events("click")) == 5, timeout_s=20)
    found = {event["target"]["key"]: event for event in collector.events("click")}
    slow = found.pop("#slow")

    assert {
        "#link": "navigation_began",
        "#button": "navigation_began",
        "#sends": "navigation_began",
        "#named": "download",
    } == {key: click.get("answer") for key, click in found.items()}
    assert all(click["answered_ms"] < 2500 for click in found.values())
    assert not any(click.get("pending") or click.get("cut") for click in (*found.values(), slow))
    assert ("navigation", True) == (slow["answer"], slow["answered_ms"] >= 3000)
