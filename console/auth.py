"""
Owns who may do what: sign-in cookies, form tokens, API tokens, and the middleware that
asks for them. A route is closed unless it says `@open_to_all`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from aiohttp import hdrs, web

from console.accounts import find_token
from console.context import console, is_https, signer
from console.signing import Signer
from core.model import Scope, Token, User

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
H = TypeVar("H", bound=Handler)

_OPEN: set[Handler] = set()
_UNUSED: set[Handler] = set()
_SIGNED: set[Handler] = set()
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_OPEN_PREFIXES = ("/static/", "/player/")
_API = "/api/"
METRICS = "/api/v1/metrics"
"""Below the API, so that a token is asked for: behind a proxy everybody comes from the loopback address."""

SOURCE_MAPS = "/api/v1/sites/{site}/source-maps"
"""The route of what a build may do: its token can do nothing else, whatever else is called source-maps."""

CONTACTS = "/api/v1/contacts"
"""Below here is what a token of scope contacts may do."""

FOLDER = "folder."
"""Begins the word of a command that runs on the data folder."""

FOLDER_MS = 60_000

_FORM_COOKIE = "stolper_form"
_FORM_MS = 12 * 3_600_000

OWNERS = frozenset({"owner"})
"""Roles that may switch recording, and see who did what."""

EDITORS = frozenset({"owner", "analyst"})
"""Roles that may change rules."""

ENDERS = frozenset({"owner", "analyst", "support"})
"""Roles that may end a session; a viewer only looks."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, the random id of that sign-in, and a mark of the password it was made by."""

    user: str
    id: str
    mark: str


SIGNED_IN = web.RequestKey("signed_in", SignedIn)
ROLE = web.RequestKey("role", str)
"""Of whoever is signed in, as the store has it at this request."""

TOKEN = web.RequestKey("token", Token)


