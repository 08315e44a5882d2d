"""Situations of pages that the browser makes before anybody sees them, or though nobody ever does."""

from __future__ import annotations

import json

from tests.e2e.delivery.lab import Lab
from tests.e2e.delivery.situations import situation
from tests.e2e.support import eventually

AHEAD = """(async () => {
  const told = async () => (await fetch('ahead.json')).json()
  while (!await told()) await new Promise(next => setTimeout(next, 200))
  setTimeout(() => { %s }, 2500)
})()"""
"""Wait until the next page is being prerendered, then as long as a recorder needs to start."""


def early_deed(number: int) -> str:
    """Return a script that does deed *number* as soon as the page is there."""
    return f"addEventListener('load', () => deed({number}));"


def speculation(address: str) -> str:
    """Return rules that let the browser prerender *address*."""
    rules = {"prerender": [{"source": "list", "urls": [address], "eagerness": "immediate"}]}
    return f'<script type="speculationrules">{json.dumps(rules)}</script>'


@situation("prerendered, then shown")
async def prerendered(lab: Lab) -> None:
    """The page knows that it was made ahead; it is told from when it is shown."""
    first, second = lab.promise(2)
    shown = lab.url(
        "next",
        script="const early = document.prerendering; addEventListener('load', () => {"
        f"deed({second}); stolper('track', early ? 'ahead' : 'not ahead') }})",
    )
    script = early_deed(first) + AHEAD % f"location.href = {json.dumps(shown)}"
    async with lab.plain(lab.url("first", head=speculation(shown), script=script)):
        assert await lab.all_stored(60)
        sessions = await lab.sessions()
        events = [e for s in sessions for e in await lab.world.stack.events(s["id"])]
        names = {event["name"] for event in events if event["type"] == "custom"}
        views = [event["path"].rsplit("/", 1)[1] for event in events if event["type"] == "page"]

        assert {"deed", "ahead"} == names
        assert ["first", "next"] == views


@situation("prerendered, never shown")
async def never_shown(lab: Lab) -> None:
    [first] = lab.promise(1)
    ahead = lab.url("next")
    script = early_deed(first) + AHEAD % "stolper('track', 'waited')"
    async with lab.plain(lab.url("first", head=speculation(ahead), script=script)):

        async def waited() -> bool:
            sessions = await lab.sessions()
            events = [e for s in sessions for e in await lab.world.stack.events(s["id"])]
            return "waited" in {event.get("name") for event in events}

        await eventually(waited, within_s=60)
        [session] = await lab.sessions()

        assert 1 == session["pages"]
