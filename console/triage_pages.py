"""Owns the forms by which people say something of struggles: of one, of many at once, and notes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from aiohttp import web
from yarl import URL

from console.auth import ENDERS, require_role
from console.context import console
from console.queue_query import NOBODY
from console.words import Words
from core.triage import NOTE_LENGTH, REASON_LENGTH, RELEASE_LENGTH, SETTABLE, TriageChange

KEEP = "="
"""Stands in forms for an owner who stays, though there is no account of that name any more."""

MOST = 500
"""Struggles that one form may change: a page has fifty."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_post("/struggles/triage", triage)
    app.router.add_post("/struggles/notes/{note}", edit_note)


async def triage(request: web.Request) -> web.Response:
    """Say what the form says of the struggles that were chosen, and lead back."""
    who = await require_role(request, ENDERS)
    form = await request.post()
    keys = [one for one in form.getall("struggle", []) if isinstance(one, str)][:MOST]
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    users = {user.name for user in await console(request).store.users()}
    _ = console(request).languages.of(request).gettext
    change = change_of(values, users, _)
    changed = await console(request).store.set_triage(
        keys, change, who=who, at_ms=console(request).clock.now_ms()
    )
    raise web.HTTPSeeOther(way_back(values.get("back", ""), changed))


async def edit_note(request: web.Request) -> web.Response:
    """Give a note of one's own another text; none takes it back."""
    who = await require_role(request, ENDERS)
    form = await request.post()
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    number = request.match_info["note"]
    if not re.fullmatch(r"\d{1,15}", number):
        raise web.HTTPNotFound
    text = "" if values.get("do") == "remove" else values.get("text", "").strip()[:NOTE_LENGTH]
    done = await console(request).store.edit_note(
        int(number), text, who=who, at_ms=console(request).clock.now_ms()
    )
    if not done:
        raise web.HTTPForbidden
    raise web.HTTPSeeOther(way_back(values.get("back", ""), 1))


def change_of(values: Mapping[str, str], users: set[str], _: Words) -> TriageChange:
    """Return what a form says; an empty field leaves a thing as it is. Raise HTTPBadRequest for what cannot be."""
    state = next((one for one in SETTABLE if one == values.get("state")), None)
    reason = _line(values, "reason", REASON_LENGTH)
    if state == "ignored" and not reason:
        raise web.HTTPBadRequest(text=_("Say why it is ignored: others will ask."))
    alone = "single" in values  # the form of one struggle shows what there is: empty takes it away
    # What nobody touched in it stays as it is by now: somebody else may have changed it meanwhile.
    values = {name: value for name, value in values.items() if values.get(f"was_{name}") != value}
    owner = values.get("owner") or (NOBODY if alone and "owner" in values else KEEP)
    if owner not in (KEEP, NOBODY) and owner not in users:
        raise web.HTTPBadRequest(text=_("There is nobody of this name."))
    due = values.get("due", "")
    if due and not is_day(due):
        raise web.HTTPBadRequest(text=_("A day is written like 2026-09-21."))
    return TriageChange(
        state=state,
        release=_line(values, "release", RELEASE_LENGTH),
        reason=reason,
        owner={KEEP: None, NOBODY: ""}.get(owner, owner),
        due=due if due or (alone and "due" in values) else None,
        reviewed={"yes": True, "no": False}.get(values.get("reviewed", "")),
        note=values.get("note", "").replace("\r\n", "\n").strip()[:NOTE_LENGTH],
    )


def is_day(text: str) -> bool:
    """Say whether *text* is a day, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _line(values: Mapping[str, str], name: str, most: int) -> str:
    return " ".join(values.get(name, "").split())[:most]


def way_back(back: str, changed: int) -> str:
    """Return where a form leads: the page of struggles that it was on, which says how many *changed*."""
    if not re.match(r"/struggles(?![\w-])", back):
        back = "/struggles"
    return str(URL(back).update_query(done=str(changed)))
