"""
Owns which answers are sent compressed.

Who can see how long an answer is, and has text of their own in it, can guess what else is in it, one try an
answer (BREACH). Strangers write much of what the console shows. So what is compressed is only what
a person asks for: cookies are SameSite=Strict, no other site can have it asked for. What pages ask for by
themselves when news comes is not, for a stranger makes news by visiting: it is compressed only where its
handler says so. Tokens differ from answer to answer (signing.py), so there is nothing to guess them by.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from console.auth import Handler, asks_by_itself
from core.model import Session

LEAST_BYTES = 1_024
"""Shorter answers fit into one packet as they are."""

_KINDS = frozenset({"text/html", "application/json"})
_API = "/api/"


@web.middleware
async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a page, or what a person made it ask for, go compressed if the browser takes that."""
    response = await handler(request)
    if isinstance(response, web.Response) and _may(request, response):
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response.enable_compression(web.ContentCoding.gzip)
    return response


def json_of(session: Session, body: bytes) -> web.Response:
    """Return JSON that the page of *session* asks for by itself: compressed once nobody outside can add to it."""
    response = web.Response(body=body, content_type="application/json")
    if session.ended_ms is not None and len(body) >= LEAST_BYTES:
        response.enable_compression()
    return response


def _may(request: web.Request, response: web.Response) -> bool:
    return (
        response.content_type in _KINDS
        and not request.path.startswith(_API)  # programs ask on their own, again and again
        and not response.compression
        and not asks_by_itself(request)
        and isinstance(response.body, bytes)
        and len(response.body) >= LEAST_BYTES
    )
