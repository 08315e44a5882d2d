"""A rule without hits shows the sessions that it almost flagged."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import aiohttp

from tests.console.support import Visit, running_console, shop

RULE = """\
version: 1
rules:
  - id: help_wanted
    title: Help wanted
    match: {event: custom, where: {name: help}, times: 3, within: 1m}
tests:
  - {rule: help_wanted, name: thrice, events: [{at: 0s, event: custom, name: help, x: 3, every: 1s}], expect: [{}]}
  - {rule: help_wanted, name: never, events: [{at: 0s, event: page}], expect: []}
"""


async def test_near_misses_are_shown_with_what_was_missing(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """Sessions that met a part are listed with what was missing, opened before it; others are not."""
    data = tmp_path / "data"
    (data / "rules").mkdir(parents=True)
    (data / "rules" / "mine.yaml").write_text(RULE)
    async with running_console(data) as console:
        await console.store.add_site(shop())
        await console.sign_in(http)

        async def text_of(path: str) -> str:
            async with http.get(console.url + path) as answer:
                assert 200 == answer.status
                return unescape(await answer.text())

        assert "No session to look at" in await text_of("/rules/help_wanted/near")
        await Visit(console.store, "far").send([{"t": 0, "type": "page"}])
        assert "No session came near" in await text_of("/rules/help_wanted/near")
        await Visit(console.store, "near").send(
            [
                {"t": 0, "type": "page"},
                {"t": 20_000, "type": "custom", "name": "help"},
                {"t": 22_000, "type": "custom", "name": "help"},
            ]
        )
        assert 'href="/rules/help_wanted/near"' in await text_of("/rules/help_wanted")
        page = await text_of("/rules/help_wanted/near")

    assert "It came less often than the rule asks for." in page
    assert "at most 2 of 3 came" in page
    assert "/sessions/near?at=15000" in page
    assert "/sessions/far" not in page
    assert "of the newest 2 sessions" in page
