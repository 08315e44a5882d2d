"""The queue of struggles on pages and in the API: what is listed, what is said, what is silenced."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest_asyncio

from core.model import User
from core.triage import TriageChange
from tests.console.support import START, Running, Visit, running_console, shop
from tests.console.test_rule_pages import RULE, Desk

DAY_MS = 86_400_000


@pytest_asyncio.fixture
async def desk(tmp_path: Path, http: aiohttp.ClientSession) -> AsyncIterator[Desk]:
    """An owner at a console with three struggles: Pay in three sessions, Buy in two, Send in one, weeks ago."""
    async with running_console(tmp_path / "data") as console:
        await console.store.add_site(shop())
        console.clock.now = START + 10 * DAY_MS
        for number, label in enumerate(("Pay", "Pay", "Pay", "Buy", "Buy", "Send")):
            start = START if label == "Send" else START + 9 * DAY_MS + number
            visit = Visit(console.store, f"v{number}", start=start, attributes={"release": "1.0"})
            await visit.send([{"t": 0, "type": "page"}])
            await visit.flag(label=label, at=5, severity="low" if label == "Send" else "high")
        owner = await console.store.user("owner")
        assert owner
        await console.store.add_user(User("anna", "analyst", owner.password_hash))
        await console.sign_in(http)
        yield Desk(console, tmp_path / "data", http)


async def key(console: Running, label: str) -> str:
    """Return the key of the struggle on *label*."""
    found = await console.store.struggles()
    return next(one.key for one in found if (one.target or {})["label"] == label)


def listed(html: str) -> list[str]:
    """Return the names of the struggles in the list, in its order."""
    return re.findall(r'<a href="/struggles/\w{20}[^"]*">Rage click: (\w+)</a>', html)


def tabs(html: str) -> dict[str, int]:
    """Return how many each tab says it lists, by its address."""
    nav = html[html.index('<nav class="tabs"') :]
    found = re.findall(
        r'<a href="([^"]+)"[^>]*>[^<]+<span class="pill">(\d+)', nav[: nav.index("</nav>")]
    )
    return {address.replace("&amp;", "&"): int(number) for address, number in found}


async def test_the_queue_lists_what_is_to_do(desk: Desk) -> None:
    """Resolved and ignored ones are behind tabs; each tab opens as many as it says."""
    store = desk.console.store
    await store.set_triage([await key(desk.console, "Buy")], TriageChange("ignored", reason="x"), who="anna", at_ms=START)  # fmt: skip
    _, html = await desk.get("/struggles")
    counted = tabs(html)

    assert ["Pay", "Send"] == listed(html)
    assert {"/struggles": 2, "/struggles?state=ignored": 1, "/struggles?state=all": 3} == {
        address: number for address, number in counted.items() if number in (1, 2, 3) and "new" not in address
    }  # fmt: skip
    for address, number in counted.items():
        assert number == len(listed((await desk.get(address))[1])), address


FILTERS = {
    "": ["Pay", "Buy", "Send"],
    "order=first": ["Buy", "Pay", "Send"],
    "since=7d": ["Pay", "Buy"],
    "severity=low": ["Send"],
    "owner=anna": ["Buy"],
    "owner=-": ["Pay", "Send"],
    "due=overdue": ["Buy"],
    "reviewed=yes&state=all": ["Pay"],
    "reviewed=no": ["Buy", "Send"],
    "rule=nothing": [],
    "text=WUT+pay": [],
    "text=RAGE+pay": ["Pay"],
    "text=%23buy": ["Buy"],
    "state=made-up&order=&page=0&due=7": ["Pay", "Buy", "Send"],
    "page=2": [],
}


async def test_filters_stand_in_the_address(desk: Desk) -> None:
    """Each filter and order lists what it says; what an address cannot mean is left out."""
    say = desk.console.store.set_triage
    await say([await key(desk.console, "Buy")], TriageChange(owner="anna", due="2026-09-01"), who="anna", at_ms=START)  # fmt: skip
    await say(
        [await key(desk.console, "Pay")], TriageChange(reviewed=True), who="anna", at_ms=START
    )

    assert FILTERS == {
        query: listed((await desk.get(f"/struggles?{query}"))[1]) for query in FILTERS
    }


async def test_coverage_is_reviewed_of_flagged(desk: Desk) -> None:
    """It counts all struggles of the period, whatever is filtered; what is left is one click away."""
    say = desk.console.store.set_triage
    await say([await key(desk.console, "Buy")], TriageChange("resolved"), who="anna", at_ms=START)
    _, html = await desk.get("/struggles?severity=low")
    _, week = await desk.get("/struggles?since=7d")
    found = re.search(r'<a href="([^"]+)">2 not reviewed</a>', html)
    assert found

    assert ("33%", "1 of 3") == (
        re.findall(r"<strong>([^<]+)</strong> reviewed", html)[0],
        re.findall(r"\d of \d", html)[0],
    )
    assert "1 of 2" in week
    assert ["Pay", "Send"] == listed((await desk.get(found[1].replace("&amp;", "&")))[1])


async def test_many_are_changed_at_once(desk: Desk) -> None:
    """Those that are ticked get state, owner and day; the form leads back to the same view and says how many."""
    pay, buy = await key(desk.console, "Pay"), await key(desk.console, "Buy")
    _, page = await desk.get("/sites")
    form = aiohttp.FormData()
    for name, value in (
        ("struggle", pay), ("struggle", buy), ("state", "ignored"), ("reason", " a  toy "),
        ("owner", "anna"), ("due", "2026-10-01"), ("back", "/struggles?order=last&since=7d"),
        ("form_token", re.findall(r'name="form_token" value="([^"]+)"', page)[0]),
    ):  # fmt: skip
        form.add_field(name, value)
    async with desk.http.post(desk.console.url + "/struggles/triage", data=form) as answer:
        html, there = await answer.text(), str(answer.url.relative())
    said = [await desk.console.store.triage(one) for one in (pay, buy)]

    assert {"order": ["last"], "since": ["7d"], "done": ["2"]} == parse_qs(urlsplit(there).query)
    assert "2 struggles were changed." in html
    assert [("ignored", "a toy", "anna", "2026-10-01", "owner")] * 2 == [
        (one.state, one.reason, one.owner, one.due, one.state_by) for one in said
    ]


async def test_what_cannot_be_said_changes_nothing(desk: Desk) -> None:
    """No reason, no such user, no day: 400 with a sentence, and no trace."""
    pay = await key(desk.console, "Pay")
    forms: list[dict[str, str]] = [
        {"state": "ignored"}, {"owner": "nobody-here"}, {"due": "tomorrow"}, {"due": "2026-9-1"},
    ]  # fmt: skip
    answers = [await desk.post("/struggles/triage", struggle=pay, **form) for form in forms]

    assert [400] * 4 == [status for status, _, _ in answers]
    assert "Say why it is ignored" in answers[0][1]
    assert [] == await desk.console.store.triage_history(pay)


async def test_a_form_leads_nowhere_else(desk: Desk) -> None:
    """Where to go back to is a page of struggles, whatever the form says."""
    for back in ("https://evil.example/struggles", "//evil.example", "/struggles-x", "/rules"):
        _, _, there = await desk.post("/struggles/triage", back=back, reviewed="yes")

        assert "/struggles?done=0" == there


async def test_the_form_of_one_struggle_shows_what_there_is(desk: Desk) -> None:
    """Empty takes an owner or day away; a state that is not chosen, and with it the review, stays."""
    pay = await key(desk.console, "Pay")
    change = TriageChange("ongoing", owner="anna", due="2026-10-02", note="see <b>this</b>")
    await desk.console.store.set_triage([pay], change, who="owner", at_ms=START)
    _, html = await desk.get(f"/struggles/{pay}")
    await desk.post(
        "/struggles/triage", struggle=pay, single="1", state="", owner="", due="", reviewed="yes"
    )
    one = await desk.console.store.triage(pay)

    assert 'value="anna" selected' in html
    assert 'name="due" value="2026-10-02"' in html
    assert "see &lt;b&gt;this&lt;/b&gt;" in html
    assert ("ongoing", "", "") == (one.state, one.owner, one.due)
    assert one.reviewed_ms is not None


async def test_a_stale_form_takes_nothing_back(desk: Desk) -> None:
    """What was not touched in a form stays as somebody else has set it since it was loaded."""
    pay = await key(desk.console, "Pay")
    _, html = await desk.get(f"/struggles/{pay}")
    was = dict(re.findall(r'name="(was_\w+)" value="([^"]*)"', html))
    change = TriageChange(owner="anna", due="2026-10-02")
    await desk.console.store.set_triage([pay], change, who="anna", at_ms=START)
    await desk.post(
        "/struggles/triage", struggle=pay, single="1", owner="", due="", note="x", **was
    )
    one = await desk.console.store.triage(pay)

    assert {"was_owner": "", "was_due": ""} == was
    assert ("anna", "2026-10-02") == (one.owner, one.due)


async def test_notes_are_changed_by_their_authors(desk: Desk) -> None:
    """One's own note is changed and taken back; somebody else's is refused and offers no form."""
    pay, store = await key(desk.console, "Pay"), desk.console.store
    await store.set_triage([pay], TriageChange(note="of anna"), who="anna", at_ms=START)
    await store.set_triage([pay], TriageChange(note="mine"), who="owner", at_ms=START)
    mine, other = await store.triage_history(pay)
    _, html = await desk.get(f"/struggles/{pay}")
    refused, _, _ = await desk.post(f"/struggles/notes/{other.id}", text="no")
    changed, _, _ = await desk.post(f"/struggles/notes/{mine.id}", text="better")
    texts = [one.detail for one in await store.triage_history(pay)]
    await desk.post(f"/struggles/notes/{mine.id}", text="better", do="remove")

    assert 1 == html.count('action="/struggles/notes/')
    assert (403, 303) == (refused, changed)
    assert ["better", "of anna"] == texts
    assert ["", "of anna"] == [one.detail for one in await store.triage_history(pay)]


async def test_a_struggle_has_a_period(desk: Desk) -> None:
    """Its page lists the sessions of the period, as many as the list said; out of it all time is shown."""
    pay, send = await key(desk.console, "Pay"), await key(desk.console, "Send")
    old = Visit(desk.console.store, "old", start=START)
    await old.send([{"t": 0, "type": "page"}])
    await old.flag(label="Pay", at=5)
    _, queue = await desk.get("/struggles?since=7d")
    _, week = await desk.get(f"/struggles/{pay}?since=7d")
    _, ever = await desk.get(f"/struggles/{pay}")
    async with desk.http.get(
        f"{desk.console.url}/struggles/{send}?since=7d", allow_redirects=False
    ) as answer:
        there = answer.status, answer.headers["Location"]

    assert f"/struggles/{pay}?since=7d" in queue
    assert "3 sessions with this struggle" in week
    assert "4 sessions with this struggle" in ever
    assert (303, f"/struggles/{send}") == there
    link = re.findall(r'href="(/sessions/v0\?[^"]+)"', week)[0].replace("&amp;", "&")
    assert {"struggle": [pay], "since": ["7d"]} == parse_qs(
        parse_qs(urlsplit(link).query)["list"][0]
    )
    _, session = await desk.get(link)
    assert f'href="/struggles/{pay}?since=7d"' in session


async def test_the_example_is_told_in_sentences(desk: Desk) -> None:
    """The lines before its flag lead to their moments within the struggle's list; the audit says who has read them."""
    shopper = Visit(desk.console.store, "shopper", start=START + 9 * DAY_MS)
    press: dict[str, Any] = {
        "type": "click",
        "target": {"key": "go", "label": "Go", "path": [{"tag": "button"}]},
    }
    far = [{"t": 1_000, **press, "target": {**press["target"], "label": "Long ago"}}]
    await shopper.send(
        [*far, {"t": 170_000, "type": "page", "path": "/cart"}, {"t": 180_000, **press}]
    )
    flag = await shopper.flag(label="Go", at=180_000)
    go = await key(desk.console, "Go")
    _, html = await desk.get(f"/struggles/{go}?since=7d")
    told = html[html.index("What happened in the example") : html.index('id="sessions"')]
    [entry] = [one for one in await desk.console.store.audited(9) if one.action == "transcribed"]
    links = [
        urlsplit(link.replace("&amp;", "&"))
        for link in re.findall(r'class="offset" href="([^"]+)"', told)
    ]

    assert "Rage click" in told
    assert "/cart" in told
    assert "Long ago" not in told
    assert {"/sessions/shopper"} == {link.path for link in links}
    assert [flag.id] in [parse_qs(link.query).get("flag") for link in links]
    assert {f"struggle={go}&since=7d"} == {parse_qs(link.query)["list"][0] for link in links}
    assert ("owner", "shopper") == (entry.who, entry.subject)


