"""Power is lost after a 200: a real server's writes and fsyncs, traced, and cut off at any moment."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from tests.e2e.faults import table
from tests.e2e.faults.lab import Lab, Sender, Sent, found, prepared
from tests.e2e.faults.power import Disk
from tests.e2e.faults.trace import COMMAND, read

HOUR_MS = 3_600_000

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs strace (Debian's package)"
)


async def traced(folder: Path) -> tuple[Disk, list[Sender], Lab]:
    """
    Let a server record, seal and remove a segment, and return all that it did to its disk.

    Batches of four pages at once; two hours later their sessions are closed and sealed, and one more
    page sends; four hours after that the first segment goes.
    """
    lab = Lab(folder)
    await prepared(lab.data)
    shutil.copytree(lab.data, folder / "before")
    await lab.start(*COMMAND, "-o", str(folder / "trace"))
    first = [Sender(seed) for seed in range(4)]
    await asyncio.gather(*(one.send(lab.port, 6) for one in first))
    lab.tell("clock", str(2 * HOUR_MS))
    await lab.until(lambda: lab.rows("SELECT count(*) FROM sealed") == [(4,)])
    late = Sender(9, offset_ms=2 * HOUR_MS)
    await late.send(lab.port, 6)
    lab.tell("clock", str(6 * HOUR_MS))
    await lab.until(lambda: len([*(lab.data / "segments").iterdir()]) == 1)
    last = Sender(10, offset_ms=6 * HOUR_MS)
    await last.send(lab.port, 3)
    for one in (*first, late, last):
        one.close()

    assert 0 == await lab.end()
    await lab.traced_to_the_end(folder / "trace")
    return (
        Disk(read(folder / "trace", lab.data), lab.data, folder / "before"),
        [*first, late, last],
        lab,
    )


@needs_strace
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moments", [16, pytest.param(10_000, marks=pytest.mark.long)])
async def test_power_may_go_at_any_moment(tmp_path: Path, moments: int) -> None:
    """
    What had been answered 200 is there when the power is lost, at any moment of recording and sealing.

    With only what was waited for on the disk, and with any part of the rest beside it.
    """
    disk, senders, lab = await traced(tmp_path)
    kinds = set(lab.steps())

    assert {"open", "write", "fsync", "fsync folder", "commit", "rename", "unlink"} <= kinds
    rnd = random.Random(seed := random.randrange(1 << 30))
    every = disk.moments()
    print(f"\nseed {seed}: {len(every)} moments")
    at_most = min(moments, len(every))
    chosen = sorted({every[-1], *rnd.sample(every, at_most)})
    acknowledged = there = 0
    for number, at in enumerate(chosen):
        answered = disk.answered(at)
        sent: list[Sent] = []
        for one in senders:
            sent += one.sent[: answered.get(str(one.port), 0)]
        folder = tmp_path / "crashed"
        disk.lay_out(at, folder, rnd if number % 2 else None)
        whole = await found(folder, sent)

        assert len(sent) == whole, (seed, at)
        acknowledged += len(sent)
        there += whole
        shutil.rmtree(folder)

    told = disk.answered(disk.last)
    assert [len(one.sent) for one in senders] == [told[str(one.port)] for one in senders]
    row = f"power lost, at {len(chosen)} of {len(every)} moments"
    table.note(row, acknowledged, there, "nothing: the next start serves")
