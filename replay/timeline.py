"""
Owns what the player draws beside the picture: tabs, documents, page views, event rows,
gaps and spans without activity.

Pure functions over what the store returns; no I/O, no language (the console puts rows
into words). All times are server time in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.model import ChunkRef, Event, Gap, PageLoad, Session, StoredBatch

Tone = Literal["plain", "page", "notice", "error"]

INACTIVE_AFTER_MS = 10_000
"""A visitor who does nothing for this long is inactive: shorter pauses are reading."""

MARGIN_MS = 1_000
"""What stays visible on both sides of an inactive span, so that a skip does not feel like a cut."""

SLOW_REQUEST_MS = 3_000
"""Requests slower than this are worth a row; all others that succeeded are only in the API."""

SLOW_PAGE_MS = 4_000
"""Pages and routes that took longer to be there are worth a row."""

FREEZE_MS = 500
"""Reactions and blocked threads that took longer are felt, and worth a row."""

_SILENT = frozenset(
    {"leave", "visibility", "scroll", "frame"}
)  # scroll and frames show in the picture
_FACTS = (
    "answered_ms", "answer", "request_status", "error_ms", "field", "length", "refills", "invalid",
    "outcome", "invalid_fields", "kind", "severity", "words", "nav", "message", "file", "line",
    "level", "text", "method", "url", "status", "duration_ms", "name", "props", "sensitive",
    "cause", "count", "region", "blocked", "lcp_ms", "route_ms", "inp_ms", "long_task_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadSpan:
    """One document on the timeline. *until_ms* is where the next document of the tab begins."""

    id: str
    tab: str
    at_ms: float
    until_ms: float
    path: str | None
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class TabSpan:
    """One browser tab, numbered from 1 in order of appearance."""

    id: str
    number: int
    at_ms: float
    until_ms: float


@dataclass(frozen=True, slots=True)
class PageView:
    """A page load or a route of a single-page application."""

    at_ms: float
    tab: str
    page_load: str
    path: str
    nav: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the event list. *id* is the event's id, "<page_load>:<i>"."""

    id: str
    at_ms: float
    type: str
    tab: str
    page_load: str
    path: str
    label: str
    tone: Tone
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GapSpan:
    """Something missing, put on the timeline. *page_load* is "" when the whole session is meant."""

    kind: str
    at_ms: float
    until_ms: float
    page_load: str
    reason: str
    told: str = ""  # what the browser calls it, where it is reported


@dataclass(frozen=True, slots=True)
class Timeline:
    """What there is of a session, in order of time."""

    start_ms: float
    end_ms: float
    tabs: tuple[TabSpan, ...]
    loads: tuple[LoadSpan, ...]
    views: tuple[PageView, ...]
    rows: tuple[Row, ...]
    gaps: tuple[GapSpan, ...]


def build_timeline(
    session: Session,
    batches: Sequence[StoredBatch],
    loads: Sequence[PageLoad],
    chunks: Sequence[ChunkRef],
    gaps: Sequence[Gap],
) -> Timeline:
    """Put all that is stored of *session* on one line of server time."""
    events = sorted(
        (event for batch in batches for event in batch.events), key=lambda event: float(event["ts"])
    )
    bounds = _bounds(events, loads, chunks)
    start = min([first for first, _ in bounds.values()] or [float(session.started_ms)])
    end = max([last for _, last in bounds.values()] or [float(session.last_ms)])
    spans = _load_spans(loads, bounds, end)
    return Timeline(
        start_ms=start,
        end_ms=max(end, start),
        tabs=_tabs(spans),
        loads=spans,
        views=tuple(_views(events)),
        rows=tuple(row for event in events if (row := event_row(event))),
        gaps=tuple(_gap_span(gap, batches, chunks, loads, start, end) for gap in gaps),
    )


