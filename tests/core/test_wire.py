"""The framed batch: what goes in comes out, and hostile bytes are WireErrors."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire import FRAME_BYTES, GZIP, IDENTITY, WireError, pack, unpack

LIMIT = 1 << 16


@given(
    head=st.binary(max_size=4000),
    chunk=st.binary(max_size=4000),
    sent_t=st.integers(0, 2**32 - 1),
    gzip_head=st.booleans(),
    chunk_encoding=st.sampled_from([IDENTITY, GZIP]),
)
def test_round_trip(
    head: bytes, chunk: bytes, sent_t: int, gzip_head: bool, chunk_encoding: int
) -> None:
    """unpack takes apart what pack put together, for any content."""
    body = pack(head, chunk, sent_t=sent_t, gzip_head=gzip_head, chunk_encoding=chunk_encoding)
    frame = unpack(body, max_head_bytes=LIMIT)

    assert (sent_t, head, chunk, chunk_encoding) == (
        frame.sent_t,
        frame.head,
        frame.chunk,
        frame.chunk_encoding,
    )


@given(st.binary(max_size=200))
def test_hostile_bytes_are_wire_errors(body: bytes) -> None:
    """Any bytes give a frame or a WireError, never another exception."""
    try:
        unpack(body, max_head_bytes=LIMIT)
    except WireError as error:
        assert str(error)


@given(
    version=st.sampled_from([0, 1, 2, 255]),
    encodings=st.tuples(*[st.sampled_from([0, 1, 2, 255])] * 3),
    length=st.sampled_from([0, 1, 5, 2**31, 2**32 - 1]),
    rest=st.binary(max_size=60),
)
def test_hostile_frames_are_wire_errors(
    version: int, encodings: tuple[int, int, int], length: int, rest: bytes
) -> None:
    """Frames that look right at first give a frame or a WireError."""
    body = struct.pack(">BBBBII", version, *encodings, 0, length) + rest
    try:
        frame = unpack(body, max_head_bytes=LIMIT)
    except WireError as error:
        assert str(error)
    else:
        assert (1, 0) == (version, encodings[2])
        assert len(frame.head) <= LIMIT


@given(st.binary(min_size=60, max_size=400), st.data())
def test_a_flipped_byte_in_a_gzip_head_is_found(head: bytes, data: st.DataObject) -> None:
    """A changed byte is a WireError or, in gzip's own header, changes nothing in the head."""
    body = bytearray(pack(head, gzip_head=True))
    at = data.draw(st.integers(FRAME_BYTES, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        frame = unpack(bytes(body), max_head_bytes=LIMIT)
    except WireError:
        return

    assert head == frame.head


def test_the_digest_leaves_out_the_time_of_sending_alone() -> None:
    """The same batch sent later has the same digest; any other change gives another."""

    def digest(head: bytes, chunk: bytes, sent_t: int) -> bytes:
        return unpack(pack(head, chunk, sent_t=sent_t), max_head_bytes=LIMIT).digest

    assert digest(b"{}", b"[]", 1) == digest(b"{}", b"[]", 2)
    assert 3 == len({digest(b"{}", b"[]", 1), digest(b"{} ", b"[]", 1), digest(b"{}", b"[ ]", 1)})


def test_a_gzip_bomb_is_not_inflated() -> None:
    """A head of 128 MB in 128 KB is refused after max_head_bytes; memory stays small."""
    deflater = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(deflater.compress(zeros) for _ in range(128)) + deflater.flush()

    with pytest.raises(WireError, match="more than"):
        unpack(struct.pack(">BBBBII", 1, 1, 0, 0, 0, len(bomb)) + bomb, max_head_bytes=LIMIT)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "at least 12 bytes, this one 0"),
        (struct.pack(">BBBBII", 2, 0, 0, 0, 0, 0), "wire version 2"),
        (struct.pack(">BBBBII", 1, 0, 7, 0, 0, 0), "encoding"),
        (struct.pack(">BBBBII", 1, 0, 0, 0, 0, 9) + b"{}", "should have 9 bytes, 2 came"),
        (pack(b"x" * (LIMIT + 1)), "more than 65536"),
        (struct.pack(">BBBBII", 1, 1, 0, 0, 0, 3) + b"abc", "gzip"),
        (
            struct.pack(">BBBBII", 1, 1, 0, 0, 0, 15) + gzip.compress(b"{}" * 99, mtime=0)[:15],
            "cut off",
        ),
    ],
)
def test_a_wire_error_says_where(body: bytes, says: str) -> None:
    """The text tells what was expected and what came."""
    with pytest.raises(WireError, match=says):
        unpack(body, max_head_bytes=LIMIT)
