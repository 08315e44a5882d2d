"""Alerts and digests: when they are told, and that each message arrives once, at whoever was named."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from core.alerts import DAY_MS, HOUR_MS, WEEK_MS, Alert, Delivery
from core.settings import Settings, load_settings
from core.sqlite import SqliteStore
from core.triage import TriageChange
from stolper.alerting.sending import BACKOFF_S, Sender
from stolper.alerting.telling import Teller
from stolper.alerting.watching import Watcher, digest_due_ms
from stolper.app import Server
from tests.console.support import START, Clock, Visit, shop
from tests.stolper.receiving import Hook, Post, receiving_hook, receiving_post

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


# Whether and when


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


# How it arrives


async def test_a_webhook_is_signed(tmp_path: Path) -> None:
    """A webhook carries id, time and an HMAC of both and the body, and says what was counted."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(HOOK)
        await here.visits(2, label="Pay", page="/checkout")
        [sent] = await here.go()
    headers, body = hook.requests[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()

    assert f"v1,{base64.b64encode(mac).decode()}" == headers["webhook-signature"]
    assert "Pay" not in str(sent.facts)  # texts of a page are kept nowhere: an erasure finds none
    assert sent.id == headers["webhook-id"] == headers["Idempotency-Key"] == hook.json()["id"]
    assert str(START // 1000) == headers["webhook-timestamp"]
    told = hook.json()
    assert ("count", "Checkout: 2 sessions") == (told["type"], told["title"])
    assert told["url"].startswith(f"{BASE}/counted?")
    assert [("Rage click", "Pay", "/checkout", 2)] == [
        (one["title"], one["target"], one["page"], one["sessions"])
        for one in told["data"]["struggles"]
    ]


async def test_slack_shows_words_and_no_markup_of_visitors(tmp_path: Path) -> None:
    """Slack's own form is taken; what a page wrote mentions nobody and links nowhere."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        await here.store.put_alert(replace(HOOK, to=("slack",)))
        await here.visits(2, label="<!channel> *now* <https://evil.example|x>")
        await here.go()
    told = hook.json()
    [items] = [
        block["text"]["text"]
        for block in told["blocks"]
        if block["type"] == "section" and "Rage" in str(block)
    ]

    assert "Checkout: 2 sessions" in told["text"]
    assert "webhook-signature" not in hook.requests[0][0]
    sections = [block for block in told["blocks"] if block["type"] == "section"]
    texts = [one for block in sections for one in block.get("fields", [block.get("text")])]
    assert all(one["verbatim"] for one in texts)  # else Slack makes links of addresses
    assert "<!channel>" not in items
    assert "&lt;!channel&gt; \u200b*now\u200b* &lt;https://evil.example|x&gt;" in items


async def test_a_mail_is_text_and_html(tmp_path: Path) -> None:
    """A mail says the same as text and as a page that loads nothing; what a page wrote is no markup in it."""
    async with (
        receiving_hook() as hook,
        receiving_post(sign_in=True) as post,
        world(
            tmp_path / "d",
            settings_for(
                tmp_path, hook, post, **{"mail.user": "us", "mail.password": "secret of mail"}
            ),
        ) as here,
    ):
        await here.store.put_alert(replace(MAIL, language="de"))
        await here.visits(2, label="<img src=x>\r\nBcc: eve@evil.example\u2028\u202e//moc.live")
        [sent] = await here.go()

    [mail] = post.mails
    plain, page = (
        str(mail.get_body((kind,)).get_content())  # type: ignore[union-attr] -- it has both
        for kind in ("plain", "html")
    )
    assert (["us"], ["team@shop.example"]) == (post.users, post.envelopes[0].rcpt_tos)
    assert f"<{sent.id}@shop.example>" == mail["Message-ID"]
    assert "auto-generated" == mail["Auto-Submitted"]
    assert mail["Bcc"] is None
    assert "2 Sitzungen mit einer Auffälligkeit (Zeitraum: 60 Minuten)." in plain
    assert "* Rage click: <img src=x> Bcc: eve@evil.example //moc.live" in plain.splitlines()
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
    assert "src=" not in page.replace("&lt;img src=x&gt;", "")


async def test_what_does_not_arrive_is_tried_again(tmp_path: Path) -> None:
    """A refused message waits longer each time, keeps its id, and arrives once the receiver is well."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        hook.answers = [
            web.Response(status=500),
            web.Response(status=429, headers={"Retry-After": "120"}),
        ]
        await here.store.put_alert(HOOK)
        await here.visits(2)
        [failed] = await here.go()

        assert ("waiting", 1, "the answer was 500") == (failed.state, failed.attempts, failed.error)
        assert START + BACKOFF_S[0] * 1000 == failed.due_ms
        await here.go()
        assert 1 == len(hook.requests)  # not yet
        here.clock.now = failed.due_ms
        [failed] = await here.go()
        assert here.clock.now + 120_000 == failed.due_ms
        here.clock.now = failed.due_ms
        [sent] = await here.go()
        assert ("sent", 3, "") == (sent.state, sent.attempts, sent.error)
        assert 1 == len({headers["webhook-id"] for headers, _ in hook.requests})
        assert 1 == len({body for _, body in hook.requests})


async def test_behind_one_that_does_not_arrive_others_wait(tmp_path: Path) -> None:
    """A receiver that is down is asked once at a time, and gets all in order when it is well."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        hook.answers = [web.Response(status=503)]
        for nth in range(3):
            await here.store.put_alert(replace(HOOK, id=f"h{nth}", name=f"No. {nth}"))
        await here.visits(2)
        await here.go()
        await here.sender.sweep()
        waiting = await here.go()

        assert 1 == len(hook.requests)
        assert [{"waiting"}, {START + BACKOFF_S[0] * 1000}, 1] == [
            {one.state for one in waiting},
            {one.due_ms for one in waiting},
            sum(one.attempts for one in waiting),
        ]
        here.clock.now = waiting[0].due_ms
        assert {"sent"} == {one.state for one in await here.go()}
        assert [one.id for one in waiting] == [hook.json(nth)["id"] for nth in (1, 2, 3)]


async def test_after_a_day_it_is_given_up(tmp_path: Path) -> None:
    """A message that cannot be sent for a day is given up, and the log says why."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        post.refused = {"team@shop.example"}
        await here.store.put_alert(MAIL)
        await here.visits(2)
        tries = 0
        while (found := (await here.go())[0]).state == "waiting":
            here.clock.now = found.due_ms
            tries += 1

        assert "given_up" == found.state
        assert "no such mailbox" in found.error
        assert len(BACKOFF_S) < tries < 20
        assert [] == post.mails


@pytest.mark.parametrize(
    ("answer", "settings", "error"),
    [
        (web.Response(status=410), {}, "the answer was 410"),
        (None, {"alerts.to": "other=https://x.example"}, "the settings name no such destination"),
        (None, {"alerts.secret": ""}, "the setting alerts.secret is missing"),
    ],
)
async def test_what_cannot_be_mended_by_waiting_is_given_up_at_once(
    tmp_path: Path, answer: web.Response | None, settings: dict[str, str], error: str
) -> None:
    """A receiver that is gone for good, and a destination that is not set any more, are not tried again."""
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post, **settings)) as here,
    ):
        hook.answers = [answer] if answer else []
        await here.store.put_alert(HOOK)
        await here.visits(2)
        [found] = await here.go()

        assert "given_up" == found.state
        assert error in found.error


