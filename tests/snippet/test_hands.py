"""What hands do beyond pressing: keys, fingers, the clipboard, choices. Facts, never content."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, CDPSession, Page

from tests.snippet.conftest import Collector, Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
]

REPLY_MS = 1100  # an answer is waited for as long


async def told(page: Page, collector: Collector, kind: str) -> list[dict[str, Any]]:
    """Flush *page* and return its events of type *kind*; nothing of ours may have failed."""
    await page.evaluate("stolper('flush')")
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    return collector.events(kind)


async def test_keys_that_nothing_answers_are_a_burst(collector: Collector, open_page: Open) -> None:
    """Nine presses of Escape on a dead page are one burst, unanswered, without its text."""
    page = await open_page("<button id=b>Stop</button><p>x</p>")
    await page.focus("#b")
    for _ in range(9):
        await page.keyboard.press("Escape")
        await page.wait_for_timeout(60)
    await page.wait_for_timeout(REPLY_MS)
    (burst,) = await told(page, collector, "key")

    assert (burst["class"], burst["count"], burst["target"]["key"]) == ("esc", 9, "#b")
    assert 300 <= burst["span_ms"] <= 2000
    assert burst["repeats"] == 0
    assert {"answered_ms", "moved"}.isdisjoint(burst)


async def test_keys_that_the_page_answers_say_when(collector: Collector, open_page: Open) -> None:
    """Arrows that move a list's mark are answered; tabs that move the focus are, and say so."""
    page = await open_page(
        "<ul id=u tabindex=0 onkeydown=\"setTimeout(() => { n.textContent += 'x' }, 30)\">"
        "<li id=n>One</ul><button id=a>A</button><button id=b>B</button>"
    )
    await page.focus("#u")
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
        await page.wait_for_timeout(80)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.wait_for_timeout(REPLY_MS)
    arrows, tabs = await told(page, collector, "key")

    assert (arrows["class"], arrows["count"]) == ("arrow", 3)
    assert 20 <= arrows["answered_ms"] <= 200
    assert (tabs["class"], tabs["count"], tabs["moved"]) == ("tab", 2, True)
    assert tabs["answered_ms"] <= 100


async def test_a_ticking_clock_answers_no_key(collector: Collector, open_page: Open) -> None:
    """What changed of itself before the keys is no answer to them."""
    page = await open_page(
        "<b id=c>0</b><button id=b>x</button>"
        "<script>setInterval(() => { c.textContent = Date.now() }, 400)</script>"
    )
    await page.wait_for_timeout(4000)  # the clock is known by now
    await page.focus("#b")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.wait_for_timeout(REPLY_MS)
    (burst,) = await told(page, collector, "key")

    assert "answered_ms" not in burst


async def test_typing_shortcuts_and_held_keys_are_no_bursts(
    collector: Collector, open_page: Open
) -> None:
    """Text typed, shortcuts, one key held, single presses and a script's keys tell nothing."""
    page = await open_page(
        "<input id=i><div id=e contenteditable>x</div><button id=b>x</button>"
        "<div data-stolper=ignore><button id=ignored>x</button></div>"
    )
    for selector in ("#i", "#e"):
        await page.focus(selector)
        await page.keyboard.type("some words")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
    await page.focus("#b")
    await page.keyboard.press("Control+c")
    await page.keyboard.press("Control+c")
    await page.keyboard.down("x")
    for _ in range(5):
        await page.keyboard.down("x")  # repeats
    await page.keyboard.up("x")
    await page.keyboard.press("Escape")
    await page.evaluate(
        "() => { for (let n = 0; n < 5; n++)"
        " b.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true})) }"
    )
    await page.focus("#ignored")
    await page.keyboard.press("y")
    await page.keyboard.press("y")
    await page.wait_for_timeout(REPLY_MS)

    assert [] == await told(page, collector, "key")


async def test_a_held_key_counts_once_and_no_character_is_told(
    collector: Collector, open_page: Open
) -> None:
    """Characters outside of text are of class char, repeats are counted apart, the page's end cuts."""
    page = await open_page("<button id=b>x</button>")
    await page.focus("#b")
    for _ in range(2):
        await page.keyboard.down("q")
        await page.keyboard.down("q")
        await page.keyboard.up("q")
    await page.close(run_before_unload=True)
    await collector.until(lambda: collector.events("key"))
    (burst,) = collector.events("key")

    assert (burst["class"], burst["count"], burst["repeats"]) == ("char", 2, 2)
    assert '"q"' not in json.dumps(burst)


