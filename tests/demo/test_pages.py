"""The shop in Chromium: its scripts, each planted defect on and off, and what is reported."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from stolper.demo.faults import Faults
from tests.demo.conftest import OpenShop, RunningShop, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ADDRESS = {
    "first_name": "Uwe",
    "last_name": "Böhme",
    "street": "Prager Str. 9",
    "postcode": "01069",
    "city": "Dresden",
    "email": "uwe@post.example",
}


async def fill_basket(page: Page, shop: RunningShop, slug: str = "kar-28") -> None:
    await page.goto(f"{shop.url}/en/product/{slug}")
    await page.click("#add")
    await expect(page.locator("#basket-count")).to_have_text("1")


async def to_payment(page: Page, shop: RunningShop) -> None:
    await fill_basket(page, shop)
    await page.goto(f"{shop.url}/en/checkout/address")
    for key, value in {**ADDRESS, "postcode": "80337"}.items():
        await page.fill(f"#{key}", value)
    await page.click("#address-next")
    await page.click("#shipping-next")
    await page.wait_for_url("**/payment")


async def pay_by_card(page: Page) -> None:
    await page.fill("#card_name", "Uwe Böhme")
    await page.fill("#card_number", "4242424242424242")
    await page.fill("#card_expiry", "08/29")
    await page.fill("#card_code", "123")
    await page.click("#payment-next")


async def test_stepper_and_carousel_answer(page: Page, shop: RunningShop) -> None:
    """Each press of the stepper changes amount and sum, each of the carousel the picture."""
    await page.goto(f"{shop.url}/de/product/kar-28")
    for _ in range(3):
        await page.click("#amount-more")
    await page.click("#amount-less")
    await page.click("#picture-back")

    await expect(page.locator("#amount")).to_have_value("3")
    await expect(page.locator("#amount-sum")).to_have_text("357,00\xa0€")
    await expect(page.locator("#picture-number")).to_have_text("3")
    await expect(page.locator("[data-frame]:visible")).to_have_count(1)


async def test_buy_now(page: Page, open_shop: OpenShop) -> None:
    """`dead_button`: without it the press leads to the checkout, with it to nothing."""
    good, bad = await open_shop(Faults.none()), await open_shop(Faults.of(["dead_button"]))
    await page.goto(f"{good.url}/en/product/kar-28")
    await page.click("#buy-now")
    await page.wait_for_url("**/checkout/address")

    requests: list[str] = []
    await page.goto(f"{bad.url}/en/product/kar-28")
    await page.evaluate(
        "window.changes = 0; new MutationObserver((m) => (changes += m.length)).observe(document,"
        " {subtree: true, childList: true, attributes: true, characterData: true})"
    )
    page.on("request", lambda request: requests.append(request.url))
    await page.click("#buy-now")
    await page.wait_for_timeout(300)

    assert (0, []) == (await page.evaluate("changes"), requests)


async def test_size_guide(page: Page, open_shop: OpenShop) -> None:
    """`throwing_handler`: without it the table opens, with it the handler throws."""
    good = await open_shop(Faults.none())
    bad = await open_shop(Faults.of(["throwing_handler"]))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.message))
    await page.goto(f"{good.url}/en/product/grat-mid")
    await page.click("#size-guide")
    await expect(page.locator("#sizes")).to_be_visible()
    assert [] == errors

    await page.goto(f"{bad.url}/en/product/grat-mid")
    await page.click("#size-guide")
    await until(lambda: errors)
    await expect(page.locator("#sizes")).not_to_be_visible()

    assert "Cannot read properties of null" in errors[0]


async def test_store_stock(page: Page, open_shop: OpenShop) -> None:
    """`slow_button`: the answer takes 1.8 s and shows no sign of life until then."""
    good, bad = await open_shop(Faults.none()), await open_shop(Faults.of(["slow_button"]))
    answer = page.locator("#stock-answer")
    took = []
    for shop in (good, bad):
        await page.goto(f"{shop.url}/en/product/kar-28")
        start = asyncio.get_running_loop().time()
        await page.click("#stock")
        if shop is bad:
            assert await page.get_attribute("#stock", "aria-busy") is None
        await expect(answer).to_have_text("Garmisch: 3 left, Munich: 1 left")
        took.append(asyncio.get_running_loop().time() - start)

    assert took[1] >= 1.8
    assert took[1] - took[0] > 1


async def test_more_reviews(page: Page, open_shop: OpenShop) -> None:
    """`failing_request`: without it more reviews come, with it an alert after status 500."""
    good, bad = await open_shop(Faults.none()), await open_shop(Faults.of(["failing_request"]))
    await page.goto(f"{good.url}/en/product/kar-28")
    await page.click("#more-reviews")
    await expect(page.locator("#reviews li")).to_have_count(5)

    await page.goto(f"{bad.url}/en/product/kar-28")
    async with page.expect_response("**/reviews") as answer:
        await page.click("#more-reviews")
    await expect(page.get_by_role("alert")).to_have_text("The reviews could not be loaded.")

    assert 500 == (await answer.value).status


async def test_postcode(page: Page, open_shop: OpenShop) -> None:
    """`form_refuses_valid`: 01069 Dresden passes without it and is refused with it."""
    good = await open_shop(Faults.none())
    bad = await open_shop(Faults.of(["form_refuses_valid"]))
    for shop in (bad, good):
        await fill_basket(page, shop)
        await page.goto(f"{shop.url}/en/checkout/address")
        for key, value in ADDRESS.items():
            await page.fill(f"#{key}", value)
        await page.click("#address-next")
        if shop is bad:
            await expect(page.locator("#postcode")).to_have_attribute("aria-invalid", "true")
            await expect(page.locator("#postcode-error")).to_be_visible()
            await expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    await page.wait_for_url(f"{good.url}/en/checkout/shipping")


async def test_an_empty_address_is_refused_in_the_page(page: Page, shop: RunningShop) -> None:
    """Every required field is marked, the first one has the focus, nothing is sent."""
    await fill_basket(page, shop)
    await page.goto(f"{shop.url}/en/checkout/address")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    await page.click("#address-next")

    await expect(page.locator("[aria-invalid=true]")).to_have_count(6)
    await expect(page.locator("#first_name")).to_be_focused()
    await expect(page.locator("#address-alert")).to_be_visible()
    assert "POST" not in sent


async def test_coupon(page: Page, open_shop: OpenShop) -> None:
    """`coupon_never_works`: BERG10 takes 10 % off without it and is refused with it; both told."""
    good = await open_shop(Faults.none())
    bad = await open_shop(Faults.of(["coupon_never_works"]))
    for shop, ok in ((good, True), (bad, False)):
        await fill_basket(page, shop)
        await page.goto(f"{shop.url}/en/basket")
        await page.fill("#code", "BERG10")
        await page.click("#coupon-go")
        total = "€107.10" if ok else "€119.00"
        await expect(page.locator("#coupon-answer")).to_have_attribute(
            "role", "status" if ok else "alert"
        )
        await expect(page.locator("[data-total=total]")).to_have_text(total)
        await until(partial(shop.tracked, "coupon"))

        assert [{"ok": ok}] == shop.tracked("coupon")


async def test_card(page: Page, open_shop: OpenShop) -> None:
    """`payment_declines`: a card is taken without it, declined with 402 with it; both told."""
    good = await open_shop(Faults.none())
    bad = await open_shop(Faults.of(["payment_declines"]))
    await to_payment(page, good)
    await pay_by_card(page)
    await page.wait_for_url("**/checkout/confirm")
    await until(lambda: good.tracked("payment"))
    assert [{"result": "ok", "code": "card"}] == good.tracked("payment")

    await to_payment(page, bad)
    await pay_by_card(page)
    await expect(page.get_by_role("alert")).to_contain_text("Your bank declined the payment")
    await until(lambda: bad.tracked("payment"))
    assert [{"result": "declined", "code": "do_not_honor"}] == bad.tracked("payment")

    await page.click("#pay-invoice")
    await page.click("#payment-next")
    await page.wait_for_url("**/checkout/confirm")


async def test_an_order_reports_every_step(page: Page, shop: RunningShop) -> None:
    """From basket to order the page reports cart, steps, payment, order and goal."""
    await to_payment(page, shop)
    await page.click("#pay-invoice")
    await page.click("#payment-next")
    await page.wait_for_url("**/checkout/confirm")
    await expect(page.locator("#order")).to_be_disabled()
    await page.check("#terms")
    await page.click("#order")
    await page.wait_for_url("**/checkout/done")
    await until(lambda: shop.tracked("goal"))

    assert [{"op": "add", "total": 119}] == shop.tracked("cart")
    steps = ["address", "shipping", "payment", "confirm"]
    assert steps == [props["name"] for props in shop.tracked("step")]
    assert [{"result": "ok", "code": "invoice"}] == shop.tracked("payment")
    assert [{"total": 119}] == shop.tracked("order_placed")
    assert [{"name": "order"}] == shop.tracked("goal")


async def test_search_login_and_help_are_reported(page: Page, shop: RunningShop) -> None:
    """Search tells how many results and a hash, login its result and who, help the channel."""
    await page.goto(f"{shop.url}/en/search?q=Jacket")
    await page.goto(f"{shop.url}/en/search?q=zzz")
    await page.goto(f"{shop.url}/en/login")
    for password in ("wrong", "gipfel"):
        await page.fill("#email", "anna@bergauf.example")
        await page.fill("#password", password)
        await page.click("#login-go")
        await expect(page.locator("#login [aria-invalid], #logout").first).to_be_visible()
    await page.goto(f"{shop.url}/en/help")
    await page.click("#help-phone")
    await until(lambda: shop.tracked("help") and len(shop.tracked("login")) == 2)

    searches = shop.tracked("search")
    assert [2, 0] == [props["results"] for props in searches]
    assert 2 == len({props["query_hash"] for props in searches})
    assert "acket" not in str(shop.calls)
    assert [{"result": "failed"}, {"result": "ok"}] == shop.tracked("login")
    assert ["identify", "K-20417", {}, ""] in shop.calls
    assert [{"channel": "phone"}] == shop.tracked("help")


async def test_the_basket_changes_in_place(page: Page, shop: RunningShop) -> None:
    """More, fewer and remove update amounts and totals without a new page, and are reported."""
    await fill_basket(page, shop)
    await page.goto(f"{shop.url}/en/basket")
    await page.click("[data-step='1']")
    await expect(page.locator("[data-total=total]")).to_have_text("€238.00")
    await page.click("[data-step='-1']")
    await expect(page.locator("[data-line-total]")).to_have_text("€119.00")
    await page.click("[data-step=out]")
    await expect(page.get_by_text("Nothing in it yet.")).to_be_visible()
    await until(lambda: len(shop.tracked("cart")) == 4)

    ops = [props["op"] for props in shop.tracked("cart")]
    assert ["add", "add", "remove", "remove"] == ops


@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_fit_and_are_accessible(page: Page, shop: RunningShop, width: int) -> None:
    """No page is wider than the window, and axe finds nothing on it."""
    await page.set_viewport_size({"width": width, "height": 740})
    await fill_basket(page, shop, "grat-mid")
    problems: dict[str, object] = {}
    for place in (
        "",
        "all",
        "search?q=zzz",
        "product/grat-mid",
        "basket",
        "checkout/address",
        "login",
        "service",
        "guide",
        "faults",
        "nowhere",
    ):
        await page.goto(f"{shop.url}/de/{place}")
        if place == "checkout/address":
            await page.click("#address-next")
        await expect(page.locator("html.scripted")).to_have_count(1)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        found = (await Axe().run(page)).response["violations"]
        if wide > width or found:
            problems[place] = (wide, [(item["id"], item["nodes"][0]["html"]) for item in found])

    assert {} == problems
