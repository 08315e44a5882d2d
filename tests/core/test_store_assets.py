"""The contract of core/store.py on every implementation: assets."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sqlite3
from pathlib import Path

import pytest

from core.errors import StoreError
from core.model import (
    Asset,
    AssetUsage,
    NewAsset,
)
from core.sqlite import assets
from core.store import Store
from tests.core.support import NOON, SITE, batch, stored


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
