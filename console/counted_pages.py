"""Owns the pages that messages lead to: the sessions that a number counted, and a week."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.alert_words import (
    counted_link,
    day_text,
    digest_facts,
    digest_lead,
    fix_facts,
    review_facts,
    sessions_and_before,
)
from console.auth import SIGNED_IN
from console.context import console
from console.digest import Digest, digest, week_until
from console.pages import render
from console.session_pages import MOST_COUNTED, Moment, known_rules, total_text
from core.alerts import FlagFilter, Span
from core.model import SEVERITIES, Session, SessionQuery, Severity

PAGE_SIZE = 50

VISITS = ("all", "flagged")
"""What a week counts sessions by their start as, instead of by the flags in them."""

LAST_MS = 1 << 53
LATEST_MS = 253_370_764_800_000  # 9999-01-01


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/counted", show_counted)
    app.router.add_get("/digest", show_digest)


async def show_counted(request: web.Request) -> web.Response:
    """List exactly the sessions that a message counted, each opened at the flag that counts."""
    store, asked = console(request).store, dict(request.query)
    span = Span(_ms(asked, "from", 0), _ms(asked, "until", LAST_MS))
    site = await store.site(asked["site"]) if asked.get("site") else None
    offset = min(_ms(asked, "offset", 0), MOST_COUNTED)
    links: dict[str, str] = {}
    sessions: Sequence[Session]
    visits = asked.get("visits", "")
    if visits in VISITS:
        query = SessionQuery(
            site=asked.get("site") or None,
            since_ms=span.from_ms,
            until_ms=span.until_ms,
            flagged=True if visits == "flagged" else None,
            limit=PAGE_SIZE,
            offset=offset,
        )
        total = await store.count_sessions(query, most=MOST_COUNTED)
        sessions = await store.sessions(query)
    else:
        wanted = _filter(asked)
        [total] = await store.count_flagged(wanted, [span])
        found = await store.flagged_sessions(wanted, span, PAGE_SIZE, offset=offset)
        sessions = [one.session for one in found]
        links = {one.session.id: Moment(one.session.id, flag=one.flag).link for one in found}
    ids = [one.id for one in sessions]
    rules = await known_rules(request, sessions, asked.get("rule", ""))
    title = rules.get(asked.get("rule", ""), ("", ""))[0]
    return render(
        request,
        "counted.html",
        sessions=sessions,
        rules=rules,
        watched=await store.watched_by(request[SIGNED_IN].user, ids),
        notes=await store.note_counts(ids),
        open=lambda session: links.get(session, Moment(session).link),
        total=total_text(request, total),
        rule=title or asked.get("rule", ""),
        asked={"page": asked.get("page", ""), "severity": _filter(asked).severity},
        site=site.name if site else asked.get("site", ""),
        visits=visits,
        from_ms=span.from_ms or None,
        until_ms=span.until_ms if span.until_ms < LAST_MS else None,
        previous=_beside(asked, offset - PAGE_SIZE) if offset else None,
        next=_beside(asked, offset + PAGE_SIZE) if total > offset + PAGE_SIZE else None,
    )


async def show_digest(request: web.Request) -> web.Response:
    """Show a week in numbers: what the weekly mail tells, on a page that prints."""
    store, asked = console(request).store, dict(request.query)
    zone = console(request).settings.alerts.time_zone
    now_ms = console(request).clock.now_ms()
    until = min(_ms(asked, "until", now_ms), now_ms)
    span = week_until(until, zone)
    sites = await store.sites()
    key = next((one.key for one in sites if asked.get("site") in (one.key, one.name)), "")
    week = await digest(store, key, span, zone)
    language = console(request).languages.of(request)
    newer = week_until(span.until_ms + (span.until_ms - span.from_ms) + 7_200_000, zone)

    def link(at_ms: int) -> str:
        return "/digest?" + urlencode({"until": at_ms, **({"site": key} if key else {})})

    return render(
        request,
        "digest.html",
        week=week,
        lead=digest_lead(week, language),
        facts=[
            *zip(digest_facts(week, language), _totals(week), strict=True),
            *zip(review_facts(week, language), _reviews(week), strict=False),
            *zip(fix_facts(week, language), _fixes(week), strict=True),
        ],
        days=[(day_text(day.at_ms, zone, language), day) for day in week.days],
        most=max(1, *(day.sessions for day in week.days)),
        rows=[
            (row, sessions_and_before(row.counted, language), _row_link(week, row.struggle.key))
            for row in week.rows
        ],
        sites=sites,
        chosen=key,
        zone=zone,
        until=span.until_ms,
        previous=link(span.from_ms),
        next=link(newer.until_ms) if newer.until_ms <= now_ms else None,
    )


def _totals(week: Digest) -> list[str]:
    """Return the addresses of the lists of exactly the sessions that the week's sums count."""
    facts = {"site": week.site, "from": week.span.from_ms, "until": week.span.until_ms}
    return [counted_link(facts, visits=visits) for visits in VISITS]


def _reviews(week: Digest) -> list[str]:
    """Return the addresses of what is not reviewed, and of what is overdue."""
    site = {"site": week.site} if week.site else {}
    asked = {"reviewed": "no"}, {"due": "overdue", "order": "due"}
    return [f"/struggles?{urlencode({'state': 'all', **one, **site})}" for one in asked]


def _fixes(week: Digest) -> list[str]:
    """Return the addresses of the struggles that were mended."""
    return [f"/struggles/{one.struggle.key}" for one in week.fixed]


def _row_link(week: Digest, struggle: str) -> str:
    facts = {"site": week.site, "from": week.span.from_ms, "until": week.span.until_ms}
    return counted_link(facts, struggle=struggle)


def _filter(asked: dict[str, str]) -> FlagFilter:
    severity: Severity = "info"
    for one in SEVERITIES:
        if one == asked.get("severity"):
            severity = one
    return FlagFilter(
        asked.get("site", ""),
        asked.get("rule", ""),
        asked.get("page", ""),
        severity,
        asked.get("struggle", ""),
    )


def _ms(asked: dict[str, str], name: str, otherwise: int) -> int:
    """Return the number that the parameter *name* tells; no time behind the last that calendars know."""
    text = asked.get(name, "")
    return min(int(text), LATEST_MS) if text.isdecimal() and len(text) < 16 else otherwise


def _beside(asked: dict[str, Any], offset: int) -> str:
    given = {name: value for name, value in asked.items() if name not in ("offset", "lang")}
    return "/counted?" + urlencode({**given, **({"offset": offset} if offset > 0 else {})})
