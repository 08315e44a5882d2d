"""Recordings made to attack whoever watches them, sent by the public wire and shown by real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Frame, Page, async_playwright

from console.accounts import create_token
from core.clock import SystemClock
from core.model import Site
from tests.console.support import element, mutation, text_node
from tests.e2e.hostile import handed
from tests.e2e.hostile.lab import SHOP, TRAP, Attacker, Trap, Watcher, launch, trap
from tests.e2e.hostile.vectors import HINTS, MARKUP, PHISH, crafted, filled
from tests.e2e.support import Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NODES = (Path(__file__).parent / "hostile" / "nodes.js").read_text()
RULE = """version: 1
rules:
  - id: hostile_press
    title: {en: A hostile press, de: Ein feindlicher Klick}
    severity: low
    match: {event: click, where: {target: "[test=evil]"}}
    group: target.key
tests:
  - rule: hostile_press
    name: one
    events:
      - {at: 0s, event: click, target: {key: a, path: [{tag: a, test: evil}]}}
    expect: [{at: 0s}]
  - rule: hostile_press
    name: none
    events:
      - {at: 0s, event: click, target: {key: a, path: [{tag: a}]}}
    expect: []
"""


@dataclass
class Lab:
    """A server, hosts that nobody may reach, and a browser for which they exist."""

    stack: Stack
    site: Site
    browser: Browser
    foreign: Trap
    shop: Trap

    def clear(self) -> None:
        """Forget what the hosts have seen."""
        for host in (self.foreign, self.shop):
            host.seen.clear()
            host.heads.clear()
            host.connections = 0

    def calm(self, watcher: Watcher) -> None:
        """Fail if anything ran, asked, or reached a host of somebody else's."""
        assert [] == watcher.fired
        assert [] == watcher.dialogs
        assert [] == self.foreign.seen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> AsyncIterator[Lab]:
    data = tmp_path_factory.mktemp("hostile") / "data"
    (data / "rules").mkdir(parents=True)
    (data / "rules" / "hostile.yaml").write_text(RULE)
    async with AsyncExitStack() as running:
        foreign = await running.enter_async_context(trap())
        shop = await running.enter_async_context(trap())
        stack = Stack(data)
        await stack.start()
        running.push_async_callback(stack.stop)
        site = await stack.site(SHOP, name="shop")
        playwright = await running.enter_async_context(async_playwright())
        browser = await launch(playwright, chromium_path, foreign, shop)
        running.push_async_callback(browser.close)
        yield Lab(stack, site, browser, foreign, shop)


async def nodes_of(page: Page, first: int = 100) -> tuple[dict[str, list[Any]], int]:
    """Return each vector's nodes by its name, and the next free id."""
    await page.add_script_tag(content=NODES)
    found: dict[str, list[Any]] = {}
    for name, markup in MARKUP.items():
        made = await page.evaluate(
            "([markup, first]) => hostile.nodesOf(markup, first)",
            [filled(markup, name, TRAP), first],
        )
        found[name], first = made["nodes"], made["next"]
    return found, first


def document(children: list[Any], at: int = 10) -> list[Any]:
    """Return the events of a page with *children* in its body."""
    html = element(3, "html", [element(4, "head", []), element(5, "body", children)])
    kind = {"type": 1, "id": 2, "name": "html", "publicId": "", "systemId": ""}
    node = {"type": 0, "id": 1, "childNodes": [kind, html]}
    size = {"href": "javascript:fired(`href`)", "width": 800, "height": 600}
    return [
        {"type": 4, "timestamp": at, "data": size},
        {"type": 2, "timestamp": at + 1, "data": {"node": node, "initialOffset": {"left": 0, "top": 0}}},
    ]  # fmt: skip


def later(at: int, nodes: list[Any]) -> dict[str, Any]:
    """Return the event that adds *nodes* to the body."""
    return mutation(at, adds=[{"parentId": 5, "nextId": None, "node": one} for one in _flat(nodes)])


def _flat(nodes: list[Any]) -> list[Any]:
    """Return *nodes* without children: what a mutation adds, it adds one by one."""
    return [{**node, "childNodes": []} if "childNodes" in node else node for node in nodes]


