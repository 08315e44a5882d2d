"""Owns the page that tells how hard a process is for those who walk it: on the whole, step by step, week by week."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from console.context import console
from console.effort_words import band_text, days_text
from console.finding import Pair
from console.process_frame import frame_of, framed
from core.effort import BANDS, WHOLE, value
from insight.effort import Measured, by_step, by_week

VIEW = "effort"


@dataclass(frozen=True, slots=True)
class Cell:
    """How many sessions are in a band, where they are listed, and their part of a bar: from *x* on, of 100."""

    band: str
    sessions: int
    pairs: tuple[Pair, ...]
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """A step or week: what it is called, its numbers, and its cells from easy to hard."""

    name: str
    text: str
    measured: Measured
    cells: tuple[Cell, ...]


def add_routes(app: web.Application) -> None:
    """Add the route of this module to *app*."""
    app.router.add_get("/processes/{process}/effort", show)


async def show(request: web.Request) -> web.Response:
    """Show the efforts of one process. Raise HTTPNotFound if there is none of that name."""
    frame = frame_of(request)
    store, id_ = console(request).store, frame.process.id
    language = console(request).languages.of(request)
    _ = language.gettext
    steps = [name for name in frame.names if name != frame.process.goal]
    step = request.query.get("step", WHOLE)
    step = step if step in steps else WHOLE
    way, each = await by_step(store, frame.query, id_, steps)
    weeks = await by_week(store, frame.query, id_, console(request).clock.now_ms(), step)
    labels = {name: language.text(text) or name for name, text in frame.process.steps}
    return await framed(
        request,
        frame,
        "process_effort.html",
        VIEW,
        chosen={"step": step} if step else {},
        way=_row(id_, WHOLE, _("The whole way"), way),
        rows=[_row(id_, one.step, labels[one.step], one) for one in each],
        weeks=[
            _row(
                id_,
                f"{one.from_ms}",
                days_text(one.from_ms, one.until_ms, language),
                one.measured,
                ("began", f"{one.from_ms}-{one.until_ms}"),
            )
            for one in weeks
        ],
        steps=[(WHOLE, _("The whole way")), *((name, labels[name]) for name in steps)],
        step=step,
        band=lambda one: band_text(one, _),
    )


def _row(process: str, name: str, text: str, measured: Measured, *pairs: Pair) -> Row:
    cells, x = [], 0.0
    for band in BANDS:
        sessions = int(getattr(measured.bands, band))
        width = round(100 * sessions / max(1, measured.bands.all), 2)
        pair = ("effort", value(process, measured.step, band))
        cells.append(Cell(band, sessions, (*pairs, pair), round(x, 2), width))
        x += width
    return Row(name, text, measured, tuple(cells))
