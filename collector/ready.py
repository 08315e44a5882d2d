"""
Whether this process should be sent batches: what GET /readyz answers.

Owns asking the store by a write that has to become durable: a full disk reads well.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from core.errors import StoreBusy, StoreError
from core.store import IngestStore

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""One answer serves all who ask within that time: the listener is public, and each asks the disk."""

STOPPING = "stopping"


class Readiness:
    """Asks the store at most once in a while. `stopping` is set before the server stops listening."""

    def __init__(self, store: IngestStore) -> None:
        self.stopping = False
        self._store = store
        self._asking = asyncio.Lock()
        self._asked_s = float("-inf")
        self._problem: str | None = None

    async def problem(self) -> str | None:
        """Return why no batch should come here: `stopping`, `busy`, `failed`; None if they may."""
        if self.stopping:
            return STOPPING
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._asked_s >= EVERY_S:
                self._problem = await self._ask()
                self._asked_s = now_s
        return self._problem

    @property
    def last(self) -> str | None:
        """Return what the last answer was, without asking the disk."""
        return STOPPING if self.stopping else self._problem

    async def handle(self, _: web.Request) -> web.Response:
        """Answer GET /readyz."""
        problem = await self.problem()
        if problem is None:
            return web.json_response({"ok": True})
        told = {"ok": False, "code": problem, "error": _TEXTS[problem]}
        return web.json_response(told, status=503)

    async def _ask(self) -> str | None:
        try:
            await self._store.prove_writable()
        except StoreBusy:
            return "busy"
        except StoreError as error:
            log.error("not ready: %s", error)
            return "failed"
        return None


_TEXTS = {
    STOPPING: "the server is about to stop",
    "busy": "the server has more to write than it can",
    "failed": "the server cannot write; its log says why",
}
