"""The same scripted visit twice: recorded by our snippet, and by rrweb alone in pages without it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext

from collector.sessions import was_left
from core.model import Site
from stolper.demo.faults import Faults
from stolper.demo.hands import Hands
from stolper.demo.journeys import PEOPLE, PEOPLE_REFUSED, Journey, Person
from stolper.demo.shop import build_shop
from tests.building import built
from tests.e2e.scenarios.pages import Serve
from tests.e2e.support import Stack, eventually

HERE = Path(__file__).parent
PACE = 0.4
SEED = 7
OUTCOME_S, SAMPLED_S = 2.7, 0.7  # rrweb tells of moves twice a second
# What only the machine's speed decides, in which the two visits differ, is no difference of the
# recordings: how long an answer took, and whether the visitor left 9 or 11 s after a message.
OF_THE_MACHINE = frozenset(
    {
        "freeze",
        "freeze_long",
        "slow_page",
        "slow_page_left",
        "slow_click",
        "slow_click_long",
        "error_exit",
    }
)


@dataclass
class Pair:
    """One visit, twice: *ours* and *theirs* are the rules that flagged it."""

    journey: Journey
    ours: set[str] = field(default_factory=set)
    theirs: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list, repr=False)
    session: str = ""
    imported: str = ""


class Stage:
    """Two shops: one embeds the snippet of a site, the other rrweb alone."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack
        self._plain = ""

    async def open(self, serve: Serve) -> None:
        """Serve the shop that embeds rrweb alone."""
        script = built(HERE / "build.mjs", HERE / "dist" / "record.js").read_text()

        async def recorder(_: web.Request) -> web.Response:
            return web.Response(text=script, content_type="text/javascript")

        shop = build_shop(script_src="/record.js", faults=Faults.all())
        shop.router.add_get("/record.js", recorder)
        self._serve = serve
        self._plain = await serve(shop)

    async def ours(self, journey: Journey) -> tuple[str, Site]:
        """Make the visit in a shop with our snippet; return its session, which has ended."""
        embed = ""
        origin = await self._serve(build_shop(script_src=lambda: embed, faults=Faults.all()))
        site = await self._stack.site(origin)
        embed = self._stack.script_src(site)
        context = await self._visitor()
        try:
            await self._visit(context, journey, origin)
        finally:
            await context.close()

        async def stored() -> Any:
            body = await self._stack.api(f"/sessions?site={site.key}")
            return body["sessions"]

        [session] = await eventually(stored, within_s=30)
        server = self._stack.server
        await server.detector.drain()
        # As it ends by itself, half an hour later.
        kind = "left" if was_left(await server.store.batches(session["id"])) else "idle"
        await server.closer.end(session["id"], kind)
        await server.detector.drain()
        return session["id"], site

    async def theirs(self, journey: Journey) -> list[dict[str, Any]]:
        """Make the visit in a shop with rrweb alone; return what that recorded."""
        events: list[dict[str, Any]] = []
        context = await self._visitor()
        await context.expose_binding("keepEvent", lambda _, text: events.append(json.loads(text)))
        try:
            await self._visit(context, journey, self._plain)
        finally:
            await context.close()
        return events

    async def _visitor(self) -> BrowserContext:
        return await self._browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="de-DE", timezone_id="Europe/Berlin"
        )

    async def _visit(self, context: BrowserContext, journey: Journey, origin: str) -> None:
        """Make the visit and leave as people do. The same seed makes the same moves."""
        page = await context.new_page()
        rng = random.Random(SEED)
        people = PEOPLE_REFUSED if journey.refused_postcode else PEOPLE
        hands = Hands(page, origin, rng, pace=PACE, touch=False)
        await journey.visit(hands, Person("de", *people[0]))
        # The last press's outcome is final, and a sign of life tells so: where a recording ends after
        # its last event, the snippet knows of the leaving.
        await asyncio.sleep(OUTCOME_S)
        await page.mouse.move(30, 500)
        await asyncio.sleep(SAMPLED_S)
        await page.goto("about:blank")
        await asyncio.sleep(0.3)


def written(events: list[dict[str, Any]], path: Path) -> Path:
    """Write *events* as a tool would, and return where."""
    path.write_text(json.dumps(events))
    return path


def table(pairs: Sequence[Pair]) -> str:
    """Return what the two recordings of each visit were flagged with."""
    lines = [f"{'visit':16} {'both':58} {'only ours':44} only imported"]
    for pair in pairs:
        both, ours, theirs = (
            ", ".join(sorted(one)) or "-"
            for one in (pair.ours & pair.theirs, pair.ours - pair.theirs, pair.theirs - pair.ours)
        )
        lines.append(f"{pair.journey.name:16} {both:58} {ours:44} {theirs}")
    return "\n".join(lines)
