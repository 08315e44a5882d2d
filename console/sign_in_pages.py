"""Owns signing in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from console.accounts import OWNER, Throttle
from console.auth import SIGNED_IN, open_to_all, sign_in, sign_out
from console.context import console
from console.pages import render
from console.password_policy import MOST
from core.model import SessionQuery, User

_BUSY_S = 2  # until the checks that wait are done


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sign-in", show)
    app.router.add_post("/sign-in", enter)
    app.router.add_get(
        "/enter/{word}", come_in, allow_head=False
    )  # a look ahead must not use it up
    app.router.add_post("/sign-out", leave)


@open_to_all
async def show(request: web.Request) -> web.Response:
    """Show the form."""
    return render(request, "sign_in.html", next=_local(request.query.get("next", "/")), error=None)


@open_to_all
async def enter(request: web.Request) -> web.Response:
    """Sign in, or say why not: who guesses must wait longer each time."""
    form = await request.post()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    onward = _local(str(form.get("next", "/")))
    guesser = console(request).addresses.hashed(console(request).proxies.client(request)).hex()
    if wait_s := _wait_s(request, guesser, name):
        return _too_many(request, onward, wait_s)
    throttles = _throttles(request, guesser, name)
    for (
        throttle,
        who,
    ) in throttles:  # before the check, or tries at once would all count as the first
        throttle.failed(who)
    user = await console(request).passwords.check(name, password)
    if user is None:
        await _note_failure(request, name)
        _ = console(request).languages.of(request).gettext
        error = _("Name or password is wrong.")
        return render(request, "sign_in.html", status=401, next=onward, error=error)
    for throttle, who in throttles:
        throttle.succeeded(who)
    console(request).known.add(guesser, user.name)
    raise await _signed_in(request, user, onward)


@open_to_all
async def come_in(request: web.Request) -> web.Response:
    """Sign the owner in by the link of the first start, and show the newest visit if there is one."""
    shared = console(request)
    owner = await shared.store.user(OWNER)
    if owner is None or not shared.first_link.take(request.match_info["word"], owner):
        _ = shared.languages.of(request).gettext
        error = _("This link has been used, or is too old. Sign in with the password.")
        return render(request, "sign_in.html", status=410, next="/", error=error)
    newest = await shared.store.sessions(SessionQuery(limit=1))
    raise await _signed_in(request, owner, f"/sessions/{newest[0].id}" if newest else "/")


async def _signed_in(request: web.Request, user: User, onward: str) -> web.HTTPSeeOther:
    """Sign *user* in; return the answer that leads *onward*."""
    response = web.HTTPSeeOther(onward)
    await sign_out(request, response)  # whoever was signed in here; the new sign-in has a new id
    await sign_in(request, response, user)
    # No address: none is kept anywhere.
    await console(request).store.audit(console(request).clock.now_ms(), user.name, "signed_in", "")
    return response


def _throttles(request: web.Request, guesser: str, name: str) -> list[tuple[Throttle, str]]:
    """Return what counts this try: by address, and by name unless the name's owner was here before."""
    found = [(console(request).throttle, guesser)]
    if (guesser, name) not in console(request).known:
        found.append((console(request).by_name, name[:MOST]))
    return found


def _wait_s(request: web.Request, guesser: str, name: str) -> int:
    """Return for how many seconds no try is taken; 0: one is."""
    waits = [throttle.wait_ms(who) for throttle, who in _throttles(request, guesser, name)]
    wait_s = -(-max(waits) // 1000)
    return max(wait_s, _BUSY_S) if console(request).passwords.busy else wait_s


def _too_many(request: web.Request, onward: str, wait_s: int) -> web.Response:
    _ = console(request).languages.of(request).gettext
    error = _("Too many attempts. Try again in %(seconds)s s.") % {"seconds": wait_s}
    page = render(request, "sign_in.html", status=429, next=onward, error=error)
    page.headers["Retry-After"] = str(wait_s)
    return page


async def _note_failure(request: web.Request, name: str) -> None:
    """Note a wrong password. A name that is nobody's is not kept: it may be a password in its place."""
    store = console(request).store
    who = name if await store.user(name) else ""
    await store.audit(console(request).clock.now_ms(), who, "sign_in_failed", "")


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    response = web.HTTPSeeOther("/sign-in")
    await sign_out(request, response)
    who = request[SIGNED_IN].user
    await console(request).store.audit(console(request).clock.now_ms(), who, "signed_out", "")
    raise response


def _local(target: str) -> str:
    """Return *target* if it is a path of this console, else the start page."""
    parts = urlsplit(target)
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local and not parts.scheme and not parts.netloc else "/"
