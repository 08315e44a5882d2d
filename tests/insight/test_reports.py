"""Reports: declared in files, each number the truth's, each opening its sessions; a file with a mistake changes nothing."""

from __future__ import annotations

import csv
import html
import io
import random
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio
from babel.dates import format_interval

from console.context import CONSOLE
from console.digest import days_from, days_until
from console.language import Language
from console.report_words import days_text
from console.reporting import Made, made, span_of
from core.alerts import Delivery, Span
from core.model import User
from core.triage import TriageChange
from insight.contrasts import contrast_of
from insight.intervals import share_of
from insight.report_files import Block, read_reports, shipped_reports
from insight.reports import Asked, sheet
from stolper.alerting.dressing import as_text
from stolper.alerting.telling import Teller
from stolper.indexer import Indexer
from stolper.reportbook import Reportbook
from tests.console.support import START, Running, Visit, _quick_hash, running_console, shop
from tests.insight.generator import PROCESS, Truth, stored, visits
from tests.insight.test_process_pages import listed, page
from tests.insight.test_walks import everything, rules, shop_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 86_400_000
UNTIL = START - START % DAY + 2 * DAY  # a midnight in UTC

OWN = """
version: 1
reports:
  shop:
    title: {en: The shop, de: Der Laden}
    roles: [owner, analyst]
    start_for: [analyst]
    span: 7
    blocks:
      - {number: sessions}
      - {number: sessions, filter: "device:mobile", title: On phones}
      - {number: struggled}
      - {number: completed, process: order}
      - {number: value, process: order}
      - cost: order
      - funnel: order
      - effort: order
      - struggles: 3
      - fixes: 3
      - health: true
      - funnel: gone
"""


def drawn() -> tuple[list[Truth], list[Truth]]:
    """Return visits of the week and of the one before; a third of all meets a struggle, and those complete less."""
    rnd = random.Random(9)
    weeks: list[list[Truth]] = []
    for nth, seed in enumerate((31, 32)):
        truths = visits(seed, 120)
        for one in truths:
            one.id = f"week{nth}{one.id}"
            one.start = UNTIL - (nth * 7 + 1 + rnd.randrange(7)) * DAY + rnd.randrange(DAY // 2)
        weeks.append(truths)
    return weeks[0], weeks[1]


NOW, BEFORE = drawn()
MET = {one.id for one in NOW if one.reached and not one.completed} | {
    one.id for one in [*NOW[::9], *BEFORE[::4]]
}


class Shown:
    """A console with reports, and the folder of their files."""

    def __init__(self, running: Running, book: Reportbook, folder: Path) -> None:
        self.running = running
        self.book = book
        self.folder = folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    path = tmp_path_factory.mktemp("reports")
    (path / "process.yaml").write_text(PROCESS)
    folder = path / "own"
    folder.mkdir()
    (folder / "shop.yaml").write_text(OWN)
    book = Reportbook(folder, shipped=[shipped_reports()])
    book.load()
    assert "" == book.problems
    async with running_console(
        path / "data", shipped=(path / "process.yaml",), reports=book
    ) as running:
        store = running.store
        await store.add_site(shop())
        for name in ("analyst", "viewer"):
            await store.add_user(User(name, name, _quick_hash()))
        await stored(store, [*NOW, *BEFORE])
        for truth in (*NOW, *BEFORE):
            if truth.id in MET:
                visit = Visit(store, truth.id, start=truth.start)
                at = 5 + min(truth.reached.values(), default=0)  # at its first step
                await visit.flag("form_loop", at=at, title="Form loop", label="=SUM(1)")
        declared = rules()
        await everything(Indexer(store, running.clock, rules=lambda: declared))
        running.clock.now = UNTIL + 9 * 3_600_000
        [one] = await store.struggles()
        await store.set_triage([one.key], TriageChange("resolved"), who="me", at_ms=UNTIL - DAY)
        yield Shown(running, book, folder)


@pytest_asyncio.fixture(loop_scope="module")
async def http(shown: Shown) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        await shown.running.sign_in(session)
        yield session


async def rows(http: aiohttp.ClientSession, shown: Shown, number: int) -> list[dict[str, Any]]:
    """Return the rows behind a block, which are the same as JSON and as a table."""
    url = f"{shown.running.url}/reports/shop/{number}"
    async with http.get(f"{url}.json") as answer:
        told: list[dict[str, Any]] = (await answer.json())["rows"]
    async with http.get(f"{url}.csv") as answer:
        assert "text/csv" == answer.content_type
        table = list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in told] == [
        {k: v for k, v in row.items() if k in plain} for row, plain in zip(table, told, strict=True)
    ]
    return told