@pytest_asyncio.fixture(loop_scope="session")
async def context(
    chromium: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[BrowserContext]:
    """A phone for the tests of gestures, a desktop for the others."""
    phone = "finger" in request.node.name
    made = await chromium.new_context(
        viewport={"width": 400, "height": 700} if phone else {"width": 900, "height": 1150},
        has_touch=phone,
        is_mobile=phone,
        permissions=["clipboard-read", "clipboard-write"],
    )
    yield made
    await made.close()


Point = tuple[float, float]


async def fingers(page: Page, *ways: list[Point]) -> None:
    """Put one finger down for each of *ways*, move them along, lift them."""
    cdp: CDPSession = await page.context.new_cdp_session(page)

    async def send(kind: str, points: list[Point]) -> None:
        touches = [{"x": x, "y": y, "id": nth} for nth, (x, y) in enumerate(points)]
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    starts = [way[0] for way in ways]
    for nth in range(len(starts)):
        await send("touchStart", starts[: nth + 1])
    for step in range(1, len(ways[0])):
        await send("touchMove", [way[step] for way in ways])
        await page.wait_for_timeout(20)
    await send("touchEnd", [])
    await cdp.detach()


def way(start: Point, end: Point, steps: int = 8) -> list[Point]:
    """Return points from *start* to *end*."""
    (x, y), (to_x, to_y) = start, end
    return [(x + (to_x - x) * n / steps, y + (to_y - y) * n / steps) for n in range(steps + 1)]


META = "<meta name=viewport content='width=device-width{}'>"
TALL = "<div id=d style='height:3000px;background:#eee'>text</div>"


async def test_a_finger_that_swipes_on_a_dead_place_is_told(
    collector: Collector, open_page: Open
) -> None:
    """A swipe to the left that nothing follows: its way, no answer, not at an edge."""
    page = await open_page("<div id=s style='height:300px'>Slide</div>", head=META.format(""))
    await fingers(page, way((300, 200), (100, 210)))
    await page.wait_for_timeout(REPLY_MS)
    (swipe,) = await told(page, collector, "gesture")

    assert (swipe["kind"], swipe["touches"], swipe["target"]["key"]) == ("swipe", 1, "#s")
    assert (swipe["dx"], swipe["dy"], swipe["px"]) == (-200, 10, 200)
    assert {"answered_ms", "at_edge", "media"}.isdisjoint(swipe)


async def test_a_finger_that_scrolls_or_moves_a_slide_is_answered(
    collector: Collector, open_page: Open
) -> None:
    """Native scrolling and a slide that its script moves are answers."""
    page = await open_page(
        "<div id=s style='height:200px;touch-action:none' ontouchend=\"n.textContent = 'Two'\">"
        f"<p id=n>One</p></div>{TALL}",
        head=META.format(""),
    )
    await fingers(page, way((300, 100), (100, 100)))
    await page.wait_for_timeout(REPLY_MS)
    await fingers(page, way((200, 600), (200, 300)))
    await page.wait_for_timeout(REPLY_MS)
    slide, scroll = await told(page, collector, "gesture")

    assert (slide["target"]["key"], scroll["target"]["key"]) == ("#s", "#d")
    assert slide["answered_ms"] <= 3000  # the fingers are slow where the machine is
    assert scroll["answered_ms"] <= 3000
    assert await page.evaluate("scrollY") > 100


async def test_a_finger_at_the_edge_and_on_a_canvas_says_so(
    collector: Collector, open_page: Open
) -> None:
    """Pulling down at the top bounces: at_edge. On a canvas nothing can be observed: media."""
    page = await open_page(
        f"<canvas id=c width=300 height=150></canvas>{TALL}", head=META.format("")
    )
    await fingers(page, way((200, 250), (200, 450)))
    await page.wait_for_timeout(REPLY_MS)
    await fingers(page, way((200, 50), (60, 50)))
    await page.wait_for_timeout(REPLY_MS)
    edge, canvas = await told(page, collector, "gesture")

    assert (edge["dy"], edge["at_edge"], "media" in edge) == (200, True, False)
    assert (canvas["target"]["tag"], canvas["media"], "at_edge" in canvas) == (
        "canvas",
        True,
        False,
    )


async def test_a_finger_that_taps_makes_no_gesture(collector: Collector, open_page: Open) -> None:
    """A tap, a small slip, and a swipe in an ignored area tell nothing."""
    page = await open_page(
        "<button id=b>x</button><div data-stolper=ignore style='height:300px'>x</div>",
        head=META.format(""),
    )
    await page.tap("#b")
    await fingers(page, way((200, 20), (215, 25)))
    await fingers(page, way((300, 200), (100, 200)))
    await page.wait_for_timeout(REPLY_MS)

    assert [] == await told(page, collector, "gesture")


@pytest.mark.parametrize(
    ("more", "script", "blocked"),
    [
        ("", "addEventListener('touchmove', e => e.preventDefault(), {passive: false})", False),
        (",user-scalable=no", "", True),
    ],
    ids=["the page answers it", "the page forbids it"],
)
async def test_two_fingers_pinch(
    collector: Collector, open_page: Open, more: str, script: str, blocked: bool
) -> None:
    """Two fingers moving apart are a pinch with its zoom; a page that forbids zooming is told."""
    page = await open_page(f"{TALL}<script>{script}</script>", head=META.format(more))
    await fingers(page, way((180, 300), (80, 300)), way((220, 300), (320, 300)))
    await page.wait_for_timeout(300)
    (pinch,) = await told(page, collector, "gesture")

    assert (pinch["kind"], pinch["touches"]) == ("pinch", 2)
    assert 5.5 <= pinch["zoom"] <= 6.5
    assert blocked is pinch.get("blocked", False)
    assert "media" not in pinch


async def test_a_page_that_zooms_along_is_pinched_too(
    collector: Collector, open_page: Open
) -> None:
    """What lies under two fingers stays under them while the page zooms: the screen tells the way."""
    page = await open_page(TALL, head=META.format(""))
    await fingers(page, way((180, 300), (80, 300)), way((220, 300), (320, 300)))
    await page.wait_for_function("visualViewport.scale > 1")
    (pinch,) = await told(page, collector, "gesture")

    assert (pinch["kind"], pinch["touches"]) == ("pinch", 2)
    assert pinch["zoom"] > 1.3
    assert "blocked" not in pinch


async def test_two_fingers_zoom_a_picture(collector: Collector, open_page: Open) -> None:
    """A pinch on an image is marked: it is made for that."""
    picture = "data:image/svg+xml,<svg xmlns=%27http://www.w3.org/2000/svg%27/>"
    page = await open_page(
        f'<img id=i width=400 height=600 alt=x src="{picture}">', head=META.format("")
    )
    await fingers(page, way((80, 300), (180, 300)), way((320, 300), (220, 300)))
    await page.wait_for_timeout(300)
    (pinch,) = await told(page, collector, "gesture")

    assert pinch["zoom"] <= 0.25
    assert pinch["media"] is True


async def test_turning_the_device_with_fingers_is_told(
    collector: Collector, open_page: Open
) -> None:
    """Each turn tells the new orientation; a new size of the window is no turn."""
    page = await open_page("<p>x</p>", head=META.format(""))
    cdp = await page.context.new_cdp_session(page)
    for width, height, kind, angle in (
        (700, 400, "landscapePrimary", 90),
        (400, 700, "portraitPrimary", 0),
        (400, 300, "portraitPrimary", 0),
    ):
        await cdp.send(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": True,
                "screenOrientation": {"type": kind, "angle": angle},
            },
        )
        await page.wait_for_timeout(200)
    turns = await told(page, collector, "gesture")

    assert [("rotate", "landscape"), ("rotate", "portrait")] == [
        (turn["kind"], turn["orientation"]) for turn in turns
    ]


