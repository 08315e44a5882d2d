"""
A contact: one call, mail, chat ... of a customer with the site's people. And the contract of keeping contacts.

Owns their types and what may stand in them; who may write is the console's affair, how they come in (API, CSV,
webhook) desk/'s. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

CHANNELS = (
    "call", "chat", "messenger", "in-app", "video", "mail", "sms", "social", "field",
)  # fmt: skip
"""Channels that every installation has; `contacts.channels` names further ones."""

DIRECTIONS = ("in", "out")
"""Who began: the customer, or the site's people."""

NOTE_KINDS = ("note", "tried", "promise", "next")
"""What a note of a contact says: anything, what was tried, what was promised, what happens next."""

MOST_SUBJECT = 200
MOST_TEXT = 4_000
"""Characters of a note, as of one at a session: a page of prose."""

MOST_NOTES = 200
"""Notes of one contact."""

CHANGEABLE = (
    "customer", "session", "channel", "direction", "started_ms", "ended_ms", "subject", "outcome", "resolved",
    "agent",
)  # fmt: skip
"""Fields of a contact that may be given another value; each change is kept."""

Put = Literal["stored", "duplicate", "conflict", "erased"]


@dataclass(frozen=True, slots=True)
class Contact:
    """
    One contact. *customer* is the id as the store has it, None while nobody knows whose it is.

    *session* is the visit whose spoken code was given. *source* tells how it came in (empty: typed in the console),
    *key* names it there, so that it is stored once however often it is sent.
    """

    id: str
    channel: str
    started_ms: int
    made_ms: int
    made_by: str
    customer: str | None = None
    session: str | None = None
    direction: str = "in"
    ended_ms: int | None = None
    subject: str = ""
    outcome: str = ""
    resolved: bool = False
    agent: str = ""
    source: str = ""
    key: str | None = None
    changed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ContactNote:
    """What *author* noted of a contact. *changed_ms* is None until it is changed."""

    id: str
    contact: str
    kind: str
    text: str
    author: str
    made_ms: int
    changed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a contact, or of a *note* of it: who, when, which field, what stood there before and after."""

    contact: str
    note: str | None
    who: str
    at_ms: int
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """Which contacts to list, newest start first. *before* is start and id of the last one shown."""

    customer: str | None = None
    channel: str | None = None
    unassigned: bool = False
    resolved: bool | None = None
    since_ms: int | None = None
    limit: int = 50
    before: tuple[int, str] | None = None


class ContactStore(Protocol):
    """
    Contacts, their notes, and what was changed of both.

    One that is nobody's and is linked with a visit becomes the customer's who is named by signature in that visit, or
    whose the visit turns out to be (core/customers.py); not if people took it from a customer.
    """

    async def put_contact(
        self, contact: Contact, digest: bytes, notes: Sequence[ContactNote] = ()
    ) -> tuple[Put, Contact]:
        """
        Keep *contact* with *notes* and return it once that is durable.

        With a key that its source gave before nothing is kept: *duplicate* and the one that is there if *digest*
        is the same, *conflict* if it is another. *erased*: it was erased, or its customer after it began.
        """

    async def contact(self, id_: str) -> Contact | None:
        """Return the contact of that id."""

    async def contacts(self, query: ContactQuery) -> list[Contact]:
        """Return contacts, newest start first."""

    async def count_contacts(self, query: ContactQuery) -> int:
        """Return how many contacts *query* would list without its limit and place."""

    async def channels_of(self, customer: str) -> dict[str, int]:
        """Return how many contacts of *customer* came by each channel; channels without any are left out."""

    async def change_contact(
        self, id_: str, changes: Mapping[str, Any], who: str, at_ms: int
    ) -> Contact | None:
        """
        Give fields of a contact (CHANGEABLE) other values; return it, None if it is not there.

        Each field whose value becomes another leaves a Change; one that stays as it is leaves none. Raise
        UserError if the customer it is given to was erased after it began.
        """

    async def add_contact_note(self, note: ContactNote) -> None:
        """Keep *note*. Raise NotFound if its contact is not there, UserError if that has MOST_NOTES."""

    async def contact_note(self, id_: str) -> ContactNote | None:
        """Return the note of that id."""

    async def change_contact_note(
        self, id_: str, changes: Mapping[str, str], who: str, at_ms: int
    ) -> ContactNote | None:
        """Give kind or text of a note another value, each with a Change; return it, None if it is not there."""

    async def contact_notes(self, of: Sequence[str]) -> dict[str, list[ContactNote]]:
        """Return the notes of each of the contacts *of* in the order in which they were made."""

    async def contact_changes(self, contact: str) -> list[Change]:
        """Return what was changed of a contact and its notes, oldest first."""

    async def drop_old_contacts(self, before_ms: int, limit: int) -> int:
        """
        Remove up to *limit* contacts that began before, and were not changed since; return how many.

        Their notes and changes go along.
        """

    async def add_contact_source(self, name: str, at_ms: int) -> None:
        """Let contacts come in by webhook from the source *name*. Raise UserError if there is one of that name."""

    async def contact_sources(self) -> list[tuple[str, int]]:
        """Return the names of sources and when they were made, by name."""

    async def remove_contact_source(self, name: str) -> bool:
        """Remove a source; return whether it was there. Its contacts stay, its secret is forgotten."""


def source_key_name(source: str) -> str:
    """Return the name of the server's key by which the source *source* signs."""
    return f"contact source {source}"
