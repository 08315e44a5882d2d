"""The contract of core/store.py on every implementation: sessions, page loads, gaps."""

from __future__ import annotations

import dataclasses

import pytest

from core.model import (
    Event,
    Gap,
    PageLoad,
    Session,
    SessionQuery,
    Verdicts,
)
from core.store import Store
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag, session_of, stored


async def test_a_session_sums_up_its_batches(store: Store) -> None:
    """Counters, paths and merged attributes follow from the batches, whatever their order."""
    first = batch(
        events=[event(0, 0, "page", "/home"), event(1, 900)],
        visitor="visitor-1",
        attributes={"browser": "Firefox", "language": "de"},
    )
    second = batch(
        seq=1,
        events=[event(2, 2000, "page", "/shop"), event(3, 2500, path="/shop")],
        attributes={"language": "en", "release": "7"},
        identity={"id": "u1", "verified": True},
    )
    await stored(store, second, first)
    session = await session_of(store)

    assert (
        Session(
            id="session-a",
            site=SITE.key,
            site_name=SITE.name,
            started_ms=NOON - 10_000,
            last_ms=NOON - 10_000 + 2500,
            ended_ms=None,
            end_kind=None,
            pages=2,
            events=4,
            flags=0,
            complete=True,
            visitor="visitor-1",
            identity={"id": "u1", "verified": True},
            attributes={"browser": "Firefox", "language": "de", "release": "7"},
            entry_path="/home",
            last_path="/shop",
            top_severity=None,
            rules=(),
        )
        == session
    )


async def test_a_session_is_idle_after_its_sites_timeout(store: Store) -> None:
    """Exactly at the timeout it is not idle; a millisecond later it is."""
    await stored(store, batch())
    limit = NOON - 10_000 + SITE.idle_timeout_ms

    assert [] == await store.idle_sessions(limit)
    assert ["session-a"] == [s.id for s in await store.idle_sessions(limit + 1)]


async def test_a_forged_time_keeps_no_session_open(store: Store) -> None:
    """An event that claims to lie in the future counts from its arrival."""
    await stored(store, batch(events=[event(0, 1e9)]))

    assert ["session-a"] == [
        s.id for s in await store.idle_sessions(NOON + SITE.idle_timeout_ms + 1)
    ]


async def test_ending_closes_at_the_last_event(store: Store) -> None:
    """end_session sets time and kind once; a second end changes nothing; unknown is None."""
    await stored(store, batch(events=[event(0, 4000)]))
    ended = await store.end_session("session-a", "left")

    assert ended is not None
    assert (NOON - 6000, "left") == (ended.ended_ms, ended.end_kind)
    assert ended == await store.end_session("session-a", "idle")
    assert [] == await store.open_sessions()
    assert [] == await store.idle_sessions(NOON * 2)
    assert None is await store.end_session("nobody", "idle")


async def test_ending_the_idle_spares_the_active(store: Store) -> None:
    """With idle_at_ms a session that had an event meanwhile stays open."""
    await stored(store, batch())
    idle_at = NOON + SITE.idle_timeout_ms
    (idle,) = await store.idle_sessions(idle_at)
    await stored(store, batch(seq=1, events=[event(1, 60_000)], received_ms=NOON + 60_000))
    kept = await store.end_session(idle.id, "idle", idle_at_ms=idle_at)

    assert kept is not None
    assert None is kept.ended_ms
    gone = await store.end_session(idle.id, "idle", idle_at_ms=idle_at + 100_000)
    assert gone is not None
    assert NOON + 50_000 == gone.ended_ms


async def test_a_late_batch_opens_the_session_again(store: Store) -> None:
    """It is stored, marked late, and the session is open; duplicates do not open it."""
    await stored(store, batch())
    await store.end_session("session-a", "idle")
    await store.append(batch())

    assert None is not (await session_of(store)).ended_ms
    (late,) = await stored(store, batch(seq=1))
    (next_,) = await stored(store, batch(seq=2))
    assert [True, False] == [late.late, next_.late]
    session = await session_of(store)
    assert (None, None) == (session.ended_ms, session.end_kind)
    assert [False, True, False] == [b.late for b in await store.batches("session-a")]


async def test_open_sessions_lists_what_has_not_ended(store: Store) -> None:
    """open_sessions leaves out what was ended."""
    await stored(store, batch("session-1"), batch("session-2"))
    await store.end_session("session-1", "idle")

    assert ["session-2"] == [s.id for s in await store.open_sessions()]


