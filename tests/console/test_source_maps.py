"""Uploaded source maps: who may, what is refused, and what the console's panel says by them."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from console.source_places import fitting
from core.source_maps import SourceMapInfo
from stolper.cli import main
from tests.console.support import START, Running, Visit

MAP = {
    "version": 3,
    "sources": ["src/pay.ts"],
    "sourcesContent": ["one\ntwo\nboom(basket)\nfour"],
    "names": ["pay"],
    "mappings": ";AAEAA",  # the second line's beginning: line 3 of the source, in pay
}
API = "/api/v1/sites/shop/source-maps"


def kept(*names: str) -> list[SourceMapInfo]:
    return [SourceMapInfo("1", name, 1, START) for name in names]


async def ask(console: Running, method: str, scope: str, **how: Any) -> tuple[int, Any]:
    path = how.pop("path", API)
    headers = {"Authorization": f"Bearer {console.tokens[scope]}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, console.url + path, **how) as answer,
    ):
        return answer.status, await answer.json()


async def logs(console: Running, http: aiohttp.ClientSession, session: str) -> list[Any]:
    async with http.get(f"{console.url}/sessions/{session}/details") as answer:
        found: list[Any] = (await answer.json())["logs"]
        return found


async def failing(console: Running, session: str, release: str, **fields: Any) -> None:
    """Store a visit of *release* with one script error in the second line of a built script."""
    visit = Visit(console.store, session, attributes={"release": release})
    error = {"t": 5, "type": "error", "message": "boom", "file": "/assets/:id", "line": 2,
             "column": 9, "stack": ["/assets/app-9f3a.js:2:9", "/vendor.js:1:1"]}  # fmt: skip
    await visit.send([{**error, **fields}])


async def test_errors_are_shown_at_their_source(
    console: Running, http: aiohttp.ClientSession
) -> None:
    """With the map of its own release an error's places are those of the source, code and all; another release's is not taken."""
    await console.sign_in(http)
    await failing(console, "v1", "1.4")
    await failing(console, "v2", "1.5")
    before = await logs(console, http, "v1")
    asked = {"release": "1.4", "name": "dist/assets/app-9f3a.js.map"}
    status, told = await ask(console, "POST", "sourcemaps", params=asked, json=MAP)
    [log] = await logs(console, http, "v1")
    top, vendor = log["frames"]

    assert ("/assets/app-9f3a.js", "source" in before[0]["frames"][0]) == (top["file"], False)
    assert (200, "dist/assets/app-9f3a.js") == (status, told["source_map"]["name"])
    assert {
        "file": "src/pay.ts", "line": 3, "column": 1, "name": "pay",
        "code": [[1, "one"], [2, "two"], [3, "boom(basket)"], [4, "four"]],
    } == top["source"]  # fmt: skip
    assert vendor["source"] is None
    await failing(console, "v3", "1.4", stack=[f"/assets/app-9f3a.js:{'9' * 30}:1"], line=None)
    assert [None] == [one["line"] for one in (await logs(console, http, "v3"))[0]["frames"]]
    [other] = await logs(console, http, "v2")
    assert "source" not in other["frames"][0]


async def test_maps_for_any_release(console: Running, http: aiohttp.ClientSession) -> None:
    """A map without a release serves every visit that has none of its own; a removed one serves none."""
    await console.sign_in(http)
    await failing(console, "v1", "7")
    await ask(console, "POST", "admin", params={"name": "app-9f3a.js"}, json=MAP)
    [log] = await logs(console, http, "v1")

    assert "src/pay.ts" == log["frames"][0]["source"]["file"]
    _, told = await ask(console, "DELETE", "sourcemaps", params={"release": ""})
    [log] = await logs(console, http, "v1")
    assert (1, False) == (told["removed"], "source" in log["frames"][0])


@pytest.mark.parametrize(
    ("scope", "how", "status"),
    [
        ("read", {"params": {"name": "a.js"}, "json": MAP}, 403),
        ("metrics", {"params": {"name": "a.js"}, "json": MAP}, 403),
        ("sourcemaps", {"params": {"name": "a.js"}, "data": b"<html>"}, 422),
        ("sourcemaps", {"params": {"name": "../a.js"}, "json": MAP}, 400),
        ("sourcemaps", {"json": MAP}, 400),
        ("sourcemaps", {"path": API.replace("shop", "none"), "params": {"name": "a.js"}, "json": MAP}, 404),
        ("sourcemaps", {"path": "/api/v1/rule-files/x%2Fsource-maps", "json": {}}, 403),
        ("sourcemaps", {"path": "/api/v1/erase", "json": {"kind": "session", "id": "v1"}}, 403),
    ],
)  # fmt: skip
async def test_what_is_refused(
    console: Running, scope: str, how: dict[str, Any], status: int
) -> None:
    """Other scopes upload nothing, a build's token does nothing else, and what is no map is not kept."""
    found, told = await ask(console, "POST", scope, **how)

    assert (status, False) == (found, told["ok"])
    assert [] == await console.store.source_maps("sshop")


