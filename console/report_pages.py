"""Owns the pages of reports: which there are, one to read and print, the numbers behind each block as a file, and the start page."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from aiohttp import hdrs, web
from yarl import URL

from console.auth import EDITORS, ROLE, has_role
from console.context import console
from console.digest import days_from
from console.pages import render
from console.process_words import process_texts
from console.report_mail import report_address
from console.report_words import Part, Teller, days_text, plain_rows
from console.reporting import Made, made, report_of, site_of, span_of
from core.model import Struggle
from core.spreadsheet import csv_of
from insight.report_files import Report

EARLIEST_MS = 200 * 86_400_000
"""No report of a time before which there is no span to compare with in 1970."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/", home)
    app.router.add_get("/reports", show_list)
    app.router.add_get("/reports/{report}", show_one)
    app.router.add_get("/reports/{report}/{block}.{kind}", show_file)


async def home(request: web.Request) -> web.Response:
    """Lead to the report that people of the reader's role begin with, or else to the overview."""
    role = request[ROLE]
    found = (one for one in console(request).reports.reports() if role in one.start_for)
    start = next((f"/reports/{one.id}" for one in found if one.is_for(role)), "/overview")
    raise web.HTTPSeeOther(start)


async def show_list(request: web.Request) -> web.Response:
    """Show which reports there are for the reader's role, and what is wrong with files."""
    book = console(request).reports
    language = console(request).languages.of(request)
    role = request[ROLE]
    found = [one for one in book.reports() if one.is_for(role)]
    return render(
        request,
        "reports.html",
        reports=sorted(found, key=lambda one: (one.live, language.text(dict(one.title)))),
        problems=book.problems if await has_role(request, EDITORS) else "",
        may_edit=await has_role(request, EDITORS),
    )


async def show_one(request: web.Request) -> web.Response:
    """Show a report. Raise HTTPNotFound if there is none of that name for the reader's role."""
    store = console(request).store
    report = _report(request)
    found = await made_until(request, report, _until_ms(request))
    language = console(request).languages.of(request)
    teller = Teller(found, process_texts(request), await _struggles(request, found), language)
    span = found.asked.span
    zone = console(request).settings.alerts.time_zone
    newer = days_from(span.until_ms, zone, report.span_days).until_ms
    now_ms = console(request).clock.now_ms()
    return render(
        request,
        "report.html",
        report=report,
        runs=_runs(teller.parts()),
        days=days_text(found, language, zone),
        zone=zone,
        sites=await store.sites(),
        chosen=found.asked.site,
        until=None if report.live else span.until_ms,
        file=lambda number, kind: _address(found, f"/{number}.{kind}"),
        previous=None if report.live else _address(found, until=span.from_ms),
        next=_address(found, until=newer) if not report.live and newer <= now_ms else None,
        unindexed=await store.unindexed(),
    )


async def show_file(request: web.Request) -> web.Response:
    """Answer with the numbers of one block, as a table or as JSON."""
    report = _report(request)
    block, kind = request.match_info["block"], request.match_info["kind"]
    numbers = {str(number): number for number in range(1, len(report.blocks) + 1)}
    if block not in numbers or kind not in ("csv", "json"):
        raise web.HTTPNotFound
    number = numbers[block]
    found = await made_until(request, report, _until_ms(request), number - 1)
    rows = plain_rows(found.sheets[0])
    span = found.asked.span
    if kind == "json":
        told = {"report": report.id, "from": span.from_ms, "until": span.until_ms, "rows": rows}
        return web.json_response(told)
    name = f"{report.id}-{number}.csv"
    return web.Response(
        body=_csv(rows),
        content_type="text/csv",
        charset="utf-8",
        headers={hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'},
    )


def _report(request: web.Request) -> Report:
    found = report_of(console(request).reports, request.match_info["report"])
    if found is None or not found.is_for(request[ROLE]):
        raise web.HTTPNotFound
    return found


def _until_ms(request: web.Request) -> int | None:
    """Return up to when the address asks for a report (ms since 1970)."""
    text = request.query.get("until", "")
    return int(text) if text.isdecimal() and len(text) < 16 else None


async def made_until(
    request: web.Request, report: Report, until_ms: int | None, only: int | None = None
) -> Made:
    """Return *report*, or a block of it alone, of the span before *until_ms* (or now) and of the site in the address."""
    store, now_ms = console(request).store, console(request).clock.now_ms()
    until = now_ms if until_ms is None or report.live else min(until_ms, now_ms)
    asked = span_of(
        report,
        max(until, EARLIEST_MS),
        console(request).settings.alerts.time_zone,
        site=site_of(report, request.query.get("site"), await store.sites()),
    )
    return await made(store, report, asked, console(request).workbench.processes(), only=only)


async def _struggles(request: web.Request, found: Made) -> dict[str, Struggle]:
    """Return the struggles that rows of a report are of."""
    keys = {row.struggle for sheet in found.sheets for row in sheet.rows if row.struggle}
    store = console(request).store
    known = [await store.struggle(key) for key in sorted(keys)]
    return {one.key: one for one in known if one is not None}


def _runs(parts: list[Part]) -> list[list[Part]]:
    """Return *parts* in runs: numbers that follow one another stand beside one another."""
    return [list(run) for _, run in groupby(parts, key=lambda one: one.kind == "number")]


def _address(found: Made, path: str = "", until: int | None = None) -> str:
    """Return the address of the report, of a file of it, or of another span."""
    address = URL(report_address(found))
    if until is not None:
        address = address.update_query(until=str(until))
    return str(address.with_path(address.path + path, keep_query=True))


def _csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return csv_of(names, ([row.get(name) for name in names] for row in rows))
