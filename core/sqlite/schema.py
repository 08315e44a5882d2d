"""How a connection to the database is set up, and how its tables (migrations.py) are brought up to date."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from core.errors import StoreFailed
from core.sqlite.migrations import migrations

BUSY_MS = 10_000
"""How long a connection waits for another process's write (the command line's are short)."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database at *path*; transactions are begun by hand."""
    db = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MS / 1000,
        cached_statements=256,  # the writer's are one for each number of rows (steady.py)
    )
    if read_only:
        db.execute("PRAGMA query_only = ON")
    else:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # What is deleted, by age or because somebody asks, is overwritten in the file at once.
        db.execute("PRAGMA secure_delete = ON")
    return db


def unknown_migrations(db: sqlite3.Connection) -> list[str]:
    """Return the migrations applied to *db* that this version does not know: a newer one made it."""
    known = {one.name for one in migrations.pending(Database(sqlite3.connect(":memory:")))}
    return [one.name for one in migrations.applied(Database(db)) if one.name not in known]


def migrate(path: Path) -> None:
    """
    Bring the database at *path* to the newest schema. Several processes may do so at once.

    Raise StoreFailed if a newer version made it: what that keeps there this one would spoil.
    """
    with path.with_name("migrate.lock").open("w") as lock:
        # One process migrates; another waits here, and then finds nothing left to do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = connect(path)
        try:
            if newer := unknown_migrations(connection):
                raise StoreFailed(
                    f"{path} was made by a newer version of Stolper ({', '.join(newer)}); install that"
                )
            migrations.apply(Database(connection))
        finally:
            connection.close()


def standing(path: Path) -> tuple[list[str], list[str]]:
    """Return the migrations that the database at *path* lacks, and those that nobody here knows."""
    known = [one.name for one in migrations.pending(Database(memory=True))]
    connection = connect(path, read_only=True)
    try:
        seen = {one.name for one in migrations.applied(Database(connection))}
    finally:
        connection.close()
    return [name for name in known if name not in seen], sorted(seen.difference(known))


def shapes(path: Path) -> dict[str, str]:
    """Return how each table, index and trigger of ours in the database at *path* is made, by name."""
    with closing(connect(path, read_only=True)) as db:
        rows = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite|_%' ESCAPE '|' AND name NOT LIKE '|_sqlite|_%' ESCAPE '|'"
        ).fetchall()
    return dict(rows)