async def test_sessions_are_found_by_every_filter(store: Store) -> None:
    """Each filter of SessionQuery, alone; count_sessions agrees."""
    await store.add_site(dataclasses.replace(SITE, key="k2", name="second"))
    for n in range(4):
        at = float(NOON + n * 1000)
        await stored(store, batch(f"s{n}", origin_ms=at, site=SITE.key if n < 3 else "k2"))
    await store.commit_verdicts(
        [
            Verdicts("s0", 0, (flag("f0", "s0"),)),
            Verdicts("s1", 0, (flag("f1", "s1", rule="dead_click"),)),
        ]
    )
    key = next(s.key for s in await store.struggles() if s.rule == "dead_click")

    for query, expected in [
        (SessionQuery(), ["s3", "s2", "s1", "s0"]),
        (SessionQuery(site="second"), ["s3"]),
        (SessionQuery(site="k2"), ["s3"]),
        (SessionQuery(site="nobody"), []),
        (SessionQuery(since_ms=NOON + 2000), ["s3", "s2"]),
        (SessionQuery(until_ms=NOON + 2000), ["s1", "s0"]),
        (SessionQuery(rule="rage_click"), ["s0"]),
        (SessionQuery(struggle=key), ["s1"]),
        (SessionQuery(flagged=True), ["s1", "s0"]),
        (SessionQuery(flagged=False), ["s3", "s2"]),
    ]:
        assert expected == [s.id for s in await store.sessions(query)], query
        assert len(expected) == await store.count_sessions(query), query
    page = SessionQuery(limit=2, offset=1)
    assert ["s2", "s1"] == [s.id for s in await store.sessions(page)]
    assert 4 == await store.count_sessions(page)


# Gaps


async def test_a_missing_batch_is_a_gap_until_it_comes(store: Store) -> None:
    """Runs of missing numbers are named; what comes late closes them."""
    await stored(store, batch(seq=1), batch(seq=5), batch(page_load="load-2"))

    def missing(first: int, last: int) -> Gap:
        return Gap("session-a", "load-1", "missing_batch", {"from_seq": first, "to_seq": last})

    assert [missing(0, 0), missing(2, 4)] == await store.gaps("session-a")
    assert False is (await session_of(store)).complete
    await stored(store, batch(seq=3), batch(seq=0))
    assert [missing(2, 2), missing(4, 4)] == await store.gaps("session-a")
    await stored(store, batch(seq=2), batch(seq=4))
    assert [] == await store.gaps("session-a")
    assert True is (await session_of(store)).complete


async def test_what_the_browser_reports_missing_stays_a_gap(store: Store) -> None:
    """Reported gaps are kept with their reason; the session is not complete."""
    detail = {"kind": "buffer", "reason": "offline", "events": 3}
    await stored(store, batch(gaps=(detail,)))

    assert [Gap("session-a", "load-1", "reported", detail)] == await store.gaps("session-a")
    assert False is (await session_of(store)).complete


async def test_page_loads_and_chunks_are_in_order(store: Store) -> None:
    """Page loads by origin; chunks by page load and seq, whatever the order of arrival."""
    await stored(
        store,
        batch(page_load="load-2", tab="tab-2", origin_ms=float(NOON)),
        batch(seq=2),
        batch(seq=0),
    )

    assert [
        PageLoad("load-1", "session-a", "tab-1", float(NOON - 10_000), 0, 2, 2, {"path": "/"}),
        PageLoad("load-2", "session-a", "tab-2", float(NOON), 0, 0, 1, {"path": "/"}),
    ] == await store.page_loads("session-a")
    assert [("load-1", 0), ("load-1", 2), ("load-2", 0)] == [
        (ref.page_load, ref.seq) for ref in await store.chunks("session-a")
    ]


async def test_the_first_batch_says_what_browser_it_is(store: Store) -> None:
    """A later batch may add attributes, but device, browser, os and bot stay as they began."""
    first = batch(seq=0, attributes={"device": "mobile", "browser": "Chrome"})
    await store.append(first)
    await store.append(
        batch(seq=1, attributes={"device": "desktop", "bot": True, "segment": "business"})
    )
    found = await store.session(first.session)

    assert found is not None
    assert {"device": "mobile", "browser": "Chrome", "segment": "business"} == found.attributes


@pytest.mark.parametrize(
    ("late", "open_again"),
    [
        ([event(1, 11_500, "leave"), event(2, 11_501, "visibility")], False),
        ([event(1, 1_100, "click")], False),
        ([event(1, 60_000, "click")], True),
        ([], False),
    ],
    ids=["farewell", "outcome of an earlier press", "new activity", "recording alone"],
)
async def test_what_opens_a_session_again_that_was_ended_on_request(
    store: Store, clock: ManualClock, late: list[Event], open_again: bool
) -> None:
    """Only what was done after the end does; the rest is stored, and judged with the session."""
    await stored(store, batch())
    clock.now = NOON + 1_000
    await store.end_session("session-a", "ended")
    (told,) = await stored(store, batch(seq=1, events=late))
    session = await session_of(store)

    assert (True, len(late) + 1) == (told.late, session.events)
    assert open_again == (session.ended_ms is None)
    assert (None if open_again else "ended") == session.end_kind
    assert ["session-a"] * (not open_again) == [s.id for s in await store.unjudged_sessions()]
