"""The rules' pages in a real Chromium: accessible, nothing overflows, the editor helps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.building import built
from tests.console.conftest import sign_in
from tests.console.support import ROOT, Running, Visit, running_console, shop
from tests.console.test_browser import findings_of
from tests.console.test_rule_pages import FAILING, RULE, WRONG, few_shipped

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

EDITOR = ROOT / "console" / "editor"

MODIFIED = RULE.replace("severity: low", "severity: info")


@pytest.fixture(scope="session")
def editor() -> None:
    """The built editor; built anew when its sources are newer."""
    built(EDITOR / "build.mjs", ROOT / "console" / "static" / "dist" / "editor.js")


@pytest_asyncio.fixture(loop_scope="module")
async def shown(tmp_path: Path, editor: None) -> AsyncIterator[Running]:
    """A console with one shipped rule, one own one, and a session with a flag."""
    folder = tmp_path / "data" / "rules"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(RULE)
    (folder / "other.yaml").write_text("version: 1\noverrides: [{rule: rage_click, params: {presses: 5}}]\n")  # fmt: skip
    shipped = [few_shipped(tmp_path / "shipped")]
    async with running_console(tmp_path / "data", shipped=shipped) as running:
        await running.store.add_site(shop())
        visit = Visit(running.store, "v0")
        target = {"key": "buy", "label": "Buy", "path": [{"tag": "a", "classes": "buy"}]}
        press = {
            "type": "click",
            "target": target,
            "trusted": True,
            "pointer": "mouse",
            "button": 0,
        }
        await visit.send([{"t": 0, "type": "page"}, *({**press, "t": t} for t in (10, 20, 30))])
        await visit.flag("rage_click", at=30)
        await running.store.end_session("v0", "left")
        yield running


async def typed(page: Page, text: str) -> None:
    """Replace the editor's text as a paste does."""
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(text)


@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [
        (1440, "en", "light"),
        (360, "de", "dark"),
        pytest.param(1440, "de", "dark", marks=pytest.mark.long),
        pytest.param(360, "en", "light", marks=pytest.mark.long),
    ],
)
async def test_axe_finds_nothing(
    browser: Browser, shown: Running, scheme: str, language: str, width: int
) -> None:
    """axe has no finding on list, rule and editor, with errors, examples and a draft shown."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = await context.new_page()
    await page.goto(f"{shown.url}/sign-in?lang={language}")
    await sign_in(page, shown)
    findings = []
    for path in ("/rules", "/rules?text=nothing", "/rules/rage_click", "/rules/three_presses"):
        await page.goto(shown.url + path)
        findings.append(await findings_of(page))
        assert await overflow(page) <= 0, path
    for text in (FAILING, WRONG):
        await page.goto(shown.url + "/rules/edit?file=mine.yaml")
        await typed(page, text)
        await expect(page.locator("#verdict.bad")).to_be_visible()
        await expect(page.locator("#progress")).to_be_hidden(timeout=30_000)
        findings.append(await findings_of(page))
        assert await overflow(page) <= 0, text
    await context.close()

    assert [found for found in findings if found] == []


async def test_another_file_name_is_checked_and_can_be_activated(
    page: Page, shown: Running
) -> None:
    """A new name alone is checked anew, and the button to activate comes back."""
    await page.goto(f"{shown.url}/sign-in?lang=en")
    await sign_in(page, shown)
    await page.goto(f"{shown.url}/rules/edit")
    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)
    async with page.expect_response("**/rules/edit/check"):
        await page.fill("input[name=name]", "renamed.yaml")

    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)


async def overflow(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def test_errors_are_marked_where_they_stand(page: Page, shown: Running) -> None:
    """What is wrong is underlined, listed and read out; a press leads there; activation waits."""
    await page.goto(shown.url + "/rules/edit?file=mine.yaml")
    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)
    await typed(page, WRONG)
    await expect(page.locator(".cm-lintRange-error")).to_have_text("10", timeout=15_000)
    await expect(page.locator("#checked .finding")).to_contain_text("has no unit")
    await expect(page.locator("#activate")).to_be_disabled()
    spoken = page.locator("#spoken")
    await expect(spoken).to_contain_text(re.compile("1 error Line .* has no unit"))
    await page.locator("#reason").focus()
    await page.keyboard.press("Tab")
    await expect(page.locator("#activate")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(spoken).to_contain_text("Possible once there is no error")
    await page.locator("#checked .finding button").click()

    assert await page.evaluate("document.activeElement.className.includes('cm-content')")
    assert "within: 10" in await page.locator(".cm-activeLine").inner_text()
    await typed(page, FAILING)
    await expect(page.locator("#checked .tests .failed")).to_contain_text("three", timeout=15_000)
    await expect(page.locator("#activate")).to_be_disabled()
    await typed(page, RULE)
    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)


@pytest.mark.parametrize(
    ("begun", "key", "offered"),
    [
        ("version: 1\nrules:\n  - id: x\n    sev", None, "severity"),
        ("version: 1\nrules:\n  - id: x\n    severity: me", None, "medium"),
        ("version: 1\nrules:\n  - id: x\n    match: {event: cli", None, "click"),
        ("version: 1\nrules:\n  - id: x\n    match: {event: click, where: {target.dis", None, "target.disabled"),
        ("version: 1\nrules:\n  - id: x\n    match:\n      event: click\n      where: {pointer: t", None, "touch"),
        ("version: 1\noverrides:\n  - rule: dead", None, "dead_click"),
        ("version: 1\n", "Control+Space", "rules"),
    ],
)  # fmt: skip
async def test_completion(
    page: Page, shown: Running, begun: str, key: str | None, offered: str
) -> None:
    """Keys, values, events, fields and rules are offered where they can stand, and taken by Enter."""
    await page.goto(shown.url + "/rules/edit")
    await typed(page, begun[:-1] if key is None else begun)
    await page.keyboard.press(key) if key else await page.keyboard.type(begun[-1])
    option = page.locator(".cm-tooltip-autocomplete li", has_text=offered).first
    await expect(option).to_be_visible(timeout=15_000)
    if key is None:
        await expect(page.locator(".cm-tooltip-autocomplete li[aria-selected]")).to_contain_text(
            offered
        )
        await page.wait_for_timeout(150)  # CodeMirror takes no key that was meant for the text
        await page.keyboard.press("Enter")
        await expect(page.locator(".cm-content")).to_contain_text(offered)


async def test_policy_is_kept(page: Page, shown: Running) -> None:
    """The editor is styled, and no style or script was refused by the page's policy."""
    await page.add_init_script("addEventListener('securitypolicyviolation', e => (window.refused ??= []).push(`${e.violatedDirective} ${e.sample} ${e.sourceFile}:${e.lineNumber}:${e.columnNumber}`))")  # fmt: skip
    await page.goto(shown.url + "/rules/edit")
    await expect(page.locator("#draft .draft-summary")).to_be_visible(timeout=30_000)
    # By keys: what Playwright inserts at once, Chromium itself styles (and is refused, harmlessly).
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("nonsense: 1")
    await expect(page.locator(".cm-lintRange-error")).to_be_visible(timeout=15_000)
    await page.locator(".cm-lintRange-error").hover()
    await page.keyboard.press("Control+f")
    await expect(page.locator(".cm-search")).to_be_visible()

    assert await page.evaluate("window.refused ?? []") == []
    assert await page.evaluate("getComputedStyle(document.querySelector('.cm-scroller')).display") == "flex"  # fmt: skip


