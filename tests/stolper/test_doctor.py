"""`stolper doctor`: each fault is really there, and is named with the next step to take."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest_asyncio
from click.testing import CliRunner

from core.health import Code
from core.model import SessionQuery
from stolper.app import SERVER_FILE
from stolper.cli import main
from stolper.doctor import folder
from tests.collector.support import body
from tests.e2e.support import Stack, eventually
from tests.stolper import doctoring
from tests.stolper.doctoring import GOOGLE, Pages, doctor, session_head

ROOT = Path(__file__).parents[2]
HOUR_MS = 3_600_000


@pytest_asyncio.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A whole server."""
    started = Stack(tmp_path / "data")
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def pages(stack: Stack, http: aiohttp.ClientSession, name: str) -> Pages:
    site = await stack.site(f"https://{name.replace('_', '-')}.example", name=name)
    return Pages(http, stack.public_url, site)


# Faults that show in a site's counts: name of the site, what its pages do.


async def _healthy(them: Pages) -> None:
    await them.visit()


async def _no_loader(them: Pages) -> None:
    """Nobody visits."""


async def _no_batches(them: Pages) -> None:
    """A policy without connect-src: loaders only."""
    for _ in range(4):
        await them.load()


async def _wrong_key(them: Pages) -> None:
    await them.visit()

    assert 404 == await them.load("s0000000000000000")


async def _origin(them: Pages) -> None:
    await them.visit()

    assert (403, "origin") == await them.post(body(session_head()), "https://test.example")


async def _old_snippet(them: Pages) -> None:
    await them.visit(snippet={"version": "0.0.9"})


async def _newer_snippet(them: Pages) -> None:
    await them.visit()

    assert (400, "bad_version") == await them.post(b"\x02" + body()[1:])


async def _storage(them: Pages) -> None:
    failed = {"version": "0.1.0", "errors": 2, "failed": {"storage": 2}}
    await them.visit(snippet=failed)


async def _clock(them: Pages) -> None:
    """The server's clock is an hour behind those of all browsers."""
    for _ in range(6):
        await them.visit(ahead_ms=HOUR_MS)


async def _bots(them: Pages) -> None:
    await them.visit()
    for _ in range(2):
        await them.visit(agent=GOOGLE)


async def _damaged(them: Pages) -> None:
    """A proxy has inflated the head and kept the frame's word for it."""
    await them.visit()
    whole = body(session_head(), gzip_head=True)
    length = int.from_bytes(whole[8:12])
    inflated = whole[:12] + zlib.decompress(whole[12 : 12 + length], 31) + whole[12 + length :]

    assert (400, "bad_frame") == await them.post(inflated)


async def _off(them: Pages) -> None:
    await them.visit()


FAULTS = {
    "healthy": _healthy, "no_loader": _no_loader, "no_batches": _no_batches,
    "wrong_key": _wrong_key, "origin": _origin, "old_snippet": _old_snippet,
    "newer_snippet": _newer_snippet, "storage": _storage, "clock": _clock, "bots": _bots,
    "damaged": _damaged, "off": _off,
}  # fmt: skip


async def test_faults_that_show_in_the_counts_are_named(
    stack: Stack, http: aiohttp.ClientSession
) -> None:
    """Each site has one fault, and doctor names that one, with a step to take; a healthy one none."""
    for name, happens in FAULTS.items():
        them = await pages(stack, http, name)
        await happens(them)
    off = await stack.store.site("off")
    assert off is not None
    await stack.store.set_site_options(off.key, replace(off.options, enabled=False))
    await doctoring.written(stack)
    report = await doctor(stack)
    print()
    for one in report.told:
        print(f"{one.site:14} {one.code:14} {one.what}\n{'':29} -> {one.do}")

    found = {name: [one.code for one in report.told if one.site == name] for name in FAULTS}
    assert {name: [] if name == "healthy" else [name] for name in FAULTS} == found
    assert all(one.do for one in report.told)
    assert [] == [one.code for one in report.told if not one.site]


