"""A session as one list of rrweb events: what is in it, and which document it shows when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from core.sqlite import SqliteStore
from replay.export import rrweb_events
from tests.console.support import START, Clock, Visit, add_text, rrweb_page, scroll, shop
from tests.replay.mirrored import mirrored, state


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", Clock())
    await opened.open()
    await opened.add_site(shop())
    yield opened
    await opened.close()


async def exported(store: SqliteStore, *, facts: bool = False) -> list[dict[str, Any]]:
    return [event async for event in rrweb_events(store, "v", facts=facts)]


def tags(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["tag"] for event in events if event["type"] == 5]


async def test_one_document_is_told_as_it_is(store: SqliteStore) -> None:
    """Of one document every event is there once, in order, at its server time."""
    visit = Visit(store, "v")
    await visit.send([], recording=[*rrweb_page(), scroll(700)])
    await visit.send([], recording=[add_text(900, 20, "more")])
    events = await exported(store)

    assert [4, 2, 3, 3] == [event["type"] for event in events]
    assert [10, 11, 700, 900] == [event["timestamp"] - START for event in events]


async def test_events_go_along(store: SqliteStore) -> None:
    """With facts the session, its document and its events are custom events; their times are exact."""
    visit = Visit(store, "v")
    sent = {"i": 0, "t": 20.5, "type": "page", "nav": "load", "path": "/", "view": 0}
    await visit.send([sent], recording=rrweb_page())
    events = await exported(store, facts=True)

    assert ["stolper.session", "stolper.page", "stolper.event"] == tags(events)
    [fact] = [e["data"]["payload"] for e in events if e["data"].get("tag") == "stolper.event"]
    assert {"load": "load-1", "tab": "tab-1", "event": sent} == fact
    about = events[0]["data"]["payload"]
    assert [("load-1", START)] == [(one["load"], one["origin"]) for one in about["loads"]]
    assert await exported(store) == [event for event in events if event["type"] != 5]


async def test_the_tab_that_is_used_is_shown(store: SqliteStore) -> None:
    """Of two tabs at once the one that a hand is in is told; one come back to is told anew as it is then."""
    visit = Visit(store, "v")
    first = [*rrweb_page(), add_text(3_000, 20, "unseen"), scroll(5_000)]
    await visit.send([], recording=first)
    await visit.send(
        [], recording=[*rrweb_page(), scroll(500)], load="load-2", tab="b", origin=2_000
    )
    events = await exported(store)

    kinds = [(event["type"], event["timestamp"] - START) for event in events]
    assert [(4, 11), (2, 11), (4, 2_011), (2, 2_011), (3, 2_500)] == kinds[:5]
    assert [(4, 5_000), (2, 5_000)] == kinds[5:7]
    assert (3, 5_000) == kinds[-1]
    at_end = state(mirrored(events))
    alone = state(mirrored([{**event} for event in first]))
    assert alone["tree"] == at_end["tree"]
    assert 1 == str(at_end).count("unseen")


async def test_before_a_page_nothing_is_told(store: SqliteStore) -> None:
    """Changes that have no page to be applied to are left out: a player would stop at them."""
    visit = Visit(store, "v")
    await visit.send([], recording=[add_text(100, 20, "lost"), *rrweb_page(at=2_000)])

    assert [4, 2] == [event["type"] for event in await exported(store)]


async def test_no_session_no_events(store: SqliteStore) -> None:
    """Of a session that there is none of nothing is told."""
    assert [] == await exported(store, facts=True)
