"""Counts what was met at the steps of processes (core/causes.py). Reads only; which sessions are meant is searching.py's."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from core.causes import (
    BEEN_AT,
    FREQUENT,
    LEAST,
    MATCHED_BY,
    MET_AT,
    SAW_AT,
    SCARCE,
    Encounters,
    Exposure,
    Stratum,
    place,
)
from core.model import SessionQuery
from core.sqlite import bits, searching
from core.sqlite.bits import Numbers
from core.sqlite.readers import one_view


def encounters(
    db: sqlite3.Connection, query: SessionQuery, process: str, step: str, struggle: str | None
) -> Encounters:
    """Return what the sessions of *query* met at *step*, or of one *struggle* alone."""
    at = place(process, step)
    with one_view(db):
        meant = searching.numbers(db, query)
        been = meant & searching.having(db, BEEN_AT, at)
        left = been & searching.having(db, "left", at)
        done = been & searching.having(db, "completed", process)
        running = (been - done) & searching.having(db, "has", "running")
        met_any = been & searching.having(db, MET_AT, at)
        met, further = _met(db, been, f"{at} {struggle or ''}")
        groups = _Groups(db, been, left) if any(len(one) >= LEAST for one in met.values()) else None
        exposures = []
        for value, having in met.items():
            key, _, page = value.removeprefix(f"{at} ").partition(" ")
            near = been & searching.having(db, SAW_AT, f"{at} {page}") if page else None
            all_ = _stratum(having, left, been if near is None else near)
            told = groups is not None and min(all_.met, all_.others) >= LEAST
            strata = groups.strata(having, near) if groups is not None and told else ()
            exposures.append(Exposure(key, page, all_, len(having & done), strata))
        return Encounters(
            at,
            len(been),
            len(left),
            len(been) - len(left) - len(running),
            len(done),
            _stratum(met_any, left, been),
            tuple(sorted(exposures, key=lambda one: (-one.all.met, one.struggle, one.page))),
            _worth(db, meant, process),
            further,
        )


def met_where(
    db: sqlite3.Connection, struggle: str, processes: Sequence[str]
) -> list[tuple[str, str]]:
    """Return each of *processes* with each of its steps at which any session met *struggle*."""
    found: dict[tuple[str, str], None] = {}
    for process in processes:
        steps = db.execute(
            "SELECT value FROM search_terms WHERE field = ? AND value >= ? AND value < ?",
            (BEEN_AT, place(process, ""), place(process, searching.LAST)),
        ).fetchall()
        for (at,) in steps:
            begin = f"{at} {struggle}"
            row = db.execute(
                "SELECT 1 FROM search_terms WHERE field = ? AND value >= ? AND value < ? LIMIT 1",
                (MET_AT, begin, begin + searching.LAST),
            ).fetchone()
            if row is not None:
                found[process, at.removeprefix(place(process, ""))] = None
    return [*found]


def _met(db: sqlite3.Connection, been: Numbers, begin: str) -> tuple[dict[str, Numbers], int]:
    """Return the values of what was met that begin so, with the sessions of *been*, and how many were met by too few to be told."""
    blocks: dict[str, list[tuple[int, bytes]]] = {}
    counts = Counter[str]()
    where = "t.field = ? AND t.value >= ? AND t.value < ?"
    for value, block, content in _bits(db, where, (MET_AT, begin, begin + searching.LAST)):
        if some := been.meet(block, content):
            counts[value] += some
            blocks.setdefault(value, []).append((block, content))
    scarce = sorted((-some, value) for value, some in counts.items() if some < LEAST)
    for _, value in scarce[SCARCE:]:
        del blocks[value]
    told = {value: been & Numbers.read(rows) for value, rows in blocks.items()}
    return told, max(0, len(scarce) - SCARCE)


def _bits(
    db: sqlite3.Connection, where: str, values: Sequence[str]
) -> Iterator[tuple[str, int, bytes]]:
    return db.execute(
        "SELECT t.value, b.block, b.bits FROM search_terms t INDEXED BY search_terms_by_value"
        f" CROSS JOIN search_bits b ON b.term = t.id WHERE {where}",
        values,
    )


def _stratum(met: Numbers, left: Numbers, among: Numbers) -> Stratum:
    others = among - met
    return Stratum(len(met & left), len(met), len(others & left), len(others))


def _worth(db: sqlite3.Connection, meant: Numbers, process: str) -> float | None:
    table = meant.table()
    rows = db.execute("SELECT no, value FROM walks WHERE process = ? AND value IS NOT NULL", (process,))  # fmt: skip
    values = [value for no, value in rows if bits.among(table, no)]
    return median(values) if values else None


class _Groups:
    """
    Sessions that have *been* at a step in groups of those that are alike, and how many of a group *left*.

    Each session has twice the number of its group, and 1 more if it left: so one pass counts both.
    """

    def __init__(self, db: sqlite3.Connection, been: Numbers, left: Numbers) -> None:
        site, device, entry = (_alike(db, name, been) for name in MATCHED_BY)
        groups: dict[tuple[str, str, str], int] = {}
        self._of = {
            no: groups.setdefault(
                (site.get(no, ""), device.get(no, ""), entry.get(no, "")), 2 * len(groups)
            )
            for no in been
        }
        for no in left:
            self._of[no] += 1
        self._all = self._counted(been)

    def strata(self, met: Numbers, among: Numbers | None) -> tuple[Stratum, ...]:
        """Return the groups in which some *met* it and others did not, of all or *among* some."""
        all_ = self._all if among is None else self._counted(among)
        some = self._counted(met)
        found = []
        for group in sorted({one & ~1 for one in some}):
            left, all_left = some[group + 1], all_[group + 1]
            count, others = some[group] + left, all_[group] + all_left - some[group] - left
            if others:
                found.append(Stratum(left, count, all_left - left, others))
        return tuple(found)

    def _counted(self, numbers: Numbers) -> Counter[int]:
        return Counter(map(self._of.__getitem__, numbers))


def _alike(db: sqlite3.Connection, name: str, been: Numbers) -> Mapping[int, str]:
    """Return by session what it has in the field *name*; rare first pages by the first part of their path."""
    having: dict[str, list[int]] = {}
    for value, block, content in _bits(db, "t.field = ?", (name,)):
        if some := been.shared(block, content):
            having.setdefault(value, []).extend(some)
    found: dict[int, str] = {}
    for value, numbers in having.items():
        rare = name == "entry" and len(numbers) < FREQUENT
        found |= dict.fromkeys(numbers, f"/{value.split('/')[1]}/*" if rare and value[:1] == "/" else value)  # fmt: skip
    return found
