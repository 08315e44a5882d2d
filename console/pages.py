"""
Owns what all pages share: the frame around them, error pages, and the page of the sites.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from console.auth import EDITORS, ENDERS, OWNERS, ROLE, SIGNED_IN, RoleMissing, form_token
from console.context import console, is_https, route_of
from console.language import COOKIE, LANGUAGES
from console.navigation import entries_for
from console.themes import THEME_COOKIE, THEMES, theme_of
from core.errors import StoreError

log = logging.getLogger("stolper.console")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_YEAR_S = 31_536_000


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sites", sites_page)


def render(
    request: web.Request, template: str, *, status: int = 200, **values: Any
) -> web.Response:
    """Return the page *template* in the request's language; *values* are the template's own."""
    language = console(request).languages.of(request)
    who = request.get(SIGNED_IN)
    cookies: dict[str, str] = {}
    main, beside = entries_for(request[ROLE], request.path, language.gettext) if who else ([], [])
    body = language.render(
        template,
        {
            "language": language.code,
            "languages": [
                (code, name, _here_with(request, lang=code)) for code, name in LANGUAGES.items()
            ],
            "theme": theme_of(request),
            "themes": [(one, _here_with(request, theme=one)) for one in THEMES],
            "user": who.user if who else None,
            "navigation": main,
            "navigation_beside": beside,
            "may_add_site": who is not None and request[ROLE] in OWNERS,
            "path": request.path,
            "form_token": form_token(request, cookies),
            **values,
        },
    )  # fmt: skip
    response = web.Response(text=body, content_type="text/html", status=status)
    for name, value in cookies.items():
        response.set_cookie(
            name, value, path="/", httponly=True, samesite="Strict", secure=is_https(request)
        )
    if request.query.get("lang") in LANGUAGES:
        _remember(response, COOKIE, request.query["lang"])
    if request.query.get("theme") in THEMES:
        _remember(response, THEME_COOKIE, request.query["theme"])
    return response


def _remember(response: web.Response, name: str, value: str) -> None:
    response.set_cookie(name, value, path="/", samesite="Lax", max_age=_YEAR_S)


def _here_with(request: web.Request, **changed: str) -> str:
    """Return the address of this page with other parameters."""
    query = [(name, value) for name, value in request.query.items() if name not in changed]
    return f"{request.path}?{urlencode([*query, *changed.items()])}"


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show errors of pages as pages that say what to do."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or request.path.startswith(("/api/", "/static/", "/player/")):
            raise
        if isinstance(error, RoleMissing):
            return _error(request, error.status, _who_may(request, error.needed))
        return _error_page(request, error.status, error.text or error.reason)
    except StoreError as error:
        if request.path.startswith("/api/"):
            raise
        log.warning("%s: %s", route_of(request), error)
        return _error_page(request, 503, str(error))
    except Exception:  # a fault of ours: say so, keep the details in the log
        if request.path.startswith("/api/"):
            raise
        log.exception("%s", route_of(request))
        return _error_page(request, 500, "")


def _error_page(request: web.Request, status: int, reason: str) -> web.Response:
    language = console(request).languages.of(request)
    _ = language.gettext
    sentences = {
        401: _("You are not signed in."),
        403: _("This form is too old or came from another site. Load the page again."),
        404: _("There is nothing at this address. The session may have been deleted."),
        500: _("Something went wrong here. The server's log says what."),
        503: _("The store cannot answer now. Try again in a moment."),
    }
    return _error(request, status, sentences.get(status, reason))


def _who_may(request: web.Request, roles: frozenset[str]) -> str:
    """Return the sentence that says who may do what was refused."""
    _ = console(request).languages.of(request).gettext
    sentences = {
        OWNERS: _("Only owners may do this."),
        EDITORS: _("Only owners and analysts may do this."),
        ENDERS: _("Viewers may look, and change nothing."),
    }
    return sentences[roles]


def _error(request: web.Request, status: int, sentence: str) -> web.Response:
    if "text/html" not in request.headers.get("Accept", "text/html"):
        return web.Response(text=sentence, status=status)
    return render(request, "error.html", status=status, code=status, sentence=sentence)


async def sites_page(request: web.Request) -> web.Response:
    """Show the sites and the line that embeds each."""
    sites = await console(request).store.sites()
    return render(
        request,
        "sites.html",
        sites=[(site, embed_line(request, site.key)) for site in sites],
    )


def embed_line(request: web.Request, key: str) -> str:
    """Return the one line of HTML that embeds the snippet for the site *key*."""
    return f'<script async src="{console(request).public_url()}/s/{key}.js"></script>'
