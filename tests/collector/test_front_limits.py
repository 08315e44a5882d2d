"""The listener's own protocol: its limits, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterable

import pytest
from aiohttp import web

from collector.app import runner as collector_runner
from core.model import Appended, NewBatch
from core.store import Store
from tests.collector.conftest import Start
from tests.collector.fronting import Wire, front, nth, request
from tests.collector.support import Collector, body, head, session_id


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: here always our own protocol, unless a test says otherwise."""
    return "own"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all time limits short."""
    limits = {"IDLE_TIMEOUT_S": 0.3, "HEAD_TIMEOUT_S": 0.1, "BODY_TIMEOUT_S": 0.1}
    for name, value in limits.items():
        monkeypatch.setattr(f"collector.connection.{name}", value)
    monkeypatch.setattr("collector.front.SWEEP_S", 0.02)


async def test_a_slow_head_is_given_up(quick: None, own: Collector, connect: Start) -> None:
    """A head that stops, and one that trickles: closed without a word, and counted."""
    stopped, trickling = await connect(own), await connect(own)
    stopped.send(request(b"")[:-4])
    assert b"" == await stopped.ended()

    for _ in range(1000):
        trickling.send(b"P")
        await asyncio.sleep(0.01)
        if not front(own).connections:
            break
    assert set() == front(own).connections
    assert 2 == front(own).ingest.counters["slow_heads"]


async def test_a_slow_body_is_given_up(quick: None, own: Collector, connect: Start) -> None:
    """503 `slow`, so that it comes again; the connection is closed, the memory is free, it is counted."""
    wire = await connect(own)
    wire.send(nth(0)[:-1])

    status, headers, content = await wire.answer()
    assert (503, "slow") == (status, json.loads(content)["code"])
    assert ("close", "5") == (headers["Connection"], headers["Retry-After"])
    assert b"" == await wire.ended()
    assert 0 == front(own).half_bytes
    assert 1 == front(own).ingest.counters["refused_slow"]


async def test_an_idle_connection_is_closed(quick: None, own: Collector, connect: Start) -> None:
    """Before a first request and after an answer: closed without a word."""
    silent, done = await connect(own), await connect(own)
    done.send(nth(0))

    assert [200] == await done.statuses(1)
    assert [b"", b""] == [await silent.ended(), await done.ended()]


async def test_bodies_that_never_end_take_bounded_memory(
    own: Collector, connect: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 `busy` once too much is announced; when those go, others are taken again."""
    monkeypatch.setattr("collector.connection.MOST_HALF_BYTES", 10_000)
    large = request(body(chunk=b"x" * 8000))
    first, second = await connect(own), await connect(own)
    first.send(large[:-100])  # what came of it is held, so it counts like what is missing
    while not front(own).half_bytes:  # noqa: ASYNC110 -- nothing tells
        await asyncio.sleep(0.001)
    second.send(large[:1000])

    status, headers, content = await second.answer()
    assert (503, "busy", "2") == (status, json.loads(content)["code"], headers["Retry-After"])
    first.writer.close()
    while front(own).half_bytes:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    third = await connect(own)
    third.send(large)
    assert [200] == await third.statuses(1)


