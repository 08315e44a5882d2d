"""
What the blocks of a report come to, as tables: for pages, mails and programs alike.

Each number of sessions is counted by the query that lists them. Owns what is counted; what it is called is the console's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.alerts import DAY_MS, AlertStore, FlagFilter, Span
from core.causes import BEEN_AT, MET_AT
from core.effort import BANDS, Bands, EffortStore, value
from core.fixes import FixStore
from core.model import SessionQuery
from core.search import Find
from core.store import HealthStore, SiteStore, VerdictStore
from insight.contrasts import contrast_of
from insight.effort import by_step, measured
from insight.fixes import BEFORE_DAYS, verdict
from insight.funnel import MOST, FunnelStore, Pair, completed, entered, left, narrowed, reached
from insight.intervals import Difference, Ratio, Share, share_of
from insight.report_files import ALL, Block

Unit = Literal["count", "share", "net", "ratio", "number", "text"]


class ReportStore(
    AlertStore, FunnelStore, VerdictStore, EffortStore, FixStore, HealthStore, SiteStore, Protocol
):
    """The parts of a store that reports are made from."""


@dataclass(frozen=True, slots=True)
class Way:
    """A process as reports ask for it: its id, its steps in order and its goal."""

    process: str
    steps: tuple[str, ...]
    goal: str


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One value. *low* and *high* are its interval of 95 % confidence, where it has one.

    *pairs* list the sessions of a count, with *flags* those that have a flag in the span; None: it is no count.
    """

    value: float | str | None
    unit: Unit = "count"
    low: float | None = None
    high: float | None = None
    pairs: tuple[Pair, ...] | None = None
    flags: Span | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line: what it is of (*process*, *step*, *struggle*: each empty where it is not of one), and its cells."""

    cells: tuple[Cell, ...]
    process: str = ""
    step: str = ""
    struggle: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a block comes to. *columns* name the cells of each row. *lacks*: the process that it names is not declared."""

    block: Block
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which sessions a report is: of a *site* (key; empty: all), that began in *span*. *before* is as long, and ends there."""

    site: str
    span: Span
    before: Span

    def query(self, block: Block, *pairs: Pair, before: bool = False) -> SessionQuery:
        """Return the sessions of *block* that have *pairs*."""
        query = SessionQuery(site=self.site or None, find=block.find or Find())
        return narrowed(query, self.began(before=before), *pairs)

    def began(self, *, before: bool = False) -> Pair:
        """Return what lists those that began in the span, or in the one before."""
        span = self.before if before else self.span
        return ("began", f"{span.from_ms}-{span.until_ms}")


async def sheet(store: ReportStore, block: Block, asked: Asked, ways: Sequence[Way]) -> Sheet:
    """Return what *block* comes to; *ways* are the processes in force."""
    meant = [one for one in ways if block.process in (ALL, one.process)]
    if block.process not in ("", ALL) and not meant:
        return Sheet(block, (), (), lacks=block.process)
    maker = _Maker(store, block, asked)
    if block.kind == "number":
        return await maker.number(meant[0] if meant else None)
    if block.kind == "cost":
        return await maker.cost(meant)
    if block.kind == "funnel":
        return await maker.funnel(meant)
    if block.kind == "effort":
        return await maker.effort(meant)
    if block.kind == "struggles":
        return await maker.struggles()
    return await (maker.fixes() if block.kind == "fixes" else maker.health())


def _of(one: Share) -> Cell:
    return Cell(one.share if one.all else None, "share", one.low, one.high)


class _Maker:
    """Makes the sheet of one block."""

    def __init__(self, store: ReportStore, block: Block, asked: Asked) -> None:
        self._store = store
        self._block = block
        self._asked = asked

    async def _count(self, *pairs: Pair, before: bool = False) -> int:
        query = self._asked.query(self._block, *pairs, before=before)
        return await self._store.count_sessions(query, most=MOST)

    def _cell(self, count: int, *pairs: Pair, before: bool = False) -> Cell:
        return Cell(count, pairs=(self._asked.began(before=before), *pairs))

    async def number(self, way: Way | None) -> Sheet:
        """Return one number beside that of the span before, and its share where it is a part of something."""
        if self._block.number == "value" and way is not None:
            return await self._value(way)
        part, whole = _numbers(self._block.number, way)
        cells: list[Cell] = []
        shares: list[Share] = []
        for before in (False, True):
            some = await self._count(*part, before=before)
            cells.append(self._cell(some, *part, before=before))
            if whole is not None:
                shares.append(share_of(some, await self._count(*whole, before=before)))
        columns: tuple[str, ...] = (self._block.number, "before")
        if shares:
            columns = (*columns, "share", "share_before")
            cells += [_of(one) for one in shares]
        return Sheet(self._block, columns, (Row(tuple(cells), way.process if way else ""),))

    async def _value(self, way: Way) -> Sheet:
        spent = [
            await self._store.spent(self._asked.query(self._block, before=before), way.process)
            for before in (False, True)
        ]
        cells = tuple(Cell(one.worth, "number") for one in spent)
        return Sheet(self._block, ("value", "before"), (Row(cells, way.process),))

    async def cost(self, ways: Sequence[Way]) -> Sheet:
        """
        Return for each way how many completions lack where a struggle was met on it, at the rate of the others.

        Who came in at the goal had nothing left to meet, and is none of the others.

        That is a difference that was seen, not one that struggle alone has made. Flags that only say that the goal
        did not come are no struggles here (insight/met.py): by those nobody would have completed.
        """
        columns = ("met", "completed_with", "completed_without", "lacking", "lacking_value")
        rows = []
        for way in ways:
            came, ended = (BEEN_AT, way.process), ("not_has", "running")
            met, others = (MET_AT, way.process), (f"not_{MET_AT}", way.process)
            done = completed(way.process)
            with_ = share_of(
                await self._count(came, ended, met, done), await self._count(came, ended, met)
            )
            without = share_of(
                await self._count(came, ended, others, done),
                await self._count(came, ended, others),
            )
            rows.append(
                Row(
                    (
                        self._cell(with_.all, came, ended, met),
                        _of(with_),
                        _of(without),
                        *await self._lacking(way, with_, without),
                    ),
                    way.process,
                )
            )
        return Sheet(self._block, columns, tuple(rows))

    async def _lacking(self, way: Way, with_: Share, without: Share) -> tuple[Cell, Cell]:
        """Return how many completions lack, and what they would have been worth at the mean of those there were."""
        if not with_.all or not without.all:
            return Cell(None, "number"), Cell(None, "number")
        gap = contrast_of(without, with_)
        lost = [with_.all * one for one in (gap.points, gap.low, gap.high)]
        spent = await self._store.spent(self._asked.query(self._block), way.process)
        done = await self._count(completed(way.process))
        worth = None if spent.worth is None or not done else spent.worth / done
        values = [None] * 3 if worth is None else [round(one * worth, 2) for one in lost]
        return (
            Cell(round(lost[0], 1), "number", round(lost[1], 1), round(lost[2], 1)),
            Cell(values[0], "number", values[1], values[2]),
        )

    async def funnel(self, ways: Sequence[Way]) -> Sheet:
        """Return how many came to each step and left there, and how many came in the span before."""
        columns = ("reached", "before", "share", "left")
        rows = []
        for way in ways:
            came = await self._count(entered(way.process))
            for step in way.steps:
                at = reached(way.process, step)
                here = await self._count(at)
                gone = left(way.process, step)
                cells = (
                    self._cell(here, at),
                    self._cell(await self._count(at, before=True), at, before=True),
                    _of(share_of(here, came)),
                    Cell(None) if step == way.goal else self._cell(await self._count(gone), gone),
                )
                rows.append(Row(cells, way.process, step))
        return Sheet(self._block, columns, tuple(rows))

    async def effort(self, ways: Sequence[Way]) -> Sheet:
        """Return how hard each way was, and its steps, beside the span before."""
        columns = ("easy", "medium", "hard", "net", "net_before")
        rows = []
        for way in ways:
            steps = [step for step in way.steps if step != way.goal]
            now, each = await by_step(
                self._store, self._asked.query(self._block), way.process, steps
            )
            was, _ = await by_step(
                self._store, self._asked.query(self._block, before=True), way.process, ()
            )
            rows.append(self._effort_row(way.process, "", now.bands, was.net))
            if self._block.process != ALL:
                rows += [self._effort_row(way.process, one.step, one.bands, None) for one in each]
        return Sheet(self._block, columns, tuple(rows))

    def _effort_row(self, process: str, step: str, bands: Bands, before: Difference | None) -> Row:
        counts = [
            self._cell(getattr(bands, band), ("effort", value(process, step, band)))
            for band in BANDS
        ]
        nets = [_net(measured(bands).net), Cell(None, "net") if before is None else _net(before)]
        return Row((*counts, *nets), process, step)

    async def struggles(self) -> Sheet:
        """Return what most sessions met in the span, beside the span before."""
        span, before = self._asked.span, self._asked.before
        found = await self._store.counted_struggles(
            FlagFilter(self._asked.site), span, self._block.most, before
        )
        rows = [
            Row(
                (
                    Cell(one.sessions, pairs=(), flags=span),
                    Cell(one.before, pairs=(), flags=before),
                ),
                struggle=one.key,
            )
            for one in found
        ]  # fmt: skip
        return Sheet(self._block, ("sessions", "before"), tuple(rows))

    async def fixes(self) -> Sheet:
        """Return what came of fixes of the weeks up to the end of the span, by now."""
        until_ms = self._asked.span.until_ms
        since_ms = until_ms - BEFORE_DAYS * DAY_MS
        rows = []
        for fix in await self._store.fixes(
            since_ms, until_ms, self._block.most, site=self._asked.site or None
        ):
            one = await verdict(self._store, fix)
            met = ("met", fix.struggle)
            rows.append(
                Row(
                    (
                        Cell(one.outcome, "text"),
                        Cell(one.before.met.some, pairs=(("site", fix.site), met, *one.before.pairs)),
                        _of(one.before.met),
                        Cell(one.since.met.some, pairs=(("site", fix.site), met, *one.since.pairs)),
                        _of(one.since.met),
                        _ratio(one.ratio),
                    ),
                    struggle=fix.struggle,
                )
            )  # fmt: skip
        columns = ("outcome", "met_before", "share_before", "met_since", "share_since", "ratio")
        return Sheet(self._block, columns, tuple(rows))

    async def health(self) -> Sheet:
        """Return how many sessions were recorded without a gap."""
        all_, gaps = await self._count(), await self._count(("has", "gaps"))
        cells = (self._cell(gaps, ("has", "gaps")), _of(share_of(all_ - gaps, all_)))
        return Sheet(self._block, ("with_gaps", "complete"), (Row(cells),))


def _numbers(number: str, way: Way | None) -> tuple[tuple[Pair, ...], tuple[Pair, ...] | None]:
    """Return which sessions a number counts, and of which it is a part, if it is."""
    if way is not None:
        came = (entered(way.process),)
        return (came, None) if number == "entered" else ((completed(way.process),), came)
    if number == "struggled":
        return (("has", "struggle"),), ()
    if number == "hard":
        return (("effort", "hard"),), (("not_has", "running"),)  # only ended ones have an index
    return (), None


def _net(one: Difference) -> Cell:
    return Cell(one.value if one.all else None, "net", one.low, one.high)


def _ratio(one: Ratio | None) -> Cell:
    return Cell(None, "ratio") if one is None else Cell(one.value, "ratio", one.low, one.high)