async def test_the_corpus_bites(chromium_path: str) -> None:
    """Where nothing holds them back, many of the same nodes run a script or reach a foreign host."""
    async with trap() as foreign, trap() as shop, async_playwright() as playwright:
        browser = await launch(playwright, chromium_path, foreign, shop)
        watcher = await Watcher.make(browser)
        page = watcher.page
        await page.goto(SHOP)
        found, _ = await nodes_of(page)
        for nodes in found.values():
            await page.evaluate("nodes => { hostile.unguarded(nodes) }", nodes)
        await page.wait_for_load_state()
        for frame in page.frames[1:]:
            with suppress(Error):  # a frame that leads itself away, which is what it should do here
                await frame.evaluate(NODES + "; hostile.pressAll(document)")

        async def enough() -> bool:
            return len(set(watcher.fired)) >= 30 and len(foreign.places()) >= 25

        await eventually(enough, within_s=60)
        ran, reached = sorted(set(watcher.fired)), foreign.places()
        await browser.close()
    print(f"\n{len(MARKUP)} vectors. Unguarded, {len(ran)} ran: {', '.join(ran)}")
    print(f"{len(reached)} foreign addresses were reached: {', '.join(reached)}")

    assert len(MARKUP) >= 60
    assert foreign.connections > len(
        foreign.seen
    )  # a preconnect asks for nothing, and tells enough


async def hostile_session(lab: Lab, page: Page) -> tuple[Attacker, list[Any]]:
    """Send a recording of the whole corpus: in the snapshot, and again in what follows it."""
    await page.goto(SHOP)
    found, free = await nodes_of(page)
    vectors = [one for nodes in found.values() for one in nodes]
    made = crafted("fired(`crafted`)", TRAP, free)
    picture = element(50, "img", [], {"src": f"{SHOP}/own.png", "id": "own"})
    heading = element(51, "h1", [text_node(52, "Hostile")])
    start = document([heading, picture, *vectors, *made])
    again = crafted("fired(`later`)", TRAP, free + 1000)
    attributes = {
        "onerror": "fired(`attribute`)", "src": f"http://{TRAP}/attribute.png",
        "style": {"background": f"url(http://{TRAP}/style.png)"},
    }  # fmt: skip
    rule = {"rule": f"b {{ background: url(http://{TRAP}/rule.png) }}"}
    cdata = {"type": 4, "id": free + 1900, "textContent": "]]><script>fired(`cdata`)</script>"}
    more = [
        later(300, again),
        later(350, [cdata]),  # throws in rrweb's player, and is a gap of its own
        mutation(400, attributes=[{"id": 50, "attributes": attributes}]),
        {"type": 3, "timestamp": 500, "data": {
            "source": 10, "family": "f", "fontSource": f"url(http://{TRAP}/font)", "buffer": False}},
        {"type": 3, "timestamp": 600, "data": {
            "source": 15, "id": 1, "styleIds": [1], "styles": [{"styleId": 1, "rules": [rule]}]}},
        {"type": 5, "timestamp": 700, "data": {
            "tag": "stolper.canvas", "payload": {"id": 50, "image": f"http://{TRAP}/canvas.png"}}},
        {"type": 3, "timestamp": 800, "data": {
            "source": 9, "id": 50, "type": 0, "commands": [{"property": "drawImage", "args": [
                {"rr_type": "HTMLImageElement", "src": f"http://{TRAP}/draw.png"}]}]}},
        {"type": 6, "timestamp": 900, "data": {"plugin": "rrweb/console@1", "payload": {
            "level": "log", "payload": ["<img src=x onerror=fired(`plugin`)>"], "trace": []}}},
    ]  # fmt: skip
    attacker = Attacker(lab.stack, lab.site)
    await attacker.send([{"i": 0, "t": 1, "type": "page", "view": 0, "path": "/"}], [*start, *more])
    return attacker, vectors


async def drawn_frames(page: Page) -> list[Frame]:
    """Return the frames in which the recording is drawn."""
    return [
        frame for frame in page.frames if frame.parent_frame and "/stage/" in frame.parent_frame.url
    ]


async def heading(page: Page, text: str) -> bool:
    """Say whether the recording is drawn with that heading; its own names may hide `querySelector`."""
    js = "Document.prototype.querySelector.call(document, 'h1')?.textContent"
    with suppress(Error):  # the picture is being drawn anew
        return text in [await frame.evaluate(js) for frame in await drawn_frames(page)]
    return False


