"""`stolper doctor --canary`: one marked session from the page to its replay, in real Chromium."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from core.clock import SystemClock
from core.model import SessionQuery
from stolper.doctor.canary import FLAGS, Outcome, follow
from tests.e2e.support import Stack
from tests.stolper import doctoring

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BODY = "<!doctype html><title>Shop</title><h1>Shop</h1><button>Buy</button>"

# Page: the stage where the data stop (None: they do not), and what doctor says.
EXPECTED = {
    "healthy": (None, None),
    "storage-blocked": (None, "storage"),
    "gone": ("page", "page"),
    "csp-script": ("script", "csp_script"),
    "wrong-key": ("script", "wrong_key"),
    "no-line": ("script", "no_line"),
    "held-back": ("script", "script_blocked"),
    "gzip-stripped": ("script", "script_changed"),
    "switched-off": ("script", "off"),
    "csp-connect": ("batch", "csp_connect"),
    "wrong-origin": ("batch", "origin"),
    "body-stripped": ("batch", "bad_frame"),
}


@dataclass
class Shop:
    """An owner's web site: each path is a page with one fault."""

    origin: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)

    async def page(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.lines:
            return web.Response(status=404, text="gone")
        policy = self.policies.get(name)
        headers = {"Content-Security-Policy": policy} if policy else {}
        text = BODY + self.lines[name]
        return web.Response(text=text, content_type="text/html", headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """Chromium as the command starts it, once for all pages."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", *FLAGS]
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A whole server."""
    started = Stack(tmp_path / "data")
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """The pages of EXPECTED, and two proxies that spoil what passes."""
    made = Shop()
    app = web.Application()
    app.router.add_get("/{name}", made.page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncExitStack() as proxies:
        proxies.push_async_callback(runner.cleanup)
        spoil_script = doctoring.proxy(stack.public_url, drop=("content-encoding",))
        spoil_body = doctoring.proxy(stack.public_url, body=lambda _: b"")
        no_gzip = await proxies.enter_async_context(spoil_script)
        no_body = await proxies.enter_async_context(spoil_body)
        await _furnish(made, stack, no_gzip, no_body)
        yield made


async def _furnish(shop: Shop, stack: Stack, no_gzip: str, no_body: str) -> None:
    site = await stack.site(shop.origin, name="shop")
    stranger = await stack.site("https://elsewhere.example", name="stranger")
    sandboxed = await stack.site("null", name="sandboxed")
    off = await stack.site(shop.origin, name="off")
    await stack.store.set_site_options(off.key, off.options.changed(["enabled=false"]))
    line = stack.script(site)
    shop.lines = dict.fromkeys(EXPECTED, line) | {
        "storage-blocked": stack.script(sandboxed),
        "wrong-key": line.replace(site.key, "s0000000000000000"),
        "no-line": "",
        "held-back": line.replace("<script", "<script type=text/plain"),
        "gzip-stripped": line.replace(stack.public_url, no_gzip),
        "switched-off": stack.script(off),
        "wrong-origin": stack.script(stranger),
        "body-stripped": line.replace(stack.public_url, no_body),
    }
    del shop.lines["gone"]
    shop.policies = {
        "storage-blocked": "sandbox allow-scripts",
        "csp-script": "script-src 'self'",
        "csp-connect": "connect-src 'self'",
    }


def _code(outcome: Outcome) -> str | None:
    """Return what is said: of what stopped the data, else the first note."""
    told = [*([outcome.stopped] if outcome.stopped else []), *outcome.warnings]
    return told[0].code if told else None


async def test_each_fault_stops_the_session_at_its_stage(
    browser: Browser, stack: Stack, shop: Shop
) -> None:
    """Twelve pages at once: the stage where the data stop and its cause are named for each."""

    async def visited(name: str) -> tuple[str, Outcome]:
        url = f"{shop.origin}/{name}"
        return name, await follow(browser, stack.store, SystemClock(), url, stack.public_url)

    outcomes = dict(await asyncio.gather(*map(visited, EXPECTED)))
    print()
    for name, one in outcomes.items():
        print(f"{name:16} {one.stage or '-':7} {_code(one)}")
        for told in (*([one.stopped] if one.stopped else []), *one.warnings):
            print(f"{'':24} {told.what}\n{'':24} -> {told.do}")

    assert EXPECTED == {name: (one.stage, _code(one)) for name, one in outcomes.items()}
    await _nothing_is_left(stack)


async def _nothing_is_left(stack: Stack) -> None:
    """Neither lists nor struggles nor any count know of the visits."""
    await doctoring.written(stack)

    assert 0 == await stack.store.count_sessions(SessionQuery())
    assert [] == await stack.store.struggles()
    assert 2 == await stack.store.count_sessions(SessionQuery(canary=True))
    for site in await stack.store.sites():
        health = await stack.store.health(site.key, 0)
        assert ({}, 0, ()) == (health.counts, health.sessions, health.unknown_keys)


async def test_the_command_follows_a_session_of_a_server_that_runs(
    stack: Stack, shop: Shop
) -> None:
    """In a process of its own: all six stages pass, and what is left to say is that nobody visits."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", "doctor", "--canary", f"{shop.origin}/healthy",
        "--site", "shop", "--data", str(stack.server.data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    text = out.decode()
    print(text)

    stages = ["page", "script", "batch", "store", "rule", "replay"]
    assert stages == [line.split()[1] for line in text.splitlines() if line.startswith("  ok ")]
    assert (1, True) == (process.returncode, "note    no_traffic: [shop]" in text)
