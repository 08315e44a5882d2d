"""
The public listener: the application that pages talk to.

Joins the hot route, the snippet's files and the health check. Nothing private is here; the
console is another application on another listener.
"""

from __future__ import annotations

import html
import logging
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import HttpVersion11, web

from collector import asset_routes, code_routes, probe
from collector.asked import BROKEN, origin_of, refusal
from collector.assets import Assets
from collector.connection import IDLE_TIMEOUT_S
from collector.front import FRONT, Front, FrontRunner
from collector.gate import GATE, Gate
from collector.ingest import Ingest, response
from collector.limits import Limits
from collector.log import CountingLogger
from collector.proxies import Proxies
from collector.ready import Readiness
from collector.script import Script
from collector.sites import Sites
from collector.tally import Tally
from core.clock import Clock
from core.errors import StoreError
from core.model import StoredBatch
from core.settings import Settings
from core.store import Store

log = logging.getLogger(__name__)

COUNTERS: web.AppKey[Counter[str]] = web.AppKey("counters", Counter)
"""What was stored, refused (by code), dropped and masked since the start."""

TALLY: web.AppKey[Tally] = web.AppKey("tally", Tally)
"""What is counted for the pages of recording health."""

MOST_CONNECTIONS = 10_000
"""One that is idle costs some 20 KB where aiohttp reads it."""

OWN_FILES = 128
"""Files that are no connections of pages: database, segment, the console's connections."""

LINGER_S = 10
"""For so long aiohttp reads on after a refusal, so that who still sends gets to read it."""

SHUTDOWN_S = 2
"""How long a stop waits for requests that have begun; their senders would send again."""

