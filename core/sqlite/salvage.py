"""
Copies what can still be read of a damaged database into a new one.

Owns reading around pages that are damaged. Of a table whose rows are numbered whatever lies before and
behind a damaged page is found by trying numbers; of the others what can be reached from both ends,
and by the keys that other tables and files name. Knows no row's meaning: repair.py does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

DERIVED = (
    "struggle_hours",
    "searched",
    "search_terms",
    "search_bits",
    "search_due",
    "search_text",
    "walks",
    "walked",
    "sights",
    "effort_works",
    "form_uses",
)
"""Tables that follow from others: triggers fill them, or sessions are indexed anew."""

MOST = (1 << 63) - 1
BATCH = 500

Row = tuple[Any, ...]


def salvage(
    old: sqlite3.Connection, new: sqlite3.Connection, keys: Mapping[str, Iterable[str]]
) -> list[str]:
    """
    Copy all rows of *old* that can be read into the tables of *new*, which are there and empty.

    *keys* are, by table without row numbers, values that the first column of its key may have. Return the
    tables of which some part could not be read.
    """
    broken: list[str] = []
    for table in tables(new):
        if table in DERIVED or table.startswith("search_text_"):
            continue
        columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        rows = (
            _numbered(old, table, names, broken)
            if _has_rowid(new, table)
            else _keyed(old, table, names, _key(new, table), keys.get(table, ()), broken)
        )
        for row in rows:
            new.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)
    return sorted(set(broken))


def tables(db: sqlite3.Connection) -> list[str]:
    """Return the tables of *db* that hold rows of ours."""
    return [
        row[0]
        for row in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name NOT LIKE '_sqlite_%' ORDER BY name"
        )
    ]


def _has_rowid(db: sqlite3.Connection, table: str) -> bool:
    try:
        db.execute(f"SELECT rowid FROM {table} LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def _key(db: sqlite3.Connection, table: str) -> list[str]:
    keyed = [(row[5], row[1]) for row in db.execute(f"PRAGMA table_info({table})") if row[5]]
    return [name for _, name in sorted(keyed)]


def _numbered(db: sqlite3.Connection, table: str, names: str, broken: list[str]) -> Iterator[Row]:
    """Give the rows of *table* by their number, around what cannot be read."""
    # NOT INDEXED: the table itself is read, never an index in its place.
    query = (
        f"SELECT rowid, {names} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT ?"
    )
    # Numbers are given from 1 on; begun far below, the way around a damaged first page is too long.
    at = 0
    while True:
        try:
            rows = db.execute(query, (at, BATCH)).fetchall()
        except sqlite3.DatabaseError:
            broken.append(table)
            rows = _one_by_one(db, query, at)
            for row in rows:
                yield row[1:]
            at = rows[-1][0] + 1 if rows else at
            beyond = _beyond(db, query, at)
            if beyond is None:
                return
            at = beyond
            continue
        for row in rows:
            yield row[1:]
        if len(rows) < BATCH:
            return
        at = rows[-1][0] + 1


def _one_by_one(db: sqlite3.Connection, query: str, at: int) -> list[Row]:
    """Return the rows from *at* on that can be read before one cannot."""
    found: list[Row] = []
    try:
        for row in db.execute(query, (at, -1)):
            found.append(row)  # noqa: PERF402 -- what came before the error counts
    except sqlite3.DatabaseError:
        pass
    return found


def _beyond(db: sqlite3.Connection, query: str, at: int) -> int | None:
    """Return the first number after *at* from which on rows can be read again; None if there is none."""
    bad, step = at, 1
    while not _reads(db, query, bad + step):
        bad += step
        step *= 2
        if bad + step > MOST:
            return None
    good = bad + step
    while good - bad > 1:
        middle = (good + bad) // 2
        if _reads(db, query, middle):
            good = middle
        else:
            bad = middle
    return good


def _reads(db: sqlite3.Connection, query: str, at: int) -> bool:
    try:
        db.execute(query, (at, 1)).fetchall()
    except sqlite3.DatabaseError:
        return False
    return True


def _keyed(
    db: sqlite3.Connection,
    table: str,
    names: str,
    key: list[str],
    firsts: Iterable[str],
    broken: list[str],
) -> Iterator[Row]:
    """Give the rows of a table without numbers: from both ends, and by what its key may begin with."""
    whole = True
    for direction in ("", " DESC"):
        order = ", ".join(f"{name}{direction}" for name in key)
        try:
            yield from db.execute(f"SELECT {names} FROM {table} ORDER BY {order}")
            if whole:
                return
        except sqlite3.DatabaseError:
            whole = False
            broken.append(table)
    for first in sorted(set(firsts)):
        for direction in ("", " DESC"):
            order = ", ".join(f"{name}{direction}" for name in key)
            query = f"SELECT {names} FROM {table} WHERE {key[0]} = ? ORDER BY {order}"
            try:
                yield from db.execute(query, (first,))
                break
            except sqlite3.DatabaseError:
                continue
