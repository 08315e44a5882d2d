"""A backup taken from a server under load comes back as a server that goes on."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

from core.sqlite.restore import check_backup
from tests.e2e.test_kill import ORIGIN, Ledger, Process, command, compare, send

SENDERS = 6


async def test_a_backup_under_load_is_restored_to_a_server_that_goes_on(tmp_path: Path) -> None:
    """
    Two backups while six pages send: every batch answered 200 before one began is in it, to the byte.

    The restored folder serves: the pages of before go on sending to it, the batches since are gaps.
    """
    data = tmp_path / "data"
    server = Process(data)
    await server.start()
    line = await command("site", "add", "shop", "--origin", ORIGIN, "--data", str(data))
    found = re.search(r"/s/(\w+)\.js", line)
    assert found, line
    ledger, stop = Ledger(), asyncio.Event()
    senders = [
        asyncio.create_task(send(server.url, found[1], seed, ledger, stop))
        for seed in range(SENDERS)
    ]
    while len(ledger.acknowledged) < 20 * SENDERS:  # noqa: ASYNC110 -- what is sent sets no event
        await asyncio.sleep(0.05)
    known, counts = [], []
    for name in ("first", "second"):
        known.append(Ledger(dict(ledger.acknowledged)))
        await command("backup", str(tmp_path / name), "--data", str(data))
        counts.append(len(ledger.acknowledged) - len(known[-1].acknowledged))
    stop.set()
    await asyncio.gather(*senders)
    await server.end(signal.SIGTERM)
    compared = []
    for name, before in zip(("first", "second"), known, strict=True):
        back = tmp_path / f"{name} back"
        await command("restore", str(tmp_path / name), "--data", str(back))
        compared.append((await compare(back, before))[:2])
    goes_on = Process(tmp_path / "first back")
    await goes_on.start()
    more, enough = Ledger(), asyncio.Event()
    sender = asyncio.create_task(send(goes_on.url, found[1], 0, more, enough))
    while not more.acknowledged:  # noqa: ASYNC110 -- what is sent sets no event
        await asyncio.sleep(0.02)
    enough.set()
    await sender
    await goes_on.end(signal.SIGTERM)

    print(f"\nknown {[len(one.acknowledged) for one in known]}, during {counts}")
    assert [([], [])] * 2 == compared
    assert [[], []] == [check_backup(tmp_path / name) for name in ("first", "second")]
    assert min(counts) > 0
    assert ([], []) == (await compare(tmp_path / "first back", more))[:2]
