"""What strangers may do with the public listener, however often: each thing is bounded, and counted."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import json
from collections import Counter

import pytest
from aiohttp import web

from collector import limits
from collector.app import COUNTERS, TALLY
from collector.app import runner as collector_runner
from collector.gate import GATE, Gate
from core.wire import unpack
from tests.collector.conftest import Start
from tests.collector.support import COOKIELESS, ORIGIN, SITE, Collector, body, head, session_id
from tests.collector.test_assets import FONT, handed_in, hash_of, kept, sending, snapshot
from tests.core.support import NOON
from tests.e2e.support import eventually


def counted(collector: Collector) -> Counter[str]:
    """Return what the operator can scrape."""
    return collector.client.app[COUNTERS]


def large_head(size: int, n: int = 1) -> bytes:
    """Return a batch whose head inflates to some *size* bytes."""
    padded = json.dumps(head(n, ignored="x" * size)).encode()
    return body(padded, gzip_head=True)


async def test_a_large_head_counts_as_many(start: Start) -> None:
    """Heads of a megabyte, of a few hundred bytes as sent, use up an address's batches; others go on."""
    collector = await start(server__trusted_proxies="127.0.0.1/32")
    one, other = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    statuses = [(await collector.post(large_head(900_000, n), **one)).status for n in range(1, 4)]

    assert 3_000 > len(large_head(900_000))
    assert [200, 429, 429] == statuses
    assert 200 == (await collector.post(body(head(9)), **other)).status
    assert 2 == counted(collector)["refused_rate"]


async def test_heads_of_pages_count_once(start: Start) -> None:
    """A head of 32 KB and a body of 60 KB, more than pages send at once, are one batch."""
    collector = await start(collector__address_batches_per_s=5)
    padded = json.dumps(head(1, ignored="x" * 31_000)).encode()
    for n in range(9):
        made = body(padded.replace(b'"seq": 0', b'"seq": %d' % n), bytes(28_000))
        assert 32_768 > len(unpack(made, max_head_bytes=10**6).head)
        assert 200 == (await collector.post(made)).status, n


@pytest.mark.parametrize(
    "made", [b'{"a":[' + b"[]," * 330_000 + b"[]]}", b'{"a":"\\ud800","b":[' + b"1," * 400_000]
)
async def test_a_head_of_too_many_values_is_not_taken_apart(
    collector: Collector, made: bytes
) -> None:
    """413 `too_large`: it would cost half a second of the processor."""
    assert (413, "too_large") == await collector.refused(body(made, gzip_head=True))


async def test_guessed_keys_are_throttled(start: Start) -> None:
    """
    After so many keys of no site an address is told to wait, by batches and by scripts alike, before
    anything is looked up. Sites that are known go on, from that address too.
    """
    wide = {"collector__address_batches_per_s": 10_000}
    collector = await start(server__trusted_proxies="127.0.0.1/32", **wide)
    guesser, other = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    assert 200 == (await collector.post(**guesser)).status
    found: Counter[int] = Counter()
    for n in range(limits.MISSES_PER_MIN + 10):
        found[(await collector.post(b"", f"guess{n}", **guesser)).status] += 1
    async with collector.client.get("/s/guessed.js", headers=guesser) as answer:
        script = answer.status, answer.headers["Retry-After"]
    unknown_here = (await collector.post(b"", COOKIELESS.key, **guesser)).status

    assert {404: limits.MISSES_PER_MIN, 429: 10} == found
    assert (429, "1") == script
    assert 429 == unknown_here, "a site that nobody has asked for yet cannot be told from none"
    assert 200 == (await collector.post(body(head(seq=1)), **guesser)).status
    assert (404, "unknown_site") == await collector.refused(b"", "guess", **other)
    assert 200 == (await collector.post(body(head(2)), COOKIELESS.key, **other)).status
    assert 200 == (await collector.post(body(head(3)), COOKIELESS.key, **guesser)).status
    assert limits.MISSES_PER_MIN + 1 == counted(collector)["refused_unknown_site"]
    collector.clock.advance(60_000)
    assert (404, "unknown_site") == await collector.refused(b"", "guess", **guesser)


async def test_early_leaves_are_bounded(start: Start) -> None:
    """One address makes the number of pages left early grow by so many a minute, and no faster."""
    collector = await start(server__trusted_proxies="127.0.0.1/32")
    statuses: Counter[int] = Counter()
    for n in range(limits.EARLY_PER_MIN + 20):
        async with collector.client.post(
            f"/i/{SITE.key}/early",
            headers={"Origin": ORIGIN, "X-Forwarded-For": f"192.0.2.{1 if n % 30 else 2}"},
        ) as answer:
            statuses[answer.status] += 1
    await collector.client.app[TALLY].flush()
    health = await collector.store.health(SITE.key, NOON - 1)

    assert {204: limits.EARLY_PER_MIN + 3, 429: 17} == statuses
    assert limits.EARLY_PER_MIN + 3 == health.total("early")
    assert {"rate": 17} == {one.detail: one.count for one in health.of("refused")}


async def test_probes_are_bounded(collector: Collector) -> None:
    """Who sends bodies to be measured is told to wait after so many."""
    statuses: Counter[int] = Counter()
    for _ in range(limits.PROBES_PER_MIN + 5):
        async with collector.client.post("/i/any/probe", data=b"x") as answer:
            statuses[answer.status] += 1

    assert {200: limits.PROBES_PER_MIN, 429: 5} == statuses


