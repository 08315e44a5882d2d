"""Owns the pages of customers: who was heard of last, one with the journey, and the handover card."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from console.auth import ENDERS, SIGNED_IN, has_role
from console.codes import find_code, trouble_link
from console.contact_words import filters_of
from console.contacting import inbox, kept
from console.context import console
from console.customers import WEB, journey_of, place_of, place_text
from console.pages import render
from console.session_pages import known_rules
from console.transcript_words import Sentence, Teller, Told, told
from core.contacts import Contact, ContactQuery
from core.customers import Customer, VisitCount
from core.model import Flag, Session
from desk.handover import FIELDS, Card, card
from desk.journey import Entry
from replay.known import known_of
from replay.transcript import transcribe

PAGE_SIZE = 30
TEXT_MAX = 500

LOOKED_AT = 5
"""Visits whose struggles the handover card tells."""

MOST_CONTACTS = 100
"""Contacts whose notes it tells."""

MOST_STEPS = 12
"""Steps of the last visit that it tells: what fits beside the rest on one page."""


_IDLE = frozenset({"pause", "away", "tab", "end"})
"""Parts of a transcript that tell of nothing done."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/customers", show_list)
    app.router.add_get("/customers/{customer}", show_one)
    app.router.add_get("/customers/{customer}/handover", show_card)


def customer_link(id_: str, tail: str = "", **query: str) -> str:
    """Return the address of a customer's page."""
    told = urlencode({name: value for name, value in query.items() if value})
    return f"/customers/{quote(id_, safe='')}{tail}" + (f"?{told}" if told else "")


async def show_list(request: web.Request) -> web.Response:
    """List customers, last heard of first; lead to the one that is asked for."""
    text = request.query.get("q", "").strip()[:TEXT_MAX]
    store = console(request).store
    if text and (link := await _lead(request, text)):
        raise web.HTTPSeeOther(link)
    before = place_of(request.query.get("after", ""))
    found = await store.customers(limit=PAGE_SIZE + 1, prefix=text, before=before)
    rows = [await _row(request, one) for one in found[:PAGE_SIZE]]
    more = None
    if len(found) > PAGE_SIZE:
        last = found[PAGE_SIZE - 1]
        asked = {"q": text, "after": place_text(last.last_ms, last.id)}
        more = "/customers?" + urlencode({name: value for name, value in asked.items() if value})
    return render(
        request,
        "customers.html",
        asked=text,
        rows=rows,
        more=more,
        unassigned=await store.count_contacts(ContactQuery(unassigned=True)),
        may_write=await has_role(request, ENDERS),
        link=customer_link,
        **_words(request),
    )


async def _lead(request: web.Request, text: str) -> str | None:
    """Return where *text* leads: to the customer of a code, of an id or of an e-mail address, else to the code's visit."""
    store = console(request).store
    coded = await find_code(store, text, console(request).clock.now_ms())
    if coded is not None and coded.session is not None and coded.good:
        whose = await store.customer_of(coded.session.id)
        return customer_link(whose) if whose else await trouble_link(store, coded.session)
    id_ = kept(request, text)
    return customer_link(id_) if await store.customer(id_) else None


async def _row(request: web.Request, customer: Customer) -> dict[str, Any]:
    store = console(request).store
    visits = await store.count_visits(customer.id)
    contacts = ContactQuery(customer=customer.id, limit=1)
    return {
        "customer": customer,
        "visits": visits,
        "contacts": await store.count_contacts(contacts),
        "last_ms": _last(customer, visits),
    }


def _last(customer: Customer, visits: VisitCount) -> int:
    """Return when a customer was active last: in a visit, or by a contact."""
    return max(customer.last_ms, visits.last_ms or 0)


