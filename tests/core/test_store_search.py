"""Finding sessions, in every store: by fields, by what they have not, by words and people; counts and what is due."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.erasing import Whom
from core.errors import UserError
from core.model import Place, SessionQuery, User, Verdicts
from core.saved import MOST_OF_ONE, SavedSegment
from core.search import Document, Find, read
from core.store import Store
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag, stored

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def document(name: str, text: str = "", *, hours: int = 0, **fields: str | list[str]) -> Document:
    """Return what stands for the session *name*, which began *hours* before noon."""
    terms = tuple(
        (field, value)
        for field, values in fields.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    return Document(name, SITE.key, NOON - hours * HOUR_MS, 0, terms, text)


@pytest.fixture
async def shop(store: Store) -> Store:
    """A store with four visits in its index, each an hour after the next."""
    visits = [
        document("phone", "Pay now /basket", device="mobile", page=["/", "/basket"], hours=0),
        document("tablet", "Zahlung abgelehnt: Größe fehlt", device="tablet", page=["/", "/basket", "/thanks"], hours=1),
        document("desk", "out of stock, sorry", device="desktop", page=["/", "/item/1"], rule="rage_click", hours=2),
        document("desk-2", "in stock", device="desktop", page=["/item/2"], hours=3),
    ]  # fmt: skip
    for nth, one in enumerate(visits):
        await stored(
            store,
            batch(
                one.session,
                origin_ms=float(one.started_ms),
                events=[event(0, 0.0)],
                identity={"id": f"customer {nth}", "hashed": False, "verified": True},
                visitor=f"visitor-{nth}",
            ),
        )
    await store.index(visits)
    return store


async def names(store: Store, find: Find, **more: object) -> list[str]:
    """Return the ids that are found, having seen that the count says as many."""
    query = SessionQuery(find=find, **more)  # type: ignore[arg-type] -- fields of a query
    found = [one.id for one in await store.sessions(query)]

    assert len(found) == await store.count_sessions(query)
    return found


ASKED = {
    "device:mobile": ["phone"],
    "device:mobile device:tablet": ["phone", "tablet"],
    "page:/basket page:/thanks": ["tablet"],
    "page:/basket -page:/thanks": ["phone"],
    "-device:desktop": ["phone", "tablet"],
    "-rule:rage_click device:desktop": ["desk-2"],
    "page:/item/*": ["desk", "desk-2"],
    "-page:/item/*": ["phone", "tablet"],
    "stock": ["desk", "desk-2"],
    "STO": ["desk", "desk-2"],
    '"out of stock"': ["desk"],
    '"stock of"': [],
    "stock -sorry": ["desk-2"],
    "-stock": ["phone", "tablet"],
    "grosse": ["tablet"],
    "große": ["tablet"],
    "größe": ["tablet"],
    "groß": ["tablet"],
    "/basket": ["phone"],
    "customer:nobody": [],
    'customer:"customer 2"': ["desk"],
    "customer 2": ["desk"],
    "visitor-1": ["tablet"],
    "nothing:here": [],
    '"': ["phone", "tablet", "desk", "desk-2"],
    "AND OR NOT *": [],
    "stock OR": [],
    "device:toaster": [],
}


async def test_what_is_asked_is_found(shop: Store) -> None:
    """Several values of a single field are any of them, of others all; `-` is "did not"; words begin with what is typed."""
    found = {asked: await names(shop, read(asked)) for asked in ASKED}

    assert ASKED == found


async def test_a_session_is_found_by_how_its_id_begins(store: Store) -> None:
    """Eight digits of a session's id, or all of it, find it."""
    id_ = "01a18073-858c-7391-b836-97a78a75a287"
    await stored(store, batch(id_))
    await store.index([document(id_)])

    assert [id_] == await names(store, read("01a18073"))
    assert [id_] == await names(store, read(id_))
    assert [] == await names(store, read("01a18074"))


