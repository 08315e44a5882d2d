"""
Makes a session of another tool's recording: read, derived, masked, stored, ended and judged.

A file is looked through to its end before anything of it is stored. The session's id is made of the
file's content, so that the same file is the same session however often it is imported.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from collector.head import Head, HeadReader
from collector.scrub import scrub_recording
from core.errors import StoreFailed, UserError
from core.events import load_schema
from core.model import ChunkInfo, Event, NewBatch, Session, Site, Verdicts
from core.settings import Settings
from core.sqlite import SqliteStore
from core.wire import GZIP
from detector.engine import Engine
from detector.judging import judge_ended
from replay import deep
from replay.derived.masking import Masker
from replay.derived.policy import Policy
from replay.derived.select import Selector, selectors
from replay.derived.walk import Document, Told, derive
from replay.rrwebfile import Recorded, RecordingError, read
from replay.shape import FULL_SNAPSHOT

Data = dict[str, Any]

CHUNK_EVENTS = 2_000
CHUNK_BYTES = 4 * 1024 * 1024
"""About how much one chunk holds: a reader inflates whole chunks."""

KEY = "import"
"""Name of the server's key that the secrets of imported sessions are made of: no browser knows them."""

MAX_EVENTS = 200_000
"""Most events of one document."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A session as it will be stored."""

    session: str
    batches: tuple[NewBatch, ...]
    end_kind: str
    masked: int  # texts that looked like secrets


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. *again*: it was there already."""

    session: Session
    events: int
    flags: tuple[str, ...]
    again: bool


def policy_of(site: Site, *, trusted: bool) -> Policy:
    """Return what of a recording may be shown on *site*; *trusted*: what the file shows may."""
    options = site.options
    found: dict[str, list[Selector]] = {}
    unsure = False
    for name in ("mask", "unmask", "block", "ignore"):
        found[name], whole = selectors(str(getattr(options, name)))
        unsure = unsure or (not whole and name != "unmask")
    return Policy(
        site.privacy,
        trusted=trusted,
        masked=found["mask"],
        unmasked=found["unmask"],
        blocked=found["block"],
        ignored=found["ignore"],
        unsure=unsure,
        params=options.url_params,
    )


def prepare(raw: bytes, site: Site, *, secret: bytes, now_ms: int, trusted: bool) -> Prepared:
    """Return the session that the recording *raw* makes on *site*. Raise RecordingError if it is none."""
    recorded = read(raw)
    policy = policy_of(site, trusted=trusted)
    session = session_id(raw, site, recorded.documents[0].begun)
    told = _own_facts(recorded) or derive(recorded.documents, policy)
    attributes = {**_attributes(recorded.about), "site": site.name, "imported": True}
    reader = HeadReader(load_schema(), max_events=MAX_EVENTS)
    hidden = hashlib.blake2b(session.encode(), key=secret, digest_size=16).digest()
    masked = 0
    batches: list[NewBatch] = []
    for number, (document, facts) in enumerate(zip(recorded.documents, told, strict=True)):
        load = _id(session, f"load {number}")
        head = _head(reader, session, load, _id(session, f"tab {document.tab}"), facts)
        events, hits = _kept(document, policy)
        masked += hits + head.masked
        batches += _batches(site, head, document, events, attributes, hidden, now_ms)
    end = recorded.about.get("ended")
    kind = end if end in ("left", "idle", "ended") else "left"
    return Prepared(session, tuple(batches), kind, masked)


async def store_session(
    store: SqliteStore,
    site: Site,
    prepared: Prepared,
    engine: Callable[[], Engine],
    settings: Settings,
) -> Imported:
    """Store *prepared*, end it and judge it by *engine*. What is there already is not stored twice."""
    known = await store.session(prepared.session)
    stored = sum(load.batches for load in await store.page_loads(prepared.session)) if known else 0
    if known is not None and known.ended_ms is not None and stored >= len(prepared.batches):
        flags = tuple(flag.rule for flag in await store.flags(known.id))
        return Imported(known, known.events, flags, again=True)
    judge = engine()  # before anything is stored: its rule files may be broken
    for batch in prepared.batches:
        answer = await store.append(batch)
        if answer.status not in ("stored", "duplicate"):
            raise UserError(_WHY.get(answer.status, f"it could not be stored: {answer.status}"))
    await store.end_session(prepared.session, prepared.end_kind)
    session = await store.session(prepared.session)
    if session is None:
        raise StoreFailed("the session is not there after it was stored")
    flags = await _judge(store, site, session, judge, settings)
    return Imported(session, session.events, flags, again=False)


_WHY = {
    "erased": "this visit was erased here, and stays so",
    "conflict": "a part of it was imported by another version of Stolper: erase that session first",
    "forbidden": "a session of this id is there that was not imported",
}


async def _judge(
    store: SqliteStore, site: Site, session: Session, engine: Engine, settings: Settings
) -> tuple[str, ...]:
    """Judge the ended *session* by the rules in force, as the server does; return which flagged."""
    judged = judge_ended(
        engine,
        session,
        await store.batches(session.id),
        flush_ms=settings.collector.flush_ms,
        idle_timeout_ms=site.idle_timeout_ms,
    )
    verdicts = Verdicts(
        session.id, 0, judged.flags, replace=True, truncated=judged.truncated, final=True,
        score=judged.score,
    )  # fmt: skip
    await store.commit_verdicts([verdicts])
    return tuple(flag.rule for flag in judged.flags)


def session_id(raw: bytes, site: Site, begun_ms: float) -> str:
    """Return the id of the session that *raw* makes on *site*: a UUIDv7 of its begin and content."""
    digest = hashlib.sha256(site.key.encode() + b"\0" + raw).digest()
    number = int(begun_ms) << 80 | int.from_bytes(digest[:10], "big")
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=number))


def _id(session: str, what: str) -> str:
    """Return an id of 22 characters for a part of *session*."""
    digest = hashlib.sha256(f"{session} {what}".encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _own_facts(recorded: Recorded) -> list[Told] | None:
    """Return the events that Stolper exported with the recording; None if it was another tool."""
    if not recorded.about or not any(recorded.facts.get(load) for load in recorded.loads):
        return None
    loads = recorded.about.get("loads")
    known = {
        str(one["load"]): one
        for one in (loads if isinstance(loads, list) else [])
        if isinstance(one, dict) and "load" in one
    }
    told = []
    for document, load in zip(recorded.documents, recorded.loads, strict=True):
        about = known.get(load, {})
        origin = about.get("origin")
        if not isinstance(origin, int | float):
            raise RecordingError(
                f"its document {load} has no origin: it was changed since its export"
            )
        document.told = float(origin)
        events = [one["event"] for one in recorded.facts.get(load, ())]
        page = about.get("page")
        told.append(Told(events, page if isinstance(page, dict) else {}))
    return told


def _attributes(about: Data) -> Data:
    """Return the attributes that an exported session had, as far as they are what they should be."""
    given = about.get("attributes")
    schema = load_schema().session
    return {
        name: value
        for name, value in (given if isinstance(given, dict) else {}).items()
        if name in schema and schema[name].type.accepts(value) and len(str(value)) <= 120
    }


def _head(reader: HeadReader, session: str, load: str, tab: str, told: Told) -> Head:
    """Return the checked head of a document's events: what any browser sends goes the same way."""
    targets: list[Data] = []
    events = []
    for event in told.events:
        target = event.get("target")
        if isinstance(target, dict):
            event = {**event, "target": len(targets)}
            targets.append(target)
        events.append(event)
    head = {
        "session": session,
        "secret": "A" * 22,
        "page_load": load,
        "tab": tab,
        "seq": 0,
        "events": events,
        "targets": targets,
        "page": told.page,
    }
    return reader.read(orjson.dumps(head))


