"""
Every step that makes something durable, in one small object.

Owns no policy: tests hand in a subclass that records the order of the steps or fails one.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class Disk:
    """The real disk."""

    def open_append(self, path: Path) -> int:
        """Open or create the file at *path* for appending; return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> None:
        """Write all of *data*; the system may take it in pieces."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def fsync(self, fd: int) -> None:
        """Return once what was written to *fd* is on the medium."""
        os.fsync(fd)

    def rename(self, path: Path, to: Path) -> None:
        """Give the file at *path* the name *to*, in place of one that is there."""
        path.rename(to)

    def unlink(self, path: Path) -> None:
        """Remove the file at *path*, if it is there."""
        path.unlink(missing_ok=True)

    def fsync_folder(self, path: Path) -> None:
        """Return once the names in the folder *path* are on the medium."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def make_folder(self, path: Path) -> None:
        """
        Make the folder at *path*, for its owner alone, and those above it that are missing.

        Return once their names are on the medium.
        """
        new = [one for one in path.parents if not one.is_dir()]
        for one in reversed(new):
            one.mkdir(exist_ok=True)
        there = path.is_dir()
        path.mkdir(mode=0o700, exist_ok=True)
        for one in reversed(new):
            self.fsync_folder(one.parent)
        # Also when it was there: whoever made it may have died before this.
        try:
            self.fsync_folder(path.parent)
        except PermissionError:  # made by somebody who may look in there
            if not there:
                raise

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file back to *size* bytes."""
        os.ftruncate(fd, size)

    def commit(self, db: sqlite3.Connection) -> None:
        """Commit; with synchronous=FULL this returns once the log is on the medium."""
        db.execute("COMMIT")

    def settle(self, db: sqlite3.Connection) -> None:
        """Bring everything that the log holds into the database file, on the medium."""
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if busy:
            raise sqlite3.OperationalError("the database is busy")
