"""
What finished sessions take: `python -m bench.storage [--visits 6] [--pages 6] [--packages FOLDER]`.

Visits three sites made of themes from npm with the built snippet in them, seals the sessions, and
prints for each what the browser's gzip batches took, what the object takes, and the CPU time of
sealing. Beside them: the same recording as rrweb's own recorder would send it (every id, style texts
in full with each page) in the same batches, and the whole session in one zstd -19.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson
import zstandard
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Error, Page, Route, async_playwright

from bench.snippet.replayed import serving
from core.clock import SystemClock
from core.model import Session, Site
from core.sqlite import SqliteStore
from core.wire import GZIP
from replay.recording import decode_chunk, load_recording
from replay.stock import KNOWN_BY, Stock
from stolper.sealer import BackgroundSealer
from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.support import Stack

VIEWPORT = {"width": 1200, "height": 800}
AT_ONCE = 3  # visitors: more would starve each other on two cores
GOAL, GOAL_MS = 12.0, 50.0


@dataclass(frozen=True)
class Theme:
    """A theme as a site: the npm *package* and the *folder* in it whose pages are visited."""

    package: str
    folder: str
    named: tuple[str, ...] = ()  # pages that are visited, if not all


THEMES = (
    Theme("startbootstrap-sb-admin-2", ""),
    Theme("startbootstrap-modern-business", "dist"),
    Theme(
        "@tabler/preview",
        "dist",
        ("index", "users", "tables", "form-elements", "settings", "invoice", "chat", "cards",
         "tabs", "datagrid", "tasks", "pricing", "faq", "widgets"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What one session takes, in bytes, and what sealing it took."""

    site: str
    pages: int
    minutes: float
    events: int
    plain: int
    sent: int
    as_rrweb: int
    zstd: int
    sealed: int
    keyframes: int
    cpu_ms: float


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what *arguments* ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--visits", type=int, default=6, help="visits of each site")
    parser.add_argument("--pages", type=int, default=6, help="pages of a visit")
    parser.add_argument("--stay", type=float, default=8.0, help="seconds on a page")
    parser.add_argument("--packages", type=Path, help="keep the themes in this folder")
    parser.add_argument(
        "--data", type=Path, help="keep the recordings in this folder, or use those"
    )
    return parser.parse_args(arguments)


def install(folder: Path) -> str:
    """Install the themes into *folder* by npm; return what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        theme.package for theme in THEMES if not (folder / "node_modules" / theme.package).is_dir()
    ]
    if not wanted:
        return ""
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        [*command, *wanted], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode and done.stderr.strip() else ""


class Shown:
    """A theme on this machine, with the snippet in its pages."""

    def __init__(self, theme: Theme, packages: Path) -> None:
        self.name = theme.package
        self.root = packages / "node_modules" / theme.package / theme.folder
        self.pages = [
            path.name
            for path in sorted(self.root.glob("*.html"))
            if not theme.named or path.stem in theme.named
        ]
        self.embed = ""

    def app(self) -> web.Application:
        """Return the application that serves it."""

        async def page(request: web.Request) -> web.Response:
            path = self.root / f"{request.match_info['name']}.html"
            if not path.is_file():
                raise web.HTTPNotFound
            html = path.read_text(encoding="utf-8").replace("</head>", f"{self.embed}</head>", 1)
            return web.Response(text=html, content_type="text/html")

        app = web.Application()
        app.router.add_get(r"/{name:[\w-]+}.html", page)
        app.router.add_static("/", self.root)
        return app


async def visit(context: BrowserContext, origin: str, pages: list[str], stay_s: float) -> None:
    """Look at *pages* one after the other, as whoever looks for something does."""
    chance = random.Random(" ".join(pages))
    page = await context.new_page()
    for name in pages:
        await page.goto(f"{origin}/{name}", wait_until="domcontentloaded", timeout=180_000)
        await page.wait_for_function("window.stolper?.running === true", timeout=180_000)
        until = time.monotonic() + stay_s
        while time.monotonic() < until:
            try:
                await _act(page, chance)
            except Error:
                continue  # what was to be pressed has gone
    await page.close(run_before_unload=True)


PRESSABLE = "button[type=button], [data-toggle], [data-bs-toggle], summary, th, [role=tab]"
TYPEABLE = "input:not([type]), input[type=text], input[type=email], input[type=search], textarea"


async def _act(page: Page, chance: random.Random) -> None:
    """Move, scroll, press something that does not lead away, or type."""
    x, y = chance.randrange(50, 1150), chance.randrange(50, 750)
    await page.mouse.move(x, y, steps=chance.randrange(5, 25))
    what = chance.random()
    if what < 0.45:
        await page.mouse.wheel(0, chance.randrange(-300, 700))
    elif what < 0.8:
        found = page.locator(PRESSABLE).locator("visible=true")
        if many := await found.count():
            await found.nth(chance.randrange(many)).click(timeout=700)
    else:
        found = page.locator(TYPEABLE).locator("visible=true")
        if many := await found.count():
            await found.nth(chance.randrange(many)).click(timeout=700)
            await page.keyboard.type("spare parts 12"[: chance.randrange(4, 14)], delay=60)
    await asyncio.sleep(chance.uniform(0.2, 1.2))


async def record(options: argparse.Namespace, data: Path, packages: Path) -> None:
    """Visit every site as often as *options* say; the recordings are in *data* then."""
    stack = Stack(data)
    await stack.start()
    try:
        async with AsyncExitStack() as closing, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS
            )
            for theme in THEMES:
                shown = Shown(theme, packages)
                origin = await closing.enter_async_context(serving(shown.app()))
                site = await stack.site(origin, name=theme.package, mode="full")
                shown.embed = stack.script(site)
                await _site(browser, origin, shown, options)
            await browser.close()
    finally:
        await stack.stop()


async def _site(browser: Browser, origin: str, shown: Shown, options: argparse.Namespace) -> None:
    """Visit one site, a few visitors at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        chance = random.Random(f"{shown.name} {number}")
        pages = chance.sample(shown.pages, min(options.pages, len(shown.pages)))
        async with turn:
            await _one(browser, origin, pages, options.stay)

    await asyncio.gather(*(one(number) for number in range(options.visits)))


