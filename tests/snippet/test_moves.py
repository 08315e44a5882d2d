"""Scrolling, the pointer's way, and presses that miss: numbers only."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import Collector, Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
]

LONG = "<div style='height:5750px;background:linear-gradient(#fff,#999)'>words</div>"
REST_MS = 1200  # after so long a leg is over


async def told(page: Page, collector: Collector, kind: str) -> list[dict[str, Any]]:
    """Flush *page* and return its events of type *kind*; nothing of ours may have failed."""
    await page.evaluate("stolper('flush')")
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    return collector.events(kind)


async def wheel(page: Page, px: int, times: int) -> None:
    """Turn the wheel *times* times by *px*, at a hand's pace."""
    for _ in range(times):
        await page.mouse.wheel(0, px)
        await page.wait_for_timeout(120)


async def test_each_turn_begins_another_leg(collector: Collector, open_page: Open) -> None:
    """Down, up, down by the wheel are three legs with their way, depth and the page's height."""
    page = await open_page(LONG)
    await page.mouse.move(300, 300)
    await wheel(page, 400, 5)
    await wheel(page, -400, 2)
    await wheel(page, 400, 1)
    await page.wait_for_timeout(REST_MS)
    legs = await told(page, collector, "scroll")

    assert ["down", "up", "down"] == [leg["direction"] for leg in legs]
    assert [2000, 800, 400] == pytest.approx([leg["px"] for leg in legs], abs=30)
    assert [1.74, 0.7, 0.35] == pytest.approx([leg["screens"] for leg in legs], abs=0.05)
    assert [0.54] * 3 == pytest.approx([leg["depth"] for leg in legs], abs=0.03)
    assert 4.9 <= legs[0]["pages"] <= 5.2
    assert not [leg for leg in legs if "programmatic" in leg or "target" in leg]


async def test_a_script_that_scrolls_is_told_apart(collector: Collector, open_page: Open) -> None:
    """scrollTo, also at a press, is programmatic; the Page Down key is a hand."""
    page = await open_page("<button id=b onclick='window.scrollTo(0, 2000)'>Go</button>" + LONG)
    await page.click("#b")
    await page.wait_for_timeout(REST_MS)
    await page.keyboard.press("PageDown")
    await page.wait_for_timeout(REST_MS + 300)
    script, key = await told(page, collector, "scroll")

    assert (script["px"], script["programmatic"]) == (2000, True)
    assert key["px"] > 500
    assert "programmatic" not in key


async def test_a_container_is_named_and_little_moves_are_left_out(
    collector: Collector, open_page: Open
) -> None:
    """A scrolled box is the leg's target; under 50 px and in ignored areas nothing is told."""
    box = "<div id={0} style='height:200px;overflow:auto;background:#ddd'><div style='height:900px'>x</div></div>"
    page = await open_page(
        box.format("a") + f"<div data-stolper=ignore>{box.format('b')}</div>" + box.format("c")
    )
    for selector, px in (("#a", 300), ("#b", 300), ("#c", 40)):
        await page.hover(selector)
        await wheel(page, px, 1)
    await page.wait_for_timeout(REST_MS)
    (leg,) = await told(page, collector, "scroll")

    assert ("#a", "down", 300) == (leg["target"]["key"], leg["direction"], leg["px"])
    assert leg["screens"] == pytest.approx(1.5, abs=0.02)
    assert leg["pages"] == pytest.approx(4.5, abs=0.02)


async def test_a_press_ends_a_leg_and_so_does_leaving(
    collector: Collector, open_page: Open
) -> None:
    """What was scrolled before a press or the page's end is told before it."""
    page = await open_page(LONG)
    await page.mouse.move(300, 300)
    await wheel(page, 300, 1)
    await page.mouse.click(300, 300)
    await wheel(page, 300, 1)
    await page.close(run_before_unload=True)
    await collector.until(lambda: collector.events("leave"))
    kinds = [e["type"] for e in sorted(collector.events(), key=lambda e: e["i"])]

    assert ["scroll", "click", "scroll", "leave"] == [
        kind for kind in kinds if kind in ("scroll", "click", "leave")
    ]


async def shake(page: Page, turns: int, y: float = 400, px: int = 200) -> None:
    """Move the mouse to and fro *turns* times, quickly."""
    await page.mouse.move(300, y)
    for nth in range(turns + 1):
        for step in range(1, 4):
            done = px * step / 3
            await page.mouse.move(300 + (done if nth % 2 == 0 else px - done), y + nth)
            await page.wait_for_timeout(55)


async def test_a_shaken_pointer_tells_its_way(collector: Collector, open_page: Open) -> None:
    """To and fro eight times: turns, way, net way and speed of two seconds, and where it ended."""
    page = await open_page("<div id=d style='height:900px;background:#eee'>words</div>")
    await shake(page, 9)
    await page.wait_for_timeout(2200)
    found = await told(page, collector, "cursor")
    first = found[0]

    assert {"shake"} == {event["kind"] for event in found}
    assert first["target"]["key"] == "#d"
    assert 4 <= first["turns"] <= 9
    assert 600 <= first["path_px"] <= 2400
    assert first["net_px"] <= 220
    assert first["net_share"] == pytest.approx(first["net_px"] / first["path_px"], abs=0.01)
    assert 300 <= first["duration_ms"] <= 2300
    assert first["speed"] == pytest.approx(1000 * first["path_px"] / first["duration_ms"], rel=0.05)
    assert "media" not in first


