"""
Seals finished sessions in the background, and removes the segments that nobody needs any more.

Owns when that is done: some time after a session's end, so that what comes late is in it, and at a
pace that leaves the machine to what arrives. What is done is replay/sealing.py's and the store's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from collector.scrub import scrub_recording
from core.clock import Clock
from core.errors import StoreError
from core.health import DAY_MS, HealthCount
from core.model import ChunkRef, Session
from core.sealed import Sealed, StockRef
from core.store import AssetStore, HealthStore, RecordStore, SealStore
from replay.sealing import Opened, Sealer
from replay.stock import Stock
from stolper.quiet import no_collection

log = logging.getLogger(__name__)

AFTER_MS = 60_000
"""From a session's end on: beacons of its pages are sent within seconds, or after the next visit."""

AT_ONCE = 20
"""Sessions that are looked up at a time."""

SHARE = 0.2
"""Share of the time that is worked while batches arrive."""

MOST_STOCKS = 4
"""Sites whose pages are remembered: some megabytes each."""

MOST_PLACES, DETAIL_MAX = 20, 60
"""Attributes of one session that are told apart; anybody can make up names."""

GROUP_BYTES = 128 * 1024
"""Of chunks that are worked on at once, in some tens of milliseconds; each switch of threads costs."""

RELEASE_MS = 600_000
"""How often segments are looked at."""


class SealingStore(RecordStore, AssetStore, SealStore, HealthStore, Protocol):
    """The parts of a store that sealing needs."""


