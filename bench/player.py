"""
How a long session is shown: `python -m bench.player [--minutes 60] [--steps 60000] [--seeks 50] [--rounds 3]`.

rrweb's own recorder records a page on which much happens, in faked time. The recording is stored and
sealed as a server does it, and opened in Chromium at a flag near its end: on the console's page of the
session, and by rrweb-player with the whole recording, one after the other in every round. Printed are the
main thread's CPU until the first picture, the bytes, and random seeks; every picture must be the same.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import statistics
import sys
import tempfile
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bench import player_page
from replay.recording import load_recording
from stolper.chromium import find_chromium
from stolper.sealer import BackgroundSealer
from tests.building import built
from tests.conftest import CHROMIUM_FLAGS
from tests.console.conftest import sign_in
from tests.console.support import PLAYER, ROOT, START, Running, Visit, running_console, shop

VIEWPORT = {"width": 1280, "height": 800}
FLUSH_MS = 5_000
FLAG_AT = 0.8  # of the session
OPENED_BEFORE_MS = 5_000
STEP_MS = 100  # of the console's bar
WAIT_MS = 300_000
CPU_GOAL, BYTES_GOAL = 0.4, 0.1
OPEN_GOAL_MS, SEEK_GOAL_MS = 1_000, 300
SESSION = "bench"
PEER = "rrweb-player 2.1.6"

Events = list[dict[str, Any]]


@dataclass(slots=True)
class Measured:
    """What one way to show the session took: medians are of rounds, seeks of all rounds."""

    name: str
    open_ms: list[float] = field(default_factory=list)
    open_cpu_ms: list[float] = field(default_factory=list)
    recording_bytes: list[int] = field(default_factory=list)
    all_bytes: list[int] = field(default_factory=list)
    seek_ms: list[float] = field(default_factory=list)
    seek_cpu_ms: list[float] = field(default_factory=list)
    seek_bytes: list[int] = field(default_factory=list)
    longest_ms: list[float] = field(default_factory=list)


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what *arguments* ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.player", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="length of the session")
    parser.add_argument("--steps", type=int, default=58_000, help="things that happen in it")
    parser.add_argument("--seeks", type=int, default=50, help="random seeks of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recording", type=Path, help="keep the recording in this file, or use it")
    return parser.parse_args(arguments)


async def recorded(browser: Browser, steps: int, step_ms: float) -> Events:
    """Return what rrweb's recorder says of *steps* on the page, *step_ms* of faked time apart."""
    page = await browser.new_page(viewport=VIEWPORT)
    await page.set_content(player_page.html())
    await page.evaluate("window.nativeTimeout = window.setTimeout.bind(window)")
    await page.add_script_tag(
        content=await _bundle('export { install } from "@sinonjs/fake-timers"', "timers")
    )
    await page.evaluate(f"window.clock = timers.install({{ now: {START} }})")
    await page.add_script_tag(content=await _bundle('export { record } from "@rrweb/record"', "rr"))
    await page.evaluate("window.events = []; void rr.record({ emit: (e) => events.push(e) });")
    count = await page.evaluate(player_page.ACT, [steps, step_ms])
    found: Events = []
    for at in range(0, count, 2_000):
        text = await page.evaluate("(at) => JSON.stringify(events.slice(at, at + 2000))", at)
        found += orjson.loads(text)
    await page.close()
    for event in found:
        event["timestamp"] -= START
    return sorted(found, key=lambda event: float(event["timestamp"]))


