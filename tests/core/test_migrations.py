"""Data folders of earlier versions are brought to the newest schema, and say what they said."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from core.sqlite import SqliteStore
from core.sqlite.backup import take_backup
from core.sqlite.migrations import migrations
from core.sqlite.restore import check_backup, restore_backup
from core.sqlite.schema import migrate
from tests.core.support import ManualClock, batch, stored
from tests.held import held
from tools import snapshot

RELEASED = sorted(path.name for path in snapshot.SNAPSHOTS.iterdir())

NAMES = [one.name for one in migrations.pending(Database(memory=True))]
"""Every migration, in order."""

_VALUES = {"TEXT": "text", "INTEGER": 7, "REAL": 1.5, "BLOB": b"bytes"}

Rows = dict[str, dict[str, object]]


def schema(database: Path) -> list[tuple[str, ...]]:
    """Return tables and indexes as SQLite keeps them."""
    with closing(sqlite3.connect(database)) as db:
        made = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql NOT NULL")
        return sorted(made.fetchall())


@pytest.fixture
def fresh(tmp_path: Path) -> list[tuple[str, ...]]:
    """The schema of a database that this version makes."""
    migrate(tmp_path / "fresh.db")
    return schema(tmp_path / "fresh.db")


def tables(db: sqlite3.Connection) -> Iterator[tuple[str, list[tuple[str, str, int]]]]:
    """
    Yield every table of ours with its columns: name, type, whether it must be given.

    Those of the index of words are left out: SQLite writes them, and they hold no row of anybody's.
    """
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not name.startswith(("sqlite_", "_sqlite", "search_text")):
            columns = db.execute(f"PRAGMA table_info({name})").fetchall()
            yield name, [(column[1], column[2], column[3] or column[5]) for column in columns]


def fill(db: sqlite3.Connection) -> Rows:
    """Put one row into every table, each column with a value of its type; return them."""
    rows: Rows = {}
    for table, columns in tables(db):
        row = {name: _VALUES[type_] for name, type_, _ in columns}
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])
        rows[table] = row
    db.commit()
    return rows


def read(db: sqlite3.Connection, table: str, columns: list[str]) -> list[dict[str, object]]:
    """Return what *columns* of a table hold."""
    rows = db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", NAMES[1:])
def test_every_step_leads_to_the_same_schema(
    tmp_path: Path, fresh: list[tuple[str, ...]], name: str
) -> None:
    """From the schema before each migration, with a row in each table: same schema, values kept."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        migrations.apply(Database(db), stop_before=name)
        before = fill(db)
    migrate(path)

    assert fresh == schema(path)
    with closing(sqlite3.connect(path)) as db:
        kept = {table: {name for name, *_ in columns} for table, columns in tables(db)}
        for table, row in before.items():
            same = {column: row[column] for column in row if column in kept.get(table, ())}
            assert table in kept, f"{table} went; if that is meant, say here where its rows are"
            assert [same] == read(db, table, list(same))


def unpacked(version: str, data: Path) -> Path:
    """Return *data*, made a data folder as *version* left it."""
    shutil.copytree(snapshot.SNAPSHOTS / version, data)
    snapshot.load((data / "stolper.sql").read_text(), data / "stolper.db")
    for name in ("stolper.sql", "told.json"):
        (data / name).unlink()
    return data


@pytest.mark.parametrize("version", RELEASED)
async def test_a_released_version_s_data_say_what_they_said(
    tmp_path: Path, fresh: list[tuple[str, ...]], version: str
) -> None:
    """
    Migrated, a data folder of each released version answers as it did, and takes a new batch.

    Its schema is that of a fresh one: no migration was changed since that version was released.
    """
    data = unpacked(version, tmp_path / "data")
    old = json.loads((snapshot.SNAPSHOTS / version / "told.json").read_text())
    store = SqliteStore(data, ManualClock())
    await store.open()
    new = await snapshot.told(store)
    await stored(store, batch("session-a", 4))
    await store.close()

    assert [] == held(old, new)
    assert fresh == schema(data / "stolper.db")


@pytest.mark.parametrize("version", RELEASED)
async def test_a_released_version_s_backup_can_be_restored(tmp_path: Path, version: str) -> None:
    """A backup of a folder that was never migrated is whole, and comes back to say the same."""
    data = unpacked(version, tmp_path / "data")
    take_backup(data, tmp_path / "backup", texts=(), facts={})
    wrong = check_backup(tmp_path / "backup")
    restore_backup(tmp_path / "backup", tmp_path / "back")
    store = SqliteStore(tmp_path / "back", ManualClock())
    await store.open()
    new = await snapshot.told(store)
    await store.close()

    assert [] == wrong
    assert [] == held(json.loads((snapshot.SNAPSHOTS / version / "told.json").read_text()), new)


def test_a_snapshot_is_what_this_version_makes(tmp_path: Path) -> None:
    """The tool that writes them down at a release works, and refuses to change one."""
    snapshot.write(tmp_path / "now")
    made = {str(p.relative_to(tmp_path / "now")) for p in (tmp_path / "now").rglob("*.*")}

    assert {"stolper.sql", "told.json", "segments/2027-01-15T08.seg"} <= made
    assert 1 == snapshot.main([RELEASED[0]])
