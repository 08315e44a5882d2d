"""Owns the page by which contacts come in from a CSV file; what may stand in one is desk/table.py's."""

from __future__ import annotations

import asyncio
from collections import Counter

from aiohttp import web

from console.auth import ENDERS, require_role
from console.contact_words import wrong_text
from console.contacting import TABLE_SOURCE, inbox
from console.context import console
from console.pages import render
from core.errors import UserError
from desk.contacts import ContactError
from desk.table import WrongRows, read_table

PAGE = "/contacts/import"


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get(PAGE, show)
    app.router.add_post(PAGE, take)


async def show(request: web.Request) -> web.Response:
    """Ask for a file."""
    await require_role(request, ENDERS)
    return _page(request)


async def take(request: web.Request) -> web.Response:
    """Keep the contacts of a file; if a row is wrong none, and say which rows are."""
    who = await require_role(request, ENDERS)
    form = await request.post()
    file = form.get("file")
    box, store = inbox(request), console(request).store
    now_ms = console(request).clock.now_ms()
    try:
        content = file.file.read() if isinstance(file, web.FileField) else b""
        drafts = await asyncio.to_thread(read_table, content, box.channels, now_ms)
    except WrongRows as error:
        return _page(request, wrong=error)
    except UserError as error:
        return _page(request, refused=str(error))
    done: Counter[str] = Counter()
    for draft in drafts:
        done[(await box.take(draft, source=TABLE_SOURCE, by=who)).put] += 1
    await store.audit(now_ms, who, "contacts_imported", f"{done['stored']} contacts")
    return _page(request, done=done)


def _page(
    request: web.Request,
    *,
    wrong: WrongRows | None = None,
    refused: str = "",
    done: Counter[str] | None = None,
) -> web.Response:
    language = console(request).languages.of(request)
    channels = inbox(request).channels
    lines = [
        (
            one.line,
            wrong_text(
                ContactError(one.field, one.reason), channels, language.gettext, language.code
            ),
        )
        for one in (wrong.rows if wrong else ())
    ]
    return render(
        request,
        "contact_import.html",
        status=400 if wrong or refused else 200,
        lines=lines,
        count=wrong.count if wrong else 0,
        refused=refused,
        done=done,
        channels=channels,
    )
