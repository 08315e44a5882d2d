"""Keeps what sessions did (core/effort.py: Work) and the medians that it is measured by. SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from core.effort import (
    LEAST_SESSIONS,
    WHOLE,
    WINDOW_DAYS,
    Effort,
    Norm,
    Work,
    excess_of,
    sequence,
    value,
)

FIELD = "effort"

Key = tuple[str, str, str]
"""Process, step and site."""

Made = tuple[str, str, str, int, int, int, int]
"""A median as a row: process, step, site, day, sessions, actions, visible_ms."""

_COLUMNS = "process, step, site, day, from_ms, until_ms, points, actions, visible_ms, completed"


def put(db: sqlite3.Connection, no: int, works: Iterable[Work]) -> None:
    """Let *works* be what the session *no* did, in place of what it had."""
    db.execute("DELETE FROM effort_works WHERE no = ?", (no,))
    db.executemany(
        f"INSERT INTO effort_works (no, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (no, one.process, one.step, one.site, one.day, one.from_ms, one.until_ms, one.points,
             one.actions, one.visible_ms, one.completed)
            for one in works
        ],
    )  # fmt: skip


def of(db: sqlite3.Connection, no: int) -> list[Effort]:
    """Return the efforts of the session *no*, as it is measured now."""
    rows = db.execute(
        f"SELECT {', '.join('w.' + one for one in _COLUMNS.split(', '))}, n.sessions, n.actions, n.visible_ms"
        " FROM effort_works w LEFT JOIN effort_norms n ON n.process = w.process AND n.step = w.step"
        " AND n.site = w.site AND n.day = w.day WHERE w.no = ?",
        (no,),
    ).fetchall()
    norms: dict[tuple[str, str], Norm | None] = {
        (row[0], row[1]): None if row[10] is None else Norm(*row[10:]) for row in rows
    }
    works = sequence([Work(*row[:10]) for row in rows])
    found = [
        Effort(one, norms[one.process, one.step], excess_of(one, norms[one.process, one.step]))
        for one in works
    ]
    if found and found[0].work.process == WHOLE:
        found[0] = _as_a_whole(found)
    return found


def _as_a_whole(found: Sequence[Effort]) -> Effort:
    """Return the effort of a session as a whole: the first of *found*, with the excess of the hardest of its ways."""
    ways = [one for one in found[1:] if one.work.step == WHOLE]
    most = max(ways, key=lambda one: one.extra, default=None)
    if most is None or not most.extra:
        return found[0]
    return replace(found[0], excess=most.excess, most=most.work, norm=most.norm)


def values(db: sqlite3.Connection, no: int) -> Iterator[str]:
    """Give the values of the field by which the session *no* is found."""
    return (value(one.work.process, one.work.step, one.band) for one in of(db, no))


def of_session(db: sqlite3.Connection, session: str) -> list[Effort]:
    """Return the efforts of *session*."""
    row = db.execute("SELECT no FROM searched WHERE session = ?", (session,)).fetchone()
    return of(db, row[0]) if row else []


# Medians


def declare(db: sqlite3.Connection, versions: Mapping[str, str]) -> None:
    """Drop the medians of processes that are no longer, or are declared otherwise than when they were made."""
    known = dict(db.execute("SELECT process, version FROM effort_normed").fetchall())
    for process, version in known.items():
        if versions.get(process) != version:
            db.execute("DELETE FROM effort_normed WHERE process = ?", (process,))
            db.execute("DELETE FROM effort_norms WHERE process = ?", (process,))
    db.executemany(
        "INSERT INTO effort_normed VALUES (?, ?, -1)",
        [one for one in versions.items() if known.get(one[0]) != one[1]],
    )


def lacking(db: sqlite3.Connection, today: int) -> dict[str, int]:
    """Return the processes that lack medians up to the day *today*, each with the first day that has none."""
    if db.execute("SELECT 1 FROM search_due WHERE old LIMIT 1").fetchone():
        return {}
    return {
        process: day + 1
        for process, day in db.execute(
            "SELECT process, day FROM effort_normed WHERE day < ?", (today,)
        ).fetchall()
    }


def medians(db: sqlite3.Connection, process: str, first: int, today: int) -> list[Made]:
    """Return the medians of *process* for the days from *first* to *today*, of who completed in the weeks before each."""
    oldest = db.execute(
        "SELECT min(day) FROM effort_works WHERE process = ?", (process,)
    ).fetchone()[0]
    if oldest is None:
        return []
    done: dict[Key, list[tuple[int, int, int]]] = {}
    for step, site, *work in db.execute(
        "SELECT step, site, day, actions, visible_ms FROM effort_works"
        " WHERE process = ? AND completed AND day >= ? AND day < ?",
        (process, first - WINDOW_DAYS, today),
    ):
        done.setdefault((process, step, site), []).append((work[0], work[1], work[2]))
    made: list[Made] = []
    for day in range(max(first, oldest), today + 1):
        for key, works in done.items():
            within = [one for one in works if day - WINDOW_DAYS <= one[0] < day]
            if len(within) >= LEAST_SESSIONS:
                middle = (_median([one[1] for one in within]), _median([one[2] for one in within]))
                made.append((*key, day, len(within), *middle))
    return made


def _median(numbers: Sequence[int]) -> int:
    """Return the nearest rank: a number that some session had."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def note(
    db: sqlite3.Connection, process: str, first: int, today: int, made: Sequence[Made]
) -> list[int]:
    """Keep the medians *made* of *process*; return the numbers of sessions that are measured by them."""
    done = db.execute(
        "UPDATE effort_normed SET day = ? WHERE process = ? AND day = ?",
        (today, process, first - 1),
    ).rowcount
    if not done:  # another has made them meanwhile
        return []
    db.executemany("INSERT OR IGNORE INTO effort_norms VALUES (?, ?, ?, ?, ?, ?, ?)", made)
    days = sorted({one[3] for one in made})
    rows = db.execute(
        "SELECT DISTINCT no FROM effort_works WHERE process = ?"
        " AND day IN (SELECT value FROM json_each(?))",
        (process, orjson.dumps(days).decode()),
    )
    return [no for (no,) in rows]
