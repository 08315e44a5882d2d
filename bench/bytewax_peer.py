"""The peer: bytewax with the hand-written rules inside, keyed by session, recovery off."""

from __future__ import annotations

import time
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from bench.rulebench import loop

State = dict[str, Any]


def _judge(state: State | None, event: dict[str, Any]) -> tuple[State, list[Any]]:
    """Judge one event with the loop's own code on the state of its session."""
    state = {} if state is None else state
    return state, loop.run((event,), state)


def run(events: list[dict[str, Any]]) -> float:
    """Return the CPU µs per event of bytewax judging *events*."""
    found: list[Any] = []
    flow = Dataflow("bench")
    source = op.input("in", flow, TestingSource(events, batch_size=1000))
    keyed = op.key_on("key", source, lambda event: event["sid"])
    judged = op.stateful_map("judge", keyed, _judge)
    op.output("out", op.flat_map("flags", judged, lambda item: item[1]), TestingSink(found))
    start = time.process_time()
    run_main(flow)
    return (time.process_time() - start) / len(events) * 1e6
