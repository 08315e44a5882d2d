"""What the collector's tests share: heads, batches, a running collector."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from core import wire
from core.model import Site, StoredBatch
from core.store import Store
from tests.core.support import NOON, ManualClock

ORIGIN = "https://shop.example"
SITE = Site("siteKey1", "shop", (ORIGIN,), "full", "standard", 30 * 60_000, NOON)
COOKIELESS = Site("siteKey2", "blog", (ORIGIN,), "cookieless", "strict", 60_000, NOON)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TARGET = {"key": "#pay", "tag": "button", "label": "Pay", "path": [{"tag": "button", "id": "pay"}]}


def session_id(n: int = 1) -> str:
    """Return the n-th session id of the tests."""
    return f"01933333-0000-7000-8000-{n:012x}"


def click(i: int = 0, t: float = 100, **fields: Any) -> dict[str, Any]:
    """Return a click as the snippet sends it."""
    return {"i": i, "t": t, "type": "click", "view": 0, "path": "/pay", "target": 0, **fields}


def head(n: int = 1, seq: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a head as the snippet makes it; None as a value takes the key out."""
    made: dict[str, Any] = {
        "session": session_id(n),
        "secret": "s" * 22,
        "page_load": "page-load-0000001",
        "tab": "tab-0000000000001",
        "seq": seq,
        "targets": [TARGET],
        "events": [click(seq, 100 + seq)],
        "void": [],
        "chunk": {"count": 2, "first_t": 10, "last_t": 90, "snapshot": True},
        "gaps": [],
        "attributes": {"language": "de"},
        "page": {"path": "/pay", "width": 800},
        "snippet": {"version": "0.1.0", "errors": 0},
        "last": False,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def body(of: dict[str, Any] | bytes | None = None, chunk: bytes = b"[1,2]", **how: Any) -> bytes:
    """Return a framed batch of a head (or of its bytes)."""
    of = head() if of is None else of
    raw = of if isinstance(of, bytes) else json.dumps(of).encode()
    return wire.pack(raw, chunk, **{"sent_t": 1000, **how})


class Collector:
    """A running collector and what came of it."""

    def __init__(
        self,
        client: TestClient[web.Request, web.Application],
        store: Store,
        clock: ManualClock,
        heard: list[StoredBatch],
        watched: set[str],
    ) -> None:
        self.client = client
        self.store = store
        self.clock = clock
        self.heard = heard
        self.watched = watched

    async def post(
        self, data: bytes | None = None, key: str = SITE.key, **headers: str
    ) -> ClientResponse:
        """Send a batch as a page of ORIGIN does."""
        return await self.client.post(
            f"/i/{key}",
            data=body() if data is None else data,
            headers={
                "Origin": ORIGIN,
                "Content-Type": "text/plain;charset=UTF-8",
                "User-Agent": FIREFOX,
                **headers,
            },
        )

    async def refused(self, data: bytes, key: str = SITE.key, **headers: str) -> tuple[int, str]:
        """Send a batch that is refused; return status and code, after checking the shape."""
        answer = await self.post(data, key, **headers)
        said = await answer.json()
        assert {"ok", "code", "error"} == set(said)
        assert said["ok"] is False
        assert said["error"]
        return answer.status, said["code"]


Start = Callable[..., Any]
