"""Owns what every handler of the console needs, in one object, reached by one key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from collector.limits import Addresses
from collector.proxies import Proxies
from console.accounts import Known, Passwords, Throttle
from console.alerting import Alerting
from console.erasing import Eraser
from console.first_link import FirstLink
from console.language import Languages
from console.live import Live
from console.reporting import Reports
from console.sign_ins import SignIns
from console.signing import Signer
from console.workbench import Workbench
from core.clock import Clock
from core.model import Session
from core.settings import Settings
from core.store import Store


@dataclass(frozen=True, slots=True)
class Console:
    """The console's dependencies. *signer* is made when the store is open, at start-up."""

    store: Store
    clock: Clock
    settings: Settings
    live: Live
    end_session: Callable[[str], Awaitable[Session | None]]
    player_dir: Path
    languages: Languages
    passwords: Passwords
    throttle: Throttle  # per address
    by_name: Throttle  # per name, for guesses from many addresses
    known: Known
    addresses: Addresses
    sign_ins: SignIns
    first_link: FirstLink
    proxies: Proxies
    workbench: Workbench
    public_url: Callable[[], str]
    snippet_version: str  # that this server hands out; "" where it is not built
    metrics: Callable[[], bytes] | None
    eraser: Eraser | None
    alerting: Alerting | None
    reports: Reports


CONSOLE = web.AppKey("console", Console)
SIGNER = web.AppKey("signer", Signer)
IDENTITY_KEY = web.AppKey("identity key", bytes)
"""Under which e-mail addresses are kept as hashes; whoever looks for one types the address."""


def console(request: web.Request) -> Console:
    """Return the dependencies of the application that *request* came to."""
    return request.app[CONSOLE]


def signer(request: web.Request) -> Signer:
    """Return the signer of the application that *request* came to."""
    return request.app[SIGNER]


def workbench(request: web.Request) -> Workbench:
    """Return who keeps the rules."""
    return console(request).workbench


def is_https(request: web.Request) -> bool:
    """Return whether the browser came by https, directly or through a trusted proxy."""
    return (console(request).proxies.base_url(request) or "").startswith("https:")


def route_of(request: web.Request) -> str:
    """Return method and route for the log. The path itself may hold the stage's token."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else 'no such route'}"
