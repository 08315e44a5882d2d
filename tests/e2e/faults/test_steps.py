"""Killed with SIGKILL before and after durable steps of a real server: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from tests.e2e.faults import table
from tests.e2e.faults.lab import Lab, Sender, Sent, found, prepared

STEPS = 40
"""So many durable steps come of a start and three pages that send four batches."""


async def killed(folder: Path, prepared_data: Path, step: int, when: str) -> tuple[list[Sent], Lab]:
    """Run until the step; return what had been acknowledged."""
    lab = Lab(folder)
    shutil.copytree(prepared_data, lab.data)
    lab.tell("kill", f"{step} {when}")
    await lab.start()
    senders = [Sender(seed) for seed in range(3)]

    async def page(sender: Sender) -> None:
        while lab.running and len(sender.sent) < 30:
            await sender.try_once(lab.port)

    if lab.running:
        await asyncio.gather(*(page(one) for one in senders))
    assert lab.process is not None
    assert -9 == await lab.process.wait()
    return [sent for one in senders for sent in one.sent], lab


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [2, pytest.param(2 * STEPS, marks=pytest.mark.long)])
async def test_killed_at_any_durable_step(tmp_path: Path, count: int) -> None:
    """At each open, write, fsync and commit, before and after it: what was answered 200 is there, once."""
    await prepared(tmp_path / "prepared")
    every = [(step, when) for step in range(STEPS) for when in ("before", "after")]
    seed = random.randrange(1 << 30)
    chosen = sorted(random.Random(seed).sample(every, count))
    acknowledged = there = 0
    for step, when in chosen:
        sent, lab = await killed(tmp_path / f"{step}-{when}", tmp_path / "prepared", step, when)
        whole = await found(lab.data, sent)

        assert len(sent) == whole, (seed, step, when)
        acknowledged += len(sent)
        there += whole
        shutil.rmtree(lab.data)
    print(f"\nseed {seed}: {chosen[:8]}")
    table.note(
        f"killed at {count} durable steps", acknowledged, there, "nothing: the next start serves"
    )
