"""What SQLite leaves behind in its file is overwritten, and not one row is changed by it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreBusy
from core.sqlite import pages
from core.sqlite.disk import Disk
from core.sqlite.schema import connect, migrate

CANARY = "CANARY"
SESSIONS, WRITES = 120, 900


def lived_in(path: Path, seed: int) -> None:
    """Make a database whose rows grew, moved and were deleted, some of them with the canary in each column."""
    chance = random.Random(seed)
    migrate(path)
    with closing(connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA secure_delete = OFF")  # as versions before wrote it
        loads: dict[int, int] = {}
        for n in range(WRITES):
            number = chance.randrange(SESSIONS)
            mark = CANARY if number % 5 == 3 else "plain."
            db.execute("BEGIN")
            if number not in loads:
                db.execute(
                    "INSERT INTO sessions (id, site, secret_hash, started_ms, last_ms, seen_ms, pages,"
                    " events, holes, reported, visitor, attributes) VALUES (?, 'site', x'00', ?, 0, 0,"
                    " 1, 1, 0, 0, ?, '{}')",
                    (f"{mark}{number}", n, mark * 3),
                )
                loads[number] = (
                    db.execute(
                        "INSERT INTO page_loads (session, name, tab, origin_ms, first_seq, last_seq,"
                        " batches, page) VALUES (?, ?, 'tab', 1.0, 0, 0, 1, '{}')",
                        (f"{mark}{number}", mark),
                    ).lastrowid
                    or 0
                )
            db.execute(
                "INSERT INTO batches (page_load, seq, digest, received_ms, late, events)"
                " VALUES (?, ?, x'00', 0, 0, ?)",
                (loads[number], n, (mark * chance.randrange(1, 1500)).encode()),
            )
            db.execute(
                "UPDATE sessions SET last_path = ?, attributes = ? WHERE id = ?",
                (mark * chance.randrange(30), mark * chance.randrange(200), f"{mark}{number}"),
            )
            db.execute(
                "INSERT OR REPLACE INTO sealed VALUES (?, ?, 0, 0, 0, 0, NULL)",
                (f"{mark}{number}", mark * chance.randrange(1, 200)),
            )
            db.execute("COMMIT")
        db.execute(
            "DELETE FROM batches WHERE page_load IN"
            f" (SELECT id FROM page_loads WHERE session LIKE '{CANARY}%')"
        )
        for table, column in (("page_loads", "session"), ("sealed", "session"), ("sessions", "id")):
            db.execute(f"DELETE FROM {table} WHERE {column} LIKE '{CANARY}%'")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def dump(path: Path) -> list[str]:
    """Return all rows but the mark that wiping itself sets."""
    with closing(sqlite3.connect(path)) as db:
        return [line for line in db.iterdump() if "wiped_ms" not in line]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("step", [20, 100_000])
def test_no_byte_of_what_was_deleted_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, step: int
) -> None:
    """In free pages, between the cells of used ones, and behind long rows; in small steps and in one."""
    monkeypatch.setattr(pages, "STEP_LEAVES", step)
    path = tmp_path / "stolper.db"
    lived_in(path, seed)
    before = dump(path)

    assert path.read_bytes().count(CANARY.encode()) > 10_000
    assert pages.wipe_free_space(path, Disk()) > 100
    assert 0 == path.read_bytes().count(CANARY.encode())
    assert before == dump(path)
    with closing(sqlite3.connect(path)) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()


def test_connections_that_are_open_see_no_old_page(tmp_path: Path) -> None:
    """A connection that has read a page before it was wiped does not write what was wiped back."""
    path = tmp_path / "stolper.db"
    lived_in(path, 7)
    with closing(connect(path)) as db:
        db.execute("PRAGMA secure_delete = OFF")
        db.execute("PRAGMA cache_size = -64000")
        for table in ("sessions", "batches", "page_loads", "sealed"):
            db.execute(f"SELECT * FROM {table}").fetchall()
        pages.wipe_free_space(path, Disk())
        db.execute("UPDATE sessions SET last_ms = 1")
        db.execute("UPDATE page_loads SET tab = 'abc'")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        assert 0 == path.read_bytes().count(CANARY.encode())


def test_a_long_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a backup reads, the log cannot be emptied: that is said, and nothing is done by halves."""
    monkeypatch.setattr(pages, "PATIENCE_S", 0.2)
    monkeypatch.setattr("core.sqlite.schema.BUSY_MS", 50)
    path = tmp_path / "stolper.db"
    lived_in(path, 1)
    with closing(connect(path)) as reader, closing(connect(path)) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        writer.execute("INSERT OR REPLACE INTO meta VALUES ('x', 1)")
        with pytest.raises(StoreBusy, match="reads for long"):
            pages.wipe_free_space(path, Disk())
        reader.execute("ROLLBACK")

        assert pages.wipe_free_space(path, Disk()) > 100
