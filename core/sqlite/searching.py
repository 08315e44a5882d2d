"""
Asks the index by which sessions are found: lists, counts, and how many there are more narrowly. Reads only.

Owns how a query becomes a set of session numbers. In such a set counting costs nothing, so that each count
is exact however much is stored; to be shown, sessions are met in the order of an index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from core.model import Session, SessionQuery
from core.search import (
    BANDS,
    FIELDS,
    WILD,
    Facets,
    Find,
    folded,
    looks_like_session,
    read_span,
)
from core.sights import DEAD, PRESSED, SAW
from core.sqlite import customers, fixes, sights, ways
from core.sqlite.bits import Numbers, among
from core.sqlite.readers import one_view
from core.sqlite.rows import SESSION_COLUMNS, session_from
from core.sqlite.search_index import DAY, DAY_MS, SITE
from core.ways import WENT

FEW = 2_000
"""Up to so many sessions are looked up and sorted; among more, a walk in order soon meets enough."""

LOOKED_AT = 100
"""Values of a field, the most frequent, that are counted: pages may be thousands."""

_INDEXES = {"newest": "searched_by_start", "score": "searched_by_rank"}
_KEYS = {"newest": ("started_ms", "session"), "score": ("rank", "started_ms", "session")}
LAST = "\U0010ffff"
"""Behind every text that begins alike."""


def sessions(db: sqlite3.Connection, query: SessionQuery) -> list[Session]:
    """Return the sessions of *query* in its order."""
    with one_view(db):
        found = numbers(db, query)
        keys = _KEYS[query.order]
        backwards = query.before is not None and query.after is None
        order = ", ".join(f"{key} {'ASC' if backwards else 'DESC'}" for key in keys)
        where, values = _beside(query, keys)
        if len(found) <= FEW:
            source = "searched WHERE no IN (SELECT value FROM json_each(?))"
            values = [orjson.dumps(list(found)).decode(), *values]
        else:
            _let_hit(db, found)
            source = f"searched INDEXED BY {_INDEXES[query.order]} WHERE hit(no)"
        rows = db.execute(
            f"SELECT {SESSION_COLUMNS} FROM (SELECT session, started_ms, rank FROM {source}{where}"
            f" ORDER BY {order} LIMIT ? OFFSET ?) i CROSS JOIN sessions s ON s.id = i.session"
            f" LEFT JOIN sites w ON w.key = s.site ORDER BY {order.replace('started_ms', 'i.started_ms').replace('rank', 'i.rank')}",
            (*values, query.limit, query.offset),
        ).fetchall()
    return [session_from(row) for row in (reversed(rows) if backwards else rows)]


def count_sessions(db: sqlite3.Connection, query: SessionQuery) -> int:
    """Return how many there are without limit, offset and place."""
    with one_view(db):
        return len(numbers(db, query))


def facets(db: sqlite3.Connection, query: SessionQuery, fields: Sequence[str], most: int) -> Facets:
    """Return how many sessions of *query* have which values of *fields*, most sessions first."""
    find = query.find or Find()
    with one_view(db):
        found = numbers(db, query)
        everything = replace(query, order="newest", limit=50, offset=0) == SessionQuery()
        values: dict[str, tuple[tuple[str, int], ...]] = {}
        distinct: dict[str, int] = {}
        for name in fields:
            among = None if everything else found
            if FIELDS[name] == "one" and find.included(name):
                among = numbers(db, replace(query, find=find.but(name)))
            chosen = {*find.included(name), *find.excluded(name)}
            counts, all_ = _values(db, among, name, chosen)
            counts = [one for one in counts if one[1] or one[0] in chosen]
            values[name] = tuple(
                one for nth, one in enumerate(counts) if nth < most or one[0] in chosen
            )
            distinct[name] = all_
    return Facets(len(found), values, distinct)


def _values(
    db: sqlite3.Connection, among: Numbers | None, name: str, chosen: Iterable[str]
) -> tuple[list[tuple[str, int]], int]:
    """Return values of the field *name* with their sessions *among* some or all, and how many values it has."""
    rows = db.execute(
        "SELECT id, value, sessions FROM search_terms WHERE field = ? ORDER BY sessions DESC LIMIT ?",
        (name, LOOKED_AT),
    ).fetchall()
    all_ = len(rows)
    if all_ == LOOKED_AT:
        all_ = db.execute("SELECT count(*) FROM search_terms WHERE field = ?", (name,)).fetchone()[
            0
        ]
    told = {value: sessions for _, value, sessions in rows}
    if among is not None:
        counts = dict.fromkeys((id_ for id_, _, _ in rows), 0)
        for term, block, content in db.execute(
            "SELECT term, block, bits FROM search_bits"
            " WHERE term IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(counts)).decode(),),
        ):
            counts[term] += among.meet(block, content)
        told = {value: counts[id_] for id_, value, _ in rows}
    others = {*chosen} - told.keys() | ({"running"} if name == "has" else set())
    for value in others:
        some = having(db, name, value)
        told[value] = len(some if among is None else among & some)
    return sorted(told.items(), key=lambda one: (-one[1], one[0])), all_


def tally(db: sqlite3.Connection, query: SessionQuery, field: str, begin: str) -> dict[str, int]:
    """Return the values of *field* that begin with *begin*, and their sessions among those of *query*."""
    with one_view(db):
        meant = numbers(db, query)
        counts: dict[str, int] = {}
        for told, block, content in db.execute(
            "SELECT t.value, b.block, b.bits FROM search_terms t INDEXED BY search_terms_by_value"
            " CROSS JOIN search_bits b ON b.term = t.id WHERE t.field = ? AND t.value >= ? AND t.value < ?",
            (field, begin, begin + LAST),
        ):
            counts[told] = counts.get(told, 0) + meant.meet(block, content)
    return counts


# Sets


def numbers(db: sqlite3.Connection, query: SessionQuery) -> Numbers:
    """Return the numbers of the sessions that *query* asks for, wherever in the list they are."""
    if query.canary:
        return Numbers()
    find = query.find or Find()
    found = _of_sites(db, query.site)
    for some in _all_of(db, query, find):
        found &= some
    for name, value in find.exclude:
        if name != WENT:
            found -= having(db, name, value)
    for word in find.without:
        found -= _with_words(db, (word,))
    return found


def _all_of(db: sqlite3.Connection, query: SessionQuery, find: Find) -> Iterator[Numbers]:
    """Give each set that a session must be in."""
    if query.since_ms is not None or query.until_ms is not None:
        yield _between(db, query.since_ms, query.until_ms)
    if query.rule is not None:
        yield having(db, "rule", query.rule)
    if query.struggle is not None:
        yield _of_struggle(db, query.struggle)
    if query.flagged is not None:
        flagged = having(db, "has", "struggle")
        yield flagged if query.flagged else _of_sites(db, None) - flagged
    if query.score_min is not None or query.score_max is not None:
        yield _scored(db, query.score_min, query.score_max)
    if find.customer is not None:
        yield _of_customer(db, find.customer)
    if find.words or find.who:
        yield _with_words(db, find.words) | _of_whom(db, find.who)
    went, not_there = find.included(WENT), find.excluded(WENT)
    if (there := ways.having(db, went, not_there)) is not None:
        yield there
    elif not_there:
        yield _of_sites(db, None) - ways.been(db, not_there)
    for name, kind in FIELDS.items():
        values = find.included(name) if name != WENT else ()
        if kind == "many":
            yield from (having(db, name, value) for value in values)
        elif values:
            some = Numbers()
            for value in values:
                some |= having(db, name, value)
            yield some


def _of_sites(db: sqlite3.Connection, site: str | None) -> Numbers:
    """Return the sessions of a site (key or name), or of all."""
    where, values = "t.field = ?", [SITE]
    if site is not None:
        where = (
            "t.field = ? AND t.value = coalesce((SELECT key FROM sites WHERE key = ? OR name = ?"
            " ORDER BY key = ? DESC LIMIT 1), '')"
        )
        values += [site] * 3
    return Numbers.read(_bits(db, where, values))


def having(db: sqlite3.Connection, name: str, value: str) -> Numbers:
    """Return the sessions that have *value* in the field *name*; of a path that ends in `*` all it begins."""
    if (name, value) == ("has", "running"):
        return _running(db)
    if name == "began":
        since, until = read_span(value)
        return _between(db, since, until)
    if name == "release_since":
        return _released_since(db, value)
    if name in (PRESSED, DEAD, SAW):
        return sights.having(db, name, value)
    if name == WENT:
        return ways.been(db, [value])
    if value.endswith(WILD) and name in ("page", "entry", "exit"):
        begin = value.removesuffix(WILD)
        return Numbers.read(
            _bits(db, "t.field = ? AND t.value >= ? AND t.value < ?", (name, begin, begin + LAST))
        )
    return Numbers.read(_bits(db, "t.field = ? AND t.value = ?", (name, value)))


def _bits(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
    return db.execute(
        "SELECT b.block, b.bits FROM search_terms t INDEXED BY search_terms_by_value"
        f" CROSS JOIN search_bits b ON b.term = t.id WHERE {where}",
        values,
    )


def _between(db: sqlite3.Connection, since_ms: int | None, until_ms: int | None) -> Numbers:
    """Return the sessions that began in a span: whole days by their bits, what is left one by one."""
    since = 0 if since_ms is None else since_ms
    until = (1 << 53) if until_ms is None else until_ms
    first, last = -(-since // DAY_MS), until // DAY_MS  # whole days: from first, before last
    if first > last:
        return _one_by_one(db, since, until)
    days = Numbers.read(
        _bits(
            db,
            "t.field = ? AND CAST(t.value AS INTEGER) >= ? AND CAST(t.value AS INTEGER) < ?",
            (DAY, first, last),
        )
    )
    edges = _one_by_one(db, since, first * DAY_MS) | _one_by_one(db, last * DAY_MS, until)
    return days | edges


def _released_since(db: sqlite3.Connection, release: str) -> Numbers:
    """Return the sessions of *release* and of those that came after it on the same site."""
    found = Numbers()
    for site, names in fixes.since(db, release).items():
        told = orjson.dumps(names).decode()
        where = "t.field = 'release' AND t.value IN (SELECT value FROM json_each(?))"
        found |= Numbers.read(_bits(db, where, (told,))) & _of_sites(db, site)
    return found


def _one_by_one(db: sqlite3.Connection, since: int, until: int) -> Numbers:
    return _told(
        db,
        "SELECT no FROM searched INDEXED BY searched_by_start"
        " WHERE started_ms >= ? AND started_ms < ?",
        (since, until),
    )


def _scored(db: sqlite3.Connection, least: int | None, most: int | None) -> Numbers:
    name = next((name for name, value in BANDS.items() if value == least), None)
    if most is None and name is not None:
        return having(db, "score", name)
    return _told(
        db,
        "SELECT no FROM searched INDEXED BY searched_by_rank WHERE rank BETWEEN ? AND ?",
        (least or 0, 100 if most is None else most),
    )


def _with_words(db: sqlite3.Connection, words: Sequence[str]) -> Numbers:
    """Return the sessions whose texts have all of *words*, each as the beginning of a word."""
    if not words:
        return Numbers()
    asked = " AND ".join(f'"{folded(word).replace(chr(34), " ")}" *' for word in words)
    return _told(db, "SELECT rowid AS no FROM search_text WHERE search_text MATCH ?", (asked,))


def _of_whom(db: sqlite3.Connection, who: Sequence[str]) -> Numbers:
    found = Numbers()
    for one in who:
        found |= _of_customer(db, one) | _of(db, "s.visitor = ?", (one,))
        if looks_like_session(one):
            found |= _of(db, "s.id >= ? AND s.id < ?", (one, one + LAST))
    return found


def _of_customer(db: sqlite3.Connection, id_: str) -> Numbers:
    named = _of(db, f"{customers.NAMED} = ? AND s.identity IS NOT NULL", (id_,))
    return named | _told(
        db,
        f"SELECT x.no FROM ({customers.JOINED}) i CROSS JOIN searched x ON x.session = i.id",
        (id_,),
    )


def _running(db: sqlite3.Connection) -> Numbers:
    return _of(db, "s.ended_ms IS NULL", ())


def _of_struggle(db: sqlite3.Connection, key: str) -> Numbers:
    return _told(
        db,
        "SELECT x.no FROM (SELECT DISTINCT session FROM flags f INDEXED BY flags_by_struggle"
        " WHERE f.struggle = ? AND f.withdrawn IS NULL AND f.struggle <> '') f"
        " CROSS JOIN searched x ON x.session = f.session",
        (key,),
    )


def _of(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> Numbers:
    """Return the numbers of few sessions `s`, which an index finds."""
    return _told(
        db,
        f"SELECT x.no FROM sessions s CROSS JOIN searched x ON x.session = s.id WHERE {where}",
        values,
    )


def _told(db: sqlite3.Connection, query: str, values: Sequence[Any]) -> Numbers:
    """Return the numbers `no` that *query* finds: as one text, which is read at once, however many they are."""
    (told,) = db.execute(f"SELECT json_group_array(no) FROM ({query})", values).fetchone()
    return Numbers.of(orjson.loads(told))


# Lists


def _beside(query: SessionQuery, keys: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the condition on the places that the list lies between, and its values."""
    where, values = "", list[Any]()
    for place, sign in ((query.after, "<"), (query.before, ">")):
        if place is not None:
            where += f" AND ({', '.join(keys)}) {sign} ({', '.join('?' * len(keys))})"
            values += (place.score, place.started_ms, place.id)[-len(keys) :]
    return where, values


def _let_hit(db: sqlite3.Connection, found: Numbers) -> None:
    """Let SQL ask `hit(no)`: whether a session is among those *found*."""
    table = found.table()
    db.create_function("hit", 1, lambda no: among(table, no), deterministic=True)
