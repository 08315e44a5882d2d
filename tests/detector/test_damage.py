"""The detector on a database of which a page is damaged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.model import Verdicts
from core.sqlite import SqliteStore
from core.sqlite.repair import Repair
from detector.service import Detector
from tests.detector.test_service import NOW, Bench, bench, presses

__all__ = ["bench"]

PAGE = 4096
MANY = 1000
"""Flags of one session, so that what says which flags a session has is several pages."""


def spoil_first_page_of_index(database: Path, name: str) -> None:
    """Put zeros in the place of the first leaf of the index *name*."""
    with closing(sqlite3.connect(database)) as db:
        root: int = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
        ).fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        page = file.read(PAGE)
        assert 2 == page[0]  # it leads to others
        cell = int.from_bytes(page[12:14])
        file.seek((int.from_bytes(page[cell : cell + 4]) - 1) * PAGE)
        file.write(bytes(PAGE))


@contextmanager
def within(detector: Detector) -> Iterator[None]:
    """End the task of *detector* at the end, whatever it waits for."""
    try:
        yield
    finally:
        if detector._task is not None:
            detector._task.cancel()


async def reopened(bench: Bench, data: Path) -> None:
    """Let *bench* go on with the folder as it is now."""
    bench.store = SqliteStore(data, bench.clock)
    await bench.store.open()


@pytest.mark.timeout(120)
async def test_flags_that_a_damaged_page_takes_keep_no_others_waiting(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The page that session `a`'s flags belong into is damaged, that of `z`'s is not: `z`'s are written.

    The log, the count and recording health tell of it. After a repair and a start `a`'s are there, too.
    """
    data = tmp_path / "data"
    stored = await bench.send(presses(5), session="m")
    detector = bench.detector()
    await detector.start()
    detector.notify(stored)
    await detector.drain()
    await detector.stop()
    (one,) = await bench.store.flags("m")
    many = tuple(replace(one, id=f"{n:05}", at_ms=one.at_ms + n) for n in range(MANY))
    await bench.end("m")
    await bench.store.commit_verdicts([Verdicts("m", 0, many, final=True)])
    await bench.store.close()
    spoil_first_page_of_index(data / "stolper.db", "flags_of_session")

    await reopened(bench, data)
    detector = bench.detector()
    await detector.start()
    with within(detector):
        sent = [await bench.send(presses(5), session=name) for name in ("a", "z")]
        for batch in sent:
            detector.notify(batch)
        async with asyncio.timeout(60):
            await detector.drain()
        assert ([], [("rage_click", "pay", True)]) == (
            await bench.flags("a"),
            await bench.flags("z"),
        )
        assert 1 == detector.unwritten
        assert sent[-1].position == await bench.store.checkpoint()
        assert ("stolper.db",) == (await bench.store.room()).damaged
        assert "flags of a are not written (the database cannot be written" in caplog.text
        await detector.stop()
    await bench.store.close()

    assert not Repair(data, NOW).run().damaged
    await reopened(bench, data)
    detector = bench.detector()
    await detector.start()
    assert [("rage_click", "pay", True)] == await bench.flags("a")
    await detector.stop()
