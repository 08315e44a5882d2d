"""
Make pictures of every page of the console, in two widths, two languages, light and dark.

Run by `make screenshots` (about five minutes): scripted visitors go through the demo shop first, so that there
is something to see. Everything goes into build/screenshots/ with an index.html of all, and what the README and
the docs show into docs/pictures/. `python -m tools.screenshots player struggles 360 dark` makes only pages whose
name has one of these words in it, and only those of that width, language (en, de) or look (light, dark).
"""

from __future__ import annotations

import asyncio
import html
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

from core.model import Session, SessionQuery
from core.settings import load_settings
from stolper.app import Server
from stolper.chromium import chromium_flags, find_chromium
from stolper.demo.browsers import Browsers
from stolper.demo.journeys import JOURNEYS
from stolper.demo.run import declare_process, run_demo
from stolper.demo.visitors import Visitors

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "screenshots"
PICTURES = ROOT / "docs" / "pictures"

WIDTHS = {1440: 900, 360: 740}
VISITS = ("rage_clicker", "error_meeter", "card_declined", "buyer", "browser", "address_refused")
KINDS = {"1440", "360", "en", "de", "light", "dark"}
SETTLE_MS = 700

Act = Callable[[Page], Awaitable[None]]


async def _nothing(page: Page) -> None:
    await page.wait_for_timeout(SETTLE_MS)


async def _played(page: Page) -> None:
    """Let the player show its moment, and play a little into it."""
    await page.wait_for_selector('#stage-box[data-view="shown"]', timeout=20_000)
    await page.keyboard.press("k")
    await page.wait_for_timeout(6_500)
    await page.keyboard.press("k")


async def _help(page: Page) -> None:
    await page.wait_for_selector('#stage-box[data-view="shown"]', timeout=20_000)
    await page.keyboard.press("?")
    await page.wait_for_timeout(SETTLE_MS)


def _drawer(key: str) -> Act:
    async def opened(page: Page) -> None:
        await page.wait_for_selector('#stage-box[data-view="shown"]', timeout=20_000)
        await page.keyboard.press(key)
        await page.wait_for_timeout(SETTLE_MS)

    return opened


async def _menu(page: Page) -> None:
    await page.click("details.menu summary")
    await page.wait_for_timeout(200)


async def _nobody(page: Page) -> None:
    await page.context.clear_cookies(name=re.compile(".*stolper$"))
    await page.reload()


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: a page by its address, and what is done on it first. *docs*: the docs show it."""

    name: str
    path: str
    act: Act = _nothing
    docs: bool = False


SHOTS = (
    Shot("overview", "/overview", docs=True),
    Shot("overview-menu", "/overview", _menu),
    Shot("sessions", "/sessions", docs=True),
    Shot("sessions-none", "/sessions?rule=custom_error&flagged=no"),
    Shot("player", "/sessions/{session}?flag={flag}", _played, docs=True),
    Shot("player-keys", "/sessions/{session}?flag={flag}", _help),
    Shot("processes", "/processes"),
    Shot("process", "/processes/order"),
    Shot("struggles", "/struggles", docs=True),
    Shot("struggle", "/struggles/{struggle}"),
    Shot("struggle-silence", "/struggles/{struggle}/silence"),
    Shot("caller", "/find"),
    Shot("caller-found", "/find?q=14:10 checkout phone"),
    Shot("transcript", "/sessions/{session}/transcript", docs=True),
    Shot("reproduction", "/sessions/{session}/reproduction"),
    Shot("player-console", "/sessions/{session}?flag={flag}", _drawer("c")),
    Shot("player-network", "/sessions/{session}?flag={flag}", _drawer("n")),
    Shot("player-dom", "/sessions/{session}?flag={flag}", _drawer("d")),
    Shot("alerts", "/alerts"),
    Shot("digest", "/digest"),
    Shot("rules", "/rules"),
    Shot("rule", "/rules/rage_click"),
    Shot("rule-change", "/rules/rage_click/change"),
    Shot("rule-edit", "/rules/edit"),
    Shot("sites", "/sites"),
    Shot("health", "/sites/{site}/health"),
    Shot("add-site", "/sites/add"),
    Shot("connect", "/sites/{site}/connect"),
    Shot("alerts", "/alerts"),
    Shot("alert", "/alerts/new?kind=count"),
    Shot("digest", "/digest"),
    Shot("people", "/people"),
    Shot("audit", "/audit"),
    Shot("lost", "/nothing-is-here"),
    Shot("sign-in", "/sites", _nobody),  # the last: nobody is signed in afterwards
)


EMPTY = (
    Shot("empty-overview", "/overview"),
    Shot("empty-sessions", "/sessions"),
    Shot("empty-struggles", "/struggles"),
    Shot("empty-sites", "/sites"),
)
"""Of a server that nobody has visited, and that has no site yet."""


async def names_of(server: Server) -> dict[str, str]:
    """Return what the addresses of SHOTS name: a flagged session, its flag, its struggle, its site."""
    session = await _flagged(server)
    (flag, *_) = await server.store.flags(session.id)
    (struggle, *_) = await server.store.struggles(limit=1)
    return {"session": session.id, "flag": flag.id, "struggle": struggle.key, "site": session.site}


async def _flagged(server: Server) -> Session:
    """Return a session with a rage click, as soon as there is one."""
    for _ in range(300):
        found = await server.store.sessions(SessionQuery(rule="rage_click", limit=1))
        if found:
            return found[0]
        await asyncio.sleep(0.1)
    raise SystemExit("no visit was flagged: is the snippet built?")


async def visit(chromium: str, shop: str) -> None:
    """Let scripted visitors go through the shop, two at a time."""
    chosen = [one for one in JOURNEYS if one.name in VISITS]
    visitors = Visitors(shop, chromium=chromium, log=print, seed=7, pace=0.5)
    async with Browsers(chromium) as browsers:
        for pair in zip(chosen[::2], chosen[1::2], strict=True):
            await asyncio.gather(*(visitors.visit(browsers, one) for one in pair))


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
        path = shot.path.format(**names)
        await page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}")
        await shot.act(page)
        player = shot.name.startswith("player")
        await page.screenshot(path=out, full_page=not player)
    except Error as error:
        print(f"  {out.name}: {str(error).splitlines()[0]}")
    finally:
        await page.close()


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
            if shot.docs and out.is_file() and (width, scheme, language) == (1440, "light", "en"):
                shutil.copy(out, PICTURES / f"{shot.name}.png")
        await context.close()
    return len(chosen) * len(looks(words))


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
    """Run a server on a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        addresses = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
        settings = load_settings(Path(folder), env={}, overrides=addresses)
        declare_process(Path(folder))
        async with Server(settings, Path(folder)) as server:
            yield server


async def main(words: Sequence[str]) -> None:
    """Photograph an empty server, then one with a demo shop that a few visitors have been to."""
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
        async with (
            running() as server,
            run_demo(server, "127.0.0.1:0", visitors=False, log=print) as shop,
        ):
            await visit(chromium, shop)
            made += await shoot(browser, server, SHOTS, await names_of(server), words)
        await browser.close()
    index(OUT)
    print(f"{made} pictures in {OUT.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
