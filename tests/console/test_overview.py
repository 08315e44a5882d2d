"""The overview: its numbers are those of the lists they open, and what is new is called so."""

from __future__ import annotations

import re

import aiohttp

from console.format import breakable
from core.triage import TriageChange
from stolper.indexer import Indexer
from tests.console.support import Running, Visit, shop

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def get(console: Running, http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(console.url + path) as answer:
        assert answer.status == 200
        return await answer.text()


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """Return the tiles of *page* by name: their address and number."""
    found = re.findall(r'tile" href="([^"]+)"><[^>]+>([^<]+)</span><[^>]+>([^<]+?)\s*<', page)
    return {name: (link.replace("&amp;", "&"), number) for link, name, number in found}


async def test_numbers_open_what_they_count(console: Running, http: aiohttp.ClientSession) -> None:
    """Each tile's number is that of the list behind it; older visits and other sites are left out of both."""
    await console.store.add_site(shop(name="other", key="sother"))
    now = console.clock.now_ms()
    for name, ago, site in (
        ("a", HOUR_MS, "sshop"), ("b", 2 * HOUR_MS, "sshop"), ("old", 30 * HOUR_MS, "sshop"),
        ("c", HOUR_MS, "sother"),
    ):  # fmt: skip
        visit = Visit(console.store, name, start=now - ago, site=site)
        await visit.send([{"t": 0, "type": "page"}])
        if name != "b":
            await visit.flag(f"rule_{name}", at=100)
    await console.sign_in(http)
    page = tiles(await get(console, http, "/overview?site=shop"))

    assert ("2", "1") == (page["Sessions"][1], page["With a struggle"][1])
    for link, number in (page["Sessions"], page["With a struggle"]):
        assert f">{number} session" in await get(console, http, link)


async def test_change_since_the_day_before(console: Running, http: aiohttp.ClientSession) -> None:
    """The change is against the 24 hours before; without any then, none is told."""
    now = console.clock.now_ms()
    for number, ago in enumerate((1, 2, 3, 30)):
        await Visit(console.store, f"v{number}", start=now - ago * HOUR_MS).send(
            [{"t": 0, "type": "page"}]
        )
    await console.sign_in(http)
    page = await get(console, http, "/overview")

    assert "200% more than the day before" in page
    assert "nothing to compare with yet" in page  # of those with a struggle


async def test_what_is_new(console: Running, http: aiohttp.ClientSession) -> None:
    """A struggle first seen in the last 7 days is called new, one that is older is not."""
    now = console.clock.now_ms()
    for name, ago in (("before", 9 * DAY_MS), ("today", HOUR_MS)):
        visit = Visit(console.store, name, start=now - ago)
        await visit.send([{"t": 0, "type": "page"}])
        await visit.flag("rule_known", title="Known of old", at=100)
        if name == "today":
            await visit.flag("rule_fresh", title="Never seen", at=100)
    await console.sign_in(http)
    page = await get(console, http, "/overview")
    rows = {
        title: "badge new" in row
        for row in page.split("<li>")
        for title in ("Known of old", "Never seen")
        if 'row-title" href="/struggles' in row and f">{title}" in row
    }

    assert {"Known of old": False, "Never seen": True} == rows


async def test_reviews_and_what_is_settled(console: Running, http: aiohttp.ClientSession) -> None:
    """What is ignored hurts no more; what is due of the reader, and what is not reviewed, is one click away."""
    now = console.clock.now_ms()
    visit = Visit(console.store, "v", start=now - HOUR_MS)
    await visit.send([{"t": 0, "type": "page"}])
    for title in ("One", "Two"):
        await visit.flag(f"rule_{title.lower()}", title=title, at=100)
    one, two = sorted(await console.store.struggles(), key=lambda struggle: struggle.rule)
    say = console.store.set_triage
    await say([one.key], TriageChange("ignored", reason="x"), who="owner", at_ms=now)
    await say([two.key], TriageChange(owner="owner", due="2020-01-01"), who="owner", at_ms=now)
    await console.sign_in(http)
    page = await get(console, http, "/overview")
    links = {
        name: link.replace("&amp;", "&")
        for link, name in re.findall(r'row-title" href="(/struggles\?[^"]+)">([^<]+)<', page)
    }

    assert [f"/struggles/{two.key}?since=24h"] == re.findall(
        r'row-title" href="(/struggles/[^"]+)"', page
    )
    assert ["1 not reviewed", "1 review of yours is due"] == list(links)
    assert "1 overdue" in page
    for link in links.values():
        listed = await get(console, http, link)
        assert f"/struggles/{two.key}" in listed
        assert f"/struggles/{one.key}" not in listed
    await say([two.key], TriageChange("resolved"), who="owner", at_ms=now)

    assert "what was seen is resolved or ignored" in await get(console, http, "/overview")


async def test_running_sessions_are_counted_as_listed(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """The number of running sessions is that of the list it opens."""
    now = console.clock.now_ms()
    for name in ("a", "b", "c"):
        await Visit(console.store, name, start=now - HOUR_MS).send([{"t": 0, "type": "page"}])
    await console.store.end_session("c", "left")
    indexer = Indexer(console.store, console.clock)
    for name in ("a", "b", "c"):
        indexer.changed(name)
    while await indexer.sweep():
        pass
    await console.sign_in(http)
    link, number = tiles(await get(console, http, "/overview"))["Running now"]

    assert "2" == number
    assert ">2 sessions" in await get(console, http, link)


def test_paths_break_behind_slashes() -> None:
    """A path may be broken behind slashes and nowhere else, and stays text."""
    assert "/<wbr>de/<wbr>&lt;b&gt;?<wbr>x=1" == str(breakable("/de/<b>?x=1"))
    assert "–" == str(breakable("–"))