async def test_each_number_of_a_report_is_that_of_the_truth(
    http: aiohttp.ClientSession, shown: Shown
) -> None:
    """Of the last seven whole days and of the seven before; what struggle cost with its interval."""
    phones = [sum(one.device == "mobile" for one in week) for week in (NOW, BEFORE)]
    [sessions] = await rows(http, shown, 1)
    [mobile] = await rows(http, shown, 2)
    [struggled] = await rows(http, shown, 3)
    [completed] = await rows(http, shown, 4)
    [worth] = await rows(http, shown, 5)
    [cost] = await rows(http, shown, 6)
    met = [one for one in NOW if one.reached and one.id in MET]
    others = [one for one in NOW if one.reached and one.id not in MET]
    with_ = share_of(sum(one.completed for one in met), len(met))
    without = share_of(sum(one.completed for one in others), len(others))
    gap = contrast_of(without, with_)

    assert {"sessions": 120, "before": 120} == sessions
    assert {"sessions": phones[0], "before": phones[1]} == mobile
    assert (sum(one.id in MET for one in NOW), sum(one.id in MET for one in BEFORE)) == (
        struggled["struggled"], struggled["before"],
    )  # fmt: skip
    done = sum(one.completed for one in NOW)
    came = sum(bool(one.reached) for one in NOW)
    assert (done, pytest.approx(done / came, abs=1e-6)) == (
        completed["completed"],
        completed["share"],
    )
    assert sum(one.value or 0 for one in NOW) == pytest.approx(worth["value"])
    assert len(met) == cost["met"]
    assert cost["lacking_low"] == pytest.approx(len(met) * gap.low, abs=0.06)
    assert cost["lacking"] == pytest.approx(len(met) * gap.points, abs=0.06)
    assert cost["lacking"] > 5 > 0 < cost["lacking_low"]
    mean = sum(one.value or 0 for one in NOW) / done
    assert cost["lacking_value"] == pytest.approx(len(met) * gap.points * mean, abs=0.01)


async def test_funnel_effort_struggles_and_fixes_are_those_of_the_truth(
    http: aiohttp.ClientSession, shown: Shown
) -> None:
    """Step by step; a struggle by its flags in the span; a fix as it is now."""
    funnel = {row["step"]: row for row in await rows(http, shown, 7)}
    effort = await rows(http, shown, 8)
    [struggle] = await rows(http, shown, 9)
    [fix] = await rows(http, shown, 10)
    [health] = await rows(http, shown, 11)

    for step, row in funnel.items():
        assert sum(one.came_to(step) for one in NOW) == row["reached"]
        assert sum(one.came_to(step) for one in BEFORE) == row["before"]
    came = sum(bool(one.reached) for one in NOW)
    assert came == sum(effort[0][band] for band in ("easy", "medium", "hard"))
    assert ["basket", "address", "voucher", "pay"] == [row["step"] for row in effort[1:]]
    assert sum(one.id in MET for one in NOW) == struggle["sessions"]
    assert sum(one.id in MET for one in BEFORE) == struggle["before"]
    assert {"improved", "open", "worse"} & {fix["outcome"]}
    assert (0, 1.0) == (health["with_gaps"], health["complete"])


async def test_each_number_of_the_page_opens_the_sessions_it_counts(
    http: aiohttp.ClientSession, shown: Shown
) -> None:
    """Of all blocks, in both spans; what is not declared is said."""
    text = await page(http, shown.running, "/reports/shop?lang=en")
    found = {
        html.unescape(link): int(number.replace(",", ""))
        for link, number in re.findall(r'href="(/(?:sessions|counted)\?[^"]+)">([\d,]+)</a>', text)
    }

    assert len(found) > 31
    assert 2 <= sum(link.startswith("/counted") for link in found)
    for link, number in found.items():
        assert number == await listed(http, shown.running, link), link
    assert "There is no process “gone”." in html.unescape(text)
    earlier = re.search(r'rel="prev" href="([^"]+)"', text)
    assert earlier is not None
    told = await page(http, shown.running, html.unescape(earlier[1]))
    assert 'rel="next"' in told
    async with http.get(f"{shown.running.url}/reports/shop/13.csv") as answer:
        assert 404 == answer.status


