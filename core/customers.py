"""
A customer: a person known to the site by the id that it gives to identify, or to a contact. And the contract of
keeping them.

Owns which visits are a customer's:

* those in which the site named them, by signature (verified) or without one (unverified: shown as such);
* visits without a name in a browser (mode `full`) in which they were the **first to be named by signature**: those
  before that, and those after it as long as nobody else was named by signature in that browser. A browser
  that a second customer signs in with may be shared: from then on visits without a name that
  began after the first sign-in are nobody's.

An unverified name never joins anything. Times are Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.model import Session


@dataclass(frozen=True, slots=True)
class Customer:
    """
    A customer by id, as the store has it: an e-mail address as its keyed hash.

    *verified*: named by a signature at least once. *last_ms* is when they were last heard of: named in a visit, or
    the start of a contact.
    """

    id: str
    verified: bool
    last_ms: int


@dataclass(frozen=True, slots=True)
class Browser:
    """
    A browser (visitor) in which a customer was named by signature, first at *first_ms*.

    *first*: nobody was before; so its visits without a name are this customer's. *others* is how many further
    customers were.
    """

    visitor: str
    first_ms: int
    first: bool
    others: int


@dataclass(frozen=True, slots=True)
class VisitCount:
    """How many visits a customer has, how many of them struggled, and when the last event of any was."""

    visits: int
    struggled: int
    last_ms: int | None


class CustomerStore(Protocol):
    """Customers and their visits."""

    async def customer(self, id_: str) -> Customer | None:
        """Return the customer of that id; None if neither a visit nor a contact names them."""

    async def customers(
        self, *, limit: int, prefix: str = "", before: tuple[int, str] | None = None
    ) -> list[Customer]:
        """
        Return customers whose id begins with *prefix*, last heard of first.

        *before* is last_ms and id of the last one shown. Of a prefix that more than 1000 share those are not all
        looked at.
        """

    async def customer_sessions(
        self,
        id_: str,
        *,
        limit: int,
        before_ms: int | None = None,
        since_ms: int | None = None,
    ) -> list[Session]:
        """
        Return the visits of a customer, newest start first.

        They began before *before_ms*, and went on at *since_ms* or after, where these are given.
        """

    async def count_visits(self, id_: str) -> VisitCount:
        """Return what the visits of a customer come to."""

    async def browsers_of(self, id_: str) -> list[Browser]:
        """Return the browsers in which a customer was named by signature, the first one first."""

    async def customer_of(self, session: str) -> str | None:
        """Return whose visit *session* is, by the rule above; None if nobody knows."""
