"""Owns the pages of alerts: which there are, where they go, what was sent, and the form of one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web
from babel.dates import get_day_names

from console.alert_forms import (
    FACTORS,
    Chosen,
    blank,
    condition_text,
    factor_text,
    failure_text,
    kind_explained,
    kind_text,
    read_form,
    window_text,
    windows_of,
)
from console.alert_words import counted_link, health_link
from console.alerting import Destination, Tried
from console.auth import ROLE, may_edit, require_editor
from console.context import console
from console.language import LANGUAGES
from console.pages import render
from core.alerts import ALERT_KINDS, Alert, Delivery
from core.model import SEVERITIES

PAGE_SIZE = 50

NEW = "new"
"""Stands in an address in place of the id of an alert that is not saved yet."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/alerts", show_list)
    app.router.add_post("/alerts/test", test)
    app.router.add_get("/alerts/{alert}", show_one)
    app.router.add_post("/alerts/{alert}", save)
    app.router.add_post("/alerts/{alert}/remove", remove)
    app.router.add_post("/alerts/{alert}/send", send)


async def show_list(request: web.Request) -> web.Response:
    """Show the alerts, the destinations and what was sent."""
    store = console(request).store
    before = await store.delivery(request.query.get("before", ""))
    found = await store.deliveries(PAGE_SIZE + 1, before=before)
    shown = found[:PAGE_SIZE]
    tested = await store.delivery(request.query.get("tested", ""))
    language = console(request).languages.of(request)
    sites = {one.key: one.name for one in await store.sites()}
    return render(
        request,
        "alerts.html",
        states=[
            (one, condition_text(one.alert, sites, language)) for one in await store.alert_states()
        ],
        destinations=_destinations(request),
        sent=[(one, _sent_link(one), failure_text(one, language.gettext)) for one in shown],
        tested=tested,
        failure=failure_text(tested, language.gettext) if tested else "",
        kinds=[
            (kind, kind_text(kind, language.gettext), kind_explained(kind, language.gettext))
            for kind in ALERT_KINDS
        ],
        kind_name=lambda kind: kind_text(kind, language.gettext),
        older=f"/alerts?before={shown[-1].id}#sent" if len(found) > PAGE_SIZE else None,
        newest="/alerts#sent" if before is not None else None,
        may_edit=await may_edit(request),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show the form of an alert, or of a new one."""
    await require_editor(request)
    if request.match_info["alert"] != NEW:
        return await _form(request, Chosen(await _alert(request)))
    alert = blank(request.query.get("kind", ""), request.query)
    sites = await console(request).store.sites()
    site = next((one.key for one in sites if alert.site in (one.key, one.name)), "")
    known = [one.name for one in _destinations(request)]
    language = console(request).languages.of(request).code
    return await _form(
        request, Chosen(replace(alert, site=site, to=tuple(known[:1]), language=language))
    )


async def save(request: web.Request) -> web.Response:
    """Save an alert."""
    who = await require_editor(request)
    form = await request.post()
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    is_new = request.match_info["alert"] == NEW
    before = blank(texts.get("kind", ""), {}) if is_new else await _alert(request)
    store, now_ms = console(request).store, console(request).clock.now_ms()
    chosen = read_form(
        texts,
        [str(one) for one in form.getall("to", [])],
        before,
        sites=await store.sites(),
        destinations=[one.name for one in _destinations(request)],
        reports=[id_ for id_, _name in _reports(request)],
        language=console(request).languages.of(request),
    )
    if texts.get("do") == "try":
        return await _form(request, chosen, tried=await _tried(request, chosen.alert))
    if chosen.problems:
        return await _form(request, chosen, status=400)
    id_ = secrets.token_hex(6) if is_new else before.id
    await store.put_alert(replace(chosen.alert, id=id_, changed_ms=now_ms, author=who))
    await store.audit(now_ms, who, "saved_alert", chosen.alert.name)
    _prompt(request)
    raise web.HTTPSeeOther("/alerts")


async def remove(request: web.Request) -> web.Response:
    """Remove an alert."""
    who = await require_editor(request)
    alert = await _alert(request)
    await console(request).store.remove_alert(alert.id)
    await console(request).store.audit(
        console(request).clock.now_ms(), who, "removed", f"alert {alert.name}"
    )
    raise web.HTTPSeeOther("/alerts")


async def test(request: web.Request) -> web.Response:
    """Send a test to a destination, and say what came of it."""
    who = await require_editor(request)
    form = await request.post()
    name = str(form.get("destination", ""))
    alerting = console(request).alerting
    if alerting is None or name not in [one.name for one in _destinations(request)]:
        raise web.HTTPNotFound
    done = await alerting.test(name, console(request).languages.of(request).code)
    await console(request).store.audit(
        console(request).clock.now_ms(), who, "tested_destination", name
    )
    raise web.HTTPSeeOther(f"/alerts?tested={done.id}")


async def send(request: web.Request) -> web.Response:
    """Send a digest now, of the last whole days."""
    who = await require_editor(request)
    alert, alerting = await _alert(request), console(request).alerting
    if alert.kind != "digest" or alerting is None:
        raise web.HTTPNotFound
    await alerting.send_digest(alert)
    await console(request).store.audit(
        console(request).clock.now_ms(), who, "sent_digest", alert.name
    )
    raise web.HTTPSeeOther("/alerts#sent")


async def _tried(request: web.Request, alert: Alert) -> Tried | None:
    alerting = console(request).alerting
    return await alerting.trial(alert) if alerting and alert.kind == "count" else None


def _tried_link(alert: Alert, at_ms: int) -> str:
    facts = {
        "site": alert.site,
        "rule": alert.rule,
        "page": alert.page,
        "severity": alert.severity,
        "from": at_ms - alert.window_ms,
        "until": at_ms + 1,
    }
    return counted_link(facts)


async def _form(
    request: web.Request, chosen: Chosen, *, status: int = 200, tried: Tried | None = None
) -> web.Response:
    language = console(request).languages.of(request)
    rules = console(request).workbench.rules()
    days = get_day_names("wide", locale=language.code)
    titles = sorted((language.text(rule.title), rule.id) for rule in rules)
    return render(
        request,
        "alert.html",
        status=status,
        alert=chosen.alert,
        problems=() if tried else chosen.problems,
        tried=tried,
        tried_link=lambda at_ms: _tried_link(chosen.alert, at_ms),
        kind_name=kind_text(chosen.alert.kind, language.gettext),
        kind_explained=kind_explained(chosen.alert.kind, language.gettext),
        sites=await console(request).store.sites(),
        rules=titles,
        destinations=_destinations(request),
        severities=SEVERITIES,
        windows=[(one, window_text(one, language)) for one in windows_of(chosen.alert.kind)],
        factors=[(str(one), factor_text(one, language)) for one in FACTORS],
        reports=_reports(request),
        weekdays=[(number, days[number]) for number in range(7)],
        zone=console(request).settings.alerts.time_zone,
        all_languages=LANGUAGES,
    )


async def _alert(request: web.Request) -> Alert:
    for state in await console(request).store.alert_states():
        if state.alert.id == request.match_info["alert"]:
            return state.alert
    raise web.HTTPNotFound


def _reports(request: web.Request) -> list[tuple[str, str]]:
    """Return id and title of the reports that the reader sees: a digest may be one of them."""
    language = console(request).languages.of(request)
    return [
        (one.id, language.text(dict(one.title)))
        for one in console(request).reports.reports()
        if one.is_for(request[ROLE])
    ]


def _destinations(request: web.Request) -> Sequence[Destination]:
    alerting = console(request).alerting
    return alerting.destinations() if alerting else ()


def _prompt(request: web.Request) -> None:
    alerting = console(request).alerting
    if alerting:
        alerting.prompt()


def _sent_link(delivery: Delivery) -> str | None:
    """Return the address of the page of exactly what a delivery told of."""
    facts = delivery.facts
    if delivery.kind == "count":
        return counted_link(facts)
    if delivery.kind == "digest":
        site = {"site": facts["site"]} if facts.get("site") else {}
        if facts.get("report"):
            return f"/reports/{facts['report']}?" + urlencode({"until": facts["until"], **site})
        return "/digest?" + urlencode({"until": facts["until"], **site})
    if delivery.kind == "silent":
        silent = facts["silent"]
        return health_link("", silent[0]["site"]) if len(silent) == 1 else "/sites"
    if delivery.kind == "new" and len(facts["struggles"]) == 1:
        return f"/struggles/{facts['struggles'][0]}"
    return None
