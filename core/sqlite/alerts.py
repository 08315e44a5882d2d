"""Alerts, what they count, and the messages that wait to be sent (core/alerts.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from core.alerts import (
    Alert,
    AlertState,
    Counted,
    Delivery,
    Firing,
    FlagFilter,
    Flagged,
    Returned,
    Span,
    delivery_id,
)
from core.model import SEVERITIES
from core.sqlite.counters import STANDING
from core.sqlite.readers import one_view
from core.sqlite.rows import SESSION_COLUMNS, SESSION_FROM, session_from

_COLUMNS = (
    "id, alert, name, kind, destination, language, facts, created_ms, due_ms, attempts, state, error,"
    " done_ms"
)


# Alerts


def put_alert(db: sqlite3.Connection, alert: Alert) -> None:
    """Store or replace *alert*, with no memory of what it told."""
    db.execute(
        "INSERT INTO alerts (id, name, data) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET name = excluded.name, data = excluded.data, firing_ms = NULL, told_ms = NULL",
        (alert.id, alert.name, orjson.dumps(asdict(alert)).decode()),
    )
    db.execute("DELETE FROM alert_told WHERE alert = ?", (alert.id,))


def remove_alert(db: sqlite3.Connection, id_: str) -> bool:
    """Remove an alert with what waits to be sent of it."""
    db.execute("DELETE FROM alert_told WHERE alert = ?", (id_,))
    db.execute("DELETE FROM deliveries WHERE alert = ? AND state = 'waiting'", (id_,))
    return bool(db.execute("DELETE FROM alerts WHERE id = ?", (id_,)).rowcount)


def alert_states(db: sqlite3.Connection) -> list[AlertState]:
    """Return all alerts with their states, by name."""
    rows = db.execute("SELECT data, firing_ms, told_ms FROM alerts ORDER BY name, id")
    return [AlertState(_alert(data), firing, told) for data, firing, told in rows]


def fire(db: sqlite3.Connection, id_: str, firing: Firing) -> bool:
    """Note that an alert fires, with what it sends. False if it is gone, off, changed or firing."""
    row = db.execute("SELECT data, firing_ms FROM alerts WHERE id = ?", (id_,)).fetchone()
    if row is None or row[1] is not None:
        return False
    alert = _alert(row[0])
    if not alert.enabled or alert.changed_ms > firing.at_ms:
        return False
    db.execute(
        "UPDATE alerts SET firing_ms = ?, told_ms = ? WHERE id = ?",
        (firing.at_ms if firing.ongoing else None, firing.at_ms, id_),
    )
    db.executemany(
        "INSERT OR IGNORE INTO alert_told VALUES (?, ?, ?)",
        [(id_, struggle, firing.at_ms) for struggle in firing.told],
    )
    for destination in alert.to:
        add_delivery(
            db,
            Delivery(
                delivery_id(id_, firing.at_ms, destination),
                id_,
                alert.name,
                alert.kind,
                destination,
                alert.language,
                dict(firing.facts),
                firing.at_ms,
                firing.at_ms,
            ),
        )
    return True


def told(db: sqlite3.Connection, id_: str) -> set[str]:
    """Return what an alert told of."""
    return {row[0] for row in db.execute("SELECT struggle FROM alert_told WHERE alert = ?", (id_,))}


def settle(db: sqlite3.Connection, id_: str) -> None:
    """Note that what an alert watches is over."""
    db.execute("UPDATE alerts SET firing_ms = NULL WHERE id = ?", (id_,))


def _alert(data: str) -> Alert:
    raw = orjson.loads(data)
    raw["to"] = tuple(raw["to"])
    return Alert(**raw)


# Messages


def add_delivery(db: sqlite3.Connection, delivery: Delivery) -> None:
    """Keep *delivery* to be sent, once."""
    db.execute(
        f"INSERT OR IGNORE INTO deliveries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            delivery.id,
            delivery.alert,
            delivery.name,
            delivery.kind,
            delivery.destination,
            delivery.language,
            orjson.dumps(delivery.facts).decode(),
            delivery.created_ms,
            delivery.due_ms,
            delivery.attempts,
            delivery.state,
            delivery.error,
            delivery.done_ms,
        ),
    )


def due_deliveries(db: sqlite3.Connection, now_ms: int, limit: int) -> list[Delivery]:
    """Return waiting deliveries that are due, the longest due first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'waiting' AND due_ms <= ?"
        " ORDER BY due_ms, id LIMIT ?",
        (now_ms, limit),
    )
    return [_delivery(row) for row in rows]


def next_due_ms(db: sqlite3.Connection) -> int | None:
    """Return when the next waiting delivery is due."""
    row = db.execute("SELECT min(due_ms) FROM deliveries WHERE state = 'waiting'").fetchone()
    return None if row[0] is None else int(row[0])