async def test_what_is_silenced_is_shown_before(desk: Desk) -> None:
    """The exception fits the element, the last days are judged with it, and only saving writes it."""
    await desk.activate(RULE)
    visit = Visit(desk.console.store, "shopper", start=START + 9 * DAY_MS)
    path = [{"tag": "a", "classes": ["buy"]}, {"tag": "div", "id": "offer"}]
    press = {"type": "click", "target": {"key": "buy it", "path": path}}
    await visit.send([{"t": 0, "type": "page"}, *({"t": 100 * n, **press} for n in (1, 2, 3))])
    await desk.console.store.end_session("shopper", "left")
    await visit.flag("three_presses", label="Buy it", at=300, evidence=("load-1:3",))
    struggle = await key(desk.console, "Buy it")
    where = f"/struggles/{struggle}/silence"
    _, form = await desk.get(where)
    given = {"where": "both", "selector": "#offer a.buy", "path": "/", "reason": "a toy"}
    _, preview, _ = await desk.post(where, do="preview", **given)
    _, effect, _ = await desk.post(where, do="effect", **given)
    before = (desk.data / "rules" / "changes.yaml").exists()
    status, _, there = await desk.post(where, do="save", **given)
    said = await desk.console.store.triage(struggle)

    assert "#offer a.buy" == re.findall(r'data-selector="([^"]+)"', form)[0]
    assert "except:" in preview
    assert "#offer a.buy" in preview
    assert re.search(r'<div class="lost some"><dt>fewer</dt><dd>−1</dd>', effect)
    assert "/sessions/shopper" in effect
    assert not before
    assert (303, "/rules/saved") == (status, urlsplit(there).path)
    assert "a toy" == said.reason
    assert "ignored" == said.state
    assert (
        "except: {target: ['#offer a.buy']}" in (desk.data / "rules" / "changes.yaml").read_text()
    )


