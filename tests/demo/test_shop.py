"""The shop over HTTP: every page in both languages, forms without JavaScript, cookies."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from stolper.demo.catalogue import CATEGORIES, PRODUCTS, REVIEWS
from stolper.demo.faults import NAMES, Faults, UnknownFault
from stolper.demo.forms import address_errors, card_errors
from stolper.demo.i18n import LANGUAGES, Language, Texts, Words
from tests.demo.conftest import OpenShop, RunningShop

in_module = pytest.mark.asyncio(loop_scope="module")

PLACES = (
    "",
    "all",
    "all?sort=up",
    "category/packs",
    "search",
    "search?q=pack",
    "search?q=zzz",
    "product/kar-28",
    "product/grat-mid",
    "basket",
    "login",
    "checkout/address",
    "help",
    "service",
    "guide",
    "faults",
)
ADDRESS = {
    "first_name": "Jana",
    "last_name": "Richter",
    "street": "Karl-Heine-Str. 61",
    "postcode": "04229",
    "city": "Leipzig",
    "email": "jana@post.example",
    "phone": "",
    "country": "DE",
}
CARD = {
    "method": "card",
    "card_name": "Jana Richter",
    "card_number": "4242 4242 4242 4242",
    "card_expiry": "08/29",
    "card_code": "123",
}


async def fetch(shop: RunningShop, path: str) -> tuple[int, str]:
    async with shop.client.get(path) as response:
        return response.status, await response.text()


async def post(shop: RunningShop, path: str, data: dict[str, str]) -> tuple[int, str, str]:
    """Post a form; return status, path of the page it led to, and that page."""
    async with shop.client.post(path, data=data) as response:
        return response.status, response.url.path, await response.text()


@in_module
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_is_there(shop: RunningShop, lang: Language) -> None:
    """Each page answers 200 in each language, with the snippet and the stub in its head."""
    await post(shop, f"/{lang}/basket", {"product": "kar-28", "amount": "1"})
    for place in PLACES:
        status, html = await fetch(shop, f"/{lang}/{place}")

        assert (200, place) == (status, place)
        assert f'<html lang="{lang}">' in html
        head = html.split("</head>")[0]
        assert '<script async src="/recorder.js"></script>' in head
        assert head.index("window.stolper = window.stolper ||") < head.index("/recorder.js")


@in_module
async def test_every_product_and_category_has_a_page(shop: RunningShop) -> None:
    """No product or category leads to an error page."""
    paths = [f"/de/product/{item.slug}" for item in PRODUCTS]
    paths += [f"/en/category/{entry.slug}" for entry in CATEGORIES]

    assert {200} == {(await fetch(shop, path))[0] for path in paths}


class _Visible(HTMLParser):
    """Collects what people see or hear of a page: texts and the attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code")
        for name, value in attrs:
            if name in ("aria-label", "placeholder", "title", "alt") and value:
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


