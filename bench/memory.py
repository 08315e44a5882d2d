"""
What a server holds in memory: `python -m bench.memory [--open N] [--batches N] [--demo]`.

Real batches to a real server, with all of its rules: resident memory with so many sessions open (goal: 300 MB with
1,000), after the first tenth of many batches of sessions that come and go and after all of them (what is held must not
grow with what has passed), and of the demo, visitors and all (goal: 150 MB).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from bench.batches import KEY, ORIGIN, PAGES, PER_PAGE, bodies
from bench.load import request, run
from bench.served import Served
from core.clock import SystemClock
from core.model import Site
from core.sqlite import SqliteStore

GOAL_DEMO_MB, GOAL_OPEN_MB = 150, 300
CONNECTIONS = 40
DEMO_S = 90
"""Some visits of the demo have ended by then, flagged and sealed."""


def main(arguments: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--open", type=int, default=1000, help="sessions open at once; 0: none")
    parser.add_argument(
        "--batches", type=int, default=50_000, help="sent in all for the leak check"
    )
    parser.add_argument("--demo", action="store_true", help="only the demo, which needs Chromium")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="stolper-memory") as temporary:
        root = Path(temporary)
        if options.demo:
            _demo(root / "demo", say)
            return 0
        if options.open:
            _open(root / "open", options.open, say)
        if options.batches:
            _leak(root / "leak", options.batches, say)
    return 0


async def _with_site(data: Path, idle_ms: int) -> None:
    store = SqliteStore(data, SystemClock())
    await store.open()
    await store.add_site(Site(KEY, "bench", (ORIGIN,), "full", "standard", idle_ms, 0))
    await store.close()


def _send(server: Served, first_visit: int, batches: int) -> None:
    """Send *batches* of visits from *first_visit* on, each visit's in order."""
    made = [request(f"/i/{KEY}", ORIGIN, one.body) for one in bodies(first_visit, batches, 2000)]
    each = -(-len(made) // CONNECTIONS)
    sent = [made[at : at + each] for at in range(0, len(made), each)]
    outcome = uvloop.run(run(int(server.public.port or 0), sent, server.process.pid, 0))
    odd = {answer: n for answer, n in outcome.answers.items() if not answer.startswith("200")}
    assert not odd, odd
    _wait(server, "detector_queue", 0)


def _wait(server: Served, metric: str, most: int) -> None:
    until = time.monotonic() + 600
    while server.metric(metric) > most and time.monotonic() < until:
        time.sleep(0.5)


def _open(data: Path, sessions: int, say: Callable[[str], None]) -> None:
    asyncio.run(_with_site(data, 1_800_000))
    server = Served(data)
    try:
        idle = server.rss_mb()
        _send(server, 1_000_000, sessions * PAGES * PER_PAGE)
        say(
            f"started {idle:.0f} MB; {server.metric('open_sessions'):,.0f} sessions open with"
            f" {PAGES * PER_PAGE} batches each: {server.rss_mb():.0f} MB (goal {GOAL_OPEN_MB} with 1,000),"
            f" at most {server.rss_mb('VmHWM'):.0f} MB"
        )
    finally:
        server.stop()


def _leak(data: Path, batches: int, say: Callable[[str], None]) -> None:
    """Sessions end a second after their last batch: what is held of them has to go."""
    asyncio.run(_with_site(data, 1000))
    server = Served(data)
    try:
        sizes = []
        for nth in range(10):
            _send(server, 2_000_000 + nth * 1_000_000, batches // 10)
            _wait(server, "open_sessions", 0)
            time.sleep(2)
            sizes.append(server.rss_mb())
        told = ", ".join(f"{size:.0f}" for size in sizes)
        say(
            f"after {batches // 10:,} batches {sizes[0]:.0f} MB, after {batches:,}: {sizes[-1]:.0f} MB,"
            f" {sizes[-1] / sizes[0]:.2f} times (by tenths: {told}); no session is open then"
        )
    finally:
        server.stop()


def _demo(data: Path, say: Callable[[str], None]) -> None:
    asyncio.run(_made(data))
    server = Served(data, ("demo", "--shop", "127.0.0.1:0"))
    try:
        until = time.monotonic() + DEMO_S
        most = 0.0
        while time.monotonic() < until:
            time.sleep(1)
            most = max(most, server.rss_mb())
        say(
            f"demo after {DEMO_S} s, {server.metric('open_sessions'):.0f} sessions open:"
            f" {server.rss_mb():.0f} MB, at most {most:.0f} MB (goal {GOAL_DEMO_MB})"
        )
    finally:
        server.stop()


async def _made(data: Path) -> None:
    store = SqliteStore(data, SystemClock())
    await store.open()
    await store.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