async def test_no_redirect_is_followed(tmp_path: Path) -> None:
    """Messages go where the owner said, not where that host would send them; and no address is told."""
    async with (
        receiving_hook() as hook,
        receiving_hook() as other,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        hook.answers = [web.Response(status=307, headers={"Location": other.url})]
        await here.store.put_alert(HOOK)
        await here.visits(2)
        [found] = await here.go()

        assert "the answer was 307: redirects are not followed" == found.error
        assert [] == other.requests


async def test_a_dead_destination_holds_up_no_other(tmp_path: Path) -> None:
    """Where one receiver is down the others get theirs; the error names no key of its address."""
    async with receiving_hook() as gone:
        closed = gone.url
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(
            tmp_path / "d",
            settings_for(
                tmp_path,
                hook,
                post,
                **{"alerts.to": f"gone={closed}/secretkey,hook={hook.url},team=mailto:t@x.example"},
            ),
        ) as here,
    ):
        await here.store.put_alert(replace(HOOK, to=("gone", "hook", "team")))
        await here.visits(2)
        states = {one.destination: (one.state, one.error) for one in await here.go()}

        assert ("sent", "") == states["hook"] == states["team"]
        assert "waiting" == states["gone"][0]
        assert "no connection" in states["gone"][1]
        assert "secretkey" not in states["gone"][1]


async def test_a_restart_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What waits when the server stops is sent after the start; what was sent is not sent again."""
    async with receiving_hook() as hook, receiving_post() as post:
        settings = settings_for(tmp_path, hook, post)
        hook.usual = 503
        async with world(tmp_path / "d", settings) as here:
            await here.store.put_alert(replace(HOOK, to=("hook", "team")))
            await here.visits(2)
            await here.go()
            clock = here.clock
        hook.usual = 200
        clock.now += HOUR_MS // 2
        async with world(tmp_path / "d", settings, clock) as here:
            assert ["sent", "sent"] == [one.state for one in await here.go()]
        async with world(tmp_path / "d", settings, clock) as here:
            await here.go()

        assert (2, 1) == (len(hook.requests), len(post.mails))
        assert 1 == len({headers["webhook-id"] for headers, _ in hook.requests})


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