@pytest.mark.long
async def test_recordings_stay_inert_in_the_player(lab: Lab) -> None:
    """
    Nothing of the corpus runs, asks, reaches another host, or leads the window or the frame away:
    not as it is drawn, not while it plays, not live, and not when all that can be pressed is pressed.
    """
    maker = await Watcher.make(lab.browser)
    attacker, vectors = await hostile_session(lab, maker.page)
    await maker.context.close()
    lab.clear()
    watcher = await Watcher.make(lab.browser, locale="en-GB")
    page = watcher.page
    await watcher.sign_in(lab.stack)
    await page.goto(
        f"{lab.stack.console_url}/sessions/{attacker.session}", wait_until="domcontentloaded"
    )
    address = page.url
    await eventually(lambda: heading(page, "Hostile"), within_s=60, every_s=0.5)
    await page.keyboard.press("9")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("0")
    await page.keyboard.press("Space")
    await page.evaluate("document.getElementById('live').click()")
    await attacker.send(
        [{"i": 1, "t": 2000, "type": "page", "view": 0, "path": "/"}],
        document([element(53, "h1", [text_node(54, "Live")]), *vectors], at=2000),
    )
    await eventually(lambda: heading(page, "Live"), within_s=150, every_s=0.5)
    drawn = await drawn_frames(page)
    untouched = lab.foreign.connections
    count = sum(
        [await frame.evaluate("document.getElementsByTagName('*').length") for frame in drawn]
    )
    pressed = sum([await frame.evaluate(NODES + "; hostile.pressAll(document)") for frame in drawn])
    await page.wait_for_timeout(500)
    print(f"\n{len(MARKUP)} vectors in {count} elements drawn, {pressed} pressed; "
          f"ran: {watcher.fired}, dialogs: {watcher.dialogs}, foreign requests: {lab.foreign.seen}, "
        f"connections: {untouched} untouched, {lab.foreign.connections} pressed")  # fmt: skip
    screens = page.frame_locator("#stage").locator(".screen iframe")
    sandboxes = await screens.evaluate_all("all => all.map(one => one.getAttribute('sandbox'))")

    lab.calm(watcher)
    assert 0 == untouched
    assert address == page.url.partition("?")[0]  # behind it the player says where it is
    assert [page] == watcher.context.pages
    assert {"allow-same-origin"} == set(sandboxes)
    assert [] == watcher.violations  # in the console's own page; in the player's there are many
    assert count > 200
    assert pressed > 30
    assert ["GET /own.png HTTP/1.1"] == sorted({one for one in lab.shop.seen if one})
    for head in lab.shop.heads:
        assert "cookie" not in head.lower()
        assert "referer" not in head.lower()
    await watcher.context.close()


async def test_phishing_stays_inert(lab: Lab) -> None:
    """
    A recorded form over the whole picture takes no key and no click, and leads nowhere; hints beside
    it (preconnect and the like, and frames, also ones that are led later) open not even a connection.
    The site's host, which may be asked for pictures, is not told the stage's address: it holds a token.
    """
    watcher = await Watcher.make(lab.browser, locale="en-GB")
    page = watcher.page
    await page.goto(SHOP)
    await page.add_script_tag(content=NODES)
    hints = "".join(MARKUP[name] for name in HINTS)
    odd = "<link rel='PreConnect' href='http://odd.TRAP'>"
    telling = MARKUP["meta_referrer"] + f"<img src={SHOP}/own.png referrerpolicy=unsafe-url>"
    markup = (PHISH + hints + odd + telling).replace("TRAP", TRAP)
    made = await page.evaluate("markup => hostile.nodesOf(markup, 100)", markup)
    frame = element(made["next"], "iframe", [], {})
    lead = {"id": made["next"], "attributes": {"SRC": f"http://later.{TRAP}/"}}
    attacker = Attacker(lab.stack, lab.site)
    await attacker.send(
        [{"i": 0, "t": 1, "type": "page", "view": 0, "path": "/"}],
        [*document([*made["nodes"], frame]), mutation(20, attributes=[lead])],
    )
    lab.clear()
    await watcher.sign_in(lab.stack)
    await page.goto(
        f"{lab.stack.console_url}/sessions/{attacker.session}", wait_until="domcontentloaded"
    )
    picture = page.frame_locator("#stage").frame_locator('.screen:not([style*="hidden"]) iframe')
    for place in ("#phish", "#send", "#leave"):
        box = await picture.locator(place).bounding_box()
        assert box
        await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await page.keyboard.type("secret")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
    values = await picture.locator("input").evaluate_all("all => all.map(one => one.value)")

    assert 0 == lab.foreign.connections
    assert {"GET /own.png HTTP/1.1"} == set(lab.shop.seen)
    assert [] == [head for head in lab.shop.heads if "referer" in head.lower()]
    assert ["", ""] == values
    assert f"/sessions/{attacker.session}" in page.url
    lab.calm(watcher)
    await watcher.context.close()


