"""Owns signing in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from console.auth import open_to_all, sign_in, sign_out
from console.context import console
from console.pages import render

_BUSY_S = 2  # until the checks that wait are done


def add_routes(app: web.Application) -> None:
    """Add the routes of this module to *app*."""
    app.router.add_get("/sign-in", show)
    app.router.add_post("/sign-in", enter)
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
    throttle = console(request).throttle
    guesser = console(request).addresses.hashed(console(request).proxies.client(request)).hex()
    wait_s = -(-throttle.wait_ms(guesser) // 1000)
    if console(request).passwords.busy:
        wait_s = max(wait_s, _BUSY_S)
    _ = console(request).languages.of(request).gettext
    if wait_s:
        error = _("Too many attempts. Try again in %(seconds)s s.") % {"seconds": wait_s}
        page = render(request, "sign_in.html", status=429, next=onward, error=error)
        page.headers["Retry-After"] = str(wait_s)
        return page
    throttle.failed(guesser)  # before the check, or tries at once would all count as the first
    user = await console(request).passwords.check(name, password)
    if user is None:
        error = _("Name or password is wrong.")
        return render(request, "sign_in.html", status=401, next=onward, error=error)
    throttle.succeeded(guesser)
    response = web.HTTPSeeOther(onward)
    sign_in(request, response, user)
    # No address: none is kept anywhere.
    await console(request).store.audit(console(request).clock.now_ms(), user.name, "signed_in", "")
    raise response


async def leave(request: web.Request) -> web.Response:
    """Sign out."""
    response = web.HTTPSeeOther("/sign-in")
    sign_out(request, response)
    raise response


def _local(target: str) -> str:
    """Return *target* if it is a path of this console, else the start page."""
    parts = urlsplit(target)
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if local and not parts.scheme and not parts.netloc else "/"
