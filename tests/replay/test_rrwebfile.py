"""Files of recordings: the forms they come in, and what is said of those that are none."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.rrwebfile import RecordingError, read
from tests.replay.foreign import BEGIN, Page

EVENTS = Page(["p", {"id": "a"}, "Hello"]).events
META, SNAPSHOT = EVENTS


def packed(event: dict[str, Any]) -> str:
    return zlib.compress(json.dumps(event).encode()).decode("latin-1")


FORMS = {
    "array": EVENTS,
    "object": {"events": EVENTS},
    "snapshots": {"snapshots": EVENTS, "distinct_id": "x"},
    "nested": {"data": {"snapshots": EVENTS}},
    "by_window": {"snapshot_data_by_window_id": {"w": EVENTS}},
    "pairs": [["w", one] for one in EVENTS],
    "batches": [{"windowId": "w", "data": EVENTS[:1]}, {"windowId": "w", "data": EVENTS[1:]}],
    "packed": [packed(one) for one in EVENTS],
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    """A list of events is found in each of the forms that tools write, also compressed by gzip."""
    raw = json.dumps(FORMS[name]).encode()

    for one in (raw, gzip.compress(raw), b"\xef\xbb\xbf" + raw):
        [document] = read(one).documents
        assert EVENTS == document.events


@pytest.mark.parametrize("form", ["{}", '["w", {}]'])
def test_lines(form: str) -> None:
    """One event, or window and event, a line."""
    lines = [form.replace("{}", json.dumps(one)) for one in EVENTS]

    assert EVENTS == read("\n".join(lines).encode()).documents[0].events


def broken(**change: Any) -> bytes:
    return json.dumps([META, {**SNAPSHOT, **change}]).encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it is empty"),
        (b"<html></html>", "it is no JSON"),
        (b"[]", "there are no events in it"),
        (b"7", "neither a list of events nor an object"),
        (b'{"name": "x"}', "an object without a list of events"),
        (b"\x1f\x8bjunk", "it is no valid gzip"),
        (gzip.compress(json.dumps(EVENTS).encode(), mtime=0)[:60], "its gzip is cut off"),
        (json.dumps(EVENTS).encode()[:-20], "it is no JSON"),
        (b'{"type":4}\n{"type":\n', "line 2 is no JSON"),
        (json.dumps([META, 7]).encode(), "event 1 is no object"),
        (json.dumps([META, "junk"]).encode(), "event 1 is a text, not an object"),
        (json.dumps([META, {**SNAPSHOT, "cv": "2024-10"}]).encode(), "event 1 is compressed"),
        (broken(timestamp=12), "event 1 has no timestamp in Unix milliseconds: 12"),
        (broken(timestamp=None), "event 1 has no timestamp"),
        (broken(data={}), "event 1 (type 2) has no document"),
        (broken(type=99), "event 1 (type 99) has no known type"),
        (json.dumps([META]).encode(), "there is no full snapshot"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, reason: str) -> None:
    """A file that is no recording is refused, with the place and what is wrong."""
    with pytest.raises(RecordingError) as caught:
        read(raw)

    assert reason in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_junk_is_a_recording_error(data: st.DataObject) -> None:
    """Whatever stands in the place of a value of a recording is read or refused, nothing else."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-5, 9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "data", "id", "node", "events"]), inner)
        ),
        max_leaves=8,
    )
    events = json.loads(json.dumps(EVENTS))
    holder = data.draw(
        st.sampled_from([events[0], events[1], events[1]["data"]["node"], events[1]["data"]])
    )
    holder[data.draw(st.sampled_from([*holder]))] = data.draw(values)
    junk = data.draw(values)
    try:
        read(json.dumps([*events, junk] if junk is not None else events).encode())
    except RecordingError:
        return


def test_events_are_put_in_order() -> None:
    """Events that were written out of order are sorted by time; those of one moment stay as they are."""
    later = {"type": 3, "data": {"source": 3, "id": 1, "x": 0, "y": 9}, "timestamp": BEGIN + 50}

    assert [*EVENTS, later] == read(json.dumps([later, *EVENTS]).encode()).documents[0].events
