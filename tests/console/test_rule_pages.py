"""The rules' pages and their part of the API, with the real workbench on a real store."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from core.model import User
from detector.loader import shipped_rules
from tests.console.support import Running, Visit, form_token, running_console, shop

HOUR_MS = 3_600_000

RULE = """version: 1
rules:
  - id: three_presses
    title: {en: Three presses, de: Drei Klicks}
    severity: low
    match: {event: click, where: {target: ".buy"}, times: 3, within: 10s}
tests:
  - rule: three_presses
    name: three
    events:
      - {at: 0s, event: click, target: {key: buy, path: [{tag: a, classes: buy}]}, x: 3, every: 1s}
    expect: [{at: 2s}]
  - rule: three_presses
    name: two
    events:
      - {at: 0s, event: click, target: {key: buy, path: [{tag: a, classes: buy}]}, x: 2, every: 1s}
    expect: []
"""

WRONG = RULE.replace("within: 10s", "within: 10")
FAILING = RULE.replace("expect: [{at: 2s}]", "expect: []")


def few_shipped(folder: Path) -> Path:
    """Return *folder* with some of the shipped rules: enough for a list, and read in a moment."""
    folder.mkdir(parents=True)
    for id_ in ("rage_click", "dead_click", "slow_click", "ping_pong", "payment_decline"):
        name = f"{id_}.yaml"
        (folder / name).write_bytes((shipped_rules() / name).read_bytes())
    return folder


class Desk:
    """Somebody at a running console."""

    def __init__(self, console: Running, data: Path, http: aiohttp.ClientSession) -> None:
        self.console = console
        self.data = data
        self.http = http

    async def get(self, path: str) -> tuple[int, str]:
        async with self.http.get(self.console.url + path) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, /, **form: str) -> tuple[int, str, str]:
        """Post *form* with its token; return status, body, and where to go on."""
        _, page = await self.get("/sites")
        form["form_token"] = form_token(page)
        async with self.http.post(
            self.console.url + path, data=form, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def activate(self, text: str, name: str = "mine.yaml", **form: str) -> tuple[int, str]:
        form = {"action": "activate", "name": name, "text": text, **form}
        status, body, _ = await self.post("/rules/edit", **form)
        return status, body

    async def api(
        self, method: str, path: str, scope: str = "admin", **body: Any
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.console.tokens[scope]}"}
        url = f"{self.console.url}/api/v1{path}"
        sent = {"json": body} if method != "GET" else {}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, url, **sent) as answer,
        ):
            return answer.status, await answer.json()

    def file(self, name: str = "mine.yaml") -> Path:
        return self.data / "rules" / name

    async def files(self) -> list[dict[str, str]]:
        return list((await self.api("GET", "/rule-files"))[1]["files"])

    async def versions(self) -> dict[str, str]:
        """Return the rules in force, by id."""
        _, body = await self.api("GET", "/rules")
        return {rule["id"]: rule["version"] for rule in body["rules"]}

    async def visit(self, id_: str, *, hours_ago: float, presses: int = 0) -> Visit:
        """Store a session with so many presses on a buy link, a second apart, and end it."""
        start = round(self.console.clock.now - hours_ago * HOUR_MS)
        visit = Visit(self.console.store, id_, start=start)
        target = {"key": "buy", "label": "Buy", "path": [{"tag": "a", "classes": "buy"}]}
        clicks = [
            {"t": 1_000 * (n + 1), "type": "click", "target": target, "trusted": True,
             "pointer": "mouse", "button": 0, "answered_ms": 40.0}
            for n in range(presses)
        ]  # fmt: skip
        await visit.send([{"t": 0, "type": "page"}, *clicks])
        await self.console.store.end_session(id_, "left")
        return visit


@asynccontextmanager
async def desk_at(data: Path) -> AsyncIterator[Desk]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        running_console(data, shipped=[few_shipped(data.parent / "shipped")]) as console,
        aiohttp.ClientSession(cookie_jar=jar, headers={"Accept": "text/html"}) as http,
    ):
        await console.store.add_site(shop())
        await console.sign_in(http)
        yield Desk(console, data, http)


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The owner at a console with a few shipped rules and none of its own."""
    async with desk_at(tmp_path / "data") as opened:
        yield opened


