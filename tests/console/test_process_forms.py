"""Making, changing, trying and removing processes on a whole server without a browser's scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from core.settings import load_settings
from stolper.app import Server
from stolper.own_rules import revision
from tests.console.support import Visit, shop
from tests.console.test_rule_forms import Desk
from tests.insight.generator import PROCESS, stored, visits

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUTHS = visits(7, 90)
OURS = "# Ask Ina first.\n" + PROCESS
REPORT = """
version: 1
reports:
  orders: {title: {en: Orders of the week, de: Bestellungen der Woche}, blocks: [{funnel: order}]}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A server with visits of known truth, a process of its own in a commented file, and the owner signed in."""
    data = tmp_path_factory.mktemp("forms") / "data"
    given: dict[str, Any] = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    (data / "rules").mkdir(parents=True)
    (data / "rules" / "ours.yaml").write_text(OURS)
    (data / "reports").mkdir()
    (data / "reports" / "mine.yaml").write_text(REPORT)
    async with Server(load_settings(data, env={}, overrides=given), data) as server:
        await server.store.add_site(shop())
        await server.store.add_site(shop("blog", "sblog", "https://blog.example"))
        await stored(server.store, TRUTHS)
        visit = Visit(server.store, "walked", start=server.clock.now_ms() - 60_000)
        button = {"key": "#pay", "tag": "button", "label": "Buy now", "interactive": True}
        await visit.send([
            {"t": 0, "type": "page", "path": "/de/orders/10423/summary"},
            {"t": 900, "type": "click", "target": {**button, "path": [{"tag": "button", "id": "pay"}]}},
            {"t": 999, "type": "page", "path": "/en/orders/10424/summary"},
            {"t": 1500, "type": "custom", "name": "bought_it", "props": {"sum": 12.5, "gift": True, "of": "x"}},
        ])  # fmt: skip
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as http:
            made = Desk(server, http)
            await made.sign_in()
            yield made


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def as_before(desk: Desk) -> AsyncIterator[None]:
    """Take back what a test wrote."""
    yield
    for file in desk.own("").glob("*.yaml"):
        file.unlink()
    desk.own("ours.yaml").write_text(OURS)
    await desk.server.rulebook.reload()


def fields(text: str) -> dict[str, str]:
    """Return what a browser would send of the form of a process in the page *text*."""
    form = text[text.index('id="process-form"') :]
    form = form[: form.index("</form>")]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if told.get("type") != "checkbox" or " checked" in tag:
            found[told["name"]] = told.get("value", "")
    for name, inner in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        first = re.search(r'value="([^"]*)"', inner)
        found[name] = (chosen or first or [""] * 2)[1]  # type: ignore[index] -- a match, or two texts
    return found


async def numbers(desk: Desk, text: str) -> dict[tuple[str, ...], int]:
    """Return the numbers of a trial by what they count, each checked against the list behind it."""
    found = {}
    for link, told in re.findall(r'href="(/processes/[^"]+/trials/[^"]+)"[^>]*>([\d.,]+)', text):
        listed = await desk.get(link)
        counted = re.search(r'<p class="count">([\d.,]+)', listed)

        assert counted is not None and counted[1] == told, link
        key = re.search(r"what=(\w+)&side=(\w+)(?:&step=(\w+))?", link)
        assert key is not None
        found[key.groups("")] = int(told)
    return found


async def test_steps_are_ticked_in_a_session_and_become_a_process(desk: Desk) -> None:
    """Ids in addresses become `*`, numbers of the goal's event are offered, and the file says all that was chosen."""
    offered = await desk.get("/sessions/walked/steps")
    assert ["/*/orders/*/summary", "#pay", "bought_it"] == re.findall(
        r"<code>([^<]+)</code>", offered
    )
    assert "2×" in offered
    text = await desk.post("/sessions/walked/steps", {"into": "-", "take": "0"}, 200)
    assert 1 == text.count('class="form-step"')
    added = await desk.post("/processes/-/edit", {**fields(text), "do": "add"}, 200)
    sent = {
        **fields(added), "en": "Purchase", "de": "Kauf", "do": "show", "site": "shop", "limit": "90s",
        "step-1-kind": "custom", "step-1-what": "bought_it", "step-1-de": "Gekauft",
    }  # fmt: skip
    asked = await desk.post("/processes/-/edit", sent, 200)

    assert '<option value="props.sum">' in asked and "props.of" not in asked
    saved = {**fields(asked), "do": "save", "value": "props.sum", "order": "strict"}
    assert "/processes/purchase" == await desk.post("/processes/-/edit", saved, 303)
    told = yaml.safe_load(desk.own("processes.yaml").read_text())["processes"]["purchase"]
    assert {
        "title": {"en": "Purchase", "de": "Kauf"},
        "site": ["shop"],
        "steps": {
            "summary": {"event": "page", "where": {"path": {"glob": "/*/orders/*/summary"}}},
            "gekauft": {"event": "custom", "where": {"name": "bought_it"}},
        },
        "labels": {"summary": "Summary", "gekauft": {"de": "Gekauft"}},
        "strict": True, "value": "props.sum", "time_limit": "90s",
    } == told  # fmt: skip
    page = await desk.get("/processes/purchase")
    assert 'href="/processes/purchase/edit"' in page and "only on shop" in page
    assert 'href="/processes/purchase?site=shop"' in await desk.get("/processes?site=shop")
    assert "/processes/purchase" not in await desk.get("/processes?site=blog")


