"""What the console asks of SQLite stays quick however much is stored: plans, places, counts by the hour."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.population import Plan, fill
from core.alerts import Alert, FlagFilter, Span
from core.model import Flag, Place, SessionQuery, Verdicts
from core.search import FIELDS, read
from core.sqlite import (
    SqliteStore,
    alerts,
    contacts,
    health,
    judged,
    lists,
    queue,
    records,
    sealing,
    searching,
    struggles,
    triage,
)
from core.sqlite.counters import HOUR_MS
from core.sqlite.schema import connect
from core.store import Store
from core.triage import QueueQuery
from tests.core.support import NOON, ManualClock, batch, flag, stored

DAY_MS = 24 * HOUR_MS
BIG = {
    "sessions",
    "s",
    "batches",
    "b",
    "flags",
    "f",
    "page_loads",
    "p",
    "sealed",
    "gaps",
    "g",
    "searched",
    "x",
    "search_bits",
    "search_terms",
}
"""Tables that grow with every visit, and what queries call them."""

WAITING = {"sessions_open", "sessions_unjudged", "sessions_unsealed"}
"""Indexes of the few sessions on which something is still to be done."""

RULE = """
version: 1
rules:
  - id: pressed
    title: Pressed
    severity: high
    match: {event: click}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with some hundred sessions."""
    path = tmp_path_factory.mktemp("scale")
    rules = path / "rules.yaml"
    rules.write_text(RULE)
    fill(path / "data", Plan(150, NOON, running=10, rules=(rules,))).close()
    return path / "data"


@pytest.fixture
def db(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of that folder."""
    with closing(connect(folder / "stolper.db", read_only=True)) as connection:
        yield connection


def asked(db: sqlite3.Connection, read: Callable[[sqlite3.Connection], object]) -> list[str]:
    """Return what *read* asks of the database, as SQL with its values."""
    said: list[str] = []
    db.set_trace_callback(said.append)
    try:
        read(db)
    finally:
        db.set_trace_callback(None)
    return [sql for sql in said if sql.lstrip().upper().startswith(("SELECT", "WITH"))]


def steps(db: sqlite3.Connection, sql: str) -> list[str]:
    """Return the steps of SQLite's plan for *sql*."""
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]


def scans(found: list[str]) -> list[str]:
    """Return the steps that read all of a table that grows, or of an index that does."""
    return [
        step
        for step in found
        if step.startswith("SCAN ") and step.split()[1] in BIG and step.split()[-1] not in WAITING
    ]


QUERIES = [
    SessionQuery(**given)  # type: ignore[arg-type] -- each is a field of it
    for given in (
        {},
        {"site": "shop"},
        {"since_ms": NOON - DAY_MS},
        {"flagged": True, "site": "shop", "since_ms": NOON - 7 * DAY_MS},
        {"flagged": False},
        {"score_min": 75},
        {"order": "score"},
        {"order": "score", "site": "shop", "since_ms": NOON - DAY_MS, "score_min": 25},
        {"offset": 5000},
        {"after": Place(-1, NOON - DAY_MS, "0")},
        {"after": Place(50, NOON - DAY_MS, "0"), "order": "score"},
        {"before": Place(50, NOON - DAY_MS, "0"), "order": "score", "site": "help"},
        {"canary": True},
    )
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query)[12:][:60])
def test_a_list_reads_only_what_it_shows(db: sqlite3.Connection, query: SessionQuery) -> None:
    """Sessions come in the order of an index, which holds what is filtered by: nothing is sorted."""
    (sql,) = (s for s in asked(db, lambda d: lists.sessions(d, query)) if "FROM sessions s" in s)
    plan = steps(db, sql)

    assert [] == [step for step in plan if "TEMP B-TREE" in step]
    assert "INDEX sessions_by_" in plan[0], plan


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query)[12:][:60])
def test_counting_reads_an_index_alone(db: sqlite3.Connection, query: SessionQuery) -> None:
    """How many there are is counted in a covering index."""
    sql = asked(db, lambda d: lists.count_sessions(d, query, 100))[-1]

    assert ["COVERING"] == [
        word for step in steps(db, sql) for word in step.split() if word == "COVERING"
    ], steps(db, sql)


def test_a_signed_batch_reads_the_contacts_of_its_own_visits_alone(
    db: sqlite3.Connection,
) -> None:
    """However many are nobody's: they are met by the index of visits."""
    (sql,) = asked(db, lambda d: contacts.claim(d, "K-1", "x", "y", NOON))
    plan = steps(db, sql)

    assert "SEARCH c USING INDEX contacts_by_session (session=?)" == plan[0]
    assert [] == [step for step in plan if step.startswith("SCAN ") and "CONSTANT" not in step]


def read_struggle(db: sqlite3.Connection, since_ms: int | None) -> object:
    """Read the list of struggles, and one of them."""
    found = struggles.struggles(db, NOON, since_ms=since_ms)
    return struggles.struggles(db, NOON, key=found[0].key)


