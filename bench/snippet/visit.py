"""One visit: a fresh browser context, the page, what is done on it, and what it cost."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, CDPSession

from bench.snippet.pages import SCENES, sheet
from bench.snippet.peers import NONE, STOLPER, Peer
from bench.snippet.replayed import Stolper
from bench.snippet.sink import Sink

SETTLED_S = 2.5  # after the load: each recorder has begun by then
TRACED_S = 6.0
QUIET_S = 0.8
VIEWPORT = {"width": 1200, "height": 900}


@dataclass(frozen=True)
class Cost:
    """What a visit took. Times are CPU milliseconds of the page's main thread."""

    task_ms: float
    heap: int
    sent: int
    differs: tuple[str, ...] = ()
    """Where Stolper's replay is not the page."""


@dataclass
class Tour:
    """Everything that visits share."""

    browser: Browser
    sink: Sink
    sink_url: str
    peers: dict[str, Peer]
    stay_s: float
    """How long a visit lasts after the load: longer than a recorder's period of sending."""
    origin: str = field(init=False)
    stolper: Stolper = field(init=False)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def tags(self, who: str, visit: int) -> str:
        """Return the lines that embed the recorder *who*."""
        if who == NONE:
            return ""
        if who == STOLPER:
            source = f"{self.sink_url}/stolper/s/{self.stolper.site.key}.js"
            return f'<script async src="{source}"></script>'
        where = f"<script>window.SINK='{self.sink_url}/v{visit}'</script>"
        return f'{where}<script async src="/code/{who}.js"></script>'

    def app(self) -> web.Application:
        """Return the site that is visited: /SCENE/RECORDER/VISIT."""

        async def page(request: web.Request) -> web.Response:
            scene, who, visit = (request.match_info[name] for name in ("scene", "who", "visit"))
            text = SCENES[scene].markup().replace("<!--recorder-->", self.tags(who, int(visit)))
            return web.Response(text=text, content_type="text/html")

        async def code(request: web.Request) -> web.StreamResponse:
            script = self.peers[request.match_info["who"]].script
            assert script is not None
            return web.FileResponse(script)

        async def style(request: web.Request) -> web.Response:
            return web.Response(text=sheet(int(request.match_info["nth"])), content_type="text/css")

        app = web.Application()
        app.router.add_get("/code/{who}.js", code)
        app.router.add_get(r"/sheet{nth:\d}.css", style)
        app.router.add_get(r"/{scene}/{who}/{visit:\d+}", page)
        return app

    async def visit(self, scene: str, who: str, context: BrowserContext | None = None) -> Cost:
        """Visit *scene* recorded by *who*; in *context*, if that is a second visit."""
        number = next(self.numbers)
        counted = 0 if who == STOLPER else number
        before = self.sink.sent[counted]
        own = context or await self.browser.new_context(viewport=VIEWPORT)
        page = await own.new_page()
        metrics = await own.new_cdp_session(page)
        # CPU time, not wall time: a busy machine would be counted as cost.
        await metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.goto(f"{self.origin}/{scene}/{who}/{number}", wait_until="load")
        stay = asyncio.create_task(asyncio.sleep(self.stay_s))
        await asyncio.sleep(SETTLED_S)
        await SCENES[scene].act(page)
        await stay
        task_ms, _ = await _figures(metrics)
        await metrics.send("HeapProfiler.collectGarbage")
        _, heap = await _figures(metrics)
        diary = await self.stolper.noted(page) if who == STOLPER else None
        await page.goto("about:blank")
        await self.sink.quiet(QUIET_S)
        sent = self.sink.sent[counted] - before
        differs = await self.stolper.differences(diary) if diary else ()
        await page.close()
        if context is None:
            await own.close()
        return Cost(task_ms, heap, sent, differs)

    async def longest_ms(self, scene: str, who: str) -> float:
        """Return the longest task of the load of *scene* in which code of *who* ran (CPU ms)."""
        context = await self.browser.new_context(viewport=VIEWPORT)
        page = await context.new_page()
        await self.browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
        await page.goto(f"{self.origin}/{scene}/{who}/{next(self.numbers)}", wait_until="load")
        await asyncio.sleep(TRACED_S)
        trace = json.loads(await self.browser.stop_tracing())
        await context.close()
        return longest_task_ms(trace["traceEvents"], "recorder." if who == STOLPER else "/code/")

    async def lost(self, who: str, visits: int) -> int:
        """
        Return how many of *visits* of 5 s, each ended by closing the tab, left no recording.

        Stolper has to know the click that came half a second before the end, too.
        """

        async def one() -> bool:
            number = next(self.numbers)
            context = await self.browser.new_context(viewport=VIEWPORT)
            page = await context.new_page()
            await page.goto(f"{self.origin}/static/{who}/{number}", wait_until="load")
            await asyncio.sleep(4.5)
            session = await page.evaluate("window.stolper?.('session')")
            await page.click("h1")
            await asyncio.sleep(0.5)
            await page.close(run_before_unload=True)
            await self.sink.quiet(2)
            kept = (
                await self.stolper.told_last_click(session)
                if who == STOLPER
                else self.sink.sent[number] > 2000  # an answer to the start alone is no recording
            )
            await context.close()
            return kept

        kept = 0
        for start in range(0, visits, 4):
            kept += sum(await asyncio.gather(*(one() for _ in range(min(4, visits - start)))))
        return visits - kept


async def _figures(metrics: CDPSession) -> tuple[float, int]:
    answer = await metrics.send("Performance.getMetrics")
    found = {one["name"]: one["value"] for one in answer["metrics"]}
    return found["TaskDuration"] * 1000, int(found["JSHeapUsedSize"])


def longest_task_ms(events: list[dict[str, object]], mark: str) -> float:
    """
    Return the longest task of *events* (a Chromium trace) that ran a script whose URL has *mark*.

    In CPU milliseconds of its thread; 0 if there is none.
    """
    scripts: dict[tuple[object, object], list[float]] = {}
    for event in events:
        runs = event.get("name") in ("FunctionCall", "EvaluateScript", "v8.compile")
        if runs and mark in json.dumps(event.get("args", {})):
            scripts.setdefault((event["pid"], event["tid"]), []).append(float(str(event["ts"])))
    longest = 0.0
    for event in events:
        if event.get("ph") != "X" or "RunTask" not in str(event.get("name")):
            continue
        start, length = float(str(event["ts"])), float(str(event.get("dur", 0)))
        own = scripts.get((event["pid"], event["tid"]), [])
        if any(start <= at <= start + length for at in own):
            longest = max(longest, float(str(event.get("tdur", length))) / 1000)
    return longest
