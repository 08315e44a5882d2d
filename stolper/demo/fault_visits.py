"""
One visit to each planted defect, which raises the rule that faults.yaml names.

The defects that the first journeys meet are met by those; the others are here. With the defect off
each visit comes to its end all the same.
"""

from __future__ import annotations

from . import journeys
from .hands import Hands
from .journeys import Journey, Person, Visit

_SETTLED_S = 3.5  # after a first look: by then the guide has brought what it brings late
_PUZZLED_S = 3.0
"""A press is judged for 2.5 s."""


async def _look(hands: Hands, person: Person, path: str) -> None:
    await hands.go(person.path(path))
    await hands.read(2)


async def _press(hands: Hands, selector: str, *, wait_s: float = _PUZZLED_S) -> None:
    await hands.press(selector)
    await hands.wait(wait_s)


async def wish_keeper(hands: Hands, person: Person) -> None:
    """Save a jacket for later."""
    await _look(hands, person, "product/firn")
    await _press(hands, "#wish")


async def amount_changer(hands: Hands, person: Person) -> None:
    """Want one more of what is in the basket."""
    await _look(hands, person, "product/nacht")
    await _press(hands, "#add", wait_s=1.5)
    await hands.follow("#nav-basket")
    await _press(hands, "[data-step='1']")


async def parcel_seeker(hands: Hands, person: Person) -> None:
    """Ask where an order is."""
    await _look(hands, person, "service")
    await hands.type("#status_order", "B204417")
    await _press(hands, "#status-send")


async def store_finder(hands: Hands, person: Person) -> None:
    """Type a postcode and wait for stores."""
    await _look(hands, person, "service")
    # What typing starts must not come within reach of the press that led into the field.
    await hands.type("#store-postcode", person.postcode, wondering_s=1.5)
    await hands.wait(_PUZZLED_S)


async def caller(hands: Hands, person: Person) -> None:
    """Ask to be called, and wait."""
    await _look(hands, person, "service")
    await hands.type("#callback_phone", "0170 5550100")
    await _press(hands, "#callback-send", wait_s=8)


async def returner(hands: Hands, person: Person) -> None:
    """Look up how to send something back."""
    await _look(hands, person, "help")
    await hands.follow("#returns-link")
    await hands.read(2)


async def repair_booker(hands: Hands, person: Person) -> None:
    """Wish for a date, then for another."""
    await _look(hands, person, "service")
    await hands.type("#repair_item", "Zelt")
    for day in ("2031-05-04", "2031-05-11"):
        await hands.choose_date("#repair_date", day)
        await _press(hands, "#repair-send")


async def writer(hands: Hands, person: Person) -> None:
    """Send a message, see nothing of it, and send it again and again."""
    await _look(hands, person, "service")
    await hands.type("#contact_name", f"{person.first} {person.last}")
    await hands.type("#contact_text", "Kommt das Zelt noch vor Ostern?")
    for _ in range(3):
        await _press(hands, "#contact-send")


async def sender_back(hands: Hands, person: Person) -> None:
    """Announce a return, which never gets sent."""
    await _look(hands, person, "service")
    await hands.type("#return_order", "B204417")
    await _press(hands, "#return-send")
    await _press(hands, "#return-send")


async def subscriber(hands: Hands, person: Person) -> None:
    """Consent, and press the button that stays disabled."""
    await _look(hands, person, "service")
    await hands.type("#newsletter_email", f"{person.first.lower()}@post.example")
    await hands.press("#newsletter-consent")
    await hands.wait(0.8)
    await hands.press("#newsletter-send", times=2, gap_ms=900)
    await hands.wait(_PUZZLED_S)


async def sharer(hands: Hands, person: Person) -> None:
    """Share a product."""
    await _look(hands, person, "product/tritt")
    await _press(hands, "#share")


async def bargain_hunter(hands: Hands, person: Person) -> None:
    """Set a price alert."""
    await _look(hands, person, "product/glut")
    await _press(hands, "#alarm", wait_s=4)


async def comparer(hands: Hands, person: Person) -> None:
    """Compare a bottle."""
    await _look(hands, person, "product/quell")
    await _press(hands, "#compare")


async def guide_reader(hands: Hands, person: Person) -> None:
    """Read the guide. Three defects need no more."""
    await _look(hands, person, "guide")
    await hands.wait(_PUZZLED_S + 2)


async def route_seeker(hands: Hands, person: Person) -> None:
    """Ask for the route twice."""
    await _look(hands, person, "guide")
    await hands.wait(_SETTLED_S)
    await _press(hands, "#route")
    await _press(hands, "#route")


async def profile_seeker(hands: Hands, person: Person) -> None:
    """Press what lies below the invisible layer."""
    await _look(hands, person, "guide")
    await hands.wait(_SETTLED_S)
    for _ in range(3):
        await _press(hands, "#profile")


async def packer(hands: Hands, person: Person) -> None:
    """Save the packing list."""
    await _look(hands, person, "guide")
    await hands.wait(_SETTLED_S)
    await _press(hands, "#list-save")


FAULT_VISITS: dict[str, Visit] = {
    "dead_button": journeys.rage_clicker,
    "slow_button": journeys.store_asker,
    "throwing_handler": journeys.error_meeter,
    "failing_request": journeys.review_reader,
    "form_refuses_valid": journeys.address_refused,
    "coupon_never_works": journeys.coupon_hunter,
    "payment_declines": journeys.card_declined,
    "wish_forbidden": wish_keeper,
    "amount_conflict": amount_changer,
    "status_cut": parcel_seeker,
    "stores_down": store_finder,
    "callback_hangs": caller,
    "lost_link": returner,
    "repair_refused": repair_booker,
    "contact_silent": writer,
    "hidden_required": sender_back,
    "consent_ignored": subscriber,
    "share_rejects": sharer,
    "alarm_breaks_later": bargain_hunter,
    "compare_freezes": comparer,
    "guide_throws": guide_reader,
    "script_missing": guide_reader,
    "route_dead": route_seeker,
    "map_covered": profile_seeker,
    "picture_missing": guide_reader,
    "save_silent": packer,
}

_ALREADY = frozenset(journey.visit for journey in journeys.JOURNEYS)

MORE_JOURNEYS = tuple(
    Journey(visit.__name__, visit, True)
    for visit in dict.fromkeys(FAULT_VISITS.values())
    if visit not in _ALREADY
)
"""The visits that the demo's first journeys do not make already."""
