"""
Make docs/screenshot.png: a real visit to the demo shop, flagged, opened in the console.

Run by `make screenshot`; takes about half a minute.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from core.model import SessionQuery
from core.settings import load_settings
from stolper.app import Server
from stolper.chromium import chromium_flags, find_chromium
from stolper.demo.run import run_demo

OUT = Path(__file__).parent.parent / "docs" / "screenshot.png"


async def visit(browser: Browser, shop: str) -> None:
    """Look around, then hammer on "buy now", which nobody has connected."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(f"{shop}/en/category/packs")
    await page.wait_for_timeout(2_500)
    await page.goto(f"{shop}/en/product/kar-28")
    await page.wait_for_timeout(4_000)
    for _ in range(5):
        await page.click("#buy-now")
        await page.wait_for_timeout(150)
    await page.wait_for_timeout(3_500)
    await page.evaluate("window.stolper('flush')")
    await page.close()


async def picture(browser: Browser, server: Server, out: Path, *, locale: str = "en-GB") -> None:
    """Sign in, open the newest flagged session at its flag and photograph the page."""
    (session, *_) = await server.store.sessions(SessionQuery(flagged=True, limit=1))
    (flag, *_) = await server.store.flags(session.id)
    context = await browser.new_context(
        viewport={"width": 1440, "height": 860}, locale=locale, color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(server.console_url)
    await page.fill("input[name=password]", server.owner_password or "")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(re.compile("sessions"))
    await page.goto(f"{server.console_url}/sessions/{session.id}?flag={flag.id}")
    await page.wait_for_timeout(3_000)
    await page.keyboard.press("k")  # it waits five seconds before the flag: play up to it
    await page.wait_for_timeout(6_500)
    await page.screenshot(path=out)
    await context.close()


async def main(out: Path) -> None:
    """Run the demo without its visitors, make one visit, take the picture."""
    chromium = find_chromium()
    assert chromium, "no Chromium; `make setup` installs it"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        addresses = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
        settings = load_settings(data, env={}, overrides=addresses)
        async with (
            Server(settings, data) as server,
            run_demo(server, "127.0.0.1:0", visitors=False, log=print) as shop,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", *chromium_flags()]
            )
            await visit(browser, shop)
            for _ in range(100):
                if await server.store.count_sessions(SessionQuery(flagged=True)):
                    break
                await asyncio.sleep(0.1)
            await picture(browser, server, out)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))
