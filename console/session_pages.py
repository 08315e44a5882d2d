"""Owns the page of one session, with what its player is told, and what pages with lists of sessions share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web
from babel.numbers import format_decimal
from markupsafe import Markup

from console.auth import ENDERS, OWNERS, SIGNED_IN, by_itself, has_role, may_edit, require_role
from console.compression import json_of
from console.context import console
from console.effort_words import band_text, rows_of
from console.export_pages import dialog_values
from console.finding import PERIODS, asked_of
from console.named import session_of
from console.neighbours import LIST, neighbours
from console.note_pages import notes_of
from console.pages import render
from console.panel_words import event_kinds, panel_texts
from console.process_words import process_texts
from console.score_words import incidents
from console.stage import stage_path
from console.texts import player_texts, timeline_json
from console.workbench import DraftFlag
from core.model import Place, Session, SessionQuery
from core.store import Store
from replay.hands import noted
from replay.timeline import Timeline, build_timeline, inactive_spans

PAGE_SIZE = 50

MOST_COUNTED = 10_000
"""Above this it is said that there are more: to count on would take longer than all the rest."""

LEAD_MS = 5_000
"""A link to a flag opens this long before it: the visitor's way into trouble is the story."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a session that has its own address."""

    session: str
    at_ms: float | None = None  # from the session's start
    flag: str | None = None

    @property
    def link(self) -> str:
        """Return the address."""
        query: dict[str, str] = {}
        if self.flag is not None:
            query["flag"] = self.flag
        if self.at_ms is not None:
            query["at"] = str(round(self.at_ms))
        return f"/sessions/{self.session}" + (f"?{urlencode(query)}" if query else "")


async def moment_of(store: Store, flag: DraftFlag) -> Moment:
    """Return where a draft's *flag* is replayed: by its id if it is stored, else by its time."""
    if flag.flag is not None:
        return Moment(flag.session, flag=flag.flag)
    session = await store.session(flag.session)
    start = session.started_ms if session else flag.at_ms
    return Moment(flag.session, at_ms=max(0.0, flag.at_ms - start - LEAD_MS))


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}", show_one)
    app.router.add_get("/sessions/{session}/timeline", show_timeline)
    app.router.add_get("/sessions/{session}/activity", show_activity)
    app.router.add_post("/sessions/{session}/end", end_one)


def since(request: web.Request) -> tuple[str, int | None]:
    """Return the period chosen in the address, and its beginning."""
    chosen = request.query.get("since", "")
    span = PERIODS.get(chosen)
    return (chosen, console(request).clock.now_ms() - span) if span else ("", None)


