"""The demo shop's planted defects: each visit to one raises the rule that faults.yaml names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from stolper.demo.browsers import Browsers
from stolper.demo.fault_visits import FAULT_VISITS
from stolper.demo.faults import FAULTS
from tests.e2e.conftest import Serve
from tests.e2e.planted import RULES, planted
from tests.e2e.support import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browsers(chromium_path: str) -> AsyncIterator[Browsers]:
    async with Browsers(chromium_path) as browsers:
        yield browsers


async def test_each_defect_has_a_visit_and_a_rule() -> None:
    """There are at least 20 defects, five and more of each kind, each with a visit of its own name."""
    kinds = [fault.kind for fault in FAULTS]

    assert [*RULES] == [*FAULT_VISITS]
    assert len(FAULTS) >= 20
    assert {"network", "form", "script", "layout"} == set(kinds)
    assert all(kinds.count(kind) >= 5 for kind in set(kinds))


async def test_the_page_on_the_demo_lists_every_defect() -> None:
    """docs/demo.md names each defect with its kind, rule, place and words."""
    text = (Path(__file__).parents[2] / "docs" / "demo.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    expected = [
        [f"`{one.name}`", one.kind, f"[{one.rule}](../rules/{one.rule}.yaml)", one.place.en, one.text.en]
        for one in FAULTS
    ]  # fmt: skip

    assert expected == rows


@pytest.mark.browser
@pytest.mark.long
@pytest.mark.parametrize("fault", [*RULES])
async def test_the_visit_to_a_defect_raises_its_rule(
    server: Stack, serve: Serve, browsers: Browsers, fault: str
) -> None:
    """With only that defect on, its visit is flagged by its rule; in a shop without defects it is not."""
    found = []
    for faults in ((fault,), ()):
        shop = await planted(server, serve, *faults)
        flags = await shop.flags(await shop.visit(browsers, fault))
        found.append(sorted({flag.rule for flag in flags}))
    print(f"{fault:20} {RULES[fault]:24} {', '.join(found[0]):60} | {', '.join(found[1])}")

    assert (True, False) == (RULES[fault] in found[0], RULES[fault] in found[1]), found
