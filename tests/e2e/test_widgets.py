"""Situations on real widgets from npm, in Chromium, through the whole chain."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.building import built
from tests.e2e.scenarios.pages import Serve, pages_of_a_site
from tests.e2e.scenarios.situations import (
    Situation,
    benign_flagged,
    struggles_missed,
    table,
    why_wrong,
)
from tests.e2e.scenarios.visit import visit_all
from tests.e2e.support import Stack
from tests.e2e.widgets.table import BENIGN, STRUGGLES, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.alone]

FOLDER = Path(__file__).parent / "widgets"

# What a site owner may live with on widgets that nobody tuned for.
BENIGN_FLAGGED_AT_MOST = 0.10
STRUGGLES_FOUND_AT_LEAST = 0.90


def test_widget_table_is_whole() -> None:
    """Of the hold-out set at least 12 benign situations and 10 struggles are visited each time; each has its name."""
    assert len(BENIGN[::3]) >= 12
    assert len(STRUGGLES[::2]) >= 10
    assert len(WIDGETS) == len({situation.name for situation in WIDGETS})
    assert {"benign"} == {situation.kind for situation in BENIGN}
    assert {"struggle"} == {situation.kind for situation in STRUGGLES}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("benign", "struggles"),
    [(BENIGN[::3], STRUGGLES[::2]), pytest.param(BENIGN, STRUGGLES, marks=pytest.mark.long)],
    ids=["some", "all"],
)
async def test_widgets(
    browser: Browser,
    server: Stack,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    benign: tuple[Situation, ...],
    struggles: tuple[Situation, ...],
) -> None:
    """On real widgets at most 10 % of what is benign is flagged and at least 90 % of struggles are found."""
    built(FOLDER / "build.mjs", FOLDER / "dist" / "react.js")
    origin, _ = await pages_of_a_site(server, serve, FOLDER)
    seen = await visit_all(browser, server, origin, (*benign, *struggles))

    message = f"\n{table(seen)}\n\n{why_wrong(seen)}\n"
    with capsys.disabled():
        sys.stdout.write(message)
    found = 1 - len(struggles_missed(seen)) / len(struggles)
    assert len(benign_flagged(seen)) / len(benign) <= BENIGN_FLAGGED_AT_MOST, message
    assert found >= STRUGGLES_FOUND_AT_LEAST, message
