"""
What the snippet costs: `python -m bench.snippet [--pages ...] [--recorders ...] [--repeats 5]`.

Prints the table of docs/snippet.md "Weight": bytes, main-thread CPU time, longest task, upload,
heap and lost visits, beside no recorder, rrweb with gzip, and the peers as npm has them today.
Medians; the recorders take turns. Nothing leaves this machine but npm's requests for the peers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from playwright.async_api import Error, async_playwright

from bench.snippet.peers import NONE, PACKAGES, STOLPER, bundle, install
from bench.snippet.replayed import Stolper, replay_page, serving
from bench.snippet.sink import Sink
from bench.snippet.sizes import brotli_bytes
from bench.snippet.visit import VIEWPORT, Cost, Tour
from stolper.chromium import find_chromium
from stolper.paths import snippet_dir
from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.support import Stack

MEASURED = ["static", "nodes", "mutate", "form"]
PARTS = ["code", "cost", "longest", "second", "lost"]
PATIENCE_S = (
    120  # for one visit; a recorder of others that hangs must not keep the rest from being measured
)
Result = TypeVar("Result")
Costs = dict[tuple[str, str], list[Cost]]


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what *arguments* ask for."""
    everyone = [NONE, "rrweb", STOLPER, *(name for name in PACKAGES if name != "rrweb")]
    parser = argparse.ArgumentParser(prog="python -m bench.snippet", description=__doc__)
    parser.add_argument("--pages", nargs="*", choices=MEASURED, default=MEASURED)
    parser.add_argument("--recorders", nargs="*", choices=everyone, default=everyone)
    parser.add_argument("--repeats", type=int, default=5, help="visits for each figure")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--stay", type=float, default=9.0, help="seconds of a visit after the load")
    parser.add_argument("--lost", type=int, default=20, help="visits of 5 s ended by closing")
    parser.add_argument("--packages", type=Path, help="keep the peers' packages in this folder")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace, say: Callable[[str], None] = print) -> bool:
    """Measure and print; False if a replay of Stolper was not the page or a visit was lost."""
    async with AsyncExitStack() as closing:
        temporary = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="stolper-bench")))
        tour = await _tour(options, temporary, closing, say)
        who = [
            name
            for name in options.recorders
            if name in (NONE, STOLPER) or (name in tour.peers and tour.peers[name].script)
        ]
        fine = True
        if "code" in options.parts:
            await _code(tour, who, say)
        if "cost" in options.parts:
            fine = await _cost(tour, options, who, say)
        if "longest" in options.parts and "nodes" in options.pages:
            await _longest(tour, options, who, say)
        if "second" in options.parts:
            await _second(tour, options, who, say)
        if "lost" in options.parts:
            fine = await _lost(tour, options, who, say) and fine
        return fine


async def _cost(
    tour: Tour, options: argparse.Namespace, who: list[str], say: Callable[[str], None]
) -> bool:
    """Visit each page with each recorder, in turn; return whether what Stolper replays is equal."""
    costs: Costs = {}
    for nth, scene, name in itertools.product(range(options.repeats), options.pages, who):
        cost = await _patient(tour, name, tour.visit(scene, name), say)
        costs.setdefault((scene, name), []).extend([cost] if cost else [])
        _progress(f"round {nth + 1} of {options.repeats}: {scene}, {name}")
    _table(costs, options.pages, who, say)
    return _equal(costs, options.pages, who, say)


async def _patient(
    tour: Tour,
    name: str,
    visit: Awaitable[Result],
    say: Callable[[str], None],
    patience_s: float = PATIENCE_S,
) -> Result | None:
    """Return what *visit* gives; None if it is another's and did not come to an end."""
    try:
        return await asyncio.wait_for(visit, patience_s)
    except (TimeoutError, Error) as error:
        if name in (NONE, STOLPER):
            raise
        say(f"  {name}: a visit did not end, and does not count ({type(error).__name__})")
        for context in tour.browser.contexts:
            await context.close()
        return None


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


async def _tour(
    options: argparse.Namespace,
    folder: Path,
    closing: AsyncExitStack,
    say: Callable[[str], None],
) -> Tour:
    packages = options.packages or folder / "peers"
    packages.mkdir(parents=True, exist_ok=True)
    names = [name for name in options.recorders if name in PACKAGES]
    problem = install(names, packages)
    if problem:
        say(f"npm: {problem}")
    peers = {name: bundle(name, packages) for name in names}
    for peer in peers.values():
        say(f"{peer.name} {peer.version} {peer.problem}".rstrip())
    chromium = find_chromium()
    if not chromium:
        raise SystemExit("no Chromium on PATH; `make setup` installs it")
    playwright = await closing.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
    closing.push_async_callback(browser.close)
    sink = Sink()
    sink_url = await closing.enter_async_context(serving(sink.app()))
    stack = Stack(folder / "data", **{"server.public_url": f"{sink_url}/stolper"})
    await stack.start()
    closing.push_async_callback(stack.stop)
    sink.collector = stack.public_url
    replay = await closing.enter_async_context(replay_page(browser))
    tour = Tour(browser, sink, sink_url, peers, options.stay)
    tour.origin = await closing.enter_async_context(serving(tour.app()))
    tour.stolper = Stolper(stack, await stack.site(tour.origin, mode="full"), replay)
    return tour


