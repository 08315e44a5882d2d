"""
Batches as the snippet sends them, of visits that are all different, for the bench of ingest.

Heads hold the events of bench/visits.py; chunks are recordings with the shape of rrweb's events.
Both are compressed, as browsers do it. Seeded: the same number gives the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bench.visits import visit
from core import wire

KEY = "bench-site-key-0000001"
ORIGIN = "https://shop.example"
PAGES = 2
"""Page loads of a visit."""

PER_PAGE = 10
"""Batches of a page load: it is looked at for about a minute."""

RESENT = 0.02
"""Share of batches that are sent a second time: their answer came too late or never."""

_TEXT = (
    "basket address payment deliver order choose size colour parcel return total voucher customer"
    " account search result filter offer price stock reduce later remove change confirm number"
)
_WORDS = _TEXT.split()
_POOL = 40
"""Recordings of each size; what differs in every batch is its head."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A framed batch, and whether it was sent before."""

    body: bytes
    again: bool


def mutations(rnd: random.Random, gzip_bytes: int) -> list[dict[str, Any]]:
    """Return recorded changes of a page that take about *gzip_bytes* compressed."""
    events: list[dict[str, Any]] = []
    t, node = 100, 1000
    while len(gzip.compress(_json(events), 6)) < gzip_bytes:
        for _ in range(max(1, gzip_bytes // 900)):
            t += rnd.randint(10, 400)
            node += 3
            text = " ".join(rnd.choice(_WORDS) for _ in range(rnd.randint(2, 12)))
            child = {"type": 3, "textContent": text, "id": node + 1}
            attributes = {"class": f"row {rnd.choice(_WORDS)} n{rnd.randint(0, 999)}"}
            element = {"type": 2, "tagName": "div", "attributes": attributes, "id": node}
            element["childNodes"] = [child]
            change = {"id": rnd.randint(1, node), "attributes": {"style": {"height": f"{node}px"}}}
            data = {"source": 0, "texts": [], "removes": [], "attributes": [change]}
            data["adds"] = [{"parentId": rnd.randint(1, node), "nextId": None, "node": element}]
            events.append({"type": 3, "timestamp": t, "data": data})
            moves = [
                {"x": rnd.randint(0, 1400), "y": rnd.randint(0, 900), "id": node, "timeOffset": -n}
                for n in range(0, 500, 100)
            ]
            events.append({"type": 3, "timestamp": t, "data": {"source": 1, "positions": moves}})
    return events


@lru_cache(maxsize=4)
def _chunks(size: int) -> list[tuple[list[dict[str, Any]], bytes]]:
    """Return recordings of about *size* bytes, and compressed: making them takes longest."""
    pool = [mutations(random.Random(n), size) for n in range(_POOL)]
    return [(events, gzip.compress(_json(events), 6)) for events in pool]


def bodies(first_visit: int, count: int, size: int) -> Iterator[Batch]:
    """Yield *count* batches of about *size* bytes, visit by visit from *first_visit* on."""
    events_each = 3 if size < 8000 else 10
    head_bytes = 560 if size < 8000 else 1500
    chunks = _chunks(size - head_bytes)
    rnd = random.Random(first_visit)
    number, made = first_visit, 0
    while made < count:
        for head in _heads(number, events_each):
            events, chunk = chunks[rnd.randrange(_POOL)]
            head["chunk"] = {
                "count": len(events), "first_t": 100, "last_t": events[-1]["timestamp"],
                "snapshot": head["seq"] == 0,
            }  # fmt: skip
            raw = _json(head)
            body = wire.pack(raw, chunk, sent_t=made, gzip_head=True, chunk_encoding=wire.GZIP)
            yield Batch(body, False)
            made += 1
            if rnd.random() < RESENT and made < count:
                yield Batch(body[:4] + (made + 9).to_bytes(4, "big") + body[8:], True)
                made += 1
            if made >= count:
                return
        number += 1


def clarity_bodies(first_visit: int, count: int, size: int, key: str) -> Iterator[bytes]:
    """Yield *count* uploads of about *size* bytes of such recordings as oss-clarity's recorder sends them."""
    rnd = random.Random(size)
    pool = [mutations(rnd, size - 200) for _ in range(_POOL)]
    for made in range(count):
        visit_, at = divmod(made, PAGES * PER_PAGE)
        page, seq = divmod(at, PER_PAGE)
        payload = {
            "key": key,
            "session_id": f"session-{first_visit + visit_}",
            "visitor_id": f"visitor-{first_visit + visit_}",
            "page_id": f"page-{first_visit + visit_}-{page}",
            "page_seq": page,
            "chunk_seq": seq,
            "url": f"{ORIGIN}/list",
            "events": pool[rnd.randrange(_POOL)],
        }
        yield gzip.compress(_json(payload), 6)


def _heads(number: int, events_each: int) -> Iterator[dict[str, Any]]:
    """Yield the heads of one visit."""
    events = visit(number, PAGES * PER_PAGE * events_each)
    digest = hashlib.sha256(b"%d" % number).digest()
    hexes, ids = digest.hex(), base64.urlsafe_b64encode(digest + digest).decode()
    for page in range(PAGES):
        for seq in range(PER_PAGE):
            at = (page * PER_PAGE + seq) * events_each
            targets: list[Any] = []
            sent = [_sent(event, at, targets) for event in events[at : at + events_each]]
            head: dict[str, Any] = {
                "session": f"{hexes[:8]}-{hexes[8:12]}-7{hexes[12:15]}-8{hexes[15:18]}-{hexes[18:30]}",
                "secret": ids[:22],
                "page_load": f"{page}{ids[30:50]}",
                "tab": ids[10:30],
                "seq": seq,
                "targets": targets,
                "events": [{**event, "i": seq * events_each + n} for n, event in enumerate(sent)],
                "snippet": {"version": "0.1.0"},
                "visitor": ids[20:45],
            }
            if seq == 0:
                head["attributes"] = {"language": "de-DE"}
                head["page"] = {"path": "/", "width": 1280, "height": 720, "dpr": 1}
            if seq == PER_PAGE - 1:
                head["last"] = True
            yield head


def _sent(event: dict[str, Any], at: int, targets: list[Any]) -> dict[str, Any]:
    """Return *event* as the snippet sends it; its target goes to *targets*."""
    sent = {k: v for k, v in event.items() if k not in ("ts", "page_load", "tab")}
    for name, value in sent.items():
        if (
            type(value) is float
        ):  # the snippet rounds; a row of decimals would be looked at as a card
            sent[name] = round(value) if name == "t" or name.endswith("_ms") else round(value, 1)
    if "target" in sent:
        if sent["target"] not in targets:
            targets.append(sent["target"])
        sent["target"] = targets.index(sent["target"])
    if isinstance(sent.get("click"), int):
        sent["click"] = max(0, sent["click"] - at)
    return sent


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
