"""
A site's month, made up: visits with devices, pages, trouble, visitors and gaps, stored as the server stores them.

Owns what is in such a data folder and how it gets there fast: the store's own functions write the rows, on one
connection, without waiting for the disk. tests/test_bench_scale.py holds the folder equal to one that came through the
store's interfaces. Seeded: the same plan gives the same visits. Recordings are small and all alike; rows are not.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import random
import sqlite3
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.batches import mutations
from bench.visits import FIELDS, TARGETS, visit
from core import wire
from core.clock import SystemClock
from core.contacts import CHANNELS, Contact, ContactNote
from core.health import HealthCount
from core.model import ChunkInfo, ChunkRef, NewBatch, Session, Site, StoredBatch, Verdicts
from core.sealed import Sealed, SealedChunk, SealedFrame
from core.sqlite import (
    SqliteStore,
    accounts,
    health,
    ingest,
    judged,
    objects,
    records,
    sealing,
)
from core.sqlite import contacts as contacts_table
from core.sqlite.disk import Disk
from core.sqlite.objects import Objects
from core.sqlite.schema import connect
from core.sqlite.segments import FOLDER, Tail
from core.sqlite.store import DATABASE
from detector.engine import Engine
from detector.judging import judge_ended
from detector.loader import load_rules, shipped_rules

DAY_MS = 86_400_000
IDLE_MS = 1_800_000
FLUSH_MS = 5_000
GROUP = 500
"""Visits written in one transaction."""

SHARES = (("shop", 0.6), ("help", 0.25), ("portal", 0.1), ("careers", 0.05))
"""The sites, and how much of the traffic each has."""

BROWSERS = ("Chrome", "Chrome", "Chrome", "Safari", "Safari", "Firefox", "Edge", "Samsung Internet")
DEVICES = (("desktop", "Windows"), ("desktop", "macOS"), ("mobile", "Android"), ("mobile", "iOS"))
LANGUAGES = ("de", "de", "de", "en", "fr", "tr", "pl")
REASONS = (("buffer", "offline"), ("chunk", "too_large"), ("storage", "blocked"))

CALM = 0.65
"""Share of the visits in which nothing goes wrong."""

BOUGHT_CALM, BOUGHT = 0.2, 0.5
"""Shares of the visits without trouble that order something, and of those with trouble that were in the checkout."""

PAGES = 3_000
"""Pages of things that each site has; some are looked at by many, most by few."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many *sessions*, spread over *days* before *now_ms*; *running* of them are still open."""

    sessions: int
    now_ms: int
    days: int = 30
    running: int = 100
    seed: int = 1
    rules: tuple[Path, ...] = ()
    """Rules to judge by; the shipped ones if there are none."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One session: its batches in order, and how it ended (None: it has not)."""

    batches: tuple[NewBatch, ...]
    end_kind: str | None
    closed_ms: int
    sealed: bool


def sites(plan: Plan) -> list[Site]:
    """Return the sites."""
    created = plan.now_ms - (plan.days + 1) * DAY_MS
    return [
        Site(
            f"scale-{name}",
            name,
            (f"https://{name}.example",),
            "full" if name != "help" else "cookieless",
            "standard",
            IDLE_MS,
            created,
        )
        for name, _ in SHARES
    ]


def visits(plan: Plan) -> Iterator[Visit]:
    """Yield the visits of *plan*, oldest first."""
    rnd = random.Random(plan.seed)
    pool = [_recording(random.Random(n)) for n in range(20)]
    span = plan.days * DAY_MS
    starts = sorted(_moment(rnd, plan, span) for _ in range(plan.sessions - plan.running))
    starts += sorted(plan.now_ms - rnd.randrange(60_000, 900_000) for _ in range(plan.running))
    for number, start in enumerate(starts):
        yield _visit(rnd, plan, pool, number, start)


