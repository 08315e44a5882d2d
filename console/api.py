"""
Owns the JSON API under /api/v1 (docs/api.md): what programs read, and the end of a session.

Field names here are a promise. Tokens are asked for by console/auth.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from console.auth import TOKEN, ApiError, require
from console.context import console, route_of
from console.finding import find_of
from console.format import iso
from console.language import Language
from console.named import api_session
from core.durations import parse_duration_ms
from core.effort import Effort
from core.errors import StoreBusy, StoreError
from core.form_use import FORM_USES
from core.model import Flag, Gap, Place, Score, Session, SessionQuery, Site, band_of
from core.search import FIELDS, Find
from replay import deep
from replay.recording import recordings

log = logging.getLogger("stolper.console")

PREFIX = "/api/v1"
MAX_LIMIT = 1000
MOST_VALUES = 100
"""Values of a facet; `limit` may ask for fewer."""

_COUNTED = [name for name in FIELDS if name not in FORM_USES]
"""Fields of facets where none are named."""

_SINCE = "since is a time like 2026-09-21T14:00:00Z or a span back from now like 30m, 12h or 7d"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application) -> None:
    """Add the API's routes to *app*."""
    one = PREFIX + "/sessions/{session}"
    app.router.add_get(PREFIX + "/sessions", list_sessions)
    app.router.add_get(PREFIX + "/sessions/facets", show_facets)
    app.router.add_get(one, show_session)
    app.router.add_get(one + "/events", show_events)
    app.router.add_get(one + "/recording", show_recording, allow_head=False)  # a stream
    app.router.add_post(one + "/end", end_session)
    app.router.add_get(PREFIX + "/sites", list_sites)


async def list_sessions(request: web.Request) -> web.Response:
    """Answer with sessions, newest start first or, if asked to, highest score first."""
    await check_site(request)
    query = session_query(request, console(request).clock.now_ms())
    found = await console(request).store.sessions(replace(query, limit=query.limit + 1))
    sessions = found[: query.limit]
    more = str(Place.of(sessions[-1])) if len(found) > query.limit else None
    return answer({"sessions": [session_json(one) for one in sessions], "next": more})


async def show_facets(request: web.Request) -> web.Response:
    """Answer with how many sessions there are, and how many more narrowly."""
    await check_site(request)
    fields = list(dict.fromkeys(request.query.getall("field", _COUNTED)))
    if unknown := [name for name in fields if name not in FIELDS]:
        raise ApiError(
            400, "bad_parameter", f"there is no field '{unknown[0]}': {', '.join(FIELDS)}"
        )
    query = session_query(request, console(request).clock.now_ms())
    query = replace(query, find=find_of(request, request.query), rule=None)
    found = await console(request).store.facets(query, fields, min(query.limit, MOST_VALUES))
    facets = {
        name: [{"value": value, "sessions": count} for value, count in values]
        for name, values in found.values.items()
    }
    return answer({"total": found.total, "facets": facets})


async def show_session(request: web.Request) -> web.Response:
    """Answer with one session, its flags and what is missing of it."""
    session = await api_session(request)
    language = console(request).languages.of(request)
    store = console(request).store
    flags = [flag_json(flag, language) for flag in await store.flags(session.id)]
    gaps = [gap_json(gap) for gap in await store.gaps(session.id)]
    score = score_json(await store.score(session.id))
    efforts = [effort_json(one) for one in await store.efforts(session.id)]
    told = {**session_json(session), **score, "efforts": efforts, "flags": flags, "gaps": gaps}
    return answer({"session": told})


async def show_events(request: web.Request) -> web.Response:
    """Answer with the events of a session, in order of time."""
    session = await api_session(request)
    batches = await console(request).store.batches(session.id)
    events = sorted((e for batch in batches for e in batch.events), key=lambda e: float(e["ts"]))
    return answer({"events": [event_json(event) for event in events]})


async def show_recording(request: web.Request) -> web.StreamResponse:
    """Answer with the list of documents and their rrweb events."""
    session = await api_session(request)
    store, clock = console(request).store, console(request).clock
    await store.audit(clock.now_ms(), f"token {request[TOKEN].id}", "recording", session.id)
    loads = recordings(store, session.id)
    load = await anext(loads, None)  # before the answer begins: what cannot be read at all is a 503
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    with suppress(ConnectionError):  # whoever asked is gone
        await response.prepare(request)
        opening = b"["
        while load is not None:  # one document in memory at a time
            await response.write(opening + await asyncio.to_thread(deep.dumps, load.as_dict()))
            opening = b","
            try:
                load = await anext(loads, None)
            except StoreError:
                log.exception("a recording broke off")
                if request.transport is not None:  # so that nobody takes it for all
                    request.transport.abort()
                return response
        await response.write(b"[]" if opening == b"[" else b"]")
    return response


