"""What strangers try with the public listener of a real server, on both ways of reading HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from core.clock import SystemClock
from core.sqlite import SqliteStore
from tests.collector.support import session_id
from tests.e2e.strangers.attack import Attack
from tests.e2e.strangers.batches import BOMBS, FRAMES, JSON, ORIGINS, SECRETS
from tests.e2e.strangers.floods import CROWDS, FLOODS, SLOW
from tests.e2e.strangers.http_form import FORM, HEADS, LENGTHS, PATHS
from tests.e2e.strangers.victim import Victim, Visitor

QUICK = [
    *FORM, *LENGTHS, *HEADS, *PATHS, *FRAMES, *JSON, *SECRETS, *ORIGINS, *BOMBS, *FLOODS, *CROWDS,
]  # fmt: skip

MOST_GROWTH_MB = 200
"""Of which 32 are bodies that do not end (serve.py), and some 60 a recording of 64 MB that is looked at."""


@dataclass
class Outcome:
    """What came of all attacks on one route."""

    answers: dict[str, str] = field(default_factory=dict)
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    visitor: Counter[int] = field(default_factory=Counter)
    lost: set[int] = field(default_factory=set)
    grown_mb: int = 0
    alive: bool = False
    log: str = ""


async def attacked(victim: Victim, outcome: Outcome, *attacks: Attack) -> None:
    """Note what comes of *attacks*, done at once, and what was counted for all of them."""
    before = await victim.counts()
    them = [victim.stranger() for _ in attacks]
    answers = await asyncio.gather(
        *(attack.run(one) for attack, one in zip(attacks, them, strict=True))
    )
    for one in them:
        await one.leave()
    counted = await victim.counts() - before
    for attack, answer in zip(attacks, answers, strict=True):
        outcome.answers[attack.name] = answer
        outcome.counted[attack.name] = counted


async def outcome_of(folder: Path, *, own: bool) -> Outcome:
    """Attack a server while a visitor goes on, then kill it and look what is there."""
    outcome = Outcome()
    victim = Victim(folder, own=own)
    async with victim.running(COLLECTOR_ADDRESS_SESSIONS_PER_MIN="30"):
        visitor = Visitor(victim)
        visiting = asyncio.create_task(visitor.visit())
        before = victim.megabytes()
        for attack in QUICK:
            await attacked(victim, outcome, attack)
        await attacked(victim, outcome, *SLOW)
        visiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await visiting
        outcome.visitor, outcome.alive = visitor.answers, victim.alive
        outcome.grown_mb = victim.megabytes("VmHWM") - before
        await victim.kill()
    store = SqliteStore(victim.data, SystemClock())
    await store.open()
    kept = {batch.seq for batch in await store.batches(session_id(Visitor.SESSION))}
    await store.close()
    outcome.lost = set(visitor.acknowledged) - kept
    outcome.log = (victim.data / "server.log").read_text()
    return outcome


def printed(aiohttp: Outcome, own: Outcome) -> None:
    """Print the security table."""
    print(f"\n{'attack':46} {'aiohttp':34} {'own protocol':30} counted as")
    for attack in [*QUICK, *SLOW]:
        one, two = aiohttp.answers[attack.name], own.answers[attack.name]
        count = attack.count(own=True)
        print(f"{attack.name:46} {one:34} {'the same' if one == two else two:30} {count or '-'}")
    for name, outcome in (("aiohttp", aiohttp), ("own protocol", own)):
        told = ", ".join(f"{count} times {status}" for status, count in outcome.visitor.items())
        print(
            f"{name}: a visitor meanwhile {told}; acknowledged and lost {len(outcome.lost)};"
            f" memory grown by {outcome.grown_mb} MB at most"
        )


async def test_strangers_get_nowhere(tmp_path: Path) -> None:
    """
    Each attack is refused or inert, with the answer that is expected, and counted where the
    operator scrapes it. Meanwhile a visitor is served, nothing acknowledged is lost when the server
    is killed, its memory grows within bounds, and its log holds no fault and no address.
    """
    found = await asyncio.gather(*(outcome_of(tmp_path, own=own) for own in (False, True)))
    printed(*found)
    for own, outcome in enumerate(found):
        attacks = [*QUICK, *SLOW]
        expected = {attack.name: attack.answer(own=bool(own)) for attack in attacks}
        assert expected == outcome.answers
        uncounted = [
            attack.name
            for attack in attacks
            if (count := attack.count(own=bool(own))) and not outcome.counted[attack.name][count]
        ]
        assert [] == uncounted
        assert {200} == set(outcome.visitor)
        assert set() == outcome.lost
        assert outcome.alive
        assert MOST_GROWTH_MB >= outcome.grown_mb
        assert "Traceback" not in outcome.log
        assert "127.1." not in outcome.log
