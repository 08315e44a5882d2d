"""
Owns the JSON API of contacts and customers (docs/api.md), and the inbox for signed webhooks.

What may stand in a contact is desk/contacts.py's, the signature desk/webhooks.py's.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from console.api import PREFIX, answer, limit, session_json, since_ms
from console.auth import TOKEN, ApiError, checks_for_itself, require, require_scope
from console.contacting import (
    API_SOURCE,
    changes_json,
    contact_json,
    inbox,
    kept,
    note_json,
)
from console.context import console
from console.customers import journey_of, place_of, place_text
from console.named import api_body
from core.contacts import Contact, ContactNote, ContactQuery, source_key_name
from core.erasing import KEY, Whom, subject
from core.errors import NotFound, UserError
from desk.contacts import ContactError, Draft, UnknownChannel, new_id, note_kind, note_text
from desk.inbox import Taken
from desk.journey import Entry
from desk.webhooks import Unsigned, check

CONTACTS = PREFIX + "/contacts"

MOST_BODY = 200_000
"""Bytes of a message: far more than a contact with notes takes."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    one = CONTACTS + "/{contact}"
    app.router.add_post(CONTACTS + "/inbox/{source}", receive)
    app.router.add_get(CONTACTS, list_contacts)
    app.router.add_post(CONTACTS, add)
    app.router.add_get(one, show)
    app.router.add_patch(one, change)
    app.router.add_delete(one, erase)
    app.router.add_post(one + "/notes", add_note)
    app.router.add_patch(one + "/notes/{note}", change_note)
    app.router.add_get(PREFIX + "/customers/{customer}", show_customer)


async def add(request: web.Request) -> web.Response:
    """Keep a contact, once for its key."""
    require_scope(request, "contacts", "admin")
    body = await api_body(request)
    if request.headers.get("Idempotency-Key"):
        body.setdefault("key", request.headers["Idempotency-Key"])
    taken = await _taken(request, body, API_SOURCE, f"token {request[TOKEN].id}")
    return _made(taken, contact_json(taken.contact))


@checks_for_itself
async def receive(request: web.Request) -> web.Response:
    """Keep the contact of a signed message, once for the message's id."""
    source = request.match_info["source"]
    store = console(request).store
    body = await request.content.read(MOST_BODY + 1)
    while len(body) <= MOST_BODY and (more := await request.content.read(MOST_BODY + 1)):
        body += more
    if len(body) > MOST_BODY:
        raise ApiError(413, "too_large", f"a message has at most {MOST_BODY} bytes")
    known = source in {name for name, _ in await store.contact_sources()}
    # Strangers learn no names of sources: to one that is not there nothing fits.
    key = await store.server_key(source_key_name(source)) if known else secrets.token_bytes(32)
    id_ = request.headers.get("webhook-id", "")
    try:
        check(
            key,
            id_,
            request.headers.get("webhook-timestamp", ""),
            request.headers.get("webhook-signature", ""),
            body,
            console(request).clock.now_ms(),
        )
    except Unsigned as error:
        raise ApiError(401, "unauthorized", str(error)) from None
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise ApiError(400, "bad_parameter", "the body is a JSON object")
    given.setdefault("key", id_)
    taken = await _taken(request, given, source, f"source {source}")
    return _made(taken, {"id": taken.contact.id})  # more a system that only sends need not learn


async def list_contacts(request: web.Request) -> web.Response:
    """Answer with contacts, newest start first."""
    asked = inbox(request)
    channel = request.query.get("channel")
    if channel is not None and channel not in asked.channels:
        known = ", ".join(asked.channels)
        raise ApiError(400, "unknown_channel", f"there is no channel '{channel[:40]}': {known}")
    customer = request.query.get("customer")
    query = ContactQuery(
        customer=kept(request, customer) if customer else None,
        channel=channel,
        unassigned=_truth(request, "unassigned") is True,
        resolved=_truth(request, "resolved"),
        since_ms=since_ms(request, console(request).clock.now_ms()),
        limit=limit(request),
        before=_place(request),
    )
    found = await console(request).store.contacts(replace(query, limit=query.limit + 1))
    shown = found[: query.limit]
    more = place_text(shown[-1].started_ms, shown[-1].id) if len(found) > query.limit else None
    return answer({"contacts": [contact_json(one) for one in shown], "next": more})


async def show(request: web.Request) -> web.Response:
    """Answer with a contact, its notes, and what was changed of both."""
    return await _answer(request, await _contact(request))