async def test_unsaved_text_is_not_lost_by_leaving(page: Page, shown: Running) -> None:
    """Leaving with an unsaved change is asked about; without one it is not; saving is no leaving."""
    asked: list[str] = []

    async def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        await dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    await page.goto(shown.url + "/rules/edit?file=mine.yaml")
    await page.locator(".cm-content").click()
    await page.goto(shown.url + "/rules")
    unchanged = list(asked)
    await page.goto(shown.url + "/rules/edit?file=mine.yaml")
    await typed(page, MODIFIED)
    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)
    await page.click("#activate")
    await page.wait_for_url("**saved=1")
    saved = list(asked)
    await typed(page, RULE)
    await page.goto(shown.url + "/rules")

    assert (unchanged, saved) == ([], [])
    assert asked == ["beforeunload"]


async def test_keyboard_alone(page: Page, shown: Running) -> None:
    """Tab indents in the text; Escape, then Tab leaves it towards the panels."""
    await page.goto(shown.url + "/rules/edit?file=mine.yaml")
    await expect(page.locator("#activate")).to_be_enabled(timeout=15_000)
    await page.locator(".cm-content").focus()
    await page.keyboard.press("Control+Home")
    await page.keyboard.press("Tab")
    indented = await page.locator(".cm-line").first.inner_text()
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")

    assert indented == "  version: 1"
    assert not await page.evaluate("document.activeElement.className.includes('cm-content')")


async def test_without_script(browser: Browser, shown: Running) -> None:
    """With JavaScript off the form checks, tries and activates."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, shown)
    await page.goto(shown.url + "/rules/edit")
    await page.fill("#text", FAILING.replace("three_presses", "by_form"))
    await page.fill("input[name=name]", "by_form")
    await page.click("button[value=check]")
    await expect(page.locator("#verdict")).to_have_text("1 example fails")
    await page.fill("#text", RULE.replace("three_presses", "by_form"))
    await page.click("button[value=draft]")
    await expect(page.locator("#draft .draft-summary")).to_be_visible(timeout=30_000)
    await page.click("#activate")
    await expect(page.locator("#notice")).to_contain_text("In force")
    await context.close()
