"""
Owns the transcript as a page, as part of the session's page, and for programs.

What it tells is replay/transcript.py's, in which words console/transcript_words.py's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from console.api import PREFIX, answer
from console.auth import SIGNED_IN, TOKEN, ApiError
from console.context import console
from console.format import duration
from console.language import Language
from console.named import api_session, session_of
from console.pages import render
from console.transcript_words import Told, told
from core.errors import UserError
from core.model import Session
from replay.known import WHOLE, Span, known_of, parse_span
from replay.transcript import transcribe


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/transcript", show)
    app.router.add_get(PREFIX + "/sessions/{session}/transcript", tell)


async def transcript_of(
    request: web.Request, session: Session, language: Language, span: Span = WHOLE
) -> Told:
    """Return the transcript of *session*, or of a *span* of it, in *language*."""
    known = await known_of(console(request).store, session, span)
    return told(session, transcribe(known), language)


async def show(request: web.Request) -> web.Response:
    """Show a session as text, to read, copy and print."""
    session = await session_of(request)
    language = console(request).languages.of(request)
    asked = span_asked(request)
    wrong, span = "", WHOLE
    try:
        span = parse_span(asked["from"], asked["until"])
    except UserError:
        wrong = language.gettext("Write times like 0:45 or 1:02:03, the second after the first.")
    store = console(request).store
    now_ms, who = console(request).clock.now_ms(), request[SIGNED_IN].user
    await store.audit(now_ms, who, "transcribed", session.id)
    made = await transcript_of(request, session, language, span)
    if request.query.get("part") == "lines":  # for the session's page, beside the player
        return render(request, "transcript_lines.html", session=session, told=made)
    return render(
        request,
        "transcript.html",
        session=session,
        told=made,
        asked=asked,
        whole=span.whole,
        wrong=wrong,
        length=duration(session.last_ms - session.started_ms),
    )


async def tell(request: web.Request) -> web.Response:
    """Answer with the transcript as text and as lines."""
    session = await api_session(request)
    language = console(request).languages.of(request)
    try:
        span = parse_span(request.query.get("from"), request.query.get("until"))
    except UserError as error:
        raise ApiError(400, "bad_parameter", str(error)) from None
    store, now_ms = console(request).store, console(request).clock.now_ms()
    await store.audit(now_ms, f"token {request[TOKEN].id}", "transcribed", session.id)
    made = await transcript_of(request, session, language, span)
    lines: list[dict[str, Any]] = [asdict(line) for line in made.lines]
    return answer({"transcript": {"language": language.code, "text": made.text, "lines": lines}})


def span_asked(request: web.Request) -> dict[str, str]:
    """Return `from` and `until` of the address, as they stand there."""
    return {name: request.query.get(name, "")[:20] for name in ("from", "until")}
