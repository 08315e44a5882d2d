"""The contract of core/store.py, method by method, on every implementation: sites, batches, accounts."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from core.errors import NotFound, StoreBusy, StoreError, UserError
from core.model import (
    RuleVersion,
    StoredBatch,
    Token,
    User,
    Verdicts,
)
from core.store import Store
from tests.core.conftest import Make
from tests.core.support import NOON, SITE, ManualClock, batch, event, flag, session_of, stored


async def test_site_options_are_kept(store: Store) -> None:
    """Options of a site come back as they were set; a site that is not there is named."""
    options = SITE.options.changed(["mask=.price", "url_params=q,page", "canvas=true"])
    await store.set_site_options(SITE.key, options)

    assert options == (await store.sites())[0].options
    with pytest.raises(NotFound):
        await store.set_site_options("other", options)


async def test_site_options_are_changed_one_after_the_other(store: Store) -> None:
    """Many who change different options at once undo nothing; what a change raises changes nothing."""
    changes = ["canvas=true", "url_params=q", "mask=.price", "code_button=left"]
    await asyncio.gather(
        *(
            store.change_site_options(SITE.key, lambda now, one=one: now.changed([one]))
            for one in changes
        )
    )
    whole = SITE.options.changed(changes)

    assert whole == (await store.sites())[0].options
    with pytest.raises(UserError):
        await store.change_site_options(SITE.key, lambda now: now.changed(["no_option=1"]))
    with pytest.raises(NotFound):
        await store.change_site_options("other", lambda now: now)
    assert whole == (await store.sites())[0].options


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


async def test_a_damaged_chunk_is_an_error(store: Store) -> None:
    """Bytes that are not those of the browser are never handed out."""
    await stored(store, batch())
    (ref,) = await store.chunks("session-a")

    for wrong in ({"crc32": ref.crc32 ^ 1}, {"length": 10_000}, {"segment": "1999.seg"}):
        with pytest.raises(StoreError):
            await store.read_chunk(dataclasses.replace(ref, **wrong))


# Verdicts


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
