"""Keeps sights (core/sights.py), by the number that their session has in the index, and finds sessions by them. SQL only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import orjson

from core.sights import DEAD, PRESSED, SAW, Element, Place, Sight, SightCounts
from core.sqlite.bits import Numbers, among

TENTHS = range(10, 101, 10)


def put(db: sqlite3.Connection, no: int, sights: Iterable[Sight]) -> None:
    """Let *sights* be those of the session *no*, in place of those it had."""
    db.execute("DELETE FROM sights WHERE no = ?", (no,))
    db.executemany(
        "INSERT INTO sights (page, no, depth, dead, pressed) VALUES (?, ?, ?, ?, ?)",
        [(one.page, no, one.depth, _dead(one), _pressed(one)) for one in sights],
    )


def _pressed(sight: Sight) -> str:
    """Return the elements as JSON: by the key the label, how often, how often in vain, and the places as one list."""
    told = {
        one.key: [one.label, one.times, one.dead, [n for x, y, dead in one.places for n in (x, y, int(dead))]]
        for one in sight.pressed
    }  # fmt: skip
    return orjson.dumps(told).decode() if told else ""


def _dead(sight: Sight) -> str:
    keys = [one.key for one in sight.pressed if one.dead]
    return orjson.dumps(keys).decode() if keys else ""


def having(db: sqlite3.Connection, field: str, value: str) -> Numbers:
    """
    Return the sessions that have *value* in *field*, one of PRESSED, DEAD and SAW.

    A key in JSON stands between quotes, and a quote within a text has a backslash before it: so what is looked
    for is a key and nothing else.
    """
    page, _, told = value.partition(" ")
    text = orjson.dumps(told).decode()
    where, sought = {
        PRESSED: ("instr(pressed, ?) > 0", f"{text}:"),
        DEAD: ("instr(dead, ?) > 0", text),
        SAW: ("depth >= ?", int(told) if told.isdecimal() and len(told) < 4 else 101),
    }[field]
    rows = db.execute(f"SELECT no FROM sights WHERE page = ? AND {where}", (page, sought))
    return Numbers.of([no for (no,) in rows])


def counted(
    db: sqlite3.Connection, meant: dict[int, bytes] | None, page: str, most_places: int
) -> SightCounts:
    """Return what the sessions *meant* (bits.py: table; None: all) did on *page*."""
    sessions, depths = 0, [0] * 101
    counts: dict[str, list[int]] = {}
    labels: dict[str, str] = {}
    places: dict[str, list[Place]] = {}
    left = most_places
    for no, depth, pressed in db.execute(
        "SELECT no, depth, pressed FROM sights WHERE page = ? ORDER BY no DESC", (page,)
    ):
        if meant is not None and not among(meant, no):
            continue
        sessions += 1
        depths[depth] += 1
        if not pressed:
            continue
        for key, (label, times, dead, where) in orjson.loads(pressed).items():
            count = counts.get(key)
            if count is None:
                count = counts[key] = [0, 0, 0, 0]
            count[0] += 1
            count[1] += times
            if dead:
                count[2] += 1
                count[3] += dead
            if label and key not in labels:
                labels[key] = label
            if left > 0 and where:
                left -= len(where) // 3
                places.setdefault(key, []).extend(_places(where))
    elements = [
        Element(key, labels.get(key, ""), some, times, vain_some, vain, tuple(places.get(key, ())))
        for key, (some, times, vain_some, vain) in counts.items()
    ]
    elements.sort(key=lambda one: (-one.times, one.key))
    saw = tuple(sum(depths[tenth:]) for tenth in TENTHS)
    return SightCounts(sessions, sessions - depths[0], saw, tuple(elements))


def _places(where: list[Any]) -> Iterable[Place]:
    for at in range(0, len(where) - 2, 3):
        yield where[at], where[at + 1], bool(where[at + 2])