def read_queue(db: sqlite3.Connection, **query: Any) -> object:
    """Read a page of the queue, and how many sessions of its first struggle there are in a span."""
    found = queue.queue(db, NOON, QueueQuery("2027-01-15", **query))
    key = found.items[0].struggle.key if found.items else "x"
    return lists.count_sessions(db, SessionQuery(struggle=key, struck_since_ms=NOON - DAY_MS), None)


def found_by(db: sqlite3.Connection, asked: str) -> object:
    """Search the index, list what is found, and count by all fields."""
    query = SessionQuery(find=read(asked), since_ms=NOON - 5 * DAY_MS, site="shop")
    return lists.sessions(db, query), searching.facets(db, query, [*FIELDS], 8)


LATELY = Span(NOON - 7 * DAY_MS, NOON)
WANTED = FlagFilter("scale-shop", "pressed", "/p*", "low")
ALERT = Alert(id="a", kind="new", name="", to=(), changed_ms=NOON - DAY_MS)

READS: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "struggles of all time": lambda db: read_struggle(db, None),
    "struggles of a week": lambda db: read_struggle(db, NOON - 7 * DAY_MS),
    "struggles of a day": lambda db: read_struggle(db, NOON - DAY_MS),
    "queue by severity": lambda db: read_queue(db, order="severity", rule="pressed"),
    "queue of a day, last": lambda db: read_queue(db, order="last", since_ms=NOON - DAY_MS),
    "queue, due": lambda db: read_queue(db, order="due", due="any", site="shop"),
    "due reviews": lambda db: triage.due_reviews(db, None, "2027-01-15"),
    "health": lambda db: health.health(db, "scale-shop", NOON - 7 * DAY_MS),
    "flags of a session": lambda db: judged.flags(db, "x", False),
    "batches": lambda db: records.batches(db, "x"),
    "batches of many": lambda db: records.batches_of(db, ["x", "y"]),
    "batches after": lambda db: records.batches_after(db, 5, 10),
    "page loads": lambda db: records.page_loads(db, "x"),
    "chunks": lambda db: records.chunks(db, "x"),
    "gaps": lambda db: records.gaps(db, "x"),
    "open sessions": records.open_sessions,
    "idle sessions": lambda db: records.idle_sessions(db, NOON),
    "unjudged sessions": records.unjudged_sessions,
    "unsealed sessions": lambda db: sealing.unsealed_sessions(db, NOON, 20),
    "segments needed": sealing.segments_needed,
    "found by fields": lambda db: found_by(db, "device:mobile -page:/basket customer:4711"),
    "found by words": lambda db: found_by(db, "item -checkout has:running"),
    "flagged of an alert": lambda db: alerts.count_flagged(db, WANTED, [LATELY]),
    "sessions of an alert": lambda db: alerts.flagged_sessions(db, WANTED, LATELY, 50, 0),
    "struggles of a digest": lambda db: alerts.counted_struggles(db, FlagFilter(), LATELY, 5),
    "new struggles": lambda db: alerts.new_struggles(db, ALERT, 5),
    "oldest visit": lambda db: alerts.oldest_visit_ms(db, "scale-shop"),
    "messages due": lambda db: alerts.due_deliveries(db, NOON, 9),
    "messages": lambda db: alerts.deliveries(db, 9, None),
    "rule uses": lambda db: judged.rule_uses(db, NOON - 7 * DAY_MS, "scale-shop"),
}


@pytest.mark.parametrize("name", READS)
def test_no_read_goes_through_all_rows(db: sqlite3.Connection, name: str) -> None:
    """No query of pages, of the API or of background work scans a table that grows with visits."""
    statements = asked(db, READS[name])

    assert statements
    assert {} == {sql: found for sql in statements if (found := scans(steps(db, sql)))}


