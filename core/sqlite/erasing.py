"""
Rows that go: whose they are, what lies in files for them, what stands for them afterwards. SQL only.

Overwriting files is wipe.py's, the database's own remains are pages.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from core.erasing import KEY, Kind, Removed, Tombstone, Whom, subject, tombstone
from core.model import NewBatch
from core.sqlite import contacts, customers, search_index
from core.sqlite.accounts import make_server_key
from core.sqlite.saved_store import forget_who
from core.sqlite.tombs import are_there, entomb, is_buried

WIPE = "wipe_pending"
"""In `meta` while remains of erased rows may lie in the database file."""

AGE = "coalesce(closed_ms, ended_ms)"
"""When a session ended by the server's clock, where that is known; an index is of this."""

CUSTOMER = "CASE WHEN json_valid(identity) THEN json_extract(identity, '$.id') END"
"""Whom a session is of, as an index has it."""

_IDS = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Work:
    """A range of a file to be overwritten; without *length* all of it, and the file is removed."""

    path: str  # in the data folder
    offset: int = 0
    length: int | None = None


def sessions_of(db: sqlite3.Connection, whom: Whom) -> list[str]:
    """Return the ids of the sessions of *whom*, oldest first; of a customer those without a name too."""
    if whom.kind == "customer":
        joined = customers.JOINED.replace("?", "?1")
        rows = db.execute(
            "SELECT id FROM sessions WHERE id IN (SELECT id FROM sessions"
            f" WHERE identity IS NOT NULL AND {CUSTOMER} = ?1 UNION ALL {joined})"
            " AND (?2 IS NULL OR site = ?2) ORDER BY started_ms",
            (whom.id, whom.site),
        )
        return [row[0] for row in rows]
    column = {"visitor": "visitor", "session": "id"}.get(whom.kind)
    if column is None:  # a contact
        return []
    rows = db.execute(
        f"SELECT id FROM sessions WHERE {column} = ? AND (?2 IS NULL OR site = ?2) ORDER BY started_ms",
        (whom.id, whom.site),
    )
    return [row[0] for row in rows]


def visitors_of(db: sqlite3.Connection, sessions: Sequence[str]) -> list[str]:
    """Return the visitors of *sessions*, each once."""
    rows = db.execute(
        f"SELECT DISTINCT visitor FROM sessions WHERE id IN {_IDS} AND visitor IS NOT NULL",
        (_json(sessions),),
    )
    return sorted(row[0] for row in rows)


def erase(db: sqlite3.Connection, whom: Whom, now_ms: int) -> tuple[str, list[str], int, int]:
    """
    Remove all rows of *whom*, leave tombstones, and note which files are to be overwritten.

    Return what stands for them in the audit, the sessions, and how many assets and contacts went with them.
    """
    key = make_server_key(db, KEY)
    ids = sessions_of(db, whom)
    entomb(db, Tombstone(tombstone(key, whom.kind, whom.id, whom.site), whom.kind, now_ms))
    for one in ids:
        entomb(db, Tombstone(tombstone(key, "session", one), "session", now_ms))
    spoken = _contacts_of(db, whom, ids)
    for one in spoken:
        entomb(db, Tombstone(tombstone(key, "contact", one), "contact", now_ms))
    wholly = whom.kind == "customer" and not _is_elsewhere(db, whom, ids)
    if wholly:
        customers.unname(db, whom.id)
    assets = erase_sessions(db, ids)
    contacts.remove(db, spoken)
    if wholly:
        contacts.rename_in_changes(db, "customer", {whom.id: subject(key, whom)})
    told = {one: subject(key, Whom("session", one)) for one in ids}
    contacts.rename_in_changes(db, "session", told)
    customers.prune(db, _json([whom.id]), "[]")
    forget_who(db, {*ids, whom.id}.__contains__)
    rename: list[tuple[Kind, set[str]]] = [
        ("session", {*ids, whom.id}),
        ("contact", {*spoken}),
    ]
    db.executemany(
        "UPDATE audit SET subject = ? WHERE subject = ?",
        [(subject(key, Whom(kind, one)), one) for kind, all_ in rename for one in all_],
    )
    return subject(key, whom), ids, assets, len(spoken)


