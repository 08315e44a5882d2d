"""A server in a process of its own, and what strangers and visitors see of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from console.accounts import create_token
from core.clock import SystemClock
from core.sqlite import SqliteStore
from stolper.paths import snippet_dir
from tests.collector.support import COOKIELESS, FIREFOX, ORIGIN, SITE, body, head

SENTINEL = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
"""Asked after each attack, on its connection: answered if the server went on listening there."""

START_PAGE = b"Stolper collects here"

LONGEST_S = 60


class Victim:
    """`stolper up` on a new folder that knows two sites, with few files and short times (serve.py)."""

    def __init__(self, folder: Path, *, own: bool) -> None:
        self.data = folder / ("own" if own else "aiohttp")
        self.own = own
        self.port = 0
        self.console = ""
        self.token = ""
        self._made = 0
        self._process: asyncio.subprocess.Process | None = None

    @contextlib.asynccontextmanager
    async def running(self, **settings: str) -> AsyncIterator[Victim]:
        """Run it; *settings* are names of environment variables without STOLPER_."""
        store = SqliteStore(self.data, SystemClock())
        await store.open()
        for site in (SITE, COOKIELESS):
            await store.add_site(site)
        self.token = await create_token(store, SystemClock(), "admin")
        await store.close()
        log = self.data / "server.log"
        env = {f"STOLPER_{name}": value for name, value in settings.items()}
        with log.open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.e2e.strangers.serve", "up", "--data", str(self.data),
                "--public", "127.0.0.1:0", "--console", "127.0.0.1:0",
                stdout=out, stderr=out,
                env={**os.environ, "STOLPER_COLLECTOR_OWN_PROTOCOL": str(self.own).lower(), **env},
            )  # fmt: skip
        try:
            await self._found(log)
            yield self
        finally:
            if self._process.returncode is None:
                self._process.terminate()
            await self._process.wait()

    async def _found(self, log: Path) -> None:
        """Wait until it says where it listens."""
        assert self._process is not None
        async with asyncio.timeout(LONGEST_S):
            while True:
                assert self._process.returncode is None, f"it did not start; see {log}"
                with contextlib.suppress(OSError, ValueError):
                    told = json.loads((self.data / "server.json").read_bytes())
                    self.port = int(told["public_url"].rpartition(":")[2])
                    self.console = told["console_url"]
                    return
                await asyncio.sleep(0.05)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def url(self) -> str:
        """Where the public listener is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def recorder(self) -> str:
        """Name of the recorder's file, the largest that it hands out."""
        return str(json.loads((snippet_dir() / "manifest.json").read_bytes())["recorder"])

    def megabytes(self, what: str = "VmRSS") -> int:
        """Return the memory that it has, in MB; of "VmHWM" the most that it had."""
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{what}:\s+(\d+) kB", text)
        assert found
        return int(found[1]) >> 10

    async def kill(self) -> None:
        """End it without a word."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def asked(self, path: str) -> tuple[int, bytes]:
        """Ask the console as a program with a token does."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.get(f"{self.console}/api/v1{path}") as answer,
        ):
            return answer.status, await answer.read()

    async def counts(self) -> Counter[str]:
        """Return what it counted as refused, dropped or ended, as an operator scrapes it."""
        _, text = await self.asked("/metrics")
        found = re.findall(
            r'^stolper_(batches_refused|dropped|assets|connections_ended)_total{\w+="(\w+)"} ([\d.]+)',
            text.decode(),
            re.MULTILINE,
        )
        return Counter(
            {f"{what.split('_')[-1]} {detail}": int(float(count)) for what, detail, count in found}
        )

    def stranger(self, nth: int | None = None) -> Stranger:
        """Return somebody from a network address that nobody else has, or the *nth* one's."""
        self._made += 1
        number = nth or self._made
        return Stranger(self, f"127.1.{number >> 8}.{number & 255 or 255}")


@dataclass
class Stranger:
    """Somebody at one network address."""

    victim: Victim
    address: str
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection, which is closed when the attack is over."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.victim.port, local_addr=(self.address, 0)
        )
        self.open.append(writer)
        return reader, writer

    async def ask(self, data: bytes) -> str:
        """Send *data*, then the sentinel; return what was answered, and whether that was the end."""
        reader, writer = await self.connect()
        writer.write(data + SENTINEL)
        return told(await ended(reader))

    async def wait(self, data: bytes) -> str:
        """Send *data* and no more; return what was answered until the server ended it."""
        reader, writer = await self.connect()
        writer.write(data)
        return told(await ended(reader))

    async def leave(self) -> None:
        """Close all connections."""
        for writer in self.open:
            writer.transport.abort()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server ends the connection."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(LONGEST_S):
            while data := await reader.read(1 << 16):
                found += data
    return bytes(found)


def told(data: bytes) -> str:
    """Return the statuses and codes of the answers in *data*, and "closed" if the sentinel had none."""
    said = []
    while data.startswith(b"HTTP/1."):
        first, _, data = data.partition(b"\r\n\r\n")
        status = first.split(b" ", 2)[1].decode()
        if status == "100":
            continue
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", first)
        content = data[: int(length[1])] if length else b""
        data = data[len(content) :]
        if START_PAGE in content:
            return ", ".join(said) or "nothing"
        code = ""
        with contextlib.suppress(ValueError):
            values = json.loads(content)
            code = f" {values.get('code') or values.get('status') or ''}".rstrip()
        said.append(status + code)
    assert not data, data[:100]
    return ", ".join([*said, "closed"])


def request(
    data: bytes, *fields: str, line: str = f"POST /i/{SITE.key} HTTP/1.1", origin: str = ORIGIN
) -> bytes:
    """Return a request as a browser sends it, with further header *fields*."""
    lines = [
        line, "Host: rec.example", f"Content-Length: {len(data)}", f"User-Agent: {FIREFOX}",
        "Content-Type: text/plain;charset=UTF-8", "Accept: */*", f"Origin: {origin}", *fields,
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + data


class Visitor:
    """A page that goes on sending, well-behaved, while all else happens."""

    SESSION = 0xF00D

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self.answers: Counter[int] = Counter()
        self.acknowledged: list[int] = []

    async def visit(self) -> None:
        """Send a batch every 50 ms, every tenth by a new connection, until cancelled."""
        seq = 0
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.77", 0))
        async with aiohttp.ClientSession(connector=connector) as http:
            while True:
                made = head(self.SESSION, seq, attributes=None)
                headers = {"Origin": ORIGIN, "User-Agent": FIREFOX}
                if seq % 10 == 9:
                    headers["Connection"] = "close"
                url = f"{self._victim.url}/i/{SITE.key}"
                async with http.post(url, data=body(made), headers=headers) as answer:
                    self.answers[answer.status] += 1
                    if answer.status == 200:
                        self.acknowledged.append(seq)
                seq += 1
                await asyncio.sleep(0.05)
