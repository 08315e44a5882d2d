"""Owns reading a customer's journey from the store, for pages and programs."""

from __future__ import annotations

import re

from core.contacts import Contact, ContactQuery
from core.model import Session
from core.store import Store
from desk.journey import Entry, journey

WEB = "web"
"""Stands for visits among the channels."""

AT_ONCE = 20
"""Visits that began in one millisecond and may lie on both sides of a page's end."""

_PLACE = re.compile(r"(\d{1,15})\.([A-Za-z0-9_=-]{1,100})")


async def journey_of(
    store: Store,
    customer: str,
    limit: int,
    *,
    before: tuple[int, str] | None = None,
    channel: str = "",
) -> tuple[list[Entry], bool]:
    """
    Return up to *limit* entries behind *before* (time and id), newest first, and whether there are more.

    With *channel* only those of it; WEB are visits.
    """
    most = limit + 1 + (AT_ONCE if before else 0)
    until = None if before is None else before[0]
    sessions: list[Session] = []
    contacts: list[Contact] = []
    if channel in ("", WEB):
        sessions = await store.customer_sessions(
            customer, limit=most, before_ms=None if until is None else until + 1
        )
    if channel != WEB:
        query = ContactQuery(customer=customer, channel=channel or None, before=before, limit=most)
        contacts = await store.contacts(query)
    found = journey(sessions, contacts, await store.browsers_of(customer), 2 * most)
    if before is not None:
        found = [one for one in found if (one.at_ms, one.id) < before]
    return found[:limit], len(found) > limit


def place_of(text: str) -> tuple[int, str] | None:
    """Return the place in a journey, or in a list of contacts, that an address tells; None if it is none."""
    found = _PLACE.fullmatch(text)
    return (int(found[1]), found[2]) if found else None


def place_text(at_ms: int, id_: str) -> str:
    """Return a place as an address tells it."""
    return f"{at_ms}.{id_}"
