"""Faults that are really there: pages, proxies and disks as `stolper doctor` meets them."""

from __future__ import annotations

import io
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from collector.app import TALLY
from core.model import Site
from stolper.cli_doctor import Report, examine
from tests.collector.support import FIREFOX, body, head
from tests.e2e.support import Stack

HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def uuid7(at_ms: int) -> str:
    """Return a session id as a browser makes it whose clock says *at_ms*."""
    tail = secrets.token_hex(10)
    text = f"{at_ms:012x}7{tail[:3]}8{tail[3:6]}{tail[6:18]}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def session_head(ahead_ms: int = 0, **changes: object) -> dict[str, object]:
    """Return the head of a new session of a browser whose clock is *ahead_ms* ahead."""
    made = head(page_load=secrets.token_hex(10), **changes)
    made["session"] = uuid7(int(time.time() * 1e3) + ahead_ms)
    made["secret"] = secrets.token_urlsafe(16)
    return made


class Pages:
    """Stands for the pages of one site: fetches the loader and posts batches as browsers do."""

    def __init__(self, http: aiohttp.ClientSession, base: str, site: Site) -> None:
        self._http = http
        self._base = base
        self.site = site

    async def load(self, key: str = "", agent: str = FIREFOX) -> int:
        """Fetch the loader, by another *key* perhaps."""
        headers = {"Referer": f"{self.site.origins[0]}/", "User-Agent": agent}
        url = f"{self._base}/s/{key or self.site.key}.js"
        async with self._http.get(url, headers=headers) as answer:
            return answer.status

    async def post(self, data: bytes, origin: str = "", agent: str = FIREFOX) -> tuple[int, str]:
        """Post a batch; return the status and the code of a refusal."""
        headers = {"Origin": origin or self.site.origins[0], "User-Agent": agent}
        async with self._http.post(
            f"{self._base}/i/{self.site.key}", data=data, headers=headers
        ) as answer:
            return answer.status, str((await answer.json()).get("code", ""))

    async def visit(self, agent: str = FIREFOX, ahead_ms: int = 0, **changes: object) -> None:
        """Make one visit that arrives."""
        await self.load(agent=agent)
        status, code = await self.post(body(session_head(ahead_ms, **changes)), agent=agent)

        assert (200, "") == (status, code)


async def written(stack: Stack) -> None:
    """Have the counts of recording health written down now."""
    for runner in stack.server._runners:
        if TALLY in runner.app:
            await runner.app[TALLY].flush()


async def doctor(stack: Stack, url: str | None = None, data: Path | None = None) -> Report:
    """Return what `stolper doctor` finds on the folder of *stack*."""
    server = stack.server
    return await examine(data or server.data, server.settings, None, url, None, 86_400_000)


Change = Callable[[bytes], bytes]


@asynccontextmanager
async def proxy(
    target: str,
    *,
    body: Change | None = None,
    most: int = 100_000_000,
    drop: tuple[str, ...] = (),
    forwarded: bool = False,
) -> AsyncIterator[str]:
    """
    Run a reverse proxy before *target* and yield its address.

    *body* changes what clients send, *most* is its limit, *drop* names headers of answers that it
    loses, *forwarded*: it tells whom it stands for.
    """

    async def passed(request: web.Request) -> web.Response:
        sent = await request.read()
        if len(sent) > most:
            return web.Response(status=413, text="<h1>413 Request Entity Too Large</h1>")
        kept = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        if forwarded:
            kept["X-Forwarded-For"] = "203.0.113.7"
        async with http.request(
            request.method,
            target + request.path_qs,
            data=io.BytesIO(body(sent) if body else sent) if sent else None,
            headers={**kept, "Host": request.headers["Host"]},
        ) as answer:
            raw = await answer.read()
            told = CIMultiDict(
                (k, v) for k, v in answer.headers.items() if k.lower() not in {*HOP, *drop}
            )
            return web.Response(status=answer.status, body=raw, headers=told)

    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{path:.*}", passed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, auto_decompress=False)
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of a few *megabytes*; skip where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk (root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk of *folder* to its last block; return the file that does."""
    ballast = folder / "ballast"
    for size in (65_536, 512, 1):
        with ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


@contextmanager
def read_only(folder: Path, view: Path) -> Iterator[Path]:
    """Mount *folder* at *view* without the right to write; skip where that is not allowed."""
    view.mkdir()
    bind = ["mount", "--bind", str(folder), str(view)]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount (root)")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(view)], check=True)
        yield view
    finally:
        subprocess.run(["umount", "-l", str(view)], check=True)
