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
from replay import recording as module
from replay.hands import noted
from replay.recording import ChunkError, decode_chunk, load_recording, recordings
from replay.shape import check_event
from tests.console.support import (
    START,
    Clock,
    Visit,
    add_text,
    mutation,
    nest,
    rrweb_page,
    scroll,
    shop,
)


async def recording(store: SqliteStore, session: str) -> list[dict[str, Any]]:
    return [load.as_dict() async for load in recordings(store, session)]


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

    assert (await noted(store, "v")).moments == [START + 700]


async def test_malformed_neighbours_are_one_gap(store: SqliteStore) -> None:
    """Thousands of broken events cost one gap, and not one each; a playable one between parts them."""
    visit = Visit(store, "v")
    junk: list[Any] = [0] * 20_000
    await visit.send([], recording=[*rrweb_page(), *junk, scroll(50), 0])
    [load] = await recording(store, "v")

    assert [gap["reason"] for gap in load["gaps"]] == [
        "events 2 to 20001 of chunk 0 cannot be played",
        "event 20003 of chunk 0 is no object",
    ]
    assert [(gap["at"] - START, gap["until"] - START) for gap in load["gaps"]] == [(11, 11), (50, 50)]  # fmt: skip
    mixed = [event for at in range(1_000) for event in (scroll(at), 0)]
    await visit.send([], recording=mixed, load="load-2")
    *_, load = await recording(store, "v")

    kinds = [gap["kind"] for gap in load["gaps"]]
    assert kinds == ["malformed_event"] * module.MAX_CHUNK_DAMAGES + ["no_snapshot"]
    assert len(load["events"]) == 1_000


async def test_a_chunk_keeps_to_what_it_announced(store: SqliteStore) -> None:
    """A chunk of another number of events than its head told, or of absurdly many, is refused."""
    visit = Visit(store, "v")
    zeros = gzip.compress(b"[" + b"0," * 1_000_000 + b"0]", mtime=0)
    await visit.send([], recording=gzip.compress(b"[0,0]", mtime=0))
    await visit.send([], recording=zeros)
    [load] = await recording(store, "v")

    assert len(zeros) < 4_000
    assert load["events"] == []
    assert [gap["reason"] for gap in load["gaps"]] == [
        "the chunk has 2 events, 1 were announced",
        "the chunk has more than 100000 events",
    ]
    assert {gap["kind"] for gap in load["gaps"]} == {"corrupt_chunk"}


def test_values_are_bounded() -> None:
    """JSON whose objects would take gigabytes is refused before it is read."""
    bomb = gzip.compress(b'[{"type":5,"a":[' + b"{}," * 5_000_000 + b"{}]}]", mtime=0)
    with pytest.raises(ChunkError, match="more than 4000000 values"):
        decode_chunk(bomb, GZIP)


async def test_a_document_has_a_budget(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a document has beyond its bytes is one gap over the whole rest; what came before plays."""
    monkeypatch.setattr(module, "MAX_LOAD_BYTES", 3_000)
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page())
    for number in range(1, 6):
        events = [scroll(number * 1_000), scroll(number * 1_000 + 500)]
        await visit.send([], recording=[{**event, "pad": "x" * 800} for event in events])
    await visit.send([], recording=rrweb_page(), load="load-2")
    first, second = await recording(store, "v")

    assert [event["timestamp"] - START for event in first["events"]] == [10, 11, 1_000, 1_500]
    [gap] = first["gaps"]
    assert (gap["kind"], gap["at"] - START, gap["until"] - START) == ("too_large", 2_000, 5_500)
    assert len(second["events"]) == 2
    found = await load_recording(store, "v", "load-1")

    assert found
    assert found.next_seq == 6


async def test_a_session_has_a_budget(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many documents, each within its bytes, cannot together be more than a session may be."""
    monkeypatch.setattr(module, "MAX_SESSION_BYTES", 1_500)
    visit = Visit(store, "v")
    for number in range(6):
        await visit.send([], recording=rrweb_page(), load=f"load-{number}")
    loads = await recording(store, "v")

    kinds = [[gap["kind"] for gap in load["gaps"]] for load in loads]
    assert kinds[0] == []
    assert kinds[-1] == ["too_large"]
    assert loads[0]["events"]
    assert not loads[-1]["events"]


async def test_depth_is_bounded_by_name(store: SqliteStore) -> None:
    """A page of 1 900 nested elements is there; one nested deeper than 2 000 is a gap that says so."""
    visit = Visit(store, "v")
    await visit.send([], recording=rrweb_page(children=nest(1_900)))
    await visit.send([], recording=rrweb_page(at=900, children=nest(2_100)))
    await visit.send([], recording=rrweb_page(at=1_900, children=nest(5_000)))
    [load] = await recording(store, "v")

    assert [event["timestamp"] - START for event in load["events"]] == [10, 11, 900]
    assert [gap["reason"] for gap in load["gaps"]][:1] == [
        "event 1 of chunk 1 has elements nested deeper than 2000"
    ]
    assert "nested deeper than 8000 levels" in load["gaps"][1]["reason"]


def test_inflation_is_bounded() -> None:
    """A small chunk that inflates to more than the bound is refused without inflating it all."""
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]", mtime=0)
    with pytest.raises(ChunkError, match="more than 1000000 bytes"):
        decode_chunk(bomb, GZIP, max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("raw", "encoding", "reason"),
    [
        (b"{}", IDENTITY, "no array"),
        (b"[", IDENTITY, "no JSON"),
        (b"\xff", IDENTITY, "no JSON"),
        (b"[" * 5000, IDENTITY, "no JSON"),
        (gzip.compress(b"[]", mtime=0)[:-4], GZIP, "cut off"),
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
