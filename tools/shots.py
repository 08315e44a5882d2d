"""
Names the pictures: each page of the console in each of its states, by its address and what is done on it first.

Owns the list; the server behind it is filled by week.py, the pictures are taken by screenshots.py. A page of
tests/console/routes.txt that is not here fails tests/console/test_shots.py.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

SETTLE_MS = 500

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: a page by its address, and what is done on it first. *docs*: the docs show it."""

    name: str
    path: str
    act: Act | None = None
    docs: bool = False

    @property
    def of_screen(self) -> bool:
        """Whether it shows what the screen holds, and not all of the page."""
        return self.name.startswith("player") or self.name.endswith(
            ("-ticked", "-menu", "-preview")
        )


async def shown(page: Page) -> None:
    """Wait for the player's picture."""
    await page.wait_for_selector('#stage-box[data-view="shown"]', timeout=20_000)


async def _played(page: Page) -> None:
    """Let the player show its moment, and play a little into it."""
    await shown(page)
    await page.keyboard.press("k")
    await page.wait_for_timeout(6_500)
    await page.keyboard.press("k")


def _pressed(key: str) -> Act:
    """Press *key* in the player: a drawer opens, or the list of keys."""

    async def act(page: Page) -> None:
        await shown(page)
        await page.keyboard.press(key)

    return act


def _clicked(selector: str) -> Act:
    async def act(page: Page) -> None:
        await page.click(selector)

    return act


def _rested(selector: str) -> Act:
    """Let the pointer rest on *selector* until its preview comes, where a pointer can."""

    async def act(page: Page) -> None:
        await page.hover(selector)
        if await page.evaluate("matchMedia('(hover: hover) and (min-width: 900px)').matches"):
            await page.wait_for_selector("#preview:not([hidden])")

    return act


def _in_player(selector: str) -> Act:
    async def act(page: Page) -> None:
        await shown(page)
        await page.click(selector)

    return act


async def _picked(page: Page) -> None:
    """Pick the first thing that has the keyboard's frame around it."""
    await shown(page)
    await page.click("#pick")
    await page.wait_for_timeout(SETTLE_MS)
    box = await page.locator("#stage").bounding_box()
    assert box
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.55)
    await page.wait_for_selector("#pick-kinds:not([hidden])", timeout=10_000)


async def _lower(page: Page) -> None:
    """Come to what stands below the player."""
    await shown(page)
    await page.click("#transcript-panel summary")
    await page.evaluate("document.querySelector('#transcript-panel').scrollIntoView()")


async def _list_below(page: Page) -> None:
    await shown(page)
    await page.evaluate("document.querySelector('.side').scrollIntoView()")


async def _ticked(page: Page) -> None:
    for row in (0, 1):
        await page.check(f".struggles tbody .check input >> nth={row}")


def _unfolded(selector: str) -> Act:
    """Follow the link to what is folded away where there is little room."""

    async def act(page: Page) -> None:
        if await page.locator(selector).is_visible():
            await page.click(selector)

    return act


async def _person(page: Page) -> None:
    await page.select_option("[name=kind]", "session")
    await page.fill("[name=id]", page.url.partition("#")[2] or "nobody")
    await page.click(".person .button")
    await page.wait_for_selector("#found-title")


async def _tried(page: Page) -> None:
    """Have the rule of the editor judged by the visits of the week."""
    await page.wait_for_selector("#checked .verdict", timeout=20_000)
    await page.locator(".cm-line", has_text='target: ".filter"').click()
    await page.keyboard.press("Home")
    await page.keyboard.press("Shift+End")
    await page.keyboard.insert_text("where: {target: button}")
    await page.wait_for_timeout(SETTLE_MS)
    await page.wait_for_selector("#checked .verdict:not(.bad)", timeout=20_000)
    await page.click("#run")
    for part in ("#progress", "#stale"):
        await page.wait_for_selector(part, state="hidden", timeout=30_000)
    await page.wait_for_selector("#draft .draft-summary", timeout=30_000)


async def _judged(page: Page) -> None:
    """Wait until it is said what would change."""
    await page.wait_for_selector("#proposal-effect[aria-busy]", state="attached", timeout=10_000)
    await page.wait_for_selector("#proposal-effect:not([aria-busy])", timeout=30_000)


async def _slipped(page: Page) -> None:
    """Make a mistake in the editor, and see what it says."""
    await page.wait_for_selector("#checked .verdict", timeout=20_000)
    await page.click(".cm-content")
    await page.keyboard.press("Control+End")
    await page.keyboard.type("\nseverety: high\n")
    await page.wait_for_selector("#checked .verdict.bad", timeout=20_000)


async def _refused_site(page: Page) -> None:
    await page.fill("[name=origins]", "example")
    await page.click(".site-form .button")
    await page.wait_for_selector("[role=alert]")


async def _refused_alert(page: Page) -> None:
    for box in await page.locator("[name=to]").all():
        await box.uncheck()
    await page.click(".form-row .button.primary")
    await page.wait_for_selector("[role=alert]")


