"""What the scripted visitors do: one function per visit, some struggling, some not.

They know the shop's pages and planted defects. A journey ends with the visitor leaving.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .hands import Hands

# A press is judged for 2.5 s; a visitor who waits sees (and the recorder keeps) what came of it.
_PUZZLED_S = 3.0


@dataclass(frozen=True)
class Person:
    """Who visits. *lang* also chooses the words they search for."""

    lang: str
    first: str
    last: str
    street: str
    postcode: str
    city: str

    def path(self, rest: str = "") -> str:
        return f"/{self.lang}/{rest}"

    def word(self, de: str, en: str) -> str:
        return de if self.lang == "de" else en


PEOPLE = (
    ("Lena", "Brandl", "Partnachweg 4", "82467", "Garmisch"),
    ("Tobias", "Kern", "Lindwurmstr. 88", "80337", "München"),
    ("Aylin", "Demir", "Osterstr. 17", "20259", "Hamburg"),
    ("Frank", "Zöllner", "Severinstr. 5", "50678", "Köln"),
    ("Marie", "Lang", "Hauptstr. 12", "79104", "Freiburg"),
)
# The address form's defect refuses their postcodes.
PEOPLE_REFUSED = (
    ("Jana", "Richter", "Karl-Heine-Str. 61", "04229", "Leipzig"),
    ("Uwe", "Böhme", "Prager Str. 9", "01069", "Dresden"),
    ("Katrin", "Wolf", "Anger 40", "06108", "Halle"),
)

Visit = Callable[[Hands, Person], Awaitable[None]]


@dataclass(frozen=True)
class Journey:
    """One kind of visit. *often*: how many times it is in the deck that visits are drawn from."""

    name: str
    visit: Visit
    struggles: bool
    often: int = 1
    refused_postcode: bool = False
    desktop_only: bool = False


async def _add(hands: Hands, person: Person, slug: str) -> None:
    """Put a product in the basket, from its page."""
    await hands.go(person.path(f"product/{slug}"))
    await hands.read(2)
    await hands.press("#add")
    await hands.wait(1.2, 2.0)


async def _fill_address(hands: Hands, person: Person) -> None:
    await hands.type("#first_name", person.first)
    await hands.type("#last_name", person.last)
    await hands.type("#street", person.street)
    await hands.type("#postcode", person.postcode)
    await hands.type("#city", person.city)
    await hands.type("#email", f"{person.first.lower()}@post.example")


async def _to_payment(hands: Hands, person: Person, slug: str) -> None:
    await _add(hands, person, slug)
    await hands.follow("#nav-basket")
    await hands.read(2)
    await hands.follow("#to-checkout")
    await _fill_address(hands, person)
    await hands.follow("#address-next")
    await hands.follow("#shipping-next")


async def buyer(hands: Hands, person: Person) -> None:
    """Buy a pack on invoice, without a hitch."""
    await hands.go(person.path())
    await hands.read(3)
    await hands.follow(".departments a:nth-child(2)")
    await hands.read(2)
    await hands.follow(".card a")
    await hands.read(2)
    await hands.press("#add")
    await hands.wait(1.5, 2.5)
    await hands.follow("#nav-basket")
    await hands.read(2)
    await hands.follow("#to-checkout")
    await _fill_address(hands, person)
    await hands.follow("#address-next")
    await hands.follow("#shipping-next")
    await hands.press("#pay-invoice")
    await hands.wait(0.6)
    await hands.follow("#payment-next")
    await hands.read(2)
    await hands.press("#terms")
    await hands.wait(0.5)
    await hands.follow("#order")
    await hands.read(2)


async def browser(hands: Hands, person: Person) -> None:
    """Look around, use the search, and leave content."""
    await hands.go(person.path())
    await hands.read(4)
    await hands.follow(".departments a:nth-child(4)")
    await hands.read(3)
    await hands.follow(".card:nth-child(2) a")
    await hands.read(4)
    await hands.type("#q", person.word("Zelt", "tent"))
    await hands.enter()
    await hands.read(3)
    await hands.follow(".card a")
    await hands.read(4)


async def quick_fingers(hands: Hands, person: Person) -> None:
    """Press the stepper and the carousel fast. They answer each press: no struggle."""
    await hands.go(person.path("product/quell"))
    await hands.read(2)
    await hands.press("#amount-more", times=6, gap_ms=190)
    await hands.wait(1.0)
    await hands.press("#amount-less", times=3, gap_ms=220)
    await hands.wait(1.0)
    await hands.press("#picture-next", times=6, gap_ms=240)
    await hands.read(3)
    await hands.press("#add")
    await hands.wait(_PUZZLED_S)


async def text_marker(hands: Hands, person: Person) -> None:
    """Mark text while reading, as many do. No struggle."""
    await hands.go(person.path("product/firn"))
    await hands.read(2)
    await hands.select_text("#description")
    await hands.wait(1.5, 2.5)
    await hands.select_text(".ticks li")
    await hands.wait(1.5, 2.5)
    await hands.select_text("h1")
    await hands.wait(_PUZZLED_S)


async def customer(hands: Hands, person: Person) -> None:
    """Sign in at the second try and look around."""
    await hands.go(person.path("login"))
    await hands.type("#email", "anna@bergauf.example")
    await hands.type("#password", "gipfle")
    await hands.follow("#login-go")
    await hands.type("#password", "gipfel")
    await hands.follow("#login-go")
    await hands.read(2)
    await hands.follow(".departments a:nth-child(3)")
    await hands.read(3)


async def rage_clicker(hands: Hands, person: Person) -> None:
    """Hammer on "buy now", which nobody has connected."""
    await hands.go(person.path("product/kar-28"))
    await hands.wait(1.2, 1.6)
    await hands.press("#buy-now")
    if not await hands.stays("/product/", _PUZZLED_S):
        return  # the defect is off: the button leads to the checkout
    await hands.press("#buy-now", times=6, gap_ms=150)
    await hands.wait(_PUZZLED_S)
    await hands.press("#buy-now", times=2, gap_ms=500)
    await hands.wait(_PUZZLED_S)


async def error_meeter(hands: Hands, person: Person) -> None:
    """Ask for the size guide, whose handler throws."""
    await hands.go(person.path("category/footwear"))
    await hands.read(2)
    await hands.follow(".card a")
    await hands.read(2)
    await hands.press("#size-guide")
    await hands.wait(_PUZZLED_S)
    await hands.press("#size-guide")
    await hands.wait(_PUZZLED_S)


async def store_asker(hands: Hands, person: Person) -> None:
    """Ask for the stock of the store; the answer takes long and nothing shows it is coming."""
    await hands.go(person.path("product/joch-48"))
    await hands.read(2)
    await hands.press("#stock")
    await hands.wait(_PUZZLED_S + 1)
    await hands.read(2)


async def review_reader(hands: Hands, person: Person) -> None:
    """Want more reviews and get a server error."""
    await hands.go(person.path("product/biwak-2"))
    await hands.read(3)
    await hands.press("#more-reviews")
    await hands.wait(_PUZZLED_S)
    if await hands.page.locator("#more-reviews").is_visible():  # it goes once they are there
        await hands.press("#more-reviews")
        await hands.wait(_PUZZLED_S)


async def address_refused(hands: Hands, person: Person) -> None:
    """Give a right address three times, have the postcode refused, and leave."""
    await _add(hands, person, "grat-mid")
    await hands.follow("#nav-basket")
    await hands.follow("#to-checkout")
    await _fill_address(hands, person)
    await hands.press("#address-next")
    for _ in range(2):
        if not await hands.stays("/address", _PUZZLED_S):
            return  # the defect is off: the address was taken
        await hands.type("#postcode", person.postcode)
        await hands.press("#address-next")
    await hands.wait(_PUZZLED_S)


async def coupon_hunter(hands: Hands, person: Person) -> None:
    """Try the advertised coupon in three spellings and leave the basket behind."""
    await _add(hands, person, "nacht")
    await hands.follow("#nav-basket")
    for code in ("BERG10", "berg10", "BERG 10"):
        await hands.type("#code", code)
        await hands.press("#coupon-go")
        await hands.wait(2.2, 3.0)
    await hands.wait(_PUZZLED_S)


async def card_declined(hands: Hands, person: Person) -> None:
    """Have the card declined twice and give up."""
    await _to_payment(hands, person, "wetterstein")
    await hands.type("#card_name", f"{person.first} {person.last}")
    await hands.type("#card_number", "4242424242424242")
    await hands.type("#card_expiry", "08/29")
    await hands.type("#card_code", "123")
    for _ in range(2):
        await hands.press("#payment-next")
        if not await hands.stays("/payment", _PUZZLED_S):
            return  # the defect is off: the card was taken
    await hands.wait(1.0)


async def locked_out(hands: Hands, person: Person) -> None:
    """Fail to sign in four times."""
    await hands.go(person.path("login"))
    for password in ("bergauf", "Gipfel1", "gipfel!", "berg2024"):
        await hands.type("#email", "anna@bergauf.example")
        await hands.type("#password", password)
        await hands.follow("#login-go")
    await hands.read(3)


async def vain_searcher(hands: Hands, person: Person) -> None:
    """Search for what the shop does not have, in three ways."""
    await hands.go(person.path())
    await hands.read(2)
    words = person.word("Kletterseil,Seil 60m,Klettergurt", "climbing rope,rope 60m,harness")
    for word in words.split(","):
        await hands.type("#q", word)
        await hands.enter()
        await hands.read(2)


async def torn(hands: Hands, person: Person) -> None:
    """Go to and fro between two packs."""
    await hands.go(person.path("product/kar-28"))
    await hands.read(2)
    for slug in ("joch-48", "kar-28", "joch-48", "kar-28"):
        await hands.go(person.path(f"product/{slug}"))
        await hands.read(1.5)


async def reloader(hands: Hands, person: Person) -> None:
    """Reload a page again and again, hoping for the reviews."""
    await hands.go(person.path("product/biwak-2"))
    await hands.read(2)
    await hands.press("#more-reviews")
    await hands.wait(_PUZZLED_S)
    for _ in range(3):
        await hands.reload()
        await hands.wait(1.5, 3.0)


async def terms_overlooked(hands: Hands, person: Person) -> None:
    """Press the order button, which stays disabled until the terms are ticked, and give up."""
    await _to_payment(hands, person, "tritt")
    await hands.press("#pay-invoice")
    await hands.follow("#payment-next")
    await hands.press("#order", times=4, gap_ms=380)
    await hands.wait(_PUZZLED_S)
    await hands.press("#order", times=2, gap_ms=600)
    await hands.wait(_PUZZLED_S)


JOURNEYS = (
    # The first one opens the demo; the next four follow two at a time.
    Journey("rage_clicker", rage_clicker, True),
    Journey("error_meeter", error_meeter, True),
    Journey("buyer", buyer, False, often=3),
    Journey("coupon_hunter", coupon_hunter, True),
    Journey("quick_fingers", quick_fingers, False, often=2),
    Journey("address_refused", address_refused, True, refused_postcode=True),
    Journey("card_declined", card_declined, True),
    Journey("browser", browser, False, often=3),
    Journey("review_reader", review_reader, True),
    Journey("store_asker", store_asker, True),
    Journey("locked_out", locked_out, True),
    Journey("text_marker", text_marker, False, desktop_only=True),
    Journey("vain_searcher", vain_searcher, True),
    Journey("torn", torn, True),
    Journey("customer", customer, False),
    Journey("reloader", reloader, True),
    Journey("terms_overlooked", terms_overlooked, True),
)
