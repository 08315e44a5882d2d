"""The forms that write rules, on a whole server without a browser: who may, what is refused, what is kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest_asyncio

from core.model import User
from core.settings import load_settings
from stolper.app import Server
from tests.console.support import Visit, form_token, shop

PATH = '[{"tag": "button", "id": "pay"}, {"tag": "form", "id": "checkout"}]'


class Desk:
    """A running server, and somebody signed in to its console without a browser's scripts."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self._token = ""

    async def sign_in(self) -> None:
        await self.get("/sign-in", 200)
        form = {"name": "owner", "password": self.server.owner_password or "", "next": "/sites"}
        await self.post("/sign-in", form, 303)

    async def get(self, path: str, status: int = 200) -> str:
        async with self.http.get(self.server.console_url + path) as answer:
            text = await answer.text()

            assert status == answer.status, text
            if 'name="form_token"' in text:
                self._token = form_token(text)
            return unescape(text)

    async def post(self, path: str, form: dict[str, str], status: int) -> str:
        """Send *form* with the token of the last page, and return the answer or where it leads."""
        sent = {"form_token": self._token, **form}
        url = self.server.console_url + path
        async with self.http.post(url, data=sent, allow_redirects=False) as answer:
            text = await answer.text()

            assert status == answer.status, text
            return answer.headers.get("Location", unescape(text))

    async def become(self, role: str) -> None:
        """Give whoever is signed in another *role*."""
        user = await self.server.store.user("owner")
        assert user is not None
        await self.server.store.add_user(User(user.name, role, user.password_hash))

    def own(self, name: str) -> Path:
        return self.server.data / "rules" / name


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with one site, one visit, and the owner signed in."""
    given: dict[str, Any] = {"server.public": "127.0.0.1:0", "server.console": "127.0.0.1:0"}
    data = tmp_path / "data"
    async with Server(load_settings(data, env={}, overrides=given), data) as server:
        await server.store.add_site(shop())
        visit = Visit(server.store, "v1", start=server.clock.now_ms() - 60_000)
        target = {"key": "#pay", "tag": "button", "path": [{"tag": "button", "id": "pay"}]}
        await visit.send([{"t": 0, "type": "page"}, {"t": 9, "type": "click", "target": target}])
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as http:
            made = Desk(server, http)
            await made.sign_in()
            yield made


RULE = {
    "kind": "rule", "session": "v1", "selector": "#pay", "what": "any", "title": "Pay pressed",
    "severity": "info",
}  # fmt: skip


async def test_only_editors_see_and_use_the_forms(desk: Desk) -> None:
    """Whoever may only read gets no button, no form, and nothing written by sending one."""
    pages = ["/rules/make?kind=rule", "/rules/dead_click/change", "/rules/saved"]
    for path in ["/sessions/v1", *pages]:
        await desk.get(path)
    await desk.become("viewer")

    assert 'id="pick"' not in await desk.get("/sessions/v1")
    assert "data-examples" not in await desk.get("/sessions/v1")
    for path in pages:
        assert "Only owners and analysts" in await desk.get(path, 403)
    for path, form in (
        ("/rules/make", {**RULE, "do": "save"}),
        ("/rules/dead_click/change", {"severity": "low", "do": "save"}),
        ("/sessions/v1/pick", {"path": PATH}),
        ("/rules/rejudge", {}),
    ):
        await desk.post(path, form, 403)

    assert not desk.own("pay_pressed.yaml").exists()
    await desk.become("analyst")

    assert 'id="pick"' in await desk.get("/sessions/v1")
    await desk.get("/rules/make?kind=rule")


async def test_a_form_from_elsewhere_is_refused(desk: Desk) -> None:
    """Without the page's token nothing is counted, written or judged again."""
    await desk.get("/rules/make?kind=rule")
    for path in ("/rules/make", "/rules/dead_click/change", "/sessions/v1/pick", "/rules/rejudge"):
        await desk.post(path, {**RULE, "do": "save", "form_token": "x"}, 403)


READ_BY_ALL = {"/rules", "/rules/{rule}", "/rules/{rule}/near"}
NAMES = {"rule": "rage_click", "session": "v1", "site": "s1", "name": "x.yaml"}
OPEN = ("/healthz", "/static", "/player", "/stage", "/sign-in", "/enter", "/language")


def routes(server: Server) -> list[tuple[str, str, str]]:
    """Return method, pattern and an address of every route of the console."""
    found = []
    for route in server._runners[0].app.router.routes():
        pattern = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and not pattern.startswith(OPEN):
            path = re.sub(r"{(\w+)}", lambda found: NAMES.get(found[1], "1"), pattern)
            found.append((route.method, pattern, path))
    return found


