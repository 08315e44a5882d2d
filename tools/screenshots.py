"""
Make pictures of every page of the console, in two widths, two languages, light and dark.

Run by `make screenshots` (about a quarter of an hour): scripted visitors go through the demo shop first, so that
there is something to see. Everything goes into build/screenshots/ with an index.html of all, and what the README
and the docs show into docs/pictures/. `python -m tools.screenshots player struggles 360 dark` makes only pages
whose name has one of these words in it, and only those of that width, language (en, de) or look (light, dark).
"""

from __future__ import annotations

import asyncio
import html
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

from playwright.async_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    ViewportSize,
    async_playwright,
)

from core.clock import SystemClock
from core.contacts import ContactQuery
from core.model import Session, SessionQuery
from core.settings import load_settings
from core.triage import TriageChange
from stolper.app import Server
from stolper.chromium import chromium_flags, find_chromium
from stolper.demo.run import declare_process, run_demo
from tools.shots import EMPTY, SETTLE_MS, SHOTS, WAITING, Shot
from tools.week import PastClock, fill, outlet_shop, stranger, walking, work

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "screenshots"
PICTURES = ROOT / "docs" / "pictures"

WIDTHS = {1440: 900, 360: 740}
DOCS: ViewportSize = {"width": 1200, "height": 720}
DOCS_BYTES = 150_000
KINDS = {"1440", "360", "en", "de", "light", "dark"}

LISTEN = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
SETTINGS = {
    **LISTEN,
    "alerts.to": ["team=mailto:team@example.org", "tickets=http://127.0.0.1:9/hooks/stolper"],
    "alerts.secret": "only for pictures, and nothing hears it",
    "mail.host": "127.0.0.1",
    "mail.port": 9,
    "mail.sender": "stolper@example.org",
}
"""Destinations at which nobody listens: a message that does not arrive is a state, too."""


async def _mended(server: Server) -> str:
    """Let somebody have said two days ago that a struggle is gone; return which."""
    struggles = await server.store.struggles(limit=100)
    key = next(one.key for one in struggles if one.rule == "coupon_retry" or one.sessions == 2)
    at_ms = SystemClock().now_ms() - 2 * 86_400_000
    await server.store.set_triage([key], TriageChange("resolved"), who="owner", at_ms=at_ms)
    return key


async def names_of(server: Server) -> dict[str, str]:
    """Return what the addresses of SHOTS name: sessions of several kinds, a flag, a struggle, sites."""
    session = await _flagged(server, "rage_click")
    failing = await _flagged(server, "payment_decline_repeat")
    struggles = await server.store.struggles(limit=100)
    struggle = next(one for one in struggles if one.rule == "rage_click")
    on_the_way = next(one for one in struggles if "/checkout/" in (one.page or ""))
    every = await server.store.sessions(SessionQuery(limit=100))
    masked = next(one for one in every if one.site == "soutlet" and one.pages > 3)
    return {
        "session": session.id,
        "flag": await _flag(server, session, "rage_click"),
        "struggle": struggle.key,
        "on_the_way": on_the_way.key,
        "now": str(SystemClock().now_ms()),
        "mended": await _mended(server),
        "site": session.site,
        "waiting": "swaiting",
        "erring": (await _flagged(server, "error_click")).id,
        "failing": failing.id,
        "refused": await _flag(server, failing, "payment_decline_repeat"),
        "running": next(one.id for one in every if one.ended_ms is None),
        "masked": masked.id,
        "path": masked.last_path or "",
        "contact": (await server.store.contacts(ContactQuery(limit=1)))[0].id,
    }


async def _flag(server: Server, session: Session, rule: str) -> str:
    return next(one.id for one in await server.store.flags(session.id) if one.rule == rule)


async def _flagged(server: Server, rule: str) -> Session:
    """Return the newest session that *rule* has flagged, of a desktop if there is one."""
    found = await server.store.sessions(SessionQuery(rule=rule, limit=20))
    found.sort(key=lambda one: one.attributes.get("device") != "desktop")
    if not found:
        raise SystemExit(f"no visit was flagged by {rule}: is the snippet built?")
    return found[0]


async def signed_in(browser: Browser, server: Server, width: int, scheme: str) -> BrowserContext:
    """Return a context of *width* in which the owner is signed in."""
    context = await browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    page = await context.new_page()
    await page.goto(server.console_url)
    await page.fill("input[name=password]", server.owner_password or "")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url("**/overview")
    await page.close()
    return context


