"""From a keyframe on a recording shows what it shows from its start, page by page of the corpus."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from core.clock import SystemClock
from replay import deep
from replay.ids import put_ids_back
from replay.keyframe import keyframe
from replay.mirror import Mirror
from replay.recording import recordings
from replay.shape import FULL_SNAPSHOT
from stolper.sealer import BackgroundSealer
from tests.building import built
from tests.e2e.fidelity.pages import FOLDER
from tests.e2e.fidelity.table import CASES, Case
from tests.e2e.fidelity.test_fidelity import AT_ONCE, corpus
from tests.e2e.fidelity.visit import VIEWPORT, Watcher, portrait_differences
from tests.e2e.scenarios.pages import Serve
from tests.e2e.support import Stack
from tests.e2e.test_dom_equality import built_script, harness

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SHORT = ("shadow", "frames", "forms", "sheets")
MOMENTS = 6  # of each page
HUGE = "nodes 50k"

KNOWN = {
    "x-late: shown": "an element defined after it was made stays undefined from the start alone",
    "audio#a: {'media'": "the player shows one recording twice with a sound at two places, if it"
    " loads after it is told where to stand",
}
"""Parts of lines that may differ, and why."""

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pair:
    """The same *moment* (ms) in *whole* and in what begins with a keyframe made at *made_at*."""

    page: str
    whole: Events
    tail: Events
    made_at: float
    moment: float
    url: str


def pairs(page: str, url: str, whole: Events, chance: random.Random, count: int) -> list[Pair]:
    """Return *whole* from *count* random keyframes on, each with a random moment after it."""
    first = next(n for n, event in enumerate(whole) if event["type"] == FULL_SNAPSHOT)
    times = sorted({event["timestamp"] for event in whole[first:]})
    found = []
    for nth in range(count):
        made_at = chance.choice(times)
        mirror = Mirror()
        for event in whole:
            if event["timestamp"] <= made_at:
                mirror.apply(event)
        content = keyframe(mirror, made_at)
        assert content is not None
        stored: Events = deep.loads(content)
        put_ids_back(stored)
        tail = [*stored, *(event for event in whole if event["timestamp"] > made_at)]
        later = [time for time in times if time > made_at] or [made_at]
        moment = made_at if nth % 3 == 0 else chance.choice(later)
        found.append(Pair(page, whole, tail, made_at, moment, url))
    return found


async def lived(watcher: Watcher, origin: str, cases: list[Case]) -> dict[str, tuple[str, Events]]:
    """
    Visit *cases*, a few at once; return the address and the recording of each.

    Sealed it must be what it was.
    """
    turn = asyncio.Semaphore(AT_ONCE)
    found: dict[str, tuple[str, Events]] = {}

    async def one(case: Case) -> None:
        async with turn:
            session, moments = await watcher.visit(origin, case)
        await quiet(watcher.stack, session)
        loads = [load async for load in recordings(watcher.stack.store, session)]

        assert [[]] * len(loads) == [load.gaps for load in loads]
        await sealed(watcher.stack, session)
        again = [load async for load in recordings(watcher.stack.store, session)]
        # As JSON: Python cannot compare what nests as deep as a page.
        assert [deep.dumps(load.events) for load in loads] == [
            deep.dumps(load.events) for load in again
        ], case.name
        found[case.name] = moments[0].url, loads[-1].events

    async with asyncio.TaskGroup() as group:
        for case in cases:
            group.create_task(one(case))
    return found


async def quiet(stack: Stack, session: str) -> None:
    """Return once nothing comes for *session* any more: its page said farewell as it was closed."""
    known = None
    while known != (known := await stack.store.chunks(session)):  # noqa: ASYNC110 -- nothing to wait for
        await asyncio.sleep(0.5)


async def sealed(stack: Stack, session: str) -> None:
    """End and seal *session*."""
    ended = await stack.store.end_session(session, "left")
    assert ended is not None

    assert await BackgroundSealer(stack.store, SystemClock()).seal(ended)
    assert all(ref.frame is not None for ref in await stack.store.chunks(session))


async def differences_of(page: Page, pair: Pair) -> list[str]:
    """Return where the two replays of *pair* are not the same, in the harness *page*."""
    told = [
        json.loads(
            await page.evaluate(
                "([events, moment, base]) => portraitAt(JSON.parse(events), moment, base)",
                [deep.dumps(events).decode(), pair.moment, pair.url],
            )
        )
        for events in (pair.whole, pair.tail)
    ]
    where = f"{pair.page}, keyframe at {pair.made_at:.0f}, shown at {pair.moment:.0f}"
    return [
        f"{where}: {line}"
        for line in portrait_differences(*told)
        if not any(part in line for part in KNOWN)
    ]


async def compared(
    browser: Browser, stack: Stack, serve: Serve, cases: list[Case], count: int
) -> tuple[int, list[str]]:
    """Return how many moments of *cases* were compared, and what differed."""
    built(FOLDER / "build.mjs", FOLDER / "dist" / "probe.js")
    built_script()
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    async with Watcher(browser, stack) as watcher:
        recorded = await lived(watcher, await corpus(stack, serve), cases)
        context = await browser.new_context(viewport=VIEWPORT, locale="en-GB")
        page = await context.new_page()
        await page.goto(await serve(harness()))
        await page.evaluate(watcher.probe)
        done, wrong = 0, list[str]()
        for name, (url, events) in sorted(recorded.items()):
            for pair in pairs(name, url, events, random.Random(f"{seed} {name}"), count):
                lines = await differences_of(page, pair)
                done += 1
                wrong += lines
                print(*lines, sep="\n", flush=True) if lines else None
            print(f"| {name} | {count} moments | {len(events)} events |", flush=True)
        await context.close()
    return done, wrong


@pytest.mark.timeout(240)
async def test_a_keyframe_shows_what_all_before_it_shows(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """At random moments of pages with shadow roots, frames, fields and sheets the replays are one."""
    cases = [case for case in CASES if case.name in SHORT]
    done, wrong = await compared(browser, server, serve, cases, MOMENTS)

    assert len(SHORT) * MOMENTS == done
    assert [] == wrong, "\n" + "\n".join(wrong[:40])


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_keyframes_of_every_page_show_what_all_before_them_shows(
    browser: Browser, server: Stack, serve: Serve
) -> None:
    """The same at 200 random moments and more, over every page of the corpus."""
    cases = [case for case in CASES if case.name != HUGE]
    done, wrong = await compared(browser, server, serve, cases, MOMENTS)

    assert 200 <= done
    assert [] == wrong, "\n" + "\n".join(wrong[:40])
