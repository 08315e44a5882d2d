"""The snippet as the collector hands it out."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from core.model import Site
from tests.collector.conftest import Start
from tests.collector.support import SITE, Collector
from tests.core.support import NOON

CONFIG = re.compile(r"boot\((.*)\);$")


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: what this module asks for goes on to aiohttp either way."""
    return "own"


async def test_the_loader_carries_its_site(collector: Collector) -> None:
    """The placeholder becomes the configuration; cached for 300 s, usable from any page."""
    answer = await collector.client.get(f"/s/{SITE.key}.js")
    text = await answer.text()
    server = collector.client.server

    assert 200 == answer.status
    assert "__STOLPER_CONFIG__" not in text
    found = CONFIG.search(text)
    assert found is not None
    assert {
        "key": SITE.key,
        "base": f"http://{server.host}:{server.port}",
        "recorder": "/s/recorder.abc123.js",
        "mode": "full",
        "privacy": "standard",
        "idle_timeout_ms": 30 * 60_000,
        "flush_ms": 5000,
    } == json.loads(found[1])
    assert "text/javascript; charset=utf-8" == answer.headers["Content-Type"]
    assert "private, max-age=300" == answer.headers["Cache-Control"]
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "cross-origin" == answer.headers["Cross-Origin-Resource-Policy"]


async def test_the_configuration_alone_is_the_same(collector: Collector) -> None:
    """/s/KEY.json holds what the loader holds."""
    config = await (await collector.client.get(f"/s/{SITE.key}.json")).json()
    text = await (await collector.client.get(f"/s/{SITE.key}.js")).text()
    found = CONFIG.search(text)

    assert found is not None
    assert json.loads(found[1]) == config


async def test_the_public_url_is_the_settings(start: Start) -> None:
    """With server.public_url the request's Host does not matter."""
    collector = await start(server__public_url="https://rec.example.org/stolper/")
    answer = await collector.client.get(f"/s/{SITE.key}.json", headers={"Host": "evil.example"})

    assert "https://rec.example.org/stolper" == (await answer.json())["base"]


async def test_a_forged_host_does_not_reach_the_loader(collector: Collector) -> None:
    """A Host that is none is refused; X-Forwarded-Host of a stranger is ignored."""
    path = f"/s/{SITE.key}.js"
    bad = await collector.client.get(path, headers={"Host": 'x"</script>'})
    forwarded = await collector.client.get(path, headers={"X-Forwarded-Host": "evil.example"})

    assert 400 == bad.status
    assert "evil" not in await forwarded.text()


async def test_proxies_pass_the_host_as_it_is(start: Start) -> None:
    """Behind a trusted proxy Host and X-Forwarded-Proto count; X-Forwarded-Host may be a visitor's own."""
    collector = await start(server__trusted_proxies="127.0.0.0/8")
    answer = await collector.client.get(
        f"/s/{SITE.key}.json",
        headers={
            "Host": "rec.example.org",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
        },
    )

    assert "https://rec.example.org" == (await answer.json())["base"]


@pytest.mark.parametrize("ending", ["js", "json"])
async def test_caches_do_not_mix_up_hosts(start: Start, ending: str) -> None:
    """What depends on the request's Host is for no shared cache; with server.public_url it may be."""
    path = f"/s/{SITE.key}.{ending}"
    answer = await (await start()).client.get(path)

    assert "private, max-age=300" == answer.headers["Cache-Control"]
    assert "Host, Accept-Encoding" == answer.headers["Vary"]
    fixed = await (await start(server__public_url="https://rec.example.org")).client.get(path)

    assert "public, max-age=300" == fixed.headers["Cache-Control"]
    assert "Accept-Encoding" == fixed.headers["Vary"]


@pytest.mark.parametrize(
    ("takes", "sent"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, gzip;q=0.2", "gzip"),
        ("gzip;q=0, br", None),
        ("identity", None),
        ("xgzip", None),
    ],
)
async def test_the_loader_is_compressed_for_who_takes_it(
    collector: Collector, takes: str, sent: str | None
) -> None:
    """Loader and configuration go out as gzip where the request allows it, the same text inside."""
    for path in (f"/s/{SITE.key}.js", f"/s/{SITE.key}.json"):
        plain = await collector.client.get(path, headers={"Accept-Encoding": "identity"})
        answer = await collector.client.get(path, headers={"Accept-Encoding": takes})

        assert sent == answer.headers.get("Content-Encoding")
        assert await plain.text() == await answer.text()


