"""The scripted visitors: each journey against the shop, and how they start, fail and end."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from playwright.async_api import Browser

from stolper.demo.hands import Hands
from stolper.demo.journeys import JOURNEYS, Journey, Person
from stolper.demo.visitors import Visitors
from tests.demo.conftest import RunningShop, until

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


def reported(shop: RunningShop, name: str, times: int) -> bool:
    return len(shop.tracked(name)) >= times


@pytest.mark.browser
async def test_every_journey_comes_to_its_end(
    broken_shop: RunningShop, browser: Browser, chromium_path: str
) -> None:
    """Each journey finds its way through the shop with all defects on, and reports what it did."""
    log: list[str] = []
    crowd = visitors(broken_shop, chromium_path, log)
    for journey in JOURNEYS:
        broken_shop.calls.clear()
        await crowd.visit(browser, journey)
        if journey.name in REPORTS:
            name, times, some = REPORTS[journey.name]
            await until(partial(reported, broken_shop, name, times))
            reports = broken_shop.tracked(name)

            assert (journey.name, times) == (journey.name, len(reports))
            assert all(some.items() <= report.items() for report in reports), journey.name

    assert [] == log
    assert {journey.name: 1 for journey in JOURNEYS} == dict(crowd.ended)


@pytest.mark.browser
async def test_journeys_cope_with_a_shop_that_works(
    shop: RunningShop, browser: Browser, chromium_path: str
) -> None:
    """With the defects off, the visits that look for them end without an error all the same."""
    log: list[str] = []
    crowd = visitors(shop, chromium_path, log)
    for journey in JOURNEYS:
        if journey.name in ("rage_clicker", "error_meeter", "address_refused", "card_declined"):
            await crowd.visit(browser, journey)

    assert ([], 0) == (log, crowd.failed.total())


@pytest.mark.browser
async def test_the_first_visit_rages_at_once(broken_shop: RunningShop, chromium_path: str) -> None:
    """`run` begins with the rage clicker and goes on to other visits until it is cancelled."""
    log: list[str] = []
    crowd = visitors(broken_shop, chromium_path, log)
    running = asyncio.create_task(crowd.run())
    await until(crowd.ended.total, 20)
    first = dict(crowd.ended)
    await until(lambda: crowd.ended.total() > 3, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert ({"rage_clicker": 1}, True, []) == (first, running.cancelled(), log)


@pytest.mark.browser
async def test_a_failed_visit_is_counted_and_told(
    shop: RunningShop, browser: Browser, chromium_path: str
) -> None:
    """A visitor who does not find what they want breaks off; the next one comes nevertheless."""

    async def lost(hands: Hands, person: Person) -> None:
        await hands.go(person.path())
        await hands.press("#no-such-thing")

    log: list[str] = []
    crowd = visitors(shop, chromium_path, log)
    await crowd.visit(browser, Journey("lost", lost, False))
    await crowd.visit(browser, JOURNEYS[0])

    assert ({"lost": 1}, {"rage_clicker": 1}) == (dict(crowd.failed), dict(crowd.ended))
    assert "lost broke off" in log[0] and "#no-such-thing" in log[0]


async def test_a_missing_browser_is_told(shop: RunningShop) -> None:
    """Without Chromium `run` says what to install and returns."""
    log: list[str] = []
    await visitors(shop, "/nowhere/chromium", log).run()

    assert 1 == len(log)
    assert "apt-get install chromium" in log[0]