async def change(request: web.Request) -> web.Response:
    """Give fields of a contact other values."""
    require_scope(request, "contacts", "admin")
    contact = await _contact(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    try:
        changes = await inbox(request).changes(contact, await api_body(request))
        changed = await store.change_contact(contact.id, changes, _who(request), now_ms)
    except UserError as error:
        raise _wrong(error) from None
    if changed is None:
        raise ApiError(404, "not_found", "there is no such contact")
    await store.audit(now_ms, _who(request), "contact_changed", contact.id)
    return await _answer(request, changed)


async def erase(request: web.Request) -> web.Response:
    """Erase a contact with its notes and all that was changed of them."""
    require(request, "admin")
    contact = await _contact(request)
    eraser = console(request).eraser
    if eraser is None:
        raise web.HTTPNotFound
    store, whom = console(request).store, Whom("contact", contact.id)
    await eraser.erase(whom)
    told = subject(await store.server_key(KEY), whom)
    await store.audit(console(request).clock.now_ms(), _who(request), "erased", told)
    return answer({"erased": contact.id})


async def add_note(request: web.Request) -> web.Response:
    """Keep a note of a contact."""
    require_scope(request, "contacts", "admin")
    contact = await _contact(request)
    body = await api_body(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    try:
        note = ContactNote(
            new_id(),
            contact.id,
            note_kind(body.get("kind", "note")),
            note_text(body.get("text")),
            _who(request),
            now_ms,
        )
        await store.add_contact_note(note)
    except UserError as error:
        raise _wrong(error) from None
    await store.audit(now_ms, _who(request), "contact_noted", contact.id)
    return await _answer(request, contact)


async def change_note(request: web.Request) -> web.Response:
    """Give a note another text, or another kind."""
    require_scope(request, "contacts", "admin")
    contact = await _contact(request)
    body = await api_body(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    note = await store.contact_note(request.match_info["note"])
    if note is None or note.contact != contact.id:
        raise ApiError(404, "not_found", "there is no such note")
    try:
        changes = {"kind": note_kind(body["kind"])} if "kind" in body else {}
        changes |= {"text": note_text(body["text"])} if "text" in body else {}
    except ContactError as error:
        raise _wrong(error) from None
    changed = await store.change_contact_note(note.id, changes, _who(request), now_ms)
    if changed is None:  # erased meanwhile
        raise ApiError(404, "not_found", "there is no such note")
    await store.audit(now_ms, _who(request), "contact_note_changed", contact.id)
    return await _answer(request, contact)


async def show_customer(request: web.Request) -> web.Response:
    """Answer with a customer and their journey: visits and contacts, newest first."""
    store = console(request).store
    id_ = kept(request, request.match_info["customer"])
    customer = await store.customer(id_)
    if customer is None:
        raise ApiError(404, "not_found", "there is no such customer")
    await store.audit(console(request).clock.now_ms(), _who(request), "customer", id_)
    visits = await store.count_visits(id_)
    entries, more = await journey_of(store, id_, limit(request))
    told = [_entry_json(one) for one in entries]
    return answer(
        {
            "customer": {
                "id": id_,
                "verified": customer.verified,
                "visits": visits.visits,
                "visits_with_struggle": visits.struggled,
                "contacts": await store.count_contacts(ContactQuery(customer=id_)),
            },
            "journey": told,
            "more": more,
        }
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    if entry.contact is not None:
        return {"kind": "contact", "contact": contact_json(entry.contact)}
    assert entry.session is not None  # it is one of the two
    return {"kind": "session", "identified": entry.how, "session": session_json(entry.session)}


async def _taken(request: web.Request, given: dict[str, Any], source: str, by: str) -> Taken:
    """Give the inbox what came; return what became of it. Raise ApiError if it was not taken."""
    box = inbox(request)
    try:
        draft: Draft = box.read(given)
        taken: Taken = await box.take(draft, source=source, by=by)
    except UserError as error:
        raise _wrong(error) from None
    if taken.put == "conflict":
        raise ApiError(
            409, "conflict", f"the key '{draft.key}' was used before, with other content"
        )
    if taken.put == "erased":
        raise ApiError(410, "erased", "this contact, or its customer since it began, was erased")
    if taken.put == "stored":
        now_ms = console(request).clock.now_ms()
        await console(request).store.audit(now_ms, by, "contact_made", taken.contact.id)
    return taken


def _made(taken: Taken, contact: dict[str, Any]) -> web.Response:
    response = answer({"contact": contact, "duplicate": taken.put == "duplicate"})
    response.set_status(201 if taken.put == "stored" else 200)
    return response


def _wrong(error: UserError) -> ApiError:
    if isinstance(error, UnknownChannel):
        return ApiError(400, "unknown_channel", str(error))
    if isinstance(error, NotFound):
        return ApiError(404, "not_found", str(error))
    if isinstance(error, ContactError):
        return ApiError(400, "bad_parameter", str(error))
    return ApiError(409, "refused", str(error))


async def _contact(request: web.Request) -> Contact:
    contact = await console(request).store.contact(request.match_info["contact"])
    if contact is None:
        raise ApiError(404, "not_found", "there is no such contact")
    return contact


async def _answer(request: web.Request, contact: Contact) -> web.Response:
    store = console(request).store
    notes = (await store.contact_notes([contact.id]))[contact.id]
    return answer(
        {
            "contact": {
                **contact_json(contact),
                "notes": [note_json(one) for one in notes],
                "changes": changes_json(await store.contact_changes(contact.id)),
            }
        }
    )


def _who(request: web.Request) -> str:
    return f"token {request[TOKEN].id}"


def _truth(request: web.Request, name: str) -> bool | None:
    text = request.query.get(name)
    if text not in (None, "true", "false"):
        raise ApiError(400, "bad_parameter", f"{name} is true or false")
    return None if text is None else text == "true"


def _place(request: web.Request) -> tuple[int, str] | None:
    text = request.query.get("after")
    if text is None:
        return None
    if (place := place_of(text)) is None:
        raise ApiError(400, "bad_parameter", "after is the `next` of an answer before")
    return place
