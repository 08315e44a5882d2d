"""The bench of the player runs: both sides show every moment it asks for, and are weighed."""

from __future__ import annotations

import pytest

from bench.player import options_of, run


@pytest.mark.browser
@pytest.mark.long
async def test_the_bench_shows_the_same_moments_by_both_players() -> None:
    """Of two minutes: a part of the recording is loaded on one side, all of it on the other."""
    lines: list[str] = []
    words = "--minutes 2 --steps 3000 --seeks 3 --rounds 1"
    await run(options_of(words.split()), lines.append)
    text = "\n".join(lines)
    rows = {line[:22].strip(): line[22:].split() for line in lines}
    ours, peer = rows["Stolper, the page"], rows["rrweb-player 2.1.6"]

    assert "keyframes" in lines[0], text
    assert 0 < int(ours[4]) < int(peer[4]), text
    assert 0 < int(ours[2]), text
