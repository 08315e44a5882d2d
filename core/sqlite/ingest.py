"""
How one batch becomes rows: identity, secret, page load, counters of its session.

Owns what is written while a batch is appended and a session ends. Pure SQL on the
connection it is given; when that is committed, the writer knows.
"""

from __future__ import annotations

import hmac
import sqlite3
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from core.model import Appended, Event, NewBatch, Session, StoredBatch
from core.sqlite import assets, contacts, customers, erasing
from core.sqlite.counters import MARKS
from core.sqlite.rows import IDLE, session_of
from core.sqlite.segments import Tail

OF_THE_BROWSER = frozenset({"device", "browser", "os", "bot"})
"""
Attributes that the first batch decides: a session has one browser, and a driven one may name
itself otherwise in the beacon at a page's end.
"""


FAREWELL = frozenset({"leave", "visibility"})
"""Events that say goodbye: they are no new activity of an ended session."""


def append(db: sqlite3.Connection, tail: Tail, batch: NewBatch) -> Appended:
    """Store *batch* in the open transaction of *db*, its chunk in *tail*."""
    session = db.execute(
        "SELECT site, secret_hash, ended_ms, end_kind, closed_ms FROM sessions WHERE id = ?",
        (batch.session,),
    ).fetchone()
    if session is not None and not (
        session[0] == batch.site and hmac.compare_digest(session[1], batch.secret_hash)
    ):
        return Appended("forbidden")
    if session is None:
        begins_ms = batch.origin_ms + min((event["t"] for event in batch.events), default=0.0)
        if erasing.is_erased(db, batch, begins_ms):
            return Appended("erased")
    known = db.execute(
        "SELECT id, tab, origin_ms, first_seq, last_seq, batches FROM page_loads"
        " WHERE session = ? AND name = ?",
        (batch.session, batch.page_load),
    ).fetchone()
    if known is not None and batch.seq <= known[4]:
        before = db.execute(
            "SELECT digest FROM batches WHERE page_load = ? AND seq = ?", (known[0], batch.seq)
        ).fetchone()
        if before is not None:
            return Appended("duplicate" if before[0] == batch.digest else "conflict")
    load = _page_load(db, batch, known)
    late = session is not None and session[2] is not None
    position = _insert_batch(db, tail, batch, load.row, late)
    for gap in batch.gaps:
        db.execute(
            "INSERT INTO gaps VALUES (?, ?, ?)", (batch.session, batch.page_load, _json(gap))
        )
    if batch.assets or batch.sheets:
        assets.use(db, batch.site, batch.session, batch.assets, batch.sheets, batch.received_ms)
    facts = Facts.of(batch, load.origin_ms)
    if session is None:
        _insert_session(db, batch, facts, load.holes)
    else:
        stays = late and not _reopens(batch, load.origin_ms, *session[3:])
        _update_session(db, batch, facts, load.holes, stays_ended=stays)
    if batch.identity is not None and not batch.canary:
        _name(db, batch, facts)
    _mark(db, batch.session)
    return stored(batch, position, load.tab, load.origin_ms, late=late)


def stored(batch: NewBatch, position: int, tab: str, origin_ms: float, *, late: bool) -> Appended:
    """Return what is told of *batch* once it is durable."""
    return Appended(
        "stored",
        StoredBatch(
            position=position,
            site=batch.site,
            session=batch.session,
            page_load=batch.page_load,
            tab=tab,
            seq=batch.seq,
            received_ms=batch.received_ms,
            events=timed(batch.events, origin_ms, batch.page_load, tab),
            void=batch.void,
            late=late,
        ),
    )


def _reopens(batch: NewBatch, origin_ms: float, end_kind: str, closed_ms: int | None) -> bool:
    """
    Say whether a batch that came after its session's end opens it again.

    Recording alone does not: there is nothing to judge. A session that the site or the API
    ended opens again only for what was done after that; the page's farewell, and what became
    of earlier presses, belong to the visit that is over.
    """
    if end_kind != "ended" or closed_ms is None:
        return bool(batch.events)
    return any(
        event["type"] not in FAREWELL and origin_ms + event["t"] > closed_ms
        for event in batch.events
    )


def timed(events: list[Event], origin_ms: float, page_load: str, tab: str) -> list[Event]:
    """Return *events* with their server time, page load and tab."""
    return [
        {**event, "ts": origin_ms + event["t"], "page_load": page_load, "tab": tab}
        for event in events
    ]


