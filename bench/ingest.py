"""
What a batch costs the collector: `python -m bench.ingest [--rounds N] [--requests N] [...]`.

Prints CPU µs per request, as ratios to a bare aiohttp + uvloop handler that only reads the body
and answers, in the same run; latencies; and oss-clarity, a Python peer, beside it. Each receiver
has a process and, where the machine has several, a core of its own. The collector's answers are
durable, and what it acknowledged is counted in its database afterwards.
"""

from __future__ import annotations

import argparse
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench import clarity_peer
from bench.batches import KEY, ORIGIN, Batch, bodies, clarity_bodies
from bench.load import Outcome, request, run
from bench.receivers import AIOHTTP, BARE, OWN

ROOT = Path(__file__).parent.parent
PEER = clarity_peer.NAME
GOALS = {
    (AIOHTTP, 2000): 0.65,
    (OWN, 2000): 2.0,
    (OWN, 20_000): 0.8,
}
"""Requests per CPU second over those of the bare handler, at least."""

PEER_GOAL = 50
"""CPU µs of the peer over ours, at least."""

PEER_SHARE = 20
"""The peer gets a request for every so many of ours: it takes a hundred times as long."""


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what *arguments* ask for."""
    everyone = [BARE, AIOHTTP, OWN, PEER]
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--receivers", nargs="*", choices=everyone, default=everyone)
    parser.add_argument("--sizes", nargs="*", type=int, default=[2000, 20_000], help="of a body")
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is taken")
    parser.add_argument("--requests", type=int, default=8000, help="of each receiver in a round")
    parser.add_argument("--connections", type=int, default=32, help="that send at the same time")
    parser.add_argument("--packages", type=Path, help="keep the peer's packages in this folder")
    parser.add_argument("--data", type=Path, help="put the data on the disk of this folder")
    return parser.parse_args(arguments)


@dataclass(slots=True)
class Table:
    """The outcomes of each receiver at one size, round by round."""

    size: int
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    def cpu_us(self, name: str) -> float:
        """Return the median CPU µs of a request."""
        return statistics.median(one.cpu_us for one in self.outcomes[name])

    def ratio(self, name: str, over: str = BARE) -> float | None:
        """Return the median of requests per CPU second over those of *over*, round by round."""
        if name not in self.outcomes or over not in self.outcomes:
            return None
        pairs = zip(self.outcomes[over], self.outcomes[name], strict=True)
        return statistics.median(base.cpu_us / one.cpu_us for base, one in pairs)


def main(arguments: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Measure and print; 1 if something that was acknowledged is not there."""
    options = options_of(arguments)
    with tempfile.TemporaryDirectory(prefix="stolper-bench", dir=options.data) as temporary:
        folder = Path(temporary)
        packages = options.packages or folder / "peer"
        if PEER in options.receivers:
            problem = clarity_peer.install(packages)
            if problem:
                say(f"{PEER} is left out: {problem}")
                options.receivers.remove(PEER)
        say(f"fsync of 4 KB in the data folder, ms: {_fsyncs(folder)}")
        fine = True
        for size in options.sizes:
            table = _measure(size, options, folder, packages, say)
            _print(table, say)
            fine = fine and not any(table.lost.values())
    return 0 if fine else 1


def _measure(
    size: int,
    options: argparse.Namespace,
    folder: Path,
    packages: Path,
    say: Callable[[str], None],
) -> Table:
    """Send the same load to each receiver, in turn, round by round."""
    table = Table(size)
    batches = list(_split(options.requests, options.connections, size))
    sent = [[request(f"/i/{KEY}", ORIGIN, one.body) for one in part] for part in batches]
    mean = statistics.mean(len(one.body) for part in batches for one in part)
    distinct = sum(not one.again for part in batches for one in part)
    say(
        f"\n{mean:,.0f} bytes a body, {options.requests:,} requests over {options.connections}"
        f" connections, {distinct:,} distinct batches, {options.rounds} rounds"
    )
    warm = options.requests // options.connections // 10
    for nth in range(options.rounds):
        for name in options.receivers:
            data = folder / f"{name}-{size}-{nth}"
            if name == PEER:
                outcome, stored = _peer(size, options, packages, data)
                expected = sum(n for text, n in outcome.answers.items() if text.startswith("204"))
            else:
                data.mkdir()
                with serving([sys.executable, "-m", "bench.receivers", name, str(data)]) as (
                    pid,
                    port,
                ):
                    outcome = uvloop.run(run(port, sent, pid, warm))
                stored = None if name == BARE else _stored(data)
                expected = outcome.answers["200 stored"]
            odd = {t: n for t, n in outcome.answers.items() if not t.startswith("2")}
            if odd:
                say(f"  {name}: {odd}")
            table.outcomes.setdefault(name, []).append(outcome)
            if stored is not None:
                table.lost[name] = table.lost.get(name, 0) + expected - stored
            _progress(f"round {nth + 1} of {options.rounds}: {name}")
    _progress("")
    return table


