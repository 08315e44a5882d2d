"""The medium changes what was stored: found, named in console and by doctor, the rest served, mended."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from console.accounts import create_token
from core.clock import SystemClock
from core.sqlite import SqliteStore
from tests.e2e.faults import table
from tests.e2e.faults.lab import SITE, Lab, Sender, Sent, found, prepared

HOUR_MS = 3_600_000
PAGE = 4096


async def command(*arguments: str) -> tuple[int, str]:
    """Run the command line; return exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stolper.cli", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def spoil(path: Path, at: int) -> None:
    """Change a byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x55]))


def spoil_segment(data: Path) -> str:
    (path,) = (data / "segments").glob("*.seg")
    spoil(path, path.stat().st_size - 5)
    return f"segments/{path.name}"


def spoil_object(data: Path) -> str:
    path = sorted((data / "sealed").glob("*/*.sealed"))[0]
    spoil(path, 20)
    return f"sealed/{path.parent.name}/{path.name}"


def spoil_database(data: Path, *, last: bool = False) -> str:
    """Put zeros in the place of a page that holds batches: one in the middle, or the last."""
    with closing(sqlite3.connect(data / "stolper.db")) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'batches'").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (data / "stolper.db").open("r+b") as file:
        file.seek((root - 1) * PAGE)
        page = file.read(PAGE)
        assert 5 == page[0]  # it leads to others
        number = int.from_bytes(page[8:12])
        if not last:
            middle = 12 + 2 * (int.from_bytes(page[3:5]) // 2)
            cell = int.from_bytes(page[middle : middle + 2])
            number = int.from_bytes(page[cell : cell + 4])
        file.seek((number - 1) * PAGE)
        file.write(bytes(PAGE))
    return "stolper.db"


async def looked_at(lab: Lab, token: str, sent: list[Sent]) -> tuple[list[str], set[str], int]:
    """Look at every session and at recording health; return what health names, gaps, and answers of 200."""
    headers = {"Authorization": f"Bearer {token}"}
    base = f"http://127.0.0.1:{lab.console_port}/api/v1"
    kinds: set[str] = set()
    served = 0
    async with aiohttp.ClientSession(headers=headers) as http:
        for session in sorted({one.session for one in sent}):
            async with http.get(f"{base}/sessions/{session}/recording") as answer:
                if answer.status == 200:
                    served += 1
                    kinds |= {gap["kind"] for load in await answer.json() for gap in load["gaps"]}
                else:
                    assert answer.status == 503, await answer.text()
        async with http.get(f"{base}/sites/{SITE.key}/health") as answer:
            if answer.status != 200:
                return ["503"], kinds, served
            told = (await answer.json())["health"]["findings"]
    return (
        [name for one in told if one["code"] == "files_damaged" for name in one["names"]],
        kinds,
        served,
    )


DAMAGES: dict[str, tuple[Callable[[Path], str], int]] = {
    "a byte of a segment": (spoil_segment, 1),
    "a page of the database": (spoil_database, 40),
    "a byte of a sealed recording": (spoil_object, 40),
}
"""
What is damaged, and how many batches that costs at most.

A recording goes last: behind one that is lost a page may hold nothing else that could be.
"""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "names", [["a page of the database"], pytest.param([*DAMAGES], marks=pytest.mark.long)]
)
async def test_damage_is_found_named_and_mended(tmp_path: Path, names: list[str]) -> None:
    """
    A byte of a segment, of a sealed recording, and a page of the database are changed on the medium.

    The server serves the rest and names the file in recording health; doctor names it; doctor --repair,
    with the server stopped, mends it: what had no other source is a gap, all else is there to the byte.
    """
    lab = Lab(tmp_path)
    await prepared(lab.data)
    store = SqliteStore(lab.data, SystemClock())
    await store.open()
    token = await create_token(store, SystemClock(), "admin")
    await store.close()
    await lab.start()
    senders = [Sender(seed) for seed in range(3)]
    for one in senders:
        await one.send(lab.port, 40, words=20)
    lab.tell("clock", str(2 * HOUR_MS))
    await lab.until(lambda: lab.rows("SELECT count(*) FROM sealed") == [(3,)])
    lab.tell("clock", str(6 * HOUR_MS))  # segments are looked at every ten minutes
    await lab.until(lambda: not [*(lab.data / "segments").iterdir()])
    late = Sender(7, offset_ms=6 * HOUR_MS)
    await late.send(lab.port, 6)
    for one in (*senders, late):
        one.close()
    assert 0 == await lab.end()
    sent = [sent for one in (*senders, late) for sent in one.sent]
    for name in names:
        await each(lab, token, sent, name)


async def each(lab: Lab, token: str, sent: list[Sent], name: str) -> None:
    """Damage *lab*'s folder and go the whole way."""
    damage, lost = DAMAGES[name]
    before = await found(lab.data, sent)
    path = damage(lab.data)
    await lab.start()
    named, kinds, served = await looked_at(lab, token, sent)
    more = Sender(lost + len(name), offset_ms=6 * HOUR_MS)
    await more.send(lab.port, 3)
    more.close()
    said, looked = await command("doctor", "--deep", "--json", "--data", str(lab.data))
    refused, why = await command("doctor", "--repair", "--data", str(lab.data))
    await lab.end()
    mended, told = await command("doctor", "--repair", "--data", str(lab.data))
    print(f"\n{name}: health {named}, gaps {kinds}\n{told}")

    codes = [one["code"] for one in json.loads(looked)["found"]]
    assert {"database_damaged", "files_damaged"} & set(codes)
    assert (1, 2, True) == (said, refused, "stop it first" in why)
    assert (0, True) == (mended, "lost" in told)
    assert "corrupt_chunk" in kinds or path == "stolper.db"
    assert [path] == [one for one in named if one == path]
    assert served >= len({one.session for one in sent}) - 2
    after = await found(lab.data, [*sent, *more.sent])
    assert before - lost <= after - len(more.sent) < before
    table.note(
        f"{name} changed on the medium", before + 3, after,
        f"health and doctor name {path.partition('/')[0]}; --repair: named gaps",
    )  # fmt: skip
