"""Asks walks through processes (core/walks.py). Reads only; which sessions are meant is searching.py's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import pairwise

import orjson

from core.model import SessionQuery
from core.sights import SightCounts
from core.sqlite import bits, searching, sights, ways
from core.sqlite.readers import one_view
from core.walks import WHOLE, Spent, Spread


def spent(db: sqlite3.Connection, query: SessionQuery, process: str) -> Spent:
    """Return what the walks of *process* by the sessions of *query* took, and were worth."""
    spans: dict[str, list[float]] = {}
    sessions, worth = 0, None
    with one_view(db):
        meant = searching.numbers(db, query).table()
        rows = db.execute(
            "SELECT no, steps, completed_ms, value FROM walks WHERE process = ?", (process,)
        )
        for no, told, completed_ms, value in rows:
            if not bits.among(meant, no):
                continue
            sessions += 1
            steps = orjson.loads(told)
            for (name, at), (_, then) in pairwise(steps):
                spans.setdefault(name, []).append(then - at)
            if completed_ms is not None:
                spans.setdefault(WHOLE, []).append(completed_ms - steps[0][1])
                worth = worth if value is None else (worth or 0.0) + value
    return Spent(sessions, {name: spread(sorted(some)) for name, some in spans.items()}, worth)


def spread(spans: Sequence[float]) -> Spread:
    """Return the median and the 90th percentile of *spans*, which ascend: the nearest rank."""
    return Spread(len(spans), _rank(spans, 50), _rank(spans, 90))


def _rank(values: Sequence[float], percent: int) -> float:
    return values[-(-len(values) * percent // 100) - 1]


def ends(
    db: sqlite3.Connection, query: SessionQuery, kind: str, at: str, most: int
) -> list[tuple[str, int]]:
    """Return the most frequent values of the field *kind* behind *at*, and their sessions among those of *query*."""
    begin = f"{at} "
    counts = searching.tally(db, query, kind, begin)
    found = sorted(
        ((value, n) for value, n in counts.items() if n), key=lambda one: (-one[1], one[0])
    )
    return [(value.removeprefix(begin), n) for value, n in found[:most]]


def all_ways(db: sqlite3.Connection, query: SessionQuery, process: str) -> list[tuple[str, int]]:
    """Return the ways through *process* of the sessions of *query*, with their sessions."""
    with one_view(db):
        all_ = query == SessionQuery()
        return ways.counted(db, None if all_ else searching.numbers(db, query), process)


def sights_of(
    db: sqlite3.Connection, query: SessionQuery, page: str, most_places: int
) -> SightCounts:
    """Return what the sessions of *query* did on *page*."""
    with one_view(db):
        meant = None if query == SessionQuery() else searching.numbers(db, query).table()
        return sights.counted(db, meant, page, most_places)


def labels(db: sqlite3.Connection, process: str, elements: Sequence[str]) -> dict[str, str]:
    """Return a label of each of *elements* that has one: that of the newest session."""
    rows = db.execute(
        "SELECT element, label FROM walks WHERE process = ? AND label <> ''"
        " AND element IN (SELECT value FROM json_each(?)) ORDER BY no",
        (process, orjson.dumps(list(elements)).decode()),
    )
    return dict(rows.fetchall())
