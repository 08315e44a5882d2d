"""What the store's tests share: a clock that stands still, batches, flags."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from core.model import (
    ChunkInfo,
    Event,
    Evidence,
    Flag,
    NewBatch,
    Session,
    Site,
    StoredBatch,
)
from core.store import Store

NOON = 1_800_000_000_000
"""A moment: 2027-01-15 08:00 UTC."""

SITE = Site(
    key="siteKey1",
    name="shop",
    origins=("https://shop.example",),
    mode="full",
    privacy="standard",
    idle_timeout_ms=30 * 60_000,
    created_ms=NOON,
)


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self, now_ms: int = NOON) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        """Return the time it was set to."""
        return self.now

    def advance(self, ms: int) -> None:
        """Go on by *ms*."""
        self.now += ms


def event(i: int, t: float, type_: str = "click", path: str = "/", **fields: Any) -> Event:
    """Return an event as the collector hands it to the store."""
    return {"i": i, "t": t, "type": type_, "path": path, "view": 0, **fields}


def batch(
    session: str = "session-a",
    seq: int = 0,
    *,
    page_load: str = "load-1",
    events: list[Event] | None = None,
    chunk: bytes | None = None,
    **changes: Any,
) -> NewBatch:
    """Return a batch with one click and a chunk that names its place."""
    body = f"{session}/{page_load}/{seq}".encode()
    if chunk is None:
        chunk = b"chunk of " + body
    new = NewBatch(
        site=SITE.key,
        session=session,
        secret_hash=b"secret of " + session.encode(),
        page_load=page_load,
        tab="tab-1",
        seq=seq,
        digest=hashlib.blake2b(body, digest_size=16).digest(),
        received_ms=NOON + 1000 * seq,
        origin_ms=float(NOON - 10_000),
        events=[event(seq, 1000.0 * seq)] if events is None else events,
        void=(),
        attributes={"browser": "Firefox"},
        visitor=None,
        identity=None,
        page={"path": "/"},
        gaps=(),
        chunk=chunk,
        chunk_info=ChunkInfo(1, 0.0, 1.0, seq == 0, 1) if chunk else None,
    )
    return dataclasses.replace(new, **changes)


def flag(id_: str = "flag-1", session: str = "session-a", **changes: Any) -> Flag:
    """Return a flag on #pay."""
    new = Flag(
        id=id_,
        session=session,
        site=SITE.key,
        rule="rage_click",
        version="v1",
        group="#pay",
        nth=0,
        title={"en": "Rage click", "de": "Wutklick"},
        severity="high",
        weight=4.0,
        at_ms=NOON + 500.5,
        first_ms=NOON + 0.5,
        until_ms=NOON + 500.5,
        hits=4,
        page="/checkout",
        target={"key": "#pay", "selector": "#pay", "label": "Pay", "node": 12},
        tab="tab-1",
        page_load="load-1",
        evidence=(Evidence("load-1:0", NOON + 0.5, "click", "/checkout"),),
        captures={"status": 500},
        provisional=True,
    )
    return dataclasses.replace(new, **changes)


async def stored(store: Store, *batches: object) -> list[StoredBatch]:
    """Append *batches*, each of which must be stored."""
    done = [await store.append(b) for b in batches]  # type: ignore[arg-type] -- NewBatch
    assert ["stored"] * len(batches) == [a.status for a in done]
    return [a.batch for a in done if a.batch is not None]


async def session_of(store: Store, id_: str = "session-a") -> Session:
    """Return a session that must be there."""
    session = await store.session(id_)
    assert session is not None
    return session


# Sites and keys
