"""
How the console answers with much stored: `python -m bench.scale [--sizes 10000 100000] [--data DIR] [--rounds N]`.

Fills folders (bench/population.py), starts a real server on each, and asks the servers in turn, so that growth is a ratio
within one run. Prints wall times (goal: p95 at most 300 ms), the server's CPU for an answer, and its growth (goal: 1.5).
Then what runs at a start and in the background, what a batch costs beside an empty store, and what the files take.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bench.batches import KEY, ORIGIN, bodies
from bench.ingest import serving
from bench.load import request, run
from bench.population import Plan, fill
from bench.receivers import AIOHTTP
from bench.served import STOLPER, Served
from core.clock import SystemClock
from core.model import Place, SessionQuery
from core.sqlite import SqliteStore, efforts, judged, records, search_index, triage, walks
from core.sqlite.store import DATABASE
from core.triage import TriageChange
from detector.loader import load_rules, shipped_rules
from detector.steps import Steps
from insight.effort import with_effort
from insight.maps import with_sights
from insight.paths import with_ways
from insight.walks import made_by, with_walks
from replay.document import document_of

GOAL_MS, GOAL_GROWTH, GOAL_INGEST = 300, 1.5, 1.2
DAY_MS = 86_400_000


def main(arguments: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--sizes", nargs=2, type=int, default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=20, help="how often each page is asked for")
    parser.add_argument("--data", type=Path, help="keep the folders in this one")
    parser.add_argument("--requests", type=int, default=4000, help="batches sent to each store")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="stolper-scale") as temporary:
        root = options.data or Path(temporary)
        folders = [_filled(root / f"scale-{size}", size, say) for size in options.sizes]
        for folder in folders:
            _files(folder, say)
        _pages(folders, options.rounds, say)
        _background(folders, say)
        _ingest(folders[1], options.requests, say)
    return 0


def _filled(folder: Path, size: int, say: Callable[[str], None]) -> Path:
    """Return the folder with *size* sessions, made if it is not there."""
    if not (folder / DATABASE).is_file():
        began = time.process_time()
        db = fill(folder, Plan(size, SystemClock().now_ms()))
        _index(db)
        db.close()
        say(f"{size:,} sessions made in {time.process_time() - began:,.0f} s of CPU")
    return folder


def _index(db: sqlite3.Connection) -> None:
    """Index all sessions, as the server does in the background: it is to answer pages meanwhile, not to do that."""
    steps = Steps(load_rules([shipped_rules()]))
    walks.note(db, made_by(steps))
    efforts.declare(db, steps.versions)
    while due := search_index.due(db, 1 << 53, 100):
        documents = []
        for one in due:
            batches = records.batches(db, one.session.id)
            flags = judged.flags(db, one.session.id, withdrawn=False)
            loads = records.page_loads(db, one.session.id)
            document = document_of(one.session, batches, loads, flags)
            walked = with_walks(document, steps, one.session, batches, flags)
            score = judged.score(db, one.session.id)
            effort = with_effort(walked, one.session, batches, score)
            documents.append(with_sights(with_ways(effort, one.session, batches), batches, flags))
        db.execute("BEGIN")
        search_index.put(db, documents, due)
        db.execute("COMMIT")
    today = SystemClock().now_ms() // DAY_MS
    for process, first in efforts.lacking(db, today).items():
        db.execute("BEGIN")
        made = efforts.medians(db, process, first, today)
        search_index.measure_anew(db, efforts.note(db, process, first, today, made))
        db.execute("COMMIT")
    _say_mended(db, today * DAY_MS)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _say_mended(db: sqlite3.Connection, now_ms: int) -> None:
    """Say of the most frequent struggles that the newest release mended them, ten days ago: their verdicts are counted."""
    often = db.execute(
        "SELECT struggle FROM struggle_hours GROUP BY struggle ORDER BY sum(sessions) DESC LIMIT 20"
    ).fetchall()
    said = TriageChange(state="resolved", release="2026.4")
    db.execute("BEGIN")
    assert len(often) == triage.change(
        db, [key for (key,) in often], said, "desk", now_ms - 10 * DAY_MS
    )
    db.execute("COMMIT")


def _files(folder: Path, say: Callable[[str], None]) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        sessions, batches, flags, struggles = (
            db.execute(f"SELECT {what}").fetchone()[0]
            for what in (
                "count(*) FROM sessions",
                "count(*) FROM batches",
                "count(*) FROM flags",
                "count(DISTINCT struggle) FROM struggle_hours",
            )
        )
        parts = db.execute(
            "SELECT CASE WHEN name LIKE '%_by_%' OR name LIKE 'sqlite_auto%' THEN 'indexes'"
            " WHEN name = 'batches' THEN 'events' ELSE 'other rows' END, sum(pgsize) FROM dbstat GROUP BY 1"
        ).fetchall()
    sealed = sum(path.stat().st_size for path in (folder / "sealed").glob("*/*"))
    told = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in parts)
    say(
        f"{sessions:,} sessions, {batches:,} batches, {flags:,} flags, {struggles:,} struggles: stolper.db"
        f" {(folder / DATABASE).stat().st_size / 1e6:,.0f} MB ({told}), sealed/ {sealed / 1e6:,.0f} MB"
    )


# Pages


def paths(folder: Path) -> dict[str, str]:
    """Return what is asked for: the paths, by what they are called in the table."""
    with closing(sqlite3.connect(folder / DATABASE)) as db:

        def one(sql: str) -> Any:
            return db.execute(sql).fetchone()

        deep = "ORDER BY {0} DESC, started_ms DESC, id DESC LIMIT 1 OFFSET (SELECT count(*) * 8 / 10 FROM sessions)"
        newest = Place(
            *one(f"SELECT rank, started_ms, id FROM sessions {deep.format('started_ms')}")
        )
        ranked = Place(*one(f"SELECT rank, started_ms, id FROM sessions {deep.format('rank')}"))
        by_hours = "SELECT struggle FROM struggle_hours GROUP BY struggle ORDER BY sum(sessions)"
        often, seldom = one(f"{by_hours} DESC LIMIT 1")[0], one(f"{by_hours} LIMIT 1")[0]
        by_rule = "SELECT rule FROM flags WHERE withdrawn IS NULL GROUP BY rule ORDER BY count(*)"
        rule, rare = one(f"{by_rule} DESC LIMIT 1")[0], one(f"{by_rule} LIMIT 1")[0]
        usual = one(
            "SELECT id FROM sessions WHERE flags = 2 AND events > 20 ORDER BY started_ms DESC LIMIT 1"
        )[0]
        long = one("SELECT id FROM sessions WHERE ended_ms NOT NULL ORDER BY events DESC LIMIT 1")[
            0
        ]
        known = "CASE WHEN json_valid(identity) THEN json_extract(identity, '$.id') END"
        customer = one(
            f"SELECT {known} FROM sessions WHERE identity IS NOT NULL GROUP BY 1"
            " ORDER BY count(*) DESC, 1 LIMIT 1"
        )[0]
    return {
        "sessions": "/sessions",
        "sessions, far down": f"/sessions?after={newest}",
        "sessions, of a site": "/sessions?site=careers",
        "sessions, last hour": "/sessions?since=1h",
        "sessions, with struggle, 7 days": "/sessions?flagged=yes&since=7d",
        "sessions, severe": "/sessions?score=severe",
        "sessions, by score": "/sessions?order=score",
        "sessions, by score, far down": f"/sessions?order=score&after={ranked}",
        "sessions, by score, site, 24 h": "/sessions?order=score&site=careers&since=24h",
        "sessions, of the most frequent rule": f"/sessions?rule={rule}",
        "... by score, of a site": f"/sessions?rule={rule}&order=score&site=careers",
        "sessions, of the rarest rule": f"/sessions?rule={rare}",
        "sessions, found by fields": "/sessions?device=mobile&not_page=/basket",
        "sessions, by fields, score, 7 days": "/sessions?did=press&device=mobile&order=score&since=7d",
        "sessions, by a word of most": "/sessions?q=item",
        "sessions, by words and fields": "/sessions?q=checkout+-page:/basket&has=struggle",
        "sessions, none, what to drop": "/sessions?device=mobile&page=/nowhere&browser=Safari",
        "rows of an open list": "/sessions/rows",
        "processes": "/processes",
        "process": "/processes/checkout",
        "process, 7 days, on phones": "/processes/checkout?since=7d&device=mobile",
        "form of a process": "/processes/checkout/edit",
        "causes of a step": "/processes/checkout/causes",
        "causes, 7 days, on phones": "/processes/checkout/causes?since=7d&device=mobile",
        "effort of a process": "/processes/checkout/effort",
        "effort, 7 days, on phones": "/processes/checkout/effort?since=7d&device=mobile",
        "map of the home page": "/maps?page=/",
        "map, depth, 7 days": "/maps?page=/list&show=depth&since=7d",
        "map in a process": "/processes/checkout/maps?page=/basket",
        "map, list of an element": "/sessions?pressed=/+button-0",
        "paths": "/paths",
        "paths before a page, on phones": "/paths?toward=before&at=/basket&device=mobile",
        "paths, list of a band": "/sessions?went=/basket +1 *&not_went=/basket +1 /".replace("+", "%2B").replace(" ", "+"),
        "paths through a process": "/processes/checkout/paths?depth=6",
        "forms of a process": "/processes/checkout/forms",
        "forms, 30 days, on phones": "/processes/checkout/forms?since=30d&device=mobile",
        "customers": "/customers",
        "customer with most visits": f"/customers/{customer}",
        "handover card": f"/customers/{customer}/handover",
        "contacts": "/contacts",
        "contacts of a channel": "/contacts?channel=chat",
        "weekly report": "/reports/weekly",
        "today's report": "/reports/today",
        "struggles": "/struggles",
        "struggles, 30 days": "/struggles?since=30d",
        "struggles, 7 days, of a site": "/struggles?since=7d&site=shop",
        "struggles, 24 h": "/struggles?since=24h",
        "most frequent struggle": f"/struggles/{often}",
        "rarest struggle": f"/struggles/{seldom}",
        "session": f"/sessions/{usual}",
        "longest session": f"/sessions/{long}",
        "recording health, 7 days": "/sites/scale-shop/health",
        "recording health, 30 days": "/sites/scale-shop/health?since=30d",
        "rules": "/rules",
        "API sessions": "/api/v1/sessions?limit=50",
        "API sessions, far down": f"/api/v1/sessions?limit=50&after={newest}",
        "API facets": "/api/v1/sessions/facets?not_page=/basket",
        "API session": f"/api/v1/sessions/{usual}",
        "API events": f"/api/v1/sessions/{usual}/events",
        "API struggles": "/api/v1/struggles",
        "API health": "/api/v1/sites/scale-shop/health",
    }  # fmt: skip


def _pages(folders: Sequence[Path], rounds: int, say: Callable[[str], None]) -> None:
    for folder in folders:
        _forget_pages(folder)
    servers = [Served(folder) for folder in folders]
    try:
        small, large = servers
        say(
            f"start: {large.start_s:.1f} s ({large.start_cpu_s:.1f} s of CPU), with a tenth"
            f" {small.start_s:.1f} s ({small.start_cpu_s:.1f} s); memory {large.rss_mb():.0f} MB"
        )
        asked = [paths(folder) for folder in folders]
        for server in servers:
            server.sign_in()
            _settle(server)
        wall: dict[tuple[str, int], list[float]] = {}
        cpu: dict[tuple[str, int], list[float]] = {}
        names = list(asked[0])
        for nth in range(rounds + 1):
            for name in random.Random(nth).sample(names, len(names)):
                for which, server in enumerate(servers):
                    began, used = time.perf_counter(), server.cpu_s()
                    server.get(asked[which][name])
                    wall.setdefault((name, which), []).append(time.perf_counter() - began)
                    cpu.setdefault((name, which), []).append(server.cpu_s() - used)
        say(
            f"\n{'':<36}{'first':>7}{'median':>8}{'p95 ms':>8}{'CPU ms':>9}{'p95':>7}{'a tenth':>9}{'growth':>8}"
        )
        for name in names:
            _row(name, wall[name, 1], cpu[name, 0], cpu[name, 1], say)
        say(
            f"(wall times with {os.getloadavg()[0]:.0f} processes at work on {os.cpu_count()} cores)"
        )
        say(f"memory after that: {large.rss_mb():.0f} MB, with a tenth {small.rss_mb():.0f} MB")
    finally:
        for server in servers:
            server.stop()


def _row(
    name: str,
    wall: list[float],
    small: list[float],
    large: list[float],
    say: Callable[[str], None],
) -> None:
    """Print a line: the first answer apart, for which nothing was in memory. CPU decides: others may keep the machine busy."""
    p95, cpu_p95 = (statistics.quantiles(one[1:], n=20)[18] * 1000 for one in (wall, large))
    before, after = (statistics.median(one[1:]) * 1000 for one in (small, large))
    growth = after / before
    missed = " <<" if cpu_p95 > GOAL_MS or growth > GOAL_GROWTH else ""
    say(
        f"{name:<36}{wall[0] * 1000:>7.0f}{statistics.median(wall[1:]) * 1000:>8.0f}{p95:>8.0f}"
        f"{after:>9.1f}{cpu_p95:>7.1f}{before:>9.1f}{growth:>8.2f}{missed}"
    )


def _settle(server: Served) -> None:
    """Wait until what was running has been ended, judged and sealed, so far as that is due."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        used = server.cpu_s()
        time.sleep(2)
        if server.cpu_s() - used < 0.2:
            return