async def _one(browser: Browser, origin: str, pages: list[str], stay_s: float) -> None:
    context = await browser.new_context(viewport=VIEWPORT, locale="en-GB")

    async def own_only(route: Route) -> None:
        local = "//127.0.0.1" in route.request.url
        await (route.continue_() if local else route.abort())

    await context.route("**/*", own_only)
    try:
        await visit(context, origin, pages, stay_s)
        await asyncio.sleep(1)
    finally:
        await context.close()


async def measure(store: SqliteStore, sealer: BackgroundSealer, session: Session) -> Taken:
    """Let *sealer* seal *session* and say what it takes."""
    refs = await store.chunks(session.id)
    if session.ended_ms is None:
        await store.end_session(session.id, "left")
    plain, sent = [], 0
    for ref in refs:
        raw = await store.read_chunk(ref)
        plain.append(gzip.decompress(raw) if ref.info.encoding == GZIP else raw)
        sent += len(raw) if ref.info.encoding == GZIP else len(gzip.compress(raw, 6, mtime=0))
    as_rrweb = sum([await _as_rrweb(store, session.id, load.id) for load in await store.page_loads(session.id)])  # fmt: skip
    whole = b"".join(plain)
    events = sum(ref.info.count for ref in refs)
    begun = time.process_time()
    await sealer.seal(session)
    cpu_ms = (time.process_time() - begun) * 1000
    sealed = await _sealed_bytes(store, session.id)
    keyframes = sum(
        [
            len(await store.keyframes(session.id, load.id))
            for load in await store.page_loads(session.id)
        ]
    )
    return Taken(
        session.site_name, session.pages, (session.last_ms - session.started_ms) / 60_000, events,
        len(whole), sent, as_rrweb,
        len(zstandard.ZstdCompressor(level=19).compress(whole)), sealed, keyframes, cpu_ms,
    )  # fmt: skip


async def _as_rrweb(store: SqliteStore, session: str, page_load: str) -> int:
    """Return what the batches of a document take with every id and every style text in full."""
    found = await load_recording(store, session, page_load)
    assert found is not None
    events = found.events
    total = at = 0
    for ref in await store.chunks(session):
        if ref.page_load == page_load:
            count = len(decode_chunk(await store.read_chunk(ref), ref.info.encoding))
            total += len(gzip.compress(orjson.dumps(events[at : at + count]), 6, mtime=0))
            at += count
    return total


def table(taken: list[Taken], say: Callable[[str], None]) -> None:
    """Print what each session takes."""
    say("| site | pages | min | events | KB JSON | KB gzip batches | KB as rrweb | KB zstd -19 "
        "| KB sealed | batches/sealed | rrweb/sealed | keyframes | CPU ms |")  # fmt: skip
    say("|---|" + "---:|" * 12)
    for one in taken:
        sizes = (one.plain, one.sent, one.as_rrweb, one.zstd, one.sealed)
        kb = " | ".join(f"{size / 1000:,.1f}" for size in sizes)
        say(
            f"| {one.site} | {one.pages} | {one.minutes:.1f} | {one.events} | {kb}"
            f" | {one.sent / one.sealed:.1f} | {one.as_rrweb / one.sealed:.1f}"
            f" | {one.keyframes} | {one.cpu_ms:.0f} |"
        )


