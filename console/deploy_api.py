"""Owns the API's routes for releases: a build tells that one has gone live, so that fixes are judged from then on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from console.api import PREFIX, answer
from console.auth import TOKEN, ApiError, require
from console.context import console
from console.format import iso
from console.named import api_body
from core.fixes import NAME_LENGTH, TEXT_LENGTH, Release
from core.model import Site

AHEAD_MS = 86_400_000
"""A release may go live so much later than now: clocks differ, and some are announced."""

_FIELDS = ("site", "name", "at", "text")


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get(PREFIX + "/releases", show)
    app.router.add_post(PREFIX + "/releases", put)


async def show(request: web.Request) -> web.Response:
    """Answer with the releases of `site`, newest first."""
    site = await _site(request, request.query.get("site", ""))
    found = await console(request).store.releases(site.key)
    return answer({"releases": [release_json(one) for one in found]})


async def put(request: web.Request) -> web.Response:
    """Keep the release that the body names."""
    require(request, "admin")
    body = await api_body(request)
    if unknown := sorted(set(body) - set(_FIELDS)):
        told = f"there is no '{unknown[0][:50]}'; there are {', '.join(_FIELDS)}"
        raise ApiError(400, "bad_parameter", told)
    site = await _site(request, body.get("site"))
    now_ms = console(request).clock.now_ms()
    name = _line(body, "name", NAME_LENGTH)
    if not name or not name.isprintable():
        raise ApiError(400, "bad_parameter", "name is what the release is called, in one line")
    release = Release(
        site.key, name, told_ms=_at_ms(body, now_ms), text=_line(body, "text", TEXT_LENGTH)
    )  # fmt: skip
    store = console(request).store
    await store.put_release(release, who=f"token {request[TOKEN].id}", at_ms=now_ms)
    return answer({"release": release_json(release)})


async def _site(request: web.Request, named: object) -> Site:
    site = await console(request).store.site(named) if isinstance(named, str) else None
    if site is None:
        raise ApiError(400, "bad_parameter", "site is the name or key of a site")
    return site


def _line(body: dict[str, Any], name: str, most: int) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise ApiError(400, "bad_parameter", f"{name} is a text of at most {most} characters")
    return " ".join(value.split())


def _at_ms(body: dict[str, Any], now_ms: int) -> int:
    """Return when it went live: told with its time zone, or else now."""
    if body.get("at") is None:
        return now_ms
    try:
        at = datetime.fromisoformat(body["at"])
        at_ms = round(at.timestamp() * 1000) if at.tzinfo else -1
    except (TypeError, ValueError, OverflowError):
        at_ms = -1
    if not 0 <= at_ms <= now_ms + AHEAD_MS:
        message = "at is a time like 2026-11-27T16:00:00Z, at most a day ahead"
        raise ApiError(400, "bad_parameter", message)
    return at_ms


def release_json(one: Release) -> dict[str, Any]:
    """Return *one* as programs read it."""
    return {
        "name": one.name,
        "at": iso(one.at_ms),
        "told": one.told_ms is not None,
        "text": one.text or None,
    }
