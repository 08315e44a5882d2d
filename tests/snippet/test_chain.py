"""A page that is opened, pressed and left arrives at the collector."""

from __future__ import annotations

import pytest

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_snapshot_and_page_view_arrive_within_two_seconds(
    collector: Collector, open_page: Open
) -> None:
    """The first batch holds the snapshot and the page view, and comes without waiting."""
    await open_page("<h1>Hello</h1><button id=b>Press</button>")
    await collector.until(lambda: collector.stored, timeout_s=2)

    first = collector.stored[0]

    assert first.head["seq"] == 0
    assert first.head["chunk"]["snapshot"] is True
    assert [event["type"] for event in first.recording[:2]] == [4, 2]
    assert first.head["events"][0]["type"] == "page"
