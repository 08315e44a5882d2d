"""How messages of alerts look, and that each arrives once at whoever was named, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from core.alerts import HOUR_MS
from stolper.alerting.sending import BACKOFF_S
from tests.console.support import START
from tests.stolper.alerting import BASE, HOOK, MAIL, SECRET, settings_for, world
from tests.stolper.receiving import receiving_hook, receiving_post


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
    assert "* Rage click: <img src=x> Bcc: eve@evil.example //moc.live…" in plain.splitlines()
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


async def test_a_mail_server_that_stalls_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail is not waited for without end: others would wait with it."""
    monkeypatch.setattr("stolper.alerting.sending.MAIL_S", 0.5)
    monkeypatch.setattr("stolper.alerting.sending.TIMEOUT_S", 2)  # of the farewell that it gets
    async with (
        receiving_hook() as hook,
        receiving_post() as post,
        world(tmp_path / "d", settings_for(tmp_path, hook, post)) as here,
    ):
        post.stalls = True
        await here.store.put_alert(replace(HOOK, to=("hook", "team")))
        await here.visits(2)
        states = {one.destination: (one.state, one.error) for one in await here.go()}

    assert {
        "hook": ("sent", ""), "team": ("waiting", "mail server: not done within 0.5 s"),
    } == states  # fmt: skip
