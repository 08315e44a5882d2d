"""The sessions list as it is searched: facets, counts that open what they count, one field, segments."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from multidict import MultiDict
from playwright.async_api import Browser, expect

from console.neighbours import list_parameters, session_link
from core.codes import new_code
from core.search import read
from stolper.indexer import Indexer
from tests.console.conftest import sign_in
from tests.console.support import START, Running, Visit, form_token, running_console, shop

ID = "01a18073-858c-7391-b836-97a78a75a287"
RULE = """
version: 1
rules:
  - id: rage_click
    title: {en: Rage click, de: Wutklick}
    severity: high
    match: {event: click}
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A console with four visits in its index."""
    path = tmp_path_factory.mktemp("found")
    rules = path / "rules.yaml"
    rules.write_text(RULE)
    async with running_console(path / "data", shipped=(rules,)) as console:
        await console.store.add_site(shop())
        await visits(console)
        indexer = Indexer(console.store, console.clock)
        for name in ("a", "b", "c", ID):
            indexer.changed(name)
        while await indexer.sweep():
            pass
        yield console


async def visits(console: Running) -> None:
    """Write four visits: two on phones, one of a known customer."""
    pages = {"a": ["/", "/basket"], "b": ["/", "/basket", "/thanks"], "c": ["/"], ID: ["/item/1"]}
    for nth, (name, paths) in enumerate(pages.items()):
        visit = Visit(
            console.store, name, start=START - nth * 60_000,
            attributes={"device": "mobile" if nth < 2 else "desktop", "browser": "Chrome", "language": "de"},
            identity={"id": "4711", "hashed": False, "verified": True} if name == "b" else None,
        )  # fmt: skip
        await visit.send(
            [{"t": at, "type": "page", "path": path, "nav": "load"} for at, path in enumerate(paths)]
            + [
                {"t": 50, "type": "click", "path": paths[-1], "target": {"key": "pay", "label": "Pay <now>"}},
                {"t": 60, "type": "request", "path": paths[-1], "url": "/api/pay", "status": 500 if nth else 200},
            ]
        )  # fmt: skip
        if nth == 2:
            await visit.flag("rage_click", at=5)
        await console.store.end_session(name, "left")
        console.clock.now += 1


@pytest_asyncio.fixture(loop_scope="module")
async def http(found: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that is signed in as the owner."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        await found.sign_in(session)
        yield session


async def page(http: aiohttp.ClientSession, found: Running, path: str) -> str:
    """Return the page at *path*."""
    async with http.get(found.url + path) as answer:
        assert 200 == answer.status
        return await answer.text()


async def leads(http: aiohttp.ClientSession, found: Running, words: str) -> str:
    """Return where the field of every page leads with *words*."""
    path = f"{found.url}/search?q={quote(words)}"
    async with http.get(path, allow_redirects=False) as answer:
        assert 303 == answer.status
        return answer.headers["Location"]


async def test_programs_search_and_count_too(found: Running) -> None:
    """The API takes the same words and fields; each count is as long as the list with that value."""
    headers = {"Authorization": f"Bearer {found.tokens['read']}"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def told(path: str) -> dict[str, Any]:
            async with http.get(f"{found.url}/api/v1/{path}") as answer:
                return {"status": answer.status, **await answer.json()}

        async def ids(query: str) -> list[str]:
            return [one["id"] for one in (await told(f"sessions?{query}"))["sessions"]]

        counted = await told("sessions/facets?not_page=/thanks&field=device&field=did&limit=20")

        assert ["a"] == await ids("device=mobile&not_page=/thanks")
        assert ["b"] == await ids("q=pay+page:/thanks") == await ids("customer=4711")
        assert ["c"] == await ids("rule=rage_click") == await ids("rule=rage_click&did=press")
        assert ["a", "b"] == await ids("device=mobile&flagged=false&since=2h")
        assert (3, {"device", "did"}) == (counted["total"], counted["facets"].keys())
        for field, values in counted["facets"].items():
            for one in values:
                query = f"not_page=/thanks&{field}={one['value']}"
                assert one["sessions"] == len(await ids(query)), one
        assert 400 == (await told("sessions/facets?field=colour"))["status"]
        assert {"device"} == (await told("sessions/facets?field=device&field=device"))[
            "facets"
        ].keys()
        for strange in ('"', "a%00b", "AND", "NEAR(", "^a", "-", "*", "a:b"):
            assert 200 == (await told(f"sessions?q={strange}"))["status"], strange


def listed(text: str) -> list[str]:
    """Return the ids of the sessions in a page's rows."""
    return re.findall(r'<tr id="s-([^"]+)"', text)


