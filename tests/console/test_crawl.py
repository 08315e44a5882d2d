"""All pages of the console, reached by its own links: accessible, translated, quiet, and no wider than the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import Browser

from console import language as languages
from tests.console.conftest import sign_in
from tests.console.crawling import Crawl, Longer
from tests.console.support import running_console, shop
from tests.console.test_browser import fill
from tests.console.test_rule_pages import few_shipped

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DATA = (
    "Rage click", "POST /pay", "Esc", "30 Minuten", "Stolper", "shop", "owner", "Chrome", "Pay", "ada", "x is undefined", "name", "English", "Deutsch",
)  # fmt: skip
"""What stands on the pages and is in no catalogue: names, and what visits brought."""


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
    [(1440, "light", False), (360, "dark", True)],
)
async def test_all_pages(
    browser: Browser, tmp_path: Path, player: Path, monkeypatch: pytest.MonkeyPatch,
    width: int, scheme: str, longer: bool,
) -> None:  # fmt: skip
    """
    No page has a finding of axe, an error in the browser's console, a request elsewhere or one that the policy
    forbids, a text that is not translated, or a part that is wider than the screen, also where texts are 35 % longer.
    """
    if longer:
        load = languages._load
        monkeypatch.setattr(
            languages, "_load", lambda code: Longer() if code == "de" else load(code)
        )
    shipped = sorted(few_shipped(tmp_path / "shipped").iterdir())
    async with running_console(tmp_path / "data", player=player, shipped=shipped) as console:
        await console.store.add_site(shop())
        await fill(console)
        context = await browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="de-DE" if longer else "en-GB",
        )
        page = await context.new_page()
        await sign_in(page, console)
        crawl = Crawl(page, console.url, (*DATA, *texts_of(shipped)) if longer else ())
        await crawl.run(["/overview", "/nothing-is-here"])
        await context.close()

    print(
        f"{sum(crawl.seen.values())} pages of {len(crawl.seen)} kinds",
        *crawl.wrong,
        sep="\n",
        flush=True,
    )
    assert len(crawl.seen) > 25
    assert [] == crawl.wrong
