"""Owns the pages of struggles: what hurts visitors, over all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from console.auth import SIGNED_IN
from console.context import console
from console.neighbours import session_link
from console.pages import render
from console.session_pages import Moment, page_of, place, since
from core.model import Flag, SessionQuery, Struggle

MOST = 200
"""Struggles on one page: further ones are a visitor's or two, and the page says that there are more."""

BAR_HEIGHT = 20
BAR_WIDTH = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a sparkline, in its own pixels."""

    x: int
    y: float
    height: float
    value: int


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/struggles", show_list)
    app.router.add_get("/struggles/{struggle}", show_one)


def sparkline(trend: tuple[int, ...]) -> list[Bar]:
    """Return *trend* as bars as high as their share of the highest; nothing is a hairline."""
    top = max((*trend, 1))
    bars: list[Bar] = []
    for number, value in enumerate(trend):
        height = max(1.0, round(BAR_HEIGHT * value / top, 1)) if value else 1.0
        bars.append(Bar(number * (BAR_WIDTH + 1), BAR_HEIGHT - height, height, value))
    return bars


def moment_link(session: str, flag: str) -> str:
    """Return the address of a session's page at one of its flags."""
    return Moment(session, flag=flag).link


async def show_list(request: web.Request) -> web.Response:
    """List struggles, most sessions first."""
    period, since_ms = since(request)
    site = request.query.get("site") or None
    store = console(request).store
    struggles = await store.struggles(site=site, since_ms=since_ms, limit=MOST + 1)
    return render(
        request,
        "struggles.html",
        struggles=[(one, sparkline(one.trend)) for one in struggles[:MOST]],
        more=MOST if len(struggles) > MOST else None,
        sites=await store.sites(),
        chosen={"site": site or "", "since": period},
        link=example_link,
    )


async def show_one(request: web.Request) -> web.Response:
    """Show one struggle and exactly the sessions that have it."""
    store = console(request).store
    struggle = await store.struggle(request.match_info["struggle"])
    if struggle is None:
        raise web.HTTPNotFound
    query = SessionQuery(
        struggle=struggle.key, after=place(request, "after"), before=place(request, "before")
    )
    page = await page_of(store, query)
    links = {}
    for session in page.sessions:
        flags = [flag for flag in await store.flags(session.id) if _belongs(flag, struggle)]
        here = {"flag": flags[0].id} if flags else {}
        links[session.id] = session_link(session.id, {"struggle": struggle.key}, **here)
    return render(
        request,
        "struggle.html",
        struggle=struggle,
        bars=sparkline(struggle.trend),
        sessions=page.sessions,
        previous=_beside(struggle, page.previous),
        next=_beside(struggle, page.next),
        total=await store.count_sessions(query),
        links=links,
        watched=await store.watched_by(request[SIGNED_IN].user, list(links)),
        link=example_link,
    )


def _belongs(flag: Flag, struggle: Struggle) -> bool:
    """Return whether *flag* is one of *struggle*: same rule, on the same target, or else page."""
    if flag.rule != struggle.rule:
        return False
    on, wanted = (flag.target or {}).get("key"), (struggle.target or {}).get("key")
    return on == wanted and (on is not None or flag.page == struggle.page)


def _beside(struggle: Struggle, parameters: dict[str, str] | None) -> str | None:
    """Return the address of the page of its sessions beside this one."""
    if parameters is None:
        return None
    return f"/struggles/{struggle.key}" + (f"?{urlencode(parameters)}" if parameters else "")


def example_link(struggle: Struggle) -> str:
    """Return the address of a representative moment of *struggle*."""
    return moment_link(struggle.example_session, struggle.example_flag)
