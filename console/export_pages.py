"""
Owns handing out a session as a file: the page that asks which, the dialog beside the player, the API.

What the files hold is console/exporting.py's. Each one that is handed out stands in the audit log.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO, Any, cast

from aiohttp import web

from console.api import PREFIX
from console.auth import ENDERS, TOKEN, ApiError, require_role
from console.context import console
from console.exporting import FORMS, MEDIA, Form, NotBuilt, Wish, file_name, write_export
from console.format import duration
from console.language import Language
from console.named import api_session, session_of
from console.pages import render
from core.errors import UserError
from core.model import Session
from replay.known import parse_span

EXPORTERS = ENDERS
"""Who may take a session out of here. Whoever may only look may not."""

SPOOL_BYTES = 8_000_000
"""A file larger than that is put together on the disk."""

PIECE = 1 << 18


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/export", show)
    app.router.add_post("/sessions/{session}/export", export)
    app.router.add_get(PREFIX + "/sessions/{session}/export", tell, allow_head=False)  # a file


async def show(request: web.Request) -> web.Response:
    """Ask as what, and which part of it."""
    await require_role(request, EXPORTERS)
    session = await session_of(request)
    return _page(request, session, request.query, 200)


async def export(request: web.Request) -> web.StreamResponse:
    """Hand out a session as a file."""
    who = await require_role(request, EXPORTERS)
    session = await session_of(request)
    form = {name: str(value) for name, value in (await request.post()).items()}
    language = console(request).languages.of(request)
    try:
        wish = _wish(form, language, notes="notes" in form)
    except UserError:
        wrong = language.gettext("Write times like 0:45 or 1:02:03, the second after the first.")
        return _page(request, session, form, 400, wrong=wrong)
    try:
        return await _hand_out(request, session, wish, who)
    except NotBuilt:
        wrong = language.gettext(
            "The player is not built. Run this on the server, then try again: make build"
        )
        return _page(request, session, form, 503, wrong=wrong)


async def tell(request: web.Request) -> web.StreamResponse:
    """Hand out a session as a file, to a program."""
    session = await api_session(request)
    notes = request.query.get("notes", "true") != "false"
    try:
        wish = _wish(request.query, console(request).languages.of(request), notes=notes)
        return await _hand_out(request, session, wish, f"token {request[TOKEN].id}")
    except NotBuilt as error:
        raise ApiError(503, "failed", str(error)) from None
    except UserError as error:
        raise ApiError(400, "bad_parameter", str(error)) from None


def export_choices(language: Language) -> list[tuple[Form, str, str]]:
    """Return the forms with what each is called and good for."""
    _ = language.gettext
    texts: dict[Form, tuple[str, str]] = {
        "html": (
            _("One file to play offline"),
            _("Player, recording, events, struggles, notes, style sheets, fonts and kept pictures in one HTML file. It opens from the disk and loads nothing from anywhere."),
        ),
        "text": (_("Transcript"), _("The session as sentences, for tickets and mails.")),
        "csv": (_("Events as a table"), _("CSV with a row for each event, for spreadsheets.")),
        "json": (_("Events as JSON"), _("Events, struggles, gaps and notes, for programs.")),
        "rrweb": (_("Recording (rrweb)"), _("JSON that every player of rrweb plays, and that Stolper imports.")),
    }  # fmt: skip
    return [(form, *texts[form]) for form in texts]


def dialog_values(session: Session, language: Language) -> dict[str, Any]:
    """Return what the form needs where it stands in a dialog beside the player."""
    return {
        "choices": export_choices(language),
        "asked": {"format": "html", "from": "", "until": ""},
        "length": duration(session.last_ms - session.started_ms),
    }


def _page(
    request: web.Request, session: Session, asked: Mapping[str, Any], status: int, wrong: str = ""
) -> web.Response:
    form = str(asked.get("format", "html"))
    return render(
        request,
        "export.html",
        status=status,
        session=session,
        choices=export_choices(console(request).languages.of(request)),
        asked={
            "format": form if form in FORMS else "html",
            **{name: str(asked.get(name, ""))[:20] for name in ("from", "until")},
        },
        wrong=wrong,
        length=duration(session.last_ms - session.started_ms),
    )


def _wish(asked: Mapping[str, str], language: Language, *, notes: bool) -> Wish:
    """Return what *asked* says. Raise UserError if a part of it cannot be."""
    form = asked.get("format", "html")
    if form not in FORMS:
        raise UserError(f"format is one of {', '.join(FORMS)}")
    span = parse_span(asked.get("from"), asked.get("until"))
    return Wish(form, span, language.code, notes=notes)


async def _hand_out(
    request: web.Request, session: Session, wish: Wish, who: str
) -> web.StreamResponse:
    store, clock = console(request).store, console(request).clock
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        out = cast(IO[bytes], file)
        await write_export(store, session, wish, console(request).player_dir, out)
        await store.audit(clock.now_ms(), who, "exported_file", session.id)
        name = file_name(session, wish)
        response = web.StreamResponse(
            headers={
                "Content-Type": MEDIA[wish.form],
                "Content-Disposition": f'attachment; filename="{name}"',
                # Never a page of this console, even where a browser is told to show it.
                "Content-Security-Policy": "default-src 'none'; sandbox",
            }
        )
        response.content_length = out.tell()
        await response.prepare(request)
        async for piece in _pieces(out):
            await response.write(piece)
    return response


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece
