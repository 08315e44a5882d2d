"""Owns the overview: what happened in the last day, what hurts, and whether recording is well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web

from console.auth import SIGNED_IN
from console.connection_pages import checks
from console.context import console
from console.health_pages import found_at
from console.health_words import finding_text
from console.pages import render
from console.queue_words import today_of
from console.session_pages import MOST_COUNTED, known_rules
from console.struggle_pages import example_link, struggle_link
from core.health import Finding
from core.model import SessionQuery, Site, Struggle
from core.store import Store
from core.triage import OPEN, QueueQuery

DAY = "24h"
"""The last day, as addresses of lists say it."""

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
SHOWN = 5
LOOKED_AT = 30
"""So many of the day's struggles, those with the most sessions, may be called new."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many sessions match, of the last day and of the day before."""

    now: int
    before: int

    @property
    def more(self) -> bool:
        """Return whether it is only known that there are more."""
        return self.now > MOST_COUNTED

    @property
    def change(self) -> int | None:
        """Return the change in whole percent; None where there is nothing, or too much, to compare."""
        if not self.before or self.more or self.before > MOST_COUNTED:
            return None
        return round(100 * (self.now - self.before) / self.before)


def add_routes(app: web.Application) -> None:
    """Add the route of this module to *app*."""
    app.router.add_get("/overview", show)


async def show(request: web.Request) -> web.Response:
    """Show the last day of all sites, or of the one that is chosen."""
    store, now = console(request).store, console(request).clock.now_ms()
    sites = await store.sites()
    named = request.query.get("site", "")
    chosen = next((one for one in sites if named in (one.name, one.key)), None)
    site = chosen.name if chosen else None
    today = today_of(now)
    queue = await store.queue(
        QueueQuery(today, site=site, since_ms=now - DAY_MS, states=OPEN, limit=LOOKED_AT)
    )
    hurting = [one.struggle for one in queue.items]
    fresh = await _fresh(store, hurting, now - WEEK_MS)
    empty = not await store.count_sessions(SessionQuery(site=site), most=1)
    latest = await store.sessions(SessionQuery(site=site, flagged=True, limit=SHOWN))
    return render(
        request,
        "overview.html",
        sites=sites,
        checks=await checks(request, [chosen] if chosen else sites) if empty else [],
        chosen=site or "",
        empty=empty,
        all=await _tally(store, SessionQuery(site=site), now),
        flagged=await _tally(store, SessionQuery(site=site, flagged=True), now),
        running=len(
            [
                one
                for one in await store.open_sessions()
                if site in (None, one.site_name) and not one.canary
            ]
        ),
        fresh_keys={one.key for one in fresh},
        fresh=[one for one in fresh if one not in hurting[:SHOWN]][:SHOWN],
        hurting=hurting[:SHOWN],
        settled=queue.flagged - queue.total,
        queue=queue,
        my_due=await store.due_reviews(request[SIGNED_IN].user, today),
        me=request[SIGNED_IN].user,
        struggle_link=lambda one: struggle_link(one.key, DAY),
        example_link=lambda one: example_link(one, DAY),
        latest=latest,
        rules=await known_rules(request, latest, ""),
        health=await _health(request, [chosen] if chosen else sites, now),
        list_link=lambda **filters: _list_link(site, filters),
    )


async def _tally(store: Store, query: SessionQuery, now: int) -> Tally:
    day = replace(query, since_ms=now - DAY_MS)
    before = replace(query, since_ms=now - 2 * DAY_MS, until_ms=now - DAY_MS)
    return Tally(
        await store.count_sessions(day, most=MOST_COUNTED),
        await store.count_sessions(before, most=MOST_COUNTED),
    )


async def _fresh(store: Store, struggles: Sequence[Struggle], since_ms: int) -> list[Struggle]:
    """Return those of *struggles* that nobody had before *since_ms*."""
    known = [await store.struggle(one.key) for one in struggles]
    firsts = {one.key: one.first_ms for one in known if one is not None}
    return [one for one in struggles if firsts.get(one.key, 0) >= since_ms]


async def _health(
    request: web.Request, sites: Sequence[Site], now: int
) -> list[tuple[Site, list[tuple[Finding, str]]]]:
    """Return what stands out of the recording of each of *sites* in the last day, in a sentence each."""
    language = console(request).languages.of(request)
    base = console(request).public_url()
    _, plural = language.gettext, language.ngettext
    return [
        (site, [(one, finding_text(one, base, _, plural)[0]) for one in found])
        for site, found in [(one, await found_at(request, one, now - DAY_MS)) for one in sites]
    ]


def _list_link(site: str | None, filters: dict[str, str]) -> str:
    """Return the address of the list of exactly the sessions that a number counts."""
    parameters = {**({"site": site} if site else {}), **filters}
    return f"/sessions?{urlencode(parameters)}"
