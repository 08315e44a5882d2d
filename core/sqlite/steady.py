"""
The usual batch, written cheaply: the next one of a page load of an open session.

Owns what is remembered of such sessions, and when that may be trusted. ingest.py says what a
batch comes to; of what is taken here the rows are the same (a test holds the two equal), but no
row is read, and the rows of a whole group are written by three statements.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from core.model import Appended, NewBatch
from core.sqlite import ingest
from core.sqlite.segments import Tail

MOST_SESSIONS = 10_000
"""Bounds the memory (about 20 MB); the least recent is forgotten first, and then read again."""

MOST_ROWS = 32
"""Rows of one statement; each number of them is a statement of its own that SQLite has to prepare."""

MOST_LOADS = 32
"""Page loads remembered of one session; a session with many tabs has fewer at a time."""

Row = tuple[Any, ...]


@dataclass(slots=True)
class _Load:
    """A page load's row, as far as the next batch needs it."""

    row: int
    tab: str
    origin_ms: float
    last_seq: int
    batches: int
    farewell: bool = False


@dataclass(slots=True)
class _Known:
    """An open session's row, as far as a batch may change it."""

    row: int
    site: str
    secret_hash: bytes
    started_ms: int
    last_ms: int
    seen_ms: int
    entry_ms: float | None
    visitor: str | None
    attributes: dict[str, Any]
    pages: int
    events: int
    last_path: str | None
    loads: dict[str, _Load] = field(default_factory=dict)


class Steady:
    """Appends batches in the writer's open transaction. Used by the writer's thread only."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._version = -1
        self._position: int | None = None  # of the batch before
        self._batches: list[Row] = []
        self._sessions: dict[int, _Known] = {}
        self._loads: dict[int, _Load] = {}

    def begin(self, db: sqlite3.Connection) -> None:
        """Start a transaction's work: trust nothing that another connection may have changed."""
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
            self._version = version

    def append(self, db: sqlite3.Connection, tail: Tail, batch: NewBatch) -> Appended:
        """Store *batch*; its rows are there after flush()."""
        known = self._known.get(batch.session)
        if known is not None:
            load = known.loads.get(batch.page_load)
            if load is not None and _goes_on(batch, known, load):
                facts = ingest.Facts.of(batch, load.origin_ms)
                if _changes_no_beginning(facts, known):
                    return self._take(db, tail, batch, known, load, facts)
        self.flush(db)
        appended = ingest.append(db, tail, batch)
        self._position = None
        self._remember(db, batch)
        return appended

    def flush(self, db: sqlite3.Connection) -> None:
        """Write the rows of what was taken."""
        if not self._batches:
            return
        for some in _runs(self._batches):
            db.execute(_inserts(len(some)), [value for row in some for value in row])
        sessions = [
            (s.row, s.last_ms, s.seen_ms, s.last_path, s.pages, s.events)
            for s in self._sessions.values()
        ]
        for rows in _runs(sessions):
            db.execute(_updates_of_sessions(len(rows)), [value for row in rows for value in row])
        loads = [(p.row, p.last_seq, p.batches, int(p.farewell)) for p in self._loads.values()]
        for rows in _runs(loads):
            db.execute(_updates_of_loads(len(rows)), [value for row in rows for value in row])
        self._drop()

    def forget(self, session: str | None = None) -> None:
        """Trust nothing that is known of *session*, or of any; also drop what was not written."""
        if session is None:
            self._known.clear()
            self._position = None
            self._drop()
        else:
            self._known.pop(session, None)

    def _drop(self) -> None:
        self._batches.clear()
        self._sessions.clear()
        self._loads.clear()

    def _take(
        self,
        db: sqlite3.Connection,
        tail: Tail,
        batch: NewBatch,
        known: _Known,
        load: _Load,
        facts: ingest.Facts,
    ) -> Appended:
        if self._position is None:
            found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
            self._position = found[0] if found else 0
        self._position += 1
        row = ingest.batch_row(tail, batch, load.row, late=False, position=self._position)
        self._batches.append(row)
        if facts.last_ms is not None:
            last_ms = int(facts.last_ms)
            if last_ms >= known.last_ms:
                known.last_ms = last_ms
                known.last_path = facts.last_path or known.last_path
            known.seen_ms = max(known.seen_ms, batch.received_ms)
        known.pages += facts.pages
        known.events += len(batch.events)
        load.last_seq = batch.seq
        load.batches += 1
        load.farewell = ingest.says_farewell(batch)
        self._sessions[known.row] = known
        self._loads[load.row] = load
        return ingest.stored(batch, self._position, load.tab, load.origin_ms, late=False)

    def _remember(self, db: sqlite3.Connection, batch: NewBatch) -> None:
        """Read the rows that *batch* has made or changed."""
        before = self._known.pop(batch.session, None)
        row = db.execute(
            "SELECT rowid, site, secret_hash, started_ms, last_ms, seen_ms, entry_ms, visitor,"
            " attributes, pages, events, last_path FROM sessions"
            " WHERE id = ? AND ended_ms IS NULL",
            (batch.session,),
        ).fetchone()
        if row is None:
            return
        known = _Known(*row)
        if before is not None and len(before.loads) < MOST_LOADS:
            known.loads = before.loads
        known.attributes = orjson.loads(row[8])
        row = db.execute(
            "SELECT id, tab, origin_ms, last_seq, batches FROM page_loads"
            " WHERE session = ? AND name = ?",
            (batch.session, batch.page_load),
        ).fetchone()
        if row is not None:
            known.loads[batch.page_load] = _Load(*row)
        self._known[batch.session] = known
        if len(self._known) > MOST_SESSIONS:
            self._known.popitem(last=False)