# Faults of the way


PROXIES: dict[str, tuple[dict[str, Any], str]] = {
    "passes all": ({}, ""),
    "strips bodies": ({"body": lambda _: b""}, "body_changed"),
    "recodes bodies": ({"body": lambda b: b.decode("utf-8", "replace").encode()}, "body_changed"),
    "strips Content-Encoding": ({"drop": ("content-encoding",)}, "script_changed"),
    "strips Content-Type": ({"drop": ("content-type",)}, "script_changed"),
    "hides addresses": ({"forwarded": True}, "proxy_untrusted"),
    "takes 1 MB": ({"most": 1_000_000}, "body_limit"),
}


async def test_what_a_proxy_does_to_the_way_is_named(
    stack: Stack, http: aiohttp.ClientSession
) -> None:
    """A proxy that passes everything is no fault; one that changes something is named for it."""
    await (await pages(stack, http, "shop")).visit()
    await doctoring.written(stack)
    found: dict[str, list[str]] = {}
    print()
    for name, (how, _) in PROXIES.items():
        async with doctoring.proxy(stack.public_url, **how) as url:
            report = await doctor(stack, url)
        found[name] = [one.code for one in report.told]
        for one in report.told:
            print(f"{name:24} {one.code:16} {one.what}\n{'':41} -> {one.do}")

    assert {name: [code] if code else [] for name, (_, code) in PROXIES.items()} == found


