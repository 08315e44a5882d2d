"""Pages without a browser: who gets in, what headers they carry, what forms ask for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import AsyncMock

import aiohttp
import pytest
from markupsafe import escape

from console.accounts import set_owner_password
from core.errors import StoreError
from core.settings import ServerSettings, Settings
from detector.loader import load_rules, shipped_rules
from tests.console.support import Running, Visit, form_token, rrweb_page, running_console, shop

PAGES = ["/sessions", "/struggles", "/rules", "/sites", "/sites/sshop/health", "/sessions/v1"]


async def visit(console: Running) -> Visit:
    made = Visit(console.store, "v1")
    await made.send([{"t": 0, "type": "page"}], recording=rrweb_page())
    return made


@pytest.mark.parametrize("path", [*PAGES, "/live", "/sessions/v1/timeline", "/sessions/rows"])
async def test_pages_ask_to_sign_in(
    console: Running, http: aiohttp.ClientSession, path: str
) -> None:
    """Nothing is shown to who is not signed in; a page leads to the form and back."""
    await visit(console)
    async with http.get(console.url + path, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/sign-in?next=/")


@pytest.mark.parametrize("path", ["/sign-in", *PAGES, "/nothing"])
async def test_security_headers(console: Running, http: aiohttp.ClientSession, path: str) -> None:
    """Every page, errors too, has a policy without inline script or style and without other hosts."""
    await visit(console)
    await console.sign_in(http)
    async with http.get(console.url + path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        html = await answer.text()

    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert " style=" not in html
    assert " onclick" not in html


async def test_cookie(console: Running, http: aiohttp.ClientSession) -> None:
    """The sign-in cookie is out of reach of scripts and other sites; __Host- needs https."""
    async with http.get(console.url + "/sign-in") as page:
        token = form_token(await page.text())
    form = {"name": "owner", "password": console.password, "form_token": token}
    async with http.post(console.url + "/sign-in", data=form, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith("stolper=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_no_address_is_kept(
    console: Running, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A sign-in is noted without the address that it came from."""
    await console.sign_in(http)
    await console.store.close()
    content = b"".join(
        path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()
    )

    assert b"signed_in" in content
    assert b"127.0.0.1" not in content


