"""`stolper reproduce`: what it writes, whom it refuses, and what of the site's own goes along."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from core.clock import SystemClock
from core.sqlite import SqliteStore
from stolper.cli import main
from tests.console.support import Visit, rrweb_page, shop
from tests.console.test_reproduction_page import OWN, PAY


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["reproduce", *words, "--data", str(data)])


def folder(path: Path) -> Path:
    """Return a data folder with a flagged visit and a rule file of the site's own."""

    async def fill() -> None:
        store = SqliteStore(path, SystemClock())
        await store.open()
        await store.add_site(shop())
        visit = Visit(store, "v1")
        press = {"t": 1000, "type": "click", "trusted": True, "target": PAY}
        await visit.send([{"t": 0, "type": "page"}, press], recording=rrweb_page())
        await visit.flag(at=1000, evidence=("load-1:1",))
        await store.close()

    asyncio.run(fill())
    (path / "rules").mkdir()
    (path / "rules" / "mine.yaml").write_text(OWN)
    return path


def test_it_writes_the_test_with_the_sites_own_rules(tmp_path: Path) -> None:
    """The file stands on its own: address, device, rules and steps are in it."""
    data, out = folder(tmp_path), tmp_path / "test_pay.py"
    result = run(data, "v1", "--out", str(out))
    text = out.read_text()

    assert (0, "") == (result.exit_code, result.stdout)
    assert f'"mine.yaml": {OWN!r}' in text
    assert 'page.locator("#pay")' in text
    assert "is there already" in run(data, "v1", "--out", str(out)).output


def test_it_says_what_there_is_not(tmp_path: Path) -> None:
    """An unknown session, and a rule that did not flag it, are refused with what there is."""
    data = folder(tmp_path)

    assert "there is no session 'v2'" in run(data, "v2").output
    assert "these did: rage_click" in run(data, "v1", "--rule", "freeze").output
    assert "http://" in run(data, "v1", "--run", "shop.example").output
