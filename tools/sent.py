"""
Writes down what this version's snippet sends, for the test that later servers still take it.

`python -m tools.sent VERSION` at each release: Chromium visits the demo shop, and every batch is kept as it
was sent. Bytes rather than the built recorder: they are what a page that was open before an upgrade, or that
carries the loader in its own bundle, puts before a server, and they need no browser to be sent again.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from core.clock import SystemClock
from core.model import SessionQuery
from core.settings import load_settings
from core.store import Store
from stolper.app import Server
from stolper.chromium import chromium_flags, find_chromium
from stolper.demo.run import run_demo
from tests.stolper.proxies import free_port, small_proxy

FOLDER = Path(__file__).parents[1] / "tests" / "collector" / "sent"

OF_THE_SERVER = {"ts", "page_load", "session"}
"""What a server adds to an event: it depends on when the batch comes."""


async def visit(page: Page, url: str) -> None:
    """Go through the shop as somebody does who struggles a little."""
    await page.goto(url)
    await page.wait_for_function("window.stolper && !window.stolper.calls")
    await page.mouse.wheel(0, 400)
    links = page.locator("main a[href]")
    await links.first.click()
    await page.wait_for_load_state()
    for nth in range(min(3, await page.locator("main button:visible").count())):
        await page.locator("main button:visible").nth(nth).click(force=True)
    fields = page.locator("input:not([type=hidden]):not([type=submit]):not([type=radio]):visible")
    if await fields.count():
        await fields.first.fill("7")
    await page.evaluate("stolper('track', 'wishlist', {ok: false, size: 3})")
    await page.evaluate("stolper('identify', 'customer-1')")
    await page.evaluate("fetch('/nowhere').catch(() => 0)")
    await page.evaluate("setTimeout(() => { throw new Error('planted') })")
    await page.wait_for_timeout(1500)
    await page.evaluate("stolper('flush')")
    await page.goto(url)
    await page.wait_for_timeout(1500)
    await page.evaluate("stolper('flush')")


async def told(store: Store) -> dict[str, Any]:
    """Return what *store* says of all sessions, but for what depends on when they came."""
    facts: dict[str, Any] = {}
    for session in await store.sessions(SessionQuery()):
        batches = await store.batches(session.id)
        facts[session.id] = {
            "attributes": {n: v for n, v in session.attributes.items() if n not in _BY_HEADER},
            "pages": session.pages,
            "identity": session.identity,
            "visitor": session.visitor,
            "gaps": [gap.kind for gap in await store.gaps(session.id)],
            "events": [
                {name: value for name, value in event.items() if name not in OF_THE_SERVER}
                for batch in batches
                for event in batch.events
            ],
            "chunks": [
                [ref.info.count, ref.info.has_snapshot] for ref in await store.chunks(session.id)
            ],
        }
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


_BY_HEADER = {"browser", "os", "device", "bot", "site"}


async def record(data: Path) -> tuple[list[bytes], dict[str, Any]]:
    """Return the batches of a visit, as sent, and what was told of them."""
    sent: list[tuple[str, bytes]] = []
    port = free_port()
    given = {
        "server.public": "127.0.0.1:0",
        "server.console": "127.0.0.1:0",
        "server.public_url": f"http://127.0.0.1:{port}",
    }
    async with Server(load_settings(data, env={}, overrides=given), data, SystemClock()) as server:
        upstream, server.public_url = server.public_url, f"http://127.0.0.1:{port}"
        async with (
            small_proxy(port, upstream, scheme="http", sent=sent),
            run_demo(server, "127.0.0.1:0", visitors=False, log=print) as shop,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(
                executable_path=find_chromium(), args=["--no-sandbox", *chromium_flags()]
            )
            await visit(await browser.new_page(), shop)
            await browser.close()
            (site,) = await server.store.sites()
            facts = {
                "key": site.key, "mode": site.mode, "privacy": site.privacy, "origin": shop,
                "sessions": await told(server.store),
            }  # fmt: skip
    return [body for path, body in sent if re.fullmatch(r"/i/[^/]+", path)], facts


def main(words: list[str]) -> int:
    """Write what the version named sends; refuse one that is there."""
    target = FOLDER / words[0]
    if target.exists():
        print(f"{target} is there already: what was released does not change", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as data:
        batches, facts = asyncio.run(record(Path(data)))
    target.mkdir(parents=True)
    for nth, batch in enumerate(batches):
        (target / f"{nth:02}.batch").write_bytes(batch)
    (target / "told.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    print(f"{target}: {len(batches)} batches, {sum(map(len, batches))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
