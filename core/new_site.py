"""Makes sites of what an owner enters, on the command line or in the console."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from typing import Literal
from urllib.parse import urlsplit

from core.errors import UserError
from core.model import Mode, Privacy, Site

Why = Literal["none", "pattern", "more"]

NAME_MAX = 80
LEAST_IDLE_MS = 1_000
IDLE_MS = 30 * 60_000
MOST_ORIGINS = 50

_HOST = re.compile(r"(?!-)[a-z0-9_.-]{1,253}|\[[0-9a-f:.]+\]")


class NoOrigin(ValueError):
    """A text is no origin, says why, and what to write. *origin* is the one that it is more than."""

    def __init__(self, why: Why, text: str, origin: str = "") -> None:
        super().__init__(text)
        self.why = why
        self.origin = origin


def new_site(
    name: str,
    origins: Sequence[str],
    *,
    mode: Mode,
    privacy: Privacy,
    idle_timeout_ms: int = IDLE_MS,
    now_ms: int,
) -> Site:
    """
    Return a site with a key of its own. *origins* are as origin_of() returns them.

    Raise UserError, with what to write, if that cannot be.
    """
    if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        raise UserError(f"NAME is one line of 1 to {NAME_MAX} characters.")
    if idle_timeout_ms < LEAST_IDLE_MS:
        raise UserError("--idle-timeout is at least 1s.")
    return Site(
        key="s" + secrets.token_hex(8),
        name=name,
        origins=tuple(dict.fromkeys(origins)),
        mode=mode,
        privacy=privacy,
        idle_timeout_ms=idle_timeout_ms,
        created_ms=now_ms,
    )


def free_name(origin: str, taken: Collection[str]) -> str:
    """Return a name for the site at *origin* that is not *taken*: its host, with a number if need be."""
    host = origin.rpartition("//")[2][: NAME_MAX - 4]
    names = (host, *(f"{host}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def origin_of(text: str) -> str:
    """
    Return the origin that *text* writes, as a browser sends it: lower case, ASCII, no default port.

    `null` is that of pages without one: in a sandbox, from a file. Raise NoOrigin, with what to write,
    if it is no origin or names more than one.
    """
    if text == "null":
        return text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise NoOrigin(
            "none", f"is no origin ({error}). Write e.g. https://www.example.org"
        ) from None
    if "*" in text:
        raise NoOrigin("pattern", "is a pattern. Give each origin by itself.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoOrigin("none", "is no origin. Write e.g. https://www.example.org")
    try:
        host = parts.hostname.encode("idna").decode().lower()
    except UnicodeError:
        host = ""
    host = f"[{host}]" if ":" in parts.hostname else host
    if not _HOST.fullmatch(host):
        raise NoOrigin("none", "has no valid host. Write e.g. https://www.example.org")
    default = {"http": 80, "https": 443}[parts.scheme]
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise NoOrigin("more", f"is more than an origin. Write {origin}", origin)
    return origin