def test_plans_of_rules_and_struggles_by_how_often_they_are(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few flags lead to their sessions; of many, sessions are gone through in order. Both list the same."""
    (struggle, *_) = struggles.struggles(db, NOON)
    queries = [
        SessionQuery(**{"limit": 1000, **given})  # type: ignore[arg-type] -- each is a field of it
        for given in (
            {"rule": "pressed"},
            {"rule": "pressed", "order": "score", "site": "shop"},
            {"struggle": struggle.key},
            {"struggle": struggle.key, "rule": "pressed", "since_ms": NOON - 9 * DAY_MS},
            {"struggle": struggle.key, "struck_since_ms": NOON - 9 * DAY_MS},
        )
    ]
    few = [(lists.sessions(db, q), lists.count_sessions(db, q, None)) for q in queries]
    first = steps(db, asked(db, lambda d: lists.sessions(d, queries[0]))[-1])
    monkeypatch.setattr(lists, "FEW_FLAGS", 0)
    many = [(lists.sessions(db, q), lists.count_sessions(db, q, None)) for q in queries]
    walked = steps(db, asked(db, lambda d: lists.sessions(d, queries[0]))[-1])

    assert few == many
    assert [len(found) for found, _ in few] == [count for _, count in few]
    assert struggle.sessions == few[2][1] > 1
    assert any("flags_by_rule" in step for step in first[:3]), first
    assert "INDEX sessions_by_start" in walked[0]
    assert [] == [step for step in walked if "TEMP B-TREE" in step]


@pytest.mark.parametrize("order", ["newest", "score"])
@pytest.mark.parametrize("site", [None, "shop"])
def test_pages_by_place_hold_every_session_once(
    db: sqlite3.Connection, order: Any, site: str | None
) -> None:
    """From page to page, forward and back, the list is the one that is read at once."""
    query = SessionQuery(order=order, site=site, limit=1000)
    whole = lists.sessions(db, query)
    pages = [lists.sessions(db, replace(query, limit=7))]
    while len(pages[-1]) == 7:
        pages.append(lists.sessions(db, replace(query, limit=7, after=Place.of(pages[-1][-1]))))
    back = lists.sessions(db, replace(query, limit=7, before=Place.of(pages[3][0])))

    assert whole == list(itertools.chain(*pages))
    assert pages[2] == back
    assert 15 < len(whole) == lists.count_sessions(db, query, None)
    assert Place.of(whole[3]) == Place.read(str(Place.of(whole[3])))


def recounted(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return what struggle_hours must hold, counted from the flags."""
    last: dict[tuple[str, str], float] = {}
    hours: dict[tuple[str, int, str], list[int]] = {}
    rows = db.execute(
        "SELECT struggle, session, at_ms, site FROM flags WHERE withdrawn IS NULL AND struggle <> ''"
        " ORDER BY at_ms"
    ).fetchall()
    for struggle, session, at_ms, site in rows:
        hours.setdefault((struggle, int(at_ms // HOUR_MS), site), [0, 0])[0] += 1
        last[struggle, session] = at_ms
    for (struggle, _), at_ms in last.items():
        site = next(row[3] for row in rows if row[0] == struggle)
        hours[struggle, int(at_ms // HOUR_MS), site][1] += 1
    return sorted((*key, *counts) for key, counts in hours.items())


HOURS = "SELECT struggle, hour, site, flags, sessions FROM struggle_hours ORDER BY 1, 2"


def test_the_migration_counts_what_is_there_as_triggers_do(db: sqlite3.Connection) -> None:
    """The generator's folder went through the triggers; the count from scratch is the same."""
    assert recounted(db) == db.execute(HOURS).fetchall() != []


@pytest.mark.parametrize("seed", range(3))
async def test_hours_follow_every_change_of_flags(
    tmp_path: Path, clock: ManualClock, seed: int
) -> None:
    """Added, moved, withdrawn, brought back, erased with their session: the counts stay true."""
    rnd = random.Random(seed)
    store = SqliteStore(tmp_path, clock)
    await store.open()
    sessions = [f"s{n}" for n in range(6)]
    await stored(store, *(batch(name) for name in sessions))

    def made(name: str) -> Flag:
        at = float(NOON + rnd.randrange(6) * HOUR_MS // 2)
        return flag(f"{name}-{rnd.randrange(4)}", name, at_ms=at, page=f"/{rnd.randrange(2)}",
                    target=None, withdrawn=rnd.choice((None, None, "replaced")))  # fmt: skip

    with closing(connect(tmp_path / "stolper.db")) as db:
        for _ in range(60):
            name = rnd.choice(sessions)
            flags = tuple({one.id: one for one in (made(name) for _ in range(2))}.values())
            await store.commit_verdicts([Verdicts(name, 0, flags, replace=rnd.random() < 0.3)])
            assert recounted(db) == db.execute(HOURS).fetchall()
        for name in sessions:
            db.execute("DELETE FROM flags WHERE session = ?", (name,))
            assert recounted(db) == db.execute(HOURS).fetchall()
        assert [] == db.execute(HOURS).fetchall()
    await store.close()


async def test_long_spans_begin_at_a_full_hour(store: Store, clock: ManualClock) -> None:
    """A flag in the hour of `since` counts in spans of two days and more; in shorter ones it is too old."""
    await stored(store, batch("a"), batch("b"))
    old, new = flag("f", "a", at_ms=float(NOON)), flag("g", "b", at_ms=float(NOON + 50 * HOUR_MS))
    await store.commit_verdicts([Verdicts("a", 0, (old,)), Verdicts("b", 0, (new,))])
    clock.advance(51 * HOUR_MS)
    (long,) = await store.struggles(since_ms=NOON + HOUR_MS // 2)
    (short,) = await store.struggles(since_ms=NOON + 4 * HOUR_MS)

    assert (2, 2, NOON) == (long.sessions, sum(long.trend), long.first_ms)
    assert (1, 1, NOON + 50 * HOUR_MS) == (short.sessions, sum(short.trend), short.first_ms)