async def test_it_joins_with_time_site_and_order(shop: Store) -> None:
    """Time, site and place narrow what is found; by score the highest comes first."""
    any_ = read("-page:/nowhere")
    await shop.index(
        [replace(document("desk", device="desktop", hours=2), score=80, terms=(("score", "high"),))]
    )

    assert ["phone", "tablet"] == await names(shop, any_, since_ms=NOON - HOUR_MS)
    assert ["desk", "desk-2"] == await names(shop, any_, until_ms=NOON - HOUR_MS)
    assert 4 == len(await names(shop, any_, since_ms=NOON - 40 * DAY_MS, site="shop"))
    assert [] == await names(shop, any_, site="elsewhere")
    assert ["desk"] == await names(shop, any_, score_min=50)
    assert "desk" == (await names(shop, any_, order="score"))[0]


async def test_pages_of_what_is_found_go_on_behind_a_place(shop: Store) -> None:
    """Behind and before a place comes what is beside it."""
    any_ = SessionQuery(find=read("-page:/nowhere"), limit=2)
    first = await shop.sessions(any_)
    second = await shop.sessions(replace(any_, after=Place.of(first[-1])))
    back = await shop.sessions(replace(any_, before=Place.of(second[0])))

    assert ["phone", "tablet"] == [one.id for one in first]
    assert ["desk", "desk-2"] == [one.id for one in second]
    assert first == back


async def test_counts_are_of_what_the_list_behind_them_shows(shop: Store) -> None:
    """Each value of a field is counted as many as are found when it is asked for, too."""
    find = read("device:desktop -rule:rage_click")
    found = await shop.facets(SessionQuery(find=find), ["device", "page", "rule"], 10)

    assert 1 == found.total
    assert {"desktop": 1, "mobile": 1, "tablet": 1} == dict(found.values["device"])
    assert {"/item/2": 1} == dict(found.values["page"])
    assert {"rage_click": 0} == dict(found.values["rule"])
    for name, values in found.values.items():
        for value, count in values:
            if count:
                also = find.but(name) if name == "device" else find
                also = replace(also, include=(*also.include, (name, value)))
                assert count == len(await names(shop, also)), (name, value)


async def test_of_many_values_the_most_frequent_are_told(shop: Store) -> None:
    """A field tells its most frequent values, what was chosen beside them, and how many there are."""
    found = await shop.facets(SessionQuery(find=read("-page:/item/2")), ["page"], 2)

    assert [("/", 3), ("/basket", 2), ("/item/2", 0)] == list(found.values["page"])
    assert {"page": 5} == found.distinct


async def test_an_index_that_is_renewed_forgets_what_was(shop: Store) -> None:
    """A session that is indexed again is found by what is said of it now alone."""
    await shop.index([document("phone", "Thanks", device="tablet", page=["/thanks"])])

    assert ["phone", "tablet"] == await names(shop, read("device:tablet"))
    assert [] == await names(shop, read("device:mobile"))
    assert [] == await names(shop, read("pay"))
    assert ["phone"] == await names(shop, read("thank"))


async def test_what_was_judged_is_due(store: Store) -> None:
    """What verdicts are written of is due until it was indexed; judged meanwhile, it stays due."""
    await stored(store, batch("a"), batch("b"))
    await store.commit_verdicts([Verdicts("a", 0, (flag(session="a"),), final=True)])
    (first,) = await store.due(10)
    await store.commit_verdicts([Verdicts("a", 0, (flag(session="a"),), final=True)])
    await store.index([document("a")], [first])
    (second,) = await store.due(10)
    await store.index([document("a")], [second])

    assert "a" == first.session.id == second.session.id
    assert [] == await store.due(10)
    assert 0 == await store.unindexed()


async def test_a_running_session_waits_for_its_turn(store: Store, clock: ManualClock) -> None:
    """A flag on a running session that was indexed of late has it read again at its time, its end at once."""
    await stored(store, batch("a"))
    await store.index([replace(document("a"), again_ms=clock.now + 20_000)])
    await store.commit_verdicts([Verdicts("a", 0, (flag(session="a"),))])

    assert [] == await store.due(10)
    clock.advance(20_000)
    assert ["a"] == [one.session.id for one in await store.due(10)]
    await store.index([replace(document("a"), again_ms=clock.now + 40_000)], await store.due(10))
    await store.commit_verdicts([Verdicts("a", 0, (), replace=True, final=True)])
    assert ["a"] == [one.session.id for one in await store.due(10)]


