"""Owns adding a site, and the check that says live whether its visits arrive, and else why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from console.auth import OWNERS, by_itself, require_role
from console.connection_words import ConnectionTold, connection_told, no_origin_text
from console.context import console
from console.language import Language
from console.named import site_of
from console.pages import embed_line, render
from core.connection import RECENT_MS, connection
from core.errors import UserError
from core.model import Mode, Privacy, SessionQuery, Site
from core.new_site import MOST_ORIGINS, NAME_MAX, NoOrigin, new_site, origin_of

MODES: tuple[Mode, ...] = ("cookieless", "full")
PRIVACIES: tuple[Privacy, ...] = ("standard", "strict", "open")

CHECKED = 5
"""Sites that a page without visits checks at once: whoever has more looks at each of them."""


@dataclass(frozen=True, slots=True)
class Check:
    """A site with the line to embed and how far its visits come."""

    site: Site
    line: str
    told: ConnectionTold


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sites/add", show_form)
    app.router.add_post("/sites/add", add)
    app.router.add_get("/sites/{site}/connect", show)
    app.router.add_get("/sites/{site}/connection", tell)


async def show_form(request: web.Request) -> web.Response:
    """Show the form of a new site."""
    await require_role(request, OWNERS)
    return await _form(request, {})


async def add(request: web.Request) -> web.Response:
    """Add a site and lead to the line to embed."""
    who = await require_role(request, OWNERS)
    form = {name: str(value) for name, value in (await request.post()).items()}
    store, now_ms = console(request).store, console(request).clock.now_ms()
    language = console(request).languages.of(request)
    try:
        site = new_site(
            _name(form, language),
            _origins(form, language),
            mode=next((one for one in MODES if one == form.get("mode")), MODES[0]),
            privacy=next((one for one in PRIVACIES if one == form.get("privacy")), PRIVACIES[0]),
            now_ms=now_ms,
        )
        if await store.site(site.name) is not None:
            there = language.gettext("There is a site “%(name)s” already.") % {"name": site.name}
            return await _form(request, form, there)
        await store.add_site(site)
    except UserError as error:
        return await _form(request, form, str(error))
    await store.audit(now_ms, who, "created", f"site {site.name}")
    raise web.HTTPSeeOther(f"/sites/{site.key}/connect")


async def show(request: web.Request) -> web.Response:
    """Show the line to embed, and whether visits arrive."""
    site = await site_of(request)
    return render(request, "connect.html", check=await _check(request, site))


@by_itself
async def tell(request: web.Request) -> web.Response:
    """Answer with the check alone, for a page that is open."""
    check = await _check(request, await site_of(request))
    return render(request, "connection.html", check=check)


async def checks(request: web.Request, sites: Sequence[Site]) -> list[Check]:
    """Return the first of *sites* with what an empty page teaches of them."""
    return [await _check(request, site) for site in sites[:CHECKED]]


async def _check(request: web.Request, site: Site) -> Check:
    store, now_ms = console(request).store, console(request).clock.now_ms()
    health = await store.health(site.key, now_ms - RECENT_MS)
    newest = await store.sessions(SessionQuery(site=site.key, limit=1))
    found = connection(site, health, newest[0] if newest else None, now_ms)
    language = console(request).languages.of(request)
    base = console(request).public_url()
    return Check(site, embed_line(request, site.key), connection_told(found, site, base, language))


def _origins(form: Mapping[str, str], language: Language) -> list[str]:
    """Return the origins that the form names. Raise UserError for what is none, in the reader's words."""
    found: list[str] = []
    for text in form.get("origins", "").replace(",", " ").split()[: MOST_ORIGINS + 1]:
        try:
            found.append(origin_of(text))
        except NoOrigin as error:
            raise UserError(no_origin_text(error, text, language.gettext)) from None
    if not found or len(found) > MOST_ORIGINS:
        raise UserError(
            language.gettext("Say where the pages are, for example https://www.example.org")
        )
    return found


def _name(form: Mapping[str, str], language: Language) -> str:
    """Return the name that the form gives the site; one that nobody named is called by its host."""
    first = next(iter(form.get("origins", "").replace(",", " ").split()), "")
    name = " ".join(form.get("name", "").split()) or first.rpartition("//")[2].strip("/")[:NAME_MAX]
    if len(name) > NAME_MAX or not name.isprintable():
        told = language.gettext("A name is one line of at most %(num)s characters.")
        raise UserError(told % {"num": NAME_MAX})
    return name or "?"  # without an origin there will be no site


async def _form(request: web.Request, form: Mapping[str, str], problem: str = "") -> web.Response:
    return render(
        request,
        "add_site.html",
        status=400 if problem else 200,
        problem=problem,
        asked={name: form.get(name, "") for name in ("origins", "name", "mode", "privacy")},
    )
