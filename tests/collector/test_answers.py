"""Every row of the answer table of docs/wire-format.md, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import StoreBusy, StoreFailed
from core.model import Appended, NewBatch
from core.store import Store
from core.wire import unpack
from tests.collector.conftest import Start
from tests.collector.support import (
    COOKIELESS,
    ORIGIN,
    SITE,
    Collector,
    body,
    click,
    head,
    session_id,
)
from tests.core.support import NOON


async def test_a_batch_is_stored_and_acknowledged(collector: Collector) -> None:
    """200 `stored`; the store has the events with their targets, the chunk and the session."""
    answer = await collector.post()

    assert 200 == answer.status
    assert {"ok": True, "status": "stored", "flush_ms": 5000} == await answer.json()
    (batch,) = await collector.store.batches(session_id())
    assert NOON - 1000 + 100 == batch.events[0]["ts"]
    assert "#pay" == batch.events[0]["target"]["key"]
    (ref,) = await collector.store.chunks(session_id())
    assert b"[1,2]" == await collector.store.read_chunk(ref)
    session = await collector.store.session(session_id())
    assert session is not None
    assert {
        "language": "de",
        "site": "shop",
        "device": "desktop",
        "browser": "Firefox",
        "os": "Linux",
    } == session.attributes


async def test_a_batch_sent_again_is_stored_once(collector: Collector) -> None:
    """200 `duplicate` for the same bytes sent later; one copy, and nobody hears of it twice."""
    first = await collector.post(body(sent_t=1000))
    again = await collector.post(body(sent_t=9000))

    assert ["stored", "duplicate"] == [(await r.json())["status"] for r in (first, again)]
    assert 1 == len(await collector.store.batches(session_id()))
    assert await collector.store.batches(session_id()) == collector.heard


async def test_copies_at_once_are_stored_once(collector: Collector) -> None:
    """Ten copies at the same time: all acknowledged, one stored."""
    answers = await asyncio.gather(*(collector.post() for _ in range(10)))

    assert {200} == {answer.status for answer in answers}
    assert 1 == len(collector.heard) == len(await collector.store.batches(session_id()))


async def test_a_watched_session_is_asked_to_flush_every_second(collector: Collector) -> None:
    """flush_ms is 1000 while somebody watches that session."""
    collector.watched.add(session_id(2))

    assert 5000 == (await (await collector.post()).json())["flush_ms"]
    assert 1000 == (await (await collector.post(body(head(2)))).json())["flush_ms"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil"])
async def test_a_page_of_another_origin_is_refused(collector: Collector, origin: str) -> None:
    """403 `origin`, and the reason names the origin, but nothing of the site; the page can read it."""
    answer = await collector.post(Origin=origin)
    said = await answer.json()

    assert (403, "origin") == (answer.status, said["code"])
    assert origin in said["error"]
    assert "'shop'" not in said["error"]
    assert "https://shop.example " not in said["error"] + " "
    assert origin == answer.headers["Access-Control-Allow-Origin"]
    assert None is await collector.store.session(session_id())


async def test_a_refused_origin_is_logged_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads which site refused which origin, and what it allows; not at every batch."""
    for _ in range(3):
        await collector.post(Origin="https://evil.example")
    await collector.post(Origin="https://other.example")
    lines = [text for text in caplog.messages if "may not send" in text]

    assert [
        f"pages of https://{name}.example may not send for the site 'shop'; its origins are: {ORIGIN}"
        for name in ("evil", "other")
    ] == lines


async def test_an_origin_that_is_no_text_is_refused(collector: Collector) -> None:
    """Bytes that are no UTF-8 in Origin are answered 403 too, without being sent back."""
    server = collector.client
    reader, writer = await asyncio.open_connection(server.host, server.port)
    start = f"POST /i/{SITE.key} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n"
    writer.write(start.encode() + b"Origin: https://\xff.example\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 403")
    assert b"Access-Control-Allow-Origin: null" in answer


async def test_a_sender_without_origin_is_heard(collector: Collector) -> None:
    """What is no browser sends no Origin; the key and the secret are all there is then."""
    answer = await collector.client.post(f"/i/{SITE.key}", data=body())

    assert 200 == answer.status
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_wrong_secret_is_forbidden(collector: Collector) -> None:
    """403 `forbidden`: knowing a session's id is not enough to write to it."""
    await collector.post()

    assert (403, "forbidden") == await collector.refused(body(head(seq=1, secret="x" * 22)))
    assert 1 == len(await collector.store.batches(session_id()))