# API


async def api(desk: Desk, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Ask the API as an administrator; with *body* change what is there."""
    headers = {"Authorization": f"Bearer {desk.console.tokens['admin']}"}
    method = "PATCH" if body else "GET"
    async with aiohttp.ClientSession(headers=headers) as client:
        url = f"{desk.console.url}/api/v1/struggles{path}"
        async with client.request(method, url, json=body or None) as answer:
            return answer.status, await answer.json()


async def test_the_api_lists_and_changes(desk: Desk) -> None:
    """A change is answered with the struggle and its history; lists are filtered by it; null takes away."""
    pay = await key(desk.console, "Pay")
    status, told = await api(
        desk, f"/{pay}", state="resolved", release="1.1", owner="anna", due="2026-10-01",
        reviewed=True, note="mended",
    )  # fmt: skip
    one = told["struggle"]
    _, again = await api(desk, f"/{pay}", owner=None, due=None)
    _, listed = await api(desk, "?state=resolved&reviewed=true&order=last&limit=1")
    _, everything = await api(desk, "")

    assert (200, "resolved", "1.1", "anna", "2026-10-01") == (
        status, one["state"], one["release"], one["owner"], one["due"],
    )  # fmt: skip
    assert ["note", "due", "owner", "state"] == [entry["what"] for entry in one["history"]]
    assert one["history"][0]["who"].startswith("token ")
    assert (None, None) == (again["struggle"]["owner"], again["struggle"]["due"])
    assert [pay] == [other["key"] for other in listed["struggles"]]
    assert (1, 3, 3, 0.5) == (
        listed["total"], len(everything["struggles"]), one["visitors"], one["share"],
    )  # fmt: skip
    assert (1, 3, 1) == (listed["reviewed"], listed["flagged"], listed["states"]["resolved"])


async def test_a_body_that_comes_in_pieces_is_read_to_its_end(desk: Desk) -> None:
    """Networks cut where they like; a change is taken as it was sent."""
    pay = await key(desk.console, "Pay")
    headers = {"Authorization": f"Bearer {desk.console.tokens['admin']}"}
    body = b" " * 300_000 + b'{"note": "mended"}'  # more than is read from a connection at once
    async with aiohttp.ClientSession(headers=headers) as client:
        url = f"{desk.console.url}/api/v1/struggles/{pay}"
        async with client.patch(url, data=body) as answer:
            status = answer.status

    assert 200 == status
    assert ["mended"] == [one.detail for one in await desk.console.store.triage_history(pay)]


WRONG: list[dict[str, Any]] = [
    {"state": "returned"}, {"state": "ignored"}, {"owner": "x"}, {"due": "1"}, {"reviewed": 2},
    {"note": "x" * 4001}, {"colour": "red"}, {"owner": ["anna"]}, {"reason": 1},
]  # fmt: skip


async def test_the_api_refuses_what_cannot_be(desk: Desk) -> None:
    """400, and nothing is changed."""
    pay = await key(desk.console, "Pay")
    answers = [await api(desk, f"/{pay}", **body) for body in WRONG]

    assert [(400, "bad_parameter")] * len(WRONG) == [
        (status, told["code"]) for status, told in answers
    ]
    assert [] == await desk.console.store.triage_history(pay)
    assert (404, "not_found") == await _code(desk, "/nothing")
    assert (400, "bad_parameter") == await _code(desk, "?state=done")


async def _code(desk: Desk, path: str) -> tuple[int, str]:
    status, told = await api(desk, path)
    return status, told["code"]
