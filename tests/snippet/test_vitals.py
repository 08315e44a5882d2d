"""How fast the page was: paint, shifts, slow interactions, blocked threads, slow routes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page

from tests.snippet.conftest import Collector, Open

pytestmark = [
    pytest.mark.browser,
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
]

BLOCK = "<script>function block(ms) { const t = performance.now(); while (performance.now() - t < ms); }</script>"


async def told(page: Page, collector: Collector, kind: str) -> list[dict[str, Any]]:
    """Flush *page* and return its measurements of *kind*; nothing of ours may have failed."""
    await page.evaluate("stolper('flush')")
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    return [event for event in collector.events("vitals") if event["kind"] == kind]


async def test_the_largest_paint_is_told_once_at_the_first_input(
    collector: Collector, open_page: Open
) -> None:
    """What was painted late is the largest; the first press makes it final, before the press."""
    page = await open_page(
        "<p>small</p><script>setTimeout(() => document.body.insertAdjacentHTML('beforeend',"
        " `<h1 style='font-size:90px'>Large words that come late</h1>`), 1200)</script>"
    )
    await page.wait_for_timeout(1800)

    assert [] == await told(page, collector, "lcp")

    await page.mouse.click(5, 5)
    await page.mouse.click(5, 5)
    (paint,) = await told(page, collector, "lcp")
    await page.wait_for_timeout(2600)
    await page.evaluate("stolper('flush')")
    click = collector.events("click")[0]

    assert 1100 <= paint["lcp_ms"] <= paint["t"]
    assert paint["i"] < click["i"]
    assert "hidden" not in paint


async def test_the_largest_paint_of_a_page_nobody_touches_is_told(
    collector: Collector, open_page: Open
) -> None:
    """Without any input the paint is told once nothing larger has come for three seconds."""
    page = await open_page("<h1>Words</h1>")
    paints: list[dict[str, Any]] = []
    for _ in range(50):  # of itself it would go with the next batch
        paints = paints or await told(page, collector, "lcp")
        await asyncio.sleep(0 if paints else 0.2)
    (paint,) = paints

    assert 0 < paint["lcp_ms"] <= paint["t"] - 2900


async def test_shifts_are_told_at_the_end_of_each_page_view(
    collector: Collector, open_page: Open
) -> None:
    """What jumped on a route is told under the route's own path, before it is left; calm is not."""
    page = await open_page(
        "<div id=top></div><div id=box style='height:300px;background:#ccc'>words</div>"
    )
    await page.wait_for_timeout(300)
    await page.evaluate("document.getElementById('top').style.height = '250px'")
    await page.wait_for_timeout(300)
    await page.evaluate("history.pushState({}, '', '/second')")
    await page.wait_for_timeout(300)
    await page.evaluate("history.pushState({}, '', '/third')")
    await page.evaluate("document.getElementById('top').style.height = '20px'")
    await page.wait_for_timeout(300)
    await page.close(run_before_unload=True)
    await collector.until(lambda: len(collector.events("leave")) == 3)
    shifts = [event for event in collector.events("vitals") if event["kind"] == "cls"]
    order = [
        (event["type"], event["view"])
        for event in collector.events()
        if event in shifts or event["type"] == "leave"
    ]

    assert [("/page", 0), ("/third", 2)] == [(shift["path"], shift["view"]) for shift in shifts]
    assert all(0.01 < shift["cls"] < 1 for shift in shifts)
    assert [("vitals", 0), ("leave", 0), ("leave", 1), ("vitals", 2), ("leave", 2)] == order


async def test_a_slow_interaction_names_what_was_used(
    collector: Collector, open_page: Open
) -> None:
    """A handler of 400 ms makes one event of one press; a quick one makes none."""
    page = await open_page(
        BLOCK + "<button id=quick onclick=\"this.title += 'x'\">A</button>"
        "<button id=slow onclick='block(400)'>B</button>"
    )
    await page.wait_for_load_state("load")
    await page.click("#quick")
    await page.wait_for_timeout(300)
    await page.click("#slow")
    await page.wait_for_timeout(1000)
    slow = [
        event
        for event in await told(page, collector, "inp")
        if event["inp_ms"] >= 390  # a busy machine may make the quick one slow
    ]

    assert ["#slow"] == [event["target"]["key"] for event in slow]
    assert 390 <= slow[0]["inp_ms"] <= 3000


