"""Customers, the browsers they signed in with, and which visits are theirs (core/customers.py). SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from core.customers import Browser, Customer, VisitCount
from core.model import Session
from core.sqlite.rows import SESSION_COLUMNS, SESSION_FROM, session_from

NAMED = "CASE WHEN json_valid(s.identity) THEN json_extract(s.identity, '$.id') END"
"""Whom a session `s` names, as the index sessions_by_customer has it."""

_FIRST = (
    "NOT EXISTS (SELECT 1 FROM signed_in o WHERE o.visitor = g.visitor"
    " AND (o.at_ms, o.customer) < (g.at_ms, g.customer))"
)
"""Nobody was named by signature before `g` in its browser."""

_SHARED = (
    "EXISTS (SELECT 1 FROM signed_in o WHERE o.visitor = g.visitor AND o.customer <> g.customer)"
)

JOINED = (
    "SELECT s.id FROM signed_in g JOIN sessions s ON s.visitor = g.visitor"
    f" WHERE g.customer = ? AND s.identity IS NULL AND NOT s.canary AND {_FIRST}"
    f" AND (s.started_ms < g.at_ms OR NOT {_SHARED})"
)
"""Visits without a name that are a customer's."""

OF_CUSTOMER = (
    f"SELECT s.id FROM sessions s WHERE {NAMED} = ? AND s.identity IS NOT NULL AND NOT s.canary"
    f" UNION ALL {JOINED}"
)
"""All visits of a customer; the id is asked for twice."""

SOMEBODY = ""
"""Stands in signed_in for a customer who was erased: the browser stays shared."""

MOST_ALIKE = 1_000
"""Ids with one beginning that are looked at: whoever types two letters types a third."""

_LAST = "\U0010ffff"
_IDS = "(SELECT value FROM json_each(?))"


def heard_of(db: sqlite3.Connection, id_: str, at_ms: int, *, verified: bool = False) -> None:
    """Note that a customer was heard of."""
    db.execute(
        "INSERT INTO customers VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET verified = max(verified, excluded.verified), last_ms = max(last_ms, excluded.last_ms)",
        (id_, int(verified), at_ms),
    )


def named(
    db: sqlite3.Connection, identity: dict[str, Any], visitor: str | None, at_ms: int
) -> None:
    """Note that a visit named a customer at *at_ms*, and by signature in which browser."""
    verified = bool(identity.get("verified"))
    heard_of(db, identity["id"], at_ms, verified=verified)
    if verified and visitor is not None:
        db.execute(
            "INSERT INTO signed_in VALUES (?, ?, ?) ON CONFLICT (visitor, customer) DO UPDATE"
            " SET at_ms = min(at_ms, excluded.at_ms)",
            (visitor, identity["id"], at_ms),
        )


def one(db: sqlite3.Connection, id_: str) -> Customer | None:
    """Return the customer of that id."""
    row = db.execute("SELECT id, verified, last_ms FROM customers WHERE id = ?", (id_,)).fetchone()
    return Customer(row[0], bool(row[1]), row[2]) if row else None


def some(
    db: sqlite3.Connection, limit: int, prefix: str, before: tuple[int, str] | None
) -> list[Customer]:
    """Return customers whose id begins with *prefix*, last heard of first."""
    place = before or (1 << 62, "")
    table, values = "customers", []
    if prefix:
        table = "(SELECT * FROM customers WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)"
        values = [prefix, prefix + _LAST, MOST_ALIKE]
    rows = db.execute(
        f"SELECT id, verified, last_ms FROM {table} WHERE (last_ms, id) < (?, ?)"
        " ORDER BY last_ms DESC, id DESC LIMIT ?",
        (*values, *place, limit),
    )
    return [Customer(id_, bool(verified), last_ms) for id_, verified, last_ms in rows]


