"""Owns the pages of contacts: the list, writing one down, and one with notes, history and what came before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDictProxy

from console.auth import ENDERS, OWNERS, SIGNED_IN, has_role, require_role
from console.before import before_contact
from console.contact_words import filters_of, wrong_text
from console.contacting import inbox, kept
from console.context import console
from console.customer_pages import contact_link, customer_link
from console.customers import place_of, place_text
from console.find_pages import zone_of
from console.pages import render
from core.contacts import DIRECTIONS, NOTE_KINDS, Contact, ContactNote, ContactQuery
from core.erasing import KEY, Whom, subject
from core.errors import NotFound, UserError
from desk.contacts import MOST_ID, new_id, note_kind, note_text

PAGE_SIZE = 50

MINUTE_MS = 60_000

_TEXTS = ("customer", "code", "direction", "subject", "outcome", "agent", "channel")


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    one = "/contacts/{contact}"
    app.router.add_get("/contacts", show_list)
    app.router.add_post("/contacts", add)
    app.router.add_get("/contacts/new", show_new)
    app.router.add_get(one, show_one)
    app.router.add_post(one, change)
    app.router.add_post(one + "/notes", add_note)
    app.router.add_post(one + "/notes/{note}", change_note)
    app.router.add_post(one + "/erase", erase)


async def show_list(request: web.Request) -> web.Response:
    """List contacts, newest first, by customer, by channel and by whether somebody knows whose they are."""
    channels = inbox(request).channels
    channel = request.query.get("channel", "")
    open_ = request.query.get("open") == "1"
    unassigned = request.query.get("unassigned") == "1"
    customer = request.query.get("customer", "").strip()[:MOST_ID]
    query = ContactQuery(
        customer=kept(request, customer) if customer else None,
        channel=channel if channel in channels else None,
        unassigned=unassigned,
        resolved=False if open_ else None,
        limit=PAGE_SIZE + 1,
        before=place_of(request.query.get("after", "")),
    )
    store = console(request).store
    found = await store.contacts(query)
    asked = {
        "customer": query.customer or "",
        "channel": query.channel or "",
        "open": "1" if open_ else "",
    }
    asked["unassigned"] = "1" if unassigned else ""
    more = None
    if len(found) > PAGE_SIZE:
        last = found[PAGE_SIZE - 1]
        more = _list_link(asked, after=place_text(last.started_ms, last.id))
    return render(
        request,
        "contacts.html",
        contacts=found[:PAGE_SIZE],
        total=await store.count_contacts(replace(query, before=None)),
        asked=asked,
        channels=channels,
        sources=await store.contact_sources(),
        more=more,
        may_write=await has_role(request, ENDERS),
        customer_link=customer_link,
        contact_link=contact_link,
        **_words(request),
    )


def _list_link(asked: Mapping[str, str], **more: str) -> str:
    told = {name: value for name, value in {**asked, **more}.items() if value}
    return "/contacts" + (f"?{urlencode(told)}" if told else "")


async def show_new(request: web.Request) -> web.Response:
    """Show the form by which a contact is written down."""
    await require_role(request, ENDERS)
    customer = request.query.get("customer", "")[:500]
    return await _new_page(request, {"customer": customer, "direction": "in"})


async def add(request: web.Request) -> web.Response:
    """Keep a contact that somebody wrote down."""
    who = await require_role(request, ENDERS)
    form = await request.post()
    box = inbox(request)
    try:
        given = _given(form)
        note = str(form.get("note", "")).strip()
        if note:
            given["notes"] = [{"kind": note_kind(form.get("kind", "note")), "text": note}]
        taken = await box.take(box.read(given), source="", by=who, must_have_visit=True)
    except UserError as error:
        return await _new_page(request, form, error)
    if taken.put == "erased":
        raise web.HTTPConflict(text="this customer was erased after the contact began")
    await _audit(request, who, "contact_made", taken.contact.id)
    raise web.HTTPSeeOther(contact_link(taken.contact))


async def _new_page(
    request: web.Request, form: Mapping[str, Any], error: UserError | None = None
) -> web.Response:
    return render(
        request,
        "contact_new.html",
        status=200 if error is None else 400,
        asked={name: str(form.get(name, "")) for name in (*_TEXTS, "started_at", "note", "kind")},
        wrong=_wrong(request, error),
        channels=inbox(request).channels,
        directions=DIRECTIONS,
        kinds=NOTE_KINDS,
        customer_link=customer_link,
        **_words(request),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show a contact."""
    contact = await _contact(request)
    await _audit(request, request[SIGNED_IN].user, "contact", contact.id)
    return await _page(request, contact)


