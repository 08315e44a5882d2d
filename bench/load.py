"""
A load generator: some connections, each with one request under way at a time.

Knows HTTP as far as our receivers answer it. A connection that is closed sends no more, and
is among the answers.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
    " Safari/537.36"
)


@dataclass(slots=True)
class Outcome:
    """What a run came to. *cpu_s* is that of the receiver's processes while it was measured."""

    requests: int
    cpu_s: float
    wall_s: float
    waits_ms: list[float]
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def cpu_us(self) -> float:
        """Return the receiver's CPU µs for each request."""
        return self.cpu_s / self.requests * 1e6

    def wait_ms(self, percent: int) -> float:
        """Return how long *percent* of the answers took at most, in milliseconds."""
        return statistics.quantiles(self.waits_ms, n=100)[percent - 1]


def request(path: str, origin: str, body: bytes, *fields: str) -> bytes:
    """Return a POST as Chromium sends it across origins."""
    head = "\r\n".join(
        [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1:8000",
            "Connection: keep-alive",
            f"Content-Length: {len(body)}",
            'sec-ch-ua: "Chromium";v="141", "Not?A_Brand";v="8"',
            "sec-ch-ua-mobile: ?0",
            'sec-ch-ua-platform: "Linux"',
            f"User-Agent: {USER_AGENT}",
            "Content-Type: text/plain;charset=UTF-8",
            "Accept: */*",
            f"Origin: {origin}",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: cors",
            "Sec-Fetch-Dest: empty",
            f"Referer: {origin}/",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Language: de-DE,de;q=0.9,en;q=0.8",
            *fields,
        ]
    )
    return head.encode() + b"\r\n\r\n" + body


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that process *pid* and those it started have used."""
    ticks, parents = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        one = int(stat.parent.name)
        parents[one] = int(fields[1])
        ticks[one] = int(fields[11]) + int(fields[12])
    return sum(t for one, t in ticks.items() if _descends(one, pid, parents)) / os.sysconf(
        "SC_CLK_TCK"
    )


def _descends(one: int, pid: int, parents: dict[int, int]) -> bool:
    while one not in (pid, 0):
        one = parents.get(one, 0)
    return one == pid


class _Client(asyncio.Protocol):
    """Sends its requests one after the other."""

    def __init__(self, requests: Sequence[bytes], outcome: Outcome, done: asyncio.Event) -> None:
        self._requests = requests
        self._at = 0
        self._outcome = outcome
        self._done = done
        self._came = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self._next()

    def data_received(self, data: bytes) -> None:
        """Note an answer once it is whole, and send the next request."""
        self._came += data
        end = self._came.find(b"\r\n\r\n")
        if end < 0:
            return
        head, _, content = self._came.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(content) < length:
            return
        self._outcome.waits_ms.append((time.perf_counter() - self._sent) * 1000)
        self._outcome.answers[head[9:12].decode() + " " + _status(content)] += 1
        self._came = b""
        self._at += 1
        self._next()

    def connection_lost(self, _: Exception | None) -> None:
        """Note it if something was still to be sent."""
        if self._done.is_set() or self._at >= len(self._requests):
            return
        self._came = b""
        self._outcome.answers["connection closed"] += 1
        self._done.set()

    def _next(self) -> None:
        assert self._transport is not None
        if self._at >= len(self._requests):
            self._done.set()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._at])


def _status(content: bytes) -> str:
    if b'"stored"' in content:
        return "stored"
    return "duplicate" if b'"duplicate"' in content else ""


async def run(port: int, connections: Sequence[Sequence[bytes]], pid: int, warm: int) -> Outcome:
    """
    Send the requests of each of *connections* to *port*; the first *warm* of each do not count.

    *pid* is the receiver's process.
    """
    outcome = Outcome(0, 0, 0, [])
    first = [requests[:warm] for requests in connections]
    rest = [requests[warm:] for requests in connections]
    await _all(port, first, outcome)
    outcome.waits_ms.clear()
    cpu, wall = cpu_s(pid), time.perf_counter()
    await _all(port, rest, outcome)
    outcome.cpu_s = cpu_s(pid) - cpu
    outcome.wall_s = time.perf_counter() - wall
    outcome.requests = len(outcome.waits_ms)
    return outcome


async def _all(port: int, connections: Sequence[Sequence[bytes]], outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    ends = []
    for requests in connections:
        if requests:
            done = asyncio.Event()
            transport, _ = await loop.create_connection(
                lambda requests=requests, done=done: _Client(requests, outcome, done),
                "127.0.0.1",
                port,
            )
            ends.append((transport, done))
    for transport, done in ends:
        await done.wait()
        transport.close()