def _contacts_of(db: sqlite3.Connection, whom: Whom, ids: Sequence[str]) -> list[str]:
    """Return the contacts that go with *whom*: they are of no site, and stay while a customer is elsewhere."""
    if whom.kind == "contact":
        return [whom.id]
    if whom.kind != "customer" or _is_elsewhere(db, whom, ids):
        return []
    return contacts.ids_of(db, whom.id)


def _is_elsewhere(db: sqlite3.Connection, whom: Whom, ids: Sequence[str]) -> bool:
    """Say whether a customer who is erased on one site has visits, not *ids*, on others."""
    if whom.site is None:
        return False
    row = db.execute(
        f"SELECT 1 FROM sessions WHERE identity IS NOT NULL AND {CUSTOMER} = ?"
        f" AND id NOT IN {_IDS} LIMIT 1",
        (whom.id, _json(ids)),
    ).fetchone()
    return row is not None


def erase_sessions(db: sqlite3.Connection, ids: Sequence[str]) -> int:
    """Remove the rows of sessions, and note their files; return how many assets only they used."""
    told = _json(ids)
    work = [
        Work(f"segments/{segment}", offset, length)
        for segment, offset, length in db.execute(
            "SELECT b.segment, b.offset, b.length FROM page_loads p JOIN batches b"
            f" ON b.page_load = p.id WHERE p.session IN {_IDS} AND b.segment IS NOT NULL",
            (told,),
        )
    ]
    used = db.execute(
        f"SELECT DISTINCT site, hash FROM asset_uses WHERE session IN {_IDS}", (told,)
    ).fetchall()
    work += [Work(f"sealed/{name}") for name in _forget(db, told)]
    alone = [
        one
        for one in used
        if not db.execute(
            "SELECT 1 FROM asset_uses WHERE site = ? AND hash = ? LIMIT 1", one
        ).fetchone()
    ]
    db.executemany("DELETE FROM assets WHERE site = ? AND hash = ?", alone)
    work += [Work(f"blobs/{site}/{name}") for site, name in alone]
    note_work(db, work)
    return len(alone)


def note_work(db: sqlite3.Connection, work: Iterable[Work]) -> None:
    """Note what is still to be overwritten: a kill must not end it."""
    db.executemany(
        "INSERT INTO erasing (path, offset, length) VALUES (?, ?, ?)",
        [(one.path, one.offset, one.length) for one in work],
    )
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (WIPE,))


def work_left(db: sqlite3.Connection) -> tuple[list[Work], int]:
    """Return what is still to be overwritten, and the newest number of it; (.., -1) if nothing is."""
    if not db.execute("SELECT 1 FROM meta WHERE name = ? AND value", (WIPE,)).fetchone():
        return [], -1
    rows = db.execute("SELECT id, path, offset, length FROM erasing ORDER BY id").fetchall()
    return [Work(*row[1:]) for row in rows], max((row[0] for row in rows), default=0)


def work_done(db: sqlite3.Connection, newest: int) -> None:
    """Note that all up to *newest* is overwritten."""
    db.execute("DELETE FROM erasing WHERE id <= ?", (newest,))
    if not db.execute("SELECT 1 FROM erasing LIMIT 1").fetchone():
        db.execute("DELETE FROM meta WHERE name = ?", (WIPE,))


def is_erased(db: sqlite3.Connection, batch: NewBatch, first_ms: float) -> bool:
    """
    Say whether *batch*, of a session that there is none of, belongs to what was erased.

    *first_ms* is when it begins: of an erased customer or visitor what begins later is new, and welcome.
    """
    if not are_there(db):
        return False
    names: list[tuple[Kind, str]] = [("session", batch.session)]
    if batch.visitor is not None:
        names.append(("visitor", batch.visitor))
    if batch.identity is not None:
        names.append(("customer", batch.identity["id"]))
    return any(is_buried(db, kind, id_, batch.site, first_ms) for kind, id_ in names)


# Retention


def expired(db: sqlite3.Connection, site: str, before_ms: int, limit: int) -> list[str]:
    """Return up to *limit* sessions of *site* that ended before, first ended first."""
    rows = db.execute(
        f"SELECT id FROM sessions WHERE site = ? AND ended_ms IS NOT NULL AND {AGE} < ?"
        f" ORDER BY {AGE} LIMIT ?",
        (site, before_ms, limit),
    )
    return [row[0] for row in rows]


