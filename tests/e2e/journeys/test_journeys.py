"""
The golden journeys on one server, started by its command: counted, and held against their goals.

Once with a pointer, once by the keyboard alone. What `stolper` is told in a terminal is told by its command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from stolper.demo.faults import Faults
from stolper.demo.shop import build_shop
from tests.building import built
from tests.console.support import ROOT
from tests.e2e.conftest import Serve
from tests.e2e.journeys.counting import Goal, Journey, table
from tests.e2e.journeys.operating import LONG_MS, Keys, Operator, Pointer
from tests.e2e.journeys.world import OWNER, Api, Own, Up, caller, command, first_replay, stolper_up

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

ANALYST = Goal(steps=4, seconds=300)
AGENT = Goal(steps=2, seconds=10, views=2, fields=1)  # into the field; the code and Enter
DEVELOPER = Goal(steps=3, seconds=300)

FAULT, RULE = "throwing_handler", "error_click"
RED, GREEN = 1, 0  # exit codes of pytest

EDITS = (
    ("/register/address*", "/en/product/*"), ("/register/address", "/en/product/grat-mid"),
    ("/register*", "/en/*"), ("/register", "/en/help"), ("/welcome", "/en/basket"),
    ("Registration abandoned", "Looked and left"), ("within: 30m", "within: 5s"),
    ("at: 2m", "at: 2s"),
)  # fmt: skip
"""What the analyst makes of the template of a process: shown a product, and five seconds later no basket."""


@pytest.fixture(scope="module", autouse=True)
def editor() -> None:
    """The built editor; built anew when its sources are newer."""
    built(
        ROOT / "console" / "editor" / "build.mjs",
        ROOT / "console" / "static" / "dist" / "editor.js",
    )


@dataclass
class World:
    """A server with the owner's page, and a shop that has a defect beside one that has not."""

    browser: Browser
    folder: Path
    serve: Serve
    keys: bool
    own: Own = field(default_factory=Own)
    script: str = ""
    shop: str = ""
    mended: str = ""
    journeys: list[Journey] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    async def begin(self) -> str:
        """Serve all pages; return where the owner's is."""
        self.shop = await self.serve(
            build_shop(script_src=lambda: self.script, faults=Faults.of([FAULT]))
        )
        self.mended = await self.serve(
            build_shop(script_src=lambda: self.script, faults=Faults.none())
        )
        return await self.serve(self.own.app)

    async def terminal(self, *words: str) -> str:
        """Run a command of stolper on the server's folder; return what it prints."""
        code, printed = await command(
            sys.executable, "-m", "stolper.cli", *words, "--data", str(self.data)
        )
        assert 0 == code, printed
        return printed.strip()

    async def somebody(self) -> Operator:
        """Return somebody at a fresh browser, with a wish for little motion if they have no mouse."""
        context = await self.browser.new_context(
            locale="en-GB", viewport={"width": 1280, "height": 860}, accept_downloads=True,
            reduced_motion="reduce" if self.keys else "no-preference",
        )  # fmt: skip
        page = await context.new_page()
        return Keys(page) if self.keys else Pointer(page)

    async def signed_in(self, up: Up, name: str, role: str) -> Operator:
        """Return *name*, who has an account of that *role* and has signed in."""
        password = (await self.terminal("user", "add", name, "--role", role)).splitlines()[-1]
        who = await self.somebody()
        await who.page.goto(up.console)
        await who.write(who.page.get_by_label("Name"), name)
        await who.write(who.page.get_by_label("Password"), password)
        await who.page.keyboard.press("Enter")
        await who.page.wait_for_url("**/overview")
        return who

    def journey(self, name: str, goal: Goal, page: Page | None = None) -> Journey:
        made = Journey(name, goal)
        if page:
            made.watch(page)
        self.journeys.append(made)
        return made

    async def leave(self, who: Operator) -> None:
        """Close the browser of *who*, and keep what they could not see or reach."""
        self.wrong += who.wrong
        await who.page.context.close()


@pytest_asyncio.fixture(loop_scope="module", params=["pointer", "keyboard"])
async def world(
    request: pytest.FixtureRequest, browser: Browser, serve: Serve, tmp_path: Path
) -> AsyncIterator[World]:
    yield World(browser, tmp_path, serve, keys=request.param == "keyboard")


async def test_golden_journeys(world: World) -> None:
    """
    Site owner, support agent, analyst and developer come to their end within the steps of their goals.

    By keyboard alone, too: every stop on the way is seen, and no step is more.
    """
    origin = await world.begin()
    owner = world.journey("site owner", OWNER)
    owner.step("install")  # it is: make setup build
    async with stolper_up(world.data, "--origin", origin) as up:
        owner.step("stolper up --origin")
        who = await world.somebody()
        await first_replay(owner, world.browser, who.page, world.own, up, origin)
        await world.leave(who)
        line = await world.terminal(
            "site", "add", "shop", "--origin", world.shop, "--mode", "full", "--idle-timeout", "10s"
        )
        world.script = line.split('src="')[1].split('"')[0]
        api = Api(up.console, await world.terminal("token", "create", "--scope", "read"))
        ticket, past = await call(world, up, api)
        await new_rule(world, up, api, past)
        await failing_test(world, up, ticket)
        await api.close()
    print(f"\n{'by keyboard' if world.keys else 'with a pointer'}\n{table(world.journeys)}")

    assert [] == [text for one in world.journeys for text in one.over]
    assert [] == world.wrong


