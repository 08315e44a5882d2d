"""Owns how reports are told: titles, columns and values in the reader's words, the same on pages and in mails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from console import effort_words
from console.alert_words import counted_link, struggle_title
from console.fix_words import outcome_text
from console.format import net, percent, times
from console.language import Language
from console.process_words import ProcessTexts
from console.reporting import Made
from console.words import Words
from core.model import Struggle
from insight.report_files import ALL, Block
from insight.reports import Cell, Row, Sheet


@dataclass(frozen=True, slots=True)
class Told:
    """A cell in words, with its interval, and where the sessions are that it counts (if it counts any)."""

    text: str
    interval: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row in words. *link* leads to what it is of, *page* and *site* (name) are where a struggle is met."""

    name: str
    cells: tuple[Told, ...]
    link: str = ""
    is_step: bool = False
    page: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A block in words. *number* is its place in the report, from 1; *lacks* a process that is not declared."""

    number: int
    kind: str
    title: str
    hint: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    lacks: str = ""


class Teller:
    """Tells the parts of one report. *struggles* are those that its rows are of, by key."""

    def __init__(
        self,
        made: Made,
        texts: ProcessTexts,
        struggles: Mapping[str, Struggle],
        language: Language,
    ) -> None:
        self._made = made
        self._texts = texts
        self._struggles = struggles
        self._language = language
        self._ = language.gettext

    def parts(self) -> list[Part]:
        """Return all parts, in order."""
        return [self._part(nth, one) for nth, one in enumerate(self._made.sheets, 1)]

    def _part(self, number: int, one: Sheet) -> Part:
        titles = columns(self._)
        return Part(
            number,
            one.block.kind,
            block_title(one.block, self._texts, self._language),
            hint_text(one.block.kind, self._),
            tuple(titles[name] for name in one.columns),
            tuple(self._line(row, one) for row in one.rows),
            one.lacks,
        )

    def _line(self, row: Row, one: Sheet) -> Line:
        cells = tuple(self._told(cell, row, one.block) for cell in row.cells)
        known = self._struggles.get(row.struggle)
        return Line(
            self._name(row, one.block),
            cells,
            f"/struggles/{row.struggle}" if row.struggle else self._process_link(row),
            is_step=bool(row.step) and one.block.process != ALL,
            page=(known.page or "") if known is not None else "",
            site=known.site_name if known is not None else "",
        )

    def _process_link(self, row: Row) -> str:
        return f"/processes/{row.process}" if row.process and not row.step else ""

    def _name(self, row: Row, block: Block) -> str:
        if row.struggle:
            known = self._struggles.get(row.struggle)
            return struggle_title(known, self._language) if known else row.struggle
        if row.step:
            step = self._texts.step(row.process, row.step)
            many = block.process == ALL and block.kind == "funnel"
            return f"{self._texts.title(row.process)}: {step}" if many else step
        return self._texts.title(row.process) if row.process else ""

    def _told(self, cell: Cell, row: Row, block: Block) -> Told:
        text = value_text(cell, cell.value, self._language)
        interval = ""
        if cell.low is not None and cell.high is not None and cell.value is not None:
            interval = self._("%(low)s to %(high)s") % {
                "low": value_text(cell, cell.low, self._language),
                "high": value_text(cell, cell.high, self._language),
            }
        return Told(text, interval, self._link(cell, row, block) if cell.value else "")

    def _link(self, cell: Cell, row: Row, block: Block) -> str:
        """Return the address of the list of exactly the sessions that *cell* counts; empty where it counts none."""
        site = self._made.asked.site
        if cell.flags is not None:
            facts = {"site": site, "from": cell.flags.from_ms, "until": cell.flags.until_ms}
            return counted_link(facts, struggle=row.struggle)
        if cell.pairs is None:
            return ""
        pairs = [*cell.pairs]
        if block.filter:
            pairs.append(("q", block.filter))
        if site and not any(name == "site" for name, _ in pairs):
            pairs.append(("site", site))
        return f"/sessions?{urlencode(pairs)}"


def value_text(cell: Cell, value: float | str | None, language: Language) -> str:
    """Return *value* in the unit of *cell*."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return outcome_text(value, language.gettext) if cell.unit == "text" else value
    if isinf(value):
        return "∞"
    if cell.unit == "ratio":
        return times(value, language.code)
    if cell.unit == "share":
        return percent(value, language.code)
    if cell.unit == "net":
        return net(value, language.code)
    if cell.unit == "count":
        return format_decimal(round(value), locale=language.code)
    return format_decimal(value, "#,##0.##" if abs(value) < 100 else "#,##0", locale=language.code)


