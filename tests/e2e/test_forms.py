"""What is kept of a form that somebody fills in with real keys is what the page itself saw happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from core.form_use import FIELD_USES, LEFT, USED, FormSums, place
from core.model import SessionQuery
from core.search import Find
from stolper.demo.run import declare_process
from tests.e2e.conftest import Serve
from tests.e2e.planted import planted
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

WATCH = """(() => {
  const seen = (window.seen = []);
  for (const type of ["focusin", "input", "focusout"]) {
    document.addEventListener(type, ({ target }) => {
      if (target.name) seen.push([type, target.name, performance.now()]);
    }, true);
  }
})()"""
"""The truth: the page's own note of each focus, input and blur, by the browser's clock."""

MOST_OFF_MS = 50


async def test_times_in_a_form_are_those_that_its_page_saw(
    tmp_path: Path, serve: Serve, browser: Browser
) -> None:
    """
    The demo shop's address is typed, left, retyped, refused, mended, and left: times within 50 ms, marks exactly.

    Times are compared with those that a listener of the test notes in the page: what the driver takes to press a key
    counts on both sides.
    """
    data = tmp_path / "data"
    declare_process(data)
    stack = Stack(data)
    await stack.start()
    try:
        shop = await planted(stack, serve)
        page = await browser.new_page()
        await page.goto(f"{shop.origin}/de/product/{await product(page, shop.origin)}")
        await page.click("#add")
        await page.wait_for_timeout(300)
        await page.add_init_script(WATCH)
        await page.goto(f"{shop.origin}/de/checkout/address")
        await fill(page)
        seen = await page.evaluate("seen")
        await page.goto("about:blank")
        told = await kept(stack)
        await page.close()
    finally:
        await stack.stop()
    spent, waited = truth(seen)
    off = [
        *(abs(ms - told.fields[name].spent.median_ms) for name, ms in spent.items()),  # type: ignore[union-attr] -- None fails here, as it should
        *(abs(ms - told.fields[name].waited.median_ms) for name, ms in waited.items()),  # type: ignore[union-attr] -- the same
    ]
    print(f"{len(off)} times differ from the page's by {max(off):.1f} ms at most")

    assert {"first_name", "street", "postcode", "email"} == set(spent) == set(waited)
    assert max(off) <= MOST_OFF_MS
    assert waited["first_name"] >= 600
    marks = {
        name: {use for use in FIELD_USES if one.counts.get(use) and use != USED}
        for name, one in told.fields.items()
    }
    assert {
        "first_name": set(),
        "street": {"field_refilled", "field_returned", "field_deleted"},
        "postcode": set(),
        "email": {"field_refused", "field_returned", "field_refilled", "field_deleted", LEFT},
        **{name: {"field_refused"} for name in ("last_name", "city")},  # nobody typed in them
    } == marks
    places = {name: one.place for name, one in told.fields.items() if one.place}
    # The page put the focus into the last one itself, where it was refused.
    assert {"first_name": 1, "street": 2, "postcode": 3, "email": 4, "last_name": 5} == places
    assert {} == told.labels  # the preset `standard` masks them


async def product(page: Page, origin: str) -> str:
    """Return the name of a product in its address."""
    await page.goto(f"{origin}/de/")
    link = await page.get_attribute('a[href*="/product/"]', "href")
    assert link is not None
    return link.rpartition("/")[2]


async def fill(page: Page) -> None:
    """Fill in some of the address, change the street, be refused, mend the mail address, and look elsewhere."""
    await page.focus("#first_name")
    await page.wait_for_timeout(600)
    await page.keyboard.type("Lena", delay=30)
    await page.focus("#street")
    await page.keyboard.type("Weg 4", delay=30)
    await page.focus("#postcode")
    await page.wait_for_timeout(150)
    await page.keyboard.type("82467", delay=30)
    await page.focus("#street")  # back, and the number is another
    await page.wait_for_timeout(250)
    await page.keyboard.press("End")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("12", delay=30)
    await page.focus("#email")
    await page.keyboard.type("lena", delay=30)
    await page.click("#address-next")  # refused: the focus goes to the first one that is empty
    await page.evaluate("document.activeElement.blur()")
    seen = await page.evaluate("seen.length")
    await page.focus("#email")
    await page.wait_for_timeout(200)
    await page.keyboard.press("End")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("a@example.org", delay=10)
    await page.click("h1")
    assert await page.evaluate("seen.length") > seen
    await page.wait_for_timeout(200)


def truth(seen: list[tuple[str, str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the time in each field that something was typed in, and that from its focus to the first input."""
    spent, waited, since = dict[str, float](), dict[str, float](), dict[str, float]()
    for kind, name, at in seen:
        if kind == "focusin":
            since[name] = at
        elif kind == "input":
            waited.setdefault(name, at - since[name])
        else:
            spent[name] = spent.get(name, 0.0) + at - since.pop(name)
    return {name: ms for name, ms in spent.items() if name in waited}, waited


async def kept(stack: Stack) -> FormSums:
    """Return what is kept of the form, once the visit has ended and is indexed."""
    at = ("order", "address", "address")
    [session] = await eventually(lambda: stack.store.sessions(SessionQuery()))
    await eventually(lambda: left(stack, session.id))
    await stack.end(session.id)
    query = SessionQuery(find=Find(include=((LEFT, place(*at, "email")),)))
    await eventually(lambda: stack.store.count_sessions(query), within_s=20)
    [found] = await stack.store.form_sums([SessionQuery()], *at)
    return found


async def left(stack: Stack, session: str) -> Any:
    """Say whether all of *session* has come."""
    events = await stack.events(session)
    return any(one["type"] == "leave" and one["path"].endswith("address") for one in events)
