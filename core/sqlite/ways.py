"""Asks the index of sessions for their ways (core/ways.py). Reads only; which sessions are meant is searching.py's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from core.sqlite.bits import Numbers
from core.ways import Spot, base_of, kind_of

_OF_KIND = "FROM search_terms t INDEXED BY search_terms_by_value WHERE t.field = ?"


def counted(db: sqlite3.Connection, among: Numbers | None, process: str) -> list[tuple[str, int]]:
    """Return the ways through *process* with their sessions *among* some, or all of them."""
    kind = kind_of(process)
    if among is None:
        return db.execute(f"SELECT t.value, t.sessions {_OF_KIND}", (kind,)).fetchall()
    values = dict(db.execute(f"SELECT t.id, t.value {_OF_KIND}", (kind,)).fetchall())
    counts: dict[int, int] = {}
    for term, block, content in db.execute(
        f"SELECT term, block, bits FROM search_bits WHERE term IN (SELECT t.id {_OF_KIND})",
        (kind,),
    ):
        if some := among.meet(block, content):
            counts[term] = counts.get(term, 0) + some
    return [(values[term], some) for term, some in counts.items()]


def having(
    db: sqlite3.Connection, wanted: Iterable[str], unwanted: Iterable[str]
) -> Numbers | None:
    """
    Return the sessions that were at all spots *wanted*, less those that were at one *unwanted*.

    Both are values of the field `went`. Without any wanted it is None: whoever was nowhere meets that, too.
    """
    found: Numbers | None = None
    spots = [Spot.read(one) for one in wanted]
    if None in spots:  # what names no place is nowhere
        return Numbers()
    not_there = [one for text in unwanted if (one := Spot.read(text)) is not None]
    for process, own in _by_process(one for one in spots if one is not None):
        some = _where(db, process, own, all, [one for one in not_there if one.process == process])
        found = some if found is None else found & some
        not_there = [one for one in not_there if one.process != process]
    return None if found is None else found - been(db, [one.text for one in not_there])


def been(db: sqlite3.Connection, spots: Iterable[str]) -> Numbers:
    """Return the sessions that were at any of *spots*."""
    found = Numbers()
    for process, own in _by_process(one for text in spots if (one := Spot.read(text)) is not None):
        found |= _where(db, process, own, any)
    return found


def _by_process(spots: Iterable[Spot]) -> Iterable[tuple[str, list[Spot]]]:
    found: dict[str, list[Spot]] = {}
    for one in spots:
        found.setdefault(one.process, []).append(one)
    return found.items()


def _where(
    db: sqlite3.Connection,
    process: str,
    spots: Sequence[Spot],
    how: Callable[[Iterable[bool]], bool],
    but: Sequence[Spot] = (),
) -> Numbers:
    """Return the sessions whose way through *process* met *how* many (all or any) of *spots*, and none of *but*."""
    wanted, unwanted = _by_base(spots), _by_base(but)
    terms = []
    for id_, value in db.execute(f"SELECT t.id, t.value {_OF_KIND}", (kind_of(process),)):
        stops = value.split(" ")
        if how(_met(stops, wanted)) and not any(_met(stops, unwanted)):
            terms.append(id_)
    return Numbers.read(
        db.execute(
            "SELECT block, bits FROM search_bits WHERE term IN (SELECT value FROM json_each(?))",
            (orjson.dumps(terms).decode(),),
        )
    )


_Bases = dict[tuple[str, bool], list[Spot]]


def _by_base(spots: Iterable[Spot]) -> _Bases:
    """Return *spots* by what they are counted from: of tens of thousands of ways that is looked for once."""
    found: _Bases = {}
    for one in spots:
        found.setdefault((one.since, one.offset < 0), []).append(one)
    return found


def _met(stops: Sequence[str], spots: _Bases) -> Iterator[bool]:
    for (since, back), some in spots.items():
        base = base_of(stops, since, back=back)
        for one in some:
            yield one.at(stops, base)
