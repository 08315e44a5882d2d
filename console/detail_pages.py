"""Owns what the player's console and network panels fetch: requests, errors and notes of one session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from console.auth import by_itself
from console.context import console
from core.model import Session
from replay.details import Details, LogRow, details


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sessions/{session}/details", show_details)


@by_itself
async def show_details(request: web.Request) -> web.Response:
    """Answer with all requests, errors and console notes of a session."""
    store = console(request).store
    session = await store.session(request.match_info["session"])
    if session is None:
        raise web.HTTPNotFound
    found = details(await store.batches(session.id))
    body = orjson.dumps(await details_json(request, session, found))
    return web.Response(body=body, content_type="application/json")


async def details_json(request: web.Request, session: Session, found: Details) -> dict[str, Any]:
    """Return *found* as the panels draw it."""
    return {
        "requests": [
            {
                "id": one.id,
                "at": one.at_ms,
                "kind": one.kind,
                "method": one.method,
                "url": one.url,
                "status": one.status,
                "duration": one.duration_ms,
                "size": one.size,
                "outcome": one.outcome,
            }
            for one in found.requests
        ],
        "logs": [_log_json(one) for one in found.logs],
        "cut": found.cut,
    }


def _log_json(row: LogRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at_ms,
        "level": row.level,
        "kind": row.kind,
        "text": row.text,
        "hash": row.hash,
        "handled": row.handled,
        "frames": [asdict(frame) for frame in row.frames],
    }