async def _code(tour: Tour, who: list[str], say: Callable[[str], None]) -> None:
    say("\ncode, bytes with brotli 11 (critical path / all)")
    for name in who:
        if name == STOLPER:
            built = snippet_dir()
            loader = brotli_bytes(await tour.stolper.loader())
            recorder = sum(path.stat().st_size for path in built.glob("*.js.br"))
            say(f"  {name:<11}{loader:>8}{loader + recorder:>9}")
        elif name != NONE:
            size = tour.peers[name].brotli
            say(f"  {name:<11}{size:>8}{size:>9}")


def _median(costs: list[Cost], figure: Callable[[Cost], float]) -> float:
    return statistics.median(figure(cost) for cost in costs)


def _table(costs: Costs, pages: list[str], who: list[str], say: Callable[[str], None]) -> None:
    head = "".join(f"{page:>12}" for page in pages)
    figures: list[tuple[str, Callable[[Cost], float], bool]] = [
        ("main-thread CPU over no recorder, ms", lambda cost: cost.task_ms, True),
        ("upload, first visit, bytes", lambda cost: cost.sent, False),
        ("heap over no recorder, KB", lambda cost: cost.heap / 1000, True),
    ]
    for title, figure, over in figures:
        say(f"\n{title}\n  {'':<11}{head}")
        for name in who:
            cells = []
            for page in pages:
                if not costs[page, name]:
                    cells.append(f"{'–':>12}")
                    continue
                value = _median(costs[page, name], figure)
                if over and name != NONE and (page, NONE) in costs:
                    value -= _median(costs[page, NONE], figure)
                cells.append(f"{value:>12,.0f}")
            say(f"  {name:<11}{''.join(cells)}")


def _equal(costs: Costs, pages: list[str], who: list[str], say: Callable[[str], None]) -> bool:
    """Print whether each of Stolper's visits replays as the page was."""
    if STOLPER not in who:
        return True
    say("\nreplay of stolper equal to the page, visits")
    fine = True
    for page in pages:
        visits = costs[page, STOLPER]
        wrong = [line for cost in visits for line in cost.differs]
        say(f"  {page:<11}{sum(not cost.differs for cost in visits):>4} of {len(visits)}")
        for line in sorted(set(wrong))[:5]:
            say(f"    {line[:160]}")
        fine = fine and not wrong
    say("  of the peers only the bytes that arrived are known (see upload)")
    return fine


async def _longest(
    tour: Tour, options: argparse.Namespace, who: list[str], say: Callable[[str], None]
) -> None:
    say("\nlongest task with code of the recorder in it, 5,000 nodes, CPU ms")
    for name in who:
        if name != NONE:
            tries = [
                await _patient(tour, name, tour.longest_ms("nodes", name), say)
                for _ in range(options.repeats)
            ]
            found = [ms for ms in tries if ms is not None]
            say(
                f"  {name:<11}{statistics.median(found):>8.0f}"
                if found
                else f"  {name:<11}       –"
            )


async def _second(
    tour: Tour, options: argparse.Namespace, who: list[str], say: Callable[[str], None]
) -> None:
    say("\nupload of a page with three style sheets, bytes (first visit / second, caches cleared)")
    for name in who:
        if name == NONE:
            continue
        first, second = [], []
        for _ in range(options.repeats):
            await tour.stolper.new_site(tour.origin)
            both = await _patient(tour, name, _twice(tour, name), say)
            if both:
                first.append(both[0])
                second.append(both[1])
        if not first:
            continue
        one, two = statistics.median(first), statistics.median(second)
        say(f"  {name:<11}{one:>10,.0f}{two:>10,.0f}   {two / one if one else 0:.2f}")


async def _twice(tour: Tour, name: str) -> tuple[int, int]:
    """Return the bytes that two visits of a visitor sent who comes back after the caches' time."""
    context = await tour.browser.new_context(viewport=VIEWPORT)
    first = (await tour.visit("sheets", name, context)).sent
    page = await context.new_page()
    await (await context.new_cdp_session(page)).send("Network.clearBrowserCache")
    await page.close()
    second = (await tour.visit("sheets", name, context)).sent
    await context.close()
    return first, second


async def _lost(
    tour: Tour, options: argparse.Namespace, who: list[str], say: Callable[[str], None]
) -> bool:
    say(f"\nlost of {options.lost} visits of 5 s ended by closing the tab")
    fine = True
    for name in who:
        if name == NONE:
            continue
        lost = await _patient(tour, name, tour.lost(name, options.lost), say, patience_s=900)
        say(f"  {name:<11}{'–' if lost is None else lost:>4}")
        fine = fine and not (name == STOLPER and lost)
    return fine


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(run(options_of(sys.argv[1:]))) else 1)