async def change(request: web.Request) -> web.Response:
    """Give fields of a contact other values."""
    who = await require_role(request, ENDERS)
    contact = await _contact(request)
    form = await request.post()
    box = inbox(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    try:
        given = _given(form)
        _leave_as_shown(given, contact)
        if "resolved" in form or form.get("whole"):
            given["resolved"] = form.get("resolved") == "yes"
        changes = await box.changes(contact, given)
        changed = await store.change_contact(contact.id, changes, who, now_ms)
    except UserError as error:
        return await _page(request, contact, error)
    if changed is None:  # erased meanwhile
        raise web.HTTPNotFound
    await _audit(request, who, "contact_changed", contact.id)
    raise web.HTTPSeeOther(contact_link(contact))


async def add_note(request: web.Request) -> web.Response:
    """Keep a note of a contact."""
    who = await require_role(request, ENDERS)
    contact = await _contact(request)
    form = await request.post()
    try:
        kind, text = note_kind(form.get("kind", "note")), note_text(form.get("text"))
        note = ContactNote(new_id(), contact.id, kind, text, who, console(request).clock.now_ms())
        await console(request).store.add_contact_note(note)
    except NotFound:  # erased meanwhile
        raise web.HTTPNotFound from None
    except UserError as error:
        return await _page(request, contact, error)
    await _audit(request, who, "contact_noted", contact.id)
    raise web.HTTPSeeOther(contact_link(contact))


async def change_note(request: web.Request) -> web.Response:
    """Give a note another text or kind; whoever may write may, for what stood there before is kept."""
    who = await require_role(request, ENDERS)
    contact = await _contact(request)
    store = console(request).store
    note = await store.contact_note(request.match_info["note"])
    if note is None or note.contact != contact.id:
        raise web.HTTPNotFound
    form = await request.post()
    try:
        changes = {
            "kind": note_kind(form.get("kind", note.kind)),
            "text": note_text(form.get("text")),
        }
    except UserError as error:
        return await _page(request, contact, error)
    now_ms = console(request).clock.now_ms()
    if await store.change_contact_note(note.id, changes, who, now_ms) is None:  # erased meanwhile
        raise web.HTTPNotFound
    await _audit(request, who, "contact_note_changed", contact.id)
    raise web.HTTPSeeOther(contact_link(contact))


async def erase(request: web.Request) -> web.Response:
    """Erase a contact with its notes and all that was changed of them, if that was meant."""
    who = await require_role(request, OWNERS)
    contact = await _contact(request)
    eraser = console(request).eraser
    if eraser is None:
        raise web.HTTPNotFound
    if (await request.post()).get("sure") != "yes":
        return await _page(request, contact)
    whom = Whom("contact", contact.id)
    await eraser.erase(whom)
    await _audit(
        request, who, "erased", subject(await console(request).store.server_key(KEY), whom)
    )
    raise web.HTTPSeeOther("/contacts")


async def _page(
    request: web.Request, contact: Contact, error: UserError | None = None
) -> web.Response:
    store = console(request).store
    language = console(request).languages.of(request)
    return render(
        request,
        "contact.html",
        status=200 if error is None else 400,
        contact=contact,
        notes=(await store.contact_notes([contact.id]))[contact.id],
        changes=await store.contact_changes(contact.id),
        before=await before_contact(store, contact, language),
        wrong=_wrong(request, error),
        channels=dict.fromkeys((contact.channel, *inbox(request).channels)),
        directions=DIRECTIONS,
        kinds=NOTE_KINDS,
        value_text=lambda change: _value(request, change.field, change.after),
        before_text=lambda change: _value(request, change.field, change.before),
        may_write=await has_role(request, ENDERS),
        may_erase=await has_role(request, OWNERS) and console(request).eraser is not None,
        customer_link=customer_link,
        here=contact_link(contact),
        **_words(request),
    )


def _value(request: web.Request, field: str, value: Any) -> str:
    """Return what stood in a field before or after a change, in words; times are iso, for a script to show."""
    language = console(request).languages.of(request)
    words = filters_of(language.gettext)
    if value is None or value == "":
        return "–"
    if field == "resolved":
        return language.gettext("yes") if value else language.gettext("no")
    name = {
        "channel": "channel_text",
        "direction": "direction_text",
        "kind": "kind_text",
        "customer": "customer_text",
    }.get(field)
    return str(words[name](value)) if name else str(value)


def _given(form: MultiDictProxy[Any]) -> dict[str, Any]:
    """Return what a form says of a contact, with times as ISO 8601 in UTC."""
    given: dict[str, Any] = {name: str(form[name]) for name in _TEXTS if name in form}
    if not given.get("code"):
        given.pop("code", None)
    for name in ("started_at", "ended_at"):
        text = str(form.get(name, ""))
        if text:
            given[name] = _utc(text, str(form.get("tz", "")))
        elif name in form and name == "ended_at":
            given[name] = ""
    return given


def _leave_as_shown(given: dict[str, Any], contact: Contact) -> None:
    """Take times out of *given* that are those of *contact* to the minute: a field shows no more of them."""
    for name, at_ms in (("started_at", contact.started_ms), ("ended_at", contact.ended_ms)):
        try:
            asked = datetime.fromisoformat(given.get(name, "")).timestamp() * 1000
        except ValueError:
            continue
        if at_ms is not None and asked // MINUTE_MS == at_ms // MINUTE_MS:
            del given[name]


def _utc(local: str, zone: str) -> str:
    """Return a time as a browser's field tells it, in the reader's zone, as ISO 8601; what is no time as it is."""
    try:
        at = datetime.fromisoformat(local).replace(tzinfo=zone_of(zone))
        return at.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # of the year 1, say: a day half typed
        return local


async def _contact(request: web.Request) -> Contact:
    contact = await console(request).store.contact(request.match_info["contact"])
    if contact is None:
        raise web.HTTPNotFound
    return contact


async def _audit(request: web.Request, who: str, action: str, told: str) -> None:
    await console(request).store.audit(console(request).clock.now_ms(), who, action, told)


def _wrong(request: web.Request, error: UserError | None) -> str:
    if error is None:
        return ""
    language = console(request).languages.of(request)
    return wrong_text(error, inbox(request).channels, language.gettext, language.code)


def _words(request: web.Request) -> dict[str, Any]:
    return dict(filters_of(console(request).languages.of(request).gettext))