def row(page: str, rule: str) -> str:
    """Return the table row of *rule*."""
    [found] = [tr for tr in re.findall(r"<tr.*?</tr>", page, re.S) if f'href="/rules/{rule}"' in tr]
    return found


async def test_list_counts_and_links_to_exactly_these_sessions(desk: Desk) -> None:
    """Hits, sessions and share are those of the last 7 days; their link lists the same sessions."""
    for id_, hours_ago, flags in (("new", 1, 2), ("old", 9 * 24, 1), ("clean", 2, 0)):
        visit = await desk.visit(id_, hours_ago=hours_ago)
        for number in range(flags):
            await visit.flag("rage_click", at=number * 100)
    _, page = await desk.get("/rules")
    link = "/sessions?rule=rage_click&amp;since=7d"
    _, sessions = await desk.get(link.replace("&amp;", "&"))

    assert re.findall(rf'href="{re.escape(link)}">([^<]*)<', row(page, "rage_click")) == [
        "2", "1", "50%",
    ]  # fmt: skip
    assert 'href="/sessions?rule=dead_click' not in row(page, "dead_click")
    assert re.findall(r'<tr id="s-(\w+)"', sessions) == ["new"]


async def test_list_is_narrowed(desk: Desk) -> None:
    """Words, severity and state narrow the list; the count of rules in force stays."""
    assert (await desk.activate(RULE))[0] == 303
    shown = {}
    for query in ("text=drei+three_presses", "severity=high", "state=own", "state=off"):
        _, page = await desk.get(f"/rules?{query}")
        table = page.split('class="list rules-list"')[-1].split("</table>")[0]
        shown[query] = set(re.findall(r'<a href="/rules/(\w+)">', table))

    assert shown["text=drei+three_presses"] == {"three_presses"}
    assert shown["state=own"] == {"three_presses"}
    assert shown["state=off"] == set()
    assert shown["severity=high"] == {"rage_click"}


async def test_errors_of_own_files_stand_on_top(tmp_path: Path) -> None:
    """A file with an error is named with its place and can be opened; shipped rules stay in force."""
    folder = tmp_path / "data" / "rules"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(WRONG)
    async with desk_at(tmp_path / "data") as desk:
        status, page = await desk.get("/rules")
        _, editor = await desk.get("/rules/edit?file=mine.yaml")

        assert status == 200
        assert "mine.yaml:6:" in page.split('role="alert"')[1].split("</section>")[0]
        assert 'href="/rules/edit?file=mine.yaml"' in page
        assert "in force" in row(page, "rage_click")
        assert "has no unit" in editor


async def test_page_of_a_rule(desk: Desk) -> None:
    """It says what the rule means, how it is set, its examples, and links to change it."""
    status, page = await desk.get("/rules/rage_click?lang=de")

    assert status == 200
    assert "Wutklick" in page
    assert 'href="/rules/rage_click/change"' in page
    assert 'href="/rules/edit' not in page
    assert re.search(r"<dt><code>presses</code></dt><dd><code>4</code></dd>", page)
    assert page.count("muss anschlagen") >= 3
    assert page.count("muss schweigen") >= 3
    assert "id: rage_click" in page
    assert (await desk.get("/rules/no_such_rule"))[0] == 404


async def test_versions_say_who_when_and_why(desk: Desk) -> None:
    """Each state that was put in force is listed with author, reason and text, newest first."""
    await desk.activate(RULE, reason="a first try")
    [file] = [f for f in await desk.files() if f["name"] == "mine.yaml"]
    await desk.activate(
        RULE.replace("within: 10s", "within: 9s"), revision=file["revision"], reason="less noise"
    )
    _, page = await desk.get("/rules/three_presses")
    versions = page.split('class="versions"')[1]

    assert versions.index("owner: less noise") < versions.index("owner: a first try")
    assert versions.index("within: 9s") < versions.index("within: 10s")
    assert 'href="/rules/edit?file=mine.yaml"' in page


