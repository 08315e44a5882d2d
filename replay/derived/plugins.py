"""
What some tools record beside the picture: console lines, requests, addresses of single-page
applications.

Formats: rrweb's console plugin (`rrweb/console@1`), the network plugin that PostHog and others have
(`rrweb/network@1`), and custom events that tell an address (`$pageview`, `$url_changed`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from replay.derived.page import Page
from replay.derived.policy import split
from replay.derived.wording import masked_message, short_hash

Data = dict[str, Any]

PLUGIN, CUSTOM = 6, 5
MOST_LINES = 50
HOUR_MS = 3_600_000
SENSITIVE_ID = re.compile(r"\d+|[0-9a-f-]{16,}", re.IGNORECASE)
ROUTES = frozenset(["$pageview", "$url_changed", "url-change", "navigation"])


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: *begin* and *end* in the recording's milliseconds, *facts* of its event."""

    begin: float
    end: float | None
    facts: Data


class Console:
    """The console of one document."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._told = 0

    def said(self, payload: Data, t: float) -> None:
        """Tell a line that is an error or a warning: its hash, never its words."""
        level = payload.get("level")
        kind = "warn" if level == "warn" else "error" if level in ("error", "assert") else None
        if kind is None or self._told >= MOST_LINES:
            return
        self._told += 1
        words = payload.get("payload")
        text = " ".join(str(one) for one in words) if isinstance(words, list) else str(words)
        masked = masked_message(text, self._page.policy, self._page.href)
        self._page.emit("console", t, {"level": kind, "hash": short_hash(masked)})


def requests(payload: Data, t: float, page: Page) -> list[Asked]:
    """Return the requests that scripts made, of a network plugin's *payload* at *t*."""
    found = payload.get("requests")
    return [
        asked
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and (asked := _asked(one, t, page)) is not None
    ]


def _asked(one: Data, t: float, page: Page) -> Asked | None:
    by = one.get("initiatorType")
    kind = {"fetch": "fetch", "xmlhttprequest": "xhr", "beacon": "beacon"}.get(str(by))
    url = one.get("name") or one.get("url")
    if kind is None or not isinstance(url, str):
        return None
    told, lasted = _number(one.get("timestamp")), _number(one.get("duration"))
    begin = told if told is not None and abs(told - t) < HOUR_MS else t
    status = one.get("status", one.get("responseStatus"))
    place = page.policy.place(url, page.href)
    facts: Data = {"kind": kind, "url": _template(place), "first_party": is_first_party(url, page)}
    if isinstance(method := one.get("method"), str) and re.fullmatch("[A-Za-z]{3,10}", method):
        facts["method"] = method.upper()
    if isinstance(status, int) and 0 <= status < 1000:
        facts["status"] = status
    end = None
    if lasted is not None and 0 <= lasted < HOUR_MS:
        facts["duration_ms"] = round(lasted)
        end = begin + lasted
    return Asked(begin, end, facts)


def route(data: Data) -> str | None:
    """Return the address that a custom event tells; None if it tells none."""
    payload = data.get("payload")
    if data.get("tag") not in ROUTES or not isinstance(payload, dict):
        return None
    href = payload.get("href") or payload.get("url")
    return href if isinstance(href, str) and split(href) is not None else None


def is_first_party(url: str, page: Page) -> bool:
    """Say whether *url* is of the page's own origin."""
    parts, here = split(url), split(page.href)
    if parts is None or here is None or not parts.netloc:
        return True
    return (parts.scheme or here.scheme, parts.netloc) == (here.scheme, here.netloc)


def _template(place: str) -> str:
    front, *rest = place.split("/")
    return "/".join([front, *(":id" if SENSITIVE_ID.fullmatch(one) else one for one in rest)])


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None