async def _tried_alert(page: Page) -> None:
    await page.fill("[name=threshold]", "1")
    await page.click(".form-row [name=do]")
    await page.wait_for_selector(".tried")


async def _tried_process(page: Page) -> None:
    await page.fill("[name=limit]", "45s")
    await page.select_option("[name=since]", "")
    await page.click("[value=try]")
    await page.wait_for_selector("table.trial", timeout=20_000)


async def _tried_list(page: Page) -> None:
    await _tried_process(page)
    link = await page.get_attribute("table.trial td a >> nth=0", "href")
    await page.goto(page.url.partition("/processes/")[0] + (link or ""))


async def _tested(page: Page) -> None:
    await page.click(".destinations .button >> nth=0")
    await page.wait_for_selector("main > [role=status]", timeout=20_000)


async def _map_drawn(page: Page) -> None:
    """Wait until what was done stands over the picture of the page."""
    await page.wait_for_selector("#map svg", state="attached", timeout=20_000)
    await page.wait_for_timeout(2_000)


async def _nobody(page: Page) -> None:
    await page.context.clear_cookies(name=re.compile(".*stolper$"))
    await page.reload()


async def _wrong_password(page: Page) -> None:
    await _nobody(page)
    await page.fill("input[name=password]", "not this one")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("[role=alert]")


PLAYER = "/sessions/{session}?flag={flag}"
LONG = "/sessions/{failing}?flag={refused}"

SHOTS = (
    Shot("overview", "/overview"),
    Shot("overview-menu", "/overview", _clicked(".top-end .menu summary")),
    Shot("overview-site", "/overview?site=outlet"),
    Shot("sessions", "/sessions", docs=True),
    Shot(
        "sessions-filtered",
        "/sessions?q=-page:/de/basket&rule=rage_click&since=7d",
        _unfolded(".facets-link"),
    ),
    Shot("sessions-preview", "/sessions?flagged=yes", _rested("#rows tr >> nth=1")),
    Shot("sessions-segments", "/sessions?since=7d", _clicked(".segments summary")),
    Shot("sessions-none", "/sessions?rule=custom_error&flagged=no"),
    Shot("player", LONG, _played, docs=True),
    Shot("player-keys", PLAYER, _pressed("?")),
    Shot("player-console", "/sessions/{erring}", _pressed("c")),
    Shot("player-network", LONG, _pressed("n")),
    Shot("player-performance", LONG, _pressed("p")),
    Shot("player-dom", PLAYER, _pressed("d")),
    Shot("player-note", PLAYER, _in_player("#note-add")),
    Shot("player-export", PLAYER, _in_player("#export")),
    Shot("player-pick", PLAYER, _picked),
    Shot("player-lists", PLAYER, _list_below),
    Shot("player-below", PLAYER, _lower),
    Shot("player-live", "/sessions/{running}", shown),
    Shot("player-masked", "/sessions/{masked}", shown),
    Shot("transcript", "/sessions/{session}/transcript"),
    Shot("reproduction", "/sessions/{session}/reproduction"),
    Shot("export", "/sessions/{session}/export"),
    Shot("struggles", "/struggles", docs=True),
    Shot(
        "struggles-all", "/struggles?state=all&since=7d&severity=high", _unfolded(".filters-link")
    ),
    Shot("struggles-ticked", "/struggles", _ticked),
    Shot("struggles-none", "/struggles?text=nothing+of+that+kind"),
    Shot("struggle", "/struggles/{struggle}"),
    Shot("struggle-mended", "/struggles/{mended}"),
    Shot("struggles-resolved", "/struggles?state=resolved"),
    Shot("struggle-impact", "/struggles/{on_the_way}?since=7d"),
    Shot("struggle-silence", "/struggles/{struggle}/silence", _judged, docs=True),
    Shot("processes", "/processes"),
    Shot("process", "/processes/order", docs=True),
    Shot("process-causes", "/processes/order/causes"),
    Shot("reports", "/reports"),
    Shot("report", "/reports/weekly?until={now}"),
    Shot("report-today", "/reports/today"),
    Shot("session-effort", "/sessions/{failing}#effort-title"),
    Shot("process-effort", "/processes/order/effort"),
    Shot("process-paths", "/processes/order/paths"),
    Shot("process-maps", "/processes/order/maps", _map_drawn),
    Shot("maps", "/maps", _map_drawn, docs=True),
    Shot("maps-depth", "/maps?show=depth", _map_drawn),
    Shot("maps-dead", "/maps?show=dead", _map_drawn),
    Shot("paths", "/paths", docs=True),
    Shot("paths-before", "/paths?toward=before&at=/de/basket&depth=3"),
    Shot("process-forms", "/processes/order/forms"),
    Shot("process-new", "/processes/-/edit"),
    Shot("process-edit", "/processes/order/edit"),
    Shot("process-tried", "/processes/order/edit", _tried_process),
    Shot("process-tried-list", "/processes/order/edit", _tried_list),
    Shot("process-steps", "/sessions/{failing}/steps"),
    Shot("caller", "/find"),
    Shot("caller-found", "/find?q=checkout payment error&tz=Europe/Berlin", docs=True),
    Shot("caller-none", "/find?q=yesterday 03:10&tz=Europe/Berlin"),
    Shot("caller-slip", "/find?q=K7M 4PQ"),
    Shot("customers", "/customers"),
    Shot("customer", "/customers/K-20417"),
    Shot("handover", "/customers/K-20417/handover"),
    Shot("contacts", "/contacts"),
    Shot("contact", "/contacts/{contact}"),
    Shot("contact-new", "/contacts/new?customer=K-20417"),
    Shot("contact-import", "/contacts/import"),
    Shot("alerts", "/alerts"),
    Shot("alerts-tested", "/alerts", _tested),
    Shot("alert", "/alerts/new?kind=count"),
    Shot("alert-tried", "/alerts/new?kind=count", _tried_alert),
    Shot("alert-refused", "/alerts/new?kind=count", _refused_alert),
    Shot("alert-new", "/alerts/new?kind=new"),
    Shot("alert-silent", "/alerts/new?kind=silent"),
    Shot("alert-digest", "/alerts/new?kind=digest"),
    Shot("digest", "/digest"),
    Shot("counted", "/counted"),
    Shot("rules", "/rules"),
    Shot("rule", "/rules/rage_click"),
    Shot("rule-near", "/rules/rage_click/near"),
    Shot("rule-change", "/rules/rage_click/change"),
    Shot("rule-edit", "/rules/edit"),
    Shot("rule-tried", "/rules/edit?start=count", _tried, docs=True),
    Shot("rule-slip", "/rules/edit?start=sequence", _slipped),
    Shot("rule-make", "/rules/make?kind=rule&session={session}&selector=%23buy-now"),
    Shot("rule-make-except", "/rules/make?kind=except&session={session}&selector=%23buy-now"),
    Shot("rule-make-step", "/rules/make?kind=step&session={session}&selector=%23buy-now"),
    Shot("rule-make-event", "/rules/make?kind=event&session={session}&selector=%23buy-now"),
    Shot("rule-example", "/rules/example?session={session}&flag={flag}&fires=0", _judged),
    Shot("rule-saved", "/rules/saved?file=own.yaml&rule=rage_click&session={session}"),
    Shot("sites", "/sites"),
    Shot("health", "/sites/{site}/health"),
    Shot("release", "/release?session={masked}"),
    Shot(
        "release-chosen", "/release?session={masked}&path={path}&chosen=.price&chosen=h1", docs=True
    ),
    Shot("add-site", "/sites/add"),
    Shot("add-site-refused", "/sites/add", _refused_site),
    Shot("connect", "/sites/{site}/connect"),
    Shot("connect-waiting", "/sites/{waiting}/connect"),
    Shot("people", "/people"),
    Shot("people-found", "/people#{session}", _person),
    Shot("audit", "/audit"),
    Shot("lost", "/nothing-is-here"),
    Shot("link-used", "/enter/used-already"),
    Shot("sign-in", "/sites", _nobody),  # the last two: nobody is signed in afterwards
    Shot("sign-in-wrong", "/sites", _wrong_password),
)