async def test_programs_read_reports_by_token(http: aiohttp.ClientSession, shown: Shown) -> None:
    """Which there are, and each block with the rows that its file has; of another span when that is asked for."""
    base = f"{shown.running.url}/api/v1/reports"
    token = {"Authorization": f"Bearer {shown.running.tokens['read']}"}
    async with aiohttp.ClientSession(headers=token) as program:
        async with program.get(base) as answer:
            listed = await answer.json()
        async with program.get(f"{base}/shop") as answer:
            found = (await answer.json())["report"]
        async with program.get(f"{base}/shop", params={"until": found["from"]}) as answer:
            earlier = (await answer.json())["report"]
        for path, status in (("/gone", 404), ("/shop?until=monday", 400), ("/shop?site=none", 404)):
            async with program.get(base + path) as answer:
                assert status == answer.status, path

    assert {"shop", "weekly", "today"} <= {one["id"] for one in listed["reports"]}
    assert listed["problems"] is None
    for block in found["blocks"]:
        assert await rows(http, shown, block["number"]) == block["rows"]
    assert ("number", "order") == (found["blocks"][3]["kind"], found["blocks"][3]["process"])
    assert "gone" == found["blocks"][-1]["missing_process"]
    assert found["before_from"] == earlier["from"] and found["from"] == earlier["until"]
    assert found["blocks"][0]["rows"][0]["before"] == earlier["blocks"][0]["rows"][0]["sessions"]


async def test_a_file_is_in_force_without_a_restart_and_a_mistake_changes_nothing(
    http: aiohttp.ClientSession, shown: Shown
) -> None:
    """The list says why, with file and line; a file that is gone takes its reports with it."""
    new = shown.folder / "new.yaml"
    good = "version: 1\nreports:\n  new:\n    title: Brand new\n    blocks: [number: sessions]\n"
    new.write_text(good)
    shown.book.load()
    assert "Brand new" in await page(http, shown.running, "/reports")
    new.write_text(good.replace("sessions", "session"))
    shown.book.load()
    text = html.unescape(await page(http, shown.running, "/reports?lang=en"))
    assert "Brand new" in text
    assert "new.yaml:5" in text
    assert "Did you mean 'sessions'?" in text
    await shown.book.begin(shown.running.store)  # keeps what is in force
    again = Reportbook(shown.folder, shipped=[shipped_reports()])
    await again.begin(shown.running.store)
    assert {one.id for one in again.reports()} == {one.id for one in shown.book.reports()}
    assert "new.yaml:5" in again.problems
    new.write_text(good.replace("title:", "site: shoop\n    title:"))
    shown.book.load()
    text = html.unescape(await page(http, shown.running, "/reports/new?lang=en"))
    assert "There is no site “shoop”." in text
    assert re.search(r'tile-number">\s*0\s*<', text)
    everywhere = html.unescape(await page(http, shown.running, "/reports/new?lang=en&site="))
    assert re.search(r'tile-number"><a [^>]*>120<', everywhere)
    table = re.search(r'href="(/reports/new/1\.csv[^"]*)"', everywhere)
    assert table is not None
    assert "120" in await page(http, shown.running, table[1])  # of all sites, as the page is
    delivery = Delivery(
        "d",
        "a",
        "Monday",
        "digest",
        "team",
        "en",
        {"site": "", "until": UNTIL, "report": "new"},
        UNTIL,
        UNTIL,
    )
    mailed = await Teller(
        shown.running.store, lambda: "https://s.example", "UTC", reports=shown.book
    ).tell(delivery)
    assert {"sessions": 0, "before": 0} == mailed.payload["data"]["blocks"][0]["rows"][0]
    new.write_text(good.replace("new:", "shop:"))
    shown.book.load()
    assert "the report 'shop' stands in" in shown.book.problems
    new.unlink()
    shown.book.load()
    assert "" == shown.book.problems
    assert "Brand new" not in await page(http, shown.running, "/reports")


async def test_a_report_is_for_the_roles_that_it_names(shown: Shown) -> None:
    """Others do not find it; it is the start page of those who begin with it."""
    running = shown.running
    for name, status, start in (("analyst", 200, "/reports/shop"), ("viewer", 404, "/overview")):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as http:
            await sign_in(http, running, name)
            async with http.get(f"{running.url}/", allow_redirects=False) as answer:
                assert start == answer.headers["Location"]
            for path in ("/reports/shop", "/reports/shop/1.csv"):
                async with http.get(running.url + path) as answer:
                    assert status == answer.status, (name, path)
            assert ("The shop" in await page(http, running, "/reports?lang=en")) == (status == 200)


async def sign_in(http: aiohttp.ClientSession, running: Running, name: str) -> None:
    """Sign *http* in as *name*."""
    async with http.get(f"{running.url}/sign-in") as answer:
        found = re.search(r'name="form_token" value="([^"]+)"', await answer.text())
    assert found is not None
    form = {"name": name, "password": running.password, "form_token": found[1], "next": "/"}
    async with http.post(f"{running.url}/sign-in", data=form, allow_redirects=False) as answer:
        assert 303 == answer.status


