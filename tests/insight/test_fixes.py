"""Whether a fix has helped: what is planted is said, what is not is not, and what comes back is opened again."""

from __future__ import annotations

import html
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from core.erasing import Whom
from core.fixes import Release
from core.model import Evidence, Flag, Verdicts
from core.sqlite.judged import struggle_key
from core.triage import TriageChange
from detector.rule import RuleSet
from insight.fixes import Outcome, Verdict, verdict
from insight.intervals import ratio_of
from stolper.indexer import Indexer
from tests.console.support import START, Running, Visit, running_console, shop
from tests.insight.test_process_pages import listed, numbers, page
from tests.insight.test_walks import everything, rules

DAY = 86_400_000
FIXED = START
LIVE = FIXED + 3_600_000


def flag(session: str, start: int, rule: str, path: str) -> Flag:
    """Return a flag of *rule* on *path*, a second after the visit began."""
    at = float(start + 1_000)
    return Flag(
        id=f"{rule}-{session}-{path}", session=session, site="sshop", rule=rule, version="v", group="",
        nth=0, title={"en": rule, "de": rule}, severity="high", weight=1.0, at_ms=at, first_ms=at,
        until_ms=at, hits=1, page=path, target=None, tab="tab-1", page_load="load-1",
        evidence=(Evidence("load-1:0", at, "page", path),), captures={}, provisional=False,
    )  # fmt: skip


