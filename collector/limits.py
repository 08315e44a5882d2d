"""
Token buckets: how much a site or a network address may send, and of what.

Addresses live here only as keyed hashes, in memory, under a key that is made at start and changes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from math import ceil

from core.clock import Clock
from core.errors import Refused
from core.settings import CollectorSettings

MOST_BUCKETS = 50_000
"""Bounds the memory (about 10 MB) under a flood of addresses; the least recent goes first."""

MOST_SESSIONS = 100_000
"""Sessions known to have begun; one that fell out is counted as new once more."""

KEY_LIFE_MS = 24 * 3_600_000
"""A hash says for so long at most that two requests are of one address; then all begin anew."""

ASSETS_PER_MIN = 60
"""Assets that one network address may hand in: a page has some ten, a site some hundred."""

ASSETS_SHARE = 0.1
"""Of a site's room for assets, what one address fills in a day: nobody takes all of it alone."""

LEAST_SHARE_BYTES = 4_000_000
"""That much anyway: where the room is small, one page's fonts and sheets still fit."""

EARLY_PER_MIN = 60
"""Pages left early, of one address. They are one in some twenty of the pages of an office."""

PROBES_PER_MIN = 60
"""`stolper doctor` sends two or three."""

CODES_PER_MIN = 60
"""Spoken codes and links, of one address: an office in which many call at the same time."""

SESSION_CODES_PER_MIN = 10
"""The same of one session: its visitor presses a button, again after a while."""

MISSES_PER_MIN = 120
"""
Requests with keys that no site has, of one address: each asks the database. An office whose
intranet has an old line comes to one a page; a program that guesses comes to thousands.
"""

FREE_HEAD_BYTES = 32 << 10
HEAD_BYTES = 8 << 10
"""
Each so many bytes of a head beyond the free ones count as one batch more: a page's heads have 1 to
20 KB and take 0.2 ms, but one of 1 MB that is made to be slow takes 300 ms.
"""

BODY_BYTES = 64 << 10
"""Each so many bytes of a body count as one batch more; pages send at 48 KB."""