async def test_a_trial_counts_what_the_generator_knows(desk: Desk) -> None:
    """Both funnels, and the completions that come and go, equal the truth; each number opens as many sessions."""
    text = await desk.get("/processes/order/edit")
    sent = {**fields(text), "since": "", "do": "try"}
    same = await numbers(desk, await desk.post("/processes/order/edit", sent, 200))
    done = sum(one.completed for one in TRUTHS)
    came = {name: sum(one.came_to(name) for one in TRUTHS) for name in ("basket", "pay", "done")}

    for side in ("draft", "force"):
        assert done == same["completed", side, ""]
        assert came == {name: same["reached", side, name] for name in came}
    assert not {key for key in same if key[0] in ("gained", "lost")}

    shorter = await desk.post("/processes/order/edit", {**sent, "limit": "90s"}, 200)
    in_time = sum(
        one.completed and one.reached["done"] - min(one.reached.values()) <= 90_000
        for one in TRUTHS
    )
    found = await numbers(desk, shorter)
    assert (in_time, done, done - in_time) == (
        found["completed", "draft", ""], found["completed", "force", ""], found["lost", "force", ""],
    )  # fmt: skip
    assert "time_limit: 90s" in shorter and "time_limit" not in desk.own("ours.yaml").read_text()
    assert f"{len(TRUTHS) + 1} sessions looked at" in shorter


async def test_a_trial_tells_how_far_it_is(desk: Desk) -> None:
    """The page's script reads progress and the panel line by line; what is wrong is said in a sentence."""
    sent = {**fields(await desk.get("/processes/order/edit")), "since": ""}
    lines = (await desk.post("/processes/order/trial", sent, 200)).splitlines()

    assert lines[-1].startswith('{"html":') and "trials" in lines[-1]
    wrong = await desk.post("/processes/order/trial", {**sent, "value": "props["}, 200)
    assert "This does not fit yet" in wrong and "ours.yaml:" in wrong
    refused = await desk.post("/processes/order/trial", {**sent, "limit": "soon"}, 422)
    assert "The time limit is a time with its unit" in refused


async def test_a_change_keeps_comments_and_says_what_does_not_fit(desk: Desk) -> None:
    """What fields do not hold is said; saving writes the one file; whoever came too late is told."""
    text = await desk.get("/processes/order/edit")
    sent = {**fields(text), "do": "save"}
    for wrong, sentence in (
        ({"step-0-kind": "page", "step-0-what": "basket"}, "the address of a page begins with /"),
        ({"step-0-kind": "click", "step-0-what": "#pay >"}, "The selector cannot be used"),
        ({"step-0-what": ""}, "Step 1: say what counts"),
        ({"limit": "3 weeks"}, "The time limit"),
        ({"value": "props["}, "This does not fit yet"),
        ({"step-0-origin": "elsewhere"}, "it is gone from the file"),
        ({"revision": "old"}, "changed meanwhile"),
    ):
        assert sentence in await desk.post("/processes/order/edit", {**sent, **wrong}, 422)
    before = desk.own("ours.yaml").read_text()
    longer = {**sent, "limit": "2h", "reason": "people phone us"}
    assert "/processes/order" == await desk.post("/processes/order/edit", longer, 303)
    after = desk.own("ours.yaml").read_text()

    assert [
        line for line in after.splitlines() if line.strip() != "time_limit: 2h"
    ] == before.splitlines()
    assert "changed meanwhile" in await desk.post("/processes/order/edit", sent, 422)
    assert "owner: people phone us" in await desk.get("/processes/order/edit")
    moved = await desk.post("/processes/order/edit", {**sent, "do": "down-0"}, 200)
    assert "basket" == fields(moved)["step-1-origin"]


