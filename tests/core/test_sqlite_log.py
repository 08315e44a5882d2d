"""The database's write-ahead log: a crash's end of it is told from damage by the medium."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from core.sqlite import SqliteStore
from core.sqlite.log import FRAME, HEADER, log_damage
from core.sqlite.repair import Repair
from core.sqlite.schema import connect
from stolper.doctor.damage import examine_log
from tests.core.support import NOON, SITE, ManualClock, batch

PAGE = 4096
COMMITS = 8


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose log holds COMMITS commits, as it stands when the process dies."""
    folder = tmp_path_factory.mktemp("log")
    with closing(connect(folder / "live.db")) as db:
        db.execute("CREATE TABLE t (n)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for n in range(COMMITS):
            db.execute("INSERT INTO t VALUES (?)", (n,))
        for ending in ("", "-wal"):
            shutil.copy(folder / f"live.db{ending}", folder / f"crashed.db{ending}")
    return folder / "crashed.db"


def copy(crashed: Path, target: Path, frame: int | None = None, at: int = FRAME + 100) -> Path:
    """Return a copy of the log, with one byte of *frame* changed."""
    log = target / "t.db-wal"
    shutil.copy(crashed, target / "t.db")
    content = bytearray(Path(f"{crashed}-wal").read_bytes())
    assert HEADER + COMMITS * (FRAME + PAGE) == len(content)
    if frame is not None:
        content[HEADER + frame * (FRAME + PAGE) + at] ^= 0x55
    log.write_bytes(content)
    return log


def read_by_sqlite(log: Path) -> int:
    """Return how many commits SQLite finds."""
    with closing(sqlite3.connect(log.with_name("t.db"))) as db:
        count: int = db.execute("SELECT count(*) FROM t").fetchone()[0]
    return count


def test_a_whole_log_and_none_are_no_damage(crashed: Path, tmp_path: Path) -> None:
    """SQLite reads all of it."""
    log = copy(crashed, tmp_path)

    assert (None, None) == (log_damage(log), log_damage(tmp_path / "other-wal"))
    assert COMMITS == read_by_sqlite(log)


@pytest.mark.parametrize("at", [FRAME + 100, 3])
@pytest.mark.parametrize("frame", range(COMMITS))
def test_what_sqlite_would_forget_is_counted(
    crashed: Path, tmp_path: Path, frame: int, at: int
) -> None:
    """
    A byte of a frame's page or head is changed: SQLite reads up to it; the commits from there on are counted.

    Of the last one nothing is said: a crash may have left it so.
    """
    log = copy(crashed, tmp_path, frame, at)
    found = log_damage(log)

    lost = COMMITS - frame
    assert ((frame, lost) if lost > 1 else None) == (found and (found.frame, found.commits))
    assert frame == read_by_sqlite(log)


def test_a_torn_end_is_no_damage(crashed: Path, tmp_path: Path) -> None:
    """The log is cut anywhere in its last commits, or the rest of it is older than its beginning."""
    log = copy(crashed, tmp_path)
    content = log.read_bytes()
    for size in range(0, len(content), 1013):
        log.write_bytes(content[:size])
        assert log_damage(log) is None, size
    older = bytearray(content)
    for frame in range(3, COMMITS):  # what a log that began anew still has of the one before
        struct.pack_into(">I", older, HEADER + frame * (FRAME + PAGE) + 8, 7)
    log.write_bytes(older)
    assert log_damage(log) is None


async def test_a_start_tells_of_lost_commits_and_keeps_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A crashed server's log is damaged in its midst: the next start logs how many commits are lost.

    Recording health and doctor name the log, its copy is kept to the byte, what is before the damage is there, and new
    batches are taken. A repair in place of the start does the same.
    """
    live = SqliteStore(tmp_path / "live", ManualClock())
    await live.open()
    await live.add_site(SITE)
    for seq in range(COMMITS):
        await live.append(batch(seq=seq))
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "live", crashed)
    await live.close()
    log = crashed / "stolper.db-wal"
    content = bytearray(log.read_bytes())
    content[HEADER + (len(content) - HEADER) // (FRAME + PAGE) // 2 * (FRAME + PAGE) + 200] ^= 0x55
    log.write_bytes(content)
    other = tmp_path / "other"
    shutil.copytree(crashed, other)

    store = SqliteStore(crashed, ManualClock())
    await store.open()
    found = await store.batches("session-a")
    assert 0 < len(found) < COMMITS
    assert [*range(len(found))] == [one.seq for one in found]
    assert (
        f"{COMMITS - len(found)} commits from there on are not read; they are lost" in caplog.text
    )
    assert ("stolper.db-wal",) == (await store.room()).damaged
    assert [content] == [one.read_bytes() for one in crashed.glob("damaged/*/stolper.db-wal")]
    assert "stored" == (await store.append(batch(seq=COMMITS))).status
    await store.close()

    assert ["log_damaged"] == [one.code for one in examine_log(other)]
    repair = Repair(other, NOON)
    assert not repair.run().damaged
    assert 1 == len([one for one in repair.lost if one.startswith("stolper.db-wal: frame ")])
    assert content == (repair.aside / "stolper.db-wal").read_bytes()
