"""
Makes the rows of a repaired database agree with one another again. SQL only.

Owns what follows from rows that are lost: sessions of which only batches are left, counters, holes that
are told as gaps, verdicts to be given anew.
"""

from __future__ import annotations

import secrets
import sqlite3

import orjson

from core.sqlite.counters import MARKS
from core.sqlite.inspection import STRAYS
from core.sqlite.judged import CHECKPOINT
from core.sqlite.search_index import mark_all_due

_WORDS = {
    "sites": "sites: batches of a site that is gone are refused; `stolper site list` says which are left",
    "users": "people who may sign in: add them again",
    "sign_ins": "sign-ins to the console: sign in again",
    "codes": "spoken codes: pages that ask again get another",
    "tokens": "tokens: make those that are missing anew",
    "server_keys": "keys of the server: what was signed with them is known no more",
    "rule_versions": "the history of rules",
    "rule_files": "copies of your own rule files; the files themselves are in rules/",
    "report_files": "copies of your own report files; the files themselves are in reports/",
    "releases": "releases that programs told: tell them again",
    "effort_norms": "medians that efforts are measured by: they are made anew of what is stored",
    "notes": "notes at sessions",
    "watched": "who has seen which session",
    "saved_segments": "saved segments",
    "alerts": "alerts: look at which are left",
    "alert_told": "which struggles alerts have told of: some may be told again",
    "deliveries": "messages of alerts, sent ones and such as waited",
    "source_maps": "source maps: upload them again",
    "audit": "entries of who watched what",
    "triage": "states, owners and due reviews of struggles",
    "triage_history": "notes on struggles, and who changed their states",
    "health": "counts of recording health",
    "tombstones": "marks of what was erased: erase again whom you erased",
    "flags": "flags: their sessions are judged again at the next start",
    "assets": "style sheets, fonts and pictures: they are kept anew when pages send them",
}
"""What it means that rows of a table may be gone, where no gap tells of it."""


def mend(db: sqlite3.Connection, old: sqlite3.Connection | None, broken: list[str]) -> list[str]:
    """
    Put the rows of *db* right in the open transaction; return what is lost.

    *old* is the database that it was salvaged from, *broken* are the tables that were not read whole.
    """
    lost: list[str] = []
    _keep_positions_new(db, old)
    if made := _rebuild_sessions(db):
        lost.append(f"what was known of {made} sessions, but for their events and recordings")
    lost += _drop_strays(db)
    if holes := _recount(db):
        lost.append(f"{holes} batches, each a named gap of its session")
    _judge_again(db)
    if {"effort_norms", "effort_normed"} & set(broken):
        db.execute("DELETE FROM effort_norms")
        db.execute("DELETE FROM effort_normed")
    mark_all_due(db)
    lost += [f"maybe {_WORDS[table]}" for table in broken if table in _WORDS]
    return lost


def _keep_positions_new(db: sqlite3.Connection, old: sqlite3.Connection | None) -> None:
    """See to it that no position is given twice: what was judged or sealed up to one stays so."""
    known = [0]
    for query in (
        "SELECT max(position) FROM batches",
        "SELECT max(upto) FROM sealed",
        f"SELECT value FROM meta WHERE name = '{CHECKPOINT}'",
        "SELECT seq FROM sqlite_sequence WHERE name = 'batches'",
    ):
        for one in (db, old):
            try:
                row = one.execute(query).fetchone() if one is not None else None
            except sqlite3.DatabaseError:
                continue
            known.append(int(row[0] or 0) if row else 0)
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'batches'")
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('batches', ?)", (max(known),))


def _rebuild_sessions(db: sqlite3.Connection) -> int:
    """Make rows for sessions of which only page loads are left, where it is known whose they are."""
    strays = db.execute(
        f"SELECT DISTINCT session FROM page_loads WHERE {STRAYS['page_loads']}"
    ).fetchall()
    made = 0
    for (session,) in strays:
        site = _site_of(db, session)
        if site is not None:
            _insert_session(db, session, site)
            made += 1
    return made


def _site_of(db: sqlite3.Connection, session: str) -> str | None:
    for query in (
        "SELECT site FROM flags WHERE session = ? LIMIT 1",
        "SELECT site FROM asset_uses WHERE session = ? LIMIT 1",
        "SELECT o.site FROM sealed s JOIN stocks o ON o.name = s.stock WHERE s.session = ? LIMIT 1",
        "SELECT key FROM sites WHERE 1 = (SELECT count(*) FROM sites) AND ? = ?1",
    ):
        row = db.execute(query, (session,)).fetchone()
        if row is not None:
            return str(row[0])
    return None


def _insert_session(db: sqlite3.Connection, session: str, site: str) -> None:
    """Say of *session* what its batches say. It has ended; its secret is unknown, so nothing joins it."""
    times: list[float] = []
    pages = events = 0
    seen_ms = 0
    for content, received_ms, origin_ms in db.execute(
        "SELECT b.events, b.received_ms, p.origin_ms FROM page_loads p"
        " JOIN batches b ON b.page_load = p.id WHERE p.session = ?",
        (session,),
    ):
        told = orjson.loads(content)
        times += [origin_ms + event["t"] for event in told]
        pages += sum(event["type"] == "page" for event in told)
        events += len(told)
        seen_ms = max(seen_ms, received_ms)
    first = int(min(times, default=seen_ms))
    last = int(max(times, default=seen_ms))
    db.execute(
        "INSERT INTO sessions (id, site, secret_hash, started_ms, last_ms, seen_ms, ended_ms,"
        " end_kind, pages, events, flags, holes, reported, attributes, judged, closed_ms, sealed)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, 'idle', ?7, ?8, 0, 0, 0, '{}', 0, ?6,"
        " EXISTS (SELECT 1 FROM sealed WHERE session = ?1))",
        (session, site, secrets.token_bytes(32), first, last, seen_ms, pages, events),
    )


def _drop_strays(db: sqlite3.Connection) -> list[str]:
    """Take out what still belongs to nothing."""
    lost: list[str] = []
    for table, stray in STRAYS.items():
        count = db.execute(f"DELETE FROM {table} WHERE {stray}").rowcount
        if count and table in ("page_loads", "batches"):
            lost.append(f"{count} rows of {table} whose session nobody knows any more")
    return lost


def _recount(db: sqlite3.Connection) -> int:
    """Count batches anew, so that what is missing is told as a gap; return how many more are missing."""
    before = _holes(db)
    db.execute(
        "UPDATE page_loads AS p SET batches = (SELECT count(*) FROM batches WHERE page_load = p.id),"
        " last_seq = max(last_seq, coalesce((SELECT max(seq) FROM batches WHERE page_load = p.id), 0))"
    )
    db.execute(
        "UPDATE sessions AS s SET holes = (SELECT coalesce(sum(last_seq + 1 - batches), 0)"
        " FROM page_loads WHERE session = s.id),"
        " reported = (SELECT count(*) FROM gaps WHERE session = s.id)"
    )
    db.execute(f"UPDATE sessions AS s SET marks = {MARKS}")
    return _holes(db) - before


def _holes(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(sum(holes), 0) FROM sessions").fetchone()[0])


def _judge_again(db: sqlite3.Connection) -> None:
    """Let sessions that have other flags than was counted be judged again."""
    db.execute(
        "UPDATE sessions AS s SET judged = 0 WHERE ended_ms IS NOT NULL AND flags <>"
        " (SELECT count(*) FROM flags WHERE session = s.id AND withdrawn IS NULL)"
    )
