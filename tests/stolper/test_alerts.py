"""Alerts and digests: when they are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.alerts import DAY_MS, HOUR_MS, WEEK_MS, Alert
from core.settings import load_settings
from core.triage import TriageChange
from stolper.alerting.watching import digest_due_ms
from stolper.app import Server
from tests.console.support import START, Clock, Visit, shop
from tests.stolper.alerting import BASE, HOOK, MAIL, settings_for, world
from tests.stolper.receiving import receiving_hook, receiving_post


async def test_an_alert_is_told_once_while_it_holds(tmp_path: Path) -> None:
    """Below its threshold an alert is silent; above it is told once, and again only after it was over."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(HOOK)
        await here.visits(1)

        assert [] == await here.go()
        await here.visits(1)
        assert ["sent"] == [one.state for one in await here.go()]
        await here.visits(3)
        assert 1 == len(await here.go())
        here.clock.now += 2 * HOUR_MS
        assert 1 == len(await here.go())  # over
        await here.visits(2)
        assert 2 == len(await here.go())
        assert [2, 2] == [hook.json(number)["data"]["sessions"] for number in range(2)]


async def test_one_that_cannot_be_looked_at_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours with one alert is logged; the next one is told all the same."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        counted = here.watcher.counted

        async def failing(alert: Alert, now_ms: int) -> dict[str, object]:
            if alert.id == "odd":
                raise RuntimeError("of ours")
            return await counted(alert, now_ms)

        monkeypatch.setattr(here.watcher, "counted", failing)
        await here.store.put_alert(replace(HOOK, id="odd", name="A"))
        await here.store.put_alert(replace(HOOK, name="B"))
        await here.visits(2)

        assert [("B", "sent")] == [(one.name, one.state) for one in await here.go()]


async def test_only_what_was_asked_for_counts(tmp_path: Path) -> None:
    """Flags of other pages and rules, and lesser ones, do not count."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(
            replace(HOOK, rule="dead_click", page="/checkout*", severity="high")
        )
        await here.visits(2, rule="dead_click", page="/cart")
        await here.visits(2, rule="rage_click", page="/checkout")
        await here.visits(2, rule="dead_click", page="/checkout", severity="low")

        assert [] == await here.go()
        await here.visits(2, rule="dead_click", page="/checkout/pay")
        [sent] = await here.go()
        assert 2 == sent.facts["sessions"]


async def test_what_is_usual_at_that_hour_is_not_told(tmp_path: Path) -> None:
    """With a baseline an alert is told above its factor times the median of the same hours of the week."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(replace(HOOK, factor=2.0))
        await here.visits(1, at=START - 8 * DAY_MS, title="the first visit of all")
        for day in range(1, 8):
            await here.visits(3 if day != 4 else 30, at=START - day * DAY_MS - 1000)
            await here.visits(9, at=START - day * DAY_MS - 6 * HOUR_MS)  # at another hour
        await here.visits(5)

        assert [] == await here.go()
        await here.visits(1)
        [sent] = await here.go()
        assert (6, 3) == (sent.facts["sessions"], sent.facts["usual"])
        assert "Usual at that hour: 3." in hook.json()["text"]


async def test_without_history_the_threshold_alone_counts(tmp_path: Path) -> None:
    """Nobody can say what is usual in the first days: then the threshold decides."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(replace(HOOK, factor=5.0))
        await here.visits(2, at=START - DAY_MS - 1000)
        await here.visits(2)
        [sent] = await here.go()

        assert "usual" not in sent.facts


async def test_new_struggles_are_told_together_and_once(tmp_path: Path) -> None:
    """What nobody met before is told by name, ten minutes' worth at a time, and never again."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.visits(1, label="Old")
        await here.store.put_alert(
            replace(HOOK, kind="new", threshold=1, changed_ms=here.clock.now)
        )
        here.clock.now += 5000
        await here.visits(1, label="Old")

        assert [] == await here.go()
        await here.visits(1, label="Pay")
        await here.visits(2, label="Send")
        assert 1 == len(await here.go())
        assert {("Pay", 1), ("Send", 2)} == {
            (one["target"], one["sessions"]) for one in hook.json()["data"]["struggles"]
        }
        await here.visits(1, label="Pay")
        await here.visits(1, label="Log in")
        assert 1 == len(await here.go())
        here.clock.now += 600_000
        assert 2 == len(await here.go())
        assert ["Log in"] == [one["target"] for one in hook.json()["data"]["struggles"]]
        [old] = [one.key for one in await here.store.struggles() if one.target["label"] == "Old"]  # type: ignore[index] -- it has one
        await here.store.set_triage(
            [old], TriageChange("resolved"), who="ann", at_ms=here.clock.now
        )
        here.clock.now += 600_000
        await here.visits(1, label="Old")
        assert 3 == len(await here.go())
        assert "1 struggle that returned" in hook.json()["title"]
        assert [old] == hook.json()["data"]["returned"]
        here.clock.now += 600_000
        assert 3 == len(await here.go())


