"""The form of a finished session's object: what is packed is read, also as earlier versions packed it."""

from __future__ import annotations

import zlib

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.sealed import Activity, Keyframe, SealedChunk, SealedFrame, SealedPart, StockRef
from core.sqlite.packing import (
    LEAD,
    MAGIC_1,
    Head,
    _pack,
    contents,
    frames_of,
    pack,
    read_head,
)

times = st.one_of(
    st.floats(min_value=0, max_value=1e10),
    st.integers(min_value=0, max_value=10**7).map(float),
    st.integers(min_value=0, max_value=10**7).map(lambda ticks: ticks / 1000),
)
parts = st.one_of(
    st.builds(
        SealedChunk,
        page_load=st.sampled_from(["load-1", "load-2", "x" * 22]),
        seq=st.integers(min_value=0, max_value=2**31),
        content=st.binary(max_size=50),
        encoding=st.sampled_from([0, 1]),
        span=st.one_of(st.none(), st.tuples(times, times)),
    ),
    st.builds(
        Keyframe, page_load=st.sampled_from(["load-1", "other"]), t=times, content=st.binary()
    ),
    st.builds(Activity, content=st.binary()),
)


def key(part: SealedPart) -> tuple[str, float, bool]:
    if isinstance(part, Activity):
        return "", 0, False
    if isinstance(part, SealedChunk):
        return part.page_load, part.seq, True
    return part.page_load, part.t, False


def head_of(data: bytes) -> Head:
    return read_head(data[: LEAD.size], lambda count: data[LEAD.size : LEAD.size + count], "x")


def none(stock: StockRef) -> bytes:
    raise AssertionError(stock)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(parts, min_size=1, max_size=6), max_size=4))
def test_what_is_packed_is_read(rows: list[list[SealedPart]]) -> None:
    """Every part comes back where it was, with its times to the last bit."""
    seen = set[tuple[str, float, bool]]()
    frames = []
    for row in rows:
        kept = [part for part in row if key(part) not in seen and not seen.add(key(part))]  # type: ignore[func-returns-value] -- notes it
        if kept:
            frames.append(SealedFrame(tuple(kept)))
    data = pack(frames)
    found = frames_of(head_of(data), list(contents(data, "x", none)))

    def whole(frame: SealedFrame) -> list[str]:
        return sorted(map(repr, frame.parts))  # empty parts lie at one offset, in any order

    assert list(map(whole, frames)) == list(map(whole, found))


def test_what_earlier_versions_packed_is_read() -> None:
    """Their chunks are rows, each with a checksum."""
    content = b"[1][2,3]"
    frame = _pack(content, None, 0)
    told = {
        "stock": None,
        "frames": [[len(frame), len(content), None]],
        "chunks": [
            ["load-1", 0, 0, 0, 3, zlib.crc32(b"[1]"), 0, 1.5, 2.0],
            ["load-1", 1, 0, 3, 5, zlib.crc32(b"[2,3]"), 1, None, None],
        ],
        "keyframes": [],
    }
    head = _pack(orjson.dumps(told), None, 0)
    data = LEAD.pack(MAGIC_1, len(head), zlib.crc32(head)) + head + frame
    [found] = frames_of(head_of(data), list(contents(data, "x", none)))

    assert found.parts == (
        SealedChunk("load-1", 0, b"[1]", 0, (1.5, 2.0)),
        SealedChunk("load-1", 1, b"[2,3]", 1, None),
    )
    assert zlib.crc32(b"[1]") == head_of(data).chunks["load-1", 0].crc32
    with pytest.raises(StoreError, match="damaged head"):
        head_of(b"STOLPER9" + data[8:])
