"""Signing in: who is slowed, what an answer tells a stranger, which passwords are taken, and the audit log."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from statistics import median

import aiohttp
import pytest
from argon2 import PasswordHasher

from console.accounts import Passwords, create_token, set_user, warm
from console.app import NAME_FREE
from console.password_policy import LEAST, MOST, weakness
from core.model import User
from core.settings import ServerSettings, Settings
from core.sqlite import SqliteStore
from tests.console.support import PASSWORD, Clock, Running, form_token, running_console, shop


class Somebody:
    """Somebody at an address of their own, behind a proxy that tells it."""

    def __init__(self, console: Running, address: str) -> None:
        self.console = console
        headers = {"X-Forwarded-For": address, "Accept": "text/html"}
        jar = aiohttp.CookieJar(unsafe=True)
        self.http = aiohttp.ClientSession(headers=headers, cookie_jar=jar)

    async def attempt(self, name: str, password: str) -> int:
        async with self.http.get(self.console.url + "/sign-in") as page:
            token = form_token(await page.text())
        form = {"name": name, "password": password, "form_token": token, "next": "/sites"}
        url = self.console.url + "/sign-in"
        async with self.http.post(url, data=form, allow_redirects=False) as answer:
            return answer.status


@pytest.fixture
def behind() -> Settings:
    return Settings(server=ServerSettings(trusted_proxies=("127.0.0.1",)))


async def test_guesses_from_many_addresses_are_slowed(tmp_path: Path, behind: Settings) -> None:
    """
    Wrong passwords for one name are counted over all addresses; who signed in before from their own
    is not kept out by that, and neither address nor wrong name is stored.
    """
    async with running_console(tmp_path / "data", settings=behind) as console:
        owner = Somebody(console, "198.51.100.7")

        assert 303 == await owner.attempt("owner", PASSWORD)
        answers = []
        for number in range(NAME_FREE + 2):
            stranger = Somebody(console, f"203.0.113.{number}")
            answers.append(await stranger.attempt("owner", "wrong"))
            await stranger.http.close()
        other = Somebody(console, "198.51.100.8")
        locked_out = await other.attempt("owner", PASSWORD)
        own = await owner.attempt("owner", PASSWORD)
        await other.attempt("hunter2-is-my-password", "x")
        for one in (owner, other):
            await one.http.close()
        log = await console.store.audited(100)

    assert [401] * NAME_FREE + [429] * 2 == answers
    assert 429 == locked_out
    assert 303 == own
    assert NAME_FREE == sum(one.who == "owner" for one in log if one.action == "sign_in_failed")
    assert ["", "sign_in_failed"] == [log[0].who, log[0].action]
    content = b"".join(one.read_bytes() for one in (tmp_path / "data").rglob("*") if one.is_file())
    assert b"hunter2" not in content
    assert b"203.0.113" not in content
    assert b"198.51.100" not in content


async def test_unknown_names_take_as_long(tmp_path: Path) -> None:
    """A wrong password costs as much processor time for a name that there is as for one that is not."""
    store = SqliteStore(tmp_path / "data", Clock())
    await store.open()
    await store.add_user(User("ada", "owner", PasswordHasher().hash("right")))
    await warm()
    passwords = Passwords(store)

    async def cost(name: str) -> float:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        await passwords.check(name, "wrong")
        return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before

    spent: dict[str, list[float]] = {"ada": [], "nobody": []}
    for _ in range(5):
        for name, found in spent.items():
            found.append(await cost(name))
    await store.close()
    ratio = median(spent["nobody"]) / median(spent["ada"])

    assert 0.5 < ratio < 2, spent


@pytest.mark.parametrize("password", ["x" * (MOST + 1), "x" * 900_000, "\ud800abc", "\x00", ""])
async def test_passwords_that_are_none(tmp_path: Path, password: str) -> None:
    """A password without end, or that is no text, is a wrong one: nothing is hashed, nothing fails."""
    store = SqliteStore(tmp_path / "data", Clock())
    await store.open()
    await store.add_user(User("ada", "owner", PasswordHasher(1, 64, 1).hash("right")))

    assert await Passwords(store).check("ada", password) is None
    assert await Passwords(store).check("a" * 1000, password) is None
    await store.close()


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short-1", "short"),
        ("x" * (MOST + 1), "long"),
        ("password1234", "guessable"),
        ("P@ssw0rd1234!", "guessable"),
        ("Passwort2026!", "guessable"),
        ("qwertzuiop12", "guessable"),
        ("123456789012", "guessable"),
        ("aaaaaaaaaaaaaa", "guessable"),
        ("Sommer2026!!", "guessable"),
        ("correct-horse-battery-staple", "guessable"),
        ("ada.lovelace99", "guessable"),
        ("abababababab", "guessable"),
        ("WillkommenHallo", "guessable"),
        ("stolper-stolper", "guessable"),
        ("vier graue Dachse", None),
        ("tOr7-wetKu-9Lmp", None),
        ("пять серых котов", None),
    ],
)
def test_which_passwords_are_taken(password: str, expected: str | None) -> None:
    """Long passwords are taken, unless they are made of what everybody tries first or of the own name."""
    assert expected == weakness(password, "ada", "lovelace")
    assert LEAST == 12


async def test_a_new_sign_in_ends_the_one_before(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Who signs in anew has a new id, and the cookie that was there before opens nothing any more."""
    await console.sign_in(http)
    [before] = [one.value for one in http.cookie_jar if one.key == "stolper"]
    await console.sign_in(http)
    [after] = [one.value for one in http.cookie_jar if one.key == "stolper"]

    async def status(cookie: str) -> int:
        async with (
            aiohttp.ClientSession(headers={"Cookie": f"stolper={cookie}"}) as thief,
            thief.get(console.url + "/sites", allow_redirects=False) as answer,
        ):
            return answer.status

    assert before != after
    assert 401 == await status(before)
    assert 200 == await status(after)