EMPTY = (
    Shot("empty-overview", "/overview"),
    Shot("empty-sessions", "/sessions"),
    Shot("empty-struggles", "/struggles"),
    Shot("empty-sites", "/sites"),
    Shot("empty-processes", "/processes"),
    Shot("empty-alerts", "/alerts"),
    Shot("empty-digest", "/digest"),
    Shot("empty-rules", "/rules"),
    Shot("empty-caller", "/find?q=checkout"),
)
"""Of a server that nobody has visited, and that has no site yet."""

WAITING = (
    Shot("waiting-overview", "/overview"),
    Shot("waiting-sessions", "/sessions"),
    Shot("waiting-struggles", "/struggles"),
    Shot("waiting-connect", "/sites/{waiting}/connect"),
    Shot("waiting-health", "/sites/{waiting}/health"),
    Shot("waiting-near", "/rules/rage_click/near"),
)
"""Of a server that has a site, whose pages are not those that it was told of: what it says of why nothing arrives."""

UNSEEN = {
    "/processes/{process}/trials/{trial}": "pictured as process-tried-list, behind a trial",
    "/": "leads to the overview",
    "/search": "leads to what is found",
    "/segments/{segment}": "leads to the list of sessions",
    "/sessions/rows": "a part of the list of sessions",
    "/sessions/{session}/preview": "a part of the list of sessions",
    "/sessions/{session}/timeline": "data of the player",
    "/sessions/{session}/activity": "data of the player",
    "/sessions/{session}/details": "data of the player",
    "/sessions/{session}/reproduction.py": "a file",
    "/reports/{report}/{block}.{kind}": "a file",
    "/live": "a stream of news",
    "/sites/{site}/connection": "a part of the page that connects a site",
    "/rules/edit/words": "data of the editor",
    "/sign-in": "what is led to when nobody is signed in",
    "/static": "files",
    "/player/{file}": "files",
    "/healthz": "for machines",
}
"""What has no picture of its own, and why."""
