"""Owns the page of the audit log: who signed in, watched, ended, changed, exported or erased what."""

from __future__ import annotations

import re

from aiohttp import web

from console.auth import OWNERS, require_role
from console.context import console
from console.pages import render
from console.words import Words
from core.model import Audited

PAGE_SIZE = 100

_ON_SESSIONS = frozenset(
    {
        "watched", "recording", "transcribed", "ended", "noted", "note_changed", "note_removed",
        "exported_file", "reproduced",
    }
)  # fmt: skip

COMMAND_LINE = "command line"
"""Stands in the log for whoever gave a command on the data folder."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/audit", show)


async def show(request: web.Request) -> web.Response:
    """Show the audit log, newest first, a page at a time."""
    await require_role(request, OWNERS)
    text = request.query.get("before", "")
    before = int(text) if re.fullmatch(r"\d{1,15}", text) else None
    found = await console(request).store.audited(PAGE_SIZE + 1, before=before)
    shown = found[:PAGE_SIZE]
    older = f"/audit?before={shown[-1].number}" if len(found) > PAGE_SIZE else None
    _ = console(request).languages.of(request).gettext
    return render(
        request,
        "audit.html",
        entries=[
            (one, who_text(one.who, _), action_text(one.action, _), session_of(one))
            for one in shown
        ],
        older=older,
        newest="/audit" if before is not None else None,
    )


def who_text(who: str, _: Words) -> str:
    """Return what *who* is called. Names of people stand for themselves."""
    return {"": _("unknown"), COMMAND_LINE: _("command line")}.get(who, who)


def session_of(one: Audited) -> str | None:
    """Return the session that an entry is about, if it is about one."""
    return one.subject if one.action in _ON_SESSIONS else None


def action_text(action: str, _: Words) -> str:
    """Return what *action* is called; one that has no words yet stands for itself."""
    words = {
        "signed_in": _("signed in"),
        "signed_out": _("signed out"),
        "sign_in_failed": _("wrong password"),
        "watched": _("watched a session"),
        "recording": _("fetched a recording"),
        "transcribed": _("read a transcript"),
        "exported_file": _("exported a session as a file"),
        "reproduced": _("exported a session as a test"),
        "ended": _("ended a session"),
        "released": _("released masked regions"),
        "masked_again": _("masked a region again"),
        "noted": _("wrote a note"),
        "note_changed": _("changed a note"),
        "note_removed": _("removed a note"),
        "segment_saved": _("saved a segment"),
        "segment_removed": _("removed a segment"),
        "struggle_noted": _("wrote a note on a struggle"),
        "struggle_note_changed": _("changed a note on a struggle"),
        "struggle_note_removed": _("removed a note on a struggle"),
        "struggle_state": _("changed the state of a struggle"),
        "struggle_owner": _("gave a struggle to somebody"),
        "struggle_due": _("set when a struggle is reviewed"),
        "struggle_reviewed": _("reviewed a struggle"),
        "struggle_returned": _("saw a resolved struggle again"),
        "told_release": _("told a release"),
        "saved": _("saved rules"),
        "saved_alert": _("saved an alert"),
        "tested_destination": _("sent a test message"),
        "sent_digest": _("sent a digest"),
        "source_map": _("uploaded source maps"),
        "customer": _("looked at a customer"),
        "contact": _("looked at a contact"),
        "contact_made": _("wrote down a contact"),
        "contact_changed": _("changed a contact"),
        "contact_noted": _("wrote a note at a contact"),
        "contact_note_changed": _("changed a note at a contact"),
        "contacts_imported": _("took contacts from a file"),
        "removed": _("removed"),
        "rejudged": _("judged again"),
        "switched on": _("switched recording on"),
        "switched off": _("switched recording off"),
        "created": _("created"),
        "new_password": _("gave a new password"),
        "new_role": _("gave another role"),
        "exported": _("exported"),
        "erased": _("erased"),
    }
    return words.get(action, action.replace("_", " "))
