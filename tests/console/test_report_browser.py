"""The weekly report in Chromium: a page that fits on one sheet of paper and on a phone, without an obstacle to anybody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from core.triage import TriageChange
from insight.report_files import shipped_reports
from stolper.indexer import Indexer
from stolper.reportbook import Reportbook
from tests.console.conftest import signed_in
from tests.console.support import START, Visit, running_console, shop
from tests.insight.generator import PROCESS, stored, visits
from tests.insight.test_walks import everything, rules

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

RULES = ("rage_click", "dead_click", "form_loop", "validation_loop", "error_click", "slow")


async def test_the_weekly_report_is_one_sheet_and_fits_a_phone(
    browser: Browser, tmp_path: Path
) -> None:
    """With each of its blocks filled, a fix among them; axe finds nothing, light and dark."""
    book = Reportbook(tmp_path / "own", shipped=[shipped_reports()])
    (tmp_path / "process.yaml").write_text(PROCESS)
    async with running_console(
        tmp_path / "data", shipped=(tmp_path / "process.yaml",), reports=book
    ) as running:
        store = running.store
        await store.add_site(shop())
        truths = visits(3, 60)
        await stored(store, truths)
        for nth, truth in enumerate(truths[::2]):
            visit = Visit(store, truth.id, start=truth.start)
            await visit.flag(RULES[nth % 6], title=f"Struggle {nth % 6}", at=5)
        declared = rules()
        await everything(Indexer(store, running.clock, rules=lambda: declared))
        for one in await store.struggles():
            change = TriageChange("resolved")
            await store.set_triage([one.key], change, who="me", at_ms=START + 12 * 3_600_000)
        running.clock.now = START + 3 * 86_400_000
        async with signed_in(browser, running) as page:
            await page.goto(f"{running.url}/reports/weekly")
            found = [one["id"] for one in (await Axe().run(page)).response["violations"]]
            sheet = await page.pdf(prefer_css_page_size=True)
            await page.emulate_media(color_scheme="dark")
            found += [one["id"] for one in (await Axe().run(page)).response["violations"]]
            await page.set_viewport_size({"width": 360, "height": 740})
            wide = await page.evaluate("document.documentElement.scrollWidth")
            blocks = await page.locator("main section").count()

    assert [] == found
    assert 9 == blocks
    assert 1 == len(re.findall(rb"/Type\s*/Page\b", sheet))
    assert 360 == wide
