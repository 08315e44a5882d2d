"""Serves the corpus: the pages, and the small files they show, made here."""

from __future__ import annotations

import io
import json
import struct
import wave
import zlib
from pathlib import Path

from aiohttp import web

from tests.e2e.scenarios.pages import Pages

FOLDER = Path(__file__).parent
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf")
SECONDS = 2


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, colour: str) -> bytes:
    """Return a picture of one *colour* (three hexadecimal digits)."""
    row = b"\0" + bytes(int(digit * 2, 16) for digit in colour) * width
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(row * height)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(*one) for one in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )


def silence() -> bytes:
    """Return two seconds of sound without any."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * SECONDS)
    return file.getvalue()


class Corpus(Pages):
    """The pages of the corpus. *elsewhere* is the same application on another origin."""

    elsewhere: str = ""

    def app(self) -> web.Application:
        """Return the application that serves them."""
        app = super().app()
        app.router.add_get("/picture/{width}/{colour}.png", self._picture)
        app.router.add_get("/tone.wav", self._tone)
        app.router.add_get("/font.ttf", self._font)
        app.router.add_get("/other/{page}", self._other)
        app.router.add_get("/embed.js", self._embed)
        app.router.add_get("/pages/{name}.xhtml", self._xhtml)
        app.router._resources.reverse()  # type: ignore[attr-defined]
        return app

    async def _picture(self, request: web.Request) -> web.Response:
        width = int(request.match_info["width"])
        body = png(width, width * 2 // 3, request.match_info["colour"])
        return web.Response(body=body, content_type="image/png")

    async def _tone(self, request: web.Request) -> web.Response:
        """Answer with the part that is asked for: browsers seek in nothing else."""
        whole, part = silence(), request.http_range
        if part.start is None:
            return web.Response(body=whole, content_type="audio/wav")
        body = whole[part]
        first = part.start if part.start >= 0 else len(whole) + part.start
        span = f"bytes {first}-{first + len(body) - 1}/{len(whole)}"
        headers = {"Content-Range": span, "Accept-Ranges": "bytes"}
        return web.Response(status=206, body=body, content_type="audio/wav", headers=headers)

    async def _font(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(FONT, headers={"Content-Type": "font/ttf"})

    async def _xhtml(self, request: web.Request) -> web.FileResponse:
        page = self.folder / "pages" / f"{request.match_info['name']}.xhtml"
        return web.FileResponse(page, headers={"Content-Type": "application/xhtml+xml"})

    async def _embed(self, _: web.Request) -> web.Response:
        """Answer with what a site's own bundle is told: where the collector is, and the site's key."""
        base, key = self.embed.removesuffix(".js").split("/s/")
        text = f"window.embed = {json.dumps({'base': base, 'key': key})};"
        return web.Response(text=text, content_type="text/javascript")

    async def _other(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{self.elsewhere}/pages/{request.match_info['page']}")