def texts() -> dict[str, str]:
    """Return the corpus as texts: what an attacker writes where a word or an address is expected."""
    return {name: filled(markup, name, TRAP) for name, markup in MARKUP.items()}


async def hostile_texts(lab: Lab) -> Attacker:
    """Send a session that has the corpus in all that is text, and wait until it was judged."""
    events: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for text in texts().values():
        place = {
            "tag": "b",
            "test": "evil",
            "id": text,
            "classes": text,
            "role": text,
            "type": text,
        }
        targets.append({"key": text, "label": text, "tag": text, "role": text, "path": [place]})
        press = {"type": "click", "target": len(targets) - 1}
        others: tuple[dict[str, Any], ...] = (
            {"type": "message", "words": text, "severity": "error"},
            {"type": "error", "message": text, "file": text, "hash": text},
            {"type": "console", "text": text, "level": "error"},
            {"type": "custom", "name": text, "props": {text[:200]: text}},
            {"type": "request", "url": text, "method": text, "status": 500},
            {"type": "asset", "url": text, "kind": "img"},
            {"type": "page", "nav": "load", "from_path": text},
        )  # fmt: skip
        nth = len(targets) % len(others)
        for fields in (press, others[nth], others[(nth + 3) % len(others)]):
            events.append(
                {"i": len(events), "t": 10 + len(events), "view": 0, "path": "/" + text, **fields}
            )
    evil = texts()["img_onerror"]
    made = crafted("fired(`handed`)", TRAP, 100)
    recording = document([element(60, "h1", [text_node(61, evil)]), *made])
    attacker = Attacker(lab.stack, lab.site)
    names = ("language", "campaign", "release", "segment")
    await attacker.send(
        events, recording, targets=targets,
        attributes=dict.fromkeys(names, evil), identity={"id": evil}, page={"title": evil, "path": evil},
        snippet={"version": "0.1.0", "errors": 1, "reasons": [evil]},
        gaps=[{"kind": "buffer", "reason": evil}],
    )  # fmt: skip

    async def judged() -> bool:
        return len(await lab.stack.flags(attacker.session)) > 50

    await eventually(judged, within_s=90)
    return attacker


async def handed_out(lab: Lab, watcher: Watcher, session: str, folder: Path) -> int:
    """
    Look the attacker up, erase nobody, export everything in each way and open what came of it; fail
    if any of it is more than text. Return how often an attack was shown.
    """
    page, console = watcher.page, lab.stack.console_url
    evil, nobody, shown = texts()["img_onerror"], texts()["attribute_breakout"], 0
    await handed.ask(page, console, "customer", evil)
    archive = await handed.export(page, folder)
    await handed.erase(page, nobody)  # refused: that is somebody else
    shown += (await page.content()).count("fired(")

    assert [] == await page.evaluate(_FOREIGN, console)
    await handed.ask(page, console, "visitor", nobody)
    await handed.erase(page, nobody)
    shown += (await page.content()).count("fired(")

    assert [] == await page.evaluate(_FOREIGN, console)
    same = await handed.by_command(lab.stack, folder / "same.zip", "--customer", evil)
    rrweb = await handed.by_command(lab.stack, folder / "rrweb.json", "--session", session)
    files = handed.unpacked(archive, folder / "page") + handed.unpacked(same, folder / "command")
    for file in (*files, rrweb):
        text = file.read_text()
        shown += text.count("fired(")
        if file.suffix == ".jsonl":  # which browsers only save
            continue
        await page.goto(file.as_uri())

        assert 0 == await page.locator("img, script, iframe, a, svg").count(), file.name
    return shown + await played_offline(lab, page, session, folder)