def _forget_pages(folder: Path) -> None:
    """Let the system forget what it holds of the database in memory, as after a restart of the machine."""
    for path in folder.glob("stolper.db*"):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


# What is done without anybody asking


def _background(folders: Sequence[Path], say: Callable[[str], None]) -> None:
    found = [asyncio.run(_looks(folder)) for folder in folders]
    for one, folder in zip(found, folders, strict=True):
        one["stolper doctor"] = _doctor(folder)
    say(f"\n{'':<38}{'CPU ms':>9}{'a tenth':>9}{'growth':>8}")
    for name, after in found[1].items():
        say(f"{name:<38}{after:>9.1f}{found[0][name]:>9.1f}{after / found[0][name]:>8.2f}")


async def _looks(folder: Path) -> dict[str, float]:
    """Return the CPU milliseconds of what servers and commands look for, the best of some."""
    store = SqliteStore(folder, SystemClock(), read_only=True)
    await store.open()
    now = SystemClock().now_ms()
    week = SessionQuery(since_ms=now - 7 * DAY_MS, limit=200)

    async def first_page() -> None:
        await store.count_sessions(week)
        page = await store.sessions(week)
        await store.batches_of([session.id for session in page])

    async def far_page() -> None:
        page = await store.sessions(
            replace(week, since_ms=None, after=Place(0, now - 25 * DAY_MS, ""))
        )
        await store.batches_of([session.id for session in page])

    looks: dict[str, Callable[[], Awaitable[Any]]] = {
        "look for idle sessions": lambda: store.idle_sessions(now),
        "look for sessions to seal": lambda: store.unsealed_sessions(now, 20),
        "look for old sessions": lambda: store.oldest_ms("scale-shop"),
        "bytes used (disk budget)": lambda: store.used_bytes(None),
        "open sessions at a start": store.open_sessions,
        "backtest: first 200 sessions": first_page,
        "backtest: 200 sessions far down": far_page,
    }
    found = {}
    for name, look in looks.items():
        times = []
        for _ in range(5):
            began = time.process_time()
            await look()
            times.append((time.process_time() - began) * 1000)
        found[name] = min(times)
    await store.close()
    return found