async def photograph(
    context: BrowserContext, base: str, shot: Shot, names: dict[str, str], language: str, out: Path
) -> None:
    """Make the picture *out* of *shot*. What does not come to be is told, and left out."""
    page = await context.new_page()
    try:
        path, mark, place = shot.path.format(**names).partition("#")
        await page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}{mark}{place}")
        if shot.act is not None:
            await shot.act(page)
        await page.wait_for_timeout(SETTLE_MS)
        await page.screenshot(path=out, full_page=not shot.of_screen)
        if shot.docs and out.name.endswith("-1440-en-light.png"):
            await for_docs(page, PICTURES / f"{shot.name}.png")
    except Error as error:
        print(f"  {out.name}: {str(error).splitlines()[0]}")
    finally:
        await page.close()


async def for_docs(page: Page, out: Path) -> None:
    """Make the picture *out* of what *page* shows at first, small enough to stand beside a text."""
    await page.set_viewport_size(DOCS)
    await page.wait_for_timeout(SETTLE_MS)
    size = len(await page.screenshot(path=out))
    if size > DOCS_BYTES:
        print(f"  {out.name}: {size} bytes are more than {DOCS_BYTES}")


def index(folder: Path) -> None:
    """Write index.html: all pictures of *folder*, so that one can look through them."""
    figures = "".join(
        f'<figure><a href="{one.name}"><img src="{one.name}" width="330" loading="lazy" alt=""></a>'
        f"<figcaption>{html.escape(one.stem)}</figcaption></figure>"
        for one in sorted(folder.glob("*.png"))
    )
    style = "body{font:13px system-ui;display:flex;flex-wrap:wrap;gap:12px;background:#888}figure{margin:0}"
    (folder / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><style>{style}</style>{figures}", encoding="utf-8"
    )


def looks(words: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return the widths, looks and languages that *words* ask for."""
    wanted = {word for word in words if word in KINDS}
    every = product(WIDTHS, ("light", "dark"), ("en", "de"))
    return [one for one in every if wanted <= {str(one[0]), *one[1:]}]


async def shoot(
    browser: Browser,
    server: Server,
    shots: Sequence[Shot],
    names: dict[str, str],
    words: Sequence[str],
) -> int:
    """Make all pictures of *shots* that *words* ask for; return how many."""
    named = [word for word in words if word not in KINDS]
    chosen = [one for one in shots if not named or any(word in one.name for word in named)]
    for width, scheme, language in looks(words) if chosen else []:
        context = await signed_in(browser, server, width, scheme)
        for shot in chosen:
            out = OUT / f"{shot.name}-{width}-{language}-{scheme}.png"
            await photograph(context, server.console_url, shot, names, language, out)
        await context.close()
    return len(chosen) * len(looks(words))


@asynccontextmanager
async def running(clock: PastClock | None = None) -> AsyncIterator[Server]:
    """Run a server on a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(Path(folder), env={}, overrides=SETTINGS if clock else LISTEN)
        declare_process(Path(folder))
        async with Server(settings, Path(folder), clock) as server:
            yield server


@asynccontextmanager
async def worked_in(
    browser: Browser, chromium: str
) -> AsyncIterator[tuple[Server, dict[str, str]]]:
    """Run a server with a week of visits, and what the owner made of them; yield the names of SHOTS, too."""
    clock = PastClock()
    async with (
        running(clock) as server,
        run_demo(server, "127.0.0.1:0", visitors=False, log=print) as shop,
        outlet_shop(server) as outlet,
    ):
        await fill(server, clock, chromium, shop, outlet)
        await stranger(server, chromium)
        async with walking(chromium, shop):
            await asyncio.sleep(20)  # until there is something to see of it
            names = await names_of(server)
            context = await signed_in(browser, server, 1440, "light")
            keys = [one.key for one in await server.store.struggles(limit=3)]
            page = await context.new_page()
            await work(page, server.console_url, names["session"], names["flag"], keys)
            await context.close()
            yield server, names


async def main(words: Sequence[str]) -> None:
    """Photograph an empty server, one that waits for its first visit, then one with a week of visits."""
    chromium = find_chromium()
    assert chromium, "no Chromium; `make setup` installs it"
    OUT.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", *chromium_flags()]
        )
        async with running() as server:
            made = await shoot(browser, server, EMPTY, {}, words)
            names = {"waiting": (await stranger(server, chromium)).key}
            made += await shoot(browser, server, WAITING, names, words)
        async with worked_in(browser, chromium) as (server, names):
            made += await shoot(browser, server, SHOTS, names, words)
        await browser.close()
    index(OUT)
    print(f"{made} pictures in {OUT.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
