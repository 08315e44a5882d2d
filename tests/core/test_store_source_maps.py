"""The contract of core/source_maps.py on every implementation."""

from __future__ import annotations

import os

import pytest

from core.errors import NotFound, UserError
from core.source_maps import MOST_BYTES, MOST_RELEASES, SourceMapInfo
from core.store import Store
from tests.core.support import NOON, SITE

KEY = SITE.key


async def test_a_map_is_kept_replaced_and_dropped(store: Store) -> None:
    """What is put comes back, the later in place of the earlier; a release goes as a whole."""
    for release, name, content in (
        ("1", "app.js", b"one" * 999), ("1", "app.js", b"two"), ("1", "b.js", b"b"), ("", "c.js", b"c"),
    ):  # fmt: skip
        await store.put_source_map(KEY, release, name, content, NOON)

    assert [b"two", b"c", None, None] == [
        await store.source_map(KEY, *which)
        for which in (("1", "app.js"), ("", "c.js"), ("2", "app.js"), ("", "app.js"))
    ]
    assert {
        SourceMapInfo("1", "app.js", 3, NOON), SourceMapInfo("1", "b.js", 1, NOON),
        SourceMapInfo("", "c.js", 1, NOON),
    } == set(await store.source_maps(KEY))  # fmt: skip
    assert [2, 0] == [await store.drop_source_maps(KEY, "1") for _ in range(2)]
    assert ["c.js"] == [one.name for one in await store.source_maps(KEY)]


async def test_old_releases_go(store: Store) -> None:
    """Of more releases than the most, the oldest go; the one just uploaded stays, whatever its time."""
    for number in range(MOST_RELEASES + 2):
        await store.put_source_map(KEY, str(number), "app.js", b"x", NOON + number)
    await store.put_source_map(KEY, "late", "app.js", b"x", NOON - 5)
    kept = [one.release for one in await store.source_maps(KEY)]

    assert kept == [*(str(n) for n in range(MOST_RELEASES + 1, 2, -1)), "late"]


async def test_refused_maps(store: Store) -> None:
    """A map of a site that is not there, or one that is too large, is refused."""
    with pytest.raises(NotFound):
        await store.put_source_map("nowhere", "1", "a.js", b"x", NOON)
    with pytest.raises(UserError):
        await store.put_source_map(KEY, "1", "a.js", bytes(MOST_BYTES + 1), NOON)

    assert [] == await store.source_maps(KEY)


async def test_maps_fill_no_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a site so much is kept in all; what takes the place of another counts once."""
    monkeypatch.setattr("core.sqlite.source_map_store.MOST_KEPT_BYTES", 3_000)
    for content in (os.urandom(2_000), os.urandom(2_500)):
        await store.put_source_map(KEY, "1", "a.js", content, NOON)
    with pytest.raises(UserError, match="remove a release"):
        await store.put_source_map(KEY, "2", "a.js", os.urandom(1_000), NOON)

    assert ["1"] == [one.release for one in await store.source_maps(KEY)]
