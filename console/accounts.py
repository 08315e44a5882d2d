"""
Owns people and programs that may use the console: the owner's password, API tokens, and
how often a password may be tried. Leaves cookies and routes to console/auth.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from console.password_policy import MOST
from core.clock import Clock
from core.model import Scope, Token, User
from core.store import AccountStore

OWNER = "owner"

TOKEN_PREFIX = "stolper_"
"""Makes a leaked token findable by the scanners of code hosts."""

AT_ONCE = 2
"""Passwords that are checked at the same time."""

MOST_WAITING = 8
"""Tries that may wait for their check: half a second's work; more is a flood."""

MOST_KNOWN = 1_000
"""Pairs of address and name that are remembered, in memory."""

_hasher = PasswordHasher()  # argon2id with the library's current parameters


async def ensure_owner(store: AccountStore, clock: Clock) -> str | None:
    """
    Make the user 'owner' with a random password if there is none yet.

    Return the password, which is stored nowhere, so that it can be printed; None if the
    owner exists.
    """
    if await store.user(OWNER) is not None:
        return None
    password = await set_owner_password(store)
    await store.audit(clock.now_ms(), OWNER, "created", OWNER)
    return password


async def set_owner_password(store: AccountStore) -> str:
    """Give the owner a new random password and return it. Old sign-ins end with the old one."""
    password = random_password()
    await set_user(store, OWNER, "owner", password)
    return password


def random_password() -> str:
    """Return a password of 64 random bits that is easy to type."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


async def set_user(store: AccountStore, name: str, role: str, password: str) -> None:
    """Store the user *name*, new or in place of the one before, whose sign-ins end."""
    await store.add_user(User(name, role, await asyncio.to_thread(_hasher.hash, password)))


class Passwords:
    """Checks passwords, two at a time: argon2 takes 64 MiB each, a flood must not take them all."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self._under_way = 0

    @property
    def busy(self) -> bool:
        """Return whether so many checks wait that another should not."""
        return self._under_way >= AT_ONCE + MOST_WAITING

    async def check(self, name: str, password: str) -> User | None:
        """Return the user *name* if *password* is theirs; as slowly for names that do not exist."""
        if len(password) > MOST or len(name) > MOST:
            return None
        self._under_way += 1
        try:
            user = await self._store.user(name)
            async with self._hashing:
                stored = user.password_hash if user else await asyncio.to_thread(_nobody)
                right = await asyncio.to_thread(_verify, stored, password)
        finally:
            self._under_way -= 1
        return user if right else None


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex(16))


def _verify(hash_: str, password: str) -> bool:
    try:
        return _hasher.verify(hash_, password)
    except (VerifyMismatchError, InvalidHashError, UnicodeEncodeError):  # the last: no text at all
        return False


async def warm() -> None:
    """Make what unknown names are checked against, or the first such try would take twice as long."""
    await asyncio.to_thread(_nobody)


async def create_token(store: AccountStore, clock: Clock, scope: Scope) -> str:
    """Make an API token and return its text, this once; only its hash is stored."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await store.add_token(Token(secrets.token_hex(8), scope, clock.now_ms(), _token_hash(text)))
    return text


async def find_token(store: AccountStore, text: str) -> Token | None:
    """Return the token whose text is *text*."""
    if not text.isascii():  # no token of ours; bytes that are no text would not even encode
        return None
    return await store.token(_token_hash(text))


def _token_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()  # 256 random bits need no slow hash


class Known:
    """Which addresses signed in as whom: a flood of tries from elsewhere must not lock them out."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair in self._pairs

    def add(self, address: str, name: str) -> None:
        """Note that somebody at the hashed *address* signed in as *name*."""
        self._pairs[address, name] = None
        if len(self._pairs) > MOST_KNOWN:
            self._pairs.popitem(last=False)


class Throttle:
    """
    Slows down guessing: after *free* failures, each further try waits twice as long, up to a cap.

    Counts per *who* (an address, a name) in memory, for the last *size* of them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        free: int = 5,
        first_ms: int = 2_000,
        cap_ms: int = 300_000,
        size: int = 10_000,
    ) -> None:
        self._clock = clock
        self._free = free
        self._first_ms = first_ms
        self._cap_ms = cap_ms
        self._size = size
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()  # count, next try

    def wait_ms(self, who: str) -> int:
        """Return how long *who* must wait before the next try; 0 if not at all."""
        _, next_ms = self._failures.get(who, (0, 0))
        return max(0, next_ms - self._clock.now_ms())

    def failed(self, who: str) -> None:
        """Count a failure of *who*."""
        count = self._failures.pop(who, (0, 0))[0] + 1
        over = count - self._free
        delay = min(self._first_ms * 2 ** min(over, 20), self._cap_ms) if over >= 0 else 0
        self._failures[who] = (count, self._clock.now_ms() + delay)
        if len(self._failures) > self._size:
            self._failures.popitem(last=False)

    def succeeded(self, who: str) -> None:
        """Forget the failures of *who*."""
        self._failures.pop(who, None)