async def test_forms_ask_for_their_token(console: Running, http: aiohttp.ClientSession) -> None:
    """A form without its token, with another's, or from another site does nothing."""
    await visit(console)
    await console.sign_in(http)
    url = console.url + "/sessions/v1/end"
    async with http.get(console.url + "/sessions/v1") as page:
        token = form_token(await page.text())
    async with http.post(url) as answer:
        assert answer.status == 403
    async with http.post(url, data={"form_token": token + "x"}) as answer:
        assert answer.status == 403
    evil = {"Origin": "https://evil.example"}
    async with http.post(url, data={"form_token": token}, headers=evil) as answer:
        assert answer.status == 403
    assert console.ended == []
    async with http.post(url, data={"form_token": token}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert console.ended == ["v1"]


async def test_guessing_is_slowed(console: Running, http: aiohttp.ClientSession) -> None:
    """After five wrong passwords even the right one must wait; time lets it in again."""

    async def attempt(password: str) -> int:
        async with http.get(console.url + "/sign-in") as page:
            token = form_token(await page.text())
        form = {"name": "owner", "password": password, "form_token": token}
        async with http.post(console.url + "/sign-in", data=form, allow_redirects=False) as answer:
            return answer.status

    assert [await attempt("wrong") for _ in range(5)] == [401] * 5
    assert await attempt(console.password) == 429
    console.clock.now += 2_000

    assert await attempt(console.password) == 303


async def test_guessing_at_once_is_slowed_too(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Tries count when they begin: of thirty at once no more than the five free ones are checked."""
    async with http.get(console.url + "/sign-in") as page:
        token = form_token(await page.text())

    async def attempt(password: str) -> int:
        form = {"name": "owner", "password": password, "form_token": token}
        async with http.post(console.url + "/sign-in", data=form, allow_redirects=False) as answer:
            return answer.status

    answers = await asyncio.gather(*(attempt("wrong") for _ in range(30)))

    assert answers.count(401) == 5
    assert answers.count(429) == 25
    console.clock.now += 2_000

    assert await attempt(console.password) == 303


async def test_sign_in_ends(console: Running, http: aiohttp.ClientSession) -> None:
    """A sign-in ends by sign-out, by time, and by a new password."""
    await console.sign_in(http)
    url = console.url + "/sites"

    async def status() -> int:
        async with http.get(url, allow_redirects=False) as answer:
            return answer.status

    async with http.get(url) as page:
        token = form_token(await page.text())
    async with http.post(console.url + "/sign-out", data={"form_token": token}):
        assert await status() == 303
    await console.sign_in(http)
    console.clock.now += 12 * 3_600_000

    assert await status() == 303
    await console.sign_in(http)

    assert await status() == 200
    await set_owner_password(console.store)

    assert await status() == 303


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
async def test_sign_in_leads_nowhere_else(
    console: Running, http: aiohttp.ClientSession, target: str
) -> None:
    """The page after sign-in is always one of ours."""
    async with http.get(console.url + "/sign-in") as page:
        token = form_token(await page.text())
    form = {"name": "owner", "password": console.password, "form_token": token, "next": target}
    async with http.post(console.url + "/sign-in", data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"


async def test_stage_by_token_alone(console: Running, http: aiohttp.ClientSession) -> None:
    """The stage opens by its token without a cookie, for a while, for one session; it is audited."""
    await visit(console)
    await console.sign_in(http)
    async with http.get(console.url + "/sessions/v1/timeline") as answer:
        stage = console.url + (await answer.json())["stage"]
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(stage) as answer:
            policy = answer.headers["Content-Security-Policy"]

            assert answer.status == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Set-Cookie" not in answer.headers
        async with stranger.get(stage + "loads/load-1") as answer:
            assert [event["type"] for event in (await answer.json())["events"]] == [4, 2]
        async with stranger.get(stage + "loads/other") as answer:
            assert answer.status == 404
        async with stranger.get(stage[:-3] + "x/") as answer:
            assert answer.status == 403
        console.clock.now += 31 * 60_000
        async with stranger.get(stage) as answer:
            assert answer.status == 403
        async with stranger.get(stage + "assets/" + "0" * 32) as answer:
            assert answer.status == 404  # what is drawn still may ask for its pictures

    assert f"script-src {console.url}/player/;" in policy
    assert f"img-src {console.url}/stage/ data: blob: https://shop.example;" in policy
    assert f"font-src {console.url}/stage/ data: https://shop.example;" in policy
    assert "default-src 'none'" in policy


async def test_log_holds_no_stage_token(
    console: Running,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault while a recording is read is logged with its route, never with the token in its path."""
    await visit(console)
    await console.sign_in(http)
    async with http.get(console.url + "/sessions/v1/timeline") as answer:
        stage = (await answer.json())["stage"]

    for fault in (RuntimeError("broken"), StoreError("full")):
        monkeypatch.setattr(console.store, "page_loads", AsyncMock(side_effect=fault))
        async with http.get(f"{console.url}{stage}loads/load-1") as answer:
            assert answer.status >= 500
        assert str(fault) in caplog.text
    assert "/stage/{token}/loads/{page_load}" in caplog.text
    assert stage.split("/")[2] not in caplog.text


async def test_sign_out_ends_what_hangs_on_it(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Sign-out and a new password end the player's tokens and open streams, and kept cookies."""
    await visit(console)

    async def open_all() -> tuple[str, aiohttp.ClientResponse, str]:
        async with http.get(console.url + "/sessions/v1/timeline") as answer:
            stage = console.url + (await answer.json())["stage"]
        stream = await http.get(console.url + "/live")
        await stream.content.readuntil(b"data: {}\n\n")
        [cookie] = [one.value for one in http.cookie_jar if one.key == "stolper"]
        return stage, stream, cookie

    async def ended(stage: str, stream: aiohttp.ClientResponse, cookie: str) -> None:
        async with aiohttp.ClientSession(headers={"Cookie": f"stolper={cookie}"}) as thief:
            for url in (stage, stage + "loads/load-1"):
                async with thief.get(url) as answer:
                    assert answer.status == 403
            async with thief.get(console.url + "/sites", allow_redirects=False) as answer:
                assert answer.status in (303, 401)
        async with asyncio.timeout(5):
            assert await stream.content.read() == b""

    await console.sign_in(http)
    opened = await open_all()
    async with http.get(console.url + "/sites") as page:
        token = form_token(await page.text())
    async with http.post(console.url + "/sign-out", data={"form_token": token}):
        await ended(*opened)
    await console.sign_in(http)
    opened = await open_all()
    await set_owner_password(console.store)
    console.live.batch_stored(await Visit(console.store, "v2").send([]))
    await ended(*opened)


async def test_stored_policy_text_cannot_widen_the_policy() -> None:
    """An origin that is no origin does not get into the stage's policy."""
    from console.stage import stage_csp

    policy = stage_csp(shop(origin="https://a.example; script-src *"), None)

    assert "a.example" not in policy


async def test_missing_player_is_said(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Without the built player the session page names the command that builds it."""
    async with running_console(tmp_path / "data", player=tmp_path) as console:
        await console.store.add_site(shop())
        await visit(console)
        await console.sign_in(http)
        async with http.get(console.url + "/sessions/v1") as answer:
            html = await answer.text()

    assert "make build" in html
    assert "/player/player.js" not in html


async def test_empty_states_teach(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Without a site the list says how to add one; without a session, what to embed."""
    async with running_console(tmp_path / "data") as console:
        await console.sign_in(http)
        async with http.get(console.url + "/sessions") as answer:
            assert "stolper site add" in await answer.text()
        await console.store.add_site(shop())
        async with http.get(console.url + "/sessions") as answer:
            html = await answer.text()

    assert "https://stolper.example/s/sshop.js" in html


async def test_struggle_lists_exactly_its_sessions(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """A struggle's page counts and lists the sessions that have it, each at its own flag."""
    await console.sign_in(http)
    flags = {}
    for number in range(3):
        made = Visit(console.store, f"v{number}")
        await made.send([{"t": 0, "type": "page"}])
        if number < 2:
            flags[made.id] = await made.flag(at=100 + number)
        else:
            await made.flag("dead_click", label="Other")
    key = next(s.key for s in await console.store.struggles() if s.rule == "rage_click")
    async with http.get(f"{console.url}/struggles/{key}") as answer:
        html = await answer.text()

    assert "2 sessions with this struggle" in html
    assert f"/sessions/v0?flag={flags['v0'].id}" in html
    assert f"/sessions/v1?flag={flags['v1'].id}" in html
    assert "/sessions/v2" not in html


async def test_shipped_rules_are_shown(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """The rules page lists every shipped rule by its title, with a link to its page."""
    rules = load_rules([shipped_rules()]).rules
    async with running_console(tmp_path / "data", shipped=[shipped_rules()]) as console:
        await console.sign_in(http)
        async with http.get(console.url + "/rules?lang=de") as answer:
            html = await answer.text()

    assert len(rules) >= 40
    for rule in rules:
        assert f'<a href="/rules/{rule.id}">{escape(rule.title["de"])}</a>' in html


async def test_https_behind_a_trusted_proxy(tmp_path: Path) -> None:
    """Behind a trusted proxy that speaks https the cookie gets its __Host- prefix and Secure."""
    settings = Settings(server=ServerSettings(trusted_proxies=("127.0.0.1",)))
    headers = {"X-Forwarded-Proto": "https", "Host": "console.example"}
    async with (
        running_console(tmp_path / "data", settings=settings) as console,
        aiohttp.ClientSession(headers=headers) as proxied,
    ):
        async with proxied.get(console.url + "/sign-in") as page:
            token = form_token(await page.text())
            form_cookie = page.cookies["stolper_form"].value
        form = {"name": "owner", "password": console.password, "form_token": token}
        async with proxied.post(
            console.url + "/sign-in",
            data=form,
            headers={"Cookie": f"stolper_form={form_cookie}", "Origin": "https://console.example"},
            allow_redirects=False,
        ) as answer:
            cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith("__Host-stolper=")
    assert "Secure" in cookie


async def test_imported_sessions_are_marked(console: Running, http: aiohttp.ClientSession) -> None:
    """A visit that another tool recorded is marked in the list and on its page; our own are not."""
    await console.sign_in(http)
    await Visit(console.store, "foreign", attributes={"imported": True}).send(
        [{"t": 0, "type": "page"}]
    )
    await Visit(console.store, "own").send([{"t": 0, "type": "page"}])

    async def text(path: str) -> str:
        async with http.get(console.url + path) as answer:
            return await answer.text()

    assert 1 == (await text("/sessions")).count(">imported<")
    assert "Imported from rrweb" in await text("/sessions/foreign")
    assert "Imported from rrweb" not in await text("/sessions/own")
    assert "Aus rrweb importiert" in await text("/sessions/foreign?lang=de")


async def test_what_a_person_asks_for_goes_compressed(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """
    Pages go compressed to browsers that take it; what a page asks for at news does not.

    Strangers make news by visiting, and could guess at what stands beside their own text by the answer's
    length (BREACH). A session that has ended takes no more of it. No token is ever sent twice.
    """
    made = await visit(console)
    await made.send([{"t": n, "type": "click"} for n in range(40)])
    await console.sign_in(http)

    async def encoding(path: str, takes: str = "gzip, deflate, br") -> str | None:
        async with http.get(console.url + path, headers={"Accept-Encoding": takes}) as answer:
            assert answer.status == 200
            return answer.headers.get("Content-Encoding")

    assert "gzip" == await encoding("/sessions/v1")
    assert "gzip" == await encoding("/sessions")
    assert await encoding("/sessions/v1", "identity") is None
    assert await encoding("/sessions/rows") is None
    assert await encoding("/sessions/v1/timeline") is None
    await console.store.end_session("v1", "left")
    assert await encoding("/sessions/v1/timeline") is not None
    async with http.get(console.url + "/sessions/v1") as answer:
        assert answer.headers["Vary"] == "Accept-Encoding"
        tokens = {form_token(await answer.text())}
    async with http.head(console.url + "/sessions/v1") as answer:
        assert answer.status == 200
    async with http.get(console.url + "/sessions/v1") as answer:
        tokens.add(form_token(await answer.text()))

    assert len(tokens) == 2