def test_a_digest_is_due_by_the_clock_on_the_wall() -> None:
    """Seven in the morning is that of the owner's zone, in summer and in winter."""
    alert = replace(MAIL, kind="digest", weekday=0, hour=7)
    monday = 1_774_828_800_000  # 2026-03-30 00:00 UTC, the day after the clocks went forward
    due = monday + 5 * HOUR_MS

    assert due == digest_due_ms(alert, due, "Europe/Berlin")
    assert due == digest_due_ms(alert, due + 6 * DAY_MS, "Europe/Berlin")
    assert due - WEEK_MS + HOUR_MS == digest_due_ms(alert, due - 1, "Europe/Berlin")
    assert due + 2 * HOUR_MS == digest_due_ms(alert, due + 3 * HOUR_MS, "UTC")


async def test_the_digest_comes_once_a_week(tmp_path: Path) -> None:
    """Each week's digest comes once, also after a restart, and its numbers are those of the week."""
    monday = 1_774_828_800_000
    clock = Clock(monday - DAY_MS)
    digest = replace(MAIL, kind="digest", name="Week", language="de", changed_ms=clock.now)
    async with receiving_hook() as hook, receiving_post() as post:
        settings = settings_for(tmp_path, hook, post)
        async with world(tmp_path / "d", settings, clock) as here:
            await here.store.put_alert(digest)
            await here.visits(2, at=monday - 2 * DAY_MS, label="Bezahlen")
            await Visit(here.store, "calm", start=monday - 3 * DAY_MS).send(
                [{"t": 0, "type": "page"}]
            )
            await here.visits(1, at=monday - 9 * DAY_MS, label="Bezahlen")
            await here.visits(4, at=monday + 1000)
            [pay] = [one.key for one in await here.store.struggles() if one.sessions == 3]
            asked = TriageChange(owner="anna", due="2026-03-28")
            await here.store.set_triage([pay], asked, who="ben", at_ms=clock.now)

            assert [] == await here.go()
            clock.now = monday + 8 * HOUR_MS
            assert 1 == len(await here.go())
            assert 1 == len(await here.go())
        async with world(tmp_path / "d", settings, clock) as here:
            assert 1 == len(await here.go())
            clock.now += WEEK_MS
            assert 2 == len(await here.go())

    first = post.mails[0]
    text = first.get_body(("plain",)).get_content()  # type: ignore[union-attr] -- it has one
    assert "23. März – 29. März" in str(first["Subject"])
    assert "67\xa0% der Sitzungen hatten eine Auffälligkeit, in der Woche davor 100\xa0%." in text
    assert "Rage click: Bezahlen" in text
    assert "2 Sitzungen, davor 1" in text
    assert f"{BASE}/digest?until={monday}" in text
    assert "0 von 2 (0\xa0%)" in text
    assert "1: Rage click: Bezahlen (anna)" in text


async def test_the_server_tells_what_its_detector_finds(tmp_path: Path) -> None:
    """On a whole server a judged flag leads to a message without anybody asking."""
    async with receiving_hook() as hook, receiving_post() as post:
        data = tmp_path / "d"
        given = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
        base = settings_for(tmp_path, hook, post)
        settings = replace(
            load_settings(tmp_path, env={}, overrides=given), alerts=base.alerts, mail=base.mail
        )
        async with Server(settings, data) as server:
            await server.store.add_site(shop())
            await server.store.put_alert(replace(HOOK, threshold=1))
            now = server.clock.now_ms()
            visit = Visit(server.store, "v", start=now)
            await visit.send([{"t": 0, "type": "page"}])
            await visit.flag(at=1)
            server.alerts.prompt()
            async with asyncio.timeout(60):
                await hook.arrived.wait()

        assert server.console_url in hook.json()["url"]