def least_wanted(db: sqlite3.Connection, site: str | None, limit: int) -> list[str]:
    """Return up to *limit* sealed sessions: the oldest without flags, then the oldest."""
    rows = db.execute(
        "SELECT id FROM sessions WHERE (?1 IS NULL OR site = ?1) AND ended_ms IS NOT NULL AND sealed <> 0"
        f" ORDER BY flags > 0, {AGE} LIMIT ?2",
        (site, limit),
    )
    return [row[0] for row in rows]


def remove(db: sqlite3.Connection, ids: Sequence[str]) -> tuple[Removed, list[str]]:
    """Remove the rows of ended sessions; return what that was, and the objects that nothing names now."""
    told = _json(ids)
    sites = db.execute(
        f"SELECT site, count(*) FROM sessions WHERE id IN {_IDS} GROUP BY site ORDER BY site",
        (told,),
    ).fetchall()
    size = db.execute(
        f"SELECT coalesce(sum(bytes), 0) FROM sealed WHERE session IN {_IDS}", (told,)
    ).fetchone()[0]
    return Removed(sum(count for _, count in sites), size, tuple(sites)), _forget(db, told)


def still_expired(db: sqlite3.Connection, ids: Sequence[str], before_ms: int) -> list[str]:
    """Return those of *ids* that have not been opened again meanwhile."""
    rows = db.execute(
        f"SELECT id FROM sessions WHERE id IN {_IDS} AND ended_ms IS NOT NULL AND {AGE} < ?",
        (_json(ids), before_ms),
    )
    return [row[0] for row in rows]


def _forget(db: sqlite3.Connection, told: str) -> list[str]:
    """Remove all rows of the sessions in *told* (JSON); return the names of their objects."""
    search_index.forget(db, orjson.loads(told))
    whose, browsers = customers.forget_sessions(db, told)
    names = [
        row[0]
        for row in db.execute(f"DELETE FROM sealed WHERE session IN {_IDS} RETURNING name", (told,))
    ]
    db.execute(
        "DELETE FROM batches WHERE page_load IN"
        f" (SELECT id FROM page_loads WHERE session IN {_IDS})",
        (told,),
    )
    for table in ("page_loads", "gaps", "flags", "asset_uses", "notes", "watched", "codes"):
        db.execute(f"DELETE FROM {table} WHERE session IN {_IDS}", (told,))
    db.execute(f"DELETE FROM sessions WHERE id IN {_IDS}", (told,))
    customers.prune(db, whose, browsers)
    return names


def used_bytes(db: sqlite3.Connection, site: str | None) -> int:
    """Return what the sealed recordings of *site* take; of all sites, with the database's rows."""
    if site is not None:
        row = db.execute(
            "SELECT coalesce(sum(o.bytes), 0) FROM sealed o JOIN sessions s ON s.id = o.session"
            " WHERE s.site = ?",
            (site,),
        ).fetchone()
        return int(row[0])
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    sealed = db.execute("SELECT coalesce(sum(bytes), 0) FROM sealed").fetchone()[0]
    return int(sealed + (pages - free) * size)


def oldest_ms(db: sqlite3.Connection, site: str) -> int | None:
    """Return when the oldest session of *site* that is stored began."""
    row = db.execute("SELECT min(started_ms) FROM sessions WHERE site = ?", (site,)).fetchone()
    return None if row[0] is None else int(row[0])


def drop_unused_assets(
    db: sqlite3.Connection, before_ms: int, limit: int
) -> list[tuple[str, str, int]]:
    """Forget up to *limit* assets that no session names and no page has used since; return them."""
    return db.execute(
        "DELETE FROM assets WHERE (site, hash) IN (SELECT a.site, a.hash FROM assets a WHERE used_ms < ?"
        " AND NOT EXISTS (SELECT 1 FROM asset_uses u WHERE u.site = a.site AND u.hash = a.hash) LIMIT ?)"
        " RETURNING site, hash, bytes",
        (before_ms, limit),
    ).fetchall()


def drop_old_audit(db: sqlite3.Connection, before_ms: int) -> int:
    """Remove audit entries from before; return how many."""
    return db.execute("DELETE FROM audit WHERE at_ms < ?", (before_ms,)).rowcount


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
