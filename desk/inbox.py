"""Gives the store what came of a contact, by whichever way: finds the visit of a spoken code, and whose that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.clock import Clock
from core.codes import CodeStore, is_code, read_code
from core.contacts import Contact, ContactStore, Put
from core.customers import CustomerStore
from desk.contacts import ContactError, Draft, made, read_contact, read_fields


class InboxStore(ContactStore, CustomerStore, CodeStore, Protocol):
    """The parts of a store that an inbox needs."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a contact that came in."""

    put: Put
    contact: Contact


class Inbox:
    """
    Takes contacts in. *channels* are all that there are; *keep* returns an id as it is kept: an e-mail address as its
    keyed hash.
    """

    def __init__(
        self,
        store: InboxStore,
        clock: Clock,
        channels: Sequence[str],
        keep: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self.channels = tuple(channels)
        self.keep = keep

    def read(self, given: Mapping[str, Any]) -> Draft:
        """Return what *given* says of a contact. Raise ContactError."""
        return read_contact(given, self.channels, self._clock.now_ms())

    async def take(
        self, draft: Draft, *, source: str, by: str, must_have_visit: bool = False
    ) -> Taken:
        """
        Keep the contact of *draft*.

        A code that stands for no visit, or had run out when the contact began, is left out; with
        *must_have_visit* ContactError is raised.
        """
        now_ms = self._clock.now_ms()
        session = whose = None
        if draft.code is not None:
            session = await self.visit_of(draft.code, draft.values["started_ms"])
            if session is None and must_have_visit:
                raise ContactError("code", "no visit has this code, or it has run out")
        if session is not None:
            whose = await self._store.customer_of(session)
        contact, notes = made(
            draft, source=source, by=by, now_ms=now_ms, keep=self.keep, session=session, whose=whose
        )
        return Taken(*await self._store.put_contact(contact, draft.digest, notes))

    async def visit_of(self, code: str, at_ms: int) -> str | None:
        """Return the visit that the spoken *code* stood for at *at_ms*."""
        read = read_code(code)
        if read is None or not is_code(read):
            return None
        found = await self._store.find_codes([read])
        return found[0].session if found and found[0].until_ms >= at_ms else None

    async def changes(self, contact: Contact, given: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return the values that *given* wants in place of those of *contact*: fields of a Contact.

        An empty customer takes the contact from whoever has it. Raise ContactError.
        """
        values = read_fields(given, self.channels, self._clock.now_ms(), but=("key", "notes"))
        begun = values.get("started_ms", contact.started_ms)
        ended = values.get("ended_ms", contact.ended_ms)
        if ended is not None and ended < begun:
            raise ContactError("ended_at", "ended_at is before started_at")
        if "customer" in values:
            values["customer"] = self.keep(values["customer"]) if values["customer"] else None
        code = values.pop("code", None)
        if code:
            session = await self.visit_of(code, begun)
            if session is None:
                raise ContactError("code", "no visit has this code, or it has run out")
            values["session"] = session
            if contact.customer is None and "customer" not in values:
                values["customer"] = await self._store.customer_of(session)
        return values
