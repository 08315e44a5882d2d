"""The console in a real Chromium: nothing foreign runs, everything is accessible, lists live."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.console.support import Running, Visit, rrweb_page, scroll, shop

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

EVIL = "</script><img src=x onerror=window.ran=1><script>window.ran=1</script>{{7*7}}'\"--><svg onload=window.ran=1>"


async def test_foreign_text_is_inert(page: Page, shown: Running) -> None:
    """Markup in labels, titles, paths, names, attributes and ids is shown as text on every page."""
    await shown.store.add_site(shop(name=EVIL, key="sevil"))
    visit = Visit(
        shown.store, "evil", site="sevil",
        attributes={"browser": EVIL, "device": EVIL, "language": EVIL, "release": EVIL},
        identity={"id": EVIL, "verified": False},
    )  # fmt: skip
    target = {"key": EVIL, "label": EVIL, "selector": EVIL}
    events = [
        {"t": 0, "type": "page", "path": EVIL},
        {"t": 10, "type": "click", "path": EVIL, "target": target},
        {"t": 20, "type": "custom", "path": EVIL, "name": EVIL, "props": {EVIL: EVIL}},
        {"t": 30, "type": "error", "path": EVIL, "message": EVIL},
        {"t": 40, "type": "request", "path": EVIL, "method": EVIL, "url": EVIL, "status": 500},
    ]
    gaps = ({"reason": EVIL},)
    await visit.send(events, recording=rrweb_page(EVIL), gaps=gaps)
    await visit.flag(EVIL, title=EVIL, label=EVIL, page=EVIL)
    [struggle] = await shown.store.struggles()
    for path in (
        "/sessions",
        "/sessions/evil",
        "/struggles",
        f"/struggles/{struggle.key}",
        "/sites",
    ):
        await page.goto(shown.url + path)
        await page.wait_for_timeout(300)
        if path == "/sessions":
            await page.hover("#s-evil")
            await expect(page.locator("#preview")).to_contain_text("onerror")

        assert await page.evaluate("window.ran") is None
        assert await page.locator("body img").count() == 0
        assert "{{7*7}}" in await page.locator("main").inner_text()


async def fill(console: Running) -> str:
    """Write sessions that show every part of every page; return the key of a struggle."""
    for number in range(3):
        visit = Visit(
            console.store, f"v{number}", attributes={"device": "desktop", "browser": "Chrome"},
            identity={"id": "ada", "verified": False},
        )  # fmt: skip
        await visit.send(
            [
                {"t": 0, "type": "page"},
                {"t": 500, "type": "click", "target": {"key": "pay", "label": "Pay"}},
                {"t": 900, "type": "error", "message": "x is undefined"},
                {"t": 1_000, "type": "request", "status": 500, "method": "POST", "url": "/pay"},
                {"t": 1_100, "type": "field", "field": "name", "invalid": True},
            ],
            recording=[*rrweb_page(), scroll(40_000)],
        )
        await visit.send(
            [{"t": 5_000, "type": "page"}], load="load-2", tab="tab-2", origin=20_000, seq=2
        )
        for at, severity in enumerate(("info", "low", "medium", "high", "critical")):
            await visit.flag(f"rule_{severity}", at=500 + at * 3_000, severity=severity)  # type: ignore[arg-type]
    await console.store.end_session("v0", "left")
    return (await console.store.struggles())[0].key


async def test_a_row_is_previewed(page: Page, shown: Running) -> None:
    """Where pointer or focus rest: pages and struggles with their times. Esc and going away end it."""
    visit = Visit(shown.store, "glanced")
    await visit.send(
        [
            {"t": 0, "type": "page", "nav": "load", "path": "/start"},
            {"t": 61_000, "type": "page", "nav": "route", "path": "/pay"},
        ]
    )
    await visit.flag("form_loop", at=60_500, title="Form loop", label="Order")
    await page.goto(shown.url + "/sessions")
    preview, row = page.locator("#preview"), page.locator("#s-glanced")
    await row.hover()

    await expect(preview).to_be_visible()
    assert {"0:00", "1:00", "1:01"} == set(await preview.locator(".offset").all_inner_texts())
    await expect(preview).to_contain_text("/pay")
    await expect(preview).to_contain_text("Form loop")
    await expect(row.locator("a")).to_have_attribute("aria-describedby", "preview")
    assert [] == await findings_of(page)
    await page.keyboard.press("Escape")
    await expect(preview).to_be_hidden()

    await page.mouse.move(5, 5)
    await page.keyboard.press("Tab")  # so that focus is the keyboard's
    await row.locator("a").focus()
    await expect(preview).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(preview).to_be_hidden()


async def findings_of(page: Page) -> list[str]:
    """Return what axe finds wrong with *page*, without what the recorded site itself does wrong."""
    results = await Axe().run(page, context={"exclude": [["#stage"]]})
    return [
        f"{page.url}: {found['id']} {[node['html'][:120] for node in found['nodes'][:3]]}"
        for found in results.response["violations"]
    ]


async def test_list_follows_without_reload(page: Page, shown: Running) -> None:
    """New sessions and flags appear in the open list; the page is not loaded again."""
    await Visit(shown.store, "first").send([{"t": 0, "type": "page"}])
    await page.goto(shown.url + "/sessions")
    await page.evaluate("window.marked = true")
    await expect(page.locator("#rows tr")).to_have_count(1)
    second = Visit(shown.store, "second", start=1_790_000_100_000)
    shown.live.batch_stored(await second.send([{"t": 0, "type": "page", "path": "/new"}]))
    await expect(page.locator("#rows tr")).to_have_count(2)
    await expect(page.locator("#rows tr").first).to_contain_text("/new")
    await expect(page.locator("#total")).to_have_text("2 sessions")
    await page.locator("#rows a").first.focus()
    await second.flag(title="Rage click")
    shown.live.batch_stored(await second.send([{"t": 90, "type": "click"}]))
    await expect(page.locator("#rows tr").first.locator(".badge").nth(1)).to_contain_text(
        "Rage click"
    )

    assert await page.evaluate("window.marked") is True
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "/sessions/second"


async def test_first_session_replaces_the_empty_state(page: Page, shown: Running) -> None:
    """While the list waits for the first visit, the visit appears by itself."""
    await page.goto(shown.url + "/sessions")
    await expect(page.locator("#empty")).to_contain_text("Waiting for the first visit")
    shown.live.batch_stored(await Visit(shown.store, "first").send([{"t": 0, "type": "page"}]))
    await expect(page.locator("#rows tr")).to_have_count(1)
    await expect(page.locator("#empty")).to_have_count(0)


async def test_canvas_replay_by_script_is_forbidden() -> None:
    """The player never asks rrweb for UNSAFE_replayCanvas, which lets recorded scripts run."""
    from tests.console.support import ROOT

    sources = list((ROOT / "replay" / "player" / "src").rglob("*.ts"))

    assert sources
    assert not [file.name for file in sources if "UNSAFE_replayCanvas" in file.read_text()]


async def test_score_is_in_sight_on_a_phone(page: Page, shown: Running) -> None:
    """However long a struggle's words are, no column of the sessions list is cut off."""
    await page.set_viewport_size({"width": 360, "height": 800})
    visit = Visit(shown.store, "long")
    await visit.send([{"t": 0, "type": "page", "path": "/produkte/" + "langername" * 5}])
    await visit.flag(title="Versandkostenberechnungsschwierigkeiten")
    await page.goto(shown.url + "/sessions")
    table = page.locator("table.sessions")

    assert await table.evaluate("it => it.scrollWidth - it.parentElement.clientWidth") <= 0
