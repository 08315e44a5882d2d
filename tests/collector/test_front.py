"""The listener's own protocol: what it takes, what it leaves to aiohttp, in which order."""

from __future__ import annotations

import asyncio
import json
import random
import secrets

import pytest

from tests.collector.conftest import Start
from tests.collector.fronting import GET, front, nth, request
from tests.collector.support import SITE, Collector, body, head, session_id

CHANGING = {"Date", "Server"}


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: here always our own protocol, unless a test says otherwise."""
    return "own"


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
    "other expectation": request(DATA, "Expect: a").replace(b"Expect: a", b"Expect: \x80"),
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
    statuses = {status for status, _ in found.values()}
    assert {200, 204, 400, 417} <= statuses
    assert max(statuses) < 500


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