@pytest.mark.parametrize("key", ["nobody", SITE.name, "a%2Fb", "..%2Fi", "%00", "x" * 500])
async def test_an_unknown_key_is_unknown(collector: Collector, key: str) -> None:
    """404 `unknown_site`, for hostile keys and for the site's name too."""
    assert (404, "unknown_site") == await collector.refused(body(), key)


async def test_the_same_number_with_other_content_is_a_conflict(collector: Collector) -> None:
    """409 `conflict`; the first batch stays."""
    await collector.post()

    assert (409, "conflict") == await collector.refused(body(head(events=[])))
    assert 1 == len((await collector.store.batches(session_id()))[0].events)


@pytest.mark.parametrize("data", [b"", b"x" * 11, b"\0" + bytes(20), body()[:40], b"{}" * 30])
async def test_what_is_no_frame_is_refused(collector: Collector, data: bytes) -> None:
    """400 `bad_frame`."""
    assert (400, "bad_frame") == await collector.refused(data)


async def test_a_batch_of_a_newer_wire_is_refused_by_that_name(collector: Collector) -> None:
    """400 `bad_version`: who set the server back, or runs two, has to know."""
    assert (400, "bad_version") == await collector.refused(b"\x02" + body()[1:])


async def test_a_head_that_inflates_too_far_is_refused(start: Start) -> None:
    """400 `bad_frame` for a gzip bomb in the head, after max_head_bytes."""
    collector = await start(collector__max_head_bytes=2048)

    assert (400, "bad_frame") == await collector.refused(body(b" " * 5_000_000, gzip_head=True))


async def test_a_body_that_is_too_large_is_refused(start: Start) -> None:
    """413 `too_large`, whether the length is announced or not; smaller ones still pass."""
    collector = await start(collector__max_body_bytes=4096)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * 1024

    assert (413, "too_large") == await collector.refused(b"x" * 4097)
    answer = await collector.client.post(f"/i/{SITE.key}", data=pieces())
    assert (413, "too_large") == (answer.status, (await answer.json())["code"])
    assert 200 == (await collector.post()).status


async def test_a_body_of_the_largest_size_is_taken(start: Start) -> None:
    """The limit itself is allowed; one byte more is not."""
    largest = body(chunk=b"x" * 3000)
    collector = await start(collector__max_body_bytes=len(largest))

    assert (413, "too_large") == await collector.refused(largest + b"x")
    assert 200 == (await collector.post(largest)).status


async def test_a_body_that_trickles_is_given_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 `slow` after BODY_TIMEOUT_S, however slowly the rest comes: a client sends it again."""
    monkeypatch.setattr("collector.ingest.BODY_TIMEOUT_S", 0.05)
    collector = await start()
    released = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield body()[:20]
        await released.wait()
        yield body()[20:]

    answer = await collector.client.post(f"/i/{SITE.key}", data=trickle())
    released.set()

    assert (503, "slow") == (answer.status, (await answer.json())["code"])
    assert "5" == answer.headers["Retry-After"]
    assert [] == collector.heard


async def test_too_many_events_are_refused(start: Start) -> None:
    """413 `too_large` names the limit."""
    collector = await start(collector__max_events=3)
    answer = await collector.post(body(head(events=[click(i) for i in range(4)])))

    assert 413 == answer.status
    assert "4 items, at most 3" in (await answer.json())["error"]


async def test_too_many_batches_are_told_to_wait(start: Start) -> None:
    """429 `rate` with Retry-After; after that time the batch is taken."""
    collector = await start(collector__address_batches_per_s=2)
    answers = [await collector.post(body(head(seq=seq))) for seq in range(6)]

    assert [200] * 4 + [429] * 2 == [answer.status for answer in answers]
    assert "rate" == (await answers[-1].json())["code"]
    wait_s = int(answers[-1].headers["Retry-After"])
    assert "Retry-After" == answers[-1].headers["Access-Control-Expose-Headers"]
    collector.clock.advance(wait_s * 1000)
    assert 200 == (await collector.post(body(head(seq=4)))).status


@pytest.mark.parametrize(
    "limit", ["collector__address_sessions_per_min", "collector__site_sessions_per_min"]
)
async def test_too_many_sessions_are_told_to_wait(start: Start, limit: str) -> None:
    """429 for a session that begins; those that have begun go on."""
    collector = await start(**{limit: 2})
    statuses = [(await collector.post(body(head(n)))).status for n in range(4)]

    assert [200, 200, 429, 429] == statuses
    assert 200 == (await collector.post(body(head(0, seq=1)))).status


async def test_a_site_limit_spares_other_sites(start: Start) -> None:
    """One site at its limit does not slow another one."""
    collector = await start(collector__site_batches_per_s=1)
    for seq in range(3):
        last = await collector.post(body(head(seq=seq)))

    assert 429 == last.status
    assert 200 == (await collector.post(body(head(2)), COOKIELESS.key)).status


class FailingStore:
    """A store that cannot append, and is otherwise the one it wraps."""

    def __init__(self, store: Store, outcome: Exception | Appended) -> None:
        self._store = store
        self._outcome = outcome

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, batch: NewBatch) -> Appended:
        """Answer as told."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize(
    ("outcome", "status", "code", "retry"),
    [
        (StoreBusy(7), 503, "busy", "7"),
        (StoreFailed("disk full"), 503, "failed", "10"),
        (Appended("erased"), 410, "erased", None),
        (RuntimeError("a bug"), 503, "failed", "30"),
    ],
)
async def test_what_the_store_cannot_do_is_no_200(
    start: Start, store: Store, outcome: Exception, status: int, code: str, retry: str | None
) -> None:
    """503 `busy` and `failed` with Retry-After, 410 `erased`; nobody hears of the batch."""
    collector = await start(on=FailingStore(store, outcome))
    answer = await collector.post()

    assert (status, code, retry) == (
        answer.status,
        (await answer.json())["code"],
        answer.headers.get("Retry-After"),
    )
    assert "disk full" not in await answer.text()
    assert [] == collector.heard


