"""
The connections that aiohttp reads: how many there are, and how long an answer may take to be read.

aiohttp itself ends those that send nothing; ingest.py bounds bodies. What our own protocol reads
is bounded in front.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

ANSWER_TIMEOUT_S = 120
"""
From the beginning of a request on. The largest answer, the recorder's 50 KB, comes through the
slowest line in half of that; aiohttp would wait for ever for a client that does not read.
"""

SWEEP_S = 5.0

EVICTED = 20
"""When there are too many connections, one in so many is closed at once: looking costs, too."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gate:
    """
    All connections of one listener that aiohttp reads.

    With more than *most_connections* those go whose last request, or else whose beginning, is
    longest ago. *counters* says how many went, and why.
    """

    def __init__(self, counters: Counter[str], most_connections: int) -> None:
        self.most_connections = most_connections
        self._counters = counters
        self._server: web.Server | None = None
        self._since: dict[asyncio.BaseProtocol, float] = {}

    def beginning(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """Return what makes *server*'s handler of each connection."""
        self._server = server

        def make() -> asyncio.Protocol:
            if len(self._since) >= self.most_connections:
                self._make_room()
            handler = server()
            self._since[handler] = asyncio.get_running_loop().time()
            return handler

        return make

    @web.middleware
    async def noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note when the last request of a connection began."""
        if request.protocol in self._since:
            self._since[request.protocol] = asyncio.get_running_loop().time()
        return await handler(request)

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Close connections whose client does not read its answer, while the application runs."""
        sweeping = asyncio.create_task(self._sweep(), name="aiohttp's connections")
        yield
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self._forget()
            stuck = loop.time() - ANSWER_TIMEOUT_S
            for handler in [one for one, since in self._since.items() if since < stuck]:
                self._abort(handler, "slow_answers")

    def _make_room(self) -> None:
        self._forget()
        if len(self._since) < self.most_connections:
            return
        oldest = sorted(self._since, key=self._since.__getitem__)
        for handler in oldest[: max(1, len(oldest) // EVICTED)]:
            self._abort(handler, "evicted_connections")

    def _forget(self) -> None:
        """Forget what has ended."""
        assert self._server is not None
        live = set(self._server.connections)
        self._since = {one: since for one, since in self._since.items() if one in live}

    def _abort(self, handler: asyncio.BaseProtocol, why: str) -> None:
        del self._since[handler]
        transport = getattr(handler, "transport", None)
        if transport is not None:
            self._counters[why] += 1
            transport.abort()


GATE: web.AppKey[Gate] = web.AppKey("gate", Gate)
"""The gate of a public application."""
