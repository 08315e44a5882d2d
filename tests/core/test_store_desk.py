"""The contracts of core/customers.py and core/contacts.py on every implementation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.contacts import MOST_NOTES, Contact, ContactNote, ContactQuery
from core.customers import Browser, VisitCount
from core.erasing import Whom
from core.errors import NotFound, UserError
from core.model import SessionQuery
from core.search import Document, Find
from core.store import Store
from tests.core.support import NOON, SITE, ManualClock, batch, event, session_of

MINUTE = 60_000


def contact(id_: str = "c1", at: int = 0, **changes: Any) -> Contact:
    return replace(Contact(id_, "call", NOON + at, NOON, "ada", customer="K-1"), **changes)


def note(id_: str, text: str = "Look", kind: str = "note", of: str = "c1") -> ContactNote:
    return ContactNote(id_, of, kind, text, "ada", NOON)


async def visit(
    store: Store,
    name: str,
    at: int,
    who: str | None = None,
    *,
    signed: bool = True,
    browser: str | None = "browser-1",
    seq: int = 0,
) -> None:
    """Store a visit (or go on with it) that begins *at* minutes after noon, and names *who*."""
    identity = {"id": who, "hashed": False, "verified": signed} if who else None
    appended = await store.append(
        batch(
            name, seq, origin_ms=NOON + at * MINUTE, events=[event(seq, 1000.0 * seq, "page")],
            visitor=browser, identity=identity,
        )
    )  # fmt: skip

    assert "stored" == appended.status


async def visits_of(store: Store, who: str) -> list[str]:
    return [one.id for one in await store.customer_sessions(who, limit=100)]


# Customers


async def test_a_signed_name_joins_the_earlier_visits_of_its_browser(store: Store) -> None:
    """Five anonymous visits, then one that is signed while it runs: six are the customer's, that one whole."""
    for n in range(5):
        await visit(store, f"v{n}", 60 * n)
    await visit(store, "login", 400)
    await visit(store, "login", 400, "K-1", seq=1)
    await visit(store, "elsewhere", 10, browser="browser-2")

    assert ["login", "v4", "v3", "v2", "v1", "v0"] == await visits_of(store, "K-1")
    assert VisitCount(6, 0, NOON + 400 * MINUTE + 1000) == await store.count_visits("K-1")
    assert 2 == (await session_of(store, "login")).events
    assert ["K-1", "K-1", None] == [
        await store.customer_of(name) for name in ("v0", "login", "elsewhere")
    ]


async def test_an_unsigned_name_joins_nothing(store: Store) -> None:
    """An unsigned name is a customer's visit that says unverified; others of the browser stay nobody's."""
    await visit(store, "before", 0)
    await visit(store, "claimed", 60, "K-1", signed=False)

    assert ["claimed"] == await visits_of(store, "K-1")
    customer = await store.customer("K-1")
    assert customer is not None
    assert not customer.verified
    assert [] == await store.browsers_of("K-1")
    assert None is await store.customer_of("before")


async def test_an_unsigned_name_does_not_replace_a_signed_one(store: Store) -> None:
    """Within a visit a signature counts more than what came later without one; another signature counts."""
    await visit(store, "v", 0, "K-1")
    await visit(store, "v", 0, "K-2", signed=False, seq=1)

    assert "K-1" == ((await session_of(store, "v")).identity or {})["id"]
    await visit(store, "v", 0, "K-3", seq=2)

    assert "K-3" == ((await session_of(store, "v")).identity or {})["id"]


async def test_of_a_shared_browser_only_the_first_has_the_visits_without_a_name(
    store: Store,
) -> None:
    """Earlier visits stay the first customer's; those after the first sign-in are nobody's once there are two."""
    await visit(store, "earlier", 0)
    await visit(store, "first", 60, "K-1")
    await visit(store, "between", 120)

    assert ["between", "first", "earlier"] == await visits_of(store, "K-1")
    await visit(store, "second", 180, "K-2")

    assert ["first", "earlier"] == await visits_of(store, "K-1")
    assert ["second"] == await visits_of(store, "K-2")
    assert [Browser("browser-1", NOON + 180 * MINUTE, False, 1)] == await store.browsers_of("K-2")
    assert None is await store.customer_of("between")


async def test_it_does_not_matter_in_which_order_visits_arrive(store: Store) -> None:
    """A sign-in that comes late but was earlier is the first one."""
    await visit(store, "earlier", 0)
    await visit(store, "second", 180, "K-2")
    await visit(store, "first", 60, "K-1")

    assert ["first", "earlier"] == await visits_of(store, "K-1")
    assert ["second"] == await visits_of(store, "K-2")


