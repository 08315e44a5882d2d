"""
Owns the struggles' part of the JSON API (docs/api.md): the queue, one struggle, and what is said of it.

Field names here are a promise.
"""

from __future__ import annotations

from math import isinf
from typing import Any

from aiohttp import web

from console.api import PREFIX, answer, check_site, limit, number, since_ms
from console.auth import TOKEN, ApiError, require
from console.context import console
from console.fixing import verdict_of
from console.format import iso
from console.language import Language
from console.named import api_body
from console.queue_query import CHOICES
from console.queue_words import today_of
from console.triage_pages import is_day
from core.model import SEVERITIES
from core.triage import (
    DUES,
    NOTE_LENGTH,
    ORDERS,
    REASON_LENGTH,
    RELEASE_LENGTH,
    SETTABLE,
    Entry,
    Queued,
    QueueQuery,
    TriageChange,
)
from insight.fixes import Verdict

_FIELDS = ("state", "release", "reason", "owner", "due", "reviewed", "note")


def add_routes(app: web.Application) -> None:
    """Add the API's routes of struggles to *app*."""
    app.router.add_get(PREFIX + "/struggles", list_struggles)
    app.router.add_get(PREFIX + "/struggles/{struggle}", show_struggle)
    app.router.add_patch(PREFIX + "/struggles/{struggle}", change_struggle)


async def list_struggles(request: web.Request) -> web.Response:
    """Answer with struggles, most sessions first unless asked otherwise."""
    await check_site(request)
    now_ms = console(request).clock.now_ms()
    asked = request.query
    query = QueueQuery(
        today=today_of(now_ms),
        site=asked.get("site"),
        since_ms=since_ms(request, now_ms),
        states=CHOICES[_word(request, "state", tuple(CHOICES)) or "all"],
        owner=asked.get("owner"),
        rule=asked.get("rule"),
        text=asked.get("text", "")[:200],
        severity=_word(request, "severity", SEVERITIES),
        reviewed={"true": True, "false": False}.get(_word(request, "reviewed", ("true", "false")) or ""),
        due=_word(request, "due", DUES),
        order=_word(request, "order", ORDERS) or "sessions",
        limit=limit(request),
        offset=number(request, "offset", 0, 0, 1_000_000),
    )  # fmt: skip
    queue = await console(request).store.queue(query)
    language = console(request).languages.of(request)
    return answer(
        {
            "struggles": [struggle_json(one, language) for one in queue.items],
            "total": queue.total,
            "states": queue.by_state,
            "reviewed": queue.reviewed,
            "flagged": queue.flagged,
        }
    )


def _word(request: web.Request, name: str, words: tuple[Any, ...]) -> Any:
    given = request.query.get(name)
    if given is not None and given not in words:
        raise ApiError(400, "bad_parameter", f"{name} is one of {', '.join(words)}")
    return given


async def show_struggle(request: web.Request) -> web.Response:
    """Answer with one struggle over all time, and its history."""
    return await _told(request)


async def change_struggle(request: web.Request) -> web.Response:
    """Say what the body says of one struggle; what it does not name stays."""
    require(request, "admin")
    body = await _body(request)
    users = {user.name for user in await console(request).store.users()}
    change = _change(body, users)
    key = request.match_info["struggle"]
    if await console(request).store.struggle(key) is None:
        raise ApiError(404, "not_found", "there is no such struggle")
    await console(request).store.set_triage(
        [key], change, who=f"token {request[TOKEN].id}", at_ms=console(request).clock.now_ms()
    )
    return await _told(request)


async def _told(request: web.Request) -> web.Response:
    store, key = console(request).store, request.match_info["struggle"]
    one = await store.queued(key)
    if one is None:
        raise ApiError(404, "not_found", "there is no such struggle")
    history = [entry_json(entry) for entry in await store.triage_history(key)]
    told = struggle_json(one, console(request).languages.of(request))
    fixed = verdict_json(await verdict_of(request, key))
    return answer({"struggle": {**told, "fix": fixed, "history": history}})


