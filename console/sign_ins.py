"""
Owns which sign-ins hold: they end by sign-out, also over a restart, and when nobody used them for long.

Leaves cookies to console/auth.py, where sign-ins are kept (as hashes of their ids) to the store.
"""

from __future__ import annotations

import hashlib

from core.clock import Clock
from core.errors import StoreError
from core.store import AccountStore

NOTED = 20
"""Use is written down that often in an idle time: each page would be a write."""


class SignIns:
    """The sign-ins of people; each ends *idle_ms* after its last use."""

    def __init__(self, store: AccountStore, clock: Clock, idle_ms: int) -> None:
        self._store = store
        self._clock = clock
        self._idle_ms = idle_ms
        self._used: dict[bytes, int] = {}  # what a full disk did not take
        self._ended: dict[str, int] = {}

    async def begin(self, id_: str, until_ms: int) -> None:
        """Keep the new sign-in *id_*, which holds until *until_ms* at most."""
        await self._store.add_sign_in(_hash(id_), self._clock.now_ms(), until_ms)

    async def end(self, id_: str, until_ms: int) -> None:
        """End the sign-in *id_*, whose cookies run out at *until_ms* by themselves."""
        now_ms = self._clock.now_ms()
        self._ended = {one: until for one, until in self._ended.items() if until > now_ms}
        self._ended[id_] = until_ms
        self._used.pop(_hash(id_), None)
        await self._store.remove_sign_in(_hash(id_))

    def ended(self, id_: str) -> bool:
        """Return whether *id_* was signed out of here: a look that costs nothing."""
        return id_ in self._ended

    async def holds(self, id_: str, *, use: bool = False) -> bool:
        """Return whether the sign-in *id_* holds; note with *use* that somebody uses it."""
        if self.ended(id_):
            return False
        hash_, now_ms = _hash(id_), self._clock.now_ms()
        noted = await self._store.sign_in_used(hash_)
        if noted is None or now_ms >= max(noted, self._used.get(hash_, 0)) + self._idle_ms:
            return False
        if use and now_ms >= noted + self._idle_ms // NOTED:
            await self._note(hash_, now_ms)
        return True

    async def _note(self, hash_: bytes, now_ms: int) -> None:
        try:
            await self._store.use_sign_in(hash_, now_ms)
        except StoreError:  # whoever looks after a full disk must not be thrown out
            self._used = {k: v for k, v in self._used.items() if v + self._idle_ms > now_ms}
            self._used[hash_] = now_ms


def _hash(id_: str) -> bytes:
    return hashlib.sha256(id_.encode()).digest()  # 96 random bits need no slow hash