async def test_the_lists_of_sessions_count_the_same(store: Store) -> None:
    """Searching for a customer finds what their page counts: the visits without a name too."""
    await visit(store, "earlier", 0)
    await visit(store, "login", 60, "K-1")
    await visit(store, "other", 60, "K-2", browser="browser-2")
    await store.index(
        [Document(name, SITE.key, NOON, 0, (), "") for name in ("earlier", "login", "other")]
    )
    query = SessionQuery(find=Find(customer="K-1"))

    assert (await store.count_visits("K-1")).visits == await store.count_sessions(query)
    assert ["login", "earlier"] == [one.id for one in await store.sessions(query)]


async def test_customers_are_listed_by_when_they_were_heard_of(store: Store) -> None:
    """The last one heard of first, by visit or contact; by how the id begins; behind the last one shown."""
    await visit(store, "a", 0, "K-1")
    await visit(store, "b", 10, "K-2", browser="browser-2")
    await store.put_contact(contact(at=20 * MINUTE, customer="M-3"), b"")
    listed = [one.id for one in await store.customers(limit=10)]

    assert ["M-3", "K-2", "K-1"] == listed
    assert ["K-2", "K-1"] == [one.id for one in await store.customers(limit=10, prefix="K-")]
    last = (await store.customers(limit=2))[-1]
    behind = await store.customers(limit=2, before=(last.last_ms, last.id))
    assert ["K-1"] == [one.id for one in behind]


async def test_whoever_is_erased_takes_what_was_joined_along(
    store: Store, clock: ManualClock
) -> None:
    """All visits, contacts, notes go; what the browser was used for afterwards does not become the next one's."""
    await visit(store, "earlier", 0)
    await visit(store, "first", 60, "K-1")
    await visit(store, "between", 120)
    await visit(store, "second", 180, "K-2")
    await store.put_contact(contact(), b"", [note("n1")])
    await store.put_contact(contact("c2", customer="K-2"), b"")
    clock.advance(600 * MINUTE)
    done = await store.erase(Whom("customer", "K-1"))

    assert 2 == done.sessions
    assert None is await store.customer("K-1")
    assert ["second"] == await visits_of(store, "K-2")
    assert ["c2"] == [one.id for one in await store.contacts(ContactQuery())]
    assert None is await store.contact_note("n1")
    assert "erased" == (await store.put_contact(contact("c9"), b""))[0]
    assert "stored" == (await store.put_contact(contact("c9", at=700 * MINUTE), b""))[0]


async def test_a_customer_of_whom_nothing_is_left_is_forgotten(store: Store) -> None:
    """With the last visit and contact the customer goes from the list, and the browser is forgotten."""
    await visit(store, "v", 0, "K-1")
    await store.put_contact(contact(session="v"), b"")
    await store.erase(Whom("session", "v"))

    assert [] == await store.browsers_of("K-1")
    assert None is (await store.contacts(ContactQuery()))[0].session
    assert await store.customer("K-1")
    await store.erase(Whom("contact", "c1"))

    assert None is await store.customer("K-1")
    assert "erased" == (await store.put_contact(contact(at=10**9), b""))[0]


# Contacts


async def test_a_contact_is_kept_once_for_its_key(store: Store) -> None:
    """The same again is a duplicate, other content under the key a conflict; other sources have keys of their own."""
    first = contact(source="crm", key="k")
    again = replace(first, id="c2")

    assert ("stored", first) == await store.put_contact(first, b"1", [note("n")])
    assert ("duplicate", first) == await store.put_contact(again, b"1", [note("m")])
    assert ("conflict", first) == await store.put_contact(again, b"2")
    assert "stored" == (await store.put_contact(replace(again, source="csv"), b"1"))[0]
    assert ["n"] == [one.id for one in (await store.contact_notes(["c1"]))["c1"]]


async def test_contacts_are_listed_and_counted_alike(store: Store) -> None:
    """Newest first, by customer, channel, whether somebody knows whose, whether done, and behind the last one."""
    made = [
        contact("a", 1, channel="mail"),
        contact("b", 2, customer=None),
        contact("c", 3, resolved=True),
        contact("d", 4, customer="K-2"),
    ]
    for one in made:
        await store.put_contact(one, b"")

    for query, wanted in [
        (ContactQuery(), "dcba"),
        (ContactQuery(customer="K-1"), "ca"),
        (ContactQuery(channel="mail"), "a"),
        (ContactQuery(unassigned=True), "b"),
        (ContactQuery(resolved=True), "c"),
        (ContactQuery(since_ms=NOON + 3), "dc"),
    ]:
        assert wanted == "".join(one.id for one in await store.contacts(query)), query
        assert len(wanted) == await store.count_contacts(query)
    assert {"call": 1, "mail": 1} == await store.channels_of("K-1")
    assert 1 == await store.count_contacts(ContactQuery(customer="K-1", channel="mail"))
    behind = ContactQuery(limit=2, before=(NOON + 3, "c"))
    assert ["b", "a"] == [one.id for one in await store.contacts(behind)]


