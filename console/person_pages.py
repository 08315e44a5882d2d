"""
Owns the page for what people may ask for: what is stored of them, and that it be erased; and the
same for programs. Finding and erasing is console/erasing.py's, the file that is handed out is
replay/dossier.py's.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.metadata import version
from typing import IO, Any, cast

from aiohttp import web

from console.api import PREFIX, answer
from console.auth import OWNERS, TOKEN, ApiError, require, require_role
from console.context import console
from console.erasing import Eraser
from console.pages import render
from core.erasing import KEY, KINDS, Kind, Whom, subject
from core.errors import NotFound
from core.model import Session
from replay.dossier import contacts_of, write_dossier

PAGE = "/people"

ID_MAX = 500

SPOOL_BYTES = 8_000_000
"""An export larger than that is put together on the disk."""

PIECE = 1 << 18


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get(PAGE, show)
    app.router.add_post(f"{PAGE}/find", find)
    app.router.add_post(f"{PAGE}/export", export)
    app.router.add_post(f"{PAGE}/erase", erase)
    app.router.add_post(f"{PREFIX}/erase", tell_erased)
    app.router.add_post(f"{PREFIX}/export", tell_export)


async def show(request: web.Request) -> web.Response:
    """Ask whose data is meant."""
    await require_role(request, OWNERS)
    return await _page(request, {})


async def find(request: web.Request) -> web.Response:
    """Show what is stored of whoever is named. By POST: who that is stands in no address."""
    await require_role(request, OWNERS)
    form = await request.post()
    whom = await _whom(request, dict(form))
    return await _page(request, dict(form), whom)


async def export(request: web.Request) -> web.StreamResponse:
    """Hand out all that is stored of somebody, as a zip file."""
    who = await require_role(request, OWNERS)
    form = dict(await request.post())
    whom = await _whom(request, form)
    if whom is None:
        return await _page(request, form)
    return await _export(request, whom, who)


async def erase(request: web.Request) -> web.Response:
    """Erase somebody, if the id was entered once more."""
    who = await require_role(request, OWNERS)
    form = dict(await request.post())
    whom = await _whom(request, form)
    if whom is None or str(form.get("again", "")).strip() != str(form.get("id", "")).strip():
        return await _page(request, form, whom, refused=True)
    erased = await _eraser(request).erase(whom)
    await _audit(request, who, "erased", whom)
    return await _page(request, {}, erased=erased)


async def tell_erased(request: web.Request) -> web.Response:
    """Erase somebody, or with `dry_run` say what would go."""
    require(request, "admin")
    asked = await _asked(request)
    whom = await _whom_of_api(request, asked)
    found = await _eraser(request).sessions(whom)
    others = await _eraser(request).others(whom)
    told: dict[str, Any] = {
        "sessions": [one.id for one in found],
        "visitors": others,
        "contacts": len(await contacts_of(console(request).store, whom)),
    }
    if asked.get("dry_run") is True:
        return answer({"erased": None, **told})
    erased = await _eraser(request).erase(whom)
    await _audit(request, f"token {request[TOKEN].id}", "erased", whom)
    return answer({"erased": asdict(erased), "visitors": others})


async def tell_export(request: web.Request) -> web.StreamResponse:
    """Answer with all that is stored of somebody, as a zip file."""
    require(request, "admin")
    whom = await _whom_of_api(request, await _asked(request))
    return await _export(request, whom, f"token {request[TOKEN].id}")


async def _page(
    request: web.Request, form: dict[str, Any], whom: Whom | None = None, **values: Any
) -> web.Response:
    found = await _eraser(request).sessions(whom) if whom else None
    return render(
        request,
        "people.html",
        sites=await console(request).store.sites(),
        kinds=KINDS,
        asked={name: str(form.get(name, "")) for name in ("kind", "id", "site")},
        whom=whom,
        found=found,
        contacts=len(await contacts_of(console(request).store, whom)) if whom else 0,
        others=await _others(request, whom, found),
        **{"erased": None, "refused": False, **values},
    )


async def _others(
    request: web.Request, whom: Whom | None, found: list[Session] | None
) -> list[tuple[str, int]]:
    """Return the visitors as whom a customer came, with their sessions that are not *found*."""
    if whom is None or not found:
        return []
    known = {one.id for one in found}
    told = []
    for visitor in await _eraser(request).others(whom):
        sessions = await _eraser(request).sessions(Whom("visitor", visitor))
        more = sum(one.id not in known for one in sessions)
        if more:
            told.append((visitor, more))
    return told


async def _export(request: web.Request, whom: Whom, who: str) -> web.StreamResponse:
    sessions = await _eraser(request).sessions(whom)
    await _audit(request, who, "exported", whom)
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        await write_dossier(
            console(request).store,
            whom,
            sessions,
            cast(IO[bytes], file),
            at_ms=console(request).clock.now_ms(),
            version=version("stolper"),
        )
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/zip",
                "Content-Disposition": 'attachment; filename="stolper-export.zip"',
            }
        )
        await response.prepare(request)
        async for piece in _pieces(cast(IO[bytes], file)):
            await response.write(piece)
    return response


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


async def _audit(request: web.Request, who: str, action: str, whom: Whom) -> None:
    """Note it, without the id: a keyed hash stands for it."""
    store = console(request).store
    named = subject(await store.server_key(KEY), whom)
    await store.audit(console(request).clock.now_ms(), who, action, named)


async def _whom(request: web.Request, form: dict[str, Any]) -> Whom | None:
    """Return who a form names; None if it names nobody."""
    kind, id_ = form.get("kind"), str(form.get("id", "")).strip()
    if kind not in KINDS or not 0 < len(id_) <= ID_MAX:
        return None
    try:
        return await _eraser(request).whom(cast(Kind, kind), id_, str(form.get("site", "")) or None)
    except NotFound:
        raise web.HTTPNotFound from None


async def _asked(request: web.Request) -> dict[str, Any]:
    try:
        asked = await request.json()
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise ApiError(400, "bad_parameter", 'send JSON: {"kind": "customer", "id": "..."}')
    return asked


async def _whom_of_api(request: web.Request, asked: dict[str, Any]) -> Whom:
    kind, id_, site = asked.get("kind"), asked.get("id"), asked.get("site")
    if kind not in KINDS:
        raise ApiError(400, "bad_parameter", f"kind is one of {', '.join(KINDS)}")
    if not isinstance(id_, str) or not 0 < len(id_.strip()) <= ID_MAX:
        raise ApiError(400, "bad_parameter", "id is a text")
    if site is not None and not isinstance(site, str):
        raise ApiError(400, "bad_parameter", "site is the name or key of a site")
    try:
        return await _eraser(request).whom(cast(Kind, kind), id_, site)
    except NotFound as error:
        raise ApiError(404, "not_found", str(error)) from None


def _eraser(request: web.Request) -> Eraser:
    eraser = console(request).eraser
    if eraser is None:
        raise web.HTTPNotFound
    return eraser
