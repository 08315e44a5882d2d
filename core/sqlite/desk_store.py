"""The part of the store that keeps customers and contacts; SQL is customers.py's and contacts.py's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from core.contacts import Change, Contact, ContactNote, ContactQuery, ContactStore, Put
from core.customers import Browser, Customer, CustomerStore, VisitCount
from core.model import Session
from core.sqlite import contacts, customers, erasing
from core.sqlite.parts import Part


class Desk(Part, CustomerStore, ContactStore):
    """Mixed into the store, whose writer and readers it uses."""

    # Customers

    async def customer(self, id_: str) -> Customer | None:
        return await self._readers.run(customers.one, id_)

    async def customers(
        self, *, limit: int, prefix: str = "", before: tuple[int, str] | None = None
    ) -> list[Customer]:
        return await self._readers.run(customers.some, limit, prefix, before)

    async def customer_sessions(
        self,
        id_: str,
        *,
        limit: int,
        before_ms: int | None = None,
        since_ms: int | None = None,
    ) -> list[Session]:
        return await self._readers.run(customers.sessions, id_, limit, before_ms, since_ms)

    async def count_visits(self, id_: str) -> VisitCount:
        return await self._readers.run(customers.count, id_)

    async def browsers_of(self, id_: str) -> list[Browser]:
        return await self._readers.run(customers.browsers, id_)

    async def customer_of(self, session: str) -> str | None:
        return await self._readers.run(customers.of_session, session)

    # Contacts

    async def put_contact(
        self, contact: Contact, digest: bytes, notes: Sequence[ContactNote] = ()
    ) -> tuple[Put, Contact]:
        return await self._writer.submit(
            lambda db, _: contacts.put(db, contact, digest, notes), touches=()
        )

    async def contact(self, id_: str) -> Contact | None:
        return await self._readers.run(contacts.one, id_)

    async def contacts(self, query: ContactQuery) -> list[Contact]:
        return await self._readers.run(contacts.some, query)

    async def count_contacts(self, query: ContactQuery) -> int:
        return await self._readers.run(contacts.count, query)

    async def channels_of(self, customer: str) -> dict[str, int]:
        return await self._readers.run(contacts.channels_of, customer)

    async def change_contact(
        self, id_: str, changes: Mapping[str, Any], who: str, at_ms: int
    ) -> Contact | None:
        return await self._writer.submit(
            lambda db, _: contacts.change(db, id_, changes, who, at_ms), touches=()
        )

    async def add_contact_note(self, note: ContactNote) -> None:
        await self._writer.submit(lambda db, _: contacts.add_note(db, note), touches=())

    async def contact_note(self, id_: str) -> ContactNote | None:
        return await self._readers.run(contacts.note, id_)

    async def change_contact_note(
        self, id_: str, changes: Mapping[str, str], who: str, at_ms: int
    ) -> ContactNote | None:
        return await self._writer.submit(
            lambda db, _: contacts.change_note(db, id_, changes, who, at_ms), touches=()
        )

    async def contact_notes(self, of: Sequence[str]) -> dict[str, list[ContactNote]]:
        return await self._readers.run(contacts.notes_of, of)

    async def contact_changes(self, contact: str) -> list[Change]:
        return await self._readers.run(contacts.changes_of, contact)

    async def drop_old_contacts(self, before_ms: int, limit: int) -> int:
        return await self._writer.submit(lambda db, _: _drop_old(db, before_ms, limit), touches=())

    async def add_contact_source(self, name: str, at_ms: int) -> None:
        await self._writer.submit(lambda db, _: contacts.add_source(db, name, at_ms), touches=())

    async def contact_sources(self) -> list[tuple[str, int]]:
        return await self._readers.run(contacts.sources)

    async def remove_contact_source(self, name: str) -> bool:
        return await self._writer.submit(lambda db, _: contacts.remove_source(db, name), touches=())


def _drop_old(db: sqlite3.Connection, before_ms: int, limit: int) -> int:
    done = contacts.drop_old(db, before_ms, limit)
    if done:
        erasing.note_work(db, [])  # what they said is overwritten where it lay
    return done
