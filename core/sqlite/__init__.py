"""The embedded store: SQLite for rows, append-only segment files for chunk bytes."""

from core.sqlite.disk import Disk
from core.sqlite.store import SqliteStore

__all__ = ["Disk", "SqliteStore"]
