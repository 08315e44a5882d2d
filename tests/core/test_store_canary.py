"""A test by `stolper doctor` is stored like a visit, and is in no list, number or struggle."""

from __future__ import annotations

from core.model import SessionQuery, Verdicts
from core.store import Store
from tests.core.support import SITE, batch, flag, session_of, stored


async def filled(store: Store) -> None:
    """Store a visit and a test, each with a flag on the same element and something missing."""
    gaps = ({"kind": "buffer", "reason": "full"},)
    for session, canary in (("visit", False), ("test", True)):
        for seq in (0, 2):  # 1 never came
            await stored(store, batch(session, seq, canary=canary, gaps=gaps))
        one = flag(f"flag-{session}", session)
        await store.commit_verdicts([Verdicts(session, 0, (one,))])
        await store.end_session(session, "idle")


async def test_a_test_is_in_no_list_and_no_struggle(store: Store) -> None:
    """Lists, their counts, struggles and uses of rules know the visit alone."""
    await filled(store)
    (struggle,) = await store.struggles()
    uses, sessions = await store.rule_uses(0)

    assert ["visit"] == [one.id for one in await store.sessions(SessionQuery())]
    assert ["visit"] == [one.id for one in await store.sessions(SessionQuery(rule="rage_click"))]
    assert 1 == await store.count_sessions(SessionQuery(since_ms=0, site="shop"))
    assert (1, 1, "visit") == (struggle.sessions, struggle.flags, struggle.example_session)
    assert ({"rage_click": (1, 1)}, 1) == (uses, sessions)
    assert ["visit"] == [
        one.id for one in await store.sessions(SessionQuery(struggle=struggle.key))
    ]


async def test_a_test_is_in_no_number_of_health(store: Store) -> None:
    """Sessions, incomplete ones and gaps count the visit alone."""
    await filled(store)
    health = await store.health(SITE.key, 0)

    assert (1, 1, 0) == (health.sessions, health.incomplete, health.no_snapshot)
    assert {1} == {one.sessions for one in health.gaps}


async def test_a_test_can_be_looked_at(store: Store) -> None:
    """By its id, and where tests are asked for: with its flag, judged like a visit."""
    await filled(store)

    assert ["test"] == [one.id for one in await store.sessions(SessionQuery(canary=True))]
    assert (await session_of(store, "test")).canary
    assert not (await session_of(store, "visit")).canary
    assert ["flag-test"] == [one.id for one in await store.flags("test")]
    assert {"visit", "test"} == {one.id for one in await store.unjudged_sessions()}