class Site:
    """A console with visits whose struggles are drawn with known chances."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.store = running.store
        self.declared: RuleSet = rules("version: 1\n")
        self.indexer = Indexer(self.store, running.clock, rules=lambda: self.declared)

    async def visit(
        self,
        id_: str,
        start: int,
        release: str,
        paths: list[str],
        met: list[str],
        *,
        runs: bool = False,
    ) -> None:
        """Write a visit of *paths* that meets the struggles on those of *met*; it has ended, unless it *runs*."""
        attributes = {"release": release} if release else {}
        visit = Visit(self.store, id_, start=start, attributes=attributes)
        await visit.send(
            [
                {"t": nth, "type": "page", "path": path, "nav": "route"}
                for nth, path in enumerate(paths)
            ]
        )
        if runs:
            self.indexer.changed(id_)
            return
        await self.store.end_session(id_, "left")
        flags = tuple(flag(id_, start, "stuck", path) for path in met)
        await self.store.commit_verdicts([Verdicts(id_, 0, flags, replace=True, final=True)])

    async def visits(
        self, name: str, count: int, start: int, release: str, chances: dict[str, float], seed: int
    ) -> None:
        """Write *count* visits from *start* on, each of all pages of *chances*, which are those to meet its struggle."""
        rnd = random.Random(seed)
        for nth in range(count):
            met = [path for path, chance in chances.items() if rnd.random() < chance]
            await self.visit(f"{name}{nth}", start + nth * 1_000, release, [*chances], met)

    async def resolved(self, paths: list[str], release: str) -> None:
        keys = [key(path) for path in paths]
        change = TriageChange("resolved", release=release)
        assert len(keys) == await self.store.set_triage(keys, change, who="ann", at_ms=FIXED)

    async def verdict(self, path: str) -> Verdict:
        await everything(self.indexer)
        fix = await self.store.fix(key(path))

        assert fix is not None
        return await verdict(self.store, fix)


def key(path: str) -> str:
    """Return the key of the struggle on *path*."""
    return struggle_key(flag("any", 0, "stuck", path))


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_console(tmp_path / "data") as running:
        await running.store.add_site(shop())
        yield Site(running)


async def test_a_fix_that_helps_is_said_to_have_improved_it(site: Site) -> None:
    """And so is one that did harm; both count those who came to the page, in 28 days before and since."""
    before = {"/pay": 0.3, "/basket": 0.1, "/help": 0.2}
    await site.visits("old", 80, FIXED - 9 * DAY, "1.0", before, 1)
    await site.visit("too-old", FIXED - 40 * DAY, "1.0", ["/pay"], ["/pay"])
    await site.resolved(["/pay", "/basket", "/help"], "1.1")
    assert "waiting" == (await site.verdict("/pay")).outcome
    await site.visits("new", 80, LIVE, "1.1", {"/pay": 0.0, "/basket": 0.5, "/help": 0.2}, 2)
    await site.visits("newer", 40, LIVE + DAY, "1.2", {"/pay": 0.0}, 3)
    await site.visits("cached", 20, LIVE + DAY, "1.0", {"/pay": 0.9}, 4)  # still run the old one
    await site.visit("there", LIVE + DAY, "1.1", ["/pay"], [], runs=True)  # may meet it yet
    found = {path: await site.verdict(path) for path in before}
    pay = found["/pay"]

    assert {"/pay": "improved", "/basket": "worse", "/help": "open"} == {
        path: one.outcome for path, one in found.items()
    }
    assert (80, 120, 0) == (pay.before.met.all, pay.since.met.all, pay.since.met.some)
    assert pay.by_release
    states = {path: (await site.store.triage(key(path))).state for path in before}
    assert {"/pay": "resolved", "/basket": "returned", "/help": "returned"} == states


async def test_a_fault_that_is_put_in_again_opens_the_struggle(site: Site) -> None:
    """In the fixed release or a later one, with a line in the history and in the audit; an old one says nothing."""
    await site.visits("old", 20, FIXED - DAY, "1.0", {"/pay": 0.9}, 1)
    await site.visit("older", FIXED - 2 * DAY, "0.9", ["/"], [])  # had not met it
    await everything(site.indexer)
    await site.resolved(["/pay"], "1.0")  # said of a release that is there already
    await site.visit("cached", LIVE, "0.9", ["/pay"], ["/pay"])
    assert "resolved" == (await site.store.triage(key("/pay"))).state
    await site.visit("again", LIVE + 1, "1.1", ["/pay"], ["/pay"])
    [first, *_] = await site.store.triage_history(key("/pay"))

    assert "returned" == (await site.store.triage(key("/pay"))).state
    assert ("returned", "1.1") == (first.what, first.detail)
    assert ("", "struggle_returned", key("/pay")) in [
        (one.who, one.action, one.subject) for one in await site.store.audited(9)
    ]


async def test_where_nothing_has_changed_nothing_is_said_to_have_improved(site: Site) -> None:
    """Of a hundred struggles (seeds 1 to 100, not chosen) at most five; each is met with the same chance all the time."""
    paths = [f"/page{seed}" for seed in range(1, 101)]
    draws = {path: random.Random(seed) for seed, path in enumerate(paths, 1)}
    for name, start, release in (("old", FIXED - DAY, "1"), ("new", LIVE, "2")):
        for nth in range(60):
            met = [path for path in paths if draws[path].random() < 0.25]
            await site.visit(f"{name}{nth}", start + nth, release, paths, met)
        if name == "old":
            await site.resolved(paths, "2")
    found: list[Outcome] = [(await site.verdict(path)).outcome for path in paths]

    assert found.count("improved") <= 5
    assert found.count("open") >= 90


async def test_a_site_without_releases_has_those_that_a_program_tells(site: Site) -> None:
    """From when on one is live is told by the API; then time tells before and since, and what comes back."""
    await site.visits("old", 60, FIXED - DAY, "", {"/pay": 0.5}, 1)
    await site.resolved(["/pay"], "2.0")
    await site.visits("still", 10, FIXED + 60_000, "", {"/pay": 1.0}, 2)  # it is not out yet
    assert ("waiting", "resolved") == (
        (await site.verdict("/pay")).outcome,
        (await site.store.triage(key("/pay"))).state,
    )
    url = f"{site.running.url}/api/v1/releases"
    body = {"site": "shop", "name": "2.0", "text": "Pay button", "at": "2026-09-21T15:00:00+00:00"}
    admin = {"Authorization": f"Bearer {site.running.tokens['admin']}"}
    reader = {"Authorization": f"Bearer {site.running.tokens['read']}"}
    async with aiohttp.ClientSession() as http:
        for bad in (
            {**body, "site": "no"},
            {**body, "at": "soon"},
            {**body, "at": "2500-01-01T00:00:00+00:00"},
            {**body, "name": "2.0\0"},
            {**body, "who": 1},
            {**body, "name": ""},
        ):
            async with http.post(url, json=bad, headers=admin) as answer:
                assert 400 == answer.status, bad
        async with http.post(url, json=body, headers=reader) as answer:
            assert 403 == answer.status
        async with http.post(url, json=body, headers=admin) as answer:
            assert 200 == answer.status
        async with http.get(f"{url}?site=shop", headers=reader) as answer:
            [told] = (await answer.json())["releases"]
    [release] = await site.store.releases("sshop")
    live = release.at_ms
    await site.visits("new", 60, live, "", {"/pay": 0.0}, 3)
    found = await site.verdict("/pay")

    assert {
        "name": "2.0",
        "at": "2026-09-21T15:00:00.000Z",
        "told": True,
        "text": "Pay button",
    } == told
    assert ("improved", False, 60) == (found.outcome, found.by_release, found.since.met.all)
    await site.visit("back", live + DAY, "", ["/pay"], ["/pay"])
    assert "returned" == (await site.store.triage(key("/pay"))).state


async def test_a_release_that_only_the_erased_had_is_gone_with_them(site: Site) -> None:
    """What a program told stays."""
    await site.visit("one", FIXED, "canary-7", ["/"], [])
    await site.visit("two", FIXED, "2.0", ["/"], [])
    await site.store.put_release(Release("sshop", "3.0", told_ms=FIXED), who="me", at_ms=FIXED)
    await everything(site.indexer)
    before = {one.name for one in await site.store.releases("sshop")}
    await site.store.erase(Whom("session", "one"))

    assert {"canary-7", "2.0", "3.0"} == before
    assert {"2.0", "3.0"} == {one.name for one in await site.store.releases("sshop")}


async def test_fixes_of_a_time_are_those_said_or_returned_in_it(site: Site) -> None:
    """Later ones do not push them out of the report of a week that is over; one that came back later is told of as it is now."""
    paths = [f"/page{nth}" for nth in range(4)]
    await site.visits("old", 3, FIXED - DAY, "1.0", dict.fromkeys(paths, 1.0), 1)
    for nth, path in enumerate(paths):
        change = TriageChange("resolved")
        await site.store.set_triage([key(path)], change, who="ann", at_ms=FIXED + nth * DAY)
    await site.visit("back", FIXED + 9 * DAY, "1.0", ["/page1"], ["/page1"])

    async def told(since: int, until: int, most: int = 9) -> list[str]:
        found = await site.store.fixes(FIXED + since * DAY, FIXED + until * DAY, most)
        return [one.pages[0] for one in found]

    assert ["/page1", "/page0"] == await told(0, 2)
    assert ["/page1"] == await told(0, 2, most=1) == await told(9, 10)
    assert ["/page1", "/page3", "/page2", "/page0"] == await told(0, 99)
    assert [] == await told(-5, 0)


async def test_the_page_of_a_struggle_opens_what_its_verdict_counted(site: Site) -> None:
    """Each of the four numbers; queue and digest say the same in a word."""
    await site.visits("old", 40, FIXED - 2 * DAY, "1.0", {"/pay": 0.5}, 1)
    await site.resolved(["/pay"], "1.1")
    await site.visits("new", 40, LIVE, "1.1", {"/pay": 0.0}, 2)
    await site.visit("last", LIVE + DAY // 2, "1.1", ["/pay"], ["/pay"])
    for nth in range(60):  # who deploys twice a day has more releases than an address holds
        at = LIVE + DAY // 2 + nth * 1_000
        await site.visit(f"often{nth}", at, f"1.1-{nth}", ["/pay"], [])
    await site.visit("cached", LIVE + DAY // 2, "1.0", ["/pay"], ["/pay"])
    await everything(site.indexer)
    running = site.running
    running.clock.now = LIVE + DAY
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as http:
        await running.sign_in(http)
        text = await page(http, running, f"/struggles/{key('/pay')}?lang=en")
        panel = text[text.index('id="fix-title"') :]
        found = numbers(panel[: panel.index("</section>")])
        assert [40, 101, 1] == [
            n for n in found.values() if n in (40, 101, 1)
        ]  # and who met it before
        assert 4 == len(found)
        for link, number in found.items():
            assert number == await listed(http, running, link), link
        told = html.unescape(re.sub(r"<[^>]+>", "", panel)).replace("\xa0", " ")
        assert "improved" in told
        assert "seen again since" in told
        assert re.search(r"0\.0\d \(0 to 0\.\d+\)", told)
        queue = await page(http, running, "/struggles?state=returned&lang=en")
        assert re.search(r"improved: \d+% → 1%", html.unescape(queue))
        week = html.unescape(await page(http, running, "/digest?lang=de"))
        assert "Behoben: stuck" in week
        assert "besser: " in week


@pytest.mark.parametrize(
    "counts, expected",
    [
        ((36, 40, 16, 80), (4.5, 2.9396, 7.1522)),  # Koopman 1984, table 1
        ((0, 50, 9, 60), (0.0, 0.0, 0.4852)),
        ((3, 200, 20, 180), (0.135, 0.0432, 0.4164)),
        ((1, 1000, 30, 900), (0.03, 0.0052, 0.1732)),
        ((5, 40, 2, 45), (2.8125, 0.6669, 12.1307)),
        ((4, 50, 0, 60), (float("inf"), 1.2912, float("inf"))),
    ],
)
def test_the_interval_of_a_ratio_is_that_of_the_score_test(
    counts: tuple[int, int, int, int], expected: tuple[float, float, float]
) -> None:
    """Equal to statsmodels 0.14 (confint_proportions_2indep, method score without correction), to four digits."""
    found = ratio_of(*counts)

    assert found is not None
    assert expected == pytest.approx((found.value, found.low, found.high), abs=6e-5)


def test_nothing_is_said_of_no_sessions() -> None:
    """Nor of a struggle that nobody met before or since."""
    assert [None, None, None] == [ratio_of(0, 0, 1, 9), ratio_of(1, 9, 0, 0), ratio_of(0, 9, 0, 9)]
