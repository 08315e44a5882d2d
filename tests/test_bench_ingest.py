"""The bench of ingest sends what the snippet could have sent, and says what became of it."""

from __future__ import annotations

import gzip
import json

import pytest

from bench.batches import KEY, bodies, clarity_bodies
from bench.ingest import main
from collector.head import HeadReader
from core.events import load_schema
from core.wire import GZIP, unpack


@pytest.mark.parametrize("size", [2000, 20_000])
def test_batches_are_of_the_wire_format_and_size(size: int) -> None:
    """Each is read without leaving anything out; none is like another but those sent again."""
    reader = HeadReader(load_schema(), max_events=2000)
    made = list(bodies(0, 150, size))
    frames = [unpack(one.body, max_head_bytes=1 << 20) for one in made]
    heads = [reader.read(frame.head) for frame in frames]

    assert [{}] * 150 == [head.dropped for head in heads]
    assert {3 if size == 2000 else 10} == {len(head.events) for head in heads}
    assert 0.15 > abs(sum(len(one.body) for one in made) / 150 / size - 1)
    digests = [frame.digest for frame in frames]
    assert sum(not one.again for one in made) == len(set(digests)) < 150
    for frame, head in zip(frames[:20], heads, strict=False):
        info = head.chunk_info(frame.chunk, GZIP)
        assert info is not None
        assert info.count == len(json.loads(gzip.decompress(frame.chunk)))


def test_the_peer_gets_the_same_recordings() -> None:
    """oss-clarity's uploads hold as many bytes of the same kind of events."""
    made = list(clarity_bodies(0, 30, 2000, KEY))

    assert 0.25 > abs(sum(map(len, made)) / 30 / 2000 - 1)
    assert {3} == {event["type"] for event in json.loads(gzip.decompress(made[0]))["events"]}


def test_bench_prints_its_ratios() -> None:
    """A small run of the whole bench without the peer: nothing lost, a ratio for each way."""
    said: list[str] = []
    small = ["--requests", "200", "--connections", "4", "--rounds", "1", "--sizes", "2000"]
    done = main([*small, "--receivers", "bare", "aiohttp", "own"], said.append)

    assert 0 == done
    rows = {line.split()[0]: line.split() for line in said if "goal" in line}
    assert {"aiohttp", "own"} == set(rows)
    assert {"0"} == {row[7] for row in rows.values()}
