"""How long a sign-in holds: while it is used, until a sign-out that outlives the server, never by a backup."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from console.sign_ins import SignIns
from core.errors import StoreFailed
from core.sqlite import SqliteStore
from core.sqlite.backup import take_backup
from core.sqlite.restore import restore_backup
from tests.console.support import Clock, Running, form_token, running_console

HOUR_MS = 3_600_000


def cookie(http: aiohttp.ClientSession) -> str:
    """Return the sign-in's cookie."""
    [value] = [one.value for one in http.cookie_jar if one.key == "stolper"]
    return value


async def opens(console: Running, value: str, path: str = "/sites") -> bool:
    """Return whether the cookie *value* opens a page."""
    headers = {"Cookie": f"stolper={value}", "Accept": "text/html"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(console.url + path, allow_redirects=False) as answer,
    ):
        return answer.status == 200


async def test_a_sign_in_that_nobody_uses_ends(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Opened pages keep it for 12 hours at most; after 2 hours without one it is over."""
    await console.sign_in(http)
    used = cookie(http)
    console.clock.now += 2 * HOUR_MS - 1
    before = await opens(console, used)
    told = []
    for _ in range(5):
        console.clock.now += 2 * HOUR_MS - 1
        told.append(await opens(console, used))
    console.clock.now += 4
    within_twelve = await opens(console, used)
    console.clock.now += 2
    after_twelve = await opens(console, used)
    await console.sign_in(http)
    unused = cookie(http)
    console.clock.now += 2 * HOUR_MS
    idle = await opens(console, unused)

    assert (True, [True] * 5, True, False, False) == (
        before,
        told,
        within_twelve,
        after_twelve,
        idle,
    )


async def test_what_a_page_asks_for_by_itself_is_no_use(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """A list that was left open brings its rows up to date, and does not keep its reader signed in."""
    await console.sign_in(http)
    left = cookie(http)
    told = []
    for _ in range(4):
        console.clock.now += HOUR_MS // 2
        told.append(await opens(console, left, "/sessions/rows"))

    assert [True, True, True, False] == told


async def test_a_sign_out_outlives_the_server(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Started anew, the server takes the cookies that hold, and no kept one that was signed out of."""
    async with running_console(tmp_path / "data") as console:
        await console.sign_in(http)
        left = cookie(http)
        await console.sign_in(http)
        out = cookie(http)
        async with http.get(console.url + "/sites") as page:
            token = form_token(await page.text())
        async with http.post(console.url + "/sign-out", data={"form_token": token}):
            pass
        http.cookie_jar.clear()
        await console.sign_in(http)
        stays = cookie(http)
    async with running_console(tmp_path / "data") as console:
        told = [await opens(console, one) for one in (left, out, stays)]

    assert [False, False, True] == told


async def test_a_restored_backup_signs_nobody_in(tmp_path: Path) -> None:
    """Who signed out after a backup was taken is not in again by restoring it; ids are kept as hashes."""
    clock = Clock()
    store = SqliteStore(tmp_path / "data", clock)
    await store.open()
    await SignIns(store, clock, HOUR_MS).begin("random-id", clock.now + HOUR_MS)
    await store.close()
    with closing(sqlite3.connect(tmp_path / "data" / "stolper.db")) as db:
        kept = db.execute("SELECT hash FROM sign_ins").fetchall()
    take_backup(tmp_path / "data", tmp_path / "backup", texts=(), facts={})
    restore_backup(tmp_path / "backup", tmp_path / "back")
    store = SqliteStore(tmp_path / "back", clock)
    await store.open()
    held = await SignIns(store, clock, HOUR_MS).holds("random-id")
    await store.close()

    assert 1 == len(kept)
    assert b"random-id" not in kept[0][0]
    assert held is False


class Full(SqliteStore):
    """A store whose disk is full."""

    async def use_sign_in(self, hash_: bytes, at_ms: int) -> None:
        raise StoreFailed("no space left on device")


@pytest.mark.parametrize(("used", "expected"), [(True, True), (False, False)])
async def test_a_full_disk_throws_nobody_out(tmp_path: Path, used: bool, expected: bool) -> None:
    """Use that cannot be written down counts all the same, as long as the server runs."""
    clock = Clock()
    store = Full(tmp_path / "data", clock)
    await store.open()
    sign_ins = SignIns(store, clock, HOUR_MS)
    await sign_ins.begin("id", clock.now + 12 * HOUR_MS)
    clock.now += HOUR_MS - 1
    await sign_ins.holds("id", use=used)
    clock.now += HOUR_MS - 1
    held = await sign_ins.holds("id")
    await store.close()

    assert held is expected