def _kept(document: Document, policy: Policy) -> tuple[list[Data], int]:
    """Return the events of *document* as they are kept, and how many secrets were masked in them."""
    origin = document.origin
    events = [
        {**event, "timestamp": max(0.0, float(event["timestamp"]) - origin)}
        for event in Masker(policy).masked(document.events)
    ]
    hits = scrub_recording(events, deep.dumps(events))
    return events, hits.total()


def _batches(
    site: Site,
    head: Head,
    document: Document,
    events: Sequence[Data],
    attributes: Data,
    secret: bytes,
    now_ms: int,
) -> Iterator[NewBatch]:
    """Give the batches of a document: its events with the first chunk, then the other chunks."""
    chunks = [*_chunks(events)]
    for seq, (info, chunk) in enumerate(chunks):
        told: list[Event] = head.events if seq == 0 else []
        digest = hashlib.blake2b(deep.dumps(told) + chunk, digest_size=16).digest()
        yield NewBatch(
            site=site.key,
            session=head.session,
            secret_hash=hashlib.sha256(secret).digest(),
            page_load=head.page_load,
            tab=head.tab,
            seq=seq,
            digest=digest,
            received_ms=now_ms,
            origin_ms=document.origin,
            events=told,
            void=head.void if seq == 0 else (),
            attributes=attributes,
            visitor=None,
            identity=None,
            page=head.page,
            gaps=(),
            chunk=chunk,
            chunk_info=info,
            last=seq == len(chunks) - 1,
        )


def _chunks(events: Sequence[Data]) -> Iterator[tuple[ChunkInfo, bytes]]:
    """Give *events* in chunks, compressed: the same bytes for the same events."""
    at = 0
    while at < len(events):
        parts: list[bytes] = []
        size = 0
        begin = at
        while at < len(events) and len(parts) < CHUNK_EVENTS and size < CHUNK_BYTES:
            parts.append(deep.dumps(events[at]))
            size += len(parts[-1])
            at += 1
        some = events[begin:at]
        info = ChunkInfo(
            len(parts),
            some[0]["timestamp"],
            some[-1]["timestamp"],
            any(one["type"] == FULL_SNAPSHOT for one in some),
            GZIP,
        )
        yield info, gzip.compress(b"[" + b",".join(parts) + b"]", mtime=0)


async def secret_of(store: SqliteStore) -> bytes:
    """Return the server's key for the secrets of imported sessions."""
    return await store.server_key(KEY)
