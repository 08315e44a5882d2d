"""What a running server tells machines: metrics, readiness, its log, its service manager."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from console.accounts import create_token
from core.settings import load_settings
from core.sqlite.disk import Disk
from stolper.app import Server
from tests.collector.support import SITE, body, head

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCS = Path(__file__).parents[2] / "docs"


def scraped(text: str) -> dict[str, float]:
    """Return the samples of a scrape, by name with labels."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server with one site, for the whole file: a start reads all rules."""
    tmp_path = tmp_path_factory.mktemp("data")
    given = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    async with Server(load_settings(tmp_path, env={}, overrides=given), tmp_path) as running:
        await running.store.add_site(SITE)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def scrape(server: Server, http: aiohttp.ClientSession, scope: str = "metrics") -> str:
    """Return what Prometheus reads."""
    token = await create_token(server.store, server.clock, scope)  # type: ignore[arg-type] -- Scope
    headers = {"Authorization": f"Bearer {token}"}
    async with http.get(f"{server.console_url}/api/v1/metrics", headers=headers) as answer:
        assert (200, "text/plain") == (answer.status, answer.content_type)
        return await answer.text()


async def test_metrics_count_what_happens(server: Server, http: aiohttp.ClientSession) -> None:
    """A batch, its resend and a refused one are counted; so are the waits for the disk."""
    before = scraped(await scrape(server, http))
    mine = body(head(7))
    for key, data in ((SITE.key, mine), (SITE.key, mine), ("nobody", mine)):
        async with http.post(f"{server.public_url}/i/{key}", data=data):
            pass
    await server.detector.drain()
    after = scraped(await scrape(server, http))
    still = ["stolper_write_queue", "stolper_detector_queue"]

    one_more = [
        'stolper_batches_total{status="stored"}',
        'stolper_batches_total{status="duplicate"}',
        'stolper_batches_refused_total{code="unknown_site"}',
        "stolper_open_sessions",
    ]

    assert [1] * 4 == [after[name] - before.get(name, 0) for name in one_more]
    assert before["stolper_fsync_seconds_count"] < after["stolper_fsync_seconds_count"]
    assert (
        after["stolper_commit_seconds_count"] == after['stolper_commit_seconds_bucket{le="+Inf"}']
    )
    assert [0, 0] == [after[name] for name in still]
    assert len(server.detector.rules.rules) == after["stolper_rules"] > 60
    assert 0 < after["stolper_disk_free_bytes"] <= after["stolper_disk_bytes"]


async def test_every_metric_is_documented(server: Server, http: aiohttp.ClientSession) -> None:
    """docs/operating.md names each metric of ours; none carries a site, a session or an address."""
    async with http.post(f"{server.public_url}/i/{SITE.key}", data=body(head(events=[{"x": 1}]))):
        pass
    told = await scrape(server, http)
    families = list(text_string_to_metric_families(told))  # as Prometheus' own parser reads it
    samples = scraped(told)
    text = (DOCS / "operating.md").read_text()
    names = {re.split(r"[{ ]", name)[0] for name in samples if name.startswith("stolper_")}
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    labels = {found for name in samples for found in re.findall(r'[{,](\w+)="', name)}

    assert [] == sorted(name for name in plain if f"`{name}`" not in text)
    assert [] == [family.name for family in families if not family.documentation]
    assert labels <= {"status", "code", "limit", "what", "le", "version", "generation"}
    assert [] == [name for name in samples if SITE.key in name or "127.0.0.1" in name]


async def test_a_metrics_token_reads_nothing_else(
    server: Server, http: aiohttp.ClientSession
) -> None:
    """Without a token 401; its own token reads metrics alone; other tokens may read them too."""
    api = f"{server.console_url}/api/v1"
    token = await create_token(server.store, server.clock, "metrics")
    answers = []
    for path, headers in (
        ("/metrics", {}),
        ("/sessions", {"Authorization": f"Bearer {token}"}),
        ("/sites", {"Authorization": f"Bearer {token}"}),
        ("/metrics/", {"Authorization": f"Bearer {token}"}),
    ):
        async with http.get(api + path, headers=headers) as answer:
            answers.append((answer.status, (await answer.json())["code"]))

    assert [(401, "unauthorized"), *[(403, "scope")] * 3] == answers
    assert "stolper_info" in await scrape(server, http, "read")
    assert "stolper_info" in await scrape(server, http, "admin")