def end_session(
    db: sqlite3.Connection, session: str, kind: str, now_ms: int, idle_at_ms: int | None
) -> Session | None:
    """Close *session* at the time of its last event, if it is idle or anyway, and return it."""
    db.execute(
        "UPDATE sessions AS s SET ended_ms = last_ms, end_kind = ?1, judged = 0, closed_ms = ?4"
        f" WHERE s.id = ?2 AND s.ended_ms IS NULL AND (?3 IS NULL OR {IDLE.format(now='?3')})",
        (kind, session, idle_at_ms, now_ms),
    )
    _mark(db, session)
    return session_of(db, session)


def _mark(db: sqlite3.Connection, session: str) -> None:
    db.execute(f"UPDATE sessions AS s SET marks = {MARKS} WHERE id = ?", (session,))


@dataclass(frozen=True, slots=True)
class _Load:
    row: int
    tab: str
    origin_ms: float
    holes: int  # by how many the session's holes change


def _page_load(db: sqlite3.Connection, batch: NewBatch, known: Any) -> _Load:
    """Note the batch in its page load; the first one fixes tab and origin."""
    if known is None:
        row = db.execute(
            "INSERT INTO page_loads (session, name, tab, origin_ms, first_seq, last_seq, batches,"
            " page, farewell) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (
                batch.session,
                batch.page_load,
                batch.tab,
                batch.origin_ms,
                batch.seq,
                batch.seq,
                _json(batch.page or {}),
                says_farewell(batch),
            ),
        ).lastrowid
        assert row is not None
        return _Load(row, batch.tab, batch.origin_ms, batch.seq)
    row, tab, origin_ms, first_seq, last_seq, _ = known
    newest = max(last_seq, batch.seq)
    db.execute(
        "UPDATE page_loads SET first_seq = ?1, last_seq = ?2, batches = batches + 1,"
        " farewell = CASE WHEN ?3 = ?2 THEN ?4 ELSE farewell END WHERE id = ?5",
        (min(first_seq, batch.seq), newest, batch.seq, says_farewell(batch), row),
    )
    if batch.page:
        db.execute(
            "UPDATE page_loads SET page = ? WHERE id = ? AND page = '{}'", (_json(batch.page), row)
        )
    return _Load(row, tab, origin_ms, newest - last_seq - 1)


def says_farewell(batch: NewBatch) -> bool:
    """
    Say whether nothing more need come after *batch*.

    A page that is hidden sends what it has at once: one that never runs again after that, as
    phones end them, has nothing left behind.
    """
    if batch.last:
        return True
    newest = max(batch.events, key=lambda event: event["t"], default=None)
    return newest is not None and newest["type"] == "visibility" and newest.get("state") == "hidden"


INSERT_BATCH = (
    "INSERT INTO batches (position, page_load, seq, digest, received_ms, late, events, void,"
    " segment, offset, length, crc32, chunk_count, first_t, last_t, has_snapshot, encoding)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_NO_CHUNK = (None,) * 9


def _insert_batch(
    db: sqlite3.Connection, tail: Tail, batch: NewBatch, load: int, late: bool
) -> int:
    row = batch_row(tail, batch, load, late=late, position=None)
    position = db.execute(INSERT_BATCH, row).lastrowid
    assert position is not None
    return position


def batch_row(
    tail: Tail, batch: NewBatch, load: int, *, late: bool, position: int | None
) -> tuple[Any, ...]:
    """
    Return the row of *batch*, whose chunk is placed in *tail*.

    *load* is the row of its page load; without *position* the database gives the next one.
    """
    chunk: tuple[Any, ...] = _NO_CHUNK
    info = batch.chunk_info
    if batch.chunk and info is not None:
        offset = tail.place(batch.chunk)
        chunk = (
            tail.segment,
            offset,
            len(batch.chunk),
            zlib.crc32(batch.chunk),
            info.count,
            info.first_t,
            info.last_t,
            int(info.has_snapshot),  # sqlite3 looks up an adapter for each bool
            info.encoding,
        )
    return (
        position,
        load,
        batch.seq,
        batch.digest,
        batch.received_ms,
        int(late),
        orjson.dumps(batch.events),
        _json(batch.void) if batch.void else None,
        *chunk,
    )


@dataclass(slots=True)
class Facts:
    """What a batch's events say of their session."""

    pages: int = 0
    first_ms: float | None = None
    last_ms: float | None = None
    entry_ms: float | None = None
    entry_path: str | None = None
    last_path: str | None = None

    @classmethod
    def of(cls, batch: NewBatch, origin_ms: float) -> Facts:
        facts = cls()
        for event in batch.events:
            ts = origin_ms + event["t"]
            if facts.first_ms is None or ts < facts.first_ms:
                facts.first_ms = ts
            if facts.last_ms is None or ts >= facts.last_ms:
                facts.last_ms = ts
                facts.last_path = event.get("path") or facts.last_path
            if event["type"] == "page":
                facts.pages += 1
                if facts.entry_ms is None or ts < facts.entry_ms:
                    facts.entry_ms, facts.entry_path = ts, event.get("path")
        return facts


def _insert_session(db: sqlite3.Connection, batch: NewBatch, facts: Facts, holes: int) -> None:
    now = batch.received_ms
    db.execute(
        "INSERT INTO sessions (id, site, secret_hash, started_ms, last_ms, seen_ms, pages, events,"
        " holes, reported, visitor, identity, attributes, entry_ms, entry_path, last_path, canary)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch.session,
            batch.site,
            batch.secret_hash,
            int(now if facts.first_ms is None else facts.first_ms),
            int(now if facts.last_ms is None else facts.last_ms),
            now,
            facts.pages,
            len(batch.events),
            holes,
            len(batch.gaps),
            batch.visitor,
            _json(batch.identity) if batch.identity else None,
            _json(batch.attributes),
            facts.entry_ms,
            facts.entry_path,
            facts.last_path,
            int(batch.canary),
        ),
    )