def _doctor(folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*STOLPER, "doctor", "--data", str(folder)],
        capture_output=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


# Batches


def _ingest(folder: Path, requests: int, say: Callable[[str], None]) -> None:
    """Send the same batches to an empty store and to a copy of a full one, in turn."""
    sent = [
        [
            request(f"/i/{KEY}", ORIGIN, one.body)
            for one in bodies(n * 1_000_000, requests // 8, 2000)
        ]
        for n in range(8)
    ]
    ratios = []
    for _ in range(3):
        costs = []
        for full in (False, True):
            with tempfile.TemporaryDirectory(prefix="stolper-ingest") as temporary:
                if full:
                    shutil.copy(folder / DATABASE, temporary)
                with serving([sys.executable, "-m", "bench.receivers", AIOHTTP, temporary]) as (
                    pid,
                    port,
                ):
                    outcome = uvloop.run(run(port, sent, pid, requests // 80))
                costs.append(outcome.cpu_us)
        ratios.append((costs[1] / costs[0], *costs))
    ratio, empty, full_us = sorted(ratios)[1]
    say(
        f"\na batch of 2 KB: {full_us:.0f} µs of CPU, with an empty store {empty:.0f} µs;"
        f" {ratio:.2f} times (goal {GOAL_INGEST})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
