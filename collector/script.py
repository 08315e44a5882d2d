"""
Hands out the snippet: the loader with a site's configuration in it, and the recorder.

Leaves building these files to snippet/build.mjs; without them it says which command is missing.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import hdrs, web

from collector import canary
from collector.assets import Assets
from collector.ingest import Ingest
from collector.proxies import Proxies
from collector.sites import Sites
from collector.tally import Tally
from core.errors import Refused
from core.health import SERVER, What
from core.model import Site
from core.settings import Settings

PLACE = '"__STOLPER_CONFIG__"'
"""What the loader holds where the configuration goes."""

LOADER_CACHE_S = 300
KEPT_COMPRESSED = 256
"""Compressed loaders and configurations in memory: about 1 KB each, one a site and host."""

_PART = re.compile(r"[a-z]{1,20}\.[A-Za-z0-9_-]{1,64}\.js")
_MISSING = "the snippet is not built here: run `make build` (or install a wheel)"
_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _Built:
    made_ns: int
    loader: str
    recorder: str
    parts: dict[str, str]  # files that only some sites load, by name


def built_version(folder: Path) -> str:
    """Return the version of the snippet that is built in *folder*; "" if none is."""
    try:
        return str(orjson.loads((folder / "manifest.json").read_bytes())["version"])
    except (OSError, ValueError, KeyError):
        return ""


class Script:
    """The routes below /s/."""

    def __init__(
        self,
        folder: Path,
        sites: Sites,
        settings: Settings,
        proxies: Proxies,
        assets: Assets,
        tally: Tally,
        ingest: Ingest,
        kept: Path | None = None,
    ) -> None:
        """*folder* holds the built files, *kept* those of earlier versions."""
        self._folder = folder
        self._kept = kept
        self._sites = sites
        self._settings = settings
        self._proxies = proxies
        self._assets = assets
        self._tally = tally
        self._ingest = ingest
        self._built: _Built | None = None

    async def loader(self, request: web.Request) -> web.Response:
        """Answer /s/KEY.js."""
        built = self._read()
        if built is None:
            return _unavailable()
        config = await self._config(request, built)
        if isinstance(config, web.Response):
            return config
        text = built.loader.replace(PLACE, _inline(config), 1)
        return self._answer(request, text.encode(), "text/javascript")

    async def config(self, request: web.Request) -> web.Response:
        """Answer /s/KEY.json, for a loader that is pinned by its hash."""
        built = self._read()
        if built is None:
            return _unavailable()
        config = await self._config(request, built)
        if isinstance(config, web.Response):
            return config
        return self._answer(request, orjson.dumps(config), "application/json")

    async def recorder(self, request: web.Request) -> web.StreamResponse:
        """
        Answer /s/PART.HASH.js, the recorder above all: this one, or an older one that cached
        loaders ask for.

        aiohttp sends the file that the build compressed beside it, if the browser takes that.
        """
        name = f"{request.match_info['part']}.{request.match_info['hash']}.js"
        path = self._folder / name
        if self._kept is not None and not path.is_file():
            path = self._kept / name
        if not _PART.fullmatch(name) or not path.is_file():
            self._count("unknown_recorder")
            return _problem(404, "unknown_recorder", "there is no such recorder here")
        return web.FileResponse(
            path,
            headers={
                **_SHARED,
                "Content-Type": "text/javascript; charset=utf-8",
                "Cache-Control": "public, max-age=31536000, immutable",
                "Vary": "Accept-Encoding",
            },
        )

    async def _config(self, request: web.Request, built: _Built) -> dict[str, Any] | web.Response:
        key = request.match_info["key"]
        visit = not canary.claimed(request.headers.get(hdrs.USER_AGENT, ""))
        try:
            site = await self._sites.asked(key, self._ingest.address_of(request))
        except Refused as refused:
            self._count(refused.code)
            if visit and refused.status == 404:
                self._tally.add(SERVER, "unknown_key", f"{_page_origin(request)} {key[:64]}")
            return _problem(refused.status, refused.code, refused.reason, refused.retry_after_s)
        base = self._settings.server.public_url.rstrip("/") or self._proxies.base_url(request)
        if base is None:
            self._count("bad_host")
            return _problem(400, "bad_host", "the Host header names no host")
        if visit:
            what: What = "loader" if site.options.enabled else "loader_off"
            self._tally.add(site.key, what, _page_origin(request))
        values = self._values(site, base, built)
        if named := await self._assets.named(site):
            values["assets"] = named
        return values

    def _count(self, code: str) -> None:
        self._ingest.counters[f"refused_{code}"] += 1

    def _answer(self, request: web.Request, body: bytes, content_type: str) -> web.Response:
        """Return *body*, compressed if the browser takes that."""
        headers = self._headers()
        if _takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            body = _compressed(body)
        return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)

    def _headers(self) -> dict[str, str]:
        """Return the headers of what holds the own URL: unless set, that is as the request says."""
        if self._settings.server.public_url:
            reach, vary = "public", "Accept-Encoding"
        else:
            reach, vary = "private", "Host, Accept-Encoding"
        return {**_SHARED, "Cache-Control": f"{reach}, max-age={LOADER_CACHE_S}", "Vary": vary}

    def _values(self, site: Site, base: str, built: _Built) -> dict[str, Any]:
        values = {
            "key": site.key,
            "base": base,
            "recorder": f"/s/{built.recorder}",
            "mode": site.mode,
            "privacy": site.privacy,
            "idle_timeout_ms": site.idle_timeout_ms,
            "flush_ms": self._settings.collector.flush_ms,
        }
        if options := site.options.for_browser():
            values["options"] = options
        wanted = {
            "canvas": site.options.canvas,
            "images": site.options.images != "allow",
            "code": site.options.code_button != "none",
        }
        if parts := [f"/s/{built.parts[name]}" for name, on in wanted.items() if on]:
            values["parts"] = parts
        return values

    def _read(self) -> _Built | None:
        """Return the built files; read again when the manifest has changed."""
        manifest = self._folder / "manifest.json"
        try:
            made_ns = manifest.stat().st_mtime_ns
            if self._built is None or self._built.made_ns != made_ns:
                names = orjson.loads(manifest.read_bytes())
                files = [names["recorder"], *names["parts"].values()]
                loader = (self._folder / names["loader"]).read_text(encoding="utf-8")
                if PLACE not in loader or not all(map(_PART.fullmatch, files)):
                    return None
                self._built = _Built(made_ns, loader, names["recorder"], names["parts"])
        except (OSError, ValueError, KeyError):
            return None
        return self._built


def _page_origin(request: web.Request) -> str:
    """Return the origin of the page that asks, as far as it says so; "?" where it does not."""
    match = re.match(r"https?://[A-Za-z0-9.:\[\]-]{1,120}", request.headers.get(hdrs.REFERER, ""))
    return match[0].lower() if match else "?"


def _takes_gzip(request: web.Request) -> bool:
    """Return whether the browser takes gzip; one that refuses it (`gzip;q=0`) does not."""
    named = re.search(
        r"(?:^|[,\s])gzip(?:\s*;\s*q=([0-9.]+))?\s*(?:,|$)",
        request.headers.get("Accept-Encoding", "").lower(),
    )
    return named is not None and (named[1] is None or named[1].strip("0.") != "")


@lru_cache(maxsize=KEPT_COMPRESSED)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=9, mtime=0)


def _inline(config: dict[str, Any]) -> str:
    """Return *config* as JSON that can stand inside a script, also one inlined in a page."""
    text = orjson.dumps(config).decode().replace("</", "<\\/").replace("<!--", "<\\!--")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _unavailable() -> web.Response:
    return _problem(503, "not_built", _MISSING)


def _problem(status: int, code: str, error: str, retry_after_s: int | None = None) -> web.Response:
    headers = {**_SHARED, "Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return web.json_response(
        {"ok": False, "code": code, "error": error}, status=status, headers=headers
    )
