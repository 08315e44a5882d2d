"""
Where everything that is recorded ends: on this machine.

Counts the bytes that arrive, by visit; answers what a peer has to hear before it records; passes on
to a real collector what is for Stolper.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter

import aiohttp
from aiohttp import web

_POSTHOG = {
    "config": {"enable_collect_everything": False},
    "flags": {},
    "featureFlags": {},
    "supportedCompression": ["gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": {
        "endpoint": "/s/",
        "sampleRate": None,
        "scriptConfig": {"script": "posthog-recorder"},
    },
}
_OPENREPLAY = {
    "token": "bench",
    "userUUID": "00000000-0000-4000-8000-000000000000",
    "sessionID": "1",
    "projectID": "1",
    "delay": 0,
    "beaconSizeLimit": 1_000_000,
    "compressionThreshold": 24_000,
    "startTimestamp": 0,
    "userBrowser": "",
    "userOS": "",
    "userDevice": "",
    "userCountry": "",
    "userState": "",
    "userCity": "",
    "canvasEnabled": False,
    "features": {},
    "lean": False,
}
_VISIT = re.compile(r"/v(\d+)(/.*)")
_PASSED = ("Content-Type", "Origin", "User-Agent", "Accept-Encoding")


class Sink:
    """The receiving application; `collector` is where Stolper's requests go."""

    def __init__(self) -> None:
        self.sent: Counter[int] = Counter()
        """Bytes of bodies by visit; Stolper's, whose address is the same for all, under 0."""
        self._last = time.monotonic()
        self.collector = ""
        self._http: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=50_000_000)
        app.router.add_route("*", "/stolper/{path:.*}", self._pass_on)
        app.router.add_route("*", "/{path:.*}", self._take)
        app.on_cleanup.append(self._close)
        return app

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has arrived for *seconds*, and at least that long."""
        left = seconds
        while left > 0:
            await asyncio.sleep(left)
            left = self._last + seconds - time.monotonic()

    async def _close(self, _: web.Application) -> None:
        if self._http is not None:
            await self._http.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._last = time.monotonic()
        self.sent[0] += len(body)
        self._http = self._http or aiohttp.ClientSession(auto_decompress=False)
        async with self._http.request(
            request.method,
            f"{self.collector}/{request.match_info['path']}",
            data=body or None,
            headers={name: request.headers[name] for name in _PASSED if name in request.headers},
        ) as answer:
            text = await answer.read()
            dropped = ("Transfer-Encoding", "Content-Length", "Connection")
            headers = {k: v for k, v in answer.headers.items() if k not in dropped}
            return web.Response(body=text, status=answer.status, headers=headers)

    async def _take(self, request: web.Request) -> web.Response:
        found = _VISIT.fullmatch(request.path)
        body = await request.read()
        self._last = time.monotonic()
        headers = {
            "Access-Control-Allow-Origin": request.headers.get("Origin", "*"),
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": request.headers.get(
                "Access-Control-Request-Headers", "*"
            ),
            "Access-Control-Allow-Methods": "GET, POST, PUT, OPTIONS",
        }
        if not found:
            return web.Response(status=404, headers=headers)
        visit, path = int(found[1]), found[2]
        self.sent[visit] += len(body)
        if path.startswith("/posthog/"):
            wants = "flags" in path or "config" in path
            return web.json_response(_POSTHOG if wants else {"status": 1}, headers=headers)
        if path.endswith("/v1/web/start"):
            started = {**_OPENREPLAY, "startTimestamp": int(time.time() * 1000)}
            return web.json_response(started, headers=headers)
        return web.json_response({}, headers=headers)
