"""How a request becomes a page: language, visit, defects, the shared template values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from . import catalogue
from .faults import FAULTS, Faults
from .i18n import LANGUAGES, Language, Texts, Words, as_language, money, number, preferred
from .visits import Props, Visit, Visits

VISIT_COOKIE = "bergauf_visit"
FAULT_COOKIE = "bergauf_faults"


@dataclass(frozen=True)
class Shop:
    """What all routes share."""

    script_src: Callable[[], str]
    faults: Faults
    texts: Texts
    visits: Visits
    sign: Callable[[str], str]
    templates: jinja2.Environment


SHOP = web.AppKey("SHOP", Shop)
VISIT = web.RequestKey("VISIT", Visit)
ACTIVE = web.RequestKey("ACTIVE", Faults)


def environment() -> jinja2.Environment:
    """Make the template environment; a name that a template misspells is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def language(request: web.Request) -> Language:
    """Return the language that the path names, else the one the browser prefers."""
    named = as_language(request.path.split("/")[1])
    return named or preferred(request.headers.get("Accept-Language", ""))


def text(request: web.Request, key: str, **values: object) -> str:
    return request.app[SHOP].texts.get(language(request), key, **values)


def page(
    request: web.Request,
    template: str,
    *,
    title: str,
    status: int = 200,
    track: list[tuple[str, Props]] | None = None,
    query: str | None = None,
    **values: Any,
) -> web.Response:
    """
    Render *template*.

    The page reports *track*, after what earlier requests of the visit left to report.
    *query* is what was searched, shown in the search field again.
    """
    shop, visit, lang = request.app[SHOP], request[VISIT], language(request)
    facts = {
        "identify": [visit.customer, shop.sign(visit.customer)] if visit.customer else None,
        "track": [*visit.take_tracked(), *(track or [])],
        "language": lang,
    }
    body = shop.templates.get_template(template).render(
        title=title,
        lang=lang,
        t=lambda key, **named: shop.texts.get(lang, key, **named),
        w=lambda words: _words(words, lang),
        money=lambda cents: money(lang, cents),
        number=lambda value: number(lang, value),
        url=lambda path="": f"/{lang}/{path}",
        others=[(other, _in_language(request, other)) for other in LANGUAGES],
        path=request.path,
        visit=visit,
        faults=request[ACTIVE],
        all_faults=FAULTS,
        categories=catalogue.CATEGORIES,
        script_src=shop.script_src(),
        facts=_for_script(facts),
        query=query,
        **values,
    )
    return web.Response(
        text=body,
        status=status,
        content_type="text/html",
        headers={"Cache-Control": "no-store", "Content-Language": lang},
    )


def _words(words: Words, lang: Language) -> str:
    return words.text(lang)


def _in_language(request: web.Request, other: Language) -> str:
    """Return the address of the same page in *other*."""
    parts = request.path.split("/")
    if as_language(parts[1]) is None:
        return f"/{other}/"
    return str(
        request.rel_url.with_path("/".join(["", other, *parts[2:]])).with_query(request.query)
    )


def _for_script(facts: object) -> str:
    """Write *facts* as JSON that cannot end the script element it stands in."""
    return json.dumps(facts).replace("<", "\\u003c")


def wants_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")