@pytest.mark.parametrize(
    ("text", "fits", "runs"), [(RULE, True, True), (WRONG, False, False), (FAILING, False, True)]
)
async def test_check(desk: Desk, text: str, fits: bool, runs: bool) -> None:
    """A check says whether the text fits, whether it can run, and where what is wrong stands."""
    status, body, _ = await desk.post("/rules/edit/check", name="mine.yaml", text=text)
    checked = json.loads(body)

    assert status == 200
    assert (checked["fits"], checked["runs"]) == (fits, runs)
    if text is WRONG:
        [found] = checked["findings"]
        assert (found["line"], found["level"]) == (6, "error")
        assert "has no unit" in found["message"]
        assert 'data-line="6"' in checked["html"]
    if text is FAILING:
        assert "1 example fails" in checked["html"]
        assert "expected no flags, got 1" in checked["html"]
    assert not desk.file().exists()


async def test_activate_without_script(desk: Desk) -> None:
    """The form alone puts a rule in force: it is written, judges at once, and the page says so."""
    _, page = await desk.get("/rules/edit")
    status, _, onward = await desk.post(
        "/rules/edit", action="activate", name="mine", text=RULE.replace("\n", "\r\n"), revision=""
    )
    _, after = await desk.get(onward)

    assert "<textarea" in page
    assert status == 303
    assert desk.file().read_text() == RULE
    version = (await desk.versions())["three_presses"]
    assert version in after.split('id="notice"')[1].split("</div>")[0]


@pytest.mark.parametrize("text", [WRONG, FAILING])
async def test_what_does_not_fit_is_not_written(desk: Desk, text: str) -> None:
    """Errors and red examples are refused; the text stays in the editor."""
    status, page = await desk.activate(text)

    assert status == 422
    assert "nothing was written" in page
    assert "three_presses" in page.split("<textarea")[1]
    assert not desk.file().exists()
    assert "three_presses" not in await desk.versions()


async def test_a_file_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    """Both versions are shown, the file stays; seen so, it can be replaced on purpose."""
    await desk.activate(RULE)
    [file] = await desk.files()
    theirs = RULE.replace("Three presses", "Changed by a colleague")
    desk.file().write_text(theirs)
    mine = RULE.replace("severity: low", "severity: info")
    status, page = await desk.activate(mine, revision=file["revision"])

    assert status == 409
    assert desk.file().read_text() == theirs
    difference = page.split('class="difference"')[1].split("</pre>")[0]
    assert "Changed by a colleague" in difference
    assert "severity: info" in difference
    assert "severity: info" in page.split("<textarea")[1]
    assert 'id="reload" href="/rules/edit?file=mine.yaml"' in page
    found = re.search(r'name="replace" value="([^"]+)"', page)
    assert found
    status, _, _ = await desk.post(
        "/rules/edit", replace=found[1], name="mine.yaml", text=mine, revision=file["revision"]
    )
    assert status == 303
    assert desk.file().read_text() == mine


async def test_a_new_file_does_not_overwrite_one_of_the_same_name(desk: Desk) -> None:
    """A name that is taken is a conflict."""
    await desk.activate(RULE)
    status, _ = await desk.activate(RULE.replace("three_presses", "again"))

    assert status == 409
    assert desk.file().read_text() == RULE


async def test_delete_a_file(desk: Desk) -> None:
    """Its rules stop judging; a file that was changed meanwhile stays."""
    await desk.activate(RULE)
    [file] = await desk.files()
    form = {"action": "remove", "name": "mine.yaml", "text": RULE}
    stale, _, _ = await desk.post("/rules/edit", revision="stale", **form)
    kept = desk.file().exists()
    status, _, _ = await desk.post("/rules/edit", revision=file["revision"], **form)

    assert (stale, kept) == (409, True)
    assert status == 303
    assert not desk.file().exists()
    assert "three_presses" not in await desk.versions()


