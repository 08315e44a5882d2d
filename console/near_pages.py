"""Owns the page of the sessions that a rule almost flagged: what to look at when it finds nothing."""

from __future__ import annotations

from aiohttp import web

from console.context import console, workbench
from console.pages import render
from console.rule_pages import find_rule, since_ms
from console.session_pages import LEAD_MS, Moment
from console.words import Words

SHOWN = 20


def add_routes(app: web.Application) -> None:
    """Add the route of this module to *app*."""
    app.router.add_get("/rules/{rule}/near", show)


async def show(request: web.Request) -> web.Response:
    """Show the newest sessions that the rule almost flagged, and what was missing in each."""
    bench = workbench(request)
    rule = find_rule(bench, request.match_info["rule"])
    found = await bench.near_misses(rule.id, since_ms=since_ms(request), limit=SHOWN)
    _ = console(request).languages.of(request).gettext
    return render(
        request,
        "near.html",
        rule=rule,
        looked=found.looked,
        misses=[
            (
                one,
                miss_text(one.kind, _),
                Moment(one.session.id, at_ms=max(0.0, one.after_ms - LEAD_MS)).link,
            )
            for one in found.misses
        ],
    )


def miss_text(kind: str, _: Words) -> str:
    """Return what kept a rule from flagging."""
    return {
        "replaced": _("Another rule told of the same already."),
        "ignored": _("The element is marked as one to be ignored."),
        "silenced": _("Another rule or condition silences it there."),
        "cleared": _("What would have cleared it came."),
        "answered": _("The page answered in time."),
        "undecided": _("It was not decided when the session ended."),
        "interrupted": _("Something came in between."),
        "threshold": _("A number stayed below what the rule asks for."),
        "share": _("The share stayed below what the rule asks for."),
        "alternates": _("It did not go back and forth as often as asked."),
        "distinct": _("It was not on as many different elements."),
        "same": _("It was not on the same element."),
        "within": _("It took longer than the rule allows."),
        "times": _("It came less often than the rule asks for."),
        "steps": _("Some of the steps came, not all."),
        "conditions": _("An event came near, but one condition was not met."),
    }.get(kind, _("One condition was not met."))