def _update_session(
    db: sqlite3.Connection, batch: NewBatch, facts: Facts, holes: int, *, stays_ended: bool
) -> None:
    """Add the batch to its session's counters; open it again unless it *stays_ended*."""
    attributes = batch.attributes
    newer = {k: v for k, v in attributes.items() if k not in OF_THE_BROWSER}
    older = {k: v for k, v in attributes.items() if k in OF_THE_BROWSER and k != "bot"}
    first_ms = None if facts.first_ms is None else int(facts.first_ms)
    last_ms = None if facts.last_ms is None else int(facts.last_ms)
    db.execute(
        "UPDATE sessions SET"
        " ended_ms = CASE WHEN :stays THEN max(last_ms, coalesce(:last, last_ms)) END,"
        " end_kind = CASE WHEN :stays THEN end_kind END,"
        " judged = CASE WHEN :stays THEN 0 ELSE judged END,"
        " sealed = CASE WHEN :stays AND NOT :chunk THEN sealed ELSE 0 END,"
        " started_ms = min(started_ms, coalesce(:first, started_ms)),"
        " last_path = CASE WHEN :last >= last_ms THEN coalesce(:path, last_path)"
        " ELSE last_path END,"
        " last_ms = max(last_ms, coalesce(:last, last_ms)),"
        " seen_ms = CASE WHEN :last IS NULL THEN seen_ms ELSE max(seen_ms, :received) END,"
        " pages = pages + :pages, events = events + :events,"
        " holes = holes + :holes, reported = reported + :reported,"
        " visitor = coalesce(:visitor, visitor),"
        " identity = CASE WHEN :identity IS NULL OR NOT :verified AND json_valid(identity)"
        " AND json_extract(identity, '$.verified') THEN identity ELSE :identity END,"
        " attributes = json_patch(json_patch(:older, attributes), :newer) WHERE id = :id",
        {
            "stays": stays_ended,
            "chunk": bool(batch.chunk),
            "first": first_ms,
            "last": last_ms,
            "path": facts.last_path,
            "received": batch.received_ms,
            "pages": facts.pages,
            "events": len(batch.events),
            "holes": holes,
            "reported": len(batch.gaps),
            "visitor": batch.visitor,
            "identity": _json(batch.identity) if batch.identity else None,
            "verified": bool(batch.identity and batch.identity.get("verified")),
            "older": _json(older),
            "newer": _json(newer),
            "id": batch.session,
        },
    )
    if facts.entry_ms is not None:
        db.execute(
            "UPDATE sessions SET entry_ms = ?, entry_path = ?"
            " WHERE id = ? AND (entry_ms IS NULL OR entry_ms > ?)",
            (facts.entry_ms, facts.entry_path, batch.session, facts.entry_ms),
        )


def _name(db: sqlite3.Connection, batch: NewBatch, facts: Facts) -> None:
    """Note that the visit named a customer, when the batch that did so began."""
    assert batch.identity is not None
    (visitor,) = db.execute(
        "SELECT visitor FROM sessions WHERE id = ?", (batch.session,)
    ).fetchone()
    at_ms = batch.received_ms if facts.first_ms is None else int(facts.first_ms)
    customers.named(db, batch.identity, visitor, at_ms)
    if batch.identity.get("verified"):
        whose = batch.identity["id"]
        contacts.claim(db, whose, batch.session, visitor, batch.received_ms)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