async def test_a_large_map_is_taken(console: Running) -> None:
    """A map of several megabytes, as real bundles have them, is kept and comes back whole."""
    told = {**MAP, "sourcesContent": ["x" * 6_000_000]}
    body = json.dumps(told).encode()
    status, _ = await ask(
        console, "POST", "sourcemaps", params={"name": "big.js"}, data=BytesIO(body)
    )

    assert 200 == status
    assert body == await console.store.source_map("sshop", "", "big.js")


def test_the_map_that_fits() -> None:
    """The path's end decides, the longest first; a script of another name has no map."""
    both = kept("a/app.js", "b/app.js", "main.js")

    assert "b/app.js" == getattr(fitting(both, "shop.example/b/app.js"), "name", None)
    assert "a/app.js" == getattr(fitting(both, "cdn.example/x/app.js"), "name", None)
    assert None is fitting(both, "shop.example/map.js")
    assert None is fitting(both, "")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sourcemaps add` keeps all maps below a folder by their scripts' paths; list and remove tell of them; bad ones are named."""
    data, build = str(tmp_path / "data"), tmp_path / "dist"
    (build / "assets").mkdir(parents=True)
    (build / "assets" / "app.js.map").write_text(json.dumps(MAP))
    (build / "app.css.map").write_text("{}")

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [*words, "--data", data])
        return result.exit_code, result.output

    run("site", "add", "shop", "--origin", "https://shop.example")
    add = ("sourcemaps", "add", str(build), "--site", "shop", "--release", "2")

    assert (0, "1 source map kept for release 2\n") == run(*add)
    assert "2\tassets/app.js\t" in run("sourcemaps", "list", "--site", "shop")[1]
    (build / "bad.js.map").write_text("{}")
    code, told = run(*add)
    assert (1, True) == (code, "bad.js.map: that is no source map" in told)
    monkeypatch.delenv("STOLPER_TOKEN", raising=False)
    (build / "bad.js.map").unlink()
    assert 1 == run(*add, "--server", "http://127.0.0.1:9")[0]
    assert (
        "1 source maps removed\n"
        == run("sourcemaps", "remove", "--site", "shop", "--release", "2")[1]
    )


async def test_the_command_uploads_to_a_server(
    console: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --server the maps go through the API, by the token of the environment."""
    (tmp_path / "app.js.map").write_text(json.dumps(MAP))
    monkeypatch.setenv("STOLPER_TOKEN", console.tokens["sourcemaps"])
    words = ["sourcemaps", "add", str(tmp_path), "--site", "shop", "--server", console.url]
    result = await asyncio.to_thread(CliRunner().invoke, main, words)

    assert 0 == result.exit_code, result.output
    assert ["app.js"] == [one.name for one in await console.store.source_maps("sshop")]
