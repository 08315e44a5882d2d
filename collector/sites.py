"""
Sites by key, remembered briefly, so that the hot route need not ask the store each time.

Who asks for many keys that no site has is not answered from the store any more, for a while.
"""

from __future__ import annotations

import re

from collector.limits import Limits
from core.clock import Clock
from core.errors import Refused
from core.model import Site
from core.store import SiteStore

REMEMBER_MS = 2000
"""How long a changed site may go unnoticed. A new one is seen at once: only known ones are kept."""

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sites:
    """Answers from memory for a moment, else from the store."""

    def __init__(self, store: SiteStore, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._known: dict[str, tuple[Site, int]] = {}

    def knows(self, key: str) -> bool:
        """Say whether *key* is that of a site that was asked for."""
        return key in self._known

    def remembered(self, key: str) -> Site | None:
        """Return the site with that key if it was asked for a moment ago."""
        known = self._known.get(key)
        if known is not None and 0 <= self._clock.now_ms() - known[1] < REMEMBER_MS:
            return known[0]
        return None

    async def asked(self, key: str, address: bytes) -> Site:
        """
        Return the site with the *key* that a client of *address* names. Raise Refused if there is none.

        A key that was a site's a while ago is looked up for everybody: one who guesses costs the
        visitors of an office nothing.
        """
        if not self.knows(key):
            self._limits.guess(address)
        site = await self.by_key(key)
        if site is None:
            self._limits.missed(address)
            raise Refused(404, "unknown_site", "there is no site with this key on this server")
        return site

    async def by_key(self, key: str) -> Site | None:
        """Return the site with that key (its name does not count), or None."""
        known = self.remembered(key)
        if known is not None:
            return known
        now = self._clock.now_ms()
        site = await self._store.site(key) if _KEY.fullmatch(key) else None
        if site is None or site.key != key:
            self._known.pop(key, None)
            return None
        self._known[key] = (site, now)
        return site