def counts(plan: Plan) -> list[HealthCount]:
    """Return what was counted of each site and day."""
    rnd, found = random.Random(plan.seed), []
    for day in range((plan.now_ms - plan.days * DAY_MS) // DAY_MS, plan.now_ms // DAY_MS + 1):
        for name, share in SHARES:
            much = round(plan.sessions * share / plan.days)
            for what, detail, count in (
                ("loader", "", much * 4),
                ("batch", "stored", much * 10),
                ("batch", "duplicate", much // 10),
                ("refused", "origin", rnd.randrange(5)),
                ("version", "0.1.0", much * 10),
                ("own_error", f"observer-{rnd.randrange(9)}", 1),
            ):
                at = min(plan.now_ms, (day + 1) * DAY_MS - 1)
                found.append(HealthCount(f"scale-{name}", day, what, detail, count, at))  # type: ignore[arg-type] -- these are of What
    return found


def contacts(plan: Plan) -> Iterator[tuple[Contact, bytes, list[ContactNote]]]:
    """Yield the contacts of a tenth as many as there are visits: their digests, and what was noted of a third of them."""
    rnd = random.Random(plan.seed)
    for number in range(plan.sessions // 10):
        id_, key = f"contact-{number:07d}", f"{number}"
        at = plan.now_ms - rnd.randrange(plan.days * DAY_MS)
        whose = _customer(rnd, plan) if rnd.random() < 0.9 else None
        one = Contact(
            id_, rnd.choice(CHANNELS), at, at, "desk", customer=whose, ended_ms=at + 300_000,
            subject="Cannot order", resolved=rnd.random() < 0.5, source="desk", key=key,
        )  # fmt: skip
        notes = [ContactNote(f"note-{number}", id_, "tried", "Asked to try again.", "desk", at)]
        yield one, hashlib.sha256(key.encode()).digest(), notes if rnd.random() < 0.3 else []


def fill(
    data: Path, plan: Plan, progress: Callable[[int], None] = lambda _: None
) -> sqlite3.Connection:
    """Make the folder *data* as *plan* says; return the database, whose transaction is done."""
    asyncio.run(_made(data))
    db = connect(data / DATABASE)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -200000")
    judging = Judging(plan)
    files = Objects(data / objects.FOLDER, _NoWaiting(), lambda _: b"")
    tails = [_Released(data / FOLDER, _NoWaiting()), Tail(data / FOLDER, _NoWaiting())]
    db.execute("BEGIN")
    for site in sites(plan):
        accounts.add_site(db, site)
    health.note(db, counts(plan))
    for number, one in enumerate(visits(plan)):
        if number % GROUP == 0:
            db.execute("COMMIT")
            progress(number)
            db.execute("BEGIN")
        _put(db, tails[not one.sealed], files, judging, one)
    for contact, digest, notes in contacts(plan):
        contacts_table.put(db, contact, digest, notes)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    progress(plan.sessions)
    return db


async def _made(data: Path) -> None:
    store = SqliteStore(data, SystemClock())
    await store.open()
    await store.close()


class Judging:
    """Judges ended visits by the rules, as the detector does at a session's end."""

    def __init__(self, plan: Plan) -> None:
        self._engine = Engine(load_rules(list(plan.rules) or [shipped_rules()]))

    def verdicts(self, session: Session, batches: list[StoredBatch]) -> Verdicts:
        """Return what *session* comes to."""
        found = judge_ended(
            self._engine, session, batches, flush_ms=FLUSH_MS, idle_timeout_ms=IDLE_MS
        )
        return Verdicts(
            session.id,
            max(batch.position for batch in batches),
            found.flags,
            replace=True,
            truncated=found.truncated,
            final=True,
            score=found.score,
        )


def sealed_as(session: Session, refs: list[ChunkRef], read: Callable[[ChunkRef], bytes]) -> Sealed:
    """Return the object of *session*: its recording in one frame, read by *read*."""
    parts = tuple(
        SealedChunk(ref.page_load, ref.seq, gzip.decompress(read(ref)), wire.IDENTITY)
        for ref in refs
    )
    return Sealed(session.id, session.site, tuple(refs), (SealedFrame(parts),))


def _put(db: sqlite3.Connection, tail: Tail, files: Objects, judging: Judging, one: Visit) -> None:
    """Write a visit in the open transaction, in the steps that a server takes."""
    stored, chunks = [], {}
    for batch in one.batches:
        tail.begin(batch.received_ms)
        appended = ingest.append(db, tail, batch)
        tail.flush()
        assert appended.batch is not None, appended
        stored.append(appended.batch)
        chunks[batch.page_load, batch.seq] = batch.chunk
    session_id = one.batches[0].session
    if one.end_kind is None:
        return
    ended = ingest.end_session(db, session_id, one.end_kind, one.closed_ms, None)
    assert ended is not None
    judged.commit(db, [judging.verdicts(ended, stored)])
    if one.sealed:
        refs = [ref for _, ref in records.chunks(db, session_id)]
        sealed = sealed_as(ended, refs, lambda ref: chunks[ref.page_load, ref.seq])
        name, size = files.write(sealed.frames, None)
        assert sealing.seal(db, sealed, name, size, one.closed_ms)[0]


class _NoWaiting(Disk):
    """Writes and does not wait: who makes a folder can make it again."""

    def fsync(self, fd: int) -> None:
        """Return at once."""

    def fsync_folder(self, path: Path) -> None:
        """Return at once."""


class _Released(Tail):
    """Segments of which nothing is left: all their sessions are sealed. Places, and writes nothing."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        super().__init__(folder, disk)
        self._ends: dict[str, int] = {}

    def place(self, chunk: bytes) -> int:
        """Return the offset that *chunk* would have."""
        offset = self._ends.get(self.segment, 0)
        self._ends[self.segment] = offset + len(chunk)
        return offset


# One visit


def _moment(rnd: random.Random, plan: Plan, span: int) -> int:
    """Return when a visit begins: more by day than by night, all of it over an hour ago."""
    while True:
        at = plan.now_ms - 2 * IDLE_MS - rnd.randrange(span)
        hour = at // 3_600_000 % 24
        if rnd.random() < (0.15 if hour < 6 else 1.0 if 9 <= hour < 22 else 0.5):
            return at


def _visit(
    rnd: random.Random,
    plan: Plan,
    pool: list[tuple[bytes, int, float]],
    number: int,
    start: int,
) -> Visit:
    name = SHARES[bisect(list(accumulate(s for _, s in SHARES)), rnd.random() * 0.999)][0]
    running = number >= plan.sessions - plan.running
    length = max(4, min(200, round(rnd.lognormvariate(2.9, 0.7))))
    session = _uuid7(rnd, start)
    facts = _facts(rnd, plan, name)
    batches: list[NewBatch] = []
    at = float(start)
    made = visit(plan.seed * 10_000_000 + number, length)
    if rnd.random() < CALM:
        made = [event | _CALM.get(event["type"], {}) for event in made if _is_calm(event)]
        if rnd.random() < BOUGHT_CALM:
            made = _with(rnd, made, _CHECKOUT)
    elif rnd.random() < BOUGHT and any(event["path"].startswith("/checkout") for event in made):
        made = _with(rnd, made, _CHECKOUT[-1:])
    for nth, events in enumerate(_loads(rnd, made)):
        if running:  # nobody has left yet, and nothing has been done that is yet to come
            events = [e for e in events if e["type"] != "leave" and at + e["t"] < plan.now_ms]
        if not events:
            break
        load = f"{session[:8]}-load-{nth:04d}"
        batches += _batches(rnd, pool, session, load, at, events, f"scale-{name}", facts)
        at += events[-1]["t"] + rnd.uniform(300, 2500)
    last = batches[-1].received_ms
    old = last < plan.now_ms - 3 * IDLE_MS
    kind = None if running else "left" if batches[-1].last else "idle"
    return Visit(tuple(batches), kind, last + IDLE_MS, old)


def _is_calm(event: dict[str, Any]) -> bool:
    """Say whether *event* may stand in a visit without trouble."""
    return event["type"] not in ("field", "message") and not event["path"].startswith(
        ("/basket", "/checkout")
    )


_CALM: dict[str, dict[str, Any]] = {
    "click": {"answered_ms": 40.0, "answer": "mutation"},
    "request": {"status": 200},
}


_CHECKOUT: tuple[tuple[float, dict[str, Any]], ...] = (
    (4000, {"type": "leave", "kind": "route", "visible_ms": 4000.0}),
    (30, {"type": "page", "nav": "route", "visible": True, "referrer": "same", "dwell_ms": 4000.0}),
    *(
        (5000, {"type": "field", "form": "checkout", "field": name, "input_type": "text", "changed": True, "keys": 9,
                "length": 9, "focus_ms": 4000.0, "invalid": False, "cause": "blur", "target": TARGETS[0]})
        for name in FIELDS
    ),
    (4000, {"type": "custom", "name": "order_placed", "props": {"total": 49.9}}),
)  # fmt: skip
"""What is done in a checkout that comes to a good end, each with the mean time before it."""


def _with(
    rnd: random.Random, made: list[dict[str, Any]], more: tuple[tuple[float, dict[str, Any]], ...]
) -> list[dict[str, Any]]:
    """Return the events of a visit with *more* before the last, which leaves the site."""
    *before, last = made
    path, added = before[-1]["path"], list(before)
    for nth, (wait_ms, event) in enumerate(more):
        t = added[-1]["t"] + rnd.expovariate(1 / wait_ms)
        if event["type"] == "page":
            event = {**event, "from_path": path}
            path = "/checkout/address"
        shared = {name: before[-1][name] for name in ("page_load", "tab", "view")}
        added.append({**shared, "i": last["i"] + 1 + nth, "t": t, "path": path, **event})
    late = added[-1]["t"] - before[-1]["t"]
    return [*added, {**last, "t": last["t"] + late, "path": path}]


def _facts(rnd: random.Random, plan: Plan, site: str) -> dict[str, Any]:
    """Return what is the same in all batches of a visit."""
    device, system = rnd.choice(DEVICES)
    attributes: dict[str, Any] = {
        "device": device,
        "browser": rnd.choice(BROWSERS),
        "os": system,
        "language": rnd.choice(LANGUAGES),
        "release": f"2026.{rnd.randrange(1, 5)}",
        "bot": rnd.random() < 0.02,
    }
    if rnd.random() < 0.2:
        attributes["campaign"] = rnd.choice(("spring", "mail-17", "search-brand"))
    person = _customer(rnd, plan)
    identity = None
    if site == "portal" or rnd.random() < 0.05:
        identity = {"id": person, "verified": rnd.random() < 0.8}
        attributes["identified"] = True
    visitor = None if site == "help" else hashlib.sha256(person.encode()).hexdigest()[:32]
    return {"attributes": attributes, "visitor": visitor, "identity": identity}


def _customer(rnd: random.Random, plan: Plan) -> str:
    return f"customer-{rnd.randrange(max(1, plan.sessions // 3))}"


def _loads(rnd: random.Random, events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut the events of a visit into those of its page loads, each with its own clock and count."""
    item = f"/item/{int(PAGES * rnd.random() ** 4)}"
    part: list[dict[str, Any]] = []
    for event in events:
        part.append(event)
        if event["type"] == "leave" and event["kind"] == "route" and rnd.random() < 0.5:
            part[-1] = {**event, "kind": "link"}
            yield _own(part, item)
            part = []
    if part:
        yield _own(part, item)


def _own(events: list[dict[str, Any]], item: str) -> list[dict[str, Any]]:
    """Return *events* as those of one page load, in which things are looked at at the path *item*."""
    numbers = {event["i"]: number for number, event in enumerate(events)}
    zero, found = events[0]["t"], []
    for event in events:
        own = {k: v for k, v in event.items() if k not in ("ts", "page_load", "tab", "click")}
        own["i"], own["t"] = numbers[event["i"]], event["t"] - zero
        if event.get("click") in numbers:
            own["click"] = numbers[event["click"]]
        if own["path"].startswith("/item/"):
            own["path"] = item
        found.append(own)
    if found[0]["type"] == "page":
        found[0]["nav"] = "load"
    return found


def _batches(
    rnd: random.Random,
    pool: list[tuple[bytes, int, float]],
    session: str,
    load: str,
    origin_ms: float,
    events: list[dict[str, Any]],
    site: str,
    facts: dict[str, Any],
) -> Iterator[NewBatch]:
    """Yield a page load's events as a browser sends them: what came together in five seconds."""
    groups: list[list[dict[str, Any]]] = []
    for event in events:
        if not groups or event["t"] - groups[-1][0]["t"] > FLUSH_MS:
            groups.append([])
        groups[-1].append(event)
    lost = rnd.randrange(len(groups)) if rnd.random() < 0.03 and len(groups) > 2 else -1
    snapshot = rnd.random() > 0.01
    gap: tuple[dict[str, Any], ...] = ()
    if rnd.random() < 0.03:
        kind, reason = rnd.choice(REASONS)
        gap = ({"kind": kind, "reason": reason, "events": 3},)
    for seq, group in enumerate(groups):
        if seq == lost:
            continue
        chunk, count, last_t = pool[(seq + len(events)) % len(pool)]
        yield NewBatch(
            site=site,
            session=session,
            secret_hash=hashlib.sha256(session.encode()).digest(),
            page_load=load,
            tab=session[:12],
            seq=seq,
            digest=hashlib.blake2b(f"{load}/{seq}".encode(), digest_size=16).digest(),
            received_ms=int(origin_ms + group[-1]["t"]) + rnd.randrange(20, 400),
            origin_ms=origin_ms,
            events=group,
            void=(),
            page={"title": "Page", "path": group[0]["path"]} if seq == 0 else None,
            gaps=gap if seq == 0 else (),
            chunk=chunk,
            chunk_info=ChunkInfo(count, 0.0, last_t, seq == 0 and snapshot, wire.GZIP),
            last=group[-1]["type"] == "leave" and rnd.random() < 0.9,
            **facts,
        )


def _recording(rnd: random.Random) -> tuple[bytes, int, float]:
    """Return a chunk, how many events it has, and the time of the last."""
    events = mutations(rnd, 300)
    return (
        gzip.compress(json.dumps(events).encode(), 6, mtime=0),
        len(events),
        events[-1]["timestamp"],
    )


def _uuid7(rnd: random.Random, at_ms: int) -> str:
    digits = f"{at_ms:012x}7{rnd.getrandbits(12):03x}{0x8000 | rnd.getrandbits(14):04x}{rnd.getrandbits(48):012x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
