"""Requests that no browser makes: they are refused, and never a fault of ours."""

from __future__ import annotations

import asyncio

import pytest

from tests.console.support import Running


async def status(console: Running, path: str, header: bytes) -> int:
    """Send a GET with a header as bytes, which HTTP clients would not send; return the status."""
    host, _, port = console.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    start = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n"
    writer.write(start.encode() + header + b"\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("path", "header", "expected"),
    [
        ("/sessions", b"Cookie: stolper=\xff.x", 303),
        ("/sessions", b"Cookie: stolper=x.\xe4", 303),
        ("/sign-in", b"Cookie: stolper_form=\xff", 200),
        ("/sign-in", b"Cookie: lang=\xff; stolper_lang=\xff", 200),
        ("/sign-in", b"Accept-Language: \xff", 200),
        ("/stage/%FF.%FF/", b"X: y", 403),
        ("/stage/%ED%A0%80.x/", b"X: y", 403),
        ("/api/v1/sessions", b"Authorization: Bearer \xff", 401),
        ("/api/v1/sessions", b"Authorization: \xff x", 401),
    ],
)
async def test_bytes_that_are_no_text(
    console: Running, path: str, header: bytes, expected: int
) -> None:
    """Bytes that are no UTF-8 are a wrong cookie or token like any other."""
    assert await status(console, path, header) == expected