async def test_who_hears_of_batches_may_fail(start: Start) -> None:
    """A failing listener costs no acknowledgement: the batch is durable."""

    def fail(_: object) -> None:
        raise RuntimeError("deaf")

    collector = await start(hear=fail)

    assert 200 == (await collector.post()).status
    assert 1 == len(await collector.store.batches(session_id()))


async def test_a_preflight_is_answered(collector: Collector) -> None:
    """OPTIONS allows POST from the page's origin, for clients that need one."""
    answer = await collector.client.options(f"/i/{SITE.key}", headers={"Origin": ORIGIN})

    assert 204 == answer.status
    assert (ORIGIN, "POST") == (
        answer.headers["Access-Control-Allow-Origin"],
        answer.headers["Access-Control-Allow-Methods"],
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/i/siteKey1", 405), ("POST", "/", 405), ("GET", "/x", 404)],
)
async def test_other_requests_get_the_same_shape(
    collector: Collector, method: str, path: str, status: int
) -> None:
    """Wrong methods and paths are answered in JSON as well."""
    answer = await collector.client.request(method, path)

    assert status == answer.status
    assert False is (await answer.json())["ok"]


async def test_the_chunk_is_stored_as_sent(collector: Collector) -> None:
    """The chunk is never inflated or looked at: broken gzip is kept byte for byte."""
    chunk = b"\x1f\x8b broken" + bytes(range(256))
    data = body(chunk=chunk, chunk_encoding=1)
    assert 200 == (await collector.post(data)).status
    (ref,) = await collector.store.chunks(session_id())

    assert chunk == await collector.store.read_chunk(ref) == unpack(data, max_head_bytes=9999).chunk
    assert 1 == ref.info.encoding


async def test_a_connection_that_breaks_off_stores_nothing(collector: Collector) -> None:
    """Half a body and a closed socket: no batch, and the collector goes on."""
    server = collector.client.server
    data = body()
    with socket.create_connection((server.host, server.port)) as raw:
        request = f"POST /i/{SITE.key} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        raw.sendall(request.encode() + data[: len(data) // 2])
    assert 200 == (await collector.post(body(head(2)))).status

    assert None is await collector.store.session(session_id())


async def test_no_address_is_stored(collector: Collector, tmp_path: Path) -> None:
    """The visitor's network address is in none of the data folder's files."""
    answer = await collector.post(**{"X-Forwarded-For": "203.0.113.77"})
    assert 200 == answer.status
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)

    assert b"siteKey1" in content
    assert b"127.0.0.1" not in content
    assert b"203.0.113.77" not in content
