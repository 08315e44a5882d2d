"""What the service page, the guide and the small buttons of a product ask of the server."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .catalogue import product
from .i18n import money
from .rendering import ACTIVE, language, text, wants_json

FORMS = ("repair", "return", "contact", "status", "callback", "newsletter")
# Long after the 2.5 s in which a press is judged.
_HANGS_S = 6.2
# Later than the second in which an error is put down to the press itself.
_LATER_S = 1.6
_STORES = {"8": "Garmisch, München", "1": "Berlin", "2": "Hamburg", "5": "Köln", "0": "Leipzig"}


async def send(request: web.Request) -> web.Response:
    """Take one of the service page's forms. Nothing of it is kept."""
    form, faults = request.match_info["form"], request[ACTIVE]
    if form == "repair" and "repair_refused" in faults:
        note = text(request, "repair_past")
        return _answer(request, form, 422, refused=["repair_date"], note=note)
    if form == "status" and "status_cut" in faults:
        _hang_up(request)
    if form == "callback" and "callback_hangs" in faults:
        await asyncio.sleep(_HANGS_S)
    return _answer(request, form, 200, refused=[], note=text(request, f"{form}_done"))


def _answer(request: web.Request, form: str, status: int, **values: object) -> web.Response:
    if wants_json(request):
        return web.json_response(values, status=status)
    told = form if status == 200 else "refused"
    return web.Response(
        status=303, headers={"Location": f"/{language(request)}/service?sent={told}"}
    )


def _hang_up(request: web.Request) -> None:
    """End the connection without an answer, as a proxy that gives up does."""
    if request.transport is not None:
        request.transport.abort()


async def stores(request: web.Request) -> web.Response:
    """Name the stores near a postcode, while it is being typed."""
    if "stores_down" in request[ACTIVE]:
        return web.json_response({"ok": False, "error": "store service down"}, status=503)
    near = _STORES.get(request.query.get("postcode", "")[:1], "Freiburg")
    return web.json_response({"text": text(request, "stores_near", places=near)})


async def wish(request: web.Request) -> web.Response:
    """Save a product for later."""
    if "wish_forbidden" in request[ACTIVE]:
        return web.json_response({"note": text(request, "wish_failed")}, status=403)
    return web.json_response({"note": text(request, "wish_done")})


async def alarm(request: web.Request) -> web.Response:
    """Set a price alert. The defect: the answer lacks what the script needs."""
    item = product(request.match_info["slug"])
    if item is None:
        raise web.HTTPNotFound
    if "alarm_breaks_later" in request[ACTIVE]:
        await asyncio.sleep(_LATER_S)
        return web.json_response({})
    price = money(language(request), item.price)
    return web.json_response({"alarm": {"note": text(request, "alarm_done", price=price)}})


async def keep_list(request: web.Request) -> web.Response:
    """Keep the packing list of the guide."""
    if wants_json(request):
        return web.json_response({"note": text(request, "list_done")})
    return web.Response(status=303, headers={"Location": f"/{language(request)}/guide"})
