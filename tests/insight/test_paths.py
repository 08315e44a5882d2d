"""Paths: what is drawn of nodes and edges equals what the visits are known to have done, and so do the lists behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import groupby

import pytest
import pytest_asyncio

from core.erasing import Whom
from core.model import SessionQuery
from core.search import Find
from core.ways import COMPLETED, END, FIRST, LAST, LEFT, MOST, Spot, general, way_of
from insight.paths import OTHERS, Asked, graph
from tests.insight.generator import Truth, visits
from tests.insight.test_walks import Shop, shop_of

module = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop_of(tmp_path_factory.mktemp("paths"), visits(5, 300)) as made:
        yield made


def walked(truth: Truth, process: str) -> list[str]:
    """Return where a visit was, one after the other, and how that ended."""
    if not process:
        return [stop for stop, _ in groupby(truth.seen)] + [END]
    if not truth.took:
        return []
    end = COMPLETED if truth.completed else LEFT
    return [stop for stop, _ in groupby(truth.took)] + [end]


def behind(way: Sequence[str], since: str, back: bool) -> list[str]:
    """Return what a visit did from *since* on, or before it, the nearest first: counted by hand."""
    way = list(way)[::-1] if back else list(way)
    while since not in (FIRST, LAST) and way and way[0] != since:
        way = way[1:]
    return way


ASKED = [
    Asked(most=2),
    Asked("/basket", depth=3, most=1),
    Asked("/item/*", depth=5, most=3),
    Asked("/pay", back=True, depth=3, most=2),
    Asked(LAST, back=True, depth=2, most=3),
    Asked(process="order", depth=6),
    Asked("address", process="order", depth=2, most=1),
    Asked(LEFT, back=True, process="order", depth=3, most=1),
]


@module
@pytest.mark.parametrize("asked", ASKED, ids=repr)
async def test_each_node_and_each_edge_lists_the_visits_that_were_there(
    made: Shop, asked: Asked
) -> None:
    """From any stop forwards and backwards, over pages and steps, those drawn together too."""
    truths = {
        one.id: behind(walked(one, asked.process), asked.since, asked.back) for one in made.truths
    }
    there = {id_: seen for id_, seen in truths.items() if seen}
    drawn = graph(await made.store.ways(SessionQuery(), asked.process), asked)

    assert len(there) == drawn.sessions > 0
    assert asked.depth + 1 >= len(drawn.layers) > 1
    for layer, nodes in enumerate(drawn.layers):
        named = {node.stop for node in nodes}
        here = {
            id_: seen[layer] if seen[layer] in named else OTHERS
            for id_, seen in there.items()
            if len(seen) > layer
        }
        assert Counter(here.values()) == Counter({node.stop: node.sessions for node in nodes})
        following = (
            {node.stop for node in (*drawn.layers, ())[layer + 1]} if layer < asked.depth else set()
        )
        for node in nodes:
            mine = {id_ for id_, stop in here.items() if stop == node.stop}
            assert mine == await listed(made, node.pairs), (layer, node.stop)
            for edge in node.edges:
                went = {
                    id_
                    for id_ in mine
                    if len(there[id_]) > layer + 1
                    and (there[id_][layer + 1] if there[id_][layer + 1] in following else OTHERS)
                    == edge.stop
                }
                assert len(went) == edge.sessions
                assert went == await listed(made, edge.pairs), (layer, node.stop, edge.stop)


async def listed(made: Shop, pairs: Sequence[tuple[str, str]]) -> set[str]:
    """Return the visits that the list shows."""
    wanted = tuple(one for one in pairs if one[0] == "went")
    unwanted = tuple(("went", value) for name, value in pairs if name == "not_went")
    return await made.ids(*wanted, without=unwanted)


@module
async def test_ways_are_counted_of_the_sessions_asked_for(made: Shop) -> None:
    """Narrowed by a filter; what was nowhere is left in where a list asks who was not there."""
    phones = SessionQuery(find=Find(include=(("device", "mobile"),)))
    expected = Counter(tuple(walked(one, "")) for one in made.truths if one.device == "mobile")
    told = {tuple(way.split(" ")): n for way, n in await made.store.ways(phones, "")}
    started = {one.id for one in made.truths if one.took[:1] == ["basket"]}
    not_there = await made.ids(without=(("went", "order: ^ +0 basket"),))

    assert expected == told
    assert {one.id for one in made.truths} - started == not_there
    assert set() == await made.ids(("went", "no such place"))


@pytest.mark.asyncio
async def test_ways_are_gone_with_their_session(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Erased is erased: the index has no way of a session any more."""
    async with shop_of(tmp_path_factory.mktemp("gone"), visits(5, 3)) as made:
        assert 3 == sum(n for _, n in await made.store.ways(SessionQuery(), ""))
        for truth in made.truths:
            await made.store.erase(Whom("session", truth.id))
        assert [] == await made.store.ways(SessionQuery(), "")


def test_a_page_is_called_without_its_ids() -> None:
    """Numbers, long hexadecimal texts and made-up words are ids; names of pages are not."""
    pages = {
        "/orders/4711/edit": "/orders/*/edit",
        "/u/01890a5d-ac96-774b-bcce-b302099a8057": "/u/*",
        "/k/a8f3k29sx": "/k/*",
        "/blog/how-to-pay-in-3-steps": "/blog/*",
        "/step2": "/step2",
        "/checkout/address": "/checkout/address",
        "": "/",
        "/a b": "/a%20b",
        "#/cart/17": "#/cart/*",
    }
    assert pages == {path: general(path) for path in pages}


def test_a_place_of_a_way_is_read_as_it_is_written() -> None:
    """A value of the field `went`, of pages and of steps; anything else names no place."""
    spots = [Spot("/basket", 1, "/pay"), Spot("$", -2, "*", "order"), Spot("^", 0, ".")]

    assert spots == [Spot.read(one.text) for one in spots]
    assert [None] * 3 == [Spot.read(text) for text in ("", "/basket", "/basket 1 /pay")]
    assert "order: $ -2 *" == spots[1].text


def test_a_long_way_is_cut_and_has_no_end() -> None:
    """Where it ended is not known of one with more stops than are kept."""
    stops = [f"/{nth}" for nth in range(MOST + 1)]

    assert " ".join(stops[:MOST]) == way_of(stops, END)
    assert way_of(stops[:MOST], END).endswith(" .")
    assert "/a /b /a ." == way_of(["/a", "/a", "/b", "/a"], END)
    assert "" == way_of([], END)