async def test_removed_users_and_tokens_are_out_at_once(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Whoever is removed is signed out, and a token that is revoked is not known any more."""
    await set_user(console.store, "ada", "viewer", "vier graue Dachse")
    async with http.get(console.url + "/sign-in") as page:
        token = form_token(await page.text())
    form = {"name": "ada", "password": "vier graue Dachse", "form_token": token}
    async with http.post(console.url + "/sign-in", data=form) as answer:
        signed_in = answer.status
    text = await create_token(console.store, console.clock, "read")
    headers = {"Authorization": f"Bearer {text}"}
    async with http.get(console.url + "/api/v1/sites", headers=headers) as answer:
        known = answer.status
    await console.store.remove_user("ada")
    for one in await console.store.tokens():
        await console.store.remove_token(one.id)
    async with http.get(console.url + "/api/v1/sites", headers=headers) as answer:
        revoked = answer.status
    async with http.get(console.url + "/sites", allow_redirects=False) as answer:
        removed = answer.status

    assert (200, 200, 401, 303) == (signed_in, known, revoked, removed)


async def test_owners_read_the_audit_log(console: Running, http: aiohttp.ClientSession) -> None:
    """The log is paged, newest first, in the reader's language; what it holds is shown as text."""
    for number in range(150):
        await console.store.audit(console.clock.now, "<b>ada</b>", "watched", f"<i>{number}</i>")
    await console.store.audit(console.clock.now, "command line", "created", "user ada (viewer)")
    await console.sign_in(http)
    async with http.get(console.url + "/audit?lang=de") as answer:
        german = await answer.text()
    async with http.get(console.url + "/audit?lang=en") as answer:
        first = await answer.text()
    number = first.split("/audit?before=")[1].split('"')[0]
    async with http.get(f"{console.url}/audit?before={number}") as answer:
        second = await answer.text()
    async with http.get(console.url + "/sites") as answer:
        sites = await answer.text()

    assert "Prüfprotokoll" in german
    assert "Sitzung angesehen" in german
    assert "Kommandozeile" in german
    assert 'href="/sessions/%3Ci%3E149%3C/i%3E"' in first
    assert "signed in" in first
    assert "&lt;i&gt;149&lt;/i&gt;" in first
    assert "&lt;i&gt;50&lt;/i&gt;" not in first
    assert "&lt;i&gt;50&lt;/i&gt;" in second
    assert "<b>ada" not in first
    assert 'href="/audit"' in sites


async def test_hosts_lead_nowhere(console: Running, http: aiohttp.ClientSession) -> None:
    """Whatever Host header is sent, no page, redirect or policy names a host that is not the console's."""
    await console.store.add_site(shop("other", "sother"))
    for host in (
        "evil.example",
        "evil.example/..",
        "a b",
        "evil.example:99999999",
        "x'; script-src *",
    ):
        for path in ("/", "/sites", "/sign-in?next=//evil.example", "/nothing"):
            async with http.get(
                console.url + path, headers={"Host": host}, allow_redirects=False
            ) as answer:
                told = f"{answer.headers} {await answer.text()}"

            assert [] == re.findall(r'(?:href|src|action)="(?:\w+:)?//', told)
            assert not answer.headers.get("Location", "/").startswith(("http", "//"))
            assert "script-src *" not in told
