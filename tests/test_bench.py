"""The bench runs, finds the flags that its oracle finds, and compares with the loop it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import stream
from bench.rulebench import loop, ref
from bench.visits import visit
from core.events import load_schema
from detector.engine import Engine

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("seed", "late"), [(1, 0.0), (2, 0.0), (3, 0.01), (4, 0.05)])
def test_engine_finds_what_the_bench_oracle_finds(seed: int, late: float) -> None:
    """Batch by batch, or event by event with some of them late: none is missing, none is extra."""
    events = stream.events(6000, 120, seed=seed, late=late)
    expected = ref.run(sorted(events, key=lambda e: e["ts"]))
    engine = Engine(stream.rule_set())

    found = stream.flags_of(engine, stream.arrivals(events, single=bool(late)))

    assert expected == found
    assert len(expected) > 30


def test_loop_finds_the_same() -> None:
    """What the engine's speed is measured against does the same work."""
    events = stream.events(6000, 120, seed=5)

    assert ref.run(events) == {(rule, sid, key) for rule, sid, key, _ in loop.run(events)}


def test_visits_are_events_of_the_schema() -> None:
    """The shipped rules are timed on events that the snippet could have sent."""
    schema = load_schema()
    for event in visit(7):
        type_ = schema.events[event["type"]]
        for name, value in event.items():
            if name not in ("type",):
                assert type_.field(name).accepts(value), (event["type"], name)


def test_bench_prints_its_ratios() -> None:
    """`python -m bench.detector` runs as it is documented."""
    command = [
        sys.executable,
        "-m",
        "bench.detector",
        "correct",
        "speed",
        "state",
        "hostile",
        "pack",
    ]
    done = subprocess.run(
        [*command, "--events", "6000", "--rounds", "1", "--seeds", "1"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert 2 == done.stdout.count("missing 0, extra 0")
    assert "ratio" in done.stdout
    assert "KiB of rule state" in done.stdout
