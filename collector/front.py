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
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from aiohttp import web

from collector import plain
from collector.asked import BROKEN, Answer, Asked, refusal
from collector.ingest import BODY_TIMEOUT_S, Ingest
from collector.plain import Plain
from collector.proxies import Proxies
from core.clock import Clock
from core.errors import Refused

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 75
"""How long a connection may say nothing: longer than the 60 s of proxies that keep one open."""

HEAD_TIMEOUT_S = 10
"""How long a head may take from its first byte on. It fits into one packet, as a rule."""

SWEEP_S = 1.0
"""How often the time limits are looked at, for all connections at once."""

FOR_EVER = float("inf")

EVICTED = 20
"""When there are too many connections, one in so many is closed at once: looking costs, too."""

MOST_HALF_BYTES = 256 << 20
"""Most bytes announced by bodies that have not wholly arrived: bounds what a flood of them takes."""


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
            future._asyncio_future_blocking = (
                False  # as tasks tell futures that they will be called
            )
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


class Connection(asyncio.Protocol):
    """
    One connection, until it ends or goes to aiohttp.

    It waits for a head, or for the rest of a body, or for an answer. While it waits for an
    answer nothing is read: what comes all the same (one read at most) is kept for later, so
    that answers go out in the order of their requests.
    """

    __slots__ = (
        "_address", "_asked", "_front", "_loop", "_missing", "_other", "_parts", "_paused",
        "_peer", "_plain", "_rest", "_taking", "_transport", "_waiting", "_writable", "until",
    )  # fmt: skip

    def __init__(self, front: Front, other: Callable[[], asyncio.Protocol]) -> None:
        self._front = front
        self._other = other
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport  # from when the connection is made
        self._plain: Plain | None = None
        self._asked: Asked | None = None  # what the body that is arriving belongs to
        self._parts: list[bytes] = []
        self._missing = 0
        self._rest = b""
        self._taking = False
        self._waiting = False
        self._paused = False
        self._writable = True
        self.until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._address = self._front.ingest.hashed_address(self._peer)
        self.until = self._loop.time() + IDLE_TIMEOUT_S
        self._front.joined(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget it. A batch that is being stored is stored; its sender will send it again."""
        self._front.half_bytes -= self._missing
        self._missing = 0
        self._parts.clear()
        self._front.left(self)

    def data_received(self, data: bytes) -> None:
        """Take what came: a head, a part of a body, or what is not yet wanted."""
        if self._missing:
            self._more(data)
        elif self._waiting or not self._writable:
            self._rest += data
            self._pause()
        elif self._rest:
            self._take(self._rest + data, begun=True)
        else:
            self._take(data)

    def eof_received(self) -> bool:
        """Stay for an answer that is due; a client may close its half before that."""
        if not self._waiting:
            return False
        if self._plain is not None:
            self._plain.close = True
        return True

    def pause_writing(self) -> None:
        """Take no further request from a client that does not read its answers."""
        self._writable = False
        self.until = self._loop.time() + BODY_TIMEOUT_S

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        if not self._waiting:
            self._next()

    def answered(self, answer: Answer) -> None:
        """Send *answer* to the request that waits for it, and go on to the next one."""
        transport = self._transport
        self._waiting = False
        if transport.is_closing():
            return
        close = self._front.draining or self._plain is None or self._plain.close
        self._write(answer, close=close)
        if close:
            self._rest = b""
            transport.close()
            return
        if self._writable:
            self._next()

    def worth(self) -> tuple[int, float]:
        """Return what to order connections by when some must go: half heads, idle ones, half bodies."""
        return 2 if self._missing else 0 if self._rest else 1, self.until

    def finish(self) -> None:
        """Close when idle, else after the answer."""
        if not self._waiting and not self._missing:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def give_up(self) -> None:
        """End a connection whose time is up; who was in the middle of a batch is told."""
        if self._transport.is_closing() or not self._writable:
            self._transport.abort()  # close() would wait for a client that does not read
            return
        if self._missing and self._asked is not None:
            reason = f"the body did not arrive within {BODY_TIMEOUT_S} s"
            refused = Refused(400, "bad_frame", reason)
            self._write(self._front.ingest.refused(self._asked, refused), close=True)
        elif self._rest:
            self._front.ingest.counters["slow_heads"] += 1  # a browser takes it for a bad network
        self._transport.close()

    def _take(self, data: bytes, *, begun: bool = False) -> None:
        """Take the requests in *data*, which ends a head that has *begun*; keep what is over."""
        self._taking = True
        going = self._head(data, begun)
        while going and self._rest and not (self._waiting or self._missing) and self._writable:
            data, self._rest = self._rest, b""
            going = self._head(data, begun=False)
        self._taking = False
        # Not before what came is used up: each read would bring more than a request takes away.
        if going and self._writable and not self._waiting:
            self._resume()

    def _head(self, data: bytes, begun: bool) -> bool:
        """
        Read the head that *data* begins with and what follows it, or hand it all over.

        Return whether more may come of what is over.
        """
        known = self._plain
        if known is None or not known.again(data):
            end = data.find(b"\r\n\r\n") + 4
            if end < 4 and len(data) <= plain.MAX_HEAD_BYTES and data[:1].isupper():
                if not begun:
                    self.until = self._loop.time() + HEAD_TIMEOUT_S
                self._rest = data
                self._resume()
                return False
            known = plain.read(data, end) if end >= 4 else None
            if known is None:
                return self._hand_over(data)
            self._plain = known
        if known.length > self._front.most_bytes:
            return self._hand_over(data)
        return self._body(known, data)

    def _body(self, known: Plain, data: bytes) -> bool:
        asked = Asked(known.key, known.origin, known.user_agent, self._address_of(known))
        begin, end = known.end, known.end + known.length
        if len(data) >= end:
            self._rest = data[end:]
            self._ask(asked, data[begin:end])
            return True
        self._rest = b""
        missing = end - len(data)
        if self._front.half_bytes + missing > MOST_HALF_BYTES:
            refused = Refused(503, "busy", "too many large batches arrive", retry_after_s=2)
            self._write(self._front.ingest.refused(asked, refused), close=True)
            self._transport.close()
            return False
        self._front.half_bytes += missing
        self._asked = asked
        self._missing = missing
        self._parts = [data[begin:]]
        self.until = self._loop.time() + BODY_TIMEOUT_S
        return True

    def _more(self, data: bytes) -> None:
        """Add *data* to the body that is arriving."""
        taken = min(len(data), self._missing)
        self._front.half_bytes -= taken
        self._missing -= taken
        if taken < len(data):
            self._rest = data[taken:]
            data = data[:taken]
        self._parts.append(data)
        if not self._missing:
            body = b"".join(self._parts)
            self._parts = []
            assert self._asked is not None
            self._ask(self._asked, body)

    def _ask(self, asked: Asked, body: bytes) -> None:
        self._asked = None
        self._waiting = True
        self.until = FOR_EVER  # how long storing may take is the store's affair
        self._front.begin(self, asked, body)

    def _next(self) -> None:
        """Take the request that came already, or wait for one; not while some are being taken."""
        self.until = self._loop.time() + IDLE_TIMEOUT_S
        if self._taking:
            return
        if self._rest:
            data, self._rest = self._rest, b""
            self._take(data)
        else:
            self._resume()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _address_of(self, known: Plain) -> bytes:
        if not known.forwarded:
            return self._address
        client = self._front.proxies.client_of(self._peer, known.forwarded)
        return self._front.ingest.hashed_address(client)

    def _write(self, answer: Answer, *, close: bool) -> None:
        start = _start(answer.status, answer.origin, answer.retry_after_s, close)
        length = b"%d\r\n\r\n" % len(answer.body)
        lines = (start, self._front.date(), b"\r\nContent-Length: ", length, answer.body)
        self._transport.write(b"".join(lines))

    def _hand_over(self, data: bytes) -> bool:
        """Give the connection to aiohttp for good, with what came of a request."""
        if self._front.draining:
            self._transport.close()
            return False
        self._front.left(self)
        self._resume()
        handler = self._other()
        self._transport.set_protocol(handler)
        handler.connection_made(self._transport)
        handler.data_received(data)
        return False


@lru_cache(maxsize=1024)
def _start(status: int, origin: str | None, retry_after_s: int | None, close: bool) -> bytes:
    """Return an answer up to the value of Date."""
    headers = Answer(status, b"", origin, retry_after_s).headers()
    if close:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Date: "]).encode()


FRONT: web.AppKey[Front] = web.AppKey("front", Front)
"""The front of an application, where its settings want one."""


class FrontRunner(web.AppRunner):
    """Runs an application whose connections begin with its Front, if it has one."""

    @property
    def server(self) -> Any:
        """Return what a site calls for each connection."""
        server = super().server
        app = self.app
        if server is None or FRONT not in app:
            return server
        return app[FRONT].beginning(server)