async def test_every_route_asks_who_is_there(desk: Desk) -> None:
    """Strangers reach no page and no program's route, readers no page and no form of the rules."""
    url, api = desk.server.console_url, "/api/v1"
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as stranger:
        refused = {}
        for method, pattern, path in routes(desk.server):
            async with stranger.request(method, url + path, allow_redirects=False) as answer:
                wanted = 303 if method == "GET" and not path.startswith(api) else 401
                if answer.status != wanted or (wanted == 303 and "/sign-in" not in answer.headers["Location"]):  # fmt: skip
                    refused[f"{method} {pattern}"] = answer.status

        assert {} == refused
    await desk.become("viewer")
    await desk.get("/sites")
    tried = 0
    for method, pattern, path in routes(desk.server):
        of_rules = pattern.startswith("/rules") or pattern.endswith("/pick")
        if path.startswith(api) or not of_rules or pattern in READ_BY_ALL:
            continue
        tried += 1
        if method == "GET":
            assert "Only owners and analysts" in await desk.get(path, 403), path
        else:
            assert "Only owners and analysts" in await desk.post(path, {}, 403), path
            stale = await desk.post(path, {"form_token": "x"}, 403)
            assert "Only owners and analysts" not in stale, path

    assert tried >= 12


async def test_what_is_hostile_stays_text_in_forms(desk: Desk) -> None:
    """Markup in a selector, title, name or address is shown as it is, and never becomes markup."""
    markup = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    asked = urlencode({"kind": "rule", "session": "v1", "selector": markup, "at": markup, "path": markup, "title": markup, "reason": markup})  # fmt: skip
    raw = []
    for path in (
        f"/rules/make?{asked}",
        f"/rules/make?{asked.replace('kind=rule', 'kind=step')}",
        f"/rules/saved?{urlencode({'file': markup, 'rule': markup, 'session': markup})}",
        f"/rules?{urlencode({'text': markup, 'site': markup})}",
        f"/rules/dead_click/change?{urlencode({'for_path': markup, 'item': markup, 'reason': markup})}",
        f"/rules/edit?{urlencode({'start': markup})}",
    ):
        async with desk.http.get(desk.server.console_url + path) as answer:
            assert 200 == answer.status, path
            raw.append(await answer.text())
    token = form_token(raw[0])
    for do in ("preview", "effect", ""):
        form = {**RULE, "title": markup, "selector": f'[data-test="{markup[2:]}"]', "do": do}
        async with desk.http.post(
            desk.server.console_url + "/rules/make", data={**form, "form_token": token}
        ) as answer:
            assert 200 == answer.status, do
            raw.append(await answer.text())

    assert any("&lt;img src=x" in page for page in raw)
    assert [] == [page for page in raw if "<img src=x" in page or "<script>alert" in page]


async def test_the_form_works_without_scripts(desk: Desk) -> None:
    """Preview shows the text, its examples and the effect with what was filled in; saving leads on."""
    await desk.get("/rules/make?kind=rule&session=v1&selector=%23pay")
    shown = await desk.post("/rules/make", {**RULE, "do": "show"}, 200)

    assert 'value="Pay pressed"' in shown
    assert "id: pay_pressed" in shown
    assert 2 == shown.count('class="passed"')
    assert "1 press in 1 session" in shown
    assert not desk.own("pay_pressed.yaml").exists()
    leads_to = await desk.post("/rules/make", {**RULE, "do": "save", "reason": "to see"}, 303)

    assert "/rules/saved?file=pay_pressed.yaml&rule=pay_pressed&session=v1" == leads_to
    assert "The file pay_pressed.yaml is saved" in await desk.get(leads_to)
    assert "any press" not in desk.own("pay_pressed.yaml").read_text()
    [version] = await desk.server.workbench.versions("pay_pressed")

    assert ("owner", "to see") == (version.author, version.reason)


UNUSABLE: list[tuple[dict[str, str], str]] = [
    ({"selector": "a:hover"}, "The selector cannot be used"),
    ({"selector": "*"}, "fits everything"),
    ({"title": ""}, "Give the rule a title"),
    ({"what": "often", "times": "1", "within": "2"}, "“How many” is a number from 2 to 50"),
    ({"what": "often", "times": "3", "within": "x"}, "“Within seconds” is a number"),
    ({"kind": "except", "rule": "nothing"}, "Choose the rule"),
    ({"kind": "step", "step": ""}, "Give the step a name"),
    ({"kind": "step", "step": "a", "process": "+"}, "Give the process a name"),
    (
        {"kind": "step", "step": "a", "process": "+", "name": "checkout"},
        "There is a process of",
    ),
    ({"kind": "step", "step": "entered", "process": "checkout"}, "has a step of this name"),
    ({"kind": "step", "step": "a", "process": "checkout", "before": "x/y"}, "Choose a step of"),
    ({"kind": "event", "name": ""}, "Give the event a name"),
]