@pytest.mark.parametrize(
    "name", ["../evil.yaml", "a/b.yaml", ".hidden.yaml", "", "ä.yaml", "x" * 99, "Evil.yaml"]
)
async def test_names_that_are_no_rule_files(desk: Desk, name: str) -> None:
    """Only plain names are taken; nothing is written anywhere else."""
    status, _ = await desk.activate(RULE, name=name)
    status_api, _ = await desk.api("PUT", "/rule-files/..%2Fevil.yaml", text=RULE, revision=None)
    check_api, _ = await desk.api("POST", "/rules/check", name=name or ".", text=RULE)

    assert status == 400
    assert status_api in (400, 404)
    assert check_api == 400
    assert list(desk.data.rglob("*[eE]vil*")) == []


async def test_draft_tells_progress_then_what_it_would_flag(desk: Desk) -> None:
    """The run over 7 days comes line by line; each example opens the replay at its moment."""
    for id_, hours_ago, presses in (("hit", 5, 3), ("miss", 6, 2), ("old", 8 * 24, 3)):
        await desk.visit(id_, hours_ago=hours_ago, presses=presses)
    status, body, _ = await desk.post("/rules/edit/draft", name="mine.yaml", text=RULE)
    lines = [json.loads(line) for line in body.splitlines()]

    assert status == 200
    assert "1 gained, 0 lost, 0 unchanged" in lines[-1]["html"]
    assert "in 1 of 2 sessions" in lines[-1]["html"]
    assert re.findall(r'href="(/sessions/[^"]+)"', lines[-1]["html"]) == ["/sessions/hit?at=0"]
    assert all({"done", "total"} <= set(line) for line in lines[:-1])
    assert not desk.file().exists()


async def test_draft_of_a_wrong_text_says_so(desk: Desk) -> None:
    """A text that does not load ends in an error line, and the plain form shows it."""
    _, body, _ = await desk.post("/rules/edit/draft", name="mine.yaml", text=WRONG)
    _, page, _ = await desk.post("/rules/edit", action="draft", name="mine.yaml", text=WRONG)

    assert "has no unit" in json.loads(body.splitlines()[-1])["error"]
    assert "has no unit" in page.split('id="draft-error"')[1].split("</p>")[0]


@pytest.mark.parametrize("role", ["viewer", "support"])
async def test_others_read_only(tmp_path: Path, role: str) -> None:
    """Neither page nor form lets somebody change rules who is neither owner nor analyst."""
    async with desk_at(tmp_path / "data") as desk:
        owner = await desk.console.store.user("owner")
        assert owner
        await desk.console.store.add_user(User("owner", role, owner.password_hash))
        _, page = await desk.get("/rules")
        _, one = await desk.get("/rules/rage_click")
        status, refusal = await desk.get("/rules/edit")
        answers = [
            (await desk.post(path, name="mine.yaml", text=RULE, action="activate"))[0]
            for path in ("/rules/edit", "/rules/edit/check", "/rules/edit/draft")
        ]

        assert "/rules/edit" not in page
        assert "/change" not in one
        assert status == 403
        assert "Only owners and analysts" in refusal
        assert answers == [403, 403, 403]
        assert not desk.file().exists()


async def test_only_the_editor_may_make_styles(desk: Desk) -> None:
    """The editor's page allows style elements with its own nonce, new each time; others none."""

    async def policy(path: str) -> str:
        async with desk.http.get(desk.console.url + path) as answer:
            assert answer.status == 200
            return answer.headers["Content-Security-Policy"]

    nonces = {re.findall(r"style-src 'self' 'nonce-([\w-]+)';", await policy("/rules/edit"))[0] for _ in range(2)}  # fmt: skip

    assert len(nonces) == 2
    assert "unsafe" not in await policy("/rules/edit")
    assert "style-src 'self';" in await policy("/rules")


async def test_words_for_completion(desk: Desk) -> None:
    """The editor gets the schema of rule files, events with their fields, and the ids of rules."""
    _, body = await desk.get("/rules/edit/words?lang=de")
    words = json.loads(body)

    assert "rules" in words["schema"]["properties"]
    assert words["events"]["click"]["fields"]["pointer"]["values"] == ["mouse", "touch", "pen", "keyboard"]  # fmt: skip
    assert words["rules"]["rage_click"] == "Wutklick"
    assert "disabled" in words["target"]


