"""What was recorded, read back: sessions, batches, page loads, chunks, gaps."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from core.model import ChunkInfo, ChunkRef, Gap, PageLoad, Session, StoredBatch
from core.sqlite.rows import IDLE, SESSION_COLUMNS, SESSION_FROM, session_from

DAMAGED = "damaged"
"""Kind of the gaps that a repair noted (mending.py); all others are what browsers reported."""

_BATCH = (
    "SELECT b.position, s.site, p.session, p.name, p.tab, b.seq, b.received_ms, b.events, b.void,"
    " b.late, p.origin_ms FROM batches b JOIN page_loads p ON p.id = b.page_load"
    " JOIN sessions s ON s.id = p.session"
)


def open_sessions(db: sqlite3.Connection) -> list[Session]:
    """Return the sessions that have not ended, oldest start first."""
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM sessions s INDEXED BY sessions_open"
        " LEFT JOIN sites w ON w.key = s.site WHERE s.ended_ms IS NULL ORDER BY s.started_ms, s.id"
    )
    return [session_from(row) for row in rows]


def unjudged_sessions(db: sqlite3.Connection) -> list[Session]:
    """Return ended sessions that wait for their final verdict, oldest start first."""
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM sessions s INDEXED BY sessions_unjudged"
        " LEFT JOIN sites w ON w.key = s.site WHERE s.judged = 0 AND s.ended_ms IS NOT NULL ORDER BY s.started_ms, s.id"
    )
    return [session_from(row) for row in rows]


def idle_sessions(db: sqlite3.Connection, now_ms: int) -> list[Session]:
    """Return open sessions that are idle at *now_ms*, oldest last event first."""
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM {SESSION_FROM}"
        f" WHERE s.ended_ms IS NULL AND {IDLE.format(now='?')} ORDER BY s.last_ms",
        (now_ms,),
    )
    return [session_from(row) for row in rows]


def batches(db: sqlite3.Connection, session: str) -> list[StoredBatch]:
    """Return all batches of *session*, by position."""
    return [
        _batch(row)
        for row in db.execute(f"{_BATCH} WHERE p.session = ? ORDER BY b.position", (session,))
    ]


def batches_of(db: sqlite3.Connection, sessions: Sequence[str]) -> dict[str, list[StoredBatch]]:
    """Return the batches of each of *sessions*, by position, in one read."""
    found: dict[str, list[StoredBatch]] = {session: [] for session in sessions}
    for row in db.execute(
        f"{_BATCH} WHERE p.session IN (SELECT value FROM json_each(?)) ORDER BY b.position",
        (orjson.dumps(list(found)).decode(),),
    ):
        batch = _batch(row)
        found[batch.session].append(batch)
    return found


def batches_after(db: sqlite3.Connection, position: int, limit: int) -> list[StoredBatch]:
    """Return up to *limit* batches after *position*, in order."""
    return [
        _batch(row)
        for row in db.execute(
            f"{_BATCH} WHERE b.position > ? ORDER BY b.position LIMIT ?",
            (position, limit),
        )
    ]


def page_loads(db: sqlite3.Connection, session: str) -> list[PageLoad]:
    """Return the documents of *session*, by origin_ms."""
    rows = db.execute(
        "SELECT name, session, tab, origin_ms, first_seq, last_seq, batches, page FROM page_loads"
        " WHERE session = ? ORDER BY origin_ms, name",
        (session,),
    )
    return [PageLoad(*(*row[:7], orjson.loads(row[7]))) for row in rows]


def chunks(db: sqlite3.Connection, session: str) -> list[tuple[int, ChunkRef]]:
    """
    Return the positions and chunks of *session*, by page load (in order of origin_ms) and seq.

    Where each lay when it arrived: sealing.py knows which have been sealed since.
    """
    rows = db.execute(
        "SELECT b.position, p.session, p.name, p.tab, b.seq, b.segment, b.offset, b.length, b.crc32,"
        " b.chunk_count, b.first_t, b.last_t, b.has_snapshot, b.encoding"
        " FROM page_loads p JOIN batches b ON b.page_load = p.id"
        " WHERE p.session = ? AND b.segment IS NOT NULL ORDER BY p.origin_ms, p.name, b.seq",
        (session,),
    )
    return [(row[0], _chunk(row[1:])) for row in rows]


def gaps(db: sqlite3.Connection, session: str) -> list[Gap]:
    """Return the runs of missing batches, what the browser reported, and ends that nobody told."""
    found: list[Gap] = []
    holed = db.execute(
        "SELECT id, name, last_seq FROM page_loads"
        " WHERE session = ? AND batches < last_seq + 1 ORDER BY origin_ms, name",
        (session,),
    ).fetchall()
    for row, name, last_seq in holed:
        have = [
            seq
            for (seq,) in db.execute(
                "SELECT seq FROM batches WHERE page_load = ? ORDER BY seq", (row,)
            )
        ]
        found += [
            Gap(session, name, "missing_batch", {"from_seq": first, "to_seq": last})
            for first, last in _runs_missing(have, last_seq)
        ]
    rows = db.execute(
        "SELECT page_load, detail FROM gaps WHERE session = ? ORDER BY rowid", (session,)
    )
    for name, text in rows:
        detail = orjson.loads(text)
        kind = "corrupt_chunk" if detail.get("kind") == DAMAGED else "reported"
        found.append(Gap(session, name, kind, detail))
    rows = db.execute(
        "SELECT p.name, p.last_seq FROM page_loads p JOIN sessions s ON s.id = p.session"
        " WHERE p.session = ? AND NOT p.farewell AND s.ended_ms IS NOT NULL"
        " AND s.end_kind <> 'ended' ORDER BY p.origin_ms, p.name",
        (session,),
    )
    found += [Gap(session, name, "no_farewell", {"from_seq": last + 1}) for name, last in rows]
    return found


def _runs_missing(have: list[int], last: int) -> list[tuple[int, int]]:
    """Return the runs of numbers from 0 to *last* that the sorted list *have* lacks."""
    runs: list[tuple[int, int]] = []
    expected = 0
    for seq in [*have, last + 1]:
        if seq > expected:
            runs.append((expected, seq - 1))
        expected = seq + 1
    return runs


def _chunk(row: tuple[Any, ...]) -> ChunkRef:
    count, first_t, last_t, snapshot, encoding = row[8:]
    info = ChunkInfo(count, first_t, last_t, bool(snapshot), encoding)
    return ChunkRef(*(*row[:8], info))


def _batch(row: tuple[Any, ...]) -> StoredBatch:
    position, site, session, page_load, tab, seq, received_ms, events, void, late, origin_ms = row
    decoded = orjson.loads(events)
    for event in decoded:  # as ingest's timed(), but these are nobody else's: no copies
        event["ts"] = origin_ms + event["t"]
        event["page_load"] = page_load
        event["tab"] = tab
    return StoredBatch(
        position=position,
        site=site,
        session=session,
        page_load=page_load,
        tab=tab,
        seq=seq,
        received_ms=received_ms,
        events=decoded,
        void=tuple(orjson.loads(void)) if void else (),
        late=bool(late),
    )
