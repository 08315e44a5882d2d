"""The contract of core/store.py, method by method, on every implementation."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import sqlite3
from pathlib import Path

import pytest

from core.errors import NotFound, StoreBusy, StoreError, UserError
from core.model import (
    Asset,
    AssetUsage,
    Event,
    Gap,
    NewAsset,
    PageLoad,
    RuleVersion,
    Score,
    ScoreTerm,
    Session,
    SessionQuery,
    StoredBatch,
    Token,
    User,
    Verdicts,
)
from core.sqlite import assets
from core.store import Store
from tests.core.conftest import Make
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag


async def stored(store: Store, *batches: object) -> list[StoredBatch]:
    """Append *batches*, each of which must be stored."""
    done = [await store.append(b) for b in batches]  # type: ignore[arg-type] -- NewBatch
    assert ["stored"] * len(batches) == [a.status for a in done]
    return [a.batch for a in done if a.batch is not None]


async def test_site_options_are_kept(store: Store) -> None:
    """Options of a site come back as they were set; a site that is not there is named."""
    options = SITE.options.changed(["mask=.price", "url_params=q,page", "canvas=true"])
    await store.set_site_options(SITE.key, options)

    assert options == (await store.sites())[0].options
    with pytest.raises(NotFound):
        await store.set_site_options("other", options)


async def session_of(store: Store, id_: str = "session-a") -> Session:
    """Return a session that must be there."""
    session = await store.session(id_)
    assert session is not None
    return session


# Sites and keys


async def test_a_site_is_found_by_key_and_by_name(store: Store) -> None:
    """site() takes either; what is neither gives None."""
    assert [SITE, SITE, None] == [await store.site(x) for x in (SITE.key, SITE.name, "other")]


@pytest.mark.parametrize("taken", [{"key": "k2"}, {"name": "n2"}])
async def test_a_taken_name_or_key_is_refused(store: Store, taken: dict[str, str]) -> None:
    """add_site raises UserError and leaves the first site as it was."""
    with pytest.raises(UserError):
        await store.add_site(dataclasses.replace(SITE, mode="cookieless", **taken))

    assert [SITE] == await store.sites()


async def test_sites_are_listed_by_name(store: Store) -> None:
    """sites() sorts by name."""
    await store.add_site(dataclasses.replace(SITE, key="k2", name="a shop"))

    assert ["a shop", "shop"] == [site.name for site in await store.sites()]


async def test_a_server_key_is_made_once(store: Store) -> None:
    """The same name gives the same 32 bytes, another name others; also when asked at once."""
    keys = await asyncio.gather(*(store.server_key("a") for _ in range(5)), store.server_key("b"))

    assert 2 == len(set(keys))
    assert {32} == {len(key) for key in keys}
    assert keys[0] == await store.server_key("a")


# Appending


async def test_what_is_appended_can_be_read(store: Store) -> None:
    """Events come back with server time, page load and tab; the chunk byte for byte."""
    click = event(0, 1500.5, target={"key": "#pay"})
    (told,) = await stored(store, batch(events=[click], void=(7, 9), chunk=b"\x00\xff" * 500))

    timed = {**click, "ts": NOON - 10_000 + 1500.5, "page_load": "load-1", "tab": "tab-1"}
    assert [timed] == told.events
    assert (7, 9) == told.void
    assert [told] == await store.batches("session-a")
    (ref,) = await store.chunks("session-a")
    assert b"\x00\xff" * 500 == await store.read_chunk(ref)
    assert batch().chunk_info == ref.info


async def test_the_given_events_are_left_alone(store: Store) -> None:
    """append does not change the caller's dicts: the same batch can be appended again."""
    click = event(0, 1.0)
    await stored(store, batch(events=[click]))

    assert event(0, 1.0) == click


async def test_a_batch_without_chunk_has_no_chunk(store: Store) -> None:
    """An empty chunk makes no ChunkRef."""
    await stored(store, batch(chunk=b""))

    assert [] == await store.chunks("session-a")


async def test_the_same_batch_again_is_a_duplicate(store: Store) -> None:
    """Same identity, same digest: acknowledged, stored once, counted once."""
    await stored(store, batch(), batch(seq=1))

    assert ["duplicate"] * 2 == [(await store.append(batch(seq=seq))).status for seq in (0, 1)]
    assert 2 == len(await store.batches("session-a"))
    assert 2 == (await session_of(store)).events


