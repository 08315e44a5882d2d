"""
Put the demo together: the shop on its own port, its site, the visitors.

Owns composition only; the shop knows nothing of the server, the visitors only a URL.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from collector.identity import key_name, sign
from core.errors import UserError
from core.model import Site
from stolper.app import Server
from stolper.demo.contacts import have_contacts
from stolper.demo.faults import Faults
from stolper.demo.shop import build_shop
from stolper.folder import OWN_RULES

PROCESS = Path(__file__).with_name("order.yaml")
IDLE_TIMEOUT_MS = 60_000  # short, so that a watcher sees visits end and abandonment judged


def declare_process(data: Path) -> None:
    """Put the process of the shop among the rules of the folder *data*, unless it has rules of its own."""
    own = data / OWN_RULES
    if not own.exists():
        own.mkdir(parents=True)
        (own / PROCESS.name).write_bytes(PROCESS.read_bytes())


@asynccontextmanager
async def run_demo(
    server: Server, address: str, *, visitors: bool, log: Callable[[str], None]
) -> AsyncIterator[str]:
    """
    Serve the shop at *address* (HOST:PORT, port 0 takes a free one) and yield its URL.

    With *visitors* scripted visitors go through it until the context ends. Without Chromium
    or playwright the shop runs on without them, and *log* is told.
    """
    script, key = "", b""
    runner = web.AppRunner(
        build_shop(script_src=lambda: script, faults=Faults.all(), sign=lambda id_: sign(key, id_)),
        access_log=None,
        shutdown_timeout=2,
    )
    await runner.setup()
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    except OSError as error:
        await runner.cleanup()
        raise UserError(f"cannot listen on {address}: {error.strerror or error}") from error
    url = f"http://{host}:{runner.addresses[0][1]}"
    site = await _site(server, url)
    key = await server.store.server_key(key_name(site.key))
    script = f"{server.public_url}/s/{site.key}.js"
    await have_contacts(server.store, server.clock.now_ms())
    walking = asyncio.create_task(_walk(url, log), name="visitors") if visitors else None
    try:
        yield url
    finally:
        if walking is not None:
            walking.cancel()
            await asyncio.gather(walking, return_exceptions=True)
        await runner.cleanup()


async def _walk(url: str, log: Callable[[str], None]) -> None:
    try:
        from stolper.demo.fault_visits import MORE_JOURNEYS
        from stolper.demo.journeys import JOURNEYS
        from stolper.demo.visitors import Visitors  # playwright is an extra
    except ImportError:
        log("  no visitors: playwright is missing (pip install 'stolper[demo]')")
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    every = (*JOURNEYS, *MORE_JOURNEYS)
    await Visitors(url, chromium=chromium, log=log, journeys=every).run()


async def _site(server: Server, url: str) -> Site:
    """Return the demo shop's site, made at the first start and whenever the shop has moved."""
    origins = tuple(dict.fromkeys((url, url.replace("127.0.0.1", "localhost"))))
    known = await server.store.sites()
    for site in known:
        if site.name.startswith("demo-shop") and url in site.origins:
            return site
    taken = {site.name for site in known}
    names = ("demo-shop", *(f"demo-shop-{n}" for n in range(2, 100)))
    name = next(name for name in names if name not in taken)
    made = Site(
        key=f"sdemo{server.clock.now_ms():011x}",
        name=name,
        origins=origins,
        mode="full",
        # The shop's words are ours and its customers are scripts; inputs stay masked all the same.
        privacy="open",
        idle_timeout_ms=IDLE_TIMEOUT_MS,
        created_ms=server.clock.now_ms(),
    )
    await server.store.add_site(made)
    return made
