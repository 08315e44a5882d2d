"""The pages of processes: each number opens exactly the sessions that it counted."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from multidict import MultiDict

from insight.intervals import share_of
from stolper.indexer import Indexer
from tests.console.support import Running, Visit, running_console, shop
from tests.insight.generator import PROCESS, Truth, stored, visits
from tests.insight.test_walks import everything, rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUTHS = visits(11, 160)
STUCK = [one for one in TRUTHS if one.reached][::3]
"""Those with a struggle."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A console with visits of known truth in its index."""
    path = tmp_path_factory.mktemp("processes")
    file = path / "process.yaml"
    file.write_text(PROCESS)
    async with running_console(path / "data", shipped=(file,)) as console:
        await console.store.add_site(shop())
        await stored(console.store, TRUTHS)
        for truth in STUCK:
            visit = Visit(console.store, truth.id, start=truth.start)
            at = 5 + min(truth.reached.values())  # at its first step
            await visit.flag("form_loop", at=at, title="Form loop", label="Order")
        declared = rules()
        indexer = Indexer(console.store, console.clock, rules=lambda: declared)
        await everything(indexer)
        console.clock.now += 86_400_000
        await indexer.norms()
        yield console


@pytest_asyncio.fixture(loop_scope="module")
async def http(shown: Running) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        await shown.sign_in(session)
        yield session


async def page(http: aiohttp.ClientSession, shown: Running, path: str, status: int = 200) -> str:
    """Return the page at *path*."""
    async with http.get(shown.url + path) as answer:
        assert status == answer.status
        return await answer.text()


def numbers(text: str) -> dict[str, int]:
    """Return the numbers of a page that are links to lists of sessions, by their address."""
    found = re.findall(r'href="(/sessions\?[^"]+)"[^>]*>(.*?)</a>', text, re.S)
    plain = {
        html.unescape(link): re.sub(r"<span.*|<[^>]+>", "", told.replace('tile-number">', "\0"))
        for link, told in found
    }
    return {
        link: int(re.sub(r"\D", "", told)) for link, told in plain.items() if re.search(r"\d", told)
    }


async def listed(http: aiohttp.ClientSession, shown: Running, link: str) -> int:
    """Return how many sessions the list at *link* says there are."""
    text = await page(http, shown, link)
    counted = re.search(r'<p class="count"[^>]*>\s*([\d,.]+)', text)
    assert counted is not None, link
    return int(re.sub(r"\D", "", counted[1]))


def left(truths: list[Truth], step: str) -> int:
    return sum(bool(one.reached) and not one.completed and one.furthest == step for one in truths)


async def test_each_number_of_a_process_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """Of the funnel, of the ends at a step, and of who completes it; narrowed by a filter, too."""
    for address in (
        "/processes/order?step=address&by=device",
        "/processes/order?step=pay&device=mobile",
    ):
        found = numbers(await page(http, shown, address))
        assert len(found) > 15
        for link, number in found.items():
            assert number == await listed(http, shown, link), (address, link)
    phones = [one for one in TRUTHS if one.device == "mobile"]
    expected = {
        "reached=order": sum(bool(one.reached) for one in phones),
        "completed=order": sum(one.completed for one in phones),
        "left=order%2Fpay": left(phones, "pay"),
    }
    told = {link.partition("device=mobile&")[2]: number for link, number in found.items()}
    assert expected == {one: told[one] for one in expected}


async def test_each_number_of_the_paths_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """Over pages and through a process, forwards and back, narrowed by a filter, what is drawn together too."""
    for address in (
        "/paths?at=/&depth=2&device=mobile&rule=form_loop",
        "/paths?toward=before&depth=2&at=/pay",
        "/processes/order/paths?depth=2&at=basket&not_rule=form_loop",
    ):
        text = await page(http, shown, address)
        found = numbers(text)
        assert len(found) > 5, address
        for link, number in found.items():
            assert number == await listed(http, shown, link), (address, link)
    text = html.unescape(await page(http, shown, "/processes/order/paths?lang=de"))
    assert 'data-text="Zahlung"' in text and "abgeschlossen" in text
    text = await page(http, shown, "/paths?at=/nowhere&lang=en")
    assert "No path to draw" in text


