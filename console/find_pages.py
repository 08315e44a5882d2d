"""Owns the page that finds a caller's visit: by the spoken code, or by what the caller remembers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web

from console.codes import Coded, find_code, trouble_link
from console.context import console
from console.pages import render
from console.session_pages import LEAD_MS, Moment
from core.codes import spaced
from core.model import Session
from core.store import Store
from replay.candidates import Candidate, Visit, likely, ranked
from replay.memory import MOST_TEXT, Memory, Span, read_memory

DAY_MS = 86_400_000

MOST_LOOKED_AT = 5_000
"""Sessions of a time, by their rows: a busy site's day. Newer ones first."""

MOST_READ = 40
"""Of those, the likely ones whose events are read: some hundred milliseconds."""

MOST_SHOWN = 10


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/find", find)


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate as it is listed, and the address that it opens at."""

    candidate: Candidate
    link: str
    rules: dict[str, dict[str, str]]  # titles of its flags, by rule and by flag id


async def find(request: web.Request) -> web.StreamResponse:
    """Lead to the visit of a code; list those that fit what else was typed."""
    text = request.query.get("q", "").strip()[:MOST_TEXT]
    store, now_ms = console(request).store, console(request).clock.now_ms()
    coded = await find_code(store, text, now_ms) if text else None
    if coded and coded.session and coded.good:
        raise web.HTTPSeeOther(await trouble_link(store, coded.session))
    sites = await store.sites()
    site = request.query.get("site", "")
    zone = request.query.get("tz", "")
    memory = read_memory(text, datetime.fromtimestamp(now_ms / 1000, zone_of(zone)))
    rows = [] if coded or not text else await _candidates(store, memory, site or None, now_ms)
    return render(
        request,
        "find.html",
        text=text,
        zone=zone,
        sites=sites,
        site=site if site in {name for one in sites for name in (one.name, one.key)} else "",
        coded=coded,
        code=spaced(coded.code) if coded else "",
        coded_rows=await _coded_rows(store, coded),
        memory=memory,
        rows=rows,
        day_ms=DAY_MS,
    )


def zone_of(name: str) -> tzinfo:
    """Return the reader's time zone as their browser tells it; UTC, in which pages show times without it, if not."""
    try:
        return ZoneInfo(name) if 0 < len(name) <= 64 else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


async def _coded_rows(store: Store, coded: Coded | None) -> list[tuple[str, Session, str]]:
    """Return the visits that a wrong code may mean, or that of one that has run out: code, session, address."""
    if coded is None:
        return []
    found = [(coded.code, coded.session)] if coded.session else list(coded.meant)
    return [(spaced(code), session, await trouble_link(store, session)) for code, session in found]


async def _candidates(store: Store, memory: Memory, site: str | None, now_ms: int) -> list[Row]:
    """Return the visits that fit *memory* best."""
    spans = memory.spans or (Span(now_ms - DAY_MS, now_ms, 0),)
    sessions: dict[str, Session] = {}
    for span in spans:
        found = await store.sessions_around(
            span.from_ms - span.give_ms,
            span.until_ms + span.give_ms,
            limit=MOST_LOOKED_AT,
            site=site,
        )
        sessions |= {one.id: one for one in found}
    chosen = likely(sessions.values(), memory, MOST_READ)
    batches = await store.batches_of([one.id for one in chosen])
    visits = [Visit(one, await store.flags(one.id), batches.get(one.id, [])) for one in chosen]
    titles = {
        one.session.id: {key: flag.title for flag in one.flags for key in (flag.id, flag.rule)}
        for one in visits
    }
    return [
        Row(one, _link(one), titles[one.session.id]) for one in ranked(visits, memory, MOST_SHOWN)
    ]


def _link(candidate: Candidate) -> str:
    session = candidate.session
    if candidate.flag is not None:
        return Moment(session.id, flag=candidate.flag).link
    at_ms = candidate.at_ms if candidate.at_ms is not None else session.started_ms
    return Moment(session.id, at_ms=max(0.0, at_ms - session.started_ms - LEAD_MS)).link
