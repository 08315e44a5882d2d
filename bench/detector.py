"""
How fast the detector is: `python -m bench.detector [--events N] [--rounds N] [--seeds N]`.

Prints, as ratios against a hand-written loop in the same run, what the rule engine costs, and
besides its state per session, its compile time, a backtest, an adversarial stream and the
delay of a timer. CPU seconds of this process; medians; loop and engine in turn, block by block.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench import running, stream
from bench.rulebench import loop, ref
from bench.visits import visit
from core.model import Session, StoredBatch
from detector.backtest import Comparison
from detector.engine import Engine
from detector.loader import load_rules, shipped_rules
from detector.machines import State
from detector.rule import RuleSet

CPU = time.process_time


def main(arguments: Sequence[str]) -> int:
    """Run all parts, or those named."""
    parts: dict[str, Callable[[argparse.Namespace], None]] = {
        "correct": correct, "speed": speed, "peer": peer, "state": state, "hostile": hostile,
        "compile": compiling, "pack": pack, "backtest": backtest, "running": running.report,
    }  # fmt: skip
    parser = argparse.ArgumentParser(prog="python -m bench.detector", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; default all")
    parser.add_argument("--events", type=int, default=200_000, help="length of the stream")
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is taken")
    parser.add_argument("--seeds", type=int, default=3, help="streams compared with the oracle")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    for name, part in parts.items():
        if not options.parts or name in options.parts:
            print(f"\n{name}", flush=True)
            part(options)
    return 0


def correct(options: argparse.Namespace) -> None:
    """Compare the flags with the oracle's, in order and with one in a hundred events late."""
    engine = Engine(stream.rule_set())
    for late in (0.0, 0.01):
        missing = extra = flags = 0
        for seed in range(1, options.seeds + 1):
            events = stream.events(options.events // 4, options.events // 200, seed=seed, late=late)
            expected = ref.run(sorted(events, key=lambda e: e["ts"]))
            found = stream.flags_of(engine, stream.arrivals(events, single=bool(late)))
            missing, extra = missing + len(expected - found), extra + len(found - expected)
            flags += len(expected)
        print(
            f"  {options.seeds} seeds, late {late}: {flags} flags, missing {missing}, extra {extra}"
        )


def timed(
    engine: Engine, work: Sequence[stream.Arrival], rounds: int
) -> tuple[float, float, float]:
    """Return the median CPU µs per event of the loop and of *engine*, and of their ratios."""
    ended = stream.sessions(work)
    parts = stream.blocks(work)
    found: list[tuple[float, float]] = []
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        runner, open_ = stream.Runner(engine), dict[str, Any]()
        spent = [0.0, 0.0]
        for number, part in enumerate(parts):
            arrivals = part.arrivals()
            flat = [event for a in arrivals for event in a.batch.events]
            for who in (0, 1) if number % 2 else (1, 0):
                start = CPU()
                if who:
                    runner.take(arrivals, ended)
                else:
                    loop.run(flat, open_)
                spent[who] += CPU() - start
        events = sum(part.events for part in parts)
        found.append((spent[0] / events * 1e6, spent[1] / events * 1e6))
    gc.unfreeze()
    return (
        statistics.median(a for a, _ in found),
        statistics.median(b for _, b in found),
        statistics.median(a / b for a, b in found),
    )


def speed(options: argparse.Namespace) -> None:
    """Print events per second with 10, 40 and 200 rules, and their ratios to the loop with ten."""
    events = stream.events(options.events, options.events // 50)
    work = stream.arrivals(events)
    print(f"  {len(events)} events in {len(work)} batches of {len(events) / len(work):.1f}")
    for copies in (1, 4, 20):
        engine = Engine(stream.rule_set(copies))
        bare, ours, ratio = timed(engine, work, options.rounds)
        print(
            f"  {copies * 10:3} rules: {1000 / ours:5.0f} k events/s, loop with ten"
            f" {1000 / bare:5.0f} k, ratio {ratio:.2f}"
        )
    _, ours, ratio = timed(Engine(stream.rule_set()), stream.arrivals(events, single=True), 1)
    print(f"   10 rules, each event a batch of its own: {1000 / ours:5.0f} k, ratio {ratio:.2f}")


def peer(options: argparse.Namespace) -> None:
    """Compare with bytewax running the hand-written rules, where it is installed."""
    if importlib.util.find_spec("bytewax") is None:
        print("  not installed; `pip install bytewax` and run again")
        return
    from bench import bytewax_peer

    events = stream.events(options.events // 2, options.events // 100)
    work = stream.arrivals(events)
    _, ours, _ = timed(Engine(stream.rule_set()), work, options.rounds)
    theirs = statistics.median(bytewax_peer.run(events) for _ in range(options.rounds))
    print(
        f"  bytewax {1000 / theirs:5.0f} k events/s; ours {1000 / ours:5.0f} k: {theirs / ours:.1f} times"
    )


def state(options: argparse.Namespace) -> None:
    """Print the bytes of what is kept per open session, all that it reaches counted once."""
    events = stream.events(options.events // 2, options.events // 100)
    work = [a for a in stream.arrivals(events) if a.batch.events[-1]["type"] != "end"]
    for copies in (1, 4):
        runner = stream.Runner(Engine(stream.rule_set(copies)))
        for arrival in work:
            runner.take(stream.blocks([arrival])[0].arrivals(), stream.sessions([arrival]))
        rules: list[int] = []
        both: list[int] = []
        for one in runner.live.values():
            shared = (runner.live, one._engine, one._known, one._attributes)
            rules.append(deep_size([one], shared=(*shared, one._state[2])))
            both.append(deep_size([one], shared=shared))
        print(
            f"  {copies * 10} rules: median {statistics.median(rules):.0f} bytes, mean"
            f" {statistics.mean(rules):.0f}; with the flags raised so far"
            f" {statistics.median(both):.0f}, {statistics.mean(both):.0f}"
        )


def deep_size(roots: Iterable[object], shared: Iterable[object] = ()) -> int:
    """Return the bytes of all that *roots* reach, without texts, code, and what is *shared*."""
    seen = {id(item) for item in shared}
    seen |= {id(sys.modules), id(None), id(frozenset())}
    skipped = (str, type, Session, Engine)
    total, todo = 0, list(roots)
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, skipped) or callable(item):
            continue
        seen.add(id(item))
        total += sys.getsizeof(item)
        todo.extend(gc.get_referents(item))
    return total


def hostile(options: argparse.Namespace) -> None:
    """Print state and speed in one session that presses another target each time."""
    count = options.events
    for name, gap in (("5 ms apart", 5), ("2 s apart", 2000)):
        engine = Engine(stream.rule_set())
        session = engine.new({})
        events = [
            {"type": "click", "ts": n * gap, "t": n * gap, "i": n, "page_load": "x", "tab": "x",
             "sid": "x", "target": f"/x|b{n}", "page": f"/p{n % 7}"}
            for n in range(count)
        ]  # fmt: skip
        largest, done, start = 0, 0, CPU()
        spent = 0.0
        while done < count:
            start = CPU()
            engine.take(session, events[done : done + 500], ("x", "x"), done, done * gap - 1)
            spent += CPU() - start
            done += 500
            largest = max(largest, _rule_state(engine, session))
        kept = len(session[2].all()) if session[2] is not None else 0
        print(
            f"  {name}: at most {largest / 1024:.1f} KiB of rule state,"
            f" {count / spent / 1000:.0f} k events/s; {kept} flags"
        )


def _rule_state(engine: Engine, session: State) -> int:
    """Return the bytes of the machines' slots: the flags, which are the result, aside."""
    return deep_size(session[5:]) + sys.getsizeof(session)


def compiling(options: argparse.Namespace) -> None:
    """Print what loading, checking and compiling takes: forty bench rules, and the shipped ones."""
    for name, read in (("40 rules", lambda: stream.rule_set(4)), ("shipped rules", _shipped)):
        took: list[tuple[float, float]] = []
        for _ in range(max(3, options.rounds)):
            start = CPU()
            rules: RuleSet = read()
            between = CPU()
            Engine(rules)
            took.append((between - start, CPU() - between))
        load, build = (statistics.median(t[n] for t in took) * 1000 for n in (0, 1))
        print(
            f"  {name} ({len(rules.rules)}): read and checked {load:.0f} ms, compiled {build:.0f} ms"
        )


def _shipped() -> RuleSet:
    return load_rules([shipped_rules()])


def pack(options: argparse.Namespace) -> None:
    """Print events per second of the shipped rules on visits as the snippet reports them."""
    rules = _shipped()
    engine = Engine(rules)
    visits = [visit(number) for number in range(options.events // 400)]
    count = sum(map(len, visits))
    took = []
    for _ in range(options.rounds):
        start = CPU()
        for events in visits:
            state = engine.new({"device": "desktop", "browser": "Chrome"})
            place, after = (events[0]["page_load"], "tab"), 0.0
            for first in range(0, len(events), 4):
                batch = events[first : first + 4]
                engine.take(state, batch, place, first, after)
                after = batch[-1]["ts"]
            engine.end(state, after, "left")
        took.append((CPU() - start) / count * 1e6)
    print(f"  {len(rules.rules)} shipped rules: {1000 / statistics.median(took):.0f} k events/s")


def backtest(options: argparse.Namespace) -> None:
    """Print the CPU seconds of judging history again, decoding included, for a million events."""
    events = stream.events(options.events, options.events // 50)
    work = stream.arrivals(events)
    ended = stream.sessions(work)
    stored: dict[str, list[stream.Arrival]] = {}
    for arrival in work:
        stored.setdefault(arrival.batch.session, []).append(arrival)
    raw = {sid: stream.blocks(batches, 1 << 30)[0] for sid, batches in stored.items()}

    def history() -> Iterable[tuple[Session, list[StoredBatch]]]:
        for sid, block in raw.items():
            yield ended[sid], [a.batch for a in block.arrivals()]

    rules = stream.rule_set(4)
    one = {rule.id for rule in rules.rules if rule.id == "R01"}
    everything = {rule.id for rule in rules.rules}
    for name, named in (("all 40 rules", everything), ("a draft of one rule", one)):
        took = []
        for _ in range(options.rounds):
            comparison = Comparison(rules, rules, named)
            start = CPU()
            result = comparison.judge(history(), flush_ms=stream.FLUSH_MS, idle_ms={})
            took.append((CPU() - start) / result.events * 1e6)
        print(f"  {name}: {statistics.median(took):.1f} s per million events, one core")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