async def test_each_number_of_the_maps_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """Of presses and depths of a page, of a kind of device that is chosen for the reader, and of those in a process."""
    for address in (
        "/maps?page=/item/*",
        "/maps?page=/list/a&show=depth&device=mobile",
        "/processes/order/maps?page=/item/*&rule=form_loop",
    ):
        text = await page(http, shown, address)
        found = numbers(text)
        assert len(found) > 3, address
        for link, number in found.items():
            assert "device=" in link
            assert number == await listed(http, shown, link), (address, link)
    assert "reached=order&" in link  # of those who entered it alone
    text = html.unescape(await page(http, shown, "/maps?lang=de&page=/nowhere"))
    assert "Niemand sah diese Seite" in text
    text = await page(http, shown, "/maps?lang=en")
    assert "None of the newest of these sessions has a recording of this page" in text


async def test_the_list_of_processes_tells_how_many_get_there(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """In the reader's language, with the interval of the share; a process that there is none of is not found."""
    text = await page(http, shown, "/processes?lang=de")
    entered = sum(bool(one.reached) for one in TRUTHS)

    assert "Bestellung" in text and "Zahlung" in text
    assert f">{entered}<" in text
    assert re.search(r'class="interval">\d+\xa0% bis \d+\xa0%', text)
    await page(http, shown, "/processes/nowhere?lang=en", 404)
    text = await page(http, shown, "/processes/order?release=none&step=nowhere&by=nothing")
    assert "Nobody has entered this process" in text


async def test_sessions_are_found_by_steps_in_words(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """The list's filters call processes and steps as people do."""
    query = MultiDict({"left": "order/pay", "left_field": "order/pay iban"})
    async with http.get(f"{shown.url}/sessions", params=query) as answer:
        text = html.unescape(await answer.text())

    assert "Process left at: Order: Payment" in text
    assert "Last field before leaving: Order: Payment, iban" in text


async def test_a_struggle_tells_what_it_means_for_a_process(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """How many met it on their way, and what share of them and of the others completed; numbers open their sessions."""
    [struggle] = await shown.store.struggles()
    text = await page(http, shown, f"/struggles/{struggle.key}")
    found = {link: n for link, n in numbers(text).items() if "met_at=" in link}
    done = sum(one.completed for one in STUCK)
    others = [one for one in TRUTHS if one.reached and one not in STUCK]

    assert sorted([len(STUCK), done]) == sorted(found.values())
    for link, number in found.items():
        assert number == await listed(http, shown, link), link
    listing = html.unescape(await page(http, shown, next(iter(found))))
    assert "Met a struggle at: Order, Form loop" in listing
    share = share_of(sum(one.completed for one in others), len(others)).share
    assert f"{share:.0%}" in text.replace("\xa0", "")


async def test_each_number_of_the_efforts_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """On the whole, by step and by week, narrowed too; the list says in words what it is narrowed by."""
    ended = sum(bool(one.reached) for one in TRUTHS)
    for address in (
        "/processes/order/effort",
        "/processes/order/effort?step=pay&device=mobile&since=30d",
    ):
        text = await page(http, shown, address)
        found = numbers(text)
        tiles = re.findall(r'tile" href="([^"]+)".*?tile-number">([\d,]+)', text)
        found |= {html.unescape(link): int(number.replace(",", "")) for link, number in tiles}
        assert len(tiles) == 3
        assert len(found) > 7
        for link, number in found.items():
            assert number == await listed(http, shown, link), (address, link)
        if "step" not in address:
            whole = [n for link, n in found.items() if re.search(r"effort=order\+\w+$", link)]
            assert 2 * ended == sum(whole)  # in the tiles, and in the week
    listing = html.unescape(await page(http, shown, next(iter(found))))
    assert re.search(r"Effort: Order: (\w+: )?(easy|medium effort|hard)", listing)
    week = next(link for link in found if "began=" in link)
    assert re.search(
        r"Began: \d+ \w+ 2026 to \d+ \w+ 2026", html.unescape(await page(http, shown, week))
    )
    text = await page(http, shown, "/processes/order/effort?release=none&lang=de")
    assert "Noch kein Aufwand" in text
    await page(http, shown, "/processes/nowhere/effort?lang=en", 404)


async def test_a_session_tells_what_its_effort_is_made_of(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """Each way and step with its points and index, and an index for the whole session."""
    truth = next(one for one in TRUTHS if one.completed and len(one.reached) > 3)
    text = html.unescape(await page(http, shown, f"/sessions/{truth.id}?lang=en"))
    panel = text[text.index('id="effort-title"') :]
    panel = panel[: panel.index("</section>")]

    for name in ("The whole session", "Order", "basket", "address", "Payment"):
        assert re.search(rf'<th scope="row"[^>]*>{name}</th>', panel), name
    efforts = await shown.store.efforts(truth.id)
    told = re.findall(r'<td class="number"><b>([\d.]+)</b></td>', panel)
    assert [one.index for one in efforts] == [float(one) for one in told]
