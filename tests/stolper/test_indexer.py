"""The index by which sessions are found is kept up to date in the background, running sessions too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.model import Session, SessionQuery, Verdicts
from core.search import read
from core.sqlite import SqliteStore
from core.sqlite.schema import connect
from core.sqlite.search_index import mark_all_due
from replay.document import MOST_TEXTS, document_of
from stolper.indexer import FIRST_MS, LAST_MS, Indexer
from tests.console.support import START, Clock, Visit, shop


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


async def found(store: SqliteStore, asked: str) -> list[str]:
    """Return the ids of what is found."""
    return [one.id for one in await store.sessions(SessionQuery(find=read(asked)))]


EVENTS = {
    "error": {"type": "error", "message": "x is undefined"},
    "failed_request": {"type": "request", "url": "/api/pay", "status": 503, "click": 1},
    "slow_request": {"type": "request", "url": "/api", "status": 200, "duration_ms": 3_000},
    "form_refused": {"type": "form", "form": "address", "outcome": "refused"},
    "typed": {"type": "field", "field": "zip", "changed": True},
    "reloaded": {"type": "page", "nav": "reload", "path": "/basket"},
    "track:coupon": {"type": "custom", "name": "coupon", "props": {"code_kind": "spring", "ok": False}},
}  # fmt: skip


async def test_a_visit_is_found_by_what_was_recorded_of_it(store: SqliteStore) -> None:
    """What happened, pages, device, rules, texts: each finds the visit; aborted requests are no failure."""
    visit = Visit(store, "v", attributes={"device": "mobile", "release": "2026.4"})
    await visit.send(
        [{"t": nth, "path": "/", **event} for nth, event in enumerate(EVENTS.values())]
        + [{"t": 90, "type": "request", "url": "/beacon", "status": 0, "aborted": True}]
    )
    await visit.flag("rage_click", title="Wutklick", label="Jetzt kaufen")
    await store.end_session("v", "left")
    await Indexer(store, Clock()).sweep()
    asked = [
        *(f"did:{name}" for name in EVENTS),
        "page:/basket",
        "device:mobile",
        "rule:rage_click",
    ]
    asked += ["has:struggle", "release:2026.4", "entry:/basket", "pages:-2", "wutklick", "kaufen"]
    asked += ["undefined", "/api/pay", "coupon spring", "address"]

    assert [] == [one for one in asked if await found(store, one) != ["v"]]
    assert [] == await found(store, "beacon")
    assert [] == await found(store, "did:form_sent")


async def test_a_running_visit_is_read_ever_less_often(store: SqliteStore) -> None:
    """The first batch is found soon; what follows when its turn comes, each wait twice the one before."""
    clock = Clock()
    indexer, visit = Indexer(store, clock), Visit(store, "v")
    turns = []
    for nth in range(40):
        await visit.send([{"t": nth * 1000.0, "type": "page", "path": f"/{nth}"}])
        indexer.changed("v")
        if await indexer.sweep():
            turns.append(clock.now - START)
        clock.now += 1_000

    assert [0, FIRST_MS, 3 * FIRST_MS, 7 * FIRST_MS] == turns
    assert ["v"] == await found(store, "page:/35")
    assert [] == await found(store, "page:/39")
    await store.end_session("v", "left")
    await store.commit_verdicts([Verdicts("v", 0, (), replace=True, final=True)])
    await indexer.sweep()
    assert ["v"] == await found(store, "page:/39")
    assert 0 == await indexer.sweep()


async def test_no_running_visit_is_behind_by_more_than_a_minute(store: SqliteStore) -> None:
    """However long it runs: the wait grows to less than a minute, and no further."""
    clock = Clock()
    indexer, visit = Indexer(store, clock), Visit(store, "v")
    turns = []
    for nth in range(200):
        await visit.send([{"t": nth * 2_000.0, "type": "page", "path": f"/{nth}"}])
        indexer.changed("v")
        if await indexer.sweep():
            turns.append(clock.now)
        clock.now += 2_000

    waits = [after - before for before, after in pairwise(turns)]
    assert LAST_MS == max(waits) == waits[-1] < 60_000


async def test_what_was_stored_before_is_indexed_newest_first(
    store: SqliteStore, tmp_path: Path
) -> None:
    """After an update all sessions are due, and are told as such, behind those that are judged now; tests are not."""
    for nth in range(25):
        await Visit(store, f"v{nth}", start=START + nth * 1000).send([{"t": 0, "type": "page"}])
    await Visit(store, "test", canary=True).send([{"t": 0, "type": "page"}])
    db = connect(tmp_path / "data" / "stolper.db")
    mark_all_due(db)
    db.close()
    await store.commit_verdicts(
        [Verdicts("v0", 0, (), final=True), Verdicts("test", 0, (), final=True)]
    )
    indexer = Indexer(store, Clock())

    assert 24 == await store.unindexed()
    await indexer.sweep()
    assert [*(f"v{nth}" for nth in range(24, 6, -1)), "v0"] == await found(store, "page:/")
    while await indexer.sweep():
        pass
    assert 0 == await store.unindexed()
    assert 25 == len(await found(store, "page:/"))


async def test_a_removed_visit_is_forgotten(store: SqliteStore) -> None:
    """What is removed while it waits keeps nobody waiting, and a hostile visit does not grow without bound."""
    indexer = Indexer(store, Clock())
    indexer.changed("gone")
    await indexer.sweep()

    assert 0 == await indexer.sweep()
    events = [{"t": nth, "type": "page", "path": f"/{nth}" * 99} for nth in range(1000)]
    await Visit(store, "v").send(events)
    session = await store.session("v")
    assert session
    made = document_of(session, await store.batches("v"), [], [])

    assert MOST_TEXTS == len(made.text.splitlines())
    assert 100 == sum(name == "page" for name, _ in made.terms)
    assert max(len(value) for _, value in made.terms) <= 200


async def test_a_visit_that_cannot_be_read_holds_up_no_other(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours with one visit leaves its words out; that one and the others are found."""
    for name in ("odd", "even"):
        visit = Visit(store, name, attributes={"device": "mobile"})
        await visit.send([{"t": 0, "type": "page", "path": f"/{name}"}])
        await visit.flag(label=name)

    def failing(session: Session, batches: list[object], *rest: object, **more: Any) -> Any:
        if session.id == "odd" and batches:
            raise RuntimeError("of ours")
        return document_of(session, batches, *rest, **more)  # type: ignore[arg-type] -- as it came

    monkeypatch.setattr("stolper.indexer.document_of", failing)
    await Indexer(store, Clock()).sweep()

    assert ["even"] == await found(store, "page:/even")
    assert {"odd", "even"} == set(await found(store, "device:mobile"))
    assert [] == await store.due(10)