def days_text(made: Made, language: Language, zone: str) -> str:
    """Return of when a report is, whole days by the calendar of *zone*."""
    span = made.asked.span
    if made.report.live:
        return language.ngettext(
            "the last day, up to now",
            "the last %(num)s days, up to now",
            made.report.span_days,
        ) % {"num": made.report.span_days}
    return effort_words.days_text(span.from_ms, span.until_ms, language, ZoneInfo(zone))


def block_title(block: Block, texts: ProcessTexts, language: Language) -> str:
    """Return what stands above a block."""
    _ = language.gettext
    if block.title:
        return language.text(dict(block.title))
    of = texts.title(block.process) if block.process not in ("", ALL) else ""
    if block.kind == "number":
        told = columns(_)[block.number]
    else:
        told = {
            "cost": _("What struggle cost"),
            "funnel": _("How far they came"),
            "struggles": _("What most visitors struggled with"),
            "effort": _("Effort"),
            "fixes": _("Did the fixes help?"),
            "health": _("Recording"),
        }[block.kind]
    return f"{of}: {told}" if of else told


def hint_text(kind: str, _: Words) -> str:
    """Return what has to be known to read a block."""
    return {
        "cost": _(
            "Completions that would be more if those who met a struggle had completed as often as the others. That is a difference that was seen: struggle need not have caused all of it."
        ),
        "effort": _(
            "The index runs from 7 (no effort) to 1 (a lot); net: easy less hard, in points of 100."
        ),
        "fixes": _(
            "What was said to be mended, or came back, in the 28 days up to the end of this time, as it is now. Ratio: share since over share before."
        ),
    }.get(kind, "")


def columns(_: Words) -> dict[str, str]:
    """Return what the columns of sheets are called."""
    return {
        "sessions": _("Sessions"),
        "struggled": _("With a struggle"),
        "hard": _("Hard"),
        "entered": _("Entered"),
        "completed": _("Completed"),
        "value": _("Value completed"),
        "before": _("Span before"),
        "share": _("Share"),
        "share_before": _("Share before"),
        "met": _("Met a struggle"),
        "completed_with": _("of whom completed"),
        "completed_without": _("of the others completed"),
        "lacking": _("Completions lacking"),
        "lacking_value": _("Value lacking"),
        "reached": _("Came at least so far"),
        "left": _("Left here"),
        "easy": _("Easy"),
        "medium": _("Medium"),
        "net": _("Net effort"),
        "net_before": _("Net before"),
        "outcome": _("Verdict"),
        "met_before": _("Met it before"),
        "met_since": _("Met it since"),
        "share_since": _("Share since"),
        "ratio": _("Ratio"),
        "with_gaps": _("With gaps"),
        "complete": _("Recorded completely"),
    }


def plain_rows(sheet: Sheet) -> list[dict[str, Any]]:
    """Return the rows of *sheet* by the names of their columns; what is open or not known is None."""
    rows = []
    for row in sheet.rows:
        told: dict[str, Any] = {
            name: value
            for name, value in (
                ("process", row.process), ("step", row.step), ("struggle", row.struggle),
            )
            if value
        }  # fmt: skip
        for name, cell in zip(sheet.columns, row.cells, strict=True):
            told[name] = _plain(cell.value)
            if cell.low is not None:
                told[f"{name}_low"], told[f"{name}_high"] = _plain(cell.low), _plain(cell.high)
        rows.append(told)
    return rows


def _plain(value: float | str | None) -> float | str | None:
    if isinstance(value, float):
        return None if isinf(value) else round(value, 6)
    return value
