"""
The rule bench's stream as the detector gets it: batches of one session each, in order of arrival.

Owns the mapping of the bench's synthetic events to the envelope (an index per session, the
session as page load), and the run through the detector's own entry point: LiveSession.add
for every batch, LiveSession.end for every session that ends. Evidence, captures, order and
holes are all on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bench.rulebench import gen
from core.events import EventSchema, parse_schema
from core.model import Session, StoredBatch
from detector.book import Raised
from detector.engine import Engine
from detector.errors import Problems
from detector.live import LiveSession
from detector.loader import Library
from detector.rule import RuleSet

LATENESS_MS = 10_000

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


class Arrival(NamedTuple):
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


@dataclass(frozen=True, slots=True)
class Block:
    """
    A stretch of arrivals as stored: decoded just before it is judged, as the server does.

    What is decoded long before is out of the processor's caches, which a running server's
    events are not.
    """

    raw: bytes
    events: int

    def arrivals(self) -> list[Arrival]:
        """Return the arrivals, freshly decoded."""
        return [
            Arrival(StoredBatch(number, "bench", sid, sid, sid, number, at, events, ()), now, last)
            for number, sid, at, now, last, events in orjson.loads(self.raw)
        ]


def blocks(work: Sequence[Arrival], size: int = 1000) -> list[Block]:
    """Return *work* in blocks of about *size* events."""
    found: list[Block] = []
    rows: list[Any] = []
    count = 0
    for number, arrival in enumerate(work, 1):
        batch = arrival.batch
        rows.append(
            (
                batch.position,
                batch.session,
                batch.received_ms,
                arrival.now,
                arrival.last,
                batch.events,
            )
        )
        count += len(batch.events)
        if count >= size or number == len(work):
            found.append(Block(orjson.dumps(rows), count))
            rows, count = [], 0
    return found


class Runner:
    """Judges arrivals as the service does, but for its queue, and for what it makes to write."""

    def __init__(self, engine: Engine) -> None:
        self.live: dict[str, LiveSession] = {}
        self.raised: list[tuple[str, list[Raised]]] = []
        self._engine = engine

    def take(self, work: Sequence[Arrival], sessions: dict[str, Session]) -> None:
        """Judge *work*; *sessions* holds each of its sessions as it will have ended."""
        live, engine = self.live, self._engine
        for batch, now, last in work:
            sid = batch.session
            one = live.get(sid)
            if one is None:
                one = live[sid] = LiveSession(
                    engine, sessions[sid], lateness_ms=LATENESS_MS, flush_ms=FLUSH_MS,
                    idle_timeout_ms=1_800_000,
                )  # fmt: skip
            one.add(batch, now)
            if last:
                one.end(sessions[sid])
                self.raised.append((sid, one.raised()))
                del live[sid]


def sessions(work: Sequence[Arrival]) -> dict[str, Session]:
    """Return the sessions of *work* as they have ended: made outside of what is timed."""
    return {
        a.batch.session: Session(
            a.batch.session, "bench", "bench", 0, a.now, a.now, "ended", 1, 1, 0, True, None,
            None, {}, None, None, None, (),
        )
        for a in work
    }  # fmt: skip


def flags_of(engine: Engine, work: Sequence[Arrival]) -> set[Flag]:
    """Return the flags of *work*, as the oracle names them."""
    runner = Runner(engine)
    runner.take(work, sessions(work))
    return {(flag.rule.id, sid, flag.group) for sid, flags in runner.raised for flag in flags}