class ApiError(Exception):
    """An answer of the JSON API that is an error. *code* is stable, *error* is for people."""

    def __init__(self, status: int, code: str, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.code = code
        self.error = error


class RoleMissing(web.HTTPForbidden):
    """Somebody who is signed in may not do this; the page says in their language who may."""

    def __init__(self, needed: frozenset[str]) -> None:
        super().__init__()
        self.needed = needed


def open_to_all(handler: H) -> H:
    """Let *handler* be reached without sign-in; it checks for itself what it must."""
    _OPEN.add(handler)
    return handler


def by_itself(handler: H) -> H:
    """Say that a page asks for *handler* by itself: it is no sign that somebody is there."""
    _UNUSED.add(handler)
    return handler


def checks_for_itself(handler: H) -> H:
    """Let *handler*, a route of the API, be reached without a token: what comes there is signed, and it checks that."""
    _SIGNED.add(handler)
    return handler


def asks_by_itself(request: web.Request) -> bool:
    """Return whether a page asks by itself, and no person."""
    return request.match_info.handler in _UNUSED


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass only if whoever sent it may. API routes are for tokens, pages for cookies."""
    if request.path.startswith(_API):
        if request.match_info.handler not in _SIGNED:
            await _check_api_token(request)
        return await handler(request)
    if request.method not in _SAFE:
        _check_origin(request)
    if request.match_info.http_exception is not None:  # no such route: nothing to guard
        return await handler(request)
    who = await _signed_in(request)
    if who is not None:
        request[SIGNED_IN] = who
    elif not _is_open(request):
        raise _to_sign_in(request)
    if request.method not in _SAFE:
        await _check_form_token(request)
    return await handler(request)


def require(request: web.Request, scope: Scope) -> None:
    """Raise ApiError if the request's token does not have *scope*. admin includes read."""
    if scope == "admin" and request[TOKEN].scope != "admin":
        raise ApiError(403, "scope", "this needs a token of scope admin")


def require_scope(request: web.Request, *scopes: Scope) -> None:
    """Raise ApiError if the request's token has none of *scopes*."""
    if request[TOKEN].scope not in scopes:
        raise ApiError(403, "scope", f"this needs a token of scope {' or '.join(scopes)}")


async def has_role(request: web.Request, roles: frozenset[str]) -> bool:
    """Return whether whoever is signed in has one of *roles*, as the store had it when this request came."""
    return request[ROLE] in roles


async def require_role(request: web.Request, roles: frozenset[str]) -> str:
    """Return the name of whoever is signed in. Raise RoleMissing if they have none of *roles*."""
    if not await has_role(request, roles):
        raise RoleMissing(roles)
    return request[SIGNED_IN].user


async def may_edit(request: web.Request) -> bool:
    """Return whether whoever is signed in may change rules."""
    return await has_role(request, EDITORS)


async def require_editor(request: web.Request) -> str:
    """Return the name of whoever is signed in. Raise RoleMissing if they may not change rules."""
    return await require_role(request, EDITORS)


async def sign_in(request: web.Request, response: web.StreamResponse, user: User) -> None:
    """Keep *user* signed in, and set the cookie that says so."""
    hours = console(request).settings.console.session_hours
    expires = console(request).clock.now_ms() + hours * 3_600_000
    id_ = secrets.token_urlsafe(12)
    await console(request).sign_ins.begin(id_, expires)
    parts = [user.name, id_, _password_mark(request, user)]
    response.set_cookie(
        _cookie_name(request),
        signer(request).sign("sign-in", parts, expires),
        max_age=hours * 3600,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=is_https(request),
    )


async def sign_out(request: web.Request, response: web.StreamResponse) -> None:
    """Take the cookie away, and end what was made with it."""
    who = request.get(SIGNED_IN)
    if who is not None:
        hours = console(request).settings.console.session_hours
        until = console(request).clock.now_ms() + hours * 3_600_000
        await console(request).sign_ins.end(who.id, until)
    response.del_cookie(
        _cookie_name(request), path="/", httponly=True, samesite="Strict", secure=is_https(request)
    )


def form_token(request: web.Request, response_cookies: dict[str, str]) -> str:
    """
    Return the token that forms on this page must send back.

    It is bound to the sign-in, or, before that, to a random cookie that is put into
    *response_cookies*.
    """
    who = request.get(SIGNED_IN)
    bound = who.id if who else request.cookies.get(_FORM_COOKIE)
    if bound is None:
        bound = response_cookies[_FORM_COOKIE] = secrets.token_urlsafe(12)
    return signer(request).sign("form", [bound], console(request).clock.now_ms() + _FORM_MS)


def _cookie_name(request: web.Request) -> str:
    """Return the cookie's name; the __Host- prefix, which pins it to the host, needs https."""
    return "__Host-stolper" if is_https(request) else "stolper"


async def _signed_in(request: web.Request) -> SignedIn | None:
    token = request.cookies.get(_cookie_name(request))
    if not token:
        return None
    parts = signer(request).read("sign-in", token, console(request).clock.now_ms())
    if parts is None:
        return None
    who = SignedIn(*parts)
    use = not asks_by_itself(request) and not request.path.startswith(_OPEN_PREFIXES)
    return who if await still_in(request, who, use=use) else None


async def still_in(request: web.Request, who: SignedIn, *, use: bool = False) -> bool:
    """
    Return whether the sign-in *who* holds: no sign-out, no new password, no long pause since.

    With *use* somebody is there now, and the pause ends.
    """
    user = await console(request).store.user(who.user)
    if user is not None:
        request[ROLE] = user.role
    if user is None or not secrets.compare_digest(who.mark, _password_mark(request, user)):
        return False
    return await console(request).sign_ins.holds(who.id, use=use)


def _password_mark(request: web.Request, user: User) -> str:
    """Return a mark of the password, so that a new one ends all sign-ins made with the old."""
    return signer(request).mac("password", user.password_hash)[:16]


def _is_open(request: web.Request) -> bool:
    return request.match_info.handler in _OPEN or request.path.startswith(_OPEN_PREFIXES)


def _to_sign_in(request: web.Request) -> web.HTTPException:
    if request.method not in _SAFE or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
        return web.HTTPUnauthorized(text="sign in first")
    return web.HTTPSeeOther(f"/sign-in?next={quote(request.path_qs, safe='')}")


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin != console(request).proxies.base_url(request):
        raise web.HTTPForbidden(text="this form was sent from another site")


async def _check_form_token(request: web.Request) -> None:
    form = await request.post()
    token = form.get("form_token")
    who = request.get(SIGNED_IN)
    bound = who.id if who else request.cookies.get(_FORM_COOKIE)
    now = console(request).clock.now_ms()
    parts = signer(request).read("form", token, now) if isinstance(token, str) else None
    if parts is None or bound is None or parts != [bound]:
        raise web.HTTPForbidden(text="this form is too old; load the page again")


async def _check_api_token(request: web.Request) -> None:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise ApiError(401, "unauthorized", "send a token: Authorization: Bearer TOKEN")
    token = _of_the_folder(request, text.strip())
    token = token or await find_token(console(request).store, text.strip())
    if token is None:
        raise ApiError(401, "unauthorized", "this token is not known")
    if token.scope == "metrics" and request.path != METRICS:
        raise ApiError(403, "scope", "a token of scope metrics reads metrics and nothing else")
    resource = request.match_info.route.resource
    if token.scope == "sourcemaps" and not (resource and resource.canonical == SOURCE_MAPS):
        raise ApiError(
            403, "scope", "a token of scope sourcemaps keeps source maps and nothing else"
        )
    if token.scope == "contacts" and not (resource and resource.canonical.startswith(CONTACTS)):
        raise ApiError(
            403, "scope", "a token of scope contacts reads and writes contacts, nothing else"
        )
    request[TOKEN] = token


def _of_the_folder(request: web.Request, text: str) -> Token | None:
    """Return the authority of a command that runs on the server's own data folder, if *text* is its word."""
    if not text.startswith(FOLDER):
        return None
    word, now_ms = text.removeprefix(FOLDER), console(request).clock.now_ms()
    if signer(request).read("folder", word, now_ms) is None:
        return None
    return Token("of the command line", "admin", now_ms)


def folder_word(signer: Signer, now_ms: int) -> str:
    """
    Return the word by which a command shows that it can read the data folder, good for a minute.

    It is signed with the folder's own key: whoever has that could change everything anyhow.
    """
    return FOLDER + signer.sign("folder", [secrets.token_hex(8)], now_ms + FOLDER_MS)
