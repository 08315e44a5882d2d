"""
A request below /i/ as both ways of reading HTTP hand it over, and the answer to it.

Owns what an answer's headers are. Knows no transport: ingest.py makes `web.Response`s of
answers, front.py makes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import Refused


@dataclass(slots=True)
class Asked:
    """What a request says besides its body."""

    key: str  # of the site, as it stands in the path
    origin: str | None  # of the page; "null" for bytes that can be no origin
    user_agent: str
    address: bytes  # keyed hash of the client's network address


@dataclass(slots=True)
class Answer:
    """An answer that is JSON; *origin* is that of the page which may read it."""

    status: int
    body: bytes
    origin: str | None
    retry_after_s: int | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers, without length and date."""
        headers = {"Content-Type": "application/json", **cors(self.origin)}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return headers


def origin_of(text: str | None) -> str | None:
    """Return the page's origin; browsers send ASCII, what else comes is the origin of nobody."""
    return text if text is None or (text.isascii() and text.isprintable()) else "null"


def cors(origin: str | None) -> dict[str, str]:
    """
    Let the page of *origin* read the answer, a refusal too: it holds nothing but the reason.

    Without this a page of a wrong origin could not tell a refusal from a dead network,
    and would go on sending.
    """
    if origin is None:
        return {"Cache-Control": "no-store"}
    return {
        "Cache-Control": "no-store",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


def told(origin: str | None, values: dict[str, Any]) -> Answer:
    """Return the answer 200 that says *values*."""
    return Answer(200, orjson.dumps(values), origin)


def refusal(origin: str | None, refused: Refused) -> Answer:
    """Return the answer that tells *refused*."""
    values = {"ok": False, "code": refused.code, "error": refused.reason}
    return Answer(refused.status, orjson.dumps(values), origin, refused.retry_after_s)


BROKEN = Refused(503, "failed", "the server made an error; it is logged", retry_after_s=30)
"""What an unforeseen error tells: nothing of the server's insides."""