@in_module
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_no_text_bypasses_the_translation(
    open_shop: OpenShop, lang: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every translated text replaced, no words are left but names and prices."""
    monkeypatch.setattr(Texts, "get", lambda self, language, key, **values: "")
    monkeypatch.setattr(Words, "text", lambda self, language: "")
    shop = await open_shop(Faults.none())
    names = [item.name for item in PRODUCTS] + [review.author for review in REVIEWS]
    names += ["Bergauf", "BERG10", "DE", "EN", "XS", "XL", "4242 4242 4242 4242"]
    await post(shop, f"/{lang}/basket", {"product": "kar-28", "amount": "1"})
    for place in (*PLACES, "nowhere"):
        _, html = await fetch(shop, f"/{lang}/{place}")
        parser = _Visible()
        parser.feed(html)
        text = " ".join(parser.found)
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "")

        assert [] == re.findall(r"[A-Za-zÄÖÜäöüß]{3,}", text), place


def test_every_text_is_in_both_languages() -> None:
    """No text is empty, and no two languages share one that has several words."""
    texts = Texts.load()
    same = {"help_phone_text"}
    for key in texts.keys - same:
        german, english = texts.get("de", key), texts.get("en", key)

        assert german and english, key
        assert german != english or " " not in german, key


@in_module
async def test_the_language_can_be_switched_on_the_spot(shop: RunningShop) -> None:
    """The switch leads to the same page, query included."""
    _, html = await fetch(shop, "/de/search?q=zelt")

    assert 'href="/en/search?q=zelt" hreflang="en"' in html


@in_module
async def test_the_root_follows_the_browser(shop: RunningShop) -> None:
    """`/` leads to the language the browser prefers, English without a preference."""
    german = await shop.client.get("/", headers={"Accept-Language": "de-AT,en;q=0.5"})
    other = await shop.client.get("/", headers={"Accept-Language": "fr"})

    assert ("/de/", "/en/") == (german.url.path, other.url.path)


@in_module
async def test_input_is_escaped(shop: RunningShop) -> None:
    """What a visitor types comes back as text, in pages and in the facts for the script."""
    evil = "</script><img src=x onerror=alert(1)>"
    _, html = await fetch(shop, "/en/search?q=" + evil.replace("<", "%3C").replace("/", "%2F"))
    _, _, login = await post(shop, "/en/login", {"email": evil, "password": "x"})
    await post(shop, "/en/basket", {"product": "kar-28", "amount": "1"})
    _, _, form = await post(shop, "/en/checkout/address", {**ADDRESS, "city": evil, "email": ""})

    assert "&lt;img" in html and "&lt;img" in login and "&lt;img" in form
    assert not any("<img" in page for page in (html, login, form))


@in_module
async def test_unknown_pages_get_the_error_page(shop: RunningShop) -> None:
    """What there is not, answers 404 with the shop's own page, in the path's language."""
    for path in ("/de/nix", "/de/product/nix", "/de/category/nix", "/de/checkout/nix"):
        status, html = await fetch(shop, path)

        assert (404, True) == (status, "Hier geht es nicht weiter" in html)


@in_module
async def test_a_failure_gets_the_error_page(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in the shop's code answers 500 with a page, and the log has the cause."""
    monkeypatch.setattr("stolper.demo.catalogue.in_category", lambda slug: 1 / 0)
    status, html = await fetch(shop, "/en/all")

    assert (500, True) == (status, "Rockfall" in html)
    assert "ZeroDivisionError" in caplog.text


@in_module
async def test_shopping_without_javascript(shop: RunningShop) -> None:
    """Plain forms lead from the product to the placed order; the price follows."""
    await post(shop, "/de/basket", {"product": "glut", "amount": "2"})
    _, _, basket = await post(shop, "/de/basket/coupon", {"code": "berg10"})
    assert "116,82\xa0€" in basket  # 2 x 64.90, less 10 %, free of shipping costs

    assert "/de/checkout/shipping" == (await post(shop, "/de/checkout/address", ADDRESS))[1]
    shipping = {"shipping": "express"}
    assert "/de/checkout/payment" == (await post(shop, "/de/checkout/shipping", shipping))[1]
    assert "/de/checkout/confirm" == (await post(shop, "/de/checkout/payment", CARD))[1]
    assert "/de/checkout/confirm" == (await post(shop, "/de/checkout/confirm", {}))[1]
    _, path, done = await post(shop, "/de/checkout/confirm", {"terms": "yes"})

    assert "/de/checkout/done" == path
    assert '["order_placed", {"total": 129.72}]' in done
    assert "Noch ist nichts drin" in (await fetch(shop, "/de/basket"))[1]


@in_module
async def test_a_report_is_made_once(shop: RunningShop) -> None:
    """What an earlier request left to report is gone when the page is loaded again."""
    _, _, first = await post(shop, "/en/basket", {"product": "kar-28", "amount": "1"})
    _, again = await fetch(shop, "/en/basket")

    assert ('["cart", {"op": "add"' in first, '["cart"' in again) == (True, False)


@in_module
async def test_checkout_steps_come_in_order(shop: RunningShop) -> None:
    """Nobody gets to a step before those that it needs."""
    assert "/en/basket" == (await shop.client.get("/en/checkout/payment")).url.path
    await post(shop, "/en/basket", {"product": "kar-28", "amount": "1"})

    assert "/en/checkout/address" == (await shop.client.get("/en/checkout/confirm")).url.path
    assert "/en/basket" == (await post(shop, "/en/checkout/confirm", {"terms": "yes"}))[1]


@in_module
async def test_the_address_form_comes_again_with_what_was_typed(shop: RunningShop) -> None:
    """A refused address answers 422, keeps the values and names the refused fields."""
    await post(shop, "/en/basket", {"product": "kar-28", "amount": "1"})
    status, _, html = await post(shop, "/en/checkout/address", {**ADDRESS, "postcode": "1"})

    assert 422 == status
    assert 'value="Karl-Heine-Str. 61"' in html
    assert 1 == html.count('aria-invalid="true"')


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, []),
        ({"phone": "+49 170 1234567"}, []),
        ({"country": "AT", "postcode": "6020"}, []),
        ({"postcode": "8033"}, ["postcode"]),
        ({"email": "jana"}, ["email"]),
        ({"first_name": "", "city": ""}, ["first_name", "city"]),
        ({"country": "FR"}, ["country"]),
        ({"phone": "call me"}, ["phone"]),
    ],
)
def test_addresses(change: dict[str, str], refused: list[str]) -> None:
    """Without the defect, only wrong addresses are refused."""
    assert refused == address_errors({**ADDRESS, **change}, Faults.none())