async def test_who_is_refused_in_the_middle_of_a_body_can_read_the_answer(
    quick: None, own: Collector, connect: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still sent is dropped for a while, not answered by a reset that would take the answer away."""
    monkeypatch.setattr("collector.connection.MOST_HALF_BYTES", 1000)
    monkeypatch.setattr("collector.connection.LINGER_S", 0.3)
    large = request(body(chunk=b"x" * 8000))
    address = (await connect(own)).writer.get_extra_info("peername")

    def refused(client: socket.socket) -> tuple[bytes, bytes]:
        for begin in range(0, 4000, 1000):  # sending fails once the connection was reset
            client.sendall(large[begin : begin + 1000])
            time.sleep(0.05)
        return client.recv(1 << 16), client.recv(1 << 16)

    with await asyncio.to_thread(socket.create_connection, address, 5) as client:
        answer, then = await asyncio.to_thread(refused, client)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"busy"' in answer
        assert b"" == then
        while front(own).connections:  # noqa: ASYNC110 -- nothing tells; the client stays
            await asyncio.sleep(0.01)


async def test_a_slow_head_is_given_up_by_aiohttp_too(
    start: Start, connect: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our own protocol half a head has the time that an idle connection has, not an hour."""
    monkeypatch.setattr("collector.app.IDLE_TIMEOUT_S", 0.2)
    collector = await start(collector__own_protocol=False)
    runner = collector_runner(collector.client.app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(request(b"")[:-4])

    assert b"" == await reader.read()
    writer.close()
    await runner.cleanup()


async def test_silent_connections_make_room(own: Collector, connect: Start) -> None:
    """With too many connections the one that was silent for longest goes; others go on."""
    front(own).most_connections = 3
    wires = [await connect(own) for _ in range(3)]
    for n in (1, 2, 0):
        wires[n].send(nth(n))
        assert [200] == await wires[n].statuses(1)
    wires[1].send(b"POST /i/")  # a head that has begun has less time left than an idle connection
    while not any(one._rest for one in front(own).connections):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    late = await connect(own)
    late.send(nth(3))

    assert [200] == await late.statuses(1)
    with contextlib.suppress(ConnectionResetError):
        assert b"" == await wires[1].ended()
    wires[0].send(nth(4))
    wires[2].send(nth(5))
    assert [[200], [200]] == [await wires[0].statuses(1), await wires[2].statuses(1)]
    assert 1 == front(own).ingest.counters["evicted_connections"]


class Gated:
    """A store whose appends wait for a gate, and which is otherwise the one it wraps."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.gate = asyncio.Event()
        self.waiting = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, batch: NewBatch) -> Appended:
        """Store *batch* once the gate is open."""
        self.waiting.set()
        await self.gate.wait()
        return await self._store.append(batch)


async def test_nothing_is_read_while_an_answer_waits(
    start: Start, store: Store, connect: Start
) -> None:
    """A client that goes on sending fills its own buffers, not ours; then all is answered in order."""
    gated = Gated(store)
    collector = await start(on=gated, collector__address_batches_per_s=10_000)
    wire = await connect(collector)
    wire.send(nth(0))
    await gated.waiting.wait()
    count = 60
    requests = [request(body(head(seq=n), chunk=b"x" * 50_000)) for n in range(1, count)]
    wire.send(*requests)
    for _ in range(50):
        await asyncio.sleep(0.002)
    (connection,) = front(collector).connections

    assert len(connection._rest) < 600_000 < len(requests) * 50_000 // 4
    gated.gate.set()
    assert [200] * count == await wire.statuses(count)
    assert list(range(count)) == [batch.seq for batch in collector.heard]


async def narrow(collector: Collector) -> Wire:
    """Return a connection whose answers hardly fit anywhere until they are read."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    runner = collector.client.server.runner
    assert runner is not None
    await web.SockSite(runner, listening).start()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, listening.getsockname())
    return Wire(*await asyncio.open_connection(sock=client, limit=1024))


async def test_a_client_that_does_not_read_is_not_read(start: Start) -> None:
    """Answers that nobody takes stop the reading of requests; when they are taken, all are answered."""
    wide = {"collector__address_batches_per_s": 10_000, "collector__site_batches_per_s": 10_000}
    collector = await start(**wide)
    wire = await narrow(collector)
    wire.send(*[request(b"x")] * 2000)
    while not any(not one._writable for one in front(collector).connections):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    (connection,) = front(collector).connections

    assert len(connection._rest) < 600_000 < len(request(b"x")) * 2000
    assert {400} == set(await wire.statuses(2000))
    wire.writer.close()


async def test_a_client_that_never_reads_is_given_up(quick: None, start: Start) -> None:
    """It is cut off when nothing of its answers went out for a while."""
    collector = await start(collector__address_batches_per_s=10_000)
    wire = await narrow(collector)
    wire.send(*[request(b"x")] * 2000)
    while not any(not one._writable for one in front(collector).connections):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    while front(collector).connections:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    wire.writer.close()


# The end


async def test_a_stop_lets_what_has_begun_come_to_its_answer(
    start: Start, store: Store, connect: Start
) -> None:
    """An idle connection is closed at once; a batch being stored is answered, with `close`; then the end."""
    gated = Gated(store)
    collector = await start(on=gated)
    idle, half, busy = [await connect(collector) for _ in range(3)]
    busy.send(nth(0))
    half.send(request(body(head(2)))[:-10])
    await gated.waiting.wait()
    while len(front(collector).connections) < 3 or not front(collector).half_bytes:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    stopping = asyncio.create_task(collector.client.close())
    assert b"" == await idle.ended()
    half.send(request(body(head(2)))[-10:])
    gated.gate.set()

    for wire in (busy, half):
        status, headers, _ = await wire.answer()
        assert (200, "close") == (status, headers["Connection"])
        assert b"" == await wire.ended()
    await stopping
    assert [1, 1] == [len(await store.batches(session_id(n))) for n in (1, 2)]


async def test_a_stop_does_not_wait_for_ever(
    start: Start, store: Store, connect: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch that cannot be stored in time gets no answer, and the log says so."""
    gated = Gated(store)
    collector = await start(on=gated)
    front(collector)._drain_s = 0.05
    wire = await connect(collector)
    wire.send(nth(0))
    await gated.waiting.wait()
    await collector.client.close()

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await wire.answer()
    assert ["1 connections were not done when time was up"] == _warnings(caplog.messages)
    assert [] == await store.batches(session_id())


def _warnings(messages: Iterable[str]) -> list[str]:
    return [text for text in messages if "connections" in text]
