"""
The signature of a webhook that brings contacts: Standard Webhooks, as Stolper's own alerts are signed.

`v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

WINDOW_S = 300
"""How far a message's time may lie from now: what was overheard is of no use later. As the standard recommends."""

MOST_ID = 200


class Unsigned(Exception):
    """A message is not taken; the text says why."""


def secret_text(key: bytes) -> str:
    """Return the secret of a source as its owner is given it."""
    return "whsec_" + base64.b64encode(key).decode()


def sign(key: bytes, id_: str, at_s: int, body: bytes) -> str:
    """Return the signature of a message."""
    made = hmac.new(key, f"{id_}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def check(key: bytes, id_: str, timestamp: str, signatures: str, body: bytes, now_ms: int) -> None:
    """
    Make sure that whoever has *key* sent *body* just now, under the name *id_*. Raise Unsigned.

    *signatures* are separated by blanks, as while a sender changes its secret; one of them must be right.
    """
    if not 0 < len(id_) <= MOST_ID or not id_.isprintable():
        raise Unsigned(f"webhook-id is missing, or longer than {MOST_ID} characters")
    if not re.fullmatch(r"\d{1,12}", timestamp):
        raise Unsigned("webhook-timestamp is the time of sending in Unix seconds")
    if abs(now_ms / 1000 - int(timestamp)) > WINDOW_S:
        raise Unsigned(f"webhook-timestamp lies more than {WINDOW_S} seconds from now")
    expected = sign(key, id_, int(timestamp), body).encode()
    right = False
    for one in signatures.split(" "):  # all are compared, whichever is right
        right |= hmac.compare_digest(expected, one.encode("utf-8", "surrogatepass"))
    if not right:
        raise Unsigned("there is no such source, or webhook-signature is not made with its secret")
