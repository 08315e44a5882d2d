"""The bench of scale fills a folder as the store would have, and its pages are there to be asked for."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.population import Judging, Plan, contacts, counts, fill, sealed_as, sites, visits
from bench.scale import paths
from core.sqlite import SqliteStore
from core.store import Store
from tests.core.support import NOON, ManualClock

PLAN = Plan(60, NOON, running=6)
APART = {
    "batches": {"offset"},  # in segments of which one folder still has all
    "sealed": {"name"},  # random
}


async def through_the_store(store: Store, clock: ManualClock) -> None:
    """Store the visits of the plan by the store's interfaces, at the times at which all of it happens."""
    for site in sites(PLAN):
        await store.add_site(site)
    await store.note(counts(PLAN))
    judging = Judging(PLAN)
    for one in visits(PLAN):
        taken = []
        for batch in one.batches:
            clock.now = batch.received_ms
            appended = await store.append(batch)
            assert appended.batch is not None
            taken.append(appended.batch)
        if one.end_kind is None:
            continue
        clock.now = one.closed_ms
        ended = await store.end_session(taken[0].session, one.end_kind)
        assert ended is not None
        await store.commit_verdicts([judging.verdicts(ended, taken)])
        if one.sealed:
            refs = await store.chunks(ended.id)
            content = {ref: await store.read_chunk(ref) for ref in refs}
            assert await store.seal(sealed_as(ended, refs, content.__getitem__))
    for contact, digest, notes in contacts(PLAN):
        assert (await store.put_contact(contact, digest, notes))[0] == "stored"


def rows(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of a folder's database, but for what is random or depends on other rows' places."""
    found = {}
    with closing(sqlite3.connect(folder / "stolper.db")) as db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in names:
            if table.startswith(("sqlite_", "_sqlite")):
                continue
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            wanted = [name for name in columns if name not in APART.get(table, set())]
            order = ", ".join(str(n + 1) for n in range(len(wanted)))
            found[table] = db.execute(
                f"SELECT {', '.join(wanted)} FROM {table} ORDER BY {order}"
            ).fetchall()
    return found


async def contents(store: Store) -> dict[tuple[str, str, int], bytes]:
    """Return the recording of some sessions, chunk by chunk."""
    found = {}
    for one in list(visits(PLAN))[::10]:
        for ref in await store.chunks(one.batches[0].session):
            found[ref.session, ref.page_load, ref.seq] = await store.read_chunk(ref)
    return found


async def test_the_generator_writes_what_the_store_writes(tmp_path: Path) -> None:
    """Each row and each recording of 60 visits is the same as through the store's interfaces."""
    # In a thread: the generator has an event loop of its own.
    await asyncio.to_thread(lambda: fill(tmp_path / "fast", PLAN).close())
    clock = ManualClock()
    slow = SqliteStore(tmp_path / "slow", clock)
    await slow.open()
    await through_the_store(slow, clock)
    fast = SqliteStore(tmp_path / "fast", clock)
    await fast.open()
    mine, theirs = rows(tmp_path / "fast"), rows(tmp_path / "slow")

    assert theirs.keys() == mine.keys()
    for table, expected in theirs.items():
        assert expected == mine[table], table
    assert await contents(slow) == await contents(fast) != {}
    sizes = {table: len(found) for table, found in mine.items()}
    assert 60 == sizes["sessions"]
    assert (
        min(
            sizes[name]
            for name in ("flags", "gaps", "struggle_hours", "health", "contacts", "contact_notes")
        )
        > 0
    )
    assert 40 < sizes["sealed"] <= 54
    await fast.close()
    await slow.close()


def test_what_is_asked_for_is_there(tmp_path: Path) -> None:
    """Each page of the bench names a site, session, rule or struggle of the folder."""
    fill(tmp_path, PLAN).close()
    asked = paths(tmp_path)

    assert 25 < len(asked)
    assert [] == [name for name, path in asked.items() if "None" in path]


def test_some_visits_order_something() -> None:
    """Of visits in a checkout some come to a good end and some do not: else nothing is there to compare."""
    paths_of = [
        [event for batch in one.batches for event in batch.events]
        for one in visits(Plan(300, NOON, running=6))
    ]
    ordered = [any(e.get("name") == "order_placed" for e in events) for events in paths_of]
    entered = [any(e["path"].startswith("/checkout") for e in events) for events in paths_of]

    assert 30 < sum(ordered) < sum(entered) < 300