def _later(taken: list[Taken]) -> list[Taken]:
    """Return the sessions that could rest on what their sites' pages have in common."""
    before: Counter[str] = Counter()
    found = []
    for one in taken:
        if before[one.site] >= KNOWN_BY:
            found.append(one)
        before[one.site] += 1
    return found


def verdict(taken: list[Taken], say: Callable[[str], None]) -> None:
    """Print the ratios over all sessions beside the goals."""
    sent, sealed = sum(one.sent for one in taken), sum(one.sealed for one in taken)
    as_rrweb = sum(one.as_rrweb for one in taken)
    cpu = [one.cpu_ms for one in taken]
    say(f"gzip batches / sealed: {sent / sealed:.1f} (goal {GOAL:.0f})")
    later = _later(taken)
    if later:
        ratio = sum(one.sent for one in later) / sum(one.sealed for one in later)
        say(f"the same from the visit on that follows {KNOWN_BY} of the site: {ratio:.1f}")
    say(f"gzip batches as rrweb sends them / sealed: {as_rrweb / sealed:.1f}")
    say(
        f"CPU of sealing a session: median {statistics.median(cpu):.0f} ms, most {max(cpu):.0f}"
        f" (goal {GOAL_MS:.0f})"
    )


async def known(store: SqliteStore, sessions: Sequence[Session]) -> int:
    """
    Return what *sessions* take once every page of theirs has been seen by KNOWN_BY visitors.

    So it is on a site with visitors: of these few visits most are the first of some page.
    """
    stocks: dict[str, Stock] = {}
    for session in sessions:
        pages = [
            await store.read_chunk(ref)
            for ref in await store.chunks(session.id)
            if ref.info.has_snapshot
        ]
        stock = stocks.setdefault(session.site, Stock())
        for visitor in range(KNOWN_BY):
            stock.learn(pages, f"visitor {visitor}")
    for site, stock in stocks.items():
        if (content := stock.renewed()) is not None:
            await store.put_stock(site, content)
    sealer = BackgroundSealer(store, SystemClock())
    total = 0
    for session in sessions:
        assert await sealer.seal(session)
        total += await _sealed_bytes(store, session.id)
    return total


async def _sealed_bytes(store: SqliteStore, session: str) -> int:
    names = {ref.segment for ref in await store.chunks(session) if ref.frame is not None}
    return sum((store._data / "sealed" / name).stat().st_size for name in names)


async def _once(store: SqliteStore, site: Site, say: Callable[[str], None]) -> None:
    """Print what a site takes once, however many sessions it has."""
    usage = await store.asset_usage(site.key)
    stock = await store.stock(site.key)
    stocks = 0 if stock is None else len(stock[1])
    say(
        f"{site.name}, once: {usage.count} assets of {usage.bytes / 1000:,.0f} KB, stock of"
        f" {stocks / 1000:,.0f} KB"
    )


async def run(options: argparse.Namespace, say: Callable[[str], None] = print) -> None:
    """Record, seal, print."""
    with tempfile.TemporaryDirectory(prefix="stolper-bench") as temporary:
        packages = options.packages or Path(temporary) / "packages"
        data = options.data or Path(temporary) / "data"
        if not (data / "stolper.db").exists():
            problem = install(packages)
            if problem:
                raise SystemExit(f"the themes could not be installed: {problem}")
            await record(options, data, packages)
        store = SqliteStore(data, SystemClock())
        await store.open()
        try:
            waiting = await store.open_sessions()
            done = await store.unsealed_sessions(SystemClock().now_ms(), 1000)
            sessions = sorted([*waiting, *done], key=lambda one: one.started_ms)
            if not sessions:
                raise SystemExit(f"no session in {data} waits to be sealed")
            sealer = BackgroundSealer(store, SystemClock())
            taken = [await measure(store, sealer, session) for session in sessions]
            table(taken, say)
            verdict(taken, say)
            after = await known(store, sessions)
            say(
                f"the same once {KNOWN_BY} visitors have seen each page: gzip batches / sealed"
                f" {sum(one.sent for one in taken) / after:.1f}, as rrweb sends them"
                f" {sum(one.as_rrweb for one in taken) / after:.1f}"
            )
            for site in await store.sites():
                await _once(store, site, say)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(run(options_of(sys.argv[1:])))