async def test_a_blocked_thread_tells_how_long_after_an_input(
    collector: Collector, open_page: Open
) -> None:
    """A task of 500 ms is told with the time since the press before it, or without if there was none."""
    page = await open_page(BLOCK + "<button id=b onclick='setTimeout(block, 300, 600)'>B</button>")
    await page.wait_for_timeout(1200)
    await page.evaluate("setTimeout(block, 0, 500)")
    await page.wait_for_timeout(900)
    await page.click("#b")
    await page.wait_for_timeout(1600)
    tasks = [e for e in await told(page, collector, "long_task") if e["long_task_ms"] >= 490]

    # A busy machine may have blocked the thread at other times, too.
    alone = [e for e in tasks if "since_input_ms" not in e]
    after = [e for e in tasks if e.get("since_input_ms", 0) >= 250 and e["long_task_ms"] >= 590]

    assert alone
    assert 1 == len(after)
    assert after[0]["since_input_ms"] <= 5000
    assert "first_input" not in after[0]


async def test_the_first_input_of_a_loading_page_is_marked(
    collector: Collector, open_page: Open
) -> None:
    """A press on a page that still waits for a picture is its first input while it loads."""
    page = await loading_page(collector, open_page)
    await page.click("#b")
    await page.wait_for_timeout(900)
    await page.click("#b")
    await page.wait_for_timeout(900)
    first, second = [e for e in await told(page, collector, "inp") if e["inp_ms"] >= 290]

    assert first["first_input"] is True
    assert "first_input" not in second


async def loading_page(collector: Collector, open_page: Open) -> Page:
    """Return a page that records while one of its pictures takes ten seconds."""
    page = await open_page("<p>x</p>")
    collector.pages["/loads"] = collector.pages["/page"].replace(
        "<p>x</p>",
        BLOCK + "<button id=b onclick='block(300)'>B</button><img src='/status/200?ms=10000'>",
    )
    await page.goto(collector.url + "/loads", wait_until="commit")
    await page.wait_for_function("window.stolper && window.stolper.running === true")
    return page


ROUTER = """<main id=m>one</main><script>
async function go(path, ms) {
  history.pushState({}, '', path);
  m.textContent = '';
  if (ms) await fetch('/status/200?ms=' + ms);
  m.innerHTML = '<h1>' + path + '</h1>';
}
setInterval(() => { m.style.opacity = Math.random() }, 60);
</script>"""


async def test_a_route_takes_until_it_is_quiet(collector: Collector, open_page: Open) -> None:
    """A route that fetches 700 ms took that long, one drawn at once hardly any time."""
    page = await open_page(ROUTER)
    await page.evaluate("go('/slow', 700)")
    await page.wait_for_timeout(700)
    await page.evaluate("go('/quick', 0)")
    await page.wait_for_timeout(700)
    slow, quick = await told(page, collector, "route")

    assert [("/slow", 1), ("/quick", 2)] == [(e["path"], e["view"]) for e in (slow, quick)]
    assert 690 <= slow["route_ms"] <= 1300
    assert quick["route_ms"] <= 200


async def test_a_press_ends_the_measure_of_a_route(collector: Collector, open_page: Open) -> None:
    """Who presses while a route still loads has waited until then; what follows is not its time."""
    page = await open_page(ROUTER)
    await page.evaluate("void go('/slow', 3000)")
    await page.wait_for_timeout(500)
    await page.mouse.click(5, 5)
    (route,) = await told(page, collector, "route")

    assert 450 <= route["route_ms"] <= 1500


async def test_the_same_address_is_no_route(collector: Collector, open_page: Open) -> None:
    """A new fragment or state of the same page is not measured."""
    page = await open_page(ROUTER)
    await page.evaluate("history.pushState({}, '', location.pathname); location.hash = 'part'")
    await page.wait_for_timeout(500)

    assert [] == await told(page, collector, "route")


@pytest.mark.parametrize(
    ("content", "refreshes"),
    [
        ("30", True),
        ("30;url=/page", True),
        ("300; URL='/page?a=1'", False),
        ("3000;url=/other", False),
        ("3000;url=http://[", False),
        ("", False),
    ],
)
async def test_a_page_that_reloads_itself_says_so(
    collector: Collector, open_page: Open, content: str, refreshes: bool
) -> None:
    """A meta refresh to the page itself is told; one that leads elsewhere is not."""
    head = f'<meta http-equiv=Refresh content="{content}">' if content else ""
    page = await open_page("<p>x</p>", head=head)
    await page.evaluate("stolper('flush')")

    assert refreshes is collector.events("page")[0].get("auto_refresh", False)
