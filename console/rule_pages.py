"""Owns the pages that show rules: the list with what each found, and the page of one rule."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.auth import may_edit
from console.context import console, workbench
from console.finding import PERIODS
from console.pages import render
from console.rule_list import (
    NOTHING,
    PERIOD,
    STATES,
    Filters,
    broken_files,
    examples_of,
    file_rows,
    rows,
    state_of,
)
from console.workbench import RuleState, Workbench
from core.model import SEVERITIES, SessionQuery

SHOWN_SESSIONS = 5


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/rules", show_list)
    app.router.add_get("/rules/{rule}", show_one)


def since_ms(request: web.Request) -> int:
    """Return the beginning of the span that the rules pages count."""
    return console(request).clock.now_ms() - (PERIODS[PERIOD] or 0)


def sessions_link(rule: str, site: str = "") -> str:
    """Return the address that lists exactly the sessions counted for *rule*."""
    query = {"rule": rule, "since": PERIOD, **({"site": site} if site else {})}
    return "/sessions?" + urlencode(query)


async def show_list(request: web.Request) -> web.Response:
    """List the rules with their state and what they found lately."""
    bench = workbench(request)
    filters = Filters.of(request.query)
    rules, files, problems = bench.rules(), bench.files(), bench.problems()
    broken = broken_files(files, problems)
    found = rows(rules, await bench.uses(since_ms(request), site=filters.site or None), broken)
    return render(
        request,
        "rules.html",
        rows=[row for row in found if filters.take(row)],
        files=file_rows(files, rules, broken),
        problems=problems,
        total=len(rules),
        active=sum(rule.enabled for rule in rules),
        filters=filters,
        severities=SEVERITIES[::-1],
        states=STATES,
        sites=await console(request).store.sites(),
        sessions_link=lambda rule: sessions_link(rule, filters.site),
        may_edit=await may_edit(request),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show one rule: what it means, how it is set, what it found, how it came to be."""
    bench = workbench(request)
    rule = find_rule(bench, request.match_info["rule"])
    use = (await bench.uses(since_ms(request))).get(rule.id, NOTHING)
    values: dict[str, Any] = {
        "rule": rule,
        "state": state_of(rule, broken_files(bench.files(), bench.problems())),
        "use": use,
        "link": sessions_link(rule.id),
        "examples": await asyncio.to_thread(examples_of, rule),
        "versions": await bench.versions(rule.id),
        "sessions": await console(request).store.sessions(
            SessionQuery(rule=rule.id, since_ms=since_ms(request), limit=SHOWN_SESSIONS)
        ),
        "may_edit": await may_edit(request),
    }
    return render(request, "rule.html", **values)


def find_rule(bench: Workbench, id_: str) -> RuleState:
    """Return the rule of that id. Raise 404 if there is none."""
    for rule in bench.rules():
        if rule.id == id_:
            return rule
    raise web.HTTPNotFound
