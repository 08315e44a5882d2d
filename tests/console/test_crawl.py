"""All pages of the console, reached by its own links: accessible, translated, quiet, and no wider than the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Browser

from console import language as languages
from core.contacts import Contact, ContactNote
from stolper.indexer import Indexer
from tests.console.conftest import sign_in
from tests.console.crawling import Crawl, Longer
from tests.console.support import ROOT, START, Running, running_console, shop
from tests.console.test_browser import fill
from tests.console.test_rule_pages import few_shipped
from tests.insight.generator import PROCESS, stored, visits
from tests.insight.test_walks import everything, rules

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DATA = (
    "Rage click", "POST /pay", "Esc", "Stolper", "shop", "https://shop.example", "owner", "Chrome", "Pay", "ada",
    "x is undefined", "name", "none", "English", "Deutsch", "rule_critical", "rule_high", "rule_medium",
    "rule_low", "rule_info",
    "my_rule",
    "cookieless", "full", "standard", "strict", "open", "/checkout*", "https://www.example.org", ".price",
    "quantity", "street", "city", "zip", "iban", "owner", "total", "order_placed", "Button other", "Button more", "Button less", "Button next", "Button buy", "Button terms",
    "Button voucher", "#other", "#more", "#less", "#next", "#buy", "#terms", "#voucher", "#zoom", "#add", 'link "More" in main', "Button zoom", "Button add", "Button ink \"More\" in main",
    "Bestellung", "Zahlung", "basket", "address", "voucher", "pay", "done",
    "/item/*", "/item/17", "/item/4711", "/list/a", "/list/b", "/", "/terms", "/shipping", "/basket", "/address", "/pay",
    "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag", "Sept.", "UTC",
    "Minuten", "Stunden", "Tage",
)  # fmt: skip
"""What stands on the pages and is in no catalogue: names, examples, what visits brought, Babel's words of time."""


STARTERS = ROOT / "console" / "starters"
STARTS = (
    "/overview", "/struggles?state=all", "/sessions?site=none", "/find?q=14:10 pay", "/processes/order?left=order/pay&release=none", "/alerts/new?kind=count",
    "/alerts/new?kind=digest", "/counted", "/sites/add", "/sites/sshop/connect", "/nothing-is-here",
)  # fmt: skip
"""What the crawl begins with: the overview, and states that no link leads to."""


def texts_of(files: Iterable[Path]) -> Iterator[str]:
    """Give the texts of rule *files*: they are in two languages of their own."""

    def leaves(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from leaves(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from leaves(inner)
        elif isinstance(value, str) and len(value) > 3:
            yield " ".join(value.split())

    for file in files:
        yield file.name
        yield from leaves(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("width", "scheme", "longer"),
    [
        pytest.param(1440, "light", False, marks=pytest.mark.long),
        (360, "dark", True),
        pytest.param(1440, "dark", True, marks=pytest.mark.long),
        pytest.param(360, "light", False, marks=pytest.mark.long),
    ],
)
async def test_all_pages(
    browser: Browser, tmp_path: Path, player: Path, monkeypatch: pytest.MonkeyPatch,
    width: int, scheme: str, longer: bool,
) -> None:  # fmt: skip
    """
    No page has a finding of axe, anything that moves for readers who asked for less of it, an error in the browser's console, a request elsewhere or one that the policy
    forbids, a text that is not translated, or a part that is wider than the screen, also where texts are 35 % longer;
    and (in a long run) nothing that the Tab key does not reach, show and leave again, both ways.
    """
    if longer:
        load = languages._load
        monkeypatch.setattr(
            languages, "_load", lambda code: Longer() if code == "de" else load(code)
        )
    (tmp_path / "process.yaml").write_text(PROCESS)
    shipped = [*sorted(few_shipped(tmp_path / "shipped").iterdir()), tmp_path / "process.yaml"]
    data = (*DATA, *texts_of([*shipped, *STARTERS.glob("de/*.yaml")]))
    async with running_console(tmp_path / "data", player=player, shipped=shipped) as console:
        await console.store.add_site(shop())
        await fill(console)
        await speak(console)
        await stored(console.store, visits(seed=1, count=30))
        await everything(Indexer(console.store, console.clock, rules=rules))
        context = await browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="de-DE" if longer else "en-GB",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        crawl = Crawl(page, console.url, data if longer else (), walks=not longer)
        crawl.listen()
        await page.goto(console.url + "/sign-in")
        await crawl.look()
        await sign_in(page, console)
        await crawl.run(STARTS)
        await states(crawl)
        await context.close()

    print(f"\n{sum(crawl.seen.values())} pages of {len(crawl.seen)} kinds")
    assert len(crawl.seen) > 30
    assert not crawl.wrong, "\n".join(crawl.wrong)


async def speak(console: Running) -> None:
    """Keep a contact of a customer with a note, a change of both, and one that is nobody's."""
    store = console.store
    made = Contact("c1", "call", START + 900_000, START, "owner", customer="ada", subject="Pay")
    await store.put_contact(made, b"", [ContactNote("n1", "c1", "promise", "Pay", "owner", START)])
    await store.change_contact("c1", {"resolved": True}, "owner", START)
    await store.put_contact(Contact("c2", "mail", START, START, "owner"), b"")


async def states(crawl: Crawl) -> None:
    """Look at what no link leads to: a person who was found, and the player with its keys shown."""
    page = crawl.page
    await page.goto(crawl.base + "/people")
    await page.fill("[name=id]", "ada")
    await page.press("[name=id]", "Enter")
    await page.wait_for_selector('form[action="/people/erase"]')
    await crawl.look()
    await page.goto(crawl.base + "/sessions/v0")
    await page.wait_for_selector('#stage-box[data-view="shown"]')
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("?")
    await crawl.look()