VALUE = re.compile(
    r'<a class="with" href="([^"]+)".*?<span class="what"[^>]*>(.*?)</span>.*?'
    r'<a class="without" href="([^"]+)".*?<span class="count">(\d+)<', re.S,
)  # fmt: skip


def values(text: str) -> dict[tuple[str, str], tuple[str, str, int]]:
    """Return the values of all facets on a page, by field and name: addresses with and without, and the count."""
    return {
        (field, html.unescape(name)): (html.unescape(with_), html.unescape(without), int(count))
        for field, part in re.findall(r'data-facet="(\w+)">(.*?)</details>', text, re.S)
        for with_, name, without, count in VALUE.findall(part)
    }


async def test_each_count_opens_what_it_counts(found: Running, http: aiohttp.ClientSession) -> None:
    """Behind each value of each facet are as many sessions as it says, and all others without it."""
    told = values(await page(http, found, "/sessions"))

    assert {
        ("device", "Phone"), ("page", "/basket"), ("rule", "Rage click"), ("did", "Press"),
        ("did", "Failed request"), ("duration", "under 10 sec"),
    } <= told.keys()  # fmt: skip
    for name, (with_, without, count) in told.items():
        assert count == len(listed(await page(http, found, with_))), name
        assert 4 - count == len(listed(await page(http, found, without))), name


async def test_facets_narrow_one_another(found: Running, http: aiohttp.ClientSession) -> None:
    """Chosen values stay in the address; what is shown is what has the one and did not do the other."""
    path = values(await page(http, found, "/sessions?device=mobile"))["page", "/thanks"][1]
    shown = await page(http, found, path)

    assert {"device": "mobile", "not_page": "/thanks"} == dict(parse_qsl(urlsplit(path).query))
    assert ["a"] == listed(shown)
    assert "Device: Phone" in shown
    assert "Page seen not: /thanks" in shown
    assert (1, 2) == tuple(values(shown)["device", name][2] for name in ("Phone", "Desktop"))


async def test_an_empty_list_says_which_filter_to_drop(
    found: Running, http: aiohttp.ClientSession
) -> None:
    """The filter that hides most comes first, with the number of sessions that are behind its link."""
    shown = await page(http, found, "/sessions?device=desktop&page=/basket&browser=Chrome&lang=en")
    drops = re.findall(r'<li><a href="([^"]+)">without (.*?)</a> <span class="count">(\d+) ', shown)

    assert [] == listed(shown)
    assert [("Page seen: /basket", "2"), ("Device: Desktop", "2")] == sorted(
        ((name, count) for _, name, count in drops), reverse=True
    )
    for link, _, count in drops:
        assert int(count) == len(listed(await page(http, found, html.unescape(link))))


async def test_words_and_old_links_are_understood(
    found: Running, http: aiohttp.ClientSession
) -> None:
    """Words find labels, `-` leaves out; what links of before asked for is found as before."""
    asked = {
        "q=pay+now": 4,
        "q=pay+-page:/basket": 2,
        "q=device:mobile+basket": 2,
        "q=nothing+of+the+kind": 0,
        "flagged=yes": 1,
        "flagged=no": 3,
        "rule=rage_click": 1,
        "customer=4711": 1,
        "since=1h&order=score": 4,
        "device=": 4,
        "score=wrong&since=never&order=": 4,
    }
    counts = {one: len(listed(await page(http, found, f"/sessions?{one}"))) for one in asked}

    assert asked == counts


@pytest.mark.parametrize("words", [ID, f"http://console.example/sessions/{ID}", "4711"])
async def test_what_names_one_visit_opens_it(
    found: Running, http: aiohttp.ClientSession, words: str
) -> None:
    """The id or link of a session opens it at once, and so does a customer with one visit."""
    assert f"/sessions/{'b' if words == '4711' else ID}" == await leads(http, found, words)


