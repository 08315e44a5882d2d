"""Owns reading what came before a contact: the transcripts of the hour before, and what was searched in it."""

from __future__ import annotations

from dataclasses import dataclass

from console.language import Language
from console.transcript_words import Told, told
from core.contacts import Contact
from core.model import Session
from core.store import Store
from desk.searching import WINDOW_MS, Search, searched
from replay.known import known_between
from replay.transcript import transcribe

MOST_VISITS = 10
"""Visits of one hour that are told: whoever has more is no person."""


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit as far as it is in the window, in words."""

    session: Session
    told: Told


@dataclass(frozen=True, slots=True)
class Before:
    """What came in the window that ends at *until_ms*, oldest visit first. *cut*: there were more visits."""

    from_ms: int
    until_ms: int
    search: Search
    visits: tuple[Visited, ...]
    cut: bool


async def before_contact(store: Store, contact: Contact, language: Language) -> Before | None:
    """Return what came before *contact*; None if nobody knows whose it is and no visit is linked with it."""
    until, since = contact.started_ms, contact.started_ms - WINDOW_MS
    if contact.customer is None and contact.session is None:
        return None
    sessions: dict[str, Session] = {}
    if contact.customer is not None:
        found = await store.customer_sessions(
            contact.customer, limit=MOST_VISITS + 1, before_ms=until + 1, since_ms=since
        )
        sessions = {one.id: one for one in found}
    if contact.session is not None and contact.session not in sessions:
        linked = await store.session(contact.session)
        if linked is not None and linked.started_ms <= until and linked.last_ms >= since:
            sessions[linked.id] = linked
    ordered = sorted(sessions.values(), key=lambda one: (one.started_ms, one.id))
    shown = ordered[-MOST_VISITS:]
    visits = [
        Visited(one, told(one, transcribe(known), language))
        for one in shown
        if (known := await known_between(store, one, since, until)) is not None
    ]
    batches = await store.batches_of([one.id for one in shown])
    events = [
        sorted(
            (event for batch in batches[one.id] for event in batch.events),
            key=lambda event: float(event["ts"]),
        )
        for one in shown
    ]
    search = searched(events, since, until)
    return Before(since, until, search, tuple(visits), len(ordered) > len(shown))
