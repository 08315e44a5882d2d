"""The listener's own protocol: what it takes, what it leaves to aiohttp, its limits, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import socket
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import web

from collector.app import runner as collector_runner
from collector.front import FRONT, Front
from core.model import Appended, NewBatch
from core.store import Store
from tests.collector.conftest import Start
from tests.collector.support import FIREFOX, ORIGIN, SITE, Collector, body, head, session_id

CHANGING = {"Date", "Server"}


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


@pytest.fixture
async def connect() -> AsyncIterator[object]:
    """Return what connects to a collector."""
    wires: list[Wire] = []

    async def to(collector: Collector) -> Wire:
        host, port = collector.client.host, collector.client.port
        wires.append(Wire(*await asyncio.open_connection(host, port)))
        return wires[-1]

    yield to
    for wire in wires:
        wire.writer.close()


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: here always our own protocol, unless a test says otherwise."""
    return "own"


@pytest.fixture
async def own(start: Start) -> Collector:
    """Return a collector that reads plain batches itself."""
    return await start()


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


async def test_plain_batches_are_read_here_and_answered_as_aiohttp_would(start: Start) -> None:
    """Status, headers (but for date and server) and body are the same; only aiohttp names itself."""
    ours, theirs = await start(), await start(collector__own_protocol=False)
    cases: list[tuple[bytes, str, dict[str, str]]] = [
        (body(), SITE.key, {}),
        (body(), SITE.key, {}),
        (body(head(events=[])), SITE.key, {}),
        (body(head(1, seq=1, secret="x" * 22)), SITE.key, {}),
        (b"nonsense", SITE.key, {}),
        (body(), "nobody", {}),
        (body(), SITE.key, {"Origin": "https://evil.example"}),
    ]
    first = True
    for data, key, headers in cases:
        one, two = await ours.post(data, key, **headers), await theirs.post(data, key, **headers)
        assert "Server" not in one.headers
        assert "Server" in two.headers
        assert one.status == two.status
        same = [{k: v for k, v in a.headers.items() if k not in CHANGING} for a in (one, two)]
        said = [await a.json() for a in (one, two)]
        if first:  # stored by the first of the two
            assert ["stored", "duplicate"] == [one.pop("status") for one in said]
            same = [{k: v for k, v in a.items() if k != "Content-Length"} for a in same]
            first = False
        assert same[0] == same[1]
        assert said[0] == said[1]


async def test_requests_are_answered_in_their_order(own: Collector, connect: Start) -> None:
    """Batches and other requests in one packet: in order, over the hand-over to aiohttp and after it."""
    wire = await connect(own)
    wire.send(nth(0), nth(1), nth(2), GET, nth(3), GET, nth(4))

    found = [await wire.answer() for _ in range(7)]
    assert [200] * 7 == [status for status, _, _ in found]
    said = [json.loads(content).get("status") for _, _, content in found]
    assert ["stored", "stored", "stored", None, "stored", None, "stored"] == said
    assert [False] * 3 + [True] * 4 == ["Server" in headers for _, headers, _ in found]
    assert [0, 1, 2, 3, 4] == [batch.seq for batch in own.heard]


@pytest.mark.parametrize("size", [1, 7, 100, 700])
async def test_requests_may_arrive_in_any_pieces(own: Collector, connect: Start, size: int) -> None:
    """Byte by byte or cut anywhere: each batch is stored once."""
    wire = await connect(own)
    data = nth(0) + nth(1) + nth(2)
    for at in range(0, len(data), size):
        wire.send(data[at : at + size])
        await asyncio.sleep(0)

    assert [200, 200, 200] == await wire.statuses(3)
    assert 3 == len(await own.store.batches(session_id()))


async def test_another_page_may_use_the_same_connection(own: Collector, connect: Start) -> None:
    """Heads that differ from the one before in anything are read anew: a proxy's connection."""
    wire = await connect(own)
    wire.send(nth(0), request(body(head(seq=1)), "X-More: 1"))
    wire.send(
        nth(2).replace(b"https://shop", b"https://evil"), nth(3).replace(b"siteKey1", b"nobody")
    )
    wire.send(nth(4).replace(b"Firefox", b"Chrome"), nth(5))

    assert [200, 200, 403, 404, 200, 200] == await wire.statuses(6)
    assert [0, 1, 4, 5] == [batch.seq for batch in own.heard]


DATA = body()
NOT_PLAIN = {
    "chunked": request(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(DATA), DATA),
    "100-continue": request(DATA, "Expect: 100-continue"),
    "gzip": request(DATA, "Content-Encoding: gzip"),
    "HTTP/1.0": request(DATA, line=f"POST /i/{SITE.key} HTTP/1.0"),
    "close": request(DATA).replace(b"keep-alive", b"close"),
    "upgrade": request(DATA, "Upgrade: h2c").replace(b"keep-alive", b"Upgrade"),
    "absolute": request(DATA, line=f"POST http://rec.example/i/{SITE.key} HTTP/1.1"),
    "escaped": request(DATA, line="POST /i/site%4Bey1 HTTP/1.1"),
    "query": request(DATA, line=f"POST /i/{SITE.key}?a=1 HTTP/1.1"),
    "early": request(b"", line=f"POST /i/{SITE.key}/early HTTP/1.1"),
    "no length": request(DATA).replace(b"Content-Length: %d\r\n" % len(DATA), b""),
    "two lengths": request(DATA, f"Content-Length: {len(DATA)}"),
    "other lengths": request(DATA, "Content-Length: 3"),
    "length and chunked": request(DATA, "Transfer-Encoding: chunked"),
    "signed length": request(DATA).replace(b"Length: ", b"Length: +"),
    "negative length": request(DATA).replace(b"Length: ", b"Length: -"),
    "hexadecimal": request(DATA).replace(b"Length: ", b"Length: 0x"),
    "list of lengths": request(DATA).replace(b"Length: ", b"Length: 3, "),
    "space before colon": request(DATA).replace(b"Length:", b"Length :"),
    "folded": request(DATA, "X-Folded: a\r\n b"),
    "bare line feed": request(DATA, "X-A: a\nX-B: b"),
    "bare return": request(DATA, "X-A: a\rX-B: b"),
    "nul": request(DATA, "X-A: a\0b"),
    "no name": request(DATA, ": a"),
    "huge field": request(DATA, "X-A: " + "a" * 20_000),
    "many fields": request(DATA, *(f"X-{n}: a" for n in range(200))),
    "garbage": b"nonsense\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "get": GET,
    "options": b"OPTIONS /i/siteKey1 HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\n\r\n",
    "lower case": request(DATA, line=f"post /i/{SITE.key} HTTP/1.1"),
}


