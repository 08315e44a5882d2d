"""
The running detector: how long a change of rules holds it up, and how late a timer's flag is.

A real store and a real clock. Part of `python -m bench.detector`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path

from core.clock import SystemClock
from core.events import load_schema
from core.model import NewBatch, Site
from core.settings import DetectorSettings
from core.sqlite import SqliteStore
from detector.errors import Problems
from detector.live import GRACE_MS
from detector.loader import Library, load_rules, shipped_rules
from detector.rule import RuleSet
from detector.service import Detector

OPEN = 50
"""Sessions that are open while the rules change."""

_WAITS = """
version: 1
rules:
  - id: silence
    title: Nothing follows
    sequence:
      - {event: click}
      - {absent: page, within: 1s}
"""


def report(options: argparse.Namespace) -> None:
    """Print both figures."""
    asyncio.run(_report(options.rounds))


async def _report(rounds: int) -> None:
    pauses = [await _swap() for _ in range(rounds)]
    idle = statistics.median([await _pause_while(asyncio.sleep(0.5)) for _ in range(rounds)])
    print(
        f"  swap of the shipped rules (already read), {OPEN} open sessions: longest pause of the loop"
        f" {statistics.median(p for p, _ in pauses):.0f} ms ({idle * 1000:.0f} ms without), all judged again after"
        f" {statistics.median(t for _, t in pauses):.0f} ms"
    )
    late = [await _timer() for _ in range(rounds)]
    print(
        f"  flag of a timer in an idle session: {statistics.median(late):.0f} ms after it may be raised"
    )


def _rules(text: str) -> RuleSet:
    problems = Problems()
    library = Library(problems, load_schema())
    library.add_text("bench.yaml", text)
    rules = library.rule_set()
    problems.raise_if_failed()
    return rules


async def _swap() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        store, detector = await _started(Path(folder), load_rules([shipped_rules()]), 5000)
        try:
            for number in range(OPEN):
                await _visit(store, detector, number)
            await detector.drain()
            rules = load_rules([shipped_rules()])
            start = time.perf_counter()
            pause = await _pause_while(_renewed(detector, rules))
            return pause * 1000, (time.perf_counter() - start) * 1000
        finally:
            await detector.stop()
            await store.close()


async def _renewed(detector: Detector, rules: RuleSet) -> None:
    await detector.swap(rules)
    await detector.renewed()


async def _pause_while(work: Coroutine[object, object, None]) -> float:
    """Return the longest time, in seconds, that the loop was held up while *work* was done."""
    watch = asyncio.create_task(_longest_pause())
    await asyncio.sleep(0.05)
    await work
    watch.cancel()
    return await watch


async def _longest_pause() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.001), now
    except asyncio.CancelledError:
        return longest


async def _timer() -> float:
    flush_ms = 100
    with tempfile.TemporaryDirectory() as folder:
        store, detector = await _started(Path(folder), _rules(_WAITS), flush_ms)
        try:
            at = await _visit(store, detector, 0, presses=1)
            allowed = at + 1000 + flush_ms + GRACE_MS
            while not await store.flags(_name(0)):  # noqa: ASYNC110 -- nothing to wait for
                await asyncio.sleep(0.02)
            return SystemClock().now_ms() - allowed
        finally:
            await detector.stop()
            await store.close()


async def _started(folder: Path, rules: RuleSet, flush_ms: int) -> tuple[SqliteStore, Detector]:
    clock = SystemClock()
    store = SqliteStore(folder, clock)
    await store.open()
    await store.add_site(Site("key", "bench", (), "cookieless", "standard", 1_800_000, 0))
    detector = Detector(store, rules, clock, settings=DetectorSettings(), flush_ms=flush_ms)
    await detector.start()
    return store, detector


def _name(number: int) -> str:
    return f"01933333-0000-7000-8000-{number:012d}"


async def _visit(store: SqliteStore, detector: Detector, number: int, presses: int = 9) -> float:
    """Store a visit with a page view and *presses* now; return the time of the last."""
    now = SystemClock().now_ms()
    path = [{"tag": "button"}]
    events = [{"i": 0, "t": 0.0, "type": "page", "path": "/", "view": 0, "visible": True}]
    events += [
        {"i": n, "t": n * 200.0, "type": "click", "path": "/", "view": 0, "trusted": True,
         "target": {"key": f"b{n % 3}", "tag": "button", "interactive": True, "path": path}}
        for n in range(1, presses + 1)
    ]  # fmt: skip
    batch = NewBatch(
        site="key", session=_name(number), secret_hash=b"s" * 32, page_load=f"load-{number:012d}",
        tab=f"tab-{number:012d}", seq=0, digest=b"d" * 16, received_ms=now,
        origin_ms=now - events[-1]["t"], events=events, void=(), attributes={}, visitor=None,
        identity=None, page=None, gaps=(), chunk=b"", chunk_info=None,
    )  # fmt: skip
    appended = await store.append(batch)
    assert appended.batch is not None
    detector.notify(appended.batch)
    return float(appended.batch.events[-1]["ts"])
