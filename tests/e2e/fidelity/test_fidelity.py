"""What is replayed equals what was seen: page by page, its DOM, its state, its rules and its pixels."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser

from core.site_options import SiteOptions
from tests.building import built
from tests.e2e.fidelity.pages import FOLDER, Corpus
from tests.e2e.fidelity.table import CASES, PIXELS, Case
from tests.e2e.fidelity.visit import Compared, Watcher
from tests.e2e.scenarios.pages import Serve
from tests.e2e.support import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 4  # pages in parallel: more would starve those of two cores


async def corpus(stack: Stack, serve: Serve) -> str:
    """Serve the corpus as a site that masks nothing but what is typed; return its origin."""
    pages, others = Corpus(FOLDER), Corpus(FOLDER)
    origin = await serve(pages.app())
    pages.elsewhere = await serve(others.app())
    site = await stack.site(origin, privacy="open")
    await stack.store.set_site_options(site.key, SiteOptions(canvas=True))
    pages.embed = stack.script_src(site)
    return origin


def judged(case: Case, found: list[Compared]) -> tuple[list[str], list[str]]:
    """Return the lines that are not known, and the known differences that are not there."""
    wrong: list[str] = []
    unseen = {known.text for known in case.known}
    allowed = max([PIXELS, *(known.pixels for known in case.known)])
    for one in found:
        for line in (f"{one.name}: {line}" for line in one.lines):
            hits = {known.text for known in case.known if known.text in line}
            unseen -= hits
            if not hits:
                wrong.append(line)
        if one.pixels > PIXELS:
            unseen -= {"pixels"}
        if one.pixels > allowed:
            wrong.append(f"{one.name}: {one.pixels:.2%} of the pixels differ")
    return wrong, sorted(unseen)


def row(case: Case, found: list[Compared]) -> str:
    """Return the line of the table for *case*."""
    equal = sum(not one.lines for one in found)
    most = max(one.pixels for one in found)
    return f"| {case.name} | {equal} of {len(found)} | {most:.3%} |"


async def run_all(watcher: Watcher, origin: str, cases: list[Case]) -> list[str]:
    """Run *cases*, a few at once; print the table and return what is wrong."""
    turn = asyncio.Semaphore(AT_ONCE)
    wrong: list[str] = []
    rows: dict[str, str] = {}

    async def one(case: Case) -> None:
        async with turn:
            try:
                found = await watcher.run(origin, case)
            except Exception as error:
                error.add_note(f"on page {case.name}")
                raise
        lines, unseen = judged(case, found)
        rows[case.name] = row(case, found)
        print(rows[case.name], *lines, sep="\n  ", flush=True)
        wrong.extend(f"{case.name}: {line}" for line in lines)
        wrong.extend(f"{case.name}: no longer differs: {text}" for text in unseen)

    async with watcher, asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(one(case))
    print("\n| page | DOM equal | pixels that differ, at most |\n|---|---|---|")
    print("\n".join(rows[case.name] for case in cases))
    return wrong


async def looked_at(
    browser: Browser, server: Stack, serve: Serve, config: pytest.Config, *, long: bool
) -> list[str]:
    """Carry out the cases that are *long* or not, of them those that --pages names; what is wrong."""
    built(FOLDER / "build.mjs", FOLDER / "dist" / "probe.js")
    only = config.getoption("--pages")
    cases = [c for c in CASES if c.long is long and (not only or c.name in only.split(","))]
    photos = config.getoption("--photos")
    watcher = Watcher(browser, server, Path(photos) if photos else None)
    return await run_all(watcher, await corpus(server, serve), cases)


@pytest.mark.timeout(900)
async def test_pages_of_each_kind_replay_as_they_were(
    browser: Browser, server: Stack, serve: Serve, pytestconfig: pytest.Config
) -> None:
    """At each moment of a page the replayed document equals the live one, but for what is known."""
    wrong = await looked_at(browser, server, serve, pytestconfig, long=False)

    assert [] == wrong, "\n" + "\n".join(wrong)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_the_other_pages_replay_as_they_were(
    browser: Browser, server: Stack, serve: Serve, pytestconfig: pytest.Config
) -> None:
    """The same holds of the other pages, one of 50,000 nodes among them."""
    wrong = await looked_at(browser, server, serve, pytestconfig, long=True)

    assert [] == wrong, "\n" + "\n".join(wrong)
