"""Owns what machines ask the console's listener: whether it is there, and its metrics."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from console.auth import METRICS, ApiError, open_to_all
from console.context import console
from core.errors import StoreError

log = logging.getLogger("stolper.console")


def add_routes(app: web.Application) -> None:
    """Add the routes to *app*."""
    app.router.add_get("/healthz", health)
    app.router.add_get(METRICS, metrics)


@open_to_all
async def health(request: web.Request) -> web.Response:
    """Answer whether the console runs and the store can be read."""
    try:
        await console(request).store.checkpoint()
    except StoreError as error:
        log.error("health: %s", error)
        return web.json_response({"ok": False, "error": "the store cannot be read"}, status=503)
    return web.json_response({"ok": True})


async def metrics(request: web.Request) -> web.Response:
    """Answer with what Prometheus scrapes. Any token may: the numbers say nothing of visitors."""
    text = console(request).metrics
    if text is None:
        raise ApiError(404, "not_found", "this console keeps no metrics")
    return web.Response(
        body=text(), headers={hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"}
    )