async def _body(request: web.Request) -> dict[str, Any]:
    """Return the body; a field that there is none of is a slip of the pen."""
    body = await api_body(request)
    if unknown := sorted(set(body) - set(_FIELDS)):
        told = f"there is no '{unknown[0][:50]}'; there are {', '.join(_FIELDS)}"
        raise ApiError(400, "bad_parameter", told)
    return body


def _change(body: dict[str, Any], users: set[str]) -> TriageChange:
    state, owner, due = body.get("state"), body.get("owner"), body.get("due")
    if state is not None and state not in SETTABLE:
        raise ApiError(400, "bad_parameter", f"state is one of {', '.join(SETTABLE)}")
    if state == "ignored" and not body.get("reason"):
        raise ApiError(400, "bad_parameter", "reason says why it is ignored")
    if owner is not None and not (isinstance(owner, str) and owner in users):
        raise ApiError(400, "bad_parameter", "owner is the name of a user, or null for nobody")
    if due is not None and not (isinstance(due, str) and is_day(due)):
        raise ApiError(400, "bad_parameter", "due is a day like 2026-09-21, or null for none")
    if not isinstance(body.get("reviewed", False), bool):
        raise ApiError(400, "bad_parameter", "reviewed is true or false")
    return TriageChange(
        state=state,
        release=_text(body, "release", RELEASE_LENGTH),
        reason=_text(body, "reason", REASON_LENGTH),
        owner=(owner or "") if "owner" in body else None,
        due=(due or "") if "due" in body else None,
        reviewed=body.get("reviewed"),
        note=_text(body, "note", NOTE_LENGTH),
    )


def _text(body: dict[str, Any], name: str, most: int) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise ApiError(400, "bad_parameter", f"{name} is a text of at most {most} characters")
    return value.strip() if name == "note" else " ".join(value.split())


def struggle_json(one: Queued, language: Language) -> dict[str, Any]:
    """Return *one* with its title in *language*."""
    struggle, said = one.struggle, one.triage
    target = struggle.target
    return {
        "key": struggle.key,
        "site": struggle.site_name,
        "site_key": struggle.site,
        "rule": struggle.rule,
        "title": language.text(struggle.title),
        "severity": struggle.severity,
        "page": struggle.page,
        "target": target and {name: target.get(name) for name in ("key", "selector", "label")},
        "sessions": struggle.sessions,
        "visitors": struggle.visitors,
        "share": round(one.share, 6),
        "flags": struggle.flags,
        "first_at": iso(struggle.first_ms),
        "last_at": iso(struggle.last_ms),
        "trend": list(struggle.trend),
        "example": {
            "session": struggle.example_session,
            "flag": struggle.example_flag,
            "at": iso(struggle.example_ms),
        },
        "state": said.state,
        "state_at": None if said.state_ms is None else iso(said.state_ms),
        "state_by": said.state_by or None,
        "release": said.release or None,
        "reason": said.reason or None,
        "owner": said.owner or None,
        "due": said.due or None,
        "reviewed_at": None if said.reviewed_ms is None else iso(said.reviewed_ms),
        "reviewed_by": said.reviewed_by or None,
    }


def verdict_json(one: Verdict | None) -> dict[str, Any] | None:
    """Return what came of a fix; an open end of an interval is null."""
    if one is None:
        return None
    numbers = [] if one.ratio is None else [one.ratio.value, one.ratio.low, one.ratio.high]
    value, low, high = [None if isinf(n) else round(n, 6) for n in numbers] or [None] * 3
    return {
        "outcome": one.outcome,
        "since": iso(one.at_ms),
        "by_release": one.by_release,
        "before": {"sessions": one.before.met.all, "met": one.before.met.some},
        "after": {"sessions": one.since.met.all, "met": one.since.met.some},
        "ratio": value,
        "low": low,
        "high": high,
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return a line of a struggle's history."""
    return {
        "at": iso(entry.at_ms),
        "who": entry.who or None,
        "what": entry.what,
        "before": entry.before,
        "after": entry.after,
        "detail": entry.detail,
        "edited_at": None if entry.edited_ms is None else iso(entry.edited_ms),
    }