async def test_an_address_that_leads_elsewhere_is_named(
    stack: Stack, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Another Stolper, something that is none, and nobody at all are told apart from this server."""
    await (await pages(stack, http, "shop")).visit()
    await doctoring.written(stack)
    other = Stack(tmp_path / "other")
    await other.start()
    try:
        codes = [(await doctor(stack, url)).told[0].code
                 for url in (other.public_url, stack.console_url, "http://127.0.0.1:9")]  # fmt: skip
    finally:
        await other.stop()

    assert ["other_server", "other_server", "unreachable"] == codes


async def test_looking_leaves_no_trace(stack: Stack, http: aiohttp.ClientSession) -> None:
    """Doctor's own requests are in no count: a site that nobody visits stays one."""
    await pages(stack, http, "shop")
    for _ in range(2):
        report = await doctor(stack)
        await doctoring.written(stack)

        assert ["no_loader"] == [one.code for one in report.told]


# Faults of folder and disk


async def test_a_full_disk_is_named(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """A real disk without a free block: batches are refused, doctor says why, then all goes on."""
    with doctoring.small_disk(tmp_path / "disk", 16) as disk:
        stack = Stack(disk / "data", **{"collector.disk_reserve_mb": 0})
        await stack.start()
        try:
            them = await pages(stack, http, "shop")
            await them.visit()
            ballast = doctoring.fill(disk)
            refused = await them.post(body(session_head(), chunk=b"x" * 300_000))
            report = await doctor(stack)
            ballast.unlink()
            await them.visit()
        finally:
            await stack.stop()
    print([(one.code, one.what) for one in report.told])

    assert (503, "failed") == refused
    assert "disk_full" == report.told[0].code


async def test_the_reserve_is_kept_and_named(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """With less free than the reserve batches are refused as `reserve`; once there is room they are taken."""
    with doctoring.small_disk(tmp_path / "disk", 32) as disk:
        stack = Stack(disk / "data", **{"collector.disk_reserve_mb": 16})
        await stack.start()
        try:
            them = await pages(stack, http, "shop")
            await them.visit()
            (disk / "ballast").write_bytes(bytes(20 << 20))

            async def refusal() -> tuple[int, str] | None:
                answer = await them.post(body(session_head()))
                return answer if answer[0] != 200 else None

            refused = await eventually(refusal)  # what is known of the disk is a second old at most
            report = await doctor(stack)
            (disk / "ballast").unlink()

            async def taken() -> bool:
                return (200, "") == await them.post(body(session_head()))

            await eventually(taken)
        finally:
            await stack.stop()
    print([(one.code, one.what) for one in report.told])

    assert (503, "reserve") == refused
    assert "disk_reserve" == report.told[0].code


async def test_a_folder_that_is_mounted_read_only_is_named(stack: Stack, tmp_path: Path) -> None:
    """The folder as a container sees that was given it read-only; the server still runs on it."""
    with doctoring.read_only(stack.server.data, tmp_path / "view") as view:
        report = await doctor(stack, data=view)

    assert ["read_only"] == [one.code for one in report.told]


async def test_a_folder_that_fails_otherwise_is_named(stack: Stack) -> None:
    """Something that is neither full nor forbidden: the name of the file is taken by a folder."""
    (stack.server.data / folder.PROBE_FILE).mkdir()
    report = await doctor(stack)

    assert "disk_fails" == report.told[0].code


async def test_versions_that_do_not_fit_are_named(stack: Stack) -> None:
    """A server that was not restarted, data of a newer version, and data of an older one."""
    data = stack.server.data
    told = json.loads((data / SERVER_FILE).read_bytes())
    (data / SERVER_FILE).write_text(json.dumps({**told, "version": "0.0.1"}))
    report = await doctor(stack)

    assert "version_mismatch" in [one.code for one in report.told]
    with sqlite3.connect(data / "stolper.db") as db:
        db.execute("UPDATE _sqlite_migrations SET name = 'm999_later' WHERE name = 'm008_health'")
    db.close()
    newer = folder.examine(data)
    assert not newer.readable
    assert "m999_later" in newer.told[0].what


def test_a_folder_without_server_or_data_is_named(tmp_path: Path) -> None:
    """The command says so, exits 1, and tells programs the same as JSON; a bad URL is exit 2."""
    run = CliRunner().invoke
    data = tmp_path / "data"
    empty = run(main, ["doctor", "--data", str(data)])
    run(main, ["site", "add", "shop", "--origin", "https://shop.example", "--data", str(data)])
    stopped = run(main, ["doctor", "--json", "--data", str(data)])

    assert (1, True) == (empty.exit_code, "no_data" in empty.output)
    assert 1 == stopped.exit_code
    assert ["not_running", "no_loader"] == [
        one["code"] for one in json.loads(stopped.output)["found"]
    ]
    assert 2 == run(main, ["doctor", "--url", "shop.example", "--data", str(data)]).exit_code
    assert 2 == run(main, ["doctor", "--site", "none", "--data", str(data)]).exit_code


async def test_a_made_up_mark_hides_nobody(stack: Stack, http: aiohttp.ClientSession) -> None:
    """Who only claims to be a test is recorded and listed like anybody."""
    them = await pages(stack, http, "shop")
    await them.visit(agent="Mozilla/5.0 Firefox/140.0 StolperCanary/1999999999." + "0" * 32)

    assert 1 == await stack.store.count_sessions(SessionQuery())
    assert 0 == await stack.store.count_sessions(SessionQuery(canary=True))


def test_every_code_is_documented() -> None:
    """The table of docs/operating.md names whatever doctor can say."""
    sources = [*(ROOT / "stolper" / "doctor").glob("*.py"), ROOT / "stolper" / "cli_doctor.py"]
    code = re.compile(r'Told\(\s*"(\w+)"|^    "(\w+)": \(\n', re.MULTILINE)
    codes = {
        one for path in sources for pair in code.findall(path.read_text()) for one in pair if one
    }
    codes.update(get_args(Code))
    table = (ROOT / "docs" / "operating.md").read_text().partition("## stolper doctor")[2]

    assert len(codes) > 50
    assert set() == {one for one in codes if f"`{one}`" not in table}
