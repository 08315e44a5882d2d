"""
Removes what is older than a site keeps, and what there is no room for, in the background.

Owns when and in which steps; yields to what arrives as sealing does. What is removed is told per
site (recording health) and counted for metrics.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from core.clock import Clock
from core.contacts import ContactStore
from core.erasing import Removed
from core.errors import StoreError
from core.health import DAY_MS, HealthCount
from core.model import Site
from core.settings import RetentionSettings
from core.store import EraseStore, HealthStore, SealStore, SiteStore
from core.triage import TriageStore

log = logging.getLogger(__name__)

Limit = Literal["age", "size", "folder"]
"""Which limit a session was removed by: the site's keep_days or keep_mb, or that of the folder."""

AT_ONCE = 20
"""Sessions in one transaction, some ten milliseconds."""

EVERY_MS = 600_000

FIRST_MS = 60_000
"""A start has other things to do, and whoever set `keep_days` too low has a minute to notice."""

SHARE = 0.2
"""Share of the time that is worked while batches arrive."""

ASSET_DAYS = 30
"""An asset that no session needs stays so long after its last use: pages remember a hash for a day."""

AUDIT_DAYS = 400
"""Who did what a year ago is still told, as recording health is."""

MEGABYTE = 1_000_000


class RetainingStore(
    EraseStore, HealthStore, SiteStore, SealStore, TriageStore, ContactStore, Protocol
):
    """The parts of a store that retention needs."""


class Retention:
    """Looks every *every_ms*. *removed* counts sessions by the limit they were removed by."""

    def __init__(
        self,
        store: RetainingStore,
        clock: Clock,
        settings: RetentionSettings,
        *,
        busy: Callable[[], bool] = lambda: False,
        every_ms: int = EVERY_MS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._busy = busy
        self._every_ms = every_ms
        self.removed: Counter[str] = Counter({"age": 0, "size": 0, "folder": 0})

    async def run(self) -> None:
        """Remove until cancelled. A store that cannot do it now is asked again."""
        await self._guarded(self._store.finish_erasing)
        await asyncio.sleep(FIRST_MS / 1000)
        while True:
            await self._guarded(self._store.finish_erasing)
            await self._guarded(self.sweep)
            await asyncio.sleep(self._every_ms / 1000)

    async def _guarded(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except StoreError as error:
            log.error("what is too old or too much could not be removed: %s", error)
        except Exception:
            log.exception("removing what is too old or too much failed")

    async def sweep(self) -> int:
        """Remove all that is due now; return how many sessions that were."""
        now_ms = self._clock.now_ms()
        before = self.removed.total()
        for site in await self._store.sites():
            await self._by_age(site, now_ms)
            await self._by_size(site.key, site.options.keep_mb, "size")
        await self._by_size(None, self._settings.keep_mb, "folder")
        unused = now_ms - ASSET_DAYS * DAY_MS
        await self._while_some(lambda: self._store.drop_unused_assets(unused, AT_ONCE))
        await self._drop_contacts(now_ms)
        await self._store.drop_old_audit(now_ms - AUDIT_DAYS * DAY_MS)
        await self._store.drop_old_triage(now_ms - AUDIT_DAYS * DAY_MS)
        done = self.removed.total() - before
        if done:
            log.info("%d sessions were removed: too old, or no room for them", done)
        return done

    async def _by_age(self, site: Site, now_ms: int) -> None:
        before_ms = now_ms - site.options.keep_days * DAY_MS

        async def some() -> Removed:
            return await self._told(await self._store.expire(site.key, before_ms, AT_ONCE), "age")

        await self._while_some(some)

    async def _drop_contacts(self, now_ms: int) -> None:
        days = self._settings.contact_days
        if days:
            before_ms = now_ms - days * DAY_MS

            async def some() -> Removed:
                return Removed(await self._store.drop_old_contacts(before_ms, AT_ONCE))

            await self._while_some(some)

    async def _by_size(self, site: str | None, keep_mb: int, limit: Limit) -> None:
        if not keep_mb:
            return

        async def some() -> Removed:
            if await self._store.used_bytes(site) <= keep_mb * MEGABYTE:
                return Removed()
            return await self._told(await self._store.shrink(site, AT_ONCE), limit)

        await self._while_some(some)

    async def _while_some(self, work: Callable[[], Awaitable[Removed]]) -> None:
        """Do *work* until nothing is left to do, and leave the machine to others in between."""
        while True:
            begun = time.perf_counter()
            if not (await work()).sessions:
                return
            if self._busy():
                await asyncio.sleep((time.perf_counter() - begun) * (1 - SHARE) / SHARE)

    async def _told(self, removed: Removed, limit: Limit) -> Removed:
        """Count what was removed by *limit*."""
        now_ms = self._clock.now_ms()
        self.removed[limit] += removed.sessions
        if removed.sessions:
            await self._store.note(
                [
                    HealthCount(site, now_ms // DAY_MS, "removed", limit, count, now_ms)
                    for site, count in removed.sites
                ]
            )
        return removed
