"""
Sends through the public address what pages send, and compares what arrives.

No browser: loader and recorder are fetched as one would, bodies go to /i/KEY/probe
(docs/wire-format.md), which answers with what has come of them. Nothing of it is counted.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from collector import canary
from core.model import Site
from core.settings import Settings
from core.wire import GZIP, pack
from stolper.doctor.told import Told
from stolper.embedded import configuration

TIMEOUT_S = 20
USER_AGENT = f"stolper-doctor {canary.WORD}way"
TYPE = "text/plain;charset=UTF-8"  # what the snippet sends
SMALL_BYTES = 2_000
GZIP_MAGIC = b"\x1f\x8b"
_PROXY = "Look at what stands between: reverse proxy, CDN, firewall, load balancer."


@dataclass(frozen=True, slots=True)
class Way:
    """Where browsers reach the server on these *settings*, and which one should answer."""

    base: str
    server_id: str  # "" if it is not known
    settings: Settings


async def examine(way: Way, sites: list[Site]) -> list[Told]:
    """Try the way to each of *sites*; what concerns the server alone is told once."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, headers={"User-Agent": USER_AGENT}
    ) as http:
        told = [one async for one in _probe(http, way, sites[0].key if sites else "none")]
        if any(one.code in ("unreachable", "other_server") for one in told):
            return told
        for site in sites:
            told += [one async for one in _script(http, way, site)]
    return told


async def _probe(http: aiohttp.ClientSession, way: Way, key: str) -> AsyncIterator[Told]:
    """Send a usual batch's bytes and a large body, and tell what does not arrive as it was sent."""
    small = pack(
        b'{"probe":true}', random.randbytes(SMALL_BYTES), gzip_head=True, chunk_encoding=GZIP
    )
    try:
        told = await _sent(http, way, key, small)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        yield _unreachable(way, error)
        return
    if told is None or (way.server_id and told.get("server") != way.server_id):
        yield Told(
            "other_server",
            True,
            f"{way.base} leads to "
            + ("something that is no Stolper." if told is None else "another server than this."),
            "Compare where it leads with server.public: the name's address, the proxy's target. Posts"
            " to /i/ must pass unchanged. If browsers use another address, set server.public_url.",
        )
        return
    if _differs(told, small):
        yield _changed(way, told, small)
        return
    if told.get("forwarded") == "ignored":
        yield Told(
            "proxy_untrusted",
            False,
            "Requests come through a proxy that is not trusted: all visitors count as one address.",
            "Name its address in server.trusted_proxies (docs/operating.md), else limits refuse many"
            " visitors at once.",
        )
    large = random.randbytes(way.settings.collector.max_body_bytes)
    try:
        told = await _sent(http, way, key, large)
    except (aiohttp.ClientError, TimeoutError, OSError):
        told = None
    if told is None or _differs(told, large):
        yield Told(
            "body_limit",
            False,
            f"A batch of {len(large)} bytes does not arrive: large pages have no picture.",
            "Raise the proxy's limit (nginx: client_max_body_size) to collector.max_body_bytes.",
        )


async def _sent(
    http: aiohttp.ClientSession, way: Way, key: str, body: bytes
) -> dict[str, Any] | None:
    """Return what the server says of *body*; None if no Stolper answers."""
    url = f"{way.base}/i/{key}/probe"
    async with http.post(url, data=io.BytesIO(body), headers={"Content-Type": TYPE}) as answer:
        try:
            raw = await answer.read()
            told = orjson.loads(gzip.decompress(raw) if raw[:2] == GZIP_MAGIC else raw)
        except (ValueError, OSError, aiohttp.ClientError):
            return None
    return told if type(told) is dict and "sha256" in told else None


def _differs(told: dict[str, Any], body: bytes) -> bool:
    return bool(told.get("sha256") != hashlib.sha256(body).hexdigest())


def _changed(way: Way, told: dict[str, Any], body: bytes) -> Told:
    arrived = int(told.get("bytes", 0))
    what = (
        f"{way.base} loses what is sent: of {len(body)} bytes none arrived."
        if not arrived
        else f"{way.base} changes what is sent: {len(body)} bytes went, {arrived} came, and differ."
    )
    return Told(
        "body_changed",
        True,
        what,
        _PROXY + " Posts to /i/ must pass as they are: no rewriting, no decoding, no scanning that"
        " drops the body.",
    )


def _unreachable(way: Way, error: BaseException) -> Told:
    return Told(
        "unreachable",
        True,
        f"{way.base} cannot be reached from here: {str(error) or type(error).__name__}.",
        "Does the name lead here, is the certificate good, does the proxy run? If browsers use"
        " another address, name it: stolper doctor --url URL, or server.public_url.",
    )


async def _script(http: aiohttp.ClientSession, way: Way, site: Site) -> AsyncIterator[Told]:
    """Fetch the loader of *site* and the recorder that it names."""
    loader = await _fetched(http, f"{way.base}/s/{site.key}.js")
    if loader.problem:
        yield _bad_file(site, loader)
        return
    config = configuration(loader.text)
    if config is None:
        yield _bad_file(site, _File(loader.url, "", "it is not the loader that was sent"))
        return
    if way.base.startswith("https:") and str(config.get("base", "")).startswith("http:"):
        yield Told(
            "mixed_content",
            True,
            "Pages come by https, but the script sends by http: browsers block that.",
            f"Set server.public_url to {way.base}, or let the proxy pass X-Forwarded-Proto and name"
            " its address in server.trusted_proxies.",
            site.name,
        )
    recorder = await _fetched(http, f"{way.base}{config['recorder']}")
    if recorder.problem:
        yield _bad_file(site, recorder)


@dataclass(frozen=True, slots=True)
class _File:
    url: str
    text: str
    problem: str


async def _fetched(http: aiohttp.ClientSession, url: str) -> _File:
    """Fetch *url* as a browser does, and read it by what its headers say."""
    try:
        async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            raw = await answer.read()
            status, kind = answer.status, answer.headers.get("Content-Type", "")
            encoding = answer.headers.get("Content-Encoding", "")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _File(url, "", f"it cannot be fetched ({error or type(error).__name__})")
    if status != 200:
        return _File(url, "", f"the answer is {status}")
    return _File(url, *read_script(raw, kind, encoding))


def read_script(raw: bytes, kind: str, encoding: str) -> tuple[str, str]:
    """Return the script's text and what is wrong with its bytes or headers, "" if nothing is."""
    if encoding == "gzip":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError):
            return "", "it is said to be gzip and is not"
    elif raw[:2] == GZIP_MAGIC:
        return "", "it is gzip, but the header Content-Encoding that says so is gone"
    if "javascript" not in kind:
        return "", f"its Content-Type is '{kind}', so that browsers do not run it"
    return raw.decode("utf-8", "replace"), ""


def _bad_file(site: Site, file: _File) -> Told:
    return Told(
        "script_changed",
        True,
        f"{file.url} is not served as it should be: {file.problem}.",
        _PROXY + " Answers below /s/ must pass as they are, headers too.",
        site.name,
    )
