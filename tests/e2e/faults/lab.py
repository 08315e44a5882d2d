"""A server in a process of its own, in a test's hand (up.py), and senders that keep a ledger."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import secrets
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from core import wire
from core.clock import SystemClock
from core.model import Site
from core.sqlite import SqliteStore
from core.sqlite.inspection import look_at_database
from core.wire import GZIP
from tests.e2e.faults.trace import whole as whole_trace
from tests.e2e.support import eventually
from tests.e2e.test_kill import ORIGIN, free_port, uuid7

SITE = Site("siteKey1", "shop", (ORIGIN,), "full", "standard", 1_800_000, 1)
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath")
ROOT = Path(__file__).parents[3]
GREETING = "Stolper is running"
"""The server says so once its start is over."""

PATIENCE_S = 120.0
"""For what takes seconds on a quiet machine."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch that was answered 200."""

    session: str
    page_load: str
    seq: int
    names: tuple[str, ...]  # of its events
    recording: tuple[Any, ...]  # its chunk's events


async def prepared(data: Path) -> None:
    """Make a data folder that knows the site."""
    store = SqliteStore(data, SystemClock())
    await store.open()
    await store.add_site(SITE)
    await store.close()


class Lab:
    """The server on *data*; *folder* is for what the test needs beside it."""

    def __init__(self, folder: Path, data: Path | None = None, **settings: str) -> None:
        self.data = data or folder / "data"
        self.hand = folder / "hand"
        self.log = folder / "server.log"
        self.port = free_port()
        self.console_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {f"STOLPER_{name.upper()}": value for name, value in settings.items()}
        self.process: asyncio.subprocess.Process | None = None
        self.hand.mkdir(parents=True)

    async def start(self, *before: str) -> None:
        """Start it, by the command *before* if there is one, and wait until it greets and answers."""
        greeted = self.log.read_text().count(GREETING) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *before, sys.executable, "-m", "tests.e2e.faults.up", str(self.hand), "up",
                "--data", str(self.data), "--public", f"127.0.0.1:{self.port}",
                "--console", f"127.0.0.1:{self.console_port}",
                stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **self._settings},
            )  # fmt: skip
        async with aiohttp.ClientSession() as http:
            while self.process.returncode is None:
                if self.log.read_text().count(GREETING) == greeted:
                    await asyncio.sleep(0.05)
                    continue
                try:
                    async with http.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    @property
    def running(self) -> bool:
        """Say whether the process runs."""
        return self.process is not None and self.process.returncode is None

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it *number*; return what it ended with."""
        assert self.process is not None
        if self.running:
            self.process.send_signal(number)
        return await self.process.wait()

    def tell(self, name: str, text: str = "") -> None:
        """Let the hand do *name*; see up.py."""
        draft = self.hand / f".{name}"
        draft.write_text(text)
        draft.rename(self.hand / name)

    def leave(self, name: str) -> None:
        """Let the hand do *name* no more."""
        (self.hand / name).unlink(missing_ok=True)

    def steps(self) -> list[str]:
        """Return the durable steps so far."""
        return (self.hand / "steps").read_text().splitlines()

    def logged(self, text: str) -> bool:
        """Say whether the server's log has *text*."""
        return text in self.log.read_text()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what *query* finds in the database, beside the server."""
        with closing(sqlite3.connect(f"file:{self.data}/stolper.db?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for *fact*."""
        deadline = time.monotonic() + PATIENCE_S
        while not fact():
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            assert self.running, self.log.read_text()[-2000:]
            await asyncio.sleep(0.05)

    async def traced_to_the_end(self, trace: Path) -> None:
        """Wait until strace has written what the ended server did."""
        assert self.process is not None
        pid = self.process.pid

        async def whole() -> bool:
            return whole_trace(trace, pid)

        await eventually(whole, within_s=PATIENCE_S)


