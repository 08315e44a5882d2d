"""
The built snippet in a real Chromium, against a small collector that records what it is sent.

Owns the collector of these tests; it takes batches apart with core.wire and keeps them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from core import wire
from replay.ids import put_ids_back
from tests import building
from tests.conftest import CHROMIUM_FLAGS

SNIPPET = Path(__file__).parents[2] / "snippet"
KEY = "testkey"


@dataclass
class Batch:
    """One POST as it arrived."""

    head: dict[str, Any]
    recording: list[dict[str, Any]]
    digest: bytes
    sent_t: int
    chunk_encoding: int
    body: bytes
    status: int


def read_head(text: bytes) -> dict[str, Any]:
    """Return a head with what is left out of it where it is empty, zero or false."""
    empty = {"targets": [], "events": [], "void": [], "gaps": [], "last": False}
    head = {**empty, **json.loads(text)}
    head["snippet"] = {"errors": 0, "failed": {}, **head["snippet"]}
    return head


def events_of(chunk: bytes) -> list[dict[str, Any]]:
    """Return the events of an inflated chunk, with the ids that are left out in it."""
    events: list[dict[str, Any]] = json.loads(chunk) if chunk else []
    put_ids_back(events)
    return events


@dataclass
class Collector:
    """
    A collector that answers as docs/wire-format.md says and keeps everything.

    *answers* are given to the next posts, first come first served: a status, or a status with
    body and headers; when it is empty the answer is 200.
    """

    url: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  # of a page, by its path
    batches: list[Batch] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    seen: dict[tuple[str, str, int], bytes] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    lost: bool = False  # connections are cut without an answer
    cut: int = 0  # how many were
    duplicates: list[bytes] = field(default_factory=list)  # digests of what came again

    def configure(self, **changes: object) -> None:
        self.config.update(changes)

    @property
    def stored(self) -> list[Batch]:
        return [batch for batch in self.batches if batch.status == 200]

    def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """Return stored events in order of page load and index, targets resolved."""
        found = []
        for batch in self.stored:
            for event in batch.head["events"]:
                resolved = dict(event, page_load=batch.head["page_load"])
                if "target" in event:
                    resolved["target"] = batch.head["targets"][event["target"]]
                found.append(resolved)
        return [event for event in found if type_ in (None, event["type"])]

    def recording(self) -> list[dict[str, Any]]:
        return [event for batch in self.stored for event in batch.recording]

    async def until(self, done: Callable[[], object], timeout_s: float = 8.0) -> None:
        """Wait until *done()* is true, looking again whenever a batch arrives."""
        try:
            async with asyncio.timeout(timeout_s):
                while not done():
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            kinds = [event["type"] for event in self.events()]
            pytest.fail(f"not within {timeout_s} s; {len(self.batches)} batches, events {kinds}")

    async def script(self, _request: web.Request) -> web.Response:
        loader = (SNIPPET / "dist" / "loader.js").read_text()
        text = loader.replace('"__STOLPER_CONFIG__"', json.dumps(self.config))
        return web.Response(text=text, content_type="text/javascript")

    async def recorder(self, request: web.Request) -> web.FileResponse:
        name = f"recorder.{request.match_info['hash']}.js"
        return web.FileResponse(
            SNIPPET / "dist" / name, headers={"Content-Type": "text/javascript;charset=UTF-8"}
        )

    async def ingest(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.lost:
            assert request.transport is not None
            self.cut += 1
            self.arrived.set()
            request.transport.abort()
            return web.Response(status=500)
        frame = wire.unpack(body, max_head_bytes=1_000_000)
        head = read_head(frame.head)
        status, answer = 200, {"ok": True, "status": "stored", "flush_ms": 400}
        headers: dict[str, str] = {}
        identity = (head["session"], head["page_load"], head["seq"])
        if self.answers:
            status, answer, headers = self.answers.pop(0)
        elif identity in self.seen:
            same = self.seen[identity] == frame.digest
            status, answer = (
                (200, {"ok": True, "status": "duplicate"})
                if same
                else (409, {"ok": False, "code": "conflict", "error": ""})
            )
        if status == 200 and answer.get("status") == "stored":
            self.seen[identity] = frame.digest
        chunk = gzip.decompress(frame.chunk) if frame.chunk_encoding else frame.chunk
        if answer.get("status") == "duplicate":
            self.duplicates.append(frame.digest)
        else:
            self.batches.append(
                Batch(
                    head=head,
                    recording=events_of(chunk),
                    digest=frame.digest,
                    sent_t=frame.sent_t,
                    chunk_encoding=frame.chunk_encoding,
                    body=body,
                    status=status,
                )
            )
        self.arrived.set()
        return web.json_response(
            answer, status=status, headers={"Access-Control-Allow-Origin": "*", **headers}
        )

    async def page(self, request: web.Request) -> web.Response:
        text = self.pages.get(request.path)
        if text is None:
            return web.Response(status=404, text="no such page")
        own = {"Content-Type": "text/html; charset=utf-8", **self.headers.get(request.path, {})}
        return web.Response(body=text.encode(), headers=own)

    async def status(self, request: web.Request) -> web.Response:
        """Answer /status/N?ms=D with status N after D milliseconds."""
        await asyncio.sleep(int(request.query.get("ms", "0")) / 1000)
        return web.json_response({}, status=int(request.match_info["status"]))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_get("/s/{key}.js", self.script)
        app.router.add_get("/recorder.{hash}.js", self.recorder)
        app.router.add_post("/i/{key}", self.ingest)
        app.router.add_route("*", "/status/{status}", self.status)
        app.router.add_get("/{path:.*}", self.page)
        return app


@pytest.fixture(scope="session")
def built() -> dict[str, str]:
    """Build the snippet if its sources are newer than what is built, and return its manifest."""
    manifest = building.built(SNIPPET / "build.mjs", SNIPPET / "dist" / "manifest.json")
    names: dict[str, str] = json.loads(manifest.read_text())
    return names


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def collector(built: dict[str, str]) -> AsyncIterator[Collector]:
    """A collector of this test, serving its pages too."""
    made = Collector()
    async with serving(made.app()) as url:
        made.url = url
        made.config = {
            "key": KEY,
            "base": url,
            "recorder": f"/{built['recorder']}",
            "mode": "full",
            "privacy": "standard",
            "idle_timeout_ms": 1_800_000,
            "flush_ms": 400,
        }
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=CHROMIUM_FLAGS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    made = await chromium.new_context(viewport={"width": 900, "height": 1150})
    yield made
    await made.close()


Open = Callable[..., Awaitable[Page]]


@pytest.fixture
def tag() -> str:
    """The line that embeds the snippet."""
    return f'<script async src="/s/{KEY}.js"></script>'


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(collector: Collector, context: BrowserContext, tag: str) -> Open:
    """Return a function that serves a body with the snippet and waits until it records."""

    async def open_(body: str, *, path: str = "/page", head: str = "", wait: bool = True) -> Page:
        collector.pages[path.split("?")[0]] = (
            f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Test</title>{head}"
            f"</head><body>{tag}{body}</body></html>"
        )
        page = await context.new_page()
        await page.goto(collector.url + path)
        if wait:
            await page.wait_for_function("window.stolper && window.stolper.running === true")
        return page

    return open_