def inactive_spans(
    active_ms: Iterable[float],
    start_ms: float,
    end_ms: float,
    *,
    threshold_ms: float = INACTIVE_AFTER_MS,
    margin_ms: float = MARGIN_MS,
) -> list[tuple[float, float]]:
    """
    Return the spans between *start_ms* and *end_ms* in which the visitor did nothing.

    A span is longer than *threshold_ms* between two of the moments *active_ms*, less
    *margin_ms* at each side.
    """
    spans: list[tuple[float, float]] = []
    last = start_ms
    inside = sorted(at for at in active_ms if start_ms <= at <= end_ms)
    for at in (*inside, end_ms):
        if at - last > threshold_ms:
            spans.append((last + margin_ms, at - margin_ms))
        last = at
    return spans


def event_row(event: Event) -> Row | None:
    """Return the list's row for *event*, or None if it is not worth one."""
    kind = str(event["type"])
    if kind in _SILENT or not is_noteworthy(event):
        return None
    target = event.get("target")
    label = target.get("label") or target.get("key") if isinstance(target, dict) else None
    return Row(
        id=f"{event['page_load']}:{event['i']}",
        at_ms=float(event["ts"]),
        type=kind,
        tab=str(event["tab"]),
        page_load=str(event["page_load"]),
        path=str(event.get("path") or ""),
        label=str(label or ""),
        tone=tone_of(event),
        facts={name: event[name] for name in _FACTS if name in event},
    )


def _noteworthy_request(event: Event) -> bool:
    if event.get("aborted") or event.get("blocked"):
        return False
    status = event.get("status")
    failed = status is not None and (status == 0 or status >= 400)
    return failed or (event.get("duration_ms") or 0) >= SLOW_REQUEST_MS


def _noteworthy_vitals(event: Event) -> bool:
    loaded = max(event.get("lcp_ms") or 0, event.get("route_ms") or 0)
    reacted = max(event.get("inp_ms") or 0, event.get("long_task_ms") or 0)
    return loaded >= SLOW_PAGE_MS or reacted >= FREEZE_MS


def _noteworthy_gesture(event: Event) -> bool:
    """Swipes that moved something show in the picture; at the page's end nothing can move."""
    if event.get("kind") != "swipe":
        return True
    return not (event.get("answered_ms") is not None or event.get("at_edge") or event.get("media"))


def _always(_: Event) -> bool:
    return True


_NOTEWORTHY: dict[str, Callable[[Event], bool]] = {
    "request": _noteworthy_request,
    "vitals": _noteworthy_vitals,
    "gesture": _noteworthy_gesture,
    "key": lambda event: event.get("answered_ms") is None,
    "cursor": lambda event: event.get("kind") == "shake",
}


def is_noteworthy(event: Event) -> bool:
    """Say whether *event* is one of those of its type that are told: failed requests, for example."""
    return _NOTEWORTHY.get(str(event["type"]), _always)(event)


def tone_of(event: Event) -> Tone:
    """Return how *event* is shown."""
    kind = event["type"]
    if kind == "vitals":
        return "notice"
    if kind == "page":
        return "page"
    if kind in {"error", "asset"}:
        return "error"
    if kind == "request":
        status = event.get("status")
        return "error" if status is not None and (status == 0 or status >= 400) else "notice"
    if kind == "console":
        return "error" if event.get("level") == "error" else "notice"
    if kind == "message":
        return "notice" if event.get("severity") in {"error", "warning"} else "plain"
    if kind == "field":
        return "notice" if event.get("invalid") else "plain"
    if kind == "form":
        return "notice" if event.get("outcome") == "refused" else "plain"
    return "plain"


def _bounds(
    events: Iterable[Event], loads: Iterable[PageLoad], chunks: Iterable[ChunkRef]
) -> dict[str, tuple[float, float]]:
    """Return first and last known moment of each document, from its events and its chunks."""
    origins = {load.id: load.origin_ms for load in loads}
    moments: dict[str, list[float]] = {}
    for event in events:
        moments.setdefault(event["page_load"], []).append(float(event["ts"]))
    for chunk in chunks:
        origin = origins.get(chunk.page_load)
        if origin is not None and chunk.info.count:
            moments.setdefault(chunk.page_load, []).extend(
                (origin + chunk.info.first_t, origin + chunk.info.last_t)
            )
    return {load: (min(times), max(times)) for load, times in moments.items()}