async def test_what_cannot_be_used_is_told(desk: Desk) -> None:
    """A value that cannot be used is named in a sentence, as preview and on saving; nothing is written."""
    await desk.get("/rules/make?kind=rule")
    for change, sentence in UNUSABLE:
        for do in ("preview", "save"):
            assert sentence in await desk.post("/rules/make", {**RULE, **change, "do": do}, 200)

    assert not list((desk.server.data / "rules").glob("*.yaml"))


async def test_selectors_are_offered_with_their_counts(desk: Desk) -> None:
    """The picked element's selectors come with what they found; a text that is no path is refused."""
    await desk.get("/sessions/v1")
    answer = await desk.post("/sessions/v1/pick", {"path": PATH}, 200)

    assert '{"selector":"#pay","text":"Id: stays' in answer
    assert "1 press in 1 session" in answer
    for path in ("", "[", "{}", "[" * 5_000, PATH * 1_000):
        await desk.post("/sessions/v1/pick", {"path": path}, 400)
    await desk.post("/sessions/none/pick", {"path": PATH}, 404)


async def test_a_step_enters_a_shipped_process(desk: Desk) -> None:
    """The shipped process is copied into an own file with the step where it was put, and then grows."""
    await desk.get("/rules/make?kind=step")
    form = {"kind": "step", "selector": "#pay", "process": "checkout", "do": "save"}
    await desk.post("/rules/make", {**form, "step": "Pressed", "before": "checkout/confirmed"}, 303)
    await desk.post("/rules/make", {**form, "step": "later", "selector": ".later"}, 303)
    text = desk.own("process_checkout.yaml").read_text()
    [known] = [p for p in desk.server.detector.rules.processes if p.id == "checkout"]

    assert ["entered", "pressed", "confirmed", "later"] == [name for name, _ in known.steps]
    assert text.startswith("version: 1\nmacros:")


async def test_a_new_process_and_a_named_press(desk: Desk) -> None:
    """A first and a second new process share a file; a named press becomes a mapping."""
    await desk.get("/rules/make?kind=step")
    form = {"kind": "step", "selector": "#pay", "process": "+", "step": "a", "do": "save"}
    for name in ("signup", "Rückgabe"):
        await desk.post("/rules/make", {**form, "name": name}, 303)
    await desk.post(
        "/rules/make",
        {"kind": "event", "selector": "#pay", "name": "Paid", "site": "shop", "do": "save"},
        303,
    )
    rules = desk.server.detector.rules

    assert {"signup", "rueckgabe"} <= {process.id for process in rules.processes}
    assert "paid" in {mapping.name for mapping in rules.mappings}


async def test_an_edited_override_must_still_be_the_same(desk: Desk) -> None:
    """If changes.yaml was written meanwhile, editing or removing by place is refused."""
    await desk.get("/rules/dead_click/change")
    page = "/rules/dead_click/change"
    await desk.post(page, {"severity": "high", "do": "save"}, 303)
    shown = await desk.get(f"{page}?item=0")
    found = re.search(r'name="revision" value="(\w+)"', shown)
    assert found
    path = desk.own("changes.yaml")
    path.write_text(path.read_text() + "# a note\n")
    for form in ({"item": "0", "severity": "low"}, {"remove": "0"}):
        answer = await desk.post(page, {**form, "revision": found[1], "do": "save"}, 200)

        assert "was changed meanwhile" in answer
    assert "# a note" in path.read_text()


async def test_a_change_that_does_not_fit_is_not_written(desk: Desk) -> None:
    """What the detector refuses is shown at its place, with what was filled in; no file comes of it."""
    await desk.get("/rules/rage_click/change")
    form = {"param_presses": "500", "do": "save"}
    answer = await desk.post("/rules/rage_click/change", form, 200)

    assert "nothing was written" in answer
    assert 'value="500"' in answer
    assert "found-errors" in answer
    assert not desk.own("changes.yaml").exists()
    empty = await desk.post("/rules/rage_click/change", {"do": "save"}, 200)

    assert "Nothing is changed yet." in empty


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    """Unknown rules, kinds and flags are answered with 404."""
    for path in ("/rules/none/change", "/rules/make?kind=x", "/rules/example?session=v1&flag=x"):
        await desk.get(path, 404)
