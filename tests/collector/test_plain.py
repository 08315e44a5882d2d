"""The plain form of a request: nothing is taken for plain that aiohttp would read otherwise."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector import plain

FIELDS = [
    "Host: rec.example",
    "Content-Length: 12",
    "content-length:7",
    "Content-Length: 007",
    "Content-Length: 1_0",
    "Content-Length: +1",
    "Content-Length: 1 1",
    "Content-Length: ²",
    "Content-Length:",
    "Origin: https://shop.example",
    "Origin: null",
    "ORIGIN:  https://shop.example\t ",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "User-Agent: ü",
    "X-Forwarded-For: 192.0.2.1, 10.0.0.1",
    "Connection: keep-alive",
    "Connection: close",
    "Connection: Upgrade",
    "Connection: close, keep-alive",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "Content-Encoding: gzip",
    "X-Empty:",
    "X-Colon: a:b: c",
    " folded: a",
    "no colon",
    "bad name: a",
    "X-Length: Content-Length: 3",
    "",
]
LINES = [
    "POST /i/siteKey1 HTTP/1.1",
    "POST /i/site_Key-1 HTTP/1.1",
    "POST /i/siteKey1 HTTP/1.0",
    "POST  /i/siteKey1 HTTP/1.1",
    "POST /i/siteKey1/ HTTP/1.1",
    "POST /i/%41 HTTP/1.1",
    "POST /i/a?b HTTP/1.1",
    "POST /i/a#b HTTP/1.1",
    "POST /i/ HTTP/1.1",
    "PUT /i/siteKey1 HTTP/1.1",
    "POST /i/siteKey1 HTTP/1.1 ",
]
HEADS = st.builds(
    lambda line, fields, end: "\r\n".join([line, *fields, "", ""]).encode() + end,
    st.sampled_from(LINES[:1] * 10 + LINES),
    st.lists(st.sampled_from(FIELDS[:2] * 8 + FIELDS), max_size=12),
    st.sampled_from([b"", b"x" * 20]),
)
CUTS = st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3))


def as_aiohttp_reads(data: bytes) -> RawRequestMessage | None:
    """Return the first message that aiohttp's parser finds in *data*, if it finds none wrong."""
    loop = asyncio.new_event_loop()
    try:
        parser = HttpRequestParser(
            BaseProtocol(loop),
            loop,
            2**16,
            max_line_size=8190,
            max_field_size=8190,
            max_headers=128,
        )
        messages, _, _ = parser.feed_data(data)
    except HttpProcessingError:
        return None
    finally:
        loop.close()
    return messages[0][0] if messages else None


@settings(max_examples=300, deadline=None)
@given(HEADS, CUTS)
@example("\r\n".join([LINES[0], *FIELDS[:2], "", ""]).encode(), (0, 0, b""))
def test_what_is_plain_says_to_aiohttp_the_same(data: bytes, cut: tuple[int, int, bytes]) -> None:
    """Of any bytes: if they are taken for plain, aiohttp reads the same key, length and fields."""
    at, length, instead = cut
    if length or instead:
        data = data[:at] + instead + data[at + length :]
    end = data.find(b"\r\n\r\n") + 4
    found = plain.read(data, end) if end >= 4 else None
    if found is None:
        return
    message = as_aiohttp_reads(data[: end + found.length])

    assert message is not None
    headers = message.headers
    assert ("POST", f"/i/{found.key}", (1, 1)) == (message.method, message.path, message.version)
    assert str(found.length) == headers["Content-Length"].lstrip("0") or "0" == str(found.length)
    assert headers.get("User-Agent", "") == found.user_agent
    assert headers.get("X-Forwarded-For", "") == found.forwarded
    assert message.should_close == found.close
    assert not (message.chunked or message.upgrade or message.compression)
    origin = headers.get("Origin")
    assert found.origin in (origin, "null")
    assert (
        found.before + data[len(found.before) : end - len(found.after)] + found.after == data[:end]
    )


@given(st.integers(0, 10**10 - 1), st.binary(max_size=30))
def test_the_same_head_again_is_read_by_comparison(length: int, follows: bytes) -> None:
    """With another length it is the same page's next batch; with anything else it is not."""
    first = "\r\n".join([LINES[0], *FIELDS[:2], FIELDS[9], "", ""]).encode()
    known = plain.read(first, len(first))
    assert known is not None
    again = re.sub(rb"12(?=\r\n)", b"%d" % length, first)

    assert known.again(again + follows)
    assert (length, len(again)) == (known.length, known.end)
    for other in (again[:-1], again[1:], again.replace(b"shop", b"evil"), b"", again[:40]):
        assert not known.again(other)


@pytest.mark.parametrize("fill", [b"a", b":", b"\r\n", b"a:", b"a: b\r\n", b" ", b"\xff"])
def test_reading_takes_linear_time(fill: bytes) -> None:
    """Heads made to be slow take well under 20 ms of the processor."""
    line = LINES[0].encode() + b"\r\n"
    data = line + (fill * 8000)[: plain.MAX_HEAD_BYTES - len(line) - 4] + b"\r\n\r\n"
    began = time.process_time()
    plain.read(data, data.find(b"\r\n\r\n") + 4)

    assert 0.02 > time.process_time() - began
