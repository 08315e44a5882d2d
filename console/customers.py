"""Owns reading a customer's journey from the store, for pages and programs."""

from __future__ import annotations

from core.contacts import ContactQuery
from core.store import Store
from desk.journey import Entry, journey


async def journey_of(
    store: Store, customer: str, limit: int, *, before_ms: int | None = None
) -> tuple[list[Entry], bool]:
    """Return up to *limit* entries that began before *before_ms*, newest first, and whether there are more."""
    until = None if before_ms is None else before_ms - 1
    sessions = await store.customer_sessions(customer, limit=limit + 1, before_ms=before_ms)
    contacts = await store.contacts(
        ContactQuery(customer=customer, until_ms=until, limit=limit + 1)
    )
    found = journey(sessions, contacts, await store.browsers_of(customer), limit + 1)
    return found[:limit], len(found) > limit
