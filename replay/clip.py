"""
Cuts a span out of a session: of a document's recording, and of what stands beside the picture.

A cut recording begins with what the page was at that moment, told anew as a keyframe, so nothing of
what was shown before is in it, and nothing of what came after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from replay import deep
from replay.ids import put_ids_back
from replay.keyframe import keyframe
from replay.mirror import Mirror, MirrorFull
from replay.moves import put_positions_back
from replay.recording import Damage, LoadRecording
from replay.shape import FULL_SNAPSHOT, check_event
from replay.timeline import GapSpan, LoadSpan, PageView, Timeline


def cut(read: LoadRecording, from_ms: float, until_ms: float) -> LoadRecording:
    """Return the part of a document's recording from *from_ms* to *until_ms* (server time)."""
    before = [event for event in read.events if event["timestamp"] < from_ms]
    inside = [event for event in read.events if from_ms <= event["timestamp"] <= until_ms]
    gaps = [
        replace(gap, at_ms=max(gap.at_ms, from_ms), until_ms=min(gap.until_ms, until_ms))
        for gap in read.gaps
        if gap.at_ms <= until_ms and gap.until_ms >= from_ms
    ]
    begin: list[dict[str, Any]] = []
    if any(event["type"] == FULL_SNAPSHOT for event in before):
        begin, lost = _picture(before, from_ms)
        if lost:
            gaps.append(Damage("no_snapshot", from_ms, from_ms, lost))
    return replace(read, events=begin + inside, gaps=gaps)


def _picture(before: Iterable[dict[str, Any]], at_ms: float) -> tuple[list[dict[str, Any]], str]:
    """Return the events that show a page as *before* leaves it, or none and why."""
    mirror = Mirror()
    try:
        for event in before:
            mirror.apply(event)
    except MirrorFull as error:
        return [], str(error)
    text = keyframe(mirror, at_ms)
    if text is None:
        return [], "the page is nested too deep to be told anew"
    events: list[dict[str, Any]] = deep.loads(text)
    put_ids_back(events)
    put_positions_back(events)
    return [event for event in events if event["type"] != 4 or _has_size(event)], ""


def _has_size(meta: dict[str, Any]) -> bool:
    return check_event({**meta, "timestamp": 0}) is None


def in_view(load: LoadSpan, from_ms: float, until_ms: float) -> bool:
    """Say whether the document *load* was to be seen between *from_ms* and *until_ms*."""
    return load.at_ms <= until_ms and load.until_ms >= from_ms


def cut_timeline(timeline: Timeline, from_ms: float, until_ms: float) -> Timeline:
    """Return what of *timeline* is between *from_ms* and *until_ms*."""

    def held(at: float) -> float:
        return min(max(at, from_ms), until_ms)

    loads = [load for load in timeline.loads if in_view(load, from_ms, until_ms)]
    tabs = [tab for tab in timeline.tabs if tab.at_ms <= until_ms and tab.until_ms >= from_ms]
    return Timeline(
        start_ms=from_ms,
        end_ms=until_ms,
        tabs=tuple(
            replace(tab, at_ms=held(tab.at_ms), until_ms=held(tab.until_ms)) for tab in tabs
        ),
        loads=tuple(
            replace(load, at_ms=held(load.at_ms), until_ms=held(load.until_ms)) for load in loads
        ),
        views=tuple(_views(timeline.views, from_ms, until_ms)),
        rows=tuple(row for row in timeline.rows if from_ms <= row.at_ms <= until_ms),
        gaps=tuple(
            replace(gap, at_ms=held(gap.at_ms), until_ms=held(gap.until_ms))
            for gap in timeline.gaps
            if _touches(gap, from_ms, until_ms)
        ),
    )


def _views(views: Iterable[PageView], from_ms: float, until_ms: float) -> Iterable[PageView]:
    """Give the page views that begin in the span, and of each tab the one that it begins on."""
    begun: dict[str, PageView] = {}
    inside: list[PageView] = []
    for view in views:
        if view.at_ms < from_ms:
            begun[view.tab] = view
        elif view.at_ms <= until_ms:
            inside.append(view)
    yield from (replace(view, at_ms=from_ms) for view in begun.values())
    yield from inside


def _touches(gap: GapSpan, from_ms: float, until_ms: float) -> bool:
    return gap.at_ms <= until_ms and gap.until_ms >= from_ms
