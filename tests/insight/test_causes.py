"""What was met at a step equals the truth, through store, index and pages; each number opens its sessions."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from core.causes import MET_AT
from core.erasing import Whom
from core.model import SessionQuery, Verdicts
from core.search import Find
from core.struggles import struggle_key
from insight.causes import causes
from insight.impact import impact
from stolper.indexer import Indexer
from tests.console.support import Running, Visit, running_console, shop
from tests.insight.causes import CAUSE, PROCESS, cases, met_of, stored
from tests.insight.test_process_pages import listed, numbers, page
from tests.insight.test_walks import everything, rules, shop_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = cases(4, 330, lift=3.0, share=0.25)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A console with visits in its index, of whom some met a known cause."""
    path = tmp_path_factory.mktemp("causes")
    file = path / "process.yaml"
    file.write_text(PROCESS)
    async with running_console(path / "data", shipped=(file,)) as console:
        await console.store.add_site(shop())
        await stored(console.store, CASES)
        declared = rules(PROCESS)
        await everything(Indexer(console.store, console.clock, rules=lambda: declared))
        yield console


@pytest_asyncio.fixture(loop_scope="module")
async def http(shown: Running) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        await shown.sign_in(session)
        yield session


async def keys(console: Running) -> dict[str, str]:
    """Return the key of each struggle by its rule."""
    found: dict[str, str] = {}
    for case in CASES:
        for flag in await console.store.flags(case.id):
            found[flag.rule] = struggle_key(flag)
    return found


async def test_what_was_met_at_a_step_is_counted_as_in_the_truth(shown: Running) -> None:
    """By group, of all visits and of phones: not what came at an earlier step, nor what says that somebody left."""
    named = await keys(shown)
    phones = [one for one in CASES if one.device == "mobile"]
    for some, find in ((CASES, None), (phones, Find(include=(("device", "mobile"),)))):
        found = await shown.store.encounters(SessionQuery(find=find), "order", "pay")
        truth = met_of(some, named.__getitem__)

        assert replace(truth, exposures=()) == replace(found, exposures=())
        assert [ordered(one.strata) for one in truth.exposures] == [ordered(one.strata) for one in found.exposures]  # fmt: skip
        assert [replace(one, strata=()) for one in truth.exposures] == [replace(one, strata=()) for one in found.exposures]  # fmt: skip
        assert named["gone"] not in {one.struggle for one in found.exposures}
    alone = await shown.store.encounters(SessionQuery(), "order", "pay", named["sale"])
    assert [named["sale"]] == [one.struggle for one in alone.exposures]
    assert [("order", "basket"), ("order", "pay")] == await shown.store.met_where(named["often"], ["order", "none"])  # fmt: skip


def ordered(strata: Iterable[object]) -> list[str]:
    return sorted(map(repr, strata))


async def test_each_number_of_the_page_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """The planted cause stands first, told in words; with a filter, and at a step where there is little to tell, too."""
    named = await keys(shown)
    cause = causes(met_of(CASES, named.__getitem__))[0]
    text = await page(http, shown, "/processes/order/causes?lang=en")
    rows = re.findall(r'<tr class="is-(\w+)">\s*<th scope="row">\s*<a href="/struggles/(\w+)', text)
    told = re.search(r"left ([\d.]+) times as often as comparable ones who did not\.", text)

    assert cause.ratio is not None
    assert ("cause", named[CAUSE]) == rows[0]
    assert "Those who met it at Payment" in text
    assert told is not None and f"{cause.ratio.ratio:.1f}" == told[1]
    for address in (
        "/processes/order/causes?step=pay",
        "/processes/order/causes?step=basket&device=mobile",
    ):
        text = await page(http, shown, address)
        found = numbers(text)
        assert len(found) >= 6
        for link, number in found.items():
            assert number == await listed(http, shown, link), (address, link)
    await page(http, shown, "/processes/nowhere/causes", 404)
    assert "Nobody was at this step" in await page(
        http, shown, "/processes/order/causes?release=no"
    )