def test_the_postcode_defect_hits_leading_zeros_only() -> None:
    """With the defect 04229 is refused, 80337 is not."""
    broken = Faults.of(["form_refuses_valid"])

    assert ["postcode"] == address_errors(ADDRESS, broken)
    assert [] == address_errors({**ADDRESS, "postcode": "80337"}, broken)


def test_cards() -> None:
    """A card needs a name, 13 to 19 digits, a month with a year and a code."""
    assert [] == card_errors(CARD)
    assert ["card_number", "card_expiry"] == card_errors(
        {**CARD, "card_number": "4242", "card_expiry": "13/29"}
    )


@in_module
async def test_login(shop: RunningShop) -> None:
    """A wrong password answers 401 and is reported; the right one identifies on every page."""
    wrong = {"email": "anna@bergauf.example", "password": "nope"}
    status, _, refused = await post(shop, "/en/login", wrong)
    _, _, welcome = await post(shop, "/en/login", {**wrong, "password": "gipfel"})
    _, later = await fetch(shop, "/en/all")
    _, _, left = await post(shop, "/en/logout", {})

    assert (401, True) == (status, '["login", {"result": "failed"}]' in refused)
    assert '["login", {"result": "ok"}]' in welcome
    assert ['"identify": ["K-20417", ""]' in html for html in (welcome, later, left)] == [
        True,
        True,
        False,
    ]


@in_module
async def test_defects_can_be_chosen_for_a_visit(broken_shop: RunningShop) -> None:
    """`?fault=` holds for the rest of the visit; `none` switches all off."""
    _, first = await fetch(broken_shop, "/en/")
    _, chosen = await fetch(broken_shop, "/en/?fault=coupon_never_works,dead_button")
    _, later = await fetch(broken_shop, "/en/all")
    _, none = await fetch(broken_shop, "/en/?fault=none")

    active = [re.findall('data-faults="(.*?)"', html)[0] for html in (first, chosen, later, none)]
    some = "dead_button,coupon_never_works"
    assert [",".join(NAMES), some, some, "none"] == active


@in_module
async def test_defects_can_be_switched_on_their_page(shop: RunningShop) -> None:
    """The page lists all defects; its switches hold for the visit."""
    _, html = await fetch(shop, "/faults")
    assert all(f'name="{name}"' in html for name in NAMES)

    await post(shop, "/en/faults", {"payment_declines": "on"})
    assert 'data-faults="payment_declines"' in (await fetch(shop, "/en/"))[1]
    await post(shop, "/en/faults", {"set": "all"})
    assert f'data-faults="{",".join(NAMES)}"' in (await fetch(shop, "/en/"))[1]


@in_module
async def test_an_unknown_defect_is_refused_with_the_names(shop: RunningShop) -> None:
    """`?fault=` with a wrong name answers 400 and lists the right ones."""
    status, html = await fetch(shop, "/en/?fault=dead_buton")

    assert (400, True) == (status, "dead_button" in html)
    with pytest.raises(UnknownFault):
        Faults.parse("dead_buton")


@in_module
async def test_server_defects(open_shop: OpenShop) -> None:
    """The coupon, the reviews and the card fail with their defect and work without it."""
    headers = {"Accept": "application/json"}
    seen = []
    for faults in (Faults.none(), Faults.all()):
        shop = await open_shop(faults)
        await post(shop, "/en/basket", {"product": "kar-28", "amount": "1"})
        coupon = await shop.client.post(
            "/en/basket/coupon", data={"code": "BERG10"}, headers=headers
        )
        reviews = await shop.client.get("/en/product/kar-28/reviews", headers=headers)
        card = await shop.client.post("/en/checkout/payment", data=CARD, headers=headers)
        seen.append(((await coupon.json())["ok"], reviews.status, card.status))

    assert [(True, 200, 200), (False, 500, 402)] == seen


@in_module
async def test_an_amount_stays_within_its_bounds(shop: RunningShop) -> None:
    """Amounts beyond nine, below nought or not numbers do no harm."""
    await post(shop, "/en/basket", {"product": "kar-28", "amount": "8"})
    _, _, many = await post(shop, "/en/basket", {"product": "kar-28", "amount": "8"})
    _, _, none = await post(shop, "/en/basket/line", {"line": "kar-28", "amount": "-3"})

    assert "<span data-amount>9</span>" in many
    assert "Nothing in it yet" in none