class Buckets:
    """One kind of limit: *rate* a second on average, *burst* at once, for each key."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._levels: OrderedDict[str | bytes, tuple[float, int]] = OrderedDict()

    def take(self, key: str | bytes, amount: float = 1) -> int:
        """
        Take *amount* tokens of *key*; return 0, or the whole seconds until there are as many again.

        More than the burst is the burst.
        """
        now = self._clock.now_ms()
        level = self._level(key, now)
        amount = min(amount, self._burst)
        wait = 0 if level >= amount else max(1, ceil((amount - level) / self._rate))
        self._levels[key] = (level if wait else level - amount, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait

    def wait_s(self, key: str | bytes) -> int:
        """Return what taking one token of *key* would, and take none."""
        level = self._level(key, self._clock.now_ms())
        return 0 if level >= 1 else max(1, ceil((1 - level) / self._rate))

    def _level(self, key: str | bytes, now: int) -> float:
        level, then = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + max(0, now - then) * self._rate / 1000)


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


class Limits:
    """All limits of the public listener. What is one too many raises Refused, unless it says otherwise."""

    def __init__(self, clock: Clock, settings: CollectorSettings) -> None:
        def a_second(rate: int) -> Buckets:
            return Buckets(clock, rate=rate, burst=2 * rate)

        def a_minute(rate: int) -> Buckets:
            return Buckets(clock, rate=rate / 60, burst=rate)

        self._site_batches = a_second(settings.site_batches_per_s)
        self._address_batches = a_second(settings.address_batches_per_s)
        self._site_sessions = a_minute(settings.site_sessions_per_min)
        self._address_sessions = a_minute(settings.address_sessions_per_min)
        self._site_early = a_minute(settings.site_sessions_per_min)
        self._address_early = a_minute(EARLY_PER_MIN)
        self._probes = a_minute(PROBES_PER_MIN)
        self._assets = a_minute(ASSETS_PER_MIN)
        self._codes = a_minute(CODES_PER_MIN)
        self._session_codes = a_minute(SESSION_CODES_PER_MIN)
        self._misses = a_minute(MISSES_PER_MIN)
        self._shares = Buckets(clock, rate=1 / 86_400, burst=1)

    def request(self, address: bytes) -> None:
        """Count a request of *address*."""
        self._take(self._address_batches, address, _TOO_FAST % "this network address")

    def batch(self, site: str, address: bytes, body: int, head: int) -> None:
        """Count a batch of *site*, and what its *body* and inflated *head* have beyond a usual one's bytes."""
        self._take(self._site_batches, site, _TOO_FAST % "this site")
        more = body // BODY_BYTES + max(0, head - FREE_HEAD_BYTES) // HEAD_BYTES
        if more:
            reason = "this network address sends larger batches than are taken so fast"
            self._take(self._address_batches, address, reason, more)

    def session(self, site: str, address: bytes) -> None:
        """Count a session that begins."""
        self._take(self._address_sessions, address, "too many sessions from this network address")
        self._take(self._site_sessions, site, "too many sessions begin on this site")

    def early(self, site: str, address: bytes) -> None:
        """Count a page that was left before its recorder had come."""
        self._take(self._address_early, address, "too many pages left from this network address")
        self._take(self._site_early, site, "too many pages left on this site")

    def probe(self, address: bytes) -> None:
        """Count a body that the doctor sends."""
        self._take(self._probes, address, "too many probes from this network address")

    def asset(self, address: bytes) -> None:
        """Count an asset that is handed in."""
        self._take(self._assets, address, "too many assets from this network address")

    def code(self, address: bytes) -> None:
        """Count a spoken code or link that *address* asks for."""
        self._take(self._codes, address, "too many codes for this network address")

    def session_code(self, session: str) -> None:
        """Count one that *session*, known by its secret, asks for."""
        self._take(self._session_codes, session, "too many codes for this session")

    def share(self, site: str, address: bytes, size: int, room: int) -> bool:
        """Count *size* bytes of a new asset; False if they are beyond what *address* may fill of *room*."""
        most = max(LEAST_SHARE_BYTES, room * ASSETS_SHARE)
        return not self._shares.take(site.encode() + b" " + address, size / most)

    def guess(self, address: bytes) -> None:
        """Refuse another key that is not known to be one if *address* has sent too many that were none."""
        if wait_s := self._misses.wait_s(address):
            raise _refused("too many keys of no site from this network address", wait_s)

    def missed(self, address: bytes) -> None:
        """Count a key that is that of no site."""
        self._misses.take(address)

    def _take(self, buckets: Buckets, key: str | bytes, reason: str, amount: float = 1) -> None:
        if wait_s := buckets.take(key, amount):
            raise _refused(reason, wait_s)


_TOO_FAST = "%s sends more batches a second than are taken"


def _refused(reason: str, wait_s: int) -> Refused:
    return Refused(429, "rate", reason, retry_after_s=wait_s)


class Addresses:
    """Turns network addresses into keys of buckets that say nothing of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = b""
        self._made_ms = 0
        self._renew(clock.now_ms())

    def hashed(self, address: str) -> bytes:
        """
        Return the keyed hash of *address*; of an IPv6 address, that of its /64 network.

        The key is another one each day, and nobody has the old one.
        """
        now = self._clock.now_ms()
        if not 0 <= now - self._made_ms < KEY_LIFE_MS:
            self._renew(now)
        if ":" in address:
            address = _network(address)
        return hashlib.blake2b(address.encode(), key=self._key, digest_size=16).digest()

    def _renew(self, now_ms: int) -> None:
        self._key = secrets.token_bytes(32)
        self._made_ms = now_ms


def _network(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address  # no address at all; then its text is the key
    if parsed.ipv4_mapped is not None:  # how a socket for both families shows IPv4 clients
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
