"""Makes the sights of a session (core/sights.py): what it did on each page. Pure. Owns what is a press in vain."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from core.model import Event, Flag, StoredBatch
from core.search import Document
from core.sights import MOST_ELEMENTS, MOST_PAGES, MOST_PLACES, Place, Pressed, Sight
from core.ways import general
from detector.judging import in_order

DEAD_RULES = frozenset({"dead_click", "dead_click_repeat", "dead_text_click"})
"""Rules whose flags say that a press was in vain: exceptions to them hold on maps, too."""

KEY_MAX, LABEL_MAX = 200, 60


@dataclass(slots=True)
class _Element:
    label: str = ""
    times: int = 0
    dead: int = 0
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class _Page:
    depth: int = 0
    elements: dict[str, _Element] = field(default_factory=dict)


def with_sights(
    document: Document, batches: Sequence[StoredBatch], flags: Iterable[Flag]
) -> Document:
    """Return *document* with the sights of its session, whose *flags* say which presses were in vain."""
    return replace(document, sights=tuple(sights_of(in_order(batches), flags)))


def sights_of(events: Iterable[Event], flags: Iterable[Flag]) -> list[Sight]:
    """Return what *events* of one session, in canonical order, did on each page."""
    vain = {
        one.event
        for flag in flags
        if flag.rule in DEAD_RULES and flag.withdrawn is None
        for one in flag.evidence
    }
    pages: dict[str, _Page] = {}
    for event in events:
        if event["type"] not in ("page", "click", "scroll"):
            continue
        name = general(event.get("path") or "")
        if name not in pages and len(pages) == MOST_PAGES:
            continue
        page = pages.setdefault(name, _Page())
        if event["type"] == "click":
            _press(page, event, f"{event.get('page_load')}:{event.get('i')}" in vain)
        elif event["type"] == "scroll" and "target" not in event:
            page.depth = max(page.depth, _hundredths(event.get("depth")))
    return [
        Sight(
            name,
            page.depth,
            tuple(
                Pressed(key, one.label, one.times, one.dead, tuple(one.places))
                for key, one in page.elements.items()
            ),
        )
        for name, page in pages.items()
    ]


def _press(page: _Page, event: Event, vain: bool) -> None:
    """Count a press of the visitor; scripts make clicks, too."""
    target = event.get("target")
    if not isinstance(target, dict):
        return
    key = str(target.get("key") or "")[:KEY_MAX]
    if not key or not event.get("trusted"):
        return
    if key not in page.elements and len(page.elements) == MOST_ELEMENTS:
        return
    element = page.elements.setdefault(key, _Element())
    element.label = element.label or str(target.get("label") or "")[:LABEL_MAX]
    element.times += 1
    element.dead += vain
    x, y = event.get("offset_x"), event.get("offset_y")
    if _is_number(x) and _is_number(y) and len(element.places) < MOST_PLACES:
        element.places.append((round(x), round(y), vain))


def _hundredths(depth: object) -> int:
    """Return a depth of 0 to 1 in whole hundredths, at least one: it was scrolled."""
    return min(100, max(1, int(float(depth) * 100 + 1e-9))) if _is_number(depth) else 0


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 100_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a page is to be seen in a recording: at *at_ms* of *page_load*, which lasts from *from_ms* to *until_ms*."""

    page_load: str
    tab: str
    from_ms: float
    until_ms: float
    at_ms: float


SETTLED_MS = 3_000
"""After a page was opened it has come to rest: that moment is shown, or the last one before it was left."""


def sighting_of(
    batches: Sequence[StoredBatch], page: str, recorded: Container[str]
) -> Sighting | None:
    """Return where *page* stood for longest in a page load that was *recorded*; None if it is to be seen in none."""
    spans: dict[str, tuple[float, float]] = {}
    stays: list[tuple[float, Event, float]] = []
    opened: dict[str, Event] = {}
    for event in in_order(batches):
        load = str(event.get("page_load"))
        begin, end = spans.get(load, (event["ts"], event["ts"]))
        spans[load] = (min(begin, event["ts"]), max(end, event["ts"]))
        if event["type"] == "page":
            if (before := opened.get(load)) is not None:
                stays.append((event["ts"] - before["ts"], before, event["ts"]))
            opened[load] = event
    stays += [(spans[load][1] - one["ts"], one, spans[load][1]) for load, one in opened.items()]
    fit = [
        one
        for one in stays
        if general(one[1].get("path") or "") == page and one[1].get("page_load") in recorded
    ]
    if not fit:
        return None
    _, event, until = max(fit, key=lambda one: one[0])
    at_ms = max(event["ts"], min(event["ts"] + SETTLED_MS, until - 1))
    load = str(event["page_load"])
    return Sighting(load, str(event.get("tab") or ""), *spans[load], at_ms)
