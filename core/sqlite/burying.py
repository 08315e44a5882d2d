"""
What was erased after a backup was taken, erased again where the backup is restored. SQL only.

The tombstones come first, before the database has its name; then no server starts without having
erased what they stand for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from sqlite_utils import Database

from core.erasing import ALL_KINDS, KEY, Kind, Tombstone, Whom, subject, tombstone
from core.errors import UserError
from core.sqlite import contacts, customers
from core.sqlite.accounts import make_server_key, server_key
from core.sqlite.erasing import CUSTOMER, erase_sessions
from core.sqlite.migrations import migrations
from core.sqlite.restore import Settle
from core.sqlite.saved_store import forget_who
from core.sqlite.tombs import entomb, tombstones

BURY = "bury_pending"
"""In `meta` while there may be sessions that tombstones stand for."""


def with_tombstones(key: bytes, stones: Iterable[Tombstone]) -> Settle:
    """Return what puts *stones*, made with *key*, into a database that is being restored."""

    def settle(db: sqlite3.Connection, _: Path) -> None:
        migrations.apply(Database(db))
        db.execute("BEGIN IMMEDIATE")
        if tombstones(db) and server_key(db, KEY) != key:
            raise UserError(
                "the list of what was erased is not of the server that the backup is of"
            )
        db.execute("INSERT OR REPLACE INTO server_keys VALUES (?, ?)", (KEY, key))
        for one in stones:
            entomb(db, one)
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (BURY,))
        db.execute("COMMIT")

    return settle


def buried(db: sqlite3.Connection) -> list[str]:
    """Return the sessions that tombstones stand for; they are looked for only after a restore."""
    if not _is_due(db):
        return []
    key = server_key(db, KEY)
    assert key is not None
    known = {one.hash: one for one in tombstones(db)}
    rows = db.execute(f"SELECT id, site, visitor, {CUSTOMER}, started_ms FROM sessions")
    return [row[0] for row in rows if _stands_for(known, key, row)]


def erase_buried(db: sqlite3.Connection) -> tuple[list[str], int]:
    """Remove the rows of buried() and note their files; return them, and how many assets went along."""
    if not _is_due(db):
        return [], 0
    ids = buried(db)
    key = make_server_key(db, KEY)
    for one in ids:
        entomb(db, Tombstone(tombstone(key, "session", one), "session", 0))
    known = {one.hash: one for one in tombstones(db)}
    for customer in _unnamed(db, known, key):
        customers.unname(db, customer)
    assets = erase_sessions(db, ids)
    contacts.remove(db, _contacts(db, known, key))
    kinds: tuple[Kind, ...] = ("customer", "session")
    for kind in kinds:
        found = contacts.named_in_changes(db, kind)
        gone = {
            one: subject(key, Whom(kind, one))
            for one in found
            if tombstone(key, kind, one) in known
        }
        contacts.rename_in_changes(db, kind, gone)
    sites = [None, *(row[0] for row in db.execute("SELECT key FROM sites"))]
    forget_who(
        db,
        lambda id_: any(
            tombstone(key, kind, id_, site) in known for kind in ALL_KINDS for site in sites
        ),
    )
    for (told,) in db.execute("SELECT DISTINCT subject FROM audit").fetchall():
        for kind in ALL_KINDS:
            if tombstone(key, kind, told) in known:
                hashed = subject(key, Whom(kind, told))
                db.execute("UPDATE audit SET subject = ? WHERE subject = ?", (hashed, told))
    db.execute("DELETE FROM meta WHERE name = ?", (BURY,))
    return ids, assets


def _stands_for(known: dict[bytes, Tombstone], key: bytes, row: tuple[str, ...]) -> bool:
    id_, site, visitor, customer, started_ms = row
    if tombstone(key, "session", id_) in known:
        return True
    names: list[tuple[Kind, str]] = [("visitor", visitor), ("customer", customer)]
    stones = [
        known.get(tombstone(key, kind, name, where))
        for kind, name in names
        if name is not None
        for where in (None, site)
    ]
    return any(one is not None and int(started_ms) < one.at_ms for one in stones)


def _unnamed(db: sqlite3.Connection, known: dict[bytes, Tombstone], key: bytes) -> list[str]:
    """Return the customers who signed in with a browser before they were erased."""
    rows = db.execute("SELECT customer, min(at_ms) FROM signed_in GROUP BY customer").fetchall()
    return [
        customer
        for customer, at_ms in rows
        if (stone := known.get(tombstone(key, "customer", customer))) and at_ms < stone.at_ms
    ]


def _contacts(db: sqlite3.Connection, known: dict[bytes, Tombstone], key: bytes) -> list[str]:
    """Return the contacts that tombstones stand for, by themselves or by their customers."""
    found: list[str] = []
    for id_, customer, started_ms in db.execute("SELECT id, customer, started_ms FROM contacts"):
        stone = known.get(tombstone(key, "customer", customer)) if customer else None
        if tombstone(key, "contact", id_) in known or (stone and started_ms < stone.at_ms):
            found.append(id_)
    return found


def _is_due(db: sqlite3.Connection) -> bool:
    """Say whether there was a restore since this was done last."""
    return db.execute("SELECT 1 FROM meta WHERE name = ?", (BURY,)).fetchone() is not None
