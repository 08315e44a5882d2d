"""From chunks to rrweb events: server time, bounds, and damage that is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from core.sqlite import SqliteStore
from core.wire import GZIP, IDENTITY
from replay.recording import ChunkError, activity, decode_chunk, load_recording, recording
from replay.shape import check_event
from tests.console.support import START, Clock, Visit, add_text, mutation, rrweb_page, scroll, shop


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


async def test_times_become_server_times(store: SqliteStore) -> None:
    """Timestamps are the document's origin plus its monotonic time; documents keep apart."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page())
    await visit.send([], recording=rrweb_page(), load="load-2", tab="tab-2", origin=5_000)
    first, second = await recording(store, "v")

    assert [event["timestamp"] for event in first["events"]] == [START + 10, START + 11]
    assert [event["timestamp"] for event in second["events"]] == [START + 5_010, START + 5_011]
    assert (second["page_load"], second["tab"], second["gaps"]) == ("load-2", "tab-2", [])


async def test_chunks_come_in_order(store: SqliteStore) -> None:
    """Chunks that arrived in another order are put in that of their times."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page(), seq=0)
    await visit.send([], recording=[scroll(900)], seq=2)
    await visit.send([], recording=[scroll(500)], seq=1)
    [load] = await recording(store, "v")

    assert [event["timestamp"] - START for event in load["events"]] == [10, 11, 500, 900]


async def test_later_chunks_alone(store: SqliteStore) -> None:
    """Asked again with next_seq, only what came since is returned."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page())
    first = await load_recording(store, "v", "load-1")

    assert first
    assert (len(first.events), first.next_seq) == (2, 1)
    await visit.send([], recording=[scroll(500)])
    more = await load_recording(store, "v", "load-1", from_seq=first.next_seq)

    assert more
    assert ([event["timestamp"] - START for event in more.events], more.next_seq) == ([500], 2)
    assert more.gaps == []
    assert await load_recording(store, "v", "other") is None


async def test_damage_is_named(store: SqliteStore) -> None:
    """A broken chunk and a malformed event become gaps with kind, span and seq; the rest is there."""
    visit = Visit(store, "v")
    await visit.send([], recording=[*rrweb_page(), {"type": 3, "timestamp": 40}, scroll(50)])
    await visit.send([], recording=b"junk")
    await visit.send([], recording=[scroll(900)])
    [load] = await recording(store, "v")

    assert [event["timestamp"] - START for event in load["events"]] == [10, 11, 50, 900]
    assert [(gap["kind"], gap["seq"]) for gap in load["gaps"]] == [
        ("malformed_event", 0),
        ("corrupt_chunk", 1),
    ]
    assert load["gaps"][0]["reason"] == "event 2 of chunk 0 has no data"


async def test_missing_snapshot_is_named(store: SqliteStore) -> None:
    """Changes without a picture to apply them to are a gap until the first snapshot."""
    visit = Visit(store, "v")
    await visit.send([], recording=[add_text(100, 20, "lost"), *rrweb_page(at=2_000)])
    [load] = await recording(store, "v")

    [gap] = load["gaps"]
    assert gap["kind"] == "no_snapshot"
    assert (gap["at"] - START, gap["until"] - START) == (100, 2_001)


async def test_activity_is_what_hands_do(store: SqliteStore) -> None:
    """Scrolls count as activity, changes of the page do not."""
    visit = Visit(store, "v")
    await visit.send([], recording=[*rrweb_page(), add_text(100, 20, "clock"), scroll(700)])

    assert await activity(store, "v") == [START + 700]


def test_inflation_is_bounded() -> None:
    """A small chunk that inflates to more than the bound is refused without inflating it all."""
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    with pytest.raises(ChunkError, match="more than 1000000 bytes"):
        decode_chunk(bomb, GZIP, max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("raw", "encoding", "reason"),
    [
        (b"{}", IDENTITY, "no array"),
        (b"[", IDENTITY, "no JSON"),
        (b"\xff", IDENTITY, "no JSON"),
        (b"[" * 5000, IDENTITY, "no JSON"),
        (gzip.compress(b"[]")[:-4], GZIP, "cut off"),
        (b"plain", GZIP, "not valid gzip"),
        (b"", GZIP, "cut off"),
    ],
)
def test_what_is_no_chunk(raw: bytes, encoding: int, reason: str) -> None:
    """What is no array of events says which of the ways it is broken in."""
    with pytest.raises(ChunkError, match=reason):
        decode_chunk(raw, encoding)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "data", "source", "id", "node", "childNodes", "adds", "timestamp"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_check_never_raises(event: Any) -> None:
    """Whatever a browser sent, the check answers with a reason or lets it pass."""
    assert check_event(event) is None or isinstance(check_event(event), str)


@pytest.mark.parametrize(
    "event",
    [*rrweb_page(), scroll(1), add_text(1, 2, "x"), {"type": 1, "timestamp": 3, "data": {}}],
)
def test_honest_events_pass(event: Any) -> None:
    """What a recorder sends passes."""
    assert check_event(event) is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "is no object"),
        ({"type": 99, "timestamp": 1}, "has no known type"),
        ({"type": True, "timestamp": 1}, "has no known type"),
        ({"type": 3, "timestamp": -5, "data": {}}, "has no usable timestamp"),
        ({"type": 4, "timestamp": 1, "data": {"width": "800"}}, "has no viewport size"),
        ({"type": 2, "timestamp": 1, "data": {"node": {"type": 3}}}, "has no document"),
        ({"type": 3, "timestamp": 1, "data": {"source": 1, "positions": []}}, "has no positions"),
        (mutation(1, adds=[{"parentId": 1, "node": {"id": 1}}]), "has a node of no known type"),
        (mutation(1, texts=[{}]), "changes a node without an id"),
    ],
)
def test_malformed_events_are_refused(event: Any, reason: str) -> None:
    """What the player would fall over is refused with its reason."""
    assert check_event(json.loads(json.dumps(event))) == reason
