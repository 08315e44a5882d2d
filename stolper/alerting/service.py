"""Alerts as a part of the server: its two tasks, and what the console asks of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from console.alerting import Destination, Tried
from console.reporting import Reports
from console.workbench import ProcessState
from core.alerts import Alert, Delivery, Span, delivery_id
from core.clock import Clock
from core.model import Verdicts
from core.settings import Settings
from core.store import Store
from stolper.alerting.destinations import addresses
from stolper.alerting.sending import Sender
from stolper.alerting.telling import Teller
from stolper.alerting.trial import needed_ms, trial
from stolper.alerting.watching import Watcher

MOST_MOMENTS = 300_000
"""Flags that a trial looks at: some ten megabytes."""


class AlertService:
    """Watches and sends. *base* returns the address under which people reach the console."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        base: Callable[[], str],
        *,
        reports: Reports | None = None,
        processes: Callable[[], Sequence[ProcessState]] = lambda: (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        zone = settings.alerts.time_zone
        teller = Teller(store, base, zone, reports=reports, processes=processes)
        self._sender = Sender(store, clock, settings.alerts, settings.mail, teller)
        self._watcher = Watcher(store, clock, zone, self._sender.prompt)

    async def run(self) -> None:
        """Watch and send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watcher.run(), name="alerts watched")
            tasks.create_task(self._sender.run(), name="alerts sent")

    def judged(self, verdicts: Verdicts) -> None:
        """Take note that something was judged."""
        if verdicts.flags or verdicts.replace:
            self._watcher.prompt()

    def prompt(self) -> None:
        """Look at alerts and at what waits soon."""
        self._watcher.prompt()
        self._sender.prompt()

    def destinations(self) -> Sequence[Destination]:
        """Return the destinations that the settings name, in their order."""
        known = addresses(self._settings.alerts).values()
        return [one.shown(self._settings.alerts, self._settings.mail) for one in known]

    async def test(self, destination: str, language: str) -> Delivery:
        """Send a message to a destination now, and note what became of it. It is not tried again."""
        now_ms = self._clock.now_ms()
        delivery = Delivery(
            secrets.token_hex(16), "", "", "test", destination, language, {}, now_ms, now_ms
        )
        done = await self._sender.attempt(delivery, retry=False)
        await self._store.add_delivery(done)
        return done

    async def trial(self, alert: Alert) -> Tried:
        """Return what *alert* would have told in the last seven days."""
        now_ms = self._clock.now_ms()
        span = Span(now_ms - needed_ms(alert), now_ms + 1)
        moments = await self._store.flag_moments(alert.filter, span, MOST_MOMENTS)
        oldest_ms = await self._store.oldest_visit_ms(alert.site)
        return await asyncio.to_thread(trial, alert, moments, now_ms, oldest_ms)

    async def send_digest(self, alert: Alert) -> None:
        """Have the digest *alert* sent now, of the last whole days. That of its day comes all the same."""
        now_ms = self._clock.now_ms()
        facts = self._watcher.week(alert, now_ms)
        for name in alert.to:
            await self._store.add_delivery(
                Delivery(
                    delivery_id(alert.id, now_ms, name),
                    alert.id,
                    alert.name,
                    "digest",
                    name,
                    alert.language,
                    facts,
                    now_ms,
                    now_ms,
                )
            )
        self._sender.prompt()
