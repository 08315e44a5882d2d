"""Owns the pages of maps: what was pressed on a page, what in vain, and how far it was seen, over a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web
from multidict import MultiDict

from console.auth import SIGNED_IN
from console.context import console
from console.finding import Asked, Pair, asked_of
from console.process_frame import frame_of, framed, plain
from console.session_pages import LEAD_MS, Moment
from console.site_frame import site_framed
from console.stage import stage_path
from console.words import device_text
from core.model import Session, SessionQuery
from core.sights import DEAD, PRESSED, SAW, Element, SightCounts
from core.ways import general
from insight.funnel import entered, narrowed
from insight.maps import Sighting, sighting_of

SHOWN = ("presses", "dead", "depth")
MOST_PAGES, MOST_ELEMENTS, MOST_PLACES = 60, 100, 2_000
"""Pages to choose from, elements that are listed, places that are drawn: of each the most frequent, or newest."""

TRIED = 10
"""Newest sessions that are looked at for a picture of the page."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/maps", show_page)
    app.router.add_get("/processes/{process}/maps", show_process)


async def show_page(request: web.Request) -> web.Response:
    """Show the map of a page."""
    asked = _asked(request)
    chosen, values = await _mapped(request, asked)
    return await site_framed(request, asked, "maps.html", chosen, **values)


async def show_process(request: web.Request) -> web.Response:
    """Show the map of a page, as those saw it that entered a process. Raise HTTPNotFound if there is none of that name."""
    frame = frame_of(request)
    frame = replace(frame, asked=_asked(request))
    chosen, values = await _mapped(request, frame.asked, entered(frame.process.id))
    return await framed(request, frame, "process_maps.html", "maps", chosen=chosen, **values)


def _asked(request: web.Request) -> Asked:
    """Return the sessions asked for: the page in the address is that of the map, not of a list."""
    return asked_of(request, MultiDict([one for one in request.query.items() if one[0] != "page"]))


async def _mapped(
    request: web.Request, asked: Asked, *also: Pair
) -> tuple[dict[str, str], dict[str, Any]]:
    """
    Return what was chosen, and what the page shows: of the sessions *asked* for that have *also*.

    Pages look different by the kind of device: if none is asked for it is that of most sessions.
    """
    store = console(request).store
    asked = _narrowed(request, asked, *also)
    pages = await _pages(request, plain(asked))
    page = general(request.query.get("page") or (pages[0] if pages else "/"))
    show = request.query.get("show", "")
    show = show if show in SHOWN else SHOWN[0]
    there = narrowed(plain(asked), (SAW, f"{page} 0"))
    devices = (await store.facets(there, ("device",), 5)).values["device"]
    if not asked.get("device") and devices:
        asked = _narrowed(request, asked, ("device", max(devices, key=lambda one: one[1])[0]))
    counts = await store.sights(plain(asked), page, MOST_PLACES)
    picture = await _picture(request, narrowed(plain(asked), (SAW, f"{page} 0")), page)
    chosen = {"page": page, "show": show} if show != SHOWN[0] else {"page": page}
    return chosen, {
        "page": page,
        "pages": [*pages, *([] if page in pages else [page])],
        "show": show,
        "device": asked.get("device"),
        "counts": counts,
        "elements": _listed(counts.elements, show),
        "most": MOST_ELEMENTS,
        "times": sum(one.times for one in counts.elements),
        "dead": sum(one.dead for one in counts.elements),
        "sessions_of": lambda *pairs: asked.link(also=pairs),
        "pressed_pair": lambda key: (PRESSED, f"{page} {key}"),
        "dead_pair": lambda key: (DEAD, f"{page} {key}"),
        "saw_pair": lambda depth: (SAW, f"{page} {depth}"),
        "picture": picture,
        "picture_json": _json({k: v for k, v in (picture or {}).items() if k != "session"}),
        "drawn_json": _json(_drawn(counts, show)),
        "built": (console(request).player_dir / "map.js").is_file(),
        **_choices(request, devices),
    }


def _narrowed(request: web.Request, asked: Asked, *pairs: Pair) -> Asked:
    return asked_of(request, MultiDict([*asked.pairs, *pairs]))


def _choices(request: web.Request, devices: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the devices and the kinds of maps that there are to choose from."""
    _ = console(request).languages.of(request).gettext
    texts = (_("presses"), _("presses in vain"), _("how far it was seen"))
    return {
        "shows": list(zip(SHOWN, texts, strict=True)),
        "devices": [(value, device_text(value, _) or value, n) for value, n in devices if n],
    }


def _json(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _listed(elements: Sequence[Element], show: str) -> list[Element]:
    if show == "dead":
        found = [one for one in elements if one.dead]
        return sorted(found, key=lambda one: (-one.dead, one.key))[:MOST_ELEMENTS]
    return list(elements[:MOST_ELEMENTS])


async def _pages(request: web.Request, query: SessionQuery) -> list[str]:
    """Return the pages that most of the sessions saw."""
    found = await console(request).store.facets(query, ("page",), MOST_PAGES)
    return list(dict.fromkeys(general(path) for path, n in found.values["page"] if n))


def _drawn(counts: SightCounts, show: str) -> dict[str, Any]:
    """Return what the script draws over the picture."""
    if show == "depth":
        return {"depths": counts.depths, "sessions": counts.sessions}
    dead = show == "dead"
    elements = [one for one in counts.elements if one.dead or not dead]
    return {
        "elements": [
            {
                "key": one.key,
                "label": one.label or one.key,
                "times": one.dead if dead else one.times,
                "places": [(x, y) for x, y, vain in one.places if vain or not dead],
            }
            for one in elements
        ]
    }


async def _picture(request: web.Request, query: SessionQuery, page: str) -> dict[str, Any] | None:
    """Return where *page* is to be seen in a recording of one of the newest sessions of *query*; None: in none of them."""
    store = console(request).store
    for session in await store.sessions(replace(query, limit=TRIED)):
        recorded = {ref.page_load for ref in await store.chunks(session.id)}
        found = sighting_of(await store.batches(session.id), page, recorded)
        if found is not None:
            return await _shown(request, session, found)
    return None


async def _shown(request: web.Request, session: Session, found: Sighting) -> dict[str, Any]:
    site = await console(request).store.site(session.site)
    at_ms = max(0.0, found.at_ms - session.started_ms)
    return {
        "session": session,
        "link": Moment(session.id, at_ms=max(0.0, at_ms - LEAD_MS)).link,
        "stage": stage_path(request, session.id, request[SIGNED_IN]) + "?picture",
        "load": {"id": found.page_load, "tab": found.tab, "at": found.from_ms, "until": found.until_ms},
        "at": found.at_ms,
        "privacy": site.privacy if site else "standard",
    }  # fmt: skip
