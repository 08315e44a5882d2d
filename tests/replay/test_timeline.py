"""The timeline: what lies where, as pure functions over what is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import ChunkInfo, ChunkRef, Gap, PageLoad, Session, StoredBatch
from replay.timeline import build_timeline, event_row, inactive_spans

SESSION = Session(
    "v", "s", "shop", 1_000, 5_000, None, None, 1, 1, 0, True, None, None, {}, "/", "/", None, ()
)


def load(name: str, origin: float, tab: str = "t1") -> PageLoad:
    return PageLoad(name, "v", tab, origin, 0, 0, 1, {"path": "/", "width": 800, "height": 600})


def batch(name: str, seq: int, *events: dict[str, Any], tab: str = "t1") -> StoredBatch:
    full = [
        {"i": place, "page_load": name, "tab": tab, "path": "/", **event}
        for place, event in enumerate(events)
    ]
    return StoredBatch(seq + 1, "s", "v", name, tab, seq, 0, full, ())


def chunk(name: str, seq: int, first: float, last: float) -> ChunkRef:
    return ChunkRef("v", name, "t1", seq, "seg", 0, 1, 0, ChunkInfo(2, first, last, True, 1))


def test_documents_follow_one_another_in_their_tab() -> None:
    """A document stays in view until the next one of the same tab begins."""
    timeline = build_timeline(
        SESSION,
        [
            batch("a", 0, {"ts": 1_000, "type": "page"}),
            batch("b", 0, {"ts": 2_000, "type": "page"}, tab="t2"),
            batch("c", 0, {"ts": 3_000, "type": "page"}, {"ts": 5_000, "type": "click"}),
        ],
        [load("a", 900), load("b", 1_900, "t2"), load("c", 2_900)],
        [chunk("c", 0, 10, 3_100)],
        [],
    )

    assert (timeline.start_ms, timeline.end_ms) == (1_000, 6_000)
    assert [(span.id, span.at_ms, span.until_ms) for span in timeline.loads] == [
        ("a", 1_000, 2_910),
        ("b", 2_000, 6_000),
        ("c", 2_910, 6_000),
    ]
    assert [(tab.id, tab.number, tab.at_ms) for tab in timeline.tabs] == [
        ("t1", 1, 1_000),
        ("t2", 2, 2_000),
    ]
    assert len(timeline.views) == 3


def test_gap_lies_between_its_neighbours() -> None:
    """Missing batches are put between the last thing before and the first thing after them."""
    timeline = build_timeline(
        SESSION,
        [
            batch("a", 0, {"ts": 1_000, "type": "page"}, {"ts": 1_500, "type": "click"}),
            batch("a", 3, {"ts": 4_000, "type": "click"}),
        ],
        [replace(load("a", 900), last_seq=3)],
        [chunk("a", 0, 10, 800), chunk("a", 3, 2_900, 3_000)],
        [
            Gap("v", "a", "missing_batch", {"from_seq": 1, "to_seq": 2}),
            Gap("v", "a", "reported", {"reason": "offline", "from_t": 100, "until_t": 200}),
        ],
    )

    assert [(gap.kind, gap.at_ms, gap.until_ms, gap.reason) for gap in timeline.gaps] == [
        ("missing_batch", 1_700, 3_800, ""),
        ("reported", 1_000, 1_100, "offline"),
    ]


def test_empty_session_has_a_timeline() -> None:
    """A session of which nothing arrived but its row has a timeline without length errors."""
    timeline = build_timeline(SESSION, [], [], [], [])

    assert (timeline.start_ms, timeline.end_ms, timeline.rows) == (1_000, 5_000, ())


@pytest.mark.parametrize(
    ("event", "tone"),
    [
        ({"type": "page"}, "page"),
        ({"type": "click"}, "plain"),
        ({"type": "error"}, "error"),
        ({"type": "request", "status": 500}, "error"),
        ({"type": "request", "status": 0}, "error"),
        ({"type": "request", "status": 200, "duration_ms": 4_000}, "notice"),
        ({"type": "request", "status": 200, "duration_ms": 40}, None),
        ({"type": "request", "status": 0, "aborted": True}, None),
        ({"type": "visibility"}, None),
        ({"type": "scroll", "px": 900}, None),
        ({"type": "vitals", "kind": "lcp", "lcp_ms": 4_000}, "notice"),
        ({"type": "vitals", "kind": "lcp", "lcp_ms": 3_999}, None),
        ({"type": "vitals", "kind": "cls", "cls": 0.4}, None),
        ({"type": "vitals", "kind": "inp", "inp_ms": 500}, "notice"),
        ({"type": "vitals", "kind": "long_task", "long_task_ms": 300}, None),
        ({"type": "key", "class": "esc", "count": 9}, "plain"),
        ({"type": "key", "class": "arrow", "count": 9, "answered_ms": 5}, None),
        ({"type": "cursor", "kind": "shake"}, "plain"),
        ({"type": "cursor", "kind": "rest"}, None),
        ({"type": "gesture", "kind": "swipe"}, "plain"),
        ({"type": "gesture", "kind": "swipe", "answered_ms": 0}, None),
        ({"type": "gesture", "kind": "swipe", "at_edge": True}, None),
        ({"type": "gesture", "kind": "pinch"}, "plain"),
        ({"type": "copy", "kind": "copy"}, "plain"),
        ({"type": "field", "invalid": True}, "notice"),
        ({"type": "form", "outcome": "refused"}, "notice"),
    ],
)
def test_rows_worth_reading(event: dict[str, Any], tone: str | None) -> None:
    """Failures stand out; what succeeded unseen has no row."""
    row = event_row({"i": 1, "ts": 1.0, "page_load": "a", "tab": "t", **event})

    assert (row.tone if row else None) == tone


def test_long_pauses_are_inactive() -> None:
    """A pause over the threshold is inactive, less a margin at both sides; shorter ones are not."""
    assert inactive_spans([1_000, 9_000, 60_000], 0, 65_000) == [(10_000, 59_000)]
    assert inactive_spans([], 0, 65_000) == [(1_000, 64_000)]


@given(st.lists(st.floats(0, 1e6)), st.floats(0, 5e5), st.floats(5e5, 1e6))
def test_inactive_spans_hold_no_activity(active: list[float], start: float, end: float) -> None:
    """Spans are in order, inside the session, and nothing was done in them."""
    spans = inactive_spans(active, start, end)

    assert spans == sorted(spans)
    for from_ms, until_ms in spans:
        assert start <= from_ms < until_ms <= end
        assert not any(from_ms <= at <= until_ms for at in active)