async def test_a_file_as_no_form_writes_it_is_kept(desk: Desk) -> None:
    """A tab before a comment hinders nothing; of 31 steps, one more than a form sends back, none is lost."""
    steps = "".join(f"      s{n}: {{event: page, where: {{path: /p{n}}}}}\n" for n in range(31))
    text = f"version: 1\nprocesses:\n  long:\n    title: Long\t# ask Ina\n    steps:\n{steps}"
    desk.own("long.yaml").write_text(text)

    assert await desk.server.rulebook.reload()
    page = await desk.get("/processes/long/edit")
    assert "more than 30 steps" in page and 'id="process-form"' not in page
    await desk.get("/processes/order/edit")
    found = desk.server.rulebook.own.read("long.yaml") or ""
    sent = {
        "revision": revision(found),
        "en": "Longer",
        "do": "save",
        "step-0-kind": "page",
        "step-0-what": "/",
    }
    assert "more than 30 steps" in await desk.post("/processes/long/edit", sent, 422)
    assert text == desk.own("long.yaml").read_text()
    desk.own("wrong.yaml").write_text(
        "version: 1\nprocesses: {wrong: {steps: {a: page}, labels: none}}\n"
    )
    assert "for the editor" in await desk.get("/processes/wrong/edit")


async def test_a_process_that_came_with_stolper_is_changed_in_a_file_of_its_own(desk: Desk) -> None:
    """It is copied; taking the copy out again puts the one of before in force. Who uses it is named."""
    text = await desk.get("/processes/checkout/edit")
    assert "came with Stolper" in text and "/processes/checkout/remove" not in text
    assert "checkout_abandon" in text
    await desk.post("/processes/checkout/edit", {**fields(text), "do": "save", "limit": "1h"}, 303)
    file = desk.own("process_checkout.yaml")
    assert "macros:" in file.read_text() and "time_limit: 1h" in file.read_text()
    text = await desk.get("/processes/checkout/edit")
    assert "is in force again then" in text
    revision = fields(text)["revision"]
    assert "/processes" == await desk.post(
        "/processes/checkout/remove", {"revision": revision}, 303
    )

    assert not file.exists()
    assert "" == fields(await desk.get("/processes/checkout/edit"))["limit"]


async def test_a_process_that_a_rule_needs_is_not_removed(desk: Desk) -> None:
    """The page says which rule it is, and nothing is written."""
    desk.own("needs.yaml").write_text(
        "version: 1\nrules:\n  - id: never_done\n    title: Never done\n"
        "    process: {use: order, reached: basket, not: done, or_end: true}\n"
    )
    text = await desk.get("/processes/order/edit")
    assert ">never_done</a>" in text
    refused = await desk.post(
        "/processes/order/remove", {"revision": fields(text)["revision"]}, 422
    )
    assert "needs.yaml" in refused and desk.own("ours.yaml").exists()
    desk.own("needs.yaml").unlink()
    text = await desk.get("/processes/order/edit")
    await desk.post("/processes/order/remove", {"revision": fields(text)["revision"]}, 303)

    assert not desk.own("ours.yaml").exists()
    await desk.get("/processes/order/edit", 404)


async def test_the_page_says_which_reports_name_a_process(desk: Desk) -> None:
    """Those that name it, not those that tell of every process there is."""
    text = await desk.get("/processes/order/edit")

    assert ">Orders of the week</a>" in text and 'href="/reports/orders"' in text
    assert "No rule and no report uses it." not in text
    assert "Orders of the week" not in await desk.get("/processes/checkout/edit")


async def test_who_may_not_change_rules_may_not_change_processes(desk: Desk) -> None:
    """A viewer sees funnels, and no way to change them."""
    await desk.become("viewer")
    try:
        assert "/edit" not in await desk.get("/processes")
        await desk.get("/processes/-/edit", 403)
        await desk.get("/sessions/walked/steps", 403)
    finally:
        await desk.become("owner")
