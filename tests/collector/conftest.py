"""A collector on a real store, reached over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from collector.app import PublicRunner, build_app
from core.model import StoredBatch
from core.settings import load_settings
from core.sqlite import SqliteStore
from core.store import Store
from tests.collector.fronting import Wire
from tests.collector.support import COOKIELESS, SITE, Collector
from tests.core.support import ManualClock

Start = Callable[..., Awaitable[Collector]]

LOADER = 'window.stolper=window.stolper||0;boot("__STOLPER_CONFIG__");'


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon."""
    return ManualClock()


@pytest.fixture
def snippet(tmp_path: Path) -> Path:
    """Return a folder with a built snippet, as far as the collector looks into it."""
    folder = tmp_path / "snippet"
    folder.mkdir()
    (folder / "loader.js").write_text(LOADER)
    (folder / "recorder.abc123.js").write_text("/* recorder */")
    (folder / "manifest.json").write_text(
        '{"loader": "loader.js", "recorder": "recorder.abc123.js", "version": "0.1.0",'
        ' "parts": {"canvas": "canvas.d1.js", "images": "images.d2.js", "code": "code.d3.js"}}'
    )
    return folder


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    """Return an open store that knows two sites."""
    store = SqliteStore(tmp_path / "data", clock)
    await store.open()
    await store.add_site(SITE)
    await store.add_site(COOKIELESS)
    yield store
    await store.close()


class Listener(TestServer):
    """A server as `collector.app.runner` makes it."""

    async def _make_runner(self, **kwargs: object) -> web.AppRunner:
        return PublicRunner(self.app, **kwargs)


@pytest.fixture(params=["aiohttp", "own"])
def route(request: pytest.FixtureRequest) -> str:
    """Return who reads plain batches."""
    return str(request.param)


@pytest.fixture
async def start(
    tmp_path: Path, snippet: Path, clock: ManualClock, store: Store, route: str
) -> AsyncIterator[Start]:
    """
    Return what starts a collector; its arguments are settings, a store instead, a listener.

    Whatever is tested through it is tested with plain batches read by aiohttp and by our own.
    """
    clients: list[TestClient] = []  # type: ignore[type-arg] -- its arguments differ by version

    async def make(
        on: Store = store,
        hear: Callable[[StoredBatch], None] | None = None,
        **settings: object,
    ) -> Collector:
        settings.setdefault("collector__own_protocol", route == "own")
        heard: list[StoredBatch] = []
        watched: set[str] = set()
        loaded = load_settings(
            tmp_path, overrides={k.replace("__", "."): v for k, v in settings.items()}
        )
        app = build_app(
            on,
            clock,
            loaded,
            snippet_dir=snippet,
            kept_dir=tmp_path / "kept",
            on_stored=hear or heard.append,
            watched=watched.__contains__,
            console_url=lambda: loaded.server.console_url,
        )
        client = TestClient(Listener(app))
        clients.append(client)
        await client.start_server()
        return Collector(client, on, clock, heard, watched)

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def collector(start: Start) -> Collector:
    """Return a collector with default settings."""
    return await start()


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
async def own(start: Start) -> Collector:
    """Return a collector that reads plain batches itself."""
    return await start()