def _load_spans(
    loads: Sequence[PageLoad], bounds: dict[str, tuple[float, float]], end: float
) -> tuple[LoadSpan, ...]:
    """
    Return the documents by their first moment.

    A document stays in view until the next one of its tab begins: the picture of the old
    page is what a visitor sees while the new one loads.
    """
    begun = sorted(
        ((bounds.get(load.id, (load.origin_ms, load.origin_ms))[0], load) for load in loads),
        key=lambda pair: pair[0],
    )
    spans: list[LoadSpan] = []
    for number, (at, load) in enumerate(begun):
        later = (other_at for other_at, other in begun[number + 1 :] if other.tab == load.tab)
        spans.append(
            LoadSpan(
                load.id,
                load.tab,
                at,
                next(later, max(end, at)),
                load.page.get("path"),
                load.page.get("width"),
                load.page.get("height"),
            )
        )
    return tuple(spans)


def _tabs(spans: Sequence[LoadSpan]) -> tuple[TabSpan, ...]:
    order = list(dict.fromkeys(span.tab for span in spans))
    tabs: list[TabSpan] = []
    for number, tab in enumerate(order, start=1):
        own = [span for span in spans if span.tab == tab]
        tabs.append(TabSpan(tab, number, own[0].at_ms, max(span.until_ms for span in own)))
    return tuple(tabs)


def _views(events: Iterable[Event]) -> Iterable[PageView]:
    for event in events:
        if event["type"] == "page":
            yield PageView(
                float(event["ts"]),
                str(event["tab"]),
                str(event["page_load"]),
                str(event.get("path") or ""),
                str(event.get("nav") or "load"),
            )


def _gap_span(
    gap: Gap,
    batches: Sequence[StoredBatch],
    chunks: Sequence[ChunkRef],
    loads: Sequence[PageLoad],
    start: float,
    end: float,
) -> GapSpan:
    """Put *gap* between what is known before and after the seq that is missing."""
    reason = str(gap.detail.get("reason") or "")
    told = str(gap.detail.get("kind") or "")
    origin = next((load.origin_ms for load in loads if load.id == gap.page_load), None)
    first, last = gap.detail.get("from_t"), gap.detail.get("until_t")
    if origin is not None and isinstance(first, int | float):
        until = origin + last if isinstance(last, int | float) else end
        return GapSpan(gap.kind, origin + first, until, gap.page_load, reason, told)
    seq, until_seq = _missing_seqs(gap)
    if seq is None or origin is None:
        return GapSpan(gap.kind, start, end, gap.page_load, reason, told)
    before: list[float] = [max(start, origin)]
    after: list[float] = []
    for batch in batches:
        if batch.page_load == gap.page_load and batch.events:
            times = [float(event["ts"]) for event in batch.events]
            (before if batch.seq < seq else after).append(
                max(times) if batch.seq < seq else min(times)
            )
    for chunk in chunks:
        if chunk.page_load == gap.page_load and chunk.info.count:
            if chunk.seq < seq:
                before.append(origin + chunk.info.last_t)
            elif chunk.seq > until_seq:
                after.append(origin + chunk.info.first_t)
    at = max(before)
    return GapSpan(gap.kind, at, max(at, min(after, default=end)), gap.page_load, reason, told)


def _missing_seqs(gap: Gap) -> tuple[int | None, int]:
    """Return the first and last seq that *gap* says are missing, as far as it does."""
    first = gap.detail.get("from_seq")
    if not isinstance(first, int):
        return None, 0
    last = gap.detail.get("to_seq", first)
    return first, last if isinstance(last, int) else first
