"""Owns the pages of paths: over the pages of a site, and through the steps of a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from console.context import console
from console.finding import Asked, asked_of
from console.path_words import stop_text
from console.process_frame import Frame, frame_of, framed, plain
from console.process_words import process_texts
from console.session_pages import known_rules
from console.site_frame import site_framed
from core.model import SessionQuery
from core.ways import END, FIRST, LAST
from insight import paths
from insight.paths import Graph

DEPTHS = (2, 3, 4, 5, 6, 8)
MOST_STOPS = 100
"""Stops that a path can be chosen to begin or end at, the most frequent."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/paths", show_pages)
    app.router.add_get("/processes/{process}/paths", show_steps)


async def show_pages(request: web.Request) -> web.Response:
    """Show the paths over all pages."""
    asked = asked_of(request, request.query)
    wanted, chosen = _wanted(request, "")
    drawn = await _drawn(request, asked, plain(asked), wanted)
    return await site_framed(request, asked, "paths.html", chosen, **drawn)


async def show_steps(request: web.Request) -> web.Response:
    """Show the paths through one process. Raise HTTPNotFound if there is none of that name."""
    frame: Frame = frame_of(request)
    wanted, chosen = _wanted(request, frame.process.id)
    drawn = await _drawn(request, frame.asked, frame.query, wanted)
    return await framed(request, frame, "process_paths.html", "paths", chosen=chosen, **drawn)


def _wanted(request: web.Request, process: str) -> tuple[paths.Asked, dict[str, str]]:
    """Return what is to be drawn, and the parameters that say so."""
    back = request.query.get("toward") == "before"
    text = request.query.get("depth", "")
    depth = int(text) if text in map(str, DEPTHS) else 4
    since = request.query.get("at", "").strip()
    told = {"at": since, "toward": "before" if back else "", "depth": str(depth) if text else ""}
    wanted = paths.Asked(
        "%20".join(since.split()) or (LAST if back else FIRST), back, depth, process=process
    )
    return wanted, {name: value for name, value in told.items() if value}


async def _drawn(
    request: web.Request, asked: Asked, query: SessionQuery, wanted: paths.Asked
) -> dict[str, Any]:
    """Return what both pages show."""
    store = console(request).store
    graph = paths.graph(await store.ways(query, wanted.process), wanted)
    name, _ = _namer(request, wanted.process), console(request).languages.of(request).gettext
    rules = await known_rules(request, [], _rules(asked))
    frequent = dict((await store.facets(query, ("rule",), 12)).values["rule"])
    return {
        "graph": graph,
        "wanted": wanted,
        "stop_text": name,
        "choices": _choices(
            graph, wanted, name, _("where it ended") if wanted.back else _("where it began")
        ),
        "depths": DEPTHS,
        "end": END,
        "rules": sorted(
            ((one, rules[one][0] if one in rules else one) for one in {*frequent, *_rules(asked)}),
            key=lambda rule: rule[1].casefold(),
        ),
        "rule": asked.get("rule"),
        "others": paths.OTHERS,
    }


def _rules(asked: Asked) -> tuple[str, ...]:
    return (*asked.find.included("rule"), *asked.find.excluded("rule"))


def _namer(request: web.Request, process: str) -> Callable[[str], str]:
    """Return what calls a stop as the reader does."""
    _ = console(request).languages.of(request).gettext
    texts = process_texts(request)

    def name(stop: str) -> str:
        return _("others") if stop == paths.OTHERS else stop_text(stop, process, texts, _)

    return name


def _choices(
    graph: Graph, wanted: paths.Asked, name: Callable[[str], str], any_text: str
) -> Sequence[tuple[str, str]]:
    """Return what a path can begin (or end) at, as value and text: nothing stands for the visit's begin or end."""
    stops = [stop for stop, _ in graph.stops if not stop.startswith(END)][:MOST_STOPS]
    if wanted.back and wanted.process:
        stops += [stop for stop, _ in graph.stops if stop.startswith(END)]
    edge = LAST if wanted.back else FIRST
    if wanted.since not in (*stops, edge):
        stops.append(wanted.since)
    return [("", any_text), *((stop, name(stop)) for stop in stops)]