async def end_session(request: web.Request) -> web.Response:
    """Close a session as if its idle timeout had passed."""
    require(request, "admin")
    session = await api_session(request)
    ended = await console(request).end_session(session.id)
    who = f"token {request[TOKEN].id}"
    await console(request).store.audit(console(request).clock.now_ms(), who, "ended", session.id)
    return answer({"session": session_json(ended or session)})


async def list_sites(request: web.Request) -> web.Response:
    """Answer with all sites."""
    return answer({"sites": [site_json(site) for site in await console(request).store.sites()]})


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give errors of the API's routes their one shape: {"ok": false, "code", "error"}."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        return await handler(request)
    except ApiError as error:
        return error_json(error.status, error.code, error.error)
    except web.HTTPException as error:
        codes = {404: "not_found", 405: "method"}
        told = {404: f"there is no route {request.path}; docs/api.md lists them"}
        text = told.get(error.status, error.reason)
        return error_json(error.status, codes.get(error.status, "refused"), text)
    except StoreBusy as error:
        response = error_json(503, "busy", str(error))
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    except StoreError as error:
        return error_json(503, "failed", str(error))
    except Exception:  # a fault of ours: say so, keep the details in the log
        log.exception("%s", route_of(request))
        return error_json(500, "internal", "something went wrong; the server's log says what")


def answer(values: dict[str, Any]) -> web.Response:
    """Return the JSON answer that holds *values*."""
    body = orjson.dumps({"ok": True, **values})
    return web.Response(body=body, content_type="application/json")


def error_json(status: int, code: str, error: str) -> web.Response:
    """Return the JSON answer for an error."""
    return web.json_response({"ok": False, "code": code, "error": error}, status=status)


def session_query(request: web.Request, now_ms: int) -> SessionQuery:
    """Return what *request* asks to list. Raise ApiError if a parameter cannot be."""
    flagged = request.query.get("flagged")
    if flagged not in (None, "true", "false"):
        raise ApiError(400, "bad_parameter", "flagged is true or false")
    order = request.query.get("order", "newest")
    if order not in ("newest", "score"):
        raise ApiError(400, "bad_parameter", "order is newest or score")
    find = find_of(request, request.query)
    if find == Find(include=find.include[:1]) and find.included("rule"):
        find = Find()  # of one rule the lists themselves know, up to the second
    return SessionQuery(
        site=request.query.get("site"),
        since_ms=since_ms(request, now_ms),
        rule=None if find else request.query.get("rule") or None,
        find=find or None,
        struggle=request.query.get("struggle"),
        flagged=None if flagged is None else flagged == "true",
        score_min=_optional(request, "score_min", 100),
        score_max=_optional(request, "score_max", 100),
        order="score" if order == "score" else "newest",
        limit=limit(request),
        offset=number(request, "offset", 0, 0, 10_000_000),
        after=_place(request),
    )


def _place(request: web.Request) -> Place | None:
    text = request.query.get("after")
    if text is None:
        return None
    try:
        return Place.read(text)
    except ValueError:
        raise ApiError(400, "bad_parameter", "after is the `next` of an answer before") from None


def since_ms(request: web.Request, now_ms: int) -> int | None:
    """Return the parameter `since`: ISO 8601 (UTC if it names no zone), or a span like 7d."""
    text = request.query.get("since")
    if text is None:
        return None
    try:
        at = iso_ms(text) if re.match(r"\d{4}-", text) else now_ms - parse_duration_ms(text)
    except (ValueError, OverflowError):
        raise ApiError(400, "bad_parameter", _SINCE) from None
    return max(0, at)  # nothing is older


def iso_ms(text: str) -> int:
    """Return ISO 8601 *text* in Unix milliseconds. The + of a zone may have become a space."""
    at = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text else text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def limit(request: web.Request) -> int:
    """Return the parameter `limit`."""
    return number(request, "limit", 50, 1, MAX_LIMIT)


def _optional(request: web.Request, name: str, most: int) -> int | None:
    return number(request, name, 0, 0, most) if name in request.query else None


