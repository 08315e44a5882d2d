"""Spoken codes and links: who is told one, how often, and what stands in it."""

from __future__ import annotations

from typing import Any

import pytest

from collector.limits import CODES_PER_MIN, SESSION_CODES_PER_MIN
from core.codes import is_code
from tests.collector.conftest import Start
from tests.collector.support import ORIGIN, SITE, Collector, body, head, session_id

CONSOLE = "https://console.example/support"


@pytest.fixture
def route() -> str:
    """Return who reads plain batches: what this module asks for goes on to aiohttp either way."""
    return "own"


async def ask(
    collector: Collector, what: str = "code", n: int = 1, secret: str = "s" * 22, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Return what session *n* with *secret* is told."""
    answer = await collector.client.post(
        f"/i/{SITE.key}/{what}",
        json={"session": session_id(n), "secret": secret},
        headers={"Origin": ORIGIN, **headers},
    )
    return answer.status, await answer.json()


async def test_a_session_is_told_its_code(collector: Collector) -> None:
    """The same one each time, for as long as the setting says; another session is told another."""
    for n in (1, 2):
        await collector.post(body(head(n)))
    status, told = await ask(collector)
    again, other = await ask(collector), await ask(collector, n=2)

    assert 200 == status
    assert is_code(told["code"])
    assert collector.clock.now + 24 * 3_600_000 == told["until_ms"]
    assert told["code"] == again[1]["code"] != other[1]["code"]
    found = await collector.store.find_codes([told["code"]])
    assert [session_id(1)] == [one.session for one in found]


@pytest.mark.parametrize("what", ["code", "url"])
async def test_nobody_else_is_told(start: Start, what: str) -> None:
    """A wrong secret, and a session of which nothing has arrived: 404, alike to the letter; no code is made."""
    collector = await start(server__console_url=CONSOLE)
    await collector.post(body(head(1)))
    wrong = await ask(collector, what, secret="t" * 22)
    absent = await ask(collector, what, n=2)

    assert (404, "unknown_session") == (wrong[0], wrong[1]["code"])
    assert wrong == absent
    answer = await ask(collector, what, Origin="https://evil.example")
    assert (403, "origin") == (answer[0], answer[1]["code"])


@pytest.mark.parametrize("sent", [b"", b"[]", b'{"session": 1, "secret": 2}', b"x" * 2000])
async def test_what_names_no_session_is_refused(collector: Collector, sent: bytes) -> None:
    """A body that is no session with its secret is answered 400 or 413 with the reason."""
    answer = await collector.client.post(f"/i/{SITE.key}/code", data=sent)
    told = await answer.json()
    expected = (413, "too_large") if len(sent) > 1024 else (400, "bad_session")

    assert expected == (answer.status, told["code"])


async def test_a_link_leads_to_the_moment_in_the_console(start: Start) -> None:
    """Below the address that is set, five seconds before now; without the setting there is none."""
    collector = await start(server__console_url=CONSOLE + "/")
    await collector.post(body(head(1)))
    session = await collector.store.session(session_id(1))
    assert session
    collector.clock.advance(65_000)
    at = collector.clock.now - session.started_ms - 5_000
    told = await ask(collector, "url")

    assert (200, f"{CONSOLE}/sessions/{session_id(1)}?at={at}") == (told[0], told[1]["url"])
    silent = await start()
    assert (404, "no_console_url") == ((answer := await ask(silent, "url"))[0], answer[1]["code"])


async def test_codes_are_bounded_by_session_and_by_address(collector: Collector) -> None:
    """Beyond the limits: 429 with a Retry-After; after that time it is answered again."""
    sessions = CODES_PER_MIN // SESSION_CODES_PER_MIN
    for n in range(1, sessions + 2):
        await collector.post(body(head(n)))
    for n in range(1, sessions):
        told = [(await ask(collector, n=n))[0] for _ in range(SESSION_CODES_PER_MIN)]
        assert [200] * SESSION_CODES_PER_MIN == told
    status, refused = await ask(collector, n=1)

    assert (429, "rate", "too many codes for this session") == (
        status,
        refused["code"],
        refused["error"],
    )
    for _ in range(SESSION_CODES_PER_MIN - 1):
        await ask(collector, n=sessions)
    status, refused = await ask(collector, n=sessions + 1)
    assert (429, "too many codes for this network address") == (status, refused["error"])
    collector.clock.advance(60_000)
    assert 200 == (await ask(collector, n=1))[0]
