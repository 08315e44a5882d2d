"""The frames that the browser makes are the frames that core/wire.py reads and makes."""

from __future__ import annotations

import gzip
import json

import pytest

from core import wire
from tests.snippet.conftest import Collector, Open, events_of, read_head

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_batch_is_packed_as_python_packs_it(collector: Collector, open_page: Open) -> None:
    """Head and chunk as sent, packed by core.wire, give the browser's bytes."""
    page = await open_page("<h1>Hello</h1>")
    await page.evaluate("stolper('track', 'goal', {name: 'a'})")
    await page.evaluate("stolper('flush')")

    for batch in collector.stored:
        frame = wire.unpack(batch.body, max_head_bytes=1_000_000)
        head_length = int.from_bytes(batch.body[8:12], "big")
        sent_head = batch.body[12 : 12 + head_length]
        repacked = wire.pack(
            sent_head, frame.chunk, sent_t=frame.sent_t, chunk_encoding=frame.chunk_encoding
        )

        assert batch.body[:1] == b"\x01"
        assert repacked[4:] == batch.body[4:]
        assert read_head(frame.head) == batch.head


async def test_head_and_chunk_are_gzip_when_they_are_large(
    collector: Collector, open_page: Open
) -> None:
    """The snapshot of a page is compressed, and inflates to the announced events."""
    await open_page("<p>word </p>" * 400)
    await collector.until(lambda: collector.stored)
    first = collector.stored[0]
    head_length = int.from_bytes(first.body[8:12], "big")

    assert first.chunk_encoding == wire.GZIP
    assert first.head["chunk"]["count"] == len(first.recording)
    assert events_of(gzip.decompress(first.body[12 + head_length :])) == first.recording


async def test_the_chunk_keeps_the_page_loads_clock(collector: Collector, open_page: Open) -> None:
    """Recorded events carry whole milliseconds of the page load's own clock, in order."""
    page = await open_page("<h1>Hello</h1>")
    await page.evaluate("document.querySelector('h1').textContent = 'Bye'")
    await page.evaluate("stolper('flush')")
    times = [event["timestamp"] for event in collector.recording()]
    clock = await page.evaluate("performance.now()")

    assert sorted(times) == times
    assert all(isinstance(time, int) and 0 <= time <= clock for time in times)
    assert collector.stored[0].head["chunk"]["first_t"] == times[0]


async def test_every_head_has_the_documented_keys(collector: Collector, open_page: Open) -> None:
    """The first head names session, document and snippet as docs/wire-format.md says."""
    await open_page("<h1>Hello</h1>", path="/shop/basket")
    await collector.until(lambda: collector.stored)
    head = collector.stored[0].head

    assert head["session"][14] == "7"
    assert len(head["secret"]) == 22
    assert 16 <= len(head["page_load"]) <= 36
    assert 16 <= len(head["tab"]) <= 36
    assert head["seq"] == 0
    assert head["page"]["path"] == "/shop/basket"
    assert head["page"]["width"] == 900
    assert head["attributes"]["language"]
    assert head["snippet"] == {"version": "0.1.0", "errors": 0, "failed": {}}
    assert head["last"] is False


async def test_what_is_empty_is_left_out(collector: Collector, open_page: Open) -> None:
    """A head has no empty lists, and of the ids of nodes in a row a snapshot has the first."""
    await open_page("<ul>" + "<li>item</li>" * 50 + "</ul>")
    await collector.until(lambda: collector.stored)
    frame = wire.unpack(collector.stored[0].body, max_head_bytes=1_000_000)
    head = json.loads(frame.head)
    chunk = gzip.decompress(frame.chunk)
    nodes = [event["data"]["node"] for event in collector.recording() if event["type"] == 2]
    for node in nodes:  # grows while it is walked
        nodes.extend(node.get("childNodes", ()))

    assert {"targets", "void", "gaps", "last"}.isdisjoint(head)
    assert {"version": "0.1.0"} == head["snippet"]
    assert 100 < len(nodes) == len({node["id"] for node in nodes})
    assert chunk.count(b'"id":') <= 3
