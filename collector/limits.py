"""
Token buckets: how much a site or a network address may send.

Addresses live here only as keyed hashes, in memory, under a key made at start.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from math import ceil

from core.clock import Clock

MOST_BUCKETS = 50_000
"""Bounds the memory (about 10 MB) under a flood of addresses; the least recent goes first."""

MOST_SESSIONS = 100_000
"""Sessions known to have begun; one that fell out is counted as new once more."""


class Buckets:
    """One kind of limit: *rate* a second on average, *burst* at once, for each key."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str | bytes, tuple[float, int]] = OrderedDict()

    def take(self, key: str | bytes) -> int:
        """Take one token of *key*; return 0, or the whole seconds until there is one again."""
        now = self._clock.now_ms()
        level, then = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + max(0, now - then) * self._rate / 1000)
        wait = 0 if level >= 1 else max(1, ceil((1 - level) / self._rate))
        self._levels[key] = (level if wait else level - 1, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait


class KnownSessions:
    """Sessions that were seen of late, so that only the others count as begun."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, session: str) -> bool:
        return session in self._known

    def add(self, session: str) -> None:
        """Note that *session* has begun."""
        self._known[session] = None
        self._known.move_to_end(session)
        if len(self._known) > MOST_SESSIONS:
            self._known.popitem(last=False)


class Addresses:
    """Turns network addresses into keys of buckets that say nothing of them."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def hashed(self, address: str) -> bytes:
        """Return the keyed hash of *address*; of an IPv6 address, that of its /64 network."""
        if ":" in address:
            address = _network(address)
        return hashlib.blake2b(address.encode(), key=self._key, digest_size=16).digest()


def _network(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address  # no address at all; then its text is the key
    if parsed.ipv4_mapped is not None:  # how a socket for both families shows IPv4 clients
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
