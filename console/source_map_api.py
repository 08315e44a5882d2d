"""Owns the API's routes for source maps: a build uploads them, nobody but the player ever reads them back."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp import web

from console.api import answer
from console.auth import SOURCE_MAPS, TOKEN, ApiError, require_scope
from console.context import console
from console.format import iso
from console.named import api_site
from core.errors import UserError
from core.source_maps import MOST_BYTES, SourceMapInfo
from replay.source_map import SourceMap

_NAME = re.compile(r"[^\x00-\x1f\\]{1,300}")


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get(SOURCE_MAPS, show)
    app.router.add_post(SOURCE_MAPS, put)
    app.router.add_delete(SOURCE_MAPS, drop)


async def show(request: web.Request) -> web.Response:
    """Answer with what is kept of a site, without the maps themselves."""
    require_scope(request, "sourcemaps", "read", "admin")
    site = await api_site(request)
    found = await console(request).store.source_maps(site.key)
    return answer({"source_maps": [info_json(one) for one in found]})


async def put(request: web.Request) -> web.Response:
    """Keep the map in the body, for the script `name` of `release`."""
    require_scope(request, "sourcemaps", "admin")
    site = await api_site(request)
    name, release = script_name(request.query.get("name", "")), _release(request)
    content = await _body(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    try:
        await asyncio.to_thread(SourceMap, content)
        await store.put_source_map(site.key, release, name, content, now_ms)
    except UserError as error:
        raise ApiError(422, "refused", str(error)) from error
    who = f"token {request[TOKEN].id}"
    await store.audit(now_ms, who, "source_map", f"site {site.key}, {release or 'any release'}")
    return answer({"source_map": info_json(SourceMapInfo(release, name, len(content), now_ms))})


async def drop(request: web.Request) -> web.Response:
    """Remove all maps of `release`."""
    require_scope(request, "sourcemaps", "admin")
    site = await api_site(request)
    if "release" not in request.query:
        raise ApiError(400, "bad_parameter", "release says which maps are to go")
    store, now_ms = console(request).store, console(request).clock.now_ms()
    release = _release(request)
    removed = await store.drop_source_maps(site.key, release)
    who = f"token {request[TOKEN].id}"
    await store.audit(now_ms, who, "removed", f"source maps of site {site.key}, release {release}")
    return answer({"removed": removed})


def script_name(given: str) -> str:
    """Return the script's path that a map's name tells. Raise ApiError if it cannot be one."""
    name = given.removesuffix(".map").lstrip("/")
    if not _NAME.fullmatch(name) or ".." in name.split("/"):
        raise ApiError(400, "bad_parameter", "name is the script's path, like assets/app.js")
    return name


def info_json(info: SourceMapInfo) -> dict[str, Any]:
    """Return *info* as programs read it."""
    return {
        "release": info.release,
        "name": info.name,
        "bytes": info.bytes,
        "at": iso(info.made_ms),
    }


def _release(request: web.Request) -> str:
    release = request.query.get("release", "")
    if len(release) > 100:
        raise ApiError(400, "bad_parameter", "release has at most 100 characters")
    return release


async def _body(request: web.Request) -> bytes:
    """Return the body, which may be far larger than any form. Raise ApiError beyond the most."""
    content = bytearray()
    async for piece in request.content.iter_any():
        content += piece
        if len(content) > MOST_BYTES:
            raise ApiError(413, "too_large", f"a source map has at most {MOST_BYTES >> 20} MB")
    return bytes(content)
