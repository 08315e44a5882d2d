"""
Owns the document in which recordings are drawn, and the data it fetches.

Recorded pages are foreign content. They are drawn in a frame without scripts inside this
document, whose own policy lets nothing run or load but the player and the recorded site's
pictures and fonts. It is reached by a short-lived token in its address; it takes no cookie.
"""

from __future__ import annotations

import asyncio
import re
from importlib.resources import files

from aiohttp import web

from console.auth import SignedIn, open_to_all, still_in
from console.context import console, signer
from core.errors import StoreError
from core.model import Session, Site
from replay import deep
from replay.assets import Address
from replay.frames import frame_links, framed
from replay.ranges import Range, load_range
from replay.recording import load_recording
from replay.unsealed import Unsealed

TOKEN_MS = 30 * 60_000
"""A token lasts this long; the page asks for a new one then."""

UNSEALED = web.AppKey("unsealed", Unsealed)

ASSETS_MS = 12 * 60 * 60_000
"""Pictures and fonts are asked for so long after a token was made: what is drawn names them by the token it came with."""

_FILE = re.compile(r"[a-z]+(\.[A-Za-z0-9]+)?\.(js|css)")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app[UNSEALED] = Unsealed()
    app.router.add_get("/stage/{token}/", document)
    app.router.add_get("/stage/{token}/loads/{page_load}", load)
    app.router.add_get("/stage/{token}/assets/{hash:[0-9a-f]{32}}", asset)
    app.router.add_get("/stage/{token}/frames/{session}/{page_load}", frame)


def stage_path(request: web.Request, session: str, who: SignedIn) -> str:
    """Return the address of the stage for *session*, as *who* may watch it for a while."""
    expires = console(request).clock.now_ms() + TOKEN_MS
    return (
        f"/stage/{signer(request).sign('stage', [session, who.user, who.id, who.mark], expires)}/"
    )


def stage_csp(site: Site | None, base: str | None) -> str:
    """
    Return the stage's policy, at the address *base* of the console. Fonts may come from the origins of *site* itself, and so may pictures
    unless its options say otherwise; what is kept here comes from the stage's own address.

    Nothing but the stage is there for a recording: a picture that is really the stream of news
    would hold the browser's few connections to the console.

    'unsafe-inline' styles: recordings carry styles in their markup; spikes showed that
    nothing else lets them show. Scripts have no such door.
    """
    origins = " ".join(one for one in (site.origins if site else ()) if _ORIGIN.fullmatch(one))
    pictures = origins if site and site.options.images == "allow" else ""
    stage, player = (f"{base}/stage/", f"{base}/player/") if base else ("'self'", "'self'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {player}",
            f"style-src {player} 'unsafe-inline'",
            f"img-src {stage} data: blob: {pictures}".rstrip(),
            f"font-src {stage} data: {origins}".rstrip(),
            f"connect-src {stage}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
        )
    )


@open_to_all
async def document(request: web.Request) -> web.Response:
    """Answer with the stage, and note who watches; whoever sees a page of it as a picture has not watched the session."""
    session, who = await _allowed(request)
    store = console(request).store
    now_ms = console(request).clock.now_ms()
    await store.audit(now_ms, who, "watched", session.id)
    if "picture" not in request.query:
        await store.mark_watched(who, session.id, now_ms)
    html = files("console").joinpath("templates/stage.html").read_text(encoding="utf-8")
    response = web.Response(text=html, content_type="text/html")
    site, base = await store.site(session.site), console(request).proxies.base_url(request)
    response.headers["Content-Security-Policy"] = stage_csp(site, base)
    response.headers["Referrer-Policy"] = "no-referrer"  # the address holds the token
    return response


@open_to_all
async def load(request: web.Request) -> web.Response:
    """
    Answer with a part of the recording of one document: that which shows the time `at`.

    With `from_seq` it is all from that chunk on. The frames linked into the document come along, but
    not with `links=0`: they are told once.
    """
    session, _ = await _allowed(request)
    at = _time_in(request)
    return await _recording(request, session.id, at)


@open_to_all
async def frame(request: web.Request) -> web.Response:
    """Answer with the recording of a frame that is linked into a document of the session."""
    session, _ = await _allowed(request)
    inner, page_load = request.match_info["session"], request.match_info["page_load"]
    if not await framed(console(request).store, session, inner, page_load):
        raise web.HTTPNotFound
    return await _recording(request, inner, None)


def _time_in(request: web.Request) -> float | None:
    """Return the moment that is asked for; None: all is."""
    text = request.query.get("at", "")
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,20})?", text) else None


async def _recording(request: web.Request, session: str, at_ms: float | None) -> web.Response:
    """Return the document that is asked for, at *at_ms* or whole, and the frames linked into it."""
    store, page_load = console(request).store, request.match_info["page_load"]
    stage = f"/stage/{request.match_info['token']}"
    found = await _part(request, session, at_ms, lambda name: f"{stage}/assets/{name}")
    if found is None:
        raise web.HTTPNotFound
    values = found.as_dict()
    if request.query.get("links") != "0":
        values["frames"] = [link.as_dict() for link in await frame_links(store, session, page_load)]
    body = await asyncio.to_thread(deep.dumps, values)
    response = web.Response(body=body, content_type="application/json")
    response.enable_compression()
    return response


async def _part(
    request: web.Request, session: str, at_ms: float | None, address: Address
) -> Range | None:
    store, page_load = console(request).store, request.match_info["page_load"]
    if at_ms is not None:
        return await load_range(
            store, session, page_load, at_ms, address=address, unsealed=request.app[UNSEALED]
        )
    text = request.query.get("from_seq", "0")
    from_seq = int(text) if re.fullmatch(r"\d{1,9}", text) else 0
    found = await load_recording(store, session, page_load, from_seq=from_seq, address=address)
    return None if found is None else Range(found, None, None)


@open_to_all
async def asset(request: web.Request) -> web.Response:
    """
    Answer with a font or picture that is kept.

    It is a stranger's: opened as a document of its own it has no scripts and no origin.
    """
    session, _ = await _allowed(request, since_ms=ASSETS_MS)
    try:
        found = await console(request).store.asset(session.site, request.match_info["hash"])
    except StoreError:
        found = None
    if found is None or found.kind == "sheet":
        raise web.HTTPNotFound
    response = web.Response(body=found.content, content_type=found.media)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@open_to_all
async def player_file(request: web.Request) -> web.StreamResponse:
    """Answer with a built file of the player."""
    name = request.match_info["file"]
    path = console(request).player_dir / name
    if not _FILE.fullmatch(name) or not path.is_file():
        raise web.HTTPNotFound(text="the player is not built; run `make build`")
    return web.FileResponse(path)


async def _allowed(request: web.Request, *, since_ms: int = TOKEN_MS) -> tuple[Session, str]:
    """Return the session that the token is for, and who holds it; it was made *since_ms* ago at most."""
    token, now_ms = request.match_info["token"], console(request).clock.now_ms()
    parts = signer(request).read("stage", token, now_ms - since_ms + TOKEN_MS)
    if parts is None or not await still_in(request, who := SignedIn(*parts[1:])):
        raise web.HTTPForbidden(text="this player's token has expired")
    session = await console(request).store.session(parts[0])
    if session is None:
        raise web.HTTPNotFound
    return session, who.user
