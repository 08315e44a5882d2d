"""A session's reproduction in the console: the flag that is chosen, its file, and who may have it."""

from __future__ import annotations

import ast

import aiohttp

from tests.console.support import Running, Visit, rrweb_page

PAY = {
    "key": "#pay", "tag": "button", "role": "button", "label": "Pay", "interactive": True,
    "path": [{"tag": "button", "id": "pay"}],
}  # fmt: skip
OWN = "version: 1\nrules: []\n"


async def flagged(console: Running) -> Visit:
    """Store a visit with two presses, each of which a rule flagged, and a request that failed."""
    visit = Visit(console.store, "v1", attributes={"language": "de-DE"})
    press = {"type": "click", "trusted": True, "target": PAY, "pointer": "mouse"}
    failed = {"type": "request", "method": "POST", "url": "/api/pay", "status": 503, "click": 1}
    await visit.send(
        [
            {"t": 0, "type": "page", "nav": "load", "width": 800, "height": 600},
            {"t": 1000, **press},
            {"t": 1100, **failed},
            {"t": 4000, **press},
        ],
        recording=rrweb_page(),
    )
    await visit.flag(at=1000, evidence=("load-1:1",), severity="low", rule="dead_click")
    await visit.flag(at=4000, evidence=("load-1:3",), severity="high", rule="rage_click")
    return visit


async def test_the_page_offers_the_most_severe_flag_and_the_others(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Without a choice it is the most severe one; the address holds the choice and the stubs."""
    await flagged(console)
    await console.sign_in(http)
    page = f"{console.url}/sessions/v1/reproduction"
    async with http.get(page) as answer:
        first = await answer.text()
    async with http.get(f"{page}?flag=dead_click-v1-1000&stub=1") as answer:
        other = await answer.text()

    assert (True, False) == ("test_rage_click" in first, "visit.answers" in first)
    assert (True, True) == ("test_dead_click" in other, "visit.answers" in other)
    assert "reproduction.py?flag=dead_click-v1-1000&amp;stub=1" in other


async def test_the_file_is_python_and_is_in_the_audit_log(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """What is handed out is one test; that it was, and that it was read on the page, is written down."""
    await flagged(console)
    await console.sign_in(http)
    async with http.get(f"{console.url}/sessions/v1/reproduction") as answer:
        assert 200 == answer.status
    assert ["reproduced"] == [one.action for one in await console.store.audited(1)]
    async with http.get(f"{console.url}/sessions/v1/reproduction.py") as answer:
        text = await answer.text()
        name = answer.headers["Content-Disposition"]
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    (entry, *_) = [one for one in await console.store.audited(20) if one.action == "reproduced"]

    assert "pytest reproduce_rage_click_v1.py" in text
    assert (["test_rage_click"], 'attachment; filename="reproduce_rage_click_v1.py"') == (
        names,
        name,
    )
    assert "https://shop.example" in text
    assert ("owner", "v1") == (entry.who, entry.subject)


async def test_a_session_without_flags_has_nothing_to_reproduce(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """Its page says so and leads back; there is no file, and the session's page has no button."""
    await Visit(console.store, "v1").send([{"t": 0, "type": "page"}], recording=rrweb_page())
    await console.sign_in(http)
    async with http.get(f"{console.url}/sessions/v1/reproduction") as answer:
        html = await answer.text()
    async with http.get(f"{console.url}/sessions/v1/reproduction.py") as answer:
        status = answer.status
    async with http.get(f"{console.url}/sessions/v1") as answer:
        session = await answer.text()

    assert "No rule flagged this session" in html
    assert (404, False) == (status, "reproduce-link" in session)
