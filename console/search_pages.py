"""
Owns the one field of every page: what is typed into it and what opens on Enter.

What names one thing leads there at once: a spoken code, a session, an address, a rule, a customer. All else is
looked for among the sessions.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from multidict import MultiDict

from console.codes import code_link, find_code
from console.contacting import kept
from console.context import console
from console.customer_pages import customer_link
from console.finding import TEXT_MAX, asked_of
from console.session_pages import Moment
from core.contacts import ContactQuery
from core.model import SessionQuery
from core.search import Find
from replay.memory import read_memory

FIELD = "/sessions#find"

_SESSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OF_SESSION = re.compile(r"/sessions/([^/?#]+)")

Lead = Callable[[web.Request, str], Awaitable[str | None]]
"""Says which address a text leads to; None if it names nothing of the kind."""


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/search", search)


async def search(request: web.Request) -> web.Response:
    """Lead to what is asked for."""
    text = request.query.get("q", "").strip()[:TEXT_MAX]
    if not text:
        raise web.HTTPSeeOther(FIELD)
    for lead in (_code, _session, _address, _path, _rule, _person, _memory):
        if (found := await lead(request, text)) is not None:
            raise web.HTTPSeeOther(found)
    raise web.HTTPSeeOther(f"/sessions?{urlencode({'q': text})}")


async def _code(request: web.Request, text: str) -> str | None:
    """Lead to the session that a spoken code stands for."""
    return await code_link(console(request).store, text, console(request).clock.now_ms())


async def _memory(request: web.Request, text: str) -> str | None:
    """
    Lead to the page that ranks visits by what a caller remembers, if there is a time in that, or a code with a slip.

    Last of all: a customer's number may look like a code, and the words may be found as they are.
    """
    store, now_ms = console(request).store, console(request).clock.now_ms()
    words = asked_of(request, MultiDict(q=text)).query
    if await store.count_sessions(words, most=1):
        return None
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if read_memory(text, now).spans or await find_code(store, text, now_ms):
        return f"/find?{urlencode({'q': text})}"
    return None


async def _session(request: web.Request, text: str) -> str | None:
    """Lead to the session whose id is typed, all of it."""
    if _SESSION.fullmatch(text):
        found = await console(request).store.session(text)
        return Moment(found.id).link if found else None
    return None


async def _address(request: web.Request, text: str) -> str | None:
    """Lead to the session whose link was pasted, or to the visits that saw the page of an address."""
    if not text.startswith(("http://", "https://")) or any(letter.isspace() for letter in text):
        return None
    try:
        url = urlsplit(text)
    except ValueError:
        return None
    of_session = _OF_SESSION.fullmatch(url.path)
    if of_session and await console(request).store.session(of_session[1]):
        return f"/sessions/{of_session[1]}" + (f"?{url.query}" if url.query else "")
    # Of a fragment a route is recorded, as a path (core/events.yaml: path).
    return _seen(url.fragment if url.fragment.startswith("/") else url.path or "/")


async def _path(request: web.Request, text: str) -> str | None:
    """Lead to the visits that saw the page at a path, if one did; else it is looked for in texts, too."""
    if not text.startswith("/") or any(letter.isspace() for letter in text):
        return None
    seen = SessionQuery(find=Find(include=(("page", text),)))
    return _seen(text) if await console(request).store.count_sessions(seen, most=1) else None


def _seen(path: str) -> str:
    return f"/sessions?{urlencode({'page': path})}"


async def _rule(request: web.Request, text: str) -> str | None:
    """Lead to the visits that a rule flagged, by its id or title in any language."""
    wanted = text.casefold()
    for rule in console(request).workbench.rules():
        if wanted in (rule.id.casefold(), *(title.casefold() for title in rule.title.values())):
            return f"/sessions?{urlencode({'rule': rule.id})}"
    return None


async def _person(request: web.Request, text: str) -> str | None:
    """Lead to the page of a customer; to the visit, if that is all there is."""
    store, id_ = console(request).store, kept(request, text)
    if await store.customer(id_) is None:
        return None
    found = await store.customer_sessions(id_, limit=2)
    if len(found) == 1 and not await store.count_contacts(ContactQuery(customer=id_)):
        return Moment(found[0].id).link
    return customer_link(id_)
