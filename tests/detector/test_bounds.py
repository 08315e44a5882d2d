"""What one session can make the detector keep: bounded, noted, and the same live and later."""

from __future__ import annotations

import random
from typing import Any

from bench import stream
from bench.detector import deep_size
from detector.engine import Engine, flags
from detector.loader import load_rules, shipped_rules
from detector.machines import GROWN
from detector.spec import MAX_FLAGS
from tests.detector.helpers import START

LIMIT = 64 * 1024


def hostile(count: int, seed: int) -> list[dict[str, Any]]:
    """Return *count* events of one page load: another target, path, field or name each time."""
    rnd = random.Random(seed)
    found: list[dict[str, Any]] = []
    ts = START
    for i in range(count):
        ts += rnd.choice((1.0, 40.0, 300.0, 2000.0))
        kind = rnd.choice(("click", "click", "click", "field", "form", "request", "custom", "page"))
        event = {
            "i": i, "t": ts - START, "ts": ts, "type": kind, "page_load": "x", "tab": "x",
            "view": 0, "path": f"/p{i}",
        }  # fmt: skip
        own: dict[str, dict[str, Any]] = {
            "click": {
                "target": {"key": f"k{i}", "tag": "button", "interactive": True, "label": "x" * 40},
                "trusted": True, "pointer": "mouse", "x": 40.0 * i, "y": 7.0 * i,
            },
            "field": {"form": f"f{i}", "field": f"n{i}", "invalid": True, "changed": True},
            "form": {"form": f"f{i}", "outcome": "refused"},
            "request": {"click": max(0, i - 1), "since_action_ms": 10.0, "status": 500},
            "custom": {"name": rnd.choice(("cart", "login", "search")), "props": {"item": i}},
            "page": {"nav": "route", "visible": True},
        }  # fmt: skip
        found.append(event | own[kind])
    return found


def largest(engine: Engine, events: list[dict[str, Any]]) -> tuple[int, list[Any]]:
    """Return the most bytes that the rules' state of one session takes, and that state."""
    state = engine.new({})
    most = 0
    for first in range(0, len(events), 50):
        after = events[first - 1]["ts"] if first else 0.0
        engine.take(state, events[first : first + 50], ("x", "x"), first, after)
        most = max(most, deep_size(state[GROWN + 1 :]))
    assert 0 == engine.errors
    return most, state


def test_no_session_grows_beyond_its_bound() -> None:
    """4 000 hostile events leave the state of the shipped rules within 64 KiB, and say so."""
    engine = Engine(load_rules([shipped_rules()]))

    most, state = largest(engine, hostile(4000, seed=1))

    assert most <= LIMIT
    assert state[2].truncated
    assert len(flags(state)) <= MAX_FLAGS


def test_many_rules_share_the_bound() -> None:
    """So do 200 rules that each keep what they see: the least recent of the largest goes."""
    engine = Engine(stream.rule_set(20))
    events = [
        {"i": n, "t": float(n), "ts": float(n), "type": kind, "page_load": "x", "tab": "x",
         "target": f"t{n}", "field": f"f{n}", "page": f"/p{n}", "name": "cart", "value": n}
        for n in range(3000)
        for kind in (("click", "invalid", "nav")[n % 3],)
    ]  # fmt: skip

    most, state = largest(engine, events)

    assert most <= LIMIT
    assert state[2].truncated


def test_the_bound_depends_on_the_events_alone() -> None:
    """Cut into batches otherwise, a session that hits its bound raises the same flags."""
    events = hostile(1500, seed=2)
    seen = []
    for size in (1, 7, 400):
        engine = Engine(load_rules([shipped_rules()]))
        state = engine.new({})
        for first in range(0, len(events), size):
            after = events[first - 1]["ts"] if first else 0.0
            engine.take(state, events[first : first + size], ("x", "x"), first, after)
        seen.append([(f.rule.id, f.group, f.nth, f.at, f.hits) for f in flags(state)])

    assert seen[0] == seen[1] == seen[2]
    assert seen[0]
