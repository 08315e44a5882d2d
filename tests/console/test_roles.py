"""Every route, asked for by everybody: who gets in is what routes.txt says, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp import web
from yarl import URL

from collector.app import build_app as build_collector
from core.contacts import Contact, ContactNote
from core.model import User
from core.readers import Note
from core.saved import SavedSegment
from core.settings import Settings
from core.triage import Triage, TriageChange
from tests.console.support import (
    PASSWORD,
    START,
    Running,
    Visit,
    form_token,
    rrweb_page,
    running_console,
    shop,
)
from tests.console.test_rule_pages import RULE, few_shipped

TABLE = Path(__file__).with_name("routes.txt")
ROLES = ("owner", "analyst", "support", "viewer")
COLUMNS = (
    "nobody", *ROLES, "old", "out", "forged", "read", "admin", "metrics", "made-up",
    "bare", "other", "alien",
)  # fmt: skip
FORMS = frozenset({"bare", "other", "alien"})
HOURS_MS = 3_600_000
PATH = '[{"tag": "button", "id": "pay"}, {"tag": "form", "id": "checkout"}]'
NO_ASSET = "0" * 32

FORM: dict[str, dict[str, str]] = {
    "/sign-in": {"name": "owner", "password": PASSWORD, "next": "/sites"},
    "/sessions/{session}/pick": {"path": PATH},
    "/sessions/{session}/export": {"format": "text"},
    "/segments": {"name": "Phones", "query": "device=mobile"},
    "/sessions/{session}/notes": {"at": "5", "text": "Look here"},
    "/sessions/{session}/notes/{note}": {"text": "Look there"},
    "/struggles/triage": {"reviewed": "yes"},
    "/struggles/notes/{note}": {"text": "Look there"},
    "/struggles/{struggle}/silence": {"where": "page", "path": "/", "do": "preview"},
    "/sites/{site}/recording": {"enabled": "yes"},
    "/sites/add": {"origins": "https://new.example", "name": "new"},
    "/people/find": {"kind": "session", "id": "nobody"},
    "/people/export": {"kind": "session", "id": "nobody"},
    "/people/erase": {"kind": "session", "id": "nobody", "again": "nobody"},
    "/rules/edit": {"name": "mine.yaml", "text": RULE, "action": "check"},
    "/rules/edit/check": {"name": "mine.yaml", "text": RULE},
    "/rules/edit/draft": {"name": "mine.yaml", "text": RULE},
    "/release": {"session": "v1", "chosen": ".price"},
    "/rules/make": {"kind": "rule", "session": "v1", "selector": "#pay", "what": "any", "title": "A"},
    "/rules/example": {"session": "v1", "flag": "rage_click-v1-5", "fires": "1"},
    "/rules/{rule}/change": {"severity": "low"},
    "/contacts": {"channel": "call"},
    "/contacts/{contact}": {"outcome": "sent"},
    "/contacts/{contact}/notes": {"text": "Look here"},
    "/contacts/{contact}/notes/{note}": {"text": "Look there"},
}  # fmt: skip
QUERY = {
    "/release": "?session=v1",
    "/rules/make": "?kind=rule",
    "/rules/example": "?session=v1&flag=rage_click-v1-5&fires=1",
    "/api/v1/sessions/{session}/export": "?format=text",
    "/static": "/console.css",
}
JSON: dict[str, Any] = {
    "/api/v1/rules/check": {"name": "mine.yaml", "text": RULE},
    "/api/v1/rules/draft": {"name": "mine.yaml", "text": RULE},
    "/api/v1/erase": {"kind": "session", "id": "nobody"},
    "/api/v1/sites/{site}/source-maps": {"version": 3, "sources": [], "mappings": ""},
    "/api/v1/export": {"kind": "session", "id": "nobody"},
    "/api/v1/struggles/{struggle}": {"state": "ongoing"},
    "/api/v1/rule-files/{name}": {"text": RULE, "revision": None},
    "/api/v1/contacts": {"channel": "call", "key": "k"},
    "/api/v1/contacts/{contact}": {"outcome": "sent"},
    "/api/v1/contacts/{contact}/notes": {"text": "Look"},
    "/api/v1/contacts/{contact}/notes/{note}": {"text": "Look there"},
    "/api/v1/contacts/inbox/{source}": {"channel": "call"},
}


@dataclass(frozen=True)
class Line:
    """One line of the table: *cells* by column; *token* says which address of the player is taken."""

    listener: str
    method: str
    route: str
    token: str
    status: int
    cells: dict[str, str]


def lines() -> list[Line]:
    """Return the table."""
    listener, found = "", []
    for text in TABLE.read_text().splitlines():
        if not text.strip() or text.startswith("#"):
            continue
        if "|" not in text:
            listener = text.strip()
            continue
        start, *cells = text.split("|")
        method, place, status = start.split()
        route, _, token = place.partition("~")
        row = dict(zip(COLUMNS, " ".join(cells).split(), strict=True))
        found.append(Line(listener, method, route, token or "good", int(status), row))
    return found


class World:
    """Both listeners on one store, and a client for each column."""

    def __init__(self, console: Running, collector: web.Application, public: str) -> None:
        self.console = console
        self.apps = {"CONSOLE": console.app, "COLLECTOR": collector}
        self.urls = {"CONSOLE": console.url, "COLLECTOR": public}
        self.http: dict[str, aiohttp.ClientSession] = {}
        self.stages: dict[str, str] = {}
        self.forms: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.struggle = ""

    async def fill(self, stack: AsyncExitStack) -> None:
        """Sign everybody in, in an order that lets some sign-ins grow old."""
        owner = await self.console.store.user("owner")
        assert owner
        for role in ROLES[1:]:
            await self.console.store.add_user(User(role, role, owner.password_hash))
        for column in COLUMNS:
            headers = {"Accept": "text/html"}
            if column in self.console.tokens:
                headers["Authorization"] = f"Bearer {self.console.tokens[column]}"
            elif column == "made-up":
                headers["Authorization"] = "Bearer stolper_" + "A" * 43
            jar = aiohttp.CookieJar(unsafe=True)
            client = aiohttp.ClientSession(headers=headers, cookie_jar=jar)
            self.http[column] = await stack.enter_async_context(client)
        await self.sign_in("old")
        self.stages["old"] = await self.stage("old")
        self.console.clock.now += 13 * HOURS_MS
        for column in (*ROLES, "out", "forged", *FORMS):
            await self.sign_in(column, column if column in ROLES else "owner")
        self.stages["good"] = await self.stage("bare")
        self.stages["out"] = await self.stage("out")
        self.stages["forged"] = self.stages["good"][:-1] + "x"
        await self.ask("out", "POST", "/sign-out", {"form_token": await self.form_token("out")})
        cookie = self.cookies["forged"]
        self.cookies["forged"] = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")
        for column in ("old", "out", "forged"):
            self.restore(column, self.cookies[column])

    def has_head(self, line: Line) -> bool:
        """Say whether the route of *line* answers HEAD."""
        return line.method == "GET" and any(
            route.method == "HEAD" and route.resource and route.resource.canonical == line.route
            for route in self.apps[line.listener].router.routes()
        )

    def restore(self, column: str, cookie: str) -> None:
        """Give the client of *column* that sign-in cookie, as a thief may have kept it."""
        jar = self.http[column].cookie_jar
        jar.clear(lambda one: one.key == "stolper")
        jar.update_cookies({"stolper": cookie}, response_url=URL(self.console.url))
        self.forms.pop(column, None)

    async def sign_in(self, column: str, name: str = "owner") -> None:
        """Sign the client of *column* in as *name*."""
        form = {"name": name, "password": PASSWORD, "form_token": await self.form_token(column)}
        status, _ = await self.ask(column, "POST", "/sign-in", form)
        self.forms.pop(column, None)  # it was bound to what was before
        [cookie] = [one for one in self.http[column].cookie_jar if one.key == "stolper"]
        self.cookies[column] = cookie.value

        assert 303 == status

    async def again(self, column: str) -> None:
        """Bring the client of *column* back to where it was before it signed in or out."""
        self.forms.pop(column, None)
        self.http[column].cookie_jar.clear(lambda one: one.key == "stolper")
        if column in ROLES:
            await self.sign_in(column, column)
        elif column in self.cookies:
            self.restore(column, self.cookies[column])

    async def form_token(self, column: str) -> str:
        """Return the token that the client of *column* finds in a form."""
        if column not in self.forms:
            async with self.http[column].get(self.console.url + "/sign-in") as page:
                self.forms[column] = form_token(await page.text())
        return self.forms[column]

    async def stage(self, column: str) -> str:
        """Return the token of the player's address, as the client of *column* is given it."""
        async with self.http[column].get(self.console.url + "/sessions/v1/timeline") as answer:
            return str((await answer.json())["stage"]).split("/")[2]

    async def ask(
        self, column: str, method: str, path: str, form: dict[str, str] | None = None, **how: Any
    ) -> tuple[int, str]:
        """Return status and Location of the answer."""
        url = path if path.startswith("http") else self.console.url + path
        async with self.http[column].request(
            method, url, data=form, allow_redirects=False, **how
        ) as answer:
            return answer.status, answer.headers.get("Location", "")

    async def cell(self, line: Line, column: str, method: str) -> str:
        """Ask for the route of *line* as *column* would, and return the letter for what came of it."""
        names = {
            "session": "v1", "page_load": "load-1", "site": "sshop", "key": "sshop",
            "rule": "rage_click", "struggle": self.struggle, "hash": NO_ASSET, "file": "stage.js",
            "token": self.stages[line.token], "name": "api.yaml", "part": "recorder",
            "note": "1" if line.route.startswith("/struggles/") else "n1", "alert": "new", "segment": "1",
            "word": "made-up", "process": "nowhere", "contact": "c1", "customer": "K-1", "source": "crm",
            "trial": "nothing",
            "report": "nowhere", "block": "1", "kind": "csv",
        }  # fmt: skip
        path = re.sub(r"\{(\w+)\}", lambda found: names[found[1]], line.route)
        url = (
            self.urls[line.listener]
            + path
            + (QUERY.get(line.route, "") if method in ("GET", "HEAD") else "")
        )
        if line.route.endswith("/source-maps") and method in ("POST", "DELETE"):
            url += "?name=app.js&release=1"
        form, how = None, {}
        if line.listener == "CONSOLE" and method == "POST" and not path.startswith("/api/"):
            form = await self._form(line, column)
        if line.route in JSON:
            how["json"] = JSON[line.route]
        if column == "alien":
            how["headers"] = {"Origin": "https://evil.example"}
        status, location = await self.ask(column, method, url, form, **how)
        if line.route in ("/sign-in", "/sign-out") and method == "POST" and status == 303:
            await self.again(column)
        if status == 303 and location.startswith("/sign-in?"):
            return ">"
        letters = {line.status: "+", 401: "u", 403: "x"}
        return letters.get(status, str(status))

    async def _form(self, line: Line, column: str) -> dict[str, str]:
        """Return the form of *line*, with the token that *column* would send."""
        form = dict(FORM.get(line.route, {}))
        if line.route == "/sign-in" and column in ROLES:
            form["name"] = column
        if column != "bare":
            form["form_token"] = await self.form_token("analyst" if column == "other" else column)
        return form


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Both listeners with one visit that has a flag."""
    shipped, player, snippet = few_shipped(tmp_path / "few"), tmp_path / "p", tmp_path / "s"
    for folder in (player, snippet):
        folder.mkdir()
    (player / "stage.js").write_text("// built")
    (snippet / "loader.js").write_text('boot("__STOLPER_CONFIG__");')
    (snippet / "recorder.abc123.js").write_text("/* recorder */")
    (snippet / "manifest.json").write_text(
        '{"loader": "loader.js", "recorder": "recorder.abc123.js", "version": "0.1.0", "parts": {}}'
    )
    async with AsyncExitStack() as stack:
        running = running_console(tmp_path / "data", shipped=[shipped], player=player)
        console = await stack.enter_async_context(running)
        await console.store.add_site(shop())
        visit = Visit(console.store, "v1")
        await visit.send([{"t": 0, "type": "page"}], recording=rrweb_page())
        await visit.flag("rage_click", at=5)
        await console.store.add_note(Note("n1", "v1", START, "owner", "Look", START))
        await console.store.put_contact(
            Contact("c1", "call", START, START, "owner", customer="K-1"),
            b"",
            [ContactNote("n1", "c1", "note", "Look", "owner", START)],
        )
        await console.store.save_segment(
            SavedSegment(0, "Tablets", "owner", True, "device=tablet", START)
        )
        app = build_collector(
            console.store, console.clock, Settings(), snippet_dir=snippet,
            on_stored=lambda _: None, watched=lambda _: False,
        )  # fmt: skip
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made = World(console, app, f"http://127.0.0.1:{runner.addresses[0][1]}")
        made.struggle = (await console.store.struggles())[0].key
        await console.store.set_triage(
            [made.struggle], TriageChange(note="Look"), who="owner", at_ms=START
        )
        await made.fill(stack)
        yield made


async def test_every_route_has_a_line(world: World) -> None:
    """The table has each route of both listeners, and no other."""
    there = {
        (listener, route.method, route.resource.canonical)
        for listener, app in world.apps.items()
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    told = {(line.listener, line.method, line.route) for line in lines()}

    assert there == told


async def test_routes_by_roles(world: World) -> None:
    """Whoever asks for a route gets in exactly where the table says so; HEAD is as GET."""
    wrong, printed = [], []
    for line in lines():
        found = {}
        for column, expected in line.cells.items():
            if expected == ".":
                found[column] = "."
                continue
            found[column] = await world.cell(line, column, line.method)
            if expected != found[column]:
                wrong.append((line.method, line.route, line.token, column, expected, found[column]))
            if world.has_head(line) and column in ("nobody", "viewer", "made-up"):
                head = await world.cell(line, column, "HEAD")
                if expected != head:
                    wrong.append(("HEAD", line.route, line.token, column, expected, head))
        name = f"{line.method} {line.route}" + (f"~{line.token}" if line.token != "good" else "")
        printed.append(f"{name:<62}" + "".join(f"{found[column]:^8}" for column in COLUMNS))
    print(f"\n{'route':<62}" + "".join(f"{column:^8}" for column in COLUMNS))
    print("\n".join(printed))

    assert [] == wrong
    assert {"v1"} == set(world.console.ended)


async def test_streams_answer_no_head(world: World) -> None:
    """HEAD of a stream is refused: bytes after its answer would be read as the next one's."""
    for path in ("/live", "/api/v1/sessions/v1/recording"):
        column = "owner" if path == "/live" else "read"
        status, _ = await world.ask(column, "HEAD", path)

        assert 405 == status


async def test_refused_forms_change_nothing(world: World, tmp_path: Path) -> None:
    """What is refused is not done either: no session ended, no file written, recording still on."""
    for line in lines():
        if line.listener == "COLLECTOR" or line.method == "GET":
            continue
        for column, expected in line.cells.items():
            if expected in "ux":
                await world.cell(line, column, line.method)
    site = await world.console.store.site("sshop")
    assert site

    assert site.options.enabled
    assert [] == world.console.ended
    assert Triage(world.struggle) == await world.console.store.triage(world.struggle)
    assert ["Look"] == [
        one.detail for one in await world.console.store.triage_history(world.struggle)
    ]
    assert [] == list((tmp_path / "data" / "rules").glob("*.yaml"))