async def test_the_same_batch_twice_at_once_is_stored_once(store: Store) -> None:
    """Two copies in one group: one is stored, the other is its duplicate."""
    answers = await asyncio.gather(*(store.append(batch()) for _ in range(4)))

    assert ["duplicate"] * 3 + ["stored"] == sorted(a.status for a in answers)
    assert 1 == len(await store.batches("session-a"))


async def test_another_digest_is_a_conflict(store: Store) -> None:
    """Same identity, other content: refused; the first stays."""
    (first,) = await stored(store, batch())

    assert "conflict" == (await store.append(batch(digest=b"other", events=[]))).status
    assert [first] == await store.batches("session-a")


async def test_another_secret_is_forbidden(store: Store) -> None:
    """The first batch binds the secret, for old and new page loads alike."""
    await stored(store, batch())
    others = [batch(seq=1), batch(page_load="load-2"), batch()]

    assert ["forbidden"] * 3 == [
        (await store.append(dataclasses.replace(b, secret_hash=b"guessed"))).status for b in others
    ]
    assert 1 == len(await store.batches("session-a"))


async def test_a_session_belongs_to_its_site(store: Store) -> None:
    """The session's id and secret do not open it for another site's key."""
    await store.add_site(dataclasses.replace(SITE, key="k2", name="second"))
    await stored(store, batch())

    assert "forbidden" == (await store.append(batch(seq=1, site="k2"))).status