async def test_days_are_those_of_the_calendar_also_where_clocks_are_changed() -> None:
    """What stands above a report, and which comes after it: a week of 167 or 169 hours has neighbours, too."""
    zone = ZoneInfo("Europe/Berlin")
    report = read_reports("r.yaml", "version: 1\nreports: {r: {title: R, blocks: []}}\n")[0][0]
    for day in (date(2026, 3, 30), date(2026, 4, 6), date(2026, 10, 26), date(2026, 11, 2)):
        now_ms = round(datetime.combine(day, time(9), zone).timestamp() * 1000)
        asked = span_of(report, now_ms, zone.key)
        first, last = day - timedelta(days=7), day - timedelta(days=1)
        told = days_text(Made(report, asked, ()), Language("en"), zone.key)
        following = days_from(asked.span.until_ms, zone.key, 7)

        assert format_interval(first, last, "MMMd", locale="en_GB") == told
        assert asked.span == days_until(following.from_ms, zone.key, 7)
        assert following == days_until(following.until_ms, zone.key, 7)


async def test_struggles_before_are_those_of_the_span_before(shown: Shown) -> None:
    """That of the calendar, which may be longer or shorter."""
    report = replace(
        next(one for one in shown.book.reports() if one.id == "shop"),
        blocks=(Block("struggles", most=3),),
    )
    asked = span_of(report, UNTIL, "UTC")
    longer = replace(asked, before=Span(asked.before.from_ms - 60 * DAY, asked.before.until_ms))
    shorter = replace(asked, before=Span(asked.before.until_ms - 1, asked.before.until_ms))
    counts = [
        (await made(shown.running.store, report, one, ())).sheets[0].rows[0].cells[1]
        for one in (asked, longer, shorter)
    ]

    assert [sum(one.id in MET for one in BEFORE)] * 2 + [0] == [one.value for one in counts]
    assert [one.before for one in (asked, longer, shorter)] == [one.flags for one in counts]


async def test_hard_is_a_share_of_what_has_an_index(tmp_path: Path) -> None:
    """Of ended sessions: who is there just now may have it hard yet."""
    async with shop_of(tmp_path, visits(3, 9)) as made_shop:
        await Visit(made_shop.store, "runs").send([{"t": 0, "type": "page", "path": "/basket"}])
        made_shop.indexer.changed("runs")
        await everything(made_shop.indexer)
        asked = Asked("", Span(START - 99 * DAY, START + 99 * DAY), Span(0, 1))
        [shares, all_] = [
            (await sheet(made_shop.store, Block("number", number=number), asked, ())).rows[0].cells
            for number in ("hard", "sessions")
        ]

        assert 10 == all_[0].value
        assert share_of(0, 9).high == shares[2].high


MISTAKES = [
    ("title: x, blocks: [{number: completed}]", "Write 'process: NAME' beside it."),
    ("title: x, blocks: [{number: sessions, cost: all}]", "a block shows one thing."),
    ("title: x, span: 0, blocks: []", "'span' goes from 1 to 90."),
    ("title: x, roles: [boss], blocks: []", "there is no role 'boss'."),
    ("title: x, blocks: [{struggles: 3, filter: 'device:mobile'}]", "takes no filter."),
    ("title: x, blocks: [{effort: all, process: order}]", "Write 'effort: PROCESS'"),
    ("title: x, block: []", "unknown key 'block'"),
    ("blocks: []", "has no 'title'"),
]


@pytest.mark.parametrize("text, told", MISTAKES)
async def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    """And what to write instead."""
    reports, wrong = read_reports("r.yaml", f"version: 1\nreports: {{r: {{{text}}}}}\n")

    assert [] == reports
    assert re.match(r"r\.yaml:2", wrong[0])
    assert any(told in one for one in wrong), wrong


async def test_a_report_is_sent_as_a_digest(shown: Shown) -> None:
    """Its numbers in a mail and for programs; one that is not declared any more says so."""
    running = shown.running
    processes = running.app[CONSOLE].workbench.processes
    teller = Teller(
        running.store, lambda: "https://s.example", "UTC", reports=shown.book, processes=processes
    )
    facts = {"site": "", "from": UNTIL - 7 * DAY, "until": UNTIL + 3_600_000, "report": "shop"}
    delivery = Delivery("d", "a", "Monday", "digest", "team", "de", facts, UNTIL, UNTIL)
    told = await teller.tell(delivery)
    text = as_text(told.message).replace("\xa0", " ")
    gone = await teller.tell(replace(delivery, facts={**facts, "report": "old"}))

    assert f"https://s.example/reports/shop?until={UNTIL}" in text
    assert "Sitzungen: 120, davor: 120" in text
    assert re.search(
        r"Bestellung: Was Auffälligkeiten kosteten: Bestellung: .*Fehlende Abschlüsse \d", text
    )
    assert "* Form loop: =SUM(1)" in text
    assert {"sessions": 120, "before": 120} == told.payload["data"]["blocks"][0]["rows"][0]
    assert "„old“ ist nicht mehr deklariert" in as_text(gone.message)
