"""What visitors do in the shop: every POST, and the small JSON requests of the scripts.

Forms work without JavaScript: an action answers JSON to a script and redirects otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from . import catalogue
from .faults import NAMES, Faults
from .forms import ADDRESS, address_errors, card_errors
from .i18n import money
from .pages import checkout_step
from .rendering import ACTIVE, FAULT_COOKIE, VISIT, language, page, text, wants_json
from .visits import COUPON, SHIPPING, Visit

# Longer than a second, so that people notice, shorter than the 2.5 s in which a press is judged.
_SLOW_S = 1.8
_CUSTOMERS = {"anna@bergauf.example": ("gipfel", "K-20417", "Anna")}
_MONTH_S = 30 * 24 * 3600


async def _form(request: web.Request) -> dict[str, str]:
    """Return the form's text fields, trimmed and bounded."""
    data = await request.post()
    return {key: value.strip()[:200] for key, value in data.items() if isinstance(value, str)}


def _redirect(request: web.Request, path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/{language(request)}/{path}"})


def _answer(request: web.Request, path: str, status: int = 200, **values: Any) -> web.Response:
    """Answer a script with *values*, a plain form with a redirect to *path*."""
    if wants_json(request):
        return web.json_response(values, status=status)
    return _redirect(request, path)


def _basket(request: web.Request, visit: Visit) -> dict[str, Any]:
    """Return the basket as the scripts show it."""
    lang = language(request)
    return {
        "count": visit.count,
        "goods": money(lang, visit.goods),
        "discount": money(lang, -visit.discount),
        "coupon": visit.coupon,
        "delivery": money(lang, visit.delivery) if visit.delivery else text(request, "free"),
        "total": money(lang, visit.total),
        "value": visit.total / 100,
        "lines": {
            line.key: {"amount": line.amount, "total": money(lang, line.total)}
            for line in visit.lines
        },
    }


def _report_cart(request: web.Request, op: str) -> None:
    """Leave the report to the next page; a script reports for itself."""
    if not wants_json(request):
        request[VISIT].track("cart", op=op, total=request[VISIT].total / 100)


async def add(request: web.Request) -> web.Response:
    form, visit = await _form(request), request[VISIT]
    item = catalogue.product(form.get("product", ""))
    if item is None:
        raise web.HTTPNotFound
    size = form.get("size", "")
    visit.add(item.slug, size if size in item.sizes else "", _whole(form.get("amount", "1")))
    _report_cart(request, "add")
    note = text(request, "added_note", name=item.name)
    path = "checkout/address" if "buy" in form else "basket"
    return _answer(request, path, note=note, basket=_basket(request, visit))


async def change(request: web.Request) -> web.Response:
    """Set the amount of one line; 0 removes it."""
    form, visit = await _form(request), request[VISIT]
    if "amount_conflict" in request[ACTIVE]:
        return _answer(request, "basket", 409, ok=False, note=text(request, "amount_conflict"))
    slug, _, size = form.get("line", "").partition(".")
    before = visit.amounts.get((slug, size), 0)
    if before:
        visit.set(slug, size, _whole(form.get("amount", "0")))
    after = visit.amounts.get((slug, size), 0)
    op = "add" if after > before else "remove"
    if after != before:
        _report_cart(request, op)
    return _answer(
        request, "basket", op=op if after != before else "", basket=_basket(request, visit)
    )


def _whole(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) <= 3 else 0


async def coupon(request: web.Request) -> web.Response:
    """Try a coupon. A refusal is an ordinary answer, not an HTTP error."""
    form, visit = await _form(request), request[VISIT]
    right = form.get("code", "").upper() == COUPON
    ok = right and "coupon_never_works" not in request[ACTIVE]
    visit.coupon = visit.coupon or ok
    note = text(request, "coupon_ok" if ok else "coupon_bad")
    if not wants_json(request):
        visit.track("coupon", ok=ok)
    return _answer(request, "basket", ok=ok, note=note, basket=_basket(request, visit))


async def login(request: web.Request) -> web.Response:
    form, visit = await _form(request), request[VISIT]
    email = form.get("email", "")
    password, customer, name = _CUSTOMERS.get(email.lower(), ("", "", ""))
    if not customer or form.get("password") != password:
        return page(
            request,
            "login.html.j2",
            title=text(request, "login"),
            status=401,
            refused=True,
            email=email,
            track=[("login", {"result": "failed"})],
        )
    visit.customer, visit.name = customer, name
    visit.track("login", result="ok")
    return _redirect(request, "login")


async def logout(request: web.Request) -> web.Response:
    request[VISIT].customer = request[VISIT].name = ""
    return _redirect(request, "")


async def address(request: web.Request) -> web.Response:
    form, visit = await _form(request), request[VISIT]
    values = {key: form.get(key, "") for key in (*(field.key for field in ADDRESS), "country")}
    refused = address_errors(values, request[ACTIVE])
    if refused:
        return checkout_step(request, "address", status=422, values=values, refused=refused)
    visit.address = values
    return _redirect(request, "checkout/shipping")


async def shipping(request: web.Request) -> web.Response:
    chosen = (await _form(request)).get("shipping", "")
    request[VISIT].shipping = chosen if chosen in SHIPPING else "standard"
    return _redirect(request, "checkout/payment")


async def payment(request: web.Request) -> web.Response:
    """Check the form, ask the pretended bank, and keep no more than how it was paid."""
    form, visit = await _form(request), request[VISIT]
    method = "invoice" if form.get("method") == "invoice" else "card"
    refused = card_errors(form) if method == "card" else []
    if refused:
        return _payment_refused(request, 422, refused=refused)
    if method == "card" and "payment_declines" in request[ACTIVE]:
        if not wants_json(request):
            visit.track("payment", result="declined", code="do_not_honor")
        return _payment_refused(request, 402, code="do_not_honor")
    visit.payment = method
    if not wants_json(request):
        visit.track("payment", result="ok", code=method)
    go = f"/{language(request)}/checkout/confirm"
    return _answer(request, "checkout/confirm", ok=True, code=method, go=go)


def _payment_refused(
    request: web.Request, status: int, *, refused: list[str] | None = None, code: str = ""
) -> web.Response:
    if not wants_json(request):
        return checkout_step(
            request, "payment", status=status, refused=refused, declined=bool(code)
        )
    note = text(request, "pay_declined" if code else "errors_some")
    values = {"ok": False, "code": code, "refused": refused or [], "note": note}
    return web.json_response(values, status=status)


async def order(request: web.Request) -> web.Response:
    visit = request[VISIT]
    if not (visit.amounts and visit.address and visit.shipping and visit.payment):
        return _redirect(request, "basket")
    if (await _form(request)).get("terms") != "yes":
        return _redirect(request, "checkout/confirm")
    total = visit.total / 100
    visit.place_order()
    visit.track("order_placed", total=total)
    visit.track("goal", name="order")
    return _redirect(request, "checkout/done")


async def availability(request: web.Request) -> web.Response:
    if "slow_button" in request[ACTIVE]:
        await asyncio.sleep(_SLOW_S)
    return web.json_response({"text": text(request, "stock_yes")})


async def reviews(request: web.Request) -> web.Response:
    """Give the reviews that the page does not show yet."""
    if "failing_request" in request[ACTIVE]:
        return web.json_response({"ok": False, "error": "review service down"}, status=500)
    lang = language(request)
    rest = [
        {"author": entry.author, "stars": entry.stars, "text": entry.text.text(lang)}
        for entry in catalogue.REVIEWS[2:]
    ]
    return web.json_response({"reviews": rest})


async def set_faults(request: web.Request) -> web.Response:
    form: Mapping[str, str] = await _form(request)
    if form.get("set") == "all":
        chosen = Faults.all()
    elif form.get("set") == "none":
        chosen = Faults.none()
    else:
        chosen = Faults.of(name for name in NAMES if name in form)
    response = _redirect(request, "faults?saved")
    keep_faults(response, chosen)
    return response


def keep_faults(response: web.StreamResponse, chosen: Faults) -> None:
    """Remember the visitor's own choice of defects for a month."""
    response.set_cookie(
        FAULT_COOKIE,
        str(chosen).replace(",", "."),  # a comma would need quoting in a cookie
        max_age=_MONTH_S,
        httponly=True,
        samesite="Lax",
    )
