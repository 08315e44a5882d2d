"""Recordings of rrweb alone, imported, against our own recordings of the same scripted visits."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.async_api import Browser, Error

from replay.export import rrweb_events
from stolper.demo.hands import NotThere
from stolper.demo.journeys import JOURNEYS, Journey
from tests.e2e.imports.visits import OF_THE_MACHINE, Pair, Stage, table, written
from tests.e2e.scenarios.pages import Serve
from tests.e2e.support import Stack

pytestmark = pytest.mark.browser

T = TypeVar("T")

AT_ONCE = 3
USUAL = ("rage_clicker", "address_refused", "terms_overlooked")


async def imported(stack: Stack, files: Sequence[Path], site: str) -> list[str]:
    """Run `stolper import` on *files* beside the server; return the sessions."""
    command = [sys.executable, "-m", "stolper.cli", "import", *map(str, files)]
    process = await asyncio.create_subprocess_exec(
        *command, "--site", site, "--data", str(stack.server.data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()

    assert 0 == process.returncode, err.decode()
    return re.findall(r"session ([0-9a-f-]{36})", out.decode())


async def rules_of(stack: Stack, session: str) -> set[str]:
    return {flag["rule"] for flag in await stack.flags(session)} - OF_THE_MACHINE


async def tried(visit: Callable[[], Awaitable[T]]) -> T:
    """Return what *visit* gives; a page that does not come on a busy machine is tried again."""
    for _ in range(2):
        with suppress(Error, NotThere):
            return await visit()
    return await visit()


async def compared(
    browser: Browser, stack: Stack, serve: Serve, folder: Path, journeys: Sequence[Journey]
) -> list[Pair]:
    """Make each visit twice, import the one that rrweb recorded, and return both with their flags."""
    stage = Stage(browser, stack)
    await stage.open(serve)
    turn = asyncio.Semaphore(AT_ONCE)

    async def both(journey: Journey) -> Pair:
        pair = Pair(journey)
        async with turn:
            pair.session, _ = await tried(lambda: stage.ours(journey))
            pair.events = await tried(lambda: stage.theirs(journey))
        pair.ours = await rules_of(stack, pair.session)
        return pair

    pairs = await asyncio.gather(*map(both, journeys))
    site = await stack.site("https://imported.example", name="imported")
    files = [written(pair.events, folder / f"{pair.journey.name}.json") for pair in pairs]
    for pair, session in zip(pairs, await imported(stack, files, site.name), strict=True):
        pair.imported = session
        pair.theirs = await rules_of(stack, session)
    return pairs


async def exported_and_imported(
    stack: Stack, pairs: Sequence[Pair], folder: Path
) -> dict[str, set[str]]:
    """Export our own session of each pair, import it on another site, and return the flags of each."""
    site = await stack.site("https://again.example", name="again")
    files = []
    for pair in pairs:
        events = [event async for event in rrweb_events(stack.store, pair.session)]
        files.append(written(events, folder / f"{pair.journey.name}-again.json"))
    found = await imported(stack, files, site.name)
    return {
        pair.journey.name: await rules_of(stack, session)
        for pair, session in zip(pairs, found, strict=True)
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(500)
async def test_imported_visits_are_flagged_as_our_own(
    browser: Browser,
    server: Stack,
    serve: Serve,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Three visits that rrweb alone recorded are flagged by the rules that flag our own recordings."""
    journeys = [one for one in JOURNEYS if one.name in USUAL]
    pairs = await compared(browser, server, serve, tmp_path, journeys)
    message = f"\n{table(pairs)}\n"
    with capsys.disabled():
        sys.stdout.write(message)

    assert {} == {p.journey.name: p.ours ^ p.theirs for p in pairs if p.ours != p.theirs}, message
    assert {"rage_click"} <= pairs[0].theirs, message
    again = await exported_and_imported(server, pairs, tmp_path)
    assert {p.journey.name: p.ours for p in pairs} == again


# Rules that one of the recordings alone may flag, and why: docs/import.md.
ONLY_OURS = {
    "error_click", "failed_request", "reload_loop_error", "no_feedback_click", "cart_abandon", "coupon_fail",
    "payment_decline", "payment_decline_repeat", "login_fail_loop", "search_no_result",
}  # fmt: skip
ONLY_IMPORTED = {
    "error_meeter": {"dead_click_repeat"},
    "buyer": {"checkout_abandon"},
    "card_declined": {"validation_loop_form"},
}


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(1500)
async def test_all_scripted_visits(
    browser: Browser,
    server: Stack,
    serve: Serve,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of all the demo's visits the two recordings differ by what docs/import.md says, and nothing else."""
    pairs = await compared(browser, server, serve, tmp_path, JOURNEYS)
    message = f"\n{table(pairs)}\n"
    with capsys.disabled():
        sys.stdout.write(message)

    for pair in pairs:
        assert pair.ours - pair.theirs <= ONLY_OURS, message
        assert pair.theirs - pair.ours <= ONLY_IMPORTED.get(pair.journey.name, set()), message
