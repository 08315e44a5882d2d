"""The shop's pages: every GET that answers with HTML."""

from __future__ import annotations

import hashlib

from aiohttp import web

from . import catalogue
from .forms import ADDRESS, COUNTRIES
from .rendering import ACTIVE, VISIT, language, page, text
from .visits import SHIPPING, Props

STEPS = ("address", "shipping", "payment", "confirm")
_FEATURED = ("kar-28", "wetterstein", "biwak-2", "grat-mid")
_FIRST_REVIEWS = 2


async def root(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"/{language(request)}/")


async def home(request: web.Request) -> web.Response:
    featured = [item for item in catalogue.PRODUCTS if item.slug in _FEATURED]
    return page(request, "home.html.j2", title=text(request, "shop_claim"), featured=featured)


async def listing(request: web.Request) -> web.Response:
    """Show a category, or everything."""
    slug = request.match_info.get("category", "")
    sort = request.query.get("sort", "")
    category = next((entry for entry in catalogue.CATEGORIES if entry.slug == slug), None)
    if slug and category is None:
        raise web.HTTPNotFound
    title = category.name.text(language(request)) if category else text(request, "nav_all")
    items = catalogue.ordered(catalogue.in_category(slug), sort)
    return page(request, "listing.html.j2", title=title, items=items, sort=sort)


async def search(request: web.Request) -> web.Response:
    """Show what is found and report how much, with a hash in place of the words."""
    query = request.query.get("q", "").strip()[:80]
    items = catalogue.search(query, language(request))
    track: list[tuple[str, Props]] = []
    if query:
        track.append(("search", {"results": len(items), "query_hash": _hash(query)}))
    return page(
        request,
        "listing.html.j2",
        title=_results(request, query, len(items)),
        items=items,
        sort="",
        query=query,
        track=track,
    )


def _results(request: web.Request, query: str, count: int) -> str:
    if not query:
        return text(request, "results_ask")
    if count == 0:
        return text(request, "results_none", query=query)
    if count == 1:
        return text(request, "results_one", query=query)
    return text(request, "results_many", query=query, count=count)


def _hash(query: str) -> str:
    return hashlib.sha256(" ".join(query.casefold().split()).encode()).hexdigest()[:12]


async def product(request: web.Request) -> web.Response:
    item = catalogue.product(request.match_info["slug"])
    if item is None:
        raise web.HTTPNotFound
    return page(
        request,
        "product.html.j2",
        title=f"{item.name} · {item.kind.text(language(request))}",
        item=item,
        reviews=catalogue.REVIEWS[:_FIRST_REVIEWS],
        also=catalogue.companions(item),
    )


async def basket(request: web.Request) -> web.Response:
    return page(request, "basket.html.j2", title=text(request, "basket"))


async def login(request: web.Request) -> web.Response:
    return page(request, "login.html.j2", title=text(request, "login"), refused=False, email="")


async def checkout(request: web.Request) -> web.Response:
    """Show a step of the checkout, or the first one that is still to be done before it."""
    step = request.match_info["step"]
    first = _first_open(request)
    if not first:
        raise web.HTTPFound(f"/{language(request)}/basket")
    if STEPS.index(step) > STEPS.index(first):
        raise web.HTTPFound(f"/{language(request)}/checkout/{first}")
    return checkout_step(request, step)


def _first_open(request: web.Request) -> str:
    """Return the step the visitor may go to at most; empty without goods."""
    visit = request[VISIT]
    if not visit.amounts:
        return ""
    if not visit.address:
        return "address"
    if not visit.shipping:
        return "shipping"
    return "confirm" if visit.payment else "payment"


def checkout_step(
    request: web.Request,
    step: str,
    *,
    status: int = 200,
    values: dict[str, str] | None = None,
    refused: list[str] | None = None,
    declined: bool = False,
) -> web.Response:
    """Render *step*; with *values* typed before and *refused* fields when it comes again."""
    visit = request[VISIT]
    return page(
        request,
        f"checkout_{step}.html.j2",
        title=f"{text(request, 'checkout')}: {text(request, f'step_{step}')}",
        status=status,
        step=step,
        steps=STEPS,
        fields=ADDRESS,
        countries=COUNTRIES,
        shippings={name: visit.delivery_by(name) for name in SHIPPING},
        values=visit.address if values is None else values,
        refused=refused or [],
        declined=declined,
        track=[] if refused or declined else [("step", {"name": step})],
    )


async def done(request: web.Request) -> web.Response:
    if not request[VISIT].order:
        raise web.HTTPFound(f"/{language(request)}/basket")
    return page(request, "done.html.j2", title=text(request, "done_title"))


async def help_page(request: web.Request) -> web.Response:
    return page(request, "help.html.j2", title=text(request, "help_title"))


async def service(request: web.Request) -> web.Response:
    told = request.query.get("sent", "")
    return page(request, "service.html.j2", title=text(request, "service_title"), told=told)


async def guide(request: web.Request) -> web.Response:
    return page(request, "guide.html.j2", title=text(request, "guide_title"))


async def faults(request: web.Request) -> web.Response:
    return page(
        request,
        "faults.html.j2",
        title=text(request, "faults_title"),
        saved="saved" in request.query,
        active=str(request[ACTIVE]),
    )


async def faults_root(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"/{language(request)}/faults")