PLACES = (
    "<p id=error role=alert>Error 4711-0815 happened</p>"
    "<p id=classed class=form-error>please try again</p>"
    "<p id=status role=status>Saved as zqmessageqz</p>"
    "<pre id=code>npm install zqcodeqz</pre>"
    "<span id=sum class=total-price>12,90</span>"
    "<p id=phone>+49 221 4711 000</p><p id=mail>zqmailqz@example.com</p><p id=order>AB-4711-0815</p>"
    "<p id=date>2024-10-11</p><p id=text>zqplainqz words without end to be copied out</p>"
)


async def test_copying_tells_place_and_shape_and_no_text(
    collector: Collector, open_page: Open
) -> None:
    """Each copy tells its region, its length (in tens above 20) and the shape of its text."""
    page = await open_page(PLACES)
    for name in (
        "error", "classed", "status", "code", "sum", "phone", "mail", "order", "date", "text",
    ):  # fmt: skip
        await page.evaluate(
            "id => getSelection().selectAllChildren(document.getElementById(id))", name
        )
        await page.keyboard.press("Control+c")
    copies = await told(page, collector, "copy")

    assert [
        ("#error", 20, "error", "other"),
        ("#classed", 16, "error", "other"),
        ("#status", 20, "message", "other"),
        ("#code", 20, "code", "other"),
        ("#sum", 5, "price", "other"),
        ("#phone", 16, "body", "phone"),
        ("#mail", 20, "body", "email"),
        ("#order", 12, "body", "id"),
        ("#date", 10, "body", "other"),
        ("#text", 40, "body", "other"),
    ] == [(c["target"]["key"], c["length"], c["region"], c["shape"]) for c in copies]
    assert {"copy"} == {c["kind"] for c in copies}
    assert "zq" not in json.dumps(copies)
    assert "4711" not in json.dumps(copies)