def place(request: web.Request, name: str) -> Place | None:
    """Return the place in a list that the parameter *name* tells; None if it is none."""
    try:
        return Place.read(request.query.get(name, ""))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list of sessions, and the parameters of the pages beside it, where there are some."""

    sessions: list[Session]
    here: dict[str, str]
    previous: dict[str, str] | None
    next: dict[str, str] | None


async def page_of(store: Store, query: SessionQuery) -> Page:
    """Return the page of *query*: its sessions, and whether there are others on either side."""
    if query.after is None and query.before is not None:
        found = await store.sessions(replace(query, limit=PAGE_SIZE + 1))
        if len(found) > PAGE_SIZE:
            found = found[-PAGE_SIZE:]
            return Page(found, {"before": str(query.before)}, _before(found), _after(found))
        query = replace(query, before=None)  # too few are left before it: it is the first page
    found = await store.sessions(replace(query, before=None, limit=PAGE_SIZE + 1))
    here = {} if query.after is None else {"after": str(query.after)}
    shown = found[:PAGE_SIZE]
    previous = None
    if query.after is not None:
        previous = _before(shown) if shown else {}
    return Page(shown, here, previous, _after(shown) if len(found) > PAGE_SIZE else None)


def _after(sessions: Sequence[Session]) -> dict[str, str]:
    return {"after": str(Place.of(sessions[-1]))}


def _before(sessions: Sequence[Session]) -> dict[str, str]:
    return {"before": str(Place.of(sessions[0]))}


def total_text(request: web.Request, total: int) -> str:
    """Return how many sessions there are, in words. Of very many it is not counted how many."""
    language = console(request).languages.of(request)
    if total > MOST_COUNTED:
        return language.gettext("more than %(num)s sessions") % {
            "num": format_decimal(MOST_COUNTED, locale=language.code)
        }
    return language.ngettext("%(num)s session", "%(num)s sessions", total) % {"num": total}


async def known_rules(
    request: web.Request, sessions: Sequence[Session], chosen: Iterable[str] = ()
) -> dict[str, tuple[str, str]]:
    """
    Return title and severity of the rules that there are, by id.

    Rules of *sessions*, and those *chosen*, that are no longer there are called as their flags are.
    """
    language = console(request).languages.of(request)
    rules = console(request).workbench.rules()
    known = {rule.id: (language.text(rule.title), str(rule.severity)) for rule in rules}
    wanted = {rule for session in sessions for rule in session.rules} | {*chosen}
    store = console(request).store
    for rule in wanted - known.keys():
        for session in await store.sessions(SessionQuery(rule=rule, limit=1)):
            for flag in await store.flags(
                session.id
            ):  # withdrawn meanwhile: it is called by its id
                if flag.rule == rule:
                    known[rule] = language.text(flag.title), str(flag.severity)
                    break
    return known


async def show_one(request: web.Request) -> web.Response:
    """Show one session with its player."""
    session = await session_of(request)
    store = console(request).store
    built = (console(request).player_dir / "player.js").is_file()
    language = console(request).languages.of(request)
    site = await store.site(session.site)
    timeline = await _timeline(request, session)
    beside = await neighbours(
        store,
        session,
        request.query.get(LIST, ""),
        lambda asked: asked_of(request, asked).query,
        console(request).clock.now_ms(),
    )
    flags, score = await store.flags(session.id), await store.score(session.id)
    return render(
        request,
        "session.html",
        session=session,
        flags=flags,
        score=score,
        incidents=incidents(score, flags, language.gettext) if score else [],
        efforts=rows_of(
            await store.efforts(session.id), score, flags, process_texts(request), language
        ),
        effort_band=lambda band: band_text(band, language.gettext),
        gaps=timeline["gaps"],
        start_ms=timeline["start"],
        # Pages of the origin "null" have no address that could be shown.
        origin=site.origins[0].removeprefix("null") if site and len(site.origins) == 1 else "",
        lead_ms=LEAD_MS,
        built=built,
        beside=beside,
        event_kinds=event_kinds(language),
        may_note=await has_role(request, ENDERS),
        may_end=await has_role(request, ENDERS),
        **dialog_values(session, language),
        may_pick=await may_edit(request),
        may_release=await has_role(request, OWNERS),
        releases=request.query.getall("chosen", []),
        player=_script_json(
            {"timeline": timeline, "texts": {**player_texts(language), **panel_texts(language)}}
        ),
    )


@by_itself
async def show_timeline(request: web.Request) -> web.Response:
    """Answer with the player's view of a session, for a page that is open."""
    session = await session_of(request)
    return json_of(session, orjson.dumps(await _timeline(request, session)))


@by_itself
async def show_activity(request: web.Request) -> web.Response:
    """Answer with the spans in which the visitor did nothing, and with what of the recording cannot be played."""
    session = await session_of(request)
    store = console(request).store
    timeline = await _raw_timeline(request, session)
    known = await noted(store, session.id)
    moments = [*known.moments, *(row.at_ms for row in timeline.rows)]
    spans = inactive_spans(moments, timeline.start_ms, timeline.end_ms)
    told = {"inactive": spans, "gaps": [gap.as_dict() for gap in known.gaps]}
    return json_of(session, orjson.dumps(told))


async def end_one(request: web.Request) -> web.Response:
    """Close a running session."""
    who = await require_role(request, ENDERS)
    session = await session_of(request)
    await console(request).end_session(session.id)
    await console(request).store.audit(console(request).clock.now_ms(), who, "ended", session.id)
    raise web.HTTPSeeOther(Moment(session.id).link)


async def _raw_timeline(request: web.Request, session: Session) -> Timeline:
    store = console(request).store
    return build_timeline(
        session,
        await store.batches(session.id),
        await store.page_loads(session.id),
        await store.chunks(session.id),
        await store.gaps(session.id),
    )


async def _timeline(request: web.Request, session: Session) -> dict[str, Any]:
    """Return the timeline in the reader's language, with a fresh address of the stage."""
    language = console(request).languages.of(request)
    flags = await console(request).store.flags(session.id)
    stage = stage_path(request, session.id, request[SIGNED_IN])
    timeline = await _raw_timeline(request, session)
    notes = await notes_of(request, session.id)
    return {**timeline_json(session, timeline, flags, language), "notes": notes, "stage": stage}


def _script_json(values: dict[str, Any]) -> Markup:
    """Return *values* as JSON that cannot end the script element it stands in."""
    return Markup(orjson.dumps(values).decode().replace("<", "\\u003c"))
