"""Owns what all routes of contacts share: the inbox, who is erased with a contact, and contacts as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from collector.identity import kept_id
from console.context import IDENTITY_KEY, console
from console.format import iso
from core.contacts import Change, Contact, ContactNote
from desk.contacts import channels_of
from desk.inbox import Inbox

API_SOURCE = "api"
"""Stands as the source of contacts that a program posts: keys of theirs are of one room, whatever the token."""

TABLE_SOURCE = "csv"


def inbox(request: web.Request) -> Inbox:
    """Return the inbox of the application that *request* came to."""
    known = console(request)
    channels = channels_of(known.settings.contacts.channels)
    return Inbox(known.store, known.clock, channels, lambda text: kept(request, text))


def kept(request: web.Request, text: str) -> str:
    """Return an id as it is kept: an e-mail address as its keyed hash."""
    return kept_id(text, request.app[IDENTITY_KEY])[0]


def contact_json(contact: Contact) -> dict[str, Any]:
    """Return *contact* as programs read it."""
    return {
        "id": contact.id,
        "channel": contact.channel,
        "direction": contact.direction,
        "started_at": iso(contact.started_ms),
        "ended_at": None if contact.ended_ms is None else iso(contact.ended_ms),
        "customer": contact.customer,
        "session": contact.session,
        "subject": contact.subject,
        "outcome": contact.outcome,
        "resolved": contact.resolved,
        "agent": contact.agent,
        "source": contact.source,
        "key": contact.key,
        "made_at": iso(contact.made_ms),
        "made_by": contact.made_by,
        "changed_at": None if contact.changed_ms is None else iso(contact.changed_ms),
    }


def note_json(note: ContactNote) -> dict[str, Any]:
    """Return *note* as programs read it."""
    return {
        "id": note.id,
        "kind": note.kind,
        "text": note.text,
        "author": note.author,
        "made_at": iso(note.made_ms),
        "changed_at": None if note.changed_ms is None else iso(note.changed_ms),
    }


def changes_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return *changes* as programs read them; times of a contact as text."""
    return [
        {
            "note": one.note,
            "who": one.who,
            "at": iso(one.at_ms),
            "field": one.field.replace("_ms", "_at"),
            "before": _value(one.field, one.before),
            "after": _value(one.field, one.after),
        }
        for one in changes
    ]


def _value(field: str, value: Any) -> Any:
    return iso(value) if field.endswith("_ms") and value is not None else value