def number(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    """Return the parameter *name*, a number from *least* to *most*."""
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
        raise ApiError(400, "bad_parameter", f"{name} is a number from {least} to {most}")
    return int(text)


async def check_site(request: web.Request) -> None:
    """Raise ApiError if the parameter `site` names none: an empty list would hide a typing error."""
    site = request.query.get("site")
    if site is not None and await console(request).store.site(site) is None:
        raise ApiError(404, "not_found", f"there is no site '{site[:100]}'")


def session_json(session: Session) -> dict[str, Any]:
    """Return *session* as lists have it; `flags` is a number."""
    return {
        "id": session.id,
        "site": session.site_name,
        "site_key": session.site,
        "started_at": iso(session.started_ms),
        "last_at": iso(session.last_ms),
        "duration_ms": session.last_ms - session.started_ms,
        "ended": session.ended_ms is not None,
        "ended_at": None if session.ended_ms is None else iso(session.ended_ms),
        "end_kind": session.end_kind,
        "pages": session.pages,
        "events": session.events,
        "score": session.score,
        "band": None if session.score is None else band_of(session.score),
        "flags": session.flags,
        "top_severity": session.top_severity,
        "rules": list(session.rules),
        "complete": session.complete,
        "canary": session.canary,
        "visitor": session.visitor,
        "identity": session.identity,
        "attributes": session.attributes,
        "entry_path": session.entry_path,
        "last_path": session.last_path,
    }


def score_json(score: Score | None) -> dict[str, Any]:
    """Return what a session's *score* is made of."""
    if score is None:
        return {"points": None, "terms": None}
    terms = [
        {
            "flag": term.flag,
            "rule": term.rule,
            "version": term.version,
            "target": term.target,
            "at": iso(term.at_ms),
            "incident": term.incident,
            "weight": term.weight,
            "repeat": term.repeat,
            "context": term.context,
            "share": term.share,
            "points": term.points,
        }
        for term in score.terms
    ]
    return {"points": score.points, "terms": terms}


def effort_json(one: Effort) -> dict[str, Any]:
    """Return an effort of a session, with what it is made of; process and step are null for the whole."""
    work, norm = one.work, one.norm
    return {
        "process": work.process or None,
        "step": work.step or None,
        "index": one.index,
        "points": round(one.points, 6),
        "flag_points": round(work.points, 6),
        "extra_points": one.extra,
        "actions": work.actions,
        "visible_ms": work.visible_ms,
        "usual": None
        if norm is None
        else {"sessions": norm.sessions, "actions": norm.actions, "visible_ms": norm.visible_ms},
    }


def flag_json(flag: Flag, language: Language) -> dict[str, Any]:
    """Return *flag* with its title in *language*."""
    target = flag.target
    return {
        "id": flag.id,
        "rule": flag.rule,
        "version": flag.version,
        "title": language.text(flag.title),
        "severity": flag.severity,
        "at": iso(flag.at_ms),
        "first_at": iso(flag.first_ms),
        "until": iso(flag.until_ms),
        "hits": flag.hits,
        "group": flag.group,
        "target": target and {name: target.get(name) for name in ("key", "selector", "label")},
        "page": flag.page,
        "page_load": flag.page_load,
        "tab": flag.tab,
        "evidence": [
            {"event": one.event, "type": one.type, "at": iso(one.at_ms), "path": one.path}
            for one in flag.evidence
        ],
        "captures": flag.captures,
        "provisional": flag.provisional,
    }


def gap_json(gap: Gap) -> dict[str, Any]:
    """Return *gap*."""
    return {"kind": gap.kind, "page_load": gap.page_load, "detail": gap.detail}


def event_json(event: dict[str, Any]) -> dict[str, Any]:
    """Return *event* as stored, with its id and its time as text."""
    return {
        "id": f"{event['page_load']}:{event['i']}",
        "at": iso(event["ts"]),
        **event,
        "ts": int(ts) if (ts := float(event["ts"])).is_integer() else ts,
    }


def site_json(site: Site) -> dict[str, Any]:
    """Return *site*."""
    return {
        "key": site.key,
        "name": site.name,
        "origins": list(site.origins),
        "mode": site.mode,
        "privacy": site.privacy,
        "idle_timeout_ms": site.idle_timeout_ms,
        "created_at": iso(site.created_ms),
        "options": asdict(site.options),
    }