READY: web.AppKey[Readiness] = web.AppKey("ready", Readiness)
"""Whether batches should come here; a stop begins by saying no."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stolper collector</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}</style>
<h1>Stolper collects here</h1>
<p>This address receives what web pages send. There is nothing to look at; recordings and
struggles are in the console, which listens elsewhere.</p>
<p lang="de">Diese Adresse nimmt entgegen, was Webseiten senden. Zu sehen gibt es hier nichts;
Aufzeichnungen und Auffälligkeiten zeigt die Konsole an einer anderen Adresse.</p>
<p>To embed it, put the line that <code>stolper site add</code> printed into your pages:</p>
<pre>&lt;script async src="{base}/s/SITEKEY.js"&gt;&lt;/script&gt;</pre>
</html>
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(
    store: Store,
    clock: Clock,
    settings: Settings,
    *,
    snippet_dir: Path,
    kept_dir: Path | None = None,
    on_stored: Callable[[StoredBatch], None],
    watched: Callable[[str], bool],
    console_url: Callable[[], str] | None = None,
) -> web.Application:
    """
    Return the public application.

    *on_stored* hears of every batch that was stored (not of duplicates), after it is
    durable; it must not block. *watched* says whether somebody follows a session live.
    *console_url* returns where staff reach the console, "" if pages may not learn that.
    *snippet_dir* holds the built snippet, *kept_dir* files of earlier ones (collector/kept.py).
    """
    limits = Limits(clock, settings.collector)
    sites = Sites(store, clock, limits)
    proxies = Proxies(settings.server.trusted_proxies)
    counters: Counter[str] = Counter()
    assets = Assets(store, clock, counters, limits)
    tally = Tally(store, clock)
    ingest = Ingest(
        store,
        clock,
        settings.collector,
        sites,
        proxies,
        assets,
        tally,
        counters,
        limits,
        on_stored=on_stored,
        watched=watched,
    )
    script = Script(snippet_dir, sites, settings, proxies, assets, tally, ingest, kept_dir)

    async def finish(_: web.Application) -> None:
        await assets.close()

    async def health(_: web.Request) -> web.Response:
        try:
            await store.checkpoint()
        except StoreError as error:
            log.error("health: %s", error)
            return web.json_response({"ok": False, "error": "the store cannot be read"}, status=503)
        return web.json_response({"ok": True})

    async def start_page(request: web.Request) -> web.Response:
        base = settings.server.public_url.rstrip("/") or proxies.base_url(request) or "https://HOST"
        return web.Response(text=_PAGE.format(base=html.escape(base)), content_type="text/html")

    # Browsers' plain batches and their scripts come by different connections, about as many of each.
    shares = 2 if settings.collector.own_protocol else 1
    gate = Gate(counters, _most_connections() // shares)
    app = web.Application(
        client_max_size=settings.collector.max_body_bytes + 1,  # aiohttp refuses what reaches it
        middlewares=[gate.noted, _never_bare],
    )
    app[COUNTERS] = counters
    app[GATE] = gate
    app.cleanup_ctx.append(gate.running)
    app.on_cleanup.append(finish)
    app[TALLY] = tally
    app[READY] = Readiness(store)
    app.cleanup_ctx.append(tally.running)
    app.router.add_post("/i/{key}", ingest.post)  # first: routes are tried in order
    app.router.add_options("/i/{key}", ingest.preflight)
    app.router.add_post("/i/{key}/early", ingest.early)
    asset_routes.add_routes(app, ingest, assets)
    code_routes.add_routes(
        app, ingest, store, clock, settings.collector, console_url or (lambda: "")
    )
    probe.add_routes(app, ingest, proxies, clock, settings.collector.max_body_bytes)
    app.router.add_get(r"/s/{part:[a-z]+}.{hash:[A-Za-z0-9_-]+}.js", script.recorder)
    app.router.add_get(r"/s/{key:[A-Za-z0-9_-]+}.js", script.loader)
    app.router.add_get(r"/s/{key:[A-Za-z0-9_-]+}.json", script.config)
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", app[READY].handle)
    app.router.add_get("/", start_page)
    if settings.collector.own_protocol:
        app[FRONT] = Front(
            ingest,
            clock,
            proxies,
            most_bytes=settings.collector.max_body_bytes,
            most_connections=_most_connections() // shares,
            drain_s=SHUTDOWN_S,
        )
        app.cleanup_ctx.append(app[FRONT].running)
        app.on_shutdown.append(app[FRONT].drain)
    return app


def _most_connections() -> int:
    """Return how many files this process may open, less those that it needs itself, within bounds."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(64, soft - OWN_FILES))


class PublicRunner(FrontRunner):
    """Refuses unknown expectations itself: aiohttp's refusal quotes them, and fails at what is no UTF-8."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        handle = server.request_handler

        async def heeding(request: web.BaseRequest) -> web.StreamResponse:
            expected = request.headers.get("Expect", "").lower()
            if expected in ("", "100-continue") or request.version < HttpVersion11:
                return await handle(request)
            return _refused(self.app, web.HTTPExpectationFailed())

        server.request_handler = heeding
        return server


def runner(app: web.Application) -> web.AppRunner:
    """Return what runs the public application *app* on its listener."""
    return PublicRunner(
        app,
        access_log=None,
        logger=CountingLogger(app[COUNTERS]),
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=IDLE_TIMEOUT_S,
        lingering_time=LINGER_S,
        auto_decompress=False,  # no page sends such bodies; 4 MB may be 4 GB, to be read to the end
    )


@web.middleware
async def _never_bare(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every error the one JSON shape; an unforeseen one says nothing of its insides."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _refused(request.app, error)
    except Exception:
        request.app[COUNTERS][f"refused_{BROKEN.code}"] += 1
        log.exception("%s %s failed", request.method, request.path)
        return response(refusal(origin_of(request.headers.get("Origin")), BROKEN))


def _refused(app: web.Application, error: web.HTTPException) -> web.Response:
    app[COUNTERS]["refused_http"] += 1
    answer = {"ok": False, "code": "http", "error": error.reason}
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return web.json_response(answer, status=error.status, headers=headers)