async def played_offline(lab: Lab, page: Page, session: str, folder: Path) -> int:
    """Export the visit as a file that plays by itself, and open it and each of its panels from the disk."""
    file = await handed.by_command(lab.stack, folder / "visit.html", "--session", session, "--html")
    await page.goto(file.as_uri())
    await page.wait_for_selector(".stage-note", state="hidden")
    shown = 0
    for panel in ("flags", "events", "transcript", "gaps"):
        await page.locator(f"#choice-{panel}").click()
        shown += (await page.locator(f"#panel-{panel}").inner_html()).count("fired(")

    assert 0 == await page.locator(":is(header, aside) :is(img, script, iframe, a, svg)").count()
    return shown


async def test_texts_stay_texts(lab: Lab, tmp_path: Path) -> None:
    """
    Labels, selectors, messages, paths, properties, identities and titles are shown as they are: on
    lists, a session's and a struggle's page, the health page and the rules' forms, in both languages;
    on the page that exports and erases, too, and in what is exported.
    """
    attacker = await hostile_texts(lab)
    async with aiohttp.ClientSession(headers={"Origin": f"http://{TRAP}/<script>"}) as http:
        await http.post(f"{lab.stack.public_url}/i/{lab.site.key}", data=b"x")
    lab.clear()
    watcher = await Watcher.make(lab.browser, locale="en-GB")
    page, console = watcher.page, lab.stack.console_url
    await watcher.sign_in(lab.stack)
    struggles = (await lab.stack.api("/struggles?limit=100"))["struggles"]
    flags = await lab.stack.flags(attacker.session)
    session = f"/sessions/{attacker.session}"
    example = f"/rules/example?session={attacker.session}&flag={flags[0]['id']}&fires=0"
    evil = texts()["script_json"]
    paths = [
        session, f"{session}?flag={flags[-1]['id']}", f"{session}/transcript", f"{session}/export",
        "/sessions?lang=de", "/struggles", "/rules",
        "/rules/hostile_press", f"/sites/{lab.site.key}/health", example,
        *(f"/struggles/{one['key']}" for one in struggles[:3]),
        *(f"{path}{quote(evil)}" for path in (
            "/sessions?site=", "/sessions?rule=", "/rules/make?kind=rule&title=", "/sign-in?next=",
            "/rules/make?kind=except&selector=", "/struggles?site=", "/sessions/", "/rules/edit?start=",
            "/rules/saved?file=")),
    ]  # fmt: skip
    shown = 0
    for path in paths:
        await page.goto(console + path, wait_until="domcontentloaded")
        shown += (await page.content()).count("fired(")
        foreign = await page.evaluate(_FOREIGN, console)

        assert [] == foreign, path
    lab.calm(watcher)
    handed_shown = await handed_out(lab, watcher, attacker.session, tmp_path)
    lab.calm(watcher)

    assert [] == watcher.violations
    assert [] == [one for one in watcher.errors if "fired" in one]
    assert len(struggles) > 50
    assert shown > 300
    assert handed_shown > 300
    await watcher.context.close()


_FOREIGN = """(own) => [...document.querySelectorAll("*")].flatMap((element) =>
  [...element.attributes].filter(({ name, value }) => name.startsWith("on")
    || /^(href|src|action|formaction|xlink:href)$/.test(name)
      && !new URL(value, document.baseURI).href.startsWith(own)
      && !value.startsWith("data:image/svg")).map(({ name, value }) => `${element.localName} ${name} ${value}`))"""


async def test_answers_are_no_pages(lab: Lab) -> None:
    """The API and the player's data are JSON that no browser takes for a page, whatever is in them."""
    attacker = await hostile_texts(lab)
    token = await create_token(lab.stack.store, SystemClock(), "read")
    base = f"{lab.stack.console_url}/api/v1"
    session = f"{base}/sessions/{attacker.session}"
    urls = [
        f"{base}/sessions", session, f"{session}/events", f"{session}/recording",
        f"{base}/struggles", f"{base}/sites/{lab.site.key}/health", f"{base}/rules", f"{base}/<script>",
        f"{base}/sessions?site=<script>",
    ]  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for url in urls:
            async with http.get(url) as answer:
                await answer.json()

                assert "application/json" == answer.content_type
                assert "nosniff" == answer.headers["X-Content-Type-Options"]
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
