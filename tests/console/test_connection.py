"""Adding a site in the console, and what empty pages teach."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import aiohttp
import pytest

from core.health import DAY_MS, HealthCount
from core.model import User
from tests.console.support import START, Running, Visit, form_token, running_console


async def text_of(console: Running, http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(console.url + path) as answer:
        assert 200 == answer.status, path
        return unescape(await answer.text())


async def add(
    console: Running, http: aiohttp.ClientSession, form: dict[str, str]
) -> tuple[int, str]:
    token = form_token(await text_of(console, http, "/sites/add"))
    async with http.post(
        console.url + "/sites/add", data={"form_token": token, **form}, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", "") or unescape(await answer.text())


async def test_an_owner_adds_a_site(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """The first page asks where the pages are; that alone makes a site with the careful defaults."""
    async with running_console(tmp_path / "data") as console:
        await console.sign_in(http)
        for page in ("/overview", "/sessions", "/sites"):
            assert 'action="/sites/add"' in await text_of(console, http, page)
        status, link = await add(console, http, {"origins": "HTTPS://Shop.example:443/"})
        [site] = await console.store.sites()

        assert (303, f"/sites/{site.key}/connect") == (status, link)
        assert ("shop.example:443", ("https://shop.example",), "cookieless", "standard") == (
            site.name.lower(), site.origins, site.mode, site.privacy,
        )  # fmt: skip
        page = await text_of(console, http, link)
        assert f'<script async src="https://stolper.example/s/{site.key}.js"></script>' in page
        assert 'data-state="waiting"' in page
        [done] = await console.store.audited(1)
        assert ("created", f"site {site.name}") == (done.action, done.subject)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"origins": ""}, "Say where the pages are"),
        ({"origins": "shop.example"}, "“shop.example” is no origin"),
        ({"origins": "https://shop.example/cart"}, "Write https://shop.example"),
        ({"origins": "https://*.shop.example"}, "is a pattern"),
        ({"origins": "https://a.example", "name": "x" * 81}, "at most 80 characters"),
        ({"origins": "https://a.example", "name": "shop"}, "There is a site “shop” already."),
    ],
)
async def test_what_is_no_site_is_asked_again(
    console: Running, http: aiohttp.ClientSession, form: dict[str, str], says: str
) -> None:
    """What cannot be is said beside what was entered; nothing is added."""
    await console.sign_in(http)
    status, page = await add(console, http, form)

    assert 400 == status
    assert says in page
    assert f'value="{form["origins"]}"' in page
    assert 1 == len(await console.store.sites())
    async with http.get(console.url + "/sites?lang=de"):
        _, german = await add(console, http, form)
    assert says.removesuffix(".") not in german or says.startswith("Write http")


async def test_others_are_told_who_may(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Whoever is no owner sees no form that would be refused."""
    async with running_console(tmp_path / "data") as console:
        owner = await console.store.user("owner")
        assert owner
        await console.sign_in(http)
        await console.store.add_user(User("owner", "analyst", owner.password_hash))
        page = await text_of(console, http, "/sessions")

        assert 'action="/sites/add"' not in page
        assert "Only owners may do this." in page


async def test_an_empty_list_says_how_far_visits_come(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Without a visit the list has the line and the check; each step that is reached is told."""
    await console.sign_in(http)

    async def shown() -> str:
        page = await text_of(console, http, "/sites/sshop/connection")
        assert "<html" not in page
        return page

    page = await text_of(console, http, "/sessions")
    assert 'data-check="/sites/sshop/connection"' in page
    assert "stolper demo" in page
    assert 'data-state="waiting"' in page
    await console.store.note(
        [HealthCount("sshop", START // DAY_MS, "loader", "https://shop.example", 1, START - 1000)]
    )
    page = await shown()
    assert "https://shop.example has asked for the script. Waiting for the first event ..." in page
    console.clock.now += 20_000
    page = await shown()
    assert 'data-state="nothing_sent"' in page
    assert "connect-src https://stolper.example" in page
    await console.store.note(
        [HealthCount("sshop", START // DAY_MS, "origin", "https://<b>.example", 1, START + 21_000)]
    )
    assert "A page of https://<b>.example sends" in await shown()
    await Visit(console.store, "v1", start=START + 60_000).send([{"t": 0, "type": "page"}])
    page = await shown()
    assert 'data-state="received"' in page
    assert 'href="/sessions/v1"' in page
    assert "data-check" not in await text_of(console, http, "/sessions")
