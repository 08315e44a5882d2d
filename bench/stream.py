"""
The rule bench's stream as the detector gets it: batches of one session each, in order of arrival.

Owns the mapping of the bench's synthetic events to the envelope (an index per session, the
session as page load), and the run through the detector's own entry point: LiveSession.add
for every batch, LiveSession.end for every session that ends. Evidence, captures, order and
holes are all on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rulebench import gen
from core.events import EventSchema, parse_schema
from core.model import Session, StoredBatch
from detector.engine import Engine
from detector.errors import Problems
from detector.live import LiveSession
from detector.loader import Library
from detector.rule import RuleSet

FLUSH_MS = 5000
"""The snippet sends what has come together within this time as one batch."""

TYPES = (
    "click", "effect", "js_error", "invalid", "submit_ok", "input", "step", "nav", "search",
    "coupon_rejected", "login_fail", "login_ok", "payment_declined", "custom", "end",
)  # fmt: skip
FIELDS = {
    "sid": "str", "seq": "int", "page": "str", "target": "str", "field": "str", "name": "str",
    "value": "number", "device": "str",
}  # fmt: skip

Flag = tuple[str, str, str]
"""(rule, session, group), as the oracle names a flag."""


def schema() -> EventSchema:
    """Return the event schema of the bench."""
    return parse_schema(
        {
            "envelope": {"i": "int", "t": "ms", "ts": "ms", "type": "str", "page_load": "str",
                         "tab": "str", "view": "int", "path": "str"},
            "events": {
                **{name: {"fields": FIELDS} for name in TYPES},
                "session_end": {"by": "server", "fields": {"kind": ["left", "idle", "ended"]}},
            },
        }
    )  # fmt: skip


def rule_set(copies: int = 1) -> RuleSet:
    """Return the ten rules of the bench, *copies* times under other ids."""
    problems = Problems()
    library = Library(problems, schema())
    text = (Path(__file__).parent / "rulebench" / "rules.yaml").read_text(encoding="utf-8")
    for copy in range(copies):
        suffix = "" if copy == 0 else f"_{copy}"
        named = text
        for number in range(1, 11):
            named = named.replace(f"id: R{number:02}", f"id: R{number:02}{suffix}")
        library.add_text(f"rules{suffix}.yaml", named, group=copy)
    rules = library.rule_set()
    problems.raise_if_failed()
    return rules


def events(count: int, sessions: int, *, seed: int = 7, late: float = 0.0) -> list[dict[str, Any]]:
    """
    Return the stream as decoded events, in order of arrival.

    Each carries its index in its page load, given in order of time as the browser gives it,
    so that what arrives out of order can be told.
    """
    rows = gen.stream(count, sessions, seed, late)
    found: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        event: dict[str, Any] = {"seq": number}
        event.update((c, v) for c, v in zip(gen.COLS, row, strict=True) if v is not None)
        found.append(event)
    counts: dict[str, int] = {}
    for event in sorted(found, key=lambda e: e["ts"]) if late else found:
        sid = event["sid"]
        event["i"] = counts.get(sid, 0)
        counts[sid] = event["i"] + 1
        event["t"] = event["ts"]
        event["page_load"] = event["tab"] = sid
    return found


@dataclass(frozen=True, slots=True)
class Arrival:
    """One batch, when it arrives, and whether it is the last of its session."""

    batch: StoredBatch
    now: int
    last: bool


def arrivals(stream: Iterable[dict[str, Any]], *, single: bool = False) -> list[Arrival]:
    """
    Return *stream* cut into batches as the snippet sends them: all that a page made within 5 s.

    *single*: every event is a batch of its own, in the order of the stream.
    """
    stream = list(stream)
    final: dict[str, int] = {}
    for event in stream:
        final[event["sid"]] = max(final.get(event["sid"], -1), event["i"])
    groups: list[tuple[int, list[dict[str, Any]]]] = []
    open_: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    now = 0
    for event in stream:
        now = max(now, event["ts"])
        group = open_.get(event["sid"])
        if single or group is None or now - group[0] > FLUSH_MS:
            group = open_[event["sid"]] = (now, [])
            groups.append(group)
        group[1].append(event)
    if not single:
        groups.sort(key=lambda g: g[0] + FLUSH_MS)
    seen: dict[str, int] = {}
    found: list[Arrival] = []
    sizes: dict[str, int] = {}
    for event in stream:
        sizes[event["sid"]] = sizes.get(event["sid"], 0) + 1
    for position, (at, batch) in enumerate(groups, 1):
        sid = batch[0]["sid"]
        seen[sid] = seen.get(sid, 0) + len(batch)
        stored = StoredBatch(position, "bench", sid, sid, sid, position, at, batch, ())
        found.append(Arrival(stored, at if single else at + FLUSH_MS, seen[sid] == sizes[sid]))
    return found


def session(sid: str, last_ms: int) -> Session:
    """Return the session *sid* as it has ended."""
    return Session(
        sid, "bench", "bench", 0, last_ms, last_ms, "ended", 1, 1, 0, True, None, None, {}, None,
        None, None, (),
    )  # fmt: skip


Ended = Callable[[LiveSession], None]


def run(engine: Engine, work: Iterable[Arrival], ended: Ended) -> dict[str, LiveSession]:
    """Judge *work*; call *ended* with each session that has ended. Return those still open."""
    live: dict[str, LiveSession] = {}
    for arrival in work:
        batch = arrival.batch
        sid = batch.session
        one = live.get(sid)
        if one is None:
            one = live[sid] = LiveSession(
                engine, session(sid, 0), lateness_ms=10_000, flush_ms=FLUSH_MS,
                idle_timeout_ms=1_800_000,
            )  # fmt: skip
        one.add(batch, arrival.now)
        if arrival.last:
            one.end(session(sid, arrival.now))
            del live[sid]
            ended(one)
    return live


def flags_of(engine: Engine, work: Iterable[Arrival]) -> set[Flag]:
    """Return the flags of *work*, as the oracle names them."""
    found: set[Flag] = set()

    def ended(one: LiveSession) -> None:
        found.update((f.rule, one.id, f.group) for f in one.all(provisional=False))

    run(engine, work, ended)
    return found
