"""
Owns the notes at a session: who may write, change and remove one, and what the player is told of them.

A page that runs scripts gets all notes of the session as JSON; any other is led back to the moment.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import hdrs, web

from console.auth import ENDERS, OWNERS, SIGNED_IN, has_role, require_role
from console.context import console
from console.named import session_of
from core.errors import NotFound, UserError
from core.readers import MOST_TEXT, Note


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_post("/sessions/{session}/notes", add)
    app.router.add_post("/sessions/{session}/notes/{note}", change)
    app.router.add_post("/sessions/{session}/notes/{note}/remove", remove)


def notes_json(notes: Sequence[Note], user: str, *, owner: bool) -> list[dict[str, Any]]:
    """Return *notes* as the player draws them for *user*: whose own they are, what may be removed."""
    return [
        {
            "id": note.id,
            "at": note.at_ms,
            "author": note.author,
            "text": note.text,
            "made": note.made_ms,
            "changed": note.changed_ms,
            "own": note.author == user,
            "removable": owner or note.author == user,
        }
        for note in notes
    ]


async def notes_of(request: web.Request, session: str) -> list[dict[str, Any]]:
    """Return the notes of *session* for whoever is signed in."""
    notes = await console(request).store.notes(session)
    owner = bool(notes) and await has_role(request, OWNERS)
    return notes_json(notes, request[SIGNED_IN].user, owner=owner)


async def add(request: web.Request) -> web.Response:
    """Keep a note at the moment `at` (server milliseconds), at the nearest of the session."""
    who = await require_role(request, ENDERS)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    session = await session_of(request)
    form = await request.post()
    at_ms = min(max(_at(form.get("at")), session.started_ms), float(session.last_ms))
    note = Note(secrets.token_urlsafe(9), session.id, at_ms, who, _text(form.get("text")), now_ms)
    try:
        await store.add_note(note)
    except NotFound:
        raise web.HTTPNotFound from None
    except UserError as error:
        raise web.HTTPConflict(text=str(error)) from None
    await store.audit(now_ms, who, "noted", session.id)
    return await _answer(request, note.session)


async def change(request: web.Request) -> web.Response:
    """Give a note of one's own another text."""
    who = await require_role(request, ENDERS)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    note = await _note(request)
    if note.author != who:
        raise web.HTTPForbidden(text="a note is changed by whoever wrote it")
    form = await request.post()
    await store.change_note(note.id, _text(form.get("text")), now_ms)
    await store.audit(now_ms, who, "note_changed", note.session)
    return await _answer(request, note.session)


async def remove(request: web.Request) -> web.Response:
    """Remove a note: one's own, or, for an owner, anybody's."""
    who = await require_role(request, ENDERS)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    try:
        note = await _note(request)
    except web.HTTPNotFound:  # somebody was faster, or it was pressed twice: it is gone as wished
        return await _answer(request, request.match_info["session"])
    if note.author != who and not await has_role(request, OWNERS):
        raise web.HTTPForbidden(text="a note is removed by whoever wrote it, or by an owner")
    await store.remove_note(note.id)
    await store.audit(now_ms, who, "note_removed", note.session)
    return await _answer(request, note.session)


async def _note(request: web.Request) -> Note:
    note = await console(request).store.note_of(request.match_info["note"])
    if note is None or note.session != request.match_info["session"]:
        raise web.HTTPNotFound
    return note


def _at(given: object) -> float:
    """Return the time that a form gave, in server milliseconds; 0 if it is none."""
    try:
        at_ms = float(given) if isinstance(given, str) and len(given) < 32 else 0.0
    except ValueError:
        return 0.0
    return 0.0 if math.isnan(at_ms) else at_ms


def _text(given: object) -> str:
    """Return the text of a note. Raise HTTPBadRequest if there is none, or too much."""
    text = given.replace("\r\n", "\n").strip() if isinstance(given, str) else ""
    if not text or len(text) > MOST_TEXT:
        raise web.HTTPBadRequest(text=f"a note has 1 to {MOST_TEXT} characters")
    return text


async def _answer(request: web.Request, session: str) -> web.Response:
    if "application/json" in request.headers.get(hdrs.ACCEPT, ""):
        body = orjson.dumps({"notes": await notes_of(request, session)})
        return web.Response(body=body, content_type="application/json")
    raise web.HTTPSeeOther(f"/sessions/{quote(session, safe='')}")