async def test_the_erased_and_unknown_are_not_found(shop: Store) -> None:
    """What is erased is gone from lists and counts at once; what is not stored is not indexed."""
    await shop.erase(Whom("session", "desk"))
    await shop.index([document("desk", device="desktop"), document("never", device="desktop")])

    assert ["desk-2"] == await names(shop, read("device:desktop"))
    assert [] == await names(shop, read("sorry"))
    found = await shop.facets(SessionQuery(find=read("-page:/item/1")), ["page", "rule"], 10)
    assert ["/", "/basket", "/item/1", "/item/2", "/thanks"] == sorted(
        value for value, _ in found.values["page"]
    )
    assert [] == list(found.values["rule"])


async def test_words_of_what_was_removed_by_age_go(shop: Store, tmp_path: Path) -> None:
    """A word that only a removed session had is in the index's remains until its words are settled."""
    for one in await shop.sessions(SessionQuery()):
        await shop.end_session(one.id, "left")
    await shop.expire(SITE.key, 1 << 52, 10)

    assert 0 < _pieces_with(tmp_path, b"bgelehnt")
    await shop.settle_words()
    await shop.settle_words()
    assert 0 == _pieces_with(tmp_path, b"bgelehnt")


def _pieces_with(folder: Path, word: bytes) -> int:
    """Return how many pieces of the index of words still hold *word*."""
    with closing(sqlite3.connect(folder / "data" / "stolper.db")) as db:
        rows = db.execute("SELECT block FROM search_text_data").fetchall()
    return sum(word in block for (block,) in rows)


async def test_running_ones_are_told_at_once(shop: Store) -> None:
    """Whether a session runs is asked of the session, not of the index."""
    await shop.end_session("desk", "left")

    assert ["phone", "tablet", "desk-2"] == await names(shop, read("has:running"))
    assert ["desk"] == await names(shop, read("-has:running"))


async def test_segments_are_of_one_person_or_shared(store: Store) -> None:
    """One's own and shared segments are told; a name is given once by each; with their maker private ones go."""

    async def told(user: str) -> list[tuple[str, str]]:
        return [(one.name, one.query) for one in await store.segments_for(user)]

    await store.add_user(User("ada", "support", ""))
    await store.save_segment(SavedSegment(0, "Phones", "ada", False, "device=mobile", NOON))
    await store.save_segment(SavedSegment(0, "errors", "ada", True, "did=error", NOON))
    kept = await store.save_segment(SavedSegment(0, "Phones", "ada", False, "device=tablet", NOON))

    assert [("errors", "did=error"), ("Phones", "device=tablet")] == await told("ada")
    assert [("errors", "did=error")] == await told("bob")
    assert (True, False) == (await store.remove_segment(kept), await store.remove_segment(kept))
    await store.save_segment(SavedSegment(0, "Phones", "ada", False, "device=mobile", NOON))
    await store.remove_user("ada")
    assert [("errors", "did=error")] == await told("ada")


async def test_segments_that_look_for_the_erased_go(shop: Store) -> None:
    """An erased customer's number is in no saved search; others stay."""
    for name, query in (
        ("a", "q=customer+2"),
        ("b", "q=%22customer+2%22&device=mobile"),
        ("c", "q=2"),
        ("d", "q=customer%3A%22customer+2%22+page%3A%2Fcart"),
        ("e", "q=pay+-%22customer+2%22"),
    ):
        await shop.save_segment(SavedSegment(0, name, "ada", True, query, NOON))
    await shop.erase(Whom("customer", "customer 2"))

    assert ["c"] == [one.name for one in await shop.segments_for("ada")]


async def test_nobody_fills_the_list_of_segments(store: Store) -> None:
    """Somebody has at most so many; what is there can be changed all the same."""
    for nth in range(MOST_OF_ONE):
        await store.save_segment(SavedSegment(0, f"s{nth}", "ada", False, "q=a", NOON))
    with pytest.raises(UserError):
        await store.save_segment(SavedSegment(0, "more", "ada", False, "q=a", NOON))
    await store.save_segment(SavedSegment(0, "s1", "ada", False, "q=b", NOON))


def test_a_search_of_thousands_of_words_is_cut() -> None:
    """However much is pasted into the field, so many words count."""
    assert 50 == len(read("word " * 10_000).words)
