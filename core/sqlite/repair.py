"""
Mends a data folder that was damaged, as far as it can be, while no server runs on it.

Owns the order of that: first the database, made anew of what can be read; then files, from whatever else
has their content; what is left becomes gaps with names. Nothing that is damaged is deleted: it goes
beside, into `damaged/`. Finding it is inspection.py's, reading around damaged pages salvage.py's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.errors import UserError
from core.sqlite import rebuilding
from core.sqlite.disk import Disk
from core.sqlite.inspection import DATABASE, Inspection, Progress, inspect, look_at_database
from core.sqlite.log import ASIDE, aside, keep_damaged_log
from core.sqlite.mending import Mending
from core.sqlite.salvage import salvage
from core.sqlite.schema import connect, migrate, shapes, standing

__all__ = ["ASIDE", "DRAFT", "Repair"]

DRAFT = f"{DATABASE}.repaired"


class Repair:
    """One repair of *data*. *done* says what was mended, *lost* what is gone for good."""

    def __init__(
        self, data: Path, now_ms: int, disk: Disk | None = None, progress: Progress | None = None
    ) -> None:
        self.done: list[str] = []
        self.lost: list[str] = []
        self.aside: Path = aside(data, now_ms)
        self._data = data
        self._now_ms = now_ms
        self._disk = disk or Disk()
        self._progress = progress

    def run(self) -> Inspection:
        """
        Mend what can be mended; return what an inspection finds afterwards.

        Raise UserError if the database is too damaged to be read at all: nothing is changed then.
        """
        name = f"{DATABASE}-wal"
        if damage := keep_damaged_log(self._data / name, self.aside, self._disk):
            self.lost.append(f"{name}: {damage}; a copy of it is kept")
        try:
            found = inspect(self._data, self._progress)
            if found.database:
                self._database(found)
                found = inspect(self._data, self._progress)
            if found.strays:
                self._strays()
                found = inspect(self._data, self._progress)
            if found.damaged:
                self._files(found)
                found = inspect(self._data, self._progress)
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{self._data / DATABASE} cannot be repaired ({error}). Copy the folder away, and restore"
                " the last backup: stolper restore BACKUP --data NEW"
            ) from error
        return found

    # The database

    def _database(self, found: Inspection) -> None:
        if found.indexes_only and self._reindex():
            self.done.append("indexes of the database were made anew from their tables")
            return
        draft = self._data / DRAFT
        self._remove_draft()
        migrate(draft)
        if not self._is_of_this_version(draft):
            self._remove_draft()
            raise UserError("the data is of another version of Stolper; repair it with that one")
        self._settle()
        with (
            closing(connect(self._data / DATABASE, read_only=True)) as old,
            closing(connect(draft)) as new,
        ):
            new.execute("BEGIN")
            broken = salvage(old, new, self._keys(old))
            lost = rebuilding.mend(new, old, broken)
            new.execute("COMMIT")
            if wrong := look_at_database(new).database:
                raise UserError(f"the repaired database is not whole either: {wrong[0]}")
            # One file from here on: what is renamed must not need a log.
            new.execute("PRAGMA journal_mode = DELETE")
        self._put_in_place(draft)
        self.done.append(
            "the database was made anew from all its rows that can be read; the old one is kept in"
            f" {self.aside}"
        )
        self.lost += lost

    def _is_of_this_version(self, draft: Path) -> bool:
        """Say whether the same version made the database as the empty *draft*."""
        try:
            return standing(self._data / DATABASE) == ([], [])
        except sqlite3.DatabaseError:
            # The list of what was done to the tables is itself damaged; the tables are compared then.
            return shapes(self._data / DATABASE) == shapes(draft)

    def _reindex(self) -> bool:
        with closing(connect(self._data / DATABASE)) as db:
            try:
                db.execute("REINDEX")
            except sqlite3.DatabaseError:
                return False  # a page of an index that cannot even be freed
            return not look_at_database(db).database

    def _settle(self) -> None:
        """Bring what the log holds into the database, so that one file is all of it."""
        with closing(connect(self._data / DATABASE)) as db:
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise UserError("somebody else has the database open; stop them first")

    def _keys(self, old: sqlite3.Connection) -> dict[str, list[str]]:
        """Return what the keys of tables without row numbers may begin with, as far as others know."""

        def column(query: str) -> list[str]:
            try:
                return [row[0] for row in old.execute(query)]
            except sqlite3.DatabaseError:
                return []

        sites = column("SELECT key FROM sites") + [
            path.name for path in (self._data / "blobs").glob("*") if path.is_dir()
        ]
        sessions = column("SELECT DISTINCT session FROM page_loads") + column(
            "SELECT id FROM sessions"
        )
        return {
            "sealed": sessions,
            "asset_uses": sessions,
            "assets": sites,
            "health": ["", *sites],
            "triage": column("SELECT DISTINCT struggle FROM flags"),
            "watched": column("SELECT name FROM users"),
            "alert_told": column("SELECT id FROM alerts"),
        }

    def _put_in_place(self, draft: Path) -> None:
        """Give the repaired database its name; at every moment one of the two has it."""
        with draft.open("rb") as file:
            self._disk.fsync(file.fileno())
        self._make_aside()
        os.link(self._data / DATABASE, self.aside / DATABASE)
        self._disk.fsync_folder(self.aside)
        for ending in ("-wal", "-shm"):  # empty: the log was settled
            self._disk.unlink(self._data / f"{DATABASE}{ending}")
        self._disk.fsync_folder(self._data)
        self._disk.rename(draft, self._data / DATABASE)
        self._disk.fsync_folder(self._data)

    def _remove_draft(self) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            (self._data / f"{DRAFT}{ending}").unlink(missing_ok=True)

    # Rows and files

    def _strays(self) -> None:
        with self._changing() as db:
            self.lost += rebuilding.mend(db, None, [])
        self.done.append("rows that belonged to nothing were put right, or taken out")

    def _files(self, found: Inspection) -> None:
        with closing(connect(self._data / DATABASE)) as db:
            mending = Mending(self._data, db, self._disk, self._now_ms, self._lay_aside)
            mending.run(found, lambda: inspect(self._data, self._progress))
        self.done += mending.done
        self.lost += mending.lost

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Yield the database in one transaction, with a copy of it laid aside before."""
        self._make_aside()
        with closing(connect(self._data / DATABASE)) as db:
            if not (self.aside / DATABASE).exists():
                with closing(sqlite3.connect(self.aside / DATABASE)) as copy:
                    db.backup(copy)
                (self.aside / DATABASE).chmod(0o600)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def _make_aside(self) -> None:
        if not self.aside.is_dir():
            self.aside.mkdir(mode=0o700, parents=True)
            self.aside.parent.chmod(0o700)
            self._disk.fsync_folder(self._data)

    def _lay_aside(self, path: str, *, keep: bool = False) -> None:
        """Put the file at *path* beside, under the same name; *keep* it where it is, too."""
        source, target = self._data / path, self.aside / path
        if not source.is_file() or target.exists():
            return
        self._make_aside()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if keep:
            os.link(source, target)
        else:
            self._disk.rename(source, target)
        self._disk.fsync_folder(target.parent)
