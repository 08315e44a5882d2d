"""Maps: presses, presses in vain and depths equal what the visits are known to have done, and so do the lists behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.erasing import Whom
from core.model import SessionQuery
from core.search import Find
from insight.maps import sights_of
from tests.console.support import Visit
from tests.insight.generator import Press, Truth, visits
from tests.insight.test_walks import Shop, everything, shop_of

module = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop_of(tmp_path_factory.mktemp("maps"), visits(9, 300)) as made:
        for truth in made.truths:
            await flagged(made, truth)
        await everything(made.indexer)
        yield made


async def flagged(made: Shop, truth: Truth) -> None:
    """Let a rule find what was pressed in vain; another rule says nothing of that."""
    visit = Visit(made.store, truth.id, start=truth.start)
    dead = tuple(f"load-1:{one.event}" for one in truth.pressed if one.dead)
    if dead:
        await visit.flag("dead_click", at=5, evidence=dead)
    if truth.pressed:
        await visit.flag("rage_click", at=6, evidence=(f"load-1:{truth.pressed[0].event}",))


def presses(truths: list[Truth], page: str, key: str) -> list[Press]:
    return [p for one in truths for p in one.pressed if (p.page, p.element) == (page, key)]


@module
@pytest.mark.parametrize("page", ["/item/*", "/list/a"])
@pytest.mark.parametrize("device", ["", "mobile"])
async def test_each_element_counts_its_presses_and_lists_their_sessions(
    made: Shop, page: str, device: str
) -> None:
    """How often, in vain, in how many sessions, and where; of all, and of one kind of device."""
    narrow = (("device", device),) if device else ()
    query = SessionQuery(find=Find(include=narrow)) if device else SessionQuery()
    truths = [one for one in made.truths if not device or one.device == device]
    found = await made.store.sights(query, page, 100_000)

    assert {one.id for one in truths if page in one.seen} == await made.ids(
        ("saw", f"{page} 0"), *narrow
    )
    assert sum(page in one.seen for one in truths) == found.sessions > 20
    assert {p.element for one in truths for p in one.pressed if p.page == page} == {
        one.key for one in found.elements
    }
    for element in found.elements:
        mine = presses(truths, page, element.key)
        by = {one.id: presses([one], page, element.key) for one in truths}
        sessions = {id_ for id_, some in by.items() if some}
        dead = {id_ for id_, some in by.items() if any(p.dead for p in some)}

        assert (len(mine), sum(p.dead for p in mine)) == (element.times, element.dead)
        assert (len(sessions), len(dead)) == (element.sessions, element.dead_sessions)
        assert Counter((p.x, p.y, p.dead) for p in mine) == Counter(element.places)
        assert sessions == await made.ids(("pressed", f"{page} {element.key}"), *narrow)
        assert dead == await made.ids(("dead", f"{page} {element.key}"), *narrow)
        assert "Button" in element.label
    assert sum(one.dead for one in found.elements) > 0


@module
async def test_each_tenth_of_a_page_counts_and_lists_who_saw_it(made: Shop) -> None:
    """Of a page that was seen twice the deepest counts; who did not scroll is in no tenth."""
    page = "/item/*"
    found = await made.store.sights(SessionQuery(), page, 0)
    depths = {one.id: one.depths[page] for one in made.truths if page in one.depths}

    assert len(depths) == found.scrolled < found.sessions
    for nth, sessions in enumerate(found.depths, 1):
        saw = {id_ for id_, depth in depths.items() if round(100 * depth) >= 10 * nth}
        assert len(saw) == sessions
        assert saw == await made.ids(("saw", f"{page} {10 * nth}"))
    assert 0 < found.depths[9] < found.depths[1] == found.scrolled
    assert () == tuple(place for one in found.elements for place in one.places)


@module
async def test_what_is_no_page_or_element_lists_nobody(made: Shop) -> None:
    """Parts of a key, a label, or another page are not it."""
    for pair in (
        ("pressed", "/item/* #zoo"), ("pressed", "/item/* Button zoom"), ("pressed", "/item #zoom"),
        ("dead", "/item/* #add"), ("pressed", "/item/*"), ("saw", "/item/* all"), ("saw", ""),
    ):  # fmt: skip
        assert set() == await made.ids(pair), pair


@module
async def test_sights_are_gone_with_their_session(made: Shop) -> None:
    """Erased is erased: nothing on a map is of the session any more."""
    gone = next(one for one in made.truths if one.pressed)
    page = gone.pressed[0].page
    before = await made.store.sights(SessionQuery(), page, 0)
    await made.store.erase(Whom("session", gone.id))
    after = await made.store.sights(SessionQuery(), page, 0)
    made.truths.remove(gone)

    assert before.sessions - 1 == after.sessions
    own = sum(p.page == page for p in gone.pressed)
    assert own == sum(e.times for e in before.elements) - sum(e.times for e in after.elements)


def test_only_presses_of_the_visitor_count() -> None:
    """A script's press is none, nor one of something without a key; a keyboard's press has no place."""
    base = {"type": "click", "path": "/a", "page_load": "l", "trusted": True}
    events = [
        {**base, "i": 0, "target": {"key": "#a"}, "trusted": False},
        {**base, "i": 1, "target": {}},
        {**base, "i": 2, "target": {"key": "#a"}, "pointer": "keyboard"},
        {**base, "i": 3, "target": {"key": "#a"}, "offset_x": 3.4, "offset_y": float("inf")},
        {"type": "scroll", "path": "/a", "i": 4, "depth": 0.9, "target": {"key": "#list"}},
    ]
    [sight] = sights_of(events, [])
    [element] = sight.pressed

    assert ("/a", 0, "#a", 2, 0, ()) == (
        sight.page, sight.depth, element.key, element.times, element.dead, element.places,
    )  # fmt: skip
