"""The routes below /i/KEY/asset: pages ask whether a font or picture is kept, and hand it in."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from collector.asked import Asked, told
from collector.assets import MAX_ASSET_BYTES, Assets, media_of
from collector.ingest import Ingest, response
from core.errors import Refused, StoreBusy, StoreError
from core.model import AssetKind

HELD_CACHE_S = 86_400
"""How long a browser may remember that an asset is kept: it stays far longer after its last use."""


def add_routes(app: web.Application, ingest: Ingest, assets: Assets) -> None:
    """Add the routes of this module to *app*."""
    routes = _Routes(ingest, assets)
    app.router.add_post("/i/{key}/asset", routes.post)
    app.router.add_get("/i/{key}/asset/{hash:[0-9a-f]{32}}", routes.get)


class _Routes:
    def __init__(self, ingest: Ingest, assets: Assets) -> None:
        self._ingest = ingest
        self._assets = assets

    async def get(self, request: web.Request) -> web.Response:
        """Say whether an asset is kept. Not by a 404: the page's console would show it as an error."""
        asked = self._ingest.asked(request)
        try:
            site = await self._ingest.admitted(asked)
        except Refused as refused:
            return response(self._ingest.refused(asked, refused))
        held = bool(await self._assets.held(site, [request.match_info["hash"]]))
        cache = f"private, max-age={HELD_CACHE_S}" if held else "no-store"
        return _answer(asked, {"ok": True, "stored": held}, cache)

    async def post(self, request: web.Request) -> web.Response:
        """Keep a font or picture and answer with its hash; null if the site's quota is full."""
        asked = self._ingest.asked(request)
        try:
            name = await self._take(request, asked)
        except Refused as error:
            refused = error
        except StoreBusy as busy:
            refused = Refused(503, busy.code, str(busy), retry_after_s=busy.retry_after_s)
        except StoreError:
            refused = Refused(503, "failed", "it could not be stored", retry_after_s=10)
        else:
            return _answer(asked, {"ok": True, "asset": name}, "no-store")
        return response(self._ingest.refused(asked, refused))

    async def _take(self, request: web.Request, asked: Asked) -> str | None:
        site = await self._ingest.admitted(asked)
        kind = request.query.get("kind", "")
        allowed = {"font": site.options.fonts, "image": site.options.images == "capture"}
        if kind not in ("font", "image"):
            raise Refused(400, "bad_asset", "kind is font or image")
        if not allowed[kind]:
            raise Refused(400, "bad_asset", f"this site does not keep {kind}s")
        self._ingest.limits.asset(asked.address)
        content = await self._ingest.body(request, MAX_ASSET_BYTES)
        if len(content) > MAX_ASSET_BYTES:
            raise Refused(413, "too_large", f"an asset has at most {MAX_ASSET_BYTES} bytes")
        media = media_of(kind, content)
        if media is None:
            raise Refused(400, "bad_asset", f"that is no {kind}")
        named: AssetKind = "font" if kind == "font" else "image"
        return await self._assets.put(site, asked.address, named, media, content)


def _answer(asked: Asked, values: dict[str, Any], cache: str) -> web.Response:
    answered = response(told(asked.origin, values))
    answered.headers[hdrs.CACHE_CONTROL] = cache
    return answered
