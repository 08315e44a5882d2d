"""A console on a real store, and sessions written into it as the collector would."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher

from console.accounts import create_token
from console.alerting import Alerting
from console.app import build_app
from console.live import Live
from console.reporting import Reports
from console.workbench import Workbench
from core.model import (
    ChunkInfo,
    Evidence,
    Flag,
    NewBatch,
    Severity,
    Site,
    StoredBatch,
    User,
    Verdicts,
)
from core.settings import Settings
from core.sqlite import SqliteStore
from core.wire import GZIP
from detector.history import History
from detector.service import Detector
from replay import deep
from stolper.erasure import Eraser
from stolper.own_rules import OwnRules
from stolper.rulebook import Rulebook
from stolper.workbench import ServerWorkbench

START = 1_790_000_000_000  # a fixed moment in 2026
ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse"
PLAYER = ROOT / "replay" / "player" / "dist"


class Clock:
    """Time that a test moves."""

    def __init__(self, now_ms: int = START) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now


def shop(name: str = "shop", key: str = "sshop", origin: str = "https://shop.example") -> Site:
    return Site(key, name, (origin,), "full", "standard", 1_800_000, START)


def rrweb_page(text: str = "Hello", at: int = 10, children: list[Any] | None = None) -> list[Any]:
    """Return the rrweb events of a small page: its size, then its snapshot. Times are monotonic."""
    body = children if children is not None else [element(6, "h1", [text_node(7, text)])]
    document = {
        "type": 0,
        "id": 1,
        "childNodes": [
            {"type": 1, "id": 2, "name": "html", "publicId": "", "systemId": ""},
            element(3, "html", [element(4, "head", []), element(5, "body", body)]),
        ],
    }
    return [
        {"type": 4, "timestamp": at, "data": {"href": "https://shop.example/", "width": 800, "height": 600}},
        {"type": 2, "timestamp": at + 1, "data": {"node": document, "initialOffset": {"left": 0, "top": 0}}},
    ]  # fmt: skip


def element(
    id_: int, tag: str, children: list[Any], attributes: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": 2, "id": id_, "tagName": tag, "attributes": attributes or {}, "childNodes": children,
    }  # fmt: skip


def nest(depth: int) -> list[dict[str, Any]]:
    """Return *depth* elements within one another, a text in the innermost."""
    inner = text_node(6 + depth, "innermost")
    for number in reversed(range(depth)):
        inner = element(6 + number, "div", [inner])
    return [inner]


def text_node(id_: int, text: str) -> dict[str, Any]:
    return {"type": 3, "id": id_, "textContent": text}


def mutation(at: float, **changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"texts": [], "attributes": [], "removes": [], "adds": []}
    return {"type": 3, "timestamp": at, "data": {"source": 0, **empty, **changes}}


def add_text(at: float, node: int, text: str, parent: int = 5) -> dict[str, Any]:
    """Return the rrweb event that adds a paragraph with *text* to the body."""
    adds = [
        {"parentId": parent, "nextId": None, "node": element(node, "p", [])},
        {"parentId": node, "nextId": None, "node": text_node(node + 1, text)},
    ]
    return mutation(at, adds=adds)


def scroll(at: float) -> dict[str, Any]:
    return {"type": 3, "timestamp": at, "data": {"source": 3, "id": 1, "x": 0, "y": 1}}


@dataclass
class Visit:
    """Writes one session's batches, document by document."""

    store: SqliteStore
    id: str
    site: str = "sshop"
    start: int = START
    attributes: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] | None = None
    visitor: str | None = None
    canary: bool = False
    page: dict[str, Any] = field(default_factory=dict)  # further facts of its documents
    _seq: dict[str, int] = field(default_factory=dict)
    _count: dict[str, int] = field(default_factory=dict)

    async def send(
        self,
        events: list[dict[str, Any]],
        *,
        recording: list[Any] | bytes | None = None,
        load: str = "load-1",
        tab: str = "tab-1",
        origin: int = 0,
        seq: int | None = None,
        gaps: tuple[dict[str, Any], ...] = (),
    ) -> StoredBatch:
        """
        Append one batch. *events* need only `t` and `type`; *recording* is rrweb events or raw bytes.

        *origin* is the document's time origin in milliseconds from the session's start.
        """
        number = self._seq.get(load, 0) if seq is None else seq
        self._seq[load] = number + 1
        full = [self._event(event, load) for event in events]
        chunk, info = _chunk(recording)
        appended = await self.store.append(
            NewBatch(
                site=self.site,
                session=self.id,
                secret_hash=b"s" * 32,
                page_load=load,
                tab=tab,
                seq=number,
                digest=f"{load}{number}".encode().ljust(16)[:16],
                received_ms=self.start + origin,
                origin_ms=self.start + origin,
                events=full,
                void=(),
                attributes=self.attributes,
                visitor=self.visitor,
                identity=self.identity,
                page={"path": "/", "width": 800, "height": 600, "dpr": 1, **self.page},
                gaps=gaps,
                chunk=chunk,
                chunk_info=info,
                canary=self.canary,
            )
        )

        assert appended.status == "stored"
        assert appended.batch is not None
        return appended.batch

    def _event(self, event: dict[str, Any], load: str) -> dict[str, Any]:
        number = self._count.get(load, 0)
        self._count[load] = number + 1
        return {"i": number, "view": 0, "path": "/", **event}

    async def flag(
        self,
        rule: str = "rage_click",
        *,
        title: str = "Rage click",
        at: int = 0,
        severity: Severity = "high",
        label: str = "Pay",
        page: str = "/",
        evidence: tuple[str, ...] = (),
        load: str = "load-1",
        tab: str = "tab-1",
    ) -> Flag:
        """Let *rule* fire *at* milliseconds after the session's start."""
        flag = Flag(
            id=f"{rule}-{self.id}-{at}", session=self.id, site=self.site, rule=rule, version="v1",
            group="", nth=at, title={"en": title, "de": title}, severity=severity, weight=1.0,
            at_ms=self.start + at, first_ms=self.start + at, until_ms=self.start + at + 800,
            hits=3, page=page,
            target={"key": label.lower(), "selector": "#" + label.lower(), "label": label, "node": 6},
            tab=tab, page_load=load,
            evidence=tuple(Evidence(e, self.start + at, "click", page) for e in evidence),
            captures={"clicks": 3}, provisional=True,
        )  # fmt: skip
        await self.store.commit_verdicts([Verdicts(self.id, 0, (flag,))])
        return flag