async def test_a_pointer_that_goes_its_way_tells_nothing(
    collector: Collector, open_page: Open
) -> None:
    """Straight ways, a few turns, drawing with the button down and short rests are no events."""
    page = await open_page("<button id=b>Stop</button><div id=d style='height:900px'>words</div>")
    for x in range(50, 800, 50):
        await page.mouse.move(x, 500 + x / 10)
        await page.wait_for_timeout(30)
    await shake(page, 1)
    await page.wait_for_timeout(2100)
    await page.mouse.down()
    await shake(page, 8)
    await page.mouse.up()
    await page.hover("#b")
    await page.wait_for_timeout(1500)
    await page.mouse.move(500, 500)

    assert [] == await told(page, collector, "cursor")


async def test_a_shake_on_a_canvas_is_marked_and_ignored_areas_are_left_out(
    collector: Collector, open_page: Open
) -> None:
    """On a canvas the shake is media; in an ignored area it is not told."""
    page = await open_page(
        "<canvas id=c width=800 height=300 style='background:#ddd'></canvas>"
        "<div data-stolper=ignore style='height:400px'>x</div>"
    )
    await shake(page, 6, y=450)
    await page.wait_for_timeout(2200)
    await shake(page, 6, y=150)
    await page.wait_for_timeout(2200)
    found = await told(page, collector, "cursor")

    assert ["canvas"] == [event["target"]["tag"] for event in found]
    assert found[0]["media"] is True


async def test_a_rest_on_something_pressable_is_told_when_it_ends(
    collector: Collector, open_page: Open
) -> None:
    """Three seconds on a button are told with their length, before the press that ends them."""
    page = await open_page("<button id=b>Order</button><p id=p style='height:200px'>words</p>")
    await page.hover("#p")
    await page.wait_for_timeout(3300)
    await page.hover("#b")
    await page.wait_for_timeout(3300)
    await page.mouse.down()
    await page.mouse.up()
    await page.wait_for_timeout(2600)
    (rest,) = await told(page, collector, "cursor")
    (click,) = collector.events("click")

    assert ("rest", "#b") == (rest["kind"], rest["target"]["key"])
    assert 3200 <= rest["duration_ms"] <= 6000
    assert rest["i"] < click["i"]
    assert "turns" not in rest


MISS = (
    "<div id=area style='position:relative;height:400px'>"
    "<button id=b style='position:absolute;left:100px;top:100px;width:80px;height:30px'>B</button>"
    "<a id=link href=# style='position:absolute;left:300px;top:100px;width:60px'>Link</a>"
    "<button disabled style='position:absolute;left:100px;top:300px;width:80px;height:30px'>C</button>"
    "</div>"
)


@pytest.mark.parametrize(
    ("at", "key", "px"),
    [
        ((90, 115), "#b", 10),
        ((140, 145), "#b", 15),
        ((215, 150), "#b", 40),
        ((140, 200), None, 0),  # 70 px away
        ((90, 315), None, 0),  # disabled: nothing that could have been meant
        ((140, 115), None, 0),  # pressed well
    ],
)
async def test_a_press_that_missed_names_what_was_near(
    collector: Collector, open_page: Open, at: tuple[int, int], key: str | None, px: int
) -> None:
    """Beside a button: its key and the way to its edge. On it, far off, or disabled: nothing."""
    page = await open_page(MISS)
    box = await page.locator("#area").bounding_box()
    assert box
    await page.mouse.click(box["x"] + at[0], box["y"] + at[1])
    await page.wait_for_timeout(2600)
    (click,) = await told(page, collector, "click")

    assert key == click.get("miss_key")
    if key:
        assert px == pytest.approx(click["miss_px"], abs=1)
    else:
        assert "miss_px" not in click


COUNTED = """(() => {
  const names = new Map(); const ids = new WeakMap(); let next = 0;
  const id = (thing) => ids.get(thing) ?? (ids.set(thing, ++next), next);
  // Playwright listens too.
  const ours = () => /\\/(recorder\\.|s\\/)/.test(new Error().stack);
  const note = (key, on) => !on ? names.delete(key) : ours() && names.set(key, 1);
  window.left = () => [...names.keys()].map((key) => key.split('|').slice(1).join(' '));
  for (const [method, on] of [['addEventListener', true], ['removeEventListener', false]]) {
    const original = EventTarget.prototype[method];
    EventTarget.prototype[method] = function (type, listener, options) {
      const what = [window, document, screen.orientation].indexOf(this ?? window);
      const capture = typeof options === 'object' ? !!options?.capture : !!options;
      const key = [what + id(listener) + '/' + capture, type].join('|');
      if (what >= 0 && listener) note(key, on);
      if (on) options?.signal?.addEventListener('abort', () => note(key, false));
      return original.call(this ?? window, type, listener, options);
    };
  }
  for (const type of ['PerformanceObserver', 'MutationObserver']) {
    const { observe, disconnect } = window[type].prototype;
    window[type].prototype.observe = function (...args) {
      note([id(this), type].join('|'), true);
      return observe.apply(this, args);
    };
    window[type].prototype.disconnect = function () {
      note([id(this), type].join('|'), false);
      return disconnect.call(this);
    };
  }
})()"""


async def test_stop_leaves_no_observer_behind(context: BrowserContext, open_page: Open) -> None:
    """While it records there are observers of each kind; after stop none of ours listens."""
    await context.add_init_script(COUNTED)
    page = await open_page("<button id=b>x</button>" + LONG)
    running = set(await page.evaluate("left()"))
    await shake(page, 5)
    await page.focus("#b")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.mouse.wheel(0, 500)
    await page.evaluate("stolper('stop')")

    ours = {"scroll", "copy", "keydown", "touchstart", "pointermove", "change", "wheel"}
    assert ours | {"PerformanceObserver", "MutationObserver"} <= running
    assert [] == await page.evaluate("left()")