@dataclass
class Sender:
    """One page of one session, over a connection of its own."""

    seed: int
    offset_ms: int = 0  # of the server's clock, which sessions' numbers begin with
    sent: list[Sent] = field(default_factory=list)
    answers: list[tuple[int, str, float]] = field(
        default_factory=list
    )  # refused: status, code, wait
    port: int = 0  # its own

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._session = uuid7(self._random, SystemClock().now_ms() + self.offset_ms)
        self._secret = secrets.token_urlsafe(16)
        self._load = f"load-{self.seed}-{self._random.getrandbits(60):016x}"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, port: int, count: int, words: int = 40) -> None:
        """Send *count* batches, each until it is acknowledged."""
        for _ in range(count):
            batch, body = self._batch(words)
            await eventually(
                lambda body=body: self._once(port, body), within_s=PATIENCE_S, every_s=0.02
            )
            self.sent.append(batch)

    async def try_once(self, port: int, words: int = 40) -> int:
        """Send the next batch once and return the answer's status; it counts if it is 200."""
        batch, body = self._batch(words)
        if await self._once(port, body):
            self.sent.append(batch)
            return 200
        return self.answers[-1][0]

    async def _once(self, port: int, body: bytes) -> bool:
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                self.port = self._writer.get_extra_info("sockname")[1]
            assert self._reader is not None
            self._writer.write(
                f"POST /i/{SITE.key} HTTP/1.1\r\nHost: localhost\r\nOrigin: {ORIGIN}\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length:")[2].split()[0])
            told = orjson.loads(await self._reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            self.answers.append((0, "cut off", 0))
            return False
        status = int(head.split()[1])
        if status != 200:
            wait = head.partition("retry-after:")[2].split()
            self.answers.append((status, told.get("code", ""), float(wait[0]) if wait else -1))
        return status == 200

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def _batch(self, words: int) -> tuple[Sent, bytes]:
        seq = len(self.sent)
        names = tuple(f"n{seq}-{n}" for n in range(3))
        events = [
            {"i": seq * 3 + n, "t": seq * 100 + n, "type": "custom", "path": "/", "view": 0,
             "name": name}
            for n, name in enumerate(names)
        ]  # fmt: skip
        said = " ".join(self._random.choices(WORDS, k=words))  # no number: nothing to mask in it
        recording = [{"type": 5, "timestamp": seq * 100, "data": {"tag": "t", "payload": said}}]
        head = {
            "session": self._session, "secret": self._secret, "page_load": self._load,
            "tab": self._load, "seq": seq, "targets": [], "events": events, "void": [], "gaps": [],
            "attributes": {}, "snippet": {"version": "0.1.0", "errors": 0}, "last": False,
            "chunk": {"count": 1, "first_t": seq * 100, "last_t": seq * 100, "snapshot": False},
        }  # fmt: skip
        body = wire.pack(
            orjson.dumps(head), orjson.dumps(recording), sent_t=seq * 100, gzip_head=True,
            chunk_encoding=wire.IDENTITY,
        )  # fmt: skip
        return Sent(self._session, self._load, seq, names, tuple(recording)), body


async def found(data: Path, sent: Sequence[Sent]) -> int:
    """
    Open *data* as the next start would, and return how many of *sent* are there as they were sent.

    The database must be whole, and have nothing twice.
    """
    store = SqliteStore(data, SystemClock())
    await store.open()
    count = 0
    try:
        assert [] == (await store._readers.run(look_at_database)).database
        for session in sorted({one.session for one in sent}):
            there = [
                (batch.page_load, batch.seq, tuple(event["name"] for event in batch.events))
                for batch in await store.batches(session)
            ]
            assert len(set(there)) == len(there)
            recordings: dict[tuple[str, int], tuple[Any, ...]] = {}
            for ref in await store.chunks(session):
                recordings[ref.page_load, ref.seq] = await _recording(store, ref)
            for one in (one for one in sent if one.session == session):
                count += (one.page_load, one.seq, one.names) in there and (
                    recordings.get((one.page_load, one.seq)) == one.recording
                )
    finally:
        await store.close()
    return count


async def _recording(store: SqliteStore, ref: Any) -> tuple[Any, ...]:
    raw = await store.read_chunk(ref)
    if ref.info.encoding == GZIP:
        raw = gzip.decompress(raw)
    return tuple(orjson.loads(raw))
