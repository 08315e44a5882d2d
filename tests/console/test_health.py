"""The page of recording health, its twin in the API, and the switch of a site."""

from __future__ import annotations

from typing import Any, get_args

import aiohttp
import pytest

from console.health_words import finding_text, lack_text, refusal_text
from console.language import Languages
from core.health import DAY_MS, SERVER, Code, Finding, HealthCount, What, findings
from core.model import Site, User
from tests.console.support import START, Running, Visit, form_token, rrweb_page, shop
from tests.console.test_api import call


@pytest.fixture
async def site(console: Running) -> Site:
    """A site that the console knows."""
    known = await console.store.site("sshop")
    if known is None:
        known = shop()
        await console.store.add_site(known)
    return known


async def counted(console: Running, site: Site, *counts: tuple[What, str, int]) -> None:
    """Count things of the site, an hour ago."""
    at = START - 3_600_000
    await console.store.note(
        [HealthCount(site.key, at // DAY_MS, what, detail, n, at) for what, detail, n in counts]
    )


async def lacking(console: Running) -> None:
    """Store a whole session, and one without picture and with two kinds of gaps."""
    whole = Visit(console.store, "whole")
    await whole.send([{"t": 0, "type": "page"}], recording=rrweb_page())
    gaps = ({"kind": "buffer", "reason": "full"}, {"kind": "refused", "reason": "too_large"})
    await Visit(console.store, "holed").send([{"t": 0, "type": "page"}], gaps=gaps)
    for visit in ("whole", "holed"):
        await console.store.end_session(visit, "idle")


async def page(http: aiohttp.ClientSession, console: Running, language: str = "en") -> str:
    async with http.get(f"{console.url}/sites/sshop/health?lang={language}") as answer:
        assert 200 == answer.status
        return await answer.text()


async def test_the_page_says_why_nothing_arrives(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """Loaders without batches: the policy's directive and the server's own address are named."""
    await console.sign_in(http)
    assert "No page has asked for the script." in await page(http, console)
    await counted(console, site, ("loader", "", 12))

    assert "connect-src https://stolper.example" in await page(http, console)
    assert "12-mal abgerufen" in await page(http, console, "de")


async def test_the_page_sums_up_what_is_missing(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """Gaps by kind and reason, refusals, origins, versions and own errors are there in words."""
    await console.sign_in(http)
    await lacking(console)
    await counted(
        console, site, ("loader", "", 3), ("batch", "stored", 7), ("version", "0.1.0", 7),
        ("refused", "origin", 2), ("refused", "busy", 1), ("own_error", "press", 4),
        ("origin", "https://<b>evil</b>.example", 2),
    )  # fmt: skip
    told = await page(http, console)

    for words in (
        "the server could not be reached until the browser&#39;s buffer was full",
        "refused: too large", "the disk did not keep up", "0.1.0", "press",
        "https://&lt;b&gt;evil&lt;/b&gt;.example", "1 session has no picture at all.",
    ):  # fmt: skip
        assert words in told, words
    assert "<b>evil" not in told


async def test_the_api_tells_the_same(console: Running, site: Site) -> None:
    """Counts, gaps and findings are there by their stable names; an unknown site is a 404."""
    await lacking(console)
    await counted(console, site, ("loader", "", 3), ("batch", "stored", 7), ("early", "", 2))
    status, body = await call(console, "/sites/shop/health?since=2d")
    health: dict[str, Any] = body["health"]

    assert 200 == status
    assert {"loaders": 3, "left_early": 2, "batches": {"stored": 7}, "enabled": True} == {
        name: health[name] for name in ("loaders", "left_early", "batches", "enabled")
    }
    assert (2, 1, 1) == (
        health["sessions"],
        health["sessions_incomplete"],
        health["sessions_without_snapshot"],
    )
    assert [("buffer", "full", 1, 1), ("refused", "too_large", 1, 1)] == [
        (gap["kind"], gap["reason"], gap["gaps"], gap["sessions"]) for gap in health["gaps"]
    ]
    assert ["no_snapshot", "gaps"] == [one["code"] for one in health["findings"]]
    assert (0, None) == (health["sessions_of_bots"], health["clock_ahead_ms"])
    assert 0 < health["disk_free_mb"]
    assert 404 == (await call(console, "/sites/none/health"))[0]


async def test_the_page_names_faults_in_both_languages(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """An old script, damage on the way and a wrong key stand there, each with what to do."""
    await console.sign_in(http)
    await counted(
        console, site, ("loader", "", 3), ("batch", "stored", 7), ("version", "0.0.9", 7),
        ("refused", "bad_frame", 2), ("own_error", "storage", 3),
    )  # fmt: skip
    at = START - 3_600_000
    wrong = f"{site.origins[0]} swrong"
    await console.store.note([HealthCount(SERVER, at // DAY_MS, "unknown_key", wrong, 2, at)])
    english, german = await page(http, console), await page(http, console, "de")

    for words in ("older script: 0.0.9", "2 batches arrived damaged", "blocked or full 3 times",
                  "a key that no site has: swrong"):  # fmt: skip
        assert words in english, words
    for words in ("älteren Skript: 0.0.9", "2 Sendungen kamen beschädigt an", "3-mal gesperrt",
                  "den keine Website hat: swrong"):  # fmt: skip
        assert words in german, words


async def test_owners_switch_a_site_off_and_on(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """One press turns recording off, and is noted; analysts see the state and no switch."""
    await console.sign_in(http)
    url = f"{console.url}/sites/{site.key}/recording"

    async def press(enabled: str, token: str) -> int:
        form = {"enabled": enabled, "form_token": token}
        async with http.post(url, data=form, allow_redirects=False) as answer:
            return answer.status

    async def enabled() -> bool:
        now = await console.store.site(site.key)
        assert now is not None
        return now.options.enabled

    token = form_token(await page(http, console))
    assert 303 == await press("no", token)
    assert not await enabled()
    assert "Recording is switched off for this site." in await page(http, console)
    assert 303 == await press("yes", token)
    assert await enabled()

    owner = await console.store.user("owner")
    assert owner is not None
    await console.store.add_user(User("owner", "analyst", owner.password_hash))
    assert 403 == await press("no", token)
    assert await enabled()
    assert "Switch recording off" not in await page(http, console)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_finding_has_words(language: str) -> None:
    """Each code has a sentence and what to do, and so have refusals and gaps that can be."""
    spoken = Languages()[language]
    for code in get_args(Code):
        finding = Finding(code, True, ("busy",), 2)
        what, do = finding_text(finding, "https://h", spoken.gettext, spoken.ngettext)

        assert what and do
        assert "%(" not in what + do
    assert "busy" != refusal_text("busy", spoken.gettext)
    assert "new_kind why" == lack_text("new_kind", "why", spoken.gettext)


async def test_a_site_that_is_off_has_one_finding(console: Running, site: Site) -> None:
    """Whatever else is counted: being off explains it."""
    await counted(console, site, ("loader", "", 9), ("refused", "off", 4))
    health = await console.store.health(site.key, START - DAY_MS)

    assert ["off"] == [one.code for one in findings(health, enabled=False)]
    assert ["no_batches"] != [one.code for one in findings(health, enabled=True)]


async def test_a_sessions_page_names_what_it_lacks_without_script(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """The ledger of gaps stands in the page itself, with the time and the reason in words."""
    await console.sign_in(http)
    visit = Visit(console.store, "holed")
    gaps = (
        {"kind": "buffer", "reason": "full", "from_t": 61_000, "until_t": 65_000},
        {"kind": "refused", "reason": "too_large", "from_t": 70_000},
    )
    await visit.send([{"t": 0, "type": "page"}, {"t": 90_000, "type": "scroll"}], gaps=gaps)
    await visit.send([{"t": 95_000, "type": "scroll"}], seq=3)
    await console.store.end_session("holed", "idle")
    async with http.get(f"{console.url}/sessions/holed?lang=en") as answer:
        told = (await answer.text()).partition('id="gaps"')[2].partition("</ul>")[0]

    for words in (
        "1:01–1:05", "The server could not be reached until the browser&#39;s buffer was full",
        "Refused: too large", "Data from the browser did not arrive", "The end of this page was not told",
    ):  # fmt: skip
        assert words in told, words


async def test_a_test_by_doctor_is_no_visit(
    console: Running, http: aiohttp.ClientSession, site: Site
) -> None:
    """Its page says what it is; the list of sessions and that of the API know nothing of it."""
    await console.sign_in(http)
    await Visit(console.store, "tested", canary=True).send([{"t": 0, "type": "page"}])
    async with http.get(f"{console.url}/sessions/tested?lang=de") as answer:
        assert "ein Test von stolper doctor" in await answer.text()
    async with http.get(f"{console.url}/sessions") as answer:
        assert "tested" not in await answer.text()

    assert [] == (await call(console, "/sessions"))[1]["sessions"]
    assert (await call(console, "/sessions/tested"))[1]["session"]["canary"]
