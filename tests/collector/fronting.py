"""What tests of the listener's own protocol speak to it with, byte by byte."""

from __future__ import annotations

import asyncio

from collector.front import FRONT, Front
from tests.collector.support import FIREFOX, ORIGIN, SITE, Collector, body, head


class Wire:
    """A raw connection to a collector."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *parts: bytes) -> None:
        """Send *parts* as one."""
        self.writer.write(b"".join(parts))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next answer that is not 100."""
        first = await self.reader.readuntil(b"\r\n\r\n")
        line, *fields = first.decode().rstrip().split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        status = int(line.split()[1])
        if status == 100:
            return await self.answer()
        length = int(headers.get("Content-Length", 0))
        return status, headers, await self.reader.readexactly(length)

    async def statuses(self, count: int) -> list[int]:
        """Return the statuses of the next *count* answers."""
        return [(await self.answer())[0] for _ in range(count)]

    async def ended(self) -> bytes:
        """Return what comes until the server closes."""
        return await self.reader.read()


def front(collector: Collector) -> Front:
    """Return the front of a collector."""
    return collector.client.app[FRONT]


def request(data: bytes, *fields: str, line: str = f"POST /i/{SITE.key} HTTP/1.1") -> bytes:
    """Return a request as a browser sends it, with further header *fields*."""
    lines = [
        line,
        "Host: rec.example",
        "Connection: keep-alive",
        f"Content-Length: {len(data)}",
        f"User-Agent: {FIREFOX}",
        "Content-Type: text/plain;charset=UTF-8",
        "Accept: */*",
        f"Origin: {ORIGIN}",
        f"Referer: {ORIGIN}/",
        "Accept-Encoding: gzip, deflate, br",
        "Accept-Language: de-DE,de;q=0.9",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


def nth(n: int) -> bytes:
    """Return the request of the n-th batch of a page load."""
    return request(body(head(seq=n)))


GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
