"""Owns the page that tells why a step of a process is left: which struggles those met who left more often than others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

from aiohttp import web

from console.context import console
from console.process_frame import Frame, frame_of, framed
from console.struggle_pages import struggle_link
from core.causes import MET_AT, Encounters
from core.model import Struggle
from insight.causes import Cause, causes
from insight.funnel import MOST, Pair, completed, left, narrowed
from insight.risk import RiskRatio

VIEW = "causes"

SHOWN = 25
"""Struggles that are shown of those that can be told, and as many of those that were met by too few."""

LEAST, HIGHEST = 0.25, 16.0
"""Ends of the scale that ratios are drawn on: each doubling is as wide."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A ratio and its interval on a scale from 0 to 100; *cut_low* and *cut_high*: it goes on beyond the ends."""

    low: float
    middle: float
    high: float
    cut_low: bool
    cut_high: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A cause: the struggle, where its page is, how its ratio is drawn, and what lists its sessions and the others."""

    cause: Cause
    struggle: Struggle | None
    link: str
    drawn: Drawn | None
    pairs: tuple[Pair, ...]
    others: tuple[Pair, ...]


def add_routes(app: web.Application) -> None:
    """Add the route of this module to *app*."""
    app.router.add_get("/processes/{process}/causes", show)


async def show(request: web.Request) -> web.Response:
    """Show what those met who left a step. Raise HTTPNotFound if there is no such process."""
    frame = frame_of(request)
    store, id_ = console(request).store, frame.process.id
    gone = await _leavers(request, frame)
    step = request.query.get("step", "")
    step = step if step in gone else max(gone, key=gone.__getitem__)
    counts = await store.encounters(frame.query, id_, step)
    found = causes(counts)
    told = [one for one in found if one.verdict != "few"]
    few = sorted(
        (one for one in found if one.verdict == "few"), key=lambda one: (-one.left.some, -one.met.some)
    )  # fmt: skip
    shown, shown_few = told[:SHOWN], few[:SHOWN]
    nevertheless = narrowed(frame.query, (MET_AT, counts.at), completed(id_))
    named = await _named(request, (*shown, *shown_few))
    return await framed(
        request,
        frame,
        "process_causes.html",
        VIEW,
        chosen={"step": step},
        step=step,
        steps=list(gone.items()),
        counts=counts,
        rows=[_row(counts, one, named, frame) for one in shown],
        few=[_row(counts, one, named, frame) for one in shown_few],
        unshown=len(found) - len(shown) - len(shown_few) + counts.further,
        friction=await store.count_sessions(nevertheless, most=MOST),
        left=left(id_, step),
        met=(MET_AT, counts.at),
        completed=completed(id_),
        one_at=_at(1.0),
    )


async def _leavers(request: web.Request, frame: Frame) -> dict[str, int]:
    """Return each step but the goal with how many left there."""
    store = console(request).store
    return {
        name: await store.count_sessions(narrowed(frame.query, left(frame.process.id, name)), most=MOST)
        for name in frame.names
        if name != frame.process.goal or len(frame.names) == 1
    }  # fmt: skip


async def _named(request: web.Request, found: Iterable[Cause]) -> Mapping[str, Struggle]:
    """Return the struggles that *found* are of."""
    store = console(request).store
    keys = dict.fromkeys(one.struggle for one in found)
    named = {key: await store.struggle(key) for key in keys}
    return {key: one for key, one in named.items() if one is not None}


def _row(counts: Encounters, one: Cause, named: Mapping[str, Struggle], frame: Frame) -> Row:
    drawn = None if one.ratio is None else _drawn(one.ratio)
    link = struggle_link(one.struggle, frame.asked.get("since"))
    return Row(
        one, named.get(one.struggle), link, drawn, one.pairs(counts.at), one.other_pairs(counts.at)
    )


def _drawn(ratio: RiskRatio) -> Drawn:
    low, high = ratio.low < LEAST, ratio.high > HIGHEST
    return Drawn(_at(ratio.low), _at(ratio.ratio), _at(ratio.high), low, high)


def _at(times: float) -> float:
    """Return where *times* stands on the scale."""
    inside = min(max(times, LEAST), HIGHEST)
    return round(100 * log(inside / LEAST) / log(HIGHEST / LEAST), 1)
