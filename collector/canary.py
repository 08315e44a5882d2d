"""
The mark of requests that `stolper doctor` makes: a word in the User-Agent, with a signature.

What bears the mark is no visit: it is counted nowhere. A session with a genuine mark is also left
out of every list and struggle; whoever makes up a mark is recorded like anybody else.
"""

from __future__ import annotations

import hashlib
import hmac
import re

WORD = "StolperCanary/"
KEY = "canary marks"
"""Name of the server's key that signs marks."""

LIFE_S = 3600
"""A test takes a minute; a mark that is seen by others is soon of no use."""

_MARK = re.compile(re.escape(WORD) + r"(\d{10,11})\.([0-9a-f]{32})")


def claimed(user_agent: str) -> bool:
    """Say whether a request bears the word: what is not counted need not be proved."""
    return WORD in user_agent


def mark(key: bytes, now_ms: int) -> str:
    """Return a mark that is genuine for an hour, to be added to a User-Agent."""
    until = str(now_ms // 1000 + LIFE_S)
    return f"{WORD}{until}.{_signature(key, until)}"


def genuine(user_agent: str, key: bytes, now_ms: int) -> bool:
    """Say whether *user_agent* bears a mark that was signed with *key* and is still good."""
    found = _MARK.search(user_agent)
    if found is None or not 0 <= int(found[1]) - now_ms // 1000 <= LIFE_S:
        return False
    return hmac.compare_digest(_signature(key, found[1]), found[2])


def _signature(key: bytes, until: str) -> str:
    return hmac.new(key, until.encode(), hashlib.sha256).hexdigest()[:32]
