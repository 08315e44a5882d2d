"""The demo shop with chosen defects, recorded by a server of Stolper's, and the visits to each defect."""

from __future__ import annotations

import random
from dataclasses import dataclass

from collector.sessions import was_left
from core.model import Flag, SessionQuery, Site
from stolper.demo.browsers import Browsers
from stolper.demo.fault_visits import FAULT_VISITS
from stolper.demo.faults import FAULTS, Faults
from stolper.demo.hands import Hands
from stolper.demo.journeys import PEOPLE, PEOPLE_REFUSED, Person
from stolper.demo.shop import build_shop
from tests.e2e.conftest import Serve
from tests.e2e.support import Stack, eventually

RULES = {fault.name: fault.rule for fault in FAULTS}
PACE = 1.0
OUTCOME_S = 2.7
SIZES = {False: (1366, 768), True: (390, 844)}


@dataclass
class PlantedShop:
    """The shop with one set of defects, and the site that records it."""

    stack: Stack
    origin: str
    site: Site

    async def visit(
        self, browsers: Browsers, fault: str, *, touch: bool = False, pace: float = PACE
    ) -> str:
        """Make the visit to *fault* as a person would; return its session, which has ended."""
        rng = random.Random(3)
        width, height = SIZES[touch]
        context = await browsers.context(width=width, height=height, locale="de-DE", touch=touch)
        try:
            page = await context.new_page()
            hands = Hands(page, self.origin, rng, pace=pace, touch=touch)
            people = PEOPLE_REFUSED if fault == "form_refuses_valid" else PEOPLE
            await FAULT_VISITS[fault](hands, Person("de", *people[0]))
            await page.wait_for_timeout(OUTCOME_S * 1000)
            await page.goto("about:blank")
            session = str(await eventually(self._left, within_s=30))
        finally:
            await context.close()
        await self.stack.server.detector.drain()
        # As if the tab had stayed open: who leaves at once is told by other rules (error_exit).
        await self.stack.server.closer.end(session, "idle")
        await self.stack.server.detector.drain()
        return session

    async def _left(self) -> str | None:
        """Return the newest visit once its last page was told to be left."""
        [newest, *_] = (await self.stack.store.sessions(SessionQuery(site=self.site.key))) or [None]
        if newest is None or newest.ended_ms is not None:
            return None
        return newest.id if was_left(await self.stack.store.batches(newest.id)) else None

    async def flags(self, session: str) -> list[Flag]:
        return await self.stack.store.flags(session)


async def planted(stack: Stack, serve: Serve, *faults: str) -> PlantedShop:
    """Serve the shop with only *faults*."""
    embed = ""
    origin = await serve(build_shop(script_src=lambda: embed, faults=Faults.of(faults)))
    site = await stack.site(origin, privacy="standard")
    embed = stack.script_src(site)
    return PlantedShop(stack, origin, site)