async def test_sessions_are_found_by_what_they_met_in_words(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """The list's filters call step and struggle as people do; the page that is none of the process stands behind."""
    key = (await keys(shown))["away"]
    query = {"met_at": f"order/pay {key} /help", "saw_at": "order/pay /help", "been_at": "order/pay"}  # fmt: skip
    async with http.get(f"{shown.url}/sessions", params={**query, "lang": "en"}) as answer:
        text = html.unescape(await answer.text())

    assert "Met a struggle at: Order: Payment, away, /help" in text
    assert "Saw another page at: Order: Payment, /help" in text
    assert "Was at the step: Order: Payment" in text


async def test_the_page_of_a_struggle_tells_what_it_costs(
    http: aiohttp.ClientSession, shown: Running
) -> None:
    """The sum of what it costs at each step where it was met, and what that is worth; of one that few met that it cannot be told."""
    named = await keys(shown)
    key, counts = named[CAUSE], met_of(CASES, named.__getitem__)
    early = await shown.store.encounters(SessionQuery(), "order", "basket", key)
    found = [one.lost for one in (*causes(counts), *causes(early)) if one.struggle == key]
    lost = sum(one.middle for one in found if one is not None)
    text = await page(http, shown, f"/struggles/{key}?lang=en")
    told = re.search(r'data-name="Lost completions"><a [^>]*>([\d.,]+)</a>.*?worth ([\d.,]+)', text, re.S)  # fmt: skip

    assert 2 == len(found)
    assert counts.worth is not None and told is not None
    assert (f"{lost:.0f}", f"{lost * counts.worth:.0f}") == (told[1], told[2].replace(",", ""))
    assert "too few to tell" in await page(http, shown, f"/struggles/{named['rare']}?lang=en")
    table = text[text.index('<table class="list parts impacts">') :]
    links = numbers(table[: table.index("</table>")])
    assert 2 == len(links)
    for link, number in links.items():
        assert number == await listed(http, shown, link), link
    assert "Met it there" in text
    assert "Met it there" not in await page(http, shown, f"/struggles/{named['gone']}?lang=en")


async def test_what_a_struggle_means_for_a_process_is_counted_of_who_met_it_there(
    tmp_path: Path,
) -> None:
    """Not of who met it before or after the process, nor of who is in it still; a flag that says that nothing came counts as none."""
    ways = {
        "completes": ([], "done"), "met-completes": ([11], "done"), "met-leaves": ([11], ""),
        "leaves": ([], ""), "before": ([5], "done"), "goal": ([], "goal"), "after": ([41], "done"), "runs": ([11], "runs"),
    }  # fmt: skip
    async with shop_of(tmp_path, []) as made:
        made.rules = rules(PROCESS)
        for name, (flags, end) in ways.items():
            visit = Visit(made.store, name)
            at_pay = "/thanks" if end == "goal" else "/pay"
            await visit.send([{"t": 0, "type": "page", "path": "/"}, {"t": 10, "type": "page", "path": at_pay}])  # fmt: skip
            if end in ("done", "goal"):
                await visit.send([{"t": 20, "type": "custom", "path": "/pay", "name": "order_placed"}, {"t": 50, "type": "page", "path": "/"}])  # fmt: skip
            for at in flags:
                met = await visit.flag("slow", at=at, label="pay", page="/pay")
            if end != "runs":
                await made.store.end_session(name, "left")
            if not end:
                gone = await visit.flag("gone", at=10, label="pay", page="/pay")
            made.indexer.changed(name)
        await everything(made.indexer)
        key = struggle_key(met)
        found = await impact(made.store, SessionQuery(), key, "order")
        said = await impact(made.store, SessionQuery(), struggle_key(gone), "order")

        assert (2, 6) == (found.met.some, found.met.all)
        assert (1, 2) == (found.with_it.some, found.with_it.all)
        assert (3, 4) == (found.without_it.some, found.without_it.all)
        assert {"met-completes", "met-leaves"} == await made.ids((MET_AT, f"order {key}"))
        assert 0 == said.met.some


async def test_what_is_judged_again_or_erased_is_counted_no_longer(tmp_path: Path) -> None:
    """A flag that is withdrawn, and a session that is erased, are gone from what was met."""
    async with shop_of(tmp_path, []) as made:
        made.rules = rules(PROCESS)
        some = cases(2, 12, lift=1.0)
        await stored(made.store, some)
        await everything(made.indexer)
        first = await made.store.encounters(SessionQuery(), "order", "pay")
        [gone, other] = [one for one in some if one.came and "phones" in one.met][:2]
        await made.store.erase(Whom("session", gone.id))
        await made.store.commit_verdicts([Verdicts(other.id, 0, (), final=True, replace=True)])
        await everything(made.indexer)
        then = await made.store.encounters(SessionQuery(), "order", "pay")

        assert sum(one.came for one in some) == first.been == then.been + 1
        assert first.met.met - 2 == then.met.met
        assert await made.ids(("met_at", "order/pay")) == {
            one.id for one in some if one.came and one.met and one not in (gone, other)
        }


async def test_nobody_has_met_their_fate_who_is_still_there(tmp_path: Path) -> None:
    """While a session runs it counts at steps that it has gone on from alone; out of order it was never at what it had passed. A rule that waits for the end tells of something only before it."""
    async with shop_of(tmp_path, []) as made:
        made.rules = rules(PROCESS)
        visit = Visit(made.store, "v")
        await visit.send([{"t": 0, "type": "page", "path": "/basket"}, {"t": 9, "type": "page", "path": "/pay"}])  # fmt: skip
        made.indexer.changed("v")
        back = Visit(made.store, "back")
        await back.send([{"t": 0, "type": "page", "path": "/pay"}, {"t": 9, "type": "page", "path": "/basket"}])  # fmt: skip
        await back.flag(at=8, page="/basket")
        early = await back.flag("gone", at=5, label="early", page="/pay")
        end = await back.flag("gone", at=9, label="end", page="/pay")
        await made.store.end_session("back", "left")
        await everything(made.indexer)

        assert {"v"} == await made.ids(("been_at", "order/basket"))
        assert {"back"} == await made.ids(("been_at", "order/pay"))
        assert {"back"} == await made.ids(("met_at", "order/pay"))
        assert set() == await made.ids(("met_at", "order/basket"))
        assert {"back"} == await made.ids(("met_at", f"order/pay {struggle_key(early)}"))
        assert set() == await made.ids(("met_at", f"order/pay {struggle_key(end)}"))
