"""Several processes on one data folder."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from core.model import Token
from core.sqlite import SqliteStore
from core.sqlite.migrations import migrations
from core.sqlite.schema import connect
from tests.core.support import NOON, SITE, ManualClock, batch

COUNT = 60


async def _opened(data: Path) -> SqliteStore:
    store = SqliteStore(data, ManualClock())
    await store.open()
    return store


def _append(data: Path, session: str) -> None:
    async def run() -> None:
        store = await _opened(data)
        answers = [await store.append(batch(session, seq)) for seq in range(COUNT)]
        await store.close()
        assert ["stored"] * COUNT == [a.status for a in answers]

    asyncio.run(run())


def _administer(data: Path) -> None:
    async def run() -> None:
        store = await _opened(data)
        await store.add_site(SITE)
        await store.add_token(Token("t1", "admin", NOON, b"h"))
        await store.close()

    asyncio.run(run())


async def in_process(target: Callable[..., None], *args: object) -> None:
    """Run *target* in a process of its own, which must end well."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=args)
    process.start()
    await asyncio.to_thread(process.join, 60)

    assert 0 == process.exitcode


async def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Both open a new folder and append to the same segment: every chunk is whole, none is lost."""
    data = tmp_path / "d"
    await asyncio.gather(in_process(_append, data, "one"), in_process(_append, data, "two"))
    store = await _opened(data)

    for session in ("one", "two"):
        refs = await store.chunks(session)
        assert list(range(COUNT)) == [ref.seq for ref in refs]
        for ref in refs:
            expected = f"chunk of {session}/load-1/{ref.seq}".encode()
            assert expected == await store.read_chunk(ref)
    assert 2 * COUNT == len(await store.batches_after(0, 1000))
    await store.close()


async def test_what_another_process_adds_is_seen_at_once(tmp_path: Path) -> None:
    """The command line adds a site and a token while the server runs."""
    server = await _opened(tmp_path / "d")
    assert None is await server.site(SITE.name)
    await in_process(_administer, tmp_path / "d")

    assert SITE == await server.site(SITE.name)
    assert None is not await server.token(b"h")
    assert "stored" == (await server.append(batch())).status
    await server.close()


async def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    """For every released schema: a database that stands there opens, with its rows."""
    names = [migration.name for migration in migrations._migrations]
    assert "m001_first" == names[0]
    for newer in names[1:]:
        data = tmp_path / newer
        (data / "segments").mkdir(parents=True)
        old = connect(data / "stolper.db")
        migrations.apply(Database(old), stop_before=newer)
        old.execute("INSERT INTO server_keys VALUES ('a', zeroblob(32))")
        old.close()
        store = await _opened(data)

        assert bytes(32) == await store.server_key("a")
        assert "stored" == (await store.append(batch())).status
        await store.close()