def note_delivery(db: sqlite3.Connection, delivery: Delivery) -> None:
    """Note what became of a delivery."""
    db.execute(
        "UPDATE deliveries SET attempts = ?, state = ?, error = ?, due_ms = ?, done_ms = ? WHERE id = ?",
        (
            delivery.attempts,
            delivery.state,
            delivery.error,
            delivery.due_ms,
            delivery.done_ms,
            delivery.id,
        ),
    )


def deliveries(db: sqlite3.Connection, limit: int, before: Delivery | None) -> list[Delivery]:
    """Return deliveries, newest first; those after *before* in that order."""
    place = (before.created_ms, before.id) if before else (1 << 62, "")
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE (created_ms, id) < (?, ?)"
        " ORDER BY created_ms DESC, id DESC LIMIT ?",
        (*place, limit),
    )
    return [_delivery(row) for row in rows]


def delivery(db: sqlite3.Connection, id_: str) -> Delivery | None:
    """Return one delivery."""
    row = db.execute(f"SELECT {_COLUMNS} FROM deliveries WHERE id = ?", (id_,)).fetchone()
    return _delivery(row) if row else None


def drop_deliveries(db: sqlite3.Connection, before_ms: int) -> int:
    """Remove what was done before."""
    return db.execute(
        "DELETE FROM deliveries WHERE created_ms < ? AND state <> 'waiting'", (before_ms,)
    ).rowcount


def _delivery(row: tuple[Any, ...]) -> Delivery:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Delivery(**{**values, "facts": orjson.loads(values["facts"])})


# What is counted


def _where(wanted: FlagFilter, span: Span) -> tuple[str, list[Any]]:
    """Return the condition on a flag `f` that *wanted* is in *span*, and its values."""
    where = (
        f"{STANDING} AND f.at_ms >= ? AND f.at_ms < ?"
        " AND NOT EXISTS (SELECT 1 FROM triage t WHERE t.struggle = f.struggle AND t.state = 'ignored')"
    )
    values: list[Any] = [span.from_ms, span.until_ms]
    for column, value in (
        ("site", wanted.site),
        ("rule", wanted.rule),
        ("struggle", wanted.struggle),
    ):
        if value:
            where += f" AND f.{column} = ?"
            values.append(value)
    if SEVERITIES.index(wanted.severity):
        where += " AND f.severity >= ?"
        values.append(SEVERITIES.index(wanted.severity))
    if wanted.page:
        # The cast: SQLite would take a blob for its own binary JSON.
        page = "json_extract(CAST(f.data AS TEXT), '$.page')"
        prefix = wanted.page.removesuffix("*")
        if prefix == wanted.page:
            where += f" AND {page} = ?"
            values.append(prefix)
        else:
            where += f" AND substr({page}, 1, ?) = ?"
            values += [len(prefix), prefix]
    return where, values


_FLAGS = "flags f INDEXED BY flags_by_time"


def count_flagged(db: sqlite3.Connection, wanted: FlagFilter, spans: Sequence[Span]) -> list[int]:
    """Return for each of *spans* how many sessions have a flag in it that *wanted* takes."""
    counts: list[int] = []
    for span in spans:
        where, values = _where(wanted, span)
        sql = f"SELECT count(DISTINCT f.session) FROM {_FLAGS} WHERE {where}"
        counts.append(int(db.execute(sql, values).fetchone()[0]))
    return counts


def flagged_sessions(
    db: sqlite3.Connection, wanted: FlagFilter, span: Span, limit: int, offset: int
) -> list[Flagged]:
    """Return the sessions that are counted, each with the first flag that counts; the newest of these first."""
    where, values = _where(wanted, span)
    rows = db.execute(
        # Beside min() SQLite takes the other columns from the row that has it: the first flag's id.
        f"SELECT {SESSION_COLUMNS}, i.flag, i.flags FROM (SELECT f.session, f.id AS flag,"
        f" min(f.at_ms) AS first, count(*) AS flags FROM {_FLAGS} WHERE {where} GROUP BY f.session"
        f" ORDER BY 3 DESC, 1 LIMIT ? OFFSET ?) i CROSS JOIN {SESSION_FROM} WHERE s.id = i.session"
        " ORDER BY i.first DESC, s.id",
        (*values, limit, offset),
    )
    return [Flagged(session_from(row), row[-2], row[-1]) for row in rows]


def flag_moments(
    db: sqlite3.Connection, wanted: FlagFilter, span: Span, limit: int
) -> list[tuple[float, str]]:
    """Return time and session of the newest *limit* flags that *wanted* takes, by time."""
    where, values = _where(wanted, span)
    rows = db.execute(
        f"SELECT f.at_ms, f.session FROM {_FLAGS} WHERE {where} ORDER BY f.at_ms DESC LIMIT ?",
        (*values, limit),
    )
    return [(at_ms, session) for at_ms, session in rows][::-1]


