"""
A Stolper of one's own for one test: collector, detector and rules in a thread, on a folder that goes.

Owns the server and what came of the visit; the browser is visit.py's.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from core.clock import SystemClock
from core.errors import UserError
from core.model import Flag, SessionQuery, Site
from core.settings import load_settings
from core.site_options import SiteOptions
from stolper.app import Server
from stolper.folder import OWN_RULES
from stolper.paths import snippet_dir

T = TypeVar("T")

SITE_KEY = "reproduction"
RESULT = "STOLPER_RESULT"
"""Names a file that gets what came of a test, as JSON: `stolper reproduce --run` reads it."""
ARRIVES_S = 20


@dataclass(frozen=True, slots=True)
class Expected:
    """The flag that must not be raised again, where the pages are, and how the visit ended."""

    rule: str
    target: str | None
    page: str | None
    ending: str
    url: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Expected:
        """Return what a test says it expects; the environment's STOLPER_URL counts more than its own."""
        url = os.environ.get("STOLPER_URL") or str(given["url"])
        if urlsplit(url).scheme not in ("http", "https"):
            raise UserError(f"'{url}' is no address of a page: it begins with http:// or https://")
        ending = str(given.get("ending") or "idle")
        return cls(
            str(given["rule"]), given.get("target"), given.get("page"), ending, url.rstrip("/")
        )

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def is_met_by(self, flag: Flag) -> bool:
        """Say whether *flag* is the struggle again: the same rule, on the same target or page."""
        if flag.rule != self.rule:
            return False
        key = (flag.target or {}).get("key")
        return (
            self.page is None or flag.page == self.page or (key is not None and key == self.target)
        )


class Judge:
    """Runs a server in a thread of its own, and tells what its rules say of the visit."""

    def __init__(
        self, expected: Expected, site: Mapping[str, Any], rules: Mapping[str, str]
    ) -> None:
        if not (snippet_dir() / "manifest.json").is_file():
            raise UserError("the snippet is not built here: run `make build` (or install a wheel)")
        self._expected = expected
        self._folder = tempfile.TemporaryDirectory(prefix="stolper-reproduction-")
        data = Path(self._folder.name) / "data"
        (data / OWN_RULES).mkdir(parents=True)
        for name, text in rules.items():
            (data / OWN_RULES / Path(name).name).write_text(text, encoding="utf-8")
        settings = load_settings(
            data,
            env={},
            overrides={"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"},
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(self._start(settings, data, site))
        self.public_url = self._server.public_url

    @property
    def script(self) -> str:
        """Return the address of the loader."""
        return f"{self.public_url}/s/{SITE_KEY}.js"

    async def _start(self, settings: Any, data: Path, site: Mapping[str, Any]) -> Server:
        server = Server(settings, data)
        await server.start()
        options = SiteOptions.from_json(site.get("options") or {})
        made = Site(
            key=SITE_KEY,
            name=SITE_KEY,
            origins=(self._expected.origin,),
            mode=site.get("mode", "full"),
            privacy=site.get("privacy", "standard"),
            idle_timeout_ms=1_800_000,
            created_ms=SystemClock().now_ms(),
            options=options,
        )
        await server.store.add_site(made)
        await server.store.set_site_options(made.key, options)
        return server

    def flags(self) -> list[Flag]:
        """End what was recorded as the visit ended, once all of it has arrived, and return its flags."""
        return self._do(self._flags())

    async def _flags(self) -> list[Flag]:
        server = self._server
        for _ in range(ARRIVES_S * 10):
            sessions = await server.store.sessions(SessionQuery())
            if sessions and all([await self._left(one.id) for one in sessions]):
                break
            await asyncio.sleep(0.1)
        else:
            if not sessions:
                raise UserError(
                    "nothing of the visit was recorded: does the page refuse recording?"
                )
        found: list[Flag] = []
        for one in sessions:
            await server.detector.drain()
            await server.closer.end(one.id, self._expected.ending)
            await server.detector.drain()
            found += await server.store.flags(one.id)
        return found

    async def _left(self, session: str) -> bool:
        batches = await self._server.store.batches(session)
        loads = {batch.page_load for batch in batches}
        left = {batch.page_load for batch in batches for e in batch.events if e["type"] == "leave"}
        return loads <= left

    def close(self) -> None:
        self._do(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._folder.cleanup()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def keep_result(**facts: Any) -> None:
    """Leave what came of a test where `stolper reproduce --run` looks for it."""
    if path := os.environ.get(RESULT):
        Path(path).write_text(json.dumps(facts), encoding="utf-8")


def told(test: Callable[[], None]) -> int:
    """Run *test* and say in words what came of it; return 0 if it is mended, 1 if not, 2 if nobody knows."""
    from stolper.reproduction.visit import StillBroken

    try:
        test()
    except StillBroken as error:
        click.echo(f"Reproduced: {error}")
        return 1
    except (UserError, AssertionError) as error:
        click.echo(f"Not known: {error}")
        return 2
    click.echo("Not reproduced: the rule did not fire.")
    return 0