def _split(requests: int, connections: int, size: int) -> Iterable[list[Batch]]:
    each = requests // connections
    for number in range(connections):
        yield list(bodies(number * 1_000_000, each, size))


def _peer(
    size: int, options: argparse.Namespace, packages: Path, data: Path
) -> tuple[Outcome, int]:
    key, _ = clarity_peer.prepare(packages, data)
    connections = min(4, options.connections)
    each = max(25, options.requests // PEER_SHARE // connections)
    sent = [
        [
            request(clarity_peer.PATH, ORIGIN, body, "Content-Encoding: gzip")
            for body in clarity_bodies(number * 1_000_000, each, size, key)
        ]
        for number in range(connections)
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(clarity_peer.command(packages, data, port), port) as (pid, _):
        outcome = uvloop.run(run(port, sent, pid, each // 10))
    return outcome, clarity_peer.stored(data)


@contextmanager
def serving(command: list[str], port: int | None = None) -> Any:
    """Run a receiver on the last core, and ourselves on the others; yield its process and port."""
    cores = sorted(os.sched_getaffinity(0))
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, cores[-1:])
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[:-1])
    try:
        assert process.stdin and process.stdout
        if port is None:
            port = int(process.stdout.readline())
        else:
            _wait_for(port)
        yield process.pid, port
        process.stdin.close()
        if command[1] == "-m":
            process.wait(60)
    finally:
        process.terminate()
        process.wait(60)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        os.sched_setaffinity(0, cores)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _stored(data: Path) -> int:
    """Return how many batches are in the database of a receiver that has stopped."""
    db = sqlite3.connect(data / "stolper.db")
    try:
        return int(db.execute("SELECT count(*) FROM batches").fetchone()[0])
    finally:
        db.close()


def _fsyncs(folder: Path) -> str:
    took = []
    fd = os.open(folder / "fsync", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(100):
        os.write(fd, bytes(4096))
        began = time.perf_counter()
        os.fsync(fd)
        took.append((time.perf_counter() - began) * 1000)
    os.close(fd)
    return f"median {statistics.median(took):.2f}, p99 {statistics.quantiles(took, n=100)[98]:.2f}"


def _print(table: Table, say: Callable[[str], None]) -> None:
    say(
        f"  {'':<12}{'CPU µs':>10}{'per CPU s':>11}{'to bare':>9}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'per s':>8}{'lost':>6}"
    )
    for name, outcomes in table.outcomes.items():
        ratio = table.ratio(name)
        goal = GOALS.get((name, table.size))
        lost = table.lost.get(name)
        p50, p99 = (statistics.median(one.wait_ms(p) for one in outcomes) for p in (50, 99))
        per_s = statistics.median(one.requests / one.wall_s for one in outcomes)
        cpu_us = table.cpu_us(name)
        say(
            f"  {name:<12}{cpu_us:>10.1f}{1e6 / cpu_us:>11,.0f}"
            f"{'–' if ratio is None else f'{ratio:.2f}':>9}{p50:>9.2f}{p99:>9.2f}{per_s:>8,.0f}"
            f"{'–' if lost is None else lost:>6}" + (f"   goal {goal}" if goal else "")
        )
    for name in (AIOHTTP, OWN):
        ratio = table.ratio(name, PEER)
        if ratio is not None:
            say(f"  {PEER} takes {ratio:,.0f} times the CPU of {name} (goal {PEER_GOAL})")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