async def call(world: World, up: Up, api: Api) -> tuple[str, str]:
    """
    A caller reads out their code: the session stands still five seconds before its struggle.

    Return the address that goes into the ticket, and the session.
    """
    visitor = await caller(world.browser, world.shop)
    session, code = await visitor.evaluate("Promise.all([stolper('session'), stolper('code')])")
    flag = await api.flagged(session, RULE)
    who = await world.signed_in(up, "agent", "support")
    journey = world.journey("support agent", AGENT, who.page)
    if world.keys:
        await who.page.keyboard.press("/")
        journey.step("/")
    else:
        await who.press(
            who.page.get_by_role("searchbox", name="Search sessions"), "the field", journey
        )
    await who.page.keyboard.type(f"{code[:3]} {code[3:]}".lower())
    journey.fields += 1
    await who.page.keyboard.press("Enter")
    journey.step("code, Enter")
    await who.page.wait_for_selector("#stage-box[data-view=shown]", timeout=LONG_MS)
    journey.end()

    assert who.page.url.endswith(f"/sessions/{session}?flag={flag['id']}")
    await expect(who.page.locator("#play-text")).to_have_text("Play")  # it stands still
    at_s, seen_s = [
        seconds(await who.page.locator(one).inner_text())
        for one in (f'.flag[data-flag="{flag["id"]}"] .offset', "#now")
    ]
    assert 5 == at_s - seen_s
    ticket = who.page.url
    await world.leave(who)
    await visitor.context.close()
    await api.ended(session)
    return ticket, session


def seconds(clock: str) -> int:
    """Return the seconds that *clock* (m:ss) tells."""
    minutes, rest = clock.split(":")
    return 60 * int(minutes) + int(rest)


async def new_rule(world: World, up: Up, api: Api, past: str) -> None:
    """A template of a process is made one's own, seen on seven days, put in force; the next visitor is flagged."""
    who = await world.signed_in(up, "ana", "analyst")
    page = who.page
    journey = world.journey("analyst", ANALYST, page)
    await who.press(page.get_by_role("link", name="Rules", exact=True), "Rules", journey)
    await page.wait_for_url("**/rules")
    begin = page.get_by_role("navigation", name="New rule")
    await who.press(begin.get_by_role("link", name="Process"), "template: process", journey)
    await page.wait_for_url("**/rules/edit**")
    text = await page.locator("#text").input_value()
    for old, new in EDITS:
        assert old in text
        text = text.replace(old, new)
    await who.edit(page.get_by_role("textbox", name="Text of the rule file"), text)
    journey.step("edit")
    await expect(page.locator("#spoken")).to_have_text(
        "1 gained, 0 lost, 0 unchanged", timeout=LONG_MS
    )
    moment = await page.locator("#draft .moments a").get_attribute("href")
    assert moment is not None
    assert moment.startswith(f"/sessions/{past}?")
    await who.press(page.get_by_role("button", name="Activate"), "activate", journey)
    await page.wait_for_url("**saved=1")
    journey.end()

    await expect(page.locator("#notice")).to_be_focused()
    await expect(page.locator("#notice")).to_contain_text("Looked and left")
    assert "my_rule" not in [one["rule"] for one in (await api.session(past))["flags"]]
    visitor = await caller(world.browser, world.shop)
    await api.flagged(await visitor.evaluate("stolper('session')"), "my_rule")
    await visitor.context.close()
    await world.leave(who)


async def failing_test(world: World, up: Up, ticket: str) -> None:
    """The link of the ticket, the test saved, the test run: red by the same rule; mended, it is green."""
    who = await world.signed_in(up, "dev", "analyst")
    page = who.page
    journey = world.journey("developer", DEVELOPER, page)
    await page.goto(ticket)
    journey.step("open the link")
    flag = ticket.partition("?flag=")[2]
    item = page.locator("#flags li", has=page.locator(f'[data-flag="{flag}"]'))
    async with page.expect_download() as download:
        await who.press(item.get_by_role("link", name="Save as a test"), "save the test", journey)
    saved = await download.value
    file = world.folder / saved.suggested_filename
    await saved.save_as(file)
    shell = f"pytest {file.name}"
    assert f"STOLPER_URL={world.shop} {shell}" in file.read_text()  # what it says of itself
    journey.step(shell)
    red, result = await run(file, world.shop)
    journey.end()
    green, mended = await run(file, world.mended)

    assert (RED, True) == (red, result["again"]), result
    assert RULE in result["fired"]
    assert (GREEN, False) == (green, mended["again"]), mended
    await world.leave(who)


async def run(file: Path, url: str) -> tuple[int, dict[str, object]]:
    """Run the test *file* as it is, against *url*; return pytest's exit code and what the test found."""
    result = file.with_suffix(".json")
    code, printed = await command(
        sys.executable, "-m", "pytest", "-q", file.name,
        cwd=file.parent, STOLPER_URL=url, STOLPER_RESULT=str(result),
    )  # fmt: skip
    assert result.is_file(), printed
    found: dict[str, object] = json.loads(result.read_text())
    return code, found
