"""The shop's planted defects: what they are called, where they sit, and which are on.

Where a defect takes effect is the business of the pages, the routes and the scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .i18n import Words


class UnknownFault(ValueError):
    """A name that is no planted defect. The text lists those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no planted defect is called {name!r}; there are: {', '.join(NAMES)}")
        self.name = name


@dataclass(frozen=True)
class Fault:
    """One planted defect. *page* is a path below /LANGUAGE/ on which it can be met."""

    name: str
    place: Words
    text: Words
    page: str


FAULTS = (
    Fault(
        "dead_button",
        Words("Artikelseite, „Jetzt kaufen“", "Product page, “Buy now”"),
        Words(
            "Der Knopf ist da, aber niemand hat ihn angeschlossen: Es passiert nichts.",
            "The button is there, but nobody has connected it: nothing happens.",
        ),
        "product/kar-28",
    ),
    Fault(
        "slow_button",
        Words("Artikelseite, „In der Filiale verfügbar?“", "Product page, “Available in store?”"),
        Words(
            "Die Antwort kommt erst nach knapp zwei Sekunden, und bis dahin rührt sich nichts.",
            "The answer takes almost two seconds, and until then nothing stirs.",
        ),
        "product/joch-48",
    ),
    Fault(
        "throwing_handler",
        Words("Artikelseite, „Größenberatung“", "Product page, “Size guide”"),
        Words(
            "Statt die Tabelle zu öffnen, bricht das Skript mit einem Fehler ab.",
            "Instead of opening the table, the script breaks off with an error.",
        ),
        "product/grat-mid",
    ),
    Fault(
        "failing_request",
        Words("Artikelseite, „Mehr Bewertungen“", "Product page, “More reviews”"),
        Words(
            "Der Server antwortet auf die Anfrage mit 500.",
            "The server answers the request with 500.",
        ),
        "product/biwak-2",
    ),
    Fault(
        "form_refuses_valid",
        Words("Kasse, Adresse, Postleitzahl", "Checkout, address, postcode"),
        Words(
            "Postleitzahlen, die mit 0 beginnen, gelten als falsch: 04109 Leipzig etwa.",
            "Postcodes that begin with 0 are called wrong: 04109 Leipzig, for one.",
        ),
        "checkout/address",
    ),
    Fault(
        "coupon_never_works",
        Words("Warenkorb, Gutschein", "Basket, coupon"),
        Words(
            "Auch der beworbene Code BERG10 wird abgelehnt.",
            "Even the advertised code BERG10 is refused.",
        ),
        "basket",
    ),
    Fault(
        "payment_declines",
        Words("Kasse, Zahlung mit Karte", "Checkout, payment by card"),
        Words(
            "Jede Karte wird abgelehnt. Auf Rechnung geht es.",
            "Every card is declined. Paying by invoice works.",
        ),
        "checkout/payment",
    ),
)

NAMES = tuple(fault.name for fault in FAULTS)


@dataclass(frozen=True)
class Faults:
    """Which defects are on."""

    active: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Faults:
        """Return those of *names*; an unknown one raises UnknownFault."""
        wanted = frozenset(names)
        for name in sorted(wanted):
            if name not in NAMES:
                raise UnknownFault(name)
        return cls(wanted)

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read 'all', 'none' or names with commas between them."""
        if text == "all":
            return cls.all()
        if text in ("none", ""):
            return cls.none()
        return cls.of(name.strip() for name in text.split(",") if name.strip())

    @classmethod
    def all(cls) -> Faults:
        return cls(frozenset(NAMES))

    @classmethod
    def none(cls) -> Faults:
        return cls(frozenset())

    def __contains__(self, name: object) -> bool:
        return name in self.active

    def __str__(self) -> str:
        """Give the form that `parse` reads."""
        return ",".join(name for name in NAMES if name in self.active) or "none"