async def test_positions_follow_commits(store: Store) -> None:
    """Each stored batch has a greater position than those acknowledged before it."""
    positions = [
        (await stored(store, batch(f"session-{n % 3}", n // 3)))[0].position for n in range(12)
    ]

    assert sorted(set(positions)) == positions


async def test_a_group_keeps_the_order_of_arrival(store: Store) -> None:
    """Batches that wait together get positions in the order in which they came."""
    answers = await asyncio.gather(*(store.append(batch(seq=seq)) for seq in range(40)))
    positions = [a.batch.position for a in answers if a.batch is not None]

    assert 40 == len(positions)
    assert sorted(positions) == positions


async def test_batches_of_reads_many_sessions_at_once(store: Store) -> None:
    """batches_of() returns per session what batches() does; one that is not there has none."""
    await stored(store, batch("session-a"), batch("session-b"), batch("session-a", seq=1))
    names = ["session-b", "session-a", "nobody"]

    found = await store.batches_of(names)

    assert {name: await store.batches(name) for name in names} == found
    assert [2, 1, 0] == [len(found[n]) for n in ("session-a", "session-b", "nobody")]


async def test_batches_after_pages_through_everything(store: Store) -> None:
    """batches_after gives all batches of all sessions, in order, limit by limit."""
    everything = await stored(store, *(batch(f"session-{n % 3}", n // 3) for n in range(9)))
    read: list[StoredBatch] = []
    while page := await store.batches_after(read[-1].position if read else 0, 4):
        read += page

    assert everything == read


async def test_origin_is_fixed_at_the_first_batch(store: Store) -> None:
    """A later batch that saw another clock does not move the page load's time origin."""
    await stored(store, batch(), batch(seq=1, origin_ms=float(NOON + 5000)))
    second = (await store.batches("session-a"))[1]

    assert NOON - 10_000 + 1000.0 == second.events[0]["ts"]
    assert [float(NOON - 10_000)] == [p.origin_ms for p in await store.page_loads("session-a")]


async def test_a_bad_batch_does_not_poison_its_group(store: Store) -> None:
    """A batch that cannot be written fails alone; the others of its group are stored."""
    bad = batch("session-bad", attributes={"x": object()})
    answers = await asyncio.gather(
        store.append(batch("session-1")),
        store.append(bad),
        store.append(batch("session-2")),
        return_exceptions=True,
    )

    assert isinstance(answers[1], StoreError)
    assert ["stored", "stored"] == [a.status for a in answers if not isinstance(a, BaseException)]
    assert None is await store.session("session-bad")
    for session in ("session-1", "session-2"):
        (ref,) = await store.chunks(session)
        assert f"chunk of {session}/load-1/0".encode() == await store.read_chunk(ref)


async def test_a_full_queue_is_busy(make_store: Make, tmp_path: Path, clock: ManualClock) -> None:
    """Beyond the limit append raises StoreBusy at once; what waited is stored."""
    store = make_store(tmp_path / "small", clock, queue_limit=8)  # type: ignore[call-arg] -- optional
    await store.open()
    answers = await asyncio.gather(
        *(store.append(batch(seq=seq)) for seq in range(200)), return_exceptions=True
    )
    busy = [a for a in answers if isinstance(a, StoreBusy)]
    done = [a for a in answers if not isinstance(a, BaseException)]

    assert busy
    assert 200 == len(busy) + len(done)
    assert all(b.retry_after_s > 0 for b in busy)
    assert len(done) == len(await store.batches("session-a"))
    await store.close()


# Sessions


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


async def test_a_damaged_chunk_is_an_error(store: Store) -> None:
    """Bytes that are not those of the browser are never handed out."""
    await stored(store, batch())
    (ref,) = await store.chunks("session-a")

    for wrong in ({"crc32": ref.crc32 ^ 1}, {"length": 10_000}, {"segment": "1999.seg"}):
        with pytest.raises(StoreError):
            await store.read_chunk(dataclasses.replace(ref, **wrong))


# Verdicts


async def test_flags_come_back_as_they_were(store: Store) -> None:
    """A flag survives with all its fields, and the session's row tells of it."""
    await stored(store, batch())
    low = flag("flag-2", rule="dead_click", severity="low", at_ms=NOON + 100.0, target=None)
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(), low))])

    assert [low, flag()] == await store.flags("session-a")
    assert 1 == await store.checkpoint()
    session = await session_of(store)
    assert (2, "high", ("rage_click", "dead_click")) == (
        session.flags,
        session.top_severity,
        session.rules,
    )


async def test_writing_verdicts_again_changes_nothing(store: Store) -> None:
    """commit_verdicts is idempotent, and an old position never moves the checkpoint back."""
    await stored(store, batch())
    verdicts = [Verdicts("session-a", 9, (flag(),), replace=True, reason="r")]
    await store.commit_verdicts(verdicts)
    before = (await store.flags("session-a", withdrawn=True), await session_of(store))
    await store.commit_verdicts(verdicts)
    await store.commit_verdicts([Verdicts("session-a", 3, ()), Verdicts("session-a", 0, ())])

    assert before == (await store.flags("session-a", withdrawn=True), await session_of(store))
    assert 9 == await store.checkpoint()


async def test_a_final_judgement_withdraws_the_others(store: Store) -> None:
    """With replace, flags that are not repeated are withdrawn with the reason; and may return."""
    await stored(store, batch())
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(), flag("flag-2")))])
    final = flag(provisional=False)
    await store.commit_verdicts([Verdicts("session-a", 2, (final,), True, "came late")])

    assert [final] == await store.flags("session-a")
    assert [final, flag("flag-2", withdrawn="came late")] == await store.flags(
        "session-a", withdrawn=True
    )
    assert 1 == (await session_of(store)).flags
    await store.commit_verdicts([Verdicts("session-a", 3, (final, flag("flag-2")), True, "")])
    assert [final, flag("flag-2")] == await store.flags("session-a")


async def test_withdrawing_all_flags_clears_the_session(store: Store) -> None:
    """A session whose flags are all withdrawn looks unflagged, and its struggle is gone."""
    await stored(store, batch())
    await store.commit_verdicts([Verdicts("session-a", 1, (flag(),))])
    await store.commit_verdicts([Verdicts("session-a", 1, (), True, "not repeated")])
    session = await session_of(store)

    assert (0, None, ()) == (session.flags, session.top_severity, session.rules)
    assert [] == await store.struggles()


async def test_struggles_group_by_rule_and_target_or_page(store: Store) -> None:
    """One struggle per rule and target key; without a target, per page; most sessions first."""
    for n in range(3):
        await stored(store, batch(f"s{n}"))
        at = float(NOON + n)
        await store.commit_verdicts(
            [
                Verdicts(
                    f"s{n}",
                    0,
                    (
                        flag(f"pay-{n}", f"s{n}", page=f"/checkout/{n}", at_ms=at),
                        flag(f"pay-{n}-b", f"s{n}", at_ms=at),
                        flag(f"page-{n}", f"s{n}", target=None, page=f"/{n % 2}", at_ms=at),
                    ),
                )
            ]
        )
    found = await store.struggles()

    assert [(3, 6), (2, 2), (1, 1)] == [(s.sessions, s.flags) for s in found]
    assert ["#pay", None, None] == [(s.target or {}).get("key") for s in found]
    assert [(NOON, NOON + 2), (NOON, NOON + 2), (NOON + 1, NOON + 1)] == [
        (s.first_ms, s.last_ms) for s in found
    ]
    assert "s2" == found[0].example_session
    assert found[0] == await store.struggle(found[0].key)
    assert None is await store.struggle("nothing")
    assert found[:1] == await store.struggles(limit=1)
    assert [] == await store.struggles(site="nobody")
    assert found == await store.struggles(site="shop")


