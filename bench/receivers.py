"""
The receivers that the bench of ingest compares: `python -m bench.receivers NAME FOLDER`.

Each runs in a process of its own, prints its port, and stops when its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from aiohttp import web

import collector.app
from bench.batches import KEY, ORIGIN
from core.clock import SystemClock
from core.model import Site
from core.settings import load_settings
from core.sqlite import SqliteStore

BARE, AIOHTTP, OWN = "bare", "aiohttp", "own"
"""Reads the body and answers, nothing else · the collector by aiohttp · by its own protocol."""

# One machine is all visitors here. The limits are counted, and not reached.
_LIMITS = {
    "collector.site_batches_per_s": 10**9,
    "collector.address_batches_per_s": 10**9,
    "collector.site_sessions_per_min": 10**9,
    "collector.address_sessions_per_min": 10**9,
}


@asynccontextmanager
async def _bare(_: Path) -> AsyncIterator[web.AppRunner]:
    async def post(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b'{"ok":true}', content_type="application/json")

    app = web.Application()
    app.router.add_post("/i/{key}", post)
    yield web.AppRunner(app, access_log=None)


@asynccontextmanager
async def _collector(folder: Path, *, own: bool) -> AsyncIterator[web.AppRunner]:
    clock = SystemClock()
    store = SqliteStore(folder, clock)
    await store.open()
    await store.add_site(Site(KEY, "bench", (ORIGIN,), "full", "standard", 1_800_000, 0))
    settings = load_settings(folder, overrides={**_LIMITS, "collector.own_protocol": own})
    app = collector.app.build_app(
        store,
        clock,
        settings,
        snippet_dir=folder,
        on_stored=lambda _: None,
        watched=lambda _: False,
    )
    yield collector.app.runner(app)
    await store.close()


async def main(name: str, folder: Path) -> None:
    """Run the receiver *name* with its data in *folder*."""
    made = _bare(folder) if name == BARE else _collector(folder, own=name == OWN)
    async with made as runner:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
