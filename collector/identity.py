"""
Who the site says its visitor is, as far as it may be kept.

An id that is or holds an e-mail address is kept as a keyed hash only. A signature by the
site's server makes an identity verified; others are shown as unverified everywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

_EMAIL = re.compile(r"(?<=[^@\s])@[^@\s]+\.[^@\s]")
"""An address anywhere, from its @ on: a pattern that began before it would try each letter of a long text."""

_NAMED = re.compile(r"[^<>@]*<([^<>@\s]+@[^<>@\s]+)>")
"""An address as mail programs write it, with the name of whoever has it."""

HASHES = "identity hashes"
"""Name of the server's key for hashes of e-mail addresses."""


def key_name(site_key: str) -> str:
    """Return the name of the server's key that signs identities of the site *site_key*."""
    return f"identity signatures of {site_key}"


def signing_text(key: bytes) -> bytes:
    """Return the site's identity key as its owner is given it: hexadecimal text, used as it is."""
    return key.hex().encode()


def sign(key: bytes, id_: str) -> str:
    """Return the signature of *id_*, as the site's server makes it: hex HMAC-SHA256."""
    return hmac.new(signing_text(key), id_.encode(), hashlib.sha256).hexdigest()


def checked(
    id_: str, signature: str | None, *, signing_key: bytes, hash_key: bytes
) -> dict[str, Any]:
    """Return what is kept of an identity: `id`, `hashed` and `verified`."""
    expected = sign(signing_key, id_).encode()
    verified = signature is not None and hmac.compare_digest(expected, signature.lower().encode())
    plain, hashed = kept_id(id_, hash_key)
    return {"id": plain, "hashed": hashed, "verified": verified}


def has_email(text: str) -> bool:
    """Say whether an e-mail address stands anywhere in *text*."""
    return _EMAIL.search(text) is not None


def kept_id(id_: str, hash_key: bytes) -> tuple[str, bool]:
    """
    Return what is kept of an id, and whether that is a hash: an e-mail address's.

    `Ann <ann@example.org>` is the address; of any other text that holds one all is hashed.
    """
    plain = id_.strip()
    if (named := _NAMED.fullmatch(plain)) is not None:
        plain = named[1]
    if not has_email(plain):
        return plain, False
    digest = hmac.new(hash_key, plain.lower().encode(), hashlib.sha256).hexdigest()
    return f"email:{digest[:32]}", True
