"""
Blobs: style sheets, fonts and images, each once per site under the hash of its bytes.

Owns the files below blobs/ and their rows. A file is durable before its row, so that a row
never names bytes that a power cut could take; a file without a row is never read.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from core.errors import StoreError
from core.model import Asset, AssetKind, AssetUsage, NewAsset, asset_hash
from core.sqlite.disk import Disk

FOLDER = "blobs"

RECENT_MS = 3_600_000
"""Assets used within the same hour rank by how often; so a sheet that was replaced drops out soon."""

MOST_ASSETS = 20_000
"""Of one site, which has some hundreds: each that is put looks through all, and anybody may send."""

MOST_HASHES = 500
"""Hashes looked up in one statement; SQLite takes some thousands of parameters."""


class Blobs:
    """The files, by site and hash."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    def has(self, site: str, name: str, size: int) -> bool:
        """Return whether the file is there in full length."""
        try:
            return (self._folder / site / name).stat().st_size == size
        except OSError:
            return False

    def write(self, site: str, name: str, content: bytes) -> None:
        """Write the file and return once it is durable: bytes, then name. Raise OSError."""
        folder = self._folder / site
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._disk.fsync_folder(self._folder)
        draft = folder / f".{name}.{secrets.token_hex(4)}"
        try:
            fd = self._disk.open_append(draft)
            try:
                self._disk.write(fd, content)
                self._disk.fsync(fd)
            finally:
                os.close(fd)
            self._disk.rename(draft, folder / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._disk.fsync_folder(folder)

    def read(self, site: str, name: str) -> bytes:
        """Return the bytes. Raise StoreError if they are not what *name* says."""
        try:
            content = (self._folder / site / name).read_bytes()
        except OSError as error:
            raise StoreError(f"asset {name} cannot be read: {error}") from error
        if asset_hash(content) != name:
            raise StoreError(f"asset {name} is damaged")
        return content

    def drop(self, site: str, name: str) -> None:
        """Remove a file that has no row."""
        (self._folder / site / name).unlink(missing_ok=True)

    def unname(self, site: str, name: str) -> str | None:
        """Take its name from a file that has no row, so that the next may have it; return the new one."""
        draft = f".{name}.{secrets.token_hex(4)}"
        try:
            self._disk.rename(self._folder / site / name, self._folder / site / draft)
        except FileNotFoundError:
            return None
        return draft


def size_of(db: sqlite3.Connection, site: str, name: str) -> int | None:
    """Return how many bytes the asset has; None if there is no such row."""
    row = db.execute("SELECT bytes FROM assets WHERE site = ? AND hash = ?", (site, name))
    found = row.fetchone()
    return int(found[0]) if found else None


def fits(db: sqlite3.Connection, new: NewAsset) -> bool:
    """Return whether *new* fits into its site's quota, and is not one too many."""
    there = usage(db, new.site)
    return there.count < MOST_ASSETS and there.bytes + len(new.content) <= new.quota_bytes


def insert(db: sqlite3.Connection, new: NewAsset, name: str) -> bool:
    """Note *new*, whose file is durable; False, and a note of that, if it does not fit."""
    if size_of(db, new.site, name) is not None:
        return True
    if not fits(db, new):
        refuse(db, new)
        return False
    db.execute(
        "INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
        (new.site, name, new.kind, new.media, len(new.content), new.at_ms, new.at_ms),
    )
    if new.session is not None:
        db.execute(
            "INSERT OR IGNORE INTO asset_uses SELECT id, site, ? FROM sessions WHERE id = ?",
            (name, new.session),
        )
    return True


def refuse(db: sqlite3.Connection, new: NewAsset) -> None:
    """Note that the site's quota was too small for *new*."""
    db.execute("INSERT OR REPLACE INTO assets_full VALUES (?, ?)", (new.site, new.at_ms))


def use(
    db: sqlite3.Connection,
    site: str,
    session: str,
    used: Iterable[str],
    met: Iterable[str],
    at_ms: int,
) -> None:
    """Note that *session* needs *used* at replay, and that its page has *met* (in full) too."""
    named = [*used, *met]
    db.executemany(
        "UPDATE assets SET uses = uses + 1, used_ms = max(used_ms, ?) WHERE site = ? AND hash = ?",
        [(at_ms, site, name) for name in named],
    )
    # What is not kept takes no row: anybody can make up hashes.
    db.executemany(
        "INSERT OR IGNORE INTO asset_uses"
        " SELECT ?, site, hash FROM assets WHERE site = ? AND hash = ?",
        [(session, site, name) for name in named],
    )


def stored(db: sqlite3.Connection, site: str, names: Iterable[str]) -> set[str]:
    """Return which of *names* are there."""
    asked = list(names)[:MOST_HASHES]
    marks = ",".join("?" * len(asked))
    rows = db.execute(
        f"SELECT hash FROM assets WHERE site = ? AND hash IN ({marks})", (site, *asked)
    )
    return {row[0] for row in rows}


def used_by(db: sqlite3.Connection, session: str) -> list[str]:
    """Return what *session* needs."""
    rows = db.execute("SELECT hash FROM asset_uses WHERE session = ? ORDER BY hash", (session,))
    return [row[0] for row in rows]


def most_used(db: sqlite3.Connection, site: str, limit: int) -> list[str]:
    """Return the style sheets and fonts used of late, those used most first."""
    rows = db.execute(
        "SELECT hash FROM assets WHERE site = ? AND kind <> 'image'"
        " ORDER BY used_ms / ? DESC, uses DESC, hash LIMIT ?",
        (site, RECENT_MS, limit),
    )
    return [row[0] for row in rows]


def facts(db: sqlite3.Connection, site: str, name: str) -> tuple[AssetKind, str] | None:
    """Return kind and media type of an asset; None if there is no such row."""
    row = db.execute("SELECT kind, media FROM assets WHERE site = ? AND hash = ?", (site, name))
    found = row.fetchone()
    return (found[0], found[1]) if found else None


def usage(db: sqlite3.Connection, site: str) -> AssetUsage:
    """Return what the assets of *site* take."""
    count, total = db.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM assets WHERE site = ?", (site,)
    ).fetchone()
    full = db.execute("SELECT full_ms FROM assets_full WHERE site = ?", (site,)).fetchone()
    return AssetUsage(count, total, full[0] if full else None)


def read(db: sqlite3.Connection, blobs: Blobs, site: str, name: str) -> Asset | None:
    """Return an asset with its bytes; None if there is none. Raise StoreError if it is damaged."""
    found = facts(db, site, name)
    if found is None:
        return None
    kind, media = found
    return Asset(name, kind, media, blobs.read(site, name))