def counted_struggles(
    db: sqlite3.Connection, wanted: FlagFilter, span: Span, limit: int, before: Span | None = None
) -> list[Counted]:
    """Return struggles by sessions in *span*, with those, counted alike, of the span *before* (None: as long a one)."""
    where, values = _where(wanted, span)
    earlier = before or Span(2 * span.from_ms - span.until_ms, span.from_ms)
    with one_view(db):
        rows = db.execute(
            f"SELECT f.struggle, count(DISTINCT f.session) FROM {_FLAGS} WHERE {where}"
            " GROUP BY f.struggle ORDER BY 2 DESC, max(f.at_ms) DESC, f.struggle LIMIT ?",
            (*values, limit),
        ).fetchall()
        return [
            Counted(key, sessions, _sessions_of(db, key, wanted, earlier), _first_ms(db, key))
            for key, sessions in rows
        ]


def _sessions_of(db: sqlite3.Connection, key: str, wanted: FlagFilter, span: Span) -> int:
    """Return how many sessions have a flag of the struggle *key* in *span* that *wanted* takes."""
    where, values = _where(replace(wanted, struggle=key), span)
    sql = f"SELECT count(DISTINCT f.session) FROM flags f INDEXED BY flags_by_last WHERE {where}"
    return int(db.execute(sql, values).fetchone()[0])


def new_struggles(db: sqlite3.Connection, alert: Alert, limit: int) -> list[Counted]:
    """Return struggles that began since *alert* was changed and that it did not tell yet."""
    where, values = _where(alert.filter, Span(alert.changed_ms))
    rows = db.execute(
        f"SELECT f.struggle, count(DISTINCT f.session), min(f.at_ms) FROM {_FLAGS} WHERE {where}"
        " AND NOT EXISTS (SELECT 1 FROM alert_told t WHERE t.alert = ? AND t.struggle = f.struggle)"
        " AND NOT EXISTS (SELECT 1 FROM flags o INDEXED BY flags_by_last WHERE o.withdrawn IS NULL"
        " AND o.struggle <> '' AND o.struggle = f.struggle AND o.at_ms < ?)"
        " GROUP BY f.struggle HAVING count(DISTINCT f.session) >= ? ORDER BY 3, 1 LIMIT ?",
        (*values, alert.id, alert.changed_ms, alert.threshold, limit),
    )
    return [Counted(key, sessions, 0, int(first)) for key, sessions, first in rows]


def returned_struggles(db: sqlite3.Connection, alert: Alert, limit: int) -> list[Returned]:
    """Return struggles that came back since *alert* was changed, of which it did not tell that yet."""
    where, values = _where(alert.filter, Span(alert.changed_ms))
    rows = db.execute(
        "SELECT b.struggle, b.state_ms FROM triage b WHERE b.state = 'returned' AND b.state_ms >= ?"
        " AND NOT EXISTS (SELECT 1 FROM alert_told t WHERE t.alert = ?"
        " AND t.struggle = b.struggle || '#' || b.state_ms)"
        " AND EXISTS (SELECT 1 FROM flags f INDEXED BY flags_by_last"
        f" WHERE f.struggle = b.struggle AND f.at_ms >= b.state_ms AND {where})"
        " ORDER BY b.state_ms, b.struggle LIMIT ?",
        (alert.changed_ms, alert.id, *values, limit),
    )
    return [Returned(*row) for row in rows]


def _first_ms(db: sqlite3.Connection, struggle: str) -> int:
    row = db.execute(
        f"SELECT min(f.at_ms) FROM flags f INDEXED BY flags_by_last WHERE {STANDING} AND f.struggle = ?",
        (struggle,),
    ).fetchone()
    return int(row[0])


def last_arrivals(db: sqlite3.Connection) -> dict[str, int]:
    """Return when the last batch of each site arrived."""
    rows = db.execute(
        "SELECT site, max(last_ms) FROM health WHERE what = 'batch' AND detail = 'stored' GROUP BY site"
    )
    return {site: int(last_ms) for site, last_ms in rows}


def oldest_visit_ms(db: sqlite3.Connection, site: str) -> int | None:
    """Return when the oldest stored session of a site began, tests left out."""
    where, values = ("s.site = ? AND", (site,)) if site else ("", ())
    index = "sessions_by_site" if site else "sessions_by_start"
    row = db.execute(
        f"SELECT s.started_ms FROM sessions s INDEXED BY {index} WHERE {where} NOT s.canary"
        " ORDER BY s.started_ms LIMIT 1",
        values,
    ).fetchone()
    return int(row[0]) if row else None
