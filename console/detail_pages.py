"""Owns what the player's panels fetch: requests, errors, notes and measurements of one session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from console.auth import by_itself
from console.compression import json_of
from console.context import CONSOLE, console
from console.named import session_of
from console.source_places import SourcePlaces
from core.model import Session
from replay.details import Details, Frame, LogRow, details
from replay.source_map import SourcePlace

PLACES = web.AppKey("places", SourcePlaces)


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app[PLACES] = SourcePlaces(app[CONSOLE].store)
    app.router.add_get("/sessions/{session}/details", show_details)


@by_itself
async def show_details(request: web.Request) -> web.Response:
    """Answer with all requests, errors, console notes and measurements of a session."""
    store = console(request).store
    session = await session_of(request)
    found = details(await store.batches(session.id))
    body = orjson.dumps(await details_json(request, session, found))
    return json_of(session, body)


async def details_json(request: web.Request, session: Session, found: Details) -> dict[str, Any]:
    """Return *found* as the panels draw it, with the sources that uploaded maps tell of."""
    frames = [frame for row in found.logs for frame in row.frames]
    places = await request.app[PLACES].find(session, frames)
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
        "logs": [_log_json(one, places) for one in found.logs],
        "vitals": [
            {
                "id": one.id,
                "at": one.at_ms,
                "kind": one.kind,
                "value": one.value,
                "path": one.path,
                "label": one.label,
                "slow": one.slow,
            }
            for one in found.vitals
        ],
        "cut": found.cut,
    }


def _log_json(row: LogRow, places: Mapping[Frame, SourcePlace | None]) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at_ms,
        "level": row.level,
        "kind": row.kind,
        "text": row.text,
        "hash": row.hash,
        "handled": row.handled,
        "frames": [_frame_json(frame, places) for frame in row.frames],
    }


def _frame_json(frame: Frame, places: Mapping[Frame, SourcePlace | None]) -> dict[str, Any]:
    """Return *frame*; `source` is null where the site has maps, but none that fits."""
    told: dict[str, Any] = asdict(frame)
    if frame in places:
        place = places[frame]
        told["source"] = place and asdict(place)
    return told