def sessions(
    db: sqlite3.Connection, id_: str, limit: int, before_ms: int | None, since_ms: int | None
) -> list[Session]:
    """Return the visits of a customer, newest start first."""
    rows = db.execute(
        f"SELECT {SESSION_COLUMNS} FROM ({OF_CUSTOMER}) i CROSS JOIN {SESSION_FROM}"
        " WHERE s.id = i.id AND s.started_ms < ? AND s.last_ms >= ?"
        " ORDER BY s.started_ms DESC, s.id DESC LIMIT ?",
        (
            id_,
            id_,
            1 << 62 if before_ms is None else before_ms,
            -(1 << 62) if since_ms is None else since_ms,
            limit,
        ),
    )
    return [session_from(row) for row in rows]


def count(db: sqlite3.Connection, id_: str) -> VisitCount:
    """Return what the visits of a customer come to."""
    row = db.execute(
        "SELECT count(*), coalesce(sum(s.flags > 0), 0), max(s.last_ms)"
        f" FROM ({OF_CUSTOMER}) i CROSS JOIN sessions s WHERE s.id = i.id",
        (id_, id_),
    ).fetchone()
    return VisitCount(*row)


def browsers(db: sqlite3.Connection, id_: str) -> list[Browser]:
    """Return the browsers in which a customer was named by signature."""
    rows = db.execute(
        f"SELECT g.visitor, g.at_ms, {_FIRST},"
        " (SELECT count(*) - 1 FROM signed_in o WHERE o.visitor = g.visitor)"
        " FROM signed_in g WHERE g.customer = ? ORDER BY g.at_ms, g.visitor",
        (id_,),
    )
    return [Browser(visitor, at, bool(first), others) for visitor, at, first, others in rows]


def of_session(db: sqlite3.Connection, session: str) -> str | None:
    """Return whose visit *session* is."""
    row = db.execute(
        f"SELECT {NAMED}, visitor, started_ms FROM sessions s WHERE id = ? AND NOT canary",
        (session,),
    ).fetchone()
    if row is None or row[0] is not None:
        return row and str(row[0])
    found = db.execute(
        f"SELECT g.customer FROM signed_in g WHERE g.visitor = ?1 AND {_FIRST}"
        f" AND (?2 < g.at_ms OR NOT {_SHARED})",
        row[1:],
    ).fetchone()
    return (found[0] or None) if found else None


# Going


def forget_sessions(db: sqlite3.Connection, told: str) -> tuple[str, str]:
    """
    Take the sessions in *told* (JSON), which are about to go, out of contacts.

    Return, as JSON, the customers and the browsers that they were of, for prune().
    """
    db.execute(f"UPDATE contacts SET session = NULL WHERE session IN {_IDS}", (told,))
    rows = db.execute(
        f"SELECT DISTINCT {NAMED}, visitor FROM sessions s WHERE id IN {_IDS}", (told,)
    ).fetchall()
    return (
        _json([row[0] for row in rows if row[0] is not None]),
        _json([row[1] for row in rows if row[1] is not None]),
    )


def prune(db: sqlite3.Connection, customers: str, visitors: str) -> None:
    """Forget those *visitors* and *customers* (JSON) of whom nothing is stored any more."""
    gone = db.execute(
        f"DELETE FROM signed_in WHERE visitor IN {_IDS}"
        " AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.visitor = signed_in.visitor)"
        " RETURNING customer",
        (visitors,),
    ).fetchall()
    asked = _json([*orjson.loads(customers), *(row[0] for row in gone)])
    db.execute(
        f"DELETE FROM customers WHERE id IN {_IDS}"
        " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.customer = customers.id)"
        " AND NOT EXISTS (SELECT 1 FROM signed_in g WHERE g.customer = customers.id)"
        f" AND NOT EXISTS (SELECT 1 FROM sessions s WHERE {NAMED} = customers.id"
        " AND s.identity IS NOT NULL)",
        (asked,),
    )


def unname(db: sqlite3.Connection, id_: str) -> None:
    """
    Forget in which browsers a customer who is being erased signed in: that somebody did is kept.

    Else the visits without a name that began after that would be the next customer's.
    """
    db.execute(
        "INSERT INTO signed_in SELECT visitor, ?, at_ms FROM signed_in WHERE customer = ?"
        " ON CONFLICT (visitor, customer) DO UPDATE SET at_ms = min(at_ms, excluded.at_ms)",
        (SOMEBODY, id_),
    )
    db.execute("DELETE FROM signed_in WHERE customer = ?", (id_,))


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