def _chunk(recording: list[Any] | bytes | None) -> tuple[bytes, ChunkInfo | None]:
    if recording is None:
        return b"", None
    if isinstance(recording, bytes):
        return recording, ChunkInfo(1, 0, 100, False, GZIP)
    times = [event["timestamp"] for event in recording if isinstance(event, dict)]
    snapshot = any(isinstance(event, dict) and event.get("type") == 2 for event in recording)
    info = ChunkInfo(len(recording), min(times), max(times), snapshot, GZIP)
    return gzip.compress(deep.dumps(recording), mtime=0), info


@dataclass
class Running:
    """A console that listens, with one way in for people and one for programs."""

    url: str
    store: SqliteStore
    clock: Clock
    live: Live
    password: str
    tokens: dict[str, str]
    ended: list[str]
    app: web.Application

    async def sign_in(self, http: aiohttp.ClientSession) -> None:
        """Sign *http* in as the owner."""
        async with http.get(f"{self.url}/sign-in") as page:
            token = form_token(await page.text())
        form = {"name": "owner", "password": self.password, "form_token": token, "next": "/sites"}
        async with http.post(f"{self.url}/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()


@lru_cache(maxsize=1)
def _quick_hash() -> str:
    """Return a real argon2 hash, cheap to check: tests sign in often."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def form_token(html: str) -> str:
    """Return the form token in the page *html*."""
    found = re.search(r'name="form_token" value="([^"]+)"', html)
    assert found
    return found[1]


async def _workbench(
    data: Path, store: SqliteStore, clock: Clock, settings: Settings, shipped: Sequence[Path]
) -> Workbench:
    """Return a workbench as the server has it; its detector judges no live visit."""

    async def drained() -> None: ...

    book = Rulebook(OwnRules(data / "rules"), store, clock, shipped=shipped)
    flush_ms = settings.collector.flush_ms
    detector = Detector(
        store, await book.load(), clock, settings=settings.detector, on_verdicts=lambda _: None,
        flush_ms=flush_ms,
    )  # fmt: skip
    history = History(store, flush_ms=flush_ms, first=drained)
    bench = ServerWorkbench(book, store, clock, detector, history, data=data, flush_ms=flush_ms)
    return cast(Workbench, bench)


@asynccontextmanager
async def running_console(
    data: Path,
    *,
    shipped: Sequence[Path] = (),
    player: Path = PLAYER,
    settings: Settings | None = None,
    alerting: Callable[[SqliteStore, Clock], Alerting] | None = None,
    reports: Reports | None = None,
) -> AsyncIterator[Running]:
    """
    Run a console on a fresh store in *data*.

    *shipped* holds rules besides the own ones in the folder rules of *data*; by default there
    are none, since most tests of pages need none and reading all takes a second.
    """
    clock = Clock()
    store = SqliteStore(data, clock)
    await store.open()
    await store.add_user(User("owner", "owner", _quick_hash()))
    tokens = {
        "admin": await create_token(store, clock, "admin"),
        "read": await create_token(store, clock, "read"),
        "metrics": await create_token(store, clock, "metrics"),
        "sourcemaps": await create_token(store, clock, "sourcemaps"),
        "contacts": await create_token(store, clock, "contacts"),
    }
    live = Live()
    ended: list[str] = []

    async def end(session: str) -> Any:
        ended.append(session)
        closed = await store.end_session(session, "ended")
        if closed:
            live.session_ended(closed)
        return closed

    app = build_app(
        store, clock, settings or Settings(), live=live, end_session=end, player_dir=player,
        workbench=await _workbench(data, store, clock, settings or Settings(), shipped),
        public_url=lambda: "https://stolper.example", snippet_version="0.1.0",
        metrics=lambda: b"# no numbers\n", eraser=Eraser(store, clock),
        alerting=alerting(store, clock) if alerting else None, reports=reports,
    )  # fmt: skip
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield Running(url, store, clock, live, PASSWORD, tokens, ended, app)
    finally:
        await runner.cleanup()
        await store.close()
