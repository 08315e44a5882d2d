"""What the snippet leaves in the page: one global while it records, nothing patched after stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.snippet.conftest import Collector, Open

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOST = Path(__file__).parent / "host"


async def test_one_global_and_after_stop_nothing_else(
    collector: Collector, open_page: Open
) -> None:
    """
    Of everything that scripts can reach and patch, descriptor by descriptor, stop restores all.

    While it records the window has one name more, `stolper`, and the patched methods are the ones
    that docs/snippet.md speaks of: none is lost, and none is of another kind.
    """
    walk = f"<script>{(HOST / 'walk.js').read_text()}</script>"
    page = await open_page("<p>x</p><input id=i><iframe></iframe>", head=walk)
    recording: list[str] = await page.evaluate("changed()")
    await page.fill("#i", "abc")
    await page.evaluate("stolper('flush')")
    await page.evaluate("stolper('stop')")
    stopped: list[str] = await page.evaluate("changed()")

    assert await page.evaluate("walked") > 1000
    assert ["window.stolper"] == [name for name in recording if name.startswith("window.st")]
    assert {"window.fetch", "History.prototype.pushState", "XMLHttpRequest.prototype.send"} <= set(
        recording
    )
    assert ["window.stolper"] == stopped