async def _said(collector: Collector, connect: Start, data: bytes) -> tuple[int, bytes]:
    """Return the status of the first answer to *data*, and its body if that is ours."""
    wire = await connect(collector)
    wire.send(data)
    first = await wire.reader.readuntil(b"\r\n\r\n")
    if b" 100 " in first.split(b"\r\n")[0]:
        first = await wire.reader.readuntil(b"\r\n\r\n")
    length = [f for f in first.lower().split(b"\r\n") if f.startswith(b"content-length:")]
    content = await wire.reader.readexactly(int(length[0].split(b":")[1])) if length else b""
    return int(first.split()[1]), content


async def test_what_is_not_plain_is_answered_as_by_aiohttp(start: Start, connect: Start) -> None:
    """Whatever a request's form, the answer is that of aiohttp: nothing is taken that it refuses."""
    ours = await start(collector__address_batches_per_s=1000)
    theirs = await start(collector__address_batches_per_s=1000, collector__own_protocol=False)
    assert 200 == (await theirs.post(DATA)).status

    expected = {form: await _said(theirs, connect, data) for form, data in NOT_PLAIN.items()}
    found = {form: await _said(ours, connect, data) for form, data in NOT_PLAIN.items()}
    assert expected == found
    assert {200, 204, 400} <= {status for status, _ in found.values()}


MIX = {
    "batch": (None, 200),
    "no frame": (request(b"x"), 400),
    "unknown key": (request(DATA, line="POST /i/nobody HTTP/1.1"), 404),
    "wrong origin": (request(DATA).replace(b"https://shop", b"https://evil"), 403),
    "empty": (request(b""), 400),
    "get": (GET, 200),
    "chunked": (NOT_PLAIN["chunked"], 200),
    "options": (NOT_PLAIN["options"], 204),
    "missing": (b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 404),
}


@pytest.mark.parametrize("rounds", [40, pytest.param(5000, marks=pytest.mark.long)])
async def test_any_mix_in_any_pieces_is_answered_in_order(
    start: Start, connect: Start, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever requests come one behind the other, however cut: each has its answer, and in order."""
    monkeypatch.setattr("collector.limits.MISSES_PER_MIN", 10**6)
    wide = {f"collector__{name}_batches_per_s": 10**6 for name in ("address", "site")}
    collector = await start(**wide)
    assert 200 == (await collector.post(DATA)).status
    seed = secrets.randbits(32)
    rnd = random.Random(seed)
    stored = 1
    for _ in range(rounds):
        names = rnd.choices(list(MIX), weights=[9, 2, 2, 2, 2, 1, 1, 1, 1], k=rnd.randint(1, 8))
        parts = []
        for name in names:
            stored += name == "batch"
            chunk = b"x" * rnd.choice([5, 500, 70_000])
            parts.append(MIX[name][0] or request(body(head(seq=stored), chunk=chunk)))
        data = b"".join(parts)
        wire = await connect(collector)
        while data:
            size = rnd.choice([1, 30, 700, 3000, 100_000])
            wire.send(data[:size])
            data = data[size:]
            await asyncio.sleep(0)
        expected = [MIX[name][1] for name in names]

        assert expected == await wire.statuses(len(names)), seed
        wire.writer.close()
    assert stored == len(await collector.store.batches(session_id()))
    assert 0 == front(collector).half_bytes


async def test_a_proxy_that_closes_is_served(own: Collector, connect: Start) -> None:
    """`Connection: close`, as proxies send it by default: an answer that says so, then the end."""
    wire = await connect(own)
    wire.send(request(DATA).replace(b"keep-alive", b"close"))

    status, headers, _ = await wire.answer()
    assert (200, "close") == (status, headers["Connection"])
    assert b"" == await wire.ended()


async def test_a_client_that_has_said_all_gets_its_answer(own: Collector, connect: Start) -> None:
    """One that closes its half after the request still reads the answer."""
    wire = await connect(own)
    wire.send(nth(0))
    wire.writer.write_eof()

    assert [200] == await wire.statuses(1)
    assert b"" == await wire.ended()


async def test_trusted_proxies_say_whose_request_it_is(start: Start, connect: Start) -> None:
    """Limits by address see the visitor's behind a trusted proxy, on one connection of that."""
    collector = await start(server__trusted_proxies="127.0.0.1", collector__address_batches_per_s=1)
    wire = await connect(collector)
    for n, client in enumerate(["192.0.2.1"] * 3 + ["192.0.2.2"] * 2):
        wire.send(request(body(head(seq=n)), f"X-Forwarded-For: 6.6.6.6, {client}"))

    assert [200, 200, 429, 200, 200] == await wire.statuses(5)


# Limits


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
    first.send(large[:1000])
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