async def test_ready_means_that_writes_become_durable(
    server: Server, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk on which commits fail is not ready though it reads well, and is again once they work."""

    async def ask(path: str) -> tuple[int, str | None]:
        async with http.get(server.public_url + path) as answer:
            return answer.status, (await answer.json()).get("code")

    def full(_: Disk, _db: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("collector.ready.EVERY_S", 0.0)
    failures = scraped(server.metrics.text().decode())["stolper_write_failures_total"]
    answers = [await ask("/readyz")]
    with monkeypatch.context() as broken:
        broken.setattr(Disk, "commit", full)
        answers += [await ask("/readyz"), await ask("/healthz")]
    answers += [await ask("/readyz")]
    samples = scraped(server.metrics.text().decode())

    assert [(200, None), (503, "failed"), (200, None), (200, None)] == answers
    assert failures < samples["stolper_write_failures_total"]
    assert 1 == samples["stolper_ready"]


async def test_many_who_ask_share_one_write(
    server: Server, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener is public: whoever asks it a hundred times at once makes the disk work once."""

    async def ask() -> int:
        async with http.get(f"{server.public_url}/readyz") as answer:
            return answer.status

    monkeypatch.setattr("collector.ready.EVERY_S", 600.0)  # however slow the machine is
    monkeypatch.setattr(server.ready, "_asked_s", float("-inf"))
    before = scraped(server.metrics.text().decode())["stolper_commit_seconds_count"]
    answers = await asyncio.gather(*(ask() for _ in range(100)))
    after = scraped(server.metrics.text().decode())["stolper_commit_seconds_count"]

    assert {200} == set(answers)
    assert 1 <= after - before < 20  # what the server writes by itself may fall in between


async def test_the_console_says_that_it_is_there(
    server: Server, http: aiohttp.ClientSession
) -> None:
    """/healthz on the console's listener needs no sign-in."""
    async with http.get(f"{server.console_url}/healthz") as answer:
        assert (200, {"ok": True}) == (answer.status, await answer.json())


class Up:
    """`stolper up` as a process; its lines, and what it told its service manager."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.manager.bind(str(data.parent / "notify"))
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(data.parent / "notify")}
        self.environment |= environment
        self.log = data.parent / "log"

    async def start(self) -> str:
        """Start it; return where it listens once it said that it is ready."""
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "stolper.cli", "up", "--data", str(self.data),
                "--public", "127.0.0.1:0", "--console", "127.0.0.1:0",
                stdout=log, stderr=log, env=self.environment,
            )  # fmt: skip
        assert b"READY=1" == await self.told()
        return str(json.loads((self.data / "server.json").read_text())["public_url"])

    async def told(self) -> bytes:
        """Return what the service manager is told next."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            return await loop.sock_recv(self.manager, 100)


async def test_a_stop_drains_and_a_second_signal_hurries(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """
    After the first signal /readyz says no while batches are still taken; after the second it ends with 0.

    Every line that it wrote is a JSON object, and what was answered 200 meanwhile is stored.
    """
    up = Up(tmp_path / "data", STOLPER_LOG_FORMAT="json", STOLPER_SERVER_DRAIN_MS="600000")
    url = await up.start()
    key = await asyncio.to_thread(_add_site, tmp_path / "data")
    async with http.get(f"{url}/readyz") as answer:
        ready = answer.status
    up.process.send_signal(signal.SIGTERM)
    stopping = await up.told()
    async with http.get(f"{url}/readyz") as answer:
        unready = answer.status, (await answer.json())["code"]
    async with http.post(f"{url}/i/{key}", data=body()) as answer:
        taken = answer.status
    up.process.send_signal(signal.SIGTERM)
    ended = await up.process.wait()
    up.manager.close()
    lines = [json.loads(line) for line in up.log.read_text().splitlines()]

    assert (200, b"STOPPING=1", (503, "stopping"), 200, 0) == (
        ready, stopping, unready, taken, ended,
    )  # fmt: skip
    assert "stopping: finishing what was accepted" == lines[-1]["message"]
    assert 1 == _count(tmp_path / "data" / "stolper.db", "batches")


def _add_site(data: Path) -> str:
    with sqlite3.connect(data / "stolper.db", isolation_level=None) as db:
        db.execute(
            "INSERT INTO sites (key, name, origins, mode, privacy, idle_timeout_ms, created_ms)"
            " VALUES (?, 'shop', '[]', 'full', 'standard', 1800000, 0)",
            (SITE.key,),
        )
    db.close()
    return SITE.key


def _count(database: Path, table: str) -> int:
    db = sqlite3.connect(database)
    count = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return int(count)
