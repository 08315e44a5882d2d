"""What the shop remembers of one visitor: basket, login, checkout. In memory only, bounded."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from .catalogue import Product, product

Props = dict[str, str | int | float | bool]

# The demo shop serves one person and a few scripted visitors; old visits go first.
_LIMIT = 2000
MOST_OF_ONE = 9
COUPON = "BERG10"
_COUPON_PERCENT = 10
SHIPPING = {"standard": 490, "express": 1290}
_FREE_FROM = 10000


@dataclass(frozen=True)
class Line:
    """One line of the basket. Its key tells sizes of one product apart."""

    product: Product
    size: str
    amount: int

    @property
    def key(self) -> str:
        return f"{self.product.slug}.{self.size}" if self.size else self.product.slug

    @property
    def total(self) -> int:
        return self.product.price * self.amount


@dataclass
class Visit:
    """One visitor. Money is in cents."""

    id: str
    amounts: dict[tuple[str, str], int] = field(default_factory=dict)
    coupon: bool = False
    customer: str = ""
    name: str = ""
    address: dict[str, str] = field(default_factory=dict)
    shipping: str = ""
    payment: str = ""
    order: str = ""
    tracked: list[tuple[str, Props]] = field(default_factory=list)

    def track(self, name: str, /, **props: str | int | float | bool) -> None:
        """Report *name* with the next page this visitor gets."""
        self.tracked.append((name, props))

    def take_tracked(self) -> list[tuple[str, Props]]:
        taken, self.tracked = self.tracked, []
        return taken

    @property
    def lines(self) -> list[Line]:
        found = []
        for (slug, size), amount in self.amounts.items():
            item = product(slug)
            if item is not None:
                found.append(Line(item, size, amount))
        return found

    @property
    def count(self) -> int:
        return sum(self.amounts.values())

    @property
    def goods(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def discount(self) -> int:
        return self.goods * _COUPON_PERCENT // 100 if self.coupon else 0

    @property
    def delivery(self) -> int:
        """Return what shipping costs; standard is free from 100 euros."""
        return self.delivery_by(self.shipping or "standard")

    def delivery_by(self, shipping: str) -> int:
        if shipping == "standard" and self.goods - self.discount >= _FREE_FROM:
            return 0
        return SHIPPING[shipping]

    @property
    def total(self) -> int:
        return self.goods - self.discount + (self.delivery if self.amounts else 0)

    def add(self, slug: str, size: str, amount: int) -> None:
        self.set(slug, size, self.amounts.get((slug, size), 0) + amount)

    def set(self, slug: str, size: str, amount: int) -> None:
        """Have *amount* of it in the basket, at most MOST_OF_ONE; none takes the line out."""
        if amount <= 0:
            self.amounts.pop((slug, size), None)
        else:
            self.amounts[(slug, size)] = min(amount, MOST_OF_ONE)

    def place_order(self) -> None:
        """Empty the basket and keep the number of the order."""
        self.order = f"B{secrets.randbelow(900000) + 100000}"
        self.amounts.clear()
        self.coupon = False
        self.shipping = self.payment = ""


class Visits:
    """All visits, by the id in the visitor's cookie."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def find(self, id_: str) -> Visit:
        """Return the visit *id_*, or a new one under a new id."""
        visit = self._visits.get(id_)
        if visit is None:
            visit = Visit(secrets.token_urlsafe(16))
            self._visits[visit.id] = visit
            while len(self._visits) > _LIMIT:
                self._visits.popitem(last=False)
        self._visits.move_to_end(visit.id)
        return visit
