"""
What the demo shop's people wrote down of one of its customers, before anybody visited: a mail and a call.

Owns what these say; the customer is the one whom a scripted visitor signs in as.
"""

from __future__ import annotations

from core.contacts import Contact, ContactNote, ContactStore
from desk.contacts import id_of

CUSTOMER = "K-20417"

_SOURCE = "demo"
_BY = "lena"
_HOUR_MS = 3_600_000


async def have_contacts(store: ContactStore, now_ms: int) -> None:
    """Keep both, once: a demo that is started again brings no new ones."""
    mail, call = id_of(_SOURCE, "mail"), id_of(_SOURCE, "call")
    await store.put_contact(
        Contact(
            mail, "mail", now_ms - 26 * _HOUR_MS, now_ms, _BY, customer=CUSTOMER,
            subject="Card is declined though there is money on it", outcome="asked the bank",
            resolved=True, agent=_BY, source=_SOURCE, key="mail",
        ),
        b"",
        [
            _note(mail, "tried", "Another card, and the same card once more. The bank sees no attempt.", now_ms),
        ],
    )  # fmt: skip
    await store.put_contact(
        Contact(
            call, "call", now_ms - _HOUR_MS, now_ms, _BY, customer=CUSTOMER,
            subject="Still cannot pay, wants the tent by the weekend", agent=_BY, source=_SOURCE,
            key="call",
        ),
        b"",
        [
            _note(call, "promise", "The price of the sale holds for this order until Monday.", now_ms),
            _note(call, "next", "Look at the payment's answers, then call back.", now_ms + 1),
        ],
    )  # fmt: skip


def _note(contact: str, kind: str, text: str, at_ms: int) -> ContactNote:
    return ContactNote(id_of(contact, kind), contact, kind, text, _BY, at_ms)
