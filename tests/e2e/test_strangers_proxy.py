"""Requests that two readers of HTTP may read differently, sent through Debian's nginx before us."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.collector.support import ORIGIN, SITE, body, head
from tests.e2e.strangers.http_form import HEADS, INNER, LENGTHS
from tests.e2e.strangers.victim import SENTINEL, Victim, ended, told
from tests.stolper.proxies import NGINX, free_port, from_address, nginx

pytestmark = pytest.mark.skipif(
    NGINX is None, reason="no nginx here: `make setup` as root on Debian installs it"
)

HOST = b"Host: rec.example.org"


@dataclass
class Behind:
    """What came of the requests on one route."""

    answers: dict[str, str] = field(default_factory=dict)
    smuggled: dict[str, tuple[int, int]] = field(default_factory=dict)  # answered, arrived
    visitors: set[int] = field(default_factory=set)


async def through(port: int, data: bytes) -> str:
    """Send *data* and the sentinel through the proxy; return the answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(data.replace(b"Host: rec.example", HOST, 1) + SENTINEL.replace(b"Host: a", HOST))
    answers = told(await ended(reader))
    writer.transport.abort()
    return answers


async def sent_through(folder: Path, *, own: bool) -> Behind:
    """Send all through a proxy to a server, and a visitor's batch after each."""
    behind, port = Behind(), free_port()
    victim = Victim(folder, own=own)
    async with (
        victim.running(SERVER_TRUSTED_PROXIES="127.0.0.1/32"),
        nginx(folder / f"nginx-{own}", port, victim.url, victim.console),
        from_address("127.0.0.88") as http,
    ):
        for n, attack in enumerate([*LENGTHS, *HEADS]):
            before = (await victim.counts())["refused unknown_site"]
            answers = await through(port, attack.data)
            arrived = (await victim.counts())["refused unknown_site"] - before
            behind.answers[attack.name] = answers
            behind.smuggled[attack.name] = answers.count("404 unknown_site"), arrived
            async with http.post(
                f"https://127.0.0.1:{port}/i/{SITE.key}",
                data=body(head(4000, n)),
                headers={"Host": "rec.example.org", "Origin": ORIGIN},
            ) as answer:
                said = await answer.json()
                behind.visitors.add(answer.status)
                assert "stored" == said["status"], attack.name
    return behind


async def test_nothing_is_smuggled_past_a_proxy(tmp_path: Path) -> None:
    """
    Whatever the lengths say, what arrives here is what the proxy passed on: it answers as many
    requests as came, and the next visitor, on a connection that the proxy uses for all, is served.
    """
    one, two = await asyncio.gather(*(sent_through(tmp_path, own=own) for own in (False, True)))
    print(f"\n{'through nginx':40} {'to aiohttp':34} to the own protocol")
    for name, answers in one.answers.items():
        print(
            f"{name:40} {answers:34} {'the same' if answers == two.answers[name] else two.answers[name]}"
        )

    assert INNER in next(a.data for a in LENGTHS if a.name == "smuggling: length and chunked")
    assert 35 < len(one.answers)
    for behind in (one, two):
        assert {
            name: (count, count) for name, (count, _) in behind.smuggled.items()
        } == behind.smuggled
        assert {"smuggling: chunked, ended early"} >= {
            name for name, (count, _) in behind.smuggled.items() if count
        }
        assert {200} == behind.visitors
        statuses = {
            int(code) for text in behind.answers.values() for code in re.findall(r"\d{3}", text)
        }
        assert {200, 400, 403, 404} <= statuses <= {200, 400, 403, 404, 414, 501}
