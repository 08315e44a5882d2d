"""
Owns short texts that only this server can have made: sign-in cookies, form tokens and
the player's tokens. Leaves what they say, and how long they last, to their users.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets


class Signer:
    """Signs with one key of the store. A *kind* keeps a token of one use from serving another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, kind: str, parts: list[str], expires_ms: int) -> str:
        """
        Return a URL-safe text that holds *parts* until *expires_ms*. It is readable by anyone.

        Each is another, also of the same parts: none can be guessed bit by bit from compressed answers.
        """
        salted = [parts, expires_ms, secrets.token_urlsafe(6)]
        payload = _encode(json.dumps(salted, separators=(",", ":")).encode())
        return f"{payload}.{self.mac(kind, payload)}"

    def read(self, kind: str, token: str, now_ms: int) -> list[str] | None:
        """Return the parts of *token*; None if it is not ours, of another kind, or expired."""
        if not token.isascii():  # none of ours; bytes that are no text would not even encode
            return None
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self.mac(kind, payload).encode()):
            return None
        parts, expires_ms, *_ = json.loads(_decode(payload))  # older ones have no salt
        return list(parts) if now_ms < expires_ms else None

    def mac(self, kind: str, text: str) -> str:
        """Return the code that binds *text* to *kind*."""
        digest = hmac.new(self._key, f"{kind}\0{text}".encode(), hashlib.sha256).digest()
        return _encode(digest[:24])


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:  # unreachable for text that carries our code; never trust that
        return b"[[], 0]"
