"""Owns a site's page of recording health, its twin in the API, and the site's switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from console.api import PREFIX, answer, since_ms
from console.auth import OWNERS, has_role, require_role
from console.context import console
from console.format import iso
from console.health_words import finding_text, lack_text, refusal_text, removed_text
from console.named import api_site, site_of
from console.pages import render
from core.health import Finding, Room, SiteHealth, What, findings, room_findings
from core.model import Site

DAY_MS = 86_400_000
PERIODS = {"24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
USUAL = "7d"


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sites/{site}/health", show)
    app.router.add_post("/sites/{site}/recording", switch)
    app.router.add_get(PREFIX + "/sites/{site}/health", tell)


async def show(request: web.Request) -> web.Response:
    """Show what arrives from a site, what does not, and why."""
    site = await site_of(request)
    period = request.query.get("since", "")
    period = period if period in PERIODS else USUAL
    now = console(request).clock.now_ms()
    health = await console(request).store.health(site.key, now - PERIODS[period])
    language = console(request).languages.of(request)
    _, base = language.gettext, console(request).public_url()
    room = await console(request).store.room()
    found = _found(request, site, health, room)
    return render(
        request,
        "health.html",
        site=site,
        health=health,
        period=period,
        last={what: health.last_ms(what) for what in ("batch", "loader")},
        findings=[(one, *finding_text(one, base, _, language.ngettext)) for one in found],
        refused=[
            (one.detail, refusal_text(one.detail, _), one.count) for one in health.of("refused")
        ],
        origins=[(one.detail, "", one.count) for one in health.of("origin")],
        own_errors=[(one.detail, "", one.count) for one in health.of("own_error")],
        lacks=[(one, lack_text(one.kind, one.reason, _)) for one in health.gaps],
        free_mb=room.free_bytes >> 20,
        oldest_ms=await console(request).store.oldest_ms(site.key),
        removed=[("", removed_text(one.detail, _), one.count) for one in health.of("removed")],
        may_switch=await has_role(request, OWNERS),
    )


async def switch(request: web.Request) -> web.Response:
    """Switch recording on the site on or off."""
    who = await require_role(request, OWNERS)
    site = await site_of(request)
    enabled = (await request.post()).get("enabled") == "yes"
    store = console(request).store
    await store.change_site_options(site.key, lambda options: replace(options, enabled=enabled))
    action = "switched on" if enabled else "switched off"
    await store.audit(console(request).clock.now_ms(), who, action, f"site {site.key}")
    raise web.HTTPSeeOther(f"/sites/{site.key}/health")


async def tell(request: web.Request) -> web.Response:
    """Answer with the health of a site."""
    site = await api_site(request)
    now = console(request).clock.now_ms()
    since = since_ms(request, now)
    health = await console(request).store.health(
        site.key, now - PERIODS[USUAL] if since is None else since
    )
    room = await console(request).store.room()
    found = _found(request, site, health, room)
    oldest_ms = await console(request).store.oldest_ms(site.key)
    kept = {"oldest_session_at": None if oldest_ms is None else iso(oldest_ms)}
    return answer({"health": {**health_json(site, health, room, found), **kept}})


async def found_at(request: web.Request, site: Site, since_ms: int) -> list[Finding]:
    """Return what stands out of the recording of *site* since *since_ms*."""
    store = console(request).store
    return _found(request, site, await store.health(site.key, since_ms), await store.room())


def _found(request: web.Request, site: Site, health: SiteHealth, room: Room) -> list[Finding]:
    """Return what stands out, of the disk first: it concerns all sites."""
    version = console(request).snippet_version
    return [
        *room_findings(room),
        *findings(health, enabled=site.options.enabled, origins=site.origins, version=version),
    ]


def health_json(site: Site, health: SiteHealth, room: Room, found: list[Finding]) -> dict[str, Any]:
    """Return *health* as the API tells it."""

    def by_detail(what: What) -> dict[str, int]:
        return {one.detail: one.count for one in health.of(what)}

    def last(what: What) -> str | None:
        at = health.last_ms(what)
        return None if at is None else iso(at)

    return {
        "site": site.name,
        "site_key": site.key,
        "enabled": site.options.enabled,
        "since": iso(health.since_ms),
        "last_batch_at": last("batch"),
        "last_loader_at": last("loader"),
        "loaders": health.total("loader"),
        "left_early": health.total("early"),
        "batches": by_detail("batch"),
        "refused": by_detail("refused"),
        "refused_origins": by_detail("origin"),
        "versions": by_detail("version"),
        "own_errors": by_detail("own_error"),
        "masked": by_detail("masked"),
        "removed": by_detail("removed"),
        "sessions": health.sessions,
        "sessions_of_bots": health.bots,
        "sessions_incomplete": health.incomplete,
        "sessions_without_snapshot": health.no_snapshot,
        "sessions_without_farewell": health.no_farewell,
        "clock_ahead_ms": health.ahead_ms,
        "disk_free_mb": room.free_bytes >> 20,
        "gaps": [
            {"kind": one.kind, "reason": one.reason, "gaps": one.gaps, "sessions": one.sessions}
            for one in health.gaps
        ],
        "findings": [
            {"code": one.code, "severe": one.severe, "names": list(one.names), "count": one.count}
            for one in found
        ],
    }