async def test_a_trend_counts_sessions_in_14_buckets(store: Store, clock: ManualClock) -> None:
    """The buckets span since_ms to now; each session counts once in a bucket."""
    day = 86_400_000
    for n, days in enumerate((0, 0, 3, 13)):
        await stored(store, batch(f"s{n}"))
        at = float(NOON + days * day + 1)
        flags = (flag(f"a{n}", f"s{n}", at_ms=at), flag(f"b{n}", f"s{n}", at_ms=at + 1))
        await store.commit_verdicts([Verdicts(f"s{n}", 0, flags)])
    clock.advance(14 * day)
    (struggle,) = await store.struggles(since_ms=NOON)

    assert (2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) == struggle.trend
    (recent,) = await store.struggles(since_ms=NOON + day)
    assert 2 == recent.sessions == sum(recent.trend)


async def test_verdicts_on_an_unknown_session_leave_nothing(store: Store) -> None:
    """A flag of a session that is not there (any more) is not kept; the checkpoint moves."""
    await store.commit_verdicts([Verdicts("nobody", 4, (flag("f", "nobody"),))])

    assert [] == await store.flags("nobody")
    assert [] == await store.struggles()
    assert 4 == await store.checkpoint()


async def test_an_ended_session_waits_for_its_final_verdict(store: Store) -> None:
    """From its end until a final verdict; provisional ones do not count, a new end asks again."""
    await stored(store, batch("s1"), batch("s2", origin_ms=float(NOON)))

    async def waiting() -> list[str]:
        return [session.id for session in await store.unjudged_sessions()]

    assert [] == await waiting()
    for session in ("s2", "s1"):
        await store.end_session(session, "idle")
    assert ["s1", "s2"] == await waiting()
    await store.commit_verdicts([Verdicts("s1", 1, ()), Verdicts("s2", 2, (), True, final=True)])
    assert ["s1"] == await waiting()
    await stored(store, batch("s2", 1))
    assert ["s1"] == await waiting()
    await store.end_session("s2", "idle")
    assert ["s1", "s2"] == await waiting()


async def test_scores_are_kept_and_sessions_ordered_by_them(store: Store) -> None:
    """A score comes back with its terms; sessions are listed and counted by it."""
    term = ScoreTerm(
        "flag-1", "rage_click", "v1", "#pay", NOON + 0.5, 6.0, 1, 1.0, {"critical": 1.5}, 1.0, 9.0
    )
    for name, value in (("session-a", 53), ("session-b", 80), ("session-c", None)):
        await store.append(batch(name))
        if value is not None:
            score = Score(value, 9.0, (term,))
            await store.commit_verdicts([Verdicts(name, 0, (), score=score)])
    await store.commit_verdicts([Verdicts("session-a", 0, ())])  # says nothing of the score

    assert Score(53, 9.0, (term,)) == await store.score("session-a")
    assert None is await store.score("session-c")
    by_score = await store.sessions(SessionQuery(order="score"))
    assert [("session-b", 80), ("session-a", 53), ("session-c", None)] == [
        (session.id, session.score) for session in by_score
    ]
    high = SessionQuery(score_min=50, score_max=74)
    assert ["session-a"] == [session.id for session in await store.sessions(high)]
    assert 1 == await store.count_sessions(high)


async def test_rule_versions_are_a_history(store: Store) -> None:
    """A version is kept with author and reason when it comes in force, once; going off is, too."""

    def version(rule: str, hash_: str, at: int, reason: str = "") -> RuleVersion:
        return RuleVersion(rule, hash_, f"text of {hash_}", at, "owner", reason)

    first = [version("a", "v1", 1, "first"), version("b", "w1", 1)]
    await store.put_in_force(first, {"own.yaml": "1"})
    await store.put_in_force([version("a", "v1", 2, "again"), version("b", "w2", 2)], {})
    await store.put_in_force([version("b", "w1", 3, "back")], {"x.yaml": "3"})

    off = RuleVersion("a", "off", "", 3, "owner", "back")
    assert [off, first[0]] == await store.rule_versions("a")
    assert ["w1", "w2", "w1"] == [one.version for one in await store.rule_versions("b")]
    assert {"x.yaml": "3"} == await store.rule_files()