async def test_cut_and_paste_in_fields(collector: Collector, open_page: Open) -> None:
    """Cut and paste name the field and the length; of a password nothing but that it happened."""
    page = await open_page(
        "<input id=a name=a><input id=p type=password><div data-stolper=ignore><input id=i></div>"
        "<div data-stolper=block><input id=k></div>"
    )
    await page.focus("#a")
    await page.keyboard.type("zqtyped@fieldqz.example")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+x")
    for selector in ("#a", "#p", "#i", "#k"):
        await page.focus(selector)
        await page.keyboard.press("Control+v")
    await page.evaluate("getSelection().removeAllRanges()")
    await page.focus("#p")
    cut, paste, secret = await told(page, collector, "copy")

    assert ("cut", "#a", "field", 20, "email") == (
        cut["kind"],
        cut["target"]["key"],
        cut["region"],
        cut["length"],
        cut["shape"],
    )
    assert ("paste", "#a", 20) == (paste["kind"], paste["target"]["key"], paste["length"])
    assert ("paste", "#p", "field") == (secret["kind"], secret["target"]["key"], secret["region"])
    assert {"length", "shape"}.isdisjoint(secret)
    assert await page.input_value("#p") != ""


async def test_an_empty_copy_and_a_scripts_copy_tell_nothing(
    collector: Collector, open_page: Open
) -> None:
    """Without a selection nothing was copied; an event made by a script is nobody's."""
    page = await open_page("<button id=b>x</button><p id=p>words</p>")
    await page.focus("#b")
    await page.keyboard.press("Control+c")
    await page.evaluate(
        "() => { getSelection().selectAllChildren(p);"
        " p.dispatchEvent(new ClipboardEvent('copy', {bubbles: true})) }"
    )

    assert [] == await told(page, collector, "copy")


CHOICES = (
    "<form id=f><select id=s name=s><option>zqfirstqz<option>zqsecondqz<option>zqthirdqz</select>"
    "<input type=radio name=r id=r1 value=zqoneqz checked><input type=radio name=r id=r2 value=zqtwoqz>"
    "<label>Box <input type=checkbox id=c name=c></label>"
    "<select id=card name=cc autocomplete=cc-exp-month><option>1<option>2</select></form>"
)


async def test_choices_are_counted_and_say_when_they_lead_back(
    collector: Collector, open_page: Open
) -> None:
    """Every choice is told with its number; there and back again is restored; no option is told."""
    page = await open_page(CHOICES)
    await page.focus("#s")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"):
        await page.keyboard.press(key)
    await page.click("#r2")
    await page.click("#r1")
    await page.click("label")
    await page.click("label")
    await page.focus("#card")
    await page.keyboard.press("ArrowDown")
    await page.evaluate("stolper('flush')")
    made = [event for event in collector.events("field") if event["cause"] == "choice"]

    assert [
        ("s", 1, False), ("s", 2, False), ("s", 3, False), ("s", 4, True),
        ("r", 1, False), ("r", 2, True),
        ("c", 1, False), ("c", 2, True),
    ] == [(e["field"], e["choices"], e.get("restored", False)) for e in made]  # fmt: skip
    assert "zq" not in json.dumps(made)
    assert not [e for e in made if "invalid" in e]


async def test_what_a_script_chooses_is_no_choice(collector: Collector, open_page: Open) -> None:
    """Values set by a script and typing in a field are not told as choices."""
    page = await open_page(CHOICES + "<input id=t name=t>")
    await page.select_option("#s", index=2)  # by events of a script
    await page.evaluate("c.checked = true")
    await page.focus("#t")
    await page.keyboard.type("words")
    await page.focus("#c")
    await page.wait_for_timeout(100)
    await page.evaluate("stolper('flush')")
    causes = [event["cause"] for event in collector.events("field")]

    assert ["blur"] == causes


async def test_the_longest_pause_between_inputs_is_told(
    collector: Collector, open_page: Open
) -> None:
    """A pause in the midst of typing is measured; the time before the first input is none."""
    page = await open_page("<input id=a name=a><input id=b name=b>")
    await page.focus("#a")
    await page.wait_for_timeout(900)
    await page.keyboard.type("ab")
    await page.wait_for_timeout(500)
    await page.keyboard.type("c")
    await page.focus("#b")
    await page.keyboard.type("x")
    await page.focus("#a")
    await page.wait_for_timeout(100)
    await page.evaluate("stolper('flush')")
    first, second = collector.events("field")[:2]

    assert 450 <= first["longest_pause_ms"] <= 850
    assert "longest_pause_ms" not in second
