"""
What sealing costs those that arrive: `python -m bench.yielding [--sessions 500] [--seconds 15]`.

Batches arrive at a steady pace while finished sessions wait to be sealed: in turn without sealing,
with it as a server does it (it rests while batches arrive), and with it as on a server that is idle.
Prints how long a durable answer of the store took, and how many sessions were sealed meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.clock import SystemClock
from core.sqlite import SqliteStore
from stolper.sealer import BackgroundSealer
from tests.console.support import Visit, element, mutation, rrweb_page, shop, text_node

NODES = 3_000  # of a page: 300 KB of JSON
PAGES = 4  # of a visit
MOVES = 200  # changes of a page


@dataclass(frozen=True, slots=True)
class Phase:
    """What was measured while sealing was done as *name* says."""

    name: str
    waits_ms: list[float]
    sealed: int

    def percentile(self, percent: int) -> float:
        """Return how long *percent* of the batches waited at most, in milliseconds."""
        return statistics.quantiles(self.waits_ms, n=100, method="inclusive")[percent - 1]


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what *arguments* ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.yielding", description=__doc__)
    parser.add_argument("--sessions", type=int, default=500, help="that wait to be sealed")
    parser.add_argument("--seconds", type=float, default=15, help="of each phase")
    parser.add_argument("--rate", type=float, default=50, help="batches a second")
    parser.add_argument("--rounds", type=int, default=2, help="of the three phases")
    return parser.parse_args(arguments)


async def finished(store: SqliteStore, count: int) -> None:
    """Store *count* visits of four pages each that have ended."""
    for number in range(count):
        visit = Visit(store, f"done-{number}")
        for page in range(PAGES):
            rows = [
                element(20 + 2 * n, "li", {"class": f"row {page} {n}"}, text_node(21 + 2 * n, "x" * (n % 40)))
                for n in range(NODES)
            ]  # fmt: skip
            load = f"load-{page}"
            await visit.send([], recording=rrweb_page(children=rows), load=load)
            changes = [mutation(50 + n, texts=[{"id": 21 + 2 * n, "value": f"{number} {n}"}]) for n in range(MOVES)]  # fmt: skip
            await visit.send([], recording=changes, load=load)
        await store.end_session(visit.id, "left")


async def arriving(store: SqliteStore, seconds: float, rate: float, name: str) -> list[float]:
    """Let batches arrive at a steady pace; return how long each waited for its durable answer, in ms."""
    waits: list[float] = []

    async def one(due: float, number: int) -> None:
        changes = [mutation(50 + n, texts=[{"id": 21, "value": f"{n}"}]) for n in range(20)]
        await Visit(store, f"{name}-{number}").send([], recording=changes)
        waits.append((time.perf_counter() - due) * 1000)  # since when it should have been sent

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * rate)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due, number))
    return waits


async def phase(store: SqliteStore, options: argparse.Namespace, name: str, round_: int) -> Phase:
    """Measure arrivals while sealing goes on as *name* says."""
    sealer = BackgroundSealer(store, SystemClock(), busy=lambda: name == "resting", after_ms=-1)
    before = await _waiting(store)
    task = None if name == "none" else asyncio.create_task(sealer.run())
    waits = await arriving(store, options.seconds, options.rate, f"{name}-{round_}")
    if task is not None:
        while before == await _waiting(store) > 0:  # noqa: ASYNC110 -- on a slow machine: one at least
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return Phase(name, waits, before - await _waiting(store))


async def _waiting(store: SqliteStore) -> int:
    return len(await store.unsealed_sessions(SystemClock().now_ms() + 1, 10**6))


async def run(options: argparse.Namespace, say: Callable[[str], None] = print) -> list[Phase]:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="stolper-bench") as temporary:
        store = SqliteStore(Path(temporary) / "data", SystemClock())
        await store.open()
        await store.add_site(shop())
        await finished(store, options.sessions)
        found = [
            await phase(store, options, name, round_)
            for round_ in range(options.rounds)
            for name in ("none", "resting", "idle")
        ]
        await store.close()
    say(f"{options.rate:.0f} batches a second, {options.sessions} sessions wait")
    say("| sealing | p50 ms | p99 ms | sealed |")
    say("|---|---:|---:|---:|")
    for one in found:
        say(f"| {one.name} | {one.percentile(50):.1f} | {one.percentile(99):.1f} | {one.sealed} |")
    return found


if __name__ == "__main__":
    asyncio.run(run(options_of(sys.argv[1:])))