async def test_one_address_fills_a_share_of_the_room_for_assets(start: Start) -> None:
    """
    What one address makes up takes a tenth of a site's `assets_mb`, as fonts and as style sheets in
    recordings; the rest is left to others. What is kept already costs nothing, and recording goes on.
    """
    collector = await start(server__trusted_proxies="127.0.0.1/32")
    options = dataclasses.replace(SITE.options, assets_mb=100)
    await collector.store.set_site_options(SITE.key, options)
    stranger, visitor = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    fonts = [FONT + bytes([n]) * 490_000 for n in range(30)]
    named = [(await handed_in(collector, one, "?kind=font", **stranger))[1] for one in fonts]
    usage = await collector.store.asset_usage(SITE.key)
    made_up = "b{color:red}" * 80_000
    sent = sending([made_up], gzip.compress(json.dumps([snapshot(made_up)]).encode()))

    assert [True] * 20 + [False] * 10 == [bool(said["asset"]) for said in named]
    assert 10_000_000 >= usage.bytes
    assert None is usage.full_ms
    assert 200 == (await collector.post(sent, **stranger)).status

    async def refused() -> bool:
        return 11 == counted(collector)["assets_beyond_share"]

    await eventually(refused, every_s=0.01)
    again = await handed_in(collector, fonts[0], "?kind=font", **stranger)
    assert (200, {"ok": True, "asset": hash_of(fonts[0])}) == again
    assert (await handed_in(collector, FONT, "?kind=font", **visitor))[1]["asset"]
    sheet = "a{color:red}" * 100
    chunk = gzip.compress(json.dumps([snapshot(sheet)]).encode())
    batch = sending([sheet], chunk).replace(session_id(1).encode(), session_id(2).encode())
    assert 200 == (await collector.post(batch, **visitor)).status
    await kept(collector, sheet)


async def test_a_session_belongs_to_its_site(collector: Collector) -> None:
    """
    With the key of another site, and even with its secret, a session cannot be written to; the
    answer is that of a wrong secret. Assets of one site are unknown to another.
    """
    assert 200 == (await collector.post()).status
    assert (await handed_in(collector, FONT, "?kind=font"))[1]["asset"]
    answers = [
        await collector.post(body(head(seq=1)), COOKIELESS.key),
        await collector.post(body(head(seq=1, secret="x" * 22))),
    ]
    foreign, unknown = [
        await (await collector.client.get(f"/i/{COOKIELESS.key}/asset/{name}")).json()
        for name in (hash_of(FONT), hash_of("never seen"))
    ]

    assert [403, 403] == [answer.status for answer in answers]
    assert 1 == len({await answer.text() for answer in answers})
    assert {"ok": True, "stored": False} == foreign == unknown
    assert 1 == len(await collector.store.batches(session_id()))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://shop.example.evil.test",
        "https://evilshop.example",
        "https://shop.example:444",
        "http://shop.example",
        "https://shop.example/",
        "https://shop.example@evil.test",
        "https://shop.example, https://evil.test",
        "https://user@shop.example",
        "https://SHOP.example.",
        "//shop.example",
        "shop.example",
        "",
    ],
)
async def test_an_origin_is_the_site_s_or_it_is_not(collector: Collector, origin: str) -> None:
    """Nothing that looks like the site's origin passes for it; the page may read the refusal."""
    answer = await collector.post(Origin=origin)

    assert 403 == answer.status
    assert origin == answer.headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert None is await collector.store.session(session_id())


# Connections that aiohttp reads


async def gated(collector: Collector) -> tuple[web.AppRunner, Gate]:
    """Return a listener as the collector's is made, with a large answer and a small one, and its gate."""
    gate = Gate(counted(collector), 4)
    app = web.Application(middlewares=[gate.noted])
    app[GATE], app[COUNTERS] = gate, counted(collector)

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(20_000_000))

    async def small(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app.cleanup_ctx.append(gate.running)
    app.router.add_get("/large", large)
    app.router.add_get("/small", small)
    runner = collector_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, gate


async def test_who_does_not_read_is_given_up(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is not read ends its connection, which aiohttp would keep for ever; it is counted."""
    monkeypatch.setattr("collector.gate.ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr("collector.gate.SWEEP_S", 0.02)
    runner, _ = await gated(collector)
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2], limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")

    async def ended() -> bool:
        return 1 == counted(collector)["slow_answers"]

    await eventually(ended, every_s=0.01)
    with contextlib.suppress(ConnectionResetError):
        assert 20_000_000 > len(await reader.read())
    writer.close()
    await runner.cleanup()


async def test_too_many_connections_make_room(collector: Collector) -> None:
    """With more connections than there may be the one that asked longest ago goes; others go on."""
    runner, gate = await gated(collector)
    wires = [await asyncio.open_connection(*runner.addresses[0][:2]) for _ in range(4)]
    for n in (1, 0, 2, 3):
        wires[n][1].write(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        await wires[n][0].readuntil(b"here")
    late = await asyncio.open_connection(*runner.addresses[0][:2])
    wires.append(late)
    for n in (4, 0, 2, 3):
        wires[n][1].write(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        await wires[n][0].readuntil(b"here")

    with contextlib.suppress(ConnectionResetError):
        assert b"" == await wires[1][0].read()
    assert 1 == counted(collector)["evicted_connections"]
    assert 4 == len(gate._since)
    for _, writer in wires:
        writer.close()
    await runner.cleanup()
