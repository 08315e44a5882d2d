"""
Owns the reports' part of the JSON API (docs/api.md): which there are, and the numbers of one.

Field names here are a promise.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from console.api import PREFIX, answer, check_site, iso_ms
from console.auth import ApiError
from console.context import console
from console.format import iso
from console.report_pages import made_until
from console.report_words import plain_rows
from console.reporting import report_of
from insight.report_files import Report
from insight.reports import Sheet


def add_routes(app: web.Application) -> None:
    """Add the API's routes of reports to *app*."""
    app.router.add_get(PREFIX + "/reports", show_list)
    app.router.add_get(PREFIX + "/reports/{report}", show_one)


async def show_list(request: web.Request) -> web.Response:
    """Answer with all reports, and what is wrong with files."""
    book = console(request).reports
    told = [_declared(one) for one in sorted(book.reports(), key=lambda one: one.id)]
    return answer({"reports": told, "problems": book.problems or None})


async def show_one(request: web.Request) -> web.Response:
    """Answer with the numbers of a report, block by block."""
    report = report_of(console(request).reports, request.match_info["report"])
    if report is None:
        raise ApiError(404, "not_found", "there is no such report")
    await check_site(request)
    found = await made_until(request, report, _until_ms(request))
    span, before = found.asked.span, found.asked.before
    told = {
        **_declared(report),
        "site": found.asked.site or None,
        "from": iso(span.from_ms),
        "until": iso(span.until_ms),
        "before_from": iso(before.from_ms),
        "blocks": [_block(number, one) for number, one in enumerate(found.sheets, 1)],
    }
    return answer({"report": told})


def _until_ms(request: web.Request) -> int | None:
    text = request.query.get("until")
    try:
        return None if text is None else iso_ms(text)
    except (ValueError, OverflowError):
        message = "until is a time like 2026-11-23T00:00:00Z"
        raise ApiError(400, "bad_parameter", message) from None


def _declared(report: Report) -> dict[str, Any]:
    return {
        "id": report.id,
        "title": dict(report.title),
        "span_days": report.span_days,
        "live": report.live,
    }


def _block(number: int, sheet: Sheet) -> dict[str, Any]:
    block = sheet.block
    return {
        "number": number,
        "kind": block.kind,
        "title": dict(block.title) or None,
        "process": block.process or None,
        "filter": block.filter or None,
        "missing_process": sheet.lacks or None,
        "rows": plain_rows(sheet),
    }