async def test_rule_uses_count_flags_and_sessions_of_a_span(store: Store) -> None:
    """Only sessions that began in the span, of that site, and flags that stand, count."""
    for name in ("session-a", "session-b"):
        await store.append(batch(name))
    flags = (flag("f1"), flag("f2", group="#x"), flag("f3", rule="dead_click", withdrawn="no"))
    await store.commit_verdicts([Verdicts("session-a", 0, flags)])

    assert ({"rage_click": (2, 1)}, 2) == await store.rule_uses(0)
    assert ({"rage_click": (2, 1)}, 2) == await store.rule_uses(0, site="shop")
    assert ({}, 0) == await store.rule_uses(0, site="other")
    assert ({}, 0) == await store.rule_uses(NOON + 1)


# Accounts, life


async def test_accounts_come_back(store: Store) -> None:
    """Users are replaced by name; tokens are found by hash alone."""
    await store.add_user(User("owner", "owner", "hash-1"))
    await store.add_user(User("owner", "analyst", "hash-2"))
    token = Token("t1", "read", NOON, b"h" * 32)
    await store.add_token(token)
    await store.audit(NOON, "owner", "watched", "session-a")

    assert User("owner", "analyst", "hash-2") == await store.user("owner")
    assert None is await store.user("other")
    assert [token, None] == [await store.token(b"h" * 32), await store.token(b"x" * 32)]


async def test_everything_is_there_after_reopening(
    make_store: Make, tmp_path: Path, clock: ManualClock
) -> None:
    """What was acknowledged is read by a new store on the same folder."""
    first = make_store(tmp_path / "d", clock)
    await first.open()
    await first.add_site(SITE)
    batches = await stored(first, batch(), batch(seq=1))
    await first.commit_verdicts([Verdicts("session-a", 2, (flag(),))])
    key = await first.server_key("a")
    version = RuleVersion("rage_click", "v1", "text", NOON, "owner", "why")
    await first.put_in_force([version], {"shop.yaml": "version: 1"})
    await first.close()
    second = make_store(tmp_path / "d", clock)
    await second.open()

    assert batches == await second.batches("session-a")
    assert [flag()] == await second.flags("session-a")
    assert [version] == await second.rule_versions("rage_click")
    assert {"shop.yaml": "version: 1"} == await second.rule_files()
    assert (2, key) == (await second.checkpoint(), await second.server_key("a"))
    (third,) = await stored(second, batch(seq=2))
    assert third.position > batches[-1].position
    await second.close()


async def test_closing_finishes_what_waits(
    make_store: Make, tmp_path: Path, clock: ManualClock
) -> None:
    """Batches that were appended before close() are answered and stored; later ones are refused."""
    store = make_store(tmp_path / "d", clock)
    await store.open()
    waiting = [asyncio.ensure_future(store.append(batch(seq=seq))) for seq in range(20)]
    await asyncio.sleep(0)
    await store.close()

    assert ["stored"] * 20 == [(await answer).status for answer in waiting]
    with pytest.raises(StoreError):
        await store.append(batch(seq=20))
    again = make_store(tmp_path / "d", clock)
    await again.open()
    assert 20 == len(await again.batches("session-a"))
    await again.close()


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


async def test_the_data_folder_is_its_owners_alone(
    make_store: Make, tmp_path: Path, clock: ManualClock
) -> None:
    """Folder and database hold keys and what visitors did: nobody else reads them."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    store = make_store(folder / "data", clock)
    await store.open()
    await stored(store, batch())
    modes = {
        path.name: path.stat().st_mode & 0o077
        for path in [folder / "data", *(folder / "data").glob("stolper.db*")]
    }
    await store.close()

    assert {0} == set(modes.values()), modes


# Assets


def asset(content: bytes = b"a{color:red}", **changes: object) -> NewAsset:
    """Return a style sheet of the test's site."""
    new = NewAsset(SITE.key, "sheet", "text/css", content, NOON, 1000)
    return dataclasses.replace(new, **changes)  # type: ignore[arg-type] -- by name


