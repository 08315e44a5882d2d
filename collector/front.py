"""
The listener's own small protocol: reads plain batches itself, hands all else to aiohttp.

A connection begins here. As long as its requests are plain (plain.py) they are read and
answered here, with limits of time and size of this module's own. At the first request that is
not, the connection goes to aiohttp for good, with every byte that came of that request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from collector.asked import BROKEN, Answer, Asked, refusal
from collector.connection import FOR_EVER, Connection
from collector.gate import GATE
from collector.ingest import Ingest
from collector.proxies import Proxies
from core.clock import Clock

log = logging.getLogger(__name__)

SWEEP_S = 1.0
"""How often the time limits are looked at, for all connections at once."""

EVICTED = 20
"""When there are too many connections, one in so many is closed at once: looking costs, too."""


class Front:
    """
    All connections of one listener.

    *most_bytes* is the largest body that is read here; a larger one is aiohttp's to refuse. With
    more than *most_connections* half heads are closed, then those that are silent for longest.
    """

    def __init__(
        self,
        ingest: Ingest,
        clock: Clock,
        proxies: Proxies,
        *,
        most_bytes: int,
        most_connections: int,
        drain_s: float = 2,
    ) -> None:
        self.ingest = ingest
        self.proxies = proxies
        self.most_bytes = most_bytes
        self.most_connections = most_connections
        self.connections: set[Connection] = set()
        self.draining = False
        self.half_bytes = 0
        self._clock = clock
        self._drain_s = drain_s
        self.serving: set[Serving] = set()
        self._date = (0, b"")
        self._quiet = asyncio.Event()

    def beginning(self, other: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """Return what a listener calls for each connection; *other* makes aiohttp's handler."""
        return lambda: Connection(self, other)

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Enforce the time limits while the application runs."""
        sweeping = asyncio.create_task(self._sweep(), name="connections")
        yield
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)

    async def drain(self, _: web.Application) -> None:
        """Close what is idle; let what has begun come to its answer, for a moment."""
        self.draining = True
        for connection in list(self.connections):
            connection.finish()
        self._look()
        try:
            async with asyncio.timeout(self._drain_s):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("%d connections were not done when time was up", len(self.connections))
        for connection in list(self.connections):
            connection.abort()
        for one in list(self.serving):
            one.cancel()

    def joined(self, connection: Connection) -> None:
        """Take *connection* in, at the cost of silent ones if there are too many."""
        self.connections.add(connection)
        if len(self.connections) <= self.most_connections:
            return
        silent = sorted(self.connections, key=Connection.worth)
        for one in silent[: max(1, len(silent) // EVICTED)]:
            if one.until < FOR_EVER:  # else its batch is being stored
                self.ingest.counters["evicted_connections"] += 1
                one.abort()

    def left(self, connection: Connection) -> None:
        """Forget *connection*, which has ended or gone to aiohttp."""
        self.connections.discard(connection)
        if self.draining:
            self._look()

    def served(self, serving: Serving) -> None:
        """Forget *serving*, which has come to its answer."""
        self.serving.discard(serving)
        if self.draining:
            self._look()

    def _look(self) -> None:
        if not self.connections and not self.serving:
            self._quiet.set()

    def begin(self, connection: Connection, asked: Asked, body: bytes) -> None:
        """Have the batch in *body* stored and *connection* told."""
        Serving(self, connection, asked, body).step()

    def date(self) -> bytes:
        """Return the value of the Date header."""
        second = self._clock.now_ms() // 1000
        if second != self._date[0]:
            self._date = second, formatdate(second, usegmt=True).encode()
        return self._date[1]

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now = loop.time()
            for connection in [one for one in self.connections if one.until < now]:
                connection.give_up()


class Serving:
    """
    One batch on its way to its answer: what a task does, at half the cost.

    It takes its first step at once, and a step is a call. What it runs may wait for futures
    only, and must not ask which task it is in.
    """

    __slots__ = ("_asked", "_connection", "_coroutine", "_front", "_future")

    def __init__(self, front: Front, connection: Connection, asked: Asked, body: bytes) -> None:
        self._front = front
        self._connection = connection
        self._asked = asked
        self._coroutine = front.ingest.answer(asked, body)
        self._future: asyncio.Future[Any] | None = None
        front.serving.add(self)

    def step(self, _: object = None) -> None:
        """Go on until it must wait, or to the answer."""
        if self not in self._front.serving:  # given up
            return
        try:
            future = self._coroutine.send(None)
        except StopIteration as stop:
            answer: Answer = stop.value
        except Exception:
            log.exception("POST /i/%s failed", self._asked.key)
            answer = refusal(self._asked.origin, BROKEN)
        else:
            # As a task tells a future that has been waited for that it will be called.
            future._asyncio_future_blocking = False
            future.add_done_callback(self.step)
            self._future = future
            return
        self._front.served(self)
        self._connection.answered(answer)

    def cancel(self) -> None:
        """Give it up."""
        self._front.served(self)
        self._coroutine.close()
        if self._future is not None:
            self._future.cancel()


FRONT: web.AppKey[Front] = web.AppKey("front", Front)
"""The front of an application, where its settings want one."""


class FrontRunner(web.AppRunner):
    """Runs an application whose connections begin with its Front, if it has one, or pass its Gate."""

    @property
    def server(self) -> Any:
        """Return what a site calls for each connection."""
        server = super().server
        app = self.app
        if server is None or GATE not in app:
            return server
        gated = app[GATE].beginning(server)
        return app[FRONT].beginning(gated) if FRONT in app else gated