async def _bundle(source: str, name: str) -> str:
    """Return *source* and what it imports as a script that defines *name*."""
    esbuild = await asyncio.create_subprocess_exec(
        ROOT / "node_modules/.bin/esbuild", "--bundle", "--format=iife", f"--global-name={name}",
        "--external:util", "--external:timers",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await esbuild.communicate(source.encode())
    assert out, "esbuild made nothing of it"
    return out.decode()


async def store(console: Running, events: Events) -> None:
    """Store *events* in batches as a browser sends them, raise a flag, and seal the session."""
    visit = Visit(console.store, SESSION)
    told = [{"t": 0, "type": "page"}]
    batches: dict[int, Events] = {}
    for event in events:
        batches.setdefault(int(event["timestamp"] // FLUSH_MS), []).append(event)
    for number, recording in sorted(batches.items()):
        clicks = [one["timestamp"] for one in recording if is_click(one)]
        facts = [
            {"t": at, "type": "click", "answered_ms": 20, "target": {"key": "order", "label": "Order"}}
            for at in clicks
        ]  # fmt: skip
        await visit.send(told * (number == 0) + facts, recording=recording)
    await visit.flag(at=flag_at(events))
    ended = await console.store.end_session(SESSION, "left")
    assert ended is not None

    assert await BackgroundSealer(console.store, console.clock).seal(ended)


def is_click(event: dict[str, Any]) -> bool:
    """Say whether *event* is rrweb's of a click."""
    return event["type"] == 3 and event["data"]["source"] == 2 and event["data"]["type"] == 2


def flag_at(events: Events) -> int:
    """Return when the flag is raised, on a step of the console's bar."""
    return int(events[-1]["timestamp"] * FLAG_AT) // STEP_MS * STEP_MS


class Ticks:
    """Which step the page tells at a moment."""

    def __init__(self, events: Events) -> None:
        self._times: list[float] = []
        self._texts: list[str] = []
        tick = None
        for event in events:
            for text in event["data"].get("texts") or () if event["type"] == 3 else ():
                if tick is None and text["value"].isdigit():
                    tick = text["id"]  # the first text that ever changes is that of the step
                if text["id"] == tick:
                    self._times.append(event["timestamp"])
                    self._texts.append(text["value"])

    def at(self, at_ms: float) -> str:
        """Return the text at *at_ms*."""
        found = bisect_right(self._times, at_ms) - 1
        return self._texts[found] if found >= 0 else "0"


class Watched:
    """A fresh page of Chromium, what its main thread works and what it loads."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self.page = page
        self._cdp = cdp
        self._addresses: dict[str, str] = {}
        self.loaded: list[tuple[str, int]] = []
        cdp.on("Network.responseReceived", self._answered)
        cdp.on("Network.loadingFinished", self._finished)

    def _answered(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["response"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        address = self._addresses.get(event["requestId"], "")
        self.loaded.append((address, int(event["encodedDataLength"])))

    async def cpu_ms(self) -> float:
        """Return the CPU time of the main thread's tasks so far."""
        answer = await self._cdp.send("Performance.getMetrics")
        return 1000 * float(
            next(one["value"] for one in answer["metrics"] if one["name"] == "TaskDuration")
        )

    def bytes(self, mark: str = "") -> int:
        """Return the bytes that came from addresses with *mark* in them."""
        return sum(size for address, size in self.loaded if mark in address)


@asynccontextmanager
async def watched(browser: Browser) -> AsyncIterator[Watched]:
    context = await browser.new_context(viewport=VIEWPORT, locale="en-GB")
    page = await context.new_page()
    await page.add_init_script(player_page.LOOK)
    cdp = await context.new_cdp_session(page)
    await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    await cdp.send("Network.enable")
    yield Watched(page, cdp)
    await context.close()


@dataclass(frozen=True, slots=True)
class Way:
    """
    A way to show the session. *ready* goes to the same origin before, and returns the address.

    *opened* is a script that returns when the moment is shown, and *told* what it is told besides.
    """

    ready: Callable[[Page], Awaitable[str]]
    seek: str
    mark: str  # of the addresses of recordings
    opened: str = "([, , tick]) => untilShown(tick)"
    told: dict[str, Any] | None = None


async def measure(
    browser: Browser, way: Way, found: Measured, ticks: Ticks, at: int, seeks: Sequence[int]
) -> None:
    """Open the session by *way* at *at*, go to *seeks*, and note in *found* what that took."""
    async with watched(browser) as seen:
        address = await way.ready(seen.page)
        seen.loaded.clear()
        before = await seen.cpu_ms()
        await seen.page.goto(address, wait_until="commit")
        shown = seen.page.evaluate(way.opened, [way.told, at, ticks.at(at)])
        found.open_ms.append(await asyncio.wait_for(shown, WAIT_MS / 1000))
        found.open_cpu_ms.append(await seen.cpu_ms() - before)
        await asyncio.sleep(2)  # what comes after the first picture is not the seeks'
        found.recording_bytes.append(seen.bytes(way.mark))
        found.all_bytes.append(seen.bytes())
        seen.loaded.clear()
        await seen.page.evaluate("window.longest = 0")
        before = await seen.cpu_ms()
        for moment in seeks:
            took = seen.page.evaluate(way.seek, [moment, ticks.at(moment)])
            found.seek_ms.append(await asyncio.wait_for(took, WAIT_MS / 1000))
        found.seek_cpu_ms.append((await seen.cpu_ms() - before) / max(1, len(seeks)))
        found.seek_bytes.append(seen.bytes(way.mark))
        found.longest_ms.append(await seen.page.evaluate("longest"))


def peer_app(recording: bytes) -> web.Application:
    """Return the site that shows the whole *recording* (JSON) by rrweb-player."""
    folder = ROOT / "node_modules" / "rrweb-player" / "dist"
    packed = gzip.compress(recording, 6)

    async def events(_: web.Request) -> web.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=packed, headers=headers)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=player_page.PEER, content_type="text/html")

    async def blank(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html>", content_type="text/html")

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "rrweb-player.umd.min.cjs", headers={"Content-Type": "text/javascript"})  # fmt: skip

    async def style(_: web.Request) -> web.FileResponse:
        return web.FileResponse(folder / "style.min.css")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/blank", blank)
    app.router.add_get("/events", events)
    app.router.add_get("/player.js", script)
    app.router.add_get("/style.css", style)
    return app


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve *app* on a port of this machine; give its origin."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def run(options: argparse.Namespace, say: Callable[[str], None]) -> bool:
    """Measure and *say* the figures; return whether the goals that no other work disturbs are reached."""
    built(ROOT / "replay" / "player" / "build.mjs", PLAYER / "stage.js")
    chromium = find_chromium()
    if chromium is None:
        say("no Chromium on PATH; `make setup` installs it")
        return False
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        events = await _events(browser, options)
        with tempfile.TemporaryDirectory() as folder:
            async with running_console(Path(folder) / "data", player=PLAYER) as console:
                await console.store.add_site(shop())
                await store(console, events)
                fine = await _compared(browser, console, events, options, say)
        await browser.close()
    return fine


async def _events(browser: Browser, options: argparse.Namespace) -> Events:
    """Return the recording, and keep it where that is wished."""
    known = await asyncio.to_thread(_kept, options.recording)
    if known is not None:
        return known
    events = await recorded(browser, options.steps, options.minutes * 60_000 / options.steps)
    if options.recording is not None:
        await asyncio.to_thread(options.recording.write_bytes, orjson.dumps(events))
    return events


def _kept(path: Path | None) -> Events | None:
    if path is None or not path.is_file():
        return None
    found: Events = orjson.loads(path.read_bytes())
    return found


async def _compared(
    browser: Browser, console: Running, events: Events, options: argparse.Namespace, say: Callable[[str], None]
) -> bool:  # fmt: skip
    whole = await load_recording(console.store, SESSION, "load-1")
    assert whole is not None
    keyframes = await console.store.keyframes(SESSION, "load-1")
    recording = orjson.dumps(whole.events)
    say(
        f"{events[-1]['timestamp'] / 60_000:.0f} minutes, {len(events):,} events, {len(keyframes)} keyframes,"
        f" {len(recording) / 1e6:.1f} MB JSON"
    )
    at = flag_at(events) - OPENED_BEFORE_MS
    ticks, chance = Ticks(events), random.Random(50)
    flag = (await console.store.flags(SESSION))[0].id
    page, stage, peer = Measured("Stolper, the page"), Measured("its stage alone"), Measured(PEER)
    async with serving(peer_app(recording)) as origin:

        async def signed_in(opened: Page) -> str:
            await sign_in(opened, console)
            return f"{console.url}/sessions/{SESSION}?flag={flag}"

        timeline: dict[str, Any] = {}

        async def on_stage(opened: Page) -> str:
            await sign_in(opened, console)
            answer = await opened.request.get(f"{console.url}/sessions/{SESSION}/timeline")
            timeline.update(await answer.json())
            return console.url + str(timeline["stage"])

        async def blank(opened: Page) -> str:
            await opened.goto(f"{origin}/blank")
            return f"{origin}/?at={at}"

        ways = (
            (Way(signed_in, player_page.SEEK_OURS, "/loads/"), page),
            (
                Way(on_stage, player_page.SEEK_STAGE, "/loads/", player_page.OPEN_STAGE, timeline),
                stage,
            ),
            (Way(blank, player_page.SEEK_PEER, "/events"), peer),
        )
        for _ in range(options.rounds):
            seeks = [
                _moment(chance, ticks, int(events[-1]["timestamp"])) for _ in range(options.seeks)
            ]
            for way, found in ways:
                await measure(browser, way, found, ticks, at, seeks)
    return told(page, stage, peer, say)


def _moment(chance: random.Random, ticks: Ticks, last_ms: int) -> int:
    """Return a moment on a step of the bar at which nothing changes: of what does just then one player shows it, one not yet."""
    while True:
        at = chance.randrange(1, last_ms // STEP_MS) * STEP_MS
        if ticks.at(at - 1) == ticks.at(at):
            return at


def told(page: Measured, stage: Measured, peer: Measured, say: Callable[[str], None]) -> bool:
    """Say all figures; return whether the goals that the machine's other work does not disturb are reached."""
    median = statistics.median
    say(
        f"{'':22}{'first picture':>14}{'CPU to open':>12}{'recording':>12}{'all bytes':>12}"
        f"{'seek median':>12}{'p95':>8}{'CPU a seek':>11}{'longest task':>13}"
    )
    for one in (page, stage, peer):
        say(
            f"{one.name:22}{median(one.open_ms):11.0f} ms{median(one.open_cpu_ms):9.0f} ms"
            f"{median(one.recording_bytes) / 1000:9.0f} kB{median(one.all_bytes) / 1000:9.0f} kB"
            f"{median(one.seek_ms):9.0f} ms{p95(one.seek_ms):5.0f} ms{median(one.seek_cpu_ms):8.0f} ms"
            f"{max(one.longest_ms):10.0f} ms"
        )
    cpu, alone = (median(one.open_cpu_ms) / median(peer.open_cpu_ms) for one in (page, stage))
    size = median(page.recording_bytes) / median(peer.recording_bytes)
    seeks = median(page.seek_cpu_ms) / median(peer.seek_cpu_ms)
    say(
        f"CPU to open: {cpu:.2f} of rrweb-player's with the whole page, {alone:.2f} without it"
        f" (goal {CPU_GOAL}); bytes {size:.3f} (goal {BYTES_GOAL}); CPU a seek {seeks:.2f}"
    )
    say(
        f"first picture {median(page.open_ms):.0f} ms (goal {OPEN_GOAL_MS}), seeks p95"
        f" {p95(page.seek_ms):.0f} ms (goal {SEEK_GOAL_MS}): on a machine with nothing else to do"
    )
    return cpu <= CPU_GOAL and size <= BYTES_GOAL


def p95(values: Sequence[float]) -> float:
    """Return what 95 of 100 *values* do not exceed."""
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(run(options_of(sys.argv[1:]), print)) else 1)
