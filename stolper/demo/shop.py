"""The demo shop "Bergauf": a small outdoor shop with planted defects, in German and English.

Owns the application, its routes and what happens around each request. What the pages
show is in pages.py, what visitors do in actions.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from . import actions, pages, service
from .faults import Faults, UnknownFault
from .i18n import Texts
from .rendering import (
    ACTIVE,
    FAULT_COOKIE,
    SHOP,
    VISIT,
    VISIT_COOKIE,
    Shop,
    environment,
    page,
    text,
    wants_json,
)
from .visits import Visits

log = logging.getLogger(__name__)

_MAX_FORM_BYTES = 64 * 1024


def _unsigned(_: str) -> str:
    """A shop that has no key signs nothing."""
    return ""


def build_shop(
    *,
    script_src: Callable[[], str] | str,
    faults: Faults,
    sign: Callable[[str], str] = _unsigned,
) -> web.Application:
    """
    Make the shop's application.

    *script_src* is the address of the snippet, or gives it when a page is made (so that
    the shop may be built before the collector has its port). *faults* are the planted
    defects that every visitor meets who has not chosen others by `?fault=` or at /faults.
    *sign* signs the number of a customer who signed in, as a shop's server does.
    """
    source = script_src if callable(script_src) else lambda: script_src
    app = web.Application(middlewares=[_visiting, _failing], client_max_size=_MAX_FORM_BYTES)
    app[SHOP] = Shop(source, faults, Texts.load(), Visits(), sign, environment())
    _add_routes(app)
    return app


def _add_routes(app: web.Application) -> None:
    lang = "/{language:de|en}"
    app.router.add_static("/static", Path(__file__).parent / "static")
    app.add_routes(
        [
            web.get("/", pages.root),
            web.get("/faults", pages.faults_root),
            web.get(f"{lang}/", pages.home),
            web.get(f"{lang}/all", pages.listing),
            web.get(f"{lang}/category/{{category}}", pages.listing),
            web.get(f"{lang}/search", pages.search),
            web.get(f"{lang}/product/{{slug}}", pages.product),
            web.get(f"{lang}/product/{{slug}}/stock", actions.availability),
            web.get(f"{lang}/product/{{slug}}/reviews", actions.reviews),
            web.post(f"{lang}/product/{{slug}}/wish", service.wish),
            web.get(f"{lang}/product/{{slug}}/alarm", service.alarm),
            web.get(f"{lang}/basket", pages.basket),
            web.post(f"{lang}/basket", actions.add),
            web.post(f"{lang}/basket/line", actions.change),
            web.post(f"{lang}/basket/coupon", actions.coupon),
            web.get(f"{lang}/login", pages.login),
            web.post(f"{lang}/login", actions.login),
            web.post(f"{lang}/logout", actions.logout),
            web.get(f"{lang}/checkout/{{step:{'|'.join(pages.STEPS)}}}", pages.checkout),
            web.post(f"{lang}/checkout/address", actions.address),
            web.post(f"{lang}/checkout/shipping", actions.shipping),
            web.post(f"{lang}/checkout/payment", actions.payment),
            web.post(f"{lang}/checkout/confirm", actions.order),
            web.get(f"{lang}/checkout/done", pages.done),
            web.get(f"{lang}/help", pages.help_page),
            web.get(f"{lang}/service", pages.service),
            web.get(f"{lang}/service/stores", service.stores),
            web.post(f"{lang}/service/{{form:{'|'.join(service.FORMS)}}}", service.send),
            web.get(f"{lang}/guide", pages.guide),
            web.post(f"{lang}/guide/list", service.keep_list),
            web.get(f"{lang}/faults", pages.faults),
            web.post(f"{lang}/faults", actions.set_faults),
        ]
    )


@web.middleware
async def _visiting(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its visit and its defects, and keep both in cookies."""
    shop = request.app[SHOP]
    if request.path.startswith("/static/"):
        return await handler(request)
    request[VISIT] = visit = shop.visits.find(request.cookies.get(VISIT_COOKIE, ""))
    request[ACTIVE] = _remembered(request)
    chosen: Faults | None = None
    try:
        if "fault" in request.query:
            request[ACTIVE] = chosen = Faults.parse(request.query["fault"])
        response = await handler(request)
    except UnknownFault as error:
        response = _error_page(request, 400, "refused_title", str(error))
    except web.HTTPRedirection as redirect:
        response = web.Response(
            status=redirect.status, headers={"Location": redirect.headers["Location"]}
        )
    if request.cookies.get(VISIT_COOKIE) != visit.id:
        response.set_cookie(VISIT_COOKIE, visit.id, httponly=True, samesite="Lax")
    if chosen is not None:
        actions.keep_faults(response, chosen)
    return response


def _remembered(request: web.Request) -> Faults:
    """Return the visitor's own choice of defects, else the shop's."""
    kept = request.cookies.get(FAULT_COOKIE, "")
    try:
        return Faults.parse(kept.replace(".", ",")) if kept else request.app[SHOP].faults
    except UnknownFault:  # a cookie of another version of the shop
        return request.app[SHOP].faults


@web.middleware
async def _failing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into a page, or into JSON for a script."""
    if request.path.startswith("/static/"):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPNotFound:
        return _error_page(request, 404, "lost_title", text(request, "lost_text"))
    except web.HTTPException as error:
        return _error_page(request, error.status, "refused_title", error.reason)
    except Exception:
        log.exception("the shop failed on %s", request.path)
        return _error_page(request, 500, "broken_title", text(request, "broken_text"))


def _error_page(request: web.Request, status: int, title: str, message: str) -> web.Response:
    if wants_json(request):
        return web.json_response({"ok": False, "error": message}, status=status)
    return page(
        request,
        "error.html.j2",
        title=text(request, title),
        status=status,
        code=status,
        message=message,
    )
