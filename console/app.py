"""
Owns the console's application: its routes, its middlewares, the headers of every answer.

`build_app` is the only way in; all it needs comes as parameters.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import hdrs, web

from collector.identity import HASHES
from collector.limits import Addresses
from collector.proxies import Proxies
from console import (
    alert_pages,
    api,
    audit_pages,
    change_pages,
    connection_pages,
    contact_api,
    contact_import_pages,
    contact_pages,
    counted_pages,
    customer_pages,
    deploy_api,
    detail_pages,
    editor_pages,
    example_pages,
    export_pages,
    feed,
    find_pages,
    health_pages,
    list_pages,
    map_pages,
    near_pages,
    note_pages,
    operations,
    overview,
    pages,
    path_pages,
    person_pages,
    pick_pages,
    preview_pages,
    process_causes_pages,
    process_edit_pages,
    process_effort_pages,
    process_form_api,
    process_form_pages,
    process_pages,
    process_pick_pages,
    process_trial_pages,
    release_pages,
    report_api,
    report_pages,
    reproduction_pages,
    rule_api,
    rule_pages,
    search_pages,
    segment_pages,
    session_pages,
    sign_in_pages,
    silence_pages,
    source_map_api,
    stage,
    struggle_api,
    struggle_pages,
    transcript_pages,
    triage_pages,
)
from console.accounts import Known, Passwords, Throttle, warm
from console.alerting import Alerting
from console.auth import guard
from console.compression import compress
from console.context import CONSOLE, IDENTITY_KEY, SIGNER, Console
from console.erasing import Eraser
from console.first_link import FirstLink
from console.fixing import KEPT
from console.headers import CSP, HEADERS
from console.language import Languages
from console.live import Live
from console.reporting import NoReports, Reports
from console.sign_ins import SignIns
from console.signing import Signer
from console.workbench import Workbench
from core.clock import Clock
from core.model import Session
from core.settings import Settings
from core.store import Store

log = logging.getLogger("stolper.console")

NAME_FREE = 20
NAME_CAP_MS = 60_000
"""Wrong passwords for one name, from wherever: 20, then at most one a minute."""

_STATIC = Path(__file__).parent / "static"


def build_app(
    store: Store,
    clock: Clock,
    settings: Settings,
    *,
    live: Live,
    end_session: Callable[[str], Awaitable[Session | None]],
    player_dir: Path,
    workbench: Workbench,
    public_url: Callable[[], str] | None = None,
    snippet_version: str = "",
    metrics: Callable[[], bytes] | None = None,
    eraser: Eraser | None = None,
    alerting: Alerting | None = None,
    reports: Reports | None = None,
) -> web.Application:
    """
    Return the console on an open *store*.

    *end_session* closes a session by id. *player_dir* holds the built player; without it
    the session page says which command is missing. *workbench* keeps the rules. *public_url*
    returns the address of the public listener; without it that of the settings is taken.
    *snippet_version* is that of the script which the public listener hands out. *metrics*
    returns what Prometheus scrapes. *eraser* erases whom somebody names; without it nobody can.
    *alerting* sends alerts; without it there are no destinations. *reports* keeps reports.
    """
    app = web.Application(middlewares=[compress, api.json_errors, pages.error_pages, guard])
    app[KEPT] = {}
    app[CONSOLE] = Console(
        store=store,
        clock=clock,
        settings=settings,
        live=live,
        end_session=end_session,
        player_dir=player_dir,
        languages=Languages(),
        passwords=Passwords(store),
        throttle=Throttle(clock),
        by_name=Throttle(clock, free=NAME_FREE, cap_ms=NAME_CAP_MS),
        known=Known(),
        addresses=Addresses(clock),
        first_link=FirstLink(clock),
        sign_ins=SignIns(store, clock, settings.console.idle_hours * 3_600_000),
        proxies=Proxies(settings.server.trusted_proxies),
        public_url=public_url or (lambda: _configured_url(settings)),
        workbench=workbench,
        snippet_version=snippet_version,
        metrics=metrics,
        eraser=eraser,
        alerting=alerting,
        reports=reports or NoReports(),
    )
    app.cleanup_ctx.append(_signer)
    app.on_response_prepare.append(_set_headers)
    app.on_shutdown.append(_close_live)
    for part in (
        sign_in_pages,
        overview,
        find_pages,
        search_pages,
        list_pages,
        process_causes_pages,
        process_effort_pages,
        map_pages,
        path_pages,
        process_pages,
        process_form_pages,
        process_edit_pages,
        process_pick_pages,
        process_trial_pages,
        segment_pages,
        session_pages,
        note_pages,
        alert_pages,
        near_pages,
        connection_pages,
        counted_pages,
        deploy_api,
        detail_pages,
        struggle_pages,
        triage_pages,
        silence_pages,
        pick_pages,
        release_pages,
        report_pages,
        change_pages,
        example_pages,
        editor_pages,
        rule_pages,
        pages,
        health_pages,
        person_pages,
        audit_pages,
        stage,
        feed,
        api,
        rule_api,
        process_form_api,
        report_api,
        struggle_api,
        source_map_api,
        customer_pages,
        contact_import_pages,
        contact_pages,
        contact_api,
        operations,
        reproduction_pages,
        transcript_pages,
        preview_pages,
        export_pages,
    ):
        part.add_routes(app)
    app.router.add_static("/static/", _STATIC)
    app.router.add_get("/player/{file}", stage.player_file)
    return app


def _configured_url(settings: Settings) -> str:
    return settings.server.public_url or f"http://{settings.server.public}"


async def _signer(app: web.Application) -> AsyncIterator[None]:
    await warm()
    app[SIGNER] = Signer(await app[CONSOLE].store.server_key("console"))
    app[IDENTITY_KEY] = await app[CONSOLE].store.server_key(HASHES)
    yield


async def _close_live(app: web.Application) -> None:
    app[CONSOLE].live.close()


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("Content-Security-Policy", CSP)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith(("/static/", "/player/")):
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    else:
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")  # ask; mostly 304
