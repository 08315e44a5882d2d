"""Selectors of the site's configuration: masking, showing, blocking, ignoring without attributes."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Page

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AREAS = (
    "<div class=secret><h2>zq{0}maskqz</h2><p class=fine>zq{0}nearqz</p></div>"
    "<p class=fine>zq{0}unmaskqz</p><p class=plain>zq{0}plainqz</p>"
    "<div class=hide><h2>zq{0}blockqz</h2><iframe srcdoc='<h2>x</h2>'></iframe></div>"
    "<input class=fine value=zq{0}fieldqz><input type=password class=fine value=zq{0}passqz>"
    "<div class=fine><input value=zq{0}insideqz></div><h2>zq{0}headqz</h2>"
    "<a href='/x?page=zq{0}pageqz&name=zq{0}nameqz'>x</a>"
)
SHOWN = {"near", "unmask", "field", "head", "page"}


async def arrived(collector: Collector, page: Page) -> set[str]:
    """Flush *page* and return the canaries that the collector received."""
    await page.wait_for_timeout(300)
    await page.evaluate("stolper('flush')")
    assert max(batch.head["snippet"]["errors"] for batch in collector.batches) == 0
    text = json.dumps([[batch.head, batch.recording] for batch in collector.batches])
    return set(re.findall("zq([a-z]+)qz", text))


def named(where: str, kinds: set[str]) -> set[str]:
    return {where + kind for kind in kinds}


async def test_selectors_do_what_the_attributes_do(collector: Collector, open_page: Open) -> None:
    """In the snapshot, in later nodes, attributes and texts, and in a shadow root; the nearest wins."""
    collector.configure(
        options={
            "mask": ".secret, main .other",
            "unmask": ".fine",
            "block": ".hide",
            "ignore": ".quiet",
            "url_params": ["page", "utm_campaign"],
        }
    )
    page = await open_page(
        AREAS.format("snap") + "<div id=later></div><div id=host></div><main><h2 class=other id=o>x"
        "</h2></main><div class=hide><h2 id=h>x</h2></div><h2 id=late>x</h2>"
        "<div class=quiet><button id=q>Go</button></div><button id=b>Go</button>",
        path="/page?utm_campaign=spring+sale&page=1",
    )
    await page.evaluate(
        """([late, shadow]) => {
          later.innerHTML = late;
          host.attachShadow({mode: 'open'}).innerHTML = shadow;
          o.textContent = 'zqmaskedlaterqz'; h.textContent = 'zqblockedlaterqz';
          document.getElementById('late').className = 'secret';
          document.getElementById('late').textContent = 'zqclassedqz';
        }""",
        [AREAS.format("late"), AREAS.format("shadow")],
    )
    await page.click("#q")
    await page.click("#b")
    await page.evaluate("history.pushState({}, '', '/route?page=zqroutepageqz&who=zqroutewhoqz')")
    await page.evaluate("stolper('new')")  # presses are final
    found = await arrived(collector, page)
    pressed = [event["target"]["key"] for event in collector.events("click")]

    views = [event["query"] for event in collector.events("page")]
    attributes = collector.batches[0].head["attributes"]

    expected = named("snap", SHOWN) | named("late", SHOWN) | named("shadow", SHOWN)
    assert expected | {"routepage"} == found
    assert ["#b"] == pressed
    assert {"utm_campaign": "spring sale", "page": "1"} == views[0]
    assert {"page": "zqroutepageqz"} == views[1]
    assert "spring sale" == attributes["campaign"]


async def test_a_listed_parameter_tells_nothing_personal(
    collector: Collector, open_page: Open
) -> None:
    """Its value goes all the same if it holds an address or what was typed."""
    collector.configure(options={"url_params": ["q", "page"]})
    page = await open_page(
        "<input id=i><a href='/x?q=zqmailqz@example.org&page=zqfineqz&pages=zqotherqz'>x</a>"
    )
    await page.click("#i")
    await page.keyboard.type("zqtypedqz")
    await page.evaluate("history.pushState({}, '', '/s?q=zqtypedqz+two&page=2#zqhashqz')")

    assert {"fine"} == await arrived(collector, page)


@pytest.mark.parametrize(
    "options",
    [
        {"mask": "[a='x"},  # open: alone a browser closes it, in a list it swallows the rest
        {"block": ".a::nonsense((", "mask": ".b"},
        {"unmask": ".a, :nonsense"},
        {"ignore": "]["},
    ],
    ids=lambda options: "+".join(map(str, options)),
)
async def test_what_a_browser_cannot_read_hides_and_never_shows(
    collector: Collector, open_page: Open, options: dict[str, object]
) -> None:
    """A bad list masks, blocks or ignores everything; a bad one that shows is left out."""
    collector.configure(options=options)
    page = await open_page(
        "<h2>zqheadqz</h2><p class=a>zqparagraphqz</p><button id=b data-stolper=unmask>zqshownqz</button>"
    )
    await page.click("#b")
    await page.evaluate("stolper('new')")
    found = await arrived(collector, page)

    assert {"unmask": {"head", "shown"}, "ignore": {"head", "shown"}}.get(
        next(iter(options)), set()
    ) == found
    assert ("ignore" in options) is ([] == collector.events("click"))