class BackgroundSealer:
    """Looks every *every_ms* for sessions to seal. *busy* says whether batches arrive just now."""

    def __init__(
        self,
        store: SealingStore,
        clock: Clock,
        *,
        busy: Callable[[], bool] = lambda: False,
        after_ms: int = AFTER_MS,
        every_ms: int = 5_000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._busy = busy
        self._after_ms = after_ms
        self._every_ms = every_ms
        self._released_ms: int | None = None
        self._at_work = asyncio.Lock()
        self._stocks: OrderedDict[str, tuple[StockRef | None, Stock]] = OrderedDict()

    async def run(self) -> None:
        """Seal until cancelled. A store that cannot do it now is asked again."""
        while True:
            try:
                while await self.sweep():
                    pass
                await self._release()
            except StoreError as error:
                log.error("finished sessions could not be sealed: %s", error)
            except Exception:  # the disk, say: what waits is tried again
                log.exception("sealing finished sessions failed")
            await asyncio.sleep(self._every_ms / 1000)

    def paused(self) -> asyncio.Lock:
        """Return what keeps everything from being sealed while it is held: for erasing."""
        return self._at_work

    def forget_stock(self, site: str) -> None:
        """Forget what is known of the pages of *site*, which was replaced."""
        self._stocks.pop(site, None)

    async def sweep(self) -> int:
        """Seal some of the sessions that wait; return how many were sealed or left."""
        before = self._clock.now_ms() - self._after_ms
        done = 0
        waiting = await self._store.unsealed_sessions(before, AT_ONCE)
        for session in sorted(waiting, key=lambda one: one.site):  # a stock is made ready once
            done += await self.seal(session)
        return done

    async def seal(self, session: Session) -> bool:
        """Seal *session*; False if chunks came meanwhile. One that cannot be sealed is left as it is."""
        try:
            async with self._at_work:
                return await self._seal(session)
        except StoreError:
            if not await self._is_damaged(session):
                raise
            log.error("session %s cannot be sealed: its recording is damaged", session.id)
        except Exception:
            log.exception("session %s cannot be sealed", session.id)
        await self._store.leave_unsealed(session.id)
        return True

    async def _seal(self, session: Session) -> bool:
        resting, stock = await self._stock(session.site)
        sealer = Sealer(scrub_recording, stocked=resting is not None)
        refs = await self._store.chunks(session.id)
        for load in await self._store.page_loads(session.id):
            own = [ref for ref in refs if ref.page_load == load.id]
            sealer.begin(load, own)
            for some in _in_groups(own):
                chunks = deque([(ref, await self._store.read_chunk(ref)) for ref in some])
                begun = time.perf_counter()
                while opened := await asyncio.to_thread(_work, sealer, chunks):
                    held = await self._held(session.site, [*opened.sheets])
                    await asyncio.to_thread(sealer.take, opened, held)
                    del opened
                await self._rest(time.perf_counter() - begun)
        assets = tuple(sorted(sealer.assets))
        whole = Sealed(session.id, session.site, tuple(refs), sealer.frames(), assets, resting)
        begun = time.perf_counter()
        done = await self._store.seal(whole)
        if done:
            await self._tell(session, sealer.hits)
            await asyncio.to_thread(stock.learn, sealer.pages, session.visitor or session.id)
            await self._renew(session.site, stock)
        else:
            self._stocks.pop(session.site, None)  # it may be gone
        await self._rest(time.perf_counter() - begun)
        return done

    async def _stock(self, site: str) -> tuple[StockRef | None, Stock]:
        """Return what recordings of *site* rest on now, and what is known of its pages."""
        known = self._stocks.get(site)
        if known is None:
            try:
                found = await self._store.stock(site)
            except StoreError as error:
                log.error("the stock of site %s is not used any more: %s", site, error)
                found = None
            known = (found[0], Stock(found[1])) if found else (None, Stock())
        self._stocks[site] = known
        self._stocks.move_to_end(site)
        if len(self._stocks) > MOST_STOCKS:
            self._stocks.popitem(last=False)
        return known

    async def _renew(self, site: str, stock: Stock) -> None:
        """Store *stock* if enough has come in."""
        content = stock.renewed()
        if content is not None:
            on, _ = self._stocks.pop(site, (None, None))  # should it fail, what is stored counts
            if on is None:
                self._stocks[site] = await self._store.put_stock(site, content), stock
            elif (kept := await self._store.renew_stock(on, content)) is not None:
                self._stocks[site] = kept, stock

    async def _held(self, site: str, names: list[str]) -> set[str]:
        return await self._store.stored_assets(site, names) if names else set()

    async def _rest(self, worked_s: float) -> None:
        """Leave the machine to others for a while after *worked_s*, if there are any."""
        if self._busy():
            await asyncio.sleep(worked_s * (1 - SHARE) / SHARE)

    async def _is_damaged(self, session: Session) -> bool:
        """Say whether a chunk of *session* cannot be read, though the store can be."""
        for ref in await self._store.chunks(session.id):
            try:
                await self._store.read_chunk(ref)
            except StoreError:
                return True
        return False

    async def _tell(self, session: Session, hits: Counter[str]) -> None:
        """Count what was masked here, if anything: the page's own masking let it pass."""
        if not hits:
            return
        now_ms = self._clock.now_ms()
        log.warning(
            "%d texts that look like an e-mail address, an IBAN or a card number were masked in the"
            " recording of session %s: the page's masking let them pass",
            *(hits.total(), session.id),
        )
        await self._store.note(
            [
                HealthCount(
                    session.site, now_ms // DAY_MS, "masked", place[:DETAIL_MAX], count, now_ms
                )
                for place, count in hits.most_common(MOST_PLACES)
            ]
        )

    async def _release(self) -> None:
        now_ms = self._clock.now_ms()
        if self._released_ms is None or not 0 <= now_ms - self._released_ms < RELEASE_MS:
            self._released_ms = now_ms
            released = await self._store.release()
            if released:
                log.info("%d files that nothing needs any more were removed", released)


def _work(sealer: Sealer, chunks: deque[tuple[ChunkRef, bytes]]) -> Opened | None:
    """Let *sealer* take *chunks*; what JSON is read into has no cycles, and would be looked through often."""
    with no_collection():
        return sealer.work(chunks)


def _in_groups(refs: Iterable[ChunkRef]) -> Iterator[list[ChunkRef]]:
    """Give *refs* in order, as many at a time as have GROUP_BYTES and at least one."""
    group: list[ChunkRef] = []
    for ref in refs:
        if group and sum(one.length for one in group) + ref.length > GROUP_BYTES:
            yield group
            group = []
        group.append(ref)
    if group:
        yield group
