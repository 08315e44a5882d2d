"""
Removing what is stored: because it is old, because there is too much of it, because somebody asks.

Owns who may be named and what is told of it afterwards. A **tombstone** is a keyed hash of what was
erased: it names nobody, and lets the store refuse what comes again, from a browser or a backup.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.errors import UserError

Kind = Literal["customer", "visitor", "session", "contact"]
KINDS: tuple[Kind, ...] = ("customer", "visitor", "session")
"""Who may be named by whoever asks; a contact is erased at its own page."""

ALL_KINDS: tuple[Kind, ...] = get_args(Kind)

KEY = "tombstones"
"""Name of the server's key that tombstones are made with."""

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Whom:
    """
    Whose data is meant: a customer (`identify`), a visitor (mode `full`), one session or one contact.

    *id* is as the store has it (an e-mail address as its keyed hash); *site* is a key, None all sites.
    """

    kind: Kind
    id: str
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The keyed hash of somebody who was erased, at *at_ms*; of a customer or visitor what began before."""

    hash: bytes
    kind: Kind
    at_ms: int


@dataclass(frozen=True, slots=True)
class Erased:
    """
    What an erasure came to. *subject* stands for whoever it was in the audit, by a keyed hash.

    *bytes* of recordings and assets were overwritten; *pages* of the database held remains.
    """

    subject: str
    sessions: int
    assets: int = 0
    bytes: int = 0
    pages: int = 0
    stocks: int = 0
    contacts: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """Sessions (or assets) that were removed, what they took, and sessions by site."""

    sessions: int = 0
    bytes: int = 0
    sites: tuple[tuple[str, int], ...] = ()


def tombstone(key: bytes, kind: Kind, id_: str, site: str | None = None) -> bytes:
    """Return the hash that stands for *id_*; sessions' ids are of all sites."""
    where = "" if site is None or kind == "session" else site
    return hmac.new(key, f"{kind}\0{where}\0{id_}".encode(), hashlib.sha256).digest()[:16]


def subject(key: bytes, whom: Whom) -> str:
    """Return what stands for *whom* in the audit."""
    return f"{whom.kind} #{tombstone(key, whom.kind, whom.id, whom.site).hex()}"


def listed(key: bytes, stones: list[Tombstone]) -> dict[str, Any]:
    """Return the list of all tombstones as JSON, for a backup that is to be restored elsewhere."""
    return {
        "format": FORMAT,
        "key": key.hex(),
        "erased": [[one.hash.hex(), one.kind, one.at_ms] for one in stones],
    }


def read_list(told: Any) -> tuple[bytes, list[Tombstone]]:
    """Return key and tombstones of what listed() gave. Raise UserError if it is none."""
    try:
        if told["format"] != FORMAT:
            raise ValueError("another format")
        stones = [
            Tombstone(bytes.fromhex(hash_), kind, int(at_ms))
            for hash_, kind, at_ms in told["erased"]
            if kind in ALL_KINDS
        ]
        return bytes.fromhex(told["key"]), stones
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "that is no list of what was erased; `stolper erase --list` writes one"
        ) from None
