"""The 33 known click situations, in Chromium, through the whole chain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.scenarios.known import KNOWN
from tests.e2e.scenarios.pages import Serve, pages_of_a_site
from tests.e2e.scenarios.situations import (
    Seen,
    ambiguous_wrong,
    benign_flagged,
    struggles_missed,
    table,
    why_wrong,
)
from tests.e2e.scenarios.visit import visit_all, visit_serially
from tests.e2e.support import Stack

pytestmark = [pytest.mark.browser, pytest.mark.alone]

PAGE = Path(__file__).parent / "scenarios"


def check(seen: Sequence[Seen], capsys: pytest.CaptureFixture[str]) -> None:
    """Print the table and hold it against the bar: 0 of 20 benign flagged, 12 of 12 found."""
    message = f"\n{table(seen)}\n\n{why_wrong(seen)}\n"
    with capsys.disabled():
        sys.stdout.write(message)

    assert [] == benign_flagged(seen), message
    assert [] == struggles_missed(seen), message
    assert [] == ambiguous_wrong(seen), message


def test_known_table_is_whole() -> None:
    """The table holds 20 benign situations, 12 struggles and one that is not counted."""
    kinds = [situation.kind for situation in KNOWN]

    assert (20, 12, 1) == tuple(kinds.count(k) for k in ("benign", "struggle", "ambiguous"))
    assert len(KNOWN) == len({situation.name for situation in KNOWN})


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(400)
async def test_known_situations(
    browser: Browser, server: Stack, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of the 20 benign known situations is flagged, all 12 struggles are, by the rules named."""
    origin, _ = await pages_of_a_site(server, serve, PAGE)
    seen = await visit_all(browser, server, f"{origin}/click-page.html", KNOWN)

    check(seen, capsys)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_known_situations_in_one_page(
    browser: Browser, server: Stack, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same holds when one visitor does all of them in one page, 10 s apart."""
    origin, _ = await pages_of_a_site(server, serve, PAGE)
    seen = await visit_serially(browser, server, f"{origin}/click-page.html", KNOWN)

    check(seen, capsys)