async def test_every_change_keeps_who_when_before_and_after(store: Store) -> None:
    """Each field that becomes another leaves an entry, of a contact and of its notes; what stays leaves none."""
    await store.put_contact(contact(), b"", [note("n")])
    changed = await store.change_contact(
        "c1", {"outcome": "sent", "resolved": True, "channel": "call"}, "bob", NOON + 5
    )
    await store.change_contact_note("n", {"text": "Looked", "kind": "note"}, "eve", NOON + 9)

    assert changed == contact(outcome="sent", resolved=True, changed_ms=NOON + 5)
    told = [
        (one.note, one.who, one.at_ms - NOON, one.field, one.before, one.after)
        for one in await store.contact_changes("c1")
    ]
    assert [
        (None, "bob", 5, "outcome", "", "sent"),
        (None, "bob", 5, "resolved", False, True),
        ("n", "eve", 9, "text", "Look", "Looked"),
    ] == told
    assert replace(note("n", "Looked"), changed_ms=NOON + 9) == await store.contact_note("n")
    assert None is await store.change_contact("nowhere", {}, "bob", NOON)


async def test_a_contact_is_given_to_a_customer_later(store: Store) -> None:
    """Assigned it is listed under the customer, who is known from then on; given to another the first is forgotten."""
    await store.put_contact(contact(customer=None), b"")
    await store.change_contact("c1", {"customer": "K-7"}, "bob", NOON)

    assert 1 == await store.count_contacts(ContactQuery(customer="K-7"))
    assert await store.customer("K-7")
    await store.change_contact("c1", {"customer": "K-8"}, "bob", NOON)

    assert [None, True] == [await store.customer("K-7"), bool(await store.customer("K-8"))]


async def test_a_contact_by_code_is_whoever_its_visit_turns_out_to_be(store: Store) -> None:
    """Once they are named by signature, there or later in that browser; erased with them; never by an unsigned name."""
    await visit(store, "earlier", 0)
    await visit(store, "signed", 60)
    await visit(store, "other", 0, browser="browser-2")
    for id_, of in (
        ("early", "earlier"),
        ("during", "signed"),
        ("elsewhere", "other"),
        ("taken", "signed"),
    ):
        await store.put_contact(contact(id_, customer=None, session=of), b"")
    await store.change_contact("taken", {"customer": "K-9"}, "ada", NOON)
    await store.change_contact("taken", {"customer": None}, "ada", NOON)
    await visit(store, "signed", 60, "K-1", signed=False, seq=1)

    assert [] == await store.contacts(ContactQuery(customer="K-1"))
    await visit(store, "signed", 60, "K-1", seq=2)
    mine = await store.contacts(ContactQuery(customer="K-1"))
    nobodys = await store.contacts(ContactQuery(unassigned=True))
    assert {"early", "during"} == {one.id for one in mine}
    assert {"elsewhere", "taken"} == {one.id for one in nobodys}
    [change] = await store.contact_changes("early")
    assert ("customer", None, "K-1", "identify") == (
        change.field,
        change.before,
        change.after,
        change.who,
    )
    await visit(store, "signed", 60, "K-1", seq=3)
    assert 1 == len(await store.contact_changes("early"))
    await store.erase(Whom("customer", "K-1"))
    assert await store.contact("early") is None is await store.contact("during")


async def test_notes_need_their_contact(store: Store) -> None:
    """Without it NotFound; beyond the most a UserError."""
    with pytest.raises(NotFound):
        await store.add_contact_note(note("n"))
    await store.put_contact(contact(), b"", [note(f"n{n}") for n in range(MOST_NOTES)])
    with pytest.raises(UserError):
        await store.add_contact_note(note("more"))


async def test_old_contacts_go_unless_somebody_worked_on_them(store: Store) -> None:
    """What began before goes with notes and changes; what was changed, or noted on, since stays."""
    for name in ("old", "changed", "noted", "new"):
        await store.put_contact(
            contact(name, 100 if name == "new" else 0), b"", [
                replace(note(f"of {name}", of=name), made_ms=NOON - 5)
            ],
        )  # fmt: skip
    await store.change_contact("changed", {"outcome": "sent"}, "bob", NOON + 50)
    await store.add_contact_note(replace(note("later", of="noted"), made_ms=NOON + 50))

    assert 1 == await store.drop_old_contacts(NOON + 50, 10)
    assert {"changed", "noted", "new"} == {one.id for one in await store.contacts(ContactQuery())}
    assert None is await store.contact_note("of old")


async def test_a_source_that_is_removed_forgets_its_secret(store: Store) -> None:
    """A source is there once; another of the same name, later, has another key."""
    await store.add_contact_source("crm", NOON)
    with pytest.raises(UserError):
        await store.add_contact_source("crm", NOON)
    key = await store.server_key("contact source crm")

    assert [("crm", NOON)] == await store.contact_sources()
    assert await store.remove_contact_source("crm")
    assert key != await store.server_key("contact source crm")
    assert not await store.remove_contact_source("crm")