async def show_one(request: web.Request) -> web.Response:
    """Show one customer with the journey, newest first."""
    customer = await _customer(request)
    store = console(request).store
    visits = await store.count_visits(customer.id)
    channels = await _used(request, customer.id, visits)
    channel = request.query.get("channel", "")
    channel = channel if channel in dict(channels) else ""
    before = place_of(request.query.get("after", ""))
    entries, more = await journey_of(store, customer.id, PAGE_SIZE, before=before, channel=channel)
    sessions = [one.session for one in entries if one.session is not None]
    contacts = [one.contact.id for one in entries if one.contact is not None]
    browsers = await store.browsers_of(customer.id)
    await _audit(request, customer.id)
    return render(
        request,
        "customer.html",
        customer=customer,
        entries=entries,
        links={one.id: await trouble_link(store, one) for one in sessions},
        rules=await known_rules(request, sessions, ()),
        notes=await store.contact_notes(contacts),
        visits=visits,
        contacts=await store.count_contacts(ContactQuery(customer=customer.id)),
        last_ms=_last(customer, visits),
        shared=[one for one in browsers if one.others],
        channel=channel,
        channels=channels,
        more=_more(customer.id, channel, entries) if more else None,
        first=before is None,
        may_write=await has_role(request, ENDERS),
        link=customer_link,
        sessions_link=lambda **also: f"/sessions?{urlencode({'customer': customer.id, **also})}",
        **_words(request),
    )


def _more(id_: str, channel: str, entries: list[Entry]) -> str:
    last = entries[-1]
    return customer_link(id_, channel=channel, after=place_text(last.at_ms, last.id))


async def _used(request: web.Request, id_: str, visits: VisitCount) -> list[tuple[str, int]]:
    """Return the channels by which there is something of a customer, with how much."""
    found = await console(request).store.channels_of(id_)
    ordered = dict.fromkeys((*inbox(request).channels, *sorted(found)))
    counted = [(WEB, visits.visits), *((one, found.get(one, 0)) for one in ordered)]
    return [(name, count) for name, count in counted if count]


async def show_card(request: web.Request) -> web.Response:
    """Show the handover card of a customer: one page, to print."""
    customer = await _customer(request)
    store = console(request).store
    language = console(request).languages.of(request)
    sessions = await store.customer_sessions(customer.id, limit=LOOKED_AT)
    flags: list[Flag] = []
    for session in sessions:
        flags += await store.flags(session.id)
    contacts = await store.contacts(ContactQuery(customer=customer.id, limit=MOST_CONTACTS))
    steps = await _steps(request, sessions[0]) if sessions else None
    made: Card = card(
        customer,
        sessions,
        flags,
        contacts,
        await store.contact_notes([one.id for one in contacts]),
        steps=bool(steps and steps.lines),
    )
    await _audit(request, customer.id)
    return render(
        request,
        "handover.html",
        card=made,
        fields=FIELDS,
        steps=_done(steps),
        struggles=[(flag, Teller(language, 0).struggle(flag)) for flag in made.struggles],
        visits=await store.count_visits(customer.id),
        contacts=await store.count_contacts(ContactQuery(customer=customer.id)),
        now_ms=console(request).clock.now_ms(),
        link=customer_link,
        **_words(request),
    )


def _done(steps: Told | None) -> tuple[Sentence, ...]:
    """Return the last things that were done and met in a visit; not when nothing was done."""
    lines = [line for line in steps.lines if line.part not in _IDLE] if steps else []
    return tuple(lines[-MOST_STEPS:])


async def _steps(request: web.Request, session: Session) -> Told:
    """Return what was done in *session*, in words."""
    known = await known_of(console(request).store, session)
    return told(session, transcribe(known), console(request).languages.of(request))


async def _customer(request: web.Request) -> Customer:
    """Return the customer of a page's address. Raise HTTPNotFound if there is none."""
    found = await console(request).store.customer(kept(request, request.match_info["customer"]))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _audit(request: web.Request, id_: str) -> None:
    store, now_ms = console(request).store, console(request).clock.now_ms()
    await store.audit(now_ms, request[SIGNED_IN].user, "customer", id_)


def _words(request: web.Request) -> dict[str, Any]:
    return dict(filters_of(console(request).languages.of(request).gettext))


def contact_link(contact: Contact) -> str:
    """Return the address of a contact's page."""
    return f"/contacts/{quote(contact.id, safe='')}"