async def test_api_lists_checks_tries_and_writes(desk: Desk) -> None:
    """A program does what the pages do, with the same conflicts and refusals."""
    await desk.visit("hit", hours_ago=1, presses=3)
    _, checked = await desk.api("POST", "/rules/check", name="mine.yaml", text=FAILING)
    _, draft = await desk.api("POST", "/rules/draft", name="mine.yaml", text=RULE)
    refused, told = await desk.api("PUT", "/rule-files/mine.yaml", text=WRONG, revision=None)
    status, put = await desk.api("PUT", "/rule-files/mine.yaml", text=RULE, revision=None, reason="by program")  # fmt: skip
    conflict, _ = await desk.api("PUT", "/rule-files/mine.yaml", text=RULE, revision="stale")
    _, rules = await desk.api("GET", "/rules", scope="read")
    _, one = await desk.api("GET", "/rules/three_presses", scope="read")
    [mine] = [rule for rule in rules["rules"] if rule["id"] == "three_presses"]

    assert checked["checked"]["fits"] is False
    assert (draft["draft"]["gained"], draft["draft"]["examples"][0]["session"]) == (1, "hit")
    assert (refused, told["code"]) == (422, "refused")
    assert told["checked"]["findings"][0]["line"] == 6
    assert (status, put["file"]["text"]) == (200, RULE)
    assert conflict == 409
    assert (mine["state"], mine["shipped"], mine["file"]) == ("in_force", False, "mine.yaml")
    assert one["rule"]["versions"][0]["reason"] == "by program"
    assert one["rule"]["source"] == RULE


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/rules/check"), ("POST", "/rules/draft"), ("PUT", "/rule-files/mine.yaml")],
)
async def test_api_needs_admin_and_a_body(desk: Desk, method: str, path: str) -> None:
    """A token that reads may not write or make work; a body without its texts is refused."""
    status, body = await desk.api(method, path, scope="read", name="mine.yaml", text=RULE)
    empty, error = await desk.api(method, path)

    assert (status, body["code"]) == (403, "scope")
    assert (empty, error["code"]) == (400, "bad_parameter")


async def test_saving_is_noted(desk: Desk) -> None:
    """The audit log says who saved which file."""
    await desk.activate(RULE)
    database = next(desk.data.glob("*.db"))
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select who, subject from audit where subject like 'rules/%'")
        found = [tuple(one) for one in rows]
    connection.close()

    assert [("owner", True)] == [(who, "mine.yaml" in subject) for who, subject in found]


async def test_a_conflict_of_long_similar_files_is_told_at_once(desk: Desk) -> None:
    """Thousands of lines that differ in a letter do not keep the server from answering."""
    lines = "".join(
        f"# {number} a long line that is like all the others\n" for number in range(3_000)
    )
    mine = RULE + lines
    await desk.activate(RULE + lines.replace("others", "OTHERS"))
    begun = time.perf_counter()
    status, body = await desk.activate(mine, revision="stale")

    assert status == 409
    assert "all the OTHERS" in body
    assert time.perf_counter() - begun < 10


async def test_drafts_of_one_token_replace_one_another(desk: Desk) -> None:
    """A program that asks again before it was answered gets one answer, and one run."""
    await desk.visit("hit", hours_ago=1, presses=3)
    asked = [desk.api("POST", "/rules/draft", name="mine.yaml", text=RULE) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    statuses = sorted(status for status, _ in answers)

    assert statuses == [200, 409, 409, 409]
    assert {body["code"] for status, body in answers if status == 409} == {"replaced"}


async def test_a_reason_is_one_short_line(desk: Desk) -> None:
    """Forms and programs keep no more of it than lists can show."""
    long = "because\n" * 10_000
    await desk.api("PUT", "/rule-files/mine.yaml", text=RULE, revision=None, reason=long)
    form = {"do": "save", "severity": "high", "reason": long}
    status, _, _ = await desk.post("/rules/three_presses/change", **form)
    _, one = await desk.api("GET", "/rules/three_presses")
    reasons = [version["reason"] for version in one["rule"]["versions"]]

    assert status == 303
    assert reasons == ["because " * 25] * 2
