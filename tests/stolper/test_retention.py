"""What is too old or too much goes by itself, the right things first, and is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.contacts import Contact, ContactQuery
from core.health import DAY_MS
from core.model import NewAsset, SessionQuery
from core.settings import RetentionSettings
from core.sqlite import SqliteStore
from stolper import retention
from stolper.retention import Retention
from stolper.sealer import AFTER_MS, BackgroundSealer
from tests.console.support import START, Clock, Visit, element, rrweb_page, shop, text_node
from tests.core.support import batch, stored

NOISE = "".join(f"{n * n % 9973:x}" for n in range(30_000))
"""Text that compresses badly: a visit takes some tens of kilobytes."""


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "data", clock)
    await opened.open()
    for name in ("shop", "blog"):
        await opened.add_site(shop(name, f"s{name}", f"https://{name}.example"))
    yield opened
    await opened.close()


async def visits(
    store: SqliteStore, clock: Clock, *names: str, site: str = "sshop", flagged: bool = False
) -> None:
    """Record sealed visits, one a day, each of a page of its own."""
    for name in names:
        words = element(6, "p", [text_node(7, name + NOISE[hash(name) % 1000 :])])
        visit = Visit(store, name, site, start=clock.now)
        await visit.send([{"t": 1, "type": "page"}], recording=rrweb_page(children=[words]))
        if flagged:
            await visit.flag()
        await store.end_session(name, "left")
        clock.now += max(AFTER_MS + 1, DAY_MS)
        await BackgroundSealer(store, clock).sweep()


async def there(store: SqliteStore) -> list[str]:
    return sorted(one.id for one in await store.sessions(SessionQuery()))


def keeping(store: SqliteStore, clock: Clock, keep_mb: int = 0) -> Retention:
    return Retention(store, clock, RetentionSettings(keep_mb=keep_mb))


async def keep(store: SqliteStore, site: str, **options: int) -> None:
    known = await store.site(site)
    assert known
    await store.set_site_options(site, replace(known.options, **options))


async def removed(store: SqliteStore, site: str) -> dict[str, int]:
    health = await store.health(site, START - DAY_MS)
    return {one.detail: one.count for one in health.of("removed")}


async def test_each_site_keeps_as_long_as_it_says(
    store: SqliteStore, clock: Clock, tmp_path: Path
) -> None:
    """Older sessions go with their objects; a running one, and those of a site that keeps longer, stay."""
    await Visit(store, "running").send([{"t": 1, "type": "page"}], recording=rrweb_page())
    await visits(store, clock, "a1", "a2")
    await visits(store, clock, "b1", site="sblog")
    await keep(store, "sshop", keep_days=10)
    clock.now = START + 11 * DAY_MS
    kept = keeping(store, clock)

    assert 1 == await kept.sweep()
    assert ["a2", "b1", "running"] == await there(store)
    clock.now += 25 * DAY_MS

    assert 2 == await kept.sweep()
    assert ["running"] == await there(store)
    assert 0 == await kept.sweep()
    assert [] == [path for path in (tmp_path / "data" / "sealed").rglob("*") if path.is_file()]
    assert ({"age": 2}, {"age": 1}) == (
        await removed(store, "sshop"),
        await removed(store, "sblog"),
    )
    assert {"age": 3, "size": 0, "folder": 0} == dict(kept.removed)
    assert None is await store.oldest_ms("sblog")
    assert START == pytest.approx(await store.oldest_ms("sshop"), abs=1000)


async def test_without_room_the_oldest_unflagged_go_first(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the oldest; as many as it takes, of the site whose room it is."""
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    await visits(store, clock, "flagged-1", flagged=True)
    await visits(store, clock, "plain-1", "plain-2", "plain-3")
    await visits(store, clock, "flagged-2", flagged=True)
    await visits(store, clock, "blog-1", site="sblog")
    size = await store.used_bytes("sshop") / 5
    monkeypatch.setattr(retention, "MEGABYTE", 1)
    kept = keeping(store, clock)
    for visits_left, expected in (
        (3.5, ["blog-1", "flagged-1", "flagged-2", "plain-3"]),
        (1.5, ["blog-1", "flagged-2"]),
    ):
        await keep(store, "sshop", keep_mb=int(size * visits_left))
        await kept.sweep()

        assert expected == await there(store)
    assert {"size": 4} == await removed(store, "sshop")
    assert {} == await removed(store, "sblog")


async def test_all_sites_share_the_room_of_the_folder(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recordings and rows together; each site's page tells of its own."""
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    await visits(store, clock, "a1")
    await visits(store, clock, "b1", site="sblog")
    await visits(store, clock, "a2")
    monkeypatch.setattr(retention, "MEGABYTE", 1)
    much = await store.used_bytes(None)

    assert 0 == await keeping(store, clock, much).sweep()
    assert 1 == await keeping(store, clock, much - 1).sweep()
    assert ["a2", "b1"] == await there(store)
    assert ({"folder": 1}, {}) == (await removed(store, "sshop"), await removed(store, "sblog"))


async def test_an_asset_goes_a_month_after_its_last_use(
    store: SqliteStore, clock: Clock, tmp_path: Path
) -> None:
    """One that a stored session needs stays however old it is; its file goes with its row."""
    needed, unused = [
        await store.put_asset(NewAsset("sshop", "sheet", "text/css", text, START, 10**6))
        for text in (b"a{}", b"b{}")
    ]
    await stored(store, batch("running", assets=(str(needed),), site="sshop"))
    kept = keeping(store, clock)
    clock.now = START + 29 * DAY_MS
    await kept.sweep()

    assert {needed, unused} == await store.stored_assets("sshop", [str(needed), str(unused)])
    clock.now = START + 31 * DAY_MS
    await kept.sweep()

    assert {needed} == await store.stored_assets("sshop", [str(needed), str(unused)])
    assert [needed] == [path.name for path in (tmp_path / "data" / "blobs" / "sshop").iterdir()]


async def test_the_audit_is_kept_for_400_days(store: SqliteStore, clock: Clock) -> None:
    """Older entries go, younger stay."""
    await store.audit(START, "owner", "watched", "old")
    await store.audit(START + 2 * DAY_MS, "owner", "watched", "young")
    clock.now = START + 401 * DAY_MS
    await keeping(store, clock).sweep()
    read = store._readers
    left = await read.run(lambda db: db.execute("SELECT subject FROM audit").fetchall())

    assert [("young",)] == left


async def test_contacts_are_kept_as_long_as_is_set(store: SqliteStore, clock: Clock) -> None:
    """A contact goes `contact_days` after it began; 0 keeps it."""
    await store.put_contact(Contact("old", "call", clock.now, clock.now, "ada"), b"")
    clock.now += 10 * DAY_MS
    await store.put_contact(Contact("new", "call", clock.now, clock.now, "ada"), b"")
    clock.now += 1
    for days, left in ((0, ["new", "old"]), (11, ["new", "old"]), (10, ["new"])):
        await Retention(store, clock, RetentionSettings(contact_days=days)).sweep()

        assert left == [one.id for one in await store.contacts(ContactQuery())]
