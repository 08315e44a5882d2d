"""What the console needs of whoever keeps reports (stolper/reportbook.py), and how one is made for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from console.digest import days_until
from console.workbench import ProcessState
from core.alerts import DAY_MS, Span
from core.model import Site
from insight.report_files import Report
from insight.reports import Asked, ReportStore, Sheet, Way, sheet


class Reports(Protocol):
    """The reports in force."""

    @property
    def problems(self) -> str:
        """Say why files are not in force as they are; empty if they are."""

    def reports(self) -> Sequence[Report]:
        """Return all of them."""


class NoReports:
    """Where nobody keeps any."""

    problems = ""

    def reports(self) -> Sequence[Report]:
        """Return none."""
        return ()


def report_of(reports: Reports, id_: str) -> Report | None:
    """Return the report of that id."""
    return next((one for one in reports.reports() if one.id == id_), None)


@dataclass(frozen=True, slots=True)
class Made:
    """A report of a span, with what each of its blocks comes to."""

    report: Report
    asked: Asked
    sheets: tuple[Sheet, ...]


def span_of(report: Report, until_ms: int, zone: str, *, site: str = "") -> Asked:
    """Return of when *report* is, read at *until_ms*: whole days before by the calendar of *zone*; a live one of up to then."""
    if report.live:
        length = report.span_days * DAY_MS
        span = Span(until_ms - length, until_ms)
        return Asked(site, span, Span(span.from_ms - length, span.from_ms))
    span = days_until(until_ms, zone, report.span_days)
    return Asked(site, span, days_until(span.from_ms, zone, report.span_days))


async def made(
    store: ReportStore,
    report: Report,
    asked: Asked,
    processes: Sequence[ProcessState],
    *,
    only: int | None = None,
) -> Made:
    """Return *report* with its sheets, or with the one of a block alone (*only*, from 0)."""
    ways = [Way(one.id, tuple(name for name, _ in one.steps), one.goal) for one in processes]
    blocks = report.blocks if only is None else report.blocks[only : only + 1]
    return Made(report, asked, tuple([await sheet(store, one, asked, ways) for one in blocks]))


def site_of(report: Report, asked: str | None, sites: Sequence[Site]) -> str:
    """
    Return the key of the site that is asked for, or else that of the report; empty: all.

    A report of a site that there is none of is of that one, not of all.
    """
    named = report.site if asked is None else asked
    found = next((one.key for one in sites if named and named in (one.key, one.name)), "")
    return found or (report.site if asked is None else "")
