"""
The route below /i/KEY/probe: what has arrived of what was sent.

`stolper doctor` sends through the public address what pages send, and compares: a proxy that
changes bodies, holds back large ones or hides where they come from shows here. Nothing is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from importlib.metadata import version

from aiohttp import hdrs, web

from collector.asked import cors
from collector.ingest import Ingest, response
from collector.proxies import Proxies
from core.clock import Clock
from core.errors import Refused

SERVER_ID: web.AppKey[str] = web.AppKey("server id", str)
"""Random, made at each start: whether an address leads to this very process."""


def add_routes(
    app: web.Application, ingest: Ingest, proxies: Proxies, clock: Clock, most_bytes: int
) -> None:
    """Add the route of this module to *app*."""
    app[SERVER_ID] = secrets.token_hex(8)

    async def post(request: web.Request) -> web.Response:
        """Answer with what arrived."""
        asked = ingest.asked(request)
        try:
            ingest.limits.request(asked.address)
            ingest.limits.probe(asked.address)
            body = await ingest.body(request, most_bytes)
        except Refused as refused:
            return response(ingest.refused(asked, refused))
        told = {
            "ok": True,
            "server": app[SERVER_ID],
            "version": version("stolper"),
            "now_ms": clock.now_ms(),
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "content_type": request.headers.get(hdrs.CONTENT_TYPE, ""),
            "forwarded": proxies.forwarded(request),
        }
        return web.json_response(told, headers=cors(asked.origin))

    app.router.add_post("/i/{key}/probe", post)
