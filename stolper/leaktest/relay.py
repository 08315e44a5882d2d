"""A relay before a server: it passes connections on and keeps every byte that clients send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit


class Relay:
    """Listens on a free port of this machine and passes on to *target* (an http URL)."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self._target = parts.hostname, parts.port or 80
        self._kept: list[bytearray] = []
        self._open: dict[asyncio.Event, list[asyncio.StreamWriter]] = {}  # by its end
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen, and return the URL to use instead of the target's."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for ends in self._open.values():
            for one in ends:
                one.close()
        await asyncio.gather(*(over.wait() for over in list(self._open)))

    def sent(self) -> bytes:
        """Return what clients have sent, headers too, one connection after the other."""
        return b"\0\0\0\0".join(bytes(one) for one in self._kept)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        self._kept.append(kept)
        ends = [writer]
        over = asyncio.Event()
        self._open[over] = ends
        try:
            there, back = await asyncio.open_connection(*self._target)
            ends.append(back)
            await asyncio.gather(
                _pump(reader, back, kept.extend), _pump(there, writer, lambda _: None)
            )
        finally:
            for one in ends:
                one.close()
                with suppress(OSError):
                    await one.wait_closed()
            del self._open[over]
            over.set()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, keep: Callable[[bytes], object]
) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            keep(data)
            sink.write(data)
            await sink.drain()
        sink.write_eof()