async def test_an_asset_is_kept_once_under_its_hash(store: Store) -> None:
    """The hash is of the bytes, whoever sends them; the same again takes nothing."""
    first = await store.put_asset(asset())
    again = await store.put_asset(asset(at_ms=NOON + 5))

    assert hashlib.sha256(b"a{color:red}").hexdigest()[:32] == first == again
    assert Asset(first, "sheet", "text/css", b"a{color:red}") == await store.asset(SITE.key, first)
    assert AssetUsage(1, 12, None) == await store.asset_usage(SITE.key)


async def test_assets_belong_to_their_site(store: Store) -> None:
    """What one site has, another has not."""
    name = await store.put_asset(asset())
    assert name is not None

    assert None is await store.asset("other", name)
    assert set() == await store.stored_assets("other", [name])
    assert {name} == await store.stored_assets(SITE.key, [name, "0" * 32])
    assert None is await store.asset(SITE.key, "../" * 9 + "stolper.db")


async def test_a_full_quota_refuses_and_is_told(store: Store) -> None:
    """What does not fit is not kept, what is there stays, and the usage says when that was."""
    name = await store.put_asset(asset(quota_bytes=20))
    refused = await store.put_asset(asset(b"b{color:blue}", quota_bytes=20, at_ms=NOON + 7))

    assert None is refused
    assert AssetUsage(1, 12, NOON + 7) == await store.asset_usage(SITE.key)
    assert name == await store.put_asset(asset(quota_bytes=20))


async def test_small_assets_without_end_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their number is bounded, too: each that is put has to look at all that are there."""
    monkeypatch.setattr(assets, "MOST_ASSETS", 3)
    names = [await store.put_asset(asset(b"%d{}" % nth)) for nth in range(5)]

    assert [True, True, True, False, False] == [name is not None for name in names]
    assert names[0] == await store.put_asset(asset(b"0{}"))


async def test_what_is_used_of_late_comes_first(store: Store) -> None:
    """Assets that batches name rank by the hour they were used in, then by how often."""
    old, rare, much = [await store.put_asset(asset(text)) for text in (b"a{}", b"b{}", b"c{}")]
    picture = await store.put_asset(asset(b"png", kind="image", media="image/png"))
    assert old and rare and much and picture
    late = NOON + 4 * 3_600_000
    await stored(
        store,
        batch(assets=(old, old, old)),
        batch(seq=1, assets=(much,), received_ms=late),
        batch(seq=2, sheets=(much,), received_ms=late),
        batch(seq=3, assets=(rare, picture), received_ms=late),
    )

    assert [much, rare, old] == await store.most_used_assets(SITE.key, 9)
    assert [much] == await store.most_used_assets(SITE.key, 1)


async def test_uses_of_what_is_not_kept_take_no_room(store: Store, tmp_path: Path) -> None:
    """Anybody can make up hashes; only what is there is noted as needed."""
    name = await store.put_asset(asset())
    assert name is not None
    await stored(store, batch(assets=(name, *(f"{nth:032x}" for nth in range(50)))))
    await store.close()

    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "stolper.db")) as db:
        assert [(name,)] == db.execute("SELECT hash FROM asset_uses").fetchall()


async def test_damaged_bytes_are_no_asset(store: Store, tmp_path: Path) -> None:
    """Bytes that are not what the hash says raise StoreError; putting them again mends a lost file."""
    name = await store.put_asset(asset())
    assert name is not None
    [path] = [found for found in (tmp_path / "data").rglob(name) if found.is_file()]
    path.write_bytes(b"a{color:bad}")
    with pytest.raises(StoreError):
        await store.asset(SITE.key, name)
    path.unlink()
    with pytest.raises(StoreError):
        await store.asset(SITE.key, name)

    assert name == await store.put_asset(asset())
    assert await store.asset(SITE.key, name) is not None


async def test_a_full_quota_is_a_finding_of_the_sites_health(store: Store) -> None:
    """Health tells that something found no room, in the period in which that was."""
    assert not (await store.health(SITE.key, 0)).assets_full
    await store.put_asset(asset(quota_bytes=1, at_ms=NOON))

    assert (await store.health(SITE.key, NOON - 1)).assets_full
    assert not (await store.health(SITE.key, NOON + 1)).assets_full