# One statement for many rows: with one for each, the thread gives up the interpreter for each, and
# has to wait until the event loop is done with what it is at.


def _runs(rows: list[Row]) -> Iterator[list[Row]]:
    return (rows[at : at + MOST_ROWS] for at in range(0, len(rows), MOST_ROWS))


@lru_cache(maxsize=MOST_ROWS)
def _inserts(rows: int) -> str:
    begin, _, values = ingest.INSERT_BATCH.partition(" VALUES ")
    return f"{begin} VALUES {', '.join([values] * rows)}"


@lru_cache(maxsize=MOST_ROWS)
def _updates_of_sessions(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return (
        f"WITH new (row, last_ms, seen_ms, last_path, pages, events) AS (VALUES {values})"
        " UPDATE sessions SET last_ms = new.last_ms, seen_ms = new.seen_ms,"
        " last_path = new.last_path, pages = new.pages, events = new.events"
        " FROM new WHERE sessions.rowid = new.row"
    )


@lru_cache(maxsize=MOST_ROWS)
def _updates_of_loads(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?)"] * rows)
    return (
        f"WITH new (row, last_seq, batches, farewell) AS (VALUES {values})"
        " UPDATE page_loads SET last_seq = new.last_seq, batches = new.batches,"
        " farewell = new.farewell FROM new WHERE page_loads.id = new.row"
    )


def _goes_on(batch: NewBatch, known: _Known, load: _Load) -> bool:
    """Say whether *batch* is the next of *load*, and tells nothing new of its session."""
    return (
        batch.seq == load.last_seq + 1
        and batch.site == known.site
        and hmac.compare_digest(known.secret_hash, batch.secret_hash)
        and not (batch.gaps or batch.page or batch.assets or batch.sheets or batch.identity)
        and (batch.visitor is None or batch.visitor == known.visitor)
        and _has(known.attributes, batch.attributes)
    )


def _has(attributes: dict[str, Any], told: dict[str, Any]) -> bool:
    """Say whether *told* would change nothing of *attributes*."""
    for name, value in told.items():
        mine = attributes.get(name)
        # A browser's own words count once; of others the type counts too: to Python 1 is True.
        if mine is None or (
            name not in ingest.OF_THE_BROWSER and (type(mine) is not type(value) or mine != value)
        ):
            return False
    return True


def _changes_no_beginning(facts: ingest.Facts, known: _Known) -> bool:
    """Say whether the session's first times stay, which lists are ordered by."""
    if facts.first_ms is not None and int(facts.first_ms) < known.started_ms:
        return False
    return facts.entry_ms is None or (
        known.entry_ms is not None and facts.entry_ms >= known.entry_ms
    )
