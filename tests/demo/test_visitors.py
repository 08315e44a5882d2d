"""The scripted visitors: each journey against the shop, and how they start, fail and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from stolper.demo.browsers import Browsers
from stolper.demo.hands import Hands
from stolper.demo.journeys import JOURNEYS, Journey, Person
from stolper.demo.visitors import Visitors
from tests.demo.conftest import RunningShop, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What the shop must have been told by a journey: name of the report, how often, some properties.
REPORTS: dict[str, tuple[str, int, dict[str, object]]] = {
    "buyer": ("order_placed", 1, {}),
    "coupon_hunter": ("coupon", 3, {"ok": False}),
    "card_declined": ("payment", 2, {"result": "declined"}),
    "locked_out": ("login", 4, {"result": "failed"}),
    "vain_searcher": ("search", 3, {"results": 0}),
    "browser": ("search", 1, {}),
    "customer": ("login", 2, {}),
    "address_refused": ("step", 1, {"name": "address"}),
    "terms_overlooked": ("step", 4, {}),
    "quick_fingers": ("cart", 1, {"op": "add"}),
}


def visitors(shop: RunningShop, chromium: str | None, log: list[str]) -> Visitors:
    return Visitors(shop.url, chromium=chromium, log=log.append, seed=7, pace=0.03)


@pytest_asyncio.fixture(loop_scope="module")
async def browsers(chromium_path: str) -> AsyncIterator[Browsers]:
    async with Browsers(chromium_path) as browsers:
        yield browsers


def reported(shop: RunningShop, name: str, times: int) -> bool:
    return len(shop.tracked(name)) >= times


SOME = ("error_meeter", "coupon_hunter", "card_declined", "customer")


@pytest.mark.browser
@pytest.mark.parametrize(
    "names", [SOME, pytest.param(tuple(j.name for j in JOURNEYS), marks=pytest.mark.long)],
    ids=["some", "all"],
)  # fmt: skip
async def test_each_journey_comes_to_its_end(
    broken_shop: RunningShop, browsers: Browsers, chromium_path: str, names: tuple[str, ...]
) -> None:
    """A journey finds its way through the shop with all defects on, and reports what it did."""
    log: list[str] = []
    crowd = visitors(broken_shop, chromium_path, log)
    for journey in (journey for journey in JOURNEYS if journey.name in names):
        broken_shop.calls.clear()
        await crowd.visit(browsers, journey)
        if journey.name in REPORTS:
            name, times, some = REPORTS[journey.name]
            await until(partial(reported, broken_shop, name, times))
            reports = broken_shop.tracked(name)

            assert (journey.name, times) == (journey.name, len(reports))
            assert all(some.items() <= report.items() for report in reports), journey.name

    assert [] == log
    assert dict.fromkeys(names, 1) == dict(crowd.ended)


@pytest.mark.browser
async def test_journeys_cope_with_a_shop_that_works(
    shop: RunningShop,
    browsers: Browsers,
    chromium_path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the defects off, the visits that look for them end without an error all the same."""
    # A busy machine may take long to show the next page; nothing waits for this in vain here.
    monkeypatch.setattr("stolper.demo.hands._LEAST_STAY_S", 10.0)
    log: list[str] = []
    crowd = visitors(shop, chromium_path, log)
    for journey in JOURNEYS:
        if journey.name in ("rage_clicker", "error_meeter", "address_refused", "card_declined"):
            await crowd.visit(browsers, journey)

    assert ([], 0) == (log, crowd.failed.total())


@pytest.mark.browser
async def test_the_first_visit_rages_at_once(broken_shop: RunningShop, chromium_path: str) -> None:
    """`run` begins with the rage clicker and goes on to other visits until it is cancelled."""
    log: list[str] = []
    crowd = visitors(broken_shop, chromium_path, log)
    running = asyncio.create_task(crowd.run())
    await until(crowd.ended.total, 20)
    first = dict(crowd.ended)
    await until(lambda: crowd.ended.total() > 1, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert ({"rage_clicker": 1}, True, []) == (first, running.cancelled(), log)


@pytest.mark.browser
async def test_a_failed_visit_is_counted_and_told(
    shop: RunningShop, browsers: Browsers, chromium_path: str
) -> None:
    """A visitor who does not find what they want breaks off; the next one comes nevertheless."""

    async def lost(hands: Hands, person: Person) -> None:
        await hands.go(person.path())
        await hands.press("#no-such-thing")

    async def content(hands: Hands, person: Person) -> None:
        await hands.go(person.path())

    log: list[str] = []
    crowd = visitors(shop, chromium_path, log)
    await crowd.visit(browsers, Journey("lost", lost, False))
    await crowd.visit(browsers, Journey("content", content, False))

    assert ({"lost": 1}, {"content": 1}) == (dict(crowd.failed), dict(crowd.ended))
    assert "lost broke off" in log[0] and "#no-such-thing" in log[0]


@pytest.mark.browser
async def test_visitors_look_like_people(
    shop: RunningShop, browsers: Browsers, chromium_path: str
) -> None:
    """Nothing marks them as robots, not even what a page sends while it is left."""
    agents: list[str] = []
    for touch in (False, True):
        context = await browsers.context(width=400, height=700, locale="de-DE", touch=touch)
        page = await context.new_page()
        await page.goto(f"{shop.url}/de/")
        await page.evaluate(
            "addEventListener('pagehide', () => navigator.sendBeacon('/calls', JSON.stringify("
            "['left', navigator.webdriver])))"
        )
        await page.goto("about:blank")
        await until(lambda: shop.calls)
        agents.append(shop.agents[-1])

        assert ["left", False] == shop.calls.pop()
        await context.close()

    assert not any("Headless" in agent for agent in agents)
    assert ["Mobile" in agent for agent in agents] == [False, True]


async def test_a_missing_browser_is_told(shop: RunningShop) -> None:
    """Without Chromium `run` says what to install and returns."""
    log: list[str] = []
    await visitors(shop, "/nowhere/chromium", log).run()

    assert 1 == len(log)
    assert "apt-get install chromium" in log[0]
