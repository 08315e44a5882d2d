"""
A reverse proxy between pages and the real server, which makes the faults of a network.

Owns faults by site key, and what pages tried to send. What passes is passed on as it came.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from core import wire

_PASSED_ON = ("Content-Type", "Origin", "User-Agent", "Host", "Accept-Encoding")
_NOT_BACK = {"Transfer-Encoding", "Content-Length", "Server", "Date"}


@dataclass
class Faults:
    """What goes wrong with the batches of one site, and which came: (page load, seq) to how often."""

    cut: bool = False  # the connection ends before the server hears of the batch
    answers_lost: int = 0  # so many batches are stored, and their sender is not told
    answers: list[tuple[int, str, str]] = field(default_factory=list)  # status, code, Retry-After
    delay_s: float = 0.0
    sent: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Passes everything on to *target* but what *faults* say of a site's batches."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.faults: dict[str, Faults] = defaultdict(Faults)
        self._http: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the application to serve."""
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/i/{key}", self._batch)
        app.router.add_route("*", "/{path:.*}", self._pass)
        app.cleanup_ctx.append(self._client)
        return app

    async def _client(self, _: web.Application):  # type: ignore[no-untyped-def] -- a generator
        async with aiohttp.ClientSession(auto_decompress=False) as http:
            self._http = http
            yield

    async def _batch(self, request: web.Request) -> web.StreamResponse:
        faults = self.faults[request.match_info["key"]]
        try:
            body = await request.read()
        except (ConnectionError, web.RequestPayloadError):
            return web.Response(status=400)
        head = json.loads(wire.unpack(body, max_head_bytes=1 << 22).head)
        faults.sent[head["page_load"], head["seq"]] += 1
        faults.came.set()
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if faults.cut:
            return _cut(request)
        if faults.answers:
            status, code, after = faults.answers.pop(0)
            headers = {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Retry-After",
                **({"Retry-After": after} if after else {}),
            }
            told = {"ok": False, "code": code, "error": "so the test wants it"}
            return web.json_response(told, status=status, headers=headers)
        answer = await self._pass(request)
        if faults.answers_lost > 0:
            faults.answers_lost -= 1
            return _cut(request)
        return answer

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        assert self._http is not None
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            async with self._http.request(
                request.method,
                self.target + request.path_qs,
                data=io.BytesIO(await request.read()),  # aiohttp warns of large plain bytes
                headers=headers,
            ) as answer:
                kept = {n: v for n, v in answer.headers.items() if n not in _NOT_BACK}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError:
            return _cut(request)


def _cut(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
