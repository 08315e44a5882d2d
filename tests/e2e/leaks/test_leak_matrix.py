"""
The leak matrix: classes of places by presets.

What left the browser, the whole data folder, the logs, what the API gives out and what stays in
the browser are searched, everything inflated: what the table releases is found, nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from playwright.async_api import Browser

import stolper.app
from core.model import Privacy
from stolper.leaktest.relay import Relay
from stolper.leaktest.search import folder
from stolper.paths import snippet_dir
from tests.e2e.conftest import Serve
from tests.e2e.leaks.table import PRESETS, markdown, places
from tests.e2e.leaks.visit import HANDS, OPTIONS, Found, application, find, visit
from tests.e2e.support import Stack

DOCS = Path(__file__).parents[3] / "docs" / "privacy.md"
ROOT = Path(__file__).parents[3]


Source = list[tuple[str, bytes]]


async def visits(
    presets: tuple[Privacy, ...], data: Path, browser: Browser, serve: Serve
) -> dict[str, Source]:
    """Visit a site of each preset at once, stop the server, and return all that is left, by source."""
    stack = Stack(data)
    await stack.start()
    relays = [Relay(stack.public_url) for _ in presets]
    scripts: dict[str, str] = {}
    origin = (await serve(application(scripts))).replace("127.0.0.1", "localhost")
    jobs = []
    try:
        for preset, relay in zip(presets, relays, strict=True):
            site = await stack.site(origin, privacy=preset)
            await stack.store.set_site_options(site.key, OPTIONS)
            address = await relay.start()
            scripts[preset] = f'<script async src="{address}/s/{site.key}.js"></script>'
            jobs.append(visit(stack, browser, origin, relay, preset))
        left = await asyncio.gather(*jobs)
        stored = list(folder(data))  # while it runs: the write-ahead log counts
    finally:
        for relay in relays:
            await relay.stop()
        await stack.stop()
    sources = {name: [part for one in left for part in one[name]] for name in left[0]}
    return sources | {"stored": [*stored, *folder(data)]}


def wrong(found: dict[str, Found], presets: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return what was *found* and should not be, and what should be found and was not."""
    leaks: list[str] = []
    missing: list[str] = []
    for source, here in found.items():
        for preset, place in product(presets, places()):
            got = here.get((preset, place.name), set())
            released = preset in place.released or (place.sent and source == "sent")
            if got and not released:
                leaks.append(f"{preset}: {place.name}, {source} {sorted(got)}")
            kept = source in ("sent", "stored", "exported")
            if released and kept and len(got) < len(place.wheres):
                missing.append(f"{preset}: {place.name}, {source} has only {sorted(got)}")
    return leaks, missing


def matrix(found: dict[str, Found]) -> Iterator[str]:
    """Return the lines of the matrix: found or not, in whatever source."""
    anywhere = {key for here in found.values() for key in here}
    yield f"{'':45}" + "".join(f"{preset:>10}" for preset in PRESETS)
    for place in places():
        marks = ("found" if (preset, place.name) in anywhere else "·" for preset in PRESETS)
        yield f"{place.name:45}" + "".join(f"{mark:>10}" for mark in marks)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_each_preset_releases_what_the_table_says_and_nothing_else(
    tmp_path: Path, browser: Browser, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Every class under every preset: sent, stored, exported, kept in the browser and logged."""
    caplog.set_level(logging.DEBUG)
    sources = await visits(PRESETS, tmp_path / "data", browser, serve)
    sources["logs"] = [("logs", caplog.text.encode())]
    found = {name: find(parts) for name, parts in sources.items()}
    print("\n" + "\n".join(matrix(found)))

    assert ([], []) == wrong(found, PRESETS)


LEAKY = """
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
const [out] = process.argv.slice(1);
const off = { name: 'off', setup: (made) => made.onLoad({ filter: /privacy.policy\\.ts$/ }, ({ path }) => {
  const text = readFileSync(path, 'utf8');
  const contents = text.replace('text.replace(/\\\\S/g, "x")', 'text');
  if (contents === text) throw new Error('nothing was switched off');
  return { contents, loader: 'ts' };
}) };
await build({ entryPoints: ['snippet/src/recorder.ts'], bundle: true, minify: true, format: 'iife',
  outfile: out, plugins: [off], define: { __STOLPER_VERSION__: '"leaky"' }, logLevel: 'error' });
"""


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve a snippet that masks no text."""
    made = tmp_path / "leaky"
    made.mkdir()
    shutil.copy(snippet_dir() / "loader.js", made)
    names = json.loads((snippet_dir() / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(names | {"recorder": "recorder.leaky.js"}))
    subprocess.run(
        ["node", "--input-type=module", "--eval", LEAKY, str(made / "recorder.leaky.js")],
        cwd=ROOT, check=True,
    )  # fmt: skip
    monkeypatch.setattr(stolper.app, "snippet_dir", lambda: made)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_a_snippet_that_leaks_is_caught(
    tmp_path: Path, browser: Browser, serve: Serve, leaky: None
) -> None:
    """With the mask of texts switched off the search names texts, in all that is searched."""
    sources = await visits(("standard",), tmp_path / "data", browser, serve)
    leaks, _ = wrong({name: find(parts) for name, parts in sources.items()}, ("standard",))

    for source in ("sent", "stored", "exported"):
        for place in ("paragraph", "table cell", "placeholder", "data attribute", "in a heading"):
            assert any(leak.startswith(f"standard: {place}, {source}") for leak in leaks), leaks


def test_the_docs_hold_the_table() -> None:
    """docs/privacy.md shows the table that the matrix proves."""
    assert markdown() in DOCS.read_text()


def test_the_table_is_wide_and_sound() -> None:
    """Well over thirty classes, each canary unique, each hand known."""
    canaries = [p.canary(preset, w) for p in places() for preset in PRESETS for w in p.wheres]
    hands = {place.code for place in places() if place.kind == "hand"}

    assert 100 < len(places())
    assert len(canaries) == len(set(canaries))
    assert {"referrer", "titled", "identified", "identified_mail"} == hands - HANDS.keys()
