"""A customer's journey: visits and contacts in one order of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.contacts import Contact
from core.customers import Browser
from core.model import Session

How = Literal["verified", "unverified", "before", "after"]
"""
Why a visit is the customer's: named by signature, or without one; without a name before they signed in with the browser,
or after that.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One visit or one contact, at *at_ms*."""

    at_ms: int
    id: str
    session: Session | None = None
    how: How | None = None
    contact: Contact | None = None


def journey(
    sessions: Iterable[Session],
    contacts: Iterable[Contact],
    browsers: Sequence[Browser],
    limit: int,
) -> list[Entry]:
    """Return up to *limit* entries, newest first; of each kind as many must be given."""
    first = {one.visitor: one.first_ms for one in browsers}
    entries = [
        Entry(one.started_ms, one.id, session=one, how=how_known(one, first.get(one.visitor or "")))
        for one in sessions
    ]
    entries += [Entry(one.started_ms, one.id, contact=one) for one in contacts]
    return sorted(entries, key=lambda one: (one.at_ms, one.id), reverse=True)[:limit]


def how_known(session: Session, signed_ms: int | None) -> How:
    """Return why *session* is a customer's who signed in with its browser first at *signed_ms*."""
    if session.identity is not None:
        return "verified" if session.identity.get("verified") else "unverified"
    return "before" if signed_ms is None or session.started_ms < signed_ms else "after"
