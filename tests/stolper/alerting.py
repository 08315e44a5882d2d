"""Alerts on a store and a clock that tests move on by hand, with real receivers of what is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.alerts import Alert, Delivery
from core.settings import Settings, load_settings
from core.sqlite import SqliteStore
from stolper.alerting.sending import Sender
from stolper.alerting.telling import Teller
from stolper.alerting.watching import Watcher
from tests.console.support import Clock, Visit, shop
from tests.stolper.receiving import Hook, Post

SECRET = "a key of the tests"
BASE = "https://console.example"
MAIL = Alert(id="m", kind="count", name="Checkout", to=("team",), threshold=2)
HOOK = replace(MAIL, id="h", to=("hook",))


@dataclass
class World:
    """A store, a clock, and the two tasks of the alerts, which the test moves on by hand."""

    store: SqliteStore
    clock: Clock
    watcher: Watcher
    sender: Sender
    count: int = 0

    async def visits(self, many: int, *, at: int | None = None, **flag: object) -> None:
        """Let *many* visitors have a flag, now or at a time."""
        for _ in range(many):
            self.count += 1
            visit = Visit(self.store, f"v{self.count}", start=at or self.clock.now - 1000)
            await visit.send([{"t": 0, "type": "page"}])
            await visit.flag(at=1, **flag)  # type: ignore[arg-type] -- the flag's own

    async def go(self) -> list[Delivery]:
        """Look at all alerts, send what is due, and return all deliveries, oldest first."""
        await self.watcher.look()
        await self.sender.sweep()
        return (await self.store.deliveries(100))[::-1]


def settings_for(data: Path, hook: Hook, post: Post, **more: object) -> Settings:
    given = {
        "server.console_url": BASE,
        "alerts.to": f"hook={hook.url}/in?key=secret,slack=slack+{hook.url}/slack,team=mailto:team@shop.example",
        "alerts.secret": SECRET,
        "mail.host": "127.0.0.1",
        "mail.port": post.port,
        "mail.security": "none",
        "mail.sender": "stolper@shop.example",
        **more,
    }
    return load_settings(data, env={}, overrides=given)


@asynccontextmanager
async def world(data: Path, settings: Settings, clock: Clock | None = None) -> AsyncIterator[World]:
    clock = clock or Clock()
    store = SqliteStore(data, clock)
    await store.open()
    if not await store.sites():
        await store.add_site(shop())
    teller = Teller(store, lambda: settings.server.console_url, settings.alerts.time_zone)
    sender = Sender(store, clock, settings.alerts, settings.mail, teller)
    watcher = Watcher(store, clock, settings.alerts.time_zone, sender.prompt)
    try:
        yield World(store, clock, watcher, sender)
    finally:
        await store.close()
