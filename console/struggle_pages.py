"""Owns the pages of struggles: what hurts visitors, over all sessions."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from console.context import console
from console.pages import render
from console.session_pages import Moment, since
from core.model import Flag, SessionQuery, Struggle

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
    struggles = await store.struggles(site=site, since_ms=since_ms, limit=200)
    return render(
        request,
        "struggles.html",
        struggles=[(one, sparkline(one.trend)) for one in struggles],
        sites=await store.sites(),
        chosen={"site": site or "", "since": period},
        link=_example,
    )


async def show_one(request: web.Request) -> web.Response:
    """Show one struggle and exactly the sessions that have it."""
    store = console(request).store
    struggle = await store.struggle(request.match_info["struggle"])
    if struggle is None:
        raise web.HTTPNotFound
    query = SessionQuery(struggle=struggle.key, limit=200)
    sessions = await store.sessions(query)
    links = {}
    for session in sessions:
        flags = [flag for flag in await store.flags(session.id) if _belongs(flag, struggle)]
        links[session.id] = (
            moment_link(session.id, flags[0].id) if flags else Moment(session.id).link
        )
    return render(
        request,
        "struggle.html",
        struggle=struggle,
        bars=sparkline(struggle.trend),
        sessions=sessions,
        total=await store.count_sessions(query),
        links=links,
        link=_example,
    )


def _belongs(flag: Flag, struggle: Struggle) -> bool:
    """Return whether *flag* is one of *struggle*: same rule, on the same target, or else page."""
    if flag.rule != struggle.rule:
        return False
    on, wanted = (flag.target or {}).get("key"), (struggle.target or {}).get("key")
    return on == wanted and (on is not None or flag.page == struggle.page)


def _example(struggle: Struggle) -> str:
    return moment_link(struggle.example_session, struggle.example_flag)
