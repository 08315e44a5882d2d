"""The engine against the oracle, on random rules and sessions."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from detector.engine import Engine
from tests.detector.helpers import rules
from tests.detector.oracle import evaluate
from tests.detector.oracle.pairs import Pair, Seen, of_engine, of_oracle, pair

SEEDS = 2000


def differences(seeds: Iterable[int]) -> tuple[list[str], int]:
    """Return what engine and oracle say of the pairs of *seeds* where they differ; and all flags."""
    found: list[str] = []
    flags = 0
    for seed in seeds:
        one = pair(seed)
        expected, actual = judged(one)
        flags += len(expected)
        if expected != actual:
            found.append(told(one, expected, actual))
    return found, flags


def judged(one: Pair) -> tuple[list[Seen], list[Seen]]:
    """Return the flags of the oracle and of the engine."""
    text, session = one.text, one.stream
    oracle = evaluate.judge(
        [text], session.attributes, session.events, session.end, session.horizon
    )
    engine = Engine(rules(text)).judge(
        session.events, session.attributes, end=session.end, horizon=session.horizon
    )
    return of_oracle(one, oracle), of_engine(one, engine)


def told(one: Pair, expected: list[Seen], actual: list[Seen]) -> str:
    """Return the difference in words."""
    missing = [flag for flag in expected if flag not in actual]
    extra = [flag for flag in actual if flag not in expected]
    return f"seed {one.seed}: only the oracle {missing}, only the engine {extra}\n{one.text}"


@pytest.mark.parametrize("part", range(8))
def test_engine_equals_oracle(part: int) -> None:
    """On 2 000 random pairs the engine raises the flags of the semantics text, and no others."""
    size = SEEDS // 8

    found, flags = differences(range(part * size, (part + 1) * size))

    assert [] == found
    assert flags > size


def test_engine_equals_oracle_on_fresh_pairs() -> None:
    """And so on 40 pairs that nobody has seen before; the seed is in the message."""
    first = random.SystemRandom().randrange(10**6, 10**9)

    found, _ = differences(range(first, first + 40))

    assert [] == found


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(20))
def test_engine_equals_oracle_widely(part: int) -> None:
    """On 20 000 random pairs engine and oracle agree."""
    found, _ = differences(range(10_000 + part * 1000, 10_000 + (part + 1) * 1000))

    assert [] == found
