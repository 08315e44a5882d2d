"""Assets of the embedded store under faults: what is named as stored is there, whatever failed."""

from __future__ import annotations

import errno
import itertools
import shutil
from pathlib import Path

import pytest

from core.errors import StoreFailed
from core.model import NewAsset, asset_hash
from core.sqlite import SqliteStore
from tests.core.support import NOON, SITE, ManualClock
from tests.core.test_sqlite_faults import RecordingDisk

SHEET = b"a{color:red}"


async def opened(data: Path, disk: RecordingDisk) -> SqliteStore:
    """Return an open store on *data* that knows the site."""
    store = SqliteStore(data, ManualClock(), disk=disk)
    await store.open()
    if await store.site(SITE.key) is None:
        await store.add_site(SITE)
    disk.steps.clear()
    return store


def sheet(content: bytes) -> NewAsset:
    """Return *content* as a style sheet of the site."""
    return NewAsset(SITE.key, "sheet", "text/css", content, NOON, 10_000)


async def test_an_asset_is_durable_before_it_is_named(tmp_path: Path) -> None:
    """Bytes, then the file's name, then the row; what is there already takes no step."""
    disk = RecordingDisk()
    store = await opened(tmp_path / "d", disk)
    for content in (SHEET, b"b{color:blue}", SHEET):
        await store.put_asset(sheet(content))
        disk.steps.append("answer")
    await store.close()

    own = ["open", "write", "fsync", "rename", "fsync folder", "commit", "answer"]
    assert ["fsync folder", *own, *own, "answer"] == disk.steps


async def test_every_step_of_an_asset_may_fail(tmp_path: Path) -> None:
    """
    Fail the n-th disk step, before it and after it, for every n; then open the folder anew.

    A failed one was not named; if its row is there all the same, so are its bytes; it is taken
    when it comes again, and leaves no draft.
    """
    store = await opened(tmp_path / "empty", RecordingDisk())
    await store.close()
    for when, n in itertools.product(("before", "after"), range(7)):
        data = tmp_path / f"{when}-{n}"
        shutil.copytree(tmp_path / "empty", data)
        disk = RecordingDisk()
        store = await opened(data, disk)

        def fail(number: int, name: str, n: int = n) -> None:
            if number == n:
                raise OSError(errno.EIO, "broken")

        setattr(disk, when, fail)
        with pytest.raises(StoreFailed):
            await store.put_asset(sheet(SHEET))
        disk.before = disk.after = lambda number, name: None
        name = asset_hash(SHEET)
        if await store.stored_assets(SITE.key, [name]):
            assert await store.asset(SITE.key, name) is not None

        assert name == await store.put_asset(sheet(SHEET)), (when, n)
        assert [] == list(data.rglob(".*.*"))
        await store.close()
        store = await opened(data, RecordingDisk())
        found = await store.asset(SITE.key, name)
        await store.close()
        assert found is not None
        assert SHEET == found.content
