"""The JSON API: its shapes, its parameters, and who may call it."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest

from replay.deep import loads
from tests.console.support import ROOT, START, Running, Visit, nest, rrweb_page, shop

API = "/api/v1"


async def call(
    console: Running,
    path: str,
    token: str | None = "read",
    method: str = "GET",
    json: object = None,
) -> tuple[int, Any]:
    headers = (
        {} if token is None else {"Authorization": f"Bearer {console.tokens.get(token, token)}"}
    )
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, console.url + API + path, json=json) as answer,
    ):
        assert answer.content_type == "application/json"
        return answer.status, await answer.json()


async def visit(console: Running, name: str = "v1", start: int = START) -> Visit:
    made = Visit(console.store, name, start=start, attributes={"device": "desktop"})
    await made.send(
        [
            {"t": 0, "type": "page", "nav": "load"},
            {"t": 1500, "type": "click", "target": {"key": "pay", "label": "Pay"}},
        ],
        recording=rrweb_page(),
    )
    return made


@pytest.mark.parametrize(
    ("token", "path", "method", "status", "code"),
    [
        (None, "/sessions", "GET", 401, "unauthorized"),
        ("wrong", "/sessions", "GET", 401, "unauthorized"),
        ("read", "/sessions", "GET", 200, None),
        ("admin", "/sessions", "GET", 200, None),
        (None, "/sessions/v1/end", "POST", 401, "unauthorized"),
        ("read", "/sessions/v1/end", "POST", 403, "scope"),
        ("admin", "/sessions/v1/end", "POST", 200, None),
        (None, "/nothing", "GET", 401, "unauthorized"),
        ("read", "/nothing", "GET", 404, "not_found"),
        ("read", "/sessions/other", "GET", 404, "not_found"),
        ("read", "/struggles/other", "GET", 404, "not_found"),
        ("read", "/sessions/v1", "DELETE", 405, "method"),
        ("read", "/sessions?limit=0", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=7", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=2026-13-01", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=2026-01-01Tnever", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=999999999999d", "GET", 200, None),
        ("read", "/sessions?since=99999999999999999999999d", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=" + "9" * 400 + "d", "GET", 400, "bad_parameter"),
        ("read", "/sessions?since=0001-01-01T00:00:00%2B14:00", "GET", 200, None),
        ("read", "/sessions?since=9999-12-31T23:59:59-14:00", "GET", 200, None),
        ("read", "/sessions?since=2026-01-01T00:00:00+01:00", "GET", 200, None),
        ("read", "/sessions?site=shpo", "GET", 404, "not_found"),
        ("read", "/struggles?site=shpo", "GET", 404, "not_found"),
        ("read", "/sessions?site=shop", "GET", 200, None),
        ("read", "/sessions?flagged=maybe", "GET", 400, "bad_parameter"),
    ],
)
async def test_who_may_ask_what(
    console: Running, token: str | None, path: str, method: str, status: int, code: str | None
) -> None:
    """Every route asks for a token, ending for scope admin, and errors have one shape."""
    await visit(console)
    got, body = await call(console, path, token, method)

    assert got == status
    assert body["ok"] is (code is None)
    assert body.get("code") == code
    if code:
        assert set(body) == {"ok", "code", "error"}


async def test_session_list_shape(console: Running) -> None:
    """A listed session has the promised fields, times in ISO 8601 UTC with milliseconds."""
    await visit(console)
    _, body = await call(console, "/sessions")

    [session] = body["sessions"]
    assert session["id"] == "v1"
    assert session["site"] == "shop"
    assert session["started_at"] == "2026-09-21T14:13:20.000Z"
    assert session["last_at"] == "2026-09-21T14:13:21.500Z"
    assert session["ended"] is False
    assert session["ended_at"] is None
    assert session["pages"] == 1
    assert session["events"] == 2
    assert session["score"] is None
    assert session["flags"] == 0
    assert session["complete"] is True


async def test_session_shows_flags_and_gaps(console: Running) -> None:
    """One session carries its flags with evidence, its title in the language asked for, and its gaps."""
    made = await visit(console)
    await made.send([{"t": 3000, "type": "click"}], seq=3)
    await made.flag(evidence=("load-1:1",), at=1500)
    _, body = await call(console, "/sessions/v1?lang=de")

    [flag] = body["session"]["flags"]
    assert flag["rule"] == "rage_click"
    assert flag["title"] == "Rage click"
    assert flag["severity"] == "high"
    assert flag["at"] == "2026-09-21T14:13:21.500Z"
    assert flag["until"] == "2026-09-21T14:13:22.300Z"
    assert flag["group"] == ""
    assert flag["target"] == {"key": "pay", "selector": "#pay", "label": "Pay"}
    assert flag["page"] == "/"
    assert flag["evidence"] == [
        {"event": "load-1:1", "type": "click", "at": "2026-09-21T14:13:21.500Z", "path": "/"}
    ]
    assert flag["captures"] == {"clicks": 3}
    assert flag["provisional"] is True
    assert body["session"]["complete"] is False
    assert body["session"]["gaps"] == [
        {"kind": "missing_batch", "page_load": "load-1", "detail": {"from_seq": 1, "to_seq": 2}}
    ]


async def test_events_in_order(console: Running) -> None:
    """Events come in order of time, with id and time, over all documents."""
    made = await visit(console)
    await made.send([{"t": 5, "type": "page", "nav": "load"}], load="load-2", origin=1000)
    _, body = await call(console, "/sessions/v1/events")

    assert [event["id"] for event in body["events"]] == ["load-1:0", "load-2:0", "load-1:1"]
    assert body["events"][1]["at"] == "2026-09-21T14:13:21.005Z"


async def test_recording_is_a_list_of_documents(console: Running) -> None:
    """The recording lists documents with rrweb events whose timestamps are server time."""
    await visit(console)
    status, body = await call(console, "/sessions/v1/recording")

    assert status == 200
    [document] = body
    assert (document["page_load"], document["tab"]) == ("load-1", "tab-1")
    assert [event["timestamp"] for event in document["events"]] == [START + 10, START + 11]


async def test_deep_pages_can_be_replayed(console: Running) -> None:
    """A page of 1 000 elements within one another comes out of the API as it went in."""
    made = Visit(console.store, "deep")
    await made.send([], recording=rrweb_page(children=nest(1_000)))
    headers = {"Authorization": f"Bearer {console.tokens['read']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{console.url}{API}/sessions/deep/recording") as answer,
    ):
        raw = await answer.read()
    [load] = loads(raw)

    assert (load["gaps"], len(load["events"])) == ([], 2)
    assert raw.count(b'"tagName":"div"') == 1_000


async def test_filters(console: Running) -> None:
    """since, site, flagged, rule and limit narrow the list; newest start comes first."""
    first = await visit(console, "old", START - 3_600_000)
    await visit(console, "new", START - 60_000)
    await first.flag()

    async def ids(query: str) -> list[str]:
        _, body = await call(console, "/sessions" + query)
        return [session["id"] for session in body["sessions"]]

    assert await ids("") == ["new", "old"]
    assert await ids("?since=30m") == ["new"]
    assert await ids("?since=2026-09-21T14:00:00Z") == ["new"]
    assert await ids("?site=shop&limit=1") == ["new"]
    await console.store.add_site(shop("blog", key="sblog"))
    assert await ids("?site=blog") == []
    assert await ids("?flagged=true") == ["old"]
    assert await ids("?rule=rage_click") == ["old"]
    assert await ids("?flagged=false") == ["new"]


@pytest.mark.parametrize("zone", ["%2B01:00", "+01:00"])
async def test_since_takes_a_zone(console: Running, zone: str) -> None:
    """The + of a zone may come unencoded, as a space."""
    await visit(console, "old", START)  # 14:13:20 UTC
    for time, names in (("15:13:20", ["old"]), ("15:13:21", [])):
        _, body = await call(console, f"/sessions?since=2026-09-21T{time}{zone}")

        assert [one["id"] for one in body["sessions"]] == names


async def test_whole_times_are_integers(console: Running) -> None:
    """`ts` of an event is an integer where it is whole."""
    await visit(console)
    _, body = await call(console, "/sessions/v1/events")

    assert [(type(one["ts"]), one["ts"] - START) for one in body["events"]] == [
        (int, 0),
        (int, 1500),
    ]


async def test_unknown_route_is_named(console: Running) -> None:
    """Who mistypes a route reads which one, and where the right ones are."""
    _, body = await call(console, "/sesions")

    assert body["error"] == "there is no route /api/v1/sesions; docs/api.md lists them"


async def test_since_says_how_to_write_it(console: Running) -> None:
    """What is neither a time nor a span is told what either looks like."""
    _, body = await call(console, "/sessions?since=2026-13-01")

    assert "2026-09-21T14:00:00Z" in body["error"]
    assert "7d" in body["error"]
    assert "month" not in body["error"]


async def test_end_closes_the_session(console: Running) -> None:
    """POST end goes to the closer and answers with the closed session."""
    await visit(console)
    _, body = await call(console, "/sessions/v1/end", "admin", "POST")

    assert console.ended == ["v1"]
    assert body["session"]["ended"] is True
    assert body["session"]["ended_at"] == "2026-09-21T14:13:21.500Z"


async def test_struggles_and_sites(console: Running) -> None:
    """A struggle names rule, target, sessions and an example; a site shows its configuration."""
    made = await visit(console)
    flag = await made.flag(at=1500)
    _, body = await call(console, "/struggles")

    [struggle] = body["struggles"]
    assert (struggle["rule"], struggle["sessions"]) == ("rage_click", 1)
    assert struggle["example"]["flag"] == flag.id
    _, one = await call(console, f"/struggles/{struggle['key']}")

    assert one["struggle"]["key"] == struggle["key"]
    _, body = await call(console, "/sites")

    assert [site["name"] for site in body["sites"]] == ["shop"]


async def test_sign_in_cookie_is_no_token(console: Running, http: aiohttp.ClientSession) -> None:
    """A browser that is signed in cannot use the API by its cookie: no forged request can."""
    await console.sign_in(http)
    async with http.get(console.url + API + "/sessions") as answer:
        assert answer.status == 401


def test_every_route_is_documented() -> None:
    """docs/api.md tells of each route of the API (test_roles.py knows them all), and of none that is not there."""
    routes = _routes((ROOT / "tests" / "console" / "routes.txt").read_text())
    documented = _routes((ROOT / "docs" / "api.md").read_text())

    assert len(routes) > 30
    assert documented == routes


def _routes(text: str) -> set[tuple[str, str]]:
    """Return the routes of the API that *text* names, whatever their parameters are called."""
    found = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) +(/api/v1/[^\s`?]+)", text)
    return {(method, re.sub(r"\{.*?\}", "{}", path)) for method, path in found}
