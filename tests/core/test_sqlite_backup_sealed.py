"""A backup taken while sessions are sealed and their segments go has every recording, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("core.sealed", reason="this version does not seal sessions")

from core.sqlite import SqliteStore
from core.sqlite.backup import files_named, take_backup
from core.sqlite.restore import check_backup, restore_backup
from core.sqlite.schema import connect
from tests.core.support import SITE, ManualClock
from tests.core.test_store_sealing import HOUR_MS, contents, sealed, text, visit

SESSIONS = [f"session-{n:02}" for n in range(24)]


async def filled(data: Path) -> tuple[SqliteStore, ManualClock]:
    """Return an open store with a session in each of 24 hours' segments."""
    clock = ManualClock()
    store = SqliteStore(data, clock)
    await store.open()
    await store.add_site(SITE)
    for session in SESSIONS:
        await visit(store, session)
        clock.advance(HOUR_MS)
    return store, clock


async def test_a_backup_while_sessions_are_sealed_has_every_recording(tmp_path: Path) -> None:
    """Sealed one by one, their segments removed, while two backups are taken: each says all, and is whole."""
    store, clock = await filled(tmp_path / "data")
    clock.advance(2 * HOUR_MS)
    sealing = asyncio.Event()

    async def seal() -> int:
        released = 0
        for session in SESSIONS[1:]:
            await sealed(store, session)
            released += await store.release()
            sealing.set()
        return released

    work = asyncio.create_task(seal())
    await sealing.wait()
    lost = []
    for name in ("first", "second"):
        taken = await asyncio.to_thread(
            take_backup, tmp_path / "data", tmp_path / name, texts=(), facts={}
        )
        lost += taken.lost
    released = await work
    await store.close()
    told = []
    for name in ("first", "second"):
        restore_backup(tmp_path / name, tmp_path / f"{name} back")
        back = SqliteStore(tmp_path / f"{name} back", clock)
        await back.open()
        told.append([await contents(back, session) for session in SESSIONS])
        await back.close()

    assert released >= len(SESSIONS) - 1
    assert [] == lost
    assert [[], []] == [check_backup(tmp_path / name) for name in ("first", "second")]
    assert [[[text(seq, session) for seq in range(3)] for session in SESSIONS]] * 2 == told


async def test_what_recordings_rest_on_is_in_the_backup(tmp_path: Path) -> None:
    """Objects and stocks are named by their rows, and come back where they were."""
    store, _ = await filled(tmp_path / "data")
    await store.put_stock(SITE.key, b"what all pages have in common")
    await sealed(store, SESSIONS[0])
    await store.close()
    db = connect(tmp_path / "data" / "stolper.db", read_only=True)
    named = files_named(db)
    db.close()
    take_backup(tmp_path / "data", tmp_path / "backup", texts=(), facts={})
    restore_backup(tmp_path / "backup", tmp_path / "back")
    there = {
        str(path.relative_to(tmp_path / "data"))
        for folder in ("sealed", "stocks", "stocks.copy")
        for path in (tmp_path / "data" / folder).rglob("*")
        if path.is_file()
    }

    assert there
    assert there <= named.keys()
    assert [] == [path for path in named if not (tmp_path / "back" / path).is_file()]
