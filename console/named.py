"""Owns finding what the address of a request names, for pages (404 as a page) and for the API (as JSON)."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from console.auth import ApiError
from console.context import console
from core.model import Session, Site


async def session_of(request: web.Request) -> Session:
    """Return the session of a page's address. Raise HTTPNotFound if there is none."""
    session = await console(request).store.session(request.match_info["session"])
    if session is None:
        raise web.HTTPNotFound
    return session


async def site_of(request: web.Request) -> Site:
    """Return the site, by key or name, of a page's address. Raise HTTPNotFound if there is none."""
    site = await console(request).store.site(request.match_info["site"])
    if site is None:
        raise web.HTTPNotFound
    return site


async def api_session(request: web.Request) -> Session:
    """Return the session of an address of the API. Raise ApiError if there is none."""
    session = await console(request).store.session(request.match_info["session"])
    if session is None:
        raise ApiError(404, "not_found", "there is no such session")
    return session


async def api_site(request: web.Request) -> Site:
    """Return the site, by key or name, of an address of the API. Raise ApiError if there is none."""
    named = request.match_info["site"]
    site = await console(request).store.site(named)
    if site is None:
        raise ApiError(404, "not_found", f"there is no site '{named[:100]}'")
    return site


async def api_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that the body holds. Raise ApiError if it holds none."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_parameter", "the body is a JSON object")
    return body
