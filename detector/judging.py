"""
The final judgement of an ended session: one function, whoever asks for it.

The service at a session's end, judging history again, backtest and explain all come here, so
that they cannot differ. Pure: batches in, flags and score out; reading and writing is others'.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from core.model import Event, Flag, Score, Session, StoredBatch
from detector.engine import Engine, flags
from detector.live import GONE, GRACE_MS
from detector.verdicts import flag_id, to_flag

_canonical = itemgetter("ts", "page_load", "t", "i")
"""detector/engine.py canonical(), for stored events: those have all four."""


@dataclass(frozen=True, slots=True)
class Ended:
    """
    An ended session, ready to be judged by any number of engines.

    *events* are all there are, once each, in canonical order. *last* is the time of the last
    one; up to *horizon* the session is known to have been silent after it.
    """

    events: Sequence[Event]
    attributes: dict[str, Any]
    last: float
    kind: str
    horizon: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What an ended session comes to.

    *flags* are those that stand, and of the *known* ones those that others replaced;
    *truncated* names the rules that hit a bound.
    """

    flags: tuple[Flag, ...]
    score: Score
    truncated: tuple[str, ...]


def judge_ended(
    engine: Engine,
    session: Session,
    batches: Sequence[StoredBatch],
    *,
    flush_ms: int,
    idle_timeout_ms: int,
    known: Collection[str] = (),
) -> Judgement:
    """
    Return the final judgement of the ended *session*, whose events are in *batches*.

    The events are judged in canonical order; nothing is waited for. *idle_timeout_ms* is the
    site's. *known* are ids of flags that the store may have: only of these it matters that
    they were replaced.
    """
    state = judge(
        engine, ended(session, batches, flush_ms=flush_ms, idle_timeout_ms=idle_timeout_ms)
    )
    found = flags(state)
    standing = [to_flag(session.id, session.site, r, provisional=False) for r in found]
    book = state[2]
    gone = [r for r in book.all() if r.withdrawn is not None] if book is not None else []
    wanted = set(known) - {flag.id for flag in standing}
    replaced = [
        to_flag(session.id, session.site, raised, provisional=False)
        for raised in gone
        if flag_id(session.id, raised) in wanted
    ]
    truncated = tuple(sorted(book.truncated)) if book is not None else ()
    return Judgement((*standing, *replaced), engine.score(state, standing), truncated)


def ended(
    session: Session, batches: Sequence[StoredBatch], *, flush_ms: int, idle_timeout_ms: int
) -> Ended:
    """Return the ended *session* ready to be judged; its events are in *batches*."""
    events = in_order(batches)
    last = float(events[-1]["ts"]) if events else float(session.last_ms)
    unseen = flush_ms + GRACE_MS
    horizon = last if _left(events) else max(last, last + idle_timeout_ms - unseen)
    if session.end_kind == "ended":
        # It was closed before its idle timeout: only until then is its silence known.
        closed = last if session.closed_ms is None else session.closed_ms - unseen
        horizon = min(horizon, max(closed, last))
    return Ended(events, dict(session.attributes), last, session.end_kind or "idle", horizon)


def in_order(batches: Sequence[StoredBatch]) -> list[Event]:
    """Return the events of *batches* in canonical order, each once: the first that was stored."""
    loads: dict[str, list[Event]] = {}
    for batch in batches:
        loads.setdefault(batch.page_load, []).extend(batch.events)
    found: list[Event] = []
    ordered = len(loads) == 1
    for events in loads.values():
        index, t = -1, float("-inf")
        for event in events:
            if event["i"] <= index or event["t"] < t:
                ordered = False
                events = list({event["i"]: event for event in reversed(events)}.values())
                break
            index, t = event["i"], event["t"]
        found.extend(events)
    if not ordered:
        found.sort(key=_canonical)
    return found


def _left(events: Sequence[Event]) -> bool:
    """Say whether the page was left last of all (a tab is hidden as it is left)."""
    for event in reversed(events):
        if event["type"] != "visibility":
            return event["type"] == "leave" and event.get("kind") in GONE
    return False


def judge(engine: Engine, session: Ended) -> list[Any]:
    """Return the state of *session* after all that *engine* makes of it, its end included."""
    state = engine.new(session.attributes)
    feed, handlers = engine.feed, engine.program.handlers
    for event in session.events:
        # What no rule reads changes nothing: waits run out by their own deadlines.
        if event["type"] in handlers:
            feed(state, event)
    engine.end(state, session.last, session.kind, horizon=session.horizon)
    return state
