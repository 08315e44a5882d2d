"""A disk that is slow, full, broken or read-only, and a clock that jumps, under a real server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.faults import table
from tests.e2e.faults.lab import Lab, Sender, found, prepared
from tests.stolper.doctoring import fill, read_only, small_disk

HOUR_MS = 3_600_000
WAITING = 8


def memory_kb(lab: Lab) -> int:
    """Return what the server's process holds in memory."""
    assert lab.process is not None
    status = Path(f"/proc/{lab.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def counted(lab: Lab, senders: Sequence[Sender], fault: str, saw: str) -> None:
    """Stop the server, and note how many of what was acknowledged is there: all."""
    for one in senders:
        one.close()
    assert 0 == await lab.end()
    sent = [sent for one in senders for sent in one.sent]
    there = await found(lab.data, sent)
    table.note(fault, len(sent), there, saw)

    assert len(sent) == there


@pytest.mark.timeout(600)
async def test_a_slow_fsync_is_waited_for(tmp_path: Path) -> None:
    """
    While no fsync comes back nobody is told 200; beyond the queue batches are refused at once.

    With 503 and Retry-After; the process's memory stays where it was. Then all goes on.
    """
    lab = Lab(tmp_path, collector_queue_limit=str(WAITING))
    await prepared(lab.data)
    await lab.start()
    senders = [Sender(seed) for seed in range(4 * WAITING)]
    await asyncio.gather(*(one.send(lab.port, 1) for one in senders))
    before_kb = memory_kb(lab)
    lab.tell("hold")
    tries = [asyncio.create_task(one.try_once(lab.port, words=4000)) for one in senders]
    refused = 2 * WAITING  # at least: what waits, and what the writer has taken, are the others
    await lab.until(lambda: sum(one.done() for one in tries) >= refused)
    held = [one.result() for one in tries if one.done()]
    grown_kb = memory_kb(lab) - before_kb
    lab.leave("hold")
    answers = await asyncio.gather(*tries)
    await asyncio.gather(*(one.send(lab.port, 1) for one in senders))

    assert {503} == set(held)
    assert {"busy"} == {code for one in senders for _, code, _ in one.answers}
    assert all(wait >= 1 for one in senders for _, _, wait in one.answers)
    assert 200 in answers
    assert grown_kb < 32 * 1024
    await counted(lab, senders, "no fsync comes back", "answers wait; 503 busy, Retry-After")


@pytest.mark.timeout(600)
async def test_a_disk_that_fails_refuses_and_recovers(tmp_path: Path) -> None:
    """
    Any durable step fails, for want of room, as read-only, as broken: 503 `failed`, and the log says why.

    Nothing that is refused is counted as stored, and once the fault is gone all goes on by itself. In between
    the clock jumps back and forth by hours.
    """
    lab = Lab(tmp_path)
    await prepared(lab.data)
    await lab.start()
    senders = [Sender(seed) for seed in range(3)]
    for one in senders:
        await one.send(lab.port, 2)
    faults = ["any EROFS", "write ENOSPC", "fsync EIO", "commit EIO"]
    reasons = ["Read-only file system", "No space left on device", "Input/output error"]
    for fault, hours in zip(faults, (0, -2, 5, 0), strict=True):
        lab.tell("fail", fault)
        lab.tell("clock", str(hours * HOUR_MS))
        refused = [await one.try_once(lab.port) for one in senders]

        assert [503] * len(senders) == refused, fault
        assert {"failed"} == {one.answers[-1][1] for one in senders}
        lab.leave("fail")
        await asyncio.gather(*(one.send(lab.port, 2) for one in senders))
    rows = lab.rows("SELECT page_load, seq FROM batches ORDER BY position")
    by_load = {load: [seq for one, seq in rows if one == load] for load, _ in rows}

    assert all(lab.logged(reason) for reason in reasons)
    assert all(seqs == sorted(seqs) for seqs in by_load.values())
    await counted(
        lab,
        senders,
        "each step fails: read-only, full, broken; clock jumps",
        "503 failed; log says why",
    )


@pytest.mark.timeout(600)
async def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """A real disk without a free block: 503, nothing acknowledged is lost; with room all goes on."""
    with small_disk(tmp_path / "disk", 16) as disk:
        lab = Lab(tmp_path, disk / "data", collector_disk_reserve_mb="0")
        await prepared(lab.data)
        await lab.start()
        senders = [Sender(seed) for seed in range(3)]
        for one in senders:
            await one.send(lab.port, 3)
        ballast = fill(disk)
        statuses = [await one.try_once(lab.port, words=20_000) for one in senders]
        ballast.unlink()
        for one in senders:
            await one.send(lab.port, 3)

        assert 503 in statuses
        await counted(lab, senders, "disk full to the last block", "503 failed; doctor: disk_full")


@pytest.mark.timeout(600)
async def test_a_read_only_folder_is_said_so_at_the_start(tmp_path: Path) -> None:
    """A server whose folder is mounted read-only does not start, and says why in one sentence."""
    await prepared(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "before")
    with read_only(tmp_path / "data", tmp_path / "view") as view:
        lab = Lab(tmp_path, view)
        await lab.start()
        assert lab.process is not None
        code = await lab.process.wait()
    said = lab.log.read_text()

    assert (1, True) == (code, "ead-only" in said)
    assert "Traceback" not in said
    table.note(
        "data folder mounted read-only at the start", 0, 0, said.strip().splitlines()[-1][:60]
    )
