"""
The queue of struggles as a list: filtered by what people have said, in order, a page at a time. SQL only.

All struggles of the span are counted, but what costs more than a look into an index is read of the page's alone.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

from core.model import SEVERITIES, SessionQuery
from core.sqlite import lists, struggles, triage
from core.sqlite.counters import STANDING
from core.sqlite.readers import one_view
from core.sqlite.struggles import Row, Span
from core.triage import STATES, Queue, Queued, QueueQuery, Triage

WEEK = timedelta(days=7)
_NEVER = "9999"  # behind every day


def queue(db: sqlite3.Connection, now_ms: int, query: QueueQuery) -> Queue:
    """Return the page of the queue that *query* asks for."""
    with one_view(db):
        span = Span.of(query.since_ms, now_ms)
        look = _Look(db, span, triage.all_of(db))
        counted = struggles.counted(db, span, site=query.site)
        asked = [row for row in counted if look.fits(row, query)]
        by_state = Counter(look.said(row).state for row in asked)
        found = [
            row for row in asked if query.states is None or look.said(row).state in query.states
        ]
        found.sort(key=_ORDERS[query.order](look))  # stable: most sessions first
        page = found[query.offset : query.offset + query.limit]
        return Queue(
            items=tuple(_items(look, page)),
            total=len(found),
            by_state={state: by_state[state] for state in STATES},
            reviewed=sum(look.said(row).reviewed_ms is not None for row in counted),
            flagged=len(counted),
        )


def one(db: sqlite3.Connection, now_ms: int, struggle: str, since_ms: int | None) -> Queued | None:
    """Return one struggle in the span since *since_ms*."""
    with one_view(db):
        span = Span.of(since_ms, now_ms)
        rows = struggles.counted(db, span, key=struggle)
        look = _Look(db, span, {struggle: triage.of(db, struggle)})
        return next(iter(_items(look, rows)), None)


@dataclass(frozen=True, slots=True)
class _Look:
    """Looks facts of single struggles up."""

    db: sqlite3.Connection
    span: Span
    triaged: Mapping[str, Triage]

    def said(self, row: Row) -> Triage:
        """Return what people have said of it."""
        return self.triaged.get(row.key) or Triage(row.key)

    def fits(self, row: Row, query: QueueQuery) -> bool:
        """Say whether it is what *query* asks for, whatever its state."""
        said = self.said(row)
        return (
            (query.owner is None or said.owner == query.owner)
            and (query.reviewed is None or query.reviewed == (said.reviewed_ms is not None))
            and (query.due is None or _due(said, query))
            and (query.severity is None or SEVERITIES[self.severity(row)] == query.severity)
            and (query.rule is None or self.rule(row) == query.rule)
            and (not query.text or self.reads(row, query.text))
        )

    def reads(self, row: Row, text: str) -> bool:
        """Say whether all words of *text* stand in what it is called, whatever their case."""
        found = self.db.execute(
            f"SELECT f.data FROM flags f INDEXED BY flags_by_last WHERE f.struggle = ? AND {STANDING}"
            " ORDER BY f.at_ms DESC LIMIT 1",
            (row.key,),
        ).fetchone()
        flag = orjson.loads(found[0]) if found else {}
        target = flag.get("target") or {}
        parts = [
            *flag.get("title", {}).values(), flag.get("rule"), flag.get("page"), target.get("label"),
            target.get("selector"),
        ]  # fmt: skip
        said = " ".join(str(one) for one in parts if one).casefold()
        return all(word in said for word in text.casefold().split())

    def rule(self, row: Row) -> str:
        """Return its rule."""
        found = self.db.execute(
            f"SELECT f.rule FROM flags f INDEXED BY flags_by_last WHERE f.struggle = ? AND {STANDING} LIMIT 1",
            (row.key,),
        ).fetchone()
        return str(found[0]) if found else ""

    def severity(self, row: Row) -> int:
        """Return the highest severity that a flag of it has in the span."""
        for severity in reversed(range(len(SEVERITIES))):
            if self.db.execute(
                "SELECT 1 FROM flags f INDEXED BY flags_by_severity WHERE f.struggle = ? AND f.severity = ?"
                f" AND f.at_ms >= ? AND {STANDING} LIMIT 1",
                (row.key, severity, self.span.since_ms or 0),
            ).fetchone():
                return severity
        return 0

    def seen(self, row: Row) -> tuple[float, float]:
        """Return when it was seen first and last."""
        return struggles.seen(self.db, row.key, self.span.since_ms or 0)


def _due(said: Triage, query: QueueQuery) -> bool:
    if not said.due or said.reviewed_ms is not None:
        return False
    last = date.fromisoformat(query.today) + WEEK
    return {
        "overdue": said.due < query.today,
        "today": said.due <= query.today,
        "week": said.due <= last.isoformat(),
        "any": True,
    }[query.due or "any"]


def _outstanding(said: Triage) -> str:
    return said.due if said.due and said.reviewed_ms is None else _NEVER


_ORDERS: dict[str, Callable[[_Look], Callable[[Row], Any]]] = {
    "sessions": lambda look: lambda row: -row.sessions,
    "rising": lambda look: lambda row: -row.rising,
    "last": lambda look: lambda row: -look.seen(row)[1],
    "first": lambda look: lambda row: -look.seen(row)[0],
    "severity": lambda look: lambda row: -look.severity(row),
    "due": lambda look: lambda row: _outstanding(look.said(row)),
}


def _items(look: _Look, rows: Sequence[Row]) -> list[Queued]:
    """Return the struggles of *rows* with all that is told of them."""
    db, since_ms = look.db, look.span.since_ms
    sessions = {
        site: lists.count_sessions(db, SessionQuery(site=site, since_ms=since_ms), None)
        for site in {row.site for row in rows}
    }
    return [
        # A visit that began before the span may have its flag in it.
        Queued(one, look.said(row), min(1.0, row.sessions / max(1, sessions[row.site])))
        for row, one in zip(rows, struggles.described(db, rows, look.span), strict=True)
    ]
