"""Owns a report as a message: its numbers on a few lines, and the way to the page that has all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from console.alert_words import Item, Message, foot
from console.language import Language
from console.process_words import ProcessTexts
from console.report_words import Line, Part, Teller, days_text, plain_rows
from console.reporting import Made, Reports, made, report_of, site_of, span_of
from console.workbench import ProcessState
from core.alerts import Delivery
from insight.reports import ReportStore


async def report_told(
    store: ReportStore,
    delivery: Delivery,
    reports: Reports,
    processes: Sequence[ProcessState],
    zone: str,
    base: str,
    language: Language,
) -> tuple[Message, dict[str, Any]]:
    """Return the message of the report that *delivery* names, and the same for programs."""
    name = delivery.facts["report"]
    report = report_of(reports, name)
    if report is None:
        return _gone(delivery, name, base, language), {"report": name, "blocks": []}
    site = site_of(report, delivery.facts.get("site") or None, await store.sites())
    asked = span_of(report, delivery.facts["until"], zone, site=site)
    found = await made(store, report, asked, processes)
    keys = {row.struggle for sheet in found.sheets for row in sheet.rows if row.struggle}
    struggles = {key: one for key in keys if (one := await store.struggle(key)) is not None}
    parts = Teller(found, ProcessTexts(processes, language), struggles, language).parts()
    blocks = [{"block": sheet.block.kind, "rows": plain_rows(sheet)} for sheet in found.sheets]
    message = _message(found, parts, base, language, zone)
    return message, {"report": report.id, "blocks": blocks}


def report_address(found: Made) -> str:
    """Return the address of the page of the report and span that was made."""
    asked, query = found.asked, dict[str, Any]()
    if not found.report.live:
        query["until"] = asked.span.until_ms
    if asked.site or found.report.site:  # without it the address is that of the report's own
        query["site"] = asked.site
    return f"/reports/{found.report.id}" + (f"?{urlencode(query)}" if query else "")


def _message(
    found: Made,
    parts: Sequence[Part],
    base: str,
    language: Language,
    zone: str,
) -> Message:
    _, days = language.gettext, days_text(found, language, zone)
    title = language.text(dict(found.report.title))
    return Message(
        subject=f"{title}: {days}",
        lead=_("The numbers of %(days)s.") % {"days": days},
        link=base + report_address(found),
        link_text=_("Open the report"),
        foot=foot(base, language),
        facts=tuple(fact for part in parts for fact in _facts(part, language)),
        items_title=next((part.title for part in parts if part.kind == "struggles"), ""),
        items=tuple(item for part in parts for item in _items(part, base)),
    )


def _facts(part: Part, language: Language) -> Iterator[tuple[str, str]]:
    """Give the lines of a part; of steps only their process stands in a message."""
    if part.kind == "number" and part.lines:
        now, before, *shares = part.lines[0].cells
        told = now.text + (f" ({shares[0].text})" if shares else "")
        before_text = before.text + (f" ({shares[1].text})" if shares else "")
        yield part.title, f"{told}, {language.gettext('before:')} {before_text}"
    elif part.kind in ("cost", "fixes", "effort", "health"):
        for line in part.lines:
            if not line.is_step:
                name = f"{part.title}: {line.name}" if line.name else part.title
                name += f" ({line.page})" if line.page else ""
                yield name, ", ".join(_cells(part, line))


def _cells(part: Part, line: Line) -> Iterator[str]:
    for name, cell in zip(part.columns, line.cells, strict=True):
        if cell.text != "–":
            yield f"{name} {cell.text}" + (f" ({cell.interval})" if cell.interval else "")


def _items(part: Part, base: str) -> Iterator[Item]:
    if part.kind != "struggles":
        return
    for line in part.lines:
        yield Item(line.name, line.page, ", ".join(_cells(part, line)), base + line.link)


def _gone(delivery: Delivery, name: str, base: str, language: Language) -> Message:
    _ = language.gettext
    told = _("The report “%(name)s” is no longer declared.") % {"name": name}
    return Message(
        subject=delivery.name,
        lead=told,
        link=f"{base}/reports",
        link_text=_("Open the report"),
        foot=foot(base, language),
    )
