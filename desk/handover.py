"""
The handover card: what the next one who talks to a customer has to know, and which of it nobody knows yet. Pure.

What a visit's struggles are called, and what a transcript says, is put into words by others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.contacts import Contact, ContactNote
from core.customers import Customer
from core.model import Flag, Session

FIELDS = ("who", "concern", "tried", "promised", "next")
Field = Literal["who", "concern", "tried", "promised", "next"]

MOST_STRUGGLES = 5
MOST_CONTACTS = 5


@dataclass(frozen=True, slots=True)
class Said:
    """A note, with the contact that it was written at."""

    note: ContactNote
    contact: Contact


@dataclass(frozen=True, slots=True)
class Card:
    """
    *concern*: the struggles that came last, and the subjects of the last contacts, open ones first. *tried*, *promised*
    and *next* are notes of those kinds, newest first. *known* says which of FIELDS somebody filled.
    """

    customer: Customer
    last_visit: Session | None
    struggles: tuple[Flag, ...]
    contacts: tuple[Contact, ...]
    tried: tuple[Said, ...]
    promised: tuple[Said, ...]
    next: tuple[Said, ...]
    notes: tuple[Said, ...]
    steps: bool

    @property
    def known(self) -> dict[Field, bool]:
        """Return which fields of the card are filled."""
        return {
            "who": self.customer.verified,
            "concern": bool(self.struggles or any(one.subject for one in self.contacts)),
            "tried": bool(self.tried or self.steps),
            "promised": bool(self.promised),
            "next": bool(self.next),
        }


def card(
    customer: Customer,
    sessions: Sequence[Session],
    flags: Sequence[Flag],
    contacts: Sequence[Contact],
    notes: Mapping[str, Sequence[ContactNote]],
    *,
    steps: bool,
) -> Card:
    """
    Return the card of *customer*.

    *sessions* and *contacts* are newest first, *flags* those of the visits that are looked at; *steps* says
    whether there is a transcript of what they did last.
    """
    said = [Said(note, contact) for contact in contacts for note in notes.get(contact.id, ())]
    said.sort(key=lambda one: (one.note.made_ms, one.note.id), reverse=True)

    def of(kind: str) -> tuple[Said, ...]:
        return tuple(one for one in said if one.note.kind == kind)

    grave = [flag for flag in flags if flag.severity != "info"]
    grave.sort(key=lambda flag: (flag.until_ms, flag.id), reverse=True)
    shown = sorted(contacts, key=lambda one: one.resolved)  # open ones first; else as they came
    return Card(
        customer=customer,
        last_visit=sessions[0] if sessions else None,
        struggles=tuple(grave[:MOST_STRUGGLES]),
        contacts=tuple(shown[:MOST_CONTACTS]),
        tried=of("tried"),
        promised=of("promise"),
        next=of("next"),
        notes=of("note"),
        steps=steps,
    )
