"""
Makes what a session did, at each step and on the whole way, ready to be measured (core/effort.py). Pure.

Owns what counts as an action, which time is visible, and which flags were met where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from core.effort import DAY_MS, WEEK_DAYS, WHOLE, Bands, EffortStore, Work
from core.model import Event, Score, Session, SessionQuery, StoredBatch
from core.search import Document
from core.walks import Walk
from detector.judging import in_order
from insight.funnel import narrowed
from insight.intervals import Difference, difference_of

_SEEN = frozenset(("page", "click", "field", "form", "scroll", "cursor", "key", "gesture", "copy"))
"""Types of events that only happen in a tab that is seen."""

_AGAIN = frozenset(("back_forward", "bfcache", "reload"))

WEEKS = 8
"""Weeks of a trend, the running one among them."""

Moments = Sequence[tuple[float, float]]


def with_effort(
    document: Document, session: Session, batches: Sequence[StoredBatch], score: Score | None
) -> Document:
    """Return *document*, which has its walks already, with what its *session* did. One that runs has none yet."""
    if session.ended_ms is None:
        return document
    events = in_order(batches)
    return replace(document, works=tuple(works_of(session, document.walks, events, score)))


def works_of(
    session: Session, walks: Sequence[Walk], events: Sequence[Event], score: Score | None
) -> Iterator[Work]:
    """Give what *session* did as a whole, on the way of each of *walks* and at its steps."""
    acts = [event["ts"] for event in events if is_action(event)]
    seen = visible(events)
    terms = [(term.at_ms, term.points) for term in (score.terms if score else ())]
    day = session.started_ms // DAY_MS

    def work(
        process: str, step: str, begin: float, end: float | None, *, completed: bool = False
    ) -> Work:
        until = float("inf") if end is None else end
        return Work(
            process,
            step,
            session.site,
            day,
            round(begin),
            None if end is None else round(end),
            round(sum(points for at, points in terms if begin <= at < until), 6),
            sum(begin <= at < until for at in acts),
            round(sum(max(0.0, min(b, until) - max(a, begin)) for a, b in seen)),
            completed,
        )

    yield work(WHOLE, WHOLE, 0, None)
    for walk in walks:
        if not any(spans_of(walk)):
            continue  # came in at the goal: there was nothing left to do
        done = walk.completed_ms is not None
        yield work(walk.process, WHOLE, walk.steps[0][1], walk.completed_ms, completed=done)
        for step, begin, end in spans_of(walk):
            yield work(walk.process, step, begin, end, completed=done)


def spans_of(walk: Walk) -> Iterator[tuple[str, int, int | None]]:
    """Give each step of *walk* with its span: to the next step in time, the goal or (None) the end of the visit."""
    goal = walk.completed_ms
    steps = [(name, at) for name, at in walk.steps if goal is None or at < goal]
    for (name, at), (_, then) in pairwise([*steps, ("", goal)]):
        if at is not None:
            yield name, at, then


def is_action(event: Event) -> bool:
    """Say whether *event* is something that was done on purpose: a press, a field filled in, a way back."""
    kind = event["type"]
    if kind == "field":
        filled = event.get("changed") or event.get("keys")
        return bool(filled) and not event.get("partial") and event.get("cause") != "submit"
    if kind == "form":
        return event.get("how") == "enter"  # by a press it is a press
    if kind == "click":
        return event.get("trusted") is not False  # scripts make clicks, too
    return kind == "page" and event.get("nav") in _AGAIN


def visible(events: Sequence[Event]) -> Moments:
    """Return the spans in which any tab was to be seen, as far as *events* (by time) tell."""
    shown: set[object] = set()
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for event in events:
        tab, kind, at = event.get("tab"), event["type"], event["ts"]
        if kind == "leave" or (kind == "visibility" and event.get("state") == "hidden"):
            shown.discard(tab)
        elif kind in _SEEN or kind == "visibility":
            shown.add(tab)
        if shown and since is None:
            since = at
        elif not shown and since is not None:
            spans.append((since, at))
            since = None
    if since is not None and events:
        spans.append((since, events[-1]["ts"]))
    return spans


# What many sessions come to


@dataclass(frozen=True, slots=True)
class Measured:
    """How hard sessions had it at a step, or on the whole way: *net* is the share of easy less that of hard ones."""

    step: str
    bands: Bands
    net: Difference


@dataclass(frozen=True, slots=True)
class Week:
    """Those of the week (Monday to Sunday, UTC) that begins at *from_ms*; *began* is the list's filter for it."""

    from_ms: int
    until_ms: int
    measured: Measured


def measured(bands: Bands, step: str = WHOLE) -> Measured:
    """Return *bands* with their net."""
    return Measured(step, bands, difference_of(bands.easy, bands.hard, bands.all))


async def by_step(
    store: EffortStore, query: SessionQuery, process: str, steps: Sequence[str]
) -> tuple[Measured, list[Measured]]:
    """Return how hard the sessions of *query* had *process* on the whole, and at each of *steps*."""
    counts = await store.tally(query, "effort", process)
    return measured(Bands.of(counts, process)), [
        measured(Bands.of(counts, process, step), step) for step in steps
    ]


async def by_week(
    store: EffortStore, query: SessionQuery, process: str, now_ms: int, step: str = WHOLE
) -> list[Week]:
    """Return the last weeks from the first with a session on, oldest first, of those of *query* that began in each."""
    found: list[Week] = []
    for from_ms, until_ms in weeks(now_ms, query.since_ms):
        within = narrowed(query, ("began", f"{from_ms}-{until_ms}"))
        counts = await store.tally(within, "effort", process)
        bands = Bands.of(counts, process, step)
        if found or bands.all:
            found.append(Week(from_ms, until_ms, measured(bands, step)))
    return found


def weeks(now_ms: int, since_ms: int | None = None) -> list[tuple[int, int]]:
    """Return the last weeks (UTC, from Monday), oldest first, without those that ended before *since_ms*."""
    monday = now_ms // DAY_MS - (now_ms // DAY_MS + 3) % WEEK_DAYS  # 1 January 1970 was a Thursday
    starts = [(monday - WEEK_DAYS * ago) * DAY_MS for ago in reversed(range(WEEKS))]
    spans = [(start, start + WEEK_DAYS * DAY_MS) for start in starts]
    return [one for one in spans if since_ms is None or one[1] > since_ms]