async def test_the_field_leads_where_it_can(found: Running, http: aiohttp.ClientSession) -> None:
    """A rule's name, an address and a page lead to their sessions, a code to its visit, all else is searched."""
    code = await found.store.give_code("a", 60_000, new_code)
    assert code

    assert "/sessions?rule=rage_click" == await leads(http, found, "WUTKLICK")
    assert "/sessions?rule=rage_click" == await leads(http, found, "rage_click")
    assert "/sessions?page=/basket" == await leads(http, found, "/basket")
    assert "/sessions?page=/basket" == await leads(http, found, "https://x.example/basket?a=1")
    assert (await leads(http, found, code.code.lower())).startswith("/sessions/a")
    assert "/sessions?q=pay" == await leads(http, found, "pay")
    assert "/sessions?q=/nowhere" == await leads(http, found, "/nowhere")
    assert (await leads(http, found, "about 14:10, phone")).startswith("/find?q=")
    assert "/sessions#find" == await leads(http, found, "  ")
    for strange in (
        "http://[",
        "javascript:alert(1)",
        "//evil.example/x",
        "\\evil",
        "%00",
        "/" * 999,
    ):
        assert re.match(r"/(sessions|find)(\?|$)", await leads(http, found, strange)), strange


async def test_an_address_is_kept(found: Running, http: aiohttp.ClientSession) -> None:
    """A session knows the list that it was opened from, facets that come twice among it."""
    shown = await page(http, found, "/sessions?device=mobile&device=desktop&not_page=/thanks")
    link = next(iter(re.findall(r'href="(/sessions/c\?[^"]+)"', shown)))
    one = await page(http, found, html.unescape(link))
    back = re.search(r'href="(/sessions\?[^"]+)"', one)
    assert back

    assert ["a", "c", ID] == listed(await page(http, found, html.unescape(back[1])))
    assert "/sessions/a?" in one
    assert f"/sessions/{ID}?" in one


async def test_segments_are_saved_opened_and_removed(
    found: Running, http: aiohttp.ClientSession
) -> None:
    """What is asked for opens under a name, for all if it is shared; a viewer saves nothing."""
    query = "device=mobile&not_page=%2Fthanks"
    shown = await page(http, found, f"/sessions?{query}")
    form = {"name": "Phones <b>", "query": query, "shared": "1", "form_token": form_token(shown)}
    async with http.post(found.url + "/segments", data=form, allow_redirects=False) as answer:
        assert 303 == answer.status
        assert parse_qsl(query) == parse_qsl(urlsplit(answer.headers["Location"]).query)
    [segment] = await found.store.segments_for("somebody")
    opened = await page(http, found, f"/segments/{segment.id}")

    assert ["a"] == listed(opened)
    assert "Phones &lt;b&gt;" in opened
    refused = [
        {**form, "name": " "},
        {**form, "query": "order=score"},
        {**form, "query": "device=" + "x" * 5000 + "&page=" + "y" * 5000},
        {**form, "query": "q=Ann@Shop.example+page:/cart"},  # an address, which is kept nowhere
        {**form, "query": "q=customer:4711"},
        {**form, "query": "customer=4711"},
    ]
    for one in refused:
        async with http.post(found.url + "/segments", data=one, allow_redirects=False) as answer:
            assert 400 == answer.status, one["name"]
    path = f"{found.url}/segments/{segment.id}/remove"
    async with http.post(path, data={"form_token": form["form_token"]}) as answer:
        assert 200 == answer.status
    assert [] == await found.store.segments_for("owner")


async def test_a_list_of_many_filters_is_left_out_of_links() -> None:
    """A session's address never grows beyond what is read of it again."""
    long = [("page", "/" + "x" * 500)] * 5

    assert "/sessions/a" == session_link("a", long)
    assert MultiDict([("page", "/a"), ("page", "/b")]) == list_parameters("page=/a&page=/b")
    assert ("pay",) == read("pay").words


@pytest.mark.browser
async def test_the_key_and_the_way_back(found: Running, browser: Browser) -> None:
    """`/` reaches the field from every page, Enter finds; "back" leads to the row that was opened."""
    tab = await browser.new_page(viewport={"width": 1200, "height": 400})
    await sign_in(tab, found)
    await tab.goto(found.url + "/struggles")
    await tab.keyboard.press("/")
    await expect(tab.locator("#find")).to_be_focused()
    await tab.keyboard.type("pay -page:/thanks")
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#total")).to_have_text("3 sessions")
    row = tab.locator(f'[id="s-{ID}"] a')
    await row.scroll_into_view_if_needed()
    place = await tab.evaluate("scrollY")
    await row.click()
    await tab.wait_for_url(f"**/sessions/{ID}?**")
    await tab.go_back()
    await expect(row).to_be_focused()

    assert place == await tab.evaluate("scrollY")
    await tab.keyboard.press("/")
    await expect(tab.locator("#find")).to_be_focused()
    await tab.keyboard.type("/")
    await expect(tab.locator("#find")).to_have_value("/")
    await tab.close()
