"""Nothing that was acknowledged is lost, however the server dies."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import re
import secrets
import signal
import socket
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import pytest

from core import wire
from core.clock import SystemClock
from core.sqlite import SqliteStore

SENDERS = 8
ORIGIN = "http://shop.example"

Identity = tuple[str, str, int]  # session, page load, seq


@dataclass
class Ledger:
    """What senders were told."""

    acknowledged: dict[Identity, tuple[list[str], bytes]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """`stolper up` as a process of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, own_protocol: bool = False) -> None:
        """Start; with *own_protocol* plain batches are not read by aiohttp."""
        log = (self.data.parent / "server.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stolper.cli", "up", "--data", str(self.data),
            "--public", f"127.0.0.1:{self.port}", "--console", "127.0.0.1:0",
            stdout=log, stderr=log,
            env={**os.environ, "STOLPER_COLLECTOR_OWN_PROTOCOL": str(own_protocol).lower()},
        )  # fmt: skip
        log.close()
        async with aiohttp.ClientSession() as http:
            for _ in range(300):
                assert self._process.returncode is None, (
                    self.data.parent / "server.log"
                ).read_text()
                try:
                    async with http.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        raise AssertionError("the server did not start")

    async def end(self, number: signal.Signals) -> int:
        """Send it *number*; return what it ended with."""
        assert self._process is not None
        self._process.send_signal(number)
        return await self._process.wait()


async def command(*arguments: str) -> str:
    """Run the command line and return what it printed on standard output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()

    assert process.returncode == 0
    return out.decode().strip()


def make_batch(rnd: random.Random, session: str, secret: str, page_load: str, seq: int) -> bytes:
    """Return a batch with a few events and a compressed chunk of up to 20 KB."""
    events = [
        {"i": seq * 3 + n, "t": seq * 100 + n, "type": "custom", "path": "/", "view": 0,
         "name": f"n{seq}-{n}"}
        for n in range(3)
    ]  # fmt: skip
    chunk = gzip.compress(
        orjson.dumps(
            [
                {
                    "type": 3,
                    "timestamp": seq * 100,
                    "data": rnd.randbytes(9000).hex()[: rnd.randint(1, 18000)],
                }
            ]
        )
    )
    head = {
        "session": session, "secret": secret, "page_load": page_load, "tab": page_load, "seq": seq,
        "targets": [], "events": events, "void": [], "gaps": [], "attributes": {},
        "chunk": {"count": 1, "first_t": seq * 100, "last_t": seq * 100, "snapshot": False},
        "snippet": {"version": "0.1.0", "errors": 0}, "last": False,
    }  # fmt: skip
    return wire.pack(
        orjson.dumps(head), chunk, sent_t=seq * 100, gzip_head=True, chunk_encoding=wire.GZIP
    )


def uuid7(rnd: random.Random, now_ms: int) -> str:
    digits = f"{now_ms:012x}7{rnd.getrandbits(12):03x}8{rnd.getrandbits(60):015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


async def send(url: str, key: str, seed: int, ledger: Ledger, stop: asyncio.Event) -> None:
    """Send batch after batch of one session; resend each until it is acknowledged."""
    rnd = random.Random(seed)
    session = uuid7(rnd, SystemClock().now_ms())
    secret = secrets.token_urlsafe(16)
    page_load = f"load-{seed}-{rnd.getrandbits(60):016x}"
    seq = 0
    async with aiohttp.ClientSession(headers={"Origin": ORIGIN}) as http:
        while not stop.is_set():
            body = make_batch(rnd, session, secret, page_load, seq)
            head = orjson.loads(wire.unpack(body, max_head_bytes=1 << 20).head)
            while True:
                try:
                    async with http.post(f"{url}/i/{key}", data=body) as answer:
                        told = await answer.json()
                        ledger.statuses[
                            f"{answer.status} {told.get('status', told.get('code'))}"
                        ] += 1
                        if answer.status == 200:
                            break
                        assert answer.status in (429, 503), told
                except (aiohttp.ClientError, ConnectionError):
                    ledger.statuses["cut off"] += 1
                await asyncio.sleep(0.02)
                if stop.is_set():
                    return
            frame = wire.unpack(body, max_head_bytes=1 << 20)
            names = [event["name"] for event in head["events"]]
            ledger.acknowledged[session, page_load, seq] = (names, frame.chunk)
            seq += 1
            await asyncio.sleep(rnd.random() * 0.02)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.long)])
async def test_kill_9_loses_no_acknowledged_batch(tmp_path: Path, kills: int) -> None:
    """
    Over several kills under load every batch answered with 200 is stored once, to the byte.

    Also over a stop under load. Batches are read by aiohttp and by our own protocol in turn.
    """
    data = tmp_path / "data"
    process = Process(data)
    await process.start()
    line = await command("site", "add", "shop", "--origin", ORIGIN, "--data", str(data))
    found = re.search(r"/s/(\w+)\.js", line)
    assert found, line
    ledger, stop = Ledger(), asyncio.Event()
    senders = [
        asyncio.create_task(send(process.url, found[1], seed, ledger, stop))
        for seed in range(SENDERS)
    ]
    seed = int(os.environ.get("STOLPER_TEST_SEED", secrets.randbits(32)))
    rnd = random.Random(seed)
    for nth in range(kills):
        await asyncio.sleep(rnd.uniform(0.1, 0.7))
        await process.end(signal.SIGKILL)
        await process.start(own_protocol=nth % 2 == 0)
    await asyncio.sleep(0.5)
    ended = await process.end(signal.SIGTERM)
    stop.set()
    await asyncio.gather(*senders)

    missing, damaged, stored = await compare(data, ledger)

    print(f"\nseed {seed}: {kills} kills, acknowledged {len(ledger.acknowledged)}, "
          f"stored {stored}, answers {dict(ledger.statuses)}")  # fmt: skip
    assert ([], [], 0) == (missing, damaged, ended)
    assert len(ledger.acknowledged) > kills * SENDERS
    assert 0 <= stored - len(ledger.acknowledged) <= SENDERS  # in flight at the end


async def compare(data: Path, ledger: Ledger) -> tuple[list[Identity], list[Identity], int]:
    """Return what is missing, what differs or is there twice, and the number of batches stored."""
    store = SqliteStore(data, SystemClock())
    await store.open()
    try:
        sessions = {identity[0] for identity in ledger.acknowledged}
        events: dict[Identity, list[str]] = {}
        chunks: dict[Identity, bytes] = {}
        damaged: list[Identity] = []
        for session in sessions:
            for batch in await store.batches(session):
                identity = (session, batch.page_load, batch.seq)
                if identity in events:
                    damaged.append(identity)
                events[identity] = [event["name"] for event in batch.events]
            for ref in await store.chunks(session):
                chunks[session, ref.page_load, ref.seq] = await store.read_chunk(ref)
    finally:
        await store.close()
    missing = [identity for identity in ledger.acknowledged if identity not in events]
    damaged += [
        identity
        for identity, (names, chunk) in ledger.acknowledged.items()
        if identity in events and (names, chunk) != (events[identity], chunks.get(identity))
    ]
    return missing, damaged, len(events)
