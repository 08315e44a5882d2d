"""An alert when a site's recording stops: by the server's clock, at hours at which visits usually begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.alerts import DAY_MS, HOUR_MS, Alert, Delivery
from core.health import HealthCount
from core.sqlite import SqliteStore
from stolper.alerting.silence import ASLEEP_MS
from tests.console.support import START, Visit, shop
from tests.stolper.alerting import BASE, World, settings_for, world
from tests.stolper.receiving import Hook, Post, receiving_hook, receiving_post

ALERT = Alert(
    id="s", kind="silent", name="Stopped", to=("hook", "team"), threshold=3, window_ms=3 * HOUR_MS
)
STEP_MS = 10 * 60_000


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[Hook]:
    async with receiving_hook() as made:
        yield made


@pytest_asyncio.fixture
async def post() -> AsyncIterator[Post]:
    async with receiving_post() as made:
        yield made


@pytest_asyncio.fixture
async def here(tmp_path: Path, hook: Hook, post: Post) -> AsyncIterator[World]:
    async with world(tmp_path / "d", settings_for(tmp_path, hook, post)) as made:
        yield made


async def begun(store: SqliteStore, at_ms: int, many: int = 4, site: str = "sshop") -> None:
    """Let *many* visits begin within a quarter of an hour from *at_ms* on."""
    for number in range(many):
        visit = Visit(store, f"{site}-{at_ms}-{number}", site=site, start=at_ms + number * 200_000)
        await visit.send([{"t": 0, "type": "page"}])


async def days(here: World, *ago: int, hours: float = 2, site: str = "sshop") -> None:
    """Let visits begin *hours* after START on days so long *ago*, and one before all of them."""
    await begun(here.store, START - 9 * DAY_MS, 1, site)
    for day in ago:
        await begun(here.store, START - day * DAY_MS + round(hours * HOUR_MS), 4, site)


async def arrived(here: World, site: str = "sshop") -> None:
    """Let a batch of *site* arrive now, as the collector counts it."""
    now_ms = here.clock.now
    await here.store.note([HealthCount(site, now_ms // DAY_MS, "batch", "stored", 1, now_ms)])


async def told_after(here: World, hours: float) -> list[Delivery]:
    """Let time go by, with a look now and then as a server that runs has it; return all messages."""
    until_ms = here.clock.now + round(hours * HOUR_MS)
    while here.clock.now < until_ms:
        here.clock.now = min(until_ms, here.clock.now + STEP_MS)
        await here.watcher.look()
    return await here.go()


async def test_a_silence_is_told_once_and_the_next_one_again(
    here: World, hook: Hook, post: Post
) -> None:
    """Three hours without a batch are told once, with what was usual; batches end it, and the next silence is told."""
    await days(here, *range(1, 8))
    await here.store.put_alert(ALERT)
    await arrived(here)
    # Visits of now that came late, or by an import: no batch arrived of them.
    await begun(here.store, START + HOUR_MS, 1)

    assert [] == await told_after(here, 2.9)
    assert {"sent"} == {one.state for one in await told_after(here, 0.2)}
    assert 2 == len(await told_after(here, 5))
    told = hook.json()
    assert ("silent", "Stopped: shop", f"{BASE}/sites/sshop/health") == (
        told["type"], told["title"], told["url"],
    )  # fmt: skip
    assert "Nothing has arrived of shop for 3 hours" in told["text"]
    assert {
        "site": "shop", "site_key": "sshop", "last_at": "2026-09-21T14:13:20.000Z", "usual": 4,
        "url": f"{BASE}/sites/sshop/health",
    } == told["data"]["sites"][0]  # fmt: skip
    text = post.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr] -- it has one
    assert "shop\r\n  last at 21 Sep, 14:13 (UTC) · usually 4 sessions" in text
    await arrived(here)
    assert 2 == len(await told_after(here, 2.9))
    here.clock.now += DAY_MS - 11 * HOUR_MS  # the same hours of the next day
    await begun(here.store, START + 2 * HOUR_MS)
    await arrived(here)
    assert 4 == len(await told_after(here, 3.4))


@pytest.mark.parametrize(
    ("ago", "hours"),
    [
        ((), 0),  # it never had visits
        ((1, 2, 3, 4, 5, 6), 2),  # a week ago there were none: it rests on this weekday
        ((4, 5, 6, 7), 8),  # nor are there any at these hours
        ((5, 6, 7), 2),  # it had few days with visits
    ],
)
async def test_where_nothing_is_usual_nothing_is_told(
    here: World, ago: tuple[int, ...], hours: float
) -> None:
    """At night, on a day of rest, and on a site with hardly a visit silence says nothing."""
    await days(here, *ago, hours=hours)
    await here.store.put_alert(ALERT)
    await arrived(here)

    assert [] == await told_after(here, 4)


async def test_what_stopped_at_night_is_told_in_the_morning(here: World) -> None:
    """A silence that began when nothing is usual is told once visits should have begun."""
    await days(here, *range(1, 8), hours=8)
    await here.store.put_alert(ALERT)
    await arrived(here)

    assert [] == await told_after(here, 8)
    assert 2 == len(await told_after(here, 1))


async def test_in_the_first_days_nobody_knows_what_is_usual(here: World) -> None:
    """With less than three days of visits nothing is told."""
    for day in (1, 2):
        await begun(here.store, START - day * DAY_MS + 2 * HOUR_MS)
    await here.store.put_alert(ALERT)
    await arrived(here)

    assert [] == await told_after(here, 4)


async def test_time_in_which_the_server_did_not_look_is_no_silence(here: World) -> None:
    """After a night's sleep, or when its clock was set, the server waits anew before it says anything."""
    await days(here, *range(1, 8), hours=9)
    await here.store.put_alert(ALERT)
    await arrived(here)
    await here.watcher.look()
    here.clock.now += 7 * HOUR_MS + ASLEEP_MS

    assert [] == await told_after(here, 2.9)
    assert 2 == len(await told_after(here, 0.4))


async def test_what_is_switched_off_is_meant_to_be_silent(here: World) -> None:
    """Of a site whose recording is off nothing is told, and after it is on again only a new silence."""
    site = shop()
    await days(here, *range(1, 8), hours=6)
    await here.store.put_alert(ALERT)
    await arrived(here)
    await here.store.set_site_options(site.key, replace(site.options, enabled=False))

    assert [] == await told_after(here, 5)
    await here.store.set_site_options(site.key, site.options)
    assert [] == await told_after(here, 2.8)
    assert 2 == len(await told_after(here, 0.3))


async def test_a_silence_from_before_the_alert_is_not_told(here: World) -> None:
    """Whoever makes an alert knows how it is now; and one of another site says nothing of this one."""
    other = shop("other", "sother", "https://other.example")
    await here.store.add_site(other)
    await days(here, *range(1, 8), hours=3)
    await days(here, *range(1, 8), hours=3, site="sother")
    await arrived(here)
    await arrived(here, "sother")
    await told_after(here, 3.2)
    await here.store.put_alert(replace(ALERT, changed_ms=here.clock.now))
    await here.store.put_alert(replace(ALERT, id="o", site="sother", changed_ms=START))
    found = await told_after(here, 0.2)

    assert [["sother"]] * 2 == [[one["site"] for one in sent.facts["silent"]] for sent in found]