async def test_the_recorder_is_sent_as_it_was_compressed(
    collector: Collector, snippet: Path
) -> None:
    """The best form that the browser takes, with its own length, still as a script."""
    text = b"/* recorder */" * 50
    (snippet / "recorder.abc123.js").write_bytes(text)
    (snippet / "recorder.abc123.js.br").write_bytes(b"brotli bytes")
    (snippet / "recorder.abc123.js.gz").write_bytes(gzip.compress(text))
    for takes, sent, length in (
        ("gzip, deflate, br, zstd", "br", len(b"brotli bytes")),
        ("gzip", "gzip", len(gzip.compress(text))),
        ("identity", None, len(text)),
    ):
        answer = await collector.client.get(
            "/s/recorder.abc123.js", headers={"Accept-Encoding": takes}, auto_decompress=False
        )

        assert sent == answer.headers.get("Content-Encoding")
        assert str(length) == answer.headers["Content-Length"]
        assert "text/javascript; charset=utf-8" == answer.headers["Content-Type"]
        assert "Accept-Encoding" == answer.headers["Vary"]


async def test_a_new_site_has_a_loader_at_once(collector: Collector) -> None:
    """Also after its key was asked for in vain."""
    path = "/s/newSite.js"
    assert 404 == (await collector.client.get(path)).status
    site = Site("newSite", "new", ("https://n.example",), "full", "open", 1000, NOON)
    await collector.store.add_site(site)

    assert 200 == (await collector.client.get(path)).status


async def test_the_recorder_is_immutable(collector: Collector) -> None:
    """It is served by its hash for a year; an older one that still lies there too."""
    answer = await collector.client.get("/s/recorder.abc123.js")

    assert (200, "/* recorder */") == (answer.status, await answer.text())
    assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
    assert "text/javascript; charset=utf-8" == answer.headers["Content-Type"]
    assert "*" == answer.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize(
    "path",
    [
        "/s/recorder.nothere.js",
        "/s/manifest.json",
        "/s/loader.js",
        "/s/../data/stolper.db",
        "/s/%2e%2e%2fdata%2fstolper.db",
        "/s/recorder...%2floader.js",
        "/s/shop.js",
    ],
)
async def test_nothing_else_is_served(collector: Collector, path: str) -> None:
    """Other files of that folder, or outside it, and a site's name are not found."""
    answer = await collector.client.get(path)

    assert 404 == answer.status
    assert False is (await answer.json())["ok"]


async def test_without_built_files_the_command_is_named(
    collector: Collector, snippet: Path
) -> None:
    """503 tells which make target builds them; once built they are served."""
    manifest = (snippet / "manifest.json").read_text()
    (snippet / "manifest.json").unlink()
    for name in ("js", "json"):
        answer = await collector.client.get(f"/s/{SITE.key}.{name}")
        assert 503 == answer.status
        assert "make build" in (await answer.json())["error"]
    (snippet / "manifest.json").write_text(manifest)

    assert 200 == (await collector.client.get(f"/s/{SITE.key}.js")).status


async def test_a_rebuilt_snippet_is_served(collector: Collector, snippet: Path) -> None:
    """After a new build the loader names the new recorder, without a restart."""
    assert 200 == (await collector.client.get(f"/s/{SITE.key}.js")).status
    manifest = snippet / "manifest.json"
    (snippet / "recorder.def.js").write_text("/* new */")
    manifest.write_text(manifest.read_text().replace("abc123", "def"))
    os.utime(manifest, ns=(1, 1))
    config = await (await collector.client.get(f"/s/{SITE.key}.json")).json()

    assert "/s/recorder.def.js" == config["recorder"]


async def test_the_front_page_explains_itself(collector: Collector) -> None:
    """A person who opens the address learns what it is, in two languages."""
    answer = await collector.client.get("/")
    text = await answer.text()

    assert 200 == answer.status
    assert "Stolper collects here" in text
    assert "Konsole" in text


async def test_health_follows_the_store(collector: Collector) -> None:
    """200 while the store can be read, 503 when not."""
    assert 200 == (await collector.client.get("/healthz")).status
    await collector.store.close()

    assert 503 == (await collector.client.get("/healthz")).status
