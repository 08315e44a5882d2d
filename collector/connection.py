"""
One connection of the public listener, as long as its requests are plain batches.

Owns the states of it: whether a head, a body or an answer is waited for, for how long, and
what is read meanwhile. Its front (front.py) knows all connections and has batches stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from collector import plain
from collector.asked import Answer, Asked
from collector.ingest import BODY_TIMEOUT_S, MOST_HALF_BYTES, too_slow
from collector.plain import Plain
from core.errors import Refused

if TYPE_CHECKING:
    from collector.front import Front

IDLE_TIMEOUT_S = 75
"""How long a connection may say nothing: longer than the 60 s of proxies that keep one open."""

HEAD_TIMEOUT_S = 10
"""How long a head may take from its first byte on. It fits into one packet, as a rule."""

LINGER_S = 2
"""
How long what a refused client still sends is read and dropped. Closing at once would reset the
connection under a client that is sending, and many then never read the answer (RFC 9112, 9.6).
"""

FOR_EVER = float("inf")


class Connection(asyncio.Protocol):
    """
    One connection, until it ends or goes to aiohttp.

    It waits for a head, or for the rest of a body, or for an answer. While it waits for an
    answer nothing is read: what comes all the same (one read at most) is kept for later, so
    that answers go out in the order of their requests.
    """

    __slots__ = (
        "_address", "_announced", "_asked", "_front", "_lingers", "_loop", "_missing", "_other",
        "_parts", "_paused", "_peer", "_plain", "_rest", "_taking", "_transport", "_waiting",
        "_writable", "until",
    )  # fmt: skip

    def __init__(self, front: Front, other: Callable[[], asyncio.Protocol]) -> None:
        self._front = front
        self._other = other
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport  # from when the connection is made
        self._plain: Plain | None = None
        self._asked: Asked | None = None  # what the body that is arriving belongs to
        self._parts: list[bytes] = []
        self._announced = 0  # bytes of the body that is arriving, what came of it included
        self._missing = 0
        self._rest = b""
        self._taking = False
        self._waiting = False
        self._lingers = False  # refused and told so; what still comes is dropped
        self._paused = False
        self._writable = True
        self.until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a first request."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._address = self._front.ingest.hashed_address(self._peer)
        self.until = self._loop.time() + IDLE_TIMEOUT_S
        self._front.joined(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget it. A batch that is being stored is stored; its sender will send it again."""
        self._front.half_bytes -= self._announced
        self._announced = self._missing = 0
        self._parts.clear()
        self._front.left(self)

    def data_received(self, data: bytes) -> None:
        """Take what came: a head, a part of a body, or what is not yet wanted."""
        if self._lingers:
            return
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
        if not self._waiting and not self._lingers:
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
        return 2 if self._missing else 0 if self._rest or self._lingers else 1, self.until

    def finish(self) -> None:
        """Close when idle, else after the answer."""
        if not self._waiting and not self._missing:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def give_up(self) -> None:
        """End a connection whose time is up; who was in the middle of a batch is told."""
        if self._lingers or self._transport.is_closing() or not self._writable:
            self._transport.abort()  # close() would wait for a client that does not read
            return
        if self._missing and self._asked is not None:
            self._write(self._front.ingest.refused(self._asked, too_slow()), close=True)
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
        if self._front.half_bytes + known.length > MOST_HALF_BYTES:
            refused = Refused(503, "busy", "too many large batches arrive", retry_after_s=2)
            self._write(self._front.ingest.refused(asked, refused), close=True)
            self._linger()
            return False
        self._front.half_bytes += known.length
        self._announced = known.length
        self._asked = asked
        self._missing = missing
        self._parts = [data[begin:]]
        self.until = self._loop.time() + BODY_TIMEOUT_S
        return True

    def _more(self, data: bytes) -> None:
        """Add *data* to the body that is arriving."""
        taken = min(len(data), self._missing)
        self._missing -= taken
        if taken < len(data):
            self._rest = data[taken:]
            data = data[:taken]
        self._parts.append(data)
        if not self._missing:
            body = b"".join(self._parts)
            self._parts = []
            self._front.half_bytes -= self._announced
            self._announced = 0
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

    def _linger(self) -> None:
        """End the answer now and the connection when the client has, or soon after."""
        if self._front.draining or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingers = True
        self.until = self._loop.time() + LINGER_S
        self._transport.write_eof()
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
